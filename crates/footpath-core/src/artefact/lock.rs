//! Locks on output paths, so that no two processes write the same.

use super::{parent_of, unfinished};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// An exclusive lock on an output path, held while a verb works there over many artefacts (training).
#[derive(Debug)]
pub struct OutputLock {
    _file: File,
    path: PathBuf,
}

impl OutputLock {
    /// Takes the lock of `destination`, creating its parent directory where it is missing.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process holds it, [`Error::Io`].
    pub fn take(destination: &Path) -> Result<Self> {
        let parent = parent_of(destination);
        fs::create_dir_all(&parent).map_err(Error::io(&parent))?;
        let name = destination.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut unfinished = unfinished();
        let (file, path) = take_lock(&parent.join(format!(".{name}.work.lock")), destination)?;
        unfinished.insert(path.clone());
        Ok(Self { _file: file, path })
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        unfinished().remove(&self.path);
        let _ = fs::remove_file(&self.path);
    }
}

/// Creates and locks a file; the file and its path.
pub(super) fn take_lock(path: &Path, destination: &Path) -> Result<(File, PathBuf)> {
    loop {
        let file = File::options().create(true).truncate(false).write(true).open(path).map_err(Error::io(path))?;
        match file.try_lock() {
            Ok(()) if is_file_at(&file, path) => return Ok((file, path.to_owned())),
            // Its last holder removed it between our opening and our locking: what we hold keeps nobody out.
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(Error::Locked { path: destination.to_owned() }),
            Err(fs::TryLockError::Error(e)) => return Err(Error::io(path)(e)),
        }
    }
}

/// Whether `file` is still what `path` names.
#[cfg(unix)]
fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |m: fs::Metadata| (m.dev(), m.ino());
    let (ours, there) = (file.metadata().map(place), fs::metadata(path).map(place));
    matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_file_at(_: &File, _: &Path) -> bool {
    true
}
