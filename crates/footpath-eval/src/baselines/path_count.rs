//! Counting the knowledge paths user – item – entity – item, each weighted by the chance that a random walk takes its
//! hops.
//!
//! Score of item j for user u: pop(j)^t times the count of [`path_counts`], with pop(j) the train interactions of j.
//! t is 0 for the plain count and ½ for the tempered one.

use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::path_counts::path_counts;

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
        let counts = path_counts(self.kg, self.kg.items_of(user), || context.check())?;
        let weighted = |(item, count): (u32, f64)| {
            let item = NodeId(item);
            Recommendation { item, score: count * self.end_weight(item) }
        };
        Ok(self.kg.items().zip(counts).map(weighted).filter(|r| r.score > 0.0).collect())
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
