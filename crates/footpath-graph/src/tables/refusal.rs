//! What is said of tables that are refused.

use crate::error::{Diagnostic, Error, ImportFailure, show};
use std::path::Path;

/// A failure of the tables at a row of a file; 0 where the whole file is meant.
pub(super) fn bad(path: &Path, row: u64, kind: &'static str, message: impl Into<String>) -> Error {
    let diagnostic = Diagnostic { path: path.to_owned(), line: row, column: 0, kind, message: message.into() };
    Error::Import(Box::new(ImportFailure { diagnostics: vec![diagnostic], total: 1 }))
}

pub(super) fn show_name(name: &str) -> String {
    show(name.as_bytes())
}
