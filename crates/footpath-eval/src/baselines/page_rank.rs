//! Personalised PageRank (Haveliwala, WWW 2002) on the knowledge graph with the train interactions.
//!
//! Score of item j for user u: the chance that a walk which follows a uniform arc of the node it is at, and with chance
//! c starts anew at u, is at j. Every fact is an arc in both directions; parallel relations are arcs of their own.

use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;

/// Users whose walks are followed together, in one pass over the arcs.
const LANES: usize = 8;
/// What may be left of the walks when they are cut off; each node's chance is too low by no more than this.
const LEFT: f64 = 1e-4;
/// Nodes between two looks at whether to stop.
const NODES_AT_ONCE: usize = 1 << 12;
/// Most steps, for those who hardly ever start anew.
const MAX_STEPS: usize = 1_000;

/// Chances of all users in turn. Nothing is stored but the degrees; a list costs ln(10⁻⁴)/ln(1 − c) passes over all
/// arcs for every 8 users (57 for c = 0.15, 14 for c = 0.5).
#[derive(Clone, Debug)]
pub struct PageRank<'a> {
    kg: &'a TrainKg,
    restart: f64,
    /// 1 / degree of each node, 0 for nodes without arcs.
    shares: Vec<f64>,
}

impl<'a> PageRank<'a> {
    /// Chance to start anew when nothing else is asked for.
    pub const DEFAULT_RESTART: f64 = 0.3;

    /// With the chance to start anew c = `restart`, in (0, 1].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "nodes have 32-bit ids")]
    pub fn new(kg: &'a TrainKg, restart: f64) -> Self {
        let share = |node| match kg.degree(NodeId(node)) {
            0 => 0.0,
            degree => 1.0 / count(degree),
        };
        Self { kg, restart, shares: (0..kg.num_nodes() as u32).map(share).collect() }
    }

    /// Steps until no more than [`LEFT`] of the walks have not started anew.
    fn num_steps(&self) -> usize {
        let left = std::iter::successors(Some(1.0), |left| Some(left * (1.0 - self.restart)));
        left.take(MAX_STEPS).take_while(|&left| left > LEFT).count()
    }

    /// The chance of every node, for up to [`LANES`] users.
    fn chances(&self, users: &[NodeId], context: &Context) -> Result<Vec<[f64; LANES]>> {
        let mut at = vec![[0.0; LANES]; self.kg.num_nodes()];
        self.start(users, 1.0, &mut at);
        let mut going = at.clone();
        for _ in 0..self.num_steps() {
            // What each node gives to each of its neighbours.
            let given = at.chunks(NODES_AT_ONCE).zip(self.shares.chunks(NODES_AT_ONCE));
            for (going, (at, shares)) in going.chunks_mut(NODES_AT_ONCE).zip(given) {
                context.check()?;
                for (going, (at, share)) in going.iter_mut().zip(at.iter().zip(shares)) {
                    *going = at.map(|chance| chance * share * (1.0 - self.restart));
                }
            }
            for (node, sum) in (0..).zip(&mut at) {
                if (node as usize).is_multiple_of(NODES_AT_ONCE) {
                    context.check()?;
                }
                *sum = [0.0; LANES];
                for &neighbour in self.kg.arcs(NodeId(node)).tails {
                    if let Some(going) = going.get(neighbour as usize) {
                        sum.iter_mut().zip(going).for_each(|(sum, chance)| *sum += chance);
                    }
                }
            }
            self.start(users, self.restart, &mut at);
        }
        Ok(at)
    }

    fn start(&self, users: &[NodeId], chance: f64, at: &mut [[f64; LANES]]) {
        for (lane, user) in users.iter().enumerate() {
            if let Some(slot) = at.get_mut(user.index()).and_then(|at| at.get_mut(lane)) {
                *slot += chance;
            }
        }
    }
}

impl Baseline for PageRank<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::PageRank
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        Ok(self.scores_of(&[user], context)?.pop().unwrap_or_default())
    }

    fn scores_of(&self, users: &[NodeId], context: &Context) -> Result<Vec<Vec<Recommendation>>> {
        let of_batch = |users: &[NodeId]| {
            let at = self.chances(users, context)?;
            let items = self.kg.items().start as usize..self.kg.items().end as usize;
            let of_lane = |(lane, user): (usize, &NodeId)| -> Vec<_> {
                let is_user = self.kg.users().contains(&user.0);
                let chances = self.kg.items().zip(at.get(items.clone()).unwrap_or_default());
                chances
                    .filter_map(|(item, at)| Some(Recommendation { item: NodeId(item), score: *at.get(lane)? }))
                    .filter(|r| is_user && r.score > 0.0)
                    .collect()
            };
            Ok(users.iter().enumerate().map(of_lane).collect())
        };
        let batches: Vec<Vec<_>> = users.chunks(LANES).map(of_batch).collect::<Result<_>>()?;
        Ok(batches.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_graph;

    /// The chances solve p = c·e_u + (1 − c)·Aᵀp.
    #[test]
    fn chances_are_those_of_the_walk_that_goes_on_for_ever() {
        let kg = random_graph(5);
        for restart in [0.15, 0.5, 1.0] {
            let rank = PageRank::new(&kg, restart);
            let users: Vec<NodeId> = kg.users().map(NodeId).collect();
            for (user, scores) in users.iter().zip(rank.scores_of(&users, &Context::default()).expect("scores")) {
                let mut p = vec![0.0; kg.num_nodes()];
                for _ in 0..3_000 {
                    let mut next = vec![0.0; kg.num_nodes()];
                    next[user.index()] += restart;
                    for (node, chance) in (0..).map(NodeId).zip(&p) {
                        for (_, tail) in kg.arcs(node).iter() {
                            next[tail.index()] += (1.0 - restart) * chance / kg.degree(node) as f64;
                        }
                    }
                    p = next;
                }
                for item in kg.items() {
                    let got = scores.iter().find(|r| r.item.0 == item).map_or(0.0, |r| r.score);
                    assert!((got - p[item as usize]).abs() <= LEFT, "{restart}: {got} and {}", p[item as usize]);
                }
                let alone = rank.scores(*user, &Context::default()).expect("scores");
                assert_eq!(alone, scores, "alone as with others");
            }
        }
    }

    #[test]
    fn a_cautious_walk_takes_more_steps() {
        let kg = random_graph(5);
        let steps = [0.15, 0.5, 1.0].map(|restart| PageRank::new(&kg, restart).num_steps());
        assert_eq!(steps, [57, 14, 1]);
    }
}
