//! A corpus in forms that other programs read.
//!
//! Rows are formatted in blocks, in parallel, and written in order by the thread that asked, in pieces of a megabyte or more. So the bytes
//! do not depend on the number of threads, memory does not grow with the corpus, and whoever formats need not wait for the disk.

mod hopwise;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod pipe;
mod text;

pub use hopwise::write_hopwise;
pub use jsonl::write_jsonl;
#[cfg(feature = "parquet")]
pub use parquet::{Column, Ids, write_parquet, write_parquet_names, write_table};
pub use text::write_text;

use crate::error::{Error, Result};
use footpath_core::Corpus;
#[cfg(feature = "parquet")]
use footpath_core::{NodeId, RelationId, Vocabulary};
use pipe::{Pipe, piped};
use rayon::prelude::*;
use std::io::Write;

/// Most threads.
const MAX_THREADS: usize = 1024;
/// About how many bytes a block of rows has when it is formatted.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks of each thread between two hand-overs to the writer; evens out threads that are held up.
const BLOCKS_PER_THREAD: usize = 4;

/// How a row is written.
trait Form: Sync {
    /// About how many bytes a row of this width has; decides how much is formatted at a time and nothing else.
    fn row_bytes(&self, width: usize) -> usize;

    /// Appends rows of this width to `out`. The error is the index of the first row that is no path.
    fn append(&self, rows: &[u32], width: usize, out: &mut Vec<u8>) -> std::result::Result<(), usize>;
}

/// A pool of exactly this many threads.
fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let bad = |reason: String| Error::Usage { option: "threads", reason };
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(bad(format!("{threads} is not between 1 and {MAX_THREADS}")));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| bad(e.to_string()))
}

/// Writes every row of a corpus in a form; the number of rows.
fn write_rows(corpus: &Corpus, form: &impl Form, pool: &rayon::ThreadPool, out: &mut dyn Write) -> Result<u64> {
    check_width(corpus)?;
    piped(out, |pipe| format_rows(corpus, form, pool, pipe))?;
    Ok(corpus.len() as u64)
}

fn format_rows(corpus: &Corpus, form: &impl Form, pool: &rayon::ThreadPool, pipe: &mut Pipe) -> Result<()> {
    let width = corpus.header().width;
    let block_rows = (BLOCK_BYTES / form.row_bytes(width).max(1)).max(1);
    let block_len = block_rows * width;
    let batch_len = block_len * BLOCKS_PER_THREAD * pool.current_num_threads();
    for (number, batch) in corpus.tokens().chunks(batch_len).enumerate() {
        let mut buffers = pipe.empty_buffers();
        buffers.resize_with(batch.len().div_ceil(block_len), Vec::new);
        let blocks = batch.par_chunks(block_len).zip(&mut buffers).enumerate();
        let wrong = pool.install(|| {
            let format = |(block, (rows, buffer)): (usize, (&[u32], &mut Vec<u8>))| {
                buffer.clear();
                Some(block * block_rows + form.append(rows, width, buffer).err()?)
            };
            // The first, so that the message is the same for any number of threads.
            blocks.filter_map(format).min()
        });
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

/// The first row that is not node, relation, node, … and then padding.
#[cfg(feature = "parquet")]
fn first_wrong(corpus: &Corpus) -> Option<usize> {
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
    let rows = corpus.tokens().par_chunks(corpus.header().width);
    rows.enumerate().find_first(|(_, row)| !is_path(row)).map(|(index, _)| index)
}
