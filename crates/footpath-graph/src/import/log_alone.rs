//! A log read on its own: who chose what, in the order in which they did.

use super::collector::Collector;
use super::columns::Columns;
use super::folder::File;
use super::inputs;
use super::options::Options;
use super::problems::Problems;
use super::reading::Reading;
use crate::error::Result;
use footpath_core::Context;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

/// Somebody chose something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Id of the user.
    pub user: String,
    /// Id of the item.
    pub item: String,
    /// Line of the file, from 1.
    pub line: u32,
}

/// Reads a table of interactions (of a dataset folder, or RecBole's `.inter`) by time, or as its lines stand where it
/// has none.
///
/// # Errors
/// [`crate::Error::Import`] for bad records, with file and line; [`footpath_core::Error::Stopped`].
pub fn read_log(path: &Path, columns: &Columns, max_bytes: u64, context: &Context) -> Result<Vec<Chosen>> {
    let file = File::at(path.to_owned(), "");
    let stage = context.stage("reading", Some(file.bytes()), "bytes");
    let mut problems = Problems::new(None);
    let mut reading = Reading::new(&mut problems, Rc::new(Cell::new(max_bytes)), columns, &stage);
    let mut collector = Collector::new(&Options::default());
    inputs::interactions(&file, &mut collector, &mut reading)?;
    problems.stop_if_strict()?;
    let mut log = collector.dataset.interactions;
    log.sort_by_key(|choice| (choice.time, choice.line));
    let (users, items) = (&collector.dataset.users, &collector.dataset.items);
    let chosen = |choice: crate::dataset::RawInteraction| Chosen {
        user: users.get(choice.user).to_owned(),
        item: items.get(choice.item).to_owned(),
        line: choice.line,
    };
    Ok(log.into_iter().map(chosen).collect())
}
