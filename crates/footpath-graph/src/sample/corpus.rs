//! Drawing a corpus: the same bytes for any number of threads.

use super::tables::Drawn;
use super::{SampleSpec, Sampler, Scratch};
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::Pattern;
use footpath_core::{NodeId, Path};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most paths of one piece of work: a user, or a part of a user's paths.
const MAX_BLOCK: u64 = 1 << 14;
/// Paths drawn between two calls of the sink; bounds memory.
const BATCH_PATHS: u64 = 1 << 19;
/// Most threads.
pub(super) const MAX_THREADS: usize = 1024;

/// How much to draw, and with how many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Paths for each user that has any; drawn with replacement.
    pub paths_per_user: u64,
    /// Threads; the result does not depend on it.
    pub threads: usize,
}

/// What came of drawing a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Paths given to the sink.
    pub num_paths: u64,
    /// Users that have a path.
    pub users_with_paths: u64,
    /// Users that have none.
    pub users_without_paths: u64,
    /// Draws given up; see [`super::UserTables::draw`].
    pub given_up: u64,
    /// Whether the run was stopped before its end.
    pub cancelled: bool,
}

/// Some draws of one user.
#[derive(Clone, Copy, Debug)]
struct Block {
    user: NodeId,
    first: u64,
    len: u64,
}

#[derive(Debug, Default)]
struct Rows {
    tokens: Vec<u32>,
    summary: SampleSummary,
}

/// Draws paths for all users, in order, and gives whole rows of tokens to `sink`. `progress` is told the number of users done.
///
/// # Errors
/// As [`Sampler::new`] and [`Sampler::tables`]; [`Error::Usage`] for a bad number of threads; whatever `sink` says.
pub fn sample_corpus(
    kg: &TrainKg,
    pattern: &Pattern,
    spec: SampleSpec,
    run: Run,
    sink: &mut dyn FnMut(&[u32]) -> Result<()>,
    progress: &mut dyn FnMut(u64),
    cancel: &AtomicBool,
) -> Result<SampleSummary> {
    let pool = pool(run.threads)?;
    let sampler = Sampler::new(kg, pattern, spec)?;
    let mut blocks = blocks(kg, run.paths_per_user).peekable();
    let mut summary = SampleSummary::default();
    let stopped = || cancel.load(Ordering::Relaxed);
    while blocks.peek().is_some() {
        let batch = batch(&mut blocks);
        let drawn: Result<Vec<Rows>> = pool.install(|| {
            let draw = |scratch: &mut Scratch, block: &Block| match stopped() {
                true => Ok(Rows::default()),
                false => rows(&sampler, *block, scratch),
            };
            batch.par_iter().map_init(Scratch::default, draw).collect()
        });
        // What was drawn of this batch has holes.
        if stopped() {
            summary.cancelled = true;
            return Ok(summary);
        }
        for rows in drawn? {
            sink(&rows.tokens)?;
            summary.add(&rows.summary);
        }
        let done = batch.last().map_or(0, |block| u64::from(block.user.0 - kg.users().start) + 1);
        progress(done);
    }
    Ok(summary)
}

/// A pool of exactly this many threads.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let bad = |reason: String| Error::Usage { option: "threads", reason };
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(bad(format!("{threads} is not between 1 and {MAX_THREADS}")));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| bad(e.to_string()))
}

fn blocks(kg: &TrainKg, paths_per_user: u64) -> impl Iterator<Item = Block> {
    kg.users().map(NodeId).flat_map(move |user| {
        let firsts = (0..paths_per_user).step_by(usize::try_from(MAX_BLOCK).unwrap_or(usize::MAX));
        firsts.map(move |first| Block { user, first, len: MAX_BLOCK.min(paths_per_user - first) })
    })
}

fn batch(blocks: &mut impl Iterator<Item = Block>) -> Vec<Block> {
    let mut paths = 0;
    let mut batch = Vec::new();
    // Never empty while blocks are left: the first is taken before the size is looked at.
    for block in blocks {
        paths += block.len;
        batch.push(block);
        if paths >= BATCH_PATHS {
            break;
        }
    }
    batch
}

fn rows(sampler: &Sampler<'_>, block: Block, scratch: &mut Scratch) -> Result<Rows> {
    let tables = sampler.tables_with(block.user, scratch)?;
    let mut rows = Rows::default();
    let mut path = Path::default();
    for draw in block.first..block.first + block.len {
        match tables.try_draw(draw, &mut path) {
            Drawn::Path => tables.append_row(&path, &mut rows.tokens),
            Drawn::GivenUp => rows.summary.given_up += 1,
            Drawn::NoPath => {
                rows.summary.users_without_paths = u64::from(block.first == 0);
                return Ok(rows);
            }
        }
    }
    rows.summary.users_with_paths = u64::from(block.first == 0);
    rows.summary.num_paths = (rows.tokens.len() / sampler.row_width()) as u64;
    Ok(rows)
}

impl SampleSummary {
    fn add(&mut self, other: &Self) {
        self.num_paths += other.num_paths;
        self.users_with_paths += other.users_with_paths;
        self.users_without_paths += other.users_without_paths;
        self.given_up += other.given_up;
    }
}
