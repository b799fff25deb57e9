//! Random order: what a ranker that knows nothing reaches.

use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, Purpose, Stream};
use footpath_graph::TrainKg;

/// Score of an item: a uniform number, a function of seed, user and item.
#[derive(Clone, Copy, Debug)]
pub struct Random<'a> {
    kg: &'a TrainKg,
    seed: u64,
}

impl<'a> Random<'a> {
    /// The same seed gives the same lists.
    #[must_use]
    pub fn new(kg: &'a TrainKg, seed: u64) -> Self {
        Self { kg, seed }
    }
}

impl Baseline for Random<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::Random
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, _: &Context) -> Result<Vec<Recommendation>> {
        if !self.kg.users().contains(&user.0) {
            return Ok(Vec::new());
        }
        let mut stream = Stream::new(self.seed, Purpose::RandomBaseline, user.0, 0);
        Ok(self.kg.items().map(|item| Recommendation { item: NodeId(item), score: stream.unit() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    #[test]
    fn every_unseen_item_is_first_equally_often_and_the_seed_decides() {
        let mut data = Dataset::default();
        data.interact("u", "seen");
        ["a", "b", "c", "d"].iter().for_each(|item| data.interact("v", item));
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let user = kg.user("u").expect("u");
        let mut firsts = std::collections::BTreeMap::new();
        for seed in 0..4_000 {
            let list = Random::new(&kg, seed).recommend(user, 1, &Context::default()).expect("a list");
            let first = list.first().map(|r| r.item);
            *firsts.entry(first.expect("an item")).or_insert(0u32) += 1;
        }
        let chi2: f64 = firsts.values().map(|&c| (f64::from(c) - 1_000.0).powi(2) / 1_000.0).sum();
        assert_eq!(firsts.len(), 4);
        assert!(chi2 < 30.7, "chi² with 3 degrees of freedom is {chi2}, over the 1e-6 quantile");
    }
}
