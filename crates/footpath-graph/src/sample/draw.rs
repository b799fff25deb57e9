//! Drawing some paths of some users: with many walkers at once where the pattern is compiled, else user by user.

use super::dag::Scratch;
use super::kernel::{Draw, LANES, RowForm};
use super::mix::MixtureSampler;
use super::rows::Rows;
use super::tables::Drawn;
use crate::error::Result;
use footpath_core::{Context, NodeId, Path};
use std::ops::Range;

impl MixtureSampler {
    /// The rows of tokens of these draws of each of these nodes, one after the other; one who has no path has no row.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] when a node is no start; [`footpath_core::Error::Stopped`].
    pub fn rows(
        &self,
        users: Range<u32>,
        draws: Range<u64>,
        scratch: &mut Scratch,
        context: &Context,
    ) -> Result<Vec<u32>> {
        let mut rows = Rows::default();
        self.draw(&users.collect::<Vec<u32>>(), draws, scratch, &mut rows, context)?;
        Ok(rows.tokens)
    }

    /// Draws that do not know of each other.
    pub(super) fn draw(
        &self,
        users: &[u32],
        draws: Range<u64>,
        scratch: &mut Scratch,
        rows: &mut Rows,
        context: &Context,
    ) -> Result<()> {
        if self.is_compiled() {
            let places = self.draw_together(users, draws.clone(), scratch, rows, context)?;
            let with = places.chunk_by(|a, b| a == b).count() as u64;
            if draws.start == 0 {
                rows.summary.users_with_paths += with;
                rows.summary.users_without_paths += users.len() as u64 - with;
            }
            return Ok(());
        }
        for user in users.iter().copied().map(NodeId) {
            let tables = self.tables(user, scratch, context)?;
            let mut path = Path::default();
            let mut any = true;
            for draw in draws.clone() {
                match tables.append(draw, &mut path, &mut rows.tokens)? {
                    Drawn::Path => {}
                    Drawn::GivenUp => rows.summary.given_up += 1,
                    Drawn::NoPath => {
                        any = false;
                        break;
                    }
                }
            }
            rows.summary.rounded |= tables.is_rounded();
            if draws.start == 0 {
                rows.summary.count_user(any);
            }
        }
        Ok(())
    }

    /// Draws with many walkers at once; the user of each row.
    pub(super) fn draw_together(
        &self,
        users: &[u32],
        draws: Range<u64>,
        scratch: &mut Scratch,
        rows: &mut Rows,
        context: &Context,
    ) -> Result<Vec<u32>> {
        let width = self.row_width();
        let live: Vec<u32> = users.iter().copied().filter(|&user| self.may_have_paths(NodeId(user))).collect();
        let mut owners = Vec::new();
        for &user in &live {
            owners.resize(owners.len() + draws.clone().count(), user);
        }
        rows.tokens.resize(owners.len() * width, 0);
        let mut failed = Vec::new();
        let single = self.samplers().len() == 1;
        for (part, sampler) in self.samplers().iter().enumerate() {
            let Some(shared) = &sampler.shared else { continue };
            let form = RowForm { width, ..sampler.law.form() };
            let all = Draws { starts: live.iter(), draws: &draws, start: 0, numbers: 0..0, place: 0 };
            let ours = |draw: &Draw| single || self.part(NodeId(draw.start), draw.number) == Some(part);
            let walked = shared.run::<LANES>(&sampler.law, form, all.filter(ours), &mut rows.tokens, context)?;
            failed.extend(walked.failed);
        }
        failed.sort_unstable_by_key(|draw| draw.place);
        self.draw_slowly(&failed, scratch, rows, &mut owners, context)?;
        Ok(owners)
    }

    /// What the walkers gave up, one by one; rows that stay empty are taken out.
    fn draw_slowly(
        &self,
        failed: &[Draw],
        scratch: &mut Scratch,
        rows: &mut Rows,
        owners: &mut Vec<u32>,
        context: &Context,
    ) -> Result<()> {
        let width = self.row_width();
        let mut empty = vec![false; if failed.is_empty() { 0 } else { owners.len() }];
        let (mut path, mut row) = (Path::default(), Vec::new());
        for draws in failed.chunk_by(|a, b| a.start == b.start) {
            let Some(user) = draws.first().map(|draw| NodeId(draw.start)) else { continue };
            let tables = self.tables(user, scratch, context)?;
            for draw in draws {
                row.clear();
                let drawn = tables.append(draw.number, &mut path, &mut row)?;
                rows.summary.given_up += u64::from(drawn == Drawn::GivenUp);
                let place = rows.tokens.get_mut(draw.place * width..(draw.place + 1) * width);
                match place {
                    Some(place) if drawn == Drawn::Path => place.copy_from_slice(&row),
                    _ => empty.iter_mut().skip(draw.place).take(1).for_each(|flag| *flag = true),
                }
            }
            rows.summary.rounded |= tables.is_rounded();
        }
        if empty.iter().any(|&flag| flag) {
            let keep = |index: usize| empty.get(index) != Some(&true);
            let kept = rows.tokens.chunks_exact(width).enumerate().filter(|(index, _)| keep(*index));
            rows.tokens = kept.flat_map(|(_, row)| row).copied().collect();
            let mut index = 0;
            owners.retain(|_| {
                index += 1;
                keep(index - 1)
            });
        }
        Ok(())
    }
}

/// The same draws of each of some nodes, in order of their places.
struct Draws<'a> {
    starts: std::slice::Iter<'a, u32>,
    draws: &'a Range<u64>,
    /// The node whose draws come next, and which of them are left.
    start: u32,
    numbers: Range<u64>,
    place: usize,
}

impl Iterator for Draws<'_> {
    type Item = Draw;

    #[inline]
    fn next(&mut self) -> Option<Draw> {
        loop {
            if let Some(number) = self.numbers.next() {
                let place = self.place;
                self.place += 1;
                return Some(Draw { start: self.start, number, place });
            }
            self.start = *self.starts.next()?;
            self.numbers = self.draws.clone();
        }
    }
}
