//! An index of the runs of every node, by which the arcs of any set of relations are found by counting bits.
//!
//! ```text
//! kinds    (relation, type of tail)     all that the graph has, ascending; a run is the arcs of a node of one kind
//! nodes    [mask u64, first u64]        by node: the kinds it has, a bit each; the number of its first run, and in the highest
//!                                       bit whether one of its arcs is a loop
//! starts   u32 [runs + 1], or u64       the arc each run begins with, which is one past the last of the run before; then four
//!                                       numbers greater than any, so that a look four numbers ahead needs no bound
//! ```
//!
//! A node's arcs are sorted by (relation, tail), and the nodes of a type are numbered back to back, so runs stand in the order of
//! their kinds: run number k of a node belongs to the k-th bit of its mask. For a set of kinds, too, bits; `mask & set` are the runs
//! that are wanted, and where the node has no unwanted run between two wanted ones, as is usual, their arcs are those from one
//! number in `starts` to another.
//!
//! There are 64 bits. In a graph with more kinds, kinds that follow one another share bits, so that each of the bits stands for
//! about as many runs; a set that has some of the kinds of a bit, not all, says of nodes with that bit only that they must be
//! looked at: see [`RunSet`].
//!
//! That is 16 bytes for a node and 4 for a run (8 past 2³² arcs).

#![expect(clippy::indexing_slicing, reason = "runs are numbered here, and the kinds of runs by the graph; hot loops")]

use super::TrainKg;
use crate::error::Result;
use footpath_core::arrays::Element;
use footpath_core::memory::prefetch;
use footpath_core::{HugeArray, NodeId, RelationId, TypeId};
use hashbrown::HashMap;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Bits of a mask.
const BITS: usize = 64;
/// Kinds of the relation of interactions, which have bits of their own: hardly a pattern treats them as it does facts.
const OF_INTERACTIONS: usize = 2;
/// Numbers of `starts` looked at together.
const AHEAD: usize = 4;
/// Nodes of one piece of parallel work.
const CHUNK: u32 = 1 << 13;
/// Marks the first run of a node with a loop.
const LOOP: u64 = 1 << 63;

/// What the arcs of a run have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKind {
    /// Their relation.
    pub relation: RelationId,
    /// Type of the nodes they lead to.
    pub tail: TypeId,
}

/// The runs of every node of a graph; see the module page.
#[derive(Debug)]
pub struct RunIndex {
    kinds: Vec<RunKind>,
    /// Of each bit, its first kind; then their number.
    first_kinds: Vec<usize>,
    nodes: HugeArray<u64>,
    starts: Starts,
}

/// Where runs begin, in numbers as narrow as they can be.
#[derive(Debug)]
enum Starts {
    Narrow(HugeArray<u32>),
    Wide(HugeArray<u64>),
}

/// A set of kinds, as far as bits can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSet {
    /// Bits all of whose kinds are in the set.
    pub whole: u64,
    /// Bits some of whose kinds are.
    pub part: u64,
}

/// The runs of one bit of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitRun {
    /// Which bit.
    pub bit: u32,
    /// Its arcs, by their numbers in the whole graph.
    pub arcs: Range<usize>,
}

impl RunIndex {
    /// Looks at every arc of a graph, in parallel.
    ///
    /// # Errors
    /// [`footpath_core::Error::OutOfMemory`].
    pub fn new(kg: &TrainKg) -> Result<Self> {
        if kg.num_arcs() < u32::MAX as usize {
            let (kinds, first_kinds, nodes, starts) = build(kg)?;
            return Ok(Self { kinds, first_kinds, nodes, starts: Starts::Narrow(starts) });
        }
        Self::wide(kg)
    }

    fn wide(kg: &TrainKg) -> Result<Self> {
        let (kinds, first_kinds, nodes, starts) = build(kg)?;
        Ok(Self { kinds, first_kinds, nodes, starts: Starts::Wide(starts) })
    }

    /// All kinds of runs that the graph has, ascending.
    #[must_use]
    pub fn kinds(&self) -> &[RunKind] {
        &self.kinds
    }

    /// The kinds that a bit stands for; of all but graphs with more than 64 kinds, one.
    #[must_use]
    pub fn kinds_of(&self, bit: u32) -> &[RunKind] {
        let bound = |bit: usize| self.first_kinds.get(bit).copied().unwrap_or(self.kinds.len());
        &self.kinds[bound(bit as usize)..bound(bit as usize + 1)]
    }

    /// Memory it takes, in bytes.
    #[must_use]
    pub fn num_bytes(&self) -> usize {
        let starts = match &self.starts {
            Starts::Narrow(starts) => size_of_val(&**starts),
            Starts::Wide(starts) => size_of_val(&**starts),
        };
        size_of_val(&*self.nodes) + starts
    }

    /// The kinds for which `is_in` holds.
    pub fn set(&self, is_in: impl Fn(RunKind) -> bool) -> RunSet {
        let mut set = RunSet::default();
        for bit in 0..BITS as u32 {
            let kinds = self.kinds_of(bit);
            let num_in = kinds.iter().filter(|kind| is_in(**kind)).count();
            set.whole |= u64::from(num_in > 0 && num_in == kinds.len()) << bit;
            set.part |= u64::from(num_in > 0 && num_in < kinds.len()) << bit;
        }
        set
    }

    /// The arcs of a node by bit, in order; none for a node out of range.
    pub fn runs(&self, node: NodeId) -> impl Iterator<Item = BitRun> + '_ {
        let line = self.line(node);
        let (mut mask, mut run) = (line.mask, line.first_run());
        std::iter::from_fn(move || {
            let bit = (mask != 0).then(|| mask.trailing_zeros())?;
            mask &= mask - 1;
            run += 1;
            Some(BitRun { bit, arcs: self.start(run - 1)..self.start(run) })
        })
    }

    /// The number of arcs of a node that belong to these bits.
    #[must_use]
    pub fn count(&self, node: NodeId, bits: u64) -> usize {
        let line = self.line(node);
        match self.look() {
            Looked::Narrow(runs) => runs.count(line, line.mask & bits),
            Looked::Wide(runs) => runs.count(line, line.mask & bits),
        }
    }

    /// Number `index` of the arcs of a node that belong to these bits, by its number in the whole graph, and its bit.
    #[must_use]
    pub fn arc(&self, node: NodeId, bits: u64, index: usize) -> Option<(usize, u32)> {
        if index >= self.count(node, bits) {
            return None;
        }
        let line = self.line(node);
        match self.look() {
            Looked::Narrow(runs) => runs.choose(line, line.mask & bits, |_| index),
            Looked::Wide(runs) => runs.choose(line, line.mask & bits, |_| index),
        }
    }

    fn line(&self, node: NodeId) -> Line {
        let [mask, first] = self.nodes.as_chunks().0.get(node.index()).copied().unwrap_or_default();
        Line { mask, first }
    }

    fn start(&self, run: usize) -> usize {
        match &self.starts {
            Starts::Narrow(starts) => starts[run].place(),
            Starts::Wide(starts) => starts[run].place(),
        }
    }

    /// What walkers look at.
    pub(crate) fn look(&self) -> Looked<'_> {
        let nodes = self.nodes.as_chunks().0;
        match &self.starts {
            Starts::Narrow(starts) => Looked::Narrow(Runs { nodes, starts }),
            Starts::Wide(starts) => Looked::Wide(Runs { nodes, starts }),
        }
    }
}

/// The tables in either width.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Looked<'a> {
    Narrow(Runs<'a, u32>),
    Wide(Runs<'a, u64>),
}

/// The number of an arc.
pub(crate) trait Place: Element + Copy + Ord {
    /// Greater than the number of any arc.
    const MAX: Self;
    fn of(place: u64) -> Self;
    fn place(self) -> usize;
}

impl Place for u32 {
    const MAX: Self = Self::MAX;
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "chosen where arcs fit")]
    fn of(place: u64) -> Self {
        place as Self
    }
    #[inline]
    fn place(self) -> usize {
        self as usize
    }
}

impl Place for u64 {
    const MAX: Self = Self::MAX;
    #[inline]
    fn of(place: u64) -> Self {
        place
    }
    #[inline]
    fn place(self) -> usize {
        self as usize
    }
}

/// The tables, read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs<'a, P> {
    nodes: &'a [[u64; 2]],
    starts: &'a [P],
}

/// Runs of a node that follow one another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stretch {
    run: usize,
    num: u32,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    pub(crate) mask: u64,
    /// Its first run, and whether it has a loop.
    pub(crate) first: u64,
}

impl Line {
    #[inline]
    pub(crate) fn has_loop(self) -> bool {
        self.first & LOOP != 0
    }

    #[inline]
    fn first_run(self) -> usize {
        (self.first & !LOOP) as usize
    }
}

impl<P: Place> Runs<'_, P> {
    /// Asks for the line of a node.
    #[inline]
    pub(crate) fn ask(&self, node: u32) {
        prefetch(self.nodes, node as usize);
    }

    /// Reads the line of a node.
    #[inline]
    pub(crate) fn line(&self, node: u32) -> Line {
        let [mask, first] = self.nodes.get(node as usize).copied().unwrap_or_default();
        Line { mask, first }
    }

    /// The wanted runs of a node, if none that is not wanted is between them; asks for where they begin.
    #[inline]
    pub(crate) fn stretch(&self, line: Line, wanted: u64) -> Option<Stretch> {
        let low = u64::MAX << (wanted.trailing_zeros() & 63);
        let upto = u64::MAX >> (wanted.leading_zeros() & 63);
        if line.mask & low & upto != wanted || wanted == 0 {
            return None;
        }
        let run = line.first_run() + (line.mask & !low).count_ones() as usize;
        let num = wanted.count_ones();
        prefetch(self.starts, run);
        prefetch(self.starts, run + num as usize);
        Some(Stretch { run, num })
    }

    /// The first arc of a stretch and one past its last.
    #[inline]
    pub(crate) fn arcs(&self, stretch: Stretch) -> Range<usize> {
        self.starts[stretch.run].place()..self.starts[stretch.run + stretch.num as usize].place()
    }

    /// The bit of an arc of the stretch of the wanted runs.
    #[inline]
    pub(crate) fn bit(&self, stretch: Stretch, wanted: u64, arc: usize) -> u32 {
        match stretch.num {
            1 => wanted.trailing_zeros(),
            _ => select(wanted, self.runs_before(stretch.run, arc) as u32),
        }
    }

    /// The number of arcs of the wanted runs of a node.
    fn count(&self, line: Line, wanted: u64) -> usize {
        stretches(line.mask, wanted).map(|runs| self.len(line.first_run(), &runs)).sum()
    }

    fn len(&self, first: usize, runs: &Range<usize>) -> usize {
        self.starts[first + runs.end].place() - self.starts[first + runs.start].place()
    }

    /// One of the arcs of the wanted runs of a node, which `index` chooses by their number, with its bit; `None` if there is none.
    pub(crate) fn choose(&self, line: Line, wanted: u64, index: impl FnOnce(usize) -> usize) -> Option<(usize, u32)> {
        let (first, len) = (line.first_run(), self.count(line, wanted));
        let mut index = (len > 0).then(|| index(len))?;
        for runs in stretches(line.mask, wanted) {
            let len = self.len(first, &runs);
            if index < len {
                let arc = self.starts[first + runs.start].place() + index;
                let number = runs.start + self.runs_before(first + runs.start, arc);
                return Some((arc, select(line.mask, number as u32)));
            }
            index -= len;
        }
        None
    }

    /// How many runs from this one on end before an arc.
    #[inline(always)]
    fn runs_before(&self, run: usize, arc: usize) -> usize {
        let arc = P::of(arc as u64);
        let mut before = 0;
        while let Some(starts) = self.starts[run + before + 1..].first_chunk::<AHEAD>() {
            // A sum without branches. What is past the node's own runs begins later than any of its arcs.
            let passed: u32 = starts.iter().map(|&start| u32::from(start <= arc)).sum();
            before += passed as usize;
            if (passed as usize) < AHEAD {
                break;
            }
        }
        before
    }
}

/// The wanted runs of a node, those without an unwanted one between them together, by their numbers among its runs.
fn stretches(mask: u64, mut wanted: u64) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let low = (wanted != 0).then(|| wanted.trailing_zeros())?;
        let start = (mask & !(u64::MAX << low)).count_ones() as usize;
        // Up to the next unwanted run.
        let unwanted = mask & !wanted & (u64::MAX << low);
        let within = if unwanted == 0 { u64::MAX } else { !(u64::MAX << unwanted.trailing_zeros()) };
        let len = (wanted & within).count_ones() as usize;
        wanted &= !within;
        Some(start..start + len)
    })
}

/// The place of bit number `rank`, from 0, of those that are set (Vigna, "Broadword implementation of rank/select queries", WEA 2008).
#[inline]
fn select(word: u64, rank: u32) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let pairs = word - (word >> 1 & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
    // Byte i: the bits set in bytes 0 to i.
    let sums = ((nibbles + (nibbles >> 4)) & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(ONES);
    // The byte is the first whose sum is above the rank.
    let not_above = ((u64::from(rank).wrapping_mul(ONES) | ONES << 7) - sums) >> 7 & ONES;
    let shift = (not_above.wrapping_mul(ONES) >> 56) as u32 * 8;
    let before = ((sums << 8) >> (shift & 63)) as u32 & 0xFF;
    let byte = (word >> (shift & 63)) as usize & 0xFF;
    shift + u32::from(IN_BYTE[(rank - before) as usize & 7][byte])
}

/// By rank and byte, the place of that bit; 0 where there is none.
static IN_BYTE: [[u8; 256]; 8] = in_byte();

const fn in_byte() -> [[u8; 256]; 8] {
    let mut table = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut rank) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[rank][byte] = bit as u8;
                rank += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// The runs of some nodes, in order.
struct Piece {
    /// Kind and number of arcs of each.
    runs: Vec<(RunKind, u32)>,
    /// Of each node how many runs it has, and whether it has a loop.
    nodes: Vec<(u32, bool)>,
    /// How many runs there are of each kind.
    kinds: Vec<(RunKind, u64)>,
    /// The first arc.
    first: usize,
}

impl Piece {
    #[expect(clippy::cast_possible_truncation, reason = "a run has each node at most once")]
    fn new(kg: &TrainKg, nodes: Range<u32>) -> Self {
        let first = kg.arcs(NodeId(nodes.start)).first;
        let mut piece = Self { runs: Vec::new(), nodes: Vec::with_capacity(nodes.len()), kinds: Vec::new(), first };
        for node in nodes.map(NodeId) {
            let (before, own) = (piece.runs.len(), kg.type_of(node));
            let mut has_loop = false;
            for (kind, tails) in kg.runs_by_type(node) {
                piece.runs.push((kind, tails.len() as u32));
                has_loop |= kind.tail == own && tails.binary_search(&node.0).is_ok();
            }
            piece.nodes.push(((piece.runs.len() - before) as u32, has_loop));
        }
        let mut kinds = HashMap::new();
        piece.runs.iter().for_each(|(kind, _)| *kinds.entry(*kind).or_default() += 1);
        piece.kinds = kinds.into_iter().collect();
        piece
    }

    /// The lines of the nodes, first runs counted from that of the piece, and where runs begin. Runs of one bit become one.
    fn lay<P: Place>(self, bits: &HashMap<RunKind, u32>) -> (Vec<u64>, Vec<P>) {
        let (mut lines, mut starts) = (Vec::with_capacity(2 * self.nodes.len()), Vec::with_capacity(self.runs.len()));
        let (mut place, mut runs) = (self.first as u64, self.runs.as_slice());
        for (len, has_loop) in self.nodes {
            let (mut mask, first) = (0, starts.len() as u64);
            let of_node;
            (of_node, runs) = runs.split_at(len as usize);
            for (kind, len) in of_node {
                let bit = 1u64 << bits.get(kind).copied().unwrap_or(0);
                if mask & bit == 0 {
                    starts.push(P::of(place));
                }
                mask |= bit;
                place += u64::from(*len);
            }
            lines.extend([mask, if has_loop { first | LOOP } else { first }]);
        }
        (lines, starts)
    }
}

/// Kinds, the first of each bit, the lines of nodes, and where runs begin.
type Tables<P> = (Vec<RunKind>, Vec<usize>, HugeArray<u64>, HugeArray<P>);

fn build<P: Place>(kg: &TrainKg) -> Result<Tables<P>> {
    let num_nodes = u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
    let chunks = (0..num_nodes.div_ceil(CHUNK)).into_par_iter();
    let nodes = |chunk: u32| chunk * CHUNK..num_nodes.min((chunk + 1).saturating_mul(CHUNK));
    let pieces: Vec<Piece> = chunks.map(|chunk| Piece::new(kg, nodes(chunk))).collect();
    let mut counts: BTreeMap<RunKind, u64> = BTreeMap::new();
    pieces.iter().flat_map(|piece| &piece.kinds).for_each(|(kind, runs)| *counts.entry(*kind).or_default() += runs);
    let shares = share_bits(counts.values().copied());
    let bits: HashMap<RunKind, u32> = counts.keys().copied().zip(shares.iter().copied()).collect();
    let laid: Vec<(Vec<u64>, Vec<P>)> = pieces.into_par_iter().map(|piece| piece.lay(&bits)).collect();
    let (mut lines, mut starts): (Vec<Vec<u64>>, Vec<Vec<P>>) = laid.into_iter().unzip();
    let mut before = 0;
    for (lines, starts) in lines.iter_mut().zip(&starts) {
        lines.iter_mut().skip(1).step_by(2).for_each(|first| *first += before);
        before += starts.len() as u64;
    }
    starts.push(vec![P::of(kg.num_arcs() as u64)]);
    starts.push(vec![P::MAX; AHEAD]);
    let first_kinds = (0..=BITS as u32).map(|bit| shares.partition_point(|&of| of < bit)).collect();
    Ok((counts.into_keys().collect(), first_kinds, HugeArray::concat(&lines)?, HugeArray::concat(&starts)?))
}

/// A bit for each kind, given their numbers of runs: ascending, and so that the bits stand for about as many runs where there are
/// too many kinds for each to have its own.
#[expect(clippy::cast_possible_truncation, reason = "below 64")]
fn share_bits(runs: impl ExactSizeIterator<Item = u64> + Clone) -> Vec<u32> {
    if runs.len() <= BITS {
        return (0..runs.len() as u32).collect();
    }
    let rest = || runs.clone().skip(OF_INTERACTIONS);
    let (total, shared) = (rest().map(u128::from).sum::<u128>().max(1), (BITS - OF_INTERACTIONS) as u128);
    let mut before = 0;
    let of_rest = rest().map(|runs| {
        let bit = before * shared / total;
        before += u128::from(runs);
        OF_INTERACTIONS as u32 + bit as u32
    });
    (0..OF_INTERACTIONS as u32).chain(of_rest).collect()
}

#[cfg(test)]
mod tests;
