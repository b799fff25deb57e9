//! The factors of a law in a graph: what hops, nodes and ends weigh.

use super::law::SampleSpec;
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::{Automaton, StateId};
use footpath_core::{Context, NodeId, RelationId};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nodes between two looks at whether to stop.
const CHUNK: u32 = 1 << 16;

/// The factors that walks are weighed by, ends left out.
#[derive(Debug, Default)]
pub(super) struct Factors {
    /// d(v)^−α of each node; empty without damping.
    pub(super) damping: Vec<f64>,
    /// λ of each directed relation; empty where all are 1.
    pub(super) relations: Vec<f64>,
    /// Whether ω of an arc is its weight in the graph; else it is 1.
    pub(super) edges: bool,
    /// Whether hops are divided by a(v).
    pub(super) divided: bool,
    /// States in which a node is not damped: the start and the item of the first hop.
    undamped: Vec<StateId>,
    /// By state and node, a(v) as far as it has been asked for; empty where users do not have tables of their own.
    known: Vec<Vec<AtomicU64>>,
}

impl Factors {
    pub(super) fn new(kg: &TrainKg, undamped: Vec<StateId>, spec: &SampleSpec, context: &Context) -> Result<Self> {
        let divided = spec.law.divides_hops();
        let mut factors = Self { divided, edges: spec.edge_weights, undamped, ..Self::default() };
        if spec.damping > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
            let damp = |node| (kg.degree(NodeId(node)).max(1) as f64).powf(-spec.damping);
            factors.damping = of_nodes(0..kg.vocabulary().num_nodes, damp, context)?;
        }
        if spec.relation_weights.values().any(|&weight| weight != 1.0) {
            factors.relations = vec![1.0; kg.num_relations()];
            for (name, &weight) in &spec.relation_weights {
                let both = kg.relation(name).map(|relation| [relation, relation.inverse()]);
                for relation in both.iter().flatten() {
                    if let Some(place) = factors.relations.get_mut(relation.index()) {
                        *place = weight;
                    }
                }
            }
        }
        Ok(factors)
    }

    /// Whether every walk weighs one.
    pub(super) fn are_ones(&self) -> bool {
        self.damping.is_empty() && !self.weigh_hops() && !self.divided
    }

    /// Whether one hop of a node may weigh more than another for itself.
    pub(super) fn weigh_hops(&self) -> bool {
        !self.relations.is_empty() || self.edges
    }

    /// λ
    pub(super) fn relation(&self, relation: RelationId) -> f64 {
        self.relations.get(relation.index()).copied().unwrap_or(1.0)
    }

    /// a(v) from the sums of ω over its arcs by relation.
    pub(super) fn allowed(&self, arcs: impl Iterator<Item = (RelationId, f64)>) -> f64 {
        arcs.map(|(relation, edges)| self.relation(relation) * edges).sum()
    }

    /// a(v) from the graph.
    #[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
    pub(super) fn allowed_at(&self, kg: &TrainKg, automaton: &Automaton, state: StateId, node: NodeId) -> f64 {
        let weights = if self.edges { kg.weights(node) } else { &[] };
        let edges = |arcs: Range<usize>| match weights.get(arcs.clone()) {
            Some(weights) if self.edges => weights.iter().map(|&weight| f64::from(weight)).sum(),
            _ => arcs.len() as f64,
        };
        self.allowed(allowed(kg, automaton, state, node).map(|(relation, arcs)| (relation, edges(arcs))))
    }

    /// The factor of the hops away from a node in a state; see f in the page of the weights. `allowed` gives a(v).
    pub(super) fn of(&self, state: StateId, node: u32, allowed: impl FnOnce() -> f64) -> f64 {
        let damped = self.damping.get(node as usize).filter(|_| !self.undamped.contains(&state));
        let walk = if self.divided { 1.0 / allowed().max(f64::MIN_POSITIVE) } else { 1.0 };
        damped.unwrap_or(&1.0) * walk
    }

    /// Remembers a(v) for all users: it takes as long to find as all else about a slot.
    pub(super) fn remember(&mut self, num_states: usize, num_nodes: usize, context: &Context) -> Result<()> {
        for _ in 0..num_states {
            context.check()?;
            self.known.push(std::iter::repeat_with(AtomicU64::default).take(num_nodes).collect());
        }
        Ok(())
    }

    /// a(v) if it is known, else found and remembered. Whoever finds it finds the same.
    pub(super) fn remembered(&self, state: StateId, node: u32, find: impl FnOnce() -> f64) -> f64 {
        let Some(place) = self.known.get(state.index()).and_then(|nodes| nodes.get(node as usize)) else {
            return find();
        };
        match place.load(Ordering::Relaxed) {
            0 => {
                let found = find();
                place.store(found.to_bits(), Ordering::Relaxed);
                found
            }
            bits => f64::from_bits(bits),
        }
    }

    /// w of a path.
    pub(super) fn weight(&self, kg: &TrainKg, automaton: &Automaton, path: &footpath_core::Path) -> f64 {
        let mut state = automaton.start();
        let mut weight = 1.0;
        for triple in path.triples() {
            let arcs = || self.allowed_at(kg, automaton, state, triple.head);
            let arcs = || self.remembered(state, triple.head.0, arcs);
            let edge = if self.edges { f64::from(kg.weight(triple)) } else { 1.0 };
            weight *= self.of(state, triple.head.0, arcs) * self.relation(triple.relation) * edge;
            let Some(next) = automaton.step(state, triple.relation, kg.kind_of(triple.tail)) else { return 0.0 };
            state = next;
        }
        weight
    }
}

/// The arcs of a node, by their places among all its arcs, that the pattern allows in a state; self-loops are left out.
fn allowed(
    kg: &TrainKg,
    automaton: &Automaton,
    state: StateId,
    node: NodeId,
) -> impl Iterator<Item = (RelationId, Range<usize>)> {
    let mut next = 0;
    kg.arcs(node).runs().flat_map(move |(relation, tails)| {
        let start = next;
        next += tails.len();
        let place = move |limit: u32| start + tails.partition_point(|&tail| tail < limit);
        automaton.nodes_after(state, relation).iter().flat_map(move |(range, _)| {
            let all = place(range.start)..place(range.end);
            // A loop cuts them in two.
            let (before, after) = match range.contains(&node.0) {
                true => (all.start..place(node.0), place(node.0.saturating_add(1))..all.end),
                false => (all.clone(), all.end..all.end),
            };
            [(relation, before), (relation, after)]
        })
    })
}

/// A number for each node of a range.
fn of_nodes(nodes: Range<u32>, of: impl Fn(u32) -> f64, context: &Context) -> Result<Vec<f64>> {
    let mut numbers = Vec::with_capacity(nodes.len());
    for first in nodes.clone().step_by(CHUNK as usize) {
        context.check()?;
        numbers.extend((first..nodes.end.min(first.saturating_add(CHUNK))).map(&of));
    }
    Ok(numbers)
}

/// g of each end.
#[derive(Debug, Default)]
pub(super) struct EndWeights {
    first_item: u32,
    /// Empty without damping.
    items: Vec<f64>,
}

impl EndWeights {
    pub(super) fn new(kg: &TrainKg, damping: f64, context: &Context) -> Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "numbers of interactions are far below 2^53")]
        let weight = |item| (kg.popularity(NodeId(item)).max(1) as f64).powf(-damping);
        let items = if damping > 0.0 { of_nodes(kg.items(), weight, context)? } else { Vec::new() };
        Ok(Self { first_item: kg.items().start, items })
    }

    pub(super) fn are_weighed(&self) -> bool {
        !self.items.is_empty()
    }

    pub(super) fn of(&self, end: u32) -> f64 {
        self.items.get(end.wrapping_sub(self.first_item) as usize).copied().unwrap_or(1.0)
    }
}
