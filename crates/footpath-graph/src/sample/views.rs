//! How the hops of walks are found: compiled for the pattern, or on the graph's own arcs.

use super::compile::entered;
use super::general::General;
use crate::error::{Error, Result};
use crate::kg::{RunIndex, TrainKg};
use crate::pattern::{Automaton, StateId};
use footpath_core::{NodeId, RelationId};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// How hops are found where each counts alike; what is drawn does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Views {
    /// Whichever takes less time for the number of paths.
    #[default]
    Auto,
    /// The pattern is compiled: a copy of its arcs for each of its states. Fastest for many paths.
    Compiled,
    /// On the graph's own arcs, by an index of their runs ([`RunIndex`]).
    Indexed,
    /// On the graph's own arcs, going through the runs of a node at each hop: nothing is prepared. Only for a few paths.
    Sought,
}

/// What a sampler prepares for.
#[derive(Debug)]
pub(super) struct Outlook {
    pub(super) views: Views,
    /// How many paths will be drawn, at most.
    pub(super) draws: u64,
    /// The index, made when it is first needed, for all patterns.
    index: OnceLock<Arc<RunIndex>>,
}

impl Outlook {
    pub(super) fn new(views: Views, draws: u64) -> Self {
        Self { views, draws, index: OnceLock::new() }
    }

    /// What draws without a compiled pattern, if that is how to draw.
    pub(super) fn general(&self, kg: &TrainKg, automaton: &Automaton) -> Result<Option<General>> {
        let found = match self.views {
            Views::Auto => Found::soonest(kg, automaton, self.draws),
            Views::Compiled => Found::Compiled,
            Views::Indexed => Found::Indexed,
            Views::Sought => Found::Sought,
        };
        match found {
            Found::Compiled => Ok(None),
            Found::Indexed => Ok(Some(General::new(kg, automaton, Some(self.index(kg)?)))),
            Found::Sought => Ok(Some(General::new(kg, automaton, None))),
        }
    }

    fn index(&self, kg: &TrainKg) -> Result<Arc<RunIndex>> {
        if let Some(index) = self.index.get() {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(RunIndex::new(kg)?);
        Ok(Arc::clone(self.index.get_or_init(|| index)))
    }

    /// Whether the pattern may be compiled, or the user's own tables be made, for the reason given.
    ///
    /// # Errors
    /// [`Error::Usage`] where that was ruled out.
    pub(super) fn compile(&self, why: &str) -> Result<()> {
        if matches!(self.views, Views::Auto | Views::Compiled) {
            return Ok(());
        }
        let reason = format!(
            "{why}; walks on the graph itself need the law walk with every hop alike: no damping or weights, no pattern that may \
             stop as well as go on, ends unseen or any. Leave the views at auto"
        );
        Err(Error::Usage { option: "views", reason })
    }
}

/// How hops are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Compiled,
    Indexed,
    /// By going through the runs of each node.
    Sought,
}

/// CPU time of compiling, for each arc of a node that a state may be met at, in nanoseconds; these figures are of the graph of the
/// benchmarks, and the choice needs no more than their order.
const COMPILE: f64 = 8.0;
/// Of indexing one arc of the graph.
const INDEX: f64 = 7.5;
/// Of a hop of a walk.
const COMPILED_HOP: f64 = 14.0;
const INDEXED_HOP: f64 = 40.0;
const SOUGHT_HOP: f64 = 600.0;

impl Found {
    /// What takes the least time for so many paths, preparation included.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn soonest(kg: &TrainKg, automaton: &Automaton, draws: u64) -> Self {
        let hops = draws as f64 * automaton.longest(automaton.start()) as f64;
        let ways = [
            (Self::Sought, SOUGHT_HOP * hops),
            (Self::Indexed, INDEX * kg.num_arcs() as f64 + INDEXED_HOP * hops),
            (Self::Compiled, COMPILE * pairs(kg, automaton) as f64 + COMPILED_HOP * hops),
        ];
        ways.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(Self::Compiled, |(way, _)| way)
    }
}

/// The (state, arc) pairs of a pattern, at most: of each state no more arcs than its relations have, and than its nodes. States with the same hops
/// share their tables, so they count once.
fn pairs(kg: &TrainKg, automaton: &Automaton) -> u64 {
    let of_relation = |relation: u16| kg.schema().relations.get(usize::from(relation / 2)).map_or(0, |r| r.num_triples);
    let relations = 0..u16::try_from(kg.num_relations()).unwrap_or(u16::MAX);
    let first_arc = |node: u32| match (node as usize) < kg.num_nodes() {
        true => kg.arcs(NodeId(node)).first,
        false => kg.num_arcs(),
    };
    // The hash of what the hops of a state are; an estimate can bear two that are alike by chance.
    let kind = |state: StateId| {
        let mut kind = DefaultHasher::new();
        for relation in relations.clone() {
            let types = automaton.types_after(state, RelationId(relation)).iter();
            types.for_each(|(tail, _)| (relation, tail).hash(&mut kind));
        }
        kind.finish()
    };
    let mut seen = BTreeSet::new();
    let mut of_state = |state: StateId| {
        let (nodes, is_start) = (entered(kg, automaton, state), state == automaton.start());
        if !seen.insert((is_start, nodes.start, nodes.end, kind(state))) {
            return 0;
        }
        let allowed = relations.clone().filter(|&r| !automaton.types_after(state, RelationId(r)).is_empty());
        let by_relation = allowed.map(of_relation).sum::<u64>();
        match is_start {
            true => by_relation,
            false => by_relation.min((first_arc(nodes.end) - first_arc(nodes.start)) as u64),
        }
    };
    automaton.states().map(&mut of_state).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::pattern::Pattern;

    #[test]
    fn few_paths_are_sought_and_many_compiled() {
        let mut dataset = Dataset::default();
        for number in 0..2000 {
            dataset.link(&format!("i{number}"), &format!("f{number}"));
            dataset.fact(&format!("f{number}"), "starring", &format!("p{}", number % 90));
            dataset.interact(&format!("u{}", number % 70), &format!("i{number}"));
        }
        let kg = crate::build::build(dataset).expect("a graph").train_kg().expect("a graph");
        let found = |text: &str, draws| {
            let pattern = Pattern::parse(text, &kg).expect("a pattern");
            Found::soonest(&kg, pattern.automaton(), draws)
        };
        let short = "(:user)-[:interacted]->(:item)-[]-(:entity)-[]-(:item)";
        assert_eq!(pairs(&kg, Pattern::parse(short, &kg).expect("a pattern").automaton()), 3 * 2000 + 2000);
        assert_eq!(found(short, 1), Found::Sought);
        assert_eq!(found(short, u64::MAX), Found::Compiled);
        // Ten hops of any kind are one table, and perhaps one for the start.
        let walk = Pattern::parse_walk("()-[]-{10}()", &kg).expect("a pattern");
        assert!(pairs(&kg, walk.automaton()) <= 2 * kg.num_arcs() as u64);
        // The index pays where a pattern meets the same arcs in states that differ.
        let long = "(:user)-[]-{12}(:item)";
        assert_eq!(
            [1, 200, u64::MAX].map(|draws| found(long, draws)),
            [Found::Sought, Found::Indexed, Found::Compiled]
        );
    }
}
