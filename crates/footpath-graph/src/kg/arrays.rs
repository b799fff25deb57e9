//! The arrays of a graph.

use crate::attributes::AttributeArrays;
use footpath_core::Array;

/// Arcs from one number in `fact_ranks` to the next.
pub(crate) const RANK_BLOCK: usize = 512;

/// The arrays of a graph, owned or mapped; see the page of [`kg`](crate::kg) for what they hold.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the page of the module above draws them")]
pub struct KgArrays {
    pub offsets: Array<u64>,
    pub tails: Array<u32>,
    pub relations: Array<u16>,
    pub weights: Array<f32>,
    pub lines: Array<u32>,
    pub fact_ranks: Array<u64>,
    pub log_offsets: Array<u64>,
    pub ratings: Array<f32>,
    pub times: Array<i64>,
    pub name_ends: Array<u64>,
    pub name_bytes: Array<u8>,
    pub label_ends: Array<u64>,
    pub label_bytes: Array<u8>,
    pub attributes: AttributeArrays,
}

impl KgArrays {
    /// Train interactions of the users before this one.
    pub(super) fn log_offset(&self, user: usize) -> usize {
        // Where users have no facts their arcs are their interactions.
        let offsets = if self.log_offsets.is_empty() { &self.offsets } else { &self.log_offsets };
        offsets.get(user).map_or(0, |&before| before as usize)
    }
}

/// Forward arcs among some.
pub(super) fn num_forward(relations: &[u16]) -> usize {
    relations.iter().filter(|&r| r & 1 == 0).count()
}

/// Number of forward arcs before every 512th arc, the first included.
pub(crate) fn fact_ranks(relations: &[u16]) -> Vec<u64> {
    let mut before = 0;
    let mut ranks = Vec::with_capacity(relations.len() / RANK_BLOCK + 1);
    for block in 0..=relations.len() / RANK_BLOCK {
        ranks.push(before);
        let end = relations.len().min((block + 1) * RANK_BLOCK);
        before += num_forward(relations.get(block * RANK_BLOCK..end).unwrap_or_default()) as u64;
    }
    ranks
}
