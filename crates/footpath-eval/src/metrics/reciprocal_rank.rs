//! MRR@k: the mean over users of one over the rank of the first hit.

use super::judged::{Judged, count};

/// 1/rank of the first hit, 0 when there is none among the first k.
#[must_use]
pub fn reciprocal_rank(judged: &Judged) -> f64 {
    judged.hit_ranks().next().map_or(0.0, |rank| 1.0 / count(rank))
}
