//! Receipts: a note inside a large artefact that its bytes were verified, so that the next one to open it need not read them all.
//!
//! ```text
//! verified.json   { "checks": 1, "seal": of the manifest, "files": { name: { device, inode, bytes, modified, changed } } }
//! ```
//!
//! A receipt holds as long as the operating system says the same of every file. Whoever writes to a file, copies or replaces it, changes
//! its time of change (`ctime`), which no program can set. Two writes within one tick of that clock cannot be told apart, so a receipt is left
//! only if every file had rested for [`MARGIN_SECONDS`] when its verification began. The time is that of the file system, asked by making a file.
//!
//! What a receipt cannot see is a disk that loses bits by itself: to find that, everything has to be read.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Name of a receipt; those being written have more behind it.
const RECEIPT: &str = "verified.json";
/// Version of the checks: a receipt of others is worth nothing.
const CHECKS: u32 = 1;
/// Longest receipt that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How long all files must have rested, in seconds. No file system in use counts time more coarsely than in steps of two seconds.
const MARGIN_SECONDS: i64 = if cfg!(test) { 0 } else { 3 };

/// What the operating system says of a file. Times are seconds and nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: [i64; 2],
    changed: [i64; 2],
}

impl FileState {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: [metadata.mtime(), metadata.mtime_nsec()],
            changed: [metadata.ctime(), metadata.ctime_nsec()],
        })
    }

    /// Elsewhere nothing tells that a file was changed and its times set back, so there are no receipts.
    #[cfg(not(unix))]
    fn of(_: &fs::Metadata) -> Option<Self> {
        None
    }
}

/// The states of all files of an artefact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct States(BTreeMap<String, FileState>);

impl States {
    /// As they are now; none when a file is missing, no plain file, or the system cannot tell.
    pub(super) fn of<'a>(directory: &Path, names: impl Iterator<Item = &'a String>) -> Option<Self> {
        let state = |name: &String| {
            let metadata = fs::symlink_metadata(directory.join(name)).ok()?;
            Some((name.clone(), FileState::of(&metadata)?))
        };
        names.map(state).collect::<Option<_>>().map(Self)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    checks: u32,
    seal: String,
    files: BTreeMap<String, FileState>,
}

/// Whether a name in an artefact is that of a receipt, or of one being written.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(RECEIPT)
}

/// Whether the artefact has a receipt for the manifest with this seal and these states.
pub(super) fn holds(directory: &Path, seal: &str, states: &States) -> bool {
    read(directory).is_some_and(|r| r.checks == CHECKS && r.seal == seal && r.files == states.0)
}

fn read(directory: &Path) -> Option<Receipt> {
    let path = directory.join(RECEIPT);
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    File::open(&path).ok()?.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Whether all files have rested long enough for a verification that begins now; `false` when the directory cannot be written.
pub(super) fn have_rested(directory: &Path, states: &States) -> bool {
    let now = with_scratch(directory, |file, path| {
        let state = FileState::of(&file.metadata()?);
        fs::remove_file(path)?;
        Ok(state)
    });
    let Ok(Some(FileState { changed: [now, _], .. })) = now else { return false };
    states.0.values().all(|state| state.changed[0].saturating_add(MARGIN_SECONDS) <= now)
}

/// Leaves a receipt, whole or not at all. Where that fails there is none, which costs time and nothing else.
pub(super) fn leave(directory: &Path, seal: &str, states: &States) -> io::Result<()> {
    let receipt = Receipt { checks: CHECKS, seal: seal.to_owned(), files: states.0.clone() };
    let mut text = serde_json::to_vec_pretty(&receipt)?;
    text.push(b'\n');
    with_scratch(directory, |mut file, path| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(path, directory.join(RECEIPT))
    })
}

/// Makes a file beside the receipt for `work`, which removes or renames it.
fn with_scratch<T>(directory: &Path, work: impl FnOnce(File, &Path) -> io::Result<T>) -> io::Result<T> {
    let path = directory.join(format!("{RECEIPT}.{}.tmp", std::process::id()));
    // Held to the end: an interrupt either comes before the file or finds it gone.
    let _unfinished = super::unfinished();
    // One that is there was left by a killed process: those of this one wait for each other.
    let _ = fs::remove_file(&path);
    let done = File::create_new(&path).and_then(|file| work(file, &path));
    if done.is_err() {
        let _ = fs::remove_file(&path);
    }
    done
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::artefact::{Artefact, ArtefactWriter, OpenOptions, Replace};
    use crate::{Error, ErrorClass};
    use std::path::PathBuf;
    use std::time::Duration;

    const EVERY_SIZE: OpenOptions = OpenOptions { trust_receipt: true, receipt_min_bytes: 0 };

    struct Sample {
        root: tempfile::TempDir,
        directory: PathBuf,
    }

    impl Sample {
        /// A published artefact that was opened and confirmed once.
        fn new() -> Self {
            let root = tempfile::tempdir().expect("temporary directory");
            let directory = root.path().join("kg");
            let mut writer = ArtefactWriter::create(&directory, "kg", Replace::No).expect("created");
            for name in ["a.txt", "b.txt"] {
                writer.add(name, |out| out.write_all(b"hello")).expect("added");
            }
            writer.publish(BTreeMap::new(), serde_json::Value::Null).expect("published");
            // In tests files need not rest for seconds, but for longer than the steps of the clock.
            std::thread::sleep(Duration::from_millis(50));
            let sample = Self { root, directory };
            assert!(!sample.is_trusted());
            sample
        }

        fn open(&self) -> Result<Artefact, Error> {
            Artefact::open_with(&self.directory, "kg", EVERY_SIZE)
        }

        /// Whether opening it goes by the receipt; leaves one otherwise.
        fn is_trusted(&self) -> bool {
            let artefact = self.open().expect("opens");
            artefact.leave_receipt();
            artefact.has_receipt()
        }

        fn receipt(&self) -> PathBuf {
            self.directory.join(RECEIPT)
        }
    }

    #[test]
    fn an_untouched_artefact_is_read_once() {
        let sample = Sample::new();
        assert!(sample.is_trusted() && sample.is_trusted());
        let in_full = Artefact::open_with(&sample.directory, "kg", OpenOptions { trust_receipt: false, ..EVERY_SIZE });
        assert!(!in_full.expect("opens").has_receipt());
        assert!(!Artefact::open(&sample.directory, "kg").expect("opens").has_receipt(), "it is a small one");
        let moved = sample.root.path().join("moved");
        fs::rename(&sample.directory, &moved).expect("moved");
        assert!(Artefact::open_with(&moved, "kg", EVERY_SIZE).expect("opens").has_receipt(), "the files are the same");
    }

    #[test]
    fn any_write_is_found() {
        for name in ["a.txt", "b.txt"] {
            let sample = Sample::new();
            let path = sample.directory.join(name);
            let modified = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
            fs::write(&path, "hellp").expect("written");
            File::options().write(true).open(&path).and_then(|f| f.set_modified(modified)).expect("time set back");
            let error = sample.open().expect_err("a flipped bit");
            assert_eq!(error.class(), ErrorClass::Artefact, "{error}");
            fs::remove_file(&path).expect("removed");
            assert!(matches!(sample.open(), Err(Error::Corrupt { .. })));
        }
    }

    #[test]
    fn touched_and_copied_files_are_read_again() {
        let sample = Sample::new();
        let path = sample.directory.join("a.txt");
        File::options().write(true).open(&path).and_then(|f| f.set_modified(std::time::UNIX_EPOCH)).expect("touched");
        std::thread::sleep(Duration::from_millis(50));
        assert!(!sample.is_trusted());
        assert!(sample.is_trusted());
        let copy = Sample {
            root: tempfile::tempdir().expect("temporary directory"),
            directory: sample.root.path().join("copy"),
        };
        fs::create_dir(&copy.directory).expect("directory");
        for entry in fs::read_dir(&sample.directory).expect("files") {
            let entry = entry.expect("a file");
            fs::copy(entry.path(), copy.directory.join(entry.file_name())).expect("copied");
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(copy.receipt().exists() && !copy.is_trusted());
    }

    #[test]
    fn a_receipt_of_anything_else_is_worth_nothing() {
        let sample = Sample::new();
        let good = fs::read_to_string(sample.receipt()).expect("receipt");
        let forgeries = [
            String::new(),
            "{".to_owned(),
            "[".repeat(100_000),
            good.replace("\"checks\": 1", "\"checks\": 2"),
            good.replace("\"seal\": \"", "\"seal\": \"0"),
            good.replace("\"bytes\": 5", "\"bytes\": 6"),
            good.replace("\"inode\": ", "\"inode\": 1"),
            good.replace("a.txt", "../a.txt"),
            good.replace("\"inode\": ", "\"inode\": 99999999999999999999"),
            good.replace("\"inode\": ", "\"inode\": -"),
        ];
        for forged in forgeries {
            assert_ne!(forged, good);
            fs::write(sample.receipt(), &forged).expect("written");
            assert!(!sample.is_trusted(), "{}", &forged[..forged.len().min(300)]);
            assert!(sample.is_trusted(), "a good one took its place");
        }
        fs::remove_file(sample.receipt()).expect("removed");
        fs::create_dir(sample.receipt()).expect("directory");
        assert!(!sample.is_trusted() && !sample.is_trusted());
    }

    #[test]
    fn nothing_is_left_where_files_change_meanwhile() {
        let sample = Sample::new();
        fs::remove_file(sample.receipt()).expect("removed");
        let artefact = sample.open().expect("opens");
        fs::write(sample.directory.join("a.txt"), "hellp").expect("written");
        artefact.leave_receipt();
        assert!(!sample.receipt().exists());
    }

    #[test]
    fn files_must_have_rested() {
        let sample = Sample::new();
        let names = ["a.txt".to_owned()];
        let mut states = States::of(&sample.directory, names.iter()).expect("a state");
        assert!(have_rested(&sample.directory, &states));
        states.0.values_mut().for_each(|state| state.changed[0] += 3600);
        assert!(!have_rested(&sample.directory, &states));
        assert!(!have_rested(&sample.directory.join("missing"), &states), "where nothing can be written");
        let scratch =
            |entry: io::Result<fs::DirEntry>| entry.expect("entry").file_name().to_string_lossy().ends_with("tmp");
        assert!(!fs::read_dir(&sample.directory).expect("files").any(scratch));
    }
}
