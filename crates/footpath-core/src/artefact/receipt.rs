//! Receipts: a note inside a large artefact that its bytes were verified, so that the next one to open it need not read
//! them all.
//!
//! ```text
//! verified.json   { "checks": 2, "seal": of the manifest,
//!                   "files": { name: { device, inode, bytes, modified, changed } } }
//! ```
//!
//! A receipt holds as long as the operating system says the same of every file. Whoever writes to a file, copies or
//! replaces it, changes its time of change (`ctime`), which no program can set. Two writes within one tick of that
//! clock cannot be told apart, so a receipt is left only if every file had rested for [`MARGIN_SECONDS`] when its
//! verification began. The time is that of the file system, asked by making a file.
//!
//! A write through a memory map changes the time only when it makes a clean page dirty; further ones to the same page
//! change nothing until the page has been written back. So every file is synced before its state is taken: from then on
//! the first write to any page is seen. On a file system in memory (tmpfs) pages never become clean and are writable
//! from the first time they are read, so there such writes are not seen at all; and what a server says of a file on a
//! network may be old. Hence receipts are left, and believed, only on the file systems that [`hold_on`] names.
//!
//! What a receipt cannot see is a disk that loses bits by itself: to find that, everything has to be read.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Name of a receipt; those being written have more behind it.
const RECEIPT: &str = "verified.json";
/// Version of the checks: a receipt of others is worth nothing. Those of version 1 were left without syncing, and
/// anywhere.
const CHECKS: u32 = 2;
/// Longest receipt that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How long all files must have rested, in seconds. No file system in use counts time more coarsely than in steps of
/// two seconds.
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

    /// As they are once every file is synced, so that every write from now on changes a time.
    pub(super) fn once_synced<'a>(directory: &Path, names: impl Iterator<Item = &'a String> + Clone) -> Option<Self> {
        names.clone().try_for_each(|name| File::open(directory.join(name)).and_then(|file| file.sync_all())).ok()?;
        Self::of(directory, names)
    }
}

/// Whether a receipt holds on the file system of a directory: whether every kind of write to a file (also through a
/// memory map, past the page cache, by truncation and by a rename over it) changes what the system says of the file.
///
/// ext4 is shown by the tests of this module, where they run on it; xfs and btrfs make a page writable by a call of
/// their own as it does, in which they set the time. What lies below an overlay cannot be told, and it may be a file
/// system in memory.
#[cfg(target_os = "linux")]
pub(super) fn hold_on(directory: &Path) -> bool {
    const EXT4: i64 = 0xEF53;
    const XFS: i64 = 0x5846_5342;
    const BTRFS: i64 = 0x9123_683E;
    #[expect(clippy::useless_conversion, reason = "the type of the number differs from platform to platform")]
    let kind = rustix::fs::statfs(directory).map(|system| i64::from(system.f_type));
    matches!(kind, Ok(EXT4 | XFS | BTRFS))
}

/// Elsewhere it was not shown.
#[cfg(not(target_os = "linux"))]
pub(super) fn hold_on(_: &Path) -> bool {
    false
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

/// Whether all files have rested long enough for a verification that begins now; `false` when the directory cannot be
/// written.
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
    let _unfinished = super::unfinished::unfinished();
    // Those of this process wait for each other. What others have there was most likely left by killed ones; if not,
    // they leave no receipt this time, which costs nothing but time.
    for entry in fs::read_dir(directory)?.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name != RECEIPT && is_name(name)) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let done = File::create_new(&path).and_then(|file| work(file, &path));
    if done.is_err() {
        let _ = fs::remove_file(&path);
    }
    done
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::artefact::{Artefact, ArtefactKind, ArtefactWriter, OpenOptions, Replace};
    use crate::context::Context;
    use crate::{Error, ErrorClass};
    use std::path::PathBuf;
    use std::time::Duration;

    const EVERY_SIZE: OpenOptions = OpenOptions { trust_receipt: true, receipt_min_bytes: 0 };

    fn open(directory: &Path, options: OpenOptions) -> Result<Artefact, Error> {
        Artefact::open_with(directory, ArtefactKind::Kg, options, &Context::default())
    }

    struct Sample {
        root: tempfile::TempDir,
        directory: PathBuf,
    }

    impl Sample {
        /// A published artefact that was opened and confirmed once.
        fn new() -> Self {
            let root = tempfile::tempdir().expect("temporary directory");
            let directory = root.path().join("kg");
            let mut writer = ArtefactWriter::create(&directory, ArtefactKind::Kg, Replace::No).expect("created");
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
            open(&self.directory, EVERY_SIZE)
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
        let in_full = open(&sample.directory, OpenOptions { trust_receipt: false, ..EVERY_SIZE });
        assert!(!in_full.expect("opens").has_receipt());
        assert!(!open(&sample.directory, OpenOptions::default()).expect("opens").has_receipt(), "it is a small one");
        let moved = sample.root.path().join("moved");
        fs::rename(&sample.directory, &moved).expect("moved");
        assert!(open(&moved, EVERY_SIZE).expect("opens").has_receipt(), "the files are the same");
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
            good.replace("\"checks\": 2", "\"checks\": 1"),
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

    /// Made ready before an artefact is verified, and done after it has its receipt.
    type Change = Box<dyn FnOnce()>;
    type Prepare = fn(&Path) -> Change;

    /// Every way to change a file that a process has.
    const CHANGES: [(&str, Prepare); 9] = [
        ("a write", |path| {
            let path = path.to_owned();
            Box::new(move || overwrite(&File::options().write(true).open(path).expect("opened")))
        }),
        ("a write by a handle from before", |path| {
            let file = File::options().write(true).open(path).expect("opened");
            Box::new(move || overwrite(&file))
        }),
        ("a write whose time is set back", |path| {
            let file = File::options().write(true).open(path).expect("opened");
            let modified = file.metadata().and_then(|m| m.modified()).expect("a time");
            Box::new(move || {
                overwrite(&file);
                file.set_modified(modified).expect("set back");
            })
        }),
        ("a write past the page cache", |path| {
            use std::os::unix::fs::{FileExt, OpenOptionsExt};
            let file = File::options().write(true).custom_flags(libc::O_DIRECT).open(path);
            let Ok(file) = file else { return Box::new(|| ()) };
            Box::new(move || {
                let room = vec![b'x'; 2 * PAGE];
                let start = room.as_ptr().align_offset(PAGE);
                file.write_all_at(&room[start..start + PAGE], 0).expect("written");
            })
        }),
        ("a write by a map from before", |path| {
            let mut map = map(path);
            Box::new(move || map[0] = b'x')
        }),
        ("a write by a map that was read before", |path| {
            let mut map = map(path);
            assert_eq!(std::hint::black_box(map[0]), b'h');
            Box::new(move || map[0] = b'x')
        }),
        ("a write by a map that was written before", |path| {
            let mut map = map(path);
            map[0] = b'h';
            Box::new(move || map[0] = b'x')
        }),
        ("a truncation that is filled up again", |path| {
            let file = File::options().write(true).open(path).expect("opened");
            Box::new(move || {
                file.set_len(0).expect("cut");
                file.set_len(2 * PAGE as u64).expect("filled");
            })
        }),
        ("another file in its place", |path| {
            let (path, other) = (path.to_owned(), path.with_file_name("../other"));
            fs::write(&other, vec![b'x'; 2 * PAGE]).expect("written");
            Box::new(move || fs::rename(other, path).expect("renamed"))
        }),
    ];

    const PAGE: usize = 4096;

    fn overwrite(file: &File) {
        std::os::unix::fs::FileExt::write_all_at(file, b"x", 0).expect("written");
    }

    #[expect(unsafe_code, reason = "to write through a map is what is tried here")]
    fn map(path: &Path) -> memmap2::MmapMut {
        let file = File::options().read(true).write(true).open(path).expect("opened");
        // SAFETY: the file is this test's own, and nobody cuts it short while it is mapped.
        unsafe { memmap2::MmapMut::map_mut(&file) }.expect("mapped")
    }

    /// Wherever there are receipts, they see every change. In the directory of temporary files, in shared memory, and
    /// wherever else `FOOTPATH_RECEIPT_PLACES` says, separated by colons.
    #[test]
    fn every_change_of_a_file_voids_its_receipt() {
        let named = std::env::var("FOOTPATH_RECEIPT_PLACES").unwrap_or_default();
        let named = named.split(':').filter(|place| !place.is_empty()).map(PathBuf::from);
        let all = named.chain([std::env::temp_dir(), PathBuf::from("/dev/shm")]);
        for place in all.filter(|place| place.is_dir()) {
            for (name, change) in CHANGES {
                let root = tempfile::tempdir_in(&place).expect("temporary directory");
                let sample = Sample { directory: root.path().join("kg"), root };
                let mut writer =
                    ArtefactWriter::create(&sample.directory, ArtefactKind::Kg, Replace::No).expect("created");
                writer.add("a.txt", |out| out.write_all(&[b'h'; 2 * PAGE])).expect("added");
                writer.publish(BTreeMap::new(), serde_json::Value::Null).expect("published");
                let change = change(&sample.directory.join("a.txt"));
                std::thread::sleep(Duration::from_millis(50));
                assert!(!sample.is_trusted());
                assert_eq!(sample.is_trusted(), hold_on(&place), "{}", place.display());
                change();
                let opened = sample.open();
                let unseen = opened.as_ref().is_ok_and(Artefact::has_receipt);
                assert!(!unseen, "{name} in {} was not seen", place.display());
            }
        }
    }
}
