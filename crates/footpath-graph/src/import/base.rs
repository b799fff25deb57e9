//! A graph that an import adds to: its records come first, as if their files were read again.
//!
//! What an import of the old files and the new ones together would make is made. So nothing is added to arrays: names
//! are sorted anew, the log is cut anew, and what held of the first import (filters, spelling, split) holds of all.

use super::collector::{Collector, UNTYPED};
use super::field::Field;
use super::gathered::{LogFields, set};
use super::options::Options;
use super::origins::{Files, Origins};
use super::problems::{Checked, Flaw};
use super::records::FileNumber;
use super::report::ImportReport;
use crate::aliases::{Alias, AliasKind, Aliases};
use crate::dataset::{Dataset, NONE, RawInteraction, RawRelation, RawTriple};
use crate::error::{Error, Result, show};
use crate::heldout::{HeldOut, HeldOutFacts, Split};
use crate::kg::{self, Relation, Sources, TrainKg};
use crate::sorting;
use crate::split::SplitSpec;
use footpath_core::{Artefact, ArtefactKind, Context, NodeId, RelationId, TypeId};
use std::path::Path;

/// Nodes between two looks at whether to stop.
const NODES_PER_CHECK: u32 = 1 << 14;

/// A graph to add to, opened.
#[derive(Debug)]
pub(super) struct Base {
    kg: TrainKg,
    aliases: Aliases,
    log: [HeldOut; 2],
    facts: [HeldOutFacts; 2],
    /// How it was imported.
    options: Options,
    /// What its import told; none where it was made in another way.
    report: Option<ImportReport>,
    path: std::path::PathBuf,
}

#[derive(serde::Deserialize)]
struct Config {
    options: Options,
    report: ImportReport,
}

impl Base {
    /// Opens the graph at `directory`.
    pub(super) fn open(directory: &Path, context: &Context) -> Result<Self> {
        let artefact = Artefact::open(directory, ArtefactKind::Kg, context)?;
        let kg = TrainKg::of(&artefact)?;
        let aliases = Aliases::of(&artefact)?;
        let has_facts =
            |node: u32| kg.arcs(NodeId(node)).iter().any(|(relation, _)| relation.0 > RelationId::INTERACTED_BY.0);
        if aliases.is_empty() && (0..kg.items().end).any(has_facts) {
            let reason = "the graph was written before the ids of its items' entities were kept in it; import its \
                          files again, and then add to that";
            return Err(Error::Usage { option: "onto", reason: reason.to_owned() });
        }
        if artefact.manifest().config.get("tables").is_some() {
            let reason = "the graph was built of sorted tables, and how they were made is not known here; add to what \
                          they were made of, and build anew";
            return Err(Error::Usage { option: "onto", reason: reason.to_owned() });
        }
        let config: Option<Config> = serde_json::from_value(artefact.manifest().config.clone()).ok();
        let (options, report) = config.map_or_else(Default::default, |config| (config.options, Some(config.report)));
        let both = |split| Ok::<_, Error>((kg::held_out(&artefact, split)?, kg::held_out_facts(&artefact, split)?));
        let ((valid, valid_facts), (test, test_facts)) = (both(Split::Valid)?, both(Split::Test)?);
        let path = directory.to_owned();
        Ok(Self { kg, aliases, log: [valid, test], facts: [valid_facts, test_facts], options, report, path })
    }

    /// How the whole is imported: the new files are read as `asked`, and what concerns all records is as it was. A
    /// split that is asked for is made of all.
    pub(super) fn options(&self, asked: &Options) -> Options {
        let Options { format, columns, attributes, mapping, strict, lenient, max_bytes, max_nodes, split, .. } = asked;
        Options {
            format: *format,
            columns: columns.clone(),
            attributes: attributes.clone(),
            mapping: mapping.clone(),
            strict: *strict,
            lenient: *lenient,
            max_bytes: *max_bytes,
            max_nodes: *max_nodes,
            split: if matches!(split, SplitSpec::Auto { .. }) { self.options.split } else { *split },
            ..self.options.clone()
        }
    }

    fn report(&self) -> Option<&ImportReport> {
        self.report.as_ref()
    }
}

impl Collector {
    /// Takes all records of a graph, before any other.
    pub(super) fn take_base(&mut self, base: &Base, context: &Context) -> Result<()> {
        self.base.is_there = true;
        self.time_scale = base.report().map_or(0, |report| report.time_scale);
        let twins = self.take_nodes(base, context)?;
        self.take_relations(base);
        self.take_facts(base, &twins, context)?;
        self.take_log(base, context)?;
        for attribute in base.kg.attributes() {
            self.dataset.attributes.push(crate::dataset::RawAttribute {
                name: attribute.name.to_owned(),
                kind: Some(attribute.kind),
                ..Default::default()
            });
        }
        Ok(())
    }

    /// Takes the attributes of a graph of which nothing newer was told.
    pub(super) fn take_attributes_of_base(&mut self, base: &Base) {
        let first = base.kg.items().start;
        for attribute in base.kg.attributes() {
            let dataset = &mut self.dataset;
            let Some(known) = dataset.attributes.iter_mut().find(|known| known.name == attribute.name) else {
                continue;
            };
            for (item, &value) in (first..).zip(attribute.values).filter(|(_, value)| !value.is_nan()) {
                let number = dataset.attribute_items.intern(base.kg.id(NodeId(item))).0 as usize;
                known.of_items.resize(known.of_items.len().max(number + 1), f64::NAN);
                if let Some(slot) = known.of_items.get_mut(number).filter(|slot| slot.is_nan()) {
                    *slot = value;
                }
            }
        }
    }

    /// Takes entities, items and users; of each node the number of its entity, and [`NONE`] of the nodes that share
    /// theirs with one before, whose facts are copies.
    fn take_nodes(&mut self, base: &Base, context: &Context) -> Result<Nodes> {
        let kg = &base.kg;
        let mut nodes = Nodes { entities: vec![NONE; kg.num_nodes()], is_copy: vec![false; kg.num_nodes()] };
        for node in kg.items().end..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX) {
            check(node, context)?;
            let kind = kg.schema().types.get(kg.type_of(NodeId(node)).index()).map_or("", |kind| &kind.name);
            let entity = self.dataset.entity(kg.id(NodeId(node)), kind);
            let label = self.stored_label(kg, NodeId(node));
            set(&mut self.dataset.entity_labels, entity, label);
            set(&mut nodes.entities, node, entity);
        }
        for item in kg.items().map(NodeId) {
            check(item.0, context)?;
            let number = self.dataset.item(kg.id(item));
            let title = self.stored_label(kg, item);
            set(&mut self.dataset.item_titles, number, title);
        }
        // What has a title or an entity was listed.
        self.listed = self.dataset.item_titles.iter().map(|&title| u32::from(title != NONE)).collect();
        kg.users().for_each(|user| _ = self.dataset.users.intern(kg.id(NodeId(user))));
        if base.report().is_none_or(|report| report.items_are_listed) {
            // The path of the graph stands for the files that listed its items.
            self.listing = Some(self.files.add_of_base(&base.path)?);
        }
        self.user_links.listed = base.report().is_some_and(|report| report.users_are_listed);
        self.dataset.user_links = vec![NONE; if kg.schema().users_have_facts { kg.users().len() } else { 0 }];
        for alias in base.aliases.iter() {
            self.take_alias(alias, base, &mut nodes);
        }
        self.take_further(kg);
        self.base.num_entities = u32::try_from(self.dataset.entities.len()).unwrap_or(NONE);
        Ok(nodes)
    }

    /// Takes the further types of all nodes.
    fn take_further(&mut self, kg: &TrainKg) {
        let schema = kg.schema();
        let Dataset { further_types, further_of_users, further_of_items, further_of_entities, .. } = &mut self.dataset;
        for kind in schema.all_kinds() {
            let names: Vec<u32> = schema.further_of(kind).map(|name| further_types.intern(name).0).collect();
            let told = match schema.type_of(kind) {
                TypeId::USER => &mut *further_of_users,
                TypeId::ITEM => &mut *further_of_items,
                _ => &mut *further_of_entities,
            };
            for node in schema.kind_range(kind).filter(|_| !names.is_empty()).map(NodeId) {
                let id = told.ids.intern(kg.id(node)).0;
                told.types.extend(names.iter().map(|&name| (id, name)));
            }
        }
    }

    /// Takes the entity that an item or user is, or will be.
    fn take_alias(&mut self, alias: Alias<'_>, base: &Base, nodes: &mut Nodes) {
        let Alias { node, kind, id, entity_type, label, further } = alias;
        let kg = &base.kg;
        let id = if id.is_empty() { kg.id(node) } else { id };
        let is_item = kg.is_item(node);
        let number = if is_item { node.0 - kg.items().start } else { node.0 };
        if is_item && kind != AliasKind::Joined {
            set(&mut self.listed, number, 1);
        }
        if kind == AliasKind::Awaited {
            self.awaited.push((kg.id(node).to_owned(), id.to_owned()));
            return;
        }
        further.split(';').filter(|name| !name.is_empty()).for_each(|name| self.dataset.further(id, name));
        let entity = self.dataset.entity(id, if entity_type.is_empty() { UNTYPED } else { entity_type });
        let label = if label.is_empty() { NONE } else { self.dataset.labels.intern(label).0 };
        set(&mut self.dataset.entity_labels, entity, label);
        // An item without a title of its own is called like its entity.
        let title = self.dataset.item_titles.get_mut(number as usize).filter(|title| is_item && **title == label);
        title.into_iter().for_each(|title| *title = NONE);
        self.owners.resize(self.dataset.entities.len(), NONE);
        let is_owned = self.owners.get(entity as usize).is_some_and(|&owner| owner != NONE);
        if is_owned && is_item {
            self.twins.push((number, entity));
            set(&mut nodes.is_copy, node.0, true);
            return;
        }
        set(&mut nodes.entities, node.0, entity);
        // What was joined by its id is joined again, or is not, once all records are there.
        if kind == AliasKind::Linked {
            set(if is_item { &mut self.dataset.links } else { &mut self.dataset.user_links }, number, entity);
            set(&mut self.owners, entity, number);
        }
    }

    /// Links the items that waited for a fact about their entity, where there is one by now.
    pub(super) fn settle_awaited(&mut self) {
        for (item, entity) in std::mem::take(&mut self.awaited) {
            let Some(number) = self.dataset.items.find(&item) else { continue };
            if self.dataset.links.get(number as usize).is_some_and(|&link| link != NONE) {
                continue;
            }
            let Some(found) = self.dataset.entities.find(&entity) else {
                self.dataset.awaited_links.push((item, entity));
                continue;
            };
            self.owners.resize(self.dataset.entities.len(), NONE);
            if self.owners.get(found as usize).is_some_and(|&owner| owner != NONE) {
                self.twins.push((number, found));
            } else {
                set(&mut self.dataset.links, number, found);
                set(&mut self.owners, found, number);
            }
        }
    }

    /// The label of a node as the graph has it, which is nothing where it was told none.
    fn stored_label(&mut self, kg: &TrainKg, node: NodeId) -> u32 {
        match kg.stored_label(node) {
            "" => NONE,
            label => self.dataset.labels.intern(label).0,
        }
    }

    fn take_relations(&mut self, base: &Base) {
        for relation in base.kg.schema().relations.iter().skip(1) {
            self.relation_names.intern(&relation.name);
            let (name, forward, inverse) = (relation.name.clone(), relation.forward.clone(), relation.inverse.clone());
            self.dataset.relations.push(RawRelation { name, forward, inverse });
            self.relation_uses.push(0);
        }
        self.base.num_relations = u32::try_from(self.dataset.relations.len()).unwrap_or(NONE);
    }

    fn take_facts(&mut self, base: &Base, nodes: &Nodes, context: &Context) -> Result<()> {
        let kg = &base.kg;
        let mut told: Vec<(RawTriple, f32, Split)> = Vec::new();
        let mut add = |head: NodeId, relation: RelationId, tail: NodeId, line: u32, weight: f32, split: Split| {
            if nodes.is_copy(head) || nodes.is_copy(tail) {
                return;
            }
            let relation = u32::from(relation.0 / 2).saturating_sub(1);
            let triple = RawTriple { head: nodes.entity(head), relation, tail: nodes.entity(tail), line };
            told.push((triple, weight, split));
        };
        let stage = context.stage("reading the graph", Some(kg.num_nodes() as u64), "nodes");
        let mut lines = kg.stored_lines().iter();
        for node in (0..).map(NodeId).take(kg.num_nodes()) {
            if node.0.is_multiple_of(NODES_PER_CHECK) {
                stage.reach(node.0.into())?;
            }
            let weights = kg.weights(node);
            for (place, (relation, tail)) in kg.arcs(node).iter().enumerate().filter(|(_, (r, _))| !r.is_inverse()) {
                let line = lines.next().copied().unwrap_or(0);
                if relation != RelationId::INTERACTED {
                    add(node, relation, tail, line, weights.get(place).copied().unwrap_or(1.0), Split::Train);
                }
            }
        }
        for (facts, split) in base.facts.iter().zip([Split::Valid, Split::Test]) {
            facts.iter().for_each(|f| add(f.triple.head, f.triple.relation, f.triple.tail, f.line, 1.0, split));
        }
        // In the order of their files, so that each file is one run.
        sorting::sort_by_key(&mut told, context, |(t, _, split)| (t.line, t.head, t.relation, t.tail, *split))?;
        let is_weighed = match base.options.rating_weights {
            // Weights that are there for the ratings' sake say nothing of facts.
            true => told.iter().any(|(_, weight, _)| weight.to_bits() != 1.0f32.to_bits()),
            false => kg.has_weights(),
        };
        if told.is_empty() {
            return Ok(());
        }
        self.weighed = Some(is_weighed);
        let files = base_files(
            &kg.schema().triples_files,
            base.report().map(|report| report.last_lines.triples),
            told.last().map_or(0, |(triple, ..)| triple.line),
            &mut self.files,
            &mut self.facts,
        )?;
        for (mut triple, weight, split) in told {
            let (file, line) = place(&kg.schema().triples_files, &files, triple.line);
            triple.line = line;
            let number = self.dataset.triples.len();
            self.facts.add(number, file, line);
            if let Some(uses) = self.relation_uses.get_mut(triple.relation as usize) {
                *uses += 1;
            }
            self.dataset.triples.push(triple);
            self.dataset.triple_weights.extend(is_weighed.then_some(weight));
            self.hold_out(number, split);
        }
        Ok(())
    }

    fn take_log(&mut self, base: &Base, context: &Context) -> Result<()> {
        let kg = &base.kg;
        let schema = kg.schema();
        let names_parts = base.report().is_some_and(|report| report.log_names_parts);
        let mut told: Vec<RawInteraction> = Vec::new();
        let mut add = |user: NodeId, item: NodeId, rating: f32, time: i64, line: u32, split: Split| {
            let (user, item) = (user.0, item.0 - kg.items().start);
            told.push(RawInteraction { user, item, rating, time, line, split });
        };
        let mut lines = kg.stored_lines().iter();
        for user in kg.users().map(NodeId) {
            check(user.0, context)?;
            let (ratings, times) = (kg.ratings_of(user), kg.times_of(user));
            let forward = kg.arcs(user).iter().filter(|(relation, _)| !relation.is_inverse());
            for (place, (relation, item)) in forward.enumerate() {
                let line = lines.next().copied().unwrap_or(0);
                // Interactions come first among the edges of a user.
                if relation == RelationId::INTERACTED {
                    let rating = ratings.get(place).copied().unwrap_or(f32::NAN);
                    add(user, item, rating, times.get(place).copied().unwrap_or(0), line, Split::Train);
                }
            }
        }
        for (log, split) in base.log.iter().zip([Split::Valid, Split::Test]) {
            // Where the data names no parts the log is cut anew.
            let split = if names_parts { split } else { Split::Train };
            for (number, (user, item, time)) in log.iter().enumerate() {
                add(user, item, log.rating(number), time, log.line(number), split);
            }
        }
        if told.is_empty() {
            return Ok(());
        }
        sorting::sort_by_key(&mut told, context, |choice| (choice.line, choice.user, choice.item))?;
        let fields = LogFields { rating: schema.has_ratings, time: schema.has_times, split: names_parts };
        self.log_fields = Some(fields);
        (self.dataset.has_ratings, self.dataset.has_times) = (fields.rating, fields.time);
        let files = base_files(
            &schema.interactions_files,
            base.report().map(|report| report.last_lines.interactions),
            told.last().map_or(0, |choice| choice.line),
            &mut self.files,
            &mut self.log,
        )?;
        let mut is_chosen = vec![false; self.dataset.items.len()];
        for mut choice in told {
            let (file, line) = place(&schema.interactions_files, &files, choice.line);
            choice.line = line;
            set(&mut is_chosen, choice.item, true);
            self.log.add(self.dataset.interactions.len(), file, line);
            self.dataset.interactions.push(choice);
        }
        // What nobody chose can only have been listed.
        self.listed.iter_mut().zip(is_chosen).filter(|(_, is_chosen)| !is_chosen).for_each(|(line, _)| *line = 1);
        Ok(())
    }

    /// An entity of the base graph that is listed again: a type that it lacks is added, and a label is newer than its
    /// own.
    pub(super) fn list_again(&mut self, entity: u32, kind: &str, label: Option<Field<'_>>) -> Checked<()> {
        let own = self.dataset.entity_types.get(entity as usize).map_or("", |&kind| self.dataset.types.get(kind));
        if own == UNTYPED {
            let kind = self.dataset.types.intern(kind).0;
            set(&mut self.dataset.entity_types, entity, kind);
        } else if own != kind {
            let id = show(self.dataset.entities.get(entity).as_bytes());
            let message = format!("entity `{id}` has the type `{}` in the graph", show(own.as_bytes()));
            return Err(Flaw::new("other_type", message).at(1));
        }
        let label = label.map_or(NONE, |label| self.label(label));
        if label != NONE {
            set(&mut self.dataset.entity_labels, entity, label);
        }
        self.odd.repeated_rows += 1;
        Ok(())
    }

    /// A relation of the base graph that is listed again: readings that it lacks are added, and its own stay.
    pub(super) fn read_again(&mut self, number: u32, listed: RawRelation) -> Checked<u32> {
        let Some(known) = self.dataset.relations.get_mut(number as usize) else { return Ok(number) };
        let plain = known.name.replace('_', " ");
        let is_made_up = known.forward == plain && known.inverse == Relation::plain_inverse(&plain);
        for (own, new) in [(&mut known.forward, listed.forward), (&mut known.inverse, listed.inverse)] {
            if new.is_empty() || new == *own {
                continue;
            }
            if !is_made_up {
                let (name, own) = (show(known.name.as_bytes()), show(own.as_bytes()));
                let message =
                    format!("relation `{name}` reads `{own}` in the graph; leave its reading out, or repeat it");
                return Err(Flaw::new("relation_collision", message).at(0));
            }
            *own = new;
        }
        Ok(number)
    }

    /// Makes the facts of the first relation of each pair those of the second.
    pub(super) fn make_one(&mut self, pairs: &[(u32, u32)]) {
        let mut number: Vec<u32> = (0..).take(self.relation_uses.len()).collect();
        for &(from, to) in pairs {
            let uses = self.relation_uses.get_mut(from as usize).map_or(0, std::mem::take);
            if let Some(total) = self.relation_uses.get_mut(to as usize) {
                *total += uses;
            }
            set(&mut number, from, to);
        }
        for triple in self.dataset.triples.iter_mut().filter(|_| !pairs.is_empty()) {
            triple.relation = number.get(triple.relation as usize).copied().unwrap_or(triple.relation);
        }
    }
}

/// Nodes of a base graph, as records name them.
struct Nodes {
    /// The entity of each; [`NONE`] of users and items that are linked to none.
    entities: Vec<u32>,
    /// Whether it is an item that shares its entity with one before it, so that its facts are copies.
    is_copy: Vec<bool>,
}

impl Nodes {
    fn entity(&self, node: NodeId) -> u32 {
        self.entities.get(node.index()).copied().unwrap_or(NONE)
    }

    fn is_copy(&self, node: NodeId) -> bool {
        self.is_copy.get(node.index()).copied().unwrap_or(false)
    }
}

/// Enters the files of a base before all others, with the number of their last lines; their numbers. Of a single file
/// the last line is in the report, or else the last of which something was kept is taken for it.
fn base_files(
    sources: &Sources,
    last_line: Option<u32>,
    last_kept: u32,
    files: &mut Files,
    origins: &mut Origins,
) -> Result<Vec<FileNumber>> {
    let is_one = sources.files().len() == 1;
    let mut numbers = Vec::new();
    for source in sources.files() {
        let lines = if is_one { last_line.unwrap_or(0).max(last_kept) } else { source.lines };
        let number = files.add_of_base(Path::new(&source.name))?;
        origins.preset(number, lines);
        numbers.push(number);
    }
    Ok(numbers)
}

/// The file and the line that a number of a base stands for.
fn place(sources: &Sources, files: &[FileNumber], number: u32) -> (FileNumber, u32) {
    let (file, line) = sources.place(number).unwrap_or((0, 0));
    (files.get(file).copied().unwrap_or(Files::MEMORY), line)
}

fn check(node: u32, context: &Context) -> Result<()> {
    if node.is_multiple_of(NODES_PER_CHECK) { Ok(context.check()?) } else { Ok(()) }
}
