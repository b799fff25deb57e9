//! What a graph holds, as numbers to print or to write as JSON.

use crate::attributes::{Attribute, AttributeKind};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::sorting;
use footpath_core::{Context, NodeId, RelationId};
use serde::{Deserialize, Serialize};

/// Arcs looked at from one look at the stop flag to the next.
const ARCS_PER_CHECK: usize = 1 << 20;

/// How many of something with a name there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Type of entities, or relation.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// An attribute of items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeReport {
    /// Name.
    pub name: String,
    /// What its numbers mean.
    pub kind: AttributeKind,
    /// Items of which it is known.
    pub num_items: u64,
}

/// Number of arcs of a node, train interactions included, at percentiles over all nodes (nearest rank).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say all")]
pub struct Degrees {
    pub min: u64,
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

/// What a train graph holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphReport {
    /// Users.
    pub num_users: u64,
    /// Items.
    pub num_items: u64,
    /// Entities that are not items.
    pub num_entities: u64,
    /// Entities of each type, by name of the type.
    pub entities: Vec<Named>,
    /// Facts of each relation, by name; the interaction relation is not among them.
    pub relations: Vec<Named>,
    /// Facts, without repetitions.
    pub num_triples: u64,
    /// Interactions in the graph.
    pub num_train: u64,
    /// Facts whose head is their tail.
    pub num_self_loops: u64,
    /// Items without any fact but such loops.
    pub num_items_outside_kg: u64,
    /// Items that no path from any user reaches.
    pub num_unreachable_items: u64,
    /// Entities without any arc.
    pub num_isolated_entities: u64,
    /// Users without train interactions.
    pub num_users_without_train: u64,
    /// Arcs of a node.
    pub degrees: Degrees,
    /// Whether arcs have weights.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_weights: bool,
    /// Attributes of items, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeReport>,
    /// Further types of nodes, by name, with the nodes that have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_types: Vec<Named>,
}

impl GraphReport {
    /// Counts everything; one pass over the arcs and one walk over the graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn of(kg: &TrainKg, context: &Context) -> Result<Self> {
        let (users, items) = (kg.users(), kg.items());
        let num_nodes = u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
        let types = kg.schema().types.iter().skip(2);
        let relations = kg.schema().relations.iter().skip(1);
        let entities: Vec<_> =
            types.map(|t| Named { name: t.name.clone(), count: u64::from(t.end - t.start) }).collect();
        let relations: Vec<_> = relations.map(|r| Named { name: r.name.clone(), count: r.num_triples }).collect();
        let reached = reachable(kg, context)?;
        let unreached = |item: &u32| !reached.get(*item as usize).copied().unwrap_or(false);
        let count = |number: u64| context.check().map(|()| number);
        let outside = items.clone().filter(|&i| !has_knowledge(kg, NodeId(i))).count() as u64;
        Ok(Self {
            num_users: users.len() as u64,
            num_items: items.len() as u64,
            num_entities: entities.iter().map(|t| t.count).sum(),
            entities,
            num_triples: relations.iter().map(|r| r.count).sum(),
            relations,
            num_train: kg.num_train() as u64,
            num_items_outside_kg: count(outside)?,
            num_self_loops: count((0..num_nodes).map(|v| self_loops(kg, NodeId(v))).sum())?,
            num_unreachable_items: items.clone().filter(unreached).count() as u64,
            num_isolated_entities: (items.end..num_nodes).filter(|&v| kg.degree(NodeId(v)) == 0).count() as u64,
            num_users_without_train: count(users.filter(|&u| kg.items_of(NodeId(u)).is_empty()).count() as u64)?,
            degrees: degrees(kg, num_nodes, context)?,
            has_weights: kg.has_weights(),
            attributes: kg.attributes().map(attribute_report).collect(),
            further_types: further_types(kg),
        })
    }
}

fn further_types(kg: &TrainKg) -> Vec<Named> {
    let counts = kg.schema().count_further().into_iter();
    counts.map(|(name, count)| Named { name: name.to_owned(), count }).collect()
}

fn attribute_report(attribute: Attribute<'_>) -> AttributeReport {
    let num_items = attribute.values.iter().filter(|value| !value.is_nan()).count() as u64;
    AttributeReport { name: attribute.name.to_owned(), kind: attribute.kind, num_items }
}

/// Loops at a node: arcs of forward relations back to it.
fn self_loops(kg: &TrainKg, node: NodeId) -> u64 {
    kg.arcs(node).iter().filter(|&(relation, tail)| tail == node && !relation.is_inverse()).count() as u64
}

/// Whether a node has a fact that leads anywhere.
fn has_knowledge(kg: &TrainKg, node: NodeId) -> bool {
    kg.arcs(node).iter().any(|(relation, tail)| relation.0 > RelationId::INTERACTED_BY.0 && tail != node)
}

/// For each node, whether a path from any user leads there.
fn reachable(kg: &TrainKg, context: &Context) -> Result<Vec<bool>> {
    let mut reached = vec![false; kg.num_nodes()];
    let mut open: Vec<u32> = kg.users().collect();
    let mut looked_at = 0;
    while let Some(node) = open.pop() {
        let tails = kg.arcs(NodeId(node)).tails;
        looked_at += tails.len();
        if looked_at >= ARCS_PER_CHECK {
            context.check()?;
            looked_at = 0;
        }
        for &tail in tails {
            if let Some(seen) = reached.get_mut(tail as usize).filter(|seen| !**seen) {
                *seen = true;
                open.push(tail);
            }
        }
    }
    Ok(reached)
}

fn degrees(kg: &TrainKg, num_nodes: u32, context: &Context) -> Result<Degrees> {
    let mut all: Vec<u64> = (0..num_nodes).map(|v| kg.degree(NodeId(v)) as u64).collect();
    sorting::sort_by_key(&mut all, context, |degree| *degree)?;
    let at = |percent: usize| {
        let rank = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(rank).copied().unwrap_or(0)
    };
    Ok(Degrees { min: at(0), p10: at(10), p50: at(50), p90: at(90), p99: at(99), max: at(100) })
}
