//! Plain tables as Parquet: named columns without nulls, written whole and read row by row.

use super::parquet::{GROUP_ROWS, column, new_file, refused};
use super::piped;
use crate::error::{Error, Result};
use crate::parquet_files::guarded;
use footpath_core::Context;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as TableResult};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::record::Field;
use parquet::record::reader::RowIter;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// STRING.
    Text,
    /// INT64.
    Integer,
    /// DOUBLE.
    Double,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Of a column of texts.
    Text(String),
    /// Of a column of whole numbers.
    Integer(i64),
    /// Of a column of numbers.
    Double(f64),
}

/// A column of a table, all rows of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// STRING, with a dictionary.
    Text(Vec<String>),
    /// INT64.
    Integer(Vec<i64>),
    /// DOUBLE.
    Double(Vec<f64>),
}

/// Writes a table of named columns, all of the same length and without nulls, as one row group for each 262,144 rows.
///
/// # Errors
/// [`footpath_core::Error::Io`] when the writer fails or the columns differ in length.
pub fn write_table(name: &str, columns: &[(&str, &Column)], out: &mut dyn Write) -> Result<()> {
    let field = |(name, column): &(&str, &Column)| match column {
        Column::Text(_) => format!("required binary {name} (STRING); "),
        Column::Integer(_) => format!("required int64 {name}; "),
        Column::Double(_) => format!("required double {name}; "),
    };
    let schema = format!("message {name} {{ {}}}", columns.iter().map(field).collect::<String>());
    let rows = columns.iter().map(|(_, column)| column.len()).max().unwrap_or_default();
    piped(out, &Context::default(), |pipe| {
        let mut file = new_file(pipe, &schema, true).map_err(refused)?;
        for start in (0..rows).step_by(GROUP_ROWS) {
            let mut group = file.next_row_group().map_err(refused)?;
            for (_, column) in columns {
                column.write(start..(start + GROUP_ROWS).min(rows), &mut group).map_err(refused)?;
            }
            group.close().map_err(refused)?;
        }
        file.close().map(drop).map_err(refused)
    })
}

impl Column {
    /// One without a row.
    #[must_use]
    pub fn empty(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(Vec::new()),
            ColumnKind::Integer => Self::Integer(Vec::new()),
            ColumnKind::Double => Self::Double(Vec::new()),
        }
    }

    /// Adds a row; a cell of another kind is none.
    pub fn push(&mut self, cell: &Cell) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(value)) => values.push(value.clone()),
            (Self::Integer(values), Cell::Integer(value)) => values.push(*value),
            (Self::Double(values), Cell::Double(value)) => values.push(*value),
            _ => {}
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    fn write<W: Write + Send>(
        &self,
        rows: Range<usize>,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> TableResult<()> {
        let short = || ParquetError::General("a column is shorter than the others".to_owned());
        match self {
            Self::Text(values) => {
                let values = values.get(rows).ok_or_else(short)?;
                let values: Vec<ByteArray> = values.iter().map(|v| v.as_bytes().to_vec().into()).collect();
                column::<ByteArrayType, _>(group, &values, None)
            }
            Self::Integer(values) => column::<Int64Type, _>(group, values.get(rows).ok_or_else(short)?, None),
            Self::Double(values) => column::<DoubleType, _>(group, values.get(rows).ok_or_else(short)?, None),
        }
    }
}

/// Hands every row of a table with these columns, in their order, to `take`.
///
/// # Errors
/// [`footpath_core::Error::Io`] for what is no Parquet file; [`footpath_core::Error::Corrupt`] for one with other
/// columns or with nulls; what `take` says.
pub fn each_row<E: From<Error>>(
    path: &Path,
    columns: &[(&str, ColumnKind)],
    mut take: impl FnMut(&[Cell]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let unreadable = |error: ParquetError| Error::from(footpath_core::Error::io(path)(io::Error::other(error)));
    let file = File::open(path).map_err(|error| Error::from(footpath_core::Error::io(path)(error)))?;
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(unreadable)?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let there: Vec<String> =
        reader.metadata().file_metadata().schema().get_fields().iter().map(|f| f.name().to_owned()).collect();
    if there != names {
        return Err(other_table(path, "columns", names.join(", "), there.join(", ")).into());
    }
    let mut cells = Vec::with_capacity(columns.len());
    let mut rows = RowIter::from_file_into(Box::new(reader));
    let rows = std::iter::from_fn(|| guarded(|| rows.next().transpose()).transpose());
    for (number, row) in rows.enumerate() {
        let row = row.map_err(unreadable)?;
        cells.clear();
        cells.extend(row.get_column_iter().zip(columns).filter_map(|((_, field), (_, kind))| cell(field, *kind)));
        if cells.len() != columns.len() {
            let got = row.to_string();
            return Err(other_table(path, &format!("row {}", number + 1), "a value in each column".into(), got).into());
        }
        take(&cells)?;
    }
    Ok(())
}

fn cell(field: &Field, kind: ColumnKind) -> Option<Cell> {
    match (field, kind) {
        (Field::Str(text), ColumnKind::Text) => Some(Cell::Text(text.clone())),
        (Field::Long(number), ColumnKind::Integer) => Some(Cell::Integer(*number)),
        (Field::Double(number), ColumnKind::Double) => Some(Cell::Double(*number)),
        _ => None,
    }
}

fn other_table(path: &Path, section: &str, expected: String, got: String) -> Error {
    footpath_core::Error::Corrupt { path: path.to_owned(), section: section.to_owned(), expected, got }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("table.parquet");
        let columns = [
            Column::Text(vec!["a".to_owned(), "ü".to_owned()]),
            Column::Integer(vec![-1, i64::MAX]),
            Column::Double(vec![0.1 + 0.2, -f64::MIN_POSITIVE]),
        ];
        let names = [("name", ColumnKind::Text), ("number", ColumnKind::Integer), ("score", ColumnKind::Double)];
        let named: Vec<(&str, &Column)> = names.iter().map(|(name, _)| *name).zip(&columns).collect();
        write_table("rows", &named, &mut File::create(&path).expect("a file")).expect("written");
        let mut again = names.map(|(_, kind)| Column::empty(kind));
        let keep = |cells: &[Cell]| {
            again.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
            Ok::<_, Error>(())
        };
        each_row(&path, &names, keep).expect("readable");
        assert_eq!(again, columns);
        let error = each_row(&path, &names[1..], |_| Ok::<_, Error>(())).expect_err("other columns").to_string();
        assert!(error.contains("columns: expected number, score, got name, number, score"), "{error}");
        std::fs::write(&path, "PAR1 and no more").expect("written");
        each_row(&path, &names, |_| Ok::<_, Error>(())).expect_err("no table");
    }

    #[test]
    fn a_table_with_a_byte_changed_is_read_or_refused() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("table.parquet");
        let texts = Column::Text((0..40).map(|number| format!("number {}", number % 7)).collect());
        let columns = [("name", &texts)];
        write_table("rows", &columns, &mut File::create(&path).expect("a file")).expect("written");
        let good = std::fs::read(&path).expect("read");
        let mut refused = 0;
        for (place, _) in good.iter().enumerate() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[place] ^= change;
                std::fs::write(&path, bytes).expect("written");
                let mut rows = 0;
                let read = each_row(&path, &[("name", ColumnKind::Text)], |_| {
                    rows += 1;
                    Ok::<_, Error>(())
                });
                refused += usize::from(read.is_err());
            }
        }
        assert!(refused > good.len(), "{refused} of {}", 3 * good.len());
    }
}
