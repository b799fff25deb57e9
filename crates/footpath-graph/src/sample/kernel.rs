//! The hot loop: many walkers at once on a compiled pattern.
//!
//! Each hop of a walk waits for two random reads: the row of a node, and an arc (or bucket) of the row. A walker asks
//! for the line of its next read and gives way; by the time it is its turn again the line is there. [`LANES`] walkers
//! keep as many reads on their way, and a walker that is done takes up the next draw at once.
//!
//! The law does not depend on the order of all this: draw k of user u has a stream of its own and a place of its own.

#![expect(clippy::indexing_slicing, reason = "layers, rows and places are numbered here; the hot loop")]

use super::alias::{Code, below_capacity, weights_of};
use super::layers::{Kind, Layer, Layers, Row};
use crate::pattern::MAX_HOPS;
use footpath_core::memory::prefetch;
use footpath_core::{NodeId, Purpose, QuickStream, RelationId, Vocabulary};

/// Walkers at once, where there is more than one path to draw.
pub(super) const LANES: usize = 64;
/// Attempts of a draw before it is left to slower means.
pub(super) const MAX_ATTEMPTS: u32 = 64;
/// Hops drawn again because they led straight back, before the row is gone through.
const MAX_REDRAWS: u32 = 32;
const MAX_NODES: usize = MAX_HOPS as usize + 1;

/// A path to draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    /// The node it starts at.
    pub(super) start: u32,
    /// Its number among the draws of that node.
    pub(super) number: u64,
    /// The place of its row.
    pub(super) place: usize,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// The draws that [`MAX_ATTEMPTS`] attempts were not enough for, by place.
    pub(super) failed: Vec<Draw>,
    /// Walks begun.
    pub(super) attempts: u64,
}

/// How walks become rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) seed: u64,
    /// Whether a walk that meets a node again is given up.
    pub(super) simple: bool,
    pub(super) vocabulary: Vocabulary,
    /// Tokens of a row.
    pub(super) width: usize,
}

/// What a walker does when it is its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Done,
    /// The row of its node is there.
    Row,
    /// The arc it has chosen is there.
    Arc,
}

#[derive(Clone, Copy, Debug, Default)]
struct Walker {
    stream: QuickStream,
    stage: Stage,
    state: u16,
    hops: usize,
    attempts: u32,
    redraws: u32,
    arc: usize,
    row: Row,
    number: u64,
    place: usize,
    nodes: [u32; MAX_NODES],
    relations: [u16; MAX_NODES],
}

/// What came of a look at an arc.
enum Step {
    On,
    End,
    Again,
    GiveUp,
}

impl<C: Code> Layers<C> {
    /// Draws the paths into `rows`, each in its place, with `N` walkers at once. `may_end` says whether the path with
    /// these nodes may end where it does.
    pub(super) fn run<const N: usize>(
        &self,
        form: Form,
        mut draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
    ) -> Drawn {
        let mut walkers = [Walker::default(); N];
        let mut drawn = Drawn::default();
        let mut open = 0;
        for walker in &mut walkers {
            open += usize::from(self.take_up(walker, &mut draws, form.seed));
        }
        while open > 0 {
            for walker in &mut walkers {
                match walker.stage {
                    Stage::Row => self.at_row(walker),
                    Stage::Arc => match self.at_arc(walker, form.simple) {
                        Step::On => self.ask_row(walker),
                        Step::Again => walker.stage = Stage::Row,
                        Step::End if may_end(&walker.nodes[..=walker.hops]) => {
                            drawn.attempts += u64::from(walker.attempts) + 1;
                            walker.write(form, rows);
                            open -= usize::from(!self.take_up(walker, &mut draws, form.seed));
                        }
                        Step::End | Step::GiveUp => {
                            walker.attempts += 1;
                            if walker.attempts < MAX_ATTEMPTS {
                                self.begin(walker);
                            } else {
                                let Walker { number, place, .. } = *walker;
                                drawn.attempts += u64::from(MAX_ATTEMPTS);
                                drawn.failed.push(Draw { start: walker.nodes[0], number, place });
                                open -= usize::from(!self.take_up(walker, &mut draws, form.seed));
                            }
                        }
                    },
                    Stage::Done => {}
                }
            }
        }
        drawn.failed.sort_unstable_by_key(|draw| draw.place);
        drawn
    }

    /// Sets a walker to the next draw; false when there is none.
    #[inline]
    fn take_up(&self, walker: &mut Walker, draws: &mut impl Iterator<Item = Draw>, seed: u64) -> bool {
        let Some(Draw { start, number, place }) = draws.next() else {
            walker.stage = Stage::Done;
            return false;
        };
        walker.stream = QuickStream::new(seed, Purpose::SamplePath, start, number);
        (walker.nodes[0], walker.number, walker.place, walker.attempts) = (start, number, place, 0);
        self.begin(walker);
        true
    }

    #[inline]
    fn begin(&self, walker: &mut Walker) {
        (walker.hops, walker.state, walker.redraws) = (0, 0, 0);
        self.ask_row(walker);
    }

    #[inline]
    fn ask_row(&self, walker: &mut Walker) {
        let layer = &self.layers[usize::from(walker.state)];
        prefetch(layer.rows(), layer.row_at(walker.nodes[walker.hops]));
        walker.stage = Stage::Row;
    }

    /// Chooses an arc of the row and asks for it.
    #[inline]
    fn at_row(&self, walker: &mut Walker) {
        let layer = &self.layers[usize::from(walker.state)];
        let row = layer.row(walker.nodes[walker.hops]);
        if row.len == 0 {
            // Only walks that are not weighed come to a dead end; the arc out of range says so.
            (walker.arc, walker.stage) = (usize::MAX, Stage::Arc);
            return;
        }
        walker.arc = row.first + walker.stream.index(row.len);
        walker.row = row;
        match layer.kind {
            Kind::Weighed => prefetch(&layer.buckets, walker.arc * C::BUCKET),
            Kind::Uniform | Kind::Terminal => prefetch(&layer.arcs, walker.arc),
        }
        walker.stage = Stage::Arc;
    }

    #[inline]
    fn at_arc(&self, walker: &mut Walker, simple: bool) -> Step {
        if walker.arc == usize::MAX {
            return Step::GiveUp;
        }
        let layer = &self.layers[usize::from(walker.state)];
        let mut code = match layer.kind {
            Kind::Weighed => {
                let number = below_capacity(walker.row.capacity, &mut walker.stream);
                C::bucket(&layer.buckets, walker.arc * C::BUCKET).at(number)
            }
            Kind::Uniform | Kind::Terminal => layer.arcs[walker.arc],
        };
        let (mut node, mut class) = code.unpack(layer.shift);
        let is_stop = |class: u32| class as usize == layer.classes.len();
        if simple && walker.hops > 0 && !is_stop(class) && node == walker.nodes[walker.hops - 1] {
            // Straight back: the weights leave it out, so the hop alone is drawn again.
            if !self.weighed {
                return Step::GiveUp;
            }
            walker.redraws += 1;
            if walker.redraws < MAX_REDRAWS {
                return Step::Again;
            }
            match onward(layer, walker) {
                Some(chosen) => code = chosen,
                None => return Step::GiveUp,
            }
            (node, class) = code.unpack(layer.shift);
        }
        if is_stop(class) {
            return Step::End;
        }
        let met = walker.hops.saturating_sub(1);
        if simple && walker.nodes[..met].contains(&node) {
            return Step::GiveUp;
        }
        let class = &layer.classes[class as usize];
        walker.relations[walker.hops] = class.relation.0;
        walker.hops += 1;
        walker.nodes[walker.hops] = node;
        walker.state = class.next.0;
        if self.layers[class.next.index()].kind == Kind::Terminal { Step::End } else { Step::On }
    }
}

/// A hop of the row that does not lead straight back, in proportion to weight, by going through the whole row.
#[cold]
fn onward<C: Code>(layer: &Layer<C>, walker: &mut Walker) -> Option<C> {
    let Row { first, len, capacity } = walker.row;
    let back = walker.nodes[walker.hops - 1];
    let stop = layer.classes.len();
    let mut weights = match layer.kind {
        Kind::Weighed => weights_of::<C>(&layer.buckets, first, len, capacity),
        Kind::Uniform | Kind::Terminal => layer.arcs[first..first + len].iter().map(|&code| (code, 1)).collect(),
    };
    weights.retain(|(code, _)| {
        let (node, class) = code.unpack(layer.shift);
        node != back || class as usize == stop
    });
    let total: u128 = weights.iter().map(|(_, weight)| weight).sum();
    let mut number = below_u128(total, &mut walker.stream)?;
    weights.into_iter().find_map(|(code, weight)| {
        let found = number < weight;
        number = number.wrapping_sub(weight);
        found.then_some(code)
    })
}

/// A uniform number below `bound`, by rejection from the next power of two; `None` for zero.
fn below_u128(bound: u128, stream: &mut QuickStream) -> Option<u128> {
    let mask = u128::MAX >> bound.checked_sub(1)?.leading_zeros().min(127);
    loop {
        let number = (u128::from(stream.next_u64()) << 64 | u128::from(stream.next_u64())) & mask;
        if number < bound {
            return Some(number);
        }
    }
}

impl Walker {
    #[inline]
    fn write(&self, form: Form, rows: &mut [u32]) {
        let row = &mut rows[self.place * form.width..][..form.width];
        let (nodes, relations) = (form.vocabulary.node(NodeId(0)).0, form.vocabulary.relation(RelationId(0)).0);
        row[0] = nodes + self.nodes[0];
        for hop in 0..self.hops {
            row[2 * hop + 1] = relations + u32::from(self.relations[hop]);
            row[2 * hop + 2] = nodes + self.nodes[hop + 1];
        }
        row[2 * self.hops + 1..].fill(Vocabulary::PADDING.0);
    }
}
