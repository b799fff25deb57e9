//! The dataset folder: tables in TSV or CSV with a header, plain or packed.
//!
//! ```text
//! interactions   user_id  item_id  [rating]  [timestamp | position]  [split]
//! items          item_id  entity_id  [title]  [further_types]          entity_id may be empty
//! entities       entity_id  type  [label]  [further_types]             further_types are parted by semicolons
//! relations      relation_id  name  [forward_label]  [inverse_label]
//! users          user_id  entity_id  [further_types]                   without both the file says nothing
//! attributes     item_id  NAME…                                        numbers, dates or truth values of items
//! triples        head  relation  tail  [weight]  [split]               relation_id, or the name without a file of them
//! ```
//!
//! Each is `NAME.tsv` or `NAME.csv`, optionally packed. Only triples are required; without interactions the graph has
//! no users. Columns may stand in any order, and others are ignored. Interactions and triples may lie in several files,
//! `NAME.PART.tsv`, which are read in the order of their names.

use super::attributes;
use super::collector::Collector;
use super::folder::{Extent, File, Folder};
use super::further::{self, FURTHER_TYPES};
use super::gathered::At;
use super::log::{self, LogColumns};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::Record;
use super::records::Node;
use super::rows::{self, Container};
use super::table::Table;
use super::tables::{Plan, Tables};
use super::values::{self, Name};
use crate::error::{Result, show};
use crate::interner::Interner;

/// The tables of a dataset folder.
pub(super) struct Native {
    entities: Option<File>,
    relations: Option<File>,
    triples: Vec<File>,
    items: Option<File>,
    interactions: Vec<File>,
    users: Option<File>,
    attributes: Option<File>,
}

/// What shows that a folder has this format.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    for stem in ["triples", "interactions"] {
        if let Some(file) = folder.tables(stem)?.first() {
            return Ok(Some(format!("there is {}", file.shown_name())));
        }
    }
    Ok(None)
}

/// What shows that a folder has the tables of this format as Parquet files.
pub(super) fn is_parquet_here(folder: &Folder) -> Result<Option<String>> {
    is_kept_in(Container::Parquet, folder)
}

/// What shows that a folder has the tables of this format as files of Arrow's IPC.
pub(super) fn is_arrow_here(folder: &Folder) -> Result<Option<String>> {
    is_kept_in(Container::Arrow, folder)
}

fn is_kept_in(container: Container, folder: &Folder) -> Result<Option<String>> {
    let file = folder.tables("triples")?.into_iter().next();
    let file = file.filter(|file| rows::container(&file.path) == Some(container));
    Ok(file.map(|file| format!("the triples are in {}", file.shown_name())))
}

/// What shows that a folder has a table of this format, of any kind.
pub(super) fn some_table(folder: &Folder) -> Result<Option<String>> {
    for stem in ["items", "entities", "users", "attributes"] {
        if let Some(file) = folder.table(stem)? {
            return Ok(Some(format!("there is {}", file.shown_name())));
        }
    }
    Ok(None)
}

/// Finds the tables.
pub(super) fn find(folder: &Folder, extent: Extent) -> Result<Native> {
    let required = |stem: &str| match folder.tables(stem)? {
        none if none.is_empty() && extent == Extent::Whole => {
            Err(folder.missing(&format!("{stem}.tsv or {stem}.csv (plain, .gz or .zst)")))
        }
        files => Ok(files),
    };
    Ok(Native {
        interactions: folder.tables("interactions")?,
        triples: required("triples")?,
        entities: folder.table("entities")?,
        relations: folder.table("relations")?,
        items: folder.table("items")?,
        users: folder.table("users")?,
        attributes: folder.table("attributes")?,
    })
}

impl Tables for Native {
    fn plan(&self) -> Vec<(File, String)> {
        let plan = Plan::default().with(&self.entities, "entities, with their types and labels");
        let plan = plan.with(&self.relations, "relations, with how they read").with(&self.triples, "facts");
        let plan = plan.with(&self.items, "which entity an item is, and titles");
        let plan = plan.with(&self.interactions, "interactions").with(&self.users, "which entity a user is");
        plan.with(&self.attributes, "attributes of items").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        if let Some(file) = &self.entities {
            entities(file, collector, reading)?;
        }
        let relation_ids = self.relations.as_ref().map(|file| relations(file, collector, reading)).transpose()?;
        for file in &self.triples {
            triples(file, relation_ids.as_ref(), collector, reading)?;
        }
        if let Some(file) = &self.items {
            items(file, collector, reading)?;
        }
        self.interactions.iter().try_for_each(|file| interactions(file, collector, reading))?;
        self.users.iter().try_for_each(|file| users(file, collector, reading))?;
        self.attributes.iter().try_for_each(|file| attributes::table(file, collector, reading))
    }
}

/// Opens a table whose header has the required columns; their numbers.
fn open<const N: usize>(file: &File, required: [&str; N], reading: &mut Reading<'_>) -> Result<(Table, [usize; N])> {
    let table = Table::open(&file.path, file.delimiter, reading)?;
    table.require(&required, reading)?;
    let columns = required.map(|name| table.column(name, reading).unwrap_or(0));
    Ok((table, columns))
}

fn name(record: Record<'_>, column: usize) -> Checked<Name<'_>> {
    values::name(record.field(column))
}

fn entities(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [id, kind]) = open(file, ["entity_id", "type"], reading)?;
    let (label, further) = (table.column("label", reading), table.column(FURTHER_TYPES, reading));
    let number = collector.begin_file(&file.path)?;
    collector.entities_listed = true;
    table.each(reading, |record| {
        let (named, typed) = (name(record, id)?, name(record, kind)?);
        let further = further_of(record, further)?;
        let listed = collector.list_entity(At::record(number, record), named, typed, label.map(|c| record.field(c)));
        listed.map_err(|flaw| flaw.in_columns(&[id, kind]))?;
        collector.add_spelled(Node::Entity(named.text()), further);
        Ok(())
    })
}

/// What a record says of further types, in the column of them.
fn further_of(record: Record<'_>, column: Option<usize>) -> Checked<Vec<&str>> {
    column.map_or_else(|| Ok(Vec::new()), |column| further::names(record.field(column)))
}

/// The ids of the relations file; the number of each is that of its relation.
fn relations(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<Interner> {
    let (mut table, [id_column, name_column]) = open(file, ["relation_id", "name"], reading)?;
    let (forward, inverse) = (table.column("forward_label", reading), table.column("inverse_label", reading));
    let mut ids = Interner::default();
    let number = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let (id, named) = (name(record, id_column)?, name(record, name_column)?);
        if ids.find(id.text()).is_some() {
            let message = format!("relation `{}` stands twice", show(id.text().as_bytes()));
            return Err(Flaw::new("duplicate_id", message).at(id_column));
        }
        let reading = |column: Option<usize>| column.map_or_else(String::new, |c| reading_of(record, c));
        let listed = collector.list_relation(At::record(number, record), named, reading(forward), reading(inverse));
        listed.map_err(|flaw| flaw.in_columns(&[name_column]))?;
        ids.intern(id.text());
        Ok(())
    })?;
    Ok(ids)
}

fn reading_of(record: Record<'_>, column: usize) -> String {
    values::label(record.field(column)).trim().to_owned()
}

fn triples(
    file: &File,
    relation_ids: Option<&Interner>,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let (mut table, [head, relation, tail]) = open(file, ["head", "relation", "tail"], reading)?;
    let (weight, split) = (table.column("weight", reading), table.column("split", reading));
    let optional: Vec<usize> = [weight, split].into_iter().flatten().collect();
    let empty = table.empty_columns(&optional, reading)?;
    let [weight, split] = [weight, split].map(|column| column.filter(|column| !empty.contains(column)));
    let part = log::part(&file.part);
    let number = collector.begin_file(&file.path)?;
    if let Err(flaw) = collector.set_weighed(weight.is_some()) {
        return table.refuse_header(reading, flaw);
    }
    let look = |collector: &mut Collector, records: &[Record<'_>]| collector.look_up_ends(records, [head, tail]);
    table.each_ahead(reading, collector, look, |collector, record| {
        let at = At::record(number, record);
        let named = name(record, relation)?;
        let raw = match relation_ids {
            None => collector.relation(at, named).map_err(|flaw| flaw.in_columns(&[relation]))?,
            Some(ids) => ids.find(named.text()).ok_or_else(|| {
                let message = format!("relation `{}` is not in the relations file", show(named.text().as_bytes()));
                Flaw::new("dangling_relation", message).at(relation)
            })?,
        };
        // All else is looked at before a name is added, so that a refused fact leaves no entity behind.
        let weight = weight.map(|column| values::weight(record.field(column))).transpose()?;
        let split = split.map(|column| values::split(record.field(column))).transpose()?.or(part);
        let num_before = collector.dataset.triples.len();
        let taken = collector.triple(at, name(record, head)?, raw, name(record, tail)?, weight);
        taken.map_err(|flaw| flaw.in_columns(&[head, relation, tail]))?;
        collector.hold_out(num_before, split.unwrap_or_default());
        Ok(())
    })
}

fn items(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [id, entity]) = open(file, ["item_id", "entity_id"], reading)?;
    let (title, further) = (table.column("title", reading), table.column(FURTHER_TYPES, reading));
    let header = table.header().to_vec();
    let attributes = attributes::columns_named(&table, &header, reading.attributes, collector, reading)?;
    let number = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let (named, further) = (name(record, id)?, further_of(record, further)?);
        let item = collector.list_item(At::record(number, record), named, title.map(|c| record.field(c)))?;
        attributes::take(&attributes, named, record, collector)?;
        collector.add_spelled(Node::Item(named.text()), further);
        if record.field(entity).text.is_empty() {
            return Ok(());
        }
        let at = At::record(number, record);
        collector.link(at, item, name(record, entity)?).map_err(|flaw| flaw.in_columns(&[id, entity]))
    })
}

/// A list of users that names neither entities nor further types says nothing that the log does not say.
fn users(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [user]) = open(file, ["user_id"], reading)?;
    let (entity, further) = (table.column("entity_id", reading), table.column(FURTHER_TYPES, reading));
    if entity.is_none() && further.is_none() {
        return Ok(());
    }
    let number = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let named = name(record, user)?;
        collector.add_spelled(Node::User(named.text()), further_of(record, further)?);
        let Some(entity) = entity.filter(|&entity| !record.field(entity).text.is_empty()) else { return Ok(()) };
        let at = At::record(number, record);
        collector.link_user(at, named, name(record, entity)?).map_err(|flaw| flaw.in_columns(&[user, entity]))
    })
}

/// Reads a table of interactions, alone or among others.
pub(super) fn interactions(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, pair) = open(file, ["user_id", "item_id"], reading)?;
    let number = collector.begin_file(&file.path)?;
    let names = table.header().to_vec();
    let columns = LogColumns::find(&table, &names, pair, log::part(&file.part), collector, reading)?;
    let look = |collector: &mut Collector, records: &[Record<'_>]| collector.look_up_pairs(records, pair);
    table.each_ahead(reading, collector, look, |collector, record| columns.take(collector, number, record))
}
