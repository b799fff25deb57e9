//! AP@k, average precision; its mean over users is MAP@k.
//!
//! Σ over hits of precision at the rank of the hit, divided by min(k, held-out items).

use super::judged::{Judged, count};

/// Average precision of one user, in [0, 1].
#[must_use]
pub fn average_precision(judged: &Judged) -> f64 {
    let found = (1..).zip(judged.hit_ranks()).map(|(hits, rank)| count(hits) / count(rank)).sum::<f64>();
    // The sum of nothing is -0.0, which is no figure to print.
    (0.0 + found) / count(judged.k.min(judged.num_relevant).max(1))
}
