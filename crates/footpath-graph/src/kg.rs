//! The train graph: knowledge and train interactions in one CSR, memory-mapped.
//!
//! ```text
//! graph.safetensors
//!   offsets    u64 [nodes + 1]   arcs of node v are offsets[v] .. offsets[v+1]
//!   tails      u32 [arcs]        sorted by (relation, tail) within a node
//!   relations  u16 [arcs]        directed relation; relation ^ 1 is its inverse
//!   weights    f32 [arcs]        weight of each arc, 1e-6 to 1e6; no such array in a graph without weights
//!   lines      u32 [facts]       line of the source file by forward arc, 0 where unknown; counted on from file to file
//!   fact_ranks u64 [arcs/512+1]  forward arcs before every 512th arc
//!   ratings    f32 [train or 0]  of the interactions by user and item; empty in a graph without ratings
//!   times      i64 [train or 0]  of the same interactions; empty in a graph without times
//!   log_offsets u64 [users+1]    interactions of user u are log_offsets[u] .. log_offsets[u+1] of these two; no such
//!                                array where users have no facts, and their arcs, which come first, are interactions
//!   name_ends, label_ends u64 [nodes];  name_bytes, label_bytes u8
//! schema.json                    node types with their ranges, relations with their readings; where nodes have further
//!                                types, these and the kinds of nodes: see [`NodeKind`]
//! attributes.safetensors         of items, where there are any; see [`attributes`](crate::attributes)
//! valid.safetensors, test.safetensors   held out; see [`HeldOut`]
//! valid_facts.safetensors, test_facts.safetensors   held-out facts, where there are any; see [`HeldOutFacts`]
//! ```
//!
//! Every fact is stored twice, forward at its head and inverse at its tail, so a hop in either direction is a slice.
//! What is known of a fact stands once, by forward arc, but for its weight, which a draw looks for at the arc it is at.
//! That is 8 bytes for an arc, 4 more where arcs have weights, 8 for a node, and 4 or 8 for a rating or time.

mod arcs;
mod arrays;
mod carve;
mod check;
mod held_out;
mod kinds;
mod schema;
mod sources;
mod titles;

pub use arcs::Arcs;
pub(crate) use arcs::{nodes_within, places_within};
pub use arrays::KgArrays;
use arrays::num_forward;
pub(crate) use arrays::{RANK_BLOCK, fact_ranks};
pub use carve::Carved;
pub use held_out::{held_out, held_out_facts, open_held_out};
pub use kinds::{MAX_FURTHER_TYPES, MAX_KINDS, NodeKind};
pub(crate) use kinds::{RESERVED_NAMES, is_further_name};
pub use schema::{EDGE_WEIGHTS, INTERACTED, MAX_RELATIONS, NodeType, Relation, Schema};
pub use sources::{SourceFile, Sources};

use crate::attributes::{self, Attribute, AttributeName};
use crate::error::{Error, Result};
use footpath_core::memory::prefetch;
use footpath_core::{
    ArrayFile, Artefact, ArtefactKind, Context, KindId, NodeId, RelationId, Triple, TypeId, Vocabulary,
};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The knowledge graph with the train interactions, and no others.
///
/// The sampler, the trainer and the decoder accept nothing else, so a held-out interaction cannot reach them.
#[derive(Clone, Debug)]
pub struct TrainKg {
    schema: Schema,
    arrays: KgArrays,
    hash: String,
    /// The items whose title is that of another item as well, in order; looked for when first asked for.
    shared_titles: OnceLock<Vec<u32>>,
}

impl TrainKg {
    /// Opens the train graph of a KG artefact. Held-out files are verified but not read.
    ///
    /// A graph of 64 MiB or more that was verified before, and not written to since, is mapped at once, whatever its
    /// size: see [`OpenOptions`](footpath_core::OpenOptions).
    ///
    /// # Errors
    /// As [`Artefact::open`]; [`Error::Invariant`] when the arrays do not make a graph.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_within(directory, &Context::default())
    }

    /// As [`TrainKg::open`], told how far its verification is, and stopped, by a context.
    ///
    /// # Errors
    /// As [`TrainKg::open`]; a stop.
    pub fn open_within(directory: &Path, context: &Context) -> Result<Self> {
        Self::of(&Artefact::open(directory, ArtefactKind::Kg, context)?)
    }

    /// The train graph of a KG artefact that is open. Its content is checked unless the artefact has a receipt; without
    /// one, it gets one.
    ///
    /// # Errors
    /// [`Error::Invariant`] when the arrays do not make a graph, [`Error::Core`] when they are not there.
    pub fn of(artefact: &Artefact) -> Result<Self> {
        let directory = artefact.directory();
        let hash = artefact.manifest().content_hash();
        let schema: Schema = serde_json::from_str(&artefact.read_text("schema.json")?)
            .map_err(|e| invariant(directory, "schema.json", "a schema", e.to_string()))?;
        let manifest = artefact.manifest();
        if schema.format_version() != manifest.format_version {
            let (expected, got) = (schema.format_version(), manifest.format_version);
            let (path, tool) = (directory.to_owned(), manifest.tool_version.clone());
            return Err(footpath_core::Error::Version { path, expected, got, tool }.into());
        }
        let file = ArrayFile::open(&artefact.file("graph.safetensors")?)?;
        let arrays = KgArrays {
            offsets: file.array("offsets")?,
            tails: file.array("tails")?,
            relations: file.array("relations")?,
            weights: if file.has("weights") { file.array("weights")? } else { Vec::new().into() },
            lines: file.array("lines")?,
            fact_ranks: file.array("fact_ranks")?,
            log_offsets: if schema.users_have_facts { file.array("log_offsets")? } else { Vec::new().into() },
            ratings: file.array("ratings")?,
            times: file.array("times")?,
            name_ends: file.array("name_ends")?,
            name_bytes: file.array("name_bytes")?,
            label_ends: file.array("label_ends")?,
            label_bytes: file.array("label_bytes")?,
            attributes: attributes::open(artefact, &schema.attributes)?,
        };
        let broken = |(what, expected, got)| invariant(directory, what, expected, got);
        check::shape(&schema, &arrays).map_err(broken)?;
        if !artefact.has_receipt() {
            check::content(&schema, &arrays).map_err(broken)?;
            artefact.leave_receipt();
        }
        Ok(Self { schema, arrays, hash, shared_titles: OnceLock::new() })
    }

    /// A graph from its arrays, after checking every rule they must obey. `source` is named in errors.
    ///
    /// # Errors
    /// [`Error::Invariant`] naming the rule that is broken.
    pub fn from_arrays(schema: Schema, arrays: KgArrays, hash: String, source: &Path) -> Result<Self> {
        check::shape(&schema, &arrays)
            .and_then(|()| check::content(&schema, &arrays))
            .map_err(|(what, expected, got)| invariant(source, what, expected, got))?;
        Ok(Self { schema, arrays, hash, shared_titles: OnceLock::new() })
    }

    /// Hash of the artefact's content; empty for a graph built in memory.
    #[must_use]
    pub fn content_hash(&self) -> &str {
        &self.hash
    }

    /// Types and relations.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Number of nodes.
    #[must_use]
    pub fn num_nodes(&self) -> usize {
        self.arrays.offsets.len() - 1
    }

    /// Number of arcs: each fact twice.
    #[must_use]
    pub fn num_arcs(&self) -> usize {
        self.arrays.tails.len()
    }

    /// Number of directed relations, inverses included.
    #[must_use]
    pub fn num_relations(&self) -> usize {
        self.schema.relations.len() * 2
    }

    /// Number of train interactions.
    #[must_use]
    pub fn num_train(&self) -> usize {
        self.arrays.log_offset(self.users().end as usize)
    }

    /// Ids of the users.
    #[must_use]
    pub fn users(&self) -> Range<u32> {
        self.range(TypeId::USER)
    }

    /// Ids of the items.
    #[must_use]
    pub fn items(&self) -> Range<u32> {
        self.range(TypeId::ITEM)
    }

    /// Ids of the nodes of a type.
    #[must_use]
    pub fn range(&self, kind: TypeId) -> Range<u32> {
        self.schema.types.get(kind.index()).map_or(0..0, |t| t.start..t.end)
    }

    /// Type of a node.
    #[must_use]
    pub fn type_of(&self, node: NodeId) -> TypeId {
        let index = self.schema.types.partition_point(|t| t.end <= node.0);
        TypeId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Kind of a node.
    #[must_use]
    pub fn kind_of(&self, node: NodeId) -> KindId {
        self.schema.kind_of(node)
    }

    /// The types of a node besides its own, in order.
    pub fn further_types(&self, node: NodeId) -> impl Iterator<Item = &str> {
        self.schema.further_of(self.kind_of(node))
    }

    /// Whether a node is an item.
    #[must_use]
    pub fn is_item(&self, node: NodeId) -> bool {
        self.items().contains(&node.0)
    }

    /// The vocabulary of paths in this graph.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "both numbers are limited at import")]
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary { num_relations: self.num_relations() as u32, num_nodes: self.num_nodes() as u32 }
    }

    /// The attributes of the items, by name.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let named = self.schema.attributes.iter().zip(&self.arrays.attributes);
        named.map(|(AttributeName { name, kind }, values)| Attribute { name, kind: *kind, values })
    }

    /// The attribute of this name, if items have it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.attributes().find(|attribute| attribute.name == name)
    }

    /// Asks for where the arcs of a node are, which will be looked at soon.
    #[inline]
    pub(crate) fn prefetch_offset(&self, node: NodeId) {
        prefetch(&self.arrays.offsets, node.index());
    }

    /// Asks for the first arcs of a node, some of the rest of which the processor foresees.
    #[inline]
    pub(crate) fn prefetch_arcs(&self, node: NodeId) {
        let Some(first) = self.arrays.offsets.get(node.index()).and_then(|&first| usize::try_from(first).ok()) else {
            return;
        };
        prefetch(&self.arrays.relations, first);
        prefetch(&self.arrays.tails, first);
        prefetch(&self.arrays.tails, first + 16);
    }

    /// The tail of every arc.
    pub(crate) fn tails(&self) -> &[u32] {
        &self.arrays.tails
    }

    /// The arcs of a node; none for a node out of range.
    #[must_use]
    pub fn arcs(&self, node: NodeId) -> Arcs<'_> {
        let bounds = |i: usize| self.arrays.offsets.get(i).map_or(0, |&o| o as usize);
        let (start, end) = (bounds(node.index()), bounds(node.index() + 1));
        Arcs {
            relations: self.arrays.relations.get(start..end).unwrap_or_default(),
            tails: self.arrays.tails.get(start..end).unwrap_or_default(),
            first: start,
        }
    }

    /// Number of arcs of a node.
    #[must_use]
    pub fn degree(&self, node: NodeId) -> usize {
        self.arcs(node).len()
    }

    /// The train items of a user, ascending.
    #[must_use]
    pub fn items_of(&self, user: NodeId) -> &[u32] {
        if self.users().contains(&user.0) { self.arcs(user).of(RelationId::INTERACTED).tails } else { &[] }
    }

    /// Number of train interactions of an item.
    #[must_use]
    pub fn popularity(&self, item: NodeId) -> usize {
        self.arcs(item).of(RelationId::INTERACTED_BY).len()
    }

    /// Times of the train items of a user, in the order of [`TrainKg::items_of`]; empty in a graph without times.
    #[must_use]
    pub fn times_of(&self, user: NodeId) -> &[i64] {
        self.arrays.times.get(self.log_range(user)).unwrap_or_default()
    }

    /// Ratings of the train items of a user, in the order of [`TrainKg::items_of`]; empty in a graph without ratings.
    #[must_use]
    pub fn ratings_of(&self, user: NodeId) -> &[f32] {
        self.arrays.ratings.get(self.log_range(user)).unwrap_or_default()
    }

    /// Where the train interactions of a user stand among those of all.
    fn log_range(&self, user: NodeId) -> Range<usize> {
        match self.users().contains(&user.0) {
            true => self.arrays.log_offset(user.index())..self.arrays.log_offset(user.index() + 1),
            false => 0..0,
        }
    }

    /// Whether arcs have weights of their own; otherwise each weighs 1.
    #[must_use]
    pub fn has_weights(&self) -> bool {
        // A graph without arcs lacks no weight.
        !self.arrays.weights.is_empty() || self.num_arcs() == 0
    }

    /// The weight of each arc of a node, in the order of [`TrainKg::arcs`]; empty in a graph without weights.
    #[must_use]
    pub fn weights(&self, node: NodeId) -> &[f32] {
        let arcs = self.arcs(node);
        self.arrays.weights.get(arcs.first..arcs.first + arcs.len()).unwrap_or_default()
    }

    /// The weight of a triple, which its inverse shares; 1 in a graph without weights or without the triple.
    #[must_use]
    pub fn weight(&self, triple: Triple) -> f32 {
        if !self.has_weights() {
            return 1.0;
        }
        self.find(triple).and_then(|arc| self.arrays.weights.get(arc).copied()).unwrap_or(1.0)
    }

    /// Number of the arc that states a triple, if the graph has it.
    #[must_use]
    pub fn find(&self, triple: Triple) -> Option<usize> {
        let arcs = self.arcs(triple.head).of(triple.relation);
        arcs.tails.binary_search(&triple.tail.0).ok().map(|i| arcs.first + i)
    }

    /// Source file and line (from 1; 0 where unknown) of a triple, if the graph has it. A triple from no file has an
    /// empty name.
    #[must_use]
    pub fn source(&self, triple: Triple) -> Option<(&str, u32)> {
        let line = self.find(triple.stated()).and_then(|arc| self.arrays.lines.get(self.fact_rank(arc)).copied())?;
        let interaction = triple.relation.0 <= RelationId::INTERACTED_BY.0;
        let files = if interaction { &self.schema.interactions_files } else { &self.schema.triples_files };
        Some(files.find(line))
    }

    /// Number of forward arcs before an arc.
    fn fact_rank(&self, arc: usize) -> usize {
        let block = arc / RANK_BLOCK;
        let before = self.arrays.fact_ranks.get(block).map_or(0, |&rank| rank as usize);
        let rest = self.arrays.relations.get(block * RANK_BLOCK..arc).unwrap_or_default();
        before + num_forward(rest)
    }

    /// The user's own id string of a node.
    #[must_use]
    pub fn id(&self, node: NodeId) -> &str {
        text(&self.arrays.name_ends, &self.arrays.name_bytes, node)
    }

    /// Readable label of a node, its id where the data gives none.
    #[must_use]
    pub fn label(&self, node: NodeId) -> &str {
        match text(&self.arrays.label_ends, &self.arrays.label_bytes, node) {
            "" => self.id(node),
            label => label,
        }
    }

    /// The label of a node as the data gave it; empty where it gave none.
    pub(crate) fn stored_label(&self, node: NodeId) -> &str {
        text(&self.arrays.label_ends, &self.arrays.label_bytes, node)
    }

    /// The number of file and line of every fact, in the order of forward arcs.
    pub(crate) fn stored_lines(&self) -> &[u32] {
        &self.arrays.lines
    }

    /// A node as it is written in all output: `user:ID`, `item:ID` or `entity:ID`.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> String {
        let prefix = match self.type_of(node) {
            TypeId::USER => "user",
            TypeId::ITEM => "item",
            _ => "entity",
        };
        [prefix, ":", self.id(node)].concat()
    }

    /// Name of a relation; an inverse has a leading `~`.
    #[must_use]
    pub fn relation_name(&self, relation: RelationId) -> String {
        let name = self.schema.relations.get(relation.index() / 2).map_or("", |r| &r.name);
        if relation.is_inverse() { ["~", name].concat() } else { name.to_owned() }
    }

    /// How a relation reads in its direction, such as `was directed by`.
    #[must_use]
    pub fn reading(&self, relation: RelationId) -> &str {
        self.schema.relations.get(relation.index() / 2).map_or("", |r| match relation.is_inverse() {
            true => &r.inverse,
            false => &r.forward,
        })
    }

    /// Whether the data says how a relation reads in its direction. A reading made up for the inverse of a relation is
    /// seldom a sentence; the fact in its own direction is one.
    #[must_use]
    pub fn has_own_reading(&self, relation: RelationId) -> bool {
        let found = self.schema.relations.get(relation.index() / 2);
        !relation.is_inverse() || found.is_some_and(|r| r.inverse != Relation::plain_inverse(&r.forward))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn user(&self, id: &str) -> Result<NodeId> {
        let hint = "ids are those of the interactions file";
        self.by_id(TypeId::USER, id).ok_or_else(|| Error::Unknown { what: "user", name: id.to_owned(), hint })
    }

    /// The item with this id.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn item(&self, id: &str) -> Result<NodeId> {
        let hint = "ids are those of the interactions and items files";
        self.by_id(TypeId::ITEM, id).ok_or_else(|| Error::Unknown { what: "item", name: id.to_owned(), hint })
    }

    /// The node written `user:ID`, `item:ID` or `entity:ID`.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn node(&self, name: &str) -> Result<NodeId> {
        let found = match name.split_once(':') {
            Some(("user", id)) => self.by_id(TypeId::USER, id),
            Some(("item", id)) => self.by_id(TypeId::ITEM, id),
            Some(("entity", id)) => {
                (2..self.schema.types.len()).find_map(|t| self.by_id(TypeId(u16::try_from(t).unwrap_or(u16::MAX)), id))
            }
            _ => None,
        };
        let hint = "write user:ID, item:ID or entity:ID";
        found.ok_or_else(|| Error::Unknown { what: "node", name: name.to_owned(), hint })
    }

    /// The relation with this name, `~` leading for an inverse.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<RelationId> {
        let (plain, inverse) = name.strip_prefix('~').map_or((name, 0), |plain| (plain, 1));
        let index = self.schema.relations.iter().position(|r| r.name == plain)?;
        u16::try_from(index * 2 + inverse).ok().map(RelationId)
    }

    fn by_id(&self, of: TypeId, id: &str) -> Option<NodeId> {
        // Within a kind the nodes are sorted by their ids.
        self.schema.kinds_of(of).find_map(|kind| self.by_id_within(self.schema.kind_range(kind), id))
    }

    fn by_id_within(&self, range: Range<u32>, id: &str) -> Option<NodeId> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(NodeId(middle)).cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(NodeId(middle)),
            }
        }
        None
    }
}

fn text<'a>(ends: &[u64], bytes: &'a [u8], node: NodeId) -> &'a str {
    let index = node.index();
    let start = index.checked_sub(1).and_then(|i| ends.get(i)).map_or(0, |&e| e as usize);
    let end = ends.get(index).map_or(start, |&e| e as usize);
    bytes.get(start..end).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
}

fn invariant(path: &Path, what: &'static str, expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::Invariant { path: PathBuf::from(path), what, expected: expected.into(), got: got.into() }
}

#[cfg(test)]
mod tests;
