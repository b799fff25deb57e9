//! The layout of OpenKE, for link prediction: numbers, with a count in the first line of each file.
//!
//! ```text
//! entity2id.txt, relation2id.txt   the count; then name and number, by tabs
//! train2id.txt, valid2id.txt, test2id.txt   the count; then head, TAIL, relation, by blanks
//! ```
//!
//! Facts of `valid2id.txt` and `test2id.txt` are held out.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::gathered::At;
use super::lines::{Lines, fields, number};
use super::log;
use super::numbers;
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::tables::{Plan, Tables};
use crate::error::{Result, show};
use crate::heldout::Split;

/// The files of a data set.
pub(super) struct OpenKe {
    entities: File,
    relations: File,
    parts: Vec<File>,
}

/// What shows that a folder has this layout.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    folder.shown_by(&["train2id.txt", "entity2id.txt", "valid2id.txt", "test2id.txt"])
}

/// Finds the files.
pub(super) fn find(folder: &Folder) -> Result<OpenKe> {
    let mut parts = vec![File { part: "train".to_owned(), ..folder.required("train2id.txt")? }];
    for part in ["valid", "test"] {
        let file = folder.named(&format!("{part}2id.txt"))?;
        parts.extend(file.map(|file| File { part: part.to_owned(), ..file }));
    }
    Ok(OpenKe { entities: folder.required("entity2id.txt")?, relations: folder.required("relation2id.txt")?, parts })
}

impl Tables for OpenKe {
    fn plan(&self) -> Vec<(File, String)> {
        let plan = Plan::default().with([&self.relations], "relations: a count, then name and number");
        let plan = plan.with([&self.entities], "entities: a count, then name and number");
        plan.with(&self.parts, "facts: a count, then head, tail, relation, as numbers").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let relations = names(&self.relations, "a relation", reading)?;
        let entities = names(&self.entities, "an entity", reading)?;
        list(&self.entities, &entities, collector, reading)?;
        if let Err(flaw) = collector.set_weighed(false) {
            return reading.problems.bad(&self.relations.path, 0, flaw);
        }
        let mut proves_order = false;
        for file in &self.parts {
            proves_order |= facts(file, &entities, &relations, collector, reading)?;
        }
        if !proves_order {
            let message = "every number of an entity is that of a relation as well, so the order of the columns, which \
                           OpenKE's is head, tail, relation, cannot be seen";
            reading.problems.find(Finding::new("column_order", Severity::Note, 1, message));
        }
        Ok(())
    }
}

/// The count that a file says in its first line, and the records after it, which must be as many.
fn counted(file: &File, reading: &mut Reading<'_>, mut take: impl FnMut(u32, &str) -> Checked<()>) -> Result<()> {
    let mut said = 0u64;
    // Lines that cannot be read are records as well.
    let before = reading.problems.num_records;
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        if line == 1 {
            said = text.trim().parse().map_err(|_| {
                let shown = show(text.as_bytes());
                Flaw::fatal("count", format!("expected the number of records in the first line, found `{shown}`"))
            })?;
            return Ok(());
        }
        take(line, text)
    })?;
    let num_records = (reading.problems.num_records - before).saturating_sub(1);
    if said == num_records {
        return Ok(());
    }
    let message = format!("the first line says {said} records, and there are {num_records}; is the file cut short?");
    reading.problems.bad(&file.path, 1, Flaw::new("count", message))?;
    reading.problems.stop_if_strict()
}

/// Names by their numbers, which are those from 0 to the count.
fn names(file: &File, what: &str, reading: &mut Reading<'_>) -> Result<Vec<(String, u32)>> {
    let mut names: Vec<(String, u32)> = Vec::new();
    counted(file, reading, |line, text| {
        // A name may hold blanks, a number does not.
        let (name, id) = text.trim_end().rsplit_once(['\t', ' ']).ok_or_else(|| {
            Flaw::new("columns", format!("expected name and number, found `{}`", show(text.as_bytes()))).at(1)
        })?;
        let id = number(id, 1, what)? as usize;
        if id > line as usize + (1 << 24) {
            return Err(Flaw::new("outside", format!("number {id} in line {line}; numbers go up from 0")).at(1));
        }
        if names.len() <= id {
            names.resize(id + 1, (String::new(), 0));
        }
        match names.get_mut(id) {
            Some(slot) if slot.1 == 0 => *slot = (name.trim_end().to_owned(), line),
            _ => return Err(Flaw::new("duplicate_id", format!("number {id} stands twice")).at(1)),
        }
        Ok(())
    })?;
    if let Some(missing) = names.iter().position(|(_, line)| *line == 0) {
        let start = if missing == 0 { "; do numbers begin at 1? OpenKE's begin at 0" } else { "" };
        let message = format!("number {missing} has no name, although {} has{start}", names.len() - 1);
        reading.problems.bad(&file.path, 0, Flaw::new("gap", message))?;
        reading.problems.stop_if_strict()?;
    }
    Ok(names)
}

fn list(file: &File, entities: &[(String, u32)], collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    collector.entities_listed = true;
    for (id, line) in entities.iter().filter(|(_, line)| *line > 0) {
        let at = At { file: of_file, line: *line, ahead: None };
        let listed =
            numbers::name(id, 0).and_then(|id| collector.list_entity(at, id, numbers::name("entity", 0)?, None));
        if let Err(flaw) = listed {
            reading.problems.bad(&file.path, (*line).into(), flaw)?;
        }
    }
    reading.problems.stop_if_strict()
}

/// Reads facts; whether the numbers prove the order of the columns: some tail is none of a relation.
fn facts(
    file: &File,
    entities: &[(String, u32)],
    relations: &[(String, u32)],
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<bool> {
    let of_file = collector.begin_file(&file.path)?;
    let split = log::part(&file.part).unwrap_or(Split::Train);
    let mut proves_order = false;
    counted(file, reading, |line, text| {
        let [head, tail, relation] = fields::<3>(text, "head, tail, relation")?;
        let (head, tail) = (number(head, 0, "an entity")?, number(tail, 1, "an entity")?);
        let relation = number(relation, 2, "a relation")?;
        let of = |names: &[(String, u32)], id: u32| names.get(id as usize).filter(|(_, line)| *line > 0).cloned();
        let Some((named, _)) = of(relations, relation) else {
            let swapped = of(relations, tail).is_some();
            let hint =
                if swapped { "; OpenKE's columns are head, tail, relation: are these in another order?" } else { "" };
            let message = format!("relation {relation} is not among the {}{hint}", relations.len());
            return Err(Flaw::new("outside", message).at(2));
        };
        proves_order |= tail as usize >= relations.len();
        let entity = |id: u32, field| {
            let outside = || Flaw::new("outside", format!("entity {id} is not among the {}", entities.len())).at(field);
            of(entities, id).ok_or_else(outside)
        };
        let ((head, _), (tail, _)) = (entity(head, 0)?, entity(tail, 1)?);
        let at = At { file: of_file, line, ahead: None };
        let raw = collector.relation(at, numbers::name(&named, 2)?).map_err(|flaw| flaw.in_columns(&[2]))?;
        let num_before = collector.dataset.triples.len();
        let taken = collector.triple(at, numbers::name(&head, 0)?, raw, numbers::name(&tail, 1)?, None);
        taken.map_err(|flaw| flaw.in_columns(&[0, 2, 1]))?;
        collector.hold_out(num_before, split);
        Ok(())
    })?;
    Ok(proves_order)
}
