//! The rows of a file of Arrow's IPC, as the table reader takes them: Feather version 2, and streams.

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
    use super::super::record::{MAX_COLUMNS, check_field};
    use super::{Flaw, Path, Row};
    use crate::error::show;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{
        ArrowPrimitiveType, Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    };
    use arrow_array::{Array, ArrayRef, RecordBatch};
    use arrow_ipc::reader::{FileReader, StreamReader};
    use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
    use std::fmt::Display;
    use std::fs::File;
    use std::io::{BufReader, Read, Seek, Write};

    /// How a file begins that is no stream.
    const MAGIC: &[u8] = b"ARROW1";

    enum Source {
        File(FileReader<BufReader<File>>),
        Stream(StreamReader<BufReader<File>>),
    }

    /// Writes the value of a row as text.
    type Writer = Box<dyn Fn(usize, &mut Vec<u8>)>;

    /// The rows of a file that are still to come.
    pub(in super::super) struct Rows {
        source: Source,
        batch: Vec<(ArrayRef, Writer)>,
        /// The next row of the batch, and their number.
        next: usize,
        num_rows: usize,
        num_read: u64,
        num_batches: u64,
    }

    impl Rows {
        /// Opens a file; the names of its columns come beside.
        pub(in super::super) fn open(path: &Path) -> Result<(Self, Vec<String>), Flaw> {
            let io = |error: std::io::Error| Flaw::fatal("io", error.to_string());
            let mut file = BufReader::new(File::open(path).map_err(io)?);
            let mut start = Vec::new();
            file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(io)?;
            file.rewind().map_err(io)?;
            let (source, num_batches) = if start == MAGIC {
                let reader = FileReader::try_new(file, None).map_err(|error| damaged(&error))?;
                let num_batches = reader.num_batches() as u64;
                (Source::File(reader), num_batches)
            } else {
                (Source::Stream(StreamReader::try_new(file, None).map_err(|error| damaged(&error))?), 0)
            };
            let schema = match &source {
                Source::File(reader) => reader.schema(),
                Source::Stream(reader) => reader.schema(),
            };
            let header = names(&schema)?;
            let (batch, next, num_rows, num_read) = (Vec::new(), 0, 0, 0);
            Ok((Self { source, batch, next, num_rows, num_read, num_batches }, header))
        }

        /// Fills a row with the next one.
        pub(in super::super) fn next(&mut self, row: &mut Row) -> Option<Result<(), Flaw>> {
            while self.next == self.num_rows {
                match self.next_batch()? {
                    Ok(batch) => self.take(&batch),
                    Err(error) => return Some(Err(damaged(&error))),
                }
            }
            let number = self.next;
            self.next += 1;
            let mut text = std::mem::take(&mut row.text).into_bytes();
            text.clear();
            row.fields.clear();
            row.quoted = true;
            let mut flaw = None;
            for (column, (values, write)) in self.batch.iter().enumerate() {
                let start = text.len();
                if values.is_valid(number) {
                    write(number, &mut text);
                }
                let checked = check_field(text.get(start..).unwrap_or_default(), column, true);
                flaw = flaw.or(checked.err());
                row.fields.push(start..text.len());
            }
            match String::from_utf8(text) {
                Ok(text) => row.text = text,
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let column = row.fields.iter().take_while(|field| field.end <= at).count();
                    flaw = Some(Flaw::new("utf8", "a value of bytes that is not UTF-8").at(column));
                }
            }
            Some(flaw.map_or(Ok(()), Err))
        }

        fn next_batch(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
            match &mut self.source {
                Source::File(reader) => reader.next(),
                Source::Stream(reader) => reader.next(),
            }
        }

        fn take(&mut self, batch: &RecordBatch) {
            self.batch = batch.columns().iter().map(|column| (column.clone(), writer(column))).collect();
            (self.next, self.num_rows) = (0, batch.num_rows());
            self.num_read += 1;
        }

        /// How many batches were read, and of how many; of a stream that is not known.
        pub(in super::super) fn share(&self) -> (u64, u64) {
            (self.num_read.min(self.num_batches), self.num_batches.max(1))
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

    fn damaged(error: &ArrowError) -> Flaw {
        let said = error.to_string();
        Flaw::fatal("arrow", format!("the Arrow file is damaged or cut short ({})", show(said.as_bytes())))
    }

    /// What writes the values of a column, nulls aside; nothing of values that are made of several. Times are numbers
    /// in the unit they are in, and dates seconds.
    fn writer(column: &ArrayRef) -> Writer {
        match column.data_type() {
            DataType::Utf8 => bytes(column.as_string::<i32>().clone(), |a, row| a.value(row).as_bytes()),
            DataType::LargeUtf8 => bytes(column.as_string::<i64>().clone(), |a, row| a.value(row).as_bytes()),
            DataType::Utf8View => bytes(column.as_string_view().clone(), |a, row| a.value(row).as_bytes()),
            DataType::Binary => bytes(column.as_binary::<i32>().clone(), |a, row| a.value(row)),
            DataType::LargeBinary => bytes(column.as_binary::<i64>().clone(), |a, row| a.value(row)),
            DataType::Boolean => {
                let column = column.as_boolean().clone();
                Box::new(move |row, out| put(out, column.value(row)))
            }
            DataType::Dictionary(..) => dictionary(column),
            DataType::Int8 => number::<Int8Type>(column),
            DataType::Int16 => number::<Int16Type>(column),
            DataType::Int32 => number::<Int32Type>(column),
            DataType::Int64 => number::<Int64Type>(column),
            DataType::UInt8 => number::<UInt8Type>(column),
            DataType::UInt16 => number::<UInt16Type>(column),
            DataType::UInt32 => number::<UInt32Type>(column),
            DataType::UInt64 => number::<UInt64Type>(column),
            DataType::Float32 => number::<Float32Type>(column),
            DataType::Float64 => number::<Float64Type>(column),
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>().clone();
                Box::new(move |row, out| put(out, i64::from(days.value(row)) * 86_400))
            }
            DataType::Date64 => {
                let milliseconds = column.as_primitive::<Date64Type>().clone();
                Box::new(move |row, out| put(out, milliseconds.value(row).div_euclid(1_000)))
            }
            DataType::Timestamp(TimeUnit::Second, _) => number::<TimestampSecondType>(column),
            DataType::Timestamp(TimeUnit::Millisecond, _) => number::<TimestampMillisecondType>(column),
            DataType::Timestamp(TimeUnit::Microsecond, _) => number::<TimestampMicrosecondType>(column),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => number::<TimestampNanosecondType>(column),
            _ => Box::new(|_, _| ()),
        }
    }

    fn bytes<A: Array + 'static>(column: A, value: impl Fn(&A, usize) -> &[u8] + 'static) -> Writer {
        Box::new(move |row, out| out.extend_from_slice(value(&column, row)))
    }

    fn number<T: ArrowPrimitiveType>(column: &ArrayRef) -> Writer
    where
        T::Native: Display,
    {
        let column = column.as_primitive::<T>().clone();
        Box::new(move |row, out| put(out, column.value(row)))
    }

    /// Values that stand once in a column of their own.
    fn dictionary(column: &ArrayRef) -> Writer {
        let dictionary = column.as_any_dictionary();
        let values = dictionary.values().clone();
        if values.is_empty() {
            return Box::new(|_, _| ());
        }
        let (places, write) = (dictionary.normalized_keys(), writer(&values));
        Box::new(move |row, out| match places.get(row) {
            Some(&place) if place < values.len() && values.is_valid(place) => write(place, out),
            _ => {}
        })
    }

    fn put(out: &mut Vec<u8>, value: impl Display) {
        // A vector takes all.
        let written = write!(out, "{value}");
        debug_assert!(written.is_ok());
    }
}

#[cfg(all(test, feature = "arrow"))]
mod tests {
    use crate::import::{Columns, Format, Imported, Options, import};
    use crate::{Error, TrainKg};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, DictionaryArray, Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
        StringViewArray, TimestampSecondArray,
    };
    use arrow_ipc::writer::{FileWriter, StreamWriter};
    use footpath_core::Context;
    use std::fs::{self, File};
    use std::path::Path;
    use std::sync::Arc;

    fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
        RecordBatch::try_from_iter(columns.iter().map(|(name, column)| (*name, Arc::clone(column)))).expect("a batch")
    }

    fn write_file(path: &Path, batches: &[RecordBatch]) {
        let schema = batches.first().expect("a batch").schema();
        let mut writer = FileWriter::try_new(File::create(path).expect("created"), &schema).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.finish().expect("finished");
    }

    fn write_stream(path: &Path, batches: &[RecordBatch]) {
        let schema = batches.first().expect("a batch").schema();
        let mut writer = StreamWriter::try_new(File::create(path).expect("created"), &schema).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.finish().expect("finished");
    }

    fn text(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    /// Three facts and two interactions, in columns of many types.
    fn tables(folder: &Path) {
        let head: ArrayRef = Arc::new(LargeStringArray::from(vec!["alien", "blade"]));
        let relation: ArrayRef = Arc::new(["by", "by"].into_iter().collect::<DictionaryArray<Int32Type>>());
        let tail: ArrayRef = Arc::new(StringViewArray::from(vec!["scott", "scott"]));
        let weight: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.5]));
        let first = batch(&[("head", head), ("relation", relation), ("tail", tail), ("weight", weight)]);
        let second = first.slice(1, 1);
        write_file(&folder.join("triples.arrow"), &[first, second]);
        let title: ArrayRef = Arc::new(StringArray::from(vec![Some("Alien"), None]));
        let items = batch(&[
            ("item_id", Arc::new(Int64Array::from(vec![7, 8]))),
            ("entity_id", text(&["alien", "blade"])),
            ("title", title),
        ]);
        write_stream(&folder.join("items.arrows"), &[items]);
        let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10, 20]));
        let log = batch(&[("user_id", text(&["ann", "ann"])), ("item_id", text(&["7", "8"])), ("timestamp", time)]);
        write_file(&folder.join("interactions.feather"), &[log]);
    }

    fn imported(folder: &Path) -> Result<Imported, Error> {
        import(folder, &Options { columns: Columns::default(), ..Options::default() }, &Context::default())
    }

    fn label(kg: &TrainKg, item: &str) -> String {
        kg.label(kg.item(item).expect("an item")).to_owned()
    }

    #[test]
    fn tables_of_arrow_are_read_whatever_their_types() {
        let folder = tempfile::tempdir().expect("temporary folder");
        tables(folder.path());
        let imported = imported(folder.path()).expect("good");
        assert_eq!(
            (imported.report.format, imported.report.why.as_str()),
            (Format::Arrow, "the triples are in triples.arrow")
        );
        assert_eq!((imported.report.graph.num_triples, imported.report.dropped.duplicate_triples), (2, 1));
        let kg = imported.built.train_kg().expect("a graph");
        assert_eq!((label(&kg, "7"), label(&kg, "8")), ("Alien".to_owned(), "8".to_owned()));
        assert_eq!(kg.times_of(kg.user("ann").expect("ann")), [10, 20]);
    }

    /// Files cut anywhere, or with any byte changed, are read or refused; nothing panics.
    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().expect("temporary folder");
        tables(folder.path());
        for name in ["triples.arrow", "items.arrows"] {
            let path = folder.path().join(name);
            let whole = fs::read(&path).expect("read");
            for end in (0..whole.len()).step_by(13) {
                fs::write(&path, &whole[..end]).expect("written");
                if let Err(error) = imported(folder.path()) {
                    assert!(matches!(error, Error::Import(_)), "{error}");
                }
            }
            for place in 0..whole.len() {
                let mut changed = whole.clone();
                changed[place] ^= 0x41;
                fs::write(&path, &changed).expect("written");
                let _ = imported(folder.path());
            }
            fs::write(&path, &whole).expect("written");
        }
        fs::write(folder.path().join("triples.arrow"), "ARROW1\0\0").expect("written");
        let Err(Error::Import(failure)) = imported(folder.path()) else { panic!("refused") };
        assert_eq!(failure.diagnostics[0].kind, "arrow");
    }
}
