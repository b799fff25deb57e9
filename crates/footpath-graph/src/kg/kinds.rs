//! Kinds of nodes: those with the same type and the same further types stand together.
//!
//! A node has one type, and may have further ones, which are sets that patterns can name. Whatever names a further type
//! comes down to ranges of ids, as whatever names a type does; nothing looks at single nodes.

use footpath_core::TypeId;
use serde::{Deserialize, Serialize};

/// Most further types of a graph.
pub const MAX_FURTHER_TYPES: usize = 4096;
/// Most kinds of nodes in a graph with further types.
pub const MAX_KINDS: usize = 4096;
/// Names that further types cannot have, since patterns mean something else by them.
pub(crate) const RESERVED_NAMES: [&str; 3] = ["user", "item", "entity"];

/// A kind of node and the ids of its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeKind {
    /// Number of the type among [`Schema::types`](crate::kg::Schema::types).
    #[serde(rename = "type")]
    pub node_type: TypeId,
    /// Numbers of the further types among [`Schema::further_types`](crate::kg::Schema::further_types),
    /// ascending.
    pub further: Vec<u16>,
    /// First node id.
    pub start: u32,
    /// One past the last node id.
    pub end: u32,
}

/// Whether a further type may be called like this: lists of them part names with semicolons, and patterns quote names
/// with backticks.
pub(crate) fn is_further_name(name: &str) -> bool {
    !name.contains([';', '`']) && !RESERVED_NAMES.contains(&name)
}
