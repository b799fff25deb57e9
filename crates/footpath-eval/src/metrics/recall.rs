//! Recall@k: the share of the user's held-out items found among the first k.

use super::Judged;

/// Hits divided by the number of held-out items, also when that is more than k.
#[must_use]
pub fn recall(judged: &Judged) -> f64 {
    super::count(judged.num_hits()) / super::count(judged.num_relevant.max(1))
}
