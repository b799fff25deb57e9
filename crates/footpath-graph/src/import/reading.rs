//! What the reading of all files of an import shares.

use super::columns::Columns;
use super::problems::Problems;
use super::source::Budget;
use crate::error::Result;
use footpath_core::Stage;
use std::cell::Cell;
use std::rc::Rc;

/// The reading of the files of one import.
pub(super) struct Reading<'a> {
    pub(super) problems: &'a mut Problems,
    /// Unpacked bytes that may still be read.
    pub(super) budget: Budget,
    /// What the files call their columns.
    pub(super) columns: &'a Columns,
    /// Columns of the items' table that are attributes.
    pub(super) attributes: &'a [String],
    stage: &'a Stage<'a>,
    /// Bytes of the files that were read before; none of a look aside.
    done_bytes: Option<u64>,
}

impl<'a> Reading<'a> {
    /// Within a stage that counts the bytes of all files as they lie on disk.
    pub(super) fn new(problems: &'a mut Problems, budget: Budget, columns: &'a Columns, stage: &'a Stage<'a>) -> Self {
        Self { problems, budget, columns, attributes: &[], stage, done_bytes: Some(0) }
    }

    /// The same, where columns of the items' table are attributes.
    pub(super) fn with_attributes(self, attributes: &'a [String]) -> Self {
        Self { attributes, ..self }
    }

    /// A look into a file that will be read later, which leaves no trace but in `problems`.
    pub(super) fn aside<'b>(&'b self, problems: &'b mut Problems) -> Reading<'b> {
        let budget = Rc::new(Cell::new(self.budget.get()));
        let Self { columns, attributes, stage, .. } = *self;
        Reading { problems, budget, columns, attributes, stage, done_bytes: None }
    }

    /// Notes how many bytes of the current file were read.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn reach(&self, bytes: u64) -> Result<()> {
        match self.done_bytes {
            Some(before) => Ok(self.stage.reach(before + bytes)?),
            None => Ok(self.stage.advance(0)?),
        }
    }

    /// Goes on after a file of so many bytes.
    pub(super) fn end_of_file(&mut self, bytes: u64) {
        self.done_bytes = self.done_bytes.map(|done| done + bytes);
    }
}
