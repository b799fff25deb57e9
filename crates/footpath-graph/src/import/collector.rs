//! Gathers records into a [`Dataset`], with the rules that hold for every source of them.

use super::field::Field;
use super::gathered::{At, Choice, Dangling, FromBase, LogFields, Odd, Places, Removed, UserLinks, set};
use super::missing;
use super::options::Options;
use super::origins::{Files, Origins};
use super::problems::{Checked, Flaw, Problems};
use super::record::Record;
use super::records::FileNumber;
use super::spelling::Spelling;
use super::times::{self, TimeForm};
use super::values::{self, Name, TimeUnits};
use crate::dataset::{Dataset, MAX_RELATIONS, NONE, RawInteraction, RawRelation, RawTriple};
use crate::error::{Error, Result, show};
use crate::heldout::Split;
use crate::interner::Interner;
use crate::kg::INTERACTED;
use crate::split::SplitSpec;
use std::borrow::Cow;
use std::path::Path;

/// Most entity types.
pub const MAX_TYPES: usize = 4096;
/// Type of entities whose type is not given.
pub(super) const UNTYPED: &str = "entity";
/// Types that are the graph's own.
pub(super) const RESERVED_TYPES: [&str; 2] = ["user", "item"];

/// A data set while it is gathered. In what it refuses, columns are those of the fields that it was given, from 0.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) dataset: Dataset,
    pub(super) files: Files,
    /// Where the interactions and the facts came from.
    pub(super) log: Origins,
    pub(super) facts: Origins,
    /// Which of the facts are held out, until they are moved.
    pub(super) held_out_facts: Places,
    /// Whether parts that the data names count, or all is train.
    pub(super) holds_out: bool,
    /// Whether entities must be listed before a triple or a link names them, and relations before a triple does.
    pub(super) entities_listed: bool,
    /// Whether facts have weights, once there is any.
    pub(super) weighed: Option<bool>,
    /// Which of its optional fields the log has, once it has any record.
    pub(super) log_fields: Option<LogFields>,
    /// Names of `dataset.relations`, with the same numbers, and how many triples use each.
    pub(super) relation_names: Interner,
    pub(super) relation_uses: Vec<u64>,
    /// Of each item, the line in which something other than the log lists it; 0 where nothing does.
    pub(super) listed: Vec<u32>,
    /// The first file that lists items.
    pub(super) listing: Option<FileNumber>,
    /// Links to entities that are not there.
    pub(super) dangling: Dangling,
    /// Items whose entity is another item's already, and the entity.
    pub(super) twins: Vec<(u32, u32)>,
    /// What it had from the graph that it adds to, if there is one.
    pub(super) base: FromBase,
    /// Items of the base graph and the entities that they wait for.
    pub(super) awaited: Vec<(String, String)>,
    /// What is taken back.
    pub(super) removed: Removed,
    /// What is said of users outside the log.
    pub(super) user_links: UserLinks,
    /// Entities listed with a type that is the graph's own, with where that is said.
    pub(super) reserved_types: Vec<(u32, At, String)>,
    /// Whether the ratings are a column of labels, where 0 is no choice.
    pub(super) has_label: bool,
    /// Whether the layout gives items and entities the same ids.
    pub(super) joins_by_id: bool,
    /// Records left out for an id that means none.
    pub(super) num_skipped_missing: u64,
    /// Times whose digits were left out by whoever wrote them; line of the first, and number.
    pub(super) rounded_times: Option<(At, u64)>,
    same_ids: Vec<Spelling>,
    skip_missing: bool,
    /// Digits after the point of the times so far, and how they are written.
    pub(super) time_scale: u32,
    time_form: Option<TimeForm>,
    max_nodes: u64,
    /// Interactions rated lower are dropped in the end.
    min_rating: Option<f32>,
    /// Item linked to each entity.
    pub(super) owners: Vec<u32>,
    /// Numbers of the two names of each record looked up ahead, or [`NONE`].
    ahead: Vec<[u32; 2]>,
    units: TimeUnits,
    /// The file that records come from now.
    file: Option<FileNumber>,
    pub(super) odd: Odd,
    oddities: Vec<Oddity>,
}

/// An oddity for the report.
#[derive(Debug)]
struct Oddity {
    kind: &'static str,
    file: FileNumber,
    line: u32,
    count: u64,
    message: String,
}

fn count(odd: &mut Option<(u32, u64)>, line: u32) {
    odd.get_or_insert((line, 0)).1 += 1;
}

impl Collector {
    pub(super) fn new(options: &Options) -> Self {
        let Options { max_nodes, min_rating, rating_weights, skip_missing, .. } = *options;
        let dataset = Dataset { rating_weights, ..Dataset::default() };
        let same_ids = options.same_ids.clone();
        let holds_out = options.split != SplitSpec::None;
        Self { dataset, holds_out, max_nodes, min_rating, same_ids, skip_missing, ..Self::default() }
    }

    /// From here on records come from this file.
    pub(super) fn begin(&mut self, file: FileNumber) {
        if self.file != Some(file) {
            self.end_of_file();
            self.file = Some(file);
        }
    }

    /// From here on records come from the file at this path.
    pub(super) fn begin_file(&mut self, path: &Path) -> Result<FileNumber> {
        let file = self.files.add(path)?;
        self.begin(file);
        Ok(file)
    }

    fn end_of_file(&mut self) {
        self.ahead.clear();
        let Some(file) = self.file else { return };
        let odd = std::mem::take(&mut self.odd);
        let mut add = |kind, seen: Option<(u32, u64)>, message: &str| {
            let of = |(line, count)| Oddity { kind, file, line, count, message: message.to_owned() };
            self.oddities.extend(seen.map(of));
        };
        add("blanks", odd.blanks, "names that start or end with a blank; the blank is kept");
        let repeated = (odd.repeated_rows > 0).then_some((0, odd.repeated_rows));
        add("repeated_rows", repeated, "rows that say what was said before");
    }

    /// Passes on the oddities of all that was read.
    pub(super) fn pass_on_oddities(&mut self, problems: &mut Problems) {
        self.end_of_file();
        if let Some((file, line, message)) = std::mem::take(&mut self.units).mixed() {
            self.oddities.push(Oddity { kind: "time_units", file, line, count: 1, message });
        }
        for Oddity { kind, file, line, count, message } in std::mem::take(&mut self.oddities) {
            // A record from memory has a number, but no line that anybody could look up.
            let line = if file == Files::MEMORY { 0 } else { line };
            problems.warn(kind, self.files.path(file), line.into(), count, &message);
        }
    }

    /// Counts a name with blanks around it; they are kept.
    fn see(&mut self, name: Name<'_>, at: At) {
        if values::has_blanks(name.text()) {
            count(&mut self.odd.blanks, at.line);
        }
    }

    /// The rating in a field.
    pub(super) fn rating(&self, field: Field<'_>) -> Checked<f32> {
        let rating = values::rating(field)?;
        if self.is_weight(rating) { values::weight(field).map(|_| rating) } else { Ok(rating) }
    }

    /// The time in a field of a record, in parts of a unit as small as those of any time so far.
    pub(super) fn time(&mut self, field: Field<'_>, at: At) -> Checked<i64> {
        let time = times::parse(field.text).map_err(|why| field.flaw("time", why))?;
        if *self.time_form.get_or_insert(time.form) != time.form {
            return Err(field.flaw("time", "dates and numbers in one log; write all the same way"));
        }
        if time.rounded {
            self.rounded_times.get_or_insert((at, 0)).1 += 1;
        }
        if time.form == TimeForm::Number {
            self.see_time(time.units(), at);
        }
        let too_fine = || field.flaw("time", "times of this log do not fit 64 bits without being rounded");
        if time.scale > self.time_scale {
            self.refine_times(time.scale).ok_or_else(too_fine)?;
        }
        time.at_scale(self.time_scale).ok_or_else(too_fine)
    }

    /// A time that an option gives, in the parts of a unit that the times of the log count.
    pub(super) fn time_of_option(&mut self, option: &'static str, text: &str) -> Result<i64> {
        let usage = |reason: String| Error::Usage { option, reason };
        let time = times::parse(text).map_err(|why| usage(format!("`{}`: {why}", show(text.as_bytes()))))?;
        if self.time_form.is_some_and(|form| form != time.form) {
            let written = if time.form == TimeForm::Number { "dates" } else { "numbers" };
            return Err(usage(format!("the times of the log are {written}; give one written like them")));
        }
        let too_fine = || usage("written more finely than the times of the log can be counted".to_owned());
        if time.scale > self.time_scale {
            self.refine_times(time.scale).ok_or_else(too_fine)?;
        }
        time.at_scale(self.time_scale).ok_or_else(too_fine)
    }

    /// Notes the unit that a time seems to have.
    pub(super) fn see_time(&mut self, units: i64, at: At) {
        self.units.add(units, at.file, at.line);
    }

    /// Makes the parts of a unit that times count so small; `None` where a time would not fit any more, and then
    /// nothing is changed.
    fn refine_times(&mut self, scale: u32) -> Option<()> {
        let factor = 10i64.checked_pow(scale - self.time_scale)?;
        let log = &mut self.dataset.interactions;
        log.iter().all(|i| i.time.checked_mul(factor).is_some()).then_some(())?;
        log.iter_mut().for_each(|i| i.time = i.time.saturating_mul(factor));
        self.time_scale = scale;
        Some(())
    }

    /// An id as it counts.
    pub(super) fn spelled<'n>(&self, name: Name<'n>) -> Cow<'n, str> {
        self.spelled_id(name.text())
    }

    /// The same of an id that was checked.
    pub(super) fn spelled_id<'n>(&self, id: &'n str) -> Cow<'n, str> {
        let seen_through = |id: Cow<'n, str>, spelling: &Spelling| match id {
            Cow::Borrowed(id) => spelling.plain(id),
            Cow::Owned(id) => Cow::Owned(spelling.plain(&id).into_owned()),
        };
        self.same_ids.iter().fold(Cow::Borrowed(id), seen_through)
    }

    /// Whether a record with one of these ids is left out.
    fn leaves_out(&mut self, ids: &[&str]) -> bool {
        let left_out = self.skip_missing && ids.iter().any(|id| missing::means_none(id));
        self.num_skipped_missing += u64::from(left_out);
        left_out
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

    /// The number of an entity, added when it is new.
    pub(super) fn entity(&mut self, id: &str) -> Checked<u32> {
        let known = self.dataset.entities.len();
        let number = self.dataset.entity(id, UNTYPED);
        if self.dataset.entities.len() > known { self.check_room().map(|()| number) } else { Ok(number) }
    }

    pub(super) fn label(&mut self, field: Field<'_>) -> u32 {
        match values::label(field).trim() {
            "" => NONE,
            label => self.dataset.labels.intern(label).0,
        }
    }

    /// An entity with its type and label. Fields: id, type, label.
    pub(super) fn list_entity(
        &mut self,
        at: At,
        id: Name<'_>,
        kind: Name<'_>,
        label: Option<Field<'_>>,
    ) -> Checked<()> {
        self.see(id, at);
        let (id, kind) = (&*self.spelled(id), kind.text());
        if self.leaves_out(&[id]) {
            return Ok(());
        }
        // Whether an item is meant shows when all links are there.
        let reserved = RESERVED_TYPES.contains(&kind).then(|| kind.to_owned());
        let kind = if reserved.is_some() { UNTYPED } else { kind };
        if let Some(known) = self.dataset.entities.find(id) {
            if self.base.is_there && known < self.base.num_entities {
                return self.list_again(known, kind, label);
            }
            return Err(Flaw::new("duplicate_id", format!("entity `{}` stands twice", show(id.as_bytes()))).at(0));
        }
        if self.dataset.types.len() == MAX_TYPES && self.dataset.types.find(kind).is_none() {
            return Err(Flaw::fatal("limit", format!("more than {MAX_TYPES} entity types")).at(1));
        }
        let label = label.map_or(NONE, |label| self.label(label));
        let number = self.dataset.entity(id, kind);
        set(&mut self.dataset.entity_labels, number, label);
        self.reserved_types.extend(reserved.map(|kind| (number, at, kind)));
        self.check_room()
    }

    /// A relation with its readings. Fields: name.
    pub(super) fn list_relation(&mut self, at: At, name: Name<'_>, forward: String, inverse: String) -> Checked<u32> {
        self.see(name, at);
        self.add_relation(RawRelation { name: name.text().to_owned(), forward, inverse })
    }

    fn add_relation(&mut self, relation: RawRelation) -> Checked<u32> {
        let shown = show(relation.name.as_bytes());
        let refuse = |why: String| Err(Flaw::new("relation_collision", why).at(0));
        if relation.name == INTERACTED {
            return refuse(format!("`{INTERACTED}` is the name of the interaction relation; rename the relation"));
        }
        if relation.name.starts_with('~') {
            return refuse(format!("`{shown}` starts with `~`, which marks inverse relations; rename the relation"));
        }
        if let Some(known) = self.relation_names.find(&relation.name) {
            if known < self.base.num_relations {
                return self.read_again(known, relation);
            }
            return refuse(format!("two relations are called `{shown}`"));
        }
        if self.relation_names.len() == MAX_RELATIONS {
            return Err(Flaw::fatal("limit", format!("more than {MAX_RELATIONS} relations")).at(0));
        }
        let raw = self.relation_names.intern(&relation.name).0;
        self.dataset.relations.push(relation);
        self.relation_uses.push(0);
        Ok(raw)
    }

    /// The relation of this name, added when it is new. Fields: name.
    pub(super) fn relation(&mut self, at: At, name: Name<'_>) -> Checked<u32> {
        self.see(name, at);
        match self.relation_names.find(name.text()) {
            Some(raw) => Ok(raw),
            None => {
                let (name, forward, inverse) = (name.text().to_owned(), String::new(), String::new());
                self.add_relation(RawRelation { name, forward, inverse })
            }
        }
    }

    /// Looks up the ends of many facts at once, which is faster than one after the other.
    pub(super) fn look_up_ends(&mut self, records: &[Record<'_>], columns: [usize; 2]) {
        let entities = &self.dataset.entities;
        look_up(&mut self.ahead, records, columns, [entities, entities]);
    }

    /// Looks up users and items of many interactions at once.
    pub(super) fn look_up_pairs(&mut self, records: &[Record<'_>], columns: [usize; 2]) {
        let Dataset { users, items, .. } = &self.dataset;
        look_up(&mut self.ahead, records, columns, [users, items]);
    }

    /// What was found ahead for the first or the second name of a record.
    fn known(&self, at: At, which: usize) -> Option<u32> {
        let known = self.ahead.get(at.ahead?).and_then(|pair| pair.get(which));
        known.copied().filter(|&number| number != NONE)
    }

    fn end_of_triple(&mut self, at: At, id: Name<'_>, field: usize, which: usize) -> Checked<u32> {
        self.see(id, at);
        if let Some(number) = self.known(at, which) {
            return Ok(number);
        }
        let id = &*self.spelled(id);
        if !self.entities_listed {
            return self.entity(id);
        }
        let found = self.dataset.entities.find(id);
        found.ok_or_else(|| {
            let message = format!("entity `{}` is not among the listed ones", show(id.as_bytes()));
            Flaw::new("dangling_entity", message).at(field)
        })
    }

    /// A fact. Fields: head, relation, tail.
    pub(super) fn triple(
        &mut self,
        at: At,
        head: Name<'_>,
        relation: u32,
        tail: Name<'_>,
        weight: Option<f32>,
    ) -> Checked<()> {
        if self.leaves_out(&[head.text(), tail.text()]) {
            return Ok(());
        }
        let head = self.end_of_triple(at, head, 0, 0)?;
        let tail = self.end_of_triple(at, tail, 2, 1)?;
        if let Some(uses) = self.relation_uses.get_mut(relation as usize) {
            *uses += 1;
        }
        self.facts.add(self.dataset.triples.len(), at.file, at.line);
        self.dataset.triples.push(RawTriple { head, relation, tail, line: at.line });
        self.dataset.triple_weights.extend(weight);
        Ok(())
    }

    /// Says of the fact that was taken last which part it belongs to.
    pub(super) fn hold_out(&mut self, num_before: usize, split: Split) {
        // A record with an id that means none may have been left out.
        if self.holds_out && split != Split::Train && self.dataset.triples.len() > num_before {
            self.held_out_facts.push((num_before, split));
        }
    }

    /// An item that is listed outside the log, with its title.
    pub(super) fn list_item(&mut self, at: At, id: Name<'_>, title: Option<Field<'_>>) -> Checked<u32> {
        self.see(id, at);
        let item = self.item(&self.spelled(id))?;
        self.listed.resize(self.dataset.items.len().max(self.listed.len()), 0);
        // The first listing counts, and any line is more than none.
        if let Some(line) = self.listed.get_mut(item as usize).filter(|line| **line == 0) {
            *line = at.line.max(1);
        }
        self.listing.get_or_insert(at.file);
        let title = title.map_or(NONE, |title| self.label(title));
        if title != NONE {
            set(&mut self.dataset.item_titles, item, title);
        }
        Ok(item)
    }

    /// Makes a listed item and an entity one node. Fields: item, entity.
    pub(super) fn link(&mut self, at: At, item: u32, entity: Name<'_>) -> Checked<()> {
        let id = &*self.spelled(entity);
        let Some(number) = self.dataset.entities.find(id) else {
            // An entity without a fact says nothing of the item, which stays outside the graph.
            if missing::means_none(id) {
                self.dangling.num_none += 1;
            } else {
                self.dangling.count += 1;
                self.dangling.first.get_or_insert_with(|| (at, id.to_owned()));
                let item = self.dataset.items.get(item).to_owned();
                self.dataset.awaited_links.push((item, id.to_owned()));
            }
            return Ok(());
        };
        let linked = self.dataset.links.get(item as usize).copied().unwrap_or(NONE);
        self.owners.resize(self.dataset.entities.len(), NONE);
        let owner = self.owners.get(number as usize).copied().unwrap_or(NONE);
        if linked == number || self.twins.contains(&(item, number)) {
            self.odd.repeated_rows += 1;
        } else if linked != NONE || self.twins.iter().any(|(twin, _)| *twin == item) {
            let item = show(self.dataset.items.get(item).as_bytes());
            let other = show(self.dataset.entities.get(linked).as_bytes());
            let message = format!("item `{item}` is linked to entity `{other}` already");
            return Err(Flaw::new("link_conflict", message).at(1));
        } else if owner != NONE {
            self.twins.push((item, number));
        } else {
            set(&mut self.dataset.links, item, number);
            set(&mut self.owners, number, item);
        }
        Ok(())
    }

    /// To be called before the facts of a file, or before one that may have a weight or not.
    pub(super) fn set_weighed(&mut self, weighed: bool) -> Checked<()> {
        if *self.weighed.get_or_insert(weighed) == weighed {
            return Ok(());
        }
        Err(Flaw::new("fields", "some facts have a weight and some have none; give all or none a weight"))
    }

    /// To be called before the interactions of a file, or before one that may have other fields than the last.
    pub(super) fn set_log_fields(&mut self, fields: LogFields) -> Checked<()> {
        let before = *self.log_fields.get_or_insert(fields);
        (self.dataset.has_ratings, self.dataset.has_times) = (before.rating, before.time);
        let parts = [
            ("rating", before.rating, fields.rating),
            ("time", before.time, fields.time),
            ("part of the log", before.split, fields.split),
        ];
        // Interactions that are added to a graph need not say that they are train.
        let is_added = |what: &str, now: bool| self.base.is_there && what == "part of the log" && !now;
        match parts.into_iter().find(|(what, before, now)| before != now && !is_added(what, *now)) {
            None => Ok(()),
            Some((what, before, _)) => {
                let (with, without) = if before { ("those before", "these") } else { ("these", "those before") };
                let message =
                    format!("{with} interactions have a {what} and {without} have none; give all the same fields");
                Err(Flaw::new("fields", message))
            }
        }
    }

    /// An interaction. Fields: user, item, rating, time, part.
    pub(super) fn interaction(&mut self, at: At, choice: &Choice<'_>) -> Checked<()> {
        let Choice { user, item, rating, time, split } = *choice;
        self.see(user, at);
        self.see(item, at);
        if self.leaves_out(&[user.text(), item.text()]) {
            return Ok(());
        }
        let user = self.known(at, 0).map_or_else(|| self.user(&self.spelled(user)), Ok)?;
        let item = self.known(at, 1).map_or_else(|| self.item(&self.spelled(item)), Ok)?;
        self.log.add(self.dataset.interactions.len(), at.file, at.line);
        self.dataset.interactions.push(RawInteraction { user, item, rating, time, line: at.line, split });
        Ok(())
    }

    /// Whether a rating will be a weight: it is not if its interaction is dropped.
    pub(super) fn is_weight(&self, rating: f32) -> bool {
        self.dataset.rating_weights && self.min_rating.is_none_or(|min| rating >= min)
    }
}

fn look_up(ahead: &mut Vec<[u32; 2]>, records: &[Record<'_>], columns: [usize; 2], sets: [&Interner; 2]) {
    let ([first, second], [of_first, of_second]) = (columns, sets);
    let find = |column: usize, set: &Interner| set.find_all(records.iter().map(|record| record.field(column).text));
    let (first, second) = (find(first, of_first), find(second, of_second));
    ahead.clear();
    ahead.extend(first.into_iter().zip(second).map(|(first, second)| [first, second]));
}
