//! Whether a difference between two results is more than chance, from paired figures of the same users.
//!
//! The interval is the percentile bootstrap of the mean difference (Efron 1979; users drawn with replacement). The
//! p-value is Fisher's randomisation test: were both results alike, each user's difference could as well have the other
//! sign; p is the share of sign choices whose mean is at least as far from 0 as the observed one, (1 + such choices) /
//! (1 + all tried). Smucker, Allan and Carterette (CIKM 2007) compare both for retrieval.

use crate::error::{Error, Result, check_range};
use crate::evaluate::UserMetrics;
use crate::metrics::{Metric, count};
use footpath_core::{Context, Purpose, QuickStream, Stage, Stream};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Users drawn between two looks at whether to stop.
const USERS_AT_ONCE: usize = 1 << 16;
/// Fewest and most resamples.
pub const RESAMPLES: [usize; 2] = [100, 1_000_000];

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resampling {
    /// Number of resamples, for the interval and for p each.
    pub num_resamples: usize,
    /// Seed; the same seed gives the same figures for any number of threads.
    pub seed: u64,
}

impl Default for Resampling {
    /// 10,000 resamples: p is known to ± 0.004 near 0.05.
    fn default() -> Self {
        Self { num_resamples: 10_000, seed: 1 }
    }
}

/// A difference between two results, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Mean of the first minus mean of the second.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference.
    pub low: f64,
    /// Upper end of the 95 % interval of the difference.
    pub high: f64,
    /// Two-sided p-value, in (0, 1].
    pub p: f64,
}

/// Compares one metric of two results over the same users.
///
/// # Errors
/// [`Error::Unpaired`] when the users differ; [`Error::Range`] for the number of resamples; a stop.
pub fn compare(
    first: &[UserMetrics],
    second: &[UserMetrics],
    metric: Metric,
    resampling: Resampling,
    context: &Context,
) -> Result<Comparison> {
    let same = first.iter().map(|u| u.user).eq(second.iter().map(|u| u.user));
    if !same {
        return Err(Error::Unpaired { left: first.len(), right: second.len() });
    }
    let pairs = first.iter().zip(second);
    let differences: Vec<f64> = pairs.map(|(a, b)| a.value(metric) - b.value(metric)).collect();
    paired(&differences, resampling, context)
}

/// The 95 % interval of each average, in the order of [`Metric::ALL`]: the percentile bootstrap over users, the same
/// users for all metrics.
///
/// # Errors
/// [`Error::Range`] for the number of resamples; a stop.
pub fn intervals(
    users: &[UserMetrics],
    resampling: Resampling,
    context: &Context,
) -> Result<[[f64; 2]; Metric::ALL.len()]> {
    let rows: Vec<&[f64]> = users.iter().map(|u| u.values.as_slice()).collect();
    let found = intervals_of(&rows, Metric::ALL.len(), resampling, context)?;
    Ok(std::array::from_fn(|index| found.get(index).copied().unwrap_or_default()))
}

/// The 95 % interval of the mean of each column; a row for each user.
///
/// # Errors
/// [`Error::Range`] for the number of resamples; a stop.
pub fn intervals_of(
    rows: &[&[f64]],
    num_columns: usize,
    resampling: Resampling,
    context: &Context,
) -> Result<Vec<[f64; 2]>> {
    let stage = stage(resampling, 1, context)?;
    let means = (0..resampling.num_resamples).into_par_iter().map(|number| {
        let mut stream = QuickStream::new(resampling.seed, Purpose::Significance, 2, number as u64);
        let mut sums = vec![0.0; num_columns];
        for drawn in rows.chunks(USERS_AT_ONCE) {
            context.check()?;
            for _ in drawn {
                let row = rows.get(stream.index(rows.len())).copied().unwrap_or_default();
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        }
        stage.advance(1)?;
        Ok(sums.iter().map(|sum| sum / count(rows.len().max(1))).collect())
    });
    let means: Vec<Vec<f64>> = means.collect::<Result<_>>()?;
    let of_column = |column: usize| {
        let mut means: Vec<f64> = means.iter().filter_map(|row| row.get(column).copied()).collect();
        means.sort_unstable_by(f64::total_cmp);
        [quantile(&means, 25), quantile(&means, 975)]
    };
    Ok((0..num_columns).map(of_column).collect())
}

/// Compares two results given the difference of each user. Without users the difference is 0 and p is 1.
///
/// # Errors
/// [`Error::Range`] for the number of resamples; a stop.
pub fn paired(differences: &[f64], resampling: Resampling, context: &Context) -> Result<Comparison> {
    let stage = stage(resampling, 2, context)?;
    let difference = mean_of(differences, context, |d| *d)?;
    let mut means = resample(resampling, 0, &stage, |stream| {
        let draw = |_: &f64| differences.get(stream.index(differences.len())).copied().unwrap_or(0.0);
        mean_of(differences, context, draw)
    })?;
    means.sort_unstable_by(f64::total_cmp);
    let flipped = resample(resampling, 1, &stage, |stream| {
        let mut signs = Signs::new(stream);
        mean_of(differences, context, |d| if signs.next() { -d } else { *d })
    })?;
    // Sums of the same numbers with other signs may differ in the last bits where the true values are equal.
    let far = difference.abs() * (1.0 - 1e-12);
    let num_far = flipped.iter().filter(|mean| mean.abs() >= far).count();
    let p = count(1 + num_far) / count(1 + flipped.len());
    Ok(Comparison { difference, low: quantile(&means, 25), high: quantile(&means, 975), p })
}

/// The stage of `parts` times as many resamples as asked for, once their number is found to be in its range.
fn stage(resampling: Resampling, parts: u64, context: &Context) -> Result<Stage<'_>> {
    let [min, max] = RESAMPLES;
    check_range("resamples", resampling.num_resamples, min, max)?;
    Ok(context.stage("resampling", Some(parts * resampling.num_resamples as u64), "resamples"))
}

/// One mean for each resample, each from a stream of its own.
fn resample(
    resampling: Resampling,
    part: u32,
    stage: &Stage<'_>,
    figure: impl Fn(&mut Stream) -> Result<f64> + Sync,
) -> Result<Vec<f64>> {
    let draw = |number: usize| {
        let mean = figure(&mut Stream::new(resampling.seed, Purpose::Significance, part, number as u64));
        stage.advance(1)?;
        mean
    };
    (0..resampling.num_resamples).into_par_iter().map(draw).collect()
}

/// The mean of what `value` makes of each number.
fn mean_of(numbers: &[f64], context: &Context, mut value: impl FnMut(&f64) -> f64) -> Result<f64> {
    // Where `Iterator::sum` begins.
    let mut sum = -0.0;
    for portion in numbers.chunks(USERS_AT_ONCE) {
        context.check()?;
        sum = portion.iter().fold(sum, |sum, number| sum + value(number));
    }
    Ok(sum / count(numbers.len().max(1)))
}

/// The value below which `permille` thousandths of the sorted values lie.
fn quantile(sorted: &[f64], permille: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * permille + 500) / 1_000).copied().unwrap_or(0.0)
}

/// Fair coins, 64 from each number drawn.
struct Signs<'a> {
    stream: &'a mut Stream,
    bits: u64,
    left: u32,
}

impl<'a> Signs<'a> {
    fn new(stream: &'a mut Stream) -> Self {
        Self { stream, bits: 0, left: 0 }
    }

    fn next(&mut self) -> bool {
        if self.left == 0 {
            (self.bits, self.left) = (self.stream.next_u64(), 64);
        }
        let bit = self.bits & 1 == 1;
        self.bits >>= 1;
        self.left -= 1;
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{NodeId, Threads};

    /// With 8 users there are 256 choices of signs, few enough to try all.
    #[test]
    fn p_is_that_of_all_choices_of_signs() {
        let cases =
            [[0.5, 0.25, 0.125, 1.0, 0.75, 0.375, 0.875, 0.0625], [0.5, -0.25, 0.125, -1.0, 0.75, 0.375, -0.875, 0.5]];
        for differences in cases {
            let observed: f64 = differences.iter().sum();
            let sum = |signs: u32| -> f64 {
                let signed = |(i, d): (usize, &f64)| if signs >> i & 1 == 1 { -d } else { *d };
                differences.iter().enumerate().map(signed).sum()
            };
            let exact = (0..256).filter(|&s| sum(s).abs() >= observed.abs()).count() as f64 / 256.0;
            let many = Resampling { num_resamples: 100_000, seed: 3 };
            let got = paired(&differences, many, &Context::default()).expect("valid").p;
            let deviation = (exact * (1.0 - exact) / 100_000.0).sqrt();
            assert!((got - exact).abs() < 5.0 * deviation + 2e-5, "{got} and {exact}");
        }
    }

    #[test]
    fn the_interval_is_that_of_a_mean_of_many() {
        // 1,000 users, difference 0.1 ± 0.5: the standard error is 0.5/√1000.
        let differences: Vec<f64> = (0..1_000).map(|i| if i % 2 == 0 { 0.6 } else { -0.4 }).collect();
        let got = paired(&differences, Resampling::default(), &Context::default()).expect("valid");
        let half = 1.959_964 * 0.5 / 1_000f64.sqrt();
        assert!((got.difference - 0.1).abs() < 1e-12);
        assert!((got.low - (0.1 - half)).abs() < 0.002, "{got:?}");
        assert!((got.high - (0.1 + half)).abs() < 0.002, "{got:?}");
        assert_eq!(got.p, 1.0 / 10_001.0, "6.3 standard errors from 0");
    }

    #[test]
    fn intervals_of_columns_are_those_of_a_mean_of_many() {
        // Two columns of 1,000 users, 0.5 ± 0.5 and 3 ± 0.
        let rows: Vec<[f64; 2]> = (0..1_000).map(|i| [f64::from(i % 2), 3.0]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| row.as_slice()).collect();
        let found = intervals_of(&rows, 2, Resampling::default(), &Context::default()).expect("valid");
        let half = 1.959_964 * 0.5 / 1_000f64.sqrt();
        assert!((found[0][0] - (0.5 - half)).abs() < 0.002 && (found[0][1] - (0.5 + half)).abs() < 0.002, "{found:?}");
        assert_eq!(found[1], [3.0, 3.0]);
        assert_eq!(intervals_of(&[], 1, Resampling::default(), &Context::default()).expect("nobody"), [[0.0, 0.0]]);
    }

    /// Of many comparisons of results that do not differ, p ≤ 0.05 in 5 %.
    #[test]
    fn p_is_uniform_where_there_is_no_difference() {
        let resampling = |seed| Resampling { num_resamples: 199, seed };
        let p = |trial: u32| {
            let mut noise = Stream::new(9, Purpose::Simulate, trial, 0);
            let differences: Vec<f64> = (0..40).map(|_| noise.normal()).collect();
            paired(&differences, resampling(u64::from(trial)), &Context::default()).expect("valid").p
        };
        let low = (0..1_000).map(p).filter(|&p| p <= 0.05).count();
        assert!((16..=84).contains(&low), "{low} of 1,000, expected 50 ± 5 standard deviations of 6.9");
    }

    #[test]
    fn no_difference_and_no_users_give_p_one() {
        for differences in [vec![], vec![0.0; 50]] {
            let got = paired(&differences, Resampling::default(), &Context::default()).expect("valid");
            assert_eq!(got, Comparison { difference: 0.0, low: 0.0, high: 0.0, p: 1.0 });
        }
    }

    #[test]
    fn swapping_the_results_turns_the_sign_and_keeps_p() {
        let differences = [0.3, -0.1, 0.2, 0.4, 0.0, 0.1, -0.2];
        let turned = differences.map(|d| -d);
        let context = Context::default();
        let [a, b] = [&differences, &turned].map(|d| paired(d, Resampling::default(), &context).expect("valid"));
        assert_eq!((a.difference, a.p), (-b.difference, b.p));
    }

    #[test]
    fn figures_do_not_depend_on_the_number_of_threads() {
        let differences = [0.3, -0.1, 0.2, 0.4, 0.0, 0.1, -0.2];
        let run = |threads: usize| {
            let context = Context::default().with_threads(Threads::new(threads).expect("few"));
            let compare = || paired(&differences, Resampling::default(), &context).expect("valid");
            context.run(compare).expect("threads")
        };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn a_stop_ends_it_and_progress_tells_every_resample() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
        let told = Arc::new(AtomicU64::new(0));
        let (stop, most) = (footpath_core::Stop::default(), Arc::clone(&told));
        let context = Context::default().with_stop(stop.clone()).with_progress(move |progress| {
            assert_eq!((progress.stage, progress.of), ("resampling", Some(200)));
            most.fetch_max(progress.done, SeqCst);
        });
        let few = Resampling { num_resamples: 100, seed: 1 };
        paired(&[0.5, 0.25], few, &context).expect("nobody asked");
        assert_eq!(told.load(SeqCst), 200);
        stop.request();
        let stopped = paired(&[0.5, 0.25], few, &context).expect_err("asked");
        assert_eq!(stopped.class(), footpath_core::ErrorClass::Stopped);
    }

    #[test]
    fn other_users_or_too_few_resamples_are_refused() {
        let metrics = |users: &[u32]| {
            let user = |&u: &u32| UserMetrics {
                user: NodeId(u),
                values: [0.5; Metric::ALL.len()],
                num_relevant: 1,
                auc_range: [0.5; 2],
                num_filled: 0,
                num_seen: 0,
            };
            users.iter().map(user).collect::<Vec<_>>()
        };
        let (default, context) = (Resampling::default(), Context::default());
        assert!(compare(&metrics(&[1, 2]), &metrics(&[1, 2]), Metric::Ndcg, default, &context).is_ok());
        assert!(compare(&metrics(&[1, 2]), &metrics(&[1, 3]), Metric::Ndcg, default, &context).is_err());
        assert!(compare(&metrics(&[1, 2]), &metrics(&[1]), Metric::Ndcg, default, &context).is_err());
        assert!(paired(&[1.0], Resampling { num_resamples: 99, seed: 1 }, &context).is_err());
    }
}
