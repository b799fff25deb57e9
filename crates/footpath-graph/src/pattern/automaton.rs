//! The deterministic automaton of a pattern, over pairs of (directed relation, kind of the tail).
//!
//! Relations and kinds that the pattern treats alike form classes, so that a step is one look-up in a small table:
//! `next[state][relation class][kind class]`. States are numbered so that every step leads to a higher number: a
//! pattern is a finite set of words, its automaton has no cycle, and no recursion over the graph is ever needed.

use super::symbols::{Symbols, TooLarge};
use footpath_core::{KindId, RelationId, TypeId};
use std::collections::BTreeSet;
use std::ops::Range;

/// Most states of an automaton.
pub const MAX_STATES: usize = 4096;
/// Most entries of the step table over classes of relations and types.
pub const MAX_STEPS: usize = 1 << 20;
/// Most rows of that table times kinds of nodes.
const MAX_LISTED: usize = 1 << 22;

/// No state.
pub(super) const DEAD: u16 = u16::MAX;

/// A state of an [`Automaton`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct StateId(pub u16);

impl StateId {
    /// The id as an index into per-state arrays.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A deterministic automaton whose words are the typed paths of a pattern: minimal, but that the states after the first
/// choice of a user are states of their own where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automaton {
    symbols: Symbols,
    next: Vec<u16>,
    accepting: Vec<bool>,
    longest: Vec<u16>,
    shortest: Vec<u16>,
    after: Lists<(Range<u32>, StateId)>,
    before: Lists<StateId>,
}

/// Many short lists, back to back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lists<T> {
    ends: Vec<usize>,
    values: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { ends: Vec::new(), values: Vec::new() }
    }
}

impl<T> Lists<T> {
    fn get(&self, index: usize) -> &[T] {
        let start = index.checked_sub(1).and_then(|i| self.ends.get(i)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.values.get(start..end).unwrap_or_default()
    }

    fn collect<I: IntoIterator<Item = T>>(lists: impl Iterator<Item = I>) -> Self {
        let mut all = Self { ends: Vec::new(), values: Vec::new() };
        for list in lists {
            all.values.extend(list);
            all.ends.push(all.values.len());
        }
        all
    }
}

impl Automaton {
    /// The state of a path that is only its user.
    #[must_use]
    pub fn start(&self) -> StateId {
        StateId(0)
    }

    /// The state after a hop to a node of kind `tail`; `None` when no path of the pattern goes on like this.
    #[must_use]
    pub fn step(&self, state: StateId, relation: RelationId, tail: KindId) -> Option<StateId> {
        let row = self.row(state, relation)?;
        let class = usize::from(*self.symbols.kind_class.get(tail.index())?);
        let next = *self.next.get(row * self.symbols.num_kind_classes + class)?;
        (next != DEAD).then_some(StateId(next))
    }

    /// Whether a path may end in the state.
    #[must_use]
    pub fn is_accepting(&self, state: StateId) -> bool {
        self.accepting.get(state.index()).copied().unwrap_or(false)
    }

    /// Number of states; every step leads to a higher one.
    #[must_use]
    pub fn num_states(&self) -> usize {
        self.accepting.len()
    }

    /// All states, the start first, each before every state that a step from it leads to.
    pub fn states(&self) -> impl DoubleEndedIterator<Item = StateId> + use<> {
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_STATES")]
        (0..self.num_states()).map(|state| StateId(state as u16))
    }

    /// The nodes a hop along `relation` may lead to, as ascending ranges of ids, each with the state it leads to. The
    /// kinds of a type that the pattern treats alike are one range; nodes of two types are never in one.
    #[must_use]
    pub fn nodes_after(&self, state: StateId, relation: RelationId) -> &[(Range<u32>, StateId)] {
        self.row(state, relation).map_or(&[], |row| self.after.get(row))
    }

    /// The kinds of node a hop along `relation` may lead to, ascending, each with the state it leads to.
    pub fn kinds_after(&self, state: StateId, relation: RelationId) -> impl Iterator<Item = (KindId, StateId)> + '_ {
        let kinds = (0..).map(KindId).take(self.symbols.kind_class.len());
        kinds.filter_map(move |kind| Some((kind, self.step(state, relation, kind)?)))
    }

    /// The states after the first choice of a user, ascending; no later hop leads there where there are several.
    #[must_use]
    pub fn states_of_first_items(&self) -> Vec<StateId> {
        let items = (0..).map(KindId).zip(self.symbols.kinds.iter()).filter(|(_, (of, _))| *of == TypeId::ITEM);
        let states = items.filter_map(|(kind, _)| self.step(self.start(), RelationId::INTERACTED, kind));
        states.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The states from which a hop along `relation` to a node of kind `tail` leads to `state`, ascending.
    #[must_use]
    pub fn states_before(&self, state: StateId, relation: RelationId, tail: KindId) -> &[StateId] {
        let Some(&class) = self.symbols.kind_class.get(tail.index()) else { return &[] };
        let row = self.row(state, relation);
        row.map_or(&[], |row| self.before.get(row * self.symbols.num_kind_classes + usize::from(class)))
    }

    /// Most hops from the state to the end of a path.
    #[must_use]
    pub fn longest(&self, state: StateId) -> usize {
        self.longest.get(state.index()).map_or(0, |&hops| usize::from(hops))
    }

    /// Fewest hops from the state to the end of a path.
    #[must_use]
    pub fn shortest(&self, state: StateId) -> usize {
        self.shortest.get(state.index()).map_or(0, |&hops| usize::from(hops))
    }

    fn row(&self, state: StateId, relation: RelationId) -> Option<usize> {
        let class = *self.symbols.relation_class.get(relation.index())?;
        (state.index() < self.num_states())
            .then(|| state.index() * self.symbols.num_relation_classes + usize::from(class))
    }

    /// An automaton from its tables; its states must be numbered so that steps lead to higher ones.
    pub(super) fn new(
        symbols: Symbols,
        next: Vec<u16>,
        accepting: Vec<bool>,
        longest: Vec<u16>,
        shortest: Vec<u16>,
    ) -> Result<Self, TooLarge> {
        let (after, before) = (Lists::default(), Lists::default());
        let mut automaton = Self { symbols, next, accepting, longest, shortest, after, before };
        automaton.list_steps()?;
        Ok(automaton)
    }

    /// The classes of relations and kinds.
    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// As [`Automaton::step`], of classes.
    pub(super) fn step_class(&self, state: u16, relation: u16, kind: u16) -> Option<u16> {
        let row = usize::from(state) * self.symbols.num_relation_classes + usize::from(relation);
        let next = *self.next.get(row * self.symbols.num_kind_classes + usize::from(kind))?;
        (next != DEAD).then_some(next)
    }

    pub(super) fn accepts(&self, state: u16) -> bool {
        self.is_accepting(StateId(state))
    }

    fn list_steps(&mut self) -> Result<(), TooLarge> {
        let rows = self.num_states() * self.symbols.num_relation_classes;
        if rows.saturating_mul(self.symbols.kind_class.len()) > MAX_LISTED {
            return Err(TooLarge);
        }
        let (next, kind_class, width) = (&self.next, &self.symbols.kind_class, self.symbols.num_kind_classes);
        let kinds = &self.symbols.kinds;
        let after = (0..rows).map(|row| {
            let mut ranges: Vec<(Range<u32>, StateId)> = Vec::new();
            let mut last_type = None;
            for ((of, nodes), &class) in kinds.iter().zip(kind_class) {
                let Some(&next) = next.get(row * width + usize::from(class)).filter(|next| **next != DEAD) else {
                    last_type = None;
                    continue;
                };
                match ranges.last_mut() {
                    Some((range, state)) if last_type == Some(*of) && state.0 == next => range.end = nodes.end,
                    _ => ranges.push((nodes.clone(), StateId(next))),
                }
                last_type = Some(*of);
            }
            ranges
        });
        let after = Lists::collect(after);
        let width = self.symbols.num_relation_classes * self.symbols.num_kind_classes;
        let mut before = vec![Vec::new(); self.next.len()];
        for (state, row) in self.states().zip(self.next.chunks(width)) {
            for (symbol, &next) in row.iter().enumerate().filter(|(_, next)| **next != DEAD) {
                if let Some(list) = before.get_mut(usize::from(next) * width + symbol) {
                    list.push(state);
                }
            }
        }
        (self.after, self.before) = (after, Lists::collect(before.into_iter()));
        Ok(())
    }
}
