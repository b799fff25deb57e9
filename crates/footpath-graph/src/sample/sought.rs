//! Walks on the graph's own arcs, for any pattern: nothing is compiled for it but two words for each state.
//!
//! The hops of a compiled pattern stand ready in a row. Here they are sought at each hop, among the runs of the node's
//! arcs (of one relation, to tails of one kind) that the state allows. That takes some forty times as long as to read
//! a row, but a pattern is compiled by looking at every arc: for a few paths from a large graph seeking is sooner done.
//! The hops of a row are in the order of the arcs, so the same numbers choose the same hops, and what is drawn is the
//! same, byte for byte.

use super::kernel::{Draw, Field, Hops, NO_ARC, Onward, RowForm, Status, Walked, Walker};
use super::layers::HopKind;
use crate::kg::TrainKg;
use crate::pattern::{Automaton, StateId};
use footpath_core::memory::prefetch;
use footpath_core::{Context, NodeId, RelationId, Result, Vocabulary};
use std::ops::Range;

/// What is known of a pattern for walks on the graph.
#[derive(Debug)]
pub(super) struct Sought {
    /// By state.
    states: Vec<State>,
}

/// The hops of a state.
#[derive(Debug)]
struct State {
    id: StateId,
    kind: HopKind,
    /// The state that all hops lead to, if they do.
    next: Option<u16>,
}

/// Relation and next state of a hop in one number.
fn class(relation: RelationId, next: StateId) -> u32 {
    u32::from(relation.0) << 16 | u32::from(next.0)
}

impl Sought {
    pub(super) fn new(kg: &TrainKg, automaton: &Automaton) -> Self {
        Self { states: automaton.states().map(|id| State::new(kg, automaton, id)).collect() }
    }

    /// See [`Field::run`].
    pub(super) fn run<const N: usize>(
        &self,
        (kg, automaton): (&TrainKg, &Automaton),
        form: RowForm,
        draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
        context: &Context,
    ) -> Result<Walked> {
        let view = |state| Ground { kg, automaton, state, vocabulary: form.vocabulary };
        Field::new(self.states.iter().map(view).collect(), form, false).run::<N>(draws, may_end, rows, context)
    }
}

impl State {
    fn new(kg: &TrainKg, automaton: &Automaton, id: StateId) -> Self {
        let relations = (0..u16::try_from(kg.num_relations()).unwrap_or(u16::MAX)).map(RelationId);
        let mut nexts = relations.flat_map(|relation| automaton.nodes_after(id, relation)).map(|(_, next)| *next);
        let Some(first) = nexts.next() else { return Self { id, kind: HopKind::Terminal, next: None } };
        let next = nexts.all(|state| state == first).then_some(first.0);
        Self { id, kind: HopKind::Uniform, next }
    }
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
        let own = kg.kind_of(node);
        let mut place = kg.arcs(node).first;
        let runs = kg.runs_by_kind(node).filter_map(move |(kind, tails)| {
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
}

impl Hops for Ground<'_> {
    fn kind(&self) -> HopKind {
        self.state.kind
    }

    fn next(&self) -> Option<u16> {
        self.state.next
    }

    fn ask(&self, kind: HopKind, node: u32) -> Status {
        if kind == HopKind::Terminal {
            return Status::Ended;
        }
        self.kg.prefetch_offset(NodeId(node));
        Status::Walking
    }

    /// The offsets of all nodes were asked for when their walkers came; their first arcs are asked for here, before any
    /// walker looks at them, and so on: what a loop needs was asked for by the loop before it.
    fn step_all(&self, group: &mut [Walker]) {
        group.iter().for_each(|walker| self.kg.prefetch_arcs(NodeId(walker.node)));
        for walker in group.iter_mut() {
            self.seek(walker);
            prefetch(self.kg.tails(), walker.word as usize);
        }
        for walker in group {
            if let Some(&tail) = self.kg.tails().get(walker.word as usize) {
                walker.word = u64::from(tail) << 32 | walker.coin;
            }
        }
    }

    fn read(&self, word: u64) -> (u32, u32) {
        ((word >> 32) as u32, word as u32)
    }

    fn onward(&self, class: u32) -> Option<Onward> {
        let relation = self.vocabulary.relation(RelationId((class >> 16) as u16)).0;
        Some(Onward { relation, next: class as u16 })
    }

    fn listed(&self, _: &mut Walker) -> Option<(u32, u32)> {
        // Only rows that are weighed so that walks never turn straight back are gone through.
        None
    }
}
