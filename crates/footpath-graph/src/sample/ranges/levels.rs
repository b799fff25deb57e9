//! A compiled pattern hop by hop, with its rows cut into ranges.

use super::super::alias::Code;
use super::super::layers::{Kind, Layer, Layers};
use footpath_core::{QuickStream, Vocabulary};

/// Ranges that the rows of a hop are cut into, at most: what belongs to one stays in the second cache while it is drawn from, and
/// so do the lines that each range is written to and read from next.
const MAX_CELLS: usize = 256;
/// Fewer rows make no range of their own.
const MIN_BITS: u32 = 6;
/// What a record has of its first number.
const UPPER: u64 = u64::MAX << 32;

/// The hops of a pattern in which all walkers that go on are in one state.
pub(super) struct Levels<'a, C: Code> {
    pub(super) departures: Vec<Departure<'a, C>>,
    /// What stands in each column: the starts, then where each hop led.
    pub(super) arrivals: Vec<Arrival>,
}

/// Where a hop starts.
pub(super) struct Departure<'a, C: Code> {
    pub(super) weighed: bool,
    first_node: u32,
    /// A range has so many rows, as a power of two.
    bits: u32,
    pub(super) num_cells: usize,
    pub(super) rows: &'a [u64],
    pub(super) pairs: &'a [[u64; 2]],
    pub(super) arcs: &'a [C],
    pub(super) buckets: &'a [C::Words],
    /// Numbers that a walk has drawn before this hop.
    used: u64,
}

/// How the codes of a column are read.
pub(super) struct Arrival {
    pub(super) shift: u32,
    /// The token of the relation of each class; stopping has none.
    pub(super) relations: Vec<u32>,
    /// Whether walks of a class go on.
    goes_on: Vec<bool>,
    /// Whether all do.
    pub(super) all_go_on: bool,
}

impl<'a, C: Code> Levels<'a, C> {
    /// `None` for a pattern that has walkers go on in several states after the same number of hops.
    pub(super) fn of(layers: &'a Layers<C>, vocabulary: Vocabulary) -> Option<Self> {
        let start = layers.layers.first()?;
        let mut arrivals = vec![Arrival::at_start(start.shift)];
        let mut departures = Vec::new();
        let (mut next, mut used) = (Some(start), 0);
        while let Some(layer) = next.filter(|layer| layer.kind != Kind::Terminal) {
            let departure = Departure::of(layer, used);
            used += if departure.weighed { 2 } else { 1 };
            departures.push(departure);
            arrivals.push(Arrival::of(layer, layers, vocabulary));
            next = only_state(layer, layers)?;
        }
        (!departures.is_empty()).then_some(Self { departures, arrivals })
    }

    /// Words of the longest record.
    pub(super) fn num_words(&self) -> usize {
        if self.departures.iter().any(|level| level.weighed) { 2 } else { 1 }
    }
}

/// The state in which walks go on from a layer: `Some(None)` if none does, `None` if there are several.
fn only_state<'l, C>(layer: &Layer<C>, layers: &'l Layers<C>) -> Option<Option<&'l Layer<C>>> {
    let next = |class: &super::super::layers::Class| layers.layers.get(class.next.index()).map(|to| (class.next, to));
    let mut going = layer.classes.iter().filter_map(next).filter(|(_, to)| to.kind != Kind::Terminal);
    let Some((state, to)) = going.next() else { return Some(None) };
    going.all(|(other, _)| other == state).then_some(Some(to))
}

impl<'a, C: Code> Departure<'a, C> {
    fn of(layer: &'a Layer<C>, used: u64) -> Self {
        let (rows, arcs, buckets) = (&**layer.rows, &**layer.arcs, C::buckets(&layer.buckets));
        let (weighed, pairs) = (layer.kind == Kind::Weighed, rows.as_chunks().0);
        let num_rows = if weighed { pairs.len() } else { rows.len() };
        let bits = num_rows.div_ceil(MAX_CELLS).next_power_of_two().trailing_zeros().max(MIN_BITS);
        let num_cells = num_rows.div_ceil(1 << bits);
        Self { weighed, first_node: layer.first_node, bits, num_cells, rows, pairs, arcs, buckets, used }
    }

    /// The range that the row of a node is in.
    #[inline]
    pub(super) fn cell(&self, node: u32) -> usize {
        (node.wrapping_sub(self.first_node) >> self.bits) as usize
    }

    /// What has to be known of a walker to draw its hop: its row, the upper half of the number that chooses an arc, and where hops
    /// are weighed the number that chooses between the two of a bucket.
    #[inline]
    pub(super) fn record<const W: usize>(&self, node: u32, stream: &QuickStream) -> [u64; W] {
        let row = u64::from(node.wrapping_sub(self.first_node));
        let mut record = [row | stream.number(self.used) & UPPER; W];
        if let Some(coin) = record.get_mut(1) {
            *coin = stream.number(self.used + 1);
        }
        record
    }
}

impl Arrival {
    /// The column of the starts, as if a hop had led there.
    fn at_start(shift: u32) -> Self {
        Self { shift, relations: Vec::new(), goes_on: vec![true], all_go_on: true }
    }

    fn of<C>(layer: &Layer<C>, layers: &Layers<C>, vocabulary: Vocabulary) -> Self {
        let kind = |class: &super::super::layers::Class| layers.layers.get(class.next.index()).map(|to| to.kind);
        let goes_on: Vec<bool> =
            layer.classes.iter().map(|class| kind(class).is_some_and(|kind| kind != Kind::Terminal)).collect();
        // Where hops are weighed walks may stop as well.
        let all_go_on = layer.kind == Kind::Uniform && goes_on.iter().all(|&on| on);
        let relations = layer.classes.iter().map(|class| vocabulary.relation(class.relation).0).collect();
        Self { shift: layer.shift, relations, goes_on, all_go_on }
    }

    /// The node where a walk goes on from, if it does.
    #[inline]
    pub(super) fn onward<C: Code>(&self, code: C) -> Option<u32> {
        let (node, class) = code.unpack(self.shift);
        let on = code != none() && (self.all_go_on || self.goes_on.get(class as usize) == Some(&true));
        on.then_some(node)
    }
}

/// Stands for a hop that was not drawn. No hop has this code: the number of nodes fits the bits of a node, so no node has them all set.
#[inline]
pub(super) fn none<C: Code>() -> C {
    C::of(u64::MAX)
}
