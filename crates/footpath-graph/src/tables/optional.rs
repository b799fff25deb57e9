//! Columns that a table of edges need not have.

use super::parts::Table;

/// The columns that a table of edges need not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Optional {
    pub(super) weight: bool,
    pub(super) rating: bool,
    pub(super) time: bool,
}

impl Optional {
    pub(super) fn of(edges: &Table) -> Self {
        Self { weight: edges.has("weight"), rating: edges.has("rating"), time: edges.has("time") }
    }
}
