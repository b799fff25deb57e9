//! Writing artefacts and plain files: whole, synced, then renamed.

use super::lock::take_lock;
use super::{
    FORMAT_VERSION, FileEntry, MANIFEST, Manifest, NO_SEAL, Replace, parent_of, refuse_existing, seal_of, unfinished,
};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use xxhash_rust::xxh3::Xxh3;

/// Most bytes of one write to the system. In a virtual machine writes of a megabyte and more were measured to take from as
/// long to ten times as long, as if the large pages that they are given had to come from the host first.
const PIECE: usize = 256 << 10;
/// Bytes between two early syncs.
const SYNC_EVERY: usize = 64 << 20;

/// Builds an artefact in a hidden sibling of its destination. Dropped before [`ArtefactWriter::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct ArtefactWriter {
    destination: PathBuf,
    scratch: PathBuf,
    kind: &'static str,
    replace: Replace,
    files: BTreeMap<String, FileEntry>,
    lock: Option<(File, PathBuf)>,
}

impl ArtefactWriter {
    /// Starts an artefact that will appear at `destination`. Missing parent directories are created.
    ///
    /// # Errors
    /// [`Error::Exists`] when the destination is there and must not be replaced, or is something other than an artefact;
    /// [`Error::Locked`] when another process is writing it; [`Error::Io`].
    pub fn create(destination: &Path, kind: &'static str, replace: Replace) -> Result<Self> {
        refuse_existing(destination, replace)?;
        let name = destination.file_name().ok_or_else(|| Error::Exists { path: destination.to_owned() })?;
        let parent = parent_of(destination);
        fs::create_dir_all(&parent).map_err(Error::io(&parent))?;
        let hidden = |suffix: &str| parent.join(format!(".{}.{suffix}", name.to_string_lossy()));
        let mut unfinished = unfinished();
        let lock = take_lock(&hidden("lock"), destination)?;
        let scratch = hidden("tmp");
        // Under the lock a scratch directory can only be what a killed process left.
        remove_tree(&scratch)?;
        fs::create_dir(&scratch).map_err(Error::io(&scratch))?;
        unfinished.extend([scratch.clone(), lock.1.clone()]);
        let files = BTreeMap::new();
        Ok(Self { destination: destination.to_owned(), scratch, kind, replace, files, lock: Some(lock) })
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
        let file = File::create_new(self.scratch.join(name)).map_err(Error::io(self.destination.join(name)))?;
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

    /// Writes the manifest and puts the artefact in place.
    ///
    /// # Errors
    /// [`Error::Io`]; the destination is then as it was.
    pub fn publish(mut self, parents: BTreeMap<String, String>, config: serde_json::Value) -> Result<Manifest> {
        let manifest = Manifest {
            kind: self.kind.to_owned(),
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            files: std::mem::take(&mut self.files),
            parents,
            config,
            seal: NO_SEAL.to_owned(),
        };
        let io = |e: serde_json::Error| Error::io(&self.destination)(e.into());
        let seal = seal_of(&manifest.text().map_err(io)?, NO_SEAL);
        let manifest = Manifest { seal, ..manifest };
        let text = manifest.text().map_err(io)?;
        let mut file = self.open(MANIFEST)?;
        file.write_all(&text).map_err(Error::io(&self.destination))?;
        self.close(file)?;
        self.put_in_place()?;
        Ok(manifest)
    }

    fn put_in_place(&self) -> Result<()> {
        sync_directory(&self.scratch)?;
        let parent = parent_of(&self.destination);
        let old = self.scratch.with_extension("old");
        let mut unfinished = unfinished();
        remove_tree(&old)?;
        if self.replace == Replace::Yes && self.destination.exists() {
            fs::rename(&self.destination, &old).map_err(Error::io(&self.destination))?;
        }
        if let Err(e) = fs::rename(&self.scratch, &self.destination) {
            // Give the old one back rather than leave nothing.
            let _ = fs::rename(&old, &self.destination);
            return Err(Error::io(&self.destination)(e));
        }
        // Its place is taken, so it goes even if an interrupt comes first.
        unfinished.insert(old.clone());
        drop(unfinished);
        sync_directory(&parent)?;
        let removed = remove_tree(&old);
        self::unfinished().remove(&old);
        removed
    }
}

impl Drop for ArtefactWriter {
    fn drop(&mut self) {
        let _ = remove_tree(&self.scratch);
        unfinished().remove(&self.scratch);
        if let Some((file, path)) = self.lock.take() {
            let _ = fs::remove_file(&path);
            unfinished().remove(&path);
            drop(file);
        }
    }
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

/// Has a disk begin with what has been written so far, so that it is not idle while the rest is being made: another thread
/// syncs the file now and then.
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
            let file = file.try_clone()?;
            let sync = move || woken.iter().try_for_each(|()| file.sync_data());
            self.syncing = Some((wake, thread::Builder::new().spawn(sync)?));
        }
        // Who is still busy with the time before looks again after; who has met an error tells it in the end.
        let _ = self.syncing.as_ref().map(|(wake, _)| wake.try_send(()));
        Ok(())
    }

    /// Waits for the thread. The system tells an error of the disk to the first who asks, so a later sync may not know of it.
    fn finish(self) -> io::Result<()> {
        let Some((wake, thread)) = self.syncing else { return Ok(()) };
        drop(wake);
        thread.join().map_err(|_| io::Error::other("the thread that syncs ended"))?
    }
}

/// Refuses a plain output file that is there and must not be replaced.
///
/// # Errors
/// [`Error::Exists`].
pub fn refuse_existing_file(path: &Path, replace: Replace) -> Result<()> {
    if replace == Replace::No && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    Ok(())
}

/// Writes a plain output file (an export, a report) whole or not at all.
///
/// # Errors
/// [`Error::Exists`] when it is there and must not be replaced; [`Error::Io`], also for what is no file: whoever may would replace `/dev/null`.
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
    let parent = parent_of(path);
    fs::create_dir_all(&parent).map_err(Error::io(&parent))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let scratch = parent.join(format!(".{name}.{}.tmp", std::process::id()));
    let create = || {
        let mut unfinished = unfinished();
        unfinished.insert(scratch.clone());
        File::create(&scratch)
    };
    let written = create().and_then(|file| {
        let mut out = BufWriter::with_capacity(PIECE, file);
        fill(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    });
    let mut unfinished = unfinished();
    let placed = written.and_then(|()| fs::rename(&scratch, path));
    unfinished.remove(&scratch);
    drop(unfinished);
    if let Err(e) = placed {
        let _ = fs::remove_file(&scratch);
        return Err(Error::io(path)(e));
    }
    sync_directory(&parent)
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|d| d.sync_all()).map_err(Error::io(path))
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
