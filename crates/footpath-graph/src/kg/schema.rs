//! Types, relations and provenance of a graph.

use super::kinds::NodeKind;
use super::sources::Sources;
use crate::attributes::AttributeName;
use footpath_core::artefact::{
    ATTRIBUTES_VERSION, FORMAT_VERSION, FURTHER_TYPES_VERSION, SEVERAL_FILES_VERSION, USER_FACTS_VERSION,
};
use footpath_core::{KindId, NodeId, TypeId};
use serde::{Deserialize, Serialize};
use std::ops::{Range, RangeInclusive};

/// Name of the interaction relation.
pub const INTERACTED: &str = "interacted";
/// Weights that an arc may have. So bounded, the weight of a walk of 16 hops is far from the ends of a 64-bit float.
pub const EDGE_WEIGHTS: RangeInclusive<f32> = 1e-6..=1e6;
/// Most named relations, the interaction relation not counted: with inverses, 65,534 directed relations in all.
pub const MAX_RELATIONS: usize = 32_766;

/// A node type and the ids of its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeType {
    /// `user`, `item`, or the type of entities.
    pub name: String,
    /// First node id.
    pub start: u32,
    /// One past the last node id.
    pub end: u32,
}

/// A relation with its readings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Name; its inverse is written `~name`.
    pub name: String,
    /// Reading from head to tail.
    pub forward: String,
    /// Reading from tail to head.
    pub inverse: String,
    /// Number of facts (train interactions for `interacted`).
    pub num_triples: u64,
}

impl Relation {
    /// The interaction relation.
    pub(crate) fn interacted(num_triples: u64) -> Self {
        let (forward, inverse) = ("chose".to_owned(), "was chosen by".to_owned());
        Self { name: INTERACTED.to_owned(), forward, inverse, num_triples }
    }

    /// A relation with the readings that the data gives, which may be empty.
    pub(crate) fn read_as(name: &str, forward: &str, inverse: &str, num_triples: u64) -> Self {
        let forward = if forward.is_empty() { name.replace('_', " ") } else { forward.to_owned() };
        let inverse = if inverse.is_empty() { Self::plain_inverse(&forward) } else { inverse.to_owned() };
        Self { name: name.to_owned(), forward, inverse, num_triples }
    }

    /// The inverse reading of a relation that has none of its own.
    pub(crate) fn plain_inverse(forward: &str) -> String {
        format!("is {forward} of")
    }
}

/// Types, relations and provenance of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Node types: user, item, then entity types by name.
    pub types: Vec<NodeType>,
    /// Relations: `interacted` first, then by name. Relation `k` has directed ids `2k` and `2k+1`.
    pub relations: Vec<Relation>,
    /// Whether interactions have ratings.
    pub has_ratings: bool,
    /// Whether interactions have times or positions.
    pub has_times: bool,
    /// Whether users are linked to entities, so that they may have facts as well as interactions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub users_have_facts: bool,
    /// Attributes of items, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeName>,
    /// Names of the types that nodes have besides their own, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_types: Vec<String>,
    /// The kinds of nodes, by their ids; none where no node has further types, and then each type is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<NodeKind>,
    /// Source files of the interactions.
    #[serde(rename = "interactions_file")]
    pub interactions_files: Sources,
    /// Source files of the triples.
    #[serde(rename = "triples_file")]
    pub triples_files: Sources,
}

impl Schema {
    /// The format version of a graph with this schema: older tools understand it unless nodes have further types, items
    /// have attributes, users have facts, or it names several files for facts of a kind.
    #[must_use]
    pub fn format_version(&self) -> u32 {
        let several = [&self.interactions_files, &self.triples_files].iter().any(|files| files.files().len() > 1);
        match (self.users_have_facts, several) {
            _ if !self.kinds.is_empty() => FURTHER_TYPES_VERSION,
            _ if !self.attributes.is_empty() => ATTRIBUTES_VERSION,
            (true, _) => USER_FACTS_VERSION,
            (false, true) => SEVERAL_FILES_VERSION,
            (false, false) => FORMAT_VERSION,
        }
    }
}

/// The kinds of nodes.
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
