//! The ends that one user's paths may lead to.

use footpath_core::legal::Goal;
use footpath_core::{NodeId, NodeSet};
use std::ops::Range;

/// The ends wanted by one user.
pub(super) struct Wanted<'a> {
    pub(super) goal: Goal,
    /// The items the user has chosen, ascending.
    seen: &'a [u32],
    /// The same as bits, where so much will be asked that it pays to set them.
    marked: Option<NodeSet>,
}

impl<'a> Wanted<'a> {
    /// The ends wanted by a user who has chosen these items.
    pub(super) fn new(goal: Goal, seen: &'a [u32]) -> Self {
        Self { goal, seen, marked: None }
    }

    /// The same with a bit for each of all items, which pays where much will be asked.
    pub(super) fn marked(self, items: &Range<u32>) -> Self {
        Self { marked: Some(NodeSet::of(items, self.seen)), ..self }
    }

    /// Whether the user has chosen this item.
    pub(super) fn has_seen(&self, item: NodeId) -> bool {
        match &self.marked {
            Some(marked) => marked.contains(item),
            None => self.seen.binary_search(&item.0).is_ok(),
        }
    }

    /// Adds the tokens of those of some sorted tails that the user has not chosen, `first` being the token of node 0.
    pub(super) fn list_unseen(&self, tails: &[u32], first: u32, out: &mut Vec<u32>) {
        let Some(marked) = &self.marked else {
            return out.extend(self.unseen(tails).map(|tail| first + tail.0));
        };
        // Thousands for each user, of which some are left out and some are not: so every one is written, and the next
        // over it if it is out.
        let before = out.len();
        out.resize(before + tails.len(), 0);
        let mut kept = before;
        for &tail in tails {
            if let Some(place) = out.get_mut(kept) {
                *place = first + tail;
            }
            kept += usize::from(!marked.contains(NodeId(tail)));
        }
        out.truncate(kept);
    }

    /// Those of some sorted tails that the user has not chosen.
    pub(super) fn unseen<'s>(&'s self, tails: &'s [u32]) -> impl Iterator<Item = NodeId> + 's {
        let sorted = if self.marked.is_some() { &[] } else { self.seen };
        let is_marked = |tail: NodeId| self.marked.as_ref().is_some_and(|marked| marked.contains(tail));
        unseen(tails, sorted).filter(move |&tail| !is_marked(tail))
    }
}

/// Those of some sorted tails that are not among the sorted items seen.
fn unseen<'a>(tails: &'a [u32], seen: &'a [u32]) -> impl Iterator<Item = NodeId> + 'a {
    // Often only the first is asked for, so nobody walks there through all that was seen before it.
    let before = tails.first().map_or(0, |first| seen.partition_point(|item| item < first));
    let mut seen = seen.get(before..).unwrap_or_default();
    tails.iter().copied().map(NodeId).filter(move |tail| {
        while let [first, rest @ ..] = seen
            && *first < tail.0
        {
            seen = rest;
        }
        seen.first() != Some(&tail.0)
    })
}
