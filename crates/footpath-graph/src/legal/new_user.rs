//! What the graph does not know of users: new users, and new choices of those it has.

use std::collections::HashSet;

/// A user the graph does not know, or knows too little of, by what they chose.
#[derive(Debug)]
pub(super) struct NewUser {
    /// The items, ascending, each once.
    pub(super) items: Vec<u32>,
    /// Of each, how many were chosen later.
    pub(super) later: Vec<u32>,
}

impl NewUser {
    /// One with this history, the last choice last. Of an item that is there twice the last time counts.
    pub(super) fn new(history: Vec<u32>) -> Self {
        let mut known = HashSet::new();
        let latest_first = history.into_iter().rev().filter(|&item| known.insert(item));
        let mut items: Vec<(u32, u32)> = latest_first.zip(0..).collect();
        items.sort_unstable();
        let (items, later) = items.into_iter().unzip();
        Self { items, later }
    }

    /// The items in the order in which they were chosen, each at its last time.
    pub(super) fn timeline(&self) -> impl Iterator<Item = u32> {
        let mut latest_last: Vec<(std::cmp::Reverse<u32>, u32)> =
            self.later.iter().map(|&later| std::cmp::Reverse(later)).zip(self.items.iter().copied()).collect();
        latest_last.sort_unstable();
        latest_last.into_iter().map(|(_, item)| item)
    }
}
