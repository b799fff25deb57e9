//! From paths to batches.

mod batcher;
pub(crate) mod loader;
pub mod objective;

pub use batcher::{Batch, Batcher, CandidateSet, Target};
pub use objective::{Objective, ObjectiveKind, Text};

use footpath_core::Context;

/// Where the training paths of an epoch come from: a sampler that draws fresh ones, or a corpus on disk.
pub trait PathSource: Sync {
    /// Tokens of a row.
    fn width(&self) -> usize;

    /// Parts that an epoch is read in, each shuffled by itself: what bounds memory. At least 1.
    fn num_portions(&self) -> u64;

    /// The rows of a portion (from 0) of an epoch, back to back, padded with 0. The same portion of the same epoch
    /// always gives the same rows, and every portion has rows of all users, as far as they go round.
    ///
    /// # Errors
    /// Whatever the source meets, already worded for the user; [`footpath_core::Error::Stopped`] when `context` says
    /// so.
    fn portion(
        &self,
        epoch: u64,
        portion: u64,
        context: &Context,
    ) -> std::result::Result<Vec<u32>, Box<dyn std::error::Error + Send + Sync>>;
}
