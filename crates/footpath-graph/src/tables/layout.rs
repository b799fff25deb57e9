//! What a folder of sorted tables says of itself: `tables.json`.

use super::refusal::bad;
use crate::dataset::{MAX_NODES, MAX_RELATIONS};
use crate::error::{Result, show};
use crate::import::{MAX_TYPES, flaw_of_name};
use crate::kg::{INTERACTED, NodeType, Relation, Sources};
use footpath_core::Error;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

/// The file that makes a folder one of sorted tables.
pub const LAYOUT_FILE: &str = "tables.json";
/// The version of the layout that is read and written.
pub const LAYOUT_VERSION: u32 = 1;
/// Longest such file that is read, in bytes.
pub const MAX_LAYOUT_BYTES: u64 = 256 << 20;

/// What the tables are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// [`LAYOUT_VERSION`].
    pub version: u32,
    /// Types of nodes in the order of their ids: `user`, `item`, then the types of entities by name.
    pub types: Vec<CountedType>,
    /// The relations of the facts, by name; the relation with number `k`, from 0, is relation `k + 1` of the graph.
    pub relations: Vec<NamedRelation>,
    /// Files that the interactions came from.
    pub interactions_file: Sources,
    /// Files that the facts came from.
    pub triples_file: Sources,
    /// How the tables came about, for the manifest of the graph: `options` and `report`, as an import has them.
    #[serde(default)]
    pub import: serde_json::Map<String, serde_json::Value>,
}

/// A type of nodes and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedType {
    /// Its name.
    pub name: String,
    /// How many.
    pub num: u64,
}

/// A relation and how it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedRelation {
    /// Name.
    pub name: String,
    /// Reading from head to tail; empty for the name.
    #[serde(default)]
    pub forward: String,
    /// Reading from tail to head; empty where there is none.
    #[serde(default)]
    pub inverse: String,
}

impl Layout {
    /// Reads `tables.json` of a folder and checks it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`crate::Error::Import`] for one that makes no sense.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(LAYOUT_FILE);
        let file = File::open(&path).map_err(Error::io(&path))?;
        let mut text = String::new();
        file.take(MAX_LAYOUT_BYTES + 1).read_to_string(&mut text).map_err(Error::io(&path))?;
        if text.len() as u64 > MAX_LAYOUT_BYTES {
            return Err(bad(&path, 0, "limit", format!("longer than {MAX_LAYOUT_BYTES} bytes")));
        }
        let version = serde_json::from_str::<Versioned>(&text).map(|read| read.version);
        if let Ok(other) = version
            && other != LAYOUT_VERSION
        {
            let message = format!("version {other}, and this program reads {LAYOUT_VERSION}; make the tables anew");
            return Err(bad(&path, 0, "version", message));
        }
        let layout: Self = serde_json::from_str(&text)
            .map_err(|error| bad(&path, error.line() as u64, "json", show(error.to_string().as_bytes())))?;
        layout.check().map_err(|message| bad(&path, 0, "layout", message))?;
        Ok(layout)
    }

    fn check(&self) -> std::result::Result<(), String> {
        let names: Vec<&str> = self.types.iter().map(|kind| kind.name.as_str()).collect();
        let ([first, second], entities) = names.split_first_chunk().ok_or("there are no types `user` and `item`")?;
        if [*first, *second] != ["user", "item"] {
            return Err("the first types are not `user` and `item`".to_owned());
        }
        if !entities.is_sorted_by(|a, b| a < b) || entities.contains(&"user") || entities.contains(&"item") {
            return Err("the types of entities are not in byte order of their names, each once".to_owned());
        }
        if entities.len() > MAX_TYPES || self.relations.len() > MAX_RELATIONS {
            let limits = format!("{MAX_TYPES} types and {MAX_RELATIONS} relations");
            return Err(format!("more than {limits}, which is all that a graph can have"));
        }
        if let Some(empty) = self.types.iter().skip(2).find(|kind| kind.num == 0) {
            return Err(format!("there is no node of type `{}`; leave it out", show(empty.name.as_bytes())));
        }
        if !self.relations.is_sorted_by(|a, b| a.name < b.name) {
            return Err("the relations are not in byte order of their names, each once".to_owned());
        }
        let named = entities.iter().copied().chain(self.relations.iter().map(|relation| relation.name.as_str()));
        for name in named {
            let flaw = match flaw_of_name(name) {
                None if name == INTERACTED => Some("is the name of the interaction relation".to_owned()),
                None if name.starts_with('~') => Some("starts with `~`, which marks inverse relations".to_owned()),
                flaw => flaw,
            };
            if let Some(flaw) = flaw {
                return Err(format!("`{}`: {flaw}", show(name.as_bytes())));
            }
        }
        let num = self.types.iter().fold(0, |sum: u64, kind| sum.saturating_add(kind.num));
        if num > MAX_NODES { Err(format!("{num} nodes, and {MAX_NODES} is all that a graph can have")) } else { Ok(()) }
    }

    /// Number of nodes.
    pub(super) fn num_nodes(&self) -> u64 {
        self.types.iter().map(|kind| kind.num).sum()
    }

    /// Ids of the nodes of a type.
    pub(super) fn range(&self, number: usize) -> Range<u64> {
        let start = self.types.iter().take(number).map(|kind| kind.num).sum();
        start..start + self.types.get(number).map_or(0, |kind| kind.num)
    }

    /// Number of directed relations.
    pub(super) fn num_directed(&self) -> u64 {
        2 * (self.relations.len() as u64 + 1)
    }

    /// The types with their ranges.
    pub(super) fn node_types(&self) -> Vec<NodeType> {
        let id = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let of = |(number, kind): (usize, &CountedType)| {
            let Range { start, end } = self.range(number);
            NodeType { name: kind.name.clone(), start: id(start), end: id(end) }
        };
        self.types.iter().enumerate().map(of).collect()
    }

    /// The relations with all their readings, and how many facts each has.
    pub(super) fn schema_relations(&self, counts: &[u64]) -> Vec<Relation> {
        let count = |number: usize| counts.get(number).copied().unwrap_or(0);
        let named = self.relations.iter().enumerate();
        let of = |(number, relation): (usize, &NamedRelation)| {
            let NamedRelation { name, forward, inverse } = relation;
            Relation::read_as(name, forward, inverse, count(number + 1))
        };
        std::iter::once(Relation::interacted(count(0))).chain(named.map(of)).collect()
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}
