//! The log of events on disk.
//!
//! ```text
//! events.log   #footpath-events 1
//!              CHECKSUM {"user":"u1","item":"i7","weight":1.0,"time":1764470000.5}
//!              …
//! ```
//!
//! A line for each event, which ends in a line feed. CHECKSUM is the 64-bit xxHash3 of the JSON after the blank, in 16
//! hexadecimal digits. A last line that is not whole was never acknowledged and is cut off; any other that is not as it
//! was written is damage, and nothing is opened.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// The first line.
const HEAD: &str = "#footpath-events 1\n";
/// What is said of a file that does not begin so.
const NO_LOG: &str = "this is no log of events, or of another version";
/// Digits of a checksum.
const DIGITS: usize = 16;
/// Most bytes of a line.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Somebody chose something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Id of the user, whether the graph has them or not.
    pub(crate) user: String,
    /// Id of the item, whether the graph has it or not.
    pub(crate) item: String,
    /// How much the choice counts; 0 is seen and not liked: left out of lists, and no part of the history.
    pub(crate) weight: f64,
    /// When, in seconds since 1970.
    pub(crate) time: Option<f64>,
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another server writes here.
    #[error("another server has this folder")]
    Locked,
    /// A line is not as it was written.
    #[error("events.log: line {line}: {reason}; restore it from a copy, or take that line out")]
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk refused, and what is on it is not known.
    #[error("the log could not be brought back to what it was; start the server again")]
    Lost,
}

/// The log, open at its end.
pub(crate) struct LogFile {
    file: File,
    path: PathBuf,
    /// Bytes that are whole and on the disk.
    len: u64,
    /// Line that the next event will stand on.
    next_line: u64,
    /// Whether what is on the disk is not known.
    is_lost: bool,
}

/// A log that was opened.
pub(crate) struct Opened {
    pub(crate) log: LogFile,
    /// Bytes of a last line that was not whole.
    pub(crate) torn_bytes: u64,
}

/// Reads the log of a folder, which a server may be writing; `take` is given every whole event with its line. Nothing
/// is changed.
pub(super) fn read_only(folder: &Path, take: impl FnMut(Event, u64)) -> Result<(), LogError> {
    let file = File::open(folder.join("events.log"))?;
    let size = file.metadata()?.len();
    read(&file, size, take).map(drop)
}

impl LogFile {
    /// Opens the log of a folder, or begins one; `take` is given every event with its line.
    pub(crate) fn open(folder: &Path, take: impl FnMut(Event, u64)) -> Result<Opened, LogError> {
        let path = folder.join("events.log");
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        let size = file.metadata()?.len();
        // A file shorter than its first line held no event yet.
        if size < HEAD.len() as u64 {
            let mut begun = String::new();
            io::Read::read_to_string(&mut file, &mut begun)?;
            if !HEAD.starts_with(&begun) {
                return Err(LogError::Damaged { line: 1, reason: NO_LOG });
            }
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(HEAD.as_bytes())?;
            file.sync_all()?;
            File::open(folder)?.sync_all()?;
            let log = Self { file, path, len: HEAD.len() as u64, next_line: 2, is_lost: false };
            return Ok(Opened { log, torn_bytes: 0 });
        }
        let (len, next_line) = read(&file, size, take)?;
        let torn_bytes = size - len;
        if torn_bytes > 0 {
            file.set_len(len)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(len))?;
        Ok(Opened { log: Self { file, path, len, next_line, is_lost: false }, torn_bytes })
    }

    /// Writes events to the disk; the line of the first.
    pub(crate) fn append(&mut self, events: &[Event]) -> Result<u64, LogError> {
        if self.is_lost {
            return Err(LogError::Lost);
        }
        let mut text = String::new();
        events.iter().for_each(|event| text.push_str(&line_of(event)));
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stand before the next whole one.
            let back = self.file.set_len(self.len).and_then(|()| self.file.seek(SeekFrom::Start(self.len)));
            self.is_lost = back.is_err();
            return Err(LogError::Io(error));
        }
        let first = self.next_line;
        self.len += text.len() as u64;
        self.next_line += events.len() as u64;
        Ok(first)
    }

    /// Writes the log anew with those events that `keep` holds of; `take` is given each with its line.
    pub(crate) fn rewrite(
        &mut self,
        keep: impl Fn(&Event) -> bool,
        mut take: impl FnMut(Event, u64),
    ) -> Result<(), LogError> {
        let new_path = self.path.with_extension("new");
        let mut new = io::BufWriter::new(File::create(&new_path)?);
        new.write_all(HEAD.as_bytes())?;
        let (mut len, mut next_line, mut failed) = (HEAD.len() as u64, 2, None);
        read(&File::open(&self.path)?, self.len, |event, _| {
            if keep(&event) && failed.is_none() {
                let line = line_of(&event);
                failed = new.write_all(line.as_bytes()).err();
                len += line.len() as u64;
                take(event, next_line);
                next_line += 1;
            }
        })?;
        if let Some(error) = failed {
            return Err(LogError::Io(error));
        }
        let mut file = new.into_inner().map_err(|e| LogError::Io(e.into_error()))?;
        file.sync_all()?;
        std::fs::rename(&new_path, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        file.seek(SeekFrom::Start(len))?;
        *self = Self { file, path: self.path.clone(), len, next_line, is_lost: false };
        Ok(())
    }
}

fn line_of(event: &Event) -> String {
    // Numbers that are not finite are refused before, and nothing else cannot be written.
    let json = serde_json::to_string(event).unwrap_or_default();
    format!("{:016x} {json}\n", xxh3_64(json.as_bytes()))
}

/// Reads the first `size` bytes of a log; how many are whole lines, and the number of the next line.
fn read(file: &File, size: u64, mut take: impl FnMut(Event, u64)) -> Result<(u64, u64), LogError> {
    let mut reader = BufReader::new(io::Read::take(file, size));
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line != HEAD.as_bytes() {
        return Err(LogError::Damaged { line: 1, reason: NO_LOG });
    }
    let (mut len, mut number) = (line.len() as u64, 2);
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok((len, number));
        }
        let is_last = len + read as u64 == size;
        match event_of(&line) {
            Ok(event) => take(event, number),
            // It was being written when the machine or the program ended, so nobody was told that it was.
            Err(_) if is_last && !line.ends_with(b"\n") => return Ok((len, number)),
            Err(reason) => return Err(LogError::Damaged { line: number, reason }),
        }
        len += read as u64;
        number += 1;
    }
}

fn event_of(line: &[u8]) -> Result<Event, &'static str> {
    let line = line.strip_suffix(b"\n").ok_or("the line does not end")?;
    let (checksum, json) = line.split_at_checked(DIGITS).ok_or("the line is too short")?;
    let json = json.strip_prefix(b" ").ok_or("the line has no checksum")?;
    if format!("{:016x}", xxh3_64(json)).as_bytes() != checksum {
        return Err("the checksum is not that of the line");
    }
    serde_json::from_slice(json).map_err(|_| "this is no event")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(number: usize) -> Vec<Event> {
        let event = |i| Event { user: format!("u{}", i % 3), item: format!("i{i}\n\""), weight: 0.5, time: Some(1.25) };
        (0..number).map(event).collect()
    }

    fn read_all(folder: &Path) -> Result<(Vec<Event>, u64), LogError> {
        let mut found = Vec::new();
        let opened = LogFile::open(folder, |event, line| {
            found.push(event);
            assert_eq!(line, found.len() as u64 + 1);
        })?;
        Ok((found, opened.torn_bytes))
    }

    #[test]
    fn a_log_cut_anywhere_gives_the_whole_lines_before_the_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.log");
        let mut log = LogFile::open(folder.path(), |_, _| ()).expect("begun").log;
        assert_eq!(log.append(&events(5)).expect("written"), 2);
        let whole = std::fs::read(&path).expect("the log");
        let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("written");
            let (found, torn) = read_all(folder.path()).expect("opened");
            let lines = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(found, events(lines.saturating_sub(1)), "cut at {cut}");
            if lines > 0 {
                assert_eq!(torn as usize, cut - ends[lines - 1], "cut at {cut}");
            }
            // It goes on from there.
            let mut log = LogFile::open(folder.path(), |_, _| ()).expect("opened").log;
            log.append(&events(1)).expect("written");
            assert_eq!(read_all(folder.path()).expect("opened").0.len(), lines.saturating_sub(1) + 1, "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_the_end_is_named_by_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.log");
        LogFile::open(folder.path(), |_, _| ()).expect("begun").log.append(&events(4)).expect("written");
        let whole = std::fs::read(&path).expect("the log");
        // Without its last line feed the last line is as one that was being written.
        for at in 0..whole.len() - 1 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).expect("written");
            let line = 1 + whole[..at].iter().filter(|&&b| b == b'\n').count() as u64;
            match read_all(folder.path()) {
                Err(LogError::Damaged { line: found, .. }) => assert_eq!(found, line, "byte {at}"),
                other => panic!("byte {at}: {other:?}"),
            }
            assert_eq!(std::fs::read(&path).expect("the log"), damaged, "nothing was changed");
        }
    }
}
