//! What a pattern comes to in a graph: hop by hop, as a table of steps, and as a drawing.

use super::automaton::{Automaton, StateId};
use super::compile_error::CompileError;
use super::compiled::Pattern;
use super::facts::Facts;
use super::words::{kinds_in_words, relations_in_words};
use super::{compile, parse};
use crate::error::{PatternFailure, Result};
use crate::kg::Schema;
use footpath_core::{KindId, RelationId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

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
        let automaton = self.automaton();
        let mut layers: Vec<BTreeMap<Place, Vec<(RelationId, Place)>>> = Vec::new();
        let mut here: BTreeSet<Place> = self.starts().iter().map(|&kind| (automaton.start(), kind)).collect();
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
        let ast = parse::parse(self.source()).ok();
        let error = ast.and_then(|ast| compile::first_impossible(&ast, schema, facts));
        let whole = || CompileError {
            span: 0..self.source().len(),
            message: "the graph has no facts for a path of this pattern".to_owned(),
            help: String::new(),
        };
        let CompileError { span, message, help } = error.unwrap_or_else(whole);
        Box::new(PatternFailure {
            pattern: self.source().to_owned(),
            offset: span.start,
            len: span.len(),
            message,
            help,
        })
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
