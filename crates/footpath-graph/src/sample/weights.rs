//! Weights of the walks of a [`Dag`] that never turn straight back, and drawing in proportion to them.
//!
//! Write `S(x)` for the weight of all continuations from slot x and `N(v→x)` for that of the continuations that do not
//! return to v at once:
//!
//! ```text
//! N(v→x) = f(x) · (P(x) − Σ_{arcs b: x→v} N(b)) + stop(x),     P(x) = Σ_{arcs b of x} N(b)
//! ```
//!
//! (times the weight of the relation of v→x and that of the arc itself), where f(x) is the factor of the hop away from
//! x and stop(x) is the weight of the end where the walk may stop, and else 0. Parallel relations between x and v are
//! several arcs b. Where all factors are 1 these are counts, exact in 64 bits or an error. Where walks may turn back
//! the sum is left out. A hop is drawn in proportion to N among the arcs that do not lead back, so a walk is drawn in
//! proportion to its weight among those that never turn straight back; walks that meet a node again later are drawn
//! again as a whole, which leaves the proportions of the others as they were.
//!
//! In floating point a sum of nothing but zeros is zero, so no walk of weight zero is ever drawn; a weight is off by at
//! most 1e-16 of the weight of all continuations from its slot.

#![expect(clippy::indexing_slicing, reason = "slots and arcs are numbered by the graph; hot loops")]

use super::dag::{Arc, Dag};
use super::weight::{Failure, Overflow, Weight};
use footpath_core::{Context, NodeId, Path, QuickStream, RelationId};
use std::ops::Range;

/// Whether walks may turn straight back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turns {
    Onward,
    Any,
}

/// What walks are weighed by.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) turns: Turns,
    /// f of each slot; empty where all are 1.
    pub(super) factors: Vec<f64>,
    /// The weight of each directed relation; empty where all are 1.
    pub(super) relations: Vec<f64>,
    /// The weight of each arc by its number, its relation left out; empty where all are 1.
    pub(super) edges: Vec<f64>,
    /// The weight of stopping at each slot that is a stop; empty where all are 1.
    pub(super) stops: Vec<f64>,
}

impl Measure {
    /// Every walk weighs one.
    pub(super) fn ones(turns: Turns) -> Self {
        Self { turns, factors: Vec::new(), relations: Vec::new(), edges: Vec::new(), stops: Vec::new() }
    }

    /// The weight of a hop along an arc.
    fn hop(&self, arc: usize, relation: u16) -> f64 {
        let edge = self.edges.get(arc).unwrap_or(&1.0);
        self.relations.get(usize::from(relation)).unwrap_or(&1.0) * edge
    }
}

/// The weights of all arcs of a graph.
#[derive(Debug)]
pub(super) struct Weights<W> {
    /// For each arc, the sum of N over the arcs of its slot up to and including it.
    sums: Vec<W>,
    measure: Measure,
}

/// What a walk does next.
enum Next {
    Stop,
    Arc(usize),
    Dead,
}

impl<W: Weight> Weights<W> {
    /// As if there were no walk.
    pub(super) fn none(dag: &Dag) -> Self {
        Self { sums: vec![W::ZERO; dag.num_arcs()], measure: Measure::ones(Turns::Onward) }
    }

    /// Weighs every arc.
    pub(super) fn new(dag: &Dag, measure: Measure, context: &Context) -> Result<Self, Failure> {
        let mut weights = Self { sums: vec![W::ZERO; dag.num_arcs()], measure };
        // Within a layer the slots ascend by node, so for each target the search for the arcs back only moves on.
        let mut cursors = vec![(u32::MAX, 0usize); dag.nodes.len()];
        for (pass, layer) in (0u32..).zip(dag.layers.iter().rev()) {
            for &slot in layer {
                context.check()?;
                weights.weigh(dag, slot, pass, &mut cursors)?;
            }
        }
        Ok(weights)
    }

    fn weigh(&mut self, dag: &Dag, slot: u32, pass: u32, cursors: &mut [(u32, usize)]) -> Result<(), Overflow> {
        let node = dag.nodes[slot as usize];
        let mut sum = W::ZERO;
        for index in dag.range(slot) {
            let Arc { target, relation, .. } = dag.arc(index);
            let back = self.back(dag, target, node, pass, &mut cursors[target as usize]);
            let hop = self.measure.hop(index, relation);
            sum = sum.plus(self.value(dag, target, &back)?.times(hop)).ok_or(Overflow)?;
            self.sums[index] = sum;
        }
        Ok(())
    }

    /// The arcs from `target` back to a node, which ascends within a pass.
    fn back(&self, dag: &Dag, target: u32, node: u32, pass: u32, cursor: &mut (u32, usize)) -> Range<usize> {
        let start = dag.range(target).start;
        if self.measure.turns == Turns::Any {
            return start..start;
        }
        let (seen, from) = cursor;
        if *seen != pass {
            (*seen, *from) = (pass, start);
        }
        let back = dag.range_to_from(target, node, *from);
        *from = back.start;
        back
    }

    /// Weight of all walks from a slot, the one that stops there at once left out.
    pub(super) fn total(&self, dag: &Dag, slot: u32) -> W {
        self.before(dag.range(slot).end, dag.range(slot).start)
    }

    /// The sum over the arcs from `start` to `end`, which is one of a slot's own arcs or their end.
    fn before(&self, end: usize, start: usize) -> W {
        if end == start { W::ZERO } else { self.sums[end - 1] }
    }

    /// N of an arc to `slot`, whose arcs back are `back`.
    fn value(&self, dag: &Dag, slot: u32, back: &Range<usize>) -> Result<W, Overflow> {
        let on = self.onward(dag, slot, back).times(self.factor(slot));
        on.plus(self.stop(dag, slot)).ok_or(Overflow)
    }

    /// P without the arcs back.
    fn onward(&self, dag: &Dag, slot: u32, back: &Range<usize>) -> W {
        let range = dag.range(slot);
        let total = self.before(range.end, range.start);
        let left = self.before(back.start, range.start);
        let right = total.minus(self.before(back.end, range.start));
        left.plus(right).unwrap_or(total)
    }

    fn stop(&self, dag: &Dag, slot: u32) -> W {
        if !dag.stops[slot as usize] {
            return W::ZERO;
        }
        W::ONE.times(self.measure.stops.get(slot as usize).copied().unwrap_or(1.0))
    }

    fn factor(&self, slot: u32) -> f64 {
        self.measure.factors.get(slot as usize).copied().unwrap_or(1.0)
    }

    /// Draws one walk from `root` in proportion to its weight. False, with the walk cut short, when it meets a node
    /// again.
    pub(super) fn attempt(&self, dag: &Dag, root: u32, stream: &mut QuickStream, path: &mut Path) -> bool {
        path.nodes.clear();
        path.relations.clear();
        path.nodes.push(NodeId(dag.nodes[root as usize]));
        let (mut slot, mut from) = (root, None);
        loop {
            match self.next(dag, slot, from, stream) {
                Next::Stop => return true,
                Next::Dead => return false,
                Next::Arc(index) => {
                    let arc = dag.arc(index);
                    if self.measure.turns == Turns::Onward && path.nodes.contains(&NodeId(arc.node)) {
                        return false;
                    }
                    path.relations.push(RelationId(arc.relation));
                    path.nodes.push(NodeId(arc.node));
                    from = Some(dag.nodes[slot as usize]);
                    slot = arc.target;
                }
            }
        }
    }

    fn next(&self, dag: &Dag, slot: u32, from: Option<u32>, stream: &mut QuickStream) -> Next {
        let range = dag.range(slot);
        let back = match from {
            Some(node) if self.measure.turns == Turns::Onward => dag.range_to(slot, node),
            _ => range.start..range.start,
        };
        let stop = if from.is_some() { self.stop(dag, slot) } else { W::ZERO };
        let (left, right) = (self.before(back.start, range.start), self.before(back.end, range.start));
        let total = self.before(range.end, range.start);
        let factor = self.factor(slot);
        let onward = left.plus(total.minus(right)).unwrap_or(total);
        let Some(all) = onward.times(factor).plus(stop).filter(|all| *all > W::ZERO) else { return Next::Dead };
        let drawn = W::draw(all, stream);
        if drawn < stop {
            return Next::Stop;
        }
        let drawn = drawn.minus(stop).over(factor);
        // The first arc whose sum passes the number drawn; an arc of weight zero never is.
        let (low, high, goal) = if drawn < left {
            (range.start, back.start, drawn)
        } else {
            (back.end, range.end, right.plus(drawn.minus(left)).unwrap_or(drawn))
        };
        let chosen = low + self.sums[low..high].partition_point(|sum| *sum <= goal);
        // Past the end only when the last bit of a float was rounded up; the walk is drawn again.
        if chosen < high { Next::Arc(chosen) } else { Next::Dead }
    }
}
