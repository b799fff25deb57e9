//! The hops of a compiled pattern, laid out for random access.
//!
//! ```text
//! row of a node   first arc << 28 | number of arcs        (and, where hops are weighed, the capacity of its buckets)
//! uniform state   arcs: one code for each hop
//! weighed state   buckets: see `alias`
//! code            node << shift | class                    class = (relation, next state), or stopping
//! ```

use crate::pattern::StateId;
use footpath_core::{HugeArray, RelationId};
use std::sync::Arc;

/// Bits of the number of arcs in a row.
pub(super) const LEN_BITS: u32 = 28;
/// Most arcs of a node; a row has one more where walks may stop.
pub(super) const MAX_ROW: u64 = (1 << LEN_BITS) - 2;

/// What the hops of a state are drawn by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HopKind {
    /// Nothing follows.
    Terminal,
    /// Every hop alike.
    Uniform,
    /// In proportion to weight.
    Weighed,
}

/// What a hop is besides the node it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) relation: RelationId,
    pub(super) next: StateId,
}

/// The hops from the nodes in one state.
#[derive(Debug)]
pub(super) struct Layer<C> {
    pub(super) kind: HopKind,
    /// The node of the first row.
    pub(super) first_node: u32,
    pub(super) rows: Arc<HugeArray<u64>>,
    /// Classes by number; the number after the last stands for stopping.
    pub(super) classes: Vec<Class>,
    pub(super) shift: u32,
    /// States whose hops are the same but for what follows share them.
    pub(super) arcs: Arc<HugeArray<C>>,
    pub(super) buckets: HugeArray<u64>,
}

/// The arcs of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) first: usize,
    pub(super) len: usize,
}

impl Row {
    /// The first word of a row, read.
    #[inline]
    pub(super) fn of(word: u64) -> Self {
        Self { first: (word >> LEN_BITS) as usize, len: (word & ((1 << LEN_BITS) - 1)) as usize }
    }

    /// What of a table belongs to the row.
    pub(super) fn of_table<T>(self, table: &[T]) -> &[T] {
        table.get(self.first..self.first + self.len).unwrap_or_default()
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Layers<C> {
    /// By state.
    pub(super) layers: Vec<Layer<C>>,
    /// Whether hops are weighed so that walks never turn straight back; otherwise such walks are drawn and given up.
    pub(super) weighed: bool,
}
