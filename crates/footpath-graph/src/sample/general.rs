//! Walks on the graph's own arcs, for any pattern: nothing is compiled for it but a few words for each state.
//!
//! The hops of a compiled pattern stand ready in a row. Here they are the arcs of the node that belong to the kinds of run (relation
//! and type of tail) that the state allows, and the index of the graph finds them by counting bits ([`RunIndex`]). A hop waits for
//! the bits of the node, for where its runs begin (a line or two) and for the arc, instead of a row and an arc. A row has
//! its hops in the order of the arcs, so the same numbers choose the same hops, and what is drawn is the same, byte by byte.
//!
//! Where bits do not say enough — the node has a loop, which is never a hop, or kinds that share a bit are not all allowed — the runs
//! of the node are gone through ([`Ground::seek`]). Where few paths are drawn from a large graph that is done everywhere, without any
//! index, since making one looks at every arc.

#![expect(clippy::indexing_slicing, reason = "states and bits are numbered here; the hot loop")]

use super::kernel::{Draw, Drawn, Fate, Field, Form, Hops, LANES, NO_ARC, Onward, Walker};
use super::layers::Kind;
use crate::kg::{Line, Looked, Place, RunIndex, RunKind, Runs, Stretch, TrainKg};
use crate::pattern::{Automaton, StateId};
use footpath_core::memory::prefetch;
use footpath_core::{NodeId, RelationId, Vocabulary};
use std::ops::Range;
use std::sync::Arc;

/// What is known of a pattern for walks on the graph.
#[derive(Debug)]
pub(super) struct General {
    /// By state.
    states: Vec<State>,
    index: Option<Arc<RunIndex>>,
}

/// The hops of a state.
#[derive(Debug)]
struct State {
    id: StateId,
    kind: Kind,
    /// The state that all hops lead to, if they do.
    next: Option<u16>,
    /// Bits of the index all of whose kinds are hops.
    whole: u64,
    /// Bits some of whose kinds are.
    part: u64,
    /// Bits that stand for several kinds.
    shared: u64,
    /// The class of the hops of each bit that stands for one kind.
    classes: Box<[u32; 64]>,
}

/// Relation and next state of a hop in one number.
fn class(relation: RelationId, next: StateId) -> u32 {
    u32::from(relation.0) << 16 | u32::from(next.0)
}

impl General {
    pub(super) fn new(kg: &TrainKg, automaton: &Automaton, index: Option<Arc<RunIndex>>) -> Self {
        let states = automaton.states().map(|id| State::new(kg, automaton, index.as_deref(), id)).collect();
        Self { states, index }
    }

    /// See [`Field::run`].
    pub(super) fn run<const N: usize>(
        &self,
        (kg, automaton): (&TrainKg, &Automaton),
        form: Form,
        draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
    ) -> Drawn {
        let ground = |state| Ground { kg, automaton, state, vocabulary: form.vocabulary };
        let grounds = self.states.iter().map(ground);
        match self.index.as_deref().map(RunIndex::look) {
            None => {
                let views = grounds.map(|ground| Sought { ground }).collect();
                Field::new(views, form, false).run::<N>(draws, may_end, rows)
            }
            Some(Looked::Narrow(runs)) => {
                let views = grounds.map(|ground| Indexed { ground, runs, tails: kg.tails() }).collect();
                Field::new(views, form, false).run::<N>(draws, may_end, rows)
            }
            Some(Looked::Wide(runs)) => {
                let views = grounds.map(|ground| Indexed { ground, runs, tails: kg.tails() }).collect();
                Field::new(views, form, false).run::<N>(draws, may_end, rows)
            }
        }
    }
}

impl State {
    fn new(kg: &TrainKg, automaton: &Automaton, index: Option<&RunIndex>, id: StateId) -> Self {
        let relations = (0..u16::try_from(kg.num_relations()).unwrap_or(u16::MAX)).map(RelationId);
        let nexts =
            || relations.clone().flat_map(|relation| automaton.types_after(id, relation)).map(|(_, next)| *next);
        let kind = if nexts().next().is_none() { Kind::Terminal } else { Kind::Uniform };
        let nothing = Box::new([0; 64]);
        let Some(index) = index else {
            return Self { id, kind, next: only(nexts()), whole: 0, part: 0, shared: 0, classes: nothing };
        };
        let step = |kind: &RunKind| automaton.step(id, kind.relation, kind.tail);
        let next = only(index.kinds().iter().filter_map(step));
        let set = index.set(|kind| step(&kind).is_some());
        let mut state = Self { id, kind, next, whole: set.whole, part: set.part, shared: 0, classes: nothing };
        for (bit, of_bit) in (0..).zip(&mut *state.classes) {
            match index.kinds_of(bit) {
                [] => {}
                [kind] => *of_bit = step(kind).map_or(0, |next| class(kind.relation, next)),
                _ => state.shared |= 1 << bit,
            }
        }
        state
    }
}

/// The state that all are, if they are one.
fn only(mut states: impl Iterator<Item = StateId>) -> Option<u16> {
    let first = states.next()?;
    states.all(|state| state == first).then_some(first.0)
}

/// A state and the graph.
#[derive(Clone, Copy)]
struct Ground<'a> {
    kg: &'a TrainKg,
    automaton: &'a Automaton,
    state: &'a State,
    vocabulary: Vocabulary,
}

impl<'a> Ground<'a> {
    /// Chooses an arc by going through the runs of the walker's node, each hop alike.
    fn seek(&self, walker: &mut Walker) {
        let node = NodeId(walker.node);
        let total: usize = self.places(node).map(|(places, _)| places.len()).sum();
        walker.word = NO_ARC;
        if total == 0 {
            return;
        }
        let mut index = walker.stream.index(total);
        for (places, class) in self.places(node) {
            if index < places.len() {
                (walker.word, walker.coin) = ((places.start + index) as u64, u64::from(class));
                return;
            }
            index -= places.len();
        }
    }

    /// The arcs of a node that are hops, in order, with their classes.
    fn places(&self, node: NodeId) -> impl Iterator<Item = (Range<usize>, u32)> + 'a {
        let Self { kg, automaton, state, .. } = *self;
        let own = kg.type_of(node);
        let mut place = kg.arcs(node).first;
        let runs = kg.runs_by_type(node).filter_map(move |(kind, tails)| {
            let start = place;
            place += tails.len();
            let next = automaton.step(state.id, kind.relation, kind.tail)?;
            // A loop, which is no hop, cuts the run in two.
            let cut = if kind.tail == own { tails.binary_search(&node.0).ok() } else { None };
            let (before, after) = cut.map_or((place, place), |cut| (start + cut, start + cut + 1));
            Some([start..before, after..place].map(|places| (places, class(kind.relation, next))))
        });
        runs.flatten()
    }

    /// The class of an arc whose bit does not tell its kind.
    #[cold]
    fn class_of(&self, arc: usize, tail: u32) -> u32 {
        let relation = RelationId(self.kg.relations().get(arc).copied().unwrap_or(0));
        let next = self.automaton.step(self.state.id, relation, self.kg.type_of(NodeId(tail)));
        next.map_or(0, |next| class(relation, next))
    }

    /// What a class stands for.
    #[inline]
    fn onward(&self, class: u32) -> Onward {
        let relation = self.vocabulary.relation(RelationId((class >> 16) as u16)).0;
        Onward { relation, next: class as u16 }
    }
}

/// A hop as walkers hold it once it is read.
#[inline]
fn word(tail: u32, class: u64) -> u64 {
    u64::from(tail) << 32 | class
}

#[inline]
fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// The hops of a state by the index.
#[derive(Clone, Copy)]
struct Indexed<'a, P> {
    ground: Ground<'a>,
    runs: Runs<'a, P>,
    tails: &'a [u32],
}

/// Stands for the class of an arc until its relation is read.
const UNKNOWN: u64 = u64::MAX;

/// What is known of a hop between two loops.
#[derive(Clone, Copy, Debug, Default)]
struct Choice {
    /// The runs that are hops; 0 once the class is known.
    wanted: u64,
    stretch: Stretch,
    arcs: (usize, usize),
}

impl<P: Place> Indexed<'_, P> {
    /// Finds the runs that are hops from the node whose line was read.
    #[inline(always)]
    fn find(&self, walker: &mut Walker) -> Choice {
        let state = self.ground.state;
        let line = Line { mask: walker.coin, first: walker.word };
        let wanted = line.mask & state.whole;
        if line.mask & state.part == 0
            && !line.has_loop()
            && let Some(stretch) = self.runs.stretch(line, wanted)
        {
            return Choice { wanted, stretch, arcs: (0, 0) };
        }
        self.choose_apart(walker);
        Choice::default()
    }

    /// Chooses an arc of a node with other runs between its hops, or where bits do not say enough.
    fn choose_apart(&self, walker: &mut Walker) {
        let state = self.ground.state;
        let line = Line { mask: walker.coin, first: walker.word };
        if line.mask & state.part != 0 || line.has_loop() {
            return self.ground.seek(walker);
        }
        match self.runs.choose(line, line.mask & state.whole, |len| walker.stream.index(len)) {
            None => walker.word = NO_ARC,
            Some((arc, bit)) => (walker.word, walker.coin) = (arc as u64, self.class(bit)),
        }
    }

    #[inline]
    fn class(&self, bit: u32) -> u64 {
        match self.ground.state.shared >> bit & 1 {
            0 => u64::from(self.ground.state.classes[bit as usize & 63]),
            _ => UNKNOWN,
        }
    }

    /// All walkers of a group, which is no larger than `choices`.
    #[inline(always)]
    fn step(&self, group: &mut [Walker], choices: &mut [Choice]) {
        for walker in group.iter_mut() {
            let line = self.runs.line(walker.node);
            (walker.coin, walker.word) = (line.mask, line.first);
        }
        for (walker, choice) in group.iter_mut().zip(&mut *choices) {
            *choice = self.find(walker);
        }
        for choice in choices.iter_mut().filter(|choice| choice.wanted != 0) {
            let arcs = self.runs.arcs(choice.stretch);
            choice.arcs = (arcs.start, arcs.end);
        }
        for (walker, choice) in group.iter_mut().zip(&*choices) {
            if choice.wanted != 0 {
                let (start, end) = choice.arcs;
                walker.word = (start + walker.stream.index(end - start)) as u64;
            }
            prefetch(self.tails, walker.word as usize);
        }
        for (walker, choice) in group.iter_mut().zip(&*choices) {
            if choice.wanted != 0 {
                walker.coin = self.class(self.runs.bit(choice.stretch, choice.wanted, walker.word as usize));
            }
        }
        group.iter_mut().for_each(|walker| self.pick(walker));
    }

    /// Reads the chosen arc.
    #[inline(always)]
    fn pick(&self, walker: &mut Walker) {
        let arc = walker.word as usize;
        let Some(&tail) = self.tails.get(arc) else { return };
        if walker.coin == UNKNOWN {
            walker.coin = u64::from(self.ground.class_of(arc, tail));
        }
        walker.word = word(tail, walker.coin);
    }
}

impl<P: Place> Hops for Indexed<'_, P> {
    #[inline]
    fn kind(&self) -> Kind {
        self.ground.state.kind
    }

    #[inline]
    fn next(&self) -> Option<u16> {
        self.ground.state.next
    }

    #[inline]
    fn ask(&self, kind: Kind, node: u32) -> Fate {
        if kind == Kind::Terminal {
            return Fate::End;
        }
        self.runs.ask(node);
        Fate::On
    }

    #[inline]
    fn step_all(&self, group: &mut [Walker]) {
        let mut choices = [Choice::default(); LANES];
        for group in group.chunks_mut(LANES) {
            self.step(group, &mut choices[..group.len()]);
        }
    }

    #[inline]
    fn read(&self, word: u64) -> (u32, u32) {
        unpack(word)
    }

    #[inline]
    fn onward(&self, class: u32) -> Option<Onward> {
        Some(self.ground.onward(class))
    }

    fn listed(&self, _: &mut Walker) -> Option<(u32, u32)> {
        None
    }
}

/// The hops of a state by going through runs.
#[derive(Clone, Copy)]
struct Sought<'a> {
    ground: Ground<'a>,
}

impl Hops for Sought<'_> {
    fn kind(&self) -> Kind {
        self.ground.state.kind
    }

    fn next(&self) -> Option<u16> {
        self.ground.state.next
    }

    fn ask(&self, kind: Kind, node: u32) -> Fate {
        if kind == Kind::Terminal {
            return Fate::End;
        }
        self.ground.kg.prefetch_offset(NodeId(node));
        Fate::On
    }

    fn step_all(&self, group: &mut [Walker]) {
        let kg = self.ground.kg;
        group.iter().for_each(|walker| kg.prefetch_arcs(NodeId(walker.node)));
        for walker in group.iter_mut() {
            self.ground.seek(walker);
            prefetch(kg.tails(), walker.word as usize);
        }
        for walker in group {
            if let Some(&tail) = kg.tails().get(walker.word as usize) {
                walker.word = word(tail, walker.coin);
            }
        }
    }

    fn read(&self, word: u64) -> (u32, u32) {
        unpack(word)
    }

    fn onward(&self, class: u32) -> Option<Onward> {
        Some(self.ground.onward(class))
    }

    fn listed(&self, _: &mut Walker) -> Option<(u32, u32)> {
        None
    }
}
