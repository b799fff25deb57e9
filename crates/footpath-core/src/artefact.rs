//! Artefacts: directories that exist whole or not at all.
//!
//! An artefact is a directory of files and a `manifest.json`. It is built in a hidden sibling, synced to disk, and put
//! in place by one rename, so a crash leaves either the old artefact, none, or the new one. Without its manifest it
//! does not exist.
//!
//! Opening one reads and hashes all of it, but for large ones that were verified before and have not been touched
//! since: see [`OpenOptions`].
//!
//! This is the only module of Footpath that creates files in an output directory.

mod kind;
mod lock;
mod manifest;
mod place;
mod receipt;
mod unfinished;
mod writer;

pub use kind::ArtefactKind;
pub use lock::OutputLock;
pub use manifest::{
    ATTRIBUTES_VERSION, FORMAT_VERSION, FURTHER_TYPES_VERSION, FileEntry, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES,
    Manifest, SEVERAL_FILES_VERSION, USER_FACTS_VERSION,
};
pub use place::{Replace, refuse_existing, refuse_overlap};
pub use unfinished::{remove_unfinished, take_warnings};
pub use writer::{ArtefactFile, ArtefactWriter, publish_file, refuse_existing_file};

use crate::context::{Context, Stage};
use crate::error::{Error, Result};
use crate::mapped;
use manifest::{CONFIG, MANIFEST, written};
use rayon::prelude::*;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Bytes hashed between two looks at whether to stop.
const HASHED_AT_ONCE: usize = 4 << 20;

/// Smaller artefacts are hashed by the thread that opens them.
const PARALLEL_MIN_BYTES: u64 = 16 << 20;

/// When to believe that an artefact is as it was verified before.
///
/// A full verification can leave a receipt in the artefact: device, inode, size and times of every file. While these
/// are as they were, nobody has written to the files, so a later opening need not read them. Any write, copy or
/// replacement voids the receipt, and so does another manifest; what it cannot show is damage that a disk does by
/// itself. There are receipts only on file systems where this was shown to hold: see `docs/reliability.md`.
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
    /// [`Error::NotAnArtefact`] without a manifest of this kind, [`Error::Version`], [`Error::Corrupt`] when a file is
    /// missing, surplus, or differs in size or hash, [`Error::Io`]; a stop.
    pub fn open(directory: &Path, kind: ArtefactKind, context: &Context) -> Result<Self> {
        Self::open_with(directory, kind, OpenOptions::default(), context)
    }

    /// As [`Artefact::open`], trusting receipts as told.
    ///
    /// # Errors
    /// As [`Artefact::open`].
    pub fn open_with(directory: &Path, kind: ArtefactKind, options: OpenOptions, context: &Context) -> Result<Self> {
        Self::verify(directory, manifest::read(directory, Some(kind))?, options, context)
    }

    /// As [`Artefact::open_with`], whatever kind it is.
    ///
    /// # Errors
    /// As [`Artefact::open`].
    pub fn open_any(directory: &Path, options: OpenOptions, context: &Context) -> Result<Self> {
        Self::verify(directory, manifest::read(directory, None)?, options, context)
    }

    /// What the manifest of an artefact of this kind says, whether or not its files are what it says.
    ///
    /// # Errors
    /// As [`Artefact::open`], of the manifest alone.
    pub fn describe(directory: &Path, kind: ArtefactKind) -> Result<Manifest> {
        let mut manifest = manifest::read(directory, Some(kind))?;
        if manifest.files.contains_key(CONFIG) {
            manifest.config = manifest::read_config(directory)?;
        }
        Ok(manifest)
    }

    fn verify(directory: &Path, manifest: Manifest, options: OpenOptions, context: &Context) -> Result<Self> {
        let mut artefact = Self { directory: directory.to_owned(), manifest, verified: Verified::Read(None) };
        artefact.check_names()?;
        let files = &artefact.manifest.files;
        files.iter().try_for_each(|(name, entry)| check_size(&directory.join(name), entry))?;
        let bytes = files.values().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        artefact.verified = artefact.verify_files(bytes, options, context)?;
        if artefact.manifest.files.contains_key(CONFIG) {
            artefact.manifest.config = manifest::read_config(directory)?;
        }
        Ok(artefact)
    }

    fn verify_files(&self, bytes: u64, options: OpenOptions, context: &Context) -> Result<Verified> {
        let Self { directory, manifest, .. } = self;
        let names = || manifest.files.keys();
        let may_have_receipt = bytes >= options.receipt_min_bytes && receipt::hold_on(directory);
        if may_have_receipt && options.trust_receipt {
            let states = receipt::States::of(directory, names());
            if states.is_some_and(|states| receipt::holds(directory, &manifest.seal, &states)) {
                return Ok(Verified::Before);
            }
        }
        let states = may_have_receipt.then(|| receipt::States::once_synced(directory, names())).flatten();
        let states = states.filter(|states| receipt::have_rested(directory, states));
        let stage = context.stage("verifying", Some(bytes), "bytes");
        let check = |(name, entry): (&String, &FileEntry)| check_hash(&directory.join(name), entry, &stage);
        // Of several damaged files the first by name is told of, whichever thread was faster. To hash a small one takes
        // less time than to make threads for it.
        if bytes < PARALLEL_MIN_BYTES {
            manifest.files.iter().try_for_each(check)?;
        } else {
            let hashed: Vec<Result<()>> = context.run(|| manifest.files.par_iter().map(check).collect())?;
            hashed.into_iter().collect::<Result<()>>()?;
        }
        Ok(Verified::Read(states))
    }

    /// Whether it was opened by its receipt, so that its content need not be checked again.
    #[must_use]
    pub fn has_receipt(&self) -> bool {
        matches!(self.verified, Verified::Before)
    }

    /// Leaves a receipt, for whoever has checked what the content must obey after opening it. There is none for a small
    /// artefact, for one that was written or changed a moment ago, where the directory cannot be written, and on file
    /// systems for which it is not known to hold.
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

fn check_hash(path: &Path, entry: &FileEntry, stage: &Stage<'_>) -> Result<()> {
    let mut hash = Xxh3::new();
    mapped::in_windows(path, mapped::WINDOW, |bytes| {
        bytes.chunks(HASHED_AT_ONCE).try_for_each(|bytes| {
            hash.update(bytes);
            stage.advance(bytes.len() as u64)
        })
    })?;
    let got = written(&hash);
    if got == entry.xxh3 { Ok(()) } else { corrupt_file(path, "checksum", entry.xxh3.clone(), got) }
}

/// The XXH3-128 of any file, in 32 hexadecimal digits; it is read, not mapped, for it may change at any time.
///
/// # Errors
/// [`Error::Io`]; a stop.
pub fn hash_file(path: &Path, context: &Context) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let of = file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
    let stage = context.stage("hashing", of, "bytes");
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(Error::io(path))? {
            0 => return Ok(written(&hash)),
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
        stage.advance(1 << 18)?;
    }
}

/// The XXH3-128 of bytes in memory, in 32 hexadecimal digits: what [`hash_file`] gives for a file of them.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> String {
    let mut hash = Xxh3::new();
    hash.update(bytes);
    written(&hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn publish(directory: &Path, text: &str, replace: Replace) -> Result<Manifest> {
        let mut writer = ArtefactWriter::create(directory, ArtefactKind::Kg, replace)?;
        writer.add("a.txt", |out| out.write_all(text.as_bytes()))?;
        writer.publish(BTreeMap::new(), serde_json::Value::Null)
    }

    fn open(directory: &Path) -> Result<Artefact> {
        Artefact::open(directory, ArtefactKind::Kg, &Context::default())
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
        let artefact = open(&directory).expect("opens");
        assert_eq!(artefact.manifest(), &manifest);
        assert_eq!(artefact.read_text("a.txt").expect("text"), "hello");
        assert_eq!(names(&root.path().join("deep")), ["kg"]);
    }

    #[test]
    fn unfinished_artefact_leaves_nothing() {
        let root = tempfile::tempdir().expect("temporary directory");
        let mut writer =
            ArtefactWriter::create(&root.path().join("kg"), ArtefactKind::Kg, Replace::No).expect("created");
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
        assert_eq!(open(&directory).expect("opens").read_text("a.txt").expect("text"), "new");
        let other = root.path().join("photos");
        fs::create_dir(&other).expect("directory");
        assert!(matches!(publish(&other, "new", Replace::Yes), Err(Error::Exists { .. })));
    }

    #[test]
    fn second_writer_is_refused_at_once() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("kg");
        let _first = ArtefactWriter::create(&directory, ArtefactKind::Kg, Replace::No).expect("created");
        assert!(matches!(ArtefactWriter::create(&directory, ArtefactKind::Kg, Replace::No), Err(Error::Locked { .. })));
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
            let error = open(&directory).expect_err(name);
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
