//! Recall@k: the share of the user's held-out items found among the first k.

use super::judged::{Judged, count};

/// Hits divided by the number of held-out items, also when that is more than k.
#[must_use]
pub fn recall(judged: &Judged) -> f64 {
    count(judged.num_hits()) / count(judged.num_relevant.max(1))
}
