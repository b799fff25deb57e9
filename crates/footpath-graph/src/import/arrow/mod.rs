//! The rows of a file of Arrow's IPC, as the table reader takes them: Feather version 2, and streams.

#[cfg(feature = "arrow")]
mod messages;
#[cfg(feature = "arrow")]
mod text;

#[cfg(all(test, feature = "arrow"))]
mod tests;

use super::problems::Flaw;
use super::record::Row;
use std::path::Path;

#[cfg(not(feature = "arrow"))]
pub(super) struct Rows;

#[cfg(not(feature = "arrow"))]
impl Rows {
    pub(super) fn open(_: &Path) -> Result<(Self, Vec<String>), Flaw> {
        Err(Flaw::fatal("not_built", "this program was built without Arrow (feature `arrow`)"))
    }

    pub(super) fn next(&mut self, _: &mut Row) -> Option<Result<(), Flaw>> {
        None
    }

    pub(super) fn share(&self) -> (u64, u64) {
        (0, 1)
    }
}

#[cfg(feature = "arrow")]
pub(super) use with_arrow::Rows;

#[cfg(feature = "arrow")]
mod with_arrow {
    use super::super::record::MAX_COLUMNS;
    use super::messages::{Damage, Messages};
    use super::text::{self, Column};
    use super::{Flaw, Path, Row};
    use arrow_array::RecordBatch;
    use arrow_schema::Schema;

    /// The rows of a file that are still to come.
    pub(in super::super) struct Rows {
        messages: Messages,
        /// For each column of the header its place in a batch; none for one whose values have no text.
        places: Vec<Option<usize>>,
        /// The columns of the batch that is read, by that place.
        batch: Vec<Column>,
        /// The next row of the batch, and their number.
        next: usize,
        num_rows: usize,
    }

    impl Rows {
        /// Opens a file; the names of its columns come beside.
        pub(in super::super) fn open(path: &Path) -> Result<(Self, Vec<String>), Flaw> {
            let messages = Messages::open(path, text::has_text).map_err(Damage::flaw)?;
            let header = names(messages.schema())?;
            let mut places = vec![None; header.len()];
            for (place, &column) in messages.columns().iter().enumerate() {
                if let Some(slot) = places.get_mut(column) {
                    *slot = Some(place);
                }
            }
            Ok((Self { messages, places, batch: Vec::new(), next: 0, num_rows: 0 }, header))
        }

        /// Fills a row with the next one.
        pub(in super::super) fn next(&mut self, row: &mut Row) -> Option<Result<(), Flaw>> {
            while self.next == self.num_rows {
                match self.messages.next_batch() {
                    Ok(Some(batch)) => {
                        if let Err(damage) = self.take(&batch) {
                            return Some(Err(damage.flaw()));
                        }
                    }
                    Ok(None) => return None,
                    Err(damage) => return Some(Err(damage.flaw())),
                }
            }
            let (number, places, batch) = (self.next, &self.places, &self.batch);
            self.next += 1;
            Some(row.fill(places.len(), |column, text| {
                let values = places.get(column).copied().flatten().and_then(|place| batch.get(place));
                values.into_iter().for_each(|values| values.write(number, text));
                Ok(())
            }))
        }

        fn take(&mut self, batch: &RecordBatch) -> Result<(), Damage> {
            self.batch = batch.columns().iter().map(text::column).collect::<Result<_, Damage>>()?;
            (self.next, self.num_rows) = (0, batch.num_rows());
            Ok(())
        }

        /// How many bytes were read, and of how many.
        pub(in super::super) fn share(&self) -> (u64, u64) {
            self.messages.share()
        }
    }

    fn names(schema: &Schema) -> Result<Vec<String>, Flaw> {
        let header: Vec<String> = schema.fields().iter().map(|field| field.name().to_owned()).collect();
        if header.len() <= MAX_COLUMNS {
            return Ok(header);
        }
        let message = format!("{} columns, and {MAX_COLUMNS} at most can be read", header.len());
        Err(Flaw::fatal("columns", message))
    }
}
