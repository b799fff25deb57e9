//! Parquet: a table with a column for each position of a path.

use super::cells::{Cell, CellKind, Column};
use super::{CHECKED_ROWS, check_width, first_wrong, piped};
use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::vocabulary::Word;
use footpath_core::{Context, Corpus, Error, NodeId, RelationId, TokenId, Vocabulary};
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result as TableResult};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use rayon::prelude::*;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a row group; what a reader takes in at once, and what is held in memory here.
pub(super) const GROUP_ROWS: usize = 1 << 18;
/// Largest dictionary of a column; beyond it, strings are written out.
const DICTIONARY_BYTES: usize = 1 << 23;

/// What stands in the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// Numbers: nodes and directed relations as the graph counts them, from 0. [`write_parquet_names`] says what they
    /// stand for.
    #[default]
    Number,
    /// Names: `user:1`, `item:804`, `starring`, `~starring`.
    Name,
}

/// Writes a corpus as a Parquet table with the columns `node_0`, `relation_1`, `node_1`, `relation_2`, …
///
/// ```text
/// ids      physical    logical           encoding
/// numbers  INT32       INTEGER(32, no sign)   plain
/// names    BYTE_ARRAY  STRING            dictionary
/// ```
///
/// Row groups have 262,144 rows, pages are packed with Snappy. A column that has a value in every row is required; one
/// at which some paths have ended is optional, and null there. Returns the number of rows.
///
/// # Errors
/// As [`super::write_text`].
pub fn write_parquet(corpus: &Corpus, kg: &TrainKg, ids: Ids, context: &Context, out: &mut dyn Write) -> Result<u64> {
    check_width(corpus)?;
    let shortest = context.run(|| match first_wrong(corpus, context)? {
        Some(row) => Err(corpus.no_path(row).into()),
        None => shortest(corpus, context),
    })??;
    let schema = schema(corpus.header().width, shortest, ids);
    let names = match ids {
        Ids::Number => None,
        Ids::Name => Some(names(kg, context)?),
    };
    piped(out, context, |pipe| Table { corpus, shortest, names, context }.write(&schema, pipe).map_err(refused))?;
    Ok(corpus.len() as u64)
}

/// Writes what the numbers of [`Ids::Number`] stand for, as a Parquet table with the columns `kind` (`node` or
/// `relation`), `number`, `name`, `type` (of a node; null for a relation) and `label`. Returns the number of rows.
///
/// # Errors
/// [`Error::Io`] when the writer fails; [`Error::Stopped`].
pub fn write_parquet_names(kg: &TrainKg, context: &Context, out: &mut dyn Write) -> Result<u64> {
    const SCHEMA: &str = "message names { required binary kind (STRING); required int32 number (INTEGER(32,false)); \
        required binary name (STRING); optional binary type (STRING); required binary label (STRING); }";
    let Vocabulary { num_relations, num_nodes } = kg.vocabulary();
    piped(out, context, |pipe| {
        let mut file = new_file(pipe, SCHEMA, true).map_err(refused)?;
        let all = (0..num_relations).map(|r| (true, r)).chain((0..num_nodes).map(|n| (false, n)));
        let all: Vec<(bool, u32)> = all.collect();
        for group in all.chunks(GROUP_ROWS) {
            context.check()?;
            write_names(kg, group, &mut file).map_err(refused)?;
        }
        file.close().map_err(refused)?;
        Ok(all.len() as u64)
    })
}

/// A table whose rows come one after the other; as many as a row group has are held in memory.
pub(super) struct TableWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    pending: Vec<Pending>,
    num_pending: usize,
}

/// The values of a column that are not written yet.
enum Pending {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Real(Vec<f32>),
}

impl<W: Write + Send> TableWriter<W> {
    pub(super) fn new(out: W, columns: &[Column<'_>]) -> io::Result<Self> {
        // Names of columns may hold anything, so the schema is no text.
        let field = |(name, kind): &Column<'_>| {
            let (physical, logical) = match kind {
                CellKind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
                CellKind::Integer => (PhysicalType::INT64, None),
                CellKind::Real => (PhysicalType::FLOAT, None),
            };
            let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
            field.with_logical_type(logical).build().map(Arc::new)
        };
        let fields = columns.iter().map(field).collect::<TableResult<Vec<_>>>()?;
        let schema = Type::group_type_builder("table").with_fields(fields).build()?;
        let pending = |(_, kind): &Column<'_>| match kind {
            CellKind::Text => Pending::Text(Vec::new()),
            CellKind::Integer => Pending::Integer(Vec::new()),
            CellKind::Real => Pending::Real(Vec::new()),
        };
        let file = file_of(out, schema, true)?;
        Ok(Self { file, pending: columns.iter().map(pending).collect(), num_pending: 0 })
    }

    /// Takes a row: a value for each column, of its kind.
    pub(super) fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (pending, cell) in self.pending.iter_mut().zip(cells) {
            match (pending, *cell) {
                (Pending::Text(values), Cell::Text(text)) => values.push(text.as_bytes().to_vec().into()),
                (Pending::Integer(values), Cell::Integer(number)) => values.push(number),
                (Pending::Real(values), Cell::Real(number)) => values.push(number),
                _ => return Err(io::Error::other("a value of another kind than its column")),
            }
        }
        self.num_pending += 1;
        if self.num_pending == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.file.next_row_group()?;
        for pending in &mut self.pending {
            match pending {
                Pending::Text(values) => column::<ByteArrayType, _>(&mut group, &std::mem::take(values), None)?,
                Pending::Integer(values) => column::<Int64Type, _>(&mut group, &std::mem::take(values), None)?,
                Pending::Real(values) => column::<FloatType, _>(&mut group, &std::mem::take(values), None)?,
            }
        }
        group.close()?;
        self.num_pending = 0;
        Ok(())
    }

    pub(super) fn close(mut self) -> io::Result<()> {
        if self.num_pending > 0 {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(())
    }
}

/// Rows of the table of names: whether it is a relation, and its number.
fn write_names<W: Write + Send>(
    kg: &TrainKg,
    rows: &[(bool, u32)],
    file: &mut SerializedFileWriter<W>,
) -> TableResult<()> {
    let relation = |number: u32| RelationId(u16::try_from(number).unwrap_or(u16::MAX));
    let type_of = |node: u32| kg.schema().types.get(kg.type_of(NodeId(node)).index()).map_or("", |kind| &kind.name);
    let text = |of: &dyn Fn(bool, u32) -> String| -> Vec<ByteArray> {
        rows.iter().map(|&(is_relation, number)| of(is_relation, number).into_bytes().into()).collect()
    };
    let numbers: Vec<i32> = rows.iter().map(|row| row.1.cast_signed()).collect();
    let types: Vec<ByteArray> =
        rows.iter().filter(|row| !row.0).map(|row| type_of(row.1).as_bytes().to_vec().into()).collect();
    let has_type: Vec<i16> = rows.iter().map(|row| i16::from(!row.0)).collect();
    let mut group = file.next_row_group()?;
    column::<ByteArrayType, _>(&mut group, &text(&|r, _| if r { "relation" } else { "node" }.to_owned()), None)?;
    column::<Int32Type, _>(&mut group, &numbers, None)?;
    column::<ByteArrayType, _>(
        &mut group,
        &text(&|r, n| if r { kg.relation_name(relation(n)) } else { kg.node_name(NodeId(n)) }),
        None,
    )?;
    column::<ByteArrayType, _>(&mut group, &types, Some(&has_type))?;
    let label = |r, n| if r { kg.reading(relation(n)) } else { kg.label(NodeId(n)) };
    column::<ByteArrayType, _>(&mut group, &text(&|r, n| label(r, n).to_owned()), None)?;
    group.close().map(drop)
}

/// A corpus on its way into a table.
struct Table<'a> {
    corpus: &'a Corpus,
    /// Tokens of the shortest path.
    shortest: usize,
    /// The name of each token, where names are written.
    names: Option<Vec<ByteArray>>,
    context: &'a Context,
}

impl Table<'_> {
    fn write(&self, schema: &str, out: impl Write + Send) -> TableResult<()> {
        let mut file = new_file(out, schema, self.names.is_some())?;
        let width = self.corpus.header().width;
        let stage = self.context.stage("writing", Some(self.corpus.len() as u64), "paths");
        for rows in self.corpus.tokens().chunks(GROUP_ROWS * width) {
            let mut group = file.next_row_group()?;
            for position in 0..width {
                stopped(self.context)?;
                let tokens: Vec<u32> = rows.iter().skip(position).step_by(width).copied().collect();
                self.column(position, &tokens, &mut group)?;
            }
            group.close()?;
            stage.advance((rows.len() / width) as u64).map_err(outside)?;
        }
        file.close().map(drop)
    }

    fn column<W: Write + Send>(
        &self,
        position: usize,
        tokens: &[u32],
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> TableResult<()> {
        let is_there = |token: &&u32| **token != Vocabulary::PADDING.0;
        let levels =
            (position >= self.shortest).then(|| tokens.iter().map(|t| i16::from(is_there(&t))).collect::<Vec<_>>());
        let first = match position % 2 {
            0 => self.corpus.header().vocabulary.node(NodeId(0)).0,
            _ => self.corpus.header().vocabulary.relation(RelationId(0)).0,
        };
        let there = tokens.iter().filter(is_there);
        match &self.names {
            // All bits of a number are kept; the logical type says that there is no sign.
            None => {
                let numbers: Vec<i32> = there.map(|token| token.wrapping_sub(first).cast_signed()).collect();
                column::<Int32Type, _>(group, &numbers, levels.as_deref())
            }
            Some(names) => {
                let values: Vec<ByteArray> = there.filter_map(|&token| names.get(token as usize)).cloned().collect();
                column::<ByteArrayType, _>(group, &values, levels.as_deref())
            }
        }
    }
}

/// Writes the next column; `levels` are 1 where a row has a value.
pub(super) fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> TableResult<()> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("no such column".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

pub(super) fn new_file<W: Write + Send>(
    out: W,
    schema: &str,
    dictionary: bool,
) -> TableResult<SerializedFileWriter<W>> {
    file_of(out, parse_message_type(schema)?, dictionary)
}

fn file_of<W: Write + Send>(out: W, schema: Type, dictionary: bool) -> TableResult<SerializedFileWriter<W>> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("footpath ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(dictionary)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
}

/// The schema in the notation of Parquet; positions from `shortest` on are optional.
fn schema(width: usize, shortest: usize, ids: Ids) -> String {
    let kind = match ids {
        Ids::Number => ("int32", "INTEGER(32,false)"),
        Ids::Name => ("binary", "STRING"),
    };
    let column = |position: usize| {
        let need = if position < shortest { "required" } else { "optional" };
        let what = if position.is_multiple_of(2) { "node" } else { "relation" };
        format!("{need} {} {what}_{} ({}); ", kind.0, position.div_ceil(2), kind.1)
    };
    format!("message paths {{ {}}}", (0..width).map(column).collect::<String>())
}

/// The name of each token; empty for specials.
fn names(kg: &TrainKg, context: &Context) -> Result<Vec<ByteArray>> {
    let vocabulary = kg.vocabulary();
    let name = |token: u32| match vocabulary.word(TokenId(token)) {
        Some(Word::Node(node)) => kg.node_name(node),
        Some(Word::Relation(relation)) => kg.relation_name(relation),
        _ => String::new(),
    };
    let all = (0..vocabulary.len()).map(|token| {
        context.check()?;
        Ok(name(u32::try_from(token).unwrap_or(u32::MAX)).into_bytes().into())
    });
    all.collect()
}

/// Tokens of the shortest path; the width when there is none. Works on rayon's current pool.
fn shortest(corpus: &Corpus, context: &Context) -> Result<usize> {
    let width = corpus.header().width;
    let len = |row: &[u32]| row.iter().position(|&t| t == Vocabulary::PADDING.0).unwrap_or(width);
    let of_block = |rows: &[u32]| {
        context.check()?;
        Ok(rows.chunks_exact(width).map(len).min().unwrap_or(width))
    };
    let blocks = corpus.tokens().par_chunks(width * CHECKED_ROWS).map(of_block).collect::<Result<Vec<usize>>>()?;
    Ok(blocks.into_iter().min().unwrap_or(width))
}

/// The end that was asked for, as an error of tables.
fn outside(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn stopped(context: &Context) -> TableResult<()> {
    context.check().map_err(outside)
}

pub(super) fn refused(error: ParquetError) -> crate::Error {
    match error {
        // An error of ours on its way through the library.
        ParquetError::External(inner) if inner.downcast_ref().is_some_and(Error::is_stop) => Error::Stopped.into(),
        error => Error::io("output")(std::io::Error::other(error)).into(),
    }
}
