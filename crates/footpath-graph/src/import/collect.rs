//! Gathers what the readers find into a [`Dataset`], with the rules that hold for every format.

use super::Options;
use super::fields::{self, TimeUnits};
use super::folder::file_name;
use super::problems::{Checked, Flaw, Problems};
use super::reader::{Field, Record};
use crate::dataset::{Dataset, MAX_RELATIONS, NONE, RawInteraction, RawRelation, RawTriple};
use crate::error::{Result, show};
use crate::heldout::Split;
use crate::interner::Interner;
use crate::kg::INTERACTED;
use rayon::slice::ParallelSliceMut;
use std::path::{Path, PathBuf};

/// Most entity types.
pub const MAX_TYPES: usize = 4096;
/// Type of entities whose type is not given.
pub(super) const UNTYPED: &str = "entity";
/// Types that are the graph's own.
pub(super) const RESERVED_TYPES: [&str; 2] = ["user", "item"];

/// A data set while it is read.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) dataset: Dataset,
    /// Whether entities must be listed before a triple or a link names them.
    pub(super) entities_listed: bool,
    /// Whether the log has a column for its parts.
    pub(super) has_split: bool,
    /// The log, for messages about it.
    pub(super) log_path: PathBuf,
    /// The facts, for messages about them.
    facts_path: PathBuf,
    max_nodes: u64,
    /// Interactions rated lower are dropped in the end.
    min_rating: Option<f32>,
    /// Names of `dataset.relations`, with the same numbers, and how many triples use each.
    relation_names: Interner,
    relation_uses: Vec<u64>,
    /// Of each item, whether a file other than the log lists it.
    listed: Vec<bool>,
    /// Item linked to each entity.
    owners: Vec<u32>,
    repeated_rows: u64,
    /// Numbers of the two names of each record read ahead, or [`NONE`].
    ahead: Vec<[u32; 2]>,
    units: TimeUnits,
    odd: Odd,
}

/// Oddities of the file being read.
#[derive(Debug, Default)]
struct Odd {
    blanks: Option<(u32, u64)>,
    fractions: Option<(u32, u64)>,
}

fn count(odd: &mut Option<(u32, u64)>, line: u32) {
    odd.get_or_insert((line, 0)).1 += 1;
}

impl Collector {
    pub(super) fn new(options: &Options) -> Self {
        let Options { max_nodes, min_rating, rating_weights, .. } = *options;
        let dataset = Dataset { rating_weights, ..Dataset::default() };
        Self { dataset, max_nodes, min_rating, ..Self::default() }
    }

    /// A name in a field; blanks around it are kept and counted.
    pub(super) fn name<'r>(&mut self, record: Record<'r>, column: usize) -> Checked<&'r str> {
        let name = fields::name(record.field(column))?;
        if fields::has_blanks(name) {
            count(&mut self.odd.blanks, record.line());
        }
        Ok(name)
    }

    /// Passes on the oddities of a file that was read.
    pub(super) fn end_of_file(&mut self, path: &Path, problems: &mut Problems) {
        self.ahead.clear();
        let odd = std::mem::take(&mut self.odd);
        if let Some((line, count)) = odd.blanks {
            problems.warn(
                "blanks",
                path,
                line.into(),
                count,
                "names that start or end with a blank; the blank is kept",
            );
        }
        if let Some((line, count)) = odd.fractions {
            problems.warn("time_fraction", path, line.into(), count, "times with a fraction; rounded down");
        }
        if let Some((line, message)) = std::mem::take(&mut self.units).mixed() {
            problems.warn("time_units", path, line.into(), 1, &message);
        }
        let repeated = std::mem::take(&mut self.repeated_rows);
        if repeated > 0 {
            problems.warn("repeated_rows", path, 0, repeated, "rows that say what was said before");
        }
    }

    fn check_room(&self) -> Checked<()> {
        let d = &self.dataset;
        let nodes = (d.users.len() + d.items.len() + d.entities.len()) as u64;
        let max = self.max_nodes;
        if nodes <= max { Ok(()) } else { Err(Flaw::fatal("limit", format!("more than {max} nodes"))) }
    }

    fn user(&mut self, id: &str) -> Checked<u32> {
        let (number, new) = self.dataset.users.intern(id);
        if new { self.check_room().map(|()| number) } else { Ok(number) }
    }

    fn item(&mut self, id: &str) -> Checked<u32> {
        let known = self.dataset.items.len();
        let number = self.dataset.item(id);
        if self.dataset.items.len() > known { self.check_room().map(|()| number) } else { Ok(number) }
    }

    fn entity(&mut self, id: &str) -> Checked<u32> {
        let known = self.dataset.entities.len();
        let number = self.dataset.entity(id, UNTYPED);
        if self.dataset.entities.len() > known { self.check_room().map(|()| number) } else { Ok(number) }
    }

    fn label(&mut self, field: Field<'_>) -> u32 {
        match fields::label(field).trim() {
            "" => NONE,
            label => self.dataset.labels.intern(label).0,
        }
    }

    /// An entity with its type and label.
    pub(super) fn list_entity(&mut self, id: &str, kind: Field<'_>, label: Option<Field<'_>>) -> Checked<()> {
        let kind_name = fields::name(kind)?;
        if RESERVED_TYPES.contains(&kind_name) {
            let message = format!("`{kind_name}` is the graph's own node type; call the entity type something else");
            return Err(kind.flaw("reserved_type", message));
        }
        if self.dataset.entities.find(id).is_some() {
            return Err(Flaw::new("duplicate_id", format!("entity `{}` stands twice", show(id.as_bytes()))).at(0));
        }
        if self.dataset.types.len() == MAX_TYPES && self.dataset.types.find(kind_name).is_none() {
            return Err(Flaw::fatal("limit", format!("more than {MAX_TYPES} entity types")).at(kind.number));
        }
        let label = label.map_or(NONE, |label| self.label(label));
        let number = self.dataset.entity(id, kind_name);
        set(&mut self.dataset.entity_labels, number, label);
        self.check_room()
    }

    /// A relation with its readings, or a name met for the first time.
    pub(super) fn add_relation(&mut self, relation: RawRelation, number: usize) -> Checked<u32> {
        let shown = show(relation.name.as_bytes());
        let refuse = |why: String| Err(Flaw::new("relation_collision", why).at(number));
        if relation.name == INTERACTED {
            return refuse(format!("`{INTERACTED}` is the name of the interaction relation; rename the relation"));
        }
        if relation.name.starts_with('~') {
            return refuse(format!("`{shown}` starts with `~`, which marks inverse relations; rename the relation"));
        }
        if self.relation_names.find(&relation.name).is_some() {
            return refuse(format!("two relations are called `{shown}`"));
        }
        if self.relation_names.len() == MAX_RELATIONS {
            return Err(Flaw::fatal("limit", format!("more than {MAX_RELATIONS} relations")).at(number));
        }
        let raw = self.relation_names.intern(&relation.name).0;
        self.dataset.relations.push(relation);
        self.relation_uses.push(0);
        Ok(raw)
    }

    /// The relation of this name, added when it is new.
    pub(super) fn relation(&mut self, name: &str, number: usize) -> Checked<u32> {
        match self.relation_names.find(name) {
            Some(raw) => Ok(raw),
            None => {
                let relation = RawRelation { name: name.to_owned(), forward: String::new(), inverse: String::new() };
                self.add_relation(relation, number)
            }
        }
    }

    /// Looks up the ends of all facts of some records at once. Nothing to do for an empty list.
    pub(super) fn look_up_ends(&mut self, records: &[Record<'_>], columns: &FactColumns) {
        let entities = &self.dataset.entities;
        look_up(&mut self.ahead, records, [columns.head, columns.tail], [entities, entities]);
    }

    /// Looks up users and items of some records of the log, as [`Collector::look_up_ends`].
    pub(super) fn look_up_pairs(&mut self, records: &[Record<'_>], columns: &LogColumns) {
        let Dataset { users, items, .. } = &self.dataset;
        look_up(&mut self.ahead, records, [columns.user, columns.item], [users, items]);
    }

    /// What was found ahead for the first or the second name of a record.
    fn known(&self, record: Record<'_>, which: usize) -> Option<u32> {
        let known = self.ahead.get(record.number()).and_then(|pair| pair.get(which));
        known.copied().filter(|&number| number != NONE)
    }

    fn end_of_triple(&mut self, record: Record<'_>, column: usize, which: usize) -> Checked<u32> {
        let id = self.name(record, column)?;
        if let Some(number) = self.known(record, which) {
            return Ok(number);
        }
        if !self.entities_listed {
            return self.entity(id);
        }
        let found = self.dataset.entities.find(id);
        found.ok_or_else(|| {
            let message = format!("entity `{}` is not in the entities file", show(id.as_bytes()));
            Flaw::new("dangling_entity", message).at(column)
        })
    }

    /// A fact.
    pub(super) fn triple(&mut self, record: Record<'_>, columns: &FactColumns, relation: u32) -> Checked<()> {
        // All else is looked at before a name is added, so that a refused fact leaves no entity behind.
        let weight = columns.weight.map(|column| fields::weight(record.field(column))).transpose()?;
        fields::name(record.field(columns.tail))?;
        let head = self.end_of_triple(record, columns.head, 0)?;
        let tail = self.end_of_triple(record, columns.tail, 1)?;
        if let Some(uses) = self.relation_uses.get_mut(relation as usize) {
            *uses += 1;
        }
        self.dataset.triples.push(RawTriple { head, relation, tail, line: record.line() });
        self.dataset.triple_weights.extend(weight);
        Ok(())
    }

    /// An item that is listed outside the log, with its title.
    pub(super) fn list_item(&mut self, id: &str, title: Option<Field<'_>>) -> Checked<u32> {
        let item = self.item(id)?;
        self.listed.resize(self.dataset.items.len().max(self.listed.len()), false);
        set(&mut self.listed, item, true);
        let title = title.map_or(NONE, |title| self.label(title));
        if title != NONE {
            set(&mut self.dataset.item_titles, item, title);
        }
        Ok(item)
    }

    /// Makes a listed item and an entity one node.
    pub(super) fn link(&mut self, item: u32, entity: Field<'_>) -> Checked<()> {
        let id = fields::name(entity)?;
        let Some(number) = self.dataset.entities.find(id) else {
            let message =
                format!("entity `{}` is not in the knowledge graph; the item stays unlinked", show(id.as_bytes()));
            return Err(entity.flaw("dangling_link", message));
        };
        let linked = self.dataset.links.get(item as usize).copied().unwrap_or(NONE);
        self.owners.resize(self.dataset.entities.len(), NONE);
        let owner = self.owners.get(number as usize).copied().unwrap_or(NONE);
        match (linked, owner) {
            (NONE, NONE) => {
                set(&mut self.dataset.links, item, number);
                set(&mut self.owners, number, item);
                Ok(())
            }
            (linked, _) if linked == number => {
                self.repeated_rows += 1;
                Ok(())
            }
            (NONE, owner) => {
                let other = show(self.dataset.items.get(owner).as_bytes());
                let message = format!("entity `{}` is linked to item `{other}` already", show(id.as_bytes()));
                Err(entity.flaw("link_conflict", message))
            }
            _ => {
                let item_name = show(self.dataset.items.get(item).as_bytes());
                let other = show(self.dataset.entities.get(linked).as_bytes());
                Err(entity.flaw("link_conflict", format!("item `{item_name}` is linked to entity `{other}` already")))
            }
        }
    }

    /// To be called before the first entry of the log.
    pub(super) fn start_log(&mut self, path: &Path, columns: &LogColumns) {
        self.log_path = path.to_owned();
        self.has_split = columns.split.is_some();
        self.dataset.has_ratings = columns.rating.is_some();
        self.dataset.has_times = columns.time.is_some();
        self.dataset.interactions_file = file_name(path);
    }

    /// An entry of the log.
    pub(super) fn interaction(&mut self, record: Record<'_>, columns: &LogColumns) -> Checked<()> {
        let line = record.line();
        let rating = columns.rating.map_or(Ok(f32::NAN), |c| fields::rating(record.field(c)))?;
        if let Some(column) = columns.rating.filter(|_| self.is_weight(rating)) {
            fields::weight(record.field(column))?;
        }
        let (time, fraction) = columns.time.map_or(Ok((0, false)), |c| fields::time(record.field(c)))?;
        let split = columns.split.map_or(Ok(Split::Train), |c| fields::split(record.field(c)))?;
        let (user, item) = (self.name(record, columns.user)?, self.name(record, columns.item)?);
        let user = self.known(record, 0).map_or_else(|| self.user(user), Ok)?;
        let item = self.known(record, 1).map_or_else(|| self.item(item), Ok)?;
        if fraction {
            count(&mut self.odd.fractions, line);
        }
        if columns.time.is_some() {
            self.units.add(time, line);
        }
        self.dataset.interactions.push(RawInteraction { user, item, rating, time, line, split });
        Ok(())
    }

    /// Whether a rating will be a weight: it is not if its interaction is dropped.
    fn is_weight(&self, rating: f32) -> bool {
        self.dataset.rating_weights && self.min_rating.is_none_or(|min| rating >= min)
    }

    /// To be called before the first fact.
    pub(super) fn start_facts(&mut self, path: &Path) {
        self.facts_path = path.to_owned();
        self.dataset.triples_file = file_name(path);
    }

    /// Refuses contradictions among the facts: two weights of one fact. When lenient, the last one stays.
    pub(super) fn settle_weights(&mut self, problems: &mut Problems) -> Result<()> {
        let Dataset { triples, triple_weights, .. } = &mut self.dataset;
        for line in contradictions(triples, triple_weights) {
            let message = "another weight of the same fact; when lenient the last one counts";
            problems.bad(&self.facts_path, line.into(), Flaw::new("conflict", message))?;
        }
        Ok(())
    }

    /// Refuses contradictions in the log: two ratings of one item by one user at one time. When lenient, the last one stays.
    /// Afterwards the log is sorted by user, item, time and line.
    pub(super) fn settle_log(&mut self, problems: &mut Problems) -> Result<()> {
        let log = &mut self.dataset.interactions;
        log.par_sort_unstable_by_key(|i| (i.user, i.item, i.time, i.line));
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
            problems.bad(&self.log_path, line.into(), Flaw::new("conflict", message))?;
        }
        problems.stop_if_strict()
    }

    /// Drops interactions rated below the least rating, and the users and unlisted items that have no others; the number dropped.
    pub(super) fn drop_low_ratings(&mut self) -> u64 {
        let before = self.dataset.interactions.len();
        if let Some(min_rating) = self.min_rating {
            self.dataset.interactions.retain(|i| i.rating >= min_rating);
        }
        let dropped = before - self.dataset.interactions.len();
        if dropped > 0 {
            self.drop_idle_users();
            self.drop_idle_items();
        }
        dropped as u64
    }

    fn drop_idle_users(&mut self) {
        let Dataset { users, interactions, .. } = &mut self.dataset;
        let mut kept = Interner::default();
        for interaction in interactions {
            interaction.user = kept.intern(users.get(interaction.user)).0;
        }
        *users = kept;
    }

    fn drop_idle_items(&mut self) {
        let old = std::mem::take(&mut self.dataset.items);
        let titles = std::mem::take(&mut self.dataset.item_titles);
        let links = std::mem::take(&mut self.dataset.links);
        let listed = std::mem::take(&mut self.listed);
        for (raw, _) in (0..).zip(&listed).filter(|(_, listed)| **listed) {
            let item = self.dataset.item(old.get(raw));
            set(&mut self.dataset.item_titles, item, titles.get(raw as usize).copied().unwrap_or(NONE));
            set(&mut self.dataset.links, item, links.get(raw as usize).copied().unwrap_or(NONE));
        }
        let mut log = std::mem::take(&mut self.dataset.interactions);
        for interaction in &mut log {
            interaction.item = self.dataset.item(old.get(interaction.item));
        }
        self.dataset.interactions = log;
    }

    /// Drops relations that no triple uses; their names.
    pub(super) fn drop_unused_relations(&mut self) -> Vec<String> {
        let uses = std::mem::take(&mut self.relation_uses);
        let mut unused = Vec::new();
        let mut kept = Vec::new();
        let mut renumbered = Vec::new();
        for (relation, &uses) in std::mem::take(&mut self.dataset.relations).into_iter().zip(&uses) {
            renumbered.push(u32::try_from(kept.len()).unwrap_or(NONE));
            if uses > 0 { kept.push(relation) } else { unused.push(relation.name) }
        }
        self.dataset.relations = kept;
        for triple in self.dataset.triples.iter_mut().filter(|_| !unused.is_empty()) {
            triple.relation = renumbered.get(triple.relation as usize).copied().unwrap_or(NONE);
        }
        unused
    }
}

/// The lines of facts that contradict an earlier weight of the same fact, which is replaced by theirs.
fn contradictions(triples: &[RawTriple], weights: &mut [f32]) -> Vec<u32> {
    let mut lines = Vec::new();
    if weights.is_empty() {
        return lines;
    }
    let fact = |number: u32| triples.get(number as usize).map(|t| (t.head, t.relation, t.tail));
    let line = |number: u32| triples.get(number as usize).map_or(0, |t| t.line);
    let mut order: Vec<u32> = (0..).take(triples.len()).collect();
    order.par_sort_unstable_by_key(|&number| (fact(number), line(number), number));
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
    lines
}

/// Where the facts keep what.
#[derive(Clone, Copy, Debug)]
pub(super) struct FactColumns {
    pub(super) head: usize,
    pub(super) tail: usize,
    pub(super) weight: Option<usize>,
}

/// Where the log keeps what.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogColumns {
    pub(super) user: usize,
    pub(super) item: usize,
    pub(super) rating: Option<usize>,
    pub(super) time: Option<usize>,
    pub(super) split: Option<usize>,
}

fn look_up(ahead: &mut Vec<[u32; 2]>, records: &[Record<'_>], columns: [usize; 2], sets: [&Interner; 2]) {
    if records.is_empty() {
        return;
    }
    let ([first, second], [of_first, of_second]) = (columns, sets);
    let find = |column: usize, set: &Interner| set.find_all(records.iter().map(|record| record.field(column).text));
    let (first, second) = (find(first, of_first), find(second, of_second));
    ahead.clear();
    ahead.extend(first.into_iter().zip(second).map(|(first, second)| [first, second]));
}

/// Sets one of several values kept side by side.
fn set<T>(values: &mut [T], number: u32, value: T) {
    if let Some(slot) = values.get_mut(number as usize) {
        *slot = value;
    }
}
