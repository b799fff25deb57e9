//! What is taken back: facts, or interactions, that the data no longer has.

use super::collector::Collector;
use super::folder::File;
use super::gathered::At;
use super::gathered::Removed;
use super::problems::{Checked, Flaw, Problems};
use super::reading::Reading;
use super::table::Table;
use super::values::{self, Name};
use crate::dataset::RawTriple;
use crate::error::{Result, show};
use std::collections::HashMap;

/// Reads a table of facts (`head`, `relation`, `tail`) or of interactions (`user_id`, `item_id`) that are taken back;
/// to be read after all else.
pub(super) fn table(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    let of_log = ["user_id", "item_id"].map(|name| table.column(name, reading));
    let number = collector.begin_file(&file.path)?;
    if let [Some(user), Some(item)] = of_log {
        return table.each(reading, |record| {
            let name = |column| values::name(record.field(column));
            let taken = collector.take_back_choice(At::record(number, record), name(user)?, name(item)?);
            taken.map_err(|flaw| flaw.in_columns(&[user, item]))
        });
    }
    let required = ["head", "relation", "tail"];
    table.require(&required, reading)?;
    let columns = required.map(|name| table.column(name, reading).unwrap_or(0));
    table.each(reading, |record| {
        let [head, relation, tail] = columns.map(|column| values::name(record.field(column)));
        let taken = collector.take_back_fact(At::record(number, record), [head?, relation?, tail?]);
        taken.map_err(|flaw| flaw.in_columns(&columns))
    })
}

fn absent(what: &str, name: &str, field: usize) -> Flaw {
    let message =
        format!("there is no {what} `{}` in the data, so nothing of it can be removed", show(name.as_bytes()));
    Flaw::new("not_there", message).at(field)
}

impl Collector {
    fn take_back_fact(&mut self, at: At, [head, relation, tail]: [Name<'_>; 3]) -> Checked<()> {
        let entity = |name: Name<'_>, field| {
            let found = self.dataset.entities.find(&self.spelled(name));
            found.ok_or_else(|| absent("entity", name.text(), field))
        };
        let (head, tail) = (entity(head, 0)?, entity(tail, 2)?);
        let found = self.relation_names.find(relation.text());
        let relation = found.ok_or_else(|| absent("relation", relation.text(), 1))?;
        self.removed.facts.insert((head, relation, tail), at);
        Ok(())
    }

    fn take_back_choice(&mut self, at: At, user: Name<'_>, item: Name<'_>) -> Checked<()> {
        let number = self.dataset.users.find(&self.spelled(user)).ok_or_else(|| absent("user", user.text(), 0))?;
        let item_number = self.dataset.items.find(&self.spelled(item));
        let item = item_number.ok_or_else(|| absent("item", item.text(), 1))?;
        self.removed.choices.insert((number, item), at);
        Ok(())
    }

    /// Removes what is taken back. What is not there to be removed is refused. To be called once held-out facts are
    /// apart, and before any relation or user has another number.
    pub(super) fn settle_removed(&mut self, problems: &mut Problems) -> Result<u64> {
        let Removed { facts, choices } = std::mem::take(&mut self.removed);
        if facts.is_empty() && choices.is_empty() {
            return Ok(0);
        }
        let num_before = self.num_records_kept();
        let mut left: HashMap<_, _> = facts.iter().map(|(fact, at)| (*fact, *at)).collect();
        let of = |triple: &RawTriple| (triple.head, triple.relation, triple.tail);
        let held_out = self.dataset.held_out_facts.iter().map(|(_, triple)| triple);
        for triple in self.dataset.triples.iter().chain(held_out).filter(|triple| facts.contains_key(&of(triple))) {
            left.remove(&of(triple));
            if let Some(uses) = self.relation_uses.get_mut(triple.relation as usize) {
                *uses = uses.saturating_sub(1);
            }
        }
        self.keep_facts(|_, triple| !facts.contains_key(&of(triple)));
        self.dataset.held_out_facts.retain(|(_, triple)| !facts.contains_key(&of(triple)));
        let mut left_choices = choices.clone();
        self.dataset.interactions.retain(|choice| {
            let pair = (choice.user, choice.item);
            left_choices.remove(&pair);
            !choices.contains_key(&pair)
        });
        let mut absent: Vec<(At, &str)> = left.into_values().map(|at| (at, "fact")).collect();
        absent.extend(left_choices.into_values().map(|at| (at, "interaction")));
        absent.sort_by_key(|(at, _)| (at.file, at.line));
        for (at, what) in absent {
            let message = format!("there is no such {what} in the data, so it cannot be removed");
            problems.bad(self.files.path(at.file), at.line.into(), Flaw::new("not_there", message))?;
        }
        problems.stop_if_strict()?;
        if !choices.is_empty() {
            self.drop_idle();
        }
        Ok(num_before - self.num_records_kept())
    }

    fn num_records_kept(&self) -> u64 {
        let dataset = &self.dataset;
        (dataset.triples.len() + dataset.held_out_facts.len() + dataset.interactions.len()) as u64
    }
}
