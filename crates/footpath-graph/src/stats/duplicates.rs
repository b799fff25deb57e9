//! Rows that are there more than once, in bounded memory.

use crate::error::Result;
use footpath_core::{Context, Corpus};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;
use zerocopy::IntoBytes;

/// Rows that are hashed, and whose hashes are sorted, without a look at whether to stop.
const PIECE_ROWS: usize = 1 << 17;

/// Number of rows that are the same as an earlier one, by their 128-bit hashes. Works on rayon's current pool.
///
/// Where there are more than about `max_hashes`, they are taken in several passes over the rows, each with the hashes
/// of one range, so memory does not grow with the corpus. In a pass the hashes of each piece of the rows are sorted;
/// then the same range of hashes is taken out of all pieces and sorted again, range by range. Equal hashes meet there.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn count_duplicates(corpus: &Corpus, max_hashes: usize, context: &Context) -> Result<u64> {
    let num_passes = corpus.len().div_ceil(max_hashes.max(1)).max(1) as u128;
    let stage = context.stage("comparing", Some(num_passes as u64 * corpus.len() as u64), "paths");
    let piece_len = PIECE_ROWS.min(max_hashes.max(1)) * corpus.header().width;
    let mut duplicates = 0;
    for pass in 0..num_passes {
        let sorted = |rows: &[u32]| {
            context.check()?;
            let hashes = rows.chunks_exact(corpus.header().width).map(|row| xxh3_128(row.as_bytes()));
            let mut hashes: Vec<u128> = hashes.filter(|&hash| range(hash, num_passes) == pass).collect();
            hashes.sort_unstable();
            stage.advance((rows.len() / corpus.header().width) as u64)?;
            Ok(hashes)
        };
        let pieces = corpus.tokens().par_chunks(piece_len).map(sorted).collect::<Result<Vec<_>>>()?;
        // As many as there are pieces, so that they are of one size.
        let num_ranges = (pieces.len() as u128).max(1);
        // The ranges of a pass divide those of all passes.
        let (first, all) = (pass * num_ranges, num_passes * num_ranges);
        let counts = (0..num_ranges as u64).into_par_iter().map(|number| {
            context.check()?;
            Ok(count(&pieces, first + u128::from(number), all))
        });
        duplicates += counts.collect::<Result<Vec<u64>>>()?.into_iter().sum::<u64>();
    }
    Ok(duplicates)
}

/// The range of a hash, of so many: the upper half of the hash, spread evenly over them.
fn range(hash: u128, num_ranges: u128) -> u128 {
    ((hash >> 64) * num_ranges) >> 64
}

/// Number of hashes in a range that are the same as another one before.
fn count(pieces: &[Vec<u128>], number: u128, num_ranges: u128) -> u64 {
    let of_range = |piece: &Vec<u128>| {
        let start = piece.partition_point(|&hash| range(hash, num_ranges) < number);
        let end = piece.partition_point(|&hash| range(hash, num_ranges) <= number);
        piece.get(start..end).unwrap_or_default().to_vec()
    };
    let mut hashes: Vec<u128> = pieces.iter().flat_map(of_range).collect();
    // Runs that are sorted already, which the stable sort uses.
    hashes.sort();
    hashes.windows(2).filter(|pair| pair.first() == pair.last()).count() as u64
}
