//! What a reader of a layout is.

use super::collector::Collector;
use super::folder::File;
use super::reading::Reading;
use crate::error::Result;

/// Tables of a folder in one layout, found and not yet read.
pub(super) trait Tables {
    /// The files, each with what it is read as, in the order of reading.
    fn plan(&self) -> Vec<(File, String)>;

    /// Reads them, in an order in which each knows what it needs of those before.
    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()>;

    /// Bytes of all of them as they lie on disk.
    fn bytes(&self) -> u64 {
        self.plan().iter().map(|(file, _)| file.bytes()).sum()
    }
}

/// Files with what each is read as, for [`Tables::plan`].
#[derive(Default)]
pub(super) struct Plan(Vec<(File, String)>);

impl Plan {
    /// A file that is there or not.
    pub(super) fn with<'f>(mut self, files: impl IntoIterator<Item = &'f File>, what: &str) -> Self {
        self.0.extend(files.into_iter().map(|file| (file.clone(), what.to_owned())));
        self
    }

    pub(super) fn done(self) -> Vec<(File, String)> {
        self.0
    }
}
