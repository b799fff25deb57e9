//! Counting the knowledge paths user – item – entity – item, each weighted by the chance that a random walk takes its
//! hops.
//!
//! Score of item j for user u: pop(j)^t · Σ over paths u–i–e–j of 1/deg(i) · 1/deg(e), with i in the train set of u, e
//! a node that is neither user nor item, deg the number of facts at a node (interactions not counted) and pop(j) the
//! train interactions of j. Parallel relations are paths of their own. t is 0 for the plain count and ½ for the
//! tempered one.

use super::scores::Scores;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use std::collections::BTreeMap;

/// Counts of paths through the knowledge, without learning anything.
#[derive(Clone, Copy, Debug)]
pub struct PathCount<'a> {
    kg: &'a TrainKg,
    end: EndWeight,
}

/// What the popularity of the end item is worth.
#[derive(Clone, Copy, Debug)]
enum EndWeight {
    One,
    SqrtPopularity,
}

impl<'a> PathCount<'a> {
    /// The plain count.
    #[must_use]
    pub fn new(kg: &'a TrainKg) -> Self {
        Self { kg, end: EndWeight::One }
    }

    /// The count times the square root of the end item's popularity; items never chosen have no score.
    #[must_use]
    pub fn tempered(kg: &'a TrainKg) -> Self {
        Self { kg, end: EndWeight::SqrtPopularity }
    }

    /// How much of the walk from the user's items arrives at each entity, up to a factor common to all.
    fn at_entities(&self, user: NodeId, context: &Context) -> Result<BTreeMap<NodeId, f64>> {
        let mut weights = BTreeMap::new();
        for item in self.kg.items_of(user).iter().copied().map(NodeId) {
            context.check()?;
            let share = 1.0 / count(self.degree(item).max(1));
            for (_, entity) in self.facts(item).filter(|(_, node)| !self.kg.is_item(*node)) {
                *weights.entry(entity).or_insert(0.0) += share;
            }
        }
        Ok(weights)
    }

    fn facts(&self, node: NodeId) -> impl Iterator<Item = (RelationId, NodeId)> {
        self.kg.arcs(node).iter().filter(|(relation, _)| *relation != RelationId::INTERACTED_BY)
    }

    fn degree(&self, node: NodeId) -> usize {
        self.kg.degree(node) - self.kg.arcs(node).of(RelationId::INTERACTED_BY).len()
    }

    fn end_weight(&self, item: NodeId) -> f64 {
        match self.end {
            EndWeight::One => 1.0,
            EndWeight::SqrtPopularity => count(self.kg.popularity(item)).sqrt(),
        }
    }
}

impl Baseline for PathCount<'_> {
    fn id(&self) -> BaselineName {
        match self.end {
            EndWeight::One => BaselineName::PathCount,
            EndWeight::SqrtPopularity => BaselineName::PathCountTempered,
        }
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let mut scores = Scores::of_items(self.kg);
        for (entity, weight) in self.at_entities(user, context)? {
            context.check()?;
            let share = weight / count(self.degree(entity).max(1));
            self.facts(entity).for_each(|(_, node)| scores.add(node.0, share));
        }
        let weighted = |r: Recommendation| Recommendation { score: r.score * self.end_weight(r.item), ..r };
        Ok(scores.positive().map(weighted).filter(|r| r.score > 0.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    /// u chose a. a: genre noir, by kim, after b. b: genre noir, by kim, stars kim. c: genre noir. Three more chose b,
    /// one c.
    fn graph() -> TrainKg {
        let mut data = Dataset::default();
        for (user, item) in [("u", "a"), ("v", "b"), ("w", "b"), ("x", "b"), ("y", "b"), ("y", "c")] {
            data.interact(user, item);
        }
        for item in ["a", "b", "c", "d"] {
            data.link(item, &format!("film {item}"));
            data.fact(&format!("film {item}"), "genre", "noir");
        }
        let facts = [
            ("film a", "by", "kim"),
            ("film b", "by", "kim"),
            ("film b", "stars", "kim"),
            ("film a", "after", "film b"),
        ];
        facts.iter().for_each(|(head, relation, tail)| data.fact(head, relation, tail));
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    fn shown(baseline: &PathCount<'_>) -> Vec<(String, f64)> {
        let kg = baseline.kg;
        let list = baseline.recommend(kg.user("u").expect("u"), 10, &Context::default()).expect("a list");
        list.iter().map(|r| (kg.id(r.item).to_owned(), r.score)).collect()
    }

    fn assert_lists(got: &[(String, f64)], expected: &[(&str, f64)]) {
        assert_eq!(got.len(), expected.len(), "{got:?}");
        let same = |(a, b): (&(String, f64), &(&str, f64))| a.0 == b.0 && (a.1 - b.1).abs() < 1e-12;
        assert!(got.iter().zip(expected).all(same), "{got:?}");
    }

    #[test]
    fn a_case_worked_by_hand() {
        // deg(a) = 3, deg(noir) = 4, deg(kim) = 3. To b: noir 1/12, kim by two relations 2/9; to c and d: noir 1/12.
        let plain = [("b", 1.0 / 12.0 + 2.0 / 9.0), ("c", 1.0 / 12.0), ("d", 1.0 / 12.0)];
        assert_lists(&shown(&PathCount::new(&graph())), &plain);
    }

    #[test]
    fn tempering_multiplies_by_the_root_of_popularity() {
        // pop(b) = 4, pop(c) = 1, pop(d) = 0: d has no score.
        let tempered = [("b", 2.0 * (1.0 / 12.0 + 2.0 / 9.0)), ("c", 1.0 / 12.0)];
        assert_lists(&shown(&PathCount::tempered(&graph())), &tempered);
    }
}
