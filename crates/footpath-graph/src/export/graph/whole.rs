//! All that is written of a graph, in whatever form.

#[cfg(feature = "rdf")]
use super::format::GraphFormat;
#[cfg(feature = "rdf")]
use crate::error::Error;
use crate::error::Result;
use crate::heldout::{HeldOut, HeldOutFacts, Split};
use crate::kg::{INTERACTED, TrainKg};
use footpath_core::{Context, NodeId, RelationId, Triple, TypeId};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io;

/// Nodes between two looks at whether to stop.
const NODES_PER_CHECK: u64 = 1 << 14;

/// What is held out of a graph: valid, then test.
#[derive(Clone, Copy, Debug)]
pub struct HeldOutParts<'a> {
    /// Interactions.
    pub interactions: [&'a HeldOut; 2],
    /// Facts.
    pub facts: [&'a HeldOutFacts; 2],
}

/// A fact, with the part that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) triple: Triple,
    pub(super) split: Split,
    /// 1 where the graph has no weights.
    pub(super) weight: f32,
}

/// An interaction, with the part that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) user: NodeId,
    pub(super) item: NodeId,
    pub(super) split: Split,
    /// NaN where the graph has no ratings.
    pub(super) rating: f32,
    /// 0 where the graph has no times.
    pub(super) time: i64,
}

/// A fact or an interaction.
pub(super) struct Edge<'a> {
    pub(super) head: NodeId,
    pub(super) tail: NodeId,
    pub(super) about: About<'a>,
}

/// What is said of an edge.
#[derive(Serialize)]
pub(super) struct About<'a> {
    pub(super) relation: &'a str,
    pub(super) split: Split,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rating: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<i64>,
}

/// All that there is to write.
pub(super) struct Whole<'a> {
    pub(super) kg: &'a TrainKg,
    pub(super) held_out: HeldOutParts<'a>,
    pub(super) context: &'a Context,
    /// Nodes of held-out facts.
    pub(super) held_out_ends: BTreeSet<NodeId>,
    pub(super) item_prefix: String,
    pub(super) user_prefix: String,
}

impl<'a> Whole<'a> {
    pub(super) fn new(kg: &'a TrainKg, held_out: HeldOutParts<'a>, context: &'a Context) -> Self {
        let facts = held_out.facts.into_iter().flat_map(HeldOutFacts::iter);
        let held_out_ends = facts.flat_map(|fact| [fact.triple.head, fact.triple.tail]).collect();
        let [item_prefix, user_prefix] = ["item:", "user:"].map(|prefix| free_prefix(kg, prefix));
        Self { kg, held_out, context, held_out_ends, item_prefix, user_prefix }
    }

    pub(super) fn all_nodes(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.kg.num_nodes()).unwrap_or(u32::MAX)
    }

    /// Nodes that are neither users nor items.
    pub(super) fn entities(&self) -> std::ops::Range<u32> {
        self.kg.items().end..self.all_nodes().end
    }

    /// Passes on some nodes, tells how far it is, and heeds a stop.
    pub(super) fn each(
        &self,
        nodes: std::ops::Range<u32>,
        mut take: impl FnMut(NodeId) -> io::Result<()>,
    ) -> io::Result<()> {
        let num_nodes = nodes.len() as u64;
        let stage = self.context.stage("writing", Some(num_nodes), "nodes");
        for (number, node) in (0..).zip(nodes.map(NodeId)) {
            if number % NODES_PER_CHECK == 0 {
                stage.reach(number)?;
            }
            take(node)?;
        }
        Ok(stage.reach(num_nodes)?)
    }

    /// Passes on every fact once, as stated: those of the graph by head, then those held out.
    pub(super) fn each_fact(&self, mut take: impl FnMut(Fact) -> io::Result<()>) -> io::Result<()> {
        self.each(self.all_nodes(), |head| {
            let weights = self.kg.weights(head);
            for (place, (relation, tail)) in self.kg.arcs(head).iter().enumerate() {
                if relation.is_inverse() || relation == RelationId::INTERACTED {
                    continue;
                }
                let triple = Triple { head, relation, tail };
                take(Fact { triple, split: Split::Train, weight: weights.get(place).copied().unwrap_or(1.0) })?;
            }
            Ok(())
        })?;
        for (facts, split) in self.held_out.facts.into_iter().zip([Split::Valid, Split::Test]) {
            facts.iter().try_for_each(|fact| take(Fact { triple: fact.triple, split, weight: 1.0 }))?;
        }
        Ok(())
    }

    /// Passes on every interaction: those of the graph by user, then those held out.
    pub(super) fn each_choice(&self, mut take: impl FnMut(Choice) -> io::Result<()>) -> io::Result<()> {
        self.each(self.kg.users(), |user| {
            let (ratings, times) = (self.kg.ratings_of(user), self.kg.times_of(user));
            for (place, &item) in self.kg.items_of(user).iter().enumerate() {
                let rating = ratings.get(place).copied().unwrap_or(f32::NAN);
                let time = times.get(place).copied().unwrap_or(0);
                take(Choice { user, item: NodeId(item), split: Split::Train, rating, time })?;
            }
            Ok(())
        })?;
        for (log, split) in self.held_out.interactions.into_iter().zip([Split::Valid, Split::Test]) {
            for (number, (user, item, time)) in log.iter().enumerate() {
                take(Choice { user, item, split, rating: log.rating(number), time })?;
            }
        }
        Ok(())
    }

    /// Passes on every fact and every interaction, as edges of one graph.
    pub(super) fn each_edge(&self, mut take: impl FnMut(Edge<'_>) -> io::Result<()>) -> io::Result<()> {
        let schema = self.kg.schema();
        self.each_fact(|Fact { triple: Triple { head, relation, tail }, split, weight }| {
            let weight = self.kg.has_weights().then_some(weight);
            let relation = &self.kg.relation_name(relation);
            take(Edge { head, tail, about: About { relation, split, weight, rating: None, time: None } })
        })?;
        self.each_choice(|Choice { user, item, split, rating, time }| {
            let (rating, time) = (schema.has_ratings.then_some(rating), schema.has_times.then_some(time));
            let about = About { relation: INTERACTED, split, weight: None, rating, time };
            take(Edge { head: user, tail: item, about })
        })
    }

    pub(super) fn num_facts(&self) -> Result<u64> {
        let mut num_facts = 0;
        let counted = self.each_fact(|_| {
            num_facts += 1;
            Ok(())
        });
        counted.map_err(footpath_core::Error::io("graph"))?;
        Ok(num_facts)
    }

    /// What stands before the id of a node where facts name it, so that no two nodes are called the same. Which entity
    /// an item was is not known to a graph, where both are one node; it is called `item:ID`, and that of a user
    /// `user:ID`.
    pub(super) fn prefix(&self, node: NodeId) -> &str {
        match self.kg.type_of(node) {
            TypeId::USER => &self.user_prefix,
            TypeId::ITEM => &self.item_prefix,
            _ => "",
        }
    }

    /// A node as facts name it.
    pub(super) fn name(&self, node: NodeId) -> String {
        [self.prefix(node), self.kg.id(node)].concat()
    }

    /// The name of a node's type.
    pub(super) fn kind(&self, node: NodeId) -> &str {
        self.kg.schema().types.get(self.kg.type_of(node).index()).map_or("", |kind| &kind.name)
    }

    /// Whether any node has further types.
    pub(super) fn has_further(&self) -> bool {
        !self.kg.schema().further_types.is_empty()
    }

    /// The further types of a node, parted by semicolons.
    pub(super) fn further(&self, node: NodeId) -> String {
        self.kg.further_types(node).collect::<Vec<_>>().join(";")
    }

    /// The label of a node; nothing where that is its id.
    pub(super) fn label(&self, node: NodeId) -> &str {
        let label = self.kg.label(node);
        if label == self.kg.id(node) { "" } else { label }
    }

    /// Whether a node has a fact, in the graph or held out.
    pub(super) fn has_facts(&self, node: NodeId) -> bool {
        let is_fact = |relation: RelationId| relation.0 > RelationId::INTERACTED_BY.0;
        self.held_out_ends.contains(&node) || self.kg.arcs(node).iter().any(|(relation, _)| is_fact(relation))
    }

    /// Refuses a graph that has what a format cannot say.
    #[cfg(feature = "rdf")]
    pub(super) fn refuse(&self, format: GraphFormat, has: bool, what: &str) -> Result<()> {
        if !has {
            return Ok(());
        }
        let (format, tables) = (format.name(), GraphFormat::Tables.name());
        let reason = format!("{format} cannot say {what}, and this graph has that; write {tables}, csv or parquet");
        Err(Error::Usage { option: "format", reason })
    }
}

/// What stands before the id of an item or user in that of its entity, so that no other entity has it.
pub(super) fn free_prefix(kg: &TrainKg, wanted: &str) -> String {
    let mut prefix = wanted.to_owned();
    let is_taken = |prefix: &str| {
        (0..).take(kg.num_nodes()).skip(kg.items().end as usize).any(|node| kg.id(NodeId(node)).starts_with(prefix))
    };
    while is_taken(&prefix) {
        prefix.insert(0, '_');
    }
    prefix
}
