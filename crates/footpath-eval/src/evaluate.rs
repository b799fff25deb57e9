//! Recommendations against held-out interactions: every metric for every evaluable user, and the averages.

use crate::error::{Result, check_range};
use crate::metrics::auc::{Auc, auc};
use crate::metrics::{Judged, Metric, count};
use crate::recommendations::Recommendations;
use footpath_core::{Context, NodeId};
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// Largest cut-off.
pub const MAX_K: usize = 1_000;

/// The metrics of one user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserMetrics {
    /// Who.
    pub user: NodeId,
    /// The metrics, in the order of [`Metric::ALL`]; each in [0, 1].
    pub values: [f64; Metric::ALL.len()],
    /// Number of held-out items.
    pub num_relevant: usize,
    /// Least and greatest AUC, by the order of the items that are not listed.
    pub auc_range: [f64; 2],
    /// Slots filled, at most k.
    pub num_filled: usize,
    /// Of these, slots spent on items the user already chose in training.
    pub num_seen: usize,
}

impl UserMetrics {
    /// One of the metrics.
    #[must_use]
    pub fn value(&self, metric: Metric) -> f64 {
        Metric::ALL.iter().zip(&self.values).find(|(m, _)| **m == metric).map_or(0.0, |(_, &value)| value)
    }
}

/// How good recommendations are, averaged over all users with something held out.
///
/// Serialises as one object whose names carry the cut-off: `"ndcg@10"`. It is read back from nothing less: a figure
/// that is missing or called otherwise is an error. Other names beside these are passed over, so that it can be
/// flattened.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The cut-off.
    pub k: usize,
    /// Share of users with a hit.
    pub hr: f64,
    /// Mean NDCG, ideal over min(k, held-out items).
    pub ndcg: f64,
    /// Mean of 1/rank of the first hit.
    pub mrr: f64,
    /// Mean of hits/k.
    pub precision: f64,
    /// Mean of hits/held-out items.
    pub recall: f64,
    /// Mean average precision.
    pub map: f64,
    /// Mean of F1.
    pub f1: f64,
    /// Mean AUC of the whole lists, with what they leave out in random order. Chance is 0.5.
    pub auc: f64,
    /// Least and greatest mean AUC, by the order of what the lists leave out. Both are the AUC for lists of all items.
    pub auc_range: [f64; 2],
    /// Mean AUC weighted by the number of held-out items of the user (GAUC).
    pub gauc: f64,
    /// Mean of the inflated figure that some papers call NDCG; see [`crate::metrics::legacy_ndcg`].
    pub legacy_ndcg: f64,
    /// Share of the users that have a list.
    pub user_coverage: f64,
    /// Filled slots divided by k slots for each user. A slot spent on a seen item is filled.
    pub slot_coverage: f64,
    /// Slots spent on items the user already chose in training; each is a miss.
    pub seen: usize,
    /// Number of users with something held out.
    pub num_users: usize,
}

/// The averages, and what they are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The averages.
    pub metrics: Metrics,
    /// Each user with something held out, by id.
    pub users: Vec<UserMetrics>,
}

impl Metrics {
    /// One of the averages.
    #[must_use]
    pub fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::HitRate => self.hr,
            Metric::Ndcg => self.ndcg,
            Metric::ReciprocalRank => self.mrr,
            Metric::Precision => self.precision,
            Metric::Recall => self.recall,
            Metric::AveragePrecision => self.map,
            Metric::F1 => self.f1,
            Metric::Auc => self.auc,
            Metric::LegacyNdcg => self.legacy_ndcg,
        }
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for metric in Metric::ALL {
            map.serialize_entry(&metric.label(self.k), &self.value(metric))?;
        }
        map.serialize_entry("auc_range", &self.auc_range)?;
        map.serialize_entry("gauc", &self.gauc)?;
        map.serialize_entry("user_coverage", &self.user_coverage)?;
        map.serialize_entry("slot_coverage", &self.slot_coverage)?;
        map.serialize_entry("seen", &self.seen)?;
        map.serialize_entry("users", &self.num_users)?;
        map.end()
    }
}

/// What may stand under a name.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Figure {
    Count(u64),
    Number(f64),
    Range([f64; 2]),
    Other(serde::de::IgnoredAny),
}

/// Figures by name, as they were read.
struct Named(BTreeMap<String, Figure>);

impl Named {
    fn missing<T, E: serde::de::Error>(name: &str) -> std::result::Result<T, E> {
        Err(E::custom(format!("expected a figure called `{name}`")))
    }

    fn count<E: serde::de::Error>(&self, name: &str) -> std::result::Result<usize, E> {
        match self.0.get(name) {
            Some(Figure::Count(number)) => usize::try_from(*number).map_err(E::custom),
            _ => Self::missing(name),
        }
    }

    fn number<E: serde::de::Error>(&self, name: &str) -> std::result::Result<f64, E> {
        match self.0.get(name) {
            Some(Figure::Number(number)) => Ok(*number),
            Some(Figure::Count(_)) => Ok(count(self.count(name)?)),
            _ => Self::missing(name),
        }
    }

    fn range<E: serde::de::Error>(&self, name: &str) -> std::result::Result<[f64; 2], E> {
        match self.0.get(name) {
            Some(Figure::Range(range)) => Ok(*range),
            _ => Self::missing(name),
        }
    }

    fn cut_off<E: serde::de::Error>(&self) -> std::result::Result<usize, E> {
        let cut = |name: &String| name.strip_prefix("ndcg@")?.parse().ok();
        self.0.keys().find_map(cut).map_or_else(|| Self::missing("ndcg@k"), Ok)
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let named = Named(BTreeMap::deserialize(deserializer)?);
        let k = named.cut_off()?;
        let of = |metric: Metric| named.number(&metric.label(k));
        Ok(Self {
            k,
            hr: of(Metric::HitRate)?,
            ndcg: of(Metric::Ndcg)?,
            mrr: of(Metric::ReciprocalRank)?,
            precision: of(Metric::Precision)?,
            recall: of(Metric::Recall)?,
            map: of(Metric::AveragePrecision)?,
            f1: of(Metric::F1)?,
            auc: of(Metric::Auc)?,
            auc_range: named.range("auc_range")?,
            gauc: named.number("gauc")?,
            legacy_ndcg: of(Metric::LegacyNdcg)?,
            user_coverage: named.number("user_coverage")?,
            slot_coverage: named.number("slot_coverage")?,
            seen: named.count("seen")?,
            num_users: named.count("users")?,
        })
    }
}

/// Judges the first `k` of every list against the held-out interactions.
///
/// The average is over all users with at least one held-out item; those without a list count as 0 (in the AUC, as
/// random order). Lists of other users are ignored. With nobody to evaluate all figures are 0.
///
/// # Errors
/// [`crate::Error::Range`] for a cut-off of 0 or over [`MAX_K`]; a stop.
pub fn evaluate(
    recommendations: &Recommendations,
    held_out: &HeldOut,
    kg: &TrainKg,
    k: usize,
    context: &Context,
) -> Result<Evaluated> {
    evaluate_knowing(recommendations, held_out, &HeldOut::from([].as_slice()), kg, k, context)
}

/// As [`evaluate`], where the items of `known` are known to be chosen since training, so that nobody can choose them
/// any more. They are no part of the AUC; in the other metrics they are misses, so take them out of the lists:
/// [`Recommendations::without`].
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_knowing(
    recommendations: &Recommendations,
    held_out: &HeldOut,
    known: &HeldOut,
    kg: &TrainKg,
    k: usize,
    context: &Context,
) -> Result<Evaluated> {
    check_range("k", k, 1, MAX_K)?;
    let known = known.by_user();
    let by_user: Vec<_> = held_out.by_user().into_iter().collect();
    let stage = context.stage("judging lists", Some(by_user.len() as u64), "users");
    let judge = |(user, mut relevant): (NodeId, Vec<NodeId>)| {
        relevant.dedup();
        let known = known.get(&user).map_or(&[][..], Vec::as_slice);
        stage.advance(1)?;
        Ok(judge(recommendations, kg, user, [&relevant, known], k))
    };
    Ok(average(by_user.into_par_iter().map(judge).collect::<Result<_>>()?, k))
}

fn judge(
    recommendations: &Recommendations,
    kg: &TrainKg,
    user: NodeId,
    [relevant, known]: [&[NodeId]; 2],
    k: usize,
) -> UserMetrics {
    let judged = judged(recommendations, kg, user, [relevant, known], k);
    let train = kg.items_of(user);
    let list = recommendations.of(user).iter().take(k);
    let Auc { low, high, .. } = auc(&judged);
    UserMetrics {
        user,
        values: Metric::ALL.map(|metric| metric.of(&judged)),
        num_relevant: relevant.len(),
        auc_range: [low, high],
        num_filled: judged.hits.len(),
        num_seen: list.filter(|r| train.binary_search(&r.item.0).is_ok()).count(),
    }
}

/// The list of a user against what is `relevant`; both parts ascending, each item once.
pub(crate) fn judged(
    recommendations: &Recommendations,
    kg: &TrainKg,
    user: NodeId,
    [relevant, known]: [&[NodeId]; 2],
    k: usize,
) -> Judged {
    let train = kg.items_of(user);
    let is_seen = |item: NodeId| train.binary_search(&item.0).is_ok();
    let is_gone =
        |item: NodeId| is_seen(item) || known.binary_search(&item).is_ok() && relevant.binary_search(&item).is_err();
    let num_known = known.iter().filter(|&&item| !is_seen(item) && is_gone(item)).count();
    let num_candidates = kg.items().len().saturating_sub(train.len() + num_known);
    let list = recommendations.of(user).iter().map(|r| r.item);
    Judged::new(list, relevant, k, num_candidates, |item| !is_gone(item))
}

fn average(users: Vec<UserMetrics>, k: usize) -> Evaluated {
    // One after the other in the order of users, so that the sum does not depend on the number of threads.
    let of_all = count(users.len().max(1));
    let mean = |metric: Metric| users.iter().map(|u| u.value(metric)).sum::<f64>() / of_all;
    let num_filled: usize = users.iter().map(|u| u.num_filled).sum();
    let metrics = Metrics {
        k,
        hr: mean(Metric::HitRate),
        ndcg: mean(Metric::Ndcg),
        mrr: mean(Metric::ReciprocalRank),
        precision: mean(Metric::Precision),
        recall: mean(Metric::Recall),
        map: mean(Metric::AveragePrecision),
        f1: mean(Metric::F1),
        auc: mean(Metric::Auc),
        auc_range: [0, 1].map(|end| users.iter().filter_map(|u| u.auc_range.get(end)).sum::<f64>() / of_all),
        gauc: gauc(&users),
        legacy_ndcg: mean(Metric::LegacyNdcg),
        user_coverage: count(users.iter().filter(|u| u.num_filled > 0).count()) / of_all,
        slot_coverage: count(num_filled) / (count(k) * of_all),
        seen: users.iter().map(|u| u.num_seen).sum(),
        num_users: users.len(),
    };
    Evaluated { metrics, users }
}

fn gauc(users: &[UserMetrics]) -> f64 {
    let num_relevant: usize = users.iter().map(|u| u.num_relevant).sum();
    users.iter().map(|u| u.value(Metric::Auc) * count(u.num_relevant)).sum::<f64>() / count(num_relevant.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommendations::Recommendation;
    use footpath_graph::{Dataset, Split, build::build};

    /// Ann chose a and wants b; Bob chose b and wants a, c; Cid chose c and wants a; Dan wants nothing.
    fn setting() -> (TrainKg, HeldOut) {
        let mut data = Dataset::default();
        let log = [("ann", "a"), ("bob", "b"), ("cid", "c"), ("dan", "a")];
        log.iter().for_each(|(user, item)| data.interact(user, item));
        for (user, item) in [("ann", "b"), ("bob", "a"), ("bob", "c"), ("cid", "a")] {
            data.interact(user, item);
            data.interactions.last_mut().expect("just added").split = Split::Test;
        }
        let built = build(data).expect("built");
        (built.train_kg().expect("a graph"), HeldOut::from(built.test.as_slice()))
    }

    fn recommend(kg: &TrainKg, lists: &[(&str, &[&str])]) -> Recommendations {
        let item = |id: &&str| Recommendation { item: kg.item(id).expect("known"), score: 0.0 };
        lists.iter().map(|(user, items)| (kg.user(user).expect("known"), items.iter().map(item).collect())).collect()
    }

    fn judge(lists: &Recommendations, held_out: &HeldOut, kg: &TrainKg, k: usize) -> Evaluated {
        evaluate(lists, held_out, kg, k, &Context::default()).expect("valid")
    }

    #[test]
    fn a_small_case_worked_by_hand() {
        let (kg, test) = setting();
        // Ann: seen, then a hit at 2. Bob: a hit at 1. Cid: no list. Dan is not evaluable.
        let lists = recommend(&kg, &[("ann", &["a", "b"]), ("bob", &["c"]), ("dan", &["b", "c"])]);
        let Evaluated { metrics, users } = judge(&lists, &test, &kg, 2);
        let second = 1.0 / 3f64.log2();
        let expected = [2.0 / 3.0, (second + 1.0 / (1.0 + second)) / 3.0, 0.5, 1.0 / 3.0, 0.5];
        for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
            assert!((metrics.value(metric) - expected).abs() < 1e-12, "{metric:?}: {}", metrics.value(metric));
        }
        assert_eq!((metrics.user_coverage, metrics.slot_coverage, metrics.seen), (2.0 / 3.0, 0.5, 1));
        assert_eq!((metrics.num_users, users.len()), (3, 3));
    }

    #[test]
    fn gauc_weighs_users_by_what_is_held_out_and_known_items_are_no_candidates() {
        let (kg, test) = setting();
        let lists = recommend(&kg, &[("ann", &["c", "b"]), ("bob", &["c", "a"])]);
        // Ann: b after c, 0 of 1. Bob: nothing else to choose, 1. Cid: no list, a and b in random order.
        let metrics = judge(&lists, &test, &kg, 2).metrics;
        assert_eq!((metrics.auc, metrics.auc_range), (0.5, [1.0 / 3.0, 2.0 / 3.0]));
        assert_eq!(metrics.gauc, (0.0 + 2.0 + 0.5) / 4.0);
        let known = footpath_graph::Interaction {
            user: kg.user("ann").expect("known"),
            item: kg.item("c").expect("known"),
            rating: f32::NAN,
            time: 0,
            line: 0,
        };
        let known = HeldOut::from([known].as_slice());
        let lists = lists.without(&known);
        let known = evaluate_knowing(&lists, &test, &known, &kg, 2, &Context::default()).expect("valid");
        assert_eq!(known.metrics.auc, (1.0 + 1.0 + 0.5) / 3.0, "without c there is nothing that b could stand after");
    }

    #[test]
    fn names_carry_the_cut_off() {
        let (kg, test) = setting();
        let metrics = judge(&recommend(&kg, &[("ann", &["b"])]), &test, &kg, 10).metrics;
        let json = serde_json::to_value(&metrics).expect("an object");
        let mut names: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        let expected = [
            "auc",
            "auc_range",
            "f1@10",
            "gauc",
            "hr@10",
            "legacy_ndcg@10",
            "map@10",
            "mrr@10",
            "ndcg@10",
            "precision@10",
            "recall@10",
            "seen",
            "slot_coverage",
            "user_coverage",
            "users",
        ];
        assert_eq!(names, expected);
        assert_eq!(json.get("hr@10").and_then(serde_json::Value::as_f64), Some(1.0 / 3.0));
    }

    #[test]
    fn what_was_written_is_read_back_and_no_figure_may_be_missing() {
        let (kg, test) = setting();
        let metrics = judge(&recommend(&kg, &[("ann", &["c", "b"]), ("bob", &["a"])]), &test, &kg, 3).metrics;
        let written = serde_json::to_value(&metrics).expect("an object");
        assert_eq!(serde_json::from_value::<Metrics>(written.clone()).expect("the same"), metrics);
        for name in written.as_object().expect("an object").keys() {
            let mut renamed = written.clone();
            let object = renamed.as_object_mut().expect("an object");
            let value = object.remove(name).expect("there");
            object.insert(format!("{name}_of_old"), value);
            assert!(serde_json::from_value::<Metrics>(renamed).is_err(), "without {name}");
        }
    }

    /// As a report holds them: beside others.
    #[test]
    fn figures_in_a_larger_object_are_read_back() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Report {
            #[serde(flatten)]
            metrics: Metrics,
            #[serde(flatten)]
            beyond: crate::Beyond,
            intervals: BTreeMap<String, [f64; 2]>,
        }
        let (kg, test) = setting();
        let metrics = judge(&recommend(&kg, &[("ann", &["b"])]), &test, &kg, 3).metrics;
        let intervals = BTreeMap::from([("ndcg@3".to_owned(), [0.0, 1.0])]);
        let beyond = crate::Beyond { gini: 0.25, ..crate::Beyond::default() };
        let report = Report { metrics, beyond, intervals };
        let written = serde_json::to_string(&report).expect("text");
        assert_eq!(serde_json::from_str::<Report>(&written).expect("the same"), report);
        for name in ["gini", "ndcg@3", "seen"] {
            let renamed = written.replacen(&format!("\"{name}\""), "\"another\"", 1);
            assert!(renamed != written && serde_json::from_str::<Report>(&renamed).is_err(), "without {name}");
        }
    }

    #[test]
    fn a_stop_ends_it() {
        let (kg, test) = setting();
        let context = Context::default();
        context.stop().request();
        let stopped = evaluate(&Recommendations::default(), &test, &kg, 3, &context).expect_err("stopped");
        assert_eq!(stopped.class(), footpath_core::ErrorClass::Stopped);
    }

    #[test]
    fn no_lists_and_nobody_held_out_are_zero_and_finite() {
        let (kg, test) = setting();
        let nobody = HeldOut::from([].as_slice());
        for (lists, held_out) in [(Recommendations::default(), &test), (recommend(&kg, &[("ann", &["b"])]), &nobody)] {
            let metrics = judge(&lists, held_out, &kg, 10).metrics;
            let of_slots = Metric::ALL.into_iter().filter(|&metric| metric != Metric::Auc);
            assert!(of_slots.into_iter().all(|metric| metrics.value(metric) == 0.0));
            // Ann and Cid: as random order. Bob has nothing else to choose.
            assert_eq!(metrics.auc, if metrics.num_users == 0 { 0.0 } else { 2.0 / 3.0 });
            assert_eq!((metrics.user_coverage, metrics.slot_coverage), (0.0, 0.0));
        }
    }

    #[test]
    fn a_cut_off_out_of_range_is_refused() {
        let (kg, test) = setting();
        let lists = Recommendations::default();
        for (k, valid) in [(0, false), (1, true), (MAX_K, true), (MAX_K + 1, false)] {
            assert_eq!(evaluate(&lists, &test, &kg, k, &Context::default()).is_ok(), valid, "{k}");
        }
    }
}
