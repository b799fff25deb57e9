//! The rows of a Parquet file, as the table reader takes them.

use super::problems::Flaw;
use super::record::Row;
use std::path::Path;

#[cfg(not(feature = "parquet"))]
pub(super) struct Rows;

#[cfg(not(feature = "parquet"))]
impl Rows {
    pub(super) fn open(_: &Path) -> Result<(Self, Vec<String>), Flaw> {
        Err(Flaw::fatal("not_built", "this program was built without Parquet (feature `parquet`)"))
    }

    pub(super) fn next(&mut self, _: &mut Row) -> Option<Result<(), Flaw>> {
        None
    }

    pub(super) fn share(&self) -> (u64, u64) {
        (0, 1)
    }
}

#[cfg(feature = "parquet")]
pub(super) use with_parquet::Rows;

#[cfg(feature = "parquet")]
mod with_parquet {
    use super::super::record::MAX_COLUMNS;
    use super::{Flaw, Path, Row};
    use crate::parquet_files::{damage, guarded};
    use parquet::basic::ConvertedType;
    use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
    use parquet::data_type::DataType;
    use parquet::errors::ParquetError;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
    use std::fs::File;
    use std::io::Write;

    /// Cells of a column that are decoded together.
    const CELLS_AHEAD: usize = 1024;

    /// The rows of a file that are still to come.
    pub(in super::super) struct Rows {
        file: SerializedFileReader<File>,
        /// For each column of the header the leaf of the schema that it is; none for a column whose values are made of
        /// several.
        leaves: Vec<Option<usize>>,
        /// The group of rows after this one.
        next_group: usize,
        /// Rows of this group that are still to come, and their columns.
        num_left: u64,
        columns: Vec<Option<Box<dyn Cells>>>,
        num_rows: u64,
        num_read: u64,
    }

    impl Rows {
        /// Opens a file; the names of its columns come beside.
        pub(in super::super) fn open(path: &Path) -> Result<(Self, Vec<String>), Flaw> {
            let file = File::open(path).map_err(|error| Flaw::fatal("io", error.to_string()))?;
            let file = guarded(|| SerializedFileReader::new(file)).map_err(|error| damaged(&error))?;
            let metadata = file.metadata().file_metadata();
            let fields = metadata.schema().get_fields();
            let header: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
            if header.len() > MAX_COLUMNS {
                let message = format!("{} columns, and {MAX_COLUMNS} at most can be read", header.len());
                return Err(Flaw::fatal("columns", message));
            }
            let num_rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
            let leaves = leaves(metadata.schema_descr());
            let rows = Self { file, leaves, next_group: 0, num_left: 0, columns: Vec::new(), num_rows, num_read: 0 };
            Ok((rows, header))
        }

        /// Fills a row with the next one.
        pub(in super::super) fn next(&mut self, row: &mut Row) -> Option<Result<(), Flaw>> {
            while self.num_left == 0 {
                if self.next_group >= self.file.num_row_groups() {
                    return None;
                }
                if let Err(error) = guarded(|| self.open_group()) {
                    return Some(Err(damaged(&error)));
                }
            }
            self.num_left -= 1;
            self.num_read += 1;
            let columns = &mut self.columns;
            Some(row.fill(columns.len(), |column, text| match columns.get_mut(column) {
                Some(Some(cells)) => cells.write_next(text).map_err(|error| damaged(&error)),
                _ => Ok(()),
            }))
        }

        fn open_group(&mut self) -> Result<(), ParquetError> {
            let group = self.file.get_row_group(self.next_group)?;
            let column = |leaf: &Option<usize>| {
                let Some(leaf) = *leaf else { return Ok(None) };
                let column = group.metadata().schema_descr().column(leaf);
                group.get_column_reader(leaf).map(|reader| Some(cells(reader, column)))
            };
            self.columns = self.leaves.iter().map(column).collect::<Result<_, ParquetError>>()?;
            self.num_left = u64::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.next_group += 1;
            Ok(())
        }

        /// How many rows were read, and of how many.
        pub(in super::super) fn share(&self) -> (u64, u64) {
            (self.num_read, self.num_rows.max(1))
        }
    }

    /// For each field of a schema its leaf, if it is one itself and has one value in a row. Intervals, for which the
    /// library has no text, are left out too.
    fn leaves(schema: &SchemaDescriptor) -> Vec<Option<usize>> {
        let mut leaves = vec![None; schema.root_schema().get_fields().len()];
        for (number, column) in schema.columns().iter().enumerate() {
            let is_field = schema.get_column_root(number).is_primitive();
            let has_text = column.max_rep_level() == 0 && column.converted_type() != ConvertedType::INTERVAL;
            if let Some(leaf) = leaves.get_mut(schema.get_column_root_idx(number)).filter(|_| is_field && has_text) {
                *leaf = Some(number);
            }
        }
        leaves
    }

    /// The cells of a column in a group of rows, one after the other.
    trait Cells {
        /// Appends the text of the next cell; nothing for one without a value.
        fn write_next(&mut self, out: &mut Vec<u8>) -> Result<(), ParquetError>;
    }

    type WriteValue<T> = fn(&ColumnDescPtr, &<T as DataType>::T, &mut Vec<u8>) -> Result<(), ParquetError>;

    /// Cells of one physical type.
    struct Typed<T: DataType> {
        reader: ColumnReaderImpl<T>,
        column: ColumnDescPtr,
        write: WriteValue<T>,
        /// Of the cells that are decoded, which have a value; empty where all have.
        levels: Vec<i16>,
        values: Vec<T::T>,
        num_decoded: usize,
        next_cell: usize,
        next_value: usize,
    }

    impl<T: DataType> Typed<T> {
        fn decode(&mut self) -> Result<(), ParquetError> {
            self.levels.clear();
            self.values.clear();
            (self.next_cell, self.next_value) = (0, 0);
            let (levels, values) = (Some(&mut self.levels), &mut self.values);
            self.num_decoded = guarded(|| self.reader.read_records(CELLS_AHEAD, levels, None, values))?.0;
            if self.num_decoded == 0 {
                return Err(ParquetError::EOF(format!("the column {} has too few rows", self.column.name())));
            }
            Ok(())
        }
    }

    impl<T: DataType> Cells for Typed<T> {
        fn write_next(&mut self, out: &mut Vec<u8>) -> Result<(), ParquetError> {
            if self.next_cell == self.num_decoded {
                self.decode()?;
            }
            let level = self.levels.get(self.next_cell);
            self.next_cell += 1;
            if level.is_some_and(|level| *level < self.column.max_def_level()) {
                return Ok(());
            }
            let too_few = || ParquetError::EOF(format!("the column {} has too few values", self.column.name()));
            let value = self.values.get(self.next_value).ok_or_else(too_few)?;
            self.next_value += 1;
            (self.write)(&self.column, value, out)
        }
    }

    fn typed<T: DataType>(reader: ColumnReaderImpl<T>, column: ColumnDescPtr, write: WriteValue<T>) -> Box<dyn Cells> {
        let (levels, values) = (Vec::new(), Vec::new());
        Box::new(Typed { reader, column, write, levels, values, num_decoded: 0, next_cell: 0, next_value: 0 })
    }

    fn cells(reader: ColumnReader, column: ColumnDescPtr) -> Box<dyn Cells> {
        use ColumnReader as Of;
        let is_decimal = column.converted_type() == ConvertedType::DECIMAL;
        match reader {
            Of::BoolColumnReader(r) => typed(r, column, |column, v, out| text(&Field::convert_bool(column, *v), out)),
            Of::Int32ColumnReader(r) => typed(r, column, |column, v, out| text(&Field::convert_int32(column, *v), out)),
            Of::Int64ColumnReader(r) => typed(r, column, |column, v, out| text(&Field::convert_int64(column, *v), out)),
            Of::Int96ColumnReader(r) => typed(r, column, |column, v, out| text(&Field::convert_int96(column, *v), out)),
            Of::FloatColumnReader(r) => typed(r, column, |column, v, out| text(&Field::convert_float(column, *v), out)),
            Of::DoubleColumnReader(r) => {
                typed(r, column, |column, v, out| text(&Field::convert_double(column, *v), out))
            }
            Of::ByteArrayColumnReader(r) if is_decimal => {
                typed(r, column, |column, v, out| text(&Field::convert_byte_array(column, v.clone())?, out))
            }
            // Text and bytes of whatever meaning; whether it is UTF-8 is looked at for a whole row at once.
            Of::ByteArrayColumnReader(r) => typed(r, column, |_, v, out| {
                out.extend_from_slice(v.data());
                Ok(())
            }),
            Of::FixedLenByteArrayColumnReader(r) => {
                typed(r, column, |column, v, out| text(&Field::convert_byte_array(column, v.clone().into())?, out))
            }
        }
    }

    fn damaged(error: &ParquetError) -> Flaw {
        Flaw::fatal("parquet", damage(error))
    }

    /// Appends a value as text; nothing for one that is missing or made of several.
    fn text(field: &Field, out: &mut Vec<u8>) -> Result<(), ParquetError> {
        let written = match field {
            Field::Null | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Ok(()),
            Field::Str(text) => out.write_all(text.as_bytes()),
            Field::Bytes(bytes) => out.write_all(bytes.data()),
            Field::Float(number) => write!(out, "{number}"),
            Field::Double(number) => write!(out, "{number}"),
            Field::Date(days) => write!(out, "{}", i64::from(*days) * 86_400),
            Field::TimeMillis(number) => write!(out, "{number}"),
            Field::TimeMicros(number) | Field::TimestampMillis(number) | Field::TimestampMicros(number) => {
                write!(out, "{number}")
            }
            Field::Long(number) => write!(out, "{number}"),
            Field::Int(number) => write!(out, "{number}"),
            other => write!(out, "{other}"),
        };
        Ok(written?)
    }
}

#[cfg(all(test, feature = "parquet"))]
mod tests {
    use crate::Error;
    use crate::import::{Columns, Format, Imported, Options, import};
    use footpath_core::Context;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::fs::{self, File};
    use std::path::Path;
    use std::sync::Arc;

    /// A column of a table.
    enum Values<'a> {
        Text(&'a [&'a str]),
        /// Optional; `None` is null.
        Nullable(&'a [Option<&'a str>]),
        Bytes(&'a [&'a [u8]]),
        Whole(&'a [i64]),
        Number(&'a [f64]),
    }
    use Values::{Bytes, Nullable, Number, Text, Whole};

    fn write(path: &Path, columns: &[(&str, Values<'_>)]) {
        let field = |(name, values): &(&str, Values<'_>)| match values {
            Text(_) => format!("REQUIRED BYTE_ARRAY {name} (STRING);"),
            Nullable(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
            Bytes(_) => format!("REQUIRED BYTE_ARRAY {name};"),
            Whole(_) => format!("REQUIRED INT64 {name};"),
            Number(_) => format!("REQUIRED DOUBLE {name};"),
        };
        let fields: String = columns.iter().map(field).collect();
        let schema = Arc::new(parse_message_type(&format!("message table {{ {fields} }}")).expect("a schema"));
        let file = File::create(path).expect("created");
        let properties = Arc::new(WriterProperties::default());
        let mut writer = SerializedFileWriter::new(file, schema, properties).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let bytes = |texts: &[&str]| texts.iter().map(|text| ByteArray::from(*text)).collect::<Vec<_>>();
        for (_, values) in columns {
            let mut column = group.next_column().expect("a column").expect("a column");
            match values {
                Text(texts) => column.typed::<ByteArrayType>().write_batch(&bytes(texts), None, None),
                Nullable(texts) => {
                    let levels: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
                    let there: Vec<&str> = texts.iter().flatten().copied().collect();
                    column.typed::<ByteArrayType>().write_batch(&bytes(&there), Some(&levels), None)
                }
                Bytes(all) => {
                    let all: Vec<ByteArray> = all.iter().map(|bytes| ByteArray::from(bytes.to_vec())).collect();
                    column.typed::<ByteArrayType>().write_batch(&all, None, None)
                }
                Whole(numbers) => column.typed::<Int64Type>().write_batch(numbers, None, None),
                Number(numbers) => column.typed::<DoubleType>().write_batch(numbers, None, None),
            }
            .expect("written");
            column.close().expect("closed");
        }
        group.close().expect("closed");
        writer.close().expect("closed");
    }

    const HEADS: &[&str] = &["a", "b", "c"];
    const TAILS: &[&str] = &["x", "x", "y"];
    const RELATIONS: &[&str] = &["r", "r", "s"];

    fn triples(path: &Path) {
        write(path, &[("head", Text(HEADS)), ("relation", Text(RELATIONS)), ("tail", Text(TAILS))]);
    }

    fn log(path: &Path) {
        let columns =
            [("user_id", Whole(&[7, 7, 8])), ("item_id", Text(&["a", "b", "c"])), ("rating", Number(&[4.5, 3.0, 1.0]))];
        write(path, &columns);
    }

    fn run(folder: &Path, options: &Options) -> Result<Imported, Error> {
        import(folder, options, &Context::default())
    }

    #[test]
    fn tables_and_folders_of_parts_are_read_as_text_is() {
        let root = tempfile::tempdir().expect("temporary folder");
        let [one, parts] = ["one", "parts"].map(|name| root.path().join(name));
        fs::create_dir(&one).expect("created");
        triples(&one.join("triples.parquet"));
        log(&one.join("interactions.parquet"));
        fs::create_dir_all(parts.join("triples")).expect("created");
        let pieces = [
            ("part-0", &HEADS[..1], &RELATIONS[..1], &TAILS[..1]),
            ("part-1", &HEADS[1..], &RELATIONS[1..], &TAILS[1..]),
        ];
        for (name, heads, relations, tails) in pieces {
            let path = parts.join("triples").join(format!("{name}.parquet"));
            write(&path, &[("head", Text(heads)), ("relation", Text(relations)), ("tail", Text(tails))]);
        }
        fs::write(parts.join("interactions.csv"), "user_id,item_id,rating\n7,a,4.5\n7,b,3\n8,c,1\n").expect("written");
        let [one, parts] = [one, parts].map(|folder| run(&folder, &Options::default()).expect("good"));
        assert_eq!((one.report.format, parts.report.format), (Format::Parquet, Format::Parquet));
        assert_eq!(one.report.graph, parts.report.graph);
        assert_eq!((one.report.graph.num_users, one.report.graph.num_triples), (2, 3));
        assert_eq!(*one.built.arrays.ratings, *parts.built.arrays.ratings);
        let kg = parts.built.train_kg().expect("a graph");
        let last = footpath_core::Triple {
            head: kg.item("c").expect("c"),
            relation: kg.relation("s").expect("s"),
            tail: kg.node("entity:y").expect("y"),
        };
        assert_eq!(kg.source(last), Some(("part-1.parquet", 2)));
    }

    #[test]
    fn columns_may_have_other_names_and_numbers_are_names() {
        let root = tempfile::tempdir().expect("temporary folder");
        write(
            &root.path().join("triples.parquet"),
            &[("head", Whole(&[1, 2])), ("relation", Text(&["r", "r"])), ("tail", Whole(&[3, 3]))],
        );
        write(&root.path().join("interactions.parquet"), &[("uid", Text(&["u", "v"])), ("item_id", Whole(&[1, 2]))]);
        let columns: Columns = "user_id=uid".parse().expect("columns");
        let report = run(root.path(), &Options { columns, ..Options::default() }).expect("good").report;
        assert_eq!((report.graph.num_users, report.graph.num_items_outside_kg), (2, 0));
    }

    #[test]
    fn bad_files_are_told_by_kind_and_row() {
        let root = tempfile::tempdir().expect("temporary folder");
        let path = root.path().join("triples.parquet");
        triples(&path);
        let good = fs::read(&path).expect("read");
        let long = "x".repeat(5000);
        type Make<'a> = Box<dyn Fn(&Path) + 'a>;
        let bytes = |bytes: Vec<u8>| -> Make<'_> { Box::new(move |path| fs::write(path, &bytes).expect("written")) };
        let table = |tail: Values<'static>| -> Make<'_> {
            let columns = vec![("head", Text(HEADS)), ("relation", Text(RELATIONS)), ("tail", tail)];
            Box::new(move |path| write(path, &columns))
        };
        let with =
            |columns: Vec<(&'static str, Values<'static>)>| -> Make<'_> { Box::new(move |path| write(path, &columns)) };
        let cases: Vec<(&str, Make<'_>, (&str, u64))> = vec![
            ("empty file", bytes(Vec::new()), ("parquet", 0)),
            ("cut at the end", bytes(good[..good.len() - 1].to_vec()), ("parquet", 0)),
            ("cut in the middle", bytes(good[..good.len() / 2].to_vec()), ("parquet", 0)),
            ("text", bytes(b"head\trelation\ttail\na\tr\tx\n".to_vec()), ("parquet", 0)),
            ("a pickle", bytes(b"\x80\x04\x95\x10\x00.".to_vec()), ("parquet", 0)),
            (
                "a footer of nonsense",
                bytes([b"PAR1", [255; 8].as_slice(), &[4, 0, 0, 0], b"PAR1"].concat()),
                ("parquet", 0),
            ),
            ("no column tail", with(vec![("head", Text(HEADS)), ("relation", Text(RELATIONS))]), ("header", 1)),
            ("no rows", with(vec![("head", Text(&[])), ("relation", Text(&[])), ("tail", Text(&[]))]), ("empty", 0)),
            ("a null", table(Nullable(&[Some("x"), None, Some("y")])), ("empty_field", 2)),
            ("a blank", table(Text(&["x", "x", " "])), ("empty_field", 3)),
            ("a line break", table(Text(&["x", "x\ny", "y"])), ("control_char", 2)),
            ("a NUL", table(Text(&["x", "x\0", "y"])), ("control_char", 2)),
            ("not UTF-8", table(Bytes(&[b"x", b"\xc0\xaf", b"y"])), ("utf8", 2)),
        ];
        assert!(cases.len() >= 12);
        for (case, make, expected) in cases {
            make(&path);
            let Err(Error::Import(failure)) = run(root.path(), &Options::default()) else {
                panic!("{case} is refused")
            };
            let first = &failure.diagnostics[0];
            assert_eq!((first.kind, first.line), expected, "{case}: {first}");
        }
        write(&path, &[("head", Text(&["a"])), ("relation", Text(&["r"])), ("tail", Text(&[&long]))]);
        let Err(Error::Import(failure)) = run(root.path(), &Options::default()) else {
            panic!("a long name is refused")
        };
        assert_eq!((failure.diagnostics[0].kind, failure.diagnostics[0].line), ("field_too_long", 1));
    }
}
