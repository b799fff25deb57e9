//! Some of a range of nodes.

use crate::context::Context;
use crate::error::Result;
use crate::ids::NodeId;
use rayon::prelude::*;
use std::ops::Range;

/// Some nodes of a range, a bit for each that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSet {
    first: u32,
    bits: Vec<u64>,
}

impl NodeSet {
    /// Those of the first `num_nodes` nodes of which this holds; asked on all threads.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`].
    pub fn of_those(num_nodes: usize, holds: impl Fn(NodeId) -> bool + Sync, context: &Context) -> Result<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the number of nodes is limited at import")]
        let word = |word: usize| {
            context.check()?;
            let nodes = (word * 64..num_nodes.min(word * 64 + 64)).map(|node| NodeId(node as u32));
            Ok(nodes.filter(|&node| holds(node)).fold(0, |bits, node| bits | 1 << (node.0 % 64)))
        };
        let words = (0..num_nodes.div_ceil(64)).into_par_iter().with_min_len(16).map(word);
        Ok(Self { first: 0, bits: words.collect::<Result<_>>()? })
    }

    /// None of a range; what is put in from outside it is left out.
    #[must_use]
    pub fn none(range: &Range<u32>) -> Self {
        Self { first: range.start, bits: vec![0; range.len().div_ceil(64)] }
    }

    /// These nodes; those outside the range are left out.
    #[must_use]
    pub fn of(range: &Range<u32>, nodes: &[u32]) -> Self {
        let mut set = Self::none(range);
        nodes.iter().filter(|node| range.contains(node)).for_each(|&node| set.insert(NodeId(node)));
        set
    }

    /// Puts a node in, if the range has it.
    pub fn insert(&mut self, node: NodeId) {
        let place = node.0.wrapping_sub(self.first);
        if let Some(word) = self.bits.get_mut(place as usize / 64) {
            *word |= 1 << (place % 64);
        }
    }

    /// Whether a node is in.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        let place = node.0.wrapping_sub(self.first);
        self.bits.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Puts in whatever another set of the same range has.
    pub fn add(&mut self, other: &Self) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(word, other)| *word |= other);
    }

    /// Keeps only what another set of the same range has too.
    pub fn keep(&mut self, other: &Self) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(word, other)| *word &= other);
    }

    /// Turns it into the nodes of its range that it does not have.
    pub fn invert(&mut self, range: &Range<u32>) {
        self.bits.iter_mut().for_each(|word| *word = !*word);
        let rest = range.len() % 64;
        if rest > 0 {
            self.bits.last_mut().into_iter().for_each(|word| *word &= (1 << rest) - 1);
        }
    }

    /// How many nodes are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no node is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|&word| word == 0)
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

    #[test]
    fn sets_are_joined_met_and_turned_round() {
        for range in [0..0, 5..6, 70..134, 70..150, 3..300] {
            let nodes = |divisor: u32| range.clone().filter(|node| node % divisor == 0).collect::<Vec<_>>();
            let set = |divisor| NodeSet::of(&range, &nodes(divisor));
            let [mut both, mut either, mut other] = [set(2), set(2), set(2)];
            both.keep(&set(3));
            either.add(&set(3));
            other.invert(&range);
            for node in 0..400 {
                let (is_in, node_id) = (range.contains(&node), NodeId(node));
                assert_eq!(both.contains(node_id), is_in && node % 6 == 0, "{node} of {range:?}");
                assert_eq!(either.contains(node_id), is_in && (node % 2 == 0 || node % 3 == 0), "{node} of {range:?}");
                assert_eq!(other.contains(node_id), is_in && node % 2 != 0, "{node} of {range:?}");
            }
            assert_eq!(both.len(), nodes(6).len());
            assert_eq!(both.is_empty(), nodes(6).is_empty());
            assert_eq!(other.len() + set(2).len(), range.len());
        }
    }
}
