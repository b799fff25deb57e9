//! Ids that stand on two sides and should meet: how many do, and what those that do not look like.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::gathered::At;
use super::join::example;
use super::problems::Problems;
use super::spelling::Spelling;
use crate::dataset::NONE;
use crate::error::{Result, show};
use crate::interner::Interner;
use footpath_core::Context;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Ids on each side that are compared with those of the other one by one.
const MAX_COMPARED: usize = 1 << 20;

/// How many ids of two sides meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// What the ids are of, such as `items`.
    pub what: String,
    /// One side, such as `interactions`.
    pub left: String,
    /// The other.
    pub right: String,
    /// How many there are on the one side.
    pub num_left: u64,
    /// How many there are on the other.
    pub num_right: u64,
    /// How many there are on both.
    pub num_both: u64,
}

/// Compares the sides of all ids, and tells of what should meet and does not.
pub(super) fn look(collector: &Collector, problems: &mut Problems, context: &Context) -> Result<Vec<Meeting>> {
    let mut meetings = Vec::new();
    meetings.extend(items(collector, problems, context)?);
    Ok(meetings)
}

/// Items of the log and items that are listed.
fn items(collector: &Collector, problems: &mut Problems, context: &Context) -> Result<Option<Meeting>> {
    let Some(listing) = collector.listing else {
        unlisted(collector, problems);
        return Ok(None);
    };
    let dataset = &collector.dataset;
    // Line of the first interaction with each item, and of its listing.
    let mut chosen = vec![0; dataset.items.len()];
    for interaction in &dataset.interactions {
        if let Some(line) = chosen.get_mut(interaction.item as usize).filter(|line| **line == 0) {
            *line = interaction.line.max(1);
        }
    }
    let listed = |item: u32| collector.listed.get(item as usize).copied().unwrap_or(0);
    let all = || (0..).zip(&chosen).map(|(item, &line)| (item, line, listed(item)));
    let count = |which: &dyn Fn(bool, bool) -> bool| {
        all().filter(|(_, chosen, listed)| which(*chosen > 0, *listed > 0)).count() as u64
    };
    let (num_left, num_right) = (count(&|chosen, _| chosen), count(&|_, listed| listed));
    let num_both = count(&|chosen, listed| chosen && listed);
    let meeting = Meeting {
        what: "items".to_owned(),
        left: "interactions".to_owned(),
        right: "items".to_owned(),
        num_left,
        num_right,
        num_both,
    };
    context.check()?;
    let only_chosen: Vec<u32> =
        all().filter(|&(_, chosen, listed)| chosen > 0 && listed == 0).map(|(i, ..)| i).collect();
    let only_listed: Vec<u32> =
        all().filter(|&(_, chosen, listed)| chosen == 0 && listed > 0).map(|(i, ..)| i).collect();
    let near = near_misses(&dataset.items, &only_chosen, &dataset.items, &only_listed);
    let line = |item: u32| chosen.get(item as usize).copied().unwrap_or(0);
    let in_log = |item: u32| collector.log.example(line(item), dataset.items.get(item), &collector.files);
    let in_list = |item: u32| {
        let at = At { file: listing, line: listed(item), ahead: None };
        example(&collector.files, at, dataset.items.get(item))
    };
    let share = format!(
        "{} of {num_left} items of the log are not listed, and {} of {num_right} that are listed are not in the log",
        only_chosen.len(),
        only_listed.len()
    );
    let severity = if 2 * num_both < num_left { Severity::Serious } else { Severity::Warning };
    if let Some(Near { spelling, left, right, count }) = near {
        let message = format!("{share}; {count} of them differ in nothing but {}", spelling.words());
        let finding =
            Finding::new("ids_do_not_meet", severity, count, message).example(in_log(left)).example(in_list(right));
        problems.find(finding.way_out(format!("option `same_ids` = {} makes them one", spelling.name())));
    } else if severity == Severity::Serious
        && let (Some(&left), Some(&right)) = (only_chosen.first(), only_listed.first())
    {
        let finding = Finding::new("ids_do_not_meet", severity, only_chosen.len() as u64, share);
        let finding = finding.example(in_log(left)).example(in_list(right));
        problems.find(finding.way_out("see that both files give items the same ids"));
    }
    Ok(Some(meeting))
}

/// Tells of items of the log that would be entities of the facts if they were spelled like them, where no list says
/// which item is which entity.
fn unlisted(collector: &Collector, problems: &mut Problems) {
    let dataset = &collector.dataset;
    let apart: Vec<u32> = (0..).zip(&dataset.links).filter(|(_, link)| **link == NONE).map(|(item, _)| item).collect();
    let linked: HashSet<u32> = dataset.links.iter().copied().collect();
    let free: Vec<u32> = (0..).take(dataset.entities.len()).filter(|entity| !linked.contains(entity)).collect();
    let Some(near) = near_misses(&dataset.items, &apart, &dataset.entities, &free) else { return };
    let Near { spelling, left, right, count } = near;
    let message = format!(
        "{} of {} items of the log are no entities of the facts; {count} of them differ from one in nothing but {}",
        apart.len(),
        dataset.items.len(),
        spelling.words()
    );
    let choice = dataset.interactions.iter().find(|i| i.item == left);
    let fact = dataset.triples.iter().find(|t| t.head == right || t.tail == right);
    let (Some(choice), Some(fact)) = (choice, fact) else { return };
    let severity = if 2 * count >= dataset.items.len() as u64 { Severity::Serious } else { Severity::Warning };
    let finding = Finding::new("ids_do_not_meet", severity, count, message)
        .example(collector.log.example(choice.line, dataset.items.get(left), &collector.files))
        .example(collector.facts.example(fact.line, dataset.entities.get(right), &collector.files));
    problems.find(
        finding.way_out(format!("option `same_ids` = {} and option `join_by_id` make them one", spelling.name())),
    );
}

/// The way of spelling that joins most ids, with one of each side.
struct Near {
    spelling: Spelling,
    left: u32,
    right: u32,
    count: u64,
}

fn near_misses(left_ids: &Interner, left: &[u32], right_ids: &Interner, right: &[u32]) -> Option<Near> {
    let (left, right) = (left.get(..MAX_COMPARED).unwrap_or(left), right.get(..MAX_COMPARED).unwrap_or(right));
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let with = |spelling: Spelling| {
        let plain: HashMap<_, u32> = right.iter().map(|&id| (spelling.plain(right_ids.get(id)), id)).collect();
        let mut both = left.iter().filter_map(|&id| Some((id, *plain.get(&spelling.plain(left_ids.get(id)))?)));
        let (left, right) = both.next()?;
        Some(Near { spelling, left, right, count: 1 + both.count() as u64 })
    };
    // Of those that join as many the first, which changes least.
    let better = |best: Option<Near>, next: Near| match best {
        Some(best) if best.count >= next.count => Some(best),
        _ => Some(next),
    };
    Spelling::ALL.into_iter().filter_map(with).fold(None, better)
}

/// Tells of items that share their title.
pub(super) fn titles(collector: &Collector, problems: &mut Problems) {
    let dataset = &collector.dataset;
    let mut first: Vec<u32> = vec![NONE; dataset.labels.len()];
    let (mut count, mut pair) = (0, None);
    for (item, &title) in (0..).zip(&dataset.item_titles) {
        let Some(known) = first.get_mut(title as usize) else { continue };
        if *known == NONE {
            *known = item;
        } else {
            count += 1;
            pair.get_or_insert((*known, item));
        }
    }
    let Some((a, b)) = pair else { return };
    let id = |item: u32| show(dataset.items.get(item).as_bytes());
    let title = dataset.item_titles.get(a as usize).map_or("", |&title| dataset.labels.get(title));
    let message = format!(
        "{count} items have the title of an item before them, such as `{}` of `{}` and `{}`",
        show(title.as_bytes()),
        id(a),
        id(b)
    );
    problems.find(Finding::new("same_titles", Severity::Note, count, message));
}
