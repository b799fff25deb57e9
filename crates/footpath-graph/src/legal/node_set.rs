//! Some of a range of nodes.

use footpath_core::{Context, NodeId, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Some nodes of a range, a bit for each that it has.
#[derive(Debug, Default)]
pub(super) struct NodeSet {
    first: u32,
    bits: Vec<u64>,
}

impl NodeSet {
    /// Those of the first `num_nodes` nodes of which this holds; asked on all threads.
    pub(super) fn of_those(num_nodes: usize, holds: impl Fn(NodeId) -> bool + Sync, context: &Context) -> Result<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the number of nodes is limited at import")]
        let word = |word: usize| {
            context.check()?;
            let nodes = (word * 64..num_nodes.min(word * 64 + 64)).map(|node| NodeId(node as u32));
            Ok(nodes.filter(|&node| holds(node)).fold(0, |bits, node| bits | 1 << (node.0 % 64)))
        };
        let words = (0..num_nodes.div_ceil(64)).into_par_iter().with_min_len(16).map(word);
        Ok(Self { first: 0, bits: words.collect::<Result<_>>()? })
    }

    /// These nodes; those outside the range are left out.
    pub(super) fn of(range: &Range<u32>, nodes: &[u32]) -> Self {
        let mut bits = vec![0; range.len().div_ceil(64)];
        for place in nodes.iter().filter(|node| range.contains(node)).map(|node| node - range.start) {
            if let Some(word) = bits.get_mut(place as usize / 64) {
                *word |= 1 << (place % 64);
            }
        }
        Self { first: range.start, bits }
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        let place = node.0.wrapping_sub(self.first);
        self.bits.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_their_nodes_and_no_others() {
        let all = 0..200;
        let holds = |node: NodeId| node.0 % 7 == 3;
        let expected: Vec<u32> = all.clone().filter(|&node| holds(NodeId(node))).collect();
        let those = NodeSet::of_those(200, holds, &Context::default()).expect("nobody stops it");
        assert_eq!((0..300).filter(|&node| those.contains(NodeId(node))).collect::<Vec<_>>(), expected);
        let some = NodeSet::of(&(70..150), &expected);
        let within: Vec<u32> = expected.iter().copied().filter(|node| (70..150).contains(node)).collect();
        assert_eq!((0..300).filter(|&node| some.contains(NodeId(node))).collect::<Vec<_>>(), within);
        assert!(!NodeSet::default().contains(NodeId(0)));
    }
}
