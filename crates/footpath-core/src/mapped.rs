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

/// Bytes that are mapped together by [`in_windows`].
const WINDOW: u64 = 64 << 20;

/// Shows a published artefact file from its beginning to its end, a window at a time: nothing is copied, and a file may be larger than memory.
pub(crate) fn in_windows(path: &Path, mut look: impl FnMut(&[u8])) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let len = file.metadata().map_err(Error::io(path))?.len();
    let mut offset = 0;
    while offset < len {
        let window = WINDOW.min(len - offset);
        let mut options = memmap2::MmapOptions::new();
        options.offset(offset).len(usize::try_from(window).unwrap_or(usize::MAX));
        // SAFETY: as for `map`.
        let window = unsafe { options.map(&file) }.map_err(Error::io(path))?;
        look(&window);
        offset += WINDOW;
    }
    Ok(())
}
