//! The layout of PEARLM and KGGLM, a folder `preprocessed`: tables with tabs and a header, but for the log.
//!
//! ```text
//! kg_final.txt   entity_head  relation  entity_tail     numbers
//! e_map.txt      eid  name  entity                      names of entities
//! r_map.txt      id  kb_relation  name                  names of relations
//! i2kg_map.txt   eid  pid  name  entity                 which entity an item is
//! products.txt   pid  name  …                           optional: titles of items
//! train.txt, valid.txt, test.txt   uid  pid  interaction  time   without a header, optional
//! ```

use super::collector::Collector;
use super::field::Field;
use super::folder::{File, Folder};
use super::gathered::{At, Choice, LogFields};
use super::lines::{Lines, number};
use super::log;
use super::numbers;
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::Record;
use super::table::{Delimiter, Table};
use super::tables::{Plan, Tables};
use super::values;
use crate::error::{Result, show};
use crate::heldout::Split;
use std::collections::HashMap;

/// The files of a data set.
pub(super) struct Pearlm {
    triples: File,
    entities: File,
    relations: File,
    links: File,
    products: Option<File>,
    parts: Vec<File>,
}

/// What shows that a folder has this layout.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    folder.shown_by(&["i2kg_map.txt", "e_map.txt"])
}

/// Finds the files.
pub(super) fn find(folder: &Folder) -> Result<Pearlm> {
    let mut parts = Vec::new();
    for part in ["train", "valid", "test"] {
        let file = folder.named(&format!("{part}.txt"))?;
        parts.extend(file.map(|file| File { part: part.to_owned(), ..file }));
    }
    Ok(Pearlm {
        triples: folder.required("kg_final.txt")?,
        entities: folder.required("e_map.txt")?,
        relations: folder.required("r_map.txt")?,
        links: folder.required("i2kg_map.txt")?,
        products: folder.named("products.txt")?,
        parts,
    })
}

impl Tables for Pearlm {
    fn plan(&self) -> Vec<(File, String)> {
        let plan = Plan::default().with([&self.relations], "names of relations, by their numbers");
        let plan = plan.with([&self.entities], "names of entities, by their numbers");
        let plan = plan.with([&self.triples], "facts: head, relation, tail, as numbers");
        let plan = plan.with(&self.products, "titles of items").with([&self.links], "which entity an item is");
        plan.with(&self.parts, "interactions: user, item, interaction, time, without a header").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let relations = relations(&self.relations, reading)?;
        entities(&self.entities, collector, reading)?;
        triples(&self.triples, &relations, collector, reading)?;
        if let Some(file) = &self.products {
            products(file, collector, reading)?;
        }
        links(&self.links, collector, reading)?;
        self.parts.iter().try_for_each(|file| interactions(file, collector, reading))
    }
}

fn open<const N: usize>(file: &File, required: [&str; N], reading: &mut Reading<'_>) -> Result<(Table, [usize; N])> {
    let table = Table::open(&file.path, Delimiter::Tab, reading)?;
    table.require(&required, reading)?;
    let columns = required.map(|name| table.column(name, reading).unwrap_or(0));
    Ok((table, columns))
}

/// A number in a field, in the one way of writing it.
fn id(record: Record<'_>, column: usize, what: &str) -> Checked<String> {
    number(record.field(column).text, column, what).map(|id| id.to_string())
}

/// The names of relations by their numbers: those that people gave them.
fn relations(file: &File, reading: &mut Reading<'_>) -> Result<HashMap<String, String>> {
    let (mut table, [number, name]) = open(file, ["id", "name"], reading)?;
    let mut names: HashMap<String, String> = HashMap::new();
    table.each(reading, |record| {
        let (id, named) = (id(record, number, "a relation")?, values::name(record.field(name))?);
        match names.insert(id.clone(), named.text().to_owned()) {
            None => Ok(()),
            Some(_) => Err(Flaw::new("duplicate_id", format!("relation {id} stands twice")).at(number)),
        }
    })?;
    Ok(names)
}

fn entities(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [eid, label]) = open(file, ["eid", "name"], reading)?;
    let of_file = collector.begin_file(&file.path)?;
    collector.entities_listed = true;
    table.each(reading, |record| {
        let id = id(record, eid, "an entity")?;
        let at = At::record(of_file, record);
        let listed =
            collector.list_entity(at, numbers::name(&id, 0)?, numbers::name("entity", 1)?, Some(record.field(label)));
        listed.map_err(|flaw| flaw.in_columns(&[eid, eid]))
    })
}

fn triples(
    file: &File,
    relations: &HashMap<String, String>,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let (mut table, [head, relation, tail]) = open(file, ["entity_head", "relation", "entity_tail"], reading)?;
    let of_file = collector.begin_file(&file.path)?;
    if let Err(flaw) = collector.set_weighed(false) {
        return table.refuse_header(reading, flaw);
    }
    table.each(reading, |record| {
        let at = At { ahead: None, ..At::record(of_file, record) };
        let number = id(record, relation, "a relation")?;
        let Some(named) = relations.get(&number) else {
            let message = format!("relation {number} is not among the {} of r_map.txt", relations.len());
            return Err(Flaw::new("dangling_relation", message).at(relation));
        };
        let (from, to) = (id(record, head, "an entity")?, id(record, tail, "an entity")?);
        let raw = collector.relation(at, numbers::name(named, 1)?).map_err(|flaw| flaw.in_columns(&[relation]))?;
        let taken = collector.triple(at, numbers::name(&from, 0)?, raw, numbers::name(&to, 2)?, None);
        taken.map_err(|flaw| flaw.in_columns(&[head, relation, tail]))
    })
}

fn products(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [pid, title]) = open(file, ["pid", "name"], reading)?;
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let id = id(record, pid, "a product")?;
        let at = At::record(of_file, record);
        collector.list_item(at, numbers::name(&id, 0)?, Some(record.field(title))).map(|_| ())
    })
}

fn links(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut table, [eid, pid, title]) = open(file, ["eid", "pid", "name"], reading)?;
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let (entity, item) = (id(record, eid, "an entity")?, id(record, pid, "a product")?);
        let at = At::record(of_file, record);
        let name = numbers::name(&item, 0)?;
        let listed = collector.list_item(at, name, None)?;
        let linked = collector.link(at, listed, numbers::name(&entity, 1)?);
        linked.map_err(|flaw| flaw.in_columns(&[pid, eid]))?;
        collector.list_item(at, name, Some(record.field(title))).map(|_| ())
    })
}

fn interactions(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let split = log::part(&file.part).unwrap_or(Split::Train);
    if let Err(flaw) = collector.set_log_fields(LogFields { rating: true, time: true, split: true }) {
        return reading.problems.bad(&file.path, 0, flaw);
    }
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let fields: Vec<&str> = text.split('\t').collect();
        let [user, item, rating, time] = *fields.as_slice() else {
            let (got, shown) = (fields.len(), show(text.as_bytes()));
            let message = format!("expected uid, pid, interaction and time with tabs between, got {got} in `{shown}`");
            return Err(Flaw::new("columns", message).at(got.min(4)));
        };
        if line == 1 && user.parse::<u32>().is_err() && time.parse::<f64>().is_err() {
            // Some write a header here as well.
            return Ok(());
        }
        let at = At { file: of_file, line, ahead: None };
        let field = |text, number| Field { text, number, quoted: false };
        let (user, item) = (number(user, 0, "a user")?.to_string(), number(item, 1, "a product")?.to_string());
        let (rating, time) = (collector.rating(field(rating, 2))?, collector.time(field(time, 3), at)?);
        let (user, item) = (numbers::name(&user, 0)?, numbers::name(&item, 1)?);
        collector.interaction(at, &Choice { user, item, rating, time, split })
    })
}
