//! The files of a folder, by name.

use super::problems::Flaw;
use super::table::Delimiter;
use crate::error::{Result, show};
use std::path::{Path, PathBuf};

const PACKINGS: [&str; 2] = [".gz", ".zst"];

/// A file of a folder, and how its fields are parted.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) delimiter: Delimiter,
    /// What its name says it is a part of, such as `train`; empty for a whole.
    pub(super) part: String,
}

impl File {
    /// Its size on disk; 0 where that is not known.
    pub(super) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

/// The names in a folder, sorted; names that are not UTF-8 are no input of any format.
pub(super) struct Folder {
    path: PathBuf,
    names: Vec<String>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let entries = std::fs::read_dir(path).map_err(footpath_core::Error::io(path))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(footpath_core::Error::io(path))?;
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(Self { path: path.to_owned(), names })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The one table called `stem`, as TSV or CSV, if there is any.
    pub(super) fn table(&self, stem: &str) -> Result<Option<File>> {
        let found: Vec<_> = self.names.iter().filter(|name| part(name, stem) == Some("")).collect();
        self.only(&found)?;
        Ok(found.first().map(|name| self.file(name, "")))
    }

    /// The table called `stem`, or all that are called `stem.PART` where there is none, in the order of their names.
    pub(super) fn tables(&self, stem: &str) -> Result<Vec<File>> {
        if let Some(whole) = self.table(stem)? {
            return Ok(vec![whole]);
        }
        let parts: Vec<_> = self.names.iter().filter_map(|name| Some((part(name, stem)?, name))).collect();
        for same in parts.chunk_by(|(a, _), (b, _)| a == b) {
            self.only(&same.iter().map(|(_, name)| *name).collect::<Vec<_>>())?;
        }
        Ok(parts.into_iter().map(|(part, name)| self.file(name, part)).collect())
    }

    /// The one file ending in `suffix`, if there is any, with what stands before the suffix.
    pub(super) fn with_suffix(&self, suffix: &str) -> Result<Option<(File, String)>> {
        let found: Vec<_> = self.names.iter().filter(|n| unpacked(n).ends_with(suffix)).collect();
        self.only(&found)?;
        let stem = |name| unpacked(name).strip_suffix(suffix).unwrap_or(name).to_owned();
        Ok(found.first().map(|name| (self.file(name, ""), stem(name))))
    }

    /// As [`Folder::with_suffix`], where the file may lie in parts of which `is_part` knows the names:
    /// `NAME.PART.suffix`.
    pub(super) fn in_parts(&self, suffix: &str, is_part: impl Fn(&str) -> bool) -> Result<Option<(Vec<File>, String)>> {
        let cut = |name: &String| {
            let stem = unpacked(name).strip_suffix(suffix)?;
            let (stem, part) = stem.rsplit_once('.').filter(|(_, part)| is_part(part))?;
            Some((stem.to_owned(), self.file(name, part)))
        };
        let found = self.names.iter().filter(|name| unpacked(name).ends_with(suffix)).count();
        let parts: Vec<_> = self.names.iter().filter_map(cut).collect();
        let Some((stem, _)) = parts.first().filter(|_| parts.len() == found) else {
            return Ok(self.with_suffix(suffix)?.map(|(file, stem)| (vec![file], stem)));
        };
        let is_other = |(other, file): &(String, File)| {
            other != stem || parts.iter().filter(|(_, same)| same.part == file.part).count() > 1
        };
        if parts.iter().any(is_other) {
            self.only(&self.names.iter().filter(|name| unpacked(name).ends_with(suffix)).collect::<Vec<_>>())?;
        }
        let stem = stem.clone();
        Ok(Some((parts.into_iter().map(|(_, file)| file).collect(), stem)))
    }

    fn file(&self, name: &str, part: &str) -> File {
        let delimiter = if unpacked(name).ends_with(".csv") { Delimiter::Comma } else { Delimiter::Tab };
        File { path: self.path.join(name), delimiter, part: part.to_owned() }
    }

    fn only(&self, found: &[&String]) -> Result<()> {
        if found.len() < 2 {
            return Ok(());
        }
        let names = found.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
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

fn unpacked(name: &str) -> &str {
    PACKINGS.iter().find_map(|packing| name.strip_suffix(packing)).unwrap_or(name)
}

/// What stands between `stem.` and `.tsv` or `.csv` in the name of a table; empty for the whole.
fn part<'n>(name: &'n str, stem: &str) -> Option<&'n str> {
    let rest = unpacked(name).strip_prefix(stem)?;
    let rest = rest.strip_suffix(".tsv").or_else(|| rest.strip_suffix(".csv"))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('.').filter(|part| !part.is_empty()) }
}
