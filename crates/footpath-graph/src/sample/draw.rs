//! Drawing some paths of some users: with many walkers at once where the pattern is compiled, else user by user.

use super::kernel::{Draw, Form, LANES};
use super::shared::SharedWalks;
use super::tables::Drawn;
use super::{MixtureSampler, SampleSummary, Scratch};
use crate::error::Result;
use footpath_core::{NodeId, Path};
use std::ops::Range;

/// The walks of the only pattern and which of them come first, where they were drawn by ranges.
pub(super) type Walked<'a> = (&'a SharedWalks, usize);

/// Rows of tokens, and what came of drawing them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) tokens: Vec<u32>,
    pub(super) summary: SampleSummary,
}

impl MixtureSampler<'_> {
    /// The rows of tokens of these draws of each of these nodes, one after the other; one who has no path has no row.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] when a node is no start.
    pub fn rows(&self, users: Range<u32>, draws: Range<u64>, scratch: &mut Scratch) -> Result<Vec<u32>> {
        let mut rows = Rows::default();
        self.draw(&users, draws, None, scratch, &mut rows)?;
        Ok(rows.tokens)
    }

    /// Draws that do not know of each other.
    pub(super) fn draw(
        &self,
        users: &Range<u32>,
        draws: Range<u64>,
        walked: Option<Walked<'_>>,
        scratch: &mut Scratch,
        rows: &mut Rows,
    ) -> Result<()> {
        if self.is_compiled() {
            let places = self.draw_together(users, draws.clone(), walked, scratch, rows)?;
            let with = places.chunk_by(|a, b| a == b).count() as u64;
            if draws.start == 0 {
                rows.summary.users_with_paths += with;
                rows.summary.users_without_paths += users.len() as u64 - with;
            }
            return Ok(());
        }
        for user in users.clone().map(NodeId) {
            let tables = self.tables(user, scratch)?;
            let mut path = Path::default();
            let mut any = true;
            for draw in draws.clone() {
                match tables.append(draw, &mut path, &mut rows.tokens) {
                    Drawn::Path => {}
                    Drawn::GivenUp => rows.summary.given_up += 1,
                    Drawn::NoPath => {
                        any = false;
                        break;
                    }
                }
            }
            if draws.start == 0 {
                rows.summary.count_user(any);
            }
        }
        Ok(())
    }

    /// Draws with many walkers at once, if they have not been `walked` yet; the user of each row.
    pub(super) fn draw_together(
        &self,
        users: &Range<u32>,
        draws: Range<u64>,
        walked: Option<Walked<'_>>,
        scratch: &mut Scratch,
        rows: &mut Rows,
    ) -> Result<Vec<u32>> {
        let width = self.row_width();
        let live: Vec<u32> = users.clone().filter(|&user| self.may_have_paths(NodeId(user))).collect();
        let mut owners = Vec::new();
        for &user in &live {
            owners.resize(owners.len() + draws.clone().count(), user);
        }
        rows.tokens.resize(owners.len() * width, 0);
        let mut failed = Vec::new();
        let single = self.samplers().len() == 1;
        for (part, sampler) in self.samplers().iter().enumerate() {
            let Some(shared) = &sampler.shared else { continue };
            let form = Form { width, ..sampler.form() };
            let all = Draws { starts: live.iter(), draws: &draws, start: 0, numbers: 0..0, place: 0 };
            let ours = |draw: &Draw| single || self.part(NodeId(draw.start), draw.number) == Some(part);
            let drawn = match walked {
                Some(walked) => shared.write(walked, sampler, form, all, &mut rows.tokens),
                None => shared.run::<LANES>(sampler, form, all.filter(ours), &mut rows.tokens),
            };
            failed.extend(drawn.failed);
        }
        failed.sort_unstable_by_key(|draw| draw.place);
        self.draw_slowly(&failed, scratch, rows, &mut owners)?;
        Ok(owners)
    }

    /// What the walkers gave up, one by one; rows that stay empty are taken out.
    fn draw_slowly(
        &self,
        failed: &[Draw],
        scratch: &mut Scratch,
        rows: &mut Rows,
        owners: &mut Vec<u32>,
    ) -> Result<()> {
        let width = self.row_width();
        let mut empty = vec![false; if failed.is_empty() { 0 } else { owners.len() }];
        let (mut path, mut row) = (Path::default(), Vec::new());
        for draws in failed.chunk_by(|a, b| a.start == b.start) {
            let Some(user) = draws.first().map(|draw| NodeId(draw.start)) else { continue };
            let tables = self.tables(user, scratch)?;
            for draw in draws {
                row.clear();
                let drawn = tables.append(draw.number, &mut path, &mut row);
                rows.summary.given_up += u64::from(drawn == Drawn::GivenUp);
                let place = rows.tokens.get_mut(draw.place * width..(draw.place + 1) * width);
                match place {
                    Some(place) if drawn == Drawn::Path => place.copy_from_slice(&row),
                    _ => empty.iter_mut().skip(draw.place).take(1).for_each(|flag| *flag = true),
                }
            }
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

impl SampleSummary {
    pub(super) fn count_user(&mut self, has_paths: bool) {
        self.users_with_paths += u64::from(has_paths);
        self.users_without_paths += u64::from(!has_paths);
    }
}
