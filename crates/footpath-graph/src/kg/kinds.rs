//! Kinds of nodes: those with the same type and the same further types stand together.
//!
//! A node has one type, and may have further ones, which are sets that patterns can name. Whatever names a further type
//! comes down to ranges of ids, as whatever names a type does; nothing looks at single nodes.

use super::Schema;
use footpath_core::{KindId, NodeId, TypeId};
use serde::{Deserialize, Serialize};
use std::ops::Range;

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
    /// Number of the type among [`Schema::types`].
    #[serde(rename = "type")]
    pub node_type: TypeId,
    /// Numbers of the further types among [`Schema::further_types`], ascending.
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

impl Schema {
    /// Number of kinds of nodes; that of types where no node has further ones.
    #[must_use]
    pub fn num_kinds(&self) -> usize {
        if self.kinds.is_empty() { self.types.len() } else { self.kinds.len() }
    }

    /// All kinds, by their nodes.
    pub fn all_kinds(&self) -> impl Iterator<Item = KindId> + use<> {
        (0..u16::try_from(self.num_kinds()).unwrap_or(u16::MAX)).map(KindId)
    }

    /// The type of the nodes of a kind.
    #[must_use]
    pub fn type_of(&self, kind: KindId) -> TypeId {
        self.kinds.get(kind.index()).map_or(TypeId(kind.0), |kind| kind.node_type)
    }

    /// Ids of the nodes of a kind.
    #[must_use]
    pub fn kind_range(&self, kind: KindId) -> Range<u32> {
        match self.kinds.get(kind.index()) {
            Some(kind) => kind.start..kind.end,
            None => self.types.get(kind.index()).map_or(0..0, |of| of.start..of.end),
        }
    }

    /// The kind of a node.
    #[must_use]
    pub fn kind_of(&self, node: NodeId) -> KindId {
        let index = match self.kinds.is_empty() {
            true => self.types.partition_point(|of| of.end <= node.0),
            false => self.kinds.partition_point(|kind| kind.end <= node.0),
        };
        KindId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// The kinds of nodes of a type.
    pub fn kinds_of(&self, of: TypeId) -> impl Iterator<Item = KindId> + use<> {
        let place = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
        let numbers = match self.kinds.is_empty() {
            true => of.0..place(self.types.len()).min(of.0.saturating_add(1)),
            // Kinds are sorted by type.
            false => {
                let before = |is_before: fn(TypeId, TypeId) -> bool| {
                    place(self.kinds.partition_point(|kind| is_before(kind.node_type, of)))
                };
                before(|own, of| own < of)..before(|own, of| own <= of)
            }
        };
        numbers.map(KindId)
    }

    /// The further types of the nodes of a kind, in order.
    pub fn further_of(&self, kind: KindId) -> impl Iterator<Item = &str> {
        let numbers = self.kinds.get(kind.index()).map_or(&[][..], |kind| &kind.further);
        numbers.iter().filter_map(|&number| self.further_types.get(usize::from(number))).map(String::as_str)
    }

    /// A kind as people read it: its type and further types with `&` between; `plain TYPE` for the nodes of a type that
    /// have none where others of it have some.
    #[must_use]
    pub fn kind_name(&self, kind: KindId) -> String {
        let of = self.type_of(kind);
        let own = self.types.get(of.index()).map_or("", |of| &of.name);
        let further: Vec<&str> = self.further_of(kind).filter(|name| *name != own).collect();
        match further.is_empty() {
            false => [&[own], &further[..]].concat().join("&"),
            true if self.kinds_of(of).nth(1).is_some() => format!("plain {own}"),
            true => own.to_owned(),
        }
    }

    /// Each further type with the number of nodes that have it.
    pub fn count_further(&self) -> Vec<(&str, u64)> {
        let nodes = |number: usize| {
            let has = |kind: &&NodeKind| kind.further.iter().any(|&other| usize::from(other) == number);
            self.kinds.iter().filter(has).map(|kind| u64::from(kind.end - kind.start)).sum()
        };
        self.further_types.iter().enumerate().map(|(number, name)| (name.as_str(), nodes(number))).collect()
    }

    /// The nodes that have a type or further type of this name, as ascending ranges; `None` where there is no such
    /// name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Vec<Range<u32>>> {
        let own = self.types.iter().any(|of| of.name == name);
        if !own && !self.further_types.iter().any(|further| further == name) {
            return None;
        }
        let has = |kind: KindId| {
            self.types.get(self.type_of(kind).index()).is_some_and(|of| of.name == name)
                || self.further_of(kind).any(|further| further == name)
        };
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for range in self.all_kinds().filter(|&kind| has(kind)).map(|kind| self.kind_range(kind)) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Some(ranges)
    }
}
