//! What a reader of a layout is.

use super::collector::Collector;
use super::reading::Reading;
use crate::error::Result;

/// Tables of a folder in one layout, found and not yet read.
pub(super) trait Tables {
    /// Bytes of all of them as they lie on disk.
    fn bytes(&self) -> u64;

    /// Reads them, in an order in which each knows what it needs of those before.
    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()>;
}
