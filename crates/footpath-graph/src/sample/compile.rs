//! A pattern compiled for a graph: for each state of its automaton, the hops from every node, ready to be drawn.
//!
//! The weight of a hop is that of all walks through it that do not turn straight back; see `weights` for the
//! recurrence, which is computed here from the last state to the first. The sum over the arcs back from x to v is found
//! without a search: the arcs of a state, turned round, come out sorted by v and then by x, as the arcs of v are.
//!
//! Time and memory grow with the number of (state, arc) pairs that the pattern allows: 16 bytes each where hops are
//! weighed (24 with wide codes), 4 (8) where not, and 16 or 8 for each node. On the graph of the benchmarks, 11 million
//! pairs, compiling took 55 to 115 ns of CPU time each.

#![expect(clippy::indexing_slicing, reason = "nodes, states and arcs are numbered by the graph; hot loops")]

use super::alias::{Buckets, Code};
use super::back::{Back, Forth};
use super::factors::{EndWeights, Factors};
use super::layers::{Class, HopKind, LEN_BITS, Layer, Layers};
use super::starts::{Starts, entered};
use super::weight::{Failure, Overflow, Weight};
use crate::kg::{TrainKg, places_within};
use crate::pattern::{Automaton, StateId};
use footpath_core::arrays::Element;
use footpath_core::{Context, HugeArray, NodeId, RelationId, Stage};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Nodes of one piece of parallel work.
const CHUNK: u32 = 1 << 14;

/// What walks are weighed by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) kg: &'a TrainKg,
    pub(super) automaton: &'a Automaton,
    pub(super) starts: &'a Starts,
    pub(super) factors: &'a Factors,
    pub(super) ends: &'a EndWeights,
    /// Whether walks may turn straight back.
    pub(super) may_return: bool,
}

/// Compiles a pattern; also the weight of all walks from each start node.
pub(super) fn weighed<W: Weight, C: Code>(rules: Rules<'_>, context: &Context) -> Result<(Layers<C>, Vec<W>), Failure> {
    let mut compiler = Compiler::<W, C>::new(rules, context);
    for state in rules.automaton.states().rev() {
        compiler.weigh(state)?;
    }
    let totals = std::mem::take(&mut compiler.done[0].totals);
    Ok((Layers { layers: compiler.finish(), weighed: true }, totals))
}

/// Compiles a pattern for walks that take every hop alike and are given up where they cannot go on.
pub(super) fn plain<C: Code>(rules: Rules<'_>, context: &Context) -> Result<Layers<C>, Failure> {
    let mut compiler = Compiler::<u64, C>::new(rules, context);
    for state in rules.automaton.states().rev() {
        compiler.list(state)?;
    }
    Ok(Layers { layers: compiler.finish(), weighed: false })
}

/// Whether codes of 32 bits are enough.
pub(super) fn fits_32_bits(kg: &TrainKg, automaton: &Automaton) -> bool {
    automaton.states().all(|state| node_bits(kg) + class_bits(steps(kg, automaton, state).1.len()) <= u32::BITS)
}

fn node_bits(kg: &TrainKg) -> u32 {
    usize::BITS - kg.num_nodes().leading_zeros()
}

/// Room for the classes and for stopping.
fn class_bits(classes: usize) -> u32 {
    usize::BITS - classes.leading_zeros()
}

/// For each relation, the ranges of tails it may lead to, each with the class of the hop.
type Steps = Vec<Vec<(Range<u32>, u32)>>;

/// What the hops of a state may be.
fn steps(kg: &TrainKg, automaton: &Automaton, state: StateId) -> (Steps, Vec<Class>) {
    let mut classes: Vec<Class> = Vec::new();
    let relations = (0..u16::try_from(kg.num_relations()).unwrap_or(u16::MAX)).map(RelationId);
    let of = relations.map(|relation| {
        let first = classes.len();
        let mut ranges: Vec<(Range<u32>, u32)> = Vec::new();
        for &(ref range, next) in automaton.nodes_after(state, relation) {
            let known = classes[first..].iter().position(|class| class.next == next);
            let class = first
                + known.unwrap_or_else(|| {
                    classes.push(Class { relation, next });
                    classes.len() - 1 - first
                });
            #[expect(clippy::cast_possible_truncation, reason = "at most relations times states")]
            let class = class as u32;
            // Types follow one another, so most relations come down to one range.
            match ranges.last_mut() {
                Some((last, same)) if *same == class && last.end == range.start => last.end = range.end,
                _ => ranges.push((range.clone(), class)),
            }
        }
        ranges
    });
    (of.collect(), classes)
}

/// What is known of a state whose hops have been weighed.
#[derive(Debug)]
struct Done<W, C> {
    layer: Option<Layer<C>>,
    first_node: u32,
    /// Weight of all walks from each node, the one that stops there left out; empty in a terminal state.
    totals: Vec<W>,
    /// What is allowed from each node, in relation weights.
    allowed: Vec<f64>,
    /// The hops turned round.
    back: Back<W>,
}

/// The hops of some nodes.
#[derive(Debug)]
struct Piece<W, C> {
    /// Words of the rows, with first arcs counted from the start of the piece.
    rows: Vec<u64>,
    arcs: Vec<C>,
    buckets: Vec<u64>,
    /// Hops of each node, stopping left out.
    lens: Vec<u32>,
    tails: Vec<u32>,
    /// Empty where every hop weighs one.
    weights: Vec<W>,
    totals: Vec<W>,
    allowed: Vec<f64>,
}

struct Compiler<'a, W, C> {
    rules: Rules<'a>,
    context: &'a Context,
    /// Nodes looked at, each as often as there are states it may be met in.
    stage: Stage<'a>,
    done: Vec<Done<W, C>>,
}

/// A hop while its state is weighed.
#[derive(Clone, Copy, Debug)]
struct Hop {
    tail: u32,
    class: u32,
    /// ω of the arc.
    edge: f32,
}

impl<'a, W: Weight, C: Code> Compiler<'a, W, C> {
    fn new(rules: Rules<'a>, context: &'a Context) -> Self {
        let nodes = rules.automaton.states().map(|state| State::new(&rules, state).rows().len() as u64).sum();
        let stage = context.stage("compiling", Some(nodes), "nodes");
        let nothing =
            |_| Done { layer: None, first_node: 0, totals: Vec::new(), allowed: Vec::new(), back: Back::default() };
        Self { rules, context, stage, done: rules.automaton.states().map(nothing).collect() }
    }

    fn finish(self) -> Vec<Layer<C>> {
        self.done.into_iter().filter_map(|done| done.layer).collect()
    }

    /// Lists the hops of a state, each alike.
    fn list(&mut self, state: StateId) -> Result<(), Failure> {
        let state_of = State::new(&self.rules, state);
        if let Some(layer) = self.same_hops(&state_of) {
            self.done[state.index()].layer = Some(layer);
            return Ok(self.stage.advance(state_of.rows().len() as u64)?);
        }
        let pieces: Result<Vec<Piece<W, C>>, Failure> =
            state_of.chunks().map(|nodes| self.list_piece(&state_of, nodes)).collect();
        self.keep(&state_of, HopKind::Uniform, pieces?)
    }

    /// The layer of a state, if another has the same hops but for the states they lead to.
    fn same_hops(&self, state: &State<'_>) -> Option<Layer<C>> {
        let later = self.rules.automaton.states().find(|&later| {
            let layer = self.done[later.index()].layer.as_ref();
            let relations = |classes: &[Class]| classes.iter().map(|class| class.relation).collect::<Vec<_>>();
            layer.is_some_and(|layer| {
                let other = State::new(&self.rules, later);
                (layer.kind, layer.shift, &other.nodes) == (HopKind::Uniform, state.shift, &state.nodes)
                    && other.steps == state.steps
                    && relations(&layer.classes) == relations(&state.classes)
            })
        })?;
        let like = self.done[later.index()].layer.as_ref()?;
        let (rows, arcs, buckets) = (Arc::clone(&like.rows), Arc::clone(&like.arcs), HugeArray::zeroed(0).ok()?);
        let Layer { kind, first_node, shift, .. } = *like;
        Some(Layer { kind, first_node, rows, classes: state.classes.clone(), shift, arcs, buckets })
    }

    fn list_piece(&self, state: &State<'_>, nodes: Range<u32>) -> Result<Piece<W, C>, Failure> {
        let mut piece = Piece::new();
        let mut hops = Vec::new();
        for node in nodes.clone() {
            self.context.check()?;
            state.hops(NodeId(node), &mut hops);
            piece.row(hops.len(), piece.arcs.len());
            piece.arcs.extend(hops.iter().map(|hop| C::pack(hop.tail, hop.class, state.shift)));
        }
        self.stage.advance(nodes.len() as u64)?;
        Ok(piece)
    }

    fn weigh(&mut self, state: StateId) -> Result<(), Failure> {
        let of = State::new(&self.rules, state);
        let is_unit = |class: &Class| self.kind(class.next) == HopKind::Terminal && !self.rules.ends.are_weighed();
        let unit = of.classes.iter().all(is_unit) && !of.may_stop && !self.rules.factors.weigh_hops();
        let pieces: Result<Vec<Piece<W, C>>, Failure> =
            of.chunks().map(|nodes| self.weigh_piece(&of, nodes, unit)).collect();
        let mut pieces = pieces?;
        self.done[state.index()].first_node = of.nodes.start;
        if !of.classes.is_empty() {
            if !self.rules.may_return && state != self.rules.automaton.start() {
                let forth: Vec<Forth<'_, W>> = pieces.iter().map(Piece::forth).collect();
                let back = Back::of(&forth, of.nodes.start, self.rules.kg.num_nodes(), self.context)?;
                self.done[state.index()].back = back;
            }
            let done = &mut self.done[state.index()];
            for piece in &mut pieces {
                done.totals.append(&mut piece.totals);
                done.allowed.append(&mut piece.allowed);
                (piece.tails, piece.weights) = (Vec::new(), Vec::new());
            }
        }
        self.keep(&of, if unit { HopKind::Uniform } else { HopKind::Weighed }, pieces)?;
        self.forget(state);
        Ok(())
    }

    /// Drops what no state before this one needs.
    fn forget(&mut self, state: StateId) {
        let automaton = self.rules.automaton;
        let relations = || (0..u16::try_from(self.rules.kg.num_relations()).unwrap_or(u16::MAX)).map(RelationId);
        for later in automaton.states().filter(|later| later.0 > state.0) {
            if self.done[later.index()].back.is_empty() {
                continue;
            }
            let leads = |from: StateId| {
                relations().any(|relation| automaton.nodes_after(from, relation).iter().any(|(_, to)| *to == later))
            };
            if !automaton.states().take_while(|earlier| earlier.0 < state.0).any(leads) {
                self.done[later.index()].back = Back::default();
            }
        }
    }

    fn kind(&self, state: StateId) -> HopKind {
        self.done[state.index()].layer.as_ref().map_or(HopKind::Terminal, |layer| layer.kind)
    }

    fn weigh_piece(&self, state: &State<'_>, nodes: Range<u32>, unit: bool) -> Result<Piece<W, C>, Failure> {
        let mut piece = Piece::new();
        let (mut hops, mut weights, mut row) = (Vec::new(), Vec::new(), Vec::new());
        let mut buckets = Buckets::default();
        for node in nodes.clone() {
            self.context.check()?;
            state.hops(NodeId(node), &mut hops);
            if hops.is_empty() && !state.may_stop {
                piece.nothing(unit);
                continue;
            }
            let edges = hops.iter().map(|hop| (state.relation(*hop), f64::from(hop.edge)));
            let allowed = self.rules.factors.allowed(edges);
            piece.allowed.push(allowed);
            if unit {
                piece.alike(&hops, state.shift);
                continue;
            }
            // In the order in which the hops of the next state come when they are turned round.
            hops.sort_unstable_by_key(|hop| u64::from(hop.tail) << 32 | u64::from(hop.class));
            self.weigh_hops(state, node, &hops, &mut weights)?;
            row.clear();
            let mut total = W::ZERO;
            for (hop, &weight) in hops.iter().zip(&weights).filter(|(_, weight)| **weight > W::ZERO) {
                total = total.plus(weight).ok_or(Overflow)?;
                row.push((C::pack(hop.tail, hop.class, state.shift), weight));
                piece.tails.push(hop.tail);
                piece.weights.push(weight);
            }
            piece.totals.push(total);
            piece.lens.push(row.len() as u32);
            let stop = self.stop(state, node, allowed);
            if stop > W::ZERO {
                total.plus(stop).ok_or(Overflow)?;
                row.push((C::pack(0, state.classes.len() as u32, state.shift), stop));
            }
            piece.row(row.len(), piece.buckets.len() / C::BUCKET);
            piece.rows.push(if row.is_empty() { 0 } else { buckets.add(&row, &mut piece.buckets) });
        }
        self.stage.advance(nodes.len() as u64)?;
        Ok(piece)
    }

    /// The weight of stopping at a node, against that of its hops before the node's factor.
    fn stop(&self, state: &State<'_>, node: u32, allowed: f64) -> W {
        if !state.may_stop {
            return W::ZERO;
        }
        W::ONE.times(self.rules.ends.of(node)).over(self.rules.factors.of(state.id, node, || allowed))
    }

    /// N of each hop.
    fn weigh_hops(&self, state: &State<'_>, node: u32, hops: &[Hop], weights: &mut Vec<W>) -> Result<(), Overflow> {
        weights.clear();
        // One cursor for each next state; there are one or two.
        let mut cursors: Vec<(StateId, usize)> = Vec::new();
        for hop in hops {
            let Class { relation, next } = state.classes[hop.class as usize];
            let done = &self.done[next.index()];
            let mut weight = W::ZERO;
            if let Some(total) = done.totals.get(hop.tail.wrapping_sub(done.first_node) as usize) {
                let known = cursors.iter().position(|(of, _)| *of == next).unwrap_or_else(|| {
                    cursors.push((next, done.back.start(node)));
                    cursors.len() - 1
                });
                let back = done.back.sum(node, hop.tail, &mut cursors[known].1);
                let allowed = || done.allowed.get(hop.tail.wrapping_sub(done.first_node) as usize).copied();
                let factor = self.rules.factors.of(next, hop.tail, || allowed().unwrap_or(0.0));
                weight = total.minus(back).times(factor);
            }
            if self.rules.automaton.is_accepting(next) {
                weight = weight.plus(W::ONE.times(self.rules.ends.of(hop.tail))).ok_or(Overflow)?;
            }
            weights.push(weight.times(self.rules.factors.relation(relation) * f64::from(hop.edge)));
        }
        Ok(())
    }

    fn keep(&mut self, state: &State<'_>, kind: HopKind, mut pieces: Vec<Piece<W, C>>) -> Result<(), Failure> {
        let kind = if state.classes.is_empty() { HopKind::Terminal } else { kind };
        let words = if kind == HopKind::Weighed { 2 } else { 1 };
        let mut first = 0u64;
        for piece in &mut pieces {
            if kind == HopKind::Terminal {
                piece.rows.clear();
            }
            piece.rows.iter_mut().step_by(words).for_each(|row| *row += first << LEN_BITS);
            first += piece.arcs.len().max(piece.buckets.len() / C::BUCKET) as u64;
        }
        let (mut rows, mut arcs, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
        for piece in pieces {
            rows.push(piece.rows);
            arcs.push(piece.arcs);
            buckets.push(piece.buckets);
        }
        let (rows, buckets) = (Arc::new(self.concat(&rows)?), self.concat(&buckets)?);
        let arcs = match self.same_arcs(&arcs) {
            Some(known) => known,
            None => Arc::new(self.concat(&arcs)?),
        };
        let (first_node, classes, shift) = (state.nodes.start, state.classes.clone(), state.shift);
        let layer = Layer { kind, first_node, rows, classes, shift, arcs, buckets };
        self.done[state.id.index()].layer = Some(layer);
        Ok(())
    }
}

impl<W: Weight, C: Code> Compiler<'_, W, C> {
    /// Pieces, one after the other. They may be gigabytes.
    fn concat<T: Element>(&self, pieces: &[Vec<T>]) -> Result<HugeArray<T>, Failure> {
        let mut array = HugeArray::zeroed(pieces.iter().map(Vec::len).sum())?;
        let mut rest: &mut [T] = &mut array;
        for piece in pieces {
            self.context.check()?;
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(piece.len());
            head.copy_from_slice(piece);
            rest = tail;
        }
        Ok(array)
    }

    /// The arcs of another state, if they are these: of states that may be met at more or fewer nodes without arcs.
    fn same_arcs(&self, pieces: &[Vec<C>]) -> Option<Arc<HugeArray<C>>> {
        let len: usize = pieces.iter().map(Vec::len).sum();
        let layers = self.done.iter().filter_map(|done| done.layer.as_ref());
        let known = layers.map(|layer| &layer.arcs).filter(|arcs| arcs.len() == len && len > 0);
        let is_same = |arcs: &&Arc<HugeArray<C>>| {
            let mut rest: &[C] = arcs;
            pieces.iter().all(|piece| {
                let (head, tail) = rest.split_at(piece.len());
                rest = tail;
                head == piece.as_slice()
            })
        };
        known.filter(|arcs| is_same(arcs)).map(Arc::clone).next()
    }
}

impl<W: Weight, C: Code> Piece<W, C> {
    fn new() -> Self {
        let (rows, arcs, buckets, lens, tails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { rows, arcs, buckets, lens, tails, weights: Vec::new(), totals: Vec::new(), allowed: Vec::new() }
    }

    fn row(&mut self, len: usize, first: usize) {
        self.rows.push((first as u64) << LEN_BITS | len as u64);
    }

    /// A node without hops; `unit` says whether rows are of one word.
    fn nothing(&mut self, unit: bool) {
        self.rows.extend(std::iter::repeat_n(0, if unit { 1 } else { 2 }));
        self.lens.push(0);
        self.totals.push(W::ZERO);
        self.allowed.push(0.0);
    }

    /// A node whose hops weigh one each.
    fn alike(&mut self, hops: &[Hop], shift: u32) {
        self.row(hops.len(), self.arcs.len());
        self.arcs.extend(hops.iter().map(|hop| C::pack(hop.tail, hop.class, shift)));
        self.tails.extend(hops.iter().map(|hop| hop.tail));
        self.lens.push(hops.len() as u32);
        self.totals.push(W::whole(hops.len()));
    }

    /// The hops as they are turned round.
    fn forth(&self) -> Forth<'_, W> {
        Forth { lens: &self.lens, tails: &self.tails, weights: &self.weights }
    }
}

/// A state with what its hops may be.
struct State<'a> {
    id: StateId,
    kg: &'a TrainKg,
    /// Nodes that may be met in this state.
    nodes: Range<u32>,
    steps: Steps,
    classes: Vec<Class>,
    shift: u32,
    /// Whether walks may stop here as well as go on.
    may_stop: bool,
    /// Whether arcs have weights of their own.
    edges: bool,
}

impl<'a> State<'a> {
    fn new(rules: &Rules<'a>, id: StateId) -> Self {
        let (steps, classes) = steps(rules.kg, rules.automaton, id);
        let nodes =
            if id == rules.automaton.start() { rules.starts.hull() } else { entered(rules.kg, rules.automaton, id) };
        let shift = class_bits(classes.len());
        let may_stop = rules.automaton.is_accepting(id) && !classes.is_empty();
        Self { id, kg: rules.kg, nodes, steps, classes, shift, may_stop, edges: rules.factors.edges }
    }

    /// The nodes that have rows; in a terminal state none has.
    fn rows(&self) -> Range<u32> {
        if self.classes.is_empty() { 0..0 } else { self.nodes.clone() }
    }

    /// The nodes in pieces, for parallel work.
    fn chunks(&self) -> impl IndexedParallelIterator<Item = Range<u32>> {
        let Range { start, end } = self.rows();
        let chunks = (end - start).div_ceil(CHUNK);
        (0..chunks).into_par_iter().map(move |chunk| start + chunk * CHUNK..end.min(start + (chunk + 1) * CHUNK))
    }

    fn relation(&self, hop: Hop) -> RelationId {
        self.classes[hop.class as usize].relation
    }

    /// The hops from a node; a fact whose head is its tail is none.
    fn hops(&self, node: NodeId, hops: &mut Vec<Hop>) {
        hops.clear();
        let weights = if self.edges { self.kg.weights(node) } else { &[] };
        let mut first_of_run = 0;
        for (relation, tails) in self.kg.arcs(node).runs() {
            for (range, class) in &self.steps[relation.index()] {
                let inside = places_within(tails, range);
                let edge = |place: usize| weights.get(place).copied().unwrap_or(1.0);
                let all = (first_of_run + inside.start..).zip(&tails[inside]).filter(|(_, tail)| **tail != node.0);
                hops.extend(all.map(|(place, &tail)| Hop { tail, class: *class, edge: edge(place) }));
            }
            first_of_run += tails.len();
        }
    }
}
