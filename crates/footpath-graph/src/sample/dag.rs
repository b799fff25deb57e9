//! The walks of one user (or of all users) as a graph without cycles.
//!
//! A *slot* is a node of the knowledge graph in a state of the pattern's automaton; an arc is a hop that the pattern
//! allows. Every hop leads to a higher state, so the slots are layered by state and one sweep over the states counts
//! everything. Arcs of a slot are sorted by the node they lead to: the arcs back to the node one came from are then a
//! range, and leaving them out of a draw is exact and costs two binary searches.

#![expect(clippy::indexing_slicing, reason = "slots, arcs and nodes are numbered here; hot loops")]

use crate::kg::{TrainKg, nodes_within};
use crate::pattern::{Automaton, StateId};
use footpath_core::memory::prefetch;
use footpath_core::{Context, NodeId, RelationId, Result, Triple};
use std::ops::Range;

/// Arcs between two looks at whether to stop.
const CHUNK: usize = 1 << 16;
/// Marks a node without slots.
const NO_SLOT: u32 = u32::MAX;
/// Stands for no node, and for several; ids are lower.
const NO_NODE: u32 = u32::MAX;
const MANY_NODES: u32 = u32::MAX - 1;

/// A hop to a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    /// The slot.
    pub(super) target: u32,
    /// Its node.
    pub(super) node: u32,
    /// The relation, read in the direction of the path (also where the arcs are turned round).
    pub(super) relation: u16,
}

/// Slots and arcs.
#[derive(Debug, Default)]
pub(super) struct Dag {
    /// Node of each slot.
    pub(super) nodes: Vec<u32>,
    /// State of each slot.
    pub(super) states: Vec<u16>,
    /// Whether a walk may stop at the slot.
    pub(super) stops: Vec<bool>,
    /// Slots with arcs, and stops, by layer, each layer ascending by node; no arc leads to an earlier layer or inside
    /// one.
    pub(super) layers: Vec<Vec<u32>>,
    /// Whether arcs lead from ends to users, against the direction of the paths.
    turned: bool,
    arc_ends: Vec<usize>,
    arcs: Vec<Arc>,
}

impl Dag {
    /// Numbers of the arcs of a slot.
    pub(super) fn range(&self, slot: u32) -> Range<usize> {
        let slot = slot as usize;
        let start = if slot == 0 { 0 } else { self.arc_ends[slot - 1] };
        start..self.arc_ends[slot]
    }

    /// An arc by its number.
    pub(super) fn arc(&self, arc: usize) -> Arc {
        self.arcs[arc]
    }

    pub(super) fn num_arcs(&self) -> usize {
        self.arcs.len()
    }

    /// The fact behind each arc, in the direction of the paths, in the order of their numbers.
    pub(super) fn facts(&self) -> impl Iterator<Item = Triple> + '_ {
        (0u32..).zip(&self.nodes).flat_map(move |(slot, &here)| {
            self.arcs[self.range(slot)].iter().map(move |arc| {
                let (head, tail) = if self.turned { (arc.node, here) } else { (here, arc.node) };
                Triple { head: NodeId(head), relation: RelationId(arc.relation), tail: NodeId(tail) }
            })
        })
    }

    /// Numbers of the arcs of a slot that lead to `node`.
    pub(super) fn range_to(&self, slot: u32, node: u32) -> Range<usize> {
        let Range { start, end } = self.range(slot);
        let arcs = &self.arcs[start..end];
        let low = arcs.partition_point(|arc| arc.node < node);
        let len = arcs[low..].iter().take_while(|arc| arc.node == node).count();
        start + low..start + low + len
    }

    /// The same as [`Dag::range_to`] for nodes that ascend from call to call, starting the search at `from`.
    pub(super) fn range_to_from(&self, slot: u32, node: u32, from: usize) -> Range<usize> {
        let end = self.range(slot).end;
        let mut low = from;
        while low < end && self.arcs[low].node < node {
            low += 1;
        }
        let mut high = low;
        while high < end && self.arcs[high].node == node {
            high += 1;
        }
        low..high
    }

    /// All arcs turned round: walks from the ends to the slots in `starts`, where they stop.
    pub(super) fn transposed(&self, starts: &[u32], context: &Context) -> Result<Self> {
        let mut gathered = Vec::with_capacity(self.arcs.len());
        for layer in &self.layers {
            for &slot in layer {
                context.check()?;
                let node = self.nodes[slot as usize];
                let turned = |arc: &Arc| (arc.target, Arc { target: slot, node, relation: arc.relation });
                gathered.extend(self.arcs[self.range(slot)].iter().map(turned));
            }
        }
        let mut stops = vec![false; self.nodes.len()];
        starts.iter().for_each(|&slot| stops[slot as usize] = true);
        let layers = self.layers.iter().rev().cloned().collect();
        let (nodes, states) = (self.nodes.clone(), self.states.clone());
        let mut dag = Self { nodes, states, stops, layers, turned: true, ..Self::default() };
        dag.place(&gathered, context)?;
        Ok(dag)
    }

    /// Leaves those slots in the layers that have arcs one way or the other, ascending by node.
    fn order_layers(&mut self) {
        let mut layers = std::mem::take(&mut self.layers);
        for layer in &mut layers {
            layer.retain(|&slot| self.stops[slot as usize] || !self.range(slot).is_empty());
            layer.sort_unstable_by_key(|&slot| self.nodes[slot as usize]);
        }
        self.layers = layers;
    }

    /// Puts the arcs in order: by slot, then by node, then by relation.
    fn place(&mut self, gathered: &[(u32, Arc)], context: &Context) -> Result<()> {
        // Slots are small numbers, so arcs are counted by slot and put in place: two passes where a sort of all takes
        // many. Only rows are sorted, below.
        let mut cursors = vec![0usize; self.nodes.len() + 1];
        gathered.iter().for_each(|(slot, _)| cursors[*slot as usize + 1] += 1);
        for slot in 0..self.nodes.len() {
            cursors[slot + 1] += cursors[slot];
        }
        self.arcs = vec![Arc { target: 0, node: 0, relation: 0 }; gathered.len()];
        for some in gathered.chunks(CHUNK) {
            context.check()?;
            for &(slot, arc) in some {
                self.arcs[cursors[slot as usize]] = arc;
                cursors[slot as usize] += 1;
            }
        }
        cursors.truncate(self.nodes.len());
        self.arc_ends = cursors;
        let mut start = 0;
        for &end in &self.arc_ends {
            context.check()?;
            // Rows are runs that are sorted already, which the stable sort uses.
            self.arcs[start..end].sort_by_key(|arc| u64::from(arc.node) << 16 | u64::from(arc.relation));
            start = end;
        }
        Ok(())
    }
}

/// Where walks may stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stops<'a> {
    /// At any item.
    Any,
    /// At these items, ascending, but not at the first hop.
    At(&'a [u32]),
    /// At any item but these, ascending.
    NotAt(&'a [u32]),
}

impl Stops<'_> {
    fn allow(&self, node: u32, first_hop: bool) -> bool {
        match self {
            Self::Any => true,
            Self::At(items) => !first_hop && items.binary_search(&node).is_ok(),
            Self::NotAt(items) => items.binary_search(&node).is_err(),
        }
    }
}

/// Memory that is used again from user to user; all of it but `place` is empty in between.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each node, 1 + its place in the table of slots; 0 where it has none.
    place: Vec<u32>,
    /// The nodes that have a place, in the order of their places.
    seen: Vec<u32>,
    /// The slots of each of them, by state.
    table: Vec<u32>,
    /// The arcs, each with the slot it leads from.
    gathered: Vec<(u32, Arc)>,
    /// For each slot, whether a stop can be reached from it, as far as is known.
    alive: Vec<bool>,
    /// For each slot, the only node that arcs come from, and the only one they lead to.
    neighbours: Vec<[u32; 2]>,
    /// The hops of one node.
    hops: Vec<Hop>,
}

impl Scratch {
    /// Leaves everything as the next user must find it.
    fn clear(&mut self) {
        // One by one: `place` is as long as the graph has nodes, and a user meets few of them.
        for node in self.seen.drain(..) {
            self.place[node as usize] = 0;
        }
        self.table.clear();
        self.gathered.clear();
        self.alive.clear();
        self.neighbours.clear();
    }
}

/// Builds a [`Dag`].
pub(super) struct Builder<'a> {
    kg: &'a TrainKg,
    automaton: &'a Automaton,
    scratch: &'a mut Scratch,
    context: &'a Context,
    stops: Stops<'a>,
    /// The states after a path's first item.
    linked: Vec<StateId>,
    /// A node no path may come back to.
    removed: Option<NodeId>,
    dag: Dag,
}

/// A node, the relation of the hop in the direction of the path, and the state on the far side.
type Hop = (u32, RelationId, StateId);

impl<'a> Builder<'a> {
    pub(super) fn new(
        kg: &'a TrainKg,
        automaton: &'a Automaton,
        stops: Stops<'a>,
        scratch: &'a mut Scratch,
        context: &'a Context,
    ) -> Self {
        // A walk that was stopped has left something behind.
        scratch.clear();
        scratch.place.resize(kg.num_nodes(), 0);
        let linked = automaton.states_of_first_items();
        let dag = Dag { layers: vec![Vec::new(); automaton.num_states()], ..Dag::default() };
        Self { kg, automaton, scratch, context, stops, linked, removed: None, dag }
    }

    /// The walks of one user, who is slot 0 and, where walks are simple, is met nowhere else.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn user(mut self, user: NodeId, simple: bool, plan: &Plan) -> Result<Dag> {
        self.slot(user, self.automaton.start());
        self.removed = simple.then_some(user);
        if let Stops::At(ends) = self.stops {
            self.forward(|state| plan.is_early(state))?;
            self.backward(ends, plan)?;
        } else {
            self.forward(|_| true)?;
        }
        self.finish()
    }

    fn forward(&mut self, early: impl Fn(StateId) -> bool) -> Result<()> {
        let automaton = self.automaton;
        for state in automaton.states().filter(|&state| early(state)) {
            let mut next = 0;
            // Hops lead to later layers only, so the layer does not grow meanwhile.
            while let Some(&slot) = self.dag.layers[state.index()].get(next) {
                self.context.check()?;
                self.ask_ahead(state, next);
                next += 1;
                self.hops_from(slot, state);
            }
        }
        Ok(())
    }

    /// Asks for what is needed of slots whose turn is soon, of one sooner than of the other.
    fn ask_ahead(&self, state: StateId, turn: usize) {
        let layer = &self.dag.layers[state.index()];
        let node = |ahead: usize| layer.get(turn + ahead).map(|&slot| NodeId(self.dag.nodes[slot as usize]));
        // Where arcs lie is read from the offset, which must be there by then.
        node(4).into_iter().for_each(|node| self.kg.prefetch_arcs(node));
        node(8).into_iter().for_each(|node| self.kg.prefetch_offset(node));
    }

    fn hops_from(&mut self, slot: u32, state: StateId) {
        let (kg, automaton) = (self.kg, self.automaton);
        let head = NodeId(self.dag.nodes[slot as usize]);
        // All hops are listed before any is looked up: what listing asked for has come by then.
        let mut hops = std::mem::take(&mut self.scratch.hops);
        for (relation, tails) in kg.arcs(head).runs() {
            for &(ref range, next) in automaton.nodes_after(state, relation) {
                self.list(head, nodes_within(tails, range), relation, next, &mut hops);
            }
        }
        for (tail, relation, next) in hops.drain(..) {
            let target = self.slot(NodeId(tail), next);
            self.scratch.gathered.push((slot, Arc { target, node: tail, relation: relation.0 }));
        }
        self.scratch.hops = hops;
    }

    /// Lists hops between a node and others, and asks for the places of those: there are many, all over the table.
    fn list(&self, node: NodeId, others: &[u32], relation: RelationId, state: StateId, hops: &mut Vec<Hop>) {
        for &other in others.iter().filter(|&&other| other != node.0 && Some(NodeId(other)) != self.removed) {
            prefetch(&self.scratch.place, other as usize);
            hops.push((other, relation, state));
        }
    }

    fn backward(&mut self, ends: &[u32], plan: &Plan) -> Result<()> {
        let automaton = self.automaton;
        for state in automaton.states().rev().filter(|&state| !plan.is_early(state)) {
            if automaton.is_accepting(state) && !plan.only_early[state.index()] {
                ends.iter().for_each(|&end| _ = self.slot(NodeId(end), state));
            }
            // Hops from early states were found on the way forward.
            if plan.only_early[state.index()] {
                continue;
            }
            self.dag.layers[state.index()].sort_unstable_by_key(|&slot| self.dag.nodes[slot as usize]);
            let mut next = 0;
            while let Some(&slot) = self.dag.layers[state.index()].get(next) {
                self.context.check()?;
                self.ask_ahead(state, next);
                next += 1;
                if self.scratch.alive[slot as usize] {
                    self.hops_to(slot, state, plan);
                }
            }
        }
        // What leads to a late slot that no end is reached from is not worth keeping.
        let Scratch { gathered, alive, .. } = &mut *self.scratch;
        let states = &self.dag.states;
        gathered.retain(|(_, arc)| {
            let target = arc.target as usize;
            alive[target] || plan.is_early(StateId(states[target]))
        });
        Ok(())
    }

    fn hops_to(&mut self, slot: u32, state: StateId, plan: &Plan) {
        let (kg, automaton) = (self.kg, self.automaton);
        let tail = NodeId(self.dag.nodes[slot as usize]);
        let kind = kg.kind_of(tail);
        let mut hops = std::mem::take(&mut self.scratch.hops);
        for (back, heads) in kg.arcs(tail).runs() {
            let relation = back.inverse();
            let before =
                automaton.states_before(state, relation, kind).iter().filter(|&&before| !plan.is_early(before));
            for (&before, range) in
                before.flat_map(|before| plan.entered[before.index()].iter().map(move |r| (before, r)))
            {
                self.list(tail, nodes_within(heads, range), relation, before, &mut hops);
            }
        }
        for (head, relation, before) in hops.drain(..) {
            if let Some(source) = self.source(NodeId(head), before, plan) {
                self.scratch.alive[source as usize] = true;
                self.scratch.gathered.push((source, Arc { target: slot, node: tail.0, relation: relation.0 }));
            }
        }
        self.scratch.hops = hops;
    }

    /// The slot a hop towards an end may come from, if any walk can be there.
    fn source(&mut self, node: NodeId, state: StateId, plan: &Plan) -> Option<u32> {
        if plan.only_early[state.index()] {
            return self.find(node, state);
        }
        Some(self.slot(node, state))
    }

    fn find(&self, node: NodeId, state: StateId) -> Option<u32> {
        let place = self.scratch.place[node.index()].checked_sub(1)?;
        let slot = self.scratch.table[place as usize * self.automaton.num_states() + state.index()];
        (slot != NO_SLOT).then_some(slot)
    }

    /// The slot of a node in a state, made when it is new.
    #[expect(clippy::cast_possible_truncation, reason = "no more places than nodes; slots are bounded below")]
    fn slot(&mut self, node: NodeId, state: StateId) -> u32 {
        let width = self.automaton.num_states();
        let Scratch { place, seen, table, alive, .. } = &mut *self.scratch;
        let place = &mut place[node.index()];
        if *place == 0 {
            seen.push(node.0);
            *place = seen.len() as u32;
            table.resize(seen.len() * width, NO_SLOT);
        }
        let entry = &mut table[(*place as usize - 1) * width + state.index()];
        if *entry == NO_SLOT {
            *entry = self.dag.nodes.len() as u32;
            let is_end = self.automaton.is_accepting(state);
            let stop = is_end && self.stops.allow(node.0, self.linked.contains(&state));
            self.dag.layers[state.index()].push(*entry);
            self.dag.nodes.push(node.0);
            self.dag.states.push(state.0);
            self.dag.stops.push(stop);
            alive.push(stop);
        }
        *entry
    }

    /// Drops the arcs into and out of slots that a walk can only leave to where it came from: no walk that never turns
    /// straight back passes there. Near a user most slots are such, since most entities belong to one of the user's
    /// items alone.
    fn drop_dead_ends(&mut self) -> Result<()> {
        let Dag { nodes, stops, .. } = &self.dag;
        let Scratch { gathered, neighbours, .. } = &mut *self.scratch;
        neighbours.resize(nodes.len(), [NO_NODE; 2]);
        let note = |known: &mut u32, node: u32| {
            *known = if *known == NO_NODE || *known == node { node } else { MANY_NODES };
        };
        for some in gathered.chunks(CHUNK) {
            self.context.check()?;
            for (slot, arc) in some {
                note(&mut neighbours[*slot as usize][1], arc.node);
                note(&mut neighbours[arc.target as usize][0], nodes[*slot as usize]);
            }
        }
        let is_passed = |slot: u32| {
            let [from, to] = neighbours[slot as usize];
            slot == 0 || stops[slot as usize] || from != to || from == MANY_NODES
        };
        gathered.retain(|(slot, arc)| is_passed(*slot) && is_passed(arc.target));
        Ok(())
    }

    fn finish(mut self) -> Result<Dag> {
        if self.removed.is_some() {
            self.drop_dead_ends()?;
        }
        self.dag.place(&self.scratch.gathered, self.context)?;
        self.dag.order_layers();
        self.scratch.clear();
        Ok(self.dag)
    }
}

/// Ranges as few that ascend and do not meet.
fn united(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut united: Vec<Range<u32>> = Vec::new();
    for range in ranges {
        match united.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

/// How the walks to a few ends are found: hops from early states forward, the others backward from the ends.
///
/// The neighbours of a hub near the end then need not be looked at to find those that are ends.
#[derive(Debug)]
pub(super) struct Plan {
    early: Vec<bool>,
    /// The state is entered from early states only.
    only_early: Vec<bool>,
    /// The nodes each state may be entered at.
    entered: Vec<Vec<Range<u32>>>,
}

impl Plan {
    pub(super) fn new(kg: &TrainKg, automaton: &Automaton) -> Self {
        let half = automaton.longest(automaton.start()) / 2;
        let early: Vec<bool> = automaton.states().map(|state| automaton.longest(state) > half).collect();
        let mut only_early = vec![true; automaton.num_states()];
        let mut entered: Vec<Vec<Range<u32>>> = vec![Vec::new(); automaton.num_states()];
        for state in automaton.states() {
            for relation in 0..kg.num_relations() {
                let Ok(relation) = u16::try_from(relation) else { continue };
                for &(ref range, next) in automaton.nodes_after(state, RelationId(relation)) {
                    only_early[next.index()] &= early[state.index()];
                    entered[next.index()].push(range.clone());
                }
            }
        }
        Self { early, only_early, entered: entered.into_iter().map(united).collect() }
    }

    fn is_early(&self, state: StateId) -> bool {
        self.early[state.index()]
    }
}
