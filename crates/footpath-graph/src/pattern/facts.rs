//! Which kinds of facts a graph has.

use crate::kg::TrainKg;
use footpath_core::{KindId, NodeId, RelationId};
use std::collections::BTreeSet;

/// Which kinds of facts a graph has: for each kind of node, the directed relations that leave it and the kinds they
/// lead to.
#[derive(Clone, Debug)]
pub struct Facts {
    by_kind: Vec<BTreeSet<(RelationId, KindId)>>,
}

impl Facts {
    /// Looks at every arc of a graph once.
    #[must_use]
    pub fn of(kg: &TrainKg) -> Self {
        let of_kind = |kind: KindId| {
            let mut found = BTreeSet::new();
            for node in kg.schema().kind_range(kind).map(NodeId) {
                // The arcs of a node are sorted by relation and tail, so equal ones stand together.
                let mut last = None;
                for (relation, tail) in kg.arcs(node).iter() {
                    let this = (relation, kg.kind_of(tail));
                    if last != Some(this) {
                        found.insert(this);
                        last = Some(this);
                    }
                }
            }
            found
        };
        Self { by_kind: kg.schema().all_kinds().map(of_kind).collect() }
    }

    /// The directed relations that leave nodes of a kind, with the kinds they lead to, ascending.
    pub fn from(&self, kind: KindId) -> impl Iterator<Item = (RelationId, KindId)> + '_ {
        self.by_kind.get(kind.index()).into_iter().flatten().copied()
    }
}
