//! What the reading of all files of an import shares.

use super::problems::Problems;
use super::source::Budget;
use crate::error::Result;
use footpath_core::Stage;

/// The reading of the files of one import.
pub(super) struct Reading<'a> {
    pub(super) problems: &'a mut Problems,
    /// Unpacked bytes that may still be read.
    pub(super) budget: Budget,
    stage: &'a Stage<'a>,
    /// Bytes of the files that were read before.
    done_bytes: u64,
}

impl<'a> Reading<'a> {
    /// Within a stage that counts the bytes of all files as they lie on disk.
    pub(super) fn new(problems: &'a mut Problems, budget: Budget, stage: &'a Stage<'a>) -> Self {
        Self { problems, budget, stage, done_bytes: 0 }
    }

    /// Notes how many bytes of the current file were read.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn reach(&self, bytes: u64) -> Result<()> {
        Ok(self.stage.reach(self.done_bytes + bytes)?)
    }

    /// Goes on after a file of so many bytes.
    pub(super) fn end_of_file(&mut self, bytes: u64) {
        self.done_bytes += bytes;
    }
}
