//! Which items are which entities, once all links and facts are there.

use super::collector::Collector;
use super::findings::{Example, Finding, Severity};
use super::gathered::{At, set};
use super::origins::Files;
use super::problems::{Flaw, Problems};
use crate::dataset::{NONE, RawTriple};
use crate::error::{Result, show};
use std::collections::{BTreeMap, BTreeSet};

/// A place in a file, as an example.
pub(super) fn example(files: &Files, at: At, text: &str) -> Example {
    Example { text: show(text.as_bytes()), file: files.shown_name(at.file), line: at.line.into() }
}

impl Collector {
    /// Links items to entities of the same id where nothing else links them: because the options say so, or because
    /// there is no list of items and every item of the log is an entity.
    pub(super) fn join_by_id(&mut self, asked: bool, problems: &mut Problems) {
        let links = (0..).zip(&self.dataset.links);
        let unlinked: Vec<u32> = links.filter(|(_, link)| **link == NONE).map(|(item, _)| item).collect();
        let entity_of = |item: u32| self.dataset.entities.find(self.dataset.items.get(item));
        let same: Vec<(u32, u32)> = unlinked.iter().filter_map(|&item| Some((item, entity_of(item)?))).collect();
        let (num_same, num_items) = (same.len() as u64, self.dataset.items.len() as u64);
        let Some(&(first, _)) = same.first() else { return };
        let id = show(self.dataset.items.get(first).as_bytes());
        let nothing_listed = self.listing.is_none();
        if asked || (nothing_listed && num_same == num_items) {
            let links = self.dataset.links.iter().chain(&self.dataset.user_links);
            let taken: BTreeSet<u32> = links.copied().filter(|&link| link != NONE).collect();
            for (item, entity) in same.into_iter().filter(|(_, entity)| !taken.contains(entity)) {
                set(&mut self.dataset.links, item, entity);
                self.dataset.joined.insert(entity);
            }
            let message =
                format!("{num_same} of {num_items} items are one node with the entity of the same id, such as `{id}`");
            let finding = Finding::new("joined_by_id", Severity::Note, num_same, message);
            problems.find(finding.way_out("a list of items with item_id and entity_id says otherwise"));
        } else if nothing_listed {
            let message = format!(
                "no item has a fact, although {num_same} of {num_items} have the id of an entity, such as `{id}`"
            );
            let finding = Finding::new("items_without_facts", Severity::Serious, num_same, message);
            problems.find(
                finding.way_out("option `join_by_id` makes them one node, or list items with item_id and entity_id"),
            );
        }
    }

    /// Tells of links that lead nowhere. That none leads anywhere is an error: the files are of two data sets.
    pub(super) fn settle_links(&mut self, problems: &mut Problems) -> Result<()> {
        if self.dangling.num_none > 0 {
            let count = self.dangling.num_none;
            let message =
                format!("{count} items are linked to something that looks like a missing value; they stay unlinked");
            problems.find(Finding::new("missing_links", Severity::Note, count, message));
        }
        let Some((at, entity)) = &self.dangling.first else { return Ok(()) };
        let (count, linked) = (self.dangling.count, self.dataset.links.iter().filter(|&&link| link != NONE).count());
        if linked == 0 {
            let message = format!(
                "none of {count} links names an entity of the knowledge graph, as `{}` here; are these of one \
                 data set?",
                show(entity.as_bytes())
            );
            return problems.bad(self.files.path(at.file), at.line.into(), Flaw::fatal("dangling_link", message));
        }
        let severity = if count as usize > linked { Severity::Serious } else { Severity::Warning };
        let message = format!(
            "{count} items are linked to entities without any fact and stay outside the graph; {linked} are inside"
        );
        problems.find(Finding::new("dangling_links", severity, count, message).example(example(
            &self.files,
            *at,
            entity,
        )));
        Ok(())
    }

    /// Refuses entities with a type that is the graph's own, unless they are of type `item` and an item is linked to
    /// them, or of type `user` and a user is: these are items and users, whatever they are called.
    pub(super) fn settle_reserved_types(&mut self, problems: &mut Problems) -> Result<()> {
        let linked: BTreeSet<u32> = self.dataset.links.iter().copied().collect();
        let users: BTreeSet<u32> = self.dataset.user_links.iter().copied().collect();
        let is_meant = |entity: &u32, kind: &str| match kind {
            "item" => linked.contains(entity),
            _ => users.contains(entity),
        };
        let listed = std::mem::take(&mut self.reserved_types);
        let mut refused = listed.iter().filter(|(entity, _, kind)| !is_meant(entity, kind));
        let Some((entity, at, kind)) = refused.next() else { return Ok(()) };
        let (count, id) = (1 + refused.count(), show(self.dataset.entities.get(*entity).as_bytes()));
        let message = format!(
            "{count} entities, `{id}` first, have the type `{kind}`, which is the graph's own; link them to {kind}s, \
             or call their type something else"
        );
        problems.bad(self.files.path(at.file), at.line.into(), Flaw::new("reserved_type", message))
    }

    /// Gives items that share an entity each a node of their own, with all of its facts.
    pub(super) fn settle_twins(&mut self, problems: &mut Problems) {
        if self.twins.is_empty() {
            return;
        }
        let mut copies: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (item, entity) in std::mem::take(&mut self.twins) {
            let dataset = &mut self.dataset;
            let kind = dataset.entity_types.get(entity as usize).map_or("", |&kind| dataset.types.get(kind)).to_owned();
            // A control character keeps it apart from all entities: no id of one has any. The node has the id of the
            // item.
            let copy = dataset.entity(&format!("\u{1}{}", dataset.items.get(item)), &kind);
            let label = dataset.entity_labels.get(entity as usize).copied().unwrap_or(NONE);
            set(&mut dataset.entity_labels, copy, label);
            dataset.copies.push((copy, entity));
            set(&mut dataset.links, item, copy);
            copies.entry(entity).or_default().push(copy);
        }
        let count = copies.values().map(Vec::len).sum::<usize>() as u64;
        self.copy_facts(&copies);
        let message = format!("{count} items share their entity with another item; each has all of its facts");
        problems.find(Finding::new("shared_entities", Severity::Note, count, message));
    }

    fn copy_facts(&mut self, copies: &BTreeMap<u32, Vec<u32>>) {
        let all = |entity: u32| std::iter::once(entity).chain(copies.get(&entity).into_iter().flatten().copied());
        let has_copy = |t: &RawTriple| copies.contains_key(&t.head) || copies.contains_key(&t.tail);
        let concerned: Vec<(usize, RawTriple)> =
            self.dataset.triples.iter().copied().enumerate().filter(|(_, t)| has_copy(t)).collect();
        for (number, triple) in concerned {
            let weight = self.dataset.triple_weights.get(number).copied();
            let pairs = all(triple.head).flat_map(|head| all(triple.tail).map(move |tail| (head, tail)));
            // The first pair is the fact itself, and a loop stays one.
            let is_loop = triple.head == triple.tail;
            for (head, tail) in pairs.skip(1).filter(|(head, tail)| !is_loop || head == tail) {
                self.dataset.triples.push(RawTriple { head, tail, ..triple });
                self.dataset.triple_weights.extend(weight);
            }
        }
    }
}
