//! The layout of KGAT and of what builds on it (KGIN, KGCL), and of KGCN and RippleNet: everything is a number.
//!
//! ```text
//! kg_final.txt        head relation tail               no header, by blanks or tabs
//! train.txt, test.txt user item item …                 one user a line; also valid.txt
//! ratings_final.txt   user item label                  in place of those; label 0 is no choice
//! entity_list.txt     org_id remap_id                  optional, with a header; names of the numbers
//! relation_list.txt   org_id remap_id                  optional
//! item_list.txt       org_id remap_id [freebase_id]    optional
//! ```
//!
//! The number of an item is the number of its entity. Where `item_list.txt` names an entity, it must be that of
//! `entity_list.txt`.

use super::collector::Collector;
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::gathered::{At, Choice, LogFields};
use super::lines::{Lines, fields, number};
use super::log;
use super::numbers::{self, Names};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::tables::{Plan, Tables};
use crate::error::{Result, show};
use crate::heldout::Split;

/// The files of a data set.
pub(super) struct Kgat {
    triples: File,
    parts: Vec<File>,
    ratings: Option<File>,
    entities: Option<File>,
    relations: Option<File>,
    items: Option<File>,
}

/// What shows that a folder has this layout.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    folder.shown_by(&["kg_final.txt", "ratings_final.txt"])
}

/// Finds the files.
pub(super) fn find(folder: &Folder) -> Result<Kgat> {
    let mut parts = Vec::new();
    for part in ["train", "valid", "test"] {
        let file = folder.named(&format!("{part}.txt"))?;
        parts.extend(file.map(|file| File { part: part.to_owned(), ..file }));
    }
    Ok(Kgat {
        triples: folder.required("kg_final.txt")?,
        parts,
        ratings: folder.named("ratings_final.txt")?,
        entities: folder.named("entity_list.txt")?,
        relations: folder.named("relation_list.txt")?,
        items: folder.named("item_list.txt")?,
    })
}

impl Tables for Kgat {
    fn plan(&self) -> Vec<(File, String)> {
        let plan = Plan::default().with(&self.relations, "names of relations, by their numbers");
        let plan = plan.with(&self.entities, "names of entities, by their numbers");
        let plan = plan.with([&self.triples], "facts: head, relation, tail, as numbers without a header");
        let plan = plan.with(&self.items, "names of items; the number of an item is that of its entity");
        let plan = plan.with(&self.parts, "interactions: a user and all items of the user in a line");
        plan.with(&self.ratings, "interactions: user, item, label; label 0 is no choice").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let relations = self.relations.as_ref().map(|file| Names::read(file, "relation", reading)).transpose()?;
        let entities = self.entities.as_ref().map(|file| Names::read(file, "entity", reading)).transpose()?;
        if let Some(names) = &entities {
            names.list_entities(collector, reading)?;
        }
        triples(&self.triples, relations.as_ref(), collector, reading)?;
        numbers::look_at_order(collector, reading);
        if let Some(file) = &self.items {
            items(file, entities.as_ref(), collector, reading)?;
        }
        for file in &self.parts {
            histories(file, collector, reading)?;
        }
        if let Some(file) = &self.ratings {
            ratings(file, collector, reading)?;
        }
        collector.joins_by_id = true;
        Ok(())
    }
}

fn triples(file: &File, relations: Option<&Names>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    if let Err(flaw) = collector.set_weighed(false) {
        return reading.problems.bad(&file.path, 0, flaw);
    }
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let [head, relation, tail] = fields::<3>(text, "head, relation, tail")?;
        let (head, relation, tail) =
            (number(head, 0, "an entity")?, number(relation, 1, "a relation")?, number(tail, 2, "an entity")?);
        let at = At { file: of_file, line, ahead: None };
        numbers::take_fact(collector, at, [head, relation, tail], relations)
    })
}

/// Items with their names; where the list says which entity an item is, it must be that of the item's number.
fn items(file: &File, entities: Option<&Names>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let mut columns = 0;
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        if line == 1 {
            columns = numbers::list_header(text)?;
            return Ok(());
        }
        let all: Vec<&str> = text.split_ascii_whitespace().collect();
        let (Some(name), Some(id)) = (all.first(), all.get(1)) else {
            return Err(Flaw::new("columns", "expected org_id and remap_id").at(all.len()));
        };
        if all.len() != columns {
            return Err(joined(&all, columns));
        }
        let id = number(id, 1, "an item")?;
        if let (Some(entities), Some(entity)) = (entities, all.get(2))
            && entities.get(id) != Some(*entity)
        {
            let other =
                entities.get(id).map_or_else(|| "nothing".to_owned(), |name| format!("`{}`", show(name.as_bytes())));
            let message = format!(
                "item {id} is entity `{}` here, but entity_list.txt has {other} under {id}; the number of an item must \
                 be that of its entity",
                show(entity.as_bytes())
            );
            return Err(Flaw::new("other_entity", message).at(2));
        }
        let at = At { file: of_file, line, ahead: None };
        let (id, title) = (id.to_string(), Field { text: name, number: 0, quoted: false });
        collector.list_item(at, numbers::name(&id, 1)?, Some(title)).map(|_| ())
    })
}

/// The flaw of a line with another number of fields. KGAT's yelp2018 lacks the blank between the number of an item and
/// its entity.
fn joined(all: &[&str], columns: usize) -> Flaw {
    let got = all.len();
    let last = all.get(1).copied().unwrap_or_default();
    let digits = last.bytes().take_while(u8::is_ascii_digit).count();
    let name = all.first().copied().unwrap_or_default();
    let message = match last.get(digits..) {
        Some(rest) if got == 2 && columns == 3 && rest == name => format!(
            "expected 3 fields (org_id remap_id freebase_id), got 2: `{}` lacks the blank between number and entity; \
             write `{} {}`",
            show(last.as_bytes()),
            last.get(..digits).unwrap_or_default(),
            show(rest.as_bytes())
        ),
        _ => format!("expected {columns} fields as in the header, got {got}"),
    };
    Flaw::new("columns", message).at(got.min(columns))
}

/// A line for each user: the user's number, and those of all items.
fn histories(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let split = log::part(&file.part).unwrap_or(Split::Train);
    if let Err(flaw) = collector.set_log_fields(LogFields { rating: false, time: false, split: true }) {
        return reading.problems.bad(&file.path, 0, flaw);
    }
    let (mut num_repeated, mut first, mut num_idle) = (0u64, 0, 0u64);
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let mut all = text.split_ascii_whitespace().enumerate();
        let user = number(all.next().map_or("", |(_, user)| user), 0, "a user")?.to_string();
        let mut items: Vec<u32> = all.map(|(place, item)| number(item, place, "an item")).collect::<Checked<_>>()?;
        num_idle += u64::from(items.is_empty());
        let before = items.len();
        let mut seen = std::collections::HashSet::new();
        items.retain(|item| seen.insert(*item));
        if items.len() < before {
            num_repeated += (before - items.len()) as u64;
            first = if first == 0 { line } else { first };
        }
        let at = At { file: of_file, line, ahead: None };
        for item in items {
            let item = item.to_string();
            let (user, item) = (numbers::name(&user, 0)?, numbers::name(&item, 1)?);
            collector.interaction(at, &Choice { user, item, rating: f32::NAN, time: 0, split })?;
        }
        Ok(())
    })?;
    if num_repeated > 0 {
        let message = format!("{num_repeated} items stand in the line of a user more than once; each counts once");
        reading.problems.warn("repeated_items", &file.path, first.into(), num_repeated, &message);
    }
    if num_idle > 0 {
        let message = format!("{num_idle} users of {} have no item", file.shown_name());
        reading.problems.find(Finding::new("users_without_items", Severity::Note, num_idle, message));
    }
    Ok(())
}

/// A line for each rating. A label of 0 is no choice.
fn ratings(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    if let Err(flaw) = collector.set_log_fields(LogFields { rating: true, time: false, split: false }) {
        return reading.problems.bad(&file.path, 0, flaw);
    }
    collector.has_label = true;
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let [user, item, label] = fields::<3>(text, "user, item, label")?;
        let rating = collector.rating(Field { text: label, number: 2, quoted: false })?;
        let (user, item) = (number(user, 0, "a user")?.to_string(), number(item, 1, "an item")?.to_string());
        let at = At { file: of_file, line, ahead: None };
        let (user, item) = (numbers::name(&user, 0)?, numbers::name(&item, 1)?);
        collector.interaction(at, &Choice { user, item, rating, time: 0, split: Split::Train })
    })
}
