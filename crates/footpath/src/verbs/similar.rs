//! `similar`: which items, or users, a model takes for alike.
//!
//! Items are compared by the vectors that the model scores them with, users by the vectors that their paths begin with:
//! what it learned of them, and what their choices say. Alike is a small angle: the cosine.

use crate::error::Result;
use crate::service::Service;
use footpath_core::{Context, NodeId};
use rayon::prelude::*;

/// Nodes compared from one look at the stop flag to the next.
const NODES_PER_CHECK: usize = 4096;

/// A node that is like another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similar {
    /// The node.
    pub node: NodeId,
    /// Cosine of the angle between the two vectors, in [−1, 1].
    pub similarity: f64,
}

/// The `k` items most like this one, best first, of those that `leave_out` does not hold of.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn items(
    service: &Service,
    item: NodeId,
    k: usize,
    leave_out: impl Fn(NodeId) -> bool + Sync,
    context: &Context,
) -> Result<Vec<Similar>> {
    let (output, vocabulary) = (service.model().output(), service.kg().vocabulary());
    let vector = |node: NodeId| output.row(vocabulary.node(node).0).to_vec();
    most_alike(service.kg().items().map(NodeId), item, k, vector, leave_out, context)
}

/// The `k` users most like this one, best first; who has chosen nothing is like nobody.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn users(
    service: &Service,
    user: NodeId,
    k: usize,
    leave_out: impl Fn(NodeId) -> bool + Sync,
    context: &Context,
) -> Result<Vec<Similar>> {
    let kg = service.kg();
    let vector = |node: NodeId| service.model().prompt(kg.vocabulary().node(node), kg.items_of(node));
    let out = |node: NodeId| kg.items_of(node).is_empty() || leave_out(node);
    most_alike(kg.users().map(NodeId), user, k, vector, out, context)
}

fn most_alike(
    nodes: impl Iterator<Item = NodeId>,
    to: NodeId,
    k: usize,
    vector: impl Fn(NodeId) -> Vec<f32> + Sync,
    leave_out: impl Fn(NodeId) -> bool + Sync,
    context: &Context,
) -> Result<Vec<Similar>> {
    let nodes: Vec<NodeId> = nodes.filter(|&node| node != to).collect();
    let own = vector(to);
    let compare = |part: &[NodeId]| {
        context.check()?;
        let compared = part.iter().filter(|&&node| !leave_out(node)).map(|&node| {
            let similarity = cosine(&own, &vector(node));
            Similar { node, similarity }
        });
        Ok(best(compared.collect(), k))
    };
    let parts = || nodes.par_chunks(NODES_PER_CHECK).map(compare).collect::<footpath_core::Result<Vec<_>>>();
    Ok(best(context.run(parts)??.into_iter().flatten().collect(), k))
}

/// The first few in order; ties by node.
fn best(mut nodes: Vec<Similar>, k: usize) -> Vec<Similar> {
    nodes.sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.node.cmp(&b.node)));
    nodes.truncate(k);
    nodes
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if lengths > 0.0 { (product(a, b) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_angles_come_first() {
        let vectors = [[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0], [0.0, 0.0], [4.0, 0.2]];
        let vector = |node: NodeId| vectors[node.0 as usize].to_vec();
        let all = || (0..6).map(NodeId);
        let found = most_alike(all(), NodeId(0), 9, vector, |node| node == NodeId(2), &Context::default());
        let found = found.expect("nobody stops it");
        // Rounding may part the two that point the same way, so they are compared apart.
        let nodes: Vec<u32> = found.iter().map(|similar| similar.node.0).collect();
        assert_eq!(nodes[2..], [4, 3]);
        assert!(nodes[..2] == [1, 5] || nodes[..2] == [5, 1], "{nodes:?}");
        assert!((found[0].similarity - 0.998_752).abs() < 1e-4 && (found[3].similarity + 1.0).abs() < 1e-9);
        let few = most_alike(all(), NodeId(0), 2, vector, |_| false, &Context::default()).expect("nobody stops it");
        assert_eq!(few, found[..2]);
    }
}
