//! The hot loop: many walkers at once, on a compiled pattern or on the graph's own arcs.
//!
//! Each hop of a walk waits for two random reads: the row of a node, and an arc (or bucket) of the row. [`LANES`]
//! walkers hop together, in three short loops for each hop: read all rows; choose an arc each and ask for its line;
//! read all arcs. Then each looks at where it has come and asks for its next row. The loops that read do nothing else:
//! a processor looks a few hundred instructions ahead, which is many walkers if a turn is short, and a line that is
//! late in spite of having been asked for is then waited for together with the others. With all of a walker's hop in
//! one turn the same walks take up to twice as long.
//!
//! Walkers in the same state make one group; a walk that ends or is given up waits until the others are through, and
//! then takes up the next draw or begins again.
//!
//! The law does not depend on the order of all this: draw k of user u has a stream of its own and a place of its own.

#![expect(clippy::indexing_slicing, reason = "layers, rows and places are numbered here; the hot loop")]

use super::alias::{Code, below_capacity, below_u128, weights_of};
use super::layers::{Class, HopKind, Layer, Layers, Row};
use crate::pattern::MAX_HOPS;
use footpath_core::memory::prefetch;
use footpath_core::{Context, NodeId, Purpose, QuickStream, QuickStreams, Result, Vocabulary};

/// Walkers at once, where there is more than one path to draw.
pub(super) const LANES: usize = 128;
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

/// What came of the walks of some draws.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The draws that [`MAX_ATTEMPTS`] attempts were not enough for, by place.
    pub(super) failed: Vec<Draw>,
    /// Walks begun.
    pub(super) attempts: u64,
}

/// How walks become rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowForm {
    pub(super) seed: u64,
    /// Whether a walk that meets a node again is given up.
    pub(super) simple: bool,
    pub(super) vocabulary: Vocabulary,
    /// Tokens of a row.
    pub(super) width: usize,
}

/// Nodes of the longest path.
pub(super) const MAX_NODES: usize = MAX_HOPS as usize + 1;

impl RowForm {
    /// The nodes of a path given as tokens.
    pub(super) fn nodes<'a>(&self, tokens: &[u32], nodes: &'a mut [u32; MAX_NODES]) -> &'a [u32] {
        let first = self.vocabulary.node(NodeId(0)).0;
        let len = tokens.len().div_ceil(2);
        nodes.iter_mut().zip(tokens.iter().step_by(2)).for_each(|(node, token)| *node = token - first);
        &nodes[..len]
    }
}

/// Where a walker is in its walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Walking,
    Ended,
    GivenUp,
}

/// What is known of a walker between two of its turns: one cache line. The nodes it has met are in its row of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walker {
    pub(super) stream: QuickStream,
    /// The row of its node, then the arc it has chosen, then the hop that the arc stands for.
    pub(super) word: u64,
    /// The capacity of the buckets of its row, then the number that decides between the two hops of one. On the graph's
    /// own arcs the relation and the next state of the arc it has chosen.
    pub(super) coin: u64,
    number: u64,
    /// Where its row of tokens starts.
    row: usize,
    pub(super) node: u32,
    /// The node it came from.
    back: u32,
    state: u16,
    hops: u8,
    attempts: u8,
    redraws: u8,
    status: Status,
}

const _: () = assert!(size_of::<Walker>() == 64);

/// Stands for the arc of a walker that has come to a dead end; only walks that are not weighed do.
pub(super) const NO_ARC: u64 = u64::MAX;

/// The hops of a state, as walkers look at them: [`View`] has them compiled, [`super::sought`] finds them in the
/// graph.
pub(super) trait Hops: Copy {
    /// What hops are drawn by.
    fn kind(&self) -> HopKind;
    /// The state that all hops lead to, if they do.
    fn next(&self) -> Option<u16>;
    /// Asks for what is known of a node, in a state of this kind; what comes next for a walker who has come there.
    fn ask(&self, kind: HopKind, node: u32) -> Status;
    /// All walkers of a group choose an arc and read it.
    fn step_all(&self, group: &mut [Walker]);
    /// Node and class of the hop that a walker has read.
    fn read(&self, word: u64) -> (u32, u32);
    /// What a class stands for; `None` for stopping.
    fn onward(&self, class: u32) -> Option<Onward>;
    /// Another hop of the same row that does not lead straight back, by going through the whole row.
    fn listed(&self, walker: &mut Walker) -> Option<(u32, u32)>;
}

/// The hops of a state, without a way round.
#[derive(Clone, Copy, Debug)]
struct View<'a, C: Code> {
    kind: HopKind,
    first_node: u32,
    shift: u32,
    /// Rows of a state whose hops are alike.
    rows: &'a [u64],
    /// Rows and their capacities where hops are weighed.
    pairs: &'a [[u64; 2]],
    arcs: &'a [C],
    buckets: &'a [C::Words],
    /// The class after the last stands for stopping.
    classes: &'a [Onward],
    /// The state that all hops lead to, if they do.
    next: Option<u16>,
}

/// A class of hops: the token of its relation, and the state it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Onward {
    pub(super) relation: u32,
    pub(super) next: u16,
}

/// What is known of where all hops of a state lead: nothing, to one state of a kind, or to an end.
const ANYWHERE: u8 = 0;
const TO_UNIFORM: u8 = 1;
const TO_WEIGHED: u8 = 2;
const TO_END: u8 = 3;

/// Everything the walkers of a run look at.
pub(super) struct Field<V> {
    /// By state.
    views: Vec<V>,
    form: RowForm,
    weighed: bool,
    /// The token of node 0.
    first_token: u32,
}

impl<V: Hops> Field<V> {
    /// `weighed` says whether hops are so that walks never turn straight back.
    pub(super) fn new(views: Vec<V>, form: RowForm, weighed: bool) -> Self {
        Self { views, form, weighed, first_token: form.vocabulary.node(NodeId(0)).0 }
    }

    /// Draws the paths into `rows`, each in its place, with `N` walkers at once. `may_end` says whether the path with
    /// these tokens may end where it does.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn run<const N: usize>(
        &self,
        mut draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
        context: &Context,
    ) -> Result<Walked> {
        let (field, form) = (self, self.form);
        let mut walkers = [Walker::default(); N];
        let mut walked = Walked::default();
        // Draws come node by node, so what their random numbers have in common is made once for all of a node.
        let mut user = (0, field.streams(0));
        let mut open = 0;
        loop {
            context.check()?;
            // Walks given up are begun again at the front; the others take up new draws.
            walkers[..open].iter_mut().for_each(|walker| field.begin(walker, rows[walker.row] - field.first_token));
            for walker in &mut walkers[open..] {
                let Some(draw) = draws.next() else { break };
                if draw.start != user.0 {
                    user = (draw.start, field.streams(draw.start));
                }
                field.take_up(walker, draw, user.1.draw(draw.number), rows);
                open += 1;
            }
            if open == 0 {
                break;
            }
            field.walk(&mut walkers[..open], rows);
            let mut again = 0;
            for turn in 0..open {
                let walker = &walkers[turn];
                let end = walker.row + 2 * usize::from(walker.hops);
                // Arcs do not know where a path may end, so that is asked when a walk is over.
                if walker.status == Status::Ended && may_end(&rows[walker.row..=end]) {
                    walked.attempts += u64::from(walker.attempts) + 1;
                    // Most rows are full, and then even a fill of nothing costs a call.
                    if end + 1 < walker.row + form.width {
                        rows[end + 1..walker.row + form.width].fill(Vocabulary::PADDING.0);
                    }
                } else if u32::from(walker.attempts) + 1 < MAX_ATTEMPTS {
                    walkers[again] = *walker;
                    walkers[again].attempts += 1;
                    again += 1;
                } else {
                    walked.attempts += u64::from(MAX_ATTEMPTS);
                    walked.failed.push(field.draw_of(walker, rows));
                }
            }
            open = again;
        }
        // Walkers end as luck has it, and whoever draws these otherwise goes through rows in order.
        walked.failed.sort_unstable_by_key(|draw| draw.place);
        Ok(walked)
    }
}

impl<C: Code> Layers<C> {
    /// See [`Field::run`].
    pub(super) fn run<const N: usize>(
        &self,
        form: RowForm,
        draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
        context: &Context,
    ) -> Result<Walked> {
        let classes = self.onward(form.vocabulary);
        Field::new(self.views(&classes), form, self.weighed).run::<N>(draws, may_end, rows, context)
    }

    /// The classes of all states.
    fn onward(&self, vocabulary: Vocabulary) -> Vec<Onward> {
        let classes = self.layers.iter().flat_map(|layer| &layer.classes);
        let onward = |class: &Class| Onward { relation: vocabulary.relation(class.relation).0, next: class.next.0 };
        classes.map(onward).collect()
    }

    fn views<'a>(&'a self, mut classes: &'a [Onward]) -> Vec<View<'a, C>> {
        let view = |layer: &'a Layer<C>| {
            let (of, rest) = classes.split_at(layer.classes.len());
            classes = rest;
            let Layer { kind, first_node, shift, .. } = *layer;
            let (rows, arcs, buckets) = (&**layer.rows, &**layer.arcs, C::buckets(&layer.buckets));
            let next = of.first().map(|class| class.next).filter(|next| of.iter().all(|class| class.next == *next));
            View { kind, first_node, shift, rows, pairs: rows.as_chunks().0, arcs, buckets, classes: of, next }
        };
        self.layers.iter().map(view).collect()
    }
}

impl<C: Code> Hops for View<'_, C> {
    #[inline]
    fn kind(&self) -> HopKind {
        self.kind
    }

    #[inline]
    fn next(&self) -> Option<u16> {
        self.next
    }

    #[inline]
    fn ask(&self, kind: HopKind, node: u32) -> Status {
        match kind {
            HopKind::Weighed => prefetch(self.pairs, self.row_of(node)),
            HopKind::Uniform => prefetch(self.rows, self.row_of(node)),
            HopKind::Terminal => return Status::Ended,
        }
        Status::Walking
    }

    #[inline]
    fn step_all(&self, group: &mut [Walker]) {
        match self.kind {
            HopKind::Weighed => self.step::<true>(group),
            HopKind::Uniform | HopKind::Terminal => self.step::<false>(group),
        }
    }

    #[inline]
    fn read(&self, word: u64) -> (u32, u32) {
        C::of(word).unpack(self.shift)
    }

    #[inline]
    fn onward(&self, class: u32) -> Option<Onward> {
        self.classes.get(class as usize).copied()
    }

    fn listed(&self, walker: &mut Walker) -> Option<(u32, u32)> {
        listed(self, walker).map(|code| code.unpack(self.shift))
    }
}

impl<C: Code> View<'_, C> {
    /// The number of the row of a node.
    #[inline]
    fn row_of(&self, node: u32) -> usize {
        node.wrapping_sub(self.first_node) as usize
    }

    /// Reads the row of a walker's node. No walk meets a node without a row in this state.
    #[inline]
    fn look<const WEIGHED: bool>(&self, walker: &mut Walker) {
        let row = self.row_of(walker.node);
        if WEIGHED {
            [walker.word, walker.coin] = self.pairs.get(row).copied().unwrap_or_default();
        } else {
            walker.word = self.rows.get(row).copied().unwrap_or_default();
        }
    }

    /// Chooses an arc of the row that was read, each alike.
    #[inline]
    fn choose<const WEIGHED: bool>(walker: &mut Walker) {
        let Row { first, len } = Row::of(walker.word);
        if len == 0 {
            walker.word = NO_ARC;
            return;
        }
        walker.word = (first + walker.stream.index(len)) as u64;
        if WEIGHED {
            walker.coin = below_capacity(walker.coin, &mut walker.stream);
        }
    }

    /// Asks for the chosen arc.
    #[inline]
    fn ask_arc<const WEIGHED: bool>(&self, walker: &Walker) {
        let arc = walker.word as usize;
        if WEIGHED {
            prefetch(self.buckets, arc);
        } else {
            prefetch(self.arcs, arc);
        }
    }

    /// Reads the hop that the chosen arc stands for; without one, nothing.
    #[inline]
    fn pick<const WEIGHED: bool>(&self, walker: &mut Walker) {
        let arc = walker.word as usize;
        let code = match WEIGHED {
            true => self.buckets.get(arc).map(|&words| C::bucket(words).at(walker.coin)),
            false => self.arcs.get(arc).copied(),
        };
        walker.word = code.map_or(NO_ARC, C::word);
    }

    /// As [`Hops::step_all`], for either kind of state.
    ///
    /// Reading is apart from computing: so many short turns fit into what the processor looks ahead at once, and
    /// the lines that it has not got in spite of having asked for them arrive together.
    #[inline]
    fn step<const WEIGHED: bool>(self, group: &mut [Walker]) {
        group.iter_mut().for_each(|walker| self.look::<WEIGHED>(walker));
        for walker in group.iter_mut() {
            Self::choose::<WEIGHED>(walker);
            self.ask_arc::<WEIGHED>(walker);
        }
        group.iter_mut().for_each(|walker| self.pick::<WEIGHED>(walker));
    }
}

impl<V: Hops> Field<V> {
    /// The random numbers of the draws that start at a node.
    fn streams(&self, start: u32) -> QuickStreams {
        QuickStreams::new(self.form.seed, Purpose::SamplePath, start)
    }

    /// Sets a walker to a draw.
    #[inline(always)]
    fn take_up(&self, walker: &mut Walker, draw: Draw, stream: QuickStream, rows: &mut [u32]) {
        let Draw { start, number, place } = draw;
        (walker.stream, walker.number, walker.row, walker.attempts) = (stream, number, place * self.form.width, 0);
        rows[walker.row] = self.first_token + start;
        self.begin(walker, start);
    }

    #[inline]
    fn begin(&self, walker: &mut Walker, start: u32) {
        (walker.node, walker.state, walker.redraws) = (start, 0, 0);
        self.views[0].ask(self.views[0].kind(), start);
    }

    /// Walks until all have come to an end or given up, hop by hop: the walkers that go on stand in front of the
    /// others.
    fn walk(&self, mut walkers: &mut [Walker], rows: &mut [u32]) {
        // The state that all are in. While there is one, nobody looks at the walkers' own.
        let mut shared = Some(0);
        for hops in 0.. {
            let all_go_on;
            (all_go_on, shared) = match shared {
                Some(state) => self.hop_together(usize::from(state), walkers, hops, rows),
                None => self.hop_apart(walkers, hops, rows),
            };
            if !all_go_on {
                let going = to_front(walkers);
                walkers = &mut walkers[..going];
            }
            let Some(first) = walkers.first() else { break };
            if shared.is_none() && walkers.iter().all(|walker| walker.state == first.state) {
                shared = Some(first.state);
            }
        }
    }

    /// One hop of walkers that are all in one state: whether all go on, and the state they are in if it is one.
    fn hop_together(&self, state: usize, walkers: &mut [Walker], hops: usize, rows: &mut [u32]) -> (bool, Option<u16>) {
        let view = &self.views[state];
        view.step_all(walkers);
        let kind = view.next().map(|next| self.views[usize::from(next)].kind());
        // What does not change within a loop is decided before it begins: a loop for each case.
        let all_go_on = match (self.form.simple, kind) {
            (true, None) => self.hop_all::<true, ANYWHERE>(state, walkers, hops, rows),
            (true, Some(HopKind::Uniform)) => self.hop_all::<true, TO_UNIFORM>(state, walkers, hops, rows),
            (true, Some(HopKind::Weighed)) => self.hop_all::<true, TO_WEIGHED>(state, walkers, hops, rows),
            (true, Some(HopKind::Terminal)) => self.hop_all::<true, TO_END>(state, walkers, hops, rows),
            (false, None) => self.hop_all::<false, ANYWHERE>(state, walkers, hops, rows),
            (false, Some(HopKind::Uniform)) => self.hop_all::<false, TO_UNIFORM>(state, walkers, hops, rows),
            (false, Some(HopKind::Weighed)) => self.hop_all::<false, TO_WEIGHED>(state, walkers, hops, rows),
            (false, Some(HopKind::Terminal)) => self.hop_all::<false, TO_END>(state, walkers, hops, rows),
        };
        (all_go_on, view.next())
    }

    /// The same for walkers in several states, those in one state together.
    fn hop_apart(&self, walkers: &mut [Walker], hops: usize, rows: &mut [u32]) -> (bool, Option<u16>) {
        // All groups read before any of them hops: a group may be one walker, and its late line would be waited for
        // alone.
        for group in walkers.chunk_by_mut(|a, b| a.state == b.state) {
            self.views[usize::from(group[0].state)].step_all(group);
        }
        let mut all_go_on = true;
        for group in walkers.chunk_by_mut(|a, b| a.state == b.state) {
            let state = usize::from(group[0].state);
            all_go_on &= match self.form.simple {
                true => self.hop_all::<true, ANYWHERE>(state, group, hops, rows),
                false => self.hop_all::<false, ANYWHERE>(state, group, hops, rows),
            };
        }
        (all_go_on, None)
    }

    /// All walkers of a group hop along the arcs they have chosen; whether all go on from there. `TO` says what is
    /// known of where all hops lead; walkers do not note their state if it is one. Each kind of loop is a function of
    /// its own, with the registers to itself.
    #[inline(never)]
    fn hop_all<const SIMPLE: bool, const TO: u8>(
        &self,
        state: usize,
        group: &mut [Walker],
        hops: usize,
        rows: &mut [u32],
    ) -> bool {
        let view = self.views[state];
        let only = self.views[usize::from(view.next().unwrap_or(0))];
        let mut all_go_on = TO != TO_END;
        for walker in group {
            walker.status = match (self.hop::<SIMPLE>(&view, walker, hops, rows), TO) {
                (Err(status), _) => status,
                (Ok(_), TO_END) => Status::Ended,
                (Ok(_), TO_UNIFORM) => only.ask(HopKind::Uniform, walker.node),
                (Ok(_), TO_WEIGHED) => only.ask(HopKind::Weighed, walker.node),
                (Ok(next), _) => {
                    walker.state = next;
                    let next = &self.views[usize::from(next)];
                    next.ask(next.kind(), walker.node)
                }
            };
            all_go_on &= walker.status == Status::Walking;
        }
        all_go_on
    }

    /// A hop along the arc that was chosen: the state it leads to, or why there is none.
    #[inline(always)]
    fn hop<const SIMPLE: bool>(
        &self,
        view: &V,
        walker: &mut Walker,
        hops: usize,
        rows: &mut [u32],
    ) -> std::result::Result<u16, Status> {
        if walker.word == NO_ARC {
            return Err(Status::GivenUp);
        }
        let (mut node, mut class) = view.read(walker.word);
        // Straight back is where most walks meet themselves, and shows without a look at the row.
        if SIMPLE && hops > 0 && node == walker.back && view.onward(class).is_some() {
            (node, class) = self.another(view, walker).ok_or(Status::GivenUp)?;
        }
        let Some(Onward { relation, next }) = view.onward(class) else {
            walker.hops = hops as u8;
            return Err(Status::Ended);
        };
        let end = walker.row + 2 * hops;
        let token = self.first_token + node;
        // Such a walk is given up whole: to draw this hop again would make the paths through here too probable. The
        // node itself is no hop away from itself, and the one before was looked at above.
        if SIMPLE && hops > 1 && rows[walker.row..end - 3].iter().step_by(2).any(|&met| met == token) {
            return Err(Status::GivenUp);
        }
        rows[end + 1..end + 3].copy_from_slice(&[relation, token]);
        (walker.back, walker.node, walker.hops) = (walker.node, node, hops as u8 + 1);
        Ok(next)
    }

    /// Node and class of another hop of the same row that does not lead straight back, as the weights leave those out.
    /// `None` where there is none, or where the weights do not.
    #[cold]
    fn another(&self, view: &V, walker: &mut Walker) -> Option<(u32, u32)> {
        if !self.weighed {
            return None;
        }
        loop {
            // Where nearly all of a row leads back, drawing could go on for ever.
            walker.redraws += 1;
            if u32::from(walker.redraws) >= MAX_REDRAWS {
                return view.listed(walker);
            }
            view.step_all(std::slice::from_mut(walker));
            let (node, class) = view.read(walker.word);
            if node != walker.back || view.onward(class).is_none() {
                return Some((node, class));
            }
        }
    }

    /// What was asked of a walker.
    fn draw_of(&self, walker: &Walker, rows: &[u32]) -> Draw {
        let start = rows[walker.row] - self.first_token;
        Draw { start, number: walker.number, place: walker.row / self.form.width }
    }
}

/// The walkers that go on, put in front of the others; how many they are.
fn to_front(walkers: &mut [Walker]) -> usize {
    let mut going = 0;
    for turn in 0..walkers.len() {
        // Their order says nothing: each has a stream and a row of its own.
        if walkers[turn].status == Status::Walking {
            walkers.swap(going, turn);
            going += 1;
        }
    }
    going
}

/// A hop of the row that does not lead straight back, in proportion to weight, by going through the whole row.
#[cold]
fn listed<C: Code>(view: &View<'_, C>, walker: &mut Walker) -> Option<C> {
    let row = view.row_of(walker.node);
    let mut weights = match view.kind {
        HopKind::Weighed => weights_of::<C>(Row::of(view.pairs[row][0]).of_table(view.buckets), view.pairs[row][1]),
        HopKind::Uniform | HopKind::Terminal => {
            Row::of(view.rows[row]).of_table(view.arcs).iter().map(|&code| (code, 1)).collect()
        }
    };
    weights.retain(|(code, _)| {
        let (node, class) = code.unpack(view.shift);
        node != walker.back || view.onward(class).is_none()
    });
    // Weights are whole numbers, so what is drawn here has exactly the law of the buckets.
    let total: u128 = weights.iter().map(|(_, weight)| weight).sum();
    let mut number = below_u128(total, &mut walker.stream)?;
    weights.into_iter().find_map(|(code, weight)| {
        let found = number < weight;
        number = number.wrapping_sub(weight);
        found.then_some(code)
    })
}
