//! Precision@k: the share of the k slots that are hits; empty slots are misses.

use super::judged::{Judged, count};

/// Hits divided by k.
#[must_use]
pub fn precision(judged: &Judged) -> f64 {
    count(judged.num_hits()) / count(judged.k.max(1))
}
