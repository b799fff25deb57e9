//! A corpus, or a whole graph, in forms that other programs read.
//!
//! Rows are formatted in blocks, on the threads of the context, and written in order by the thread that asked, in
//! pieces of a megabyte or more. So the bytes do not depend on the number of threads, memory does not grow with the
//! corpus, and whoever formats need not wait for the disk. A stop ends the writing between two blocks; whoever owns
//! what was written to takes back what is there.

mod cells;
#[cfg(feature = "parquet")]
mod columns;
mod graph;
mod hopwise;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod pipe;
mod text;

#[cfg(feature = "parquet")]
pub use columns::{Cell, Column, ColumnKind, each_row, write_table};
pub use graph::{GraphFormat, HeldOutParts, write_graph};
pub use hopwise::write_hopwise;
pub use jsonl::write_jsonl;
#[cfg(feature = "parquet")]
pub use parquet::{Ids, write_parquet, write_parquet_names};
pub use text::write_text;

use crate::error::Result;
use footpath_core::{Context, Corpus};
#[cfg(feature = "parquet")]
use footpath_core::{NodeId, RelationId, Vocabulary};
use pipe::{Pipe, piped};
use rayon::prelude::*;
use std::io::Write;

/// About how many bytes a block of rows has when it is formatted.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks of each thread between two hand-overs to the writer; evens out threads that are held up.
const BLOCKS_PER_THREAD: usize = 4;

/// How a row is written.
trait RowFormat: Sync {
    /// About how many bytes a row of this width has; decides how much is formatted at a time and nothing else.
    fn row_bytes(&self, width: usize) -> usize;

    /// Appends rows of this width to `out`. The error is the index of the first row that is no path.
    fn append(&self, rows: &[u32], width: usize, out: &mut Vec<u8>) -> std::result::Result<(), usize>;
}

/// Writes every row of a corpus in a format; the number of rows.
fn write_rows(corpus: &Corpus, format: &impl RowFormat, context: &Context, out: &mut dyn Write) -> Result<u64> {
    check_width(corpus)?;
    piped(out, context, |pipe| format_rows(corpus, format, context, pipe))?;
    Ok(corpus.len() as u64)
}

fn format_rows(corpus: &Corpus, format: &impl RowFormat, context: &Context, pipe: &mut Pipe) -> Result<()> {
    let width = corpus.header().width;
    let stage = context.stage("writing", Some(corpus.len() as u64), "paths");
    let block_rows = (BLOCK_BYTES / format.row_bytes(width).max(1)).max(1);
    let block_len = block_rows * width;
    let batch_len = block_len * BLOCKS_PER_THREAD * context.threads().number();
    for (number, batch) in corpus.tokens().chunks(batch_len).enumerate() {
        let mut buffers = pipe.empty_buffers();
        buffers.resize_with(batch.len().div_ceil(block_len), Vec::new);
        let blocks = batch.par_chunks(block_len).zip(&mut buffers).enumerate();
        let wrong = context.run(|| {
            let block = |(block, (rows, buffer)): (usize, (&[u32], &mut Vec<u8>))| {
                buffer.clear();
                // What is left out here is not written: the stage ends the work below.
                context.check().ok()?;
                Some(block * block_rows + format.append(rows, width, buffer).err()?)
            };
            // The first, so that the message is the same for any number of threads.
            blocks.filter_map(block).min()
        })?;
        stage.advance((batch.len() / width) as u64)?;
        if let Some(row) = wrong {
            return Err(corpus.no_path(number * (batch_len / width) + row).into());
        }
        if !pipe.send(buffers) {
            break;
        }
    }
    Ok(())
}

/// Rows have a node more than relations.
fn check_width(corpus: &Corpus) -> Result<()> {
    let width = corpus.header().width;
    if width % 2 == 1 {
        return Ok(());
    }
    let path = corpus.artefact().directory().to_owned();
    let (section, expected) = ("width".to_owned(), "an odd number of tokens".to_owned());
    Err(footpath_core::Error::Corrupt { path, section, expected, got: width.to_string() }.into())
}

/// Rows between two looks at whether to stop.
#[cfg(feature = "parquet")]
const CHECKED_ROWS: usize = 1 << 14;

/// The first row that is not node, relation, node, … and then padding. Works on rayon's current pool.
#[cfg(feature = "parquet")]
fn first_wrong(corpus: &Corpus, context: &Context) -> Result<Option<usize>> {
    let vocabulary = corpus.header().vocabulary;
    let (relations, nodes) = (vocabulary.relation(RelationId(0)).0, vocabulary.node(NodeId(0)).0);
    let end = nodes.saturating_add(vocabulary.num_nodes);
    let is_path = |row: &[u32]| {
        let len = row.iter().position(|&token| token == Vocabulary::PADDING.0).unwrap_or(row.len());
        let (path, padding) = row.split_at_checked(len).unwrap_or_default();
        let fits = |(position, &token): (usize, &u32)| match position % 2 {
            0 => (nodes..end).contains(&token),
            _ => (relations..nodes).contains(&token),
        };
        len % 2 == 1 && path.iter().enumerate().all(fits) && padding.iter().all(|&token| token == Vocabulary::PADDING.0)
    };
    let width = corpus.header().width;
    let first_of = |(block, rows): (usize, &[u32])| {
        context.check()?;
        let wrong = rows.chunks_exact(width).position(|row| !is_path(row));
        Ok(wrong.map(|row| block * CHECKED_ROWS + row))
    };
    let blocks = corpus.tokens().par_chunks(width * CHECKED_ROWS).enumerate().map(first_of);
    Ok(blocks.collect::<Result<Vec<_>>>()?.into_iter().flatten().next())
}
