//! What an import found and what a graph holds, as numbers to print or to write as JSON.

use crate::build::{Built, Dropped};
use crate::error::Result;
use crate::heldout::Split;
use crate::import::{Format, Warning};
use crate::kg::TrainKg;
use crate::split::SplitSpec;
use footpath_core::{NodeId, RelationId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many of something with a name there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Type of entities, or relation.
    pub name: String,
    /// How many.
    pub count: u64,
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
}

impl GraphReport {
    /// Counts everything; one pass over the arcs and one walk over the graph.
    #[must_use]
    pub fn of(kg: &TrainKg) -> Self {
        let (users, items) = (kg.users(), kg.items());
        let num_nodes = u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
        let types = kg.schema().types.iter().skip(2);
        let relations = kg.schema().relations.iter().skip(1);
        let entities: Vec<_> =
            types.map(|t| Named { name: t.name.clone(), count: u64::from(t.end - t.start) }).collect();
        let relations: Vec<_> = relations.map(|r| Named { name: r.name.clone(), count: r.num_triples }).collect();
        let reached = reachable(kg);
        let unreached = |item: &u32| !reached.get(*item as usize).copied().unwrap_or(false);
        Self {
            num_users: users.len() as u64,
            num_items: items.len() as u64,
            num_entities: entities.iter().map(|t| t.count).sum(),
            entities,
            num_triples: relations.iter().map(|r| r.count).sum(),
            relations,
            num_train: kg.num_train() as u64,
            num_self_loops: (users.end..num_nodes).map(|v| self_loops(kg, NodeId(v))).sum(),
            num_items_outside_kg: items.clone().filter(|&i| !has_knowledge(kg, NodeId(i))).count() as u64,
            num_unreachable_items: items.clone().filter(unreached).count() as u64,
            num_isolated_entities: (items.end..num_nodes).filter(|&v| kg.degree(NodeId(v)) == 0).count() as u64,
            num_users_without_train: users.filter(|&u| kg.degree(NodeId(u)) == 0).count() as u64,
            degrees: degrees(kg, num_nodes),
            has_weights: kg.has_weights(),
        }
    }
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
fn reachable(kg: &TrainKg) -> Vec<bool> {
    let mut reached = vec![false; kg.num_nodes()];
    let mut open: Vec<u32> = kg.users().collect();
    while let Some(node) = open.pop() {
        for &tail in kg.arcs(NodeId(node)).tails {
            if let Some(seen) = reached.get_mut(tail as usize).filter(|seen| !**seen) {
                *seen = true;
                open.push(tail);
            }
        }
    }
    reached
}

fn degrees(kg: &TrainKg, num_nodes: u32) -> Degrees {
    let mut all: Vec<u64> = (0..num_nodes).map(|v| kg.degree(NodeId(v)) as u64).collect();
    all.sort_unstable();
    let at = |percent: usize| {
        let rank = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(rank).copied().unwrap_or(0)
    };
    Degrees { min: at(0), p10: at(10), p50: at(50), p90: at(90), p99: at(99), max: at(100) }
}

/// Counts of the reading, which the graph does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Interactions read.
    pub num_read: u64,
    /// Interactions dropped for their rating.
    pub num_filtered: u64,
    /// Records of all files, bad ones included.
    pub num_records: u64,
    /// Items that are linked to an entity.
    pub num_linked_items: u64,
}

/// What an import found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Layout of the input.
    pub format: Format,
    /// How the log was cut.
    pub split: SplitSpec,
    /// The train graph.
    pub graph: GraphReport,
    /// Interactions held out for choosing a model.
    pub num_valid: u64,
    /// Interactions held out for the final figure.
    pub num_test: u64,
    /// Held-out interactions with an item that no user in train has.
    pub num_held_out_cold_items: u64,
    /// What was dropped as a repetition, and self-loops.
    pub dropped: Dropped,
    /// Counts of the reading.
    pub log: Log,
    /// Relations of the relations file that no triple uses; they are not in the graph.
    pub unused_relations: Vec<String>,
    /// Bad records by kind; empty for a strict import.
    pub skipped: BTreeMap<String, u64>,
    /// Oddities that are no errors.
    pub warnings: Vec<Warning>,
}

impl ImportReport {
    /// The report of a graph that was just built; the caller adds what only the reader knows.
    ///
    /// # Errors
    /// As [`Built::train_kg`].
    pub fn of(built: &Built, log: Log) -> Result<Self> {
        let kg = built.train_kg()?;
        let held_out = built.valid.iter().chain(&built.test);
        Ok(Self {
            format: Format::Auto,
            split: SplitSpec::default(),
            graph: GraphReport::of(&kg),
            num_valid: built.valid.len() as u64,
            num_test: built.test.len() as u64,
            num_held_out_cold_items: held_out.filter(|i| kg.popularity(i.item) == 0).count() as u64,
            dropped: built.dropped,
            log,
            unused_relations: Vec::new(),
            skipped: BTreeMap::new(),
            warnings: Vec::new(),
        })
    }

    /// Number of interactions in a part of the log.
    #[must_use]
    pub fn num_interactions(&self, split: Split) -> u64 {
        match split {
            Split::Train => self.graph.num_train,
            Split::Valid => self.num_valid,
            Split::Test => self.num_test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::build;
    use crate::dataset::Dataset;

    fn report(dataset: Dataset) -> ImportReport {
        ImportReport::of(&build(dataset).expect("built"), Log::default()).expect("valid")
    }

    #[test]
    fn everything_is_counted() {
        let mut d = Dataset::default();
        d.link("a", "film-a");
        d.link("b", "film-b");
        d.item("c");
        d.interact("u", "a");
        d.interact("u", "d");
        d.fact("film-a", "starring", "ann");
        d.fact("film-b", "starring", "ann");
        d.fact("film-b", "starring", "ann");
        d.fact("bob", "knows", "bob");
        d.entity("eve", "person");
        let report = report(d);
        let graph = &report.graph;
        assert_eq!((graph.num_users, graph.num_items, graph.num_entities), (1, 4, 3));
        let named = |name: &str, count| Named { name: name.to_owned(), count };
        assert_eq!(graph.entities, [named("entity", 2), named("person", 1)]);
        assert_eq!(graph.relations, [named("knows", 1), named("starring", 2)]);
        assert_eq!((graph.num_triples, graph.num_train, graph.num_self_loops), (3, 2, 1));
        // c and d have no fact; c alone is out of reach, b is reached through ann.
        assert_eq!((graph.num_items_outside_kg, graph.num_unreachable_items), (2, 1));
        assert_eq!((graph.num_isolated_entities, graph.num_users_without_train), (1, 0));
        // Arcs: u 2, a 2, b 1, c 0, d 1, ann 2, bob 2, eve 0.
        assert_eq!(graph.degrees, Degrees { min: 0, p10: 0, p50: 1, p90: 2, p99: 2, max: 2 });
        assert_eq!(report.dropped.duplicate_triples, 1);
    }

    #[test]
    fn held_out_parts_are_counted_apart() {
        let mut d = Dataset::default();
        for item in ["a", "b", "c"] {
            d.interact("u", item);
        }
        d.interact("v", "a");
        d.fact("x", "r", "y");
        d.interactions[1].split = Split::Valid;
        d.interactions[3].split = Split::Test;
        let report = report(d);
        let all = [Split::Train, Split::Valid, Split::Test].map(|split| report.num_interactions(split));
        assert_eq!(all, [2, 1, 1]);
        // b is in valid only, a is in train as well.
        assert_eq!(report.num_held_out_cold_items, 1);
        assert_eq!((report.graph.num_users_without_train, report.graph.num_unreachable_items), (1, 1));
    }
}
