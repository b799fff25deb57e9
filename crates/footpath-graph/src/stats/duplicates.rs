//! Rows that are there more than once, in bounded memory.

use footpath_core::Corpus;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;
use zerocopy::IntoBytes;

/// Number of rows that are the same as an earlier one, by their 128-bit hashes.
///
/// The hashes are sorted. Where there are more than about `max_hashes`, they are taken in several passes over the rows, each with the hashes
/// of one range, so memory does not grow with the corpus.
#[must_use]
pub fn count_duplicates(corpus: &Corpus, max_hashes: usize) -> u64 {
    let width = corpus.header().width;
    let passes = corpus.len().div_ceil(max_hashes.max(1)).max(1) as u128;
    let range = |hash: u128| {
        // The upper half of the hash, spread evenly over the passes.
        ((hash >> 64) * passes) >> 64
    };
    let mut hashes: Vec<u128> = Vec::new();
    let mut duplicates = 0;
    for pass in 0..passes {
        hashes.clear();
        let rows = corpus.tokens().par_chunks(width);
        hashes.par_extend(rows.map(hash).filter(|&hash| range(hash) == pass));
        hashes.par_sort_unstable();
        duplicates += hashes.windows(2).filter(|pair| pair.first() == pair.last()).count() as u64;
    }
    duplicates
}

fn hash(row: &[u32]) -> u128 {
    xxh3_128(row.as_bytes())
}
