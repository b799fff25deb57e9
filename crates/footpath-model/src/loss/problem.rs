//! What a loss is computed from.

use crate::config::EndLoss;
use crate::data::{Batch, Target};
use crate::embeddings::Table;

/// What a loss is computed from.
pub(crate) struct Problem<'a> {
    pub(crate) batch: &'a Batch,
    pub(super) hidden: &'a [f32],
    pub(crate) output: &'a Table,
    pub(crate) bias: &'a Table,
    pub(crate) end_loss: EndLoss,
    pub(crate) total_weight: f32,
}

impl<'a> Problem<'a> {
    /// The hidden vector that predicts a target.
    pub(crate) fn hidden_of(&self, target: &Target) -> &'a [f32] {
        let width = self.output.width();
        &self.hidden[target.position as usize * width..][..width]
    }
}
