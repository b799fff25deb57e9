//! Which entity an item or user was before they became one node: what facts that come later may name it by.
//!
//! ```text
//! aliases.safetensors   in a KG artefact, only where items or users are linked to entities
//!   nodes                    u32 [linked]   the items and users that are linked to an entity, ascending
//!   kinds                    u8 [linked]    0 where the data links them, 1 where they were joined by their ids, 2
//!                                           where the entity has no fact yet, so that the link waits for one
//!   id_ends, type_ends, label_ends      u64 [linked]   where id, type and label of that entity end; an empty id is
//!                                                      that of the node
//!   id_bytes, type_bytes, label_bytes   u8             all of them, one behind the other, UTF-8
//!   further_ends u64 [linked], further_bytes u8        the same of its further types, parted by semicolons; no such
//!                                                      arrays where none has any
//! ```
//!
//! Nothing that samples, trains or searches reads it.

use crate::error::{Error, Result};
use footpath_core::{ArrayFile, ArrayWriter, Artefact, NodeId};
use std::io::Write;
use std::path::Path;

/// Name of the file in a KG artefact.
pub const ALIASES_FILE: &str = "aliases.safetensors";

/// The entities that items and users are.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    nodes: Vec<u32>,
    kinds: Vec<u8>,
    ids: Texts,
    types: Texts,
    labels: Texts,
    further: Texts,
}

/// Why an item or user is an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AliasKind {
    /// The data links them.
    Linked,
    /// They have the same id, and nothing links either.
    Joined,
    /// The data links them, and the entity has no fact yet: it is no part of the graph.
    Awaited,
}

impl AliasKind {
    const ALL: [Self; 3] = [Self::Linked, Self::Joined, Self::Awaited];
}

/// An item or user, and the entity that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias<'a> {
    /// The item or user.
    pub node: NodeId,
    /// Why it is that entity.
    pub kind: AliasKind,
    /// Id of the entity; empty where that is the node's own.
    pub id: &'a str,
    /// Type of the entity.
    pub entity_type: &'a str,
    /// Label of the entity, which may differ from the title of the item; empty where it has none.
    pub label: &'a str,
    /// Further types of the entity, parted by semicolons; an item may have others besides.
    pub further: &'a str,
}

/// Texts, back to back.
#[derive(Clone, Debug, Default)]
struct Texts {
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

impl Texts {
    fn open(file: &ArrayFile, [ends, bytes]: [&str; 2], num: usize) -> Result<Self> {
        Ok(Self { ends: file.array_of::<u64>(ends, num)?.to_vec(), bytes: file.array::<u8>(bytes)?.to_vec() })
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() as u64);
    }

    fn get(&self, number: usize) -> &str {
        let end = |number: usize| self.ends.get(number).map_or(0, |&end| usize::try_from(end).unwrap_or(usize::MAX));
        let start = number.checked_sub(1).map_or(0, end);
        self.bytes.get(start..end(number)).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    fn is_sound(&self) -> bool {
        let Ok(text) = std::str::from_utf8(&self.bytes) else { return false };
        let is_cut = |&end: &u64| usize::try_from(end).is_ok_and(|end| text.is_char_boundary(end));
        let last = self.ends.last().copied().unwrap_or(0);
        self.ends.is_sorted() && last == self.bytes.len() as u64 && self.ends.iter().all(is_cut)
    }
}

impl Aliases {
    /// Those of a graph that is open; none where none is linked, or it was written before they were kept.
    ///
    /// # Errors
    /// [`Error::Invariant`] for what makes no sense; what the artefact says of a damaged file.
    pub fn of(artefact: &Artefact) -> Result<Self> {
        if !artefact.manifest().files.contains_key(ALIASES_FILE) {
            return Ok(Self::default());
        }
        let path = artefact.file(ALIASES_FILE)?;
        let file = ArrayFile::open(&path)?;
        let nodes = file.array::<u32>("nodes")?.to_vec();
        let kinds = file.array_of::<u8>("kinds", nodes.len())?.to_vec();
        let ids = Texts::open(&file, ["id_ends", "id_bytes"], nodes.len())?;
        let types = Texts::open(&file, ["type_ends", "type_bytes"], nodes.len())?;
        let labels = Texts::open(&file, ["label_ends", "label_bytes"], nodes.len())?;
        let further = match file.has("further_ends") {
            true => Texts::open(&file, ["further_ends", "further_bytes"], nodes.len())?,
            false => Texts::default(),
        };
        let aliases = Self { nodes, kinds, ids, types, labels, further };
        aliases.check(&path)?;
        Ok(aliases)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let broken = |expected: &str| {
            let (path, expected, got) = (path.to_owned(), expected.to_owned(), "something else".to_owned());
            Error::Invariant { path, what: "aliases", expected, got }
        };
        let is_sorted = self.nodes.iter().zip(&self.kinds).is_sorted_by(|a, b| a < b);
        if !is_sorted || self.kinds.iter().any(|&kind| usize::from(kind) >= AliasKind::ALL.len()) {
            return Err(broken("nodes in order, each once for a kind, of which there are three"));
        }
        match [&self.ids, &self.types, &self.labels, &self.further].into_iter().all(Texts::is_sound) {
            true => Ok(()),
            false => Err(broken("texts in UTF-8 whose ends are in order, up to the last byte")),
        }
    }

    /// Adds a node, which must come after those before it.
    pub(crate) fn push(&mut self, alias: &Alias<'_>) {
        self.nodes.push(alias.node.0);
        self.kinds.push(alias.kind as u8);
        self.ids.push(alias.id);
        self.types.push(alias.entity_type);
        self.labels.push(alias.label);
        self.further.push(alias.further);
    }

    /// All of them, by node.
    pub fn iter(&self) -> impl Iterator<Item = Alias<'_>> {
        let of = |(number, &node): (usize, &u32)| Alias {
            node: NodeId(node),
            kind: self
                .kinds
                .get(number)
                .and_then(|&kind| AliasKind::ALL.get(usize::from(kind)).copied())
                .unwrap_or(AliasKind::Linked),
            id: self.ids.get(number),
            entity_type: self.types.get(number),
            label: self.labels.get(number),
            further: self.further.get(number),
        };
        self.nodes.iter().enumerate().map(of)
    }

    /// Whether nothing is linked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub(crate) fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let arrays = ArrayWriter::default().with("nodes", &self.nodes).with("kinds", &self.kinds);
        let arrays = arrays.with("id_ends", &self.ids.ends).with("id_bytes", &self.ids.bytes);
        let arrays = arrays.with("type_ends", &self.types.ends).with("type_bytes", &self.types.bytes);
        let arrays = arrays.with("label_ends", &self.labels.ends).with("label_bytes", &self.labels.bytes);
        match self.further.bytes.is_empty() {
            true => arrays.write(&mut { out }),
            false => {
                let arrays = arrays.with("further_ends", &self.further.ends);
                arrays.with("further_bytes", &self.further.bytes).write(&mut { out })
            }
        }
    }
}
