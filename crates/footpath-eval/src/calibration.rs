//! Whether a probability means what it says: of the items given probability p, is a share p what the user chose?
//!
//! A path model says with what probability its walk ends at an item. That is compared with the chance that an item
//! drawn uniformly from what is held out from the user is this one: 1 / |held out| for a hit, 0 for a miss. So both sum
//! to at most 1 over the items of a user.

use crate::metrics::count;
use serde::{Deserialize, Serialize};

/// A part of the predictions with nearly the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Number of predictions.
    pub count: usize,
    /// Their mean probability, in [0, 1].
    pub predicted: f64,
    /// The mean of what came true, in [0, 1].
    pub observed: f64,
}

/// A reliability curve and its expected calibration error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Bins of as many predictions each, by rising probability.
    pub bins: Vec<Bin>,
    /// Σ over bins of their share of predictions × |predicted − observed|, in [0, 1] (Naeini, Cooper and Hauskrecht,
    /// AAAI 2015, with bins of equal numbers).
    pub ece: f64,
}

/// Compares predictions (probability, what came true) in `num_bins` bins of equal numbers, as far as they go.
#[must_use]
pub fn calibration(mut predictions: Vec<(f64, f64)>, num_bins: usize) -> Calibration {
    predictions.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (len, num_bins) = (predictions.len(), num_bins.clamp(1, predictions.len().max(1)));
    let bin = |index: usize| {
        let inside = predictions.get(index * len / num_bins..(index + 1) * len / num_bins).unwrap_or_default();
        let mean = |of: fn(&(f64, f64)) -> f64| inside.iter().map(of).sum::<f64>() / count(inside.len().max(1));
        Bin { count: inside.len(), predicted: mean(|p| p.0), observed: mean(|p| p.1) }
    };
    let bins: Vec<Bin> = (0..num_bins).map(bin).filter(|bin| bin.count > 0).collect();
    let error = |bin: &Bin| count(bin.count) / count(len) * (bin.predicted - bin.observed).abs();
    let ece = bins.iter().map(error).fold(0.0, |sum, part| sum + part);
    Calibration { bins, ece }
}

/// How spread the probability of an item is over its paths: −Σ s ln s in nats, with s the share of each path.
///
/// `item` is the logarithm of the item's probability and `paths` are those of the paths known. What they leave out
/// counts as one more path, so the figure is at most the true one.
#[must_use]
pub fn path_entropy(item: f64, paths: impl IntoIterator<Item = f64>) -> f64 {
    let part = |share: f64| if share > 0.0 { -share * share.ln() } else { 0.0 };
    let (mut rest, mut sum) = (1.0, 0.0);
    for path in paths {
        let share = (path - item).exp().min(1.0);
        sum += part(share);
        rest -= share;
    }
    // The shares of all paths may sum to a little more than 1 by rounding.
    sum + part(rest.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};
    use proptest::prelude::*;

    #[test]
    fn predictions_that_come_true_as_often_as_they_say_are_calibrated() {
        let mut draw = Stream::new(1, Purpose::Simulate, 0, 4);
        let drawn: Vec<(f64, f64)> = (0..200_000)
            .map(|_| {
                let p = draw.unit();
                (p, if draw.unit() < p { 1.0 } else { 0.0 })
            })
            .collect();
        let good = calibration(drawn.clone(), 10);
        assert!(good.ece < 0.005 && good.bins.len() == 10 && good.bins.iter().all(|b| b.count == 20_000), "{good:?}");
        let bold = calibration(drawn.into_iter().map(|(p, y)| (p.sqrt(), y)).collect(), 10);
        // The mean of √p − p over uniform p is 2/3 − 1/2.
        assert!((bold.ece - 1.0 / 6.0).abs() < 0.005, "{}", bold.ece);
    }

    #[test]
    fn no_predictions_have_no_error() {
        assert_eq!(calibration(vec![], 10), Calibration::default());
        assert_eq!(calibration(vec![(0.25, 1.0)], 10).ece, 0.75);
    }

    #[test]
    fn entropy_of_even_shares_is_the_logarithm_of_their_number() {
        let item = -3.0;
        let even = |n: usize| (0..n).map(move |_| item - (n as f64).ln());
        assert!((path_entropy(item, even(8)) - 8f64.ln()).abs() < 1e-12);
        assert_eq!(path_entropy(item, [item]), 0.0);
        // Half is known, the rest counts as one path.
        assert!((path_entropy(item, [item - 2f64.ln()]) - 2f64.ln()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn bins_equal_the_naive_reference(
            predictions in proptest::collection::vec((0.0..1.0f64, 0.0..1.0f64), 1..60),
            num_bins in 1..12usize,
        ) {
            let got = calibration(predictions.clone(), num_bins);
            let mut sorted = predictions.clone();
            sorted.sort_by(|a, b| a.0.partial_cmp(&b.0).expect("finite"));
            let n = sorted.len();
            let bins = num_bins.min(n);
            let mut ece = 0.0;
            for bin in 0..bins {
                let is_inside = |i: &usize| *i >= bin * n / bins && *i < (bin + 1) * n / bins;
                let inside: Vec<_> = (0..n).filter(|i| i * bins / n <= bin).filter(is_inside).collect();
                let mean = |f: &dyn Fn(usize) -> f64| inside.iter().map(|&i| f(i)).sum::<f64>() / inside.len() as f64;
                ece += inside.len() as f64 / n as f64 * (mean(&|i| sorted[i].0) - mean(&|i| sorted[i].1)).abs();
            }
            prop_assert!((got.ece - ece).abs() < 1e-12);
            prop_assert_eq!(got.bins.iter().map(|b| b.count).sum::<usize>(), n);
        }
    }
}
