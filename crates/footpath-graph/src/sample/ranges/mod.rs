//! The kernel for graphs far larger than the cache: many millions of walkers, hop after hop, range of nodes after range.
//!
//! What the walkers of [`super::kernel`] wait for is memory. Here each hop takes the walkers in the order of the rows they stand at,
//! so that rows, and neighbours of arcs, are still in a cache when they are needed again (as FlashMob does: Yang et al.,
//! SOSP 2021). Of a walker only a *record* is sorted, where it stands and the random number it has drawn; what it has met stays
//! behind, in columns that are in the order of the draws:
//!
//! ```text
//! column 0   start of draw 0, draw 1, draw 2, …             one code for each draw and hop
//! column 1   where its first hop led
//! records    those of range 0, those of range 1, …          row | number, 8 bytes (16 where hops are weighed)
//! ```
//!
//! A hop is two passes. (1) Range by range, each record is overwritten with the code of the hop it stands for, and the ranges of
//! the next hop are counted. (2) Walker by walker in the order of the draws, the code is fetched and noted in the next
//! column, and the next record appended to its range. Within a range records lie in the order of the draws, so the second
//! pass reads and writes every range from front to back, and nothing has to be said about whose record it is.
//!
//! Only first attempts are walked so. Whatever is out of the ordinary leaves no hop behind or is found when rows are written, and is
//! drawn from its beginning by the other kernel: dead ends, nodes that come again, ends that may not be, numbers that are
//! rejected. So the rows are those of the other kernel, to the byte.

mod levels;
mod passes;
mod rows;

use super::alias::Code;
use super::kernel::Form;
use super::layers::Layers;
use crate::error::Result;
use footpath_core::{HugeArray, Purpose, QuickStream, QuickStreams};
use levels::Levels;
use passes::{Onward, append, draw, fetch};
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of memory for all walkers.
const MAX_BYTES: usize = if cfg!(test) { 1 << 23 } else { 1 << 30 };

/// Some draws of each of some nodes, in order.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) users: Range<u32>,
    pub(super) numbers: Range<u64>,
}

/// The walks of some spans, and the memory to walk them with.
#[derive(Debug)]
pub(super) struct Walks<C> {
    streams: Vec<QuickStream>,
    columns: Vec<HugeArray<C>>,
    /// The records of this hop, and of the next.
    records: [HugeArray<u64>; 2],
    /// The first walker of each span, and the number of all.
    firsts: Vec<usize>,
}

/// Consecutive walkers for one thread.
struct Group<'g, C> {
    spans: &'g [Span],
    streams: &'g mut [QuickStream],
    columns: Vec<&'g mut [C]>,
}

impl<C: Code> Layers<C> {
    /// The most walkers that there is memory for; `None` for a pattern that this kernel does not know how to walk: where walkers go on in several states after the same number of hops.
    pub(super) fn max_walkers(&self, form: Form) -> Option<usize> {
        let levels = Levels::of(self, form.vocabulary)?;
        let of_each = size_of::<QuickStream>()
            + levels.arrivals.len() * size_of::<C>()
            + 2 * levels.num_words() * size_of::<u64>();
        Some(MAX_BYTES / of_each)
    }
}

impl<C: Code> Walks<C> {
    /// Memory for so many walkers on a pattern.
    ///
    /// # Errors
    /// [`footpath_core::Error::OutOfMemory`].
    pub(super) fn new(layers: &Layers<C>, form: Form, num_walkers: usize) -> Result<Self> {
        let levels = Levels::of(layers, form.vocabulary);
        let (columns, words) = levels.map_or((0, 0), |levels| (levels.arrivals.len(), levels.num_words()));
        let columns: footpath_core::Result<_> = (0..columns).map(|_| HugeArray::zeroed(num_walkers)).collect();
        let records = [HugeArray::zeroed(num_walkers * words)?, HugeArray::zeroed(num_walkers * words)?];
        Ok(Self { streams: Vec::new(), columns: columns?, records, firsts: Vec::new() })
    }

    /// The first walker of a span.
    pub(super) fn first(&self, span: usize) -> usize {
        self.firsts.get(span).copied().unwrap_or(0)
    }

    /// Walks the draws of all spans, with all threads of the pool; `live` says who has any. What there is no room for, or no time because
    /// of `stopped`, is left undrawn.
    pub(super) fn walk(
        &mut self,
        layers: &Layers<C>,
        form: Form,
        spans: &[Span],
        live: impl Fn(u32) -> bool + Sync,
        stopped: impl Fn() -> bool,
    ) {
        let Some(levels) = Levels::of(layers, form.vocabulary) else { return };
        self.number(spans, &live);
        let Self { streams, columns, records: [records, spare], firsts } = self;
        let mut groups = groups(spans, firsts, streams, columns);
        let (mut records, mut spare) = (&mut **records, &mut **spare);
        let mut counts = match levels.departures.first() {
            Some(first) if first.weighed => set_out::<C, 2>(&levels, form.seed, &mut groups, &live, records),
            Some(_) => set_out::<C, 1>(&levels, form.seed, &mut groups, &live, records),
            None => return,
        };
        for hop in 0..levels.departures.len() {
            if stopped() {
                return;
            }
            let weighed = |hop: usize| levels.departures.get(hop).is_some_and(|level| level.weighed);
            counts = match (weighed(hop), weighed(hop + 1)) {
                (false, false) => all_hop::<C, 1, 1>(&levels, hop, &mut groups, &counts, records, spare),
                (false, true) => all_hop::<C, 1, 2>(&levels, hop, &mut groups, &counts, records, spare),
                (true, false) => all_hop::<C, 2, 1>(&levels, hop, &mut groups, &counts, records, spare),
                (true, true) => all_hop::<C, 2, 2>(&levels, hop, &mut groups, &counts, records, spare),
            };
            (records, spare) = (spare, records);
        }
    }

    /// Counts the walkers of each span.
    fn number(&mut self, spans: &[Span], live: &(impl Fn(u32) -> bool + Sync)) {
        let walkers =
            |span: &Span| span.users.clone().filter(|&user| live(user)).count() * span.numbers.clone().count();
        let counts: Vec<usize> = spans.par_iter().map(walkers).collect();
        let mut all = 0;
        self.firsts.clear();
        self.firsts.push(0);
        self.firsts.extend(counts.iter().map(|count| {
            all += count;
            all
        }));
        self.streams.resize(all, QuickStream::default());
    }
}

/// Cuts the walkers into one group for each thread.
fn groups<'g, C: Code>(
    spans: &'g [Span],
    firsts: &[usize],
    mut streams: &'g mut [QuickStream],
    columns: &'g mut [HugeArray<C>],
) -> Vec<Group<'g, C>> {
    let num_groups = rayon::current_num_threads().min(spans.len()).max(1);
    let mut columns: Vec<&mut [C]> = columns.iter_mut().map(|column| &mut **column).collect();
    let all = streams.len();
    let (mut spans, mut before) = (spans, 0);
    let mut groups = Vec::with_capacity(num_groups);
    for group in 1..=num_groups {
        // The spans that end within the share of this group; the last takes what is left.
        let share = all * group / num_groups;
        let ends = firsts.get(before + 1..).unwrap_or_default();
        let taken = if group == num_groups { spans.len() } else { ends.partition_point(|&end| end <= share) };
        let (ours, rest) = spans.split_at(taken.min(spans.len()));
        let bound = |span: usize| firsts.get(span).copied().unwrap_or(all);
        let len = bound(before + ours.len()) - bound(before);
        (spans, before) = (rest, before + ours.len());
        groups.push(Group {
            spans: ours,
            streams: cut(&mut streams, len),
            columns: columns.iter_mut().map(|column| cut(column, len)).collect(),
        });
    }
    groups
}

/// Takes the first `len` elements off a slice.
fn cut<'a, T>(from: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let len = len.min(from.len());
    let (head, rest) = std::mem::take(from).split_at_mut(len);
    *from = rest;
    head
}

/// Numbers of records: of each group, by range.
type Counts = Vec<Vec<usize>>;

/// A buffer cut into the records of each range and within a range of each group: by range, then group.
fn cells<'b, const W: usize>(buffer: &'b mut [u64], counts: &Counts) -> Vec<&'b mut [[u64; W]]> {
    let mut rest: &mut [[u64; W]] = buffer.as_chunks_mut().0;
    let num_cells = counts.first().map_or(0, Vec::len);
    let lens = (0..num_cells).flat_map(|cell| counts.iter().map(move |of| of.get(cell).copied().unwrap_or(0)));
    lens.map(|len| cut(&mut rest, len)).collect()
}

/// The same, by group and then range.
fn by_group<T>(cells: Vec<T>, num_groups: usize) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = (0..num_groups).map(|_| Vec::new()).collect();
    let mut cells = cells.into_iter();
    loop {
        for group in &mut groups {
            let Some(cell) = cells.next() else { return groups };
            group.push(cell);
        }
    }
}

/// Where the records of each group start, by group and then range.
fn begins(counts: &Counts) -> Counts {
    let mut begins: Counts = counts.iter().map(|of| Vec::with_capacity(of.len())).collect();
    let mut next = 0;
    for cell in 0..counts.first().map_or(0, Vec::len) {
        for (of, begins) in counts.iter().zip(&mut begins) {
            begins.push(next);
            next += of.get(cell).copied().unwrap_or(0);
        }
    }
    begins
}

/// Takes up all draws: their streams, the column of their starts, and the records of their first hop.
fn set_out<C: Code, const W: usize>(
    levels: &Levels<'_, C>,
    seed: u64,
    groups: &mut [Group<'_, C>],
    live: &(impl Fn(u32) -> bool + Sync),
    records: &mut [u64],
) -> Counts {
    let (Some(level), Some(start)) = (levels.departures.first(), levels.arrivals.first()) else { return Vec::new() };
    let count = |group: &Group<'_, C>| {
        let mut counts = vec![0; level.num_cells];
        for span in group.spans {
            for user in span.users.clone().filter(|&user| live(user)) {
                if let Some(count) = counts.get_mut(level.cell(user)) {
                    *count += span.numbers.clone().count();
                }
            }
        }
        counts
    };
    let counts: Counts = groups.par_iter().map(count).collect();
    let free = by_group(cells::<W>(records, &counts), groups.len());
    groups.par_iter_mut().zip(free).for_each(|(group, mut free)| {
        let Some(column) = group.columns.first_mut() else { return };
        let mut places = group.streams.iter_mut().zip(column.iter_mut());
        for span in group.spans {
            for user in span.users.clone().filter(|&user| live(user)) {
                let (streams, cell) = (QuickStreams::new(seed, Purpose::SamplePath, user), level.cell(user));
                for number in span.numbers.clone() {
                    let Some((stream, code)) = places.next() else { return };
                    (*stream, *code) = (streams.draw(number), C::pack(user, 0, start.shift));
                    append::<W>(free.get_mut(cell), level.record(user, stream));
                }
            }
        }
    });
    counts
}

/// One hop of all walkers; the numbers of records of the next.
fn all_hop<C: Code, const R: usize, const W: usize>(
    levels: &Levels<'_, C>,
    hop: usize,
    groups: &mut [Group<'_, C>],
    counts: &Counts,
    records: &mut [u64],
    spare: &mut [u64],
) -> Counts {
    let onward = |hop: usize| {
        let (arrival, departure) = (levels.arrivals.get(hop)?, levels.departures.get(hop)?);
        Some(Onward { arrival, departure })
    };
    let Some(here) = onward(hop) else { return Vec::new() };
    let next = onward(hop + 1);
    let num_cells = next.as_ref().map_or(0, |next| next.departure.num_cells);
    let none = || vec![vec![0; num_cells]; groups.len()];
    let draw_cell = |mut counts: Counts, cell: &mut [&mut [[u64; R]]]| {
        for (records, counts) in cell.iter_mut().zip(&mut counts) {
            draw(here.departure, next.as_ref(), records, counts);
        }
        counts
    };
    let mut of_cells = cells::<R>(records, counts);
    let drawn = of_cells.par_chunks_mut(groups.len()).fold(none, draw_cell).reduce(none, add);
    let records: &[[u64; R]] = records.as_chunks().0;
    let free = by_group(cells::<W>(spare, &drawn), groups.len());
    groups.par_iter_mut().zip(begins(counts)).zip(free).for_each(|((group, mut from), mut free)| {
        let Group { columns, streams, .. } = group;
        let Some([column, into]) = columns.get_mut(hop..hop + 2) else { return };
        match &next {
            None => fetch(&here, column, into, records, &mut from, |_, _| {}),
            Some(next) => {
                let mut streams = streams.iter();
                fetch(&here, column, into, records, &mut from, |_, code| {
                    let stream = streams.next();
                    if let (Some((node, cell)), Some(stream)) = (next.at(code), stream) {
                        append::<W>(free.get_mut(cell), next.departure.record(node, stream));
                    }
                });
            }
        }
    });
    drawn
}

fn add(mut counts: Counts, others: Counts) -> Counts {
    for (of, others) in counts.iter_mut().zip(others) {
        of.iter_mut().zip(others).for_each(|(count, other)| *count += other);
    }
    counts
}
