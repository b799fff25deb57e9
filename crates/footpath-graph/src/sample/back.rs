//! The hops of a state turned round.

#![expect(clippy::indexing_slicing, reason = "nodes and hops are numbered by the graph; hot loops")]

use super::weight::Weight;
use footpath_core::{Context, Result};

/// For each node v the hops to it, by the node x they come from.
#[derive(Debug)]
pub(super) struct Back<W> {
    ends: Vec<usize>,
    from: Vec<u32>,
    /// Empty where every hop weighs one.
    weights: Vec<W>,
}

impl<W> Default for Back<W> {
    fn default() -> Self {
        Self { ends: Vec::new(), from: Vec::new(), weights: Vec::new() }
    }
}

/// The hops of consecutive nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forth<'a, W> {
    /// How many each node has.
    pub(super) lens: &'a [u32],
    /// The nodes they lead to.
    pub(super) tails: &'a [u32],
    /// Empty where every hop weighs one.
    pub(super) weights: &'a [W],
}

impl<W: Weight> Back<W> {
    /// Turns the hops of nodes that ascend from `first_node` on: by counting how many lead to each node, and then
    /// dealing them out. Tails come in order of the nodes they come from, so the lists come out sorted by those.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn of(pieces: &[Forth<'_, W>], first_node: u32, num_nodes: usize, context: &Context) -> Result<Self> {
        let unit = pieces.iter().all(|piece| piece.weights.is_empty());
        let mut ends = vec![0usize; num_nodes + 1];
        for piece in pieces {
            context.check()?;
            piece.tails.iter().for_each(|&tail| ends[tail as usize + 1] += 1);
        }
        for node in 0..num_nodes {
            ends[node + 1] += ends[node];
        }
        let total = ends[num_nodes];
        let mut back =
            Self { ends: Vec::new(), from: vec![0; total], weights: vec![W::ZERO; if unit { 0 } else { total }] };
        let mut node = first_node;
        for piece in pieces {
            context.check()?;
            let mut tails = piece.tails.iter().zip(0usize..);
            for &len in piece.lens {
                for (&tail, index) in tails.by_ref().take(len as usize) {
                    let place = &mut ends[tail as usize];
                    back.from[*place] = node;
                    if !unit {
                        back.weights[*place] = piece.weights[index];
                    }
                    *place += 1;
                }
                node += 1;
            }
        }
        // Each start has moved on to the end of its list.
        ends.truncate(num_nodes);
        back.ends = ends;
        Ok(back)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where the hops to a node start.
    pub(super) fn start(&self, node: u32) -> usize {
        if node == 0 { 0 } else { self.ends.get(node as usize - 1).copied().unwrap_or(0) }
    }

    /// The weight of all hops from `from` to `node`; nodes `from` ascend from call to call with one cursor.
    pub(super) fn sum(&self, node: u32, from: u32, cursor: &mut usize) -> W {
        let end = self.ends.get(node as usize).copied().unwrap_or(0);
        while *cursor < end && self.from[*cursor] < from {
            *cursor += 1;
        }
        let same = self.from.get(*cursor..end).unwrap_or_default().iter().take_while(|&&head| head == from).count();
        if self.weights.is_empty() {
            return W::whole(same);
        }
        // Parts of a sum that was in range.
        self.weights[*cursor..*cursor + same].iter().fold(W::ZERO, |sum, &weight| sum.plus(weight).unwrap_or(sum))
    }
}
