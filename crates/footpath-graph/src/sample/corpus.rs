//! Drawing a corpus: the same bytes for any number of threads, and shard after shard the same as the whole.

use super::dag::Scratch;
use super::distinct::Distinct;
use super::law::SampleSpec;
use super::mix::{MixtureSampler, MixtureTables};
use super::quota::{Quota, Replacement, Shard, share_out};
use super::rows::{Rows, SampleSummary};
use super::starts::Starts;
use super::tables::Drawn;
use super::views::Views;
use super::walks_in_all;
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Mixture, Pattern};
use footpath_core::{Context, NodeId, Path};
use rayon::prelude::*;
use std::ops::Range;

/// Paths of one piece of work: some users, or a part of a user's paths.
const PIECE_PATHS: u64 = 1 << 14;
/// Users of one piece of work.
const PIECE_USERS: usize = 1 << 12;
/// The same where each has tables of their own, which cost as much as a thousand paths.
const PIECE_TABLES: usize = 1 << 5;
/// Most rows given to the sink at a time.
const SINK_ROWS: usize = 1 << 14;
/// Paths drawn before they are given to the sink; bounds memory.
const BATCH_PATHS: u64 = 1 << 19;

/// How much to draw for a user, and how hops are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// How many paths.
    pub quota: Quota,
    /// Whether a path may come twice.
    pub replacement: Replacement,
    /// How hops are found; the result does not depend on it.
    pub views: Views,
}

impl Amount {
    /// Paths of each user unless told otherwise.
    pub const PATHS_PER_USER: u64 = 100;
}

impl Default for Amount {
    /// What `footpath sample` draws unless told otherwise.
    fn default() -> Self {
        let (replacement, views) = (Replacement::default(), Views::default());
        Self { quota: Quota::PerUser(Self::PATHS_PER_USER), replacement, views }
    }
}

/// Whom to draw for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// A part of all users; the default shard is all of them.
    Shard(Shard),
    /// Those with numbers in a range, counted from the first node that paths start at.
    Numbers(Range<u32>),
    /// Those with ids in a range.
    Range(Range<u32>),
    /// These, in this order; one who is named twice is drawn for twice.
    List(Vec<NodeId>),
}

/// Some draws: numbers `first ..` of one user, or the first ones of several.
#[derive(Clone, Debug)]
struct Piece {
    users: Vec<u32>,
    first: u64,
    /// Paths of each user in a row of users, or of the one user.
    quota: u64,
    /// Whether the users have no more draws.
    is_last: bool,
}

impl Piece {
    /// At most, where the quota is one of users.
    fn paths(&self) -> u64 {
        self.users.len() as u64 * self.quota
    }
}

/// Draws paths for all users of the shard, in order, and gives whole rows of tokens to `sink`. Works on the threads of
/// rayon's current pool.
///
/// Who draws for one part of the users after another keeps a [`CorpusSampler`] instead.
///
/// # Errors
/// As [`CorpusSampler::new`] and [`CorpusSampler::draw`].
pub fn sample_corpus(
    kg: &TrainKg,
    mixture: &Mixture,
    spec: &SampleSpec,
    amount: Amount,
    shard: Shard,
    context: &Context,
    sink: &mut dyn FnMut(&[u32]) -> Result<()>,
) -> Result<SampleSummary> {
    if let Quota::Total(total) = amount.quota
        && walks_in_all::applies(mixture, spec, amount.quota, amount.replacement)
        && amount.views == Views::Auto
    {
        return walks_in_all::sample(kg, mixture.union(), spec, total, shard, context, sink);
    }
    let users = shard.users(Starts::of(kg, mixture.union()).len())?;
    // Of a total a shard has as much as there are shards of it, about.
    let draws = match amount.quota {
        Quota::Total(total) => total / u64::from(shard.of),
        quota => quota.at_most(users.end - users.start),
    };
    CorpusSampler::prepare(kg, mixture, spec, amount, draws, context)?.draw(&Users::Shard(shard), context, sink)
}

/// Draws corpora for any users, again and again: a sampler to keep.
///
/// It owns what it needs of the graph, which is shared and not copied, and prepares its tables and shares out its quota
/// once. What it draws for a user depends on the user alone, so the corpora of parts, one after the other, are that of
/// the whole, from whatever threads and in whatever order they are asked for.
#[derive(Debug)]
pub struct CorpusSampler {
    sampler: MixtureSampler,
    amount: Amount,
    /// The quota of each user where they differ.
    quotas: Vec<u64>,
}

const _: () = {
    const fn can_be_kept<T: Send + Sync + 'static>() {}
    can_be_kept::<CorpusSampler>();
};

impl CorpusSampler {
    /// Prepares to draw for all users.
    ///
    /// # Errors
    /// As [`MixtureSampler::new`]; [`Error::Usage`] for a quota by end for several patterns.
    pub fn new(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, amount: Amount, context: &Context) -> Result<Self> {
        let draws = amount.quota.at_most(Starts::of(kg, mixture.union()).len());
        Self::prepare(kg, mixture, spec, amount, draws, context)
    }

    /// As [`CorpusSampler::new`], for about so many draws.
    fn prepare(
        kg: &TrainKg,
        mixture: &Mixture,
        spec: &SampleSpec,
        amount: Amount,
        draws: u64,
        context: &Context,
    ) -> Result<Self> {
        let views = amount.views;
        let sampler = match amount.quota {
            Quota::PerEnd(_) => MixtureSampler::end_first(kg, only_pattern(mixture)?, spec, views, context)?,
            // Each path once, however many parts it belongs to.
            Quota::Every(_) => MixtureSampler::end_first(kg, mixture.union(), spec, views, context)?,
            Quota::PerUser(_) | Quota::Total(_) => {
                MixtureSampler::with_views(kg, mixture, spec, views, draws, context)?
            }
        };
        let quotas = match amount.quota {
            Quota::Total(total) => proportional(&sampler, total, context)?,
            _ => Vec::new(),
        };
        Ok(Self { sampler, amount, quotas })
    }

    /// Tokens of a row.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.sampler.row_width()
    }

    /// The nodes that paths start at: users, for all but walks.
    #[must_use]
    pub fn num_starts(&self) -> u32 {
        self.sampler.starts().len()
    }

    /// Draws the paths of these users, in their order, and gives whole rows of tokens to `sink`, each row after those
    /// before it. Works on the threads of rayon's current pool; `sink` is called on this one.
    ///
    /// # Errors
    /// Whatever `sink` says; [`Error::Unknown`] for a node that is no user; [`Error::CountOverflow`] for a user whose
    /// paths cannot be counted; [`footpath_core::Error::Stopped`].
    pub fn draw(
        &self,
        users: &Users,
        context: &Context,
        sink: &mut dyn FnMut(&[u32]) -> Result<()>,
    ) -> Result<SampleSummary> {
        let (users, num_users) = self.ids(users)?;
        let stage = context.stage("sampling", Some(num_users), "users");
        let mut pieces = self.pieces(users).peekable();
        let mut summary = SampleSummary { rounded: self.sampler.is_rounded(), ..SampleSummary::default() };
        while pieces.peek().is_some() {
            let pieces = batch(&mut pieces);
            for (piece, rows) in pieces.iter().zip(self.draw_all(&pieces, context)?) {
                // All paths of a user may be many.
                for some in rows.tokens.chunks(SINK_ROWS * self.row_width()) {
                    context.check()?;
                    sink(some)?;
                }
                summary.add(&rows.summary);
                stage.advance(if piece.is_last { piece.users.len() as u64 } else { 0 })?;
            }
        }
        Ok(summary)
    }

    /// The nodes of some users, and how many they are.
    fn ids<'s>(&'s self, users: &'s Users) -> Result<(Box<dyn Iterator<Item = u32> + 's>, u64)> {
        let starts = self.sampler.starts();
        Ok(match users {
            Users::Shard(shard) => {
                let numbers = shard.users(starts.len())?;
                let num_users = u64::from(numbers.end - numbers.start);
                (Box::new(starts.slice(numbers).flatten()), num_users)
            }
            Users::Numbers(numbers) => {
                if numbers.start > numbers.end || numbers.end > starts.len() {
                    let reason = format!("there are {} users, counted from 0", starts.len());
                    return Err(Error::Usage { option: "range", reason });
                }
                (Box::new(starts.slice(numbers.clone()).flatten()), numbers.len() as u64)
            }
            Users::Range(range) => {
                range.clone().map(NodeId).try_for_each(|node| starts.check(node))?;
                (Box::new(range.clone()), range.len() as u64)
            }
            Users::List(list) => {
                list.iter().try_for_each(|&node| starts.check(node))?;
                (Box::new(list.iter().map(|node| node.0)), list.len() as u64)
            }
        })
    }

    fn quota(&self, user: u32) -> u64 {
        match self.amount.quota {
            Quota::PerUser(quota) | Quota::PerEnd(quota) | Quota::Every(quota) => quota,
            Quota::Total(_) => {
                let number = self.sampler.starts().number_of(NodeId(user));
                number.and_then(|number| self.quotas.get(number as usize).copied()).unwrap_or(0)
            }
        }
    }

    /// Whether parts of a user's paths can be drawn apart.
    fn may_split(&self) -> bool {
        let by_draw = matches!(self.amount.quota, Quota::PerUser(_) | Quota::Total(_));
        by_draw && self.amount.replacement == Replacement::With
    }

    /// The work for some users, in order. It depends on the users before them in nothing.
    fn pieces<'s>(&'s self, users: impl Iterator<Item = u32> + 's) -> impl Iterator<Item = Piece> + 's {
        let mut users = users.peekable();
        let mut part = 0;
        let at_most = if self.sampler.is_compiled() { PIECE_USERS } else { PIECE_TABLES };
        std::iter::from_fn(move || {
            let &user = users.peek()?;
            let quota = self.quota(user);
            if self.may_split() && quota > PIECE_PATHS {
                let (first, len) = (part, PIECE_PATHS.min(quota - part));
                let is_last = first + len == quota;
                part = if is_last { 0 } else { first + len };
                if is_last {
                    users.next();
                }
                return Some(Piece { users: vec![user], first, quota: len, is_last });
            }
            let mut piece = Piece { users: Vec::new(), first: 0, quota, is_last: true };
            while piece.users.len() < at_most
                && piece.paths() < PIECE_PATHS
                && let Some(user) = users.next_if(|&user| self.quota(user) == quota)
            {
                piece.users.push(user);
            }
            Some(piece)
        })
    }

    /// The rows of some pieces, in their order.
    fn draw_all(&self, pieces: &[Piece], context: &Context) -> Result<Vec<Rows>> {
        let draw = |scratch: &mut Scratch, piece: &Piece| {
            context.check()?;
            self.rows(piece, scratch, context)
        };
        pieces.par_iter().map_init(Scratch::default, draw).collect()
    }

    fn rows(&self, piece: &Piece, scratch: &mut Scratch, context: &Context) -> Result<Rows> {
        let mut rows = Rows::default();
        if piece.quota == 0 {
            rows.summary.users_without_paths = piece.users.len() as u64;
            return Ok(rows);
        }
        match (self.amount.quota, self.amount.replacement) {
            (Quota::PerUser(_) | Quota::Total(_), Replacement::With) => {
                let numbers = piece.first..piece.first + piece.quota;
                self.sampler.draw(&piece.users, numbers, scratch, &mut rows, context)?;
            }
            (Quota::PerUser(_) | Quota::Total(_), Replacement::Without) => {
                self.distinct(piece, scratch, &mut rows, context)?;
            }
            (Quota::PerEnd(_), _) => self.by_user(piece, scratch, &mut rows, context, per_end)?,
            (Quota::Every(_), _) => self.by_user(piece, scratch, &mut rows, context, every)?,
        }
        rows.summary.num_paths = (rows.tokens.len() / self.sampler.row_width()) as u64;
        Ok(rows)
    }

    /// Paths that are all different.
    fn distinct(&self, piece: &Piece, scratch: &mut Scratch, rows: &mut Rows, context: &Context) -> Result<()> {
        let width = self.sampler.row_width();
        let mut first = Rows::default();
        let owners = match self.sampler.is_compiled() {
            true => self.sampler.draw_together(&piece.users, 0..piece.quota, scratch, &mut first, context)?,
            false => Vec::new(),
        };
        rows.summary.rounded |= first.summary.rounded;
        let mut drawn = owners.iter().zip(first.tokens.chunks_exact(width)).peekable();
        let mut distinct = Distinct::new(width);
        for &user in &piece.users {
            distinct.clear();
            while let Some((_, row)) = drawn.next_if(|(owner, _)| **owner == user) {
                distinct.add(row);
            }
            if (distinct.len() as u64) < piece.quota && self.sampler.may_have_paths(NodeId(user)) {
                let tables = self.sampler.tables(NodeId(user), scratch, context)?;
                let from = if owners.is_empty() { 0 } else { piece.quota };
                rows.summary.given_up += distinct.complete(&tables, piece.quota, from)?;
                rows.summary.rounded |= tables.is_rounded();
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
        context: &Context,
        draw: impl Fn(&MixtureTables<'_>, u64, &mut Rows) -> Result<()>,
    ) -> Result<()> {
        for user in piece.users.iter().copied().map(NodeId) {
            let before = rows.tokens.len();
            let tables = self.sampler.tables(user, scratch, context)?;
            draw(&tables, piece.quota, rows)?;
            rows.summary.rounded |= tables.is_rounded();
            rows.summary.count_user(rows.tokens.len() > before);
        }
        Ok(())
    }
}

/// So many paths to each end.
fn per_end(tables: &MixtureTables<'_>, quota: u64, rows: &mut Rows) -> Result<()> {
    let Some(only) = tables.only() else { return Ok(()) };
    let mut path = Path::default();
    for end in 0..only.num_ends()? {
        for draw in (0..quota).map(|draw| end as u64 * quota + draw) {
            match only.draw_to_end(end, draw, &mut path)? {
                Drawn::Path => tables.write(&path, &mut rows.tokens),
                Drawn::GivenUp => rows.summary.given_up += 1,
                Drawn::NoPath => break,
            }
        }
    }
    Ok(())
}

/// Every path.
fn every(tables: &MixtureTables<'_>, at_most: u64, rows: &mut Rows) -> Result<()> {
    let Some(only) = tables.only() else { return Ok(()) };
    let listed = only.enumerate(usize::try_from(at_most).unwrap_or(usize::MAX))?;
    for path in &listed.paths {
        only.context.check()?;
        tables.write(path, &mut rows.tokens);
    }
    rows.summary.users_cut_short += u64::from(!listed.complete);
    Ok(())
}

/// The only pattern of a mixture, for quotas that need one.
fn only_pattern(mixture: &Mixture) -> Result<&Pattern> {
    match mixture.parts() {
        [only] => Ok(&only.pattern),
        parts => {
            let reason = format!("a quota for each end needs one pattern, and there are {}", parts.len());
            Err(Error::Usage { option: "paths-per-end", reason })
        }
    }
}

/// Shares out `total` among the users in proportion to their numbers of paths, in the order of the users.
fn proportional(sampler: &MixtureSampler, total: u64, context: &Context) -> Result<Vec<u64>> {
    let users: Vec<u32> = sampler.starts().nodes().collect();
    let mut counts = vec![0u128; users.len()];
    for part in sampler.samplers() {
        let of_part = part.counts_of(&users, context)?;
        counts.iter_mut().zip(of_part).for_each(|(sum, count)| *sum += u128::from(count.paths));
    }
    Ok(share_out(&counts, total))
}

/// The next pieces, with about [`BATCH_PATHS`] paths.
fn batch(pieces: &mut impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut paths = 0;
    let mut batch = Vec::new();
    // Never empty while pieces are left: the first is taken before the size is looked at.
    for piece in pieces {
        paths += piece.paths();
        batch.push(piece);
        if paths >= BATCH_PATHS {
            break;
        }
    }
    batch
}
