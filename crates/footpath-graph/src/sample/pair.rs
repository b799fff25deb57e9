//! Drawing paths from a user to one item.
//!
//! The law is that of the sampler given the end: a path weighs `w`, whatever the end set says. An attempt draws one of
//! the walks that never turn straight back, exactly in proportion to its weight; a walk that is not simple is thrown
//! away whole, and where that happens too often the legal paths are listed and drawn from. See the page of the tables
//! for why the law stays the same.

use super::dag::Scratch;
use super::enumerate::visit;
use super::sampler::Sampler;
use super::table::Table;
use super::tables::{MAX_ATTEMPTS, MAX_LAST_ATTEMPTS, MAX_LIST_STEPS, MAX_LISTED};
use crate::error::Result;
use footpath_core::{Context, NodeId, Path, Purpose, QuickStream};
use std::sync::OnceLock;

/// Draws the paths between a user and an item; see [`Sampler::pair`].
#[derive(Debug)]
pub struct PairTables<'s> {
    sampler: &'s Sampler,
    context: &'s Context,
    user: NodeId,
    item: NodeId,
    table: Table,
    /// All legal paths with the sums of their weights up to and including each; `None` where there are too many to
    /// list.
    listed: OnceLock<Option<Vec<(Path, f64)>>>,
}

impl Sampler {
    /// The tables to draw the paths from a user to an item with, by the sampler's law given the end; the end set does
    /// not matter, nor does the order of times. A path that goes to the item at once is no path here, for it would
    /// explain the item by itself.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`], also of every draw.
    pub fn pair<'s>(
        &'s self,
        user: NodeId,
        item: NodeId,
        scratch: &mut Scratch,
        context: &'s Context,
    ) -> Result<PairTables<'s>> {
        let table = self.pair_table(user, item, scratch, context)?;
        Ok(PairTables { sampler: self, context, user, item, table, listed: OnceLock::new() })
    }
}

impl PairTables<'_> {
    /// Draws path number `draw`, a function of the sampler's seed, the user, the item and that number; `None` when
    /// there is no legal path.
    ///
    /// Also `None`, in graphs made for the purpose, when hardly any of millions of walks is simple and 100,000 of them
    /// were drawn in vain.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn draw(&self, draw: u32) -> Result<Option<Path>> {
        self.context.check()?;
        if !self.table.has_walks(0) {
            return Ok(None);
        }
        let number = u64::from(self.item.0) << 32 | u64::from(draw);
        let seed = self.sampler.law.spec.seed;
        let mut stream = QuickStream::new(seed, Purpose::PairPath, self.user.0, number);
        let mut path = Path::default();
        let mut attempt = |stream: &mut QuickStream| self.table.attempt(0, stream, &mut path).then(|| path.clone());
        if let Some(found) = (0..MAX_ATTEMPTS).find_map(|_| attempt(&mut stream)) {
            return Ok(Some(found));
        }
        Ok(match self.listed()? {
            Some(paths) => choose(paths, &mut stream),
            None => (0..MAX_LAST_ATTEMPTS).find_map(|_| attempt(&mut stream)),
        })
    }

    fn listed(&self) -> Result<Option<&[(Path, f64)]>> {
        if let Some(listed) = self.listed.get() {
            return Ok(listed.as_deref());
        }
        let law = &self.sampler.law;
        let mut paths: Vec<(Path, f64)> = Vec::new();
        let mut sum = 0.0;
        let complete = visit(&self.table.dag, law.spec.simple, MAX_LIST_STEPS, self.context, |path| {
            sum += law.factors.weight(&law.kg, law.automaton(), path);
            paths.push((path.clone(), sum));
            paths.len() <= MAX_LISTED
        })?;
        Ok(self.listed.get_or_init(|| complete.then_some(paths)).as_deref())
    }
}

/// One of the paths in proportion to its weight.
fn choose(paths: &[(Path, f64)], stream: &mut QuickStream) -> Option<Path> {
    let (last, total) = paths.last()?;
    let drawn = stream.unit() * total;
    let chosen = paths.get(paths.partition_point(|(_, sum)| *sum <= drawn));
    Some(chosen.map_or(last, |(path, _)| path).clone())
}
