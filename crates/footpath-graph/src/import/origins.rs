//! Which file each of a list of records came from, kept as runs: one for a file that is read in one go.

use super::findings::Example;
use super::records::FileNumber;
use crate::error::{Result, show};
use crate::kg::{SourceFile, Sources};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most files of one import.
pub const MAX_FILES: usize = 65_535;

/// The files of an import.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    /// The last of those of a base graph; none of a file that is read is one of them, whatever it is called.
    last_of_base: usize,
}

impl Default for Files {
    /// With [`Files::MEMORY`] alone.
    fn default() -> Self {
        Self { paths: vec![PathBuf::from("(memory)")], last_of_base: 0 }
    }
}

impl Files {
    /// Stands for the file of records that come from none; their lines are their numbers among all of their kind.
    pub(super) const MEMORY: FileNumber = FileNumber(0);

    /// The number of a file, added when it is new.
    pub(super) fn add(&mut self, path: &Path) -> Result<FileNumber> {
        let is_it = |number: &usize| self.paths.get(*number).is_some_and(|known| known == path);
        let own = (self.last_of_base + 1..self.paths.len()).rev().chain([0]);
        let known = own.into_iter().find(is_it);
        self.number(known.unwrap_or(self.paths.len()), path)
    }

    /// A number for a file of a base graph, before all that are read.
    pub(super) fn add_of_base(&mut self, path: &Path) -> Result<FileNumber> {
        self.last_of_base = self.paths.len();
        self.number(self.last_of_base, path)
    }

    fn number(&mut self, number: usize, path: &Path) -> Result<FileNumber> {
        if number == self.paths.len() {
            self.paths.push(path.to_owned());
        }
        let over = || footpath_core::Error::Limit { what: "input files", max: MAX_FILES as u64, got: number as u64 };
        let number = u32::try_from(number).ok().filter(|_| number <= MAX_FILES).ok_or_else(over)?;
        Ok(FileNumber(number))
    }

    pub(super) fn path(&self, file: FileNumber) -> &Path {
        self.paths.get(file.0 as usize).map_or(Path::new(""), PathBuf::as_path)
    }

    /// A file's own name, to show.
    pub(super) fn shown_name(&self, file: FileNumber) -> String {
        show(self.name(file).as_bytes())
    }

    /// A file's own name, for provenance; empty for records that come from none.
    fn name(&self, file: FileNumber) -> String {
        let name = self.path(file).file_name().filter(|_| file != Self::MEMORY);
        name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Origins of a list of records that grows at its end. The lines of the records are those of their files until
/// [`Origins::settle`] makes them numbers that say the file as well.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// Place of the first record of each run, and the file.
    runs: Vec<(usize, FileNumber)>,
    /// Rank of each file, in the order of their first records, and its largest line.
    lines: BTreeMap<FileNumber, (usize, u32)>,
    /// Once settled.
    sources: Sources,
}

impl Origins {
    /// Enters a file before those of any record, with its last line.
    pub(super) fn preset(&mut self, file: FileNumber, lines: u32) {
        let rank = self.lines.len();
        self.lines.entry(file).or_insert((rank, lines));
    }

    /// The last line of the last file.
    pub(super) fn last_line(&self) -> u32 {
        self.by_rank().last().map_or(0, |&(_, lines)| lines)
    }

    /// Notes that the record at this place of the list comes from a line of a file.
    #[inline]
    pub(super) fn add(&mut self, place: usize, file: FileNumber, line: u32) {
        if self.runs.last().is_none_or(|&(_, last)| last != file) {
            self.runs.push((place, file));
        }
        let rank = self.lines.len();
        let (_, last) = self.lines.entry(file).or_insert((rank, 0));
        *last = line.max(*last);
    }

    /// Makes the line of each record, which `line` finds, the number of its file and line. To be called once, before
    /// the records are sorted.
    pub(super) fn settle<T>(&mut self, records: &mut [T], files: &Files, line: impl Fn(&mut T) -> &mut u32) -> Sources {
        let by_rank = self.by_rank();
        if by_rank.is_empty() {
            self.sources = Sources::one("");
            return self.sources.clone();
        }
        let file = |&(file, lines): &(FileNumber, u32)| SourceFile { name: files.name(file), lines };
        self.sources = Sources::several(by_rank.iter().map(file).collect());
        if by_rank.len() > 1 {
            let before: Vec<u32> = (0..by_rank.len()).map(|rank| self.sources.before(rank)).collect();
            let ends = self.runs.iter().skip(1).map(|&(start, _)| start).chain([records.len()]);
            for (&(start, file), end) in self.runs.iter().zip(ends) {
                let rank = self.lines.get(&file).map_or(0, |&(rank, _)| rank);
                let before = before.get(rank).copied().unwrap_or(u32::MAX);
                for record in records.get_mut(start..end).unwrap_or_default() {
                    let line = line(record);
                    *line = if *line == 0 { 0 } else { line.checked_add(before).unwrap_or(0) };
                }
            }
        }
        self.runs = Vec::new();
        self.sources.clone()
    }

    /// The files in the order of their first records, with their largest lines.
    fn by_rank(&self) -> Vec<(FileNumber, u32)> {
        let mut files: Vec<_> = self.lines.iter().map(|(&file, &(rank, lines))| (rank, (file, lines))).collect();
        files.sort_unstable_by_key(|&(rank, _)| rank);
        files.into_iter().map(|(_, file)| file).collect()
    }

    /// What stands where a number says, as an example, once settled.
    pub(super) fn example(&self, number: u32, text: &str, files: &Files) -> Example {
        let (path, line) = self.place(number, files);
        let file = path.file_name().map_or_else(String::new, |name| show(name.to_string_lossy().as_bytes()));
        Example { text: show(text.as_bytes()), file, line }
    }

    /// The file and the line that a number stands for, once settled.
    pub(super) fn place<'f>(&self, number: u32, files: &'f Files) -> (&'f Path, u64) {
        let (rank, line) = self.sources.place(number).unwrap_or((0, 0));
        let file = self.lines.iter().find(|(_, (r, _))| *r == rank).map(|(&file, _)| file);
        (file.map_or(Path::new(""), |file| files.path(file)), line.into())
    }
}
