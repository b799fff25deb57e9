//! The tables of one user, or of one user and item: walks with their weights under the law.

use super::dag::{Builder, Dag, Scratch, Stops};
use super::factors::EndWeights;
use super::law::EndSet;
use super::path_law::PathLaw;
use super::sampler::Sampler;
use super::weight::{Failure, Weight};
use super::weights::{Measure, Turns, Weights};
use crate::error::Result;
use crate::pattern::StateId;
use footpath_core::{Context, NodeId, Path, QuickStream};
use std::collections::BTreeMap;

/// A graph of walks with their weights under the law.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) dag: Dag,
    pub(super) weights: LawWeights,
}

#[derive(Debug)]
pub(super) enum LawWeights {
    Counts(Weights<u64>),
    Weighted(Weights<f64>),
}

/// The user's own tables.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) table: Table,
    pub(super) roots: Roots,
}

/// Where walks start.
#[derive(Debug)]
pub(super) enum Roots {
    /// At the user, slot 0.
    User,
    /// At the ends; the walks lead back to the user.
    Ends(Ends),
}

/// The ends that walks lead to, ascending.
#[derive(Debug)]
pub(super) struct Ends {
    /// The slots of each.
    pub(super) slots: Vec<Vec<u32>>,
    /// For each, the sum of the weights up to and including it; empty where all weigh the same.
    sums: Vec<f64>,
}

impl Sampler {
    /// The walks of a user to an end set.
    pub(super) fn user_dag(&self, user: NodeId, ends: EndSet, scratch: &mut Scratch, context: &Context) -> Result<Dag> {
        let items = self.law.kg.items_of(user);
        let stops = match ends {
            EndSet::Train => Stops::At(items),
            EndSet::Unseen => Stops::NotAt(items),
            EndSet::Any => Stops::Any,
        };
        let builder = Builder::new(&self.law.kg, self.law.automaton(), stops, scratch, context);
        Ok(builder.user(user, self.law.spec.simple, &self.plan)?)
    }

    /// The walks from a user to an item.
    pub(super) fn pair_table(
        &self,
        user: NodeId,
        item: NodeId,
        scratch: &mut Scratch,
        context: &Context,
    ) -> Result<Table> {
        let ends = [item.0];
        let builder = Builder::new(&self.law.kg, self.law.automaton(), Stops::At(&ends), scratch, context);
        let dag = builder.user(user, self.law.spec.simple, &self.plan)?;
        let weights = self.law.weigh(&dag, None, context)?;
        Ok(Table { dag, weights })
    }
}

impl PathLaw {
    /// Weighs walks by the law. `ends` are the weights of where they stop, if that is at ends.
    fn weigh(&self, dag: &Dag, ends: Option<&EndWeights>, context: &Context) -> Result<LawWeights> {
        let turns = if self.spec.simple { Turns::Onward } else { Turns::Any };
        let ends = ends.filter(|ends| ends.are_weighed());
        if self.factors.are_ones() && ends.is_none() {
            match Weights::new(dag, Measure::ones(turns), context) {
                Ok(counts) => return Ok(LawWeights::Counts(counts)),
                Err(Failure::Error(error)) => return Err(error),
                // Past 64 bits floating point is near enough; see `Weights`.
                Err(Failure::Overflow) => {}
            }
        }
        let measure = Measure {
            turns,
            factors: of_slots(self, dag, context)?,
            relations: self.factors.relations.clone(),
            edges: of_edges(self, dag, context)?,
            stops: ends.map_or_else(Vec::new, |ends| dag.nodes.iter().map(|&node| ends.of(node)).collect()),
        };
        match Weights::new(dag, measure, context) {
            Ok(weights) => Ok(LawWeights::Weighted(weights)),
            Err(Failure::Overflow) => Ok(LawWeights::Weighted(Weights::none(dag))),
            Err(Failure::Error(error)) => Err(error),
        }
    }
}

/// ω of each arc of a graph of walks; empty where all are 1.
fn of_edges(law: &PathLaw, dag: &Dag, context: &Context) -> Result<Vec<f64>> {
    let arcs = dag.facts().take(if law.factors.edges { dag.num_arcs() } else { 0 });
    arcs.map(|fact| {
        context.check()?;
        Ok(f64::from(law.kg.weight(fact)))
    })
    .collect()
}

/// The factor of the hops away from each slot; empty where all are 1.
fn of_slots(law: &PathLaw, dag: &Dag, context: &Context) -> Result<Vec<f64>> {
    let PathLaw { factors, kg, .. } = law;
    if factors.damping.is_empty() && !factors.divided {
        return Ok(Vec::new());
    }
    let of = |(slot, (&node, &state)): (u32, (&u32, &u16))| {
        context.check()?;
        // Nothing goes on from a slot without arcs.
        if dag.range(slot).is_empty() {
            return Ok(1.0);
        }
        let state = StateId(state);
        let allowed = || factors.allowed_at(kg, law.automaton(), state, NodeId(node));
        Ok(factors.of(state, node, || factors.remembered(state, node, allowed)))
    };
    (0..).zip(dag.nodes.iter().zip(&dag.states)).map(of).collect()
}

impl Own {
    pub(super) fn new(sampler: &Sampler, user: NodeId, scratch: &mut Scratch, context: &Context) -> Result<Self> {
        let law = &sampler.law;
        let dag = sampler.user_dag(user, law.spec.ends, scratch, context)?;
        if !law.end_first {
            let weights = law.weigh(&dag, Some(&law.ends), context)?;
            return Ok(Self { table: Table { dag, weights }, roots: Roots::User });
        }
        let turned = dag.transposed(&[0], context)?;
        let weights = law.weigh(&turned, None, context)?;
        let table = Table { dag: turned, weights };
        let roots = Roots::Ends(table.ends(&dag.stops, &law.ends));
        Ok(Self { table, roots })
    }
}

impl Ends {
    /// The slots of an end drawn by weight.
    pub(super) fn draw(&self, stream: &mut QuickStream) -> Option<&[u32]> {
        let index = match self.sums.last() {
            None => stream.index(self.slots.len()),
            Some(total) => {
                let drawn = stream.unit() * total;
                self.sums.partition_point(|sum| *sum <= drawn).min(self.slots.len() - 1)
            }
        };
        self.slots.get(index).map(Vec::as_slice)
    }
}

impl Table {
    pub(super) fn node(&self, slot: u32) -> NodeId {
        NodeId(self.dag.nodes.get(slot as usize).copied().unwrap_or(u32::MAX))
    }

    /// Whether walks are weighed in floating point, because the law has weights or 64 bits cannot count them.
    pub(super) fn is_rounded(&self) -> bool {
        matches!(self.weights, LawWeights::Weighted(_))
    }

    pub(super) fn has_walks(&self, slot: u32) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.total(&self.dag, slot) > 0,
            LawWeights::Weighted(weights) => weights.total(&self.dag, slot) > 0.0,
        }
    }

    pub(super) fn attempt(&self, root: u32, stream: &mut QuickStream, path: &mut Path) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.attempt(&self.dag, root, stream, path),
            LawWeights::Weighted(weights) => weights.attempt(&self.dag, root, stream, path),
        }
    }

    /// A path to one end, whose slots are given, drawn from the end back to the user.
    pub(super) fn attempt_back(&self, slots: &[u32], stream: &mut QuickStream, path: &mut Path) -> bool {
        let root = match &self.weights {
            LawWeights::Counts(weights) => weights.root(&self.dag, slots, stream),
            LawWeights::Weighted(weights) => weights.root(&self.dag, slots, stream),
        };
        let drawn = root.is_some_and(|root| self.attempt(root, stream, path));
        path.nodes.reverse();
        path.relations.reverse();
        drawn
    }

    /// The ends that walks lead to; `stops` says which slots are ends.
    fn ends(&self, stops: &[bool], weights: &EndWeights) -> Ends {
        let mut ends: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ((slot, &node), _) in (0u32..).zip(&self.dag.nodes).zip(stops).filter(|(_, stop)| **stop) {
            if self.has_walks(slot) {
                ends.entry(node).or_default().push(slot);
            }
        }
        let sums = ends.keys().scan(0.0, |sum, &end| {
            *sum += weights.of(end);
            Some(*sum)
        });
        let sums = if weights.are_weighed() { sums.collect() } else { Vec::new() };
        Ends { slots: ends.into_values().collect(), sums }
    }
}

impl<W: Weight> Weights<W> {
    /// One of the slots, in proportion to the weight of the walks from it.
    fn root(&self, dag: &Dag, slots: &[u32], stream: &mut QuickStream) -> Option<u32> {
        if let [only] = slots {
            return Some(*only);
        }
        let total = slots.iter().try_fold(W::ZERO, |sum, &slot| sum.plus(self.total(dag, slot)))?;
        if total <= W::ZERO {
            return None;
        }
        let drawn = W::draw(total, stream);
        let mut sum = W::ZERO;
        slots.iter().copied().find(|&slot| {
            sum = sum.plus(self.total(dag, slot)).unwrap_or(total);
            sum > drawn
        })
    }
}
