//! Identifiers: dense numbers for nodes, node types, relations and tokens, and the paths made of them.

use serde::{Deserialize, Serialize};

/// A node of the knowledge graph. Ids are dense and contiguous by type: users, items, then each entity type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The id as an index into per-node arrays.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node type: `user`, `item`, or the type of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct TypeId(pub u16);

impl TypeId {
    /// The type of users, always the first.
    pub const USER: Self = Self(0);
    /// The type of items, always the second.
    pub const ITEM: Self = Self(1);

    /// The id as an index into per-type arrays.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A kind of node: its type and its further types. The nodes of a kind are a range of ids. Kinds are numbered by their
/// nodes, so those of users come first and those of items next; where no node has further types, a kind has the number
/// of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct KindId(pub u16);

impl KindId {
    /// The id as an index into per-kind arrays.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A directed relation. Every relation has an inverse with an id of its own: forward ids are even, inverse ids odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct RelationId(pub u16);

impl RelationId {
    /// `interacted`: from a user to an item of the train split.
    pub const INTERACTED: Self = Self(0);
    /// `~interacted`: from an item back to a user.
    pub const INTERACTED_BY: Self = Self(1);

    /// The same relation read the other way round.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self(self.0 ^ 1)
    }

    /// Whether this is the inverse reading.
    #[must_use]
    pub fn is_inverse(self) -> bool {
        self.0 & 1 == 1
    }

    /// The id as an index into arrays over directed relations.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A token of the path vocabulary; see [`Vocabulary`](crate::Vocabulary).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct TokenId(pub u32);

/// One fact of the graph, in the direction in which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Triple {
    /// Where the fact starts.
    pub head: NodeId,
    /// What it says.
    pub relation: RelationId,
    /// Where it ends.
    pub tail: NodeId,
}

impl Triple {
    /// The fact in its own direction, whichever way it was walked.
    #[must_use]
    pub fn stated(self) -> Self {
        match self.relation.is_inverse() {
            true => Self { head: self.tail, relation: self.relation.inverse(), tail: self.head },
            false => self,
        }
    }
}

/// A path of `h` hops: `h + 1` nodes joined by `h` relations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Path {
    /// The nodes, first to last.
    pub nodes: Vec<NodeId>,
    /// The relation of each hop; one fewer than the nodes.
    pub relations: Vec<RelationId>,
}

impl Path {
    /// Number of hops (relations).
    #[must_use]
    pub fn num_hops(&self) -> usize {
        self.relations.len()
    }

    /// The facts the path is made of, hop by hop.
    pub fn triples(&self) -> impl Iterator<Item = Triple> + '_ {
        self.nodes
            .iter()
            .zip(self.nodes.iter().skip(1))
            .zip(&self.relations)
            .map(|((&head, &tail), &relation)| Triple { head, relation, tail })
    }

    /// Whether no node occurs twice.
    #[must_use]
    pub fn is_simple(&self) -> bool {
        let mut rest = self.nodes.as_slice();
        while let Some((node, tail)) = rest.split_first() {
            if tail.contains(node) {
                return false;
            }
            rest = tail;
        }
        true
    }
}
