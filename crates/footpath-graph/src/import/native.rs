//! The dataset folder: tables in TSV or CSV with a header, plain or packed.
//!
//! ```text
//! interactions   user_id  item_id  [rating]  [timestamp | position]  [split]
//! items          item_id  entity_id  [title]                           entity_id may be empty
//! entities       entity_id  type  [label]
//! relations      relation_id  name  [forward_label]  [inverse_label]
//! triples        head  relation  tail  [weight]                        relation_id, or the name without a relations file
//! ```
//!
//! Each is `NAME.tsv` or `NAME.csv`, optionally with `.gz` or `.zst`. Only interactions and triples are required. Columns may
//! stand in any order, and others are ignored.

use super::collect::{Collector, FactColumns, LogColumns};
use super::folder::Folder;
use super::problems::Flaw;
use super::reader::{Context, Delimiter, Record, Table};
use crate::dataset::RawRelation;
use crate::error::{Result, show};
use crate::interner::Interner;
use std::path::PathBuf;

type File = (PathBuf, Delimiter);

/// Whether the folder has a file of this format.
pub(super) fn is_here(folder: &Folder) -> Result<bool> {
    Ok(folder.table("interactions")?.is_some() || folder.table("triples")?.is_some())
}

/// Reads a dataset folder.
pub(super) fn read(folder: &Folder, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let required = |stem: &str| {
        let wanted = || folder.missing(&format!("{stem}.tsv or {stem}.csv (plain, .gz or .zst)"));
        folder.table(stem)?.ok_or_else(wanted)
    };
    let (log, facts) = (required("interactions")?, required("triples")?);
    if let Some(file) = folder.table("entities")? {
        entities(&file, collector, context)?;
    }
    let relation_ids = folder.table("relations")?.map(|file| relations(&file, collector, context)).transpose()?;
    triples(&facts, relation_ids.as_ref(), collector, context)?;
    if let Some(file) = folder.table("items")? {
        items(&file, collector, context)?;
    }
    interactions(&log, collector, context)
}

/// Opens a table whose header has the required columns; their numbers.
fn open<const N: usize>(file: &File, required: [&str; N], context: &mut Context<'_>) -> Result<(Table, [usize; N])> {
    let table = Table::open(&file.0, file.1, context)?;
    table.require(&required, context)?;
    let columns = required.map(|name| table.column(name).unwrap_or(0));
    Ok((table, columns))
}

fn entities(file: &File, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut table, [id, kind]) = open(file, ["entity_id", "type"], context)?;
    let label = table.column("label");
    table.each(context, |record| {
        let id = collector.name(record, id)?;
        collector.list_entity(id, record.field(kind), label.map(|c| record.field(c)))
    })?;
    collector.entities_listed = true;
    collector.end_of_file(&file.0, &mut context.problems);
    Ok(())
}

/// The ids of the relations file; the number of each is that of its relation.
fn relations(file: &File, collector: &mut Collector, context: &mut Context<'_>) -> Result<Interner> {
    let (mut table, [id, name]) = open(file, ["relation_id", "name"], context)?;
    let (forward, inverse) = (table.column("forward_label"), table.column("inverse_label"));
    let mut ids = Interner::default();
    table.each(context, |record| {
        let (id, id_column) = (collector.name(record, id)?, id);
        if ids.find(id).is_some() {
            let message = format!("relation `{}` stands twice", show(id.as_bytes()));
            return Err(Flaw::new("duplicate_id", message).at(id_column));
        }
        let reading = |column: Option<usize>| column.map_or_else(String::new, |c| reading(record, c));
        let relation = RawRelation {
            name: collector.name(record, name)?.to_owned(),
            forward: reading(forward),
            inverse: reading(inverse),
        };
        collector.add_relation(relation, name)?;
        ids.intern(id);
        Ok(())
    })?;
    collector.end_of_file(&file.0, &mut context.problems);
    Ok(ids)
}

fn reading(record: Record<'_>, column: usize) -> String {
    super::fields::label(record.field(column)).trim().to_owned()
}

fn triples(
    file: &File,
    relation_ids: Option<&Interner>,
    collector: &mut Collector,
    context: &mut Context<'_>,
) -> Result<()> {
    let (mut table, [head, relation, tail]) = open(file, ["head", "relation", "tail"], context)?;
    collector.start_facts(&file.0);
    let columns = FactColumns { head, tail, weight: table.column("weight") };
    table.each_ahead(context, |record, records| {
        collector.look_up_ends(records, &columns);
        let name = collector.name(record, relation)?;
        let raw = match relation_ids {
            None => collector.relation(name, relation)?,
            Some(ids) => ids.find(name).ok_or_else(|| {
                let message = format!("relation `{}` is not in the relations file", show(name.as_bytes()));
                Flaw::new("dangling_relation", message).at(relation)
            })?,
        };
        collector.triple(record, &columns, raw)
    })?;
    collector.end_of_file(&file.0, &mut context.problems);
    Ok(())
}

fn items(file: &File, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut table, [id, entity]) = open(file, ["item_id", "entity_id"], context)?;
    let title = table.column("title");
    table.each(context, |record| {
        let id = collector.name(record, id)?;
        let item = collector.list_item(id, title.map(|c| record.field(c)))?;
        let entity = record.field(entity);
        if entity.text.is_empty() { Ok(()) } else { collector.link(item, entity) }
    })?;
    collector.end_of_file(&file.0, &mut context.problems);
    Ok(())
}

fn interactions(file: &File, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut table, [user, item]) = open(file, ["user_id", "item_id"], context)?;
    let time = table.column("timestamp").or_else(|| table.column("position"));
    let columns = LogColumns { user, item, rating: table.column("rating"), time, split: table.column("split") };
    collector.start_log(&file.0, &columns);
    table.each_ahead(context, |record, records| {
        collector.look_up_pairs(records, &columns);
        collector.interaction(record, &columns)
    })?;
    collector.end_of_file(&file.0, &mut context.problems);
    Ok(())
}
