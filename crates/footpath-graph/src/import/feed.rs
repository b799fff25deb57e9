//! From nodes and edges of any kind to records: what is an item, a type, a label, an interaction, as a mapping says.
//!
//! Types and labels may stand anywhere in a file, so they are gathered beside the facts and settled at the end.

use super::attributes::Owner;
use super::collector::{Collector, RESERVED_TYPES};
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::further;
use super::gathered::{At, Choice, LogFields, set};
use super::mapped_items::{item_id, items_of_table};
use super::mapping::{Mapping, nearest};
use super::numbers::{self, local};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::records::Node;
use super::relation_names;
use super::values;
use crate::dataset::NONE;
use crate::error::{Result, show};
use crate::heldout::Split;
use crate::interner::Interner;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Types that say nothing of a node.
const GENERIC: [&str; 5] = [
    "http://www.w3.org/2002/07/owl#Thing",
    "http://www.w3.org/2002/07/owl#NamedIndividual",
    "http://www.w3.org/2000/01/rdf-schema#Resource",
    "http://www.w3.org/2002/07/owl#Class",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#Property",
];
/// Statements of Wikidata about statements, which say of a node what a direct relation says as well.
const WIKIDATA_PROP: &str = "http://www.wikidata.org/prop/";
const WIKIDATA_DIRECT: &str = "http://www.wikidata.org/prop/direct/";
const WIKIDATA_ENTITY: &str = "http://www.wikidata.org/entity/";

/// Stands for every type of a node but that chosen for it.
pub(super) const ALL: &str = "*";
/// Label of a node that is not known yet: rank, and number among the labels.
const NO_LABEL: (u32, u32) = (u32::MAX, NONE);

/// What an edge says, before it is known what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) head: &'a str,
    pub(super) relation: &'a str,
    pub(super) tail: &'a str,
    /// Rating and time, where edges have properties and the mapping names them.
    pub(super) rating: Option<Field<'a>>,
    pub(super) time: Option<Field<'a>>,
}

/// A value of a node: text, with its language where it has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) node: &'a str,
    pub(super) relation: &'a str,
    pub(super) text: &'a str,
    pub(super) language: &'a str,
}

/// Statements that were left out, by why.
#[derive(Debug, Default)]
struct LeftOut {
    dropped: u64,
    literals: u64,
    blank: u64,
    quoted: u64,
    wikidata: u64,
}

/// What a relation is, looked up once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Type,
    Interaction,
    Fact,
    Dropped,
    Wikidata,
}

/// Gathers a graph.
pub(super) struct Feed<'m> {
    mapping: &'m Mapping,
    roles: HashMap<String, Role>,
    /// Nodes that something is said of, and what: labels, types.
    described: Interner,
    labels: Vec<(u32, u32)>,
    types: Vec<(u32, u32)>,
    classes: Interner,
    users: HashSet<String>,
    /// Relations of which some value or edge was seen, for what is asked for and not there.
    seen: BTreeSet<String>,
    left_out: LeftOut,
    num_interactions: u64,
    /// Which types nodes keep beside their own.
    further: FurtherTypes,
}

/// Which types nodes keep beside their own.
#[derive(Debug)]
enum FurtherTypes {
    /// All but that chosen for them, but for types that say nothing.
    All,
    /// Those of these classes.
    Some(HashSet<String>),
}

/// A node that is described: its class, whether it is an item by its class, and the classes that it has besides.
#[derive(Clone, Debug)]
struct Classified {
    class: u32,
    is_item: bool,
    further: Vec<u32>,
}

impl<'m> Feed<'m> {
    /// For a graph of which the mapping says what is what; `further` are the types that nodes keep beside their own
    /// where it does not say.
    pub(super) fn new(mapping: &'m Mapping, further: &[&str]) -> Self {
        let named = mapping.types.further.clone();
        let named = named.unwrap_or_else(|| further.iter().map(|&name| name.to_owned()).collect());
        let keeps_all = named.iter().any(|name| name == ALL);
        let further = if keeps_all { FurtherTypes::All } else { FurtherTypes::Some(named.into_iter().collect()) };
        Self {
            further,
            mapping,
            roles: HashMap::new(),
            described: Interner::default(),
            labels: Vec::new(),
            types: Vec::new(),
            classes: Interner::default(),
            users: HashSet::new(),
            seen: BTreeSet::new(),
            left_out: LeftOut::default(),
            num_interactions: 0,
        }
    }

    pub(super) fn mapping(&self) -> &'m Mapping {
        self.mapping
    }

    /// Counts a statement about a node without a name; whether it is left out.
    #[cfg(feature = "rdf")]
    pub(super) fn leaves_out_blank(&mut self) -> bool {
        self.left_out.blank += u64::from(!self.mapping.keep_blank_nodes);
        !self.mapping.keep_blank_nodes
    }

    /// Counts a statement about a statement.
    #[cfg(feature = "rdf")]
    pub(super) fn leave_out_quoted(&mut self) {
        self.left_out.quoted += 1;
    }

    fn role(&mut self, relation: &str) -> Role {
        if let Some(&role) = self.roles.get(relation) {
            return role;
        }
        let relations = &self.mapping.relations;
        let is_in = |list: &[String]| list.iter().any(|name| name == relation);
        let role = if is_in(&self.mapping.types.from) {
            Role::Type
        } else if is_in(&self.mapping.interactions.relation) {
            Role::Interaction
        } else if is_in(&relations.drop) || (!relations.keep.is_empty() && !is_in(&relations.keep)) {
            Role::Dropped
        } else if relation.starts_with(WIKIDATA_PROP) && !relation.starts_with(WIKIDATA_DIRECT) {
            Role::Wikidata
        } else {
            Role::Fact
        };
        self.roles.insert(relation.to_owned(), role);
        self.seen.insert(relation.to_owned());
        role
    }

    /// An edge between two nodes with names.
    pub(super) fn edge(&mut self, collector: &mut Collector, at: At, edge: &Edge<'_>) -> Checked<()> {
        match self.role(edge.relation) {
            Role::Type => {
                self.add_type(edge.head, edge.tail);
                Ok(())
            }
            Role::Interaction => self.interaction(collector, at, edge),
            Role::Dropped => {
                self.left_out.dropped += 1;
                Ok(())
            }
            Role::Wikidata => {
                self.left_out.wikidata += 1;
                Ok(())
            }
            Role::Fact => fact(self.mapping, collector, at, [edge.head, edge.relation, edge.tail]),
        }
    }

    /// A type of a node.
    pub(super) fn add_type(&mut self, node: &str, class: &str) {
        let (node, class) = (self.describe(node), self.classes.intern(class).0);
        self.types.push((node, class));
    }

    /// Whether anything was said of a node.
    pub(super) fn is_described(&self, node: &str) -> bool {
        self.described.find(&self.mapping.shorten(node)).is_some()
    }

    fn describe(&mut self, node: &str) -> u32 {
        let (number, new) = self.described.intern(&self.mapping.shorten(node));
        if new {
            self.labels.push(NO_LABEL);
        }
        number
    }

    /// A value of a node.
    pub(super) fn value(&mut self, collector: &mut Collector, at: At, value: &Value<'_>) -> Checked<()> {
        let mapping = self.mapping;
        let is_in = |list: &[String]| list.iter().position(|name| name == value.relation);
        if let Some(rank) = is_in(&mapping.labels.from) {
            self.see(value.relation);
            self.label(collector, value, rank);
            return Ok(());
        }
        let is_attribute = is_in(&mapping.literals.attributes).is_some();
        if is_attribute {
            self.see(value.relation);
            self.attribute(collector, value)?;
        }
        if is_in(&mapping.literals.entities).is_some() {
            self.see(value.relation);
            return fact(mapping, collector, at, [value.node, value.relation, value.text.trim()]);
        }
        if is_in(&mapping.literals.decades).is_some() {
            self.see(value.relation);
            let decade = decade(value.text)?;
            return fact(mapping, collector, at, [value.node, value.relation, &decade]);
        }
        self.left_out.literals += u64::from(!is_attribute);
        Ok(())
    }

    /// An attribute, called like its relation: as the mapping renames it, or by its local name.
    fn attribute(&self, collector: &mut Collector, value: &Value<'_>) -> Checked<()> {
        let renamed = self.mapping.relations.rename.get(value.relation).map(String::as_str);
        let name = numbers::name(renamed.unwrap_or_else(|| local(value.relation)), 1)?;
        let attribute = collector.attribute(name)?;
        let field = Field { text: value.text, number: 2, quoted: true };
        collector.set_attribute(Owner::Entity(&self.mapping.shorten(value.node)), attribute, field)
    }

    fn see(&mut self, relation: &str) {
        if !self.seen.contains(relation) {
            self.seen.insert(relation.to_owned());
        }
    }

    fn label(&mut self, collector: &mut Collector, value: &Value<'_>, of_relation: usize) {
        let languages = &self.mapping.labels.languages;
        let main = |tag: &str| tag.split('-').next().unwrap_or(tag).to_lowercase();
        let of_language = languages.iter().position(|wanted| *wanted == main(value.language));
        // Language first: an English second-best label says more to a reader than a label in another language.
        let rank = of_language.unwrap_or(languages.len()) * 256 + of_relation.min(255);
        let rank = u32::try_from(rank).unwrap_or(u32::MAX - 1);
        let node = self.describe(value.node);
        let text = values::label(Field { text: value.text, number: 0, quoted: true });
        let text = text.trim();
        let Some(slot) = self.labels.get_mut(node as usize).filter(|(before, _)| rank <= *before) else { return };
        // Of equal ones the first in byte order, whatever the order of the file.
        let labels = &mut collector.dataset.labels;
        if !text.is_empty() && (rank < slot.0 || text < labels.get(slot.1)) {
            *slot = (rank, labels.intern(text).0);
        }
    }

    fn interaction(&mut self, collector: &mut Collector, at: At, edge: &Edge<'_>) -> Checked<()> {
        let mapping = self.mapping;
        let fields = LogFields {
            rating: mapping.interactions.rating.is_some(),
            time: mapping.interactions.time.is_some(),
            split: false,
        };
        collector.set_log_fields(fields)?;
        let missing = |name: &Option<String>| {
            let name = name.as_deref().unwrap_or_default();
            Flaw::new("fields", format!("an interaction without the property `{}`", show(name.as_bytes())))
        };
        let rating = match (fields.rating, edge.rating) {
            (true, None) => return Err(missing(&mapping.interactions.rating)),
            (true, Some(field)) => collector.rating(field)?,
            (false, _) => f32::NAN,
        };
        let time = match (fields.time, edge.time) {
            (true, None) => return Err(missing(&mapping.interactions.time)),
            (true, Some(field)) => collector.time(field, at)?,
            (false, _) => 0,
        };
        let user = mapping.shorten(edge.head);
        let item = item_id(mapping, edge.tail);
        let (user, item) = (numbers::name(&user, 0)?, numbers::name(&item, 1)?);
        collector.interaction(at, &Choice { user, item, rating, time, split: Split::Train })?;
        if !self.users.contains(user.text()) {
            self.users.insert(user.text().to_owned());
        }
        self.num_interactions += 1;
        Ok(())
    }

    /// Settles labels, types, items and names once all is there.
    pub(super) fn finish(mut self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        // What is added to a graph has only some of what its mapping names.
        if !collector.base.is_there {
            self.refuse_absent(reading)?;
        }
        let of_type = self.choose_types();
        let no_class = Classified { class: NONE, is_item: false, further: Vec::new() };
        let class_names = self.class_names(&of_type);
        let further_names = self.further_names(&of_type, &class_names, reading)?;
        let classes: HashSet<String> = (0..)
            .take(self.classes.len())
            .map(|class| self.mapping.shorten(self.classes.get(class)).into_owned())
            .collect();
        let relation_names: HashMap<String, u32> =
            (0..).zip(&collector.dataset.relations).map(|(number, relation)| (relation.name.clone(), number)).collect();
        let mut items = Items::default();
        for node in (0..).take(self.described.len()) {
            let id = self.described.get(node).to_owned();
            let Classified { class: kind, is_item, further } = of_type.get(node as usize).unwrap_or(&no_class);
            let (kind, is_item) = (*kind, *is_item);
            let (_, label) = self.labels.get(node as usize).copied().unwrap_or(NO_LABEL);
            if let Some(relation) = reading_of(&id, self.mapping, &relation_names) {
                set_reading(collector, relation, label);
            }
            let further: Vec<&str> = further.iter().filter_map(|class| further_names.get(class)).copied().collect();
            if self.users.contains(&id) {
                collector.add_further(Node::User(&id), further.iter().copied());
            }
            let known = collector.dataset.entities.find(&id);
            if known.is_none() && (kind == NONE || classes.contains(&id) || self.users.contains(&id)) {
                continue;
            }
            let named = || numbers::name(&id, 0).and_then(|id| collector.entity(id.text()));
            let entity = match known.map_or_else(named, Ok) {
                Ok(entity) => entity,
                Err(flaw) => {
                    reading.problems.bad(&self.mapping.path, 0, flaw)?;
                    continue;
                }
            };
            if let Some(name) = class_names.get(&kind) {
                let number = collector.dataset.types.intern(name).0;
                set(&mut collector.dataset.entity_types, entity, number);
            }
            if label != NONE {
                set(&mut collector.dataset.entity_labels, entity, label);
            }
            collector.add_further(Node::Entity(&id), further);
            if is_item {
                items.add(entity);
            }
        }
        self.add_items_by_prefix(&mut items, collector);
        self.list_items(&items, collector, reading)?;
        relation_names::give(self.mapping, collector, reading)?;
        if let Some(table) = &self.mapping.items.table {
            items_of_table(&File::at(table.clone(), ""), self.mapping, collector, reading)?;
        }
        self.tell(reading);
        Ok(())
    }

    /// Refuses what the mapping asks for and the data does not have; what it only prefers or drops is told.
    fn refuse_absent(&self, reading: &mut Reading<'_>) -> Result<()> {
        let mapping = self.mapping;
        let classes = || (0..).take(self.classes.len()).map(|class| self.classes.get(class));
        let relations = || self.seen.iter().map(String::as_str);
        let has_class = |name: &String| self.classes.find(name).is_some();
        let has_relation = |name: &String| self.seen.contains(name);
        let renamed = mapping.types.rename.keys().chain(&mapping.items.class);
        for name in renamed.filter(|name| !has_class(name)) {
            let message = format!("no node is of class `{}`; {}", show(name.as_bytes()), nearest(name, classes()));
            reading.problems.bad(&mapping.path, 0, Flaw::new("absent_class", message))?;
        }
        let of_relations = mapping.relations.rename.keys().chain(&mapping.relations.keep);
        let of_relations = of_relations.chain(&mapping.interactions.relation);
        let of_literals = mapping.literals.entities.iter().chain(&mapping.literals.decades);
        let of_relations = of_relations.chain(of_literals.chain(&mapping.literals.attributes));
        for name in of_relations.filter(|name| !has_relation(name)) {
            let message = format!("there is no relation `{}`; {}", show(name.as_bytes()), nearest(name, relations()));
            reading.problems.bad(&mapping.path, 0, Flaw::new("absent_relation", message))?;
        }
        let further = mapping.types.further.iter().flatten().filter(|name| *name != ALL);
        let idle = mapping.types.prefer.iter().chain(further).filter(|name| !has_class(name));
        let idle = idle.chain(mapping.relations.drop.iter().filter(|name| !has_relation(name)));
        let idle: Vec<String> = idle.map(|name| format!("`{}`", show(name.as_bytes()))).collect();
        if !idle.is_empty() {
            let message = format!("the mapping names what does not occur: {}", idle.join(", "));
            reading.problems.find(Finding::new("absent_names", Severity::Warning, idle.len() as u64, message));
        }
        reading.problems.stop_if_strict()
    }

    /// What the classes that nodes have besides their own are called; one whose name no further type can have is
    /// refused.
    fn further_names<'n>(
        &self,
        of_nodes: &[Classified],
        names: &'n HashMap<u32, String>,
        reading: &mut Reading<'_>,
    ) -> Result<HashMap<u32, &'n str>> {
        let classes: BTreeSet<u32> = of_nodes.iter().flat_map(|node| node.further.iter().copied()).collect();
        let mut further = HashMap::new();
        for class in classes {
            let text = names.get(&class).map_or("", String::as_str);
            match further::name(Field { text, number: 0, quoted: true }) {
                Ok(name) => _ = further.insert(class, name),
                Err(flaw) => reading.problems.bad(&self.mapping.path, 0, flaw)?,
            }
        }
        Ok(further)
    }

    /// Of each node that is described: its class, whether it is an item by its class, and its other classes.
    fn choose_types(&mut self) -> Vec<Classified> {
        let mut nodes_of = vec![0u64; self.classes.len()];
        self.types.sort_unstable();
        self.types.dedup();
        for (_, class) in &self.types {
            if let Some(count) = nodes_of.get_mut(*class as usize) {
                *count += 1;
            }
        }
        let prefer = &self.mapping.types.prefer;
        let rank = |class: u32| {
            let name = self.classes.get(class);
            let preferred = prefer.iter().position(|wanted| wanted == name).unwrap_or(prefer.len());
            let is_generic = GENERIC.contains(&name);
            let nodes = nodes_of.get(class as usize).copied().unwrap_or(0);
            (preferred, is_generic, std::cmp::Reverse(nodes), name)
        };
        let is_item = |class: u32| self.mapping.items.class.iter().any(|wanted| wanted == self.classes.get(class));
        let is_kept = |class: u32, best: u32| match &self.further {
            // What makes a node an item is told by its type.
            FurtherTypes::All => class != best && !is_item(class) && !GENERIC.contains(&self.classes.get(class)),
            FurtherTypes::Some(named) => named.contains(self.classes.get(class)),
        };
        let no_class = Classified { class: NONE, is_item: false, further: Vec::new() };
        let mut chosen = vec![no_class; self.described.len()];
        for of_node in self.types.chunk_by(|(a, _), (b, _)| a == b) {
            let Some(&(node, _)) = of_node.first() else { continue };
            let best = of_node.iter().map(|&(_, class)| class).min_by(|&a, &b| rank(a).cmp(&rank(b)));
            let by_class = of_node.iter().any(|&(_, class)| is_item(class));
            if let Some(slot) = chosen.get_mut(node as usize) {
                let class = best.unwrap_or(NONE);
                let further = of_node.iter().map(|&(_, other)| other).filter(|&other| is_kept(other, class)).collect();
                *slot = Classified { class, is_item: by_class, further };
            }
        }
        chosen
    }

    /// What the classes that are chosen are called: their local names, where these tell them apart.
    fn class_names(&self, chosen: &[Classified]) -> HashMap<u32, String> {
        let classes = chosen.iter().flat_map(|node| node.further.iter().copied().chain([node.class]));
        let used: BTreeSet<u32> = classes.filter(|class| *class != NONE).collect();
        let mut of_local: HashMap<&str, usize> = HashMap::new();
        for &class in &used {
            *of_local.entry(local(self.classes.get(class))).or_default() += 1;
        }
        let name = |class: u32| {
            let iri = self.classes.get(class);
            let short = local(iri);
            let plain = self.mapping.types.rename.get(iri).cloned().unwrap_or_else(|| match of_local.get(short) {
                Some(1) => short.to_owned(),
                _ => self.mapping.shorten(iri).into_owned(),
            });
            if RESERVED_TYPES.contains(&plain.as_str()) { format!("{plain}_") } else { plain }
        };
        used.into_iter().map(|class| (class, name(class))).collect()
    }

    fn add_items_by_prefix(&self, items: &mut Items, collector: &Collector) {
        let Some(prefix) = &self.mapping.items.prefix else { return };
        let short = self.mapping.shorten(prefix);
        for entity in (0..).take(collector.dataset.entities.len()) {
            let id = collector.dataset.entities.get(entity);
            if id.starts_with(prefix.as_str()) || id.starts_with(&*short) {
                items.add(entity);
            }
        }
    }

    /// Makes nodes items.
    fn list_items(&self, items: &Items, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        if self.mapping.items.table.is_some() {
            return Ok(());
        }
        let file = collector.begin_file(&self.mapping.path)?;
        let mut taken: HashMap<String, u32> = HashMap::new();
        for &entity in &items.0 {
            let node = collector.dataset.entities.get(entity).to_owned();
            let id = item_id(self.mapping, &node).into_owned();
            let at = At { file, line: 0, ahead: None };
            if let Some(other) = taken.insert(id.clone(), entity) {
                let other = show(collector.dataset.entities.get(other).as_bytes());
                let message = format!(
                    "`{other}` and `{}` would both be item `{}`; let ids of items be those of their nodes",
                    show(node.as_bytes()),
                    show(id.as_bytes())
                );
                reading.problems.bad(&self.mapping.path, 0, Flaw::new("duplicate_id", message))?;
                continue;
            }
            let mut list = || -> Checked<()> {
                let item = collector.list_item(at, numbers::name(&id, 0)?, None)?;
                collector.link(at, item, numbers::name(&node, 1)?)
            };
            if let Err(flaw) = list() {
                reading.problems.bad(&self.mapping.path, 0, flaw)?;
            }
        }
        reading.problems.stop_if_strict()
    }

    fn tell(&self, reading: &mut Reading<'_>) {
        let LeftOut { dropped, literals, blank, quoted, wikidata } = self.left_out;
        let mut note = |kind, count: u64, message: String, way_out: &str| {
            if count > 0 {
                reading.problems.find(Finding::new(kind, Severity::Note, count, message).way_out(way_out));
            }
        };
        note("relations_dropped", dropped, format!("{dropped} edges of relations that the mapping leaves out"), "");
        note(
            "values_not_read",
            literals,
            format!("{literals} values such as numbers and texts are no part of the graph"),
            "[literals] of a mapping makes values entities",
        );
        note(
            "blank_nodes",
            blank,
            format!("{blank} statements about nodes without a name are left out"),
            "keep_blank_nodes = true in a mapping keeps them",
        );
        note("quoted_triples", quoted, format!("{quoted} statements about statements are left out"), "");
        note(
            "wikidata_statements",
            wikidata,
            format!("{wikidata} parts of Wikidata's statements are left out; direct relations (wdt:) are read"),
            "",
        );
    }
}

/// Entities that are items, each once, in their order.
#[derive(Default)]
struct Items(BTreeSet<u32>);

impl Items {
    fn add(&mut self, entity: u32) {
        self.0.insert(entity);
    }
}

/// A fact between two nodes.
fn fact(mapping: &Mapping, collector: &mut Collector, at: At, [head, relation, tail]: [&str; 3]) -> Checked<()> {
    collector.set_weighed(false)?;
    let (head, tail) = (mapping.shorten(head), mapping.shorten(tail));
    let (head, tail) = (numbers::name(&head, 0)?, numbers::name(&tail, 2)?);
    let raw = collector.relation(at, numbers::name(relation, 1)?).map_err(|flaw| flaw.in_columns(&[1]))?;
    collector.triple(at, head, raw, tail, None)
}

/// The decade of a year or a date.
fn decade(text: &str) -> Checked<String> {
    let trimmed = text.trim();
    let (sign, digits) = trimmed.strip_prefix('-').map_or(("", trimmed), |digits| ("-", digits));
    let year: String = digits.chars().take_while(char::is_ascii_digit).collect();
    let is_date =
        digits.get(year.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', 'Z', '+', 'T']));
    let number: Option<u32> = if is_date { year.parse().ok() } else { None };
    let number = number.filter(|_| (1..=4).contains(&year.len()));
    let of = |year: u32| format!("{sign}{}s", year / 10 * 10);
    number
        .map(of)
        .ok_or_else(|| Flaw::new("date", format!("`{}` is neither a year nor a date", show(text.as_bytes()))).at(2))
}

/// The relation that a described node is, if it is one: a property, or Wikidata's entity of a property.
fn reading_of(id: &str, mapping: &Mapping, relations: &HashMap<String, u32>) -> Option<u32> {
    if let Some(&number) = relations.get(id) {
        return Some(number);
    }
    let whole = mapping.expand(id);
    let direct = whole.strip_prefix(WIKIDATA_ENTITY).map(|property| [WIKIDATA_DIRECT, property].concat());
    relations.get(direct.as_deref().unwrap_or(&whole)).copied()
}

/// A relation reads as it is labelled, where nothing else says how.
fn set_reading(collector: &mut Collector, relation: u32, label: u32) {
    let text = collector.dataset.labels.get(label).to_owned();
    if let Some(relation) = collector.dataset.relations.get_mut(relation as usize)
        && relation.forward.is_empty()
        && label != NONE
    {
        relation.forward = text;
    }
}

/// The files that a mapping names beside the input, for a plan.
pub(super) fn tables(mapping: &Mapping) -> Vec<(File, String)> {
    let of = |path: &Option<std::path::PathBuf>, what: &str| {
        path.iter().map(|path| (File::at(path.clone(), ""), what.to_owned())).collect::<Vec<_>>()
    };
    of(&mapping.items.table, "which item is which node")
}

/// Files of a folder whose names end like this.
pub(super) fn files_with(folder: &Folder, extensions: &[&str]) -> Vec<File> {
    let ends = |name: &str| extensions.iter().any(|extension| name.ends_with(extension));
    folder.files().filter(|(name, _)| ends(name)).map(|(_, file)| file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_those_of_years_and_dates() {
        for (text, expected) in [("1994", "1990s"), ("2000-01-03", "2000s"), (" 1987Z", "1980s"), ("-44-03-15", "-40s")]
        {
            assert_eq!(decade(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "soon", "19940", "94.5", "1994x"] {
            assert!(decade(text).is_err(), "{text}");
        }
    }
}
