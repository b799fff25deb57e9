//! The deterministic automaton of a pattern, over pairs of (directed relation, type of the tail).
//!
//! Relations and types that the pattern treats alike form classes, so that a step is one look-up in a small table:
//! `next[state][relation class][type class]`. States are numbered so that every step leads to a higher number: a
//! pattern is a finite set of words, its automaton has no cycle, and no recursion over the graph is ever needed.

use footpath_core::{RelationId, TypeId};
use std::collections::BTreeMap;

/// Most states of an automaton.
pub const MAX_STATES: usize = 4096;
/// Most entries of the step table.
pub const MAX_STEPS: usize = 1 << 22;

const DEAD: u16 = u16::MAX;

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
    relation_class: Vec<u16>,
    type_class: Vec<u16>,
    num_relation_classes: usize,
    num_type_classes: usize,
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

/// A hop of the nondeterministic automaton: from one position of the pattern to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition {
    pub(super) from: usize,
    pub(super) relations: usize,
    pub(super) types: usize,
    pub(super) to: usize,
}

/// A nondeterministic automaton; position 0 is the start.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// Sets of directed relations, as flags.
    pub(super) relation_sets: Vec<Vec<bool>>,
    /// Sets of node types, as flags.
    pub(super) type_sets: Vec<Vec<bool>>,
    pub(super) transitions: Vec<Transition>,
    pub(super) accepting: Vec<usize>,
}

/// The automaton would pass [`MAX_STATES`] or [`MAX_STEPS`].
#[derive(Debug)]
pub(super) struct TooLarge;

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
        let class = usize::from(*self.type_class.get(tail.index())?);
        let next = *self.next.get(row * self.num_type_classes + class)?;
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
        let Some(&class) = self.type_class.get(tail.index()) else { return &[] };
        let row = self.row(state, relation);
        row.map_or(&[], |row| self.before.get(row * self.num_type_classes + usize::from(class)))
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
        let class = *self.relation_class.get(relation.index())?;
        (state.index() < self.num_states()).then(|| state.index() * self.num_relation_classes + usize::from(class))
    }

    /// The minimal automaton of the same words; `None` in the result when there is no word at all.
    pub(super) fn compile(positions: &Positions) -> Result<Option<Self>, TooLarge> {
        let (relation_class, relation_sets) = classes(&positions.relation_sets);
        let (type_class, type_sets) = classes(&positions.type_sets);
        let width = relation_sets.len().saturating_mul(type_sets.len());
        let subsets = Subsets::build(positions, &relation_sets, &type_sets, width)?;
        let Some((next, accepting, longest, shortest)) = subsets.minimise(width) else { return Ok(None) };
        let mut automaton = Self {
            relation_class,
            type_class,
            num_relation_classes: relation_sets.len(),
            num_type_classes: type_sets.len(),
            next,
            accepting,
            longest,
            shortest,
            after: Lists::collect(std::iter::empty::<Vec<_>>()),
            before: Lists::collect(std::iter::empty::<Vec<_>>()),
        };
        automaton.list_steps()?;
        Ok(Some(automaton))
    }

    fn list_steps(&mut self) -> Result<(), TooLarge> {
        let rows = self.num_states() * self.num_relation_classes;
        if rows.saturating_mul(self.type_class.len()) > MAX_STEPS {
            return Err(TooLarge);
        }
        let (next, type_class, width) = (&self.next, &self.type_class, self.num_type_classes);
        let after = (0..rows).map(|row| {
            (0u16..).zip(type_class).filter_map(move |(kind, &class)| {
                let next = *next.get(row * width + usize::from(class))?;
                (next != DEAD).then_some((TypeId(kind), StateId(next)))
            })
        });
        let after = Lists::collect(after);
        let width = self.num_relation_classes * self.num_type_classes;
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

/// Groups elements that are in the same sets: the class of each element, and for each class the sets it is in.
fn classes(sets: &[Vec<bool>]) -> (Vec<u16>, Vec<Vec<bool>>) {
    let len = sets.first().map_or(0, Vec::len);
    let mut numbers = BTreeMap::new();
    let mut members = Vec::new();
    let class = (0..len).map(|element| {
        let signature: Vec<bool> = sets.iter().map(|set| set.get(element).copied().unwrap_or(false)).collect();
        *numbers.entry(signature).or_insert_with_key(|signature| {
            members.push(signature.clone());
            u16::try_from(members.len() - 1).unwrap_or(DEAD)
        })
    });
    let class = class.collect();
    (class, members)
}

/// The deterministic automaton of sets of positions, before minimisation.
struct Subsets {
    next: Vec<Option<usize>>,
    accepting: Vec<bool>,
}

impl Subsets {
    fn build(
        positions: &Positions,
        relation_sets: &[Vec<bool>],
        type_sets: &[Vec<bool>],
        width: usize,
    ) -> Result<Self, TooLarge> {
        let is_in = |sets: &[bool], set: usize| sets.get(set).copied().unwrap_or(false);
        let mut numbers = BTreeMap::from([(vec![0], 0)]);
        let mut queue = vec![vec![0]];
        let mut all = Self { next: Vec::new(), accepting: Vec::new() };
        while let Some(subset) = queue.get(all.accepting.len()).cloned() {
            all.accepting.push(subset.iter().any(|position| positions.accepting.contains(position)));
            if queue.len() > MAX_STATES || queue.len().saturating_mul(width) > MAX_STEPS {
                return Err(TooLarge);
            }
            let out: Vec<_> = positions.transitions.iter().filter(|t| subset.contains(&t.from)).collect();
            for relation in relation_sets {
                for kind in type_sets {
                    let fits = |t: &&&Transition| is_in(relation, t.relations) && is_in(kind, t.types);
                    let mut target: Vec<usize> = out.iter().filter(fits).map(|t| t.to).collect();
                    target.sort_unstable();
                    target.dedup();
                    all.next.push((!target.is_empty()).then(|| {
                        *numbers.entry(target).or_insert_with_key(|target| {
                            queue.push(target.clone());
                            queue.len() - 1
                        })
                    }));
                }
            }
        }
        Ok(all)
    }

    /// Merges states with the same future, drops those without one, and numbers the rest by falling longest future,
    /// so that every step leads to a higher number. `None` when the start has no future.
    #[expect(clippy::type_complexity, reason = "four parallel tables, taken apart by the only caller")]
    fn minimise(&self, width: usize) -> Option<(Vec<u16>, Vec<bool>, Vec<u16>, Vec<u16>)> {
        let mut merged: BTreeMap<(bool, Vec<u16>), u16> = BTreeMap::new();
        let mut states: Vec<(bool, Vec<u16>, u16, u16)> = Vec::new();
        let mut merged_of = vec![DEAD; self.accepting.len()];
        for state in self.bottom_up(width) {
            let row = self.next.get(state * width..(state + 1) * width).unwrap_or_default();
            let row: Vec<u16> = row.iter().map(|n| n.and_then(|n| merged_of.get(n).copied()).unwrap_or(DEAD)).collect();
            let accepting = self.accepting.get(state).copied().unwrap_or(false);
            let lengths = |pick: fn(&(bool, Vec<u16>, u16, u16)) -> u16| {
                let states = &states;
                row.iter().filter_map(move |&n| states.get(usize::from(n)).map(pick)).map(|hops| hops + 1)
            };
            let zero = accepting.then_some(0);
            let (Some(longest), Some(shortest)) =
                (lengths(|s| s.2).chain(zero).max(), lengths(|s| s.3).chain(zero).min())
            else {
                continue;
            };
            let id = *merged.entry((accepting, row.clone())).or_insert_with(|| {
                states.push((accepting, row, longest, shortest));
                u16::try_from(states.len() - 1).unwrap_or(DEAD)
            });
            if let Some(slot) = merged_of.get_mut(state) {
                *slot = id;
            }
        }
        let start = *merged_of.first()?;
        if start == DEAD {
            return None;
        }
        Some(renumber(&states))
    }

    /// All states, each after every state that a step from it leads to.
    fn bottom_up(&self, width: usize) -> Vec<usize> {
        // Depth from the start does not order the states of a pattern with quantifiers; the longest future does.
        let mut height = vec![0usize; self.accepting.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (state, row) in self.next.chunks(width.max(1)).enumerate() {
                let above = row.iter().flatten().filter_map(|&n| height.get(n)).max().map_or(0, |h| h + 1);
                if let Some(h) = height.get_mut(state).filter(|h| **h < above) {
                    *h = above;
                    changed = true;
                }
            }
        }
        let mut order: Vec<usize> = (0..self.accepting.len()).collect();
        order.sort_by_key(|&state| height.get(state).copied());
        order
    }
}

fn renumber(states: &[(bool, Vec<u16>, u16, u16)]) -> (Vec<u16>, Vec<bool>, Vec<u16>, Vec<u16>) {
    let mut order: Vec<usize> = (0..states.len()).collect();
    order.sort_by_key(|&old| std::cmp::Reverse(states.get(old).map(|s| s.2)));
    let mut new_of = vec![DEAD; states.len()];
    for (new, &old) in (0u16..).zip(&order) {
        if let Some(slot) = new_of.get_mut(old) {
            *slot = new;
        }
    }
    let renamed = |old: &u16| new_of.get(usize::from(*old)).copied().unwrap_or(DEAD);
    let in_order = || order.iter().filter_map(|&old| states.get(old));
    (
        in_order().flat_map(|s| s.1.iter().map(renamed)).collect(),
        in_order().map(|s| s.0).collect(),
        in_order().map(|s| s.2).collect(),
        in_order().map(|s| s.3).collect(),
    )
}
