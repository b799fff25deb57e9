//! Relations that say what the log says: who chose what. Figures on such a graph know what is held out.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::problems::Problems;
use crate::dataset::{Dataset, NONE, RawTriple};
use crate::error::{Result, show};
use footpath_core::Context;

/// A relation restates the log where more than half of its facts about items do.
const SHARE: u64 = 2;

/// What the facts of a relation that join an item and somebody else say.
#[derive(Clone, Copy, Default)]
struct Facts {
    num_all: u64,
    num_restated: u64,
    first_line: u32,
}

/// Tells of relations most of whose facts join an item and an entity with the id of a user who chose it. The log is
/// sorted by user and item.
pub(super) fn tell(collector: &Collector, problems: &mut Problems, context: &Context) -> Result<()> {
    let dataset = &collector.dataset;
    let users = users_of_entities(dataset);
    if users.iter().all(|&user| user == NONE) {
        return Ok(());
    }
    let items = items_of_entities(dataset);
    let of = |table: &[u32], entity: u32| table.get(entity as usize).copied().filter(|&number| number != NONE);
    let pair = |triple: &RawTriple| {
        let either = |item: u32, other: u32| Some((of(&items, item)?, of(&users, other)));
        either(triple.head, triple.tail).or_else(|| either(triple.tail, triple.head))
    };
    context.check()?;
    let chose = |user: u32, item: u32| {
        dataset.interactions.binary_search_by(|choice| (choice.user, choice.item).cmp(&(user, item))).is_ok()
    };
    let mut relations = vec![Facts::default(); dataset.relations.len()];
    for (triple, (item, user)) in dataset.triples.iter().filter_map(|triple| Some((triple, pair(triple)?))) {
        let Some(facts) = relations.get_mut(triple.relation as usize) else { continue };
        facts.num_all += 1;
        if user.is_some_and(|user| chose(user, item)) {
            facts.num_restated += 1;
            facts.first_line = if facts.first_line == 0 { triple.line } else { facts.first_line };
        }
    }
    for (relation, facts) in dataset.relations.iter().zip(&relations) {
        if SHARE * facts.num_restated > facts.num_all {
            let name = show(relation.name.as_bytes());
            let message = format!(
                "{} of {} facts of `{name}` about items name a user who chose the item, so the graph says what is held \
                 out",
                facts.num_restated, facts.num_all
            );
            let finding = Finding::new("restates_the_log", Severity::Serious, facts.num_restated, message);
            let example = collector.facts.example(facts.first_line, &relation.name, &collector.files);
            let finding = finding.example(example);
            problems.find(finding.way_out("leave this relation out of the facts"));
        }
    }
    Ok(())
}

/// The user that each entity is, or whose id it has, or [`NONE`].
fn users_of_entities(dataset: &Dataset) -> Vec<u32> {
    let mut users = vec![NONE; dataset.entities.len()];
    for user in (0..).take(dataset.users.len()) {
        let linked = dataset.user_links.get(user as usize).copied().filter(|&entity| entity != NONE);
        let entity = linked.or_else(|| dataset.entities.find(dataset.users.get(user)));
        if let Some(slot) = entity.and_then(|entity| users.get_mut(entity as usize)) {
            *slot = user;
        }
    }
    users
}

/// The item that each entity is, or [`NONE`].
fn items_of_entities(dataset: &Dataset) -> Vec<u32> {
    let mut items = vec![NONE; dataset.entities.len()];
    for (item, &entity) in (0..).zip(&dataset.links) {
        if let Some(slot) = items.get_mut(entity as usize) {
            *slot = item;
        }
    }
    items
}
