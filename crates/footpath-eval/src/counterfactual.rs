//! Whether reasons are the reasons: how far an item falls when what its reason begins with is taken away from the user,
//! beside how far it falls when something else of theirs is taken away.
//!
//! The caller takes away and recommends again; here are the choice of what to take ([`taken`]) and the figures
//! ([`fidelity`]). With n the length of the lists compared and an item that is not in a list at place n + 1, an item at
//! place `r` that is then at place `s` fell by (s − r) / (n + 1 − r): 1 if it is gone, 0 if it stayed, less if it rose.

use crate::error::{Result, check_range};
use crate::evaluate::MAX_K;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use crate::significance::{Comparison, Resampling, intervals_of, paired};
use footpath_core::{Context, NodeId, Path, Purpose, RelationId, Stream};
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An item of a user, and what is taken away from them to see what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The train item that the item's reason begins with.
    pub reason: NodeId,
    /// Another train item, drawn at random.
    pub random: NodeId,
}

/// What to take away from a user: the choice that the path begins with, and one drawn uniformly from their others.
/// `None` where the path does not begin with a choice of theirs, or where that is their only one.
#[must_use]
pub fn taken(kg: &TrainKg, user: NodeId, item: NodeId, path: &Path, seed: u64) -> Option<Taken> {
    let reason = path.nodes.get(1).copied().filter(|_| path.relations.first() == Some(&RelationId::INTERACTED))?;
    kg.items_of(user).binary_search(&reason.0).ok()?;
    Some(Taken { reason, random: another_choice(kg, user, item, reason, seed)? })
}

/// One of the other train choices of a user than this one, drawn uniformly for an item; `None` where there is no other.
#[must_use]
pub fn another_choice(kg: &TrainKg, user: NodeId, item: NodeId, choice: NodeId, seed: u64) -> Option<NodeId> {
    let others: Vec<u32> = kg.items_of(user).iter().copied().filter(|&other| other != choice.0).collect();
    let mut stream = Stream::new(seed, Purpose::Counterfactual, user.0, u64::from(item.0));
    others.get(stream.index(others.len().max(1))).copied().map(NodeId)
}

/// The places of one item, from 1, in three lists of the same user; `None` where it is not in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// In the list that was shown.
    pub shown: usize,
    /// Without what its reason begins with.
    pub without_reason: Option<usize>,
    /// Without another choice.
    pub without_random: Option<usize>,
}

impl Places {
    /// The places of an item that stands in `shown`.
    #[must_use]
    pub fn of(
        item: NodeId,
        shown: &[Recommendation],
        without_reason: &[Recommendation],
        without_random: &[Recommendation],
    ) -> Option<Self> {
        let place = |list: &[Recommendation]| list.iter().position(|r| r.item == item).map(|place| place + 1);
        Some(Self {
            shown: place(shown)?,
            without_reason: place(without_reason),
            without_random: place(without_random),
        })
    }

    /// How far it falls without its reason, and without another choice, in lists of `k` items.
    fn falls(self, k: usize) -> [f64; 2] {
        let last = k + 1;
        let place = |place: Option<usize>| count(place.unwrap_or(last).min(last));
        let shown = count(self.shown.min(k));
        [self.without_reason, self.without_random].map(|then| (place(then) - shown) / (count(last) - shown))
    }
}

/// How far items fall without their reasons: means over users, each user the mean over their items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// Users with an item that was looked at; the means are over these.
    pub num_users: usize,
    /// Items looked at.
    pub num_items: usize,
    /// Fall without what the reason begins with, at most 1.
    pub without_reason: f64,
    /// Its 95 % interval.
    pub without_reason_interval: [f64; 2],
    /// Fall without another choice, at most 1.
    pub without_random: f64,
    /// Its 95 % interval.
    pub without_random_interval: [f64; 2],
    /// The first minus the second, paired by user; none without users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Comparison>,
}

/// The figures for the items of users, in lists of `k` items.
///
/// # Errors
/// [`crate::Error::Range`] for `k` or the number of resamples; a stop.
pub fn fidelity(
    places: &BTreeMap<NodeId, Vec<Places>>,
    k: usize,
    resampling: Resampling,
    context: &Context,
) -> Result<Fidelity> {
    check_range("k", k, 1, MAX_K)?;
    let of_user = |places: &Vec<Places>| {
        let falls: Vec<[f64; 2]> = places.iter().map(|places| places.falls(k)).collect();
        let mean = |column: usize| falls.iter().filter_map(|f| f.get(column)).sum::<f64>() / count(falls.len());
        [mean(0), mean(1)]
    };
    let users: Vec<[f64; 2]> = places.values().filter(|places| !places.is_empty()).map(of_user).collect();
    if users.is_empty() {
        return Ok(Fidelity::default());
    }
    let rows: Vec<&[f64]> = users.iter().map(<[f64; 2]>::as_slice).collect();
    let intervals = intervals_of(&rows, 2, resampling, context)?;
    let interval = |column: usize| intervals.get(column).copied().unwrap_or_default();
    let [reasons, randoms]: [Vec<f64>; 2] =
        [users.iter().map(|[reason, _]| *reason).collect(), users.iter().map(|[_, random]| *random).collect()];
    let mean = |falls: &[f64]| falls.iter().sum::<f64>() / count(falls.len());
    let differences: Vec<f64> = users.iter().map(|[reason, random]| reason - random).collect();
    Ok(Fidelity {
        num_users: users.len(),
        num_items: places.values().map(Vec::len).sum(),
        without_reason: mean(&reasons),
        without_reason_interval: interval(0),
        without_random: mean(&randoms),
        without_random_interval: interval(1),
        difference: Some(paired(&differences, resampling, context)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    fn places(shown: usize, without_reason: Option<usize>, without_random: Option<usize>) -> Places {
        Places { shown, without_reason, without_random }
    }

    #[test]
    fn figures_worked_by_hand() {
        // k = 4, so place 5 is gone. Ann: 1 → gone is 4/4, 1 → 2 is 1/4; 3 → 4 is 1/2, 3 → 1 is −2/2. Bob: 2 → 2, 2 →
        // gone.
        let ann = vec![places(1, None, Some(2)), places(3, Some(4), Some(1))];
        let bob = vec![places(2, Some(2), Some(9))];
        let all = BTreeMap::from([(NodeId(0), ann), (NodeId(1), bob), (NodeId(2), Vec::new())]);
        let found = fidelity(&all, 4, Resampling::default(), &Context::default()).expect("valid");
        assert_eq!((found.num_users, found.num_items), (2, 3));
        assert_eq!(found.without_reason, f64::midpoint(f64::midpoint(1.0, 0.5), 0.0));
        assert_eq!(found.without_random, f64::midpoint(f64::midpoint(0.25, -1.0), 1.0));
        let difference = found.difference.expect("two users").difference;
        assert!((difference - (found.without_reason - found.without_random)).abs() < 1e-12);
        assert_eq!(found.without_reason_interval, [0.0, 0.75], "all resamples of two users");
        let written = serde_json::to_string(&found).expect("text");
        assert_eq!(serde_json::from_str::<Fidelity>(&written).expect("the same"), found);
    }

    #[test]
    fn nobody_is_no_figure() {
        let found = fidelity(&BTreeMap::new(), 4, Resampling::default(), &Context::default()).expect("valid");
        assert_eq!(found, Fidelity::default());
        assert!(fidelity(&BTreeMap::new(), 0, Resampling::default(), &Context::default()).is_err());
    }

    #[test]
    fn places_are_those_in_the_lists() {
        let list = |items: &[u32]| -> Vec<Recommendation> {
            items.iter().map(|&item| Recommendation { item: NodeId(item), score: 0.0 }).collect()
        };
        let found = Places::of(NodeId(7), &list(&[5, 7]), &list(&[5]), &list(&[7, 5]));
        assert_eq!(found, Some(places(2, None, Some(1))));
        assert_eq!(Places::of(NodeId(9), &list(&[5, 7]), &list(&[9]), &list(&[9])), None);
    }

    #[test]
    fn what_is_taken_is_what_the_path_begins_with_and_another_choice() {
        let mut data = Dataset::default();
        for (user, item) in [("ann", "a"), ("ann", "b"), ("ann", "c"), ("bob", "a"), ("bob", "d"), ("cid", "d")] {
            data.interact(user, item);
        }
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let [ann, cid, a, b, c, d] =
            ["user:ann", "user:cid", "item:a", "item:b", "item:c", "item:d"].map(|name| kg.node(name).expect("known"));
        let path = |nodes: &[NodeId], first: RelationId| Path { nodes: nodes.to_vec(), relations: vec![first] };
        let mut drawn = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let found = taken(&kg, ann, d, &path(&[ann, a, d], RelationId::INTERACTED), seed).expect("of three");
            assert_eq!(found.reason, a);
            drawn.insert(found.random);
        }
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [b, c], "all others are drawn");
        assert_eq!(taken(&kg, cid, a, &path(&[cid, d, a], RelationId::INTERACTED), 1), None, "their only choice");
        assert_eq!(taken(&kg, ann, d, &path(&[ann, d], RelationId::INTERACTED), 1), None, "no choice of theirs");
        assert_eq!(taken(&kg, ann, d, &path(&[ann, a, d], RelationId(4)), 1), None, "no choice at all");
        assert_eq!(taken(&kg, ann, d, &Path::default(), 1), None);
    }
}
