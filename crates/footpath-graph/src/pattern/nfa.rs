//! The nondeterministic automaton of a pattern: hops along relations, and tests of the type of the node stood at.

use super::determine::Interner;
use super::facts::Facts;
use super::symbols::{Kinds, Symbols, TooLarge};
use super::syntax::Span;
use footpath_core::{KindId, RelationId};
use std::collections::{BTreeMap, BTreeSet};

/// Most states; alternatives and quantifiers multiply, and the text alone does not bound them.
const MAX_STATES: u32 = 1 << 16;

/// The state every path starts in.
pub(super) const START: u32 = 0;

/// A nondeterministic automaton without cycles; a path ends in the last state that [`Nfa::end_at`] was told of.
#[derive(Debug)]
pub(super) struct Nfa {
    relation_sets: Sets,
    type_sets: Sets,
    /// What leaves each state.
    hops: Vec<Vec<Hop>>,
    tests: Vec<Vec<Test>>,
    end: u32,
}

/// One hop along a relation of a set, to a node of any type.
#[derive(Clone, Debug)]
struct Hop {
    relations: usize,
    to: u32,
    span: Span,
}

/// No hop: the node stood at has a type of the set. `None` as span stands for nothing in the text.
#[derive(Clone, Debug)]
struct Test {
    types: usize,
    to: u32,
    span: Option<Span>,
}

/// Sets of elements, as flags, without repetition.
#[derive(Debug, Default)]
struct Sets {
    numbers: BTreeMap<Vec<bool>, usize>,
}

impl Sets {
    fn number(&mut self, set: Vec<bool>) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(set).or_insert(next)
    }

    /// Groups `len` elements that are in the same sets: the class of each, and for each set whether it has each class.
    fn classes(&self, len: usize) -> (Vec<u16>, Vec<Vec<bool>>) {
        let mut class = vec![0u16; len];
        let mut first = vec![0];
        for set in self.numbers.keys() {
            let mut split = BTreeMap::new();
            first.clear();
            for (element, (class, flag)) in class.iter_mut().zip(set).enumerate() {
                *class = *split.entry((*class, *flag)).or_insert_with(|| {
                    first.push(element);
                    u16::try_from(first.len() - 1).unwrap_or(u16::MAX)
                });
            }
        }
        let mut sets = vec![Vec::new(); self.numbers.len()];
        for (set, &number) in &self.numbers {
            if let Some(slot) = sets.get_mut(number) {
                *slot = first.iter().map(|&element| set.get(element).copied().unwrap_or(false)).collect();
            }
        }
        (class, sets)
    }
}

impl Nfa {
    /// An automaton with nothing but its start, for so many types of node. `kept` are sets of types that must stay
    /// apart.
    pub(super) fn new(num_types: usize, kept: impl IntoIterator<Item = Vec<bool>>) -> Self {
        let mut type_sets = Sets::default();
        type_sets.number(vec![true; num_types]);
        for set in kept {
            type_sets.number(set);
        }
        Self { relation_sets: Sets::default(), type_sets, hops: vec![vec![]], tests: vec![vec![]], end: START }
    }

    pub(super) fn relation_set(&mut self, set: Vec<bool>) -> usize {
        self.relation_sets.number(set)
    }

    pub(super) fn type_set(&mut self, set: Vec<bool>) -> usize {
        self.type_sets.number(set)
    }

    pub(super) fn state(&mut self) -> Result<u32, TooLarge> {
        let state = u32::try_from(self.hops.len()).ok().filter(|&state| state < MAX_STATES).ok_or(TooLarge)?;
        self.hops.push(Vec::new());
        self.tests.push(Vec::new());
        Ok(state)
    }

    pub(super) fn hop(&mut self, from: u32, relations: usize, to: u32, span: &Span) {
        let hop = Hop { relations, to, span: span.clone() };
        self.hops.get_mut(from as usize).into_iter().for_each(|hops| hops.push(hop.clone()));
    }

    pub(super) fn test(&mut self, from: u32, types: usize, to: u32, span: &Span) {
        let test = Test { types, to, span: Some(span.clone()) };
        self.tests.get_mut(from as usize).into_iter().for_each(|tests| tests.push(test.clone()));
    }

    /// From one state to the other without any condition.
    pub(super) fn skip(&mut self, from: u32, to: u32) {
        let test = Test { types: 0, to, span: None };
        self.tests.get_mut(from as usize).into_iter().for_each(|tests| tests.push(test.clone()));
    }

    pub(super) fn end_at(&mut self, end: u32) {
        self.end = end;
    }

    /// The automaton with its relations and types in classes.
    pub(super) fn classify(self, num_relations: usize, kinds: Kinds) -> Classified {
        let (relation_class, relation_sets) = self.relation_sets.classes(num_relations);
        let (kind_class, type_sets) = self.type_sets.classes(kinds.len());
        let members = |set: &Vec<bool>| (0..).zip(set).filter(|(_, flag)| **flag).map(|(class, _)| class).collect();
        Classified {
            symbols: Symbols::new(relation_class, kind_class, kinds),
            relation_sets: relation_sets.iter().map(members).collect(),
            type_sets,
            nfa: self,
        }
    }
}

/// An [`Nfa`] over classes of relations and types.
#[derive(Debug)]
pub(super) struct Classified {
    pub(super) symbols: Symbols,
    /// The relation classes in each set.
    relation_sets: Vec<Vec<usize>>,
    /// Whether each set has each type class.
    type_sets: Vec<Vec<bool>>,
    nfa: Nfa,
}

impl Classified {
    /// The states that matter in which the node stood at, of a type of the class, is when `states` were entered: those
    /// with hops, and the end.
    pub(super) fn closure(&self, states: &[u32], class: usize, work: &mut Interner) -> Result<Vec<u32>, TooLarge> {
        let mut seen = BTreeSet::new();
        let mut open = states.to_vec();
        while let Some(state) = open.pop() {
            work.spend(1)?;
            if seen.insert(state) {
                open.extend(self.tests(state).iter().filter(|test| self.passes(test, class)).map(|test| test.to));
            }
        }
        let matters = |state: &u32| *state == self.nfa.end || !self.hops(*state).is_empty();
        Ok(seen.into_iter().filter(matters).collect())
    }

    /// Whether a path may end in one of the states, and the numbers of the sets of states after a hop of each relation
    /// and type class, appended to `row`.
    pub(super) fn expand(&self, states: &[u32], work: &mut Interner, row: &mut Vec<u32>) -> Result<bool, TooLarge> {
        let mut targets = vec![Vec::new(); self.symbols.num_relation_classes];
        for hop in states.iter().flat_map(|&state| self.hops(state)) {
            let classes = self.relation_sets.get(hop.relations).map_or(&[][..], Vec::as_slice);
            // Dearer than other steps: they are all in memory at once.
            work.spend(8 * classes.len())?;
            for &class in classes {
                targets.get_mut(class).into_iter().for_each(|targets| targets.push(hop.to));
            }
        }
        let mut known: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for mut targets in targets {
            targets.sort_unstable();
            targets.dedup();
            if let Some(numbers) = known.get(&targets) {
                row.extend(numbers);
                continue;
            }
            let from = row.len();
            for class in 0..self.symbols.num_kind_classes {
                let closure = self.closure(&targets, class, work)?;
                row.push(work.number(closure)?);
            }
            known.insert(targets, row.get(from..).unwrap_or_default().to_vec());
        }
        Ok(states.contains(&self.nfa.end))
    }

    /// Number of entries of the table that [`Classified::last_part`] needs.
    pub(super) fn num_places(&self) -> usize {
        self.nfa.hops.len().saturating_mul(self.symbols.num_kind_classes).saturating_mul(2)
    }

    /// The last part of the text on a way from a start of the type class to the end, at a node of a type class and with
    /// or without a hop as `wanted` says, if there is such a way. Otherwise the last part that no path gets past.
    pub(super) fn last_part(
        &self,
        start: usize,
        wanted: impl Fn(usize, bool) -> bool,
    ) -> Result<Option<&Span>, Option<&Span>> {
        let types = self.symbols.num_kind_classes;
        // (state, type class of the node stood at, whether a hop was made)
        let mut seen = vec![false; self.num_places()];
        let mut open = vec![(START, start, false, None::<&Span>)];
        // By where they stand in the text and by state: a quantifier makes several of one part.
        let mut blocked: BTreeMap<(usize, u32), &Span> = BTreeMap::new();
        let mut passed = BTreeSet::new();
        while let Some((state, class, has_hop, span)) = open.pop() {
            let index = (state as usize * types + class) * 2 + usize::from(has_hop);
            match seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            if state == self.nfa.end && wanted(class, has_hop) {
                return Ok(span);
            }
            for hop in self.hops(state) {
                open.extend((0..types).map(|class| (hop.to, class, true, Some(&hop.span))));
            }
            for test in self.tests(state) {
                let part = test.span.as_ref();
                if self.passes(test, class) {
                    passed.extend(part.map(|part| (part.start, test.to)));
                    open.push((test.to, class, has_hop, part.or(span)));
                } else {
                    blocked.extend(part.map(|part| ((part.start, test.to), part)));
                }
            }
        }
        Err(blocked.into_iter().rfind(|(place, _)| !passed.contains(place)).map(|(_, span)| span))
    }

    /// The first part of the text on a way that starts at a node of the type class and gets to a hop or the end, if
    /// there is one.
    pub(super) fn first_part(&self, start: usize) -> Option<Option<&Span>> {
        let mut open = vec![(START, None::<&Span>)];
        let mut seen = BTreeSet::new();
        while let Some((state, span)) = open.pop() {
            if !seen.insert(state) {
                continue;
            }
            if state == self.nfa.end || !self.hops(state).is_empty() {
                return Some(span.or_else(|| self.hops(state).first().map(|hop| &hop.span)));
            }
            let tests = self.tests(state).iter().filter(|test| self.passes(test, start));
            open.extend(tests.map(|test| (test.to, span.or(test.span.as_ref()))));
        }
        None
    }

    /// The last part of the text that no path gets past which starts at a type and is made of the given facts, with the
    /// types of the nodes where paths stop short of it; `None` when a path gets to the end.
    pub(super) fn stopped_at(&self, start: KindId, facts: &Facts) -> Option<Stop<'_>> {
        let mut seen = BTreeSet::new();
        let mut open = vec![(START, start)];
        let mut passed = BTreeSet::new();
        let mut stops: BTreeMap<(usize, u32), Stop<'_>> = BTreeMap::new();
        while let Some((state, kind)) = open.pop() {
            if state == self.nfa.end {
                return None;
            }
            if !seen.insert((state, kind)) {
                continue;
            }
            for hop in self.hops(state) {
                let fits = |relation: RelationId| {
                    let class = self.symbols.relation_class.get(relation.index()).map(|&class| usize::from(class));
                    class.is_some_and(|class| {
                        self.relation_sets.get(hop.relations).is_some_and(|set| set.contains(&class))
                    })
                };
                let before = open.len();
                open.extend(facts.from(kind).filter(|&(relation, _)| fits(relation)).map(|(_, tail)| (hop.to, tail)));
                if open.len() > before {
                    passed.insert((hop.span.start, hop.to));
                } else {
                    let stop = stops.entry((hop.span.start, hop.to)).or_insert_with(|| Stop::new(&hop.span, true));
                    stop.types.insert(kind);
                }
            }
            for test in self.tests(state) {
                let passes = self.passes(test, self.symbols.of_kind(kind));
                open.extend(passes.then_some((test.to, kind)));
                let Some(span) = &test.span else { continue };
                if passes {
                    passed.insert((span.start, test.to));
                } else {
                    let stop = stops.entry((span.start, test.to)).or_insert_with(|| Stop::new(span, false));
                    stop.types.insert(kind);
                }
            }
        }
        Some(stops.into_iter().rfind(|(place, _)| !passed.contains(place))?.1)
    }

    fn hops(&self, state: u32) -> &[Hop] {
        self.nfa.hops.get(state as usize).map_or(&[], Vec::as_slice)
    }

    fn tests(&self, state: u32) -> &[Test] {
        self.nfa.tests.get(state as usize).map_or(&[], Vec::as_slice)
    }

    fn passes(&self, test: &Test, class: usize) -> bool {
        self.type_sets.get(test.types).and_then(|set| set.get(class)).copied().unwrap_or(false)
    }
}

/// A part of the text that no path gets past.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    pub(super) span: &'a Span,
    pub(super) is_hop: bool,
    /// Types of the nodes where paths stop.
    pub(super) types: BTreeSet<KindId>,
}

impl<'a> Stop<'a> {
    fn new(span: &'a Span, is_hop: bool) -> Self {
        Self { span, is_hop, types: BTreeSet::new() }
    }
}
