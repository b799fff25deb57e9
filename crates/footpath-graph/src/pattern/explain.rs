//! What a pattern comes to in a graph: hop by hop, as a table of steps, and as a drawing.

use super::automaton::{Automaton, StateId};
use super::compile::{self, CompileError};
use super::{Pattern, parse};
use crate::error::{PatternFailure, Result};
use crate::kg::{Schema, TrainKg};
use footpath_core::{KindId, NodeId, RelationId, TypeId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Most names listed where words stand for a set.
const MAX_NAMES: usize = 6;

/// Which kinds of facts a graph has: for each kind of node, the directed relations that leave it and the kinds they
/// lead to.
#[derive(Clone, Debug)]
pub struct Facts {
    by_kind: Vec<BTreeSet<(RelationId, KindId)>>,
}

impl Facts {
    /// Looks at every arc of a graph once.
    #[must_use]
    pub fn of(kg: &TrainKg) -> Self {
        let of_kind = |kind: KindId| {
            let mut found = BTreeSet::new();
            for node in kg.schema().kind_range(kind).map(NodeId) {
                // The arcs of a node are sorted by relation and tail, so equal ones stand together.
                let mut last = None;
                for (relation, tail) in kg.arcs(node).iter() {
                    let this = (relation, kg.kind_of(tail));
                    if last != Some(this) {
                        found.insert(this);
                        last = Some(this);
                    }
                }
            }
            found
        };
        Self { by_kind: kg.schema().all_kinds().map(of_kind).collect() }
    }

    /// The directed relations that leave nodes of a kind, with the kinds they lead to, ascending.
    pub fn from(&self, kind: KindId) -> impl Iterator<Item = (RelationId, KindId)> + '_ {
        self.by_kind.get(kind.index()).into_iter().flatten().copied()
    }
}

/// What the hops of one number can be, over all paths of a pattern for which a graph has facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Kinds of the nodes it leaves.
    pub from: BTreeSet<KindId>,
    /// Directed relations it is made along.
    pub relations: BTreeSet<RelationId>,
    /// Kinds of the nodes it leads to.
    pub to: BTreeSet<KindId>,
    /// Whether a path may end with it.
    pub may_end: bool,
}

/// Steps of an automaton from one state to another: any of the relations, to a node of any of the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state before.
    pub from: StateId,
    /// Directed relations.
    pub relations: BTreeSet<RelationId>,
    /// Kinds of the node stepped to.
    pub kinds: BTreeSet<KindId>,
    /// The state after.
    pub to: StateId,
}

/// A state and the kind of the node stood at in it.
type Place = (StateId, KindId);

impl Pattern {
    /// Hop by hop what paths can be made of in a graph with these facts.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`] when the facts make no path of the pattern, pointing at the part that no path gets to.
    pub fn hops_in(&self, facts: &Facts, schema: &Schema) -> Result<Vec<Hop>> {
        let automaton = &self.automaton;
        let mut layers: Vec<BTreeMap<Place, Vec<(RelationId, Place)>>> = Vec::new();
        let mut here: BTreeSet<Place> = self.starts.iter().map(|&kind| (automaton.start(), kind)).collect();
        while !here.is_empty() {
            let onward = |&(state, kind): &Place| {
                let step = |(relation, tail)| Some((relation, (automaton.step(state, relation, tail)?, tail)));
                ((state, kind), facts.from(kind).filter_map(step).collect())
            };
            let layer: BTreeMap<Place, Vec<(RelationId, Place)>> = here.iter().map(onward).collect();
            here = layer.values().flatten().map(|(_, place)| *place).collect();
            layers.push(layer);
        }
        let mut alive: BTreeSet<Place> = BTreeSet::new();
        let mut hops = Vec::new();
        for layer in layers.iter().rev() {
            let mut hop = Hop::default();
            let mut now = BTreeSet::new();
            for (place, steps) in layer {
                let steps: Vec<_> = steps.iter().filter(|(_, next)| alive.contains(next)).collect();
                if !steps.is_empty() {
                    hop.from.insert(place.1);
                }
                if !steps.is_empty() || automaton.is_accepting(place.0) {
                    now.insert(*place);
                }
                for (relation, (state, kind)) in steps {
                    hop.relations.insert(*relation);
                    hop.to.insert(*kind);
                    hop.may_end |= automaton.is_accepting(*state);
                }
            }
            alive = now;
            hops.push(hop);
        }
        hops.reverse();
        hops.retain(|hop| !hop.to.is_empty());
        if hops.is_empty() { Err(self.impossible(facts, schema).into()) } else { Ok(hops) }
    }

    fn impossible(&self, facts: &Facts, schema: &Schema) -> Box<PatternFailure> {
        let ast = parse::parse(&self.source).ok();
        let error = ast.and_then(|ast| compile::first_impossible(&ast, schema, facts));
        let whole = || CompileError {
            span: 0..self.source.len(),
            message: "the graph has no facts for a path of this pattern".to_owned(),
            help: String::new(),
        };
        let CompileError { span, message, help } = error.unwrap_or_else(whole);
        Box::new(PatternFailure { pattern: self.source.clone(), offset: span.start, len: span.len(), message, help })
    }
}

impl Automaton {
    /// The steps from a state, those to one state with the same kinds in one; by state after, and kinds.
    #[must_use]
    pub fn steps_from(&self, from: StateId) -> Vec<Step> {
        let mut classes: BTreeMap<u16, BTreeSet<RelationId>> = BTreeMap::new();
        for (relation, &class) in (0..).map(RelationId).zip(&self.symbols().relation_class) {
            classes.entry(class).or_default().insert(relation);
        }
        let mut merged: BTreeMap<(StateId, BTreeSet<KindId>), BTreeSet<RelationId>> = BTreeMap::new();
        for relations in classes.values() {
            let mut by_state: BTreeMap<StateId, BTreeSet<KindId>> = BTreeMap::new();
            for (kind, to) in relations.first().into_iter().flat_map(|&any| self.kinds_after(from, any)) {
                by_state.entry(to).or_default().insert(kind);
            }
            for step in by_state {
                merged.entry(step).or_default().extend(relations);
            }
        }
        let step = |((to, kinds), relations)| Step { from, relations, kinds, to };
        merged.into_iter().map(step).collect()
    }

    /// The automaton as a drawing for Graphviz, with the names of the schema it was made for.
    #[must_use]
    pub fn to_dot(&self, schema: &Schema) -> String {
        let mut dot = "digraph pattern {\n  rankdir = LR;\n  node [shape = circle];\n".to_owned();
        for state in self.states().filter(|&state| self.is_accepting(state)) {
            let _ = writeln!(dot, "  {} [shape = doublecircle];", state.0);
        }
        for step in self.states().flat_map(|state| self.steps_from(state)) {
            let (relations, types) = (relations_in_words(&step.relations, schema), kinds_in_words(&step.kinds, schema));
            let label = format!("{relations}\n{types}").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(dot, "  {} -> {} [label = \"{label}\"];", step.from.0, step.to.0);
        }
        dot.push_str("}\n");
        dot
    }
}

/// A set of directed relations in words: `any relation`, `any forward relation but interacted`,
/// `starring, ~starring and 12 more`.
#[must_use]
pub fn relations_in_words(set: &BTreeSet<RelationId>, schema: &Schema) -> String {
    let name = |relation: RelationId| {
        let name = schema.relations.get(relation.index() / 2).map_or("", |relation| &relation.name);
        if relation.is_inverse() { format!("~{name}") } else { name.to_owned() }
    };
    let all = (0..).map(RelationId).take(schema.relations.len() * 2);
    let (is_forward, is_inverse) = (|r: &RelationId| !r.is_inverse(), |r: &RelationId| r.is_inverse());
    let (any, kept): (_, fn(&RelationId) -> bool) = if set.iter().all(is_forward) {
        ("any forward relation", is_forward)
    } else if set.iter().all(is_inverse) {
        ("any inverse relation", is_inverse)
    } else {
        ("any relation", |_| true)
    };
    let others = all.filter(|relation| kept(relation) && !set.contains(relation)).collect();
    in_words(set, others, any, name)
}

/// A set of kinds of nodes in words: `any node`, `any node but user`, `item`, `company, person`; where only some kinds
/// of a type are in it, these one by one: `film&award_winner`.
#[must_use]
pub fn kinds_in_words(set: &BTreeSet<KindId>, schema: &Schema) -> String {
    let (parts, others) = parts(set, schema);
    in_words(&parts, others, "any node", |part| part_name(part, schema))
}

/// The names of a set of kinds of nodes: of the types that are in it whole, and of single kinds otherwise.
#[must_use]
pub fn kind_names(set: &BTreeSet<KindId>, schema: &Schema) -> Vec<String> {
    parts(set, schema).0.into_iter().map(|part| part_name(part, schema)).collect()
}

/// All nodes of a type, or those of a kind of it.
type TypePart = (TypeId, Option<KindId>);

/// A set of kinds and what is not in it, as types where all kinds of one are on one side.
fn parts(set: &BTreeSet<KindId>, schema: &Schema) -> (BTreeSet<TypePart>, Vec<TypePart>) {
    let kinds: Vec<KindId> = schema.all_kinds().collect();
    let (mut inside, mut outside) = (BTreeSet::new(), Vec::new());
    for of_type in kinds.chunk_by(|&a, &b| schema.type_of(a) == schema.type_of(b)) {
        let Some(of) = of_type.first().map(|&kind| schema.type_of(kind)) else { continue };
        match of_type.iter().filter(|kind| set.contains(kind)).count() {
            0 => outside.push((of, None)),
            all if all == of_type.len() => _ = inside.insert((of, None)),
            _ => {
                let (some, others): (Vec<KindId>, Vec<KindId>) = of_type.iter().partition(|kind| set.contains(kind));
                inside.extend(some.into_iter().map(|kind| (of, Some(kind))));
                outside.extend(others.into_iter().map(|kind| (of, Some(kind))));
            }
        }
    }
    (inside, outside)
}

fn part_name((of, kind): TypePart, schema: &Schema) -> String {
    match kind {
        Some(kind) => schema.kind_name(kind),
        None => schema.types.get(of.index()).map_or_else(String::new, |of| of.name.clone()),
    }
}

fn in_words<T: Ord + Copy>(set: &BTreeSet<T>, others: Vec<T>, any: &str, name: impl Fn(T) -> String) -> String {
    if others.is_empty() {
        return any.to_owned();
    }
    if others.len() < set.len() && others.len() <= MAX_NAMES {
        return format!("{any} but {}", others.into_iter().map(name).collect::<Vec<_>>().join(", "));
    }
    let names: Vec<String> = set.iter().copied().take(MAX_NAMES).map(name).collect();
    let more = set.len().saturating_sub(MAX_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}
