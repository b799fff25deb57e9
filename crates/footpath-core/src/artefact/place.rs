//! Where an output may go, and how it gets there.

use super::kind::ArtefactKind;
use super::manifest::kind_of;
use super::unfinished::warn;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Whether an output that exists may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replace {
    /// Refuse with [`Error::Exists`].
    #[default]
    No,
    /// Replace it, once the new one is complete.
    Yes,
}

/// Refuses the place of an artefact early, before any work is done for it.
///
/// # Errors
/// [`Error::Exists`] when something is there and must not be replaced; also with [`Replace::Yes`] when it is no
/// artefact of ours, so that nothing else is ever deleted. [`Error::OtherKind`] when it is an artefact of another kind,
/// and [`Error::Overlap`] inside of an artefact, which another file would spoil.
pub fn refuse_existing(destination: &Path, kind: ArtefactKind, replace: Replace) -> Result<()> {
    refuse_inside_artefact(destination)?;
    if destination.symlink_metadata().is_err() {
        return Ok(());
    }
    let path = destination.to_owned();
    match (replace, kind_of(destination)) {
        (Replace::Yes, Some(there)) if there == kind => Ok(()),
        (Replace::Yes, Some(there)) => Err(Error::OtherKind { path, kind: kind.name(), there: there.name() }),
        _ => Err(Error::Exists { path }),
    }
}

/// Refuses an output inside of an artefact, of which only the files of its manifest may be part.
pub(super) fn refuse_inside_artefact(output: &Path) -> Result<()> {
    let Some(parent) = existing(&parent_of(output)) else { return Ok(()) };
    match parent.ancestors().find(|above| kind_of(above).is_some()) {
        Some(artefact) => Err(Error::Overlap { output: output.to_owned(), input: artefact.to_owned() }),
        None => Ok(()),
    }
}

/// Refuses an output that is one of the inputs, contains one or lies within one. Directories and files are told by what
/// they are, not by how they are called, so that links and other ways to write a path make no difference. What is not
/// there, or is neither file nor directory, is no input that could be lost.
///
/// # Errors
/// [`Error::Overlap`] naming both.
pub fn refuse_overlap(output: &Path, inputs: &[&Path]) -> Result<()> {
    let overlap = |input: &Path| Error::Overlap { output: output.to_owned(), input: input.to_owned() };
    let there = Identity::of(output);
    let above: Vec<Identity> = existing(output).into_iter().flat_map(|path| identities(&path)).collect();
    for input in inputs {
        let Some(id) = Identity::of(input) else { continue };
        let around = existing(input).into_iter().flat_map(|path| identities(&path));
        if above.contains(&id) || there.is_some_and(|there| around.into_iter().any(|id| id == there)) {
            return Err(overlap(input));
        }
    }
    Ok(())
}

/// The nearest part of a path that exists, free of links.
fn existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find_map(|path| path.canonicalize().ok())
}

/// What a path and all above it are.
fn identities(path: &Path) -> Vec<Identity> {
    path.ancestors().filter_map(Identity::of).collect()
}

/// What tells a file or directory from all others.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg(unix)]
struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok().filter(|m| m.is_file() || m.is_dir())?;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Elsewhere a path without links tells it, by its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg(not(unix))]
struct Identity(u128);

#[cfg(not(unix))]
impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let canonical = path.canonicalize().ok()?;
        Some(Self(xxhash_rust::xxh3::xxh3_128(canonical.as_os_str().as_encoded_bytes())))
    }
}

/// Puts `new` where `old` is; the old one is then at the path handed back. At any moment there is the old one or the
/// new one, but for file systems that cannot exchange two directories.
pub(super) fn exchange(new: &Path, old: &Path, aside: &Path) -> io::Result<PathBuf> {
    if swap(new, old)? {
        return Ok(new.to_owned());
    }
    set_aside(new, old, aside)?;
    Ok(aside.to_owned())
}

/// The same in two steps. Between them there is neither; [`recover`] puts the old one back.
fn set_aside(new: &Path, old: &Path, aside: &Path) -> io::Result<()> {
    fs::rename(old, aside)?;
    // Give the old one back rather than leave nothing.
    fs::rename(new, old).inspect_err(|_| _ = fs::rename(aside, old))
}

/// Exchanges two directories; `false` where that is not possible.
#[cfg(target_os = "linux")]
fn swap(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn swap(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Undoes what a process left that was killed between two renames: where there is only the old output, set aside, it
/// goes back; where there is a new one, the old one goes. To be called under the lock of `destination`.
pub(super) fn recover(destination: &Path, aside: &Path) -> Result<()> {
    if aside.symlink_metadata().is_err() {
        return Ok(());
    }
    if destination.symlink_metadata().is_ok() {
        return remove_tree(aside);
    }
    fs::rename(aside, destination).map_err(Error::io(destination))?;
    warn(format!("{}: put back, as a killed process had left it aside", destination.display()));
    Ok(())
}

pub(super) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A hidden sibling.
pub(super) fn hidden(destination: &Path, suffix: &str) -> PathBuf {
    let name = destination.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    parent_of(destination).join(format!(".{name}.{suffix}"))
}

pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|d| d.sync_all()).map_err(Error::io(path))
}

/// Removes a file, or a directory with all in it, if it is there.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    // To look into a directory takes a file handle, of which there may be none left; for an empty one none is needed.
    let removed = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir(path).or_else(|_| fs::remove_dir_all(path)),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass;

    /// A directory with a file that says what it is.
    fn directory(root: &Path, name: &str, says: &str) -> PathBuf {
        let path = root.join(name);
        fs::create_dir(&path).expect("a directory");
        fs::write(path.join("says"), says).expect("written");
        path
    }

    fn says(path: &Path) -> Option<String> {
        fs::read_to_string(path.join("says")).ok()
    }

    type Exchange = fn(&Path, &Path, &Path) -> io::Result<PathBuf>;

    #[test]
    fn both_ways_to_replace_leave_the_new_one_and_hand_back_the_old() {
        let in_two_steps: Exchange = |new, old, aside| set_aside(new, old, aside).map(|()| aside.to_owned());
        for means in [exchange, in_two_steps] {
            let root = tempfile::tempdir().expect("temporary directory");
            let [new, old] = ["new", "old"].map(|name| directory(root.path(), name, name));
            let aside = root.path().join("aside");
            let back = means(&new, &old, &aside).expect("replaced");
            assert_eq!((says(&old).as_deref(), says(&back).as_deref()), (Some("new"), Some("old")));
            let failed = means(&root.path().join("nothing"), &old, &root.path().join("else"));
            assert!(failed.is_err() && says(&old).as_deref() == Some("new"), "what cannot be replaced stays");
        }
    }

    #[test]
    fn a_lone_old_one_is_put_back_and_a_superfluous_one_goes() {
        let root = tempfile::tempdir().expect("temporary directory");
        let (destination, aside) = (root.path().join("out"), directory(root.path(), ".out.old", "old"));
        recover(&destination, &aside).expect("put back");
        assert_eq!(says(&destination).as_deref(), Some("old"));
        directory(root.path(), ".out.old", "older");
        recover(&destination, &aside).expect("swept");
        assert_eq!(says(&destination).as_deref(), Some("old"));
        assert!(!aside.exists());
        recover(&destination, &aside).expect("nothing to do");
    }

    #[test]
    fn outputs_that_touch_an_input_are_refused_however_they_are_written() {
        let root = tempfile::tempdir().expect("temporary directory");
        let root = root.path();
        let input = directory(root, "kg", "");
        fs::create_dir(root.join("other")).expect("a directory");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&input, root.join("link")).expect("a link");
            std::os::unix::fs::symlink(root, root.join("other/up")).expect("a link");
        }
        let refused =
            ["kg", "kg/says", "kg/corpus", "kg/deep/er", "", "other/../kg", "link", "link/corpus", "other/up/kg"];
        for output in refused {
            let error = refuse_overlap(&root.join(output), &[Path::new("/usr"), &input]).expect_err(output);
            assert_eq!(error.class(), ErrorClass::Usage, "{error}");
            assert!(error.to_string().contains("kg"), "{error}");
        }
        for output in ["kg2", "other2/kg", "k", "other/../kg2"] {
            refuse_overlap(&root.join(output), &[&input]).expect(output);
        }
        // An input that is a file, one that is not there, and one that is neither file nor directory.
        let file = input.join("says");
        assert!(refuse_overlap(&file, &[&file]).is_err());
        assert!(refuse_overlap(root, &[&file]).is_err());
        refuse_overlap(&root.join("kg/another"), &[&file]).expect("beside it");
        refuse_overlap(&root.join("kg"), &[&root.join("kg/missing")]).expect("nothing is lost");
        refuse_overlap(Path::new("/dev/null"), &[Path::new("/dev/null")]).expect("nothing is lost");
    }

    #[test]
    #[cfg(unix)]
    fn a_hard_link_to_an_input_is_the_input() {
        let root = tempfile::tempdir().expect("temporary directory");
        let [one, other] = ["one", "other"].map(|name| root.path().join(name));
        fs::write(&one, "lists").expect("written");
        fs::hard_link(&one, &other).expect("linked");
        assert!(matches!(refuse_overlap(&other, &[&one]), Err(Error::Overlap { .. })));
    }
}
