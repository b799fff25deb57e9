//! Precision@k: the share of the k slots that are hits; empty slots are misses.

use super::Judged;

/// Hits divided by k.
#[must_use]
pub fn precision(judged: &Judged) -> f64 {
    super::count(judged.num_hits()) / super::count(judged.k.max(1))
}
