//! Sorted tables: a graph on its way from an engine to a store, too large for the memory of one machine.
//!
//! An engine such as Spark gives ids, joins, splits and sorts; what it leaves is a folder of Parquet files whose rows
//! stand in the order of the store. [`build`] reads them column by column, a block of rows at a time, and appends to
//! the files of the graph. The store is the same, to the byte, as an import of the same data makes.
//!
//! ```text
//! tables/
//!   tables.json   version, types with their counts, relations with their readings, files the records came from
//!   nodes         id STRING, [label STRING]: row i, from 0, is node i; users, items, then entities by type
//!   edges         node, relation, tail, line INT, [weight, rating FLOAT], [time INT]: sorted by the first three, each
//!                 fact in both directions
//!   valid, test   user, item, line INT, [rating FLOAT], [time INT]: held out, sorted by (user, item)
//!   aliases       node, kind INT, id, type, label STRING: which entities items are, sorted by (node, kind)
//! ```
//!
//! A table is `NAME.parquet`, or a folder of parts, which are read in the order of their names; columns that are not
//! named here are left alone. [`build`] checks every row, and says of what is wrong the file and the row.
//!
//! Memory is a block of each column, and eight bytes for each entity where there are several types of them.

mod aliases;
mod check;
mod held_out;
mod layout;
mod opened;
mod optional;
mod parts;
mod refusal;
mod texts;
mod write;

pub use layout::{CountedType, LAYOUT_FILE, LAYOUT_VERSION, Layout, MAX_LAYOUT_BYTES, NamedRelation};

use crate::error::Result;
use crate::kg::Schema;
use footpath_core::{ArtefactKind, ArtefactWriter, Context, Manifest, Replace, artefact};
use opened::Tables;
use optional::Optional;
use parts::Table;
use refusal::bad;
use std::collections::BTreeMap;
use std::path::Path;
use write::Counts;

/// What a graph was built of.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TablesReport {
    /// Users.
    pub num_users: u64,
    /// Items.
    pub num_items: u64,
    /// Entities that are not items.
    pub num_entities: u64,
    /// Relations of facts.
    pub num_relations: u64,
    /// Facts.
    pub num_triples: u64,
    /// Facts whose head is their tail.
    pub num_self_loops: u64,
    /// Interactions in the graph.
    pub num_train: u64,
    /// Interactions held out for choosing a model.
    pub num_valid: u64,
    /// Interactions held out for the final figure.
    pub num_test: u64,
}

impl Tables {
    /// Reads and checks every row.
    fn check(&self, context: &Context) -> Result<Counts> {
        let num_rows = self.all().map(|table| table.num_rows).sum();
        let stage = context.stage("checking", Some(num_rows), "rows");
        let items = self.layout.range(1);
        let aliases = self.aliases.as_ref().map(|table| aliases::check(table, &items, &stage)).transpose()?;
        let nodes = check::nodes(self, &stage)?;
        let has = Optional::of(&self.edges);
        self.held_out().try_for_each(|table| held_out::check(table, &self.layout, has, &stage))?;
        if let (Some(valid), Some(test)) = (&self.valid, &self.test) {
            held_out::refuse_both(valid, test, &stage)?;
        }
        let edges = check::edges(self, &stage)?;
        if edges.num_triples() == 0 {
            return Err(bad(&self.folder.join("edges"), 0, "empty", "no triple is there to make a graph of"));
        }
        Ok(Counts { nodes, edges, aliases: aliases.unwrap_or_default() })
    }

    fn schema(&self, counts: &Counts) -> Schema {
        let has = Optional::of(&self.edges);
        Schema {
            types: self.layout.node_types(),
            relations: self.layout.schema_relations(&counts.edges.per_relation),
            has_ratings: has.rating,
            has_times: has.time,
            users_have_facts: false,
            attributes: Vec::new(),
            further_types: Vec::new(),
            kinds: Vec::new(),
            interactions_files: self.layout.interactions_file.clone(),
            triples_files: self.layout.triples_file.clone(),
        }
    }

    fn report(&self, counts: &Counts) -> TablesReport {
        let num = |number: usize| self.layout.types.get(number).map_or(0, |kind| kind.num);
        let rows = |table: &Option<Table>| table.as_ref().map_or(0, |table| table.num_rows);
        TablesReport {
            num_users: num(0),
            num_items: num(1),
            num_entities: self.layout.types.iter().skip(2).map(|kind| kind.num).sum(),
            num_relations: self.layout.relations.len() as u64,
            num_triples: counts.edges.num_triples(),
            num_self_loops: counts.edges.num_self_loops,
            num_train: counts.edges.num_train(),
            num_valid: rows(&self.valid),
            num_test: rows(&self.test),
        }
    }
}

/// Builds a graph of the sorted tables in `folder` and publishes it at `out`.
///
/// # Errors
/// [`Error::Import`](crate::Error::Import) with file and row for what the tables must not be; an output that exists, a
/// disk that refuses, [`footpath_core::Error::Stopped`]. Nothing is left behind then.
pub fn build(folder: &Path, out: &Path, replace: Replace, context: &Context) -> Result<(TablesReport, Manifest)> {
    artefact::refuse_existing(out, ArtefactKind::Kg, replace)?;
    artefact::refuse_overlap(out, &[folder])?;
    let tables = Tables::open(folder)?;
    let counts = tables.check(context)?;
    let (schema, report) = (tables.schema(&counts), tables.report(&counts));
    let writer = ArtefactWriter::create(out, ArtefactKind::Kg, replace)?;
    let mut writer = writer.with_format_version(schema.format_version());
    writer.add("schema.json", |file| {
        serde_json::to_writer_pretty(&mut *file, &schema)?;
        file.write_all(b"\n")
    })?;
    write::all(&tables, &counts, out, &mut writer, context)?;
    tables.all().try_for_each(Table::check_unchanged)?;
    let mut config = tables.layout.import.clone();
    config.insert("tables".to_owned(), serde_json::json!(report));
    let manifest = writer.publish(BTreeMap::new(), config.into())?;
    Ok((report, manifest))
}
