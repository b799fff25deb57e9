//! A score for each node of a range, while it is added up.

use crate::recommendations::Recommendation;
use footpath_core::NodeId;
use footpath_graph::TrainKg;
use std::ops::Range;

/// One number for each node of a range; 0 means none.
pub(super) struct Scores {
    first: u32,
    scores: Vec<f64>,
}

impl Scores {
    /// For the nodes of a range, such as the users.
    pub(super) fn over(nodes: Range<u32>) -> Self {
        Self { first: nodes.start, scores: vec![0.0; nodes.len()] }
    }

    /// For the items.
    pub(super) fn of_items(kg: &TrainKg) -> Self {
        Self::over(kg.items())
    }

    /// Adds to the score of a node; nodes outside the range are passed over.
    pub(super) fn add(&mut self, node: u32, weight: f64) {
        let index = node.checked_sub(self.first).and_then(|index| self.scores.get_mut(index as usize));
        if let Some(score) = index {
            *score += weight;
        }
    }

    /// The nodes with their scores, by id.
    pub(super) fn all(self) -> impl Iterator<Item = Recommendation> {
        let of = |(item, score): (u32, f64)| Recommendation { item: NodeId(item), score };
        (self.first..).zip(self.scores).map(of)
    }

    /// The nodes with a positive score, by id.
    pub(super) fn positive(self) -> impl Iterator<Item = Recommendation> {
        self.all().filter(|r| r.score > 0.0)
    }
}
