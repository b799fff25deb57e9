//! What numbers by position cost: W8.

use crate::generate::rmat;
use crate::harness::{Figure, Outcome, cpu_time};
use footpath_core::memory::prefetch;
use footpath_core::{HugeArray, Purpose, QuickStream};

const LANES: usize = 64;
const HOPS: usize = 10;
const WALKS: usize = 400_000;

/// Numbers for one walk.
trait Numbers: Copy + Default {
    fn begin(&mut self, start: u32, draw: u64);
    fn next(&mut self) -> u64;
}

impl Numbers for QuickStream {
    fn begin(&mut self, start: u32, draw: u64) {
        *self = Self::new(1, Purpose::SamplePath, start, draw);
    }
    fn next(&mut self) -> u64 {
        self.next_u64()
    }
}

/// Marsaglia's xorshift64 (2003), one for each walker, which goes on from walk to walk: the numbers then depend on who
/// walks when.
#[derive(Clone, Copy, Default)]
struct Xorshift(u64);

impl Numbers for Xorshift {
    fn begin(&mut self, start: u32, draw: u64) {
        if self.0 == 0 {
            self.0 = u64::from(start) << 20 | draw << 1 | 1;
        }
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

struct Graph {
    /// First arc << 28 | number of arcs.
    rows: HugeArray<u64>,
    arcs: HugeArray<u32>,
    starts: Vec<u32>,
}

/// The same loop over the R-MAT graph, by either generator.
pub(crate) fn quick_stream() -> Outcome<Figure> {
    let (offsets, targets) = rmat(20, 20_000_000, 1)?;
    let rows: Vec<u64> = offsets.windows(2).map(|pair| pair[0] << 28 | (pair[1] - pair[0])).collect();
    let starts = (0u32..).zip(&rows).filter(|(_, row)| **row & 0xfff_ffff > 0).map(|(node, _)| node).collect();
    let graph = Graph { rows: HugeArray::concat(&[rows])?, arcs: HugeArray::concat(&[targets])?, starts };
    let ours = || cpu_time(|| Ok(walk::<QuickStream>(&graph)));
    let plain = || cpu_time(|| Ok(walk::<Xorshift>(&graph)));
    Figure::measure("hops/s", "the same loop with a xorshift for each walker", Some(0.9), 9, ours, plain)
}

fn walk<N: Numbers>(graph: &Graph) -> f64 {
    let Graph { rows, arcs, starts } = graph;
    let (rows, arcs): (&[u64], &[u32]) = (rows, arcs);
    let mut numbers = [N::default(); LANES];
    let (mut nodes, mut words) = ([0u32; LANES], [0u64; LANES]);
    let mut paths = vec![0u32; LANES * (HOPS + 1)];
    for wave in 0..WALKS / LANES {
        for lane in 0..LANES {
            let walk = wave * LANES + lane;
            nodes[lane] = starts[walk % starts.len()];
            numbers[lane].begin(nodes[lane], (walk / starts.len()) as u64);
            prefetch(rows, nodes[lane] as usize);
        }
        for hop in 0..HOPS {
            for (word, node) in words.iter_mut().zip(&nodes) {
                *word = rows[*node as usize];
            }
            for (word, numbers) in words.iter_mut().zip(&mut numbers) {
                let below = (u128::from(numbers.next()) * u128::from(*word & 0xfff_ffff)) >> 64;
                *word = (*word >> 28) + below as u64;
                prefetch(arcs, *word as usize);
            }
            for (word, node) in words.iter().zip(&mut nodes) {
                *node = arcs[*word as usize];
                prefetch(rows, *node as usize);
            }
            paths[hop * LANES..][..LANES].copy_from_slice(&nodes);
        }
        std::hint::black_box(&paths);
    }
    (WALKS / LANES * LANES * HOPS) as f64
}
