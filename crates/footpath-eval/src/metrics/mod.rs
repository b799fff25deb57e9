//! Ranking metrics of one user's list at a cut-off k, each in a file of its own.
//!
//! All take the same thing: which of the first k slots hold a held-out item of the user, and how many such items there are.
//! Slots past the end of a short list are empty and count as misses.

pub mod hit_rate;
pub mod ndcg;
pub mod precision;
pub mod recall;
pub mod reciprocal_rank;

use footpath_core::NodeId;

/// A user's list judged against the held-out items: all that a ranking metric looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// For each slot from the first, at most k of them: whether it holds a held-out item.
    pub hits: Vec<bool>,
    /// Number of held-out items of the user, at least 1.
    pub num_relevant: usize,
    /// The cut-off, at least 1.
    pub k: usize,
}

impl Judged {
    /// Judges a list. `relevant` holds each held-out item once, in ascending order. An item that occurs again in the list is a
    /// miss the second time.
    #[must_use]
    pub fn new(list: impl IntoIterator<Item = NodeId>, relevant: &[NodeId], k: usize) -> Self {
        let mut found = Vec::new();
        let mut hit = |item: NodeId| {
            let hit = relevant.binary_search(&item).is_ok() && !found.contains(&item);
            if hit {
                found.push(item);
            }
            hit
        };
        let hits = list.into_iter().take(k).map(&mut hit).collect();
        Self { hits, num_relevant: relevant.len(), k }
    }

    /// Number of hits.
    #[must_use]
    pub fn num_hits(&self) -> usize {
        self.hits.iter().filter(|&&hit| hit).count()
    }

    /// Ranks of the hits, from 1.
    pub(crate) fn hit_ranks(&self) -> impl Iterator<Item = usize> {
        (1..).zip(&self.hits).filter(|(_, hit)| **hit).map(|(rank, _)| rank)
    }
}

/// A ranking metric; every one lies in [0, 1] and more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// [`hit_rate`]
    HitRate,
    /// [`ndcg`]
    Ndcg,
    /// [`reciprocal_rank`]
    ReciprocalRank,
    /// [`precision`]
    Precision,
    /// [`recall`]
    Recall,
}

impl Metric {
    /// All metrics, in the order in which they are reported.
    pub const ALL: [Self; 5] = [Self::HitRate, Self::Ndcg, Self::ReciprocalRank, Self::Precision, Self::Recall];

    /// Name in lower case, without the cut-off.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HitRate => "hr",
            Self::Ndcg => "ndcg",
            Self::ReciprocalRank => "mrr",
            Self::Precision => "precision",
            Self::Recall => "recall",
        }
    }

    /// The metric of one user.
    #[must_use]
    pub fn of(self, judged: &Judged) -> f64 {
        match self {
            Self::HitRate => hit_rate::hit_rate(judged),
            Self::Ndcg => ndcg::ndcg(judged),
            Self::ReciprocalRank => reciprocal_rank::reciprocal_rank(judged),
            Self::Precision => precision::precision(judged),
            Self::Recall => recall::recall(judged),
        }
    }
}

/// A count as a number to divide with.
#[expect(clippy::cast_precision_loss, reason = "counts of slots, items and users are far below 2^53")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(numbers: &[u32]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    /// List, held-out items, cut-off, and the values of [`Metric::ALL`].
    type Row = (&'static [u32], &'static [u32], usize, [f64; 5]);

    /// hr, ndcg, mrr, precision, recall worked by hand, with 1/log2(3) = 0.63093, 1/log2(4) = 0.5,
    /// 1/log2(5) = 0.43068, 1/log2(6) = 0.38685.
    #[test]
    fn a_table_worked_by_hand() {
        let log = |rank: f64| 1.0 / (rank + 1.0).log2();
        let table: [Row; 10] = [
            (&[1, 2, 3], &[1], 3, [1.0, 1.0, 1.0, 1.0 / 3.0, 1.0]),
            (&[1, 2, 3], &[2], 3, [1.0, log(2.0), 0.5, 1.0 / 3.0, 1.0]),
            (&[1, 2, 3], &[9], 3, [0.0; 5]),
            (&[], &[9], 3, [0.0; 5]),
            // one hit on top, three wanted: the ideal has all three slots, so 1 / (1 + .63093 + .5), not 1
            (&[1, 2, 3], &[1, 8, 9], 3, [1.0, 1.0 / (1.0 + log(2.0) + 0.5), 1.0, 1.0 / 3.0, 1.0 / 3.0]),
            // more wanted than slots: the ideal has k = 2 slots
            (&[1, 2], &[1, 2, 8, 9], 2, [1.0, 1.0, 1.0, 1.0, 0.5]),
            // a short list: precision still divides by k
            (&[7, 1], &[1, 2], 4, [1.0, log(2.0) / (1.0 + log(2.0)), 0.5, 0.25, 0.5]),
            // a hit after the cut does not count
            (&[7, 8, 1], &[1], 2, [0.0; 5]),
            // an item twice is one hit
            (&[1, 1, 2], &[1, 2], 3, [1.0, 1.5 / (1.0 + log(2.0)), 1.0, 2.0 / 3.0, 1.0]),
            (&[7, 8, 9, 1, 2], &[1, 2], 5, [1.0, (log(4.0) + log(5.0)) / (1.0 + log(2.0)), 0.25, 0.4, 1.0]),
        ];
        for (list, relevant, k, expected) in table {
            let judged = Judged::new(ids(list), &ids(relevant), k);
            for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
                let got = metric.of(&judged);
                assert!((got - expected).abs() < 1e-12, "{metric:?} of {list:?} against {relevant:?} at {k}: {got}");
            }
        }
    }

    #[test]
    fn the_worked_ndcg_in_decimals() {
        let judged = Judged::new(ids(&[7, 8, 9, 1, 2]), &ids(&[1, 2]), 5);
        assert!((Metric::Ndcg.of(&judged) - 0.81753 / 1.63093).abs() < 1e-5);
    }

    /// Definitions taken literally, over sets and nested loops.
    fn naive(list: &[u32], relevant: &[u32], k: usize) -> [f64; 5] {
        let shown = &list[..k.min(list.len())];
        let both = relevant.iter().filter(|r| shown.contains(r)).count();
        let gain = |rank: usize| std::f64::consts::LN_2 / ((rank + 2) as f64).ln();
        let dcg: f64 = (0..shown.len()).map(|i| if relevant.contains(&shown[i]) { gain(i) } else { 0.0 }).sum();
        let ideal: f64 = (0..k).filter(|&i| i < relevant.len()).map(gain).sum();
        let first = shown.iter().position(|item| relevant.contains(item));
        let hr = if both > 0 { 1.0 } else { 0.0 };
        let mrr = first.map_or(0.0, |i| (i as f64 + 1.0).recip());
        [hr, dcg / ideal, mrr, both as f64 / k as f64, both as f64 / relevant.len() as f64]
    }

    proptest! {
        #[test]
        fn metrics_equal_their_naive_definitions(
            list in Just((0..30u32).collect::<Vec<_>>()).prop_shuffle(),
            length in 0..30usize,
            relevant in proptest::collection::btree_set(0..40u32, 1..12),
            k in 1..25usize,
        ) {
            let (list, relevant) = (&list[..length], relevant.into_iter().collect::<Vec<_>>());
            let judged = Judged::new(ids(list), &ids(&relevant), k);
            for (metric, expected) in Metric::ALL.into_iter().zip(naive(list, &relevant, k)) {
                let got = metric.of(&judged);
                prop_assert!((got - expected).abs() <= 1e-12, "{:?}: {} and {}", metric, got, expected);
                prop_assert!((0.0..=1.0).contains(&got), "{:?} is {}", metric, got);
            }
        }

        #[test]
        fn ndcg_stays_below_one_even_for_lists_with_repeats(
            list in proptest::collection::vec(0..6u32, 0..12),
            relevant in proptest::collection::btree_set(0..6u32, 1..6),
            k in 1..12usize,
        ) {
            let judged = Judged::new(ids(&list), &ids(&relevant.into_iter().collect::<Vec<_>>()), k);
            for metric in Metric::ALL {
                prop_assert!((0.0..=1.0).contains(&metric.of(&judged)), "{:?}", metric);
            }
        }
    }
}
