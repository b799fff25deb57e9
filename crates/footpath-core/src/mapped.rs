//! The one place that maps a file into memory.

#![expect(unsafe_code, reason = "mapping a file is unsafe: another process could change it under us")]

use crate::error::{Error, Result};
use crate::last_words::{Watched, watch};
use std::fs::File;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file.
#[derive(Debug)]
pub(crate) struct Map {
    /// Goes before the map does.
    _watched: Watched,
    bytes: memmap2::Mmap,
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Maps a published artefact file read-only.
pub(crate) fn map(path: &Path) -> Result<Map> {
    let file = File::open(path).map_err(Error::io(path))?;
    map_part(path, &file, &memmap2::MmapOptions::new())
}

fn map_part(path: &Path, file: &File, part: &memmap2::MmapOptions) -> Result<Map> {
    // SAFETY: only files of published artefacts are mapped. Footpath never writes to one in place (artefacts are
    // replaced by renaming a directory, which keeps the mapped inode alive), and user input is never mapped. Where
    // somebody else cuts one short, the process ends: see `last_words`.
    let bytes = unsafe { part.map(file) }.map_err(Error::io(path))?;
    Ok(Map { _watched: watch(path, &bytes), bytes })
}

/// Bytes of a window that is small beside memory and large beside the cost of mapping it.
pub(crate) const WINDOW: u64 = 64 << 20;

/// Shows a published artefact file from its beginning to its end, a window of so many bytes (a multiple of the pages of
/// memory) at a time: nothing is copied, and a file may be larger than memory.
pub(crate) fn in_windows(path: &Path, window: u64, mut look: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let len = file.metadata().map_err(Error::io(path))?.len();
    let mut offset = 0;
    while offset < len {
        let mut part = memmap2::MmapOptions::new();
        part.offset(offset).len(usize::try_from(window.min(len - offset)).unwrap_or(usize::MAX));
        look(&map_part(path, &file, &part)?)?;
        offset += window;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_show_every_byte_once_and_in_order() {
        const WINDOW: u64 = 1 << 16;
        for len in [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 5] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), &bytes).expect("written");
            let mut seen = Vec::new();
            let look = |window: &[u8]| {
                seen.extend_from_slice(window);
                Ok(())
            };
            in_windows(file.path(), WINDOW, look).expect("mapped");
            assert!(seen == bytes, "{len} bytes");
        }
    }
}
