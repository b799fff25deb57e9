//! Item-based nearest neighbours (Sarwar et al., WWW 2001) on the train log, without ratings.
//!
//! Similarity of items i ≠ j: cos(i, j) = |U_i ∩ U_j| / √(|U_i| |U_j|), where U_i are the users who chose i in
//! training. N(i): the `num_neighbours` items most similar to i, ties by item id, similarity 0 excluded. Score of i for
//! user u: Σ cos(i, j) over the items j ∈ N(i) that u chose in training.

use super::scores::Scores;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use rayon::prelude::*;

/// Item neighbours by cosine. Memory: 16 bytes for each of items × neighbours.
#[derive(Clone, Debug)]
pub struct ItemKnn<'a> {
    kg: &'a TrainKg,
    /// For each item j: the items i with j ∈ N(i), ascending, and cos(i, j).
    lends: Vec<Vec<(u32, f64)>>,
}

impl<'a> ItemKnn<'a> {
    /// Neighbours of each item when nothing else is asked for.
    pub const DEFAULT_NUM_NEIGHBOURS: usize = 100;

    /// Finds the neighbours of every item, in parallel.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &'a TrainKg, num_neighbours: usize, context: &Context) -> Result<Self> {
        let stage = context.stage(BaselineName::ItemKnn.stage(), Some(kg.items().len() as u64), "items");
        let of_item = |item: u32| {
            stage.advance(1)?;
            Ok(super::best(similar(kg, NodeId(item), context)?, num_neighbours))
        };
        let neighbours: Vec<_> = kg.items().into_par_iter().map(of_item).collect::<Result<_>>()?;
        let mut lends = vec![Vec::new(); kg.items().len()];
        for (item, neighbours) in kg.items().zip(&neighbours) {
            for neighbour in neighbours {
                let lender = lends.get_mut(neighbour.item.index() - kg.items().start as usize);
                lender.into_iter().for_each(|lends: &mut Vec<_>| lends.push((item, neighbour.score)));
            }
        }
        Ok(Self { kg, lends })
    }
}

/// All items that share a user with `item`, and their similarity.
fn similar(kg: &TrainKg, item: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
    let mut shared = Scores::of_items(kg);
    for &user in kg.arcs(item).of(RelationId::INTERACTED_BY).tails {
        context.check()?;
        kg.items_of(NodeId(user)).iter().filter(|&&other| other != item.0).for_each(|&other| shared.add(other, 1.0));
    }
    let norm = count(kg.popularity(item));
    let cosine = |r: Recommendation| r.score / (norm * count(kg.popularity(r.item))).sqrt();
    Ok(shared.positive().map(|r| Recommendation { score: cosine(r), ..r }).collect())
}

impl Baseline for ItemKnn<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::ItemKnn
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let mut scores = Scores::of_items(self.kg);
        for item in self.kg.items_of(user) {
            context.check()?;
            let lends = self.lends.get((item - self.kg.items().start) as usize);
            lends.into_iter().flatten().for_each(|&(other, cosine)| scores.add(other, cosine));
        }
        Ok(scores.positive().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};
    use footpath_graph::{Dataset, build::build};

    fn graph(log: &[(&str, &str)]) -> TrainKg {
        let mut data = Dataset::default();
        log.iter().for_each(|(user, item)| data.interact(user, item));
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    #[test]
    fn a_case_worked_by_hand() {
        // Users: a {1,2}, b {2,3}, c {1,2,3}. |U_1|, |U_2|, |U_3| = 2, 3, 2. User d chose 1 only.
        let log = [("a", "1"), ("a", "2"), ("b", "2"), ("b", "3"), ("c", "1"), ("c", "2"), ("c", "3"), ("d", "1")];
        let kg = graph(&log);
        // With d, |U_1| = 3: cos(1,2) = 2/√9, cos(1,3) = 1/√6, cos(2,3) = 2/√6.
        let scores = |k| {
            let knn = ItemKnn::new(&kg, k, &Context::default()).expect("neighbours");
            let list = knn.recommend(kg.user("d").expect("d"), 10, &Context::default()).expect("a list");
            list.iter().map(|r| (kg.id(r.item).to_owned(), r.score)).collect::<Vec<_>>()
        };
        assert_eq!(scores(2), [("2".to_owned(), 2.0 / 3.0), ("3".to_owned(), 1.0 / 6f64.sqrt())]);
        // The nearest of 2 and of 3 is the other, since 2/√6 > 2/3 > 1/√6: neither has 1 among its one neighbour.
        assert_eq!(scores(1), []);
    }

    #[test]
    fn lists_equal_the_definition_in_nested_loops() {
        let mut draw = Stream::new(2, Purpose::Simulate, 0, 0);
        let names: Vec<_> = (0..20).map(|i| format!("{i:02}")).collect();
        let log: Vec<_> = (0..150).map(|_| (draw.index(20), draw.index(20))).collect();
        let log: Vec<_> = log.iter().map(|&(u, i)| (names[u].as_str(), names[i].as_str())).collect();
        let kg = graph(&log);
        let chose = |user: u32, item: u32| kg.items_of(NodeId(user)).contains(&item);
        let cosine = |i: u32, j: u32| {
            let of = |test: &dyn Fn(u32) -> bool| kg.users().filter(|&u| test(u)).count() as f64;
            of(&|u| chose(u, i) && chose(u, j)) / (of(&|u| chose(u, i)) * of(&|u| chose(u, j))).sqrt()
        };
        let neighbours = |i: u32, k: usize| {
            let mut all: Vec<u32> = kg.items().filter(|&j| j != i && cosine(i, j) > 0.0).collect();
            all.sort_by(|&a, &b| cosine(i, b).partial_cmp(&cosine(i, a)).expect("finite"));
            all.truncate(k);
            all
        };
        for k in [1, 3, 100] {
            let knn = ItemKnn::new(&kg, k, &Context::default()).expect("neighbours");
            for user in kg.users() {
                let scores = knn.scores(NodeId(user), &Context::default()).expect("scores");
                for item in kg.items() {
                    let expected: f64 =
                        neighbours(item, k).iter().filter(|&&j| chose(user, j)).map(|&j| cosine(item, j)).sum();
                    let got = scores.iter().find(|r| r.item.0 == item).map_or(0.0, |r| r.score);
                    assert!((got - expected).abs() < 1e-12, "user {user}, item {item}, k {k}: {got} and {expected}");
                }
            }
        }
    }
}
