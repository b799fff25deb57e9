//! Locks on output paths, so that no two processes write the same, and none sweeps away what another is writing.

use super::place::{hidden, parent_of};
use super::unfinished::unfinished;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// An exclusive lock on an output path, held while a verb works there over many artefacts (training).
#[derive(Debug)]
pub struct OutputLock {
    _lock: Lock,
}

impl OutputLock {
    /// Takes the lock of `destination`, creating its parent directory where it is missing.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process holds it, [`Error::Io`].
    pub fn take(destination: &Path) -> Result<Self> {
        let parent = parent_of(destination);
        fs::create_dir_all(&parent).map_err(Error::io(&parent))?;
        Ok(Self { _lock: Lock::take(hidden(destination, "work.lock"), destination)? })
    }
}

/// A locked file, which goes when the lock is dropped. One that a killed process left is locked by nobody, and is taken
/// over.
#[derive(Debug)]
pub(super) struct Lock {
    /// Held until the file is removed.
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Creates and locks the file at `path`, on behalf of `destination`.
    pub(super) fn take(path: PathBuf, destination: &Path) -> Result<Self> {
        let mut unfinished = unfinished();
        loop {
            let (file, is_new) = open(&path).map_err(Error::io(&path))?;
            match file.try_lock() {
                Ok(()) if is_file_at(&file, &path) => {
                    unfinished.insert(path.clone());
                    return Ok(Self { _file: file, path });
                }
                // Its last holder removed it between our opening and our locking: what we hold keeps nobody out.
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(Error::Locked { path: destination.to_owned() }),
                Err(fs::TryLockError::Error(e)) => {
                    // One that was there before may be held by somebody.
                    if is_new {
                        let _ = fs::remove_file(&path);
                    }
                    return Err(Error::io(&path)(e));
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut unfinished = unfinished();
        let _ = fs::remove_file(&self.path);
        unfinished.remove(&self.path);
    }
}

/// Opens a file, and says whether it was not there before.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::create_new(path) {
        Ok(file) => Ok((file, true)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            Ok((File::options().create(true).truncate(false).write(true).open(path)?, false))
        }
        Err(e) => Err(e),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn no_two_hold_a_lock_at_a_time() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("lock");
        let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let take_and_let_go = || {
            for _ in 0..5_000 {
                // As separate processes do: nothing but the file keeps them apart.
                let Ok(lock) = Lock::take(path.clone(), &path) else { continue };
                assert_eq!(holders.fetch_add(1, SeqCst), 0);
                std::thread::yield_now();
                holders.fetch_sub(1, SeqCst);
                taken.fetch_add(1, SeqCst);
                drop(lock);
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| _ = scope.spawn(take_and_let_go)));
        assert!(taken.into_inner() > 0);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_taken_over() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("lock");
        fs::write(&path, "").expect("written");
        drop(Lock::take(path.clone(), &path).expect("nobody holds it"));
        assert!(!path.exists());
    }
}
