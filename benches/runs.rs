//! Finding the arcs of a node by relation: by doubling in its relations, as the graph does, against an index that counts bits.

use crate::generate::walks_kg;
use crate::harness::{Figure, Outcome, cpu_time};
use footpath_core::{NodeId, Purpose, Stream};
use footpath_graph::TrainKg;

const ROUNDS: usize = 5;

/// For each node which relations it has, as bits, and where the lengths of their runs begin; at most 64 directed relations.
struct MaskIndex {
    nodes: Vec<(u64, u32)>,
    /// Of all runs: their last arc and one.
    ends: Vec<u32>,
}

impl MaskIndex {
    fn new(kg: &TrainKg) -> Self {
        let (mut nodes, mut ends) = (Vec::new(), Vec::new());
        for node in (0..kg.num_nodes() as u32).map(NodeId) {
            let (base, mut end, mut mask) = (ends.len() as u32, 0, 0u64);
            for (relation, tails) in kg.arcs(node).runs() {
                mask |= 1 << relation.0;
                end += tails.len() as u32;
                ends.push(end);
            }
            nodes.push((mask, base));
        }
        Self { nodes, ends }
    }

    /// The runs of a node: relation and number of arcs.
    fn runs(&self, node: NodeId) -> impl Iterator<Item = (u32, usize)> + '_ {
        let (mut mask, base) = self.nodes[node.index()];
        let (mut start, mut next) = (0, base as usize);
        std::iter::from_fn(move || {
            let relation = (mask != 0).then(|| mask.trailing_zeros())?;
            mask &= mask - 1;
            let end = self.ends[next];
            next += 1;
            let len = end - start;
            start = end;
            Some((relation, len as usize))
        })
    }
}

/// All runs of every item, and the first arc of each, in no order.
pub(crate) fn doubling() -> Outcome<Figure> {
    let kg = walks_kg(1)?;
    let index = MaskIndex::new(&kg);
    let mut items: Vec<NodeId> = kg.items().map(NodeId).collect();
    Stream::new(1, Purpose::Shuffle, 0, 0).shuffle(&mut items);
    let ours = || {
        cpu_time(|| {
            let (mut runs, mut sum) = (0, 0u64);
            for _ in 0..ROUNDS {
                for &item in &items {
                    for (relation, tails) in kg.arcs(item).runs() {
                        runs += 1;
                        sum = sum.wrapping_add(u64::from(relation.0) * tails.len() as u64 + u64::from(tails[0]));
                    }
                }
            }
            std::hint::black_box(sum);
            Ok(f64::from(runs))
        })
    };
    let by_mask = || {
        cpu_time(|| {
            let (mut runs, mut sum) = (0, 0u64);
            for _ in 0..ROUNDS {
                for &item in &items {
                    let (arcs, mut first) = (kg.arcs(item), 0);
                    for (relation, len) in index.runs(item) {
                        runs += 1;
                        sum = sum.wrapping_add(u64::from(relation) * len as u64 + u64::from(arcs.tails[first]));
                        first += len;
                    }
                }
            }
            std::hint::black_box(sum);
            Ok(f64::from(runs))
        })
    };
    let bytes = index.nodes.len() * 16 + index.ends.len() * 4;
    eprintln!("graph/runs: the index by bits takes {:.1} MB", bytes as f64 / 1e6);
    Figure::measure("runs/s", "an index by bits of relations", None, 5, ours, by_mask)
}
