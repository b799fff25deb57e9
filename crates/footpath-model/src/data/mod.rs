//! From paths to batches.

mod batcher;
pub mod objective;

pub use batcher::{Batch, Batcher, Rivals, Target};
pub use objective::{Objective, Text};

/// Where the training paths of an epoch come from: a sampler that draws fresh ones, or a corpus on disk.
pub trait PathSource: Sync {
    /// Tokens of a row.
    fn width(&self) -> usize;

    /// The rows of an epoch, back to back, padded with 0. The same epoch always gives the same rows.
    ///
    /// # Errors
    /// Whatever the source meets, already worded for the user.
    fn epoch(&self, epoch: u64) -> std::result::Result<Vec<u32>, Box<dyn std::error::Error + Send + Sync>>;
}
