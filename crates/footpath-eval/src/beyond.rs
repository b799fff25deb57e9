//! What lists are like beyond their hits: how many items they show, how popular ones, how different from each other.
//!
//! Over the first k slots of the lists of given users; p_i is the share of the filled slots that show item i, and all
//! items of the graph count, shown or not.

use crate::error::{Result, check_range};
use crate::evaluate::MAX_K;
use crate::metrics::count;
use crate::recommendations::Recommendations;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Share of the items that make the tail: those least chosen in training, ties by item id.
pub const TAIL: f64 = 0.1;
/// Slots of a list whose items are compared with each other; further ones are left out of the diversity.
pub const MAX_PAIRED: usize = 50;

/// Figures of lists beyond accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beyond {
    /// Share of the items that are shown to somebody, in [0, 1].
    pub item_coverage: f64,
    /// Mean number of train interactions of the items shown.
    pub average_popularity: f64,
    /// Gini coefficient of the numbers of times that items are shown: 0 if all are shown alike, near 1 if one takes
    /// every slot.
    pub gini: f64,
    /// Shannon entropy −Σ p_i ln p_i, in nats. (RecBole divides it by the number of items shown.)
    pub entropy: f64,
    /// Share of slots that show an item of the tail, [`TAIL`] of the items.
    pub tail_share: f64,
    /// Mean of 1 − (n_i − min n) / (max n − min n) over filled slots, with n_i the train interactions of item i: 1 for
    /// those least chosen.
    pub novelty: f64,
    /// Share of all k slots filled with an item that is not among the k most popular unseen ones of the user.
    pub serendipity: f64,
    /// Mean over users of the mean of 1 − |F_i ∩ F_j| / |F_i ∪ F_j| over pairs of items of the list, with F_i the facts
    /// at item i. A user with fewer than two items counts as 0; items without facts differ from all.
    pub diversity: f64,
}

impl Beyond {
    /// Names and figures, in the order in which they are reported.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, f64); 8] {
        [
            ("item_coverage", self.item_coverage),
            ("average_popularity", self.average_popularity),
            ("gini", self.gini),
            ("entropy", self.entropy),
            ("tail_share", self.tail_share),
            ("novelty", self.novelty),
            ("serendipity", self.serendipity),
            ("diversity", self.diversity),
        ]
    }
}

/// Looks at the first `k` slots of the lists of `users`.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; a stop.
pub fn beyond(
    recommendations: &Recommendations,
    users: &[NodeId],
    kg: &TrainKg,
    k: usize,
    context: &Context,
) -> Result<Beyond> {
    check_range("k", k, 1, MAX_K)?;
    let list = |user: NodeId| recommendations.of(user).iter().take(k).map(|r| r.item);
    let popularity = Popularities::new(kg);
    let mut shown = vec![0usize; kg.items().len()];
    let (mut chosen, mut novelty, mut in_tail) = (0.0, 0.0, 0);
    for &user in users {
        context.check()?;
        for item in list(user) {
            let Some(slot) = popularity.index(item).and_then(|index| shown.get_mut(index)) else { continue };
            *slot += 1;
            chosen += count(kg.popularity(item));
            novelty += popularity.novelty(item);
            in_tail += usize::from(popularity.tail.contains(&item));
        }
    }
    let num_filled: usize = shown.iter().sum();
    let of_filled = count(num_filled.max(1));
    let of_users = count(users.len().max(1));
    let stage = context.stage("comparing the items of lists", Some(users.len() as u64), "users");
    let of_user = |&user: &NodeId| {
        stage.advance(1)?;
        let paired: Vec<NodeId> = list(user).take(MAX_PAIRED).collect();
        Ok((popularity.surprising(user, list(user), k), diversity(kg, &paired)))
    };
    let of_each: Vec<(usize, f64)> = users.par_iter().map(of_user).collect::<Result<_>>()?;
    let surprising: usize = of_each.iter().map(|(surprising, _)| surprising).sum();
    Ok(Beyond {
        item_coverage: count(shown.iter().filter(|&&times| times > 0).count()) / count(shown.len().max(1)),
        average_popularity: chosen / of_filled,
        gini: gini(&mut shown),
        entropy: entropy(&shown),
        tail_share: count(in_tail) / of_filled,
        novelty: novelty / of_filled,
        serendipity: count(surprising) / (count(k) * of_users),
        diversity: of_each.iter().map(|(_, diversity)| diversity).sum::<f64>() / of_users,
    })
}

/// How often items were chosen.
struct Popularities<'a> {
    kg: &'a TrainKg,
    /// Items, most chosen first, ties by id.
    ranked: Vec<NodeId>,
    tail: BTreeSet<NodeId>,
    least: f64,
    most: f64,
}

impl<'a> Popularities<'a> {
    fn new(kg: &'a TrainKg) -> Self {
        let mut ranked: Vec<NodeId> = kg.items().map(NodeId).collect();
        ranked.sort_by_cached_key(|&item| (std::cmp::Reverse(kg.popularity(item)), item));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a number of items")]
        let num_tail = (count(ranked.len()) * TAIL) as usize;
        let mut rarest = ranked.clone();
        rarest.sort_by_cached_key(|&item| (kg.popularity(item), item));
        let of = |item: Option<&NodeId>| item.map_or(0.0, |&item| count(kg.popularity(item)));
        let (least, most) = (of(rarest.first()), of(ranked.first()));
        rarest.truncate(num_tail);
        Self { kg, ranked, tail: rarest.into_iter().collect(), least, most }
    }

    fn index(&self, item: NodeId) -> Option<usize> {
        self.kg.is_item(item).then(|| (item.0 - self.kg.items().start) as usize)
    }

    fn novelty(&self, item: NodeId) -> f64 {
        if self.most > self.least {
            1.0 - (count(self.kg.popularity(item)) - self.least) / (self.most - self.least)
        } else {
            1.0
        }
    }

    /// How many of the items are not among the `k` most popular the user has not chosen.
    fn surprising(&self, user: NodeId, list: impl Iterator<Item = NodeId>, k: usize) -> usize {
        let train = self.kg.items_of(user);
        let unseen = self.ranked.iter().filter(|item| train.binary_search(&item.0).is_err());
        let popular: BTreeSet<NodeId> = unseen.take(k).copied().collect();
        list.filter(|item| !popular.contains(item)).count()
    }
}

/// Gini coefficient of some numbers, which are sorted: Σ (2i − n − 1) x_i / (n Σ x_i), i from 1.
fn gini(numbers: &mut [usize]) -> f64 {
    numbers.sort_unstable();
    let total: usize = numbers.iter().sum();
    let len = count(numbers.len());
    let weighted: f64 = (1..).zip(numbers.iter()).map(|(i, &x)| (2.0 * count(i) - len - 1.0) * count(x)).sum();
    if total == 0 { 0.0 } else { weighted / (len * count(total)) }
}

fn entropy(shown: &[usize]) -> f64 {
    let total = count(shown.iter().sum());
    let of = |&times: &usize| {
        let share = count(times) / total;
        -share * share.ln()
    };
    shown.iter().filter(|&&times| times > 0).map(of).fold(0.0, |sum, part| sum + part)
}

fn diversity(kg: &TrainKg, items: &[NodeId]) -> f64 {
    let facts: Vec<Vec<(RelationId, NodeId)>> = items.iter().map(|&item| facts(kg, item)).collect();
    let mut sum = 0.0;
    for (later, first) in (1..).zip(&facts) {
        sum += facts.iter().skip(later).map(|second| 1.0 - jaccard(first, second)).fold(0.0, |sum, part| sum + part);
    }
    let num_pairs = items.len() * items.len().saturating_sub(1) / 2;
    sum / count(num_pairs.max(1))
}

/// The facts at an item, interactions left out, ascending.
fn facts(kg: &TrainKg, item: NodeId) -> Vec<(RelationId, NodeId)> {
    kg.arcs(item).iter().filter(|(relation, _)| *relation != RelationId::INTERACTED_BY).collect()
}

/// Share of what two ascending lists have in common, 0 for two empty ones.
fn jaccard<T: Ord>(first: &[T], second: &[T]) -> f64 {
    let (mut common, mut rest) = (0, second.iter().peekable());
    for one in first {
        while rest.next_if(|&other| other < one).is_some() {}
        common += usize::from(rest.next_if(|&other| other == one).is_some());
    }
    count(common) / count((first.len() + second.len() - common).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommendations::Recommendation;
    use footpath_graph::{Dataset, build::build};
    use proptest::prelude::*;

    /// Random facts and choices; every item below 30 is in the graph, some have no facts and were never chosen.
    fn graph(choices: &[(u8, u8)], facts: &[(u8, u8)]) -> TrainKg {
        let mut data = Dataset::default();
        for item in 0..30 {
            data.link(&format!("i{item:02}"), &format!("film {item}"));
        }
        facts.iter().for_each(|(item, entity)| data.fact(&format!("film {item}"), "about", &format!("e{entity}")));
        choices.iter().for_each(|(user, item)| data.interact(&format!("u{user}"), &format!("i{item:02}")));
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    /// Definitions taken literally, over all items, pairs and slots.
    fn naive(lists: &[Vec<NodeId>], users: &[NodeId], kg: &TrainKg, k: usize) -> [f64; 8] {
        let items: Vec<NodeId> = kg.items().map(NodeId).collect();
        let shown: Vec<Vec<NodeId>> = lists.iter().map(|list| list.iter().copied().take(k).collect()).collect();
        let slots: Vec<NodeId> = shown.concat();
        let n = |item: NodeId| kg.users().filter(|&u| kg.items_of(NodeId(u)).contains(&item.0)).count() as f64;
        let times = |item: NodeId| slots.iter().filter(|&&slot| slot == item).count() as f64;
        let mean = |f: &dyn Fn(NodeId) -> f64| slots.iter().map(|&s| f(s)).sum::<f64>() / slots.len().max(1) as f64;
        let differences: f64 = items
            .iter()
            .flat_map(|&a| items.iter().map(move |&b| (a, b)))
            .map(|(a, b)| (times(a) - times(b)).abs())
            .sum();
        let gini = if slots.is_empty() { 0.0 } else { differences / (2.0 * items.len() as f64 * slots.len() as f64) };
        let p = |item: NodeId| times(item) / slots.len() as f64;
        let entropy: f64 = items.iter().filter(|&&i| times(i) > 0.0).map(|&i| p(i) * (1.0 / p(i)).ln()).sum();
        let least = items.iter().map(|&i| n(i)).fold(f64::INFINITY, f64::min);
        let most = items.iter().map(|&i| n(i)).fold(0.0, f64::max);
        let novelty = |i| if most > least { (most - n(i)) / (most - least) } else { 1.0 };
        let in_tail = |item: NodeId| {
            let rarer = items.iter().filter(|&&i| (n(i), i) < (n(item), item)).count();
            if rarer < items.len() / 10 { 1.0 } else { 0.0 }
        };
        let facts = |item: NodeId| -> BTreeSet<(RelationId, NodeId)> {
            kg.arcs(item).iter().filter(|(r, _)| r.0 > RelationId::INTERACTED_BY.0).collect()
        };
        let (mut surprising, mut diversity) = (0.0, 0.0);
        for (user, list) in users.iter().zip(&shown) {
            let unseen: Vec<NodeId> = items.iter().copied().filter(|i| !kg.items_of(*user).contains(&i.0)).collect();
            let rank = |item: NodeId| unseen.iter().filter(|&&i| (-n(i), i) < (-n(item), item)).count();
            surprising += list.iter().filter(|&&i| !unseen.contains(&i) || rank(i) >= k).count() as f64;
            let mut distances = Vec::new();
            for (place, &a) in list.iter().enumerate() {
                for &b in &list[place + 1..] {
                    let union = facts(a).union(&facts(b)).count() as f64;
                    let common = facts(a).intersection(&facts(b)).count() as f64;
                    distances.push(if union == 0.0 { 1.0 } else { 1.0 - common / union });
                }
            }
            diversity += distances.iter().sum::<f64>() / distances.len().max(1) as f64;
        }
        let of_users = users.len() as f64;
        [
            items.iter().filter(|&&i| times(i) > 0.0).count() as f64 / items.len() as f64,
            mean(&n),
            gini,
            entropy,
            mean(&in_tail),
            mean(&novelty),
            surprising / (k as f64 * of_users),
            diversity / of_users,
        ]
    }

    proptest! {
        #[test]
        fn figures_equal_their_naive_definitions(
            choices in proptest::collection::vec((0..6u8, 0..30u8), 1..60),
            facts in proptest::collection::vec((0..30u8, 0..8u8), 0..80),
            lists in proptest::collection::vec(Just((0..30u32).collect::<Vec<_>>()).prop_shuffle(), 6),
            lengths in proptest::collection::vec(0..15usize, 6),
            k in 1..12usize,
        ) {
            let kg = graph(&choices, &facts);
            let users: Vec<NodeId> = kg.users().map(NodeId).collect();
            let lists: Vec<Vec<NodeId>> = users.iter().zip(lists.iter().zip(lengths)).map(|(_, (list, length))| {
                list.iter().take(length).map(|&i| NodeId(kg.items().start + i)).collect()
            }).collect();
            let of = |list: &Vec<NodeId>| list.iter().map(|&item| Recommendation { item, score: 0.0 }).collect();
            let given = users.iter().zip(&lists).map(|(&user, list)| (user, of(list))).collect();
            let found = beyond(&given, &users, &kg, k, &Context::default()).expect("valid");
            let got = found.figures().map(|(_, figure)| figure);
            for (index, (got, expected)) in got.into_iter().zip(naive(&lists, &users, &kg, k)).enumerate() {
                prop_assert!((got - expected).abs() < 1e-12, "{}: {} and {}", index, got, expected);
            }
        }
    }

    #[test]
    fn nobody_and_nothing_are_zero() {
        let kg = graph(&[(0, 0)], &[]);
        for users in [vec![], vec![NodeId(0)]] {
            let figures = beyond(&Recommendations::default(), &users, &kg, 5, &Context::default()).expect("valid");
            assert_eq!(figures, Beyond::default());
        }
        assert!(beyond(&Recommendations::default(), &[], &kg, 0, &Context::default()).is_err());
    }
}
