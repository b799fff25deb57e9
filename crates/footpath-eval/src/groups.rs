//! Fairness by groups: whether some users are served better than others, and whether some items are shown more than
//! their part.
//!
//! For users (consumer fairness; Boratto et al., "Consumer Fairness in Recommender Systems", ECIR 2022) each group has
//! its own means, and the gap is the difference between the best and the worst of them. For items (provider fairness;
//! Singh and Joachims, "Fairness of Exposure in Rankings", KDD 2018) the exposure of place r of a list is
//! 1 / log₂(1 + r), and that of a group the sum over the places its items stand at, as a share of all exposure given.

use crate::error::{Result, check_range};
use crate::evaluate::{MAX_K, UserMetrics};
use crate::metrics::{Metric, count};
use crate::recommendations::Recommendations;
use crate::significance::{Resampling, intervals};
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The group of those of whom none is known.
pub const NO_GROUP: &str = "(none)";

/// The group of each user, or of each item; one that is not there is in [`NO_GROUP`].
pub type Groups = BTreeMap<NodeId, String>;

fn group_of(groups: &Groups, node: NodeId) -> &str {
    groups.get(&node).map_or(NO_GROUP, String::as_str)
}

/// How well a group of users is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserGroup {
    /// Users of the group with something held out; the means are over these.
    pub num_users: usize,
    /// The mean of each metric, by its name with the cut-off.
    pub means: BTreeMap<String, f64>,
    /// The 95 % interval of each, likewise.
    pub intervals: BTreeMap<String, [f64; 2]>,
}

/// How well each group of users is served, by the metrics of each user at the cut-off `k`.
///
/// # Errors
/// A stop.
pub fn user_groups(
    users: &[UserMetrics],
    groups: &Groups,
    k: usize,
    resampling: Resampling,
    context: &Context,
) -> Result<BTreeMap<String, UserGroup>> {
    let mut members: BTreeMap<&str, Vec<UserMetrics>> = BTreeMap::new();
    for user in users {
        members.entry(group_of(groups, user.user)).or_default().push(user.clone());
    }
    let of_group = |(name, users): (&str, Vec<UserMetrics>)| {
        let mean = |metric: Metric| users.iter().map(|user| user.value(metric)).sum::<f64>() / count(users.len());
        let label = |metric: Metric| metric.label(k);
        let means = Metric::ALL.into_iter().map(|metric| (label(metric), mean(metric))).collect();
        let found = intervals(&users, resampling, context)?;
        let intervals = Metric::ALL.into_iter().map(label).zip(found).collect();
        Ok((name.to_owned(), UserGroup { num_users: users.len(), means, intervals }))
    };
    members.into_iter().map(of_group).collect()
}

/// The difference between the best and the worst mean of a metric over groups of users; 0 for fewer than two groups.
#[must_use]
pub fn gap(groups: &BTreeMap<String, UserGroup>, metric: &str) -> f64 {
    let means = || groups.values().filter_map(|group| group.means.get(metric)).copied();
    let (best, worst) = (means().fold(f64::NEG_INFINITY, f64::max), means().fold(f64::INFINITY, f64::min));
    if best >= worst { best - worst } else { 0.0 }
}

/// How much of the lists a group of items has. All but the first are shares in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemGroup {
    /// Items of the group.
    pub num_items: usize,
    /// Its share of all items.
    pub share_of_items: f64,
    /// Its share of the train interactions.
    pub share_of_train: f64,
    /// Its share of the filled slots.
    pub share_of_slots: f64,
    /// Its share of the exposure.
    pub share_of_exposure: f64,
}

impl ItemGroup {
    /// Exposure over what the group has of the train interactions: above 1 it is shown more than it was chosen. None
    /// where nobody chose any of it.
    #[must_use]
    pub fn exposure_ratio(&self) -> Option<f64> {
        (self.share_of_train > 0.0).then(|| self.share_of_exposure / self.share_of_train)
    }
}

/// How much of the first `k` slots of the lists of `users` each group of items has.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; a stop.
pub fn item_groups(
    recommendations: &Recommendations,
    users: &[NodeId],
    groups: &Groups,
    kg: &TrainKg,
    k: usize,
    context: &Context,
) -> Result<BTreeMap<String, ItemGroup>> {
    check_range("k", k, 1, MAX_K)?;
    let mut found: BTreeMap<String, ItemGroup> = BTreeMap::new();
    let mut all = ItemGroup::default();
    let mut add = |item: NodeId, add: &dyn Fn(&mut ItemGroup)| {
        add(&mut all);
        add(found.entry(group_of(groups, item).to_owned()).or_default());
    };
    for item in kg.items().map(NodeId) {
        context.check()?;
        let chosen = count(kg.popularity(item));
        add(item, &|group| {
            group.num_items += 1;
            group.share_of_train += chosen;
        });
    }
    for &user in users {
        context.check()?;
        for (place, recommendation) in recommendations.of(user).iter().take(k).enumerate() {
            let exposure = 1.0 / (count(place) + 2.0).log2();
            add(recommendation.item, &|group| {
                group.share_of_slots += 1.0;
                group.share_of_exposure += exposure;
            });
        }
    }
    let share = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
    for group in found.values_mut() {
        group.share_of_items = share(count(group.num_items), count(all.num_items));
        group.share_of_train = share(group.share_of_train, all.share_of_train);
        group.share_of_slots = share(group.share_of_slots, all.share_of_slots);
        group.share_of_exposure = share(group.share_of_exposure, all.share_of_exposure);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::evaluate;
    use crate::recommendations::Recommendation;
    use footpath_graph::{Dataset, HeldOut, Split, build::build};

    /// Ann and Bob chose a and want b; Cid chose b and wants a. Big label: a, b. Small label: c. Nobody's: d.
    fn setting() -> (TrainKg, HeldOut) {
        let mut data = Dataset::default();
        for (user, item, split) in [
            ("ann", "a", Split::Train),
            ("bob", "a", Split::Train),
            ("cid", "b", Split::Train),
            ("ann", "b", Split::Test),
            ("bob", "b", Split::Test),
            ("cid", "a", Split::Test),
        ] {
            data.interact(user, item);
            data.interactions.last_mut().expect("just added").split = split;
        }
        data.item("c");
        data.item("d");
        let built = build(data).expect("built");
        (built.train_kg().expect("a graph"), HeldOut::from(built.test.as_slice()))
    }

    fn lists(kg: &TrainKg) -> Recommendations {
        let list = |user: &str, items: &[&str]| {
            let recommendation = |(at, item): (usize, &&str)| Recommendation {
                item: kg.item(item).expect("known"),
                score: -(at as f64),
            };
            (kg.user(user).expect("known"), items.iter().enumerate().map(recommendation).collect())
        };
        [list("ann", &["b", "c"]), list("bob", &["c", "b"]), list("cid", &["c", "d"])].into_iter().collect()
    }

    #[test]
    fn groups_of_users_have_means_of_their_own() {
        let (kg, test) = setting();
        let context = Context::default();
        let evaluated = evaluate(&lists(&kg), &test, &kg, 2, &context).expect("judged");
        let groups: Groups =
            [("ann", "old"), ("cid", "young")].map(|(u, g)| (kg.user(u).expect("known"), g.to_owned())).into();
        let found = user_groups(&evaluated.users, &groups, 2, Resampling::default(), &context).expect("grouped");
        let hr: Vec<_> = found.iter().map(|(name, g)| (name.as_str(), g.num_users, g.means["hr@2"])).collect();
        assert_eq!(hr, [(NO_GROUP, 1, 1.0), ("old", 1, 1.0), ("young", 1, 0.0)]);
        assert_eq!(gap(&found, "hr@2"), 1.0);
        let ndcg = 1.0 / 3f64.log2();
        assert!((found[NO_GROUP].means["ndcg@2"] - ndcg).abs() < 1e-12, "second of two");
        assert_eq!(gap(&BTreeMap::new(), "hr@2"), 0.0);
    }

    #[test]
    fn exposure_is_what_places_give() {
        let (kg, _) = setting();
        let users: Vec<NodeId> = kg.users().map(NodeId).collect();
        let groups: Groups = [("a", "big"), ("b", "big"), ("c", "small")]
            .map(|(item, group)| (kg.item(item).expect("known"), group.to_owned()))
            .into();
        let found = item_groups(&lists(&kg), &users, &groups, &kg, 2, &Context::default()).expect("grouped");
        let second = 1.0 / 3f64.log2();
        let all = 3.0 + 3.0 * second;
        let close = |group: &str, wanted: [f64; 4]| {
            let g = found[group];
            let got = [g.share_of_items, g.share_of_train, g.share_of_slots, g.share_of_exposure];
            assert!(got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{group}: {got:?} {wanted:?}");
        };
        close("big", [0.5, 1.0, 2.0 / 6.0, (1.0 + second) / all]);
        close("small", [0.25, 0.0, 3.0 / 6.0, (2.0 + second) / all]);
        close(NO_GROUP, [0.25, 0.0, 1.0 / 6.0, second / all]);
        assert_eq!(found["small"].exposure_ratio(), None);
        assert!(item_groups(&lists(&kg), &users, &groups, &kg, 0, &Context::default()).is_err());
    }
}
