//! What paths come to when they are counted and not learned: no model, no setting, and on some data hard to beat.
//!
//! An item j counts √pop(j) · Σ over the paths user – i – e – j of 1/deg(i) · 1/deg(e), where i is an item of the user,
//! e a node of knowledge that is no item, deg the number of facts at a node (choices left out) and pop(j) the number of
//! choices of j.

use crate::kg::TrainKg;
use footpath_core::{NodeId, RelationId};
use std::collections::BTreeMap;

/// How often each item was chosen, in the order of the items.
pub(super) fn popularity(kg: &TrainKg) -> Vec<f32> {
    kg.items().map(|item| number(kg.popularity(NodeId(item)))).collect()
}

/// What the paths from these items come to, for each item, in the order of the items.
pub(super) fn path_counts(kg: &TrainKg, history: &[u32], popularity: &[f32]) -> Vec<f32> {
    let mut at_entities: BTreeMap<NodeId, f32> = BTreeMap::new();
    for item in history.iter().copied().map(NodeId) {
        let share = 1.0 / number(degree(kg, item).max(1));
        for (_, entity) in facts(kg, item).filter(|(_, node)| !kg.is_item(*node)) {
            *at_entities.entry(entity).or_insert(0.0) += share;
        }
    }
    let mut counts = vec![0.0f32; kg.items().len()];
    let first = kg.items().start;
    for (entity, weight) in at_entities {
        let share = weight / number(degree(kg, entity).max(1));
        for (_, node) in facts(kg, entity) {
            let place = node.0.checked_sub(first).and_then(|place| counts.get_mut(place as usize));
            place.into_iter().for_each(|count| *count += share);
        }
    }
    counts.iter_mut().zip(popularity).for_each(|(count, popularity)| *count *= popularity.sqrt());
    counts
}

/// What is known of a node, choices left out.
fn facts(kg: &TrainKg, node: NodeId) -> impl Iterator<Item = (RelationId, NodeId)> {
    kg.arcs(node).iter().filter(|(relation, _)| *relation != RelationId::INTERACTED_BY)
}

fn degree(kg: &TrainKg, node: NodeId) -> usize {
    kg.degree(node) - kg.arcs(node).of(RelationId::INTERACTED_BY).len()
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^24 one more or less makes no difference")]
fn number(count: usize) -> f32 {
    count as f32
}
