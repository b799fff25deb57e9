//! The one place that maps a file into memory.

#![expect(unsafe_code, reason = "mapping a file is unsafe: another process could change it under us")]

use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;

/// Maps a published artefact file read-only.
pub(crate) fn map(path: &Path) -> Result<memmap2::Mmap> {
    let file = File::open(path).map_err(Error::io(path))?;
    // SAFETY: only files of published artefacts are mapped. Footpath never writes to one in place (artefacts are
    // replaced by renaming a directory, which keeps the mapped inode alive), and user input is never mapped.
    unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io(path))
}
