//! The hot loop: many walkers at once on a compiled pattern.
//!
//! Each hop of a walk waits for two random reads: the row of a node, and an arc (or bucket) of the row. [`LANES`] walkers
//! hop together, in three short loops for each hop: read all rows; choose an arc each and ask for its line; read all
//! arcs. Then each looks at where it has come and asks for its next row. The loops that read do nothing else: a
//! processor looks a few hundred instructions ahead, which is many walkers if a turn is short, and a line that is late
//! in spite of having been asked for is then waited for together with the others. With all of a walker's hop in one
//! turn the same walks take up to twice as long.
//!
//! Walkers in the same state make one group; a walk that ends or is given up waits until the others are through, and
//! then takes up the next draw or begins again.
//!
//! The law does not depend on the order of all this: draw k of user u has a stream of its own and a place of its own.

#![expect(clippy::indexing_slicing, reason = "layers, rows and places are numbered here; the hot loop")]

use super::alias::{Code, below_capacity, weights_of};
use super::layers::{Class, Kind, Layer, Layers, Row};
use crate::pattern::MAX_HOPS;
use footpath_core::memory::prefetch;
use footpath_core::{NodeId, Purpose, QuickStream, Vocabulary};

/// Walkers at once, where there is more than one path to draw.
pub(super) const LANES: usize = 64;
/// Attempts of a draw before it is left to slower means.
pub(super) const MAX_ATTEMPTS: u32 = 64;
/// Hops drawn again because they led straight back, before the row is gone through.
const MAX_REDRAWS: u32 = 32;

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

/// Nodes of the longest path.
pub(super) const MAX_NODES: usize = MAX_HOPS as usize + 1;

impl Form {
    /// The nodes of a path given as tokens.
    pub(super) fn nodes<'a>(&self, tokens: &[u32], nodes: &'a mut [u32; MAX_NODES]) -> &'a [u32] {
        let first = self.vocabulary.node(NodeId(0)).0;
        let len = tokens.len().div_ceil(2);
        nodes.iter_mut().zip(tokens.iter().step_by(2)).for_each(|(node, token)| *node = token - first);
        &nodes[..len]
    }
}

/// What comes next for a walker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    On,
    End,
    GiveUp,
}

/// What is known of a walker between two of its turns: one cache line. The nodes it has met are in its row of tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Walker {
    stream: QuickStream,
    /// The row of its node, then the arc it has chosen, then the hop that the arc stands for.
    word: u64,
    /// Decides between the two hops of a bucket.
    coin: u64,
    number: u64,
    /// Where its row of tokens starts.
    row: usize,
    node: u32,
    /// The node it came from.
    back: u32,
    state: u16,
    hops: u8,
    attempts: u8,
    redraws: u8,
    fate: Fate,
}

const _: () = assert!(size_of::<Walker>() == 64);

/// Stands for the arc of a walker that has come to a dead end; only walks that are not weighed do.
const NO_ARC: u64 = u64::MAX;

/// The hops of a state, without a way round.
#[derive(Clone, Copy, Debug)]
struct View<'a, C> {
    kind: Kind,
    first_node: u32,
    shift: u32,
    /// The class that stands for stopping.
    stop: u32,
    rows: &'a [u64],
    arcs: &'a [C],
    buckets: &'a [u64],
    classes: &'a [Onward],
}

/// A class of hops: the token of its relation, the state it leads to, and whether nothing follows there.
#[derive(Clone, Copy, Debug)]
struct Onward {
    relation: u32,
    next: u16,
    is_last: bool,
}

/// Everything the walkers of a run look at.
struct Field<'a, C> {
    views: Vec<View<'a, C>>,
    form: Form,
    weighed: bool,
    /// The token of node 0.
    first_token: u32,
}

impl<C: Code> Layers<C> {
    /// Draws the paths into `rows`, each in its place, with `N` walkers at once. `may_end` says whether the path with
    /// these tokens may end where it does.
    pub(super) fn run<const N: usize>(
        &self,
        form: Form,
        mut draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
    ) -> Drawn {
        let classes = self.onward(form.vocabulary);
        let field = self.field(form, &classes);
        let mut walkers = [Walker::default(); N];
        let mut drawn = Drawn::default();
        let mut open = 0;
        loop {
            // Walks given up are begun again at the front; the others take up new draws.
            walkers[..open].iter_mut().for_each(|walker| field.begin(walker, rows[walker.row] - field.first_token));
            while open < N && field.take_up(&mut walkers[open], &mut draws, rows) {
                open += 1;
            }
            if open == 0 {
                break;
            }
            field.walk(&mut walkers[..open], rows);
            let mut again = 0;
            for turn in 0..open {
                let mut walker = walkers[turn];
                let end = walker.row + 2 * usize::from(walker.hops);
                if walker.fate == Fate::End && may_end(&rows[walker.row..=end]) {
                    drawn.attempts += u64::from(walker.attempts) + 1;
                    rows[end + 1..walker.row + form.width].fill(Vocabulary::PADDING.0);
                } else if u32::from(walker.attempts) + 1 < MAX_ATTEMPTS {
                    walker.attempts += 1;
                    walkers[again] = walker;
                    again += 1;
                } else {
                    drawn.attempts += u64::from(MAX_ATTEMPTS);
                    drawn.failed.push(field.draw_of(&walker, rows));
                }
            }
            open = again;
        }
        drawn.failed.sort_unstable_by_key(|draw| draw.place);
        drawn
    }

    /// The classes of all states.
    fn onward(&self, vocabulary: Vocabulary) -> Vec<Onward> {
        let classes = self.layers.iter().flat_map(|layer| &layer.classes);
        let onward = |class: &Class| Onward {
            relation: vocabulary.relation(class.relation).0,
            next: class.next.0,
            is_last: self.layers[class.next.index()].kind == Kind::Terminal,
        };
        classes.map(onward).collect()
    }

    fn field<'a>(&'a self, form: Form, mut classes: &'a [Onward]) -> Field<'a, C> {
        let view = |layer: &'a Layer<C>| {
            let (of, rest) = classes.split_at(layer.classes.len());
            classes = rest;
            let Layer { kind, first_node, shift, .. } = *layer;
            let (rows, arcs, buckets) = (&**layer.rows, &**layer.arcs, &*layer.buckets);
            View { kind, first_node, shift, stop: of.len() as u32, rows, arcs, buckets, classes: of }
        };
        let views = self.layers.iter().map(view).collect();
        Field { views, form, weighed: self.weighed, first_token: form.vocabulary.node(NodeId(0)).0 }
    }
}

impl<C: Code> View<'_, C> {
    /// Where the row of a node starts.
    #[inline]
    fn row_at(&self, node: u32) -> usize {
        (node.wrapping_sub(self.first_node) as usize) << u32::from(self.kind == Kind::Weighed)
    }

    /// Asks for the row of a node.
    #[inline]
    fn ask_row(&self, node: u32) {
        prefetch(self.rows, self.row_at(node));
    }

    /// Reads the row of a walker's node. No walk meets a node without a row in this state.
    #[inline]
    fn look(&self, walker: &mut Walker) {
        walker.word = self.rows.get(self.row_at(walker.node)).copied().unwrap_or(0);
    }

    /// Chooses an arc of the row that was read, each alike.
    #[inline]
    fn choose<const WEIGHED: bool>(&self, walker: &mut Walker) {
        let Row { first, len } = Row::of(walker.word);
        if len == 0 {
            walker.word = NO_ARC;
            return;
        }
        walker.word = (first + walker.stream.index(len)) as u64;
        if WEIGHED {
            let capacity = self.rows[self.row_at(walker.node) + 1];
            walker.coin = below_capacity(capacity, &mut walker.stream);
        }
    }

    /// Asks for the chosen arc.
    #[inline]
    fn ask_arc<const WEIGHED: bool>(&self, walker: &Walker) {
        let arc = walker.word as usize;
        if WEIGHED {
            prefetch(self.buckets, arc.wrapping_mul(C::BUCKET));
        } else {
            prefetch(self.arcs, arc);
        }
    }

    /// Reads the hop that the chosen arc stands for.
    #[inline]
    fn pick<const WEIGHED: bool>(&self, walker: &mut Walker) {
        if walker.word == NO_ARC {
            return;
        }
        let arc = walker.word as usize;
        let code = if WEIGHED { C::bucket(self.buckets, arc * C::BUCKET).at(walker.coin) } else { self.arcs[arc] };
        walker.word = code.word();
    }

    /// All walkers of a group choose an arc and read it.
    ///
    /// Reading is apart from computing: so many short turns fit into what the processor looks ahead at once, and
    /// the lines that it has not got in spite of having asked for them arrive together.
    #[inline]
    fn step_all<const WEIGHED: bool>(&self, group: &mut [Walker]) {
        group.iter_mut().for_each(|walker| self.look(walker));
        for walker in group.iter_mut() {
            self.choose::<WEIGHED>(walker);
            self.ask_arc::<WEIGHED>(walker);
        }
        group.iter_mut().for_each(|walker| self.pick::<WEIGHED>(walker));
    }
}

impl<C: Code> Field<'_, C> {
    /// Sets a walker to the next draw; false when there is none.
    #[inline]
    fn take_up(&self, walker: &mut Walker, draws: &mut impl Iterator<Item = Draw>, rows: &mut [u32]) -> bool {
        let Some(Draw { start, number, place }) = draws.next() else { return false };
        walker.stream = QuickStream::new(self.form.seed, Purpose::SamplePath, start, number);
        (walker.number, walker.row, walker.attempts) = (number, place * self.form.width, 0);
        rows[walker.row] = self.first_token + start;
        self.begin(walker, start);
        true
    }

    #[inline]
    fn begin(&self, walker: &mut Walker, start: u32) {
        (walker.node, walker.state, walker.hops, walker.redraws, walker.fate) = (start, 0, 0, 0, Fate::On);
        self.views[0].ask_row(start);
    }

    /// Walks until all have come to an end or given up, hop by hop: the walkers that go on stand in front of the others.
    fn walk(&self, walkers: &mut [Walker], rows: &mut [u32]) {
        let (mut going, mut hops) = (walkers.len(), 0);
        while going > 0 {
            let walkers = &mut walkers[..going];
            for group in walkers.chunk_by_mut(|a, b| a.state == b.state) {
                let view = &self.views[usize::from(group[0].state)];
                match view.kind {
                    Kind::Weighed => view.step_all::<true>(group),
                    Kind::Uniform | Kind::Terminal => view.step_all::<false>(group),
                }
            }
            let mut all_go_on = true;
            for group in walkers.chunk_by_mut(|a, b| a.state == b.state) {
                let weighed = self.views[usize::from(group[0].state)].kind == Kind::Weighed;
                all_go_on &= match (self.form.simple, weighed) {
                    (true, true) => self.hop_all::<true, true>(group, hops, rows),
                    (true, false) => self.hop_all::<true, false>(group, hops, rows),
                    (false, true) => self.hop_all::<false, true>(group, hops, rows),
                    (false, false) => self.hop_all::<false, false>(group, hops, rows),
                };
            }
            hops += 1;
            if !all_go_on {
                let mut turn = 0;
                while turn < going {
                    if walkers[turn].fate == Fate::On {
                        turn += 1;
                    } else {
                        going -= 1;
                        walkers.swap(turn, going);
                    }
                }
            }
        }
    }

    /// All walkers of a group, who are in one state, hop along the arcs they have chosen; whether all go on from there.
    #[inline]
    fn hop_all<const SIMPLE: bool, const WEIGHED: bool>(
        &self,
        group: &mut [Walker],
        hops: usize,
        rows: &mut [u32],
    ) -> bool {
        let view = self.views[usize::from(group[0].state)];
        let mut all_go_on = true;
        for walker in group {
            walker.fate = self.hop::<SIMPLE, WEIGHED>(&view, walker, hops, rows);
            all_go_on &= walker.fate == Fate::On;
        }
        all_go_on
    }

    #[inline]
    fn hop<const SIMPLE: bool, const WEIGHED: bool>(
        &self,
        view: &View<'_, C>,
        walker: &mut Walker,
        hops: usize,
        rows: &mut [u32],
    ) -> Fate {
        if walker.word == NO_ARC {
            return Fate::GiveUp;
        }
        let (mut node, mut class) = C::of(walker.word).unpack(view.shift);
        if SIMPLE && hops > 0 {
            while node == walker.back && class != view.stop {
                // Straight back: the weights leave it out, so the hop alone is drawn again.
                let Some(other) = self.redraw::<WEIGHED>(view, walker) else { return Fate::GiveUp };
                (node, class) = other.unpack(view.shift);
            }
        }
        if class == view.stop {
            return Fate::End;
        }
        let end = walker.row + 2 * hops;
        let token = self.first_token + node;
        // The node itself is no hop away from itself, and the one before was looked at above.
        if SIMPLE && hops > 1 && rows[walker.row..end - 3].iter().step_by(2).any(|&met| met == token) {
            return Fate::GiveUp;
        }
        let Onward { relation, next, is_last } = view.classes[class as usize];
        rows[end + 1..end + 3].copy_from_slice(&[relation, token]);
        (walker.back, walker.node, walker.state) = (walker.node, node, next);
        walker.hops += 1;
        if is_last {
            return Fate::End;
        }
        self.views[usize::from(next)].ask_row(node);
        Fate::On
    }

    /// Another hop of the same row; after many that led straight back one that does not. `None` where there is none, or
    /// where the weights do not leave them out.
    #[cold]
    fn redraw<const WEIGHED: bool>(&self, view: &View<'_, C>, walker: &mut Walker) -> Option<C> {
        if !self.weighed {
            return None;
        }
        walker.redraws += 1;
        if u32::from(walker.redraws) < MAX_REDRAWS {
            view.look(walker);
            view.choose::<WEIGHED>(walker);
            view.pick::<WEIGHED>(walker);
            return Some(C::of(walker.word));
        }
        onward(view, walker)
    }

    /// What was asked of a walker.
    fn draw_of(&self, walker: &Walker, rows: &[u32]) -> Draw {
        let start = rows[walker.row] - self.first_token;
        Draw { start, number: walker.number, place: walker.row / self.form.width }
    }
}

/// A hop of the row that does not lead straight back, in proportion to weight, by going through the whole row.
#[cold]
fn onward<C: Code>(view: &View<'_, C>, walker: &mut Walker) -> Option<C> {
    let Row { first, len } = Row::of(view.rows[view.row_at(walker.node)]);
    let mut weights = match view.kind {
        Kind::Weighed => weights_of::<C>(view.buckets, first, len, view.rows[view.row_at(walker.node) + 1]),
        Kind::Uniform | Kind::Terminal => view.arcs[first..first + len].iter().map(|&code| (code, 1)).collect(),
    };
    weights.retain(|(code, _)| {
        let (node, class) = code.unpack(view.shift);
        node != walker.back || class == view.stop
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
