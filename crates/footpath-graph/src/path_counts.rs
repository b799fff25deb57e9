//! What paths come to when they are counted and not learned: no model, no setting, and on some data hard to beat.
//!
//! An item j counts Σ over the paths user – i – e – j of 1/deg(i) · 1/deg(e), where i is an item of the user, e a node
//! of knowledge that is no item, and deg the number of facts at a node, choices left out: the chance that a random walk
//! takes these hops, up to a factor common to all. Parallel relations are paths of their own. The tempered count is
//! that times the square root of how often j was chosen.

use crate::kg::TrainKg;
use footpath_core::{NodeId, RelationId};
use std::collections::BTreeMap;

/// The count of each item, in the order of the items, for somebody who chose `history`. Grows with the facts at the
/// items and at what they are about; `go_on` is asked for each of these, and what it refuses ends the work.
///
/// # Errors
/// What `go_on` says.
pub fn path_counts<E>(kg: &TrainKg, history: &[u32], mut go_on: impl FnMut() -> Result<(), E>) -> Result<Vec<f64>, E> {
    let mut at_entities: BTreeMap<NodeId, f64> = BTreeMap::new();
    for item in history.iter().copied().map(NodeId) {
        go_on()?;
        let share = 1.0 / number(degree(kg, item).max(1));
        for (_, entity) in facts(kg, item).filter(|(_, node)| !kg.is_item(*node)) {
            *at_entities.entry(entity).or_insert(0.0) += share;
        }
    }
    let items = kg.items();
    let mut counts = vec![0.0; items.len()];
    for (entity, weight) in at_entities {
        go_on()?;
        let share = weight / number(degree(kg, entity).max(1));
        for (_, node) in facts(kg, entity) {
            let place = node.0.checked_sub(items.start).and_then(|place| counts.get_mut(place as usize));
            place.into_iter().for_each(|count| *count += share);
        }
    }
    Ok(counts)
}

/// What is known of a node, choices left out.
fn facts(kg: &TrainKg, node: NodeId) -> impl Iterator<Item = (RelationId, NodeId)> {
    kg.arcs(node).iter().filter(|(relation, _)| relation.0 > RelationId::INTERACTED_BY.0)
}

fn degree(kg: &TrainKg, node: NodeId) -> usize {
    let arcs = kg.arcs(node);
    [RelationId::INTERACTED, RelationId::INTERACTED_BY].iter().fold(arcs.len(), |rest, &r| rest - arcs.of(r).len())
}

#[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}
