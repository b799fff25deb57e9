//! A score for each item, while it is added up.

use crate::recommendations::Recommendation;
use footpath_core::NodeId;
use footpath_graph::TrainKg;

/// One number for each item; 0 means none.
pub(super) struct ItemScores {
    first: u32,
    scores: Vec<f64>,
}

impl ItemScores {
    pub(super) fn new(kg: &TrainKg) -> Self {
        Self { first: kg.items().start, scores: vec![0.0; kg.items().len()] }
    }

    /// Adds to the score of a node; nodes that are no items are passed over.
    pub(super) fn add(&mut self, item: u32, weight: f64) {
        let index = item.checked_sub(self.first).and_then(|index| self.scores.get_mut(index as usize));
        if let Some(score) = index {
            *score += weight;
        }
    }

    /// The items with a score other than 0, by id.
    pub(super) fn positive(self) -> impl Iterator<Item = Recommendation> {
        let of = |(item, score): (u32, f64)| Recommendation { item: NodeId(item), score };
        (self.first..).zip(self.scores).filter(|(_, score)| *score > 0.0).map(of)
    }
}
