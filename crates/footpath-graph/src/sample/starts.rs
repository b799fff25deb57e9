//! The nodes that paths start at, in order, and where they are after that.

use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, Pattern, StateId};
use footpath_core::{NodeId, RelationId};
use std::ops::Range;

/// Ranges of node ids, ascending: the users, or for walks the nodes of the kinds that the pattern starts at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Starts {
    ranges: Vec<Range<u32>>,
}

impl Starts {
    pub(super) fn of(kg: &TrainKg, pattern: &Pattern) -> Self {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let mut kinds = pattern.starts().to_vec();
        kinds.sort_unstable();
        for range in kinds.into_iter().map(|kind| kg.schema().kind_range(kind)) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Self { ranges }
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> u32 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Checks that a node is one of them.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub(super) fn check(&self, node: NodeId) -> Result<()> {
        if self.contains(node) {
            return Ok(());
        }
        let hint = "users come first among the nodes";
        Err(Error::Unknown { what: "user", name: format!("node {}", node.0), hint })
    }

    /// The number of a node, counted from the first start.
    pub(super) fn number_of(&self, node: NodeId) -> Option<u32> {
        let before = self.ranges.iter().take_while(|range| range.end <= node.0);
        let range = self.ranges.iter().find(|range| range.contains(&node.0))?;
        Some(before.map(|range| range.end - range.start).sum::<u32>() + (node.0 - range.start))
    }

    /// From the first node to the last; there may be others in between.
    pub(super) fn hull(&self) -> Range<u32> {
        match (self.ranges.first(), self.ranges.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.ranges.iter().any(|range| range.contains(&node.0))
    }

    /// The nodes with these numbers, counted from the first start; ascending ranges of ids.
    pub(super) fn slice(&self, numbers: Range<u32>) -> impl Iterator<Item = Range<u32>> + '_ {
        let mut before = 0;
        self.ranges.iter().filter_map(move |range| {
            let len = range.end - range.start;
            let cut = |number: u32| range.start + number.saturating_sub(before).min(len);
            let part = cut(numbers.start)..cut(numbers.end);
            before += len;
            (!part.is_empty()).then_some(part)
        })
    }

    /// All nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }
}

/// The smallest range with all nodes that a walk may meet in a state.
pub(super) fn entered(kg: &TrainKg, automaton: &Automaton, state: StateId) -> Range<u32> {
    let relations = || (0..u16::try_from(kg.num_relations()).unwrap_or(u16::MAX)).map(RelationId);
    let steps = automaton.states().flat_map(|from| relations().map(move |relation| (from, relation)));
    let nodes = steps.flat_map(|(from, relation)| automaton.nodes_after(from, relation));
    let ranges = nodes.filter(|(_, to)| *to == state).map(|(range, _)| range.clone());
    ranges.reduce(|all, of| all.start.min(of.start)..all.end.max(of.end)).unwrap_or(0..0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_what_their_numbers_say() {
        let starts = Starts { ranges: vec![2..5, 9..11, 20..21] };
        let all: Vec<u32> = starts.nodes().collect();
        assert_eq!(all, [2, 3, 4, 9, 10, 20]);
        for (start, end) in (0..=6u32).flat_map(|end| (0..=end).map(move |start| (start, end))) {
            let nodes: Vec<u32> = starts.slice(start..end).flatten().collect();
            assert_eq!(nodes, all[start as usize..end as usize]);
        }
        assert_eq!((starts.len(), starts.hull()), (6, 2..21));
        assert!(starts.contains(NodeId(9)) && !starts.contains(NodeId(5)));
        let numbers: Vec<u32> = all.iter().filter_map(|&node| starts.number_of(NodeId(node))).collect();
        assert_eq!((numbers, starts.number_of(NodeId(5))), ((0..6).collect(), None));
    }
}
