//! How the hops of walks are found: compiled for the pattern, or sought on the graph's own arcs.

use super::sought::Sought;
use super::starts::entered;
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, StateId};
use footpath_core::{NodeId, RelationId};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How hops are found where each counts alike; what is drawn does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Views {
    /// Whichever takes less time for the number of paths.
    #[default]
    Auto,
    /// The pattern is compiled: a copy of its arcs for each of its states. Fastest for many paths.
    Compiled,
    /// On the graph's own arcs, going through the runs of a node at each hop: nothing is prepared. Only for a few
    /// paths.
    Sought,
}

/// How hops are to be found, and for how many draws at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewRequest {
    pub(super) views: Views,
    pub(super) draws: u64,
}

impl ViewRequest {
    /// What draws without a compiled pattern, if that is how to draw.
    pub(super) fn sought(self, kg: &TrainKg, automaton: &Automaton) -> Option<Sought> {
        let is_sought = match self.views {
            Views::Auto => is_sooner_sought(kg, automaton, self.draws),
            Views::Compiled => false,
            Views::Sought => true,
        };
        is_sought.then(|| Sought::new(kg, automaton))
    }

    /// Whether the pattern may be compiled, or the user's own tables be made, for the reason given.
    ///
    /// # Errors
    /// [`Error::Usage`] where that was ruled out.
    pub(super) fn may_compile(self, why: &str) -> Result<()> {
        if matches!(self.views, Views::Auto | Views::Compiled) {
            return Ok(());
        }
        let reason = format!(
            "{why}; walks on the graph itself need the law walk with every hop alike: no damping or weights, no \
             pattern that may stop as well as go on, ends unseen or any. Leave the views at auto"
        );
        Err(Error::Usage { option: "views", reason })
    }
}

/// CPU time of compiling, for each arc of a node that a state may be met at, in nanoseconds; these figures are of the
/// graph of the benchmarks, and the choice needs no more than their order.
const COMPILE: f64 = 8.0;
/// Of a hop of a walk.
const COMPILED_HOP: f64 = 14.0;
const SOUGHT_HOP: f64 = 600.0;

/// Whether so many paths take less time with nothing prepared.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn is_sooner_sought(kg: &TrainKg, automaton: &Automaton, draws: u64) -> bool {
    let hops = draws as f64 * automaton.longest(automaton.start()) as f64;
    SOUGHT_HOP * hops <= COMPILE * pairs(kg, automaton) as f64 + COMPILED_HOP * hops
}

/// The (state, arc) pairs of a pattern, at most: of each state no more arcs than its relations have, and than its
/// nodes. States with the same hops share their tables, so they count once.
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
            let tails = automaton.nodes_after(state, RelationId(relation)).iter();
            tails.for_each(|(range, _)| (relation, range).hash(&mut kind));
        }
        kind.finish()
    };
    let mut seen = BTreeSet::new();
    let mut of_state = |state: StateId| {
        let (nodes, is_start) = (entered(kg, automaton, state), state == automaton.start());
        if !seen.insert((is_start, nodes.start, nodes.end, kind(state))) {
            return 0;
        }
        let allowed = relations.clone().filter(|&r| !automaton.nodes_after(state, RelationId(r)).is_empty());
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
        let pattern = |text: &str| Pattern::parse(text, &kg).expect("a pattern");
        let is_sought = |text: &str, draws| is_sooner_sought(&kg, pattern(text).automaton(), draws);
        let short = "(:user)-[:interacted]->(:item)-[]-(:entity)-[]-(:item)";
        assert_eq!(pairs(&kg, pattern(short).automaton()), 3 * 2000 + 2000);
        assert!(is_sought(short, 1) && !is_sought(short, u64::MAX));
        // Ten hops of any kind are one table, and perhaps one for the start.
        let walk = Pattern::parse_walk("()-[]-{10}()", &kg).expect("a pattern");
        assert!(pairs(&kg, walk.automaton()) <= 2 * kg.num_arcs() as u64);
    }
}
