//! The files that were given, by name: those of a folder, of several, or single ones.

use super::problems::Flaw;
use super::rows::EXTENSIONS;
use super::table::Delimiter;
use crate::error::{Result, show};
use std::path::{Path, PathBuf};

const PACKINGS: [&str; 4] = [".gz", ".zst", ".bz2", ".xz"];

/// How much of a data set an input must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that a graph is made of.
    Whole,
    /// Some of it, which is added to a graph.
    Addition,
}

/// A file of a folder, and how its fields are parted.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) delimiter: Delimiter,
    /// What its name says it is a part of, such as `train`; empty for a whole.
    pub(super) part: String,
}

impl File {
    /// The file at a path, its fields parted as its name says.
    pub(super) fn at(path: PathBuf, part: &str) -> Self {
        let is_csv =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| unpacked(name).ends_with(".csv"));
        let delimiter = if is_csv { Delimiter::Comma } else { Delimiter::Tab };
        Self { path, delimiter, part: part.to_owned() }
    }

    /// Its size on disk; 0 where that is not known.
    pub(super) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Its own name, to show.
    pub(super) fn shown_name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| show(name.to_string_lossy().as_bytes()))
    }
}

/// What was given to import: names, sorted, with the files they are of. Names that are not UTF-8 are no input of any
/// format.
pub(super) struct Folder {
    path: PathBuf,
    names: Vec<String>,
    paths: Vec<PathBuf>,
}

impl Folder {
    /// What shows that a folder has a layout: one of these files, by its name when unpacked.
    pub(super) fn shown_by(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if self.named(name)?.is_some() {
                return Ok(Some(format!("there is {name}")));
            }
        }
        Ok(None)
    }

    /// The files in these folders, and these files.
    pub(super) fn open<P: AsRef<Path>>(given: &[P]) -> Result<Self> {
        let mut files: Vec<(String, PathBuf)> = Vec::new();
        for path in given.iter().map(AsRef::as_ref) {
            if std::fs::metadata(path).map_err(footpath_core::Error::io(path))?.is_file() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("input");
                files.push((name.to_owned(), path.to_owned()));
                continue;
            }
            for entry in std::fs::read_dir(path).map_err(footpath_core::Error::io(path))? {
                let entry = entry.map_err(footpath_core::Error::io(path))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                match parts_of_rows(&name, &entry.path()) {
                    parts if parts.is_empty() => files.push((name, entry.path())),
                    parts => files.extend(parts),
                }
            }
        }
        files.sort_unstable();
        files.dedup();
        let path = given.first().map_or_else(PathBuf::new, |path| path.as_ref().to_owned());
        let (names, paths) = files.into_iter().unzip();
        Ok(Self { path, names, paths })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// All files, with their names as they are when unpacked.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, File)> {
        self.names.iter().zip(&self.paths).map(|(name, path)| (unpacked(name), File::at(path.clone(), "")))
    }

    /// The one file that has this name when it is unpacked, if there is any.
    pub(super) fn named(&self, wanted: &str) -> Result<Option<File>> {
        let found: Vec<_> = (0..self.names.len()).filter(|&n| unpacked(self.name(n)) == wanted).collect();
        self.only(&found)?;
        Ok(found.first().map(|&number| self.file(number, "")))
    }

    /// As [`Folder::named`], of a file that must be there.
    pub(super) fn required(&self, wanted: &str) -> Result<File> {
        self.named(wanted)?.ok_or_else(|| self.missing(wanted))
    }

    /// The one table called `stem`, as TSV or CSV, if there is any.
    pub(super) fn table(&self, stem: &str) -> Result<Option<File>> {
        let found: Vec<_> = (0..self.names.len()).filter(|&n| part(self.name(n), stem) == Some("")).collect();
        self.only(&found)?;
        Ok(found.first().map(|&number| self.file(number, "")))
    }

    /// The table called `stem`, or all that are called `stem.PART` where there is none, in the order of their names.
    pub(super) fn tables(&self, stem: &str) -> Result<Vec<File>> {
        if let Some(whole) = self.table(stem)? {
            return Ok(vec![whole]);
        }
        let parts: Vec<_> = (0..self.names.len()).filter_map(|n| Some((part(self.name(n), stem)?, n))).collect();
        for same in parts.chunk_by(|(a, _), (b, _)| a == b) {
            self.only(&same.iter().map(|(_, number)| *number).collect::<Vec<_>>())?;
        }
        Ok(parts.into_iter().map(|(part, number)| self.file(number, part)).collect())
    }

    /// The one file ending in `suffix`, if there is any, with what stands before the suffix.
    pub(super) fn with_suffix(&self, suffix: &str) -> Result<Option<(File, String)>> {
        let found: Vec<_> = (0..self.names.len()).filter(|&n| unpacked(self.name(n)).ends_with(suffix)).collect();
        self.only(&found)?;
        let stem = |name| unpacked(name).strip_suffix(suffix).unwrap_or(name).to_owned();
        Ok(found.first().map(|&number| (self.file(number, ""), stem(self.name(number)))))
    }

    /// As [`Folder::with_suffix`], where the file may lie in parts: `NAME.PART.suffix`. `part` says what a name of a
    /// part means, if it is one.
    pub(super) fn in_parts(
        &self,
        suffix: &str,
        part: impl Fn(&str) -> Option<&str>,
    ) -> Result<Option<(Vec<File>, String)>> {
        let cut = |number: usize| {
            let stem = unpacked(self.name(number)).strip_suffix(suffix)?;
            let (stem, name) = stem.rsplit_once('.')?;
            Some((stem.to_owned(), self.file(number, part(name)?)))
        };
        let found: Vec<_> = (0..self.names.len()).filter(|&n| unpacked(self.name(n)).ends_with(suffix)).collect();
        let parts: Vec<_> = (0..self.names.len()).filter_map(cut).collect();
        let Some((stem, _)) = parts.first().filter(|_| parts.len() == found.len()) else {
            return Ok(self.with_suffix(suffix)?.map(|(file, stem)| (vec![file], stem)));
        };
        let is_other = |(other, file): &(String, File)| {
            other != stem || parts.iter().filter(|(_, same)| same.part == file.part).count() > 1
        };
        if parts.iter().any(is_other) {
            self.only(&found)?;
        }
        let stem = stem.clone();
        Ok(Some((parts.into_iter().map(|(_, file)| file).collect(), stem)))
    }

    fn name(&self, number: usize) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    fn file(&self, number: usize, part: &str) -> File {
        File::at(self.paths.get(number).cloned().unwrap_or_default(), part)
    }

    fn only(&self, found: &[usize]) -> Result<()> {
        if found.len() < 2 {
            return Ok(());
        }
        let names = found.iter().map(|&number| self.name(number)).collect::<Vec<_>>().join(", ");
        let message = format!("{} files for the same thing: {}; keep one", found.len(), show(names.as_bytes()));
        Err(Flaw::new("ambiguous", message).fail(&self.path))
    }

    /// The error for a file that must be there.
    pub(super) fn missing(&self, wanted: &str) -> crate::Error {
        let listed = self.names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
        let found = if listed.is_empty() { "nothing".to_owned() } else { show(listed.as_bytes()) };
        Flaw::new("missing_file", format!("looked for {wanted}, found {found}")).fail(&self.path)
    }
}

/// The parts of a table that is a folder of Parquet or Arrow files, `triples/part-0.parquet`, as
/// `triples.part-0.parquet`.
fn parts_of_rows(name: &str, path: &Path) -> Vec<(String, PathBuf)> {
    if !path.is_dir() {
        return Vec::new();
    }
    let is_rows = |name: &str| EXTENSIONS.iter().any(|(extension, _)| name.ends_with(extension));
    let stem = EXTENSIONS.iter().find_map(|(extension, _)| name.strip_suffix(extension)).unwrap_or(name);
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(std::result::Result::ok);
    let part = |entry: std::fs::DirEntry| {
        let part = entry.file_name().into_string().ok().filter(|part| is_rows(part))?;
        Some((format!("{stem}.{part}"), entry.path()))
    };
    entries.filter_map(part).collect()
}

/// The name that a file has when it is unpacked.
pub(super) fn unpacked(name: &str) -> &str {
    PACKINGS.iter().find_map(|packing| name.strip_suffix(packing)).unwrap_or(name)
}

/// What stands between `stem.` and `.tsv`, `.csv`, `.parquet` and the like in the name of a table; empty for the whole.
fn part<'n>(name: &'n str, stem: &str) -> Option<&'n str> {
    let rest = unpacked(name).strip_prefix(stem)?;
    let of_rows = EXTENSIONS.iter().map(|(extension, _)| *extension);
    let rest = [".tsv", ".csv"].into_iter().chain(of_rows).find_map(|extension| rest.strip_suffix(extension))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('.').filter(|part| !part.is_empty()) }
}
