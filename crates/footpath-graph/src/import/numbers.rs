//! What layouts share in which entities, relations and items are numbers, and other files name them.

use super::collector::Collector;
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::File;
use super::gathered::At;
use super::lines::{Lines, number};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::values::{self, Name};
use crate::error::{Result, show};
use std::collections::{HashMap, HashSet};

/// An id or a name that was made or taken from a line.
pub(super) fn name(text: &str, field: usize) -> Checked<Name<'_>> {
    values::name(Field { text, number: field, quoted: false })
}

/// The names of numbers: a table `org_id remap_id …` with a header, parted by blanks.
pub(super) struct Names {
    file: File,
    /// What is named, such as `entity`.
    what: &'static str,
    /// Name and line, by number.
    named: HashMap<u32, (String, u32)>,
    /// The numbers in the order of the file.
    order: Vec<u32>,
    /// Whether what stands behind the last slash of each name tells them apart.
    local: bool,
}

/// The number of columns in the header of a list, which must begin with `org_id remap_id`.
pub(super) fn list_header(text: &str) -> Checked<usize> {
    let columns: Vec<&str> = text.split_ascii_whitespace().collect();
    if let ["org_id", "remap_id", ..] = *columns.as_slice() {
        return Ok(columns.len());
    }
    let message = format!("expected the header `org_id remap_id`, found `{}`", show(text.as_bytes()));
    Err(Flaw::fatal("header", message))
}

impl Names {
    /// Reads a list of names.
    pub(super) fn read(file: &File, what: &'static str, reading: &mut Reading<'_>) -> Result<Self> {
        let mut names = Self { file: file.clone(), what, named: HashMap::new(), order: Vec::new(), local: false };
        Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
            if line == 1 {
                return list_header(text).map(|_| ());
            }
            // A name may hold blanks; the number is the last field then. In the list of KGAT's yelp2018 it never does.
            let fields: Vec<&str> = text.split_ascii_whitespace().collect();
            let [name, id] = *fields.as_slice() else {
                let got = fields.len();
                return Err(
                    Flaw::new("columns", format!("expected 2 fields (org_id remap_id), got {got}")).at(got.min(2))
                );
            };
            let id = number(id, 1, what)?;
            names.add(id, name, line)
        })?;
        names.local = names.are_told_apart_by_local_names();
        Ok(names)
    }

    fn are_told_apart_by_local_names(&self) -> bool {
        let all: HashSet<&str> = self.order.iter().filter_map(|&id| self.get(id)).map(local).collect();
        all.len() == self.order.len()
    }

    /// The name of a number, short where that tells it from all others.
    fn shown(&self, id: u32) -> Option<&str> {
        self.get(id).map(|name| if self.local { local(name) } else { name })
    }

    fn add(&mut self, id: u32, name: &str, line: u32) -> Checked<()> {
        if let Some((_, before)) = self.named.get(&id) {
            let message = format!("{} {id} stands in line {before} already", self.what);
            return Err(Flaw::new("duplicate_id", message).at(1));
        }
        self.named.insert(id, (name.to_owned(), line));
        self.order.push(id);
        Ok(())
    }

    /// The name of a number.
    pub(super) fn get(&self, id: u32) -> Option<&str> {
        self.named.get(&id).map(|(name, _)| name.as_str())
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.named.len()
    }

    /// Lists all as entities: ids are their numbers, and what they are called the labels.
    pub(super) fn list_entities(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let file = collector.begin_file(&self.file.path)?;
        collector.entities_listed = true;
        for &id in &self.order {
            let Some((label, line)) = self.named.get(&id) else { continue };
            let at = At { file, line: *line, ahead: None };
            let label = Field { text: label, number: 0, quoted: false };
            let id = id.to_string();
            let listed = name(&id, 1).and_then(|id| collector.list_entity(at, id, name("entity", 1)?, Some(label)));
            if let Err(flaw) = listed {
                reading.problems.bad(&self.file.path, (*line).into(), flaw)?;
            }
        }
        reading.problems.stop_if_strict()
    }
}

/// What stands behind the last slash or hash of an IRI.
pub(super) fn local(name: &str) -> &str {
    let iri = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(name);
    let local = iri.rsplit(['/', '#']).next().unwrap_or(iri);
    if local.is_empty() { name } else { local }
}

/// A fact whose parts are numbers. A relation is called what the list says, an entity by its number.
pub(super) fn take_fact(
    collector: &mut Collector,
    at: At,
    [head, relation, tail]: [u32; 3],
    relations: Option<&Names>,
) -> Checked<()> {
    let of_list = relations.map(|names| names.shown(relation).ok_or_else(|| outside(names, relation, tail)));
    let relation = of_list.transpose()?.map_or_else(|| relation.to_string(), str::to_owned);
    let raw = collector.relation(at, name(&relation, 1)?).map_err(|flaw| flaw.in_columns(&[1]))?;
    let (head, tail) = (head.to_string(), tail.to_string());
    collector.triple(at, name(&head, 0)?, raw, name(&tail, 2)?, None)
}

/// The flaw of a relation that the list does not have, with what it may be.
fn outside(names: &Names, relation: u32, tail: u32) -> Flaw {
    let swapped = names.get(tail).is_some();
    let hint = if swapped { "; are the columns head, tail, relation, as OpenKE orders them?" } else { "" };
    let (file, count) = (names.file.shown_name(), names.len());
    Flaw::new("dangling_relation", format!("relation {relation} is not among the {count} of {file}{hint}")).at(1)
}

/// Tells of relations that are as many as entities are, as where the columns are in another order.
pub(super) fn look_at_order(collector: &Collector, reading: &mut Reading<'_>) {
    let dataset = &collector.dataset;
    let (relations, entities, facts) = (dataset.relations.len(), dataset.entities.len(), dataset.triples.len());
    if facts >= 10 && 2 * relations > facts.min(entities) {
        let message = format!(
            "{relations} relations for {facts} facts and {entities} entities; is the order of the columns head, \
             relation, tail?"
        );
        let finding = Finding::new("column_order", Severity::Serious, relations as u64, message);
        reading.problems.find(finding.way_out("option `format` = openke reads head, tail, relation"));
    }
}
