//! Paths of a user that are all different.
//!
//! Draws 0, 1, 2, … by the law, leaving out what came before, are successive sampling. What has been drawn says nothing
//! about the order of the rest, so a list of the paths left over may take its place at any time: there each path gets
//! an exponential time with its probability as the rate, and the earliest come first (Efraimidis and Spirakis 2006).

use super::mix::MixtureTables;
use super::tables::Drawn;
use crate::error::Result;
use footpath_core::{Path, Purpose, QuickStream};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::ops::Range;

/// Rows that are all different, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    width: usize,
    pub(super) tokens: Vec<u32>,
    numbers: HashTable<usize>,
}

/// A number of mixed bits for a row; equal rows are told apart by comparing them.
fn hash(row: &[u32]) -> u64 {
    row.iter()
        .fold(0, |hash: u64, &token| (hash ^ u64::from(token)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
}

impl Distinct {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.numbers.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len() / self.width
    }

    /// Adds a row unless it is there.
    pub(super) fn add(&mut self, row: &[u32]) {
        let Self { width, tokens, numbers } = self;
        let at = |number: usize| tokens.get(number * *width..(number + 1) * *width).unwrap_or_default();
        if let Entry::Vacant(new) = numbers.entry(hash(row), |&number| at(number) == row, |&number| hash(at(number))) {
            new.insert(tokens.len() / *width);
            tokens.extend_from_slice(row);
        }
    }

    /// Goes on until there are `quota` rows or no more paths; draws up to `from` have been added. Returns how many are
    /// missing although there are, or may be, more paths.
    pub(super) fn complete(&mut self, tables: &MixtureTables<'_>, quota: u64, from: u64) -> Result<u64> {
        let missing = |rows: &Self| quota - (rows.len() as u64).min(quota);
        // Cheap as long as most paths are new, which is so unless the user has few.
        if !self.draw(tables, quota, from..from + 2 * quota)? || missing(self) == 0 {
            return Ok(0);
        }
        let limit = usize::try_from(8 * quota).unwrap_or(usize::MAX).max(MIN_LISTED);
        if let Some(listed) = tables.weighed(limit)? {
            self.fill(tables, listed, quota);
            return Ok(0);
        }
        self.draw(tables, quota, from + 2 * quota..from + 2 * quota + MAX_DRAWS_A_PATH * quota)?;
        Ok(missing(self))
    }

    /// Draws until there are enough; false when the user has no path.
    fn draw(&mut self, tables: &MixtureTables<'_>, quota: u64, draws: Range<u64>) -> Result<bool> {
        let (mut path, mut row) = (Path::default(), Vec::new());
        for draw in draws {
            if self.len() as u64 >= quota {
                break;
            }
            row.clear();
            match tables.append(draw, &mut path, &mut row)? {
                Drawn::Path => self.add(&row),
                Drawn::GivenUp => {}
                Drawn::NoPath => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Fills up from the list of all paths.
    fn fill(&mut self, tables: &MixtureTables<'_>, listed: Vec<(Path, f64)>, quota: u64) {
        let mut stream = QuickStream::new(tables.seed(), Purpose::SampleDistinct, tables.user().0, 0);
        // The time of a path does not depend on whether it has been drawn before, but is no use then.
        let mut timed: Vec<(f64, Path)> =
            listed.into_iter().map(|(path, rate)| (-(1.0 - stream.unit()).ln() / rate, path)).collect();
        timed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut row = Vec::new();
        for (_, path) in timed {
            if self.len() as u64 >= quota {
                break;
            }
            row.clear();
            tables.write(&path, &mut row);
            self.add(&row);
        }
    }
}

/// The list of all paths is tried at least up to this many.
const MIN_LISTED: usize = 10_000;
/// Draws for each path asked for, before a user who has more paths than can be listed gets fewer.
const MAX_DRAWS_A_PATH: u64 = 64;
