//! Drawing a corpus: the same bytes for any number of threads, and shard after shard the same as the whole.

use super::choice::{ByRange, Kernel};
use super::distinct::Distinct;
use super::draw::{Rows, Walked};
use super::quota::proportional;
use super::ranges::Span;
use super::starts::Starts;
use super::tables::Drawn;
use super::{MixtureSampler, MixtureTables, Quota, Replacement, SampleSpec, Scratch, Shard, Views};
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::Mixture;
use footpath_core::{NodeId, Path};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Paths of one piece of work: some users, or a part of a user's paths.
pub(super) const PIECE_PATHS: u64 = 1 << 14;
/// Users of one piece of work.
const PIECE_USERS: u32 = 1 << 12;
/// The same where each has tables of their own, which cost as much as a thousand paths.
const PIECE_TABLES: u32 = 1 << 5;
/// Paths drawn between two calls of the sink; bounds memory.
const BATCH_PATHS: u64 = 1 << 19;
/// Most threads.
pub(super) const MAX_THREADS: usize = 1024;

/// How much to draw, and with how many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many paths.
    pub quota: Quota,
    /// Whether a path may come twice.
    pub replacement: Replacement,
    /// For which users.
    pub shard: Shard,
    /// Threads; the result does not depend on it.
    pub threads: usize,
    /// How hops are found; the result does not depend on it.
    pub views: Views,
    /// How walkers take turns; the result does not depend on it.
    pub kernel: Kernel,
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
    /// Paths asked for and not found although there may be more; see [`super::UserTables::draw`].
    pub given_up: u64,
    /// Users of whom [`Quota::Every`] left out paths.
    pub users_cut_short: u64,
    /// Whether walks were weighed by numbers in floating point: because the law has weights, or because 64 bits could not count those of a
    /// user. Otherwise all numbers were integers, and the law holds without any rounding.
    pub rounded: bool,
    /// Whether the run was stopped before its end.
    pub cancelled: bool,
}

/// Some draws: numbers `first ..` of one user, or the first ones of several.
#[derive(Clone, Debug)]
struct Piece {
    users: Range<u32>,
    first: u64,
    /// Paths of each user in a row of users, or of the one user.
    quota: u64,
    paths: u64,
    /// Whether the users have no more draws.
    is_last: bool,
}

/// Draws paths for all users of the shard, in order, and gives whole rows of tokens to `sink`. `progress` is told the number of users done.
///
/// # Errors
/// As [`MixtureSampler::new`]; [`Error::Usage`] for a bad number of threads, a shard that does not exist, or a quota by
/// end for several patterns; whatever `sink` says.
pub fn sample_corpus(
    kg: &TrainKg,
    mixture: &Mixture,
    spec: &SampleSpec,
    run: Run,
    sink: &mut dyn FnMut(&[u32]) -> Result<()>,
    progress: &mut dyn FnMut(u64),
    cancel: &AtomicBool,
) -> Result<SampleSummary> {
    CorpusSampler::new(kg, mixture, spec, run)?.draw(run.kernel, sink, progress, cancel)
}

/// What [`sample_corpus`] draws with, to be used more than once.
#[derive(Debug)]
pub struct CorpusSampler<'a> {
    drawer: Drawer<'a>,
    pool: rayon::ThreadPool,
}

impl<'a> CorpusSampler<'a> {
    /// Prepares to draw.
    ///
    /// # Errors
    /// As [`sample_corpus`], but for what its sink says.
    pub fn new(kg: &'a TrainKg, mixture: &Mixture, spec: &SampleSpec, run: Run) -> Result<Self> {
        let pool = pool(run.threads)?;
        let drawer = pool.install(|| Drawer::new(kg, mixture, spec, run))?;
        run.shard.users(drawer.sampler.starts().len())?;
        Ok(Self { drawer, pool })
    }

    /// See [`sample_corpus`]; `kernel` stands in for that of the run.
    ///
    /// # Errors
    /// Whatever `sink` says, and [`Error::CountOverflow`] for a user whose paths cannot be counted.
    pub fn draw(
        &self,
        kernel: Kernel,
        sink: &mut dyn FnMut(&[u32]) -> Result<()>,
        progress: &mut dyn FnMut(u64),
        cancel: &AtomicBool,
    ) -> Result<SampleSummary> {
        let Self { drawer, pool } = self;
        let Run { quota, shard, .. } = drawer.run;
        let starts = drawer.sampler.starts();
        let numbers = shard.users(starts.len())?;
        let stopped = || cancel.load(Ordering::Relaxed);
        let mut by_range = ByRange::choose(&drawer.sampler, kernel, quota.at_most(numbers.end - numbers.start))?;
        let batch_paths = by_range.as_ref().map_or(BATCH_PATHS, ByRange::batch_paths);
        let mut pieces = starts.slice(numbers).flat_map(|users| drawer.pieces(users)).peekable();
        let mut finished = 0;
        let mut summary = SampleSummary::default();
        while pieces.peek().is_some() {
            let pieces = batch(&mut pieces, batch_paths, |piece| piece.paths);
            if let Some(by_range) = &mut by_range {
                let spans: Vec<Span> = pieces.iter().map(Piece::span).collect();
                pool.install(|| by_range.walk(&drawer.sampler, &spans, stopped));
            }
            let walked = |span| by_range.as_ref().map(|by_range| by_range.walked(span));
            let mut pieces = pieces.into_iter().zip(0..).map(|(piece, span)| (piece, walked(span))).peekable();
            while pieces.peek().is_some() {
                let pieces = batch(&mut pieces, BATCH_PATHS, |(piece, _)| piece.paths);
                let drawn = pool.install(|| drawer.draw_all(&pieces, stopped));
                // What was drawn of this batch has holes.
                if stopped() {
                    summary.cancelled = true;
                    return Ok(summary);
                }
                for rows in drawn? {
                    sink(&rows.tokens)?;
                    summary.add(&rows.summary);
                }
                let last = pieces.iter().filter(|(piece, _)| piece.is_last);
                finished += last.map(|(piece, _)| piece.users.len() as u64).sum::<u64>();
                progress(finished);
            }
        }
        summary.rounded = drawer.sampler.rounds();
        Ok(summary)
    }
}

/// A pool of exactly this many threads.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let bad = |reason: String| Error::Usage { option: "threads", reason };
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(bad(format!("{threads} is not between 1 and {MAX_THREADS}")));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| bad(e.to_string()))
}

/// The next items, with so many paths in all.
fn batch<T>(items: &mut impl Iterator<Item = T>, max_paths: u64, paths_of: impl Fn(&T) -> u64) -> Vec<T> {
    let mut paths = 0;
    let mut batch = Vec::new();
    // Never empty while items are left: the first is taken before the size is looked at.
    for item in items {
        paths += paths_of(&item);
        batch.push(item);
        if paths >= max_paths {
            break;
        }
    }
    batch
}

/// About how many paths are drawn: of a total as much as there are shards of it.
fn draws(kg: &TrainKg, mixture: &Mixture, run: Run) -> Result<u64> {
    let users = run.shard.users(Starts::of(kg, mixture.union()).len())?;
    Ok(match run.quota {
        Quota::Total(total) => total / u64::from(run.shard.of),
        quota => quota.at_most(users.end - users.start),
    })
}

impl Piece {
    /// Its draws.
    fn span(&self) -> Span {
        Span { users: self.users.clone(), numbers: self.first..self.first + self.quota }
    }
}

/// Draws by a quota.
#[derive(Debug)]
struct Drawer<'a> {
    sampler: MixtureSampler<'a>,
    run: Run,
    /// The quota of each user where they differ.
    quotas: Vec<u64>,
}

impl<'a> Drawer<'a> {
    fn new(kg: &'a TrainKg, mixture: &Mixture, spec: &SampleSpec, run: Run) -> Result<Self> {
        let single = || match mixture.parts() {
            [only] => Ok(&only.pattern),
            parts => {
                let reason = format!("a quota for each end needs one pattern, and there are {}", parts.len());
                Err(Error::Usage { option: "paths-per-end", reason })
            }
        };
        // Ranges are those of compiled tables.
        let views = if (run.kernel, run.views) == (Kernel::ByRange, Views::Auto) { Views::Compiled } else { run.views };
        let sampler = match run.quota {
            Quota::PerEnd(_) => MixtureSampler::by_end(kg, single()?, spec, views)?,
            // Each path once, however many parts it belongs to.
            Quota::Every(_) => MixtureSampler::by_end(kg, mixture.union(), spec, views)?,
            Quota::PerUser(_) | Quota::Total(_) => {
                MixtureSampler::with_views(kg, mixture, spec, views, draws(kg, mixture, run)?)?
            }
        };
        let quotas = match run.quota {
            Quota::Total(total) => proportional(&sampler, total)?,
            _ => Vec::new(),
        };
        Ok(Self { sampler, run, quotas })
    }

    fn quota(&self, user: u32) -> u64 {
        match self.run.quota {
            Quota::PerUser(quota) | Quota::PerEnd(quota) | Quota::Every(quota) => quota,
            Quota::Total(_) => {
                let before = self
                    .sampler
                    .starts()
                    .slice(0..u32::MAX)
                    .map(|range| user.min(range.end).saturating_sub(range.start));
                let index = before.sum::<u32>();
                self.quotas.get(index as usize).copied().unwrap_or(0)
            }
        }
    }

    /// Whether parts of a user's paths can be drawn apart.
    fn may_split(&self) -> bool {
        let by_draw = matches!(self.run.quota, Quota::PerUser(_) | Quota::Total(_));
        by_draw && self.run.replacement == Replacement::With
    }

    /// The work for some users, in order. It depends on the users before them in nothing.
    fn pieces(&self, users: Range<u32>) -> impl Iterator<Item = Piece> + '_ {
        let mut next = users.start;
        let mut part = 0;
        let at_most = if self.sampler.is_compiled() { PIECE_USERS } else { PIECE_TABLES };
        std::iter::from_fn(move || {
            if next >= users.end {
                return None;
            }
            let quota = self.quota(next);
            if self.may_split() && quota > PIECE_PATHS {
                let (first, len) = (part, PIECE_PATHS.min(quota - part));
                let is_last = first + len == quota;
                let piece = Piece { users: next..next + 1, first, quota: len, paths: len, is_last };
                (next, part) = if is_last { (next + 1, 0) } else { (next, first + len) };
                return Some(piece);
            }
            let start = next;
            let mut paths = 0;
            while next < users.end && next - start < at_most && paths < PIECE_PATHS && self.quota(next) == quota {
                paths += quota;
                next += 1;
            }
            Some(Piece { users: start..next, first: 0, quota, paths, is_last: true })
        })
    }

    /// The rows of some pieces, in their order.
    fn draw_all(&self, pieces: &[(Piece, Option<Walked<'_>>)], stopped: impl Fn() -> bool + Sync) -> Result<Vec<Rows>> {
        let draw = |scratch: &mut Scratch, (piece, walked): &(Piece, Option<Walked<'_>>)| match stopped() {
            true => Ok(Rows::default()),
            false => self.rows(piece, *walked, scratch),
        };
        pieces.par_iter().map_init(Scratch::default, draw).collect()
    }

    fn rows(&self, piece: &Piece, walked: Option<Walked<'_>>, scratch: &mut Scratch) -> Result<Rows> {
        let mut rows = Rows::default();
        if piece.quota == 0 {
            rows.summary.users_without_paths = piece.users.len() as u64;
            return Ok(rows);
        }
        match (self.run.quota, self.run.replacement) {
            (Quota::PerUser(_) | Quota::Total(_), Replacement::With) => {
                let Span { users, numbers } = piece.span();
                self.sampler.draw(&users, numbers, walked, scratch, &mut rows)?;
            }
            (Quota::PerUser(_) | Quota::Total(_), Replacement::Without) => {
                self.distinct(piece, walked, scratch, &mut rows)?
            }
            (Quota::PerEnd(_), _) => self.by_user(piece, scratch, &mut rows, Self::per_end)?,
            (Quota::Every(_), _) => self.by_user(piece, scratch, &mut rows, Self::every)?,
        }
        rows.summary.num_paths = (rows.tokens.len() / self.sampler.row_width()) as u64;
        Ok(rows)
    }

    /// Paths that are all different.
    fn distinct(
        &self,
        piece: &Piece,
        walked: Option<Walked<'_>>,
        scratch: &mut Scratch,
        rows: &mut Rows,
    ) -> Result<()> {
        let width = self.sampler.row_width();
        let mut first = Rows::default();
        let owners = match self.sampler.is_compiled() {
            true => self.sampler.draw_together(&piece.users, 0..piece.quota, walked, scratch, &mut first)?,
            false => Vec::new(),
        };
        let mut drawn = owners.iter().zip(first.tokens.chunks_exact(width)).peekable();
        let mut distinct = Distinct::new(width);
        for user in piece.users.clone() {
            distinct.clear();
            while let Some((_, row)) = drawn.next_if(|(owner, _)| **owner == user) {
                distinct.add(row);
            }
            if (distinct.len() as u64) < piece.quota && self.sampler.may_have_paths(NodeId(user)) {
                let tables = self.sampler.tables(NodeId(user), scratch)?;
                let from = if owners.is_empty() { 0 } else { piece.quota };
                rows.summary.given_up += distinct.complete(&tables, piece.quota, from);
            }
            rows.summary.count_user(distinct.len() > 0);
            rows.tokens.extend_from_slice(&distinct.tokens);
        }
        Ok(())
    }

    fn by_user(
        &self,
        piece: &Piece,
        scratch: &mut Scratch,
        rows: &mut Rows,
        draw: impl Fn(&MixtureTables<'_>, u64, &mut Rows),
    ) -> Result<()> {
        for user in piece.users.clone().map(NodeId) {
            let before = rows.tokens.len();
            draw(&self.sampler.tables(user, scratch)?, piece.quota, rows);
            rows.summary.count_user(rows.tokens.len() > before);
        }
        Ok(())
    }

    /// So many paths to each end.
    fn per_end(tables: &MixtureTables<'_>, quota: u64, rows: &mut Rows) {
        let Some(only) = tables.only() else { return };
        let mut path = Path::default();
        for end in 0..only.num_ends() {
            for draw in (0..quota).map(|draw| end as u64 * quota + draw) {
                match only.draw_to_end(end, draw, &mut path) {
                    Drawn::Path => tables.write(&path, &mut rows.tokens),
                    Drawn::GivenUp => rows.summary.given_up += 1,
                    Drawn::NoPath => break,
                }
            }
        }
    }

    /// Every path.
    fn every(tables: &MixtureTables<'_>, at_most: u64, rows: &mut Rows) {
        let Some(only) = tables.only() else { return };
        let listed = only.enumerate(usize::try_from(at_most).unwrap_or(usize::MAX));
        listed.paths.iter().for_each(|path| tables.write(path, &mut rows.tokens));
        rows.summary.users_cut_short += u64::from(!listed.complete);
    }
}

impl SampleSummary {
    fn add(&mut self, other: &Self) {
        self.num_paths += other.num_paths;
        self.users_with_paths += other.users_with_paths;
        self.users_without_paths += other.users_without_paths;
        self.given_up += other.given_up;
        self.users_cut_short += other.users_cut_short;
    }
}
