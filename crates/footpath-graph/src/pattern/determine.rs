//! Making automata deterministic, minimal and canonical; their union, and their restriction.
//!
//! All three are one exploration of sets of states: those of a pattern without determinism, those of several automata
//! side by side, or a state together with what was met on the way. Patterns are finite sets of words, so no set has a
//! way back to itself.

use super::automaton::{Automaton, DEAD, MAX_STATES, MAX_STEPS};
use super::symbols::{Symbols, TooLarge};
use super::syntax::Restriction;
use footpath_core::{RelationId, TypeId};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most elementary steps of one exploration, so that no pattern keeps anybody waiting.
const MAX_WORK: usize = 1 << 26;

/// Numbers sets of states as they are found, and keeps account of the work.
#[derive(Debug, Default)]
pub(super) struct Interner {
    numbers: BTreeMap<Vec<u32>, u32>,
    sets: Vec<Vec<u32>>,
    stored: usize,
    work: usize,
}

impl Interner {
    /// The number of a set; [`NONE`] for the empty one, from which no path ends.
    pub(super) fn number(&mut self, set: Vec<u32>) -> Result<u32, TooLarge> {
        if set.is_empty() {
            return Ok(NONE);
        }
        // A search and an allocation, dearer than other steps.
        self.spend(16 + 2 * set.len())?;
        if let Some(&number) = self.numbers.get(&set) {
            return Ok(number);
        }
        self.stored += set.len();
        let number = u32::try_from(self.sets.len()).map_err(|_| TooLarge)?;
        if self.stored > MAX_STEPS {
            return Err(TooLarge);
        }
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        Ok(number)
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooLarge> {
        self.work = self.work.saturating_add(steps);
        if self.work > MAX_WORK { Err(TooLarge) } else { Ok(()) }
    }
}

/// Number of no set.
const NONE: u32 = u32::MAX;

/// Sets of states with a row of steps each.
#[derive(Debug)]
struct Table {
    /// Numbers of sets; one row of symbols after the other.
    next: Vec<u32>,
    accepting: Vec<bool>,
}

impl Table {
    /// Every set that can be got to from those of the interner. `expand` appends the row of a set and says whether it
    /// accepts.
    fn explore(
        interner: &mut Interner,
        width: usize,
        mut expand: impl FnMut(&[u32], &mut Interner, &mut Vec<u32>) -> Result<bool, TooLarge>,
    ) -> Result<Self, TooLarge> {
        let mut table = Self { next: Vec::new(), accepting: Vec::new() };
        while let Some(set) = interner.sets.get(table.accepting.len()).cloned() {
            interner.spend(width)?;
            if table.next.len() + width > MAX_STEPS {
                return Err(TooLarge);
            }
            let accepting = expand(&set, interner, &mut table.next)?;
            table.accepting.push(accepting);
        }
        Ok(table)
    }

    /// All sets, each after every set that a step from it leads to.
    fn bottom_up(&self, width: usize) -> Vec<usize> {
        // The number of hops from the start does not order the states of a pattern with quantifiers; the longest future
        // does.
        let mut height = vec![0usize; self.accepting.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (state, row) in self.next.chunks(width.max(1)).enumerate().rev() {
                let above = row.iter().filter_map(|&n| height.get(n as usize)).max().map_or(0, |h| h + 1);
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

    /// Merges sets with the same future and drops those without any; the state of each set is in the second result.
    fn merge(&self, width: usize) -> (Vec<State>, Vec<u32>) {
        let mut known: BTreeMap<(bool, Vec<u32>), u32> = BTreeMap::new();
        let mut states: Vec<State> = Vec::new();
        let mut state_of = vec![NONE; self.accepting.len()];
        for set in self.bottom_up(width) {
            let row = self.next.get(set * width..(set + 1) * width).unwrap_or_default();
            let row: Vec<u32> = row.iter().map(|&n| state_of.get(n as usize).copied().unwrap_or(NONE)).collect();
            let accepting = self.accepting.get(set).copied().unwrap_or(false);
            let after = |hops: fn(&State) -> u16| {
                let states = &states;
                row.iter().filter_map(move |&n| states.get(n as usize)).map(move |state| hops(state) + 1)
            };
            let here = accepting.then_some(0);
            let (longest, shortest) = (after(|s| s.longest).chain(here).max(), after(|s| s.shortest).chain(here).min());
            let (Some(longest), Some(shortest)) = (longest, shortest) else { continue };
            let number = *known.entry((accepting, row)).or_insert_with_key(|(_, row)| {
                states.push(State { accepting, row: row.clone(), longest, shortest });
                u32::try_from(states.len() - 1).unwrap_or(NONE)
            });
            state_of.get_mut(set).into_iter().for_each(|slot| *slot = number);
        }
        (states, state_of)
    }
}

/// A state of a minimal automaton.
#[derive(Clone, Debug)]
struct State {
    accepting: bool,
    row: Vec<u32>,
    longest: u16,
    shortest: u16,
}

/// The minimal automaton of the words from each of the first `num_roots` sets of `table`, which must be the same words
/// for all that have any. `Ok(None)` when there is no word at all.
fn minimal(table: &Table, symbols: Symbols, num_roots: usize) -> Result<Option<Automaton>, Trouble> {
    let (states, state_of) = table.merge(symbols.len());
    let mut roots = state_of.iter().take(num_roots).copied().filter(|&root| root != NONE);
    let Some(root) = roots.next() else { return Ok(None) };
    if roots.any(|other| other != root) {
        return Err(Trouble::DifferentStarts);
    }
    Ok(Some(canonical(&states, symbols, root)?))
}

/// Why there is no automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    TooLarge,
    /// What may follow depends on the type of the first node.
    DifferentStarts,
}

impl From<TooLarge> for Trouble {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// Classes and states in an order that depends on the words alone: classes by their first member, states by falling
/// longest future and then in the order of a breadth-first walk. Equal languages have equal automata.
fn canonical(states: &[State], symbols: Symbols, root: u32) -> Result<Automaton, TooLarge> {
    let states = &*first_hops_apart(states, &symbols, root);
    let width = symbols.num_kind_classes;
    let cell = |row: &[u32], relation: usize, kind: usize| row.get(relation * width + kind).copied().unwrap_or(NONE);
    let relation_column = |class: usize| -> Vec<u32> {
        states.iter().flat_map(|s| (0..width).map(move |kind| cell(&s.row, class, kind))).collect()
    };
    let type_column = |class: usize| -> Vec<u32> {
        states.iter().flat_map(|s| (0..symbols.num_relation_classes).map(move |r| cell(&s.row, r, class))).collect()
    };
    let (relation_class, relations) = merge_classes(&symbols.relation_class, relation_column);
    let (kind_class, types) = merge_classes(&symbols.kind_class, type_column);
    let rows: Vec<Vec<u32>> = states
        .iter()
        .map(|s| relations.iter().flat_map(|&r| types.iter().map(move |&t| cell(&s.row, r, t))).collect())
        .collect();
    let mut order = vec![root];
    let mut found = vec![false; states.len()];
    let mut at = 0;
    while let Some(&state) = order.get(at) {
        at += 1;
        for &next in rows.get(state as usize).into_iter().flatten() {
            if found.get_mut(next as usize).is_some_and(|found| !std::mem::replace(found, true)) {
                order.push(next);
            }
        }
    }
    order.sort_by_key(|&state| Reverse(states.get(state as usize).map(|s| s.longest)));
    if order.len() > MAX_STATES {
        return Err(TooLarge);
    }
    let mut new_of = vec![DEAD; states.len()];
    for (new, &old) in (0u16..).zip(&order) {
        new_of.get_mut(old as usize).into_iter().for_each(|slot| *slot = new);
    }
    let renamed = |old: &u32| new_of.get(*old as usize).copied().unwrap_or(DEAD);
    let in_order: Vec<&State> = order.iter().filter_map(|&old| states.get(old as usize)).collect();
    Automaton::new(
        Symbols::new(relation_class, kind_class, symbols.kinds),
        order.iter().filter_map(|&old| rows.get(old as usize)).flatten().map(renamed).collect(),
        in_order.iter().map(|s| s.accepting).collect(),
        in_order.iter().map(|s| s.longest).collect(),
        in_order.iter().map(|s| s.shortest).collect(),
    )
}

/// The states with those after a user's first choice apart from any that later hops lead to, where there are several:
/// laws treat the first item of a path unlike later ones, and know it by its state. A single one needs no care, since
/// every path of a user goes through it, and none twice.
fn first_hops_apart<'s>(states: &'s [State], symbols: &Symbols, root: u32) -> Cow<'s, [State]> {
    let row = |state: u32| states.get(state as usize).map_or(&[][..], |state| &state.row);
    let relation = symbols.relation_class.get(RelationId::INTERACTED.index()).map_or(0, |&class| usize::from(class));
    let columns: BTreeSet<usize> =
        symbols.of_type(TypeId::ITEM).map(|class| relation * symbols.num_kind_classes + class).collect();
    let first: BTreeSet<u32> =
        columns.iter().filter_map(|&column| row(root).get(column).copied()).filter(|&next| next != NONE).collect();
    if first.len() < 2 {
        return Cow::Borrowed(states);
    }
    let all = (0..)
        .zip(states)
        .flat_map(|(from, state)| state.row.iter().enumerate().map(move |(column, &next)| (from, column, next)));
    let later = all.filter(|(from, column, _)| *from != root || !columns.contains(column)).map(|(.., next)| next);
    let shared: BTreeSet<u32> = later.filter(|next| first.contains(next)).collect();
    let mut apart = states.to_vec();
    for state in shared {
        let Some(copy) = states.get(state as usize).cloned() else { continue };
        let number = u32::try_from(apart.len()).unwrap_or(NONE);
        apart.push(copy);
        let Some(root) = apart.get_mut(root as usize) else { continue };
        for &column in &columns {
            root.row.get_mut(column).into_iter().filter(|next| **next == state).for_each(|next| *next = number);
        }
    }
    Cow::Owned(apart)
}

/// Classes with equal columns become one; the new class of each element, and an old class of each new one.
fn merge_classes(class_of: &[u16], column: impl Fn(usize) -> Vec<u32>) -> (Vec<u16>, Vec<usize>) {
    let mut by_column = BTreeMap::new();
    let mut new_of_old: BTreeMap<u16, u16> = BTreeMap::new();
    let mut old = Vec::new();
    for &class in class_of {
        new_of_old.entry(class).or_insert_with(|| {
            *by_column.entry(column(usize::from(class))).or_insert_with(|| {
                old.push(usize::from(class));
                u16::try_from(old.len() - 1).unwrap_or(DEAD)
            })
        });
    }
    (class_of.iter().filter_map(|class| new_of_old.get(class).copied()).collect(), old)
}

/// The minimal automaton of a pattern from its start sets, with `expand` as in [`Table::explore`].
pub(super) fn from_sets(
    symbols: Symbols,
    mut interner: Interner,
    expand: impl FnMut(&[u32], &mut Interner, &mut Vec<u32>) -> Result<bool, TooLarge>,
) -> Result<Option<Automaton>, Trouble> {
    let num_roots = interner.sets.len();
    let table = Table::explore(&mut interner, symbols.len(), expand)?;
    minimal(&table, symbols, num_roots)
}

/// The minimal automaton of the words of any of the automata, all made for the same graph; `None` for none of them.
pub(super) fn union(automata: &[&Automaton]) -> Result<Option<Automaton>, TooLarge> {
    if let [only] = automata {
        return Ok(Some((*only).clone()));
    }
    let (relation_class, relations) = side_by_side(automata.iter().map(|a| a.symbols().relation_class.as_slice()));
    let (kind_class, types) = side_by_side(automata.iter().map(|a| a.symbols().kind_class.as_slice()));
    let mut interner = Interner::default();
    interner.number((0..).step_by(1 << PART_SHIFT).take(automata.len()).collect())?;
    let kinds = automata.first().map(|automaton| Arc::clone(&automaton.symbols().kinds)).unwrap_or_default();
    let made = from_sets(Symbols::new(relation_class, kind_class, kinds), interner, |set, interner, row| {
        let part = |state: u32| automata.get((state >> PART_SHIFT) as usize).copied();
        for relation in &relations {
            interner.spend(types.len() * set.len())?;
            for kind in &types {
                let step = |&state: &u32| {
                    let class = |classes: &[u16]| classes.get((state >> PART_SHIFT) as usize).copied();
                    let next = part(state)?.step_class(state as u16, class(relation)?, class(kind)?)?;
                    Some(state >> PART_SHIFT << PART_SHIFT | u32::from(next))
                };
                let next = set.iter().filter_map(step).collect();
                row.push(interner.number(next)?);
            }
        }
        Ok(set.iter().any(|&state| part(state).is_some_and(|a| a.accepts(state as u16))))
    });
    made.map_err(|_| TooLarge)
}

/// In a set of states of several automata, the number of the automaton stands above this bit, the state below.
const PART_SHIFT: u32 = 16;

/// Common classes of several classifications: the class of each element, and for each class those it has in all of
/// them.
fn side_by_side<'a>(all: impl Iterator<Item = &'a [u16]>) -> (Vec<u16>, Vec<Vec<u16>>) {
    let mut class_of: Vec<u16> = Vec::new();
    let mut members: Vec<Vec<u16>> = Vec::new();
    for (index, classes) in all.enumerate() {
        if index == 0 {
            class_of = vec![0; classes.len()];
            members = vec![Vec::new()];
        }
        let mut split = BTreeMap::new();
        let mut new: Vec<Vec<u16>> = Vec::new();
        for (class, &other) in class_of.iter_mut().zip(classes) {
            *class = *split.entry((*class, other)).or_insert_with_key(|&(class, other)| {
                let mut member = members.get(usize::from(class)).cloned().unwrap_or_default();
                member.push(other);
                new.push(member);
                u16::try_from(new.len() - 1).unwrap_or(DEAD)
            });
        }
        members = new;
    }
    (class_of, members)
}

/// The minimal automaton of the words that meet a user after the start, or of those that do not; `None` for none.
pub(super) fn restrict(automaton: &Automaton, restriction: Restriction) -> Result<Option<Automaton>, TooLarge> {
    let symbols = automaton.symbols();
    // Users get a class of their own; 0 stays theirs alone.
    let users: Vec<u16> = symbols.kinds.iter().map(|(of, _)| u16::from(*of != TypeId::USER)).collect();
    let (kind_class, types) = side_by_side([symbols.kind_class.as_slice(), users.as_slice()].into_iter());
    let relations = 0..u16::try_from(symbols.num_relation_classes).unwrap_or(DEAD);
    let mut interner = Interner::default();
    interner.number(vec![0])?;
    // State 2s + 1 is state s after a user was met.
    let symbols = Symbols::new(symbols.relation_class.clone(), kind_class, Arc::clone(&symbols.kinds));
    let made = from_sets(symbols, interner, |set, interner, row| {
        let Some(&state) = set.first() else { return Ok(false) };
        let (here, met) = ((state / 2) as u16, state % 2);
        for relation in relations.clone() {
            for kind in &types {
                let (class, is_user) = (kind.first().copied().unwrap_or(DEAD), kind.last() == Some(&0));
                let met = met | u32::from(is_user);
                let next = automaton
                    .step_class(here, relation, class)
                    .filter(|_| met == 0 || restriction == Restriction::Collaborative);
                row.push(interner.number(next.map(|next| u32::from(next) * 2 + met).into_iter().collect())?);
            }
        }
        Ok(automaton.accepts(here) && (met == 1) == (restriction == Restriction::Collaborative))
    });
    made.map_err(|_| TooLarge)
}
