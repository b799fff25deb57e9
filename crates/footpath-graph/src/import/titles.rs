//! Tables of what has an id and a title, read on their own.

use super::columns::Columns;
use super::folder::File;
use super::problems::{Checked, Flaw, Problems};
use super::reading::Reading;
use super::table::Table;
use super::values;
use crate::error::Result;
use crate::link::Titled;
use footpath_core::Context;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

/// Reads a table of items: `item_id`, `title`, and `year` where it has one. TSV or CSV, plain or packed.
///
/// # Errors
/// [`crate::Error::Import`] for a bad table, with file and line; [`footpath_core::Error::Stopped`].
pub fn titles_of_items(path: &Path, columns: &Columns, max_bytes: u64, context: &Context) -> Result<Vec<Titled>> {
    read(path, ["item_id", "title"], columns, max_bytes, context)
}

/// Reads a table of entities: `entity_id`, `label`, and `type` and `year` where it has them.
///
/// # Errors
/// As [`titles_of_items`].
pub fn titles_of_entities(path: &Path, columns: &Columns, max_bytes: u64, context: &Context) -> Result<Vec<Titled>> {
    read(path, ["entity_id", "label"], columns, max_bytes, context)
}

fn read(path: &Path, required: [&str; 2], columns: &Columns, max_bytes: u64, context: &Context) -> Result<Vec<Titled>> {
    let file = File::at(path.to_owned(), "");
    let stage = context.stage("reading", Some(file.bytes()), "bytes");
    let mut problems = Problems::new(None);
    let mut reading = Reading::new(&mut problems, Rc::new(Cell::new(max_bytes)), columns, &stage);
    let mut table = Table::open(&file.path, file.delimiter, &mut reading)?;
    table.require(&required, &mut reading)?;
    let [id, title] = required.map(|name| table.column(name, &reading).unwrap_or(0));
    let [kind, year] = ["type", "year"].map(|name| table.column(name, &reading));
    let mut all = Vec::new();
    table.each(&mut reading, |record| {
        let text = |column: usize| values::label(record.field(column)).trim().to_owned();
        let year = year.map(text).filter(|text| !text.is_empty());
        let year = year.map(|text| year_of(&text)).transpose().map_err(|flaw| flaw.at(id))?;
        let id = values::name(record.field(id))?.text().to_owned();
        all.push(Titled { id, kind: kind.map(text).unwrap_or_default(), title: text(title), year });
        Ok(())
    })?;
    problems.stop_if_strict()?;
    Ok(all)
}

/// The year that a field begins with: `1995`, `1995-06-01`, `1995.0`.
fn year_of(text: &str) -> Checked<i32> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text.get(..digits).filter(|digits| (1..=4).contains(&digits.len())).and_then(|year| year.parse().ok());
    number.ok_or_else(|| Flaw::new("year", format!("`{}` is no year", crate::error::show(text.as_bytes()))))
}
