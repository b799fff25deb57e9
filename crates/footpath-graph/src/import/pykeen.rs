//! Triples as PyKEEN reads them: head, relation and tail by tabs, without a header; parts in files of their own.
//!
//! ```text
//! train.txt, valid.txt, test.txt, or NAME.tsv    head  relation  tail
//! numeric_triples.tsv.gz                         PyKEEN's binary folder: head  relation  tail, with a header
//! entity_to_id.tsv.gz, relation_to_id.tsv.gz     id  label
//! ```
//!
//! Facts of valid and test are held out. `base.pth` is a pickle and never read.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::gathered::At;
use super::lines::{Lines, number};
use super::log;
use super::numbers;
use super::problems::Flaw;
use super::reading::Reading;
use super::table::{Delimiter, Table};
use super::tables::{Plan, Tables};
use super::values;
use crate::error::{Result, show};
use crate::heldout::Split;
use std::collections::HashMap;

const PARTS: [&str; 4] = ["train", "valid", "validation", "test"];

/// The files of a data set.
pub(super) enum PyKeen {
    /// Names in every line.
    Text(Vec<File>),
    /// Numbers, with their names.
    Numeric { triples: File, entities: File, relations: File, has_pickle: bool },
}

/// What shows that a folder has this layout: PyKEEN's own files, or parts whose first lines are three fields with tabs.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    if let Some(why) = shown_by_numbers(folder)? {
        return Ok(Some(why));
    }
    let found = find_text(folder)?;
    Ok(found.iter().find(|file| has_three_fields(file)).map(|file| {
        let name = file.shown_name();
        format!("{name} has three fields with tabs between and no header: head, relation, tail")
    }))
}

fn shown_by_numbers(folder: &Folder) -> Result<Option<String>> {
    folder.shown_by(&["numeric_triples.tsv"])
}

/// Whether the first line of a file has three fields.
fn has_three_fields(file: &File) -> bool {
    let budget = std::rc::Rc::new(std::cell::Cell::new(1 << 20));
    let Ok(mut source) = super::source::Source::open(&file.path, budget) else { return false };
    let mut line = Vec::new();
    let read = source.read_line(1 << 16, &mut line);
    read.is_ok() && line.split(|&b| b == b'\t').filter(|field| !field.trim_ascii().is_empty()).count() == 3
}

/// The parts of a folder, train first; else the only file that looks like a table.
fn find_text(folder: &Folder) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for part in PARTS {
        for extension in ["txt", "tsv"] {
            let file = folder.named(&format!("{part}.{extension}"))?;
            found.extend(file.map(|file| File { part: part.to_owned(), ..file }));
        }
    }
    if found.is_empty() {
        let all: Vec<(&str, File)> = folder.files().collect();
        let is_table = |name: &str| all.len() == 1 || [".txt", ".tsv"].iter().any(|end| name.ends_with(end));
        let tables: Vec<File> = all.iter().filter(|(name, _)| is_table(name)).map(|(_, file)| file.clone()).collect();
        if let Ok([only]) = <[File; 1]>::try_from(tables) {
            found.push(only);
        }
    }
    Ok(found)
}

/// Finds the files.
pub(super) fn find(folder: &Folder) -> Result<PyKeen> {
    if let Some(triples) = folder.named("numeric_triples.tsv")? {
        return Ok(PyKeen::Numeric {
            triples,
            entities: folder.required("entity_to_id.tsv")?,
            relations: folder.required("relation_to_id.tsv")?,
            has_pickle: folder.named("base.pth")?.is_some(),
        });
    }
    let found = find_text(folder)?;
    if found.is_empty() {
        return Err(folder.missing("train.txt, or one file of triples"));
    }
    Ok(PyKeen::Text(found))
}

impl Tables for PyKeen {
    fn plan(&self) -> Vec<(File, String)> {
        match self {
            Self::Text(files) => {
                let what = "facts: head, relation, tail, with tabs between and no header";
                Plan::default().with(files, what).done()
            }
            Self::Numeric { triples, entities, relations, .. } => {
                let plan = Plan::default().with([relations], "names of relations, by their numbers");
                let plan = plan.with([entities], "names of entities, by their numbers");
                plan.with([triples], "facts: head, relation, tail, as numbers").done()
            }
        }
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        if let Err(flaw) = collector.set_weighed(false) {
            let path = self.plan().first().map(|(file, _)| file.path.clone()).unwrap_or_default();
            return reading.problems.bad(&path, 0, flaw);
        }
        match self {
            Self::Text(files) => files.iter().try_for_each(|file| text(file, collector, reading))?,
            Self::Numeric { triples, entities, relations, has_pickle } => {
                if *has_pickle {
                    let message = "base.pth is a Python pickle, which can run code when it is loaded; it is not read";
                    reading.problems.find(Finding::new("pickle", Severity::Note, 1, message));
                }
                let names = [named(entities, reading)?, named(relations, reading)?];
                numeric(triples, &names, collector, reading)?;
            }
        }
        numbers::look_at_order(collector, reading);
        Ok(())
    }
}

fn text(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let split = log::part(&file.part).unwrap_or(Split::Train);
    let mut header = None;
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let fields: Vec<&str> = text.split('\t').collect();
        let [head, relation, tail] = *fields.as_slice() else {
            let got = fields.len();
            let blanks = text.split_ascii_whitespace().count() == 3;
            let hint = if got == 1 && blanks { "; the fields are parted by blanks" } else { "" };
            let shown = show(text.as_bytes());
            let message = format!("expected head, relation and tail with tabs between, got {got} in `{shown}`{hint}");
            return Err(Flaw::new("columns", message).at(got.min(3)));
        };
        if line == 1 && is_header([head, relation, tail]) {
            header = Some(text.replace('\t', " "));
            return Ok(());
        }
        let at = At { file: of_file, line, ahead: None };
        let named = numbers::name(relation, 1)?;
        let (head, tail) = (numbers::name(head, 0)?, numbers::name(tail, 2)?);
        let raw = collector.relation(at, named).map_err(|flaw| flaw.in_columns(&[1]))?;
        let num_before = collector.dataset.triples.len();
        collector.triple(at, head, raw, tail, None)?;
        collector.hold_out(num_before, split);
        Ok(())
    })?;
    if let Some(header) = header {
        let message = format!("the first line of {} is a header, `{}`", file.shown_name(), show(header.as_bytes()));
        reading.problems.find(Finding::new("header", Severity::Note, 1, message));
    }
    Ok(())
}

/// Whether the first line names its columns.
fn is_header(fields: [&str; 3]) -> bool {
    let known = [["head", "h", "subject", "s"], ["relation", "r", "predicate", "p"], ["tail", "t", "object", "o"]];
    fields.iter().zip(known).all(|(field, known)| known.contains(&field.to_lowercase().as_str()))
}

/// Names by their numbers.
fn named(file: &File, reading: &mut Reading<'_>) -> Result<HashMap<u32, String>> {
    let mut table = Table::open(&file.path, Delimiter::Tab, reading)?;
    let required = ["id", "label"];
    table.require(&required, reading)?;
    let [id, label] = required.map(|name| table.column(name, reading).unwrap_or(0));
    let mut names = HashMap::new();
    table.each(reading, |record| {
        let number = number(record.field(id).text, id, "a name")?;
        let name = values::name(record.field(label))?.text().to_owned();
        match names.insert(number, name) {
            None => Ok(()),
            Some(_) => Err(Flaw::new("duplicate_id", format!("number {number} stands twice")).at(id)),
        }
    })?;
    Ok(names)
}

fn numeric(
    file: &File,
    [entities, relations]: &[HashMap<u32, String>; 2],
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let mut table = Table::open(&file.path, Delimiter::Tab, reading)?;
    let required = ["head", "relation", "tail"];
    table.require(&required, reading)?;
    let columns = required.map(|name| table.column(name, reading).unwrap_or(0));
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let at = At { ahead: None, ..At::record(of_file, record) };
        let name = |names: &HashMap<u32, String>, place: usize, what: &str| {
            let column = columns.get(place).copied().unwrap_or(0);
            let number = number(record.field(column).text, column, what)?;
            let outside =
                || Flaw::new("outside", format!("{what} {number} is not among the {}", names.len())).at(column);
            names.get(&number).cloned().ok_or_else(outside)
        };
        let (head, relation) = (name(entities, 0, "an entity")?, name(relations, 1, "a relation")?);
        let tail = name(entities, 2, "an entity")?;
        let raw = collector.relation(at, numbers::name(&relation, 1)?).map_err(|flaw| flaw.in_columns(&columns))?;
        let taken = collector.triple(at, numbers::name(&head, 0)?, raw, numbers::name(&tail, 2)?, None);
        taken.map_err(|flaw| flaw.in_columns(&columns))
    })
}
