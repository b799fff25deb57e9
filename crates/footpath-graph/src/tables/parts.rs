//! Tables of many Parquet files, read column by column, a block of rows at a time.

use super::refusal::bad;
use crate::error::{Result, show};
use crate::parquet_files::{damage, guarded};
use footpath_core::Error;
use parquet::basic::ConvertedType;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as TableResult};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Rows of a block: what is held in memory of a column.
pub(super) const BLOCK_ROWS: usize = 1 << 16;
/// Most parts of a table.
const MAX_PARTS: usize = 1 << 20;

/// A table: its parts, one behind the other in the order of their names.
#[derive(Debug)]
pub(super) struct Table {
    parts: Vec<Part>,
    columns: BTreeSet<String>,
    pub(super) num_rows: u64,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// Rows of each row group.
    groups: Vec<u64>,
    state: State,
}

/// What the system says of a file, to see whether it changed while it was read.
type State = (u64, Option<SystemTime>);

/// A row: the number of its part, and its own in that, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    part: usize,
    row: u64,
}

impl Table {
    /// Opens `NAME.parquet`, or the parts `NAME/*.parquet`; none where there is neither.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Option<Self>> {
        let one = folder.join(format!("{name}.parquet"));
        let parts = folder.join(name);
        let paths = match (one.is_file(), parts.is_dir()) {
            (true, true) => {
                let message = format!("there is a folder `{name}` beside it; which of the two is meant?");
                return Err(bad(&one, 0, "layout", message));
            }
            (true, false) => vec![one],
            (false, true) => paths_in(&parts)?,
            (false, false) => return Ok(None),
        };
        if paths.len() > MAX_PARTS {
            let (max, got) = (MAX_PARTS as u64, paths.len() as u64);
            return Err(Error::Limit { what: "parts of a table", max, got }.into());
        }
        let mut table = Self { parts: Vec::new(), columns: BTreeSet::new(), num_rows: 0 };
        for path in paths {
            table.add(path)?;
        }
        Ok(Some(table))
    }

    fn add(&mut self, path: PathBuf) -> Result<()> {
        let reader = reader(&path)?;
        let metadata = reader.metadata();
        let columns = metadata.file_metadata().schema().get_fields().iter().map(|field| field.name().to_owned());
        let columns: BTreeSet<String> = columns.collect();
        match self.parts.first() {
            None => self.columns = columns,
            Some(first) if self.columns != columns => {
                let message = format!("other columns than in {}", show(file_name(&first.path).as_bytes()));
                return Err(bad(&path, 0, "columns", message));
            }
            Some(_) => {}
        }
        let groups: Vec<u64> =
            metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).collect();
        self.num_rows = groups.iter().fold(self.num_rows, |sum, rows| sum.saturating_add(*rows));
        let state = state(&path)?;
        self.parts.push(Part { path, groups, state });
        Ok(())
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains(column)
    }

    /// Refuses a table without one of these columns.
    pub(super) fn require(&self, folder: &Path, columns: &[&str]) -> Result<()> {
        let path = self.parts.first().map_or(folder, |part| &part.path);
        match columns.iter().find(|name| !self.has(name)) {
            // Without parts there is nothing that could have columns.
            Some(missing) if !self.parts.is_empty() => {
                Err(bad(path, 0, "columns", format!("there is no column `{missing}`")))
            }
            _ => Ok(()),
        }
    }

    /// A failure at a row.
    pub(super) fn bad(&self, place: Place, kind: &'static str, message: impl Into<String>) -> crate::Error {
        bad(self.parts.get(place.part).map_or(Path::new(""), |part| &part.path), place.row, kind, message)
    }

    /// Refuses tables that are not what they were when they were opened.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        for part in &self.parts {
            if state(&part.path)? != part.state {
                return Err(changed(&part.path));
            }
        }
        Ok(())
    }

    /// A column from its first row on.
    pub(super) fn column<K: ValueKind>(&self, name: &'static str) -> Column<'_, K> {
        Column {
            table: self,
            name,
            file: None,
            reader: None,
            place: Place::default(),
            next_group: 0,
            left: 0,
            is_unsigned: false,
            levels: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The same, where the table has one of this name.
    pub(super) fn optional<K: ValueKind>(&self, name: &'static str) -> Option<Column<'_, K>> {
        self.has(name).then(|| self.column(name))
    }
}

pub(super) fn changed(path: &Path) -> crate::Error {
    bad(path, 0, "changed", "the file was changed while it was read; build again once nobody writes it")
}

/// The Parquet files of a folder by name. What Spark and others leave beside them begins with `_` or `.`.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = file_name(&path);
        if name.starts_with(['_', '.']) {
            continue;
        }
        if !name.ends_with(".parquet") {
            return Err(bad(&path, 0, "layout", "neither a Parquet file nor hidden; only the parts may lie here"));
        }
        paths.push(path);
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn state(path: &Path) -> Result<State> {
    let metadata = fs::metadata(path).map_err(Error::io(path))?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn reader(path: &Path) -> Result<SerializedFileReader<File>> {
    let file = File::open(path).map_err(Error::io(path))?;
    guarded(|| SerializedFileReader::new(file)).map_err(|error| damaged(path, 0, &error))
}

fn damaged(path: &Path, row: u64, error: &ParquetError) -> crate::Error {
    bad(path, row, "parquet", damage(error))
}

/// What stands in a column.
pub(super) trait ValueKind {
    type Value;
    const TYPES: &'static str;

    /// Reads rows: levels of all, if the column is optional, and the values that are there. How many rows; none where
    /// the column has another type.
    fn read(
        reader: &mut ColumnReader,
        rows: usize,
        is_unsigned: bool,
        levels: &mut Vec<i16>,
        values: &mut Vec<Self::Value>,
    ) -> Option<TableResult<usize>>;
}

/// Whole numbers.
#[derive(Debug)]
pub(super) struct Integer;
/// Numbers of 32 bits.
#[derive(Debug)]
pub(super) struct Real;
/// Text, whose encoding is not checked yet.
#[derive(Debug)]
pub(super) struct Text;

impl ValueKind for Integer {
    type Value = i64;
    const TYPES: &'static str = "INT32 or INT64";

    fn read(
        reader: &mut ColumnReader,
        rows: usize,
        is_unsigned: bool,
        levels: &mut Vec<i16>,
        values: &mut Vec<i64>,
    ) -> Option<TableResult<usize>> {
        match reader {
            ColumnReader::Int64ColumnReader(reader) => {
                Some(reader.read_records(rows, Some(levels), None, values).map(|(rows, ..)| rows))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                let mut narrow = Vec::with_capacity(rows);
                let read = reader.read_records(rows, Some(levels), None, &mut narrow).map(|(rows, ..)| rows);
                let wide = |number: i32| match is_unsigned {
                    true => i64::from(number.cast_unsigned()),
                    false => i64::from(number),
                };
                values.extend(narrow.into_iter().map(wide));
                Some(read)
            }
            _ => None,
        }
    }
}

impl ValueKind for Real {
    type Value = f32;
    const TYPES: &'static str = "FLOAT";

    fn read(
        reader: &mut ColumnReader,
        rows: usize,
        _: bool,
        levels: &mut Vec<i16>,
        values: &mut Vec<f32>,
    ) -> Option<TableResult<usize>> {
        let ColumnReader::FloatColumnReader(reader) = reader else { return None };
        Some(reader.read_records(rows, Some(levels), None, values).map(|(rows, ..)| rows))
    }
}

impl ValueKind for Text {
    type Value = ByteArray;
    const TYPES: &'static str = "STRING";

    fn read(
        reader: &mut ColumnReader,
        rows: usize,
        _: bool,
        levels: &mut Vec<i16>,
        values: &mut Vec<ByteArray>,
    ) -> Option<TableResult<usize>> {
        let ColumnReader::ByteArrayColumnReader(reader) = reader else { return None };
        Some(reader.read_records(rows, Some(levels), None, values).map(|(rows, ..)| rows))
    }
}

/// A column on its way. All columns of a table are cut into the same blocks.
pub(super) struct Column<'t, K: ValueKind> {
    table: &'t Table,
    name: &'static str,
    file: Option<SerializedFileReader<File>>,
    reader: Option<ColumnReader>,
    /// The part being read, and the rows of it that were.
    place: Place,
    next_group: usize,
    /// Rows of the row group that are still to come.
    left: u64,
    is_unsigned: bool,
    levels: Vec<i16>,
    values: Vec<K::Value>,
}

/// Some rows of a column.
#[derive(Debug)]
pub(super) struct Block<'c, V> {
    table: &'c Table,
    name: &'static str,
    /// The row before the first.
    before: Place,
    pub(super) num_rows: usize,
    /// 1 where there is a value; empty where all have one.
    levels: &'c [i16],
    pub(super) values: &'c [V],
}

impl<K: ValueKind> Column<'_, K> {
    /// The next rows; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block<'_, K::Value>>> {
        while self.left == 0 {
            if !self.begin_group()? {
                return Ok(None);
            }
        }
        let Some(part) = self.table.parts.get(self.place.part) else { return Ok(None) };
        let before = self.place;
        let wanted = usize::try_from(self.left).unwrap_or(BLOCK_ROWS).min(BLOCK_ROWS);
        self.levels.clear();
        self.values.clear();
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let (levels, values) = (&mut self.levels, &mut self.values);
        let read = guarded(|| K::read(reader, wanted, self.is_unsigned, levels, values).transpose());
        let read = read.map_err(|error| damaged(&part.path, before.row + 1, &error))?;
        let num_rows = read.ok_or_else(|| {
            let message = format!("column `{}` is of another type than {}", self.name, K::TYPES);
            bad(&part.path, 0, "columns", message)
        })?;
        if num_rows != wanted {
            let message = format!("column `{}` ends before its row group does", self.name);
            return Err(bad(&part.path, before.row + num_rows as u64, "parquet", message));
        }
        self.left -= num_rows as u64;
        self.place.row += num_rows as u64;
        let (table, name) = (self.table, self.name);
        Ok(Some(Block { table, name, before, num_rows, levels: &self.levels, values: &self.values }))
    }

    /// Turns to the next row group; whether there is one.
    fn begin_group(&mut self) -> Result<bool> {
        loop {
            let Some(part) = self.table.parts.get(self.place.part) else { return Ok(false) };
            if self.next_group < part.groups.len() {
                let reader = self.group_of(part)?;
                self.reader = Some(reader);
                self.left = part.groups.get(self.next_group).copied().unwrap_or(0);
                self.next_group += 1;
                return Ok(true);
            }
            self.place = Place { part: self.place.part + 1, row: 0 };
            (self.next_group, self.file, self.reader) = (0, None, None);
        }
    }

    fn group_of(&mut self, part: &Part) -> Result<ColumnReader> {
        let path = &part.path;
        let file = match self.file.take() {
            Some(file) => file,
            None => reader(path)?,
        };
        let file = self.file.insert(file);
        let metadata = file.metadata();
        if metadata.num_row_groups() != part.groups.len() {
            return Err(changed(path));
        }
        let columns = metadata.file_metadata().schema_descr().columns();
        let number = columns.iter().position(|column| column.path().parts() == [self.name]);
        let Some((number, column)) = number.and_then(|number| Some((number, columns.get(number)?))) else {
            return Err(bad(path, 0, "columns", format!("there is no plain column `{}`", self.name)));
        };
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Err(bad(path, 0, "columns", format!("column `{}` is of lists or structures", self.name)));
        }
        self.is_unsigned = column.converted_type() == ConvertedType::UINT_32;
        let group = guarded(|| file.get_row_group(self.next_group)?.get_column_reader(number));
        group.map_err(|error| damaged(path, 0, &error))
    }
}

impl<'c, V> Block<'c, V> {
    /// The place of a row of this block.
    pub(super) fn place(&self, row: usize) -> Place {
        Place { row: self.before.row + row as u64 + 1, ..self.before }
    }

    /// The values of all rows, of which each must have one.
    pub(super) fn all(&self) -> Result<&'c [V]> {
        if self.values.len() == self.num_rows {
            return Ok(self.values);
        }
        let row = self.levels.iter().position(|level| *level == 0).unwrap_or(0);
        Err(self.table.bad(self.place(row), "null", format!("column `{}` has no value here", self.name)))
    }

    /// What stands in each row.
    pub(super) fn cells(&self) -> Cells<'c, V> {
        Cells {
            levels: if self.values.len() == self.num_rows { None } else { Some(self.levels.iter()) },
            values: self.values.iter(),
        }
    }
}

/// The cells of a block: a value, or none.
#[derive(Debug)]
pub(super) struct Cells<'c, V> {
    levels: Option<std::slice::Iter<'c, i16>>,
    values: std::slice::Iter<'c, V>,
}

impl<'c, V> Iterator for Cells<'c, V> {
    type Item = Option<&'c V>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.levels {
            None => self.values.next().map(Some),
            Some(levels) => levels.next().map(|level| if *level == 0 { None } else { self.values.next() }),
        }
    }
}

/// Refuses a row whose key is not above that of the row before.
pub(super) fn ascending<T: Ord>(table: &Table, at: Place, before: Option<&T>, key: &T, by: &str) -> Result<()> {
    match before.map(|before| before.cmp(key)) {
        None | Some(Ordering::Less) => Ok(()),
        Some(Ordering::Equal) => Err(table.bad(at, "order", "the row before, once more")),
        Some(Ordering::Greater) => Err(table.bad(at, "order", format!("not in order: the rows are sorted by {by}"))),
    }
}
