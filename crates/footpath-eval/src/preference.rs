//! Whether paths run through what the user likes: how many of the paths shown go through something the user disliked,
//! or through something they chose only once.
//!
//! A path is looked at strictly between the user and the item it ends at. It goes through something **disliked** if one
//! of its nodes is an item the user disliked, or if the node it leaves their item for, such as a genre, has at least as
//! many disliked items of theirs by the same relation as liked ones. It goes through something chosen **once** if that
//! node has no other item of their train choices by the same relation: nothing says that the user cares for it.
//!
//! Fewer of both is better, so a user without a path has no part in the means.

use crate::error::{Result, check_range};
use crate::evaluate::MAX_K;
use crate::explanations::Explained;
use crate::metrics::count;
use crate::significance::{Resampling, intervals_of};
use footpath_core::{Context, NodeId, Path, RelationId};
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What each user disliked: items rated below what counts as liked, which are not among their train choices.
pub type Dislikes = BTreeMap<NodeId, BTreeSet<NodeId>>;

/// How many paths run through what users do not like: means over users, each user the share of their paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// Users with a path; the means are over these.
    pub num_users: usize,
    /// Paths looked at.
    pub num_paths: usize,
    /// Share of paths through something disliked, in [0, 1]; none where nobody said what is disliked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disliked: Option<f64>,
    /// Its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disliked_interval: Option<[f64; 2]>,
    /// Share of paths through something chosen once, in [0, 1].
    pub once: f64,
    /// Its 95 % interval.
    pub once_interval: [f64; 2],
}

/// Looks at the paths of the first `k` slots of the lists of `users`.
///
/// # Errors
/// [`crate::Error::Range`] for `k` or the number of resamples; a stop.
pub fn preference(
    explained: &Explained,
    users: &[NodeId],
    kg: &TrainKg,
    dislikes: Option<&Dislikes>,
    k: usize,
    resampling: Resampling,
    context: &Context,
) -> Result<Preference> {
    check_range("k", k, 1, MAX_K)?;
    let (mut shares, mut num_paths) = (Vec::new(), 0);
    let stage = context.stage("judging what paths run through", Some(users.len() as u64), "users");
    let nothing = BTreeSet::new();
    for &user in users {
        stage.advance(1)?;
        let list = explained.get(&user).map_or(&[][..], Vec::as_slice);
        let paths: Vec<&Path> = list.iter().take(k).filter_map(|(_, path)| path.as_ref()).collect();
        if paths.is_empty() {
            continue;
        }
        let taste =
            Taste { kg, chosen: kg.items_of(user), disliked: dislikes.and_then(|d| d.get(&user)).unwrap_or(&nothing) };
        let share =
            |of: &dyn Fn(&Path) -> bool| count(paths.iter().filter(|path| of(path)).count()) / count(paths.len());
        shares.push([share(&|path| taste.is_disliked(path)), share(&|path| taste.is_once(path))]);
        num_paths += paths.len();
    }
    if shares.is_empty() {
        return Ok(Preference::default());
    }
    let rows: Vec<&[f64]> = shares.iter().map(<[f64; 2]>::as_slice).collect();
    let intervals = intervals_of(&rows, 2, resampling, context)?;
    let interval = |column: usize| intervals.get(column).copied().unwrap_or_default();
    let mean = |column: usize| rows.iter().filter_map(|row| row.get(column)).sum::<f64>() / count(rows.len());
    Ok(Preference {
        num_users: shares.len(),
        num_paths,
        disliked: dislikes.map(|_| mean(0)),
        disliked_interval: dislikes.map(|_| interval(0)),
        once: mean(1),
        once_interval: interval(1),
    })
}

/// What is known of a user.
struct Taste<'a> {
    kg: &'a TrainKg,
    chosen: &'a [u32],
    disliked: &'a BTreeSet<NodeId>,
}

impl Taste<'_> {
    fn is_disliked(&self, path: &Path) -> bool {
        let between = path.nodes.get(1..path.nodes.len().saturating_sub(1)).unwrap_or_default();
        between.iter().any(|node| self.disliked.contains(node))
            || self.left_for(path).is_some_and(|(relation, node)| {
                let items = self.kg.arcs(node).of(relation.inverse()).tails;
                let num_disliked = items.iter().filter(|&&item| self.disliked.contains(&NodeId(item))).count();
                num_disliked > 0 && num_disliked >= self.num_chosen(items)
            })
    }

    fn is_once(&self, path: &Path) -> bool {
        self.left_for(path)
            .is_some_and(|(relation, node)| self.num_chosen(self.kg.arcs(node).of(relation.inverse()).tails) <= 1)
    }

    fn num_chosen(&self, items: &[u32]) -> usize {
        items.iter().filter(|item| self.chosen.binary_search(item).is_ok()).count()
    }

    /// What the path leaves the user's item for, and how; none where that is another user, or the end.
    fn left_for(&self, path: &Path) -> Option<(RelationId, NodeId)> {
        let (relation, node) = (*path.relations.get(1)?, *path.nodes.get(2)?);
        (path.nodes.len() > 3 && relation != RelationId::INTERACTED_BY).then_some((relation, node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    /// Ann chose a, b, c and disliked d, e. Noir: a, b, d. War: c, d. Kim made a alone of hers. Bob chose a and x.
    #[test]
    fn figures_worked_by_hand() {
        let mut data = Dataset::default();
        for (user, item) in [("ann", "a"), ("ann", "b"), ("ann", "c"), ("bob", "a"), ("bob", "x")] {
            data.interact(user, item);
        }
        for item in ["a", "b", "c", "d", "e", "x"] {
            data.link(item, &format!("film {item}"));
        }
        let facts =
            [("a", "noir"), ("b", "noir"), ("d", "noir"), ("x", "noir"), ("c", "war"), ("d", "war"), ("x", "war")];
        facts.iter().for_each(|(item, genre)| data.fact(&format!("film {item}"), "genre", genre));
        for item in ["a", "x"] {
            data.fact(&format!("film {item}"), "by", "kim");
        }
        data.fact("film a", "after", "film e");
        data.fact("film e", "after", "film x");
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let node = |name: &str| kg.node(name).expect("known");
        let [genre, by, after] = ["genre", "by", "after"].map(|name| kg.relation(name).expect("known"));
        let hop = RelationId::INTERACTED;
        let path = |names: &[&str], relations: &[RelationId]| {
            let nodes = names.iter().map(|name| node(name)).collect();
            (node("item:x"), Some(Path { nodes, relations: relations.to_vec() }))
        };
        let ann = [
            // Two liked, one disliked: fine.
            path(&["user:ann", "item:a", "entity:noir", "item:x"], &[hop, genre, genre.inverse()]),
            // One of each: disliked; and chosen once.
            path(&["user:ann", "item:c", "entity:war", "item:x"], &[hop, genre, genre.inverse()]),
            // Chosen once.
            path(&["user:ann", "item:a", "entity:kim", "item:x"], &[hop, by, by.inverse()]),
            // Through a disliked item; and no other choice of Ann's has this after it.
            path(&["user:ann", "item:a", "item:e", "item:x"], &[hop, after, after]),
            // Through another user there is no taste to speak of.
            path(&["user:ann", "item:a", "user:bob", "item:x"], &[hop, RelationId::INTERACTED_BY, hop]),
            (node("item:x"), None),
        ];
        let explained = Explained::from([(node("user:ann"), ann.to_vec())]);
        let dislikes = Dislikes::from([(node("user:ann"), BTreeSet::from([node("item:d"), node("item:e")]))]);
        let users = [node("user:ann"), node("user:bob")];
        let judge = |k, dislikes: &Dislikes| {
            preference(&explained, &users, &kg, Some(dislikes), k, Resampling::default(), &Context::default())
                .expect("valid")
        };
        let all = judge(10, &dislikes);
        assert_eq!((all.num_users, all.num_paths), (1, 5), "Bob has no path");
        assert_eq!((all.disliked, all.once), (Some(2.0 / 5.0), 3.0 / 5.0));
        assert_eq!((all.disliked_interval, all.once_interval), (Some([0.4; 2]), [0.6; 2]), "of one user");
        assert_eq!((judge(2, &dislikes).disliked, judge(2, &dislikes).once), (Some(0.5), 0.5));
        assert_eq!((judge(10, &Dislikes::new()).disliked, judge(10, &Dislikes::new()).once), (Some(0.0), 0.6));
        let unasked = preference(&explained, &users, &kg, None, 10, Resampling::default(), &Context::default());
        let unasked = unasked.expect("valid");
        assert_eq!((unasked.disliked, unasked.disliked_interval, unasked.once), (None, None, 0.6), "nobody said");
        let written = serde_json::to_string(&all).expect("text");
        assert_eq!(serde_json::from_str::<Preference>(&written).expect("the same"), all);
    }

    #[test]
    fn nobody_is_no_figure() {
        let kg = build(Dataset::default()).and_then(|built| built.train_kg()).expect("a graph");
        let judge = |k| {
            let (explained, dislikes) = (Explained::new(), Dislikes::new());
            preference(&explained, &[], &kg, Some(&dislikes), k, Resampling::default(), &Context::default())
        };
        assert_eq!(judge(5).expect("valid"), Preference::default());
        assert!(judge(0).is_err());
    }
}
