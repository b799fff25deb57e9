//! Plain graphs as offsets and targets, for walks that know no relations.

use super::skew::{PowerLaw, Scramble};
use crate::harness::Outcome;
use footpath_core::{Purpose, Stream};
use rayon::prelude::*;

/// Chances of the quarters of the matrix, in 2¹⁶ths: .57, .19, .19 and the rest.
const QUARTERS: [u64; 3] = [37_356, 12_452, 12_452];
/// Numbers of the streams, apart from those of knowledge graphs.
const RMAT: u32 = 16;
const PARETO: u32 = 17;

/// Offsets of the nodes, one more than there are, and the targets of their arcs.
pub(crate) type Csr = (Vec<u64>, Vec<u32>);

/// An R-MAT graph (Chakrabarti et al., SDM 2004) of 2^scale ids, in both directions: no loops, no parallel arcs, ids
/// scrambled, targets ascending.
pub(crate) fn rmat(scale: u32, arcs: u64, seed: u64) -> Outcome<Csr> {
    if scale > 31 || arcs / 2 > 1u64 << (2 * scale).saturating_sub(4) {
        return Err("at most 2³¹ ids, and at most an eighth of all pairs".into());
    }
    let (wanted, ids) = ((arcs / 2) as usize, Scramble::new(1 << scale, seed, RMAT));
    let (mut edges, mut drawn): (Vec<u64>, u64) = (Vec::new(), 0);
    // As many are drawn as are missing, until none is: what was drawn before stays, so every distinct edge has its
    // chance.
    while edges.len() < wanted {
        let missing = (wanted - edges.len()) as u64;
        let draw = |number: u64| edge(scale, &mut Stream::new(seed, Purpose::Simulate, RMAT, number), &ids);
        edges.par_extend((drawn..drawn + missing).into_par_iter().filter_map(draw));
        drawn += missing;
        edges.par_sort_unstable();
        edges.dedup();
    }
    Ok(symmetric(1 << scale, &edges))
}

/// Smaller end above, larger end below; none for a loop.
fn edge(scale: u32, random: &mut Stream, ids: &Scramble) -> Option<u64> {
    let (mut from, mut to, mut bits) = (0, 0, 0);
    for level in 0..scale {
        if level % 4 == 0 {
            bits = random.next_u64();
        }
        let point = bits & 0xffff;
        bits >>= 16;
        let (down, right) = match point {
            p if p < QUARTERS[0] => (0, 0),
            p if p < QUARTERS[0] + QUARTERS[1] => (0, 1),
            p if p < QUARTERS[0] + QUARTERS[1] + QUARTERS[2] => (1, 0),
            _ => (1, 1),
        };
        (from, to) = (from << 1 | down, to << 1 | right);
    }
    let (a, b) = (ids.of(from), ids.of(to));
    (a != b).then(|| a.min(b) << 32 | a.max(b))
}

fn symmetric(nodes: usize, edges: &[u64]) -> Csr {
    let ends = |edge: u64| [(edge >> 32) as usize, (edge & 0xffff_ffff) as usize];
    let mut offsets = vec![0; nodes + 1];
    edges.iter().flat_map(|&edge| ends(edge)).for_each(|node| offsets[node + 1] += 1);
    running_sum(&mut offsets);
    let (mut next, mut targets) = (offsets.clone(), vec![0; 2 * edges.len()]);
    for &edge in edges {
        let [a, b] = ends(edge);
        for (from, to) in [(a, b), (b, a)] {
            targets[next[from] as usize] = to as u32;
            next[from] += 1;
        }
    }
    // The edges are sorted by smaller end, then by larger: a node gets its smaller neighbours in order, then its larger
    // ones.
    (offsets, targets)
}

fn running_sum(offsets: &mut [u64]) {
    let mut sum = 0;
    for offset in offsets {
        sum += *offset;
        *offset = sum;
    }
}

/// A directed graph with as many arcs as asked for, whose out-degrees have a density of exponent 3 and whose targets
/// are chosen in proportion to nearly the same weights: hubs are hubs in both directions. Loops and parallel arcs
/// occur.
pub(crate) fn pareto_csr(nodes: u64, arcs: u64, seed: u64) -> Outcome<Csr> {
    if nodes == 0 || nodes >= u64::from(u32::MAX) {
        return Err("from 1 to 2³² − 2 nodes".into());
    }
    let (law, ids) = (PowerLaw::new(nodes, 1, 1e-6), Scramble::new(nodes, seed, PARETO));
    let mut offsets = vec![0; nodes as usize + 1];
    (0..nodes).for_each(|rank| offsets[ids.of(rank) as usize + 1] = law.part(arcs, rank));
    running_sum(&mut offsets);
    let mut targets = vec![0; arcs as usize];
    const CHUNK: usize = 1 << 16;
    targets.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, targets)| {
        let mut random = Stream::new(seed, Purpose::Simulate, PARETO, chunk as u64);
        targets.iter_mut().for_each(|target| *target = ids.of(law.draw(&mut random)) as u32);
    });
    Ok((offsets, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rmat_is_symmetric_and_simple() {
        let (offsets, targets) = rmat(12, 40_000, 5).expect("a graph");
        assert_eq!((offsets.len(), targets.len()), (4_097, 40_000));
        let row = |node: usize| &targets[offsets[node] as usize..offsets[node + 1] as usize];
        for node in 0..4_096 {
            assert!(row(node).is_sorted_by(|a, b| a < b), "{node}");
            assert!(row(node).iter().all(|&to| to as usize != node && row(to as usize).contains(&(node as u32))));
        }
        assert!((0..4_096).any(|node| row(node).len() > 500), "there is a hub");
        assert_eq!(rmat(12, 40_000, 5).expect("a graph").1, targets);
    }

    #[test]
    fn pareto_has_all_arcs_and_hubs() {
        let (offsets, targets) = pareto_csr(10_000, 300_000, 5).expect("a graph");
        assert_eq!((offsets.last().copied(), targets.len()), (Some(300_000), 300_000));
        assert!(targets.iter().all(|&to| to < 10_000));
        let most = offsets.windows(2).map(|w| w[1] - w[0]).max();
        assert!(most > Some(500), "{most:?}");
    }
}
