//! The files of a folder, by name.

use super::problems::Flaw;
use super::reader::Delimiter;
use crate::error::{Result, show};
use std::path::{Path, PathBuf};

const PACKINGS: [&str; 2] = [".gz", ".zst"];

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
    pub(super) fn table(&self, stem: &str) -> Result<Option<(PathBuf, Delimiter)>> {
        let delimiter = |name: &str| match unpacked(name).strip_prefix(stem)? {
            ".tsv" => Some(Delimiter::Tab),
            ".csv" => Some(Delimiter::Comma),
            _ => None,
        };
        let found: Vec<_> = self.names.iter().filter_map(|n| delimiter(n).map(|d| (n.as_str(), d))).collect();
        self.only(&found.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
        Ok(found.first().map(|(name, delimiter)| (self.path.join(name), *delimiter)))
    }

    /// The one file ending in `suffix`, if there is any, with what stands before the suffix.
    pub(super) fn with_suffix(&self, suffix: &str) -> Result<Option<(PathBuf, &str)>> {
        let found: Vec<_> = self.names.iter().filter(|n| unpacked(n).ends_with(suffix)).map(String::as_str).collect();
        self.only(&found)?;
        let stem = |name| unpacked(name).strip_suffix(suffix).unwrap_or(name);
        Ok(found.first().map(|&name| (self.path.join(name), stem(name))))
    }

    fn only(&self, found: &[&str]) -> Result<()> {
        if found.len() < 2 {
            return Ok(());
        }
        let message =
            format!("{} files for the same thing: {}; keep one", found.len(), show(found.join(", ").as_bytes()));
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

/// A file's own name, for provenance.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
