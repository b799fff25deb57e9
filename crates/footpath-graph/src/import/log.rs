//! The log of interactions in any layout: which columns it has, and what a record says.

use super::collector::Collector;
use super::columns;
use super::findings::{Finding, Severity};
use super::gathered::{At, Choice, LogFields};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::Record;
use super::records::FileNumber;
use super::table::Table;
use super::values;
use crate::error::{Result, show};
use crate::heldout::Split;

/// Columns that a log need not have.
const OPTIONAL: [&str; 5] = ["rating", "label", "timestamp", "position", "split"];

/// The columns of a file of interactions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogColumns {
    user: usize,
    item: usize,
    rating: Option<usize>,
    time: Option<usize>,
    split: Option<usize>,
    /// The part of the log that the whole file is, if its name says so.
    part: Option<Split>,
}

/// The part of a log that a file is, by what its name says.
pub(super) fn part(name: &str) -> Option<Split> {
    match name {
        "train" => Some(Split::Train),
        "valid" | "validation" | "dev" => Some(Split::Valid),
        "test" => Some(Split::Test),
        _ => None,
    }
}

/// What the name of a file says of the part that it is, such as `train` in `log.train.tsv`.
pub(super) fn part_of_name(name: &str) -> Option<&str> {
    name.split('.').find(|word| part(word).is_some())
}

impl LogColumns {
    /// Finds the columns of a table whose header has these names; `user_and_item` are those that must be there.
    pub(super) fn find(
        table: &Table,
        names: &[String],
        user_and_item: [usize; 2],
        part: Option<Split>,
        collector: &mut Collector,
        reading: &mut Reading<'_>,
    ) -> Result<Self> {
        let missing = |(known, given): (&str, &str)| {
            let is_missing = OPTIONAL.contains(&known) && !given.is_empty() && !names.iter().any(|name| name == given);
            is_missing.then(|| format!("no column `{}`, given for `{known}`, in the header", show(given.as_bytes())))
        };
        if let Some(message) = reading.columns.iter().find_map(missing) {
            table.refuse_header(reading, Flaw::new("header", message))?;
        }
        let position = |known| reading.columns.position(known, names);
        let label = position("label").filter(|_| position("rating").is_none());
        let (rating, split) = (position("rating").or(label), position("split").filter(|_| part.is_none()));
        let time = position("timestamp").or_else(|| position("position"));
        let [user, item] = user_and_item;
        let mut found = Self { user, item, rating, time, split, part };
        found.tell_ignored(table, names, reading);
        found.leave_out_empty(table, reading)?;
        if found.rating.is_some() && found.rating == label {
            collector.has_label = true;
        }
        let (rating, time, split) = (found.rating.is_some(), found.time.is_some(), found.split.is_some());
        if let Err(flaw) = collector.set_log_fields(LogFields { rating, time, split: split || part.is_some() }) {
            table.refuse_header(reading, flaw)?;
        }
        Ok(found)
    }

    /// Tells of columns that look like one that is not there.
    fn tell_ignored(&self, table: &Table, names: &[String], reading: &mut Reading<'_>) {
        let Self { user, item, rating, time, split, part } = *self;
        let taken = [Some(user), Some(item), rating, time, split].into_iter().flatten();
        let taken: Vec<&str> = taken.filter_map(|column| names.get(column)).map(String::as_str).collect();
        let has_split = split.is_some() || part.is_some();
        let wanted = [("rating", rating.is_some()), ("timestamp", time.is_some()), ("split", has_split)];
        for (known, _) in wanted.into_iter().filter(|(known, is_there)| !is_there && !reading.columns.is_off(known)) {
            if let Some(column) = columns::alike(known, names, &taken) {
                reading.problems.find(columns::ignored(&table.file_name(), known, column));
            }
        }
    }

    /// A column that is empty throughout is none.
    fn leave_out_empty(&mut self, table: &Table, reading: &mut Reading<'_>) -> Result<()> {
        let optional: Vec<usize> = [self.rating, self.time, self.split].into_iter().flatten().collect();
        let empty = table.empty_columns(&optional, reading)?;
        for column in [&mut self.rating, &mut self.time, &mut self.split] {
            if let Some(number) = column.filter(|number| empty.contains(number)) {
                let name = table.header().get(number).map_or("", String::as_str);
                let (name, file) = (show(name.as_bytes()), table.file_name());
                let message = format!("column `{name}` of {file} is empty in every row and counts as absent");
                reading.problems.find(Finding::new("empty_column", Severity::Note, 1, message));
                *column = None;
            }
        }
        Ok(())
    }

    /// Columns of user and item.
    pub(super) fn pair(&self) -> [usize; 2] {
        [self.user, self.item]
    }

    /// Columns whose content has checks of its own.
    pub(super) fn special(&self) -> [Option<usize>; 3] {
        [self.rating, self.time, self.split]
    }

    /// Takes a record.
    pub(super) fn take(&self, collector: &mut Collector, file: FileNumber, record: Record<'_>) -> Checked<()> {
        let rating = self.rating.map_or(Ok(f32::NAN), |column| collector.rating(record.field(column)))?;
        let at = At::record(file, record);
        let time = self.time.map_or(Ok(0), |column| collector.time(record.field(column), at))?;
        let split = self.split.map(|column| values::split(record.field(column))).transpose()?;
        let split = split.or(self.part).unwrap_or(Split::Train);
        let (user, item) = (values::name(record.field(self.user))?, values::name(record.field(self.item))?);
        let taken = collector.interaction(at, &Choice { user, item, rating, time, split });
        taken.map_err(|flaw| flaw.in_columns(&self.pair()))
    }
}
