//! Import from memory: records in, a graph with its report out.

use super::attributes::Owner;
use super::base::Base;
use super::collector::Collector;
use super::field::Field;
use super::finish;
use super::further;
use super::gathered::{At, Choice, LogFields};
use super::options::{Format, Options};
use super::origins::Files;
use super::problems::{Checked, Flaw, Problems};
use super::record::MAX_FIELD_BYTES;
use super::records::{Attribute, Entity, FileNumber, Interaction, Item, Node, Relation, Source, Triple, User};
use super::report::Imported;
use super::values::{self, Name};
use crate::error::Result;
use crate::heldout::Split;
use crate::kg::EDGE_WEIGHTS;
use footpath_core::Context;
use std::path::Path;

/// Gathers records from anywhere and makes a graph of them, with the checks, filters, splits and the report of every
/// import.
///
/// Records come in this order: entities and relations, if they are listed at all, then triples, then items, then
/// interactions, then users; attributes and further types at any time. Once an entity is listed, triples may name no
/// others; the same holds for relations. What is wrong with a record is noted, as in a file, and told by
/// [`DatasetBuilder::finish`]; a lenient import skips it.
///
/// ```
/// use footpath_core::Context;
/// use footpath_graph::import::{DatasetBuilder, Interaction, Item, Options, Source, Triple};
///
/// let mut data = DatasetBuilder::new(&Options::default())?;
/// let file = data.file("films.json".as_ref())?;
/// let starring = |head| Triple { head, relation: "starring", tail: "Peter Lorre", weight: None };
/// data.triple(Source::at(file, 1), &starring("film-m"))?;
/// data.triple(Source::at(file, 2), &starring("film-casablanca"))?;
/// data.item(Source::default(), &Item { id: "M", entity: Some("film-m"), title: None })?;
/// data.interaction(Source::default(), &Interaction { user: "ann", item: "M", ..Interaction::default() })?;
/// let imported = data.finish(&Context::default())?;
/// assert_eq!(imported.report.graph.num_triples, 2);
/// # Ok::<(), footpath_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct DatasetBuilder {
    pub(super) options: Options,
    pub(super) collector: Collector,
    pub(super) problems: Problems,
    /// The graph that the records are added to.
    base: Option<Base>,
    relations_listed: bool,
    /// Records of each kind so far, which number those that come from nowhere.
    counts: [u32; 8],
}

/// The kinds of records, as places in `counts`.
#[derive(Clone, Copy)]
enum RecordKind {
    Entity,
    Relation,
    Triple,
    Item,
    Interaction,
    User,
    Attribute,
    FurtherTypes,
}

impl DatasetBuilder {
    /// Nothing so far.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for options that make no sense.
    pub fn new(options: &Options) -> Result<Self> {
        options.check()?;
        let options = Options { format: Format::Memory, ..options.clone() };
        let (collector, problems) = (Collector::new(&options), Problems::new(options.lenient));
        Ok(Self { options, collector, problems, base: None, relations_listed: false, counts: [0; 8] })
    }

    /// With all records of the graph at `directory`, to which others are added. What `options` say of the reading holds
    /// of these; what concerns all records is as it was when the graph was made, but for a split that is asked for.
    ///
    /// # Errors
    /// As [`DatasetBuilder::new`]; as [`TrainKg::open`](crate::TrainKg::open); [`crate::Error::Usage`] for a graph that
    /// was written before the ids of its items' entities were kept.
    pub fn onto(directory: &Path, options: &Options, context: &Context) -> Result<Self> {
        let base = Base::open(directory, context)?;
        let mut builder = Self::new(&base.options(options))?;
        builder.collector.take_base(&base, context)?;
        builder.base = Some(base);
        Ok(builder)
    }

    /// How all of it is imported.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// A file for the sources of records; it need not be there.
    ///
    /// # Errors
    /// [`footpath_core::Error::Limit`] above [`MAX_FILES`](super::MAX_FILES).
    pub fn file(&mut self, path: &Path) -> Result<FileNumber> {
        self.collector.files.add(path)
    }

    /// Lists an entity.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn entity(&mut self, source: Source, entity: &Entity<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Entity, source);
        self.collector.entities_listed = true;
        let taken = name(entity.id, 0).and_then(|id| {
            let kind = name(entity.kind, 1)?;
            self.collector.list_entity(at, id, kind, label(entity.label, 2)?)
        });
        self.note(at, taken)
    }

    /// Lists a relation.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn relation(&mut self, source: Source, relation: &Relation<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Relation, source);
        self.relations_listed = true;
        let taken = name(relation.name, 0).and_then(|name| {
            let reading = |text: Option<&str>, number| {
                Ok(label(text, number)?.map_or_else(String::new, |text| values::label(text).trim().to_owned()))
            };
            let (forward, inverse) = (reading(relation.forward, 1)?, reading(relation.inverse, 2)?);
            self.collector.list_relation(at, name, forward, inverse).map(|_| ())
        });
        self.note(at, taken)
    }

    /// Adds a fact.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn triple(&mut self, source: Source, triple: &Triple<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Triple, source);
        let taken = self.take_triple(at, triple);
        self.note(at, taken)
    }

    fn take_triple(&mut self, at: At, triple: &Triple<'_>) -> Checked<()> {
        self.collector.set_weighed(triple.weight.is_some())?;
        if let Some(weight) = triple.weight.filter(|weight| !EDGE_WEIGHTS.contains(weight)) {
            return Err(values::not_a_weight(&weight.to_string()).at(3));
        }
        let (head, relation, tail) = (name(triple.head, 0)?, name(triple.relation, 1)?, name(triple.tail, 2)?);
        let known = self.collector.relation_names.find(relation.text());
        let number = match known {
            Some(number) => number,
            None if self.relations_listed => {
                return Err(Flaw::new("dangling_relation", "the relation is not among those listed").at(1));
            }
            None => self.collector.relation(at, relation).map_err(|flaw| flaw.at(1))?,
        };
        self.collector.triple(at, head, number, tail, triple.weight)
    }

    /// Lists an item.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn item(&mut self, source: Source, item: &Item<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Item, source);
        let taken = name(item.id, 0).and_then(|id| {
            let number = self.collector.list_item(at, id, label(item.title, 2)?)?;
            let entity = item.entity.map(|entity| name(entity, 1)).transpose()?;
            entity.map_or(Ok(()), |entity| self.collector.link(at, number, entity))
        });
        self.note(at, taken)
    }

    /// Adds an interaction.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn interaction(&mut self, source: Source, interaction: &Interaction<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Interaction, source);
        let taken = self.take_interaction(at, interaction);
        self.note(at, taken)
    }

    fn take_interaction(&mut self, at: At, interaction: &Interaction<'_>) -> Checked<()> {
        let Interaction { user, item, rating, time, split } = *interaction;
        let fields = LogFields { rating: rating.is_some(), time: time.is_some(), split: split.is_some() };
        self.collector.set_log_fields(fields)?;
        if let Some(rating) = rating {
            if !rating.is_finite() {
                return Err(Flaw::new("rating", format!("{rating} is not a finite number")).at(2));
            }
            if self.collector.is_weight(rating) && !EDGE_WEIGHTS.contains(&rating) {
                return Err(values::not_a_weight(&rating.to_string()).at(2));
            }
        }
        let (user, item) = (name(user, 0)?, name(item, 1)?);
        if let Some(time) = time {
            self.collector.see_time(time, at);
        }
        let (rating, time, split) = (rating.unwrap_or(f32::NAN), time.unwrap_or(0), split.unwrap_or(Split::Train));
        self.collector.interaction(at, &Choice { user, item, rating, time, split })
    }

    /// Lists a user of the log.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn user(&mut self, source: Source, user: &User<'_>) -> Result<()> {
        let at = self.begin(RecordKind::User, source);
        let taken = name(user.id, 0).and_then(|id| self.collector.link_user(at, id, name(user.entity, 1)?));
        self.note(at, taken)
    }

    /// Adds an attribute of an item.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn attribute(&mut self, source: Source, attribute: &Attribute<'_>) -> Result<()> {
        let at = self.begin(RecordKind::Attribute, source);
        let taken = name(attribute.item, 0).and_then(|item| {
            let number = self.collector.attribute(name(attribute.name, 1)?).map_err(|flaw| flaw.at(1))?;
            let item = self.collector.spelled(item).into_owned();
            self.collector.set_attribute(Owner::Item(&item), number, field(attribute.value, 2))
        });
        self.note(at, taken)
    }

    /// Adds the further types of a node, parted by semicolons. They are sets that patterns can name, beside its type.
    ///
    /// # Errors
    /// All problems so far, when there can be no import any more.
    pub fn further_types(&mut self, source: Source, node: Node<'_>, names: &str) -> Result<()> {
        let at = self.begin(RecordKind::FurtherTypes, source);
        let (Node::User(id) | Node::Item(id) | Node::Entity(id)) = node;
        let taken = name(id, 0).and_then(|_| {
            let named = label(Some(names), 1)?.unwrap_or(field("", 1));
            self.collector.add_spelled(node, further::names(named)?);
            Ok(())
        });
        self.note(at, taken)
    }

    /// Checks the whole, splits the log, and builds the graph.
    ///
    /// # Errors
    /// [`crate::Error::Import`] for bad records, [`crate::Error::Usage`] for options that do not fit them,
    /// [`footpath_core::Error::Stopped`].
    pub fn finish(self, context: &Context) -> Result<Imported> {
        let options = self.options.clone();
        self.finish_as(Path::new("(memory)"), &options, context)
    }

    /// The same, where `whole` is named if all of it is meant.
    pub(super) fn finish_as(mut self, whole: &Path, options: &Options, context: &Context) -> Result<Imported> {
        if let Some(base) = &self.base {
            self.collector.settle_awaited();
            self.collector.take_attributes_of_base(base);
        }
        finish::finish(whole, options, self.collector, self.problems, context)
    }

    /// Turns to the file of the next record; where the record stands.
    fn begin(&mut self, kind: RecordKind, source: Source) -> At {
        self.problems.num_records += 1;
        let count = self.counts.get_mut(kind as usize);
        let number = count.map_or(0, |count| {
            *count = count.saturating_add(1);
            *count
        });
        let (file, line) = source.0.unwrap_or((Files::MEMORY, number));
        self.collector.begin(file);
        At { file, line, ahead: None }
    }

    fn note(&mut self, at: At, taken: Checked<()>) -> Result<()> {
        let Err(flaw) = taken else { return Ok(()) };
        self.problems.bad(self.collector.files.path(at.file), at.line.into(), flaw)
    }
}

/// A field of a record, which may hold anything.
fn field(text: &str, number: usize) -> Field<'_> {
    Field { text, number, quoted: true }
}

/// A name from memory is as free of control characters as one from a file.
fn name(text: &str, number: usize) -> Checked<Name<'_>> {
    let field = field(text, number);
    if text.chars().any(char::is_control) {
        return Err(field.flaw("control_char", "a name with a control character"));
    }
    values::name(field)
}

/// So is a label, but for line breaks and tabs, which become blanks.
fn label(text: Option<&str>, number: usize) -> Checked<Option<Field<'_>>> {
    let Some(field) = text.map(|text| field(text, number)) else { return Ok(None) };
    if field.text.len() > MAX_FIELD_BYTES {
        return Err(field.flaw("field_too_long", format!("the field is longer than {MAX_FIELD_BYTES} bytes")));
    }
    match field.text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        true => Err(field.flaw("control_char", "a control character in a label")),
        false => Ok(Some(field)),
    }
}
