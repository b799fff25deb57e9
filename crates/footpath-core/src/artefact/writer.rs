//! Writing artefacts and plain files: whole, synced, then renamed.

use super::kind::ArtefactKind;
use super::lock::Lock;
use super::manifest::{CONFIG, FORMAT_VERSION, FileEntry, MANIFEST, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest};
use super::place::{
    Replace, exchange, hidden, parent_of, recover, refuse_existing, refuse_inside_artefact, remove_tree, sync_directory,
};
use super::unfinished::{unfinished, warn};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use xxhash_rust::xxh3::Xxh3;

/// Most bytes of one write to the system. In a virtual machine writes of a megabyte and more were measured to take from
/// as long to ten times as long, as if the large pages that they are given had to come from the host first.
const PIECE: usize = 256 << 10;
/// Bytes between two early syncs.
const SYNC_EVERY: usize = 64 << 20;

/// A file or directory that is not finished yet, under the lock of the output it will be. Dropped, it is removed.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
    /// Dropped last: what is removed is ours until then.
    _lock: Lock,
}

impl Scratch {
    /// Takes the lock of an output, sweeps away what killed processes left there, and makes the scratch by `make`.
    fn make<T>(destination: &Path, make: impl FnOnce(&Path) -> io::Result<T>) -> Result<(Self, T)> {
        let parent = parent_of(destination);
        fs::create_dir_all(&parent).map_err(Error::io(&parent))?;
        let lock = Lock::take(hidden(destination, "lock"), destination)?;
        let path = hidden(destination, "tmp");
        recover(destination, &hidden(destination, "old"))?;
        remove_tree(&path)?;
        let mut unfinished = unfinished();
        let made = make(&path).map_err(Error::io(&path))?;
        unfinished.insert(path.clone());
        Ok((Self { path, _lock: lock }, made))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = remove_tree(&self.path) {
            warn(format!("{e}; it is not needed any more and can be removed"));
        }
        unfinished().remove(&self.path);
    }
}

/// Builds an artefact in a hidden sibling of its destination. Dropped before [`ArtefactWriter::publish`], it leaves
/// nothing behind.
#[derive(Debug)]
pub struct ArtefactWriter {
    destination: PathBuf,
    scratch: Scratch,
    kind: ArtefactKind,
    replace: Replace,
    format_version: u32,
    files: BTreeMap<String, FileEntry>,
}

impl ArtefactWriter {
    /// Starts an artefact that will appear at `destination`. Missing parent directories are created, and what killed
    /// processes left of the same artefact is swept away.
    ///
    /// # Errors
    /// As [`refuse_existing`]; [`Error::Locked`] when another process is writing it; [`Error::Io`].
    pub fn create(destination: &Path, kind: ArtefactKind, replace: Replace) -> Result<Self> {
        if destination.file_name().is_none() {
            return Err(Error::Exists { path: destination.to_owned() });
        }
        refuse_existing(destination, kind, replace)?;
        let (scratch, ()) = Scratch::make(destination, |path| fs::create_dir(path))?;
        // Under the lock nobody else can put something there, and an old one may just have been put back.
        refuse_existing(destination, kind, replace)?;
        let (destination, files) = (destination.to_owned(), BTreeMap::new());
        Ok(Self { destination, scratch, kind, replace, format_version: FORMAT_VERSION, files })
    }

    /// Says that older tools, which know only [`FORMAT_VERSION`], cannot read it.
    #[must_use]
    pub fn with_format_version(mut self, version: u32) -> Self {
        self.format_version = version;
        self
    }

    /// Adds a file: `fill` writes its content.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn add(&mut self, name: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut file = self.open(name)?;
        fill(&mut file).map_err(Error::io(self.destination.join(name)))?;
        self.close(file)
    }

    /// Opens a file of the artefact for writing bit by bit; hand it back with [`ArtefactWriter::close`].
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn open(&self, name: &str) -> Result<ArtefactFile> {
        let unfinished = unfinished();
        let file = File::create_new(self.scratch.path.join(name)).map_err(Error::io(self.destination.join(name)))?;
        drop(unfinished);
        let out = BufWriter::with_capacity(PIECE, file);
        Ok(ArtefactFile { name: name.to_owned(), out, hash: Xxh3::new(), bytes: 0, early: EarlySync::default() })
    }

    /// Syncs a file to disk and enters it in the manifest.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn close(&mut self, file: ArtefactFile) -> Result<()> {
        let path = self.destination.join(&file.name);
        let inner = file.out.into_inner().map_err(|e| Error::io(&path)(e.into_error()))?;
        file.early.finish().and_then(|()| inner.sync_all()).map_err(Error::io(&path))?;
        let entry = FileEntry { bytes: file.bytes, xxh3: format!("{:032x}", file.hash.digest128()) };
        self.files.insert(file.name, entry);
        Ok(())
    }

    /// Writes the manifest and puts the artefact in place. A configuration that is too long for the manifest becomes a
    /// file of its own.
    ///
    /// What goes wrong after the artefact is in place is no error: see [`take_warnings`](super::take_warnings).
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Limit`] where nobody could open what would be written. The destination is then as it
    /// was.
    pub fn publish(mut self, parents: BTreeMap<String, String>, config: serde_json::Value) -> Result<Manifest> {
        let (mut manifest, mut text) = self.manifest(&parents, &config)?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            self.write_config(&config)?;
            (manifest, text) = self.manifest(&parents, &serde_json::Value::Null)?;
            manifest.config = config;
        }
        check_limit("bytes of manifest.json", MAX_MANIFEST_BYTES, text.len())?;
        let mut file = self.open(MANIFEST)?;
        file.write_all(&text).map_err(Error::io(&self.destination))?;
        self.close(file)?;
        self.put_in_place()?;
        Ok(manifest)
    }

    /// The manifest of what has been written, and its text.
    fn manifest(&self, parents: &BTreeMap<String, String>, config: &serde_json::Value) -> Result<(Manifest, Vec<u8>)> {
        let manifest = Manifest {
            kind: self.kind,
            format_version: self.format_version,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            files: self.files.clone(),
            parents: parents.clone(),
            config: config.clone(),
            seal: String::new(),
        };
        manifest.sealed().map_err(|e| Error::io(&self.destination)(e.into()))
    }

    fn write_config(&mut self, config: &serde_json::Value) -> Result<()> {
        let text = serde_json::to_vec(config).map_err(|e| Error::io(&self.destination)(e.into()))?;
        check_limit("bytes of config.json", MAX_CONFIG_BYTES, text.len())?;
        self.add(CONFIG, |out| out.write_all(&text))
    }

    fn put_in_place(&self) -> Result<()> {
        sync_directory(&self.scratch.path)?;
        let io = |e| Error::io(&self.destination)(e);
        let mut unfinished = unfinished();
        // If an interrupt comes after this, the old one has to go, wherever it is by then.
        let mut old = None;
        if self.replace == Replace::Yes && self.destination.symlink_metadata().is_ok() {
            let aside = hidden(&self.destination, "old");
            old = Some(exchange(&self.scratch.path, &self.destination, &aside).map_err(io)?);
            unfinished.extend(old.clone());
        } else {
            fs::rename(&self.scratch.path, &self.destination).map_err(io)?;
        }
        drop(unfinished);
        // From here on the new one is there, so nothing is an error any more.
        if let Err(e) = sync_directory(&parent_of(&self.destination)) {
            warn(format!("{e}; if the machine loses power now, the old state may come back"));
        }
        if let Some(old) = old {
            if let Err(e) = remove_tree(&old) {
                warn(format!("{e}; this is what was replaced, and can be removed"));
            }
            self::unfinished().remove(&old);
        }
        Ok(())
    }
}

fn check_limit(what: &'static str, max: u64, got: usize) -> Result<()> {
    let got = got as u64;
    if got > max { Err(Error::Limit { what, max, got }) } else { Ok(()) }
}

/// A file of an artefact while it is written: counts and hashes what goes through.
pub struct ArtefactFile {
    name: String,
    out: BufWriter<File>,
    hash: Xxh3,
    bytes: u64,
    early: EarlySync,
}

impl std::fmt::Debug for ArtefactFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtefactFile").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Write for ArtefactFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer.get(..PIECE).unwrap_or(buffer))?;
        self.hash.update(buffer.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        self.early.written(self.out.get_ref(), written)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Has a disk begin with what has been written so far, so that it is not idle while the rest is being made: another
/// thread syncs the file now and then.
#[derive(Debug, Default)]
struct EarlySync {
    /// Bytes since the last time.
    pending: usize,
    syncing: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl EarlySync {
    /// Notes that so many bytes went to the file.
    fn written(&mut self, file: &File, bytes: usize) -> io::Result<()> {
        self.pending += bytes;
        if self.pending < SYNC_EVERY {
            return Ok(());
        }
        self.pending = 0;
        if self.syncing.is_none() {
            let (wake, woken) = sync_channel::<()>(1);
            let cloned = file.try_clone()?;
            let sync = move || woken.iter().try_for_each(|()| cloned.sync_data());
            match thread::Builder::new().spawn(sync) {
                Ok(thread) => self.syncing = Some((wake, thread)),
                // No thread to be had: then we wait for the disk ourselves.
                Err(_) => return file.sync_data(),
            }
        }
        // Who is still busy with the time before looks again after; who has met an error tells it in the end.
        let _ = self.syncing.as_ref().map(|(wake, _)| wake.try_send(()));
        Ok(())
    }

    /// Waits for the thread. The system tells an error of the disk to the first who asks, so a later sync may not know
    /// of it.
    fn finish(self) -> io::Result<()> {
        let Some((wake, thread)) = self.syncing else { return Ok(()) };
        drop(wake);
        thread.join().map_err(|_| io::Error::other("the thread that syncs ended"))?
    }
}

/// Refuses the place of a plain output file early.
///
/// # Errors
/// [`Error::Exists`] when it is there and must not be replaced; [`Error::Overlap`] inside of an artefact.
pub fn refuse_existing_file(path: &Path, replace: Replace) -> Result<()> {
    refuse_inside_artefact(path)?;
    if replace == Replace::No && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    Ok(())
}

/// Writes a plain output file (an export, a report) whole or not at all. What killed processes left of it is swept
/// away.
///
/// # Errors
/// As [`refuse_existing_file`]; [`Error::Locked`] when another process is writing it; [`Error::Io`], also for what is
/// no file: whoever may would replace `/dev/null`.
pub fn publish_file(
    path: &Path,
    replace: Replace,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<()> {
    refuse_existing_file(path, replace)?;
    // A link to a device, such as `/dev/stdout`, is looked through.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let reason = "a device or directory is there, not a file; give another path";
        return Err(Error::io(path)(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    let (scratch, file) = Scratch::make(path, |scratch| File::create_new(scratch))?;
    let mut out = BufWriter::with_capacity(PIECE, file);
    let written = fill(&mut out).and_then(|()| out.into_inner().map_err(io::IntoInnerError::into_error));
    written.and_then(|file| file.sync_all()).map_err(Error::io(path))?;
    let unfinished = unfinished();
    fs::rename(&scratch.path, path).map_err(Error::io(path))?;
    drop(unfinished);
    if let Err(e) = sync_directory(&parent_of(path)) {
        warn(format!("{e}; if the machine loses power now, the old state may come back"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::Artefact;
    use crate::context::Context;
    use crate::error::ErrorClass;

    fn publish(path: &Path, kind: ArtefactKind, replace: Replace, config: serde_json::Value) -> Result<Manifest> {
        let mut writer = ArtefactWriter::create(path, kind, replace)?;
        writer.add("a.txt", |out| out.write_all(b"hello"))?;
        writer.publish(BTreeMap::new(), config)
    }

    fn left_beside(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(parent_of(path)).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with('.')).collect()
    }

    #[test]
    fn whatever_is_published_opens_however_long_its_configuration_is() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("kg");
        let most = usize::try_from(MAX_MANIFEST_BYTES).expect("small");
        for len in [0, most - 2_000, most - 600, most - 500, most - 400, most, 3 * most] {
            let config = serde_json::json!({ "report": "x".repeat(len) });
            let published = publish(&path, ArtefactKind::Kg, Replace::Yes, config.clone()).expect("published");
            let opened = Artefact::open(&path, ArtefactKind::Kg, &Context::default()).expect("opens");
            assert_eq!((opened.manifest(), &opened.manifest().config), (&published, &config), "{len} bytes");
            let manifest = fs::metadata(path.join(MANIFEST)).expect("a manifest").len();
            assert!(manifest <= MAX_MANIFEST_BYTES, "{manifest}");
            assert_eq!(path.join(CONFIG).exists(), len >= most, "{len} bytes: a short one stays where it was");
        }
        fs::write(path.join(CONFIG), "{}").expect("written");
        let error = Artefact::open(&path, ArtefactKind::Kg, &Context::default()).expect_err("another configuration");
        assert_eq!(error.class(), ErrorClass::Artefact);
    }

    #[test]
    fn what_nobody_could_open_is_not_published() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("kg");
        publish(&path, ArtefactKind::Kg, Replace::No, serde_json::Value::Null).expect("published");
        let writer = ArtefactWriter::create(&path, ArtefactKind::Kg, Replace::Yes).expect("created");
        let parents = BTreeMap::from([("kg".to_owned(), "x".repeat(2 << 20))]);
        let error = writer.publish(parents, serde_json::Value::Null).expect_err("too long");
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        Artefact::open(&path, ArtefactKind::Kg, &Context::default()).expect("the old one is as it was");
        assert_eq!(left_beside(&path), [""; 0]);
    }

    #[test]
    fn only_the_same_kind_is_replaced_and_nothing_is_put_into_an_artefact() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("kg");
        publish(&path, ArtefactKind::Kg, Replace::No, serde_json::Value::Null).expect("published");
        let error = publish(&path, ArtefactKind::Corpus, Replace::Yes, serde_json::Value::Null).expect_err("a graph");
        assert_eq!(error.class(), ErrorClass::Usage, "{error}");
        assert!(error.to_string().contains("a kg is there"), "{error}");
        let inside = publish(&path.join("corpus"), ArtefactKind::Corpus, Replace::No, serde_json::Value::Null);
        let deep = publish_file(&path.join("deep/recs.tsv"), Replace::No, |out| out.write_all(b"x"));
        let over = publish_file(&path.join("a.txt"), Replace::Yes, |out| out.write_all(b"x"));
        for refused in [inside.err(), deep.err(), over.err()] {
            assert!(matches!(refused, Some(Error::Overlap { .. })), "{refused:?}");
        }
        // A directory of somebody else who also has a manifest.
        let theirs = root.path().join("app");
        fs::create_dir(&theirs).expect("a directory");
        fs::write(theirs.join(MANIFEST), r#"{ "name": "app", "kind": "web" }"#).expect("written");
        let refused = publish(&theirs, ArtefactKind::Kg, Replace::Yes, serde_json::Value::Null);
        assert!(matches!(refused, Err(Error::Exists { .. })));
        Artefact::open(&path, ArtefactKind::Kg, &Context::default()).expect("as it was");
    }

    #[test]
    fn what_killed_processes_left_is_swept_by_the_next() {
        let root = tempfile::tempdir().expect("temporary directory");
        let (kg, file) = (root.path().join("kg"), root.path().join("recs.tsv"));
        let leave = || {
            for name in [".kg.tmp", ".kg.old"] {
                fs::create_dir_all(root.path().join(name).join("deep")).expect("a directory");
            }
            for name in [".kg.lock", ".recs.tsv.lock", ".recs.tsv.tmp"] {
                fs::write(root.path().join(name), "left").expect("written");
            }
        };
        publish(&kg, ArtefactKind::Kg, Replace::No, serde_json::Value::Null).expect("published");
        leave();
        publish(&kg, ArtefactKind::Kg, Replace::Yes, serde_json::Value::Null).expect("published");
        publish_file(&file, Replace::No, |out| out.write_all(b"x")).expect("written");
        assert_eq!(left_beside(&kg), [""; 0]);
    }

    #[test]
    fn a_second_writer_of_a_file_is_refused_and_sweeps_nothing() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("recs.tsv");
        let write = |out: &mut (dyn Write + Send)| {
            let second = publish_file(&path, Replace::Yes, |_| panic!("another is writing"));
            assert!(matches!(second, Err(Error::Locked { .. })));
            out.write_all(b"x")
        };
        publish_file(&path, Replace::No, write).expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"x");
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        for there in [path.as_path(), root.path()] {
            let error = publish_file(there, Replace::Yes, |_| panic!("nothing is made for it")).expect_err("no file");
            assert!(error.to_string().contains("not a file"), "{error}");
        }
        assert!(path.symlink_metadata().expect("still there").file_type().is_socket());
    }

    #[test]
    #[cfg(unix)]
    fn what_an_early_sync_met_is_told_in_the_end() {
        let synced = |file: &File| {
            let mut early = EarlySync::default();
            (0..3).try_for_each(|_| early.written(file, SYNC_EVERY)).and_then(|()| early.finish())
        };
        assert!(synced(&tempfile::tempfile().expect("a file")).is_ok());
        // There is no disk behind it to sync.
        assert!(synced(&File::open("/dev/null").expect("a device")).is_err());
    }
}
