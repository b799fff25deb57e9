//! The rows of tables that are no text, as the table reader takes them: text by columns. The number of a row stands for
//! a line.

use super::arrow;
use super::parquet_rows;
use super::problems::Flaw;
use super::record::Row;
use std::path::Path;

/// What a table of rows is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Parquet,
    /// Arrow's IPC, as a file or as a stream.
    Arrow,
}

/// Ends of names of files, and what they are.
pub(super) const EXTENSIONS: [(&str, Container); 5] = [
    (".parquet", Container::Parquet),
    (".arrow", Container::Arrow),
    (".arrows", Container::Arrow),
    (".feather", Container::Arrow),
    (".ipc", Container::Arrow),
];

/// What a file is kept in, by its name; `None` for text.
pub(super) fn container(path: &Path) -> Option<Container> {
    let name = path.file_name()?.to_str()?;
    EXTENSIONS.iter().find(|(extension, _)| name.ends_with(extension)).map(|&(_, container)| container)
}

/// The rows of a file that are still to come.
pub(super) enum Rows {
    Parquet(parquet_rows::Rows),
    Arrow(Box<arrow::Rows>),
}

impl Rows {
    /// Opens a file; the names of its columns come beside.
    pub(super) fn open(path: &Path, container: Container) -> Result<(Self, Vec<String>), Flaw> {
        match container {
            Container::Parquet => parquet_rows::Rows::open(path).map(|(rows, names)| (Self::Parquet(rows), names)),
            Container::Arrow => arrow::Rows::open(path).map(|(rows, names)| (Self::Arrow(Box::new(rows)), names)),
        }
    }

    /// Fills a row with the next one.
    pub(super) fn next(&mut self, row: &mut Row) -> Option<Result<(), Flaw>> {
        match self {
            Self::Parquet(rows) => rows.next(row),
            Self::Arrow(rows) => rows.next(row),
        }
    }

    /// How much was read, and of how much.
    pub(super) fn share(&self) -> (u64, u64) {
        match self {
            Self::Parquet(rows) => rows.share(),
            Self::Arrow(rows) => rows.share(),
        }
    }
}
