//! A list judged against the held-out items: all that a ranking metric looks at.

use footpath_core::NodeId;
use std::collections::BTreeSet;

/// A user's list judged against the held-out items: all that a ranking metric looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// For each slot from the first, at most k of them: whether it holds a held-out item.
    pub hits: Vec<bool>,
    /// Number of held-out items of the user, at least 1.
    pub num_relevant: usize,
    /// The cut-off, at least 1.
    pub k: usize,
    /// For each item of the whole list that the user could still choose: whether it is held out.
    pub order: Vec<bool>,
    /// Number of items the user could still choose, the held-out ones included.
    pub num_candidates: usize,
}

impl Judged {
    /// Judges a list. `relevant` holds each held-out item once, in ascending order. An item that occurs again in the
    /// list is a miss the second time. `is_candidate` says of an item whether the user could still choose it; there are
    /// `num_candidates` of them.
    #[must_use]
    pub fn new(
        list: impl IntoIterator<Item = NodeId>,
        relevant: &[NodeId],
        k: usize,
        num_candidates: usize,
        is_candidate: impl Fn(NodeId) -> bool,
    ) -> Self {
        let mut met = BTreeSet::new();
        let (mut hits, mut order) = (Vec::new(), Vec::new());
        for item in list {
            let again = !met.insert(item);
            let hit = !again && relevant.binary_search(&item).is_ok();
            if hits.len() < k {
                hits.push(hit);
            }
            if !again && is_candidate(item) {
                order.push(hit);
            }
        }
        Self { hits, num_relevant: relevant.len(), k, order, num_candidates }
    }

    /// Number of hits.
    #[must_use]
    pub fn num_hits(&self) -> usize {
        self.hits.iter().filter(|&&hit| hit).count()
    }

    /// Ranks of the hits, from 1.
    pub(crate) fn hit_ranks(&self) -> impl Iterator<Item = usize> {
        (1..).zip(&self.hits).filter(|(_, hit)| **hit).map(|(rank, _)| rank)
    }
}

/// A count as a number to divide with.
#[expect(clippy::cast_precision_loss, reason = "counts of slots, items and users are far below 2^53")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
