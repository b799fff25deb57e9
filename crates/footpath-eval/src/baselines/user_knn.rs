//! User-based nearest neighbours (Resnick et al., CSCW 1994) on the train log, without ratings.
//!
//! Similarity of users u ≠ v: cos(u, v) = |I_u ∩ I_v| / √(|I_u| |I_v|), where I_u are the items u chose in training.
//! N(u): the `num_neighbours` users most similar to u, ties by user id, similarity 0 excluded.
//! Score of item i for user u: Σ cos(u, v) over the users v ∈ N(u) that chose i in training.

use super::scores::Scores;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;

/// User neighbours by cosine. Nothing is stored: a list costs a look at all who share an item with the user.
#[derive(Clone, Copy, Debug)]
pub struct UserKnn<'a> {
    kg: &'a TrainKg,
    num_neighbours: usize,
}

impl<'a> UserKnn<'a> {
    /// Neighbours of each user when nothing else is asked for.
    pub const DEFAULT_NUM_NEIGHBOURS: usize = 100;

    /// With so many neighbours for each user.
    #[must_use]
    pub fn new(kg: &'a TrainKg, num_neighbours: usize) -> Self {
        Self { kg, num_neighbours }
    }

    fn neighbours(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let mut shared = Scores::over(self.kg.users());
        let items = self.kg.items_of(user);
        for &item in items {
            context.check()?;
            let others = self.kg.arcs(NodeId(item)).of(RelationId::INTERACTED_BY).tails;
            others.iter().filter(|&&other| other != user.0).for_each(|&other| shared.add(other, 1.0));
        }
        let norm = |other: NodeId| (count(items.len()) * count(self.kg.items_of(other).len())).sqrt();
        let cosine = |r: Recommendation| Recommendation { score: r.score / norm(r.item), ..r };
        Ok(super::best(shared.positive().map(cosine).collect(), self.num_neighbours))
    }
}

impl Baseline for UserKnn<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::UserKnn
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let mut scores = Scores::of_items(self.kg);
        for neighbour in self.neighbours(user, context)? {
            context.check()?;
            self.kg.items_of(neighbour.item).iter().for_each(|&item| scores.add(item, neighbour.score));
        }
        Ok(scores.positive().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    #[test]
    fn lists_equal_the_definition_in_nested_loops() {
        let kg = random_log(3, 20, 20, 150);
        let chose = |user: u32, item: u32| kg.items_of(NodeId(user)).contains(&item);
        let cosine = |u: u32, v: u32| {
            let of = |test: &dyn Fn(u32) -> bool| kg.items().filter(|&i| test(i)).count() as f64;
            of(&|i| chose(u, i) && chose(v, i)) / (of(&|i| chose(u, i)) * of(&|i| chose(v, i))).sqrt()
        };
        let neighbours = |u: u32, k: usize| {
            let mut all: Vec<u32> = kg.users().filter(|&v| v != u && cosine(u, v) > 0.0).collect();
            all.sort_by(|&a, &b| cosine(u, b).partial_cmp(&cosine(u, a)).expect("finite"));
            all.truncate(k);
            all
        };
        for k in [1, 3, 100] {
            for user in kg.users() {
                let scores = UserKnn::new(&kg, k).scores(NodeId(user), &Context::default()).expect("scores");
                for item in kg.items() {
                    let near = neighbours(user, k);
                    let expected: f64 = near.iter().filter(|&&v| chose(v, item)).map(|&v| cosine(user, v)).sum();
                    let got = scores.iter().find(|r| r.item.0 == item).map_or(0.0, |r| r.score);
                    assert!((got - expected).abs() < 1e-12, "user {user}, item {item}, k {k}: {got} and {expected}");
                }
            }
        }
    }
}
