//! What is being written just now and must not outlive an interrupt.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while anything is created or renamed, so that what is removed stays removed.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// What went wrong after an output was in place, in words.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(super) fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything half-written by this process, and keeps its other threads from creating more. For the moment
/// before it is ended by a signal: whoever writes an artefact afterwards waits for that end.
pub fn remove_unfinished() {
    let paths = unfinished();
    for path in paths.iter() {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(path);
    }
    std::mem::forget(paths);
}

pub(super) fn warn(warning: String) {
    WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
}

/// What went wrong after an output was in place, such as an old one that could not be removed: the output is whole, so
/// these are no errors. Each is handed out once.
#[must_use]
pub fn take_warnings() -> Vec<String> {
    std::mem::take(&mut WARNINGS.lock().unwrap_or_else(PoisonError::into_inner))
}
