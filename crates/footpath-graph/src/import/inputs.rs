//! What is imported: files and folders, a log that lies elsewhere, and what would be read as what.

use super::builder::DatasetBuilder;
use super::collector::Collector;
use super::folder::{File, Folder};
use super::formats;
use super::options::{Format, Options};
use super::problems::{MaxBad, Problems};
use super::reading::Reading;
use super::report::Imported;
use super::table::Table;
use super::{finish, log, native, recbole};
use crate::error::Result;
use footpath_core::Context;
use serde::Serialize;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What to import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Files and folders, which together are in one layout.
    pub paths: Vec<PathBuf>,
    /// A table of interactions that lies elsewhere: of a dataset folder, or RecBole's.
    pub interactions: Option<PathBuf>,
}

impl From<&Path> for Inputs {
    fn from(path: &Path) -> Self {
        Self { paths: vec![path.to_owned()], interactions: None }
    }
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The layout.
    pub format: Format,
    /// Why it is taken for that.
    pub why: String,
    /// The files that would be read, in that order.
    pub read: Vec<Planned>,
    /// Names of files that would not.
    pub not_read: Vec<String>,
}

/// A file and what it would be read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The file.
    pub path: PathBuf,
    /// What it would be read as.
    pub what: String,
}

/// Says what an import would read as what. Nothing is read but what tells the layout.
///
/// # Errors
/// As [`import_from`], for what is told without reading records.
pub fn explain(inputs: &Inputs, options: &Options) -> Result<Explained> {
    options.check()?;
    let folder = Folder::open(&inputs.paths)?;
    let found = formats::find(options, &folder)?;
    let mut read: Vec<Planned> =
        found.tables.plan().into_iter().map(|(file, what)| Planned { path: file.path, what }).collect();
    let of_mapping = options.mapping.iter().filter_map(|mapping| mapping.interactions.table.as_ref());
    let logs = inputs.interactions.iter().chain(of_mapping);
    read.extend(logs.map(|path| Planned { path: path.clone(), what: "interactions".to_owned() }));
    let is_read = |file: &File| read.iter().any(|planned| planned.path == file.path);
    let not_read = folder.files().filter(|(_, file)| !is_read(file)).map(|(_, file)| file.shown_name()).collect();
    Ok(Explained { format: found.format, why: found.why, read, not_read })
}

/// Imports what may lie in several places.
///
/// # Errors
/// As [`import`](super::import()).
pub fn import_from(inputs: &Inputs, options: &Options, context: &Context) -> Result<Imported> {
    let mut builder = DatasetBuilder::new(options)?;
    let folder = Folder::open(&inputs.paths)?;
    let found = formats::find(options, &folder)?;
    let elsewhere: Vec<File> = inputs.interactions.iter().map(|path| File::at(path.clone(), "")).collect();
    let of_mapping = options.mapping.iter().filter_map(|mapping| mapping.interactions.table.clone());
    let of_mapping: Vec<File> = of_mapping.map(|path| File::at(path, "")).collect();
    let bytes = found.tables.bytes() + elsewhere.iter().map(File::bytes).sum::<u64>();
    let stage = context.stage("reading", Some(bytes), "bytes");
    let budget = Rc::new(Cell::new(options.max_bytes));
    let mut reading = Reading::new(&mut builder.problems, budget, &options.columns, &stage);
    found.tables.read(&mut builder.collector, &mut reading)?;
    for file in elsewhere.iter().chain(&of_mapping) {
        interactions(file, &mut builder.collector, &mut reading)?;
    }
    let options = Options { format: found.format, ..options.clone() };
    let mut imported = finish::finish(folder.path(), &options, builder.collector, builder.problems, context)?;
    imported.report.why = found.why;
    Ok(imported)
}

/// Reads a log that lies elsewhere, in either of the layouts that have tables of logs: RecBole types its columns.
pub(super) fn interactions(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut problems = Problems::new(Some(MaxBad::default()));
    let header = Table::open(&file.path, file.delimiter, &mut reading.aside(&mut problems));
    let typed = header.is_ok_and(|table| table.header().iter().all(|column| column.contains(':')));
    let part = file.path.file_name().and_then(|name| name.to_str()).and_then(log::part_of_name).unwrap_or_default();
    let file = File { part: part.to_owned(), ..file.clone() };
    match typed {
        true => recbole::interactions(&file, "item_id", collector, reading),
        false => native::interactions(&file, collector, reading),
    }
}
