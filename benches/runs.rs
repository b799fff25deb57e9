//! Finding the arcs of a node by relation: by doubling in its relations, as the graph does, against an index that counts bits.

use crate::generate::walks_kg;
use crate::harness::{Figure, Outcome, cpu_time};
use footpath_core::{NodeId, Purpose, Stream};
use footpath_graph::kg::{BitRun, RunIndex};

const ROUNDS: usize = 5;

/// All runs of every item, and the first arc of each, in no order.
pub(crate) fn doubling() -> Outcome<Figure> {
    let kg = walks_kg(1)?;
    let index = RunIndex::new(&kg)?;
    // No bit of this graph stands for several kinds.
    let relations: Vec<u64> = index.kinds().iter().map(|kind| kind.relation.0.into()).collect();
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
                    let all = kg.arcs(item);
                    for BitRun { bit, arcs } in index.runs(item) {
                        let (relation, first) = (relations[bit as usize], all.tails[arcs.start - all.first]);
                        runs += 1;
                        sum = sum.wrapping_add(relation * arcs.len() as u64 + u64::from(first));
                    }
                }
            }
            std::hint::black_box(sum);
            Ok(f64::from(runs))
        })
    };
    eprintln!("graph/runs: the index by bits takes {:.1} MB", index.num_bytes() as f64 / 1e6);
    Figure::measure("runs/s", "an index by bits of relations", None, 5, ours, by_mask)
}
