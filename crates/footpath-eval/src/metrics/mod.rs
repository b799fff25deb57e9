//! Ranking metrics of one user's list at a cut-off k, each in a file of its own.
//!
//! All take the same thing: which of the first k slots hold a held-out item of the user, and how many such items there
//! are. Slots past the end of a short list are empty and count as misses.

pub mod auc;
pub mod average_precision;
pub mod f1;
pub mod hit_rate;
mod judged;
pub mod legacy_ndcg;
pub mod ndcg;
pub mod precision;
pub mod recall;
pub mod reciprocal_rank;

pub use judged::Judged;
pub(crate) use judged::count;

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
    /// [`average_precision`]
    AveragePrecision,
    /// [`f1`]
    F1,
    /// [`auc`], of the whole list
    Auc,
    /// [`legacy_ndcg`]
    LegacyNdcg,
}

impl Metric {
    /// All metrics, in the order in which they are reported.
    pub const ALL: [Self; 9] = [
        Self::HitRate,
        Self::Ndcg,
        Self::ReciprocalRank,
        Self::Precision,
        Self::Recall,
        Self::AveragePrecision,
        Self::F1,
        Self::Auc,
        Self::LegacyNdcg,
    ];

    /// Name in lower case, without the cut-off.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HitRate => "hr",
            Self::Ndcg => "ndcg",
            Self::ReciprocalRank => "mrr",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::AveragePrecision => "map",
            Self::F1 => "f1",
            Self::Auc => "auc",
            Self::LegacyNdcg => "legacy_ndcg",
        }
    }

    /// Name with the cut-off, such as `ndcg@10`; the AUC has none.
    #[must_use]
    pub fn label(self, k: usize) -> String {
        match self {
            Self::Auc => self.name().to_owned(),
            _ => format!("{}@{k}", self.name()),
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
            Self::AveragePrecision => average_precision::average_precision(judged),
            Self::F1 => f1::f1(judged),
            Self::Auc => auc::auc(judged).expected,
            Self::LegacyNdcg => legacy_ndcg::legacy_ndcg(judged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::NodeId;
    use proptest::prelude::*;

    fn ids(numbers: &[u32]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    /// Judged with items 0 to 39, all of which can be chosen.
    fn judged(list: &[u32], relevant: &[u32], k: usize) -> Judged {
        Judged::new(ids(list), &ids(relevant), k, 40, |_| true)
    }

    /// List, held-out items, cut-off, and the values of the first five of [`Metric::ALL`].
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
            let judged = judged(list, relevant, k);
            for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
                let got = metric.of(&judged);
                assert!((got - expected).abs() < 1e-12, "{metric:?} of {list:?} against {relevant:?} at {k}: {got}");
            }
        }
    }

    #[test]
    fn the_worked_ndcg_in_decimals() {
        let judged = judged(&[7, 8, 9, 1, 2], &[1, 2], 5);
        assert!((Metric::Ndcg.of(&judged) - 0.81753 / 1.63093).abs() < 1e-5);
    }

    #[test]
    fn the_further_metrics_worked_by_hand() {
        // hits at 1 and 4 of five slots, three held out, ten items in all
        let judged = Judged::new(ids(&[1, 7, 8, 2, 9]), &ids(&[1, 2, 3]), 5, 10, |_| true);
        let near = |metric: Metric, expected: f64| {
            let got = metric.of(&judged);
            assert!((got - expected).abs() < 1e-12, "{metric:?}: {got}");
        };
        near(Metric::AveragePrecision, (1.0 + 2.0 / 4.0) / 3.0);
        near(Metric::F1, 2.0 * 0.4 * (2.0 / 3.0) / (0.4 + 2.0 / 3.0));
        near(Metric::LegacyNdcg, (1.0 + 1.0 / 5f64.log2()) / (1.0 + 1.0 / 3f64.log2()));
        // Item 1 is before all 7 others, 2 before 5 of them, 3 before half of the 4 that are not listed.
        near(Metric::Auc, (7.0 + 5.0 + 2.0) / 21.0);
        assert_eq!(auc::auc(&judged), auc::Auc { expected: 14.0 / 21.0, low: 12.0 / 21.0, high: 16.0 / 21.0 });
    }

    #[test]
    fn items_that_cannot_be_chosen_are_no_part_of_the_auc() {
        // 5 was chosen before: it takes a slot, and is no candidate.
        let with = Judged::new(ids(&[5, 1, 7]), &ids(&[1]), 3, 9, |item| item != NodeId(5));
        let without = Judged::new(ids(&[1, 7]), &ids(&[1]), 3, 9, |_| true);
        assert_eq!((auc::auc(&with), auc::auc(&without).expected), (auc::auc(&without), 1.0));
        let nothing_else = Judged::new(ids(&[]), &ids(&[1]), 3, 1, |_| true);
        assert_eq!(auc::auc(&nothing_else).expected, 1.0);
    }

    #[test]
    fn legacy_ndcg_is_one_as_soon_as_the_hits_are_on_top() {
        let judged = judged(&[1, 8, 9], &[1, 2, 3], 3);
        assert_eq!(Metric::LegacyNdcg.of(&judged), 1.0);
        assert!(Metric::Ndcg.of(&judged) < 0.5);
    }

    /// Definitions taken literally, over sets and nested loops.
    fn naive(list: &[u32], relevant: &[u32], k: usize) -> [f64; 9] {
        let shown = &list[..k.min(list.len())];
        let both = relevant.iter().filter(|r| shown.contains(r)).count();
        let gain = |rank: usize| std::f64::consts::LN_2 / ((rank + 2) as f64).ln();
        let is_hit = |i: &usize| shown.get(*i).is_some_and(|item| relevant.contains(item));
        let dcg: f64 = (0..k).filter(is_hit).map(gain).sum();
        let ideal: f64 = (0..k).filter(|&i| i < relevant.len()).map(gain).sum();
        let first = shown.iter().position(|item| relevant.contains(item));
        let hr = if both > 0 { 1.0 } else { 0.0 };
        let mrr = first.map_or(0.0, |i| (i as f64 + 1.0).recip());
        let (precision, recall) = (both as f64 / k as f64, both as f64 / relevant.len() as f64);
        let precision_at = |i: usize| (0..=i).filter(is_hit).count() as f64 / (i + 1) as f64;
        let ap = (0..k).filter(is_hit).map(precision_at).sum::<f64>() / k.min(relevant.len()) as f64;
        let f1 = if both == 0 { 0.0 } else { 2.0 / (1.0 / precision + 1.0 / recall) };
        let legacy = if both == 0 { 0.0 } else { dcg / (0..both).map(gain).sum::<f64>() };
        // Every pair of a held-out item and another; what is not listed stands at the end, all at one place.
        let place = |item: u32| list.iter().position(|&i| i == item).unwrap_or(list.len());
        let won = |r: u32, o: u32| match place(r).cmp(&place(o)) {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        };
        let others: Vec<u32> = (0..40).filter(|item| !relevant.contains(item)).collect();
        let wins: f64 = relevant.iter().map(|&r| others.iter().map(|&o| won(r, o)).sum::<f64>()).sum();
        let auc = wins / (relevant.len() * others.len()) as f64;
        [hr, dcg / ideal, mrr, precision, recall, ap, f1, auc, legacy]
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
            let judged = judged(list, &relevant, k);
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
            let judged = judged(&list, &relevant.into_iter().collect::<Vec<_>>(), k);
            for metric in Metric::ALL {
                prop_assert!((0.0..=1.0).contains(&metric.of(&judged)), "{:?}", metric);
            }
        }
    }
}
