//! The arcs of one node, and how runs of them are found.

use super::TrainKg;
use footpath_core::{KindId, NodeId, RelationId};
use std::ops::Range;

/// What the arcs of a run have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunKind {
    /// The directed relation.
    pub(crate) relation: RelationId,
    /// The kind of the tails.
    pub(crate) tail: KindId,
}

/// The arcs of one node, sorted by (relation, tail).
#[derive(Clone, Copy, Debug)]
pub struct Arcs<'a> {
    /// Directed relation of each arc.
    pub relations: &'a [u16],
    /// Node at the other end of each arc.
    pub tails: &'a [u32],
    /// Number of the first arc in the whole graph.
    pub first: usize,
}

impl<'a> Arcs<'a> {
    /// Number of arcs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tails.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tails.is_empty()
    }

    /// Relation and tail of each arc.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (RelationId, NodeId)> + 'a {
        self.relations.iter().zip(self.tails).map(|(&r, &t)| (RelationId(r), NodeId(t)))
    }

    /// The arcs of one relation, tails ascending.
    #[must_use]
    pub fn of(self, relation: RelationId) -> Self {
        let start = self.relations.partition_point(|&r| r < relation.0);
        let end = self.relations.partition_point(|&r| r <= relation.0);
        let relations = self.relations.get(start..end).unwrap_or_default();
        Self { relations, tails: self.tails.get(start..end).unwrap_or_default(), first: self.first + start }
    }

    /// The arcs of each relation, relations ascending. A long run costs no more than its logarithm.
    pub fn runs(self) -> impl Iterator<Item = (RelationId, &'a [u32])> {
        let Self { mut relations, mut tails, .. } = self;
        std::iter::from_fn(move || {
            let &relation = relations.first()?;
            let len = run_len(relations);
            let run;
            (relations, (run, tails)) = (relations.get(len..)?, tails.split_at_checked(len)?);
            Some((RelationId(relation), run))
        })
    }
}

impl TrainKg {
    /// The arcs of a node that have a relation and a kind of tail in common, in order.
    pub(crate) fn runs_by_kind(&self, node: NodeId) -> impl Iterator<Item = (RunKind, &[u32])> {
        self.arcs(node).runs().flat_map(move |(relation, mut tails)| {
            std::iter::from_fn(move || {
                let tail = self.kind_of(NodeId(*tails.first()?));
                let end = self.schema.kind_range(tail).end;
                // Most relations lead to nodes of one kind.
                let len = match tails.last() {
                    Some(last) if *last >= end => tails.partition_point(|&tail| tail < end),
                    _ => tails.len(),
                };
                let run;
                (run, tails) = tails.split_at_checked(len.max(1))?;
                Some((RunKind { relation, tail }, run))
            })
        })
    }
}

/// Length of the run of equal numbers that ascending numbers begin with: most are short and counted, others are found
/// by doubling.
fn run_len(numbers: &[u16]) -> usize {
    const SHORT: usize = 4;
    let is_first = |number: &u16| Some(number) == numbers.first();
    let counted = numbers.iter().take(SHORT).take_while(|number| is_first(number)).count();
    if counted < SHORT {
        return counted;
    }
    let mut bound = SHORT;
    while numbers.get(bound).is_some_and(is_first) {
        bound *= 2;
    }
    let end = bound.min(numbers.len());
    bound / 2 + numbers.get(bound / 2..end).unwrap_or_default().partition_point(is_first)
}

/// Places of the ascending nodes that are in a range. Most relations lead to nodes of one type, so usually that is all
/// or none.
pub(crate) fn places_within(nodes: &[u32], range: &Range<u32>) -> Range<usize> {
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return 0..0 };
    if range.contains(first) && range.contains(last) {
        return 0..nodes.len();
    }
    if *last < range.start || *first >= range.end {
        return 0..0;
    }
    let start = nodes.partition_point(|&node| node < range.start);
    start..nodes.partition_point(|&node| node < range.end)
}

/// The ascending nodes that are in a range.
pub(crate) fn nodes_within<'a>(nodes: &'a [u32], range: &Range<u32>) -> &'a [u32] {
    nodes.get(places_within(nodes, range)).unwrap_or_default()
}
