//! What the memory allows: random reads of cache lines, many on their way at once.

use crate::harness::{Done, Outcome, cpu_time};
use footpath_core::HugeArray;
use footpath_core::memory::prefetch;

/// Reads on their way at once.
const LANES: usize = 64;
/// Reads of a measurement.
const READS: usize = 20_000_000;

/// Random reads from tables of these sizes in bytes, in turn, as the two reads of a hop are: each address depends on
/// what the read before it gave. Counted in rounds, one read from every table.
pub(crate) fn rounds(sizes: &[usize]) -> Outcome<Done> {
    let tables: Vec<HugeArray<u64>> = sizes.iter().map(|&size| filled(size / 8)).collect::<Outcome<_>>()?;
    cpu_time(|| Ok(chase(&tables) as f64))
}

/// Numbers that no compiler can foresee.
fn filled(len: usize) -> Outcome<HugeArray<u64>> {
    let mut table = HugeArray::zeroed(len.max(8))?;
    table.iter_mut().zip(1u64..).for_each(|(value, number)| *value = number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    Ok(table)
}

fn chase(tables: &[HugeArray<u64>]) -> usize {
    let tables: Vec<&[u64]> = tables.iter().map(|table| &**table).collect();
    let mut states: Vec<u64> = (1..=LANES as u64).collect();
    let mut places = vec![0usize; LANES];
    let rounds = READS / LANES;
    for _ in 0..rounds {
        for table in &tables {
            for (state, place) in states.iter_mut().zip(&mut places) {
                *state = state.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(0x9E37_79B9_7F4A_7C15);
                *place = ((u128::from(*state) * table.len() as u128) >> 64) as usize;
                prefetch(table, *place);
            }
            for (state, place) in states.iter_mut().zip(&places) {
                *state ^= table[*place];
            }
        }
    }
    assert!(states.iter().any(|&state| state != 0), "the reads are used");
    rounds * LANES
}
