//! Popularity: the same order for all, most chosen in training first.

use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;

/// Score of an item: its number of train interactions. Items never chosen have a score too, 0.
#[derive(Clone, Copy, Debug)]
pub struct Popularity<'a> {
    kg: &'a TrainKg,
}

impl<'a> Popularity<'a> {
    /// There is nothing to learn: the graph knows the counts.
    #[must_use]
    pub fn new(kg: &'a TrainKg) -> Self {
        Self { kg }
    }
}

impl Baseline for Popularity<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::Popularity
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, _: &Context) -> Result<Vec<Recommendation>> {
        if !self.kg.users().contains(&user.0) {
            return Ok(Vec::new());
        }
        let items = self.kg.items().map(NodeId);
        Ok(items.map(|item| Recommendation { item, score: count(self.kg.popularity(item)) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    #[test]
    fn the_most_chosen_item_comes_first_and_ties_go_by_id() {
        let mut data = Dataset::default();
        for (user, item) in [("u", "d"), ("v", "c"), ("w", "c"), ("v", "b"), ("w", "a")] {
            data.interact(user, item);
        }
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let list = Popularity::new(&kg).recommend(kg.user("u").expect("u"), 10, &Context::default()).expect("a list");
        let shown: Vec<_> = list.iter().map(|r| (kg.id(r.item), r.score)).collect();
        assert_eq!(shown, [("c", 2.0), ("a", 1.0), ("b", 1.0)]);
    }
}
