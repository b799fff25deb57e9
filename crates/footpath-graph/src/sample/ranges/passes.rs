//! The two passes of a hop.

use super::super::alias::Code;
use super::super::layers::Row;
use super::levels::{Arrival, Departure, none};
use footpath_core::memory::prefetch;
use footpath_core::{scaled, scaled_by_half};

/// Records of one turn of the loops that draw hops. With 32 or 128 they take a tenth longer.
const BLOCK: usize = 64;
/// Words of a buffer that are asked for ahead of reading or writing them: the processor does not follow so many places by itself.
const AHEAD: usize = 12;

/// Where walks go on after a hop: how the codes are read, and what is drawn from next.
pub(super) struct Onward<'l, 'a, C: Code> {
    pub(super) arrival: &'l Arrival,
    pub(super) departure: &'l Departure<'a, C>,
}

impl<C: Code> Onward<'_, '_, C> {
    /// Node and range of the next hop, for walks that go on.
    #[inline]
    pub(super) fn at(&self, code: C) -> Option<(u32, usize)> {
        let node = self.arrival.onward(code)?;
        Some((node, self.departure.cell(node)))
    }
}

/// Draws the hops of the records of one range and puts the code of each in place of its record; counts the ranges that follow.
///
/// Reading is apart from computing, as in `kernel`: rows are asked for one turn of the loops ahead, arcs when they are chosen.
pub(super) fn draw<C: Code, const R: usize>(
    level: &Departure<'_, C>,
    onward: Option<&Onward<'_, '_, C>>,
    mut records: &mut [[u64; R]],
    counts: &mut [usize],
) {
    let (mut places, mut codes) = ([0; BLOCK], [none::<C>(); BLOCK]);
    while !records.is_empty() {
        records.iter().skip(BLOCK).take(BLOCK).for_each(|record| level.ask_row(record[0]));
        let block = records.split_at_mut(records.len().min(BLOCK));
        records = block.1;
        for (record, place) in block.0.iter_mut().zip(&mut places) {
            *place = level.choose(record);
        }
        for ((record, place), code) in block.0.iter().zip(&places).zip(&mut codes) {
            *code = level.pick(record, *place);
        }
        for (record, &code) in block.0.iter_mut().zip(&codes) {
            record[0] = code.word();
            let next = onward.and_then(|onward| onward.at(code)).and_then(|(_, cell)| counts.get_mut(cell));
            if let Some(count) = next {
                *count += 1;
            }
        }
    }
}

impl<C: Code> Departure<'_, C> {
    #[inline]
    fn ask_row(&self, record: u64) {
        let row = row_of(record);
        if self.weighed { prefetch(self.pairs, row) } else { prefetch(self.rows, row) }
    }

    /// Chooses an arc and asks for it; the number in the record becomes that which decides between the hops of a bucket. Where a
    /// number is rejected or not enough of it is known, there is no arc.
    #[inline]
    fn choose<const R: usize>(&self, record: &mut [u64; R]) -> usize {
        let row = row_of(record[0]);
        let [word, capacity] = match R {
            1 => [self.rows.get(row).copied().unwrap_or_default(), 0],
            _ => self.pairs.get(row).copied().unwrap_or_default(),
        };
        let Row { first, len } = Row::of(word);
        #[expect(clippy::cast_possible_truncation, reason = "half a number; rows are shorter than 2^28")]
        let index = scaled_by_half((record[0] >> 32) as u32, len as u32);
        let mut place = index.map_or(usize::MAX, |index| first + index as usize);
        if let Some(coin) = record.get_mut(1) {
            // A capacity of 0 stands for 2^64.
            match if capacity == 0 { Some(*coin) } else { scaled(*coin, capacity) } {
                Some(below) => *coin = below,
                None => place = usize::MAX,
            }
            prefetch(self.buckets, place);
        } else {
            prefetch(self.arcs, place);
        }
        place
    }

    #[inline]
    fn pick<const R: usize>(&self, record: &[u64; R], place: usize) -> C {
        let code = match record.get(1) {
            Some(&coin) => self.buckets.get(place).map(|&words| C::bucket(words).at(coin)),
            None => self.arcs.get(place).copied(),
        };
        code.unwrap_or(none())
    }
}

#[inline]
fn row_of(record: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half on purpose")]
    {
        record as u32 as usize
    }
}

/// Goes over some walkers in the order of their draws and fetches what each has drawn: the records of a range lie in that order, so
/// each range is read from front to back. `from` is where the records of these walkers start in each range. `then` is told of every
/// walker's hop.
#[inline(always)]
pub(super) fn fetch<C: Code, const R: usize>(
    at: &Onward<'_, '_, C>,
    column: &[C],
    next: &mut [C],
    records: &[[u64; R]],
    from: &mut [usize],
    mut then: impl FnMut(usize, C),
) {
    for (walker, (&code, next)) in column.iter().zip(next).enumerate() {
        let cursor = at.at(code).and_then(|(_, cell)| from.get_mut(cell));
        let record = cursor.and_then(|cursor| {
            let record = records.get(*cursor);
            *cursor += 1;
            prefetch(records, *cursor + AHEAD / R);
            record
        });
        *next = record.map_or(none(), |record| C::of(record[0]));
        then(walker, *next);
    }
}

/// Appends a record to those of its range.
#[inline]
pub(super) fn append<const W: usize>(to: Option<&mut &mut [[u64; W]]>, record: [u64; W]) {
    let Some(free) = to else { return };
    if let Some((first, rest)) = std::mem::take(free).split_first_mut() {
        *first = record;
        prefetch(rest, AHEAD / W);
        *free = rest;
    }
}
