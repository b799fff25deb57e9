//! The deterministic automaton of a pattern, over pairs of (directed relation, type of the tail).
//!
//! Relations and types that the pattern treats alike form classes, so that a step is one look-up in a small table:
//! `next[state][relation class][type class]`. States are numbered so that every step leads to a higher number: a
//! pattern is a finite set of words, its automaton has no cycle, and no recursion over the graph is ever needed.

use super::determine::{Symbols, TooLarge};
use footpath_core::{RelationId, TypeId};

/// Most states of an automaton.
pub const MAX_STATES: usize = 4096;
/// Most entries of the step table over classes of relations and types.
pub const MAX_STEPS: usize = 1 << 20;
/// Most rows of that table times types.
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

/// A minimal deterministic automaton whose words are the typed paths of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automaton {
    symbols: Symbols,
    next: Vec<u16>,
    accepting: Vec<bool>,
    longest: Vec<u16>,
    shortest: Vec<u16>,
    after: Lists<(TypeId, StateId)>,
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

    /// The state after a hop to a node of type `tail`; `None` when no path of the pattern goes on like this.
    #[must_use]
    pub fn step(&self, state: StateId, relation: RelationId, tail: TypeId) -> Option<StateId> {
        let row = self.row(state, relation)?;
        let class = usize::from(*self.symbols.type_class.get(tail.index())?);
        let next = *self.next.get(row * self.symbols.num_type_classes + class)?;
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

    /// The types of node a hop along `relation` may lead to, ascending, each with the state it leads to.
    #[must_use]
    pub fn types_after(&self, state: StateId, relation: RelationId) -> &[(TypeId, StateId)] {
        self.row(state, relation).map_or(&[], |row| self.after.get(row))
    }

    /// The states from which a hop along `relation` to a node of type `tail` leads to `state`, ascending.
    #[must_use]
    pub fn states_before(&self, state: StateId, relation: RelationId, tail: TypeId) -> &[StateId] {
        let Some(&class) = self.symbols.type_class.get(tail.index()) else { return &[] };
        let row = self.row(state, relation);
        row.map_or(&[], |row| self.before.get(row * self.symbols.num_type_classes + usize::from(class)))
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

    /// The classes of relations and types.
    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// As [`Automaton::step`], of classes.
    pub(super) fn step_class(&self, state: u16, relation: u16, kind: u16) -> Option<u16> {
        let row = usize::from(state) * self.symbols.num_relation_classes + usize::from(relation);
        let next = *self.next.get(row * self.symbols.num_type_classes + usize::from(kind))?;
        (next != DEAD).then_some(next)
    }

    pub(super) fn accepts(&self, state: u16) -> bool {
        self.is_accepting(StateId(state))
    }

    fn list_steps(&mut self) -> Result<(), TooLarge> {
        let rows = self.num_states() * self.symbols.num_relation_classes;
        if rows.saturating_mul(self.symbols.type_class.len()) > MAX_LISTED {
            return Err(TooLarge);
        }
        let (next, type_class, width) = (&self.next, &self.symbols.type_class, self.symbols.num_type_classes);
        let after = (0..rows).map(|row| {
            (0u16..).zip(type_class).filter_map(move |(kind, &class)| {
                let next = *next.get(row * width + usize::from(class))?;
                (next != DEAD).then_some((TypeId(kind), StateId(next)))
            })
        });
        let after = Lists::collect(after);
        let width = self.symbols.num_relation_classes * self.symbols.num_type_classes;
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
