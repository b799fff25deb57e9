//! What is settled once all records are there: lines, contradictions, low ratings, relations without facts.

use super::collector::Collector;
use super::gathered::set;
use super::options::MinInteractions;
use super::problems::{Flaw, Problems};
use crate::dataset::{Dataset, NONE, RawTriple};
use crate::error::Result;
use crate::interner::Interner;
use crate::sorting;
use footpath_core::Context;

impl Collector {
    /// Makes the lines of all records say the file as well. Before this nothing may be sorted.
    pub(super) fn settle_lines(&mut self) {
        let Self { dataset, files, log, facts, .. } = self;
        dataset.interactions_files = log.settle(&mut dataset.interactions, files, |i| &mut i.line);
        dataset.triples_files = facts.settle(&mut dataset.triples, files, |t| &mut t.line);
    }

    /// Refuses contradictions among the facts: two weights of one fact. When lenient, the last one stays.
    pub(super) fn settle_weights(&mut self, problems: &mut Problems, context: &Context) -> Result<()> {
        let Dataset { triples, triple_weights, .. } = &mut self.dataset;
        for line in contradictions(triples, triple_weights, context)? {
            let message = "another weight of the same fact; when lenient the last one counts";
            let (path, line) = self.facts.place(line, &self.files);
            problems.bad(path, line, Flaw::new("conflict", message))?;
        }
        Ok(())
    }

    /// Refuses contradictions in the log: two ratings of one item by one user at one time. When lenient, the last one
    /// stays. Afterwards the log is sorted by user, item, time and line.
    pub(super) fn settle_log(&mut self, problems: &mut Problems, context: &Context) -> Result<()> {
        let log = &mut self.dataset.interactions;
        sorting::sort_by_key(log, context, |i| (i.user, i.item, i.time, i.line))?;
        let mut bad = Vec::new();
        log.dedup_by(|later, earlier| {
            let same = (later.user, later.item, later.time) == (earlier.user, earlier.item, earlier.time);
            let conflict = same && later.rating != earlier.rating && !later.rating.is_nan();
            if conflict {
                bad.push(later.line);
                *earlier = *later;
            }
            conflict
        });
        for line in bad {
            let message =
                "another rating of the same item by the same user at the same time; when lenient the last one counts";
            let (path, line) = self.log.place(line, &self.files);
            problems.bad(path, line, Flaw::new("conflict", message))?;
        }
        problems.stop_if_strict()
    }

    /// Drops interactions rated below the least rating, and the users and unlisted items that have no others; the
    /// number dropped.
    pub(super) fn drop_low_ratings(&mut self, min_rating: Option<f32>) -> u64 {
        let before = self.dataset.interactions.len();
        if let Some(min_rating) = min_rating {
            self.dataset.interactions.retain(|i| i.rating >= min_rating);
        }
        let dropped = before - self.dataset.interactions.len();
        if dropped > 0 {
            self.drop_idle();
        }
        dropped as u64
    }

    /// Drops interactions before one time, or at another and later, and the users and unlisted items that have no
    /// others; the number dropped.
    pub(super) fn drop_outside(&mut self, since: Option<&str>, until: Option<&str>) -> Result<u64> {
        let since = since.map(|text| self.time_of_option("since", text)).transpose()?;
        let until = until.map(|text| self.time_of_option("until", text)).transpose()?;
        let before = self.dataset.interactions.len();
        let is_inside = |time: i64| since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until);
        self.dataset.interactions.retain(|interaction| is_inside(interaction.time));
        let dropped = before - self.dataset.interactions.len();
        if dropped > 0 {
            self.drop_idle();
        }
        Ok(dropped as u64)
    }

    /// Drops users and unlisted items without interactions.
    pub(super) fn drop_idle(&mut self) {
        self.drop_idle_users();
        self.drop_idle_items();
    }

    fn drop_idle_users(&mut self) {
        let Dataset { users, user_links, interactions, .. } = &mut self.dataset;
        let mut kept = Interner::default();
        let mut kept_links = Vec::new();
        for interaction in interactions {
            let (user, is_new) = kept.intern(users.get(interaction.user));
            if is_new && !user_links.is_empty() {
                kept_links.push(user_links.get(interaction.user as usize).copied().unwrap_or(NONE));
            }
            interaction.user = user;
        }
        (*users, *user_links) = (kept, kept_links);
    }

    fn drop_idle_items(&mut self) {
        let old = std::mem::take(&mut self.dataset.items);
        let titles = std::mem::take(&mut self.dataset.item_titles);
        let links = std::mem::take(&mut self.dataset.links);
        let listed = std::mem::take(&mut self.listed);
        let keep = |dataset: &mut Dataset, raw: u32| {
            let number = dataset.item(old.get(raw));
            set(&mut dataset.item_titles, number, titles.get(raw as usize).copied().unwrap_or(NONE));
            // An item that nothing lists may be one with the entity of its id.
            set(&mut dataset.links, number, links.get(raw as usize).copied().unwrap_or(NONE));
            number
        };
        for (raw, &line) in (0..).zip(&listed).filter(|(_, line)| **line > 0) {
            keep(&mut self.dataset, raw);
            self.listed.push(line);
        }
        let mut log = std::mem::take(&mut self.dataset.interactions);
        for interaction in &mut log {
            interaction.item = keep(&mut self.dataset, interaction.item);
        }
        self.dataset.interactions = log;
    }

    /// Drops interactions of users and items that have too few, again and again until none is dropped; the number
    /// dropped. The log is sorted by user and item, and of a pair that stands there several times one counts.
    pub(super) fn drop_rare(&mut self, min: MinInteractions, context: &Context) -> Result<u64> {
        let before = self.dataset.interactions.len();
        while min != MinInteractions::default() {
            context.check()?;
            let Dataset { users, items, interactions, .. } = &mut self.dataset;
            let (mut of_user, mut of_item) = (vec![0u32; users.len()], vec![0u32; items.len()]);
            for pair in interactions.chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)) {
                let Some(first) = pair.first() else { continue };
                let counts = [of_user.get_mut(first.user as usize), of_item.get_mut(first.item as usize)];
                counts.into_iter().flatten().for_each(|count| *count += 1);
            }
            let enough =
                |counts: &[u32], number: u32, min| counts.get(number as usize).is_some_and(|&count| count >= min);
            let num = interactions.len();
            interactions.retain(|i| enough(&of_user, i.user, min.user) && enough(&of_item, i.item, min.item));
            if interactions.len() == num {
                break;
            }
        }
        let dropped = before - self.dataset.interactions.len();
        if dropped > 0 {
            self.drop_idle();
        }
        Ok(dropped as u64)
    }

    /// Drops relations that no triple uses; their names.
    pub(super) fn drop_unused_relations(&mut self) -> Vec<String> {
        let uses = std::mem::take(&mut self.relation_uses);
        let mut unused = Vec::new();
        let mut kept = Vec::new();
        let mut renumbered = Vec::new();
        for (relation, &uses) in std::mem::take(&mut self.dataset.relations).into_iter().zip(&uses) {
            renumbered.push(u32::try_from(kept.len()).unwrap_or(NONE));
            match uses {
                // Without a name it was found to be another one.
                0 if relation.name.is_empty() => {}
                0 => unused.push(relation.name),
                _ => kept.push(relation),
            }
        }
        let is_renumbered = kept.len() < renumbered.len();
        self.dataset.relations = kept;
        let held_out = self.dataset.held_out_facts.iter_mut().map(|(_, triple)| triple);
        for triple in self.dataset.triples.iter_mut().chain(held_out).filter(|_| is_renumbered) {
            triple.relation = renumbered.get(triple.relation as usize).copied().unwrap_or(NONE);
        }
        unused
    }
}

/// The lines of facts that contradict an earlier weight of the same fact, which is replaced by theirs.
fn contradictions(triples: &[RawTriple], weights: &mut [f32], context: &Context) -> Result<Vec<u32>> {
    let mut lines = Vec::new();
    if weights.is_empty() {
        return Ok(lines);
    }
    let fact = |number: u32| triples.get(number as usize).map(|t| (t.head, t.relation, t.tail));
    let line = |number: u32| triples.get(number as usize).map_or(0, |t| t.line);
    let mut order: Vec<u32> = (0..).take(triples.len()).collect();
    sorting::sort_by_key(&mut order, context, |&number| (fact(number), line(number), number))?;
    for same in order.chunk_by(|&a, &b| fact(a) == fact(b)) {
        let [first, later @ ..] = same else { continue };
        for &number in later {
            let weight = weights.get(number as usize).copied();
            if let (Some(kept), Some(weight)) = (weights.get_mut(*first as usize), weight)
                && *kept != weight
            {
                *kept = weight;
                lines.push(line(number));
            }
        }
    }
    Ok(lines)
}
