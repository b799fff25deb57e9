//! What legal paths depend on beside the user: graph, pattern, and where some item can be reached from.

use crate::kg::{Arcs, TrainKg, nodes_within};
use crate::pattern::{Pattern, StateId};
use footpath_core::{Context, NodeId, NodeSet, RelationId, Result, Vocabulary};
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};

/// No node has this id.
const NO_WITNESS: u32 = u32::MAX;

/// What depends on graph and pattern alone.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kg: Arc<TrainKg>,
    pub(super) pattern: Pattern,
    pub(super) vocabulary: Vocabulary,
    /// For each state, the nodes from which an item can be reached.
    viable: Vec<NodeSet>,
    /// For each state that one hop is left from, and each node, an end that the hop leads to, [`NO_WITNESS`] where
    /// there is none; empty for other states.
    witnesses: Vec<Vec<u32>>,
    /// How often each item was chosen, once somebody asks.
    pub(super) popularity: OnceLock<Vec<f32>>,
}

impl Table {
    pub(super) fn new(kg: Arc<TrainKg>, pattern: Pattern, context: &Context) -> Result<Self> {
        let vocabulary = kg.vocabulary();
        let viable = pattern.automaton().states().map(|_| NodeSet::default()).collect();
        let mut table = Self { kg, pattern, vocabulary, viable, witnesses: Vec::new(), popularity: OnceLock::new() };
        table.find_viable(context)?;
        table.witnesses = table.find_witnesses(context)?;
        Ok(table)
    }

    /// From the last state to the first, since hops only lead to later ones.
    fn find_viable(&mut self, context: &Context) -> Result<()> {
        for state in self.pattern.automaton().states().rev() {
            let accepting = self.pattern.automaton().is_accepting(state);
            let goes_on = |node: NodeId| {
                let ends = accepting && (self.pattern.is_walk() || self.kg.is_item(node));
                ends || self.hops(state, self.kg.arcs(node)).any(|(tail, next)| self.is_viable(next, tail))
            };
            let set = NodeSet::of_those(self.kg.num_nodes(), goes_on, context)?;
            if let Some(slot) = self.viable.get_mut(state.index()) {
                *slot = set;
            }
        }
        Ok(())
    }

    /// The end that the fewest users know, for each node that one hop is left from: most who ask whether there is an
    /// unseen end need look no further.
    fn find_witnesses(&self, context: &Context) -> Result<Vec<Vec<u32>>> {
        let (automaton, items) = (self.pattern.automaton(), self.kg.items());
        let popularity: Vec<usize> = items.clone().map(|item| self.kg.popularity(NodeId(item))).collect();
        let known_by = |end: NodeId| popularity.get((end.0.wrapping_sub(items.start)) as usize).copied();
        let of_node = |state: StateId, node: NodeId| {
            context.check()?;
            let ends = self.hops(state, self.kg.arcs(node)).filter_map(|(tail, _)| Some((known_by(tail)?, tail.0)));
            Ok(ends.min().map_or(NO_WITNESS, |(_, end)| end))
        };
        let of_state = |state: StateId| {
            let one_hop_left = automaton.longest(state) == 1 && !self.pattern.is_walk();
            let nodes = if one_hop_left { 0..self.kg.num_nodes() } else { 0..0 };
            #[expect(clippy::cast_possible_truncation, reason = "the number of nodes is limited at import")]
            nodes.into_par_iter().with_min_len(1024).map(|node| of_node(state, NodeId(node as u32))).collect()
        };
        automaton.states().map(of_state).collect()
    }

    pub(super) fn is_viable(&self, state: StateId, node: NodeId) -> bool {
        self.viable.get(state.index()).is_some_and(|set| set.contains(node))
    }

    /// The end known for a node that one hop is left from.
    pub(super) fn witness(&self, node: NodeId, state: StateId) -> Option<NodeId> {
        let of_state = self.witnesses.get(state.index())?;
        of_state.get(node.index()).copied().filter(|&end| end != NO_WITNESS).map(NodeId)
    }

    /// The hops the pattern allows along these arcs.
    fn hops<'s>(&'s self, state: StateId, arcs: Arcs<'s>) -> impl Iterator<Item = (NodeId, StateId)> + 's {
        arcs.runs().flat_map(move |(relation, tails)| {
            self.runs(state, relation, tails)
                .flat_map(|(next, tails)| tails.iter().map(move |&tail| (NodeId(tail), next)))
        })
    }

    /// The tails of one relation, cut by kind: the state each run leads to, and the run.
    pub(super) fn runs<'s>(
        &'s self,
        state: StateId,
        relation: RelationId,
        tails: &'s [u32],
    ) -> impl Iterator<Item = (StateId, &'s [u32])> + 's {
        let ranges = self.pattern.automaton().nodes_after(state, relation);
        ranges.iter().map(move |(range, next)| (*next, nodes_within(tails, range)))
    }
}
