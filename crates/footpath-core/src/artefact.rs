//! Artefacts: directories that exist whole or not at all.
//!
//! An artefact is a directory of files and a `manifest.json`. It is built in a hidden sibling, synced to disk, and put in place by one
//! rename, so a crash leaves either the old artefact, none, or the new one. Without its manifest it does not exist.
//!
//! Opening one reads and hashes all of it, but for large ones that were verified before and have not been touched since: see [`OpenOptions`].
//!
//! This is the only module of Footpath that creates files in an output directory.

mod lock;
mod receipt;
mod writer;

pub use lock::OutputLock;
pub use writer::{ArtefactFile, ArtefactWriter, publish_file, refuse_existing_file};

use crate::error::{Error, Result};
use crate::mapped;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Format version written and read by this tool.
pub const FORMAT_VERSION: u32 = 2;
/// Longest manifest accepted, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;
const MANIFEST: &str = "manifest.json";
/// Stands for the seal of a manifest while it is computed.
const NO_SEAL: &str = "00000000000000000000000000000000";

/// What is being written just now and must not outlive an interrupt. Held while anything is created or renamed, so that what is
/// removed stays removed.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything half-written by this process, and keeps its other threads from creating more. For the moment before it is ended by
/// a signal: whoever writes an artefact afterwards waits for that end.
pub fn remove_unfinished() {
    let paths = unfinished();
    for path in paths.iter() {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(path);
    }
    std::mem::forget(paths);
}

/// Size and hash of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Size in bytes.
    pub bytes: u64,
    /// XXH3-128 of the content, 32 hexadecimal digits.
    pub xxh3: String,
}

/// What an artefact is, what it is made of and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `kg`, `corpus`, `model` or `checkpoint`.
    pub kind: String,
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Every file but the manifest.
    pub files: BTreeMap<String, FileEntry>,
    /// Content hashes of the artefacts it was made from, by kind.
    pub parents: BTreeMap<String, String>,
    /// Everything that decided the content: options, seed, laws, counts.
    pub config: serde_json::Value,
    /// XXH3-128 of `manifest.json` itself, in which the digits of the seal are counted as zeros.
    pub seal: String,
}

impl Manifest {
    /// Hash of the content: kind, files and nothing else, so that two artefacts with the same bytes have the same hash.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(self.kind.as_bytes());
        for (name, entry) in &self.files {
            hash.update(format!("\n{name} {} {}", entry.bytes, entry.xxh3).as_bytes());
        }
        format!("{:032x}", hash.digest128())
    }

    /// As it is written.
    fn text(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// Whether an output that exists may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replace {
    /// Refuse with [`Error::Exists`].
    #[default]
    No,
    /// Replace it, once the new one is complete.
    Yes,
}

/// When to believe that an artefact is as it was verified before.
///
/// A full verification can leave a receipt in the artefact: device, inode, size and times of every file. While these are as they were, nobody has
/// written to the files, so a later opening need not read them. Any write, copy or replacement voids the receipt, and so does another manifest; what it cannot
/// show is damage that a disk does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Trust a receipt that holds.
    pub trust_receipt: bool,
    /// Smaller artefacts have no receipt and are always verified in full.
    pub receipt_min_bytes: u64,
}

impl Default for OpenOptions {
    /// Receipts are trusted from 64 MiB: less is read in no time.
    fn default() -> Self {
        Self { trust_receipt: true, receipt_min_bytes: 64 << 20 }
    }
}

impl OpenOptions {
    /// Everything is read, whatever a receipt says.
    #[must_use]
    pub fn verify() -> Self {
        Self { trust_receipt: false, ..Self::default() }
    }
}

/// A published artefact, checked when it was opened.
#[derive(Clone, Debug)]
pub struct Artefact {
    directory: PathBuf,
    manifest: Manifest,
    verified: Verified,
}

/// How its files were verified.
#[derive(Clone, Debug)]
enum Verified {
    /// All bytes were hashed; with states from before that, a receipt may be left.
    Read(Option<receipt::States>),
    /// By a receipt.
    Before,
}

impl Artefact {
    /// Opens an artefact of the given kind and checks every file against the manifest.
    ///
    /// # Errors
    /// [`Error::NotAnArtefact`] without a manifest of this kind, [`Error::Version`], [`Error::Corrupt`] when a file is missing,
    /// surplus, or differs in size or hash, [`Error::Io`].
    pub fn open(directory: &Path, kind: &'static str) -> Result<Self> {
        Self::open_with(directory, kind, OpenOptions::default())
    }

    /// As [`Artefact::open`], trusting receipts as told.
    ///
    /// # Errors
    /// As [`Artefact::open`].
    pub fn open_with(directory: &Path, kind: &'static str, options: OpenOptions) -> Result<Self> {
        let manifest = read_manifest(directory, kind)?;
        let mut artefact = Self { directory: directory.to_owned(), manifest, verified: Verified::Read(None) };
        artefact.check_names()?;
        let files = &artefact.manifest.files;
        files.iter().try_for_each(|(name, entry)| check_size(&directory.join(name), entry))?;
        let bytes = files.values().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        let large = bytes >= options.receipt_min_bytes;
        let states = large.then(|| receipt::States::of(directory, files.keys())).flatten();
        let held = |states: &receipt::States| receipt::holds(directory, &artefact.manifest.seal, states);
        if options.trust_receipt && states.as_ref().is_some_and(held) {
            artefact.verified = Verified::Before;
            return Ok(artefact);
        }
        let states = states.filter(|states| receipt::have_rested(directory, states));
        let hashed: Vec<Result<()>> =
            files.par_iter().map(|(name, entry)| check_hash(&directory.join(name), entry)).collect();
        // Of several damaged files the first by name is told of, whichever thread was faster.
        hashed.into_iter().collect::<Result<()>>()?;
        artefact.verified = Verified::Read(states);
        Ok(artefact)
    }

    /// Whether it was opened by its receipt, so that its content need not be checked again.
    #[must_use]
    pub fn has_receipt(&self) -> bool {
        matches!(self.verified, Verified::Before)
    }

    /// Leaves a receipt, for whoever has checked what the content must obey after opening it. There is none for a small artefact, for one
    /// that was written or changed a moment ago, where the directory cannot be written, and on systems other than Unix.
    pub fn leave_receipt(&self) {
        let Verified::Read(Some(before)) = &self.verified else { return };
        if receipt::States::of(&self.directory, self.manifest.files.keys()).as_ref() == Some(before) {
            // Without it the next one to open the artefact reads it all again, which is no failure.
            let _ = receipt::leave(&self.directory, &self.manifest.seal, before);
        }
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Path of one of its files.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the manifest does not list it.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        if self.manifest.files.contains_key(name) {
            Ok(self.directory.join(name))
        } else {
            Err(self.corrupt(name, "a file of this name", "none in the manifest"))
        }
    }

    /// Reads one of its files as text.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not listed or not UTF-8, [`Error::Io`].
    pub fn read_text(&self, name: &str) -> Result<String> {
        let path = self.file(name)?;
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        String::from_utf8(bytes).map_err(|e| self.corrupt(name, "UTF-8 text", &e.to_string()))
    }

    /// Checks that it was made from the parent with this content hash.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it was made from another.
    pub fn check_parent(&self, kind: &'static str, hash: &str) -> Result<()> {
        match self.manifest.parents.get(kind) {
            Some(parent) if parent == hash => Ok(()),
            parent => Err(Error::Mismatch {
                path: self.directory.clone(),
                what: kind,
                expected: parent.cloned().unwrap_or_else(|| "unknown".to_owned()),
                got: hash.to_owned(),
            }),
        }
    }

    fn check_names(&self) -> Result<()> {
        for name in self.manifest.files.keys() {
            let mut parts = Path::new(name).components();
            let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
            if !plain || name == MANIFEST || receipt::is_name(name) {
                return Err(self.corrupt(MANIFEST, "plain file names", &format!("{name:?}")));
            }
        }
        let entries = fs::read_dir(&self.directory).map_err(Error::io(&self.directory))?;
        for entry in entries {
            let name = entry.map_err(Error::io(&self.directory))?.file_name();
            let file = |n: &str| n == MANIFEST || receipt::is_name(n) || self.manifest.files.contains_key(n);
            let known = name.to_str().is_some_and(file);
            if !known {
                return Err(self.corrupt("directory", "only files of the manifest", &format!("{name:?}")));
            }
        }
        Ok(())
    }

    fn corrupt(&self, section: &str, expected: &str, got: &str) -> Error {
        let (section, expected, got) = (section.to_owned(), expected.to_owned(), got.to_owned());
        Error::Corrupt { path: self.directory.clone(), section, expected, got }
    }
}

fn read_manifest(directory: &Path, kind: &'static str) -> Result<Manifest> {
    let path = directory.join(MANIFEST);
    let not_an_artefact =
        |reason: &str| Error::NotAnArtefact { path: directory.to_owned(), kind, reason: reason.to_owned() };
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound && directory.is_dir() => {
            return Err(not_an_artefact("it has no manifest.json"));
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Err(not_an_artefact("it is a file")),
        Err(e) => return Err(Error::io(directory)(e)),
    };
    if size > MAX_MANIFEST_BYTES {
        return Err(not_an_artefact("its manifest.json is over 1 MiB"));
    }
    let text = fs::read(&path).map_err(Error::io(&path))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| not_an_artefact(&format!("manifest.json: {e}")))?;
    // The version decides how the rest is read, so it is looked at first.
    let version = value.get("format_version").and_then(serde_json::Value::as_u64);
    let version = version.ok_or_else(|| not_an_artefact("manifest.json has no format_version"))?;
    if version != u64::from(FORMAT_VERSION) {
        let tool = value.get("tool_version").and_then(|v| v.as_str()).unwrap_or("unknown").chars().take(40).collect();
        let got = u32::try_from(version).unwrap_or(u32::MAX);
        return Err(Error::Version { path, expected: FORMAT_VERSION, got, tool });
    }
    let manifest: Manifest =
        serde_json::from_value(value).map_err(|e| not_an_artefact(&format!("manifest.json: {e}")))?;
    let seal = seal_of(&text, &manifest.seal);
    if seal != manifest.seal {
        return Err(Error::Corrupt { path, section: "seal".to_owned(), expected: manifest.seal, got: seal });
    }
    if manifest.kind == kind {
        Ok(manifest)
    } else {
        Err(not_an_artefact(&format!("it is a {}", manifest.kind.chars().take(40).collect::<String>())))
    }
}

/// The seal of a manifest in which `written` stands for it: the files have their checksums there, this is its own.
fn seal_of(text: &[u8], written: &str) -> String {
    let mut hash = Xxh3::new();
    let at = text.windows(NO_SEAL.len()).rposition(|digits| digits == written.as_bytes());
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + NO_SEAL.len()..)?))) {
        Some((before, after)) => [before, NO_SEAL.as_bytes(), after].iter().for_each(|part| hash.update(part)),
        None => hash.update(text),
    }
    format!("{:032x}", hash.digest128())
}

fn corrupt_file(path: &Path, section: &str, expected: String, got: String) -> Result<()> {
    Err(Error::Corrupt { path: path.to_owned(), section: section.to_owned(), expected, got })
}

fn check_size(path: &Path, entry: &FileEntry) -> Result<()> {
    let corrupt = |section: &str, expected: String, got: String| corrupt_file(path, section, expected, got);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return corrupt("file", "the file".to_owned(), "nothing".to_owned());
        }
        Err(e) => return Err(Error::io(path)(e)),
    };
    if !metadata.is_file() {
        return corrupt("file", "a plain file".to_owned(), "a link or directory".to_owned());
    }
    if metadata.len() != entry.bytes {
        return corrupt("size", format!("{} bytes", entry.bytes), format!("{} bytes", metadata.len()));
    }
    Ok(())
}

fn check_hash(path: &Path, entry: &FileEntry) -> Result<()> {
    let mut hash = Xxh3::new();
    mapped::in_windows(path, mapped::WINDOW, |bytes| hash.update(bytes))?;
    let got = written(&hash);
    if got == entry.xxh3 { Ok(()) } else { corrupt_file(path, "checksum", entry.xxh3.clone(), got) }
}

/// An XXH3-128 as it is written: in 32 hexadecimal digits.
fn written(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

/// The XXH3-128 of any file, in 32 hexadecimal digits; it is read, not mapped, for it may change at any time.
///
/// # Errors
/// [`Error::Io`].
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(Error::io(path))? {
            0 => return Ok(written(&hash)),
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// Refuses an output path early, before any work is done for it.
///
/// # Errors
/// [`Error::Exists`] when it is there and must not be replaced; also with [`Replace::Yes`] when it is not an artefact, so that
/// `--force` never deletes a directory of other things.
pub fn refuse_existing(destination: &Path, replace: Replace) -> Result<()> {
    match destination.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) if replace == Replace::Yes && destination.join(MANIFEST).is_file() => Ok(()),
        Ok(_) => Err(Error::Exists { path: destination.to_owned() }),
    }
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(directory: &Path, text: &str, replace: Replace) -> Result<Manifest> {
        let mut writer = ArtefactWriter::create(directory, "kg", replace)?;
        writer.add("a.txt", |out| out.write_all(text.as_bytes()))?;
        writer.publish(BTreeMap::new(), serde_json::Value::Null)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("directory");
        let mut names: Vec<_> = entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn published_artefact_opens_and_nothing_else_is_left() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("deep/kg");
        let manifest = publish(&directory, "hello", Replace::No).expect("published");
        let artefact = Artefact::open(&directory, "kg").expect("opens");
        assert_eq!(artefact.manifest(), &manifest);
        assert_eq!(artefact.read_text("a.txt").expect("text"), "hello");
        assert_eq!(names(&root.path().join("deep")), ["kg"]);
    }

    #[test]
    fn unfinished_artefact_leaves_nothing() {
        let root = tempfile::tempdir().expect("temporary directory");
        let mut writer = ArtefactWriter::create(&root.path().join("kg"), "kg", Replace::No).expect("created");
        writer.add("a.txt", |out| out.write_all(b"x")).expect("added");
        drop(writer);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn replacing_needs_permission_and_an_artefact() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("kg");
        publish(&directory, "old", Replace::No).expect("published");
        assert!(matches!(publish(&directory, "new", Replace::No), Err(Error::Exists { .. })));
        publish(&directory, "new", Replace::Yes).expect("replaced");
        assert_eq!(Artefact::open(&directory, "kg").expect("opens").read_text("a.txt").expect("text"), "new");
        let other = root.path().join("photos");
        fs::create_dir(&other).expect("directory");
        assert!(matches!(publish(&other, "new", Replace::Yes), Err(Error::Exists { .. })));
    }

    #[test]
    fn second_writer_is_refused_at_once() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("kg");
        let _first = ArtefactWriter::create(&directory, "kg", Replace::No).expect("created");
        assert!(matches!(ArtefactWriter::create(&directory, "kg", Replace::No), Err(Error::Locked { .. })));
    }

    #[test]
    fn no_two_hold_a_lock_at_a_time() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("lock");
        let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let take_and_remove = || {
            for _ in 0..5_000 {
                // As separate processes do: nothing but the file keeps them apart.
                let Ok((lock, _)) = lock::take_lock(&path, &path) else { continue };
                assert_eq!(holders.fetch_add(1, SeqCst), 0);
                std::thread::yield_now();
                holders.fetch_sub(1, SeqCst);
                taken.fetch_add(1, SeqCst);
                fs::remove_file(&path).expect("removed");
                drop(lock);
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| _ = scope.spawn(take_and_remove)));
        assert!(taken.into_inner() > 0);
    }

    #[test]
    fn damage_of_any_kind_is_found() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("kg");
        type Damage = fn(&Path);
        let damages: [(&str, Damage); 10] = [
            ("bit flip", |d| fs::write(d.join("a.txt"), "hellp").expect("written")),
            ("truncated", |d| fs::write(d.join("a.txt"), "hell").expect("written")),
            ("longer", |d| fs::write(d.join("a.txt"), "hello!").expect("written")),
            ("missing", |d| fs::remove_file(d.join("a.txt")).expect("removed")),
            ("surplus", |d| fs::write(d.join("b.txt"), "").expect("written")),
            ("no manifest", |d| fs::remove_file(d.join(MANIFEST)).expect("removed")),
            ("empty manifest", |d| fs::write(d.join(MANIFEST), "").expect("written")),
            ("next version", |d| replace(d, "\"format_version\": 2", "\"format_version\": 3")),
            ("path out of the directory", |d| replace(d, "\"a.txt\"", "\"../a.txt\"")),
            ("another configuration", |d| replace(d, "null", "true")),
        ];
        for (name, damage) in damages {
            publish(&directory, "hello", if directory.exists() { Replace::Yes } else { Replace::No })
                .expect("published");
            damage(&directory);
            let error = Artefact::open(&directory, "kg").expect_err(name);
            assert_eq!(error.class(), crate::ErrorClass::Artefact, "{name}: {error}");
            fs::remove_dir_all(&directory).expect("removed");
        }
    }

    fn replace(directory: &Path, from: &str, to: &str) {
        let path = directory.join(MANIFEST);
        let text = fs::read_to_string(&path).expect("manifest");
        assert!(text.contains(from));
        fs::write(path, text.replace(from, to)).expect("written");
    }

    #[test]
    fn failed_export_leaves_the_old_file() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("out.txt");
        publish_file(&path, Replace::No, |out| out.write_all(b"old")).expect("written");
        let failed = publish_file(&path, Replace::Yes, |_| Err(io::Error::other("disk full")));
        assert!(matches!(failed, Err(Error::Io { .. })));
        assert_eq!(fs::read_to_string(&path).expect("text"), "old");
        assert_eq!(names(root.path()), ["out.txt"]);
    }
}
