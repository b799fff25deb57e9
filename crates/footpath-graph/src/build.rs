//! From a [`Dataset`] to a graph: dense ids, arcs in both directions, duplicates dropped and counted.
//!
//! Ids are given by sorted names, so the order of the input files does not matter: the same facts give the same bytes.

mod further;
mod ids;

use crate::aliases::{ALIASES_FILE, Aliases};
use crate::attributes::ATTRIBUTES_FILE;
use crate::dataset::{Dataset, MAX_RELATIONS, NONE, RawInteraction, RawRelation};
use crate::error::Result;
use crate::heldout::{self, HeldOutFact, Interaction, Split};
use crate::kg::{self, KgArrays, Relation, Schema, TrainKg};
use crate::sorting;
use footpath_core::{
    ArrayWriter, ArtefactKind, ArtefactWriter, Context, Manifest, NodeId, RelationId, Replace, Stage, Triple,
};
use ids::Ids;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Arcs of a node that are put in order in parallel.
const LARGE_ROW: usize = 1 << 16;

/// A graph built in memory, with what is held out from it.
#[derive(Clone, Debug)]
pub struct Built {
    /// Types and relations.
    pub schema: Schema,
    /// The train graph.
    pub arrays: KgArrays,
    /// Held-out interactions for choosing a model, sorted by (user, item).
    pub valid: Vec<Interaction>,
    /// Held-out interactions for the final figure, sorted by (user, item).
    pub test: Vec<Interaction>,
    /// Held-out facts for choosing a model, sorted.
    pub valid_facts: Vec<HeldOutFact>,
    /// Held-out facts for the final figure, sorted.
    pub test_facts: Vec<HeldOutFact>,
    /// Which entities the linked items and users are.
    pub aliases: Aliases,
    /// What was dropped on the way.
    pub dropped: Dropped,
}

/// Facts that were dropped or are worth a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dropped {
    /// Facts stated more than once; one is kept.
    pub duplicate_triples: u64,
    /// (user, item) pairs logged more than once; the first in time is kept.
    pub duplicate_interactions: u64,
    /// Facts whose head is their tail; kept, but never a hop of a path.
    pub self_loops: u64,
}

/// Builds a graph so small that nobody stops it or asks how far it is.
///
/// # Errors
/// As [`Built::of`].
pub fn build(dataset: Dataset) -> Result<Built> {
    Built::of(dataset, &Context::default())
}

fn of(mut dataset: Dataset, context: &Context) -> Result<Built> {
    let ids = Ids::assign(&dataset, context)?;
    let relation_order = relation_order(&dataset)?;
    let names = ids.names(&dataset);
    let labels = ids.labels(&dataset);
    let aliases = ids.aliases(&dataset);
    let (attributes, attribute_values) = ids.attributes(&dataset).into_iter().unzip();
    let has_user_facts = dataset.user_links.iter().any(|&link| link != NONE);
    // What is in the arrays by now is dropped at once: memory bounds the size of an import.
    dataset.drop_names();
    let (interactions, duplicate_interactions) =
        interactions(std::mem::take(&mut dataset.interactions), &ids, context)?;
    // A fact is two edges; each is put in its place, and then in order.
    let num_facts = (dataset.triples.len() + interactions.len()) as u64;
    let stage = context.stage("building", Some(4 * num_facts), "edges");
    let mut arcs = ArcTable::new(&dataset, &ids, &relation_order, &interactions, &stage)?;
    (dataset.triples, dataset.triple_weights) = (Vec::new(), Vec::new());
    let facts_of = |split: Split| held_out_facts(&dataset, &ids, &relation_order, split);
    let (valid_facts, test_facts) = (facts_of(Split::Valid), facts_of(Split::Test));
    let triple_counts = arcs.sort_and_deduplicate(&stage, context)?;
    let log_offsets = if has_user_facts { log_offsets(ids.users.len(), &interactions) } else { Vec::new() };
    let num_train = interactions.iter().filter(|(split, _)| *split == Split::Train).count();
    let mut counts = vec![num_train as u64];
    counts.extend(triple_counts.per_relation.iter().skip(1));
    let schema = Schema {
        types: ids.types,
        relations: relations(&dataset, &relation_order, &counts),
        has_ratings: dataset.has_ratings,
        has_times: dataset.has_times,
        users_have_facts: !log_offsets.is_empty(),
        attributes,
        further_types: ids.further_types,
        kinds: ids.kinds,
        interactions_files: dataset.interactions_files,
        triples_files: dataset.triples_files,
    };
    let fact_ranks = kg::fact_ranks(&arcs.relations);
    let of = |split: Split| interactions.iter().filter(move |(s, _)| *s == split).map(|(_, i)| *i);
    let arrays = KgArrays {
        offsets: arcs.offsets.into(),
        tails: arcs.tails.into(),
        relations: arcs.relations.into(),
        weights: arcs.weights.into(),
        lines: arcs.lines.into(),
        fact_ranks: fact_ranks.into(),
        log_offsets: log_offsets.into(),
        ratings: of(Split::Train).filter(|_| schema.has_ratings).map(|i| i.rating).collect::<Vec<_>>().into(),
        times: of(Split::Train).filter(|_| schema.has_times).map(|i| i.time).collect::<Vec<_>>().into(),
        name_ends: names.0.into(),
        name_bytes: names.1.into(),
        label_ends: labels.0.into(),
        label_bytes: labels.1.into(),
        attributes: attribute_values,
    };
    let dropped = Dropped {
        duplicate_triples: triple_counts.duplicates,
        duplicate_interactions,
        self_loops: triple_counts.self_loops,
    };
    let (valid, test) = (of(Split::Valid).collect(), of(Split::Test).collect());
    Ok(Built { schema, arrays, valid, test, valid_facts, test_facts, aliases, dropped })
}

impl Built {
    /// Builds the graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Limit`] for too many nodes or relations, [`footpath_core::Error::Stopped`].
    pub fn of(dataset: Dataset, context: &Context) -> Result<Self> {
        of(dataset, context)
    }

    /// The train graph, in memory.
    ///
    /// # Errors
    /// [`crate::Error::Invariant`], which would be a defect of the builder.
    pub fn train_kg(&self) -> Result<TrainKg> {
        TrainKg::from_arrays(self.schema.clone(), self.arrays.clone(), String::new(), Path::new("(memory)"))
    }

    /// Publishes the graph as an artefact; `config` states how it was made.
    ///
    /// # Errors
    /// As [`ArtefactWriter::publish`]; [`footpath_core::Error::Stopped`], which leaves no artefact.
    pub fn publish(
        &self,
        directory: &Path,
        replace: Replace,
        config: serde_json::Value,
        context: &Context,
    ) -> Result<Manifest> {
        let stage = context.stage("writing", None, "bytes");
        let version = self.schema.format_version();
        let mut writer = ArtefactWriter::create(directory, ArtefactKind::Kg, replace)?.with_format_version(version);
        let mut add = |name: &str, fill: &dyn Fn(&mut Stoppable<'_>) -> io::Result<()>| {
            let added = writer.add(name, |out| fill(&mut Stoppable { out, stage: &stage }));
            // A writer that was stopped ends in an error of the disk, which it is not.
            context.check().and(added)
        };
        add("schema.json", &|out| {
            serde_json::to_writer_pretty(&mut *out, &self.schema)?;
            out.write_all(b"\n")
        })?;
        let a = &self.arrays;
        add("graph.safetensors", &|out| {
            let arrays = ArrayWriter::default().with("offsets", &a.offsets).with("tails", &a.tails);
            let arrays = arrays.with("relations", &a.relations);
            let arrays = if a.weights.is_empty() { arrays } else { arrays.with("weights", &a.weights) };
            let arrays = arrays.with("lines", &a.lines).with("fact_ranks", &a.fact_ranks);
            let arrays = if a.log_offsets.is_empty() { arrays } else { arrays.with("log_offsets", &a.log_offsets) };
            let arrays = arrays.with("ratings", &a.ratings).with("times", &a.times);
            let arrays = arrays.with("name_ends", &a.name_ends).with("name_bytes", &a.name_bytes);
            arrays.with("label_ends", &a.label_ends).with("label_bytes", &a.label_bytes).write(out)
        })?;
        if !a.attributes.is_empty() {
            let named = || self.schema.attributes.iter().zip(&a.attributes);
            let arrays = || named().fold(ArrayWriter::default(), |all, (named, values)| all.with(&named.name, values));
            add(ATTRIBUTES_FILE, &|out| arrays().write(out))?;
        }
        if !self.aliases.is_empty() {
            add(ALIASES_FILE, &|out| self.aliases.write(out))?;
        }
        add("valid.safetensors", &|out| heldout::write(&self.valid, out))?;
        add("test.safetensors", &|out| heldout::write(&self.test, out))?;
        if !self.valid_facts.is_empty() || !self.test_facts.is_empty() {
            add("valid_facts.safetensors", &|out| heldout::write_facts(&self.valid_facts, out))?;
            add("test_facts.safetensors", &|out| heldout::write_facts(&self.test_facts, out))?;
        }
        Ok(writer.publish(BTreeMap::new(), config)?)
    }
}

/// Fails once somebody asks for the end.
struct Stoppable<'a> {
    out: &'a mut dyn Write,
    stage: &'a Stage<'a>,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.stage.advance(written as u64).map_err(io::Error::other)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Maps a raw relation number to its relation index (1 and up, by name).
fn relation_order(dataset: &Dataset) -> Result<Vec<u16>> {
    let got = dataset.relations.len();
    if got > MAX_RELATIONS {
        let max = MAX_RELATIONS as u64;
        return Err(footpath_core::Error::Limit { what: "relations", max, got: got as u64 }.into());
    }
    let mut by_name: Vec<usize> = (0..got).collect();
    by_name.sort_by(|&a, &b| dataset.relations.get(a).map(|r| &r.name).cmp(&dataset.relations.get(b).map(|r| &r.name)));
    let mut index_of = vec![0u16; got];
    for (index, raw) in (1u16..).zip(by_name) {
        if let Some(slot) = index_of.get_mut(raw) {
            *slot = index;
        }
    }
    Ok(index_of)
}

fn relations(dataset: &Dataset, order: &[u16], counts: &[u64]) -> Vec<Relation> {
    let count = |index: u16| counts.get(usize::from(index)).copied().unwrap_or(0);
    let mut named: Vec<_> = dataset.relations.iter().zip(order).collect();
    named.sort_by_key(|(_, index)| **index);
    let of =
        |(raw, &index): (&RawRelation, &u16)| Relation::read_as(&raw.name, &raw.forward, &raw.inverse, count(index));
    std::iter::once(Relation::interacted(count(0))).chain(named.into_iter().map(of)).collect()
}

/// The log with node ids, sorted by (user, item), one interaction for each pair, and the number dropped.
fn interactions(log: Vec<RawInteraction>, ids: &Ids, context: &Context) -> Result<(Vec<(Split, Interaction)>, u64)> {
    let convert = |raw: RawInteraction| {
        let user = NodeId(ids.users.get(raw.user as usize).copied().unwrap_or(NONE));
        let item = NodeId(ids.items.get(raw.item as usize).copied().unwrap_or(NONE));
        (raw.split, Interaction { user, item, rating: raw.rating, time: raw.time, line: raw.line })
    };
    let mut log: Vec<_> = log.into_iter().map(convert).collect();
    // Of a pair logged twice the earliest is kept, in the earliest split: a repeated choice of a train item is not held
    // out.
    sorting::sort_by_key(&mut log, context, |(split, i)| (i.user, i.item, *split, i.time, i.line))?;
    let before = log.len();
    log.dedup_by_key(|(_, i)| (i.user, i.item));
    let dropped = (before - log.len()) as u64;
    Ok((log, dropped))
}

/// Train interactions before each user's first, and their number at the end. The log is sorted by user.
fn log_offsets(num_users: usize, log: &[(Split, Interaction)]) -> Vec<u64> {
    let mut offsets = vec![0; num_users + 1];
    for (_, interaction) in log.iter().filter(|(split, _)| *split == Split::Train) {
        if let Some(count) = offsets.get_mut(interaction.user.index() + 1) {
            *count += 1;
        }
    }
    let mut before = 0;
    for offset in &mut offsets {
        before += *offset;
        *offset = before;
    }
    offsets
}

/// The held-out facts of a part with node ids, sorted.
fn held_out_facts(dataset: &Dataset, ids: &Ids, order: &[u16], split: Split) -> Vec<HeldOutFact> {
    let node = |raw: u32| NodeId(ids.entities.get(raw as usize).copied().unwrap_or(NONE));
    let mut facts: Vec<HeldOutFact> = dataset
        .held_out_facts
        .iter()
        .filter(|(part, _)| *part == split)
        .map(|(_, raw)| {
            let relation = RelationId(order.get(raw.relation as usize).copied().unwrap_or(0) * 2);
            HeldOutFact { triple: Triple { head: node(raw.head), relation, tail: node(raw.tail) }, line: raw.line }
        })
        .collect();
    facts.sort_unstable_by_key(|fact| (fact.triple.head, fact.triple.relation, fact.triple.tail, fact.line));
    facts.dedup_by_key(|fact| fact.triple);
    facts
}

/// The arcs while they are put in order.
struct ArcTable {
    offsets: Vec<u64>,
    tails: Vec<u32>,
    relations: Vec<u16>,
    lines: Vec<u32>,
    /// Empty in a graph without weights.
    weights: Vec<f32>,
}

/// A fact by its nodes and the index of its relation, with its line and its weight.
type Fact = (u32, u16, u32, u32, f32);

#[derive(Default)]
struct TripleCounts {
    per_relation: Vec<u64>,
    duplicates: u64,
    self_loops: u64,
}

impl ArcTable {
    fn new(
        dataset: &Dataset,
        ids: &Ids,
        order: &[u16],
        interactions: &[(Split, Interaction)],
        stage: &Stage<'_>,
    ) -> Result<Self> {
        let facts = || {
            let entity = |raw: u32| ids.entities.get(raw as usize).copied().unwrap_or(NONE);
            let weight = |number: usize| dataset.triple_weights.get(number).copied().unwrap_or(1.0);
            let knowledge = dataset.triples.iter().enumerate().map(move |(number, t)| -> Fact {
                let relation = order.get(t.relation as usize).copied().unwrap_or(0);
                (entity(t.head), relation, entity(t.tail), t.line, weight(number))
            });
            let train = interactions.iter().filter(|(split, _)| *split == Split::Train);
            let chosen = |i: &Interaction| if dataset.rating_weights { i.rating } else { 1.0 };
            train.map(move |(_, i)| -> Fact { (i.user.0, 0, i.item.0, i.line, chosen(i)) }).chain(knowledge)
        };
        let mut offsets = vec![0u64; ids.num_nodes as usize + 1];
        let mut pace = Pace::new(stage);
        for (head, _, tail, ..) in facts() {
            pace.check()?;
            for node in [head, tail] {
                if let Some(count) = offsets.get_mut(node as usize + 1) {
                    *count += 1;
                }
            }
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let weights = vec![1.0; if dataset.is_weighed() { total } else { 0 }];
        let (tails, relations, lines) = (vec![0; total], vec![0; total], vec![0; total]);
        let mut table = Self { tails, relations, lines, weights, offsets: offsets.clone() };
        for (head, relation, tail, line, weight) in facts() {
            pace.advance(2)?;
            table.put(&mut offsets, (head, relation * 2, tail, line, weight));
            table.put(&mut offsets, (tail, relation * 2 + 1, head, line, weight));
        }
        Ok(table)
    }

    /// Fills the last free slot of a node; `cursors` starts as the ends of the nodes.
    fn put(&mut self, cursors: &mut [u64], (node, relation, tail, line, weight): Fact) {
        let Some(cursor) = cursors.get_mut(node as usize + 1) else { return };
        *cursor -= 1;
        let slot = *cursor as usize;
        if let (Some(r), Some(t), Some(l)) =
            (self.relations.get_mut(slot), self.tails.get_mut(slot), self.lines.get_mut(slot))
        {
            (*r, *t, *l) = (relation, tail, line);
        }
        if let Some(place) = self.weights.get_mut(slot) {
            *place = weight;
        }
    }

    /// Sorts the arcs of each node by (relation, tail), keeps the first statement of each, and closes the gaps.
    fn sort_and_deduplicate(&mut self, stage: &Stage<'_>, context: &Context) -> Result<TripleCounts> {
        let mut pace = Pace::new(stage);
        let num_relations = self.relations.iter().max().map_or(1, |&r| usize::from(r) / 2 + 1);
        let mut counts = TripleCounts { per_relation: vec![0; num_relations], ..TripleCounts::default() };
        // Weights are positive, so their bits are ordered as they are; they only tell apart what says the same on the
        // same line.
        let mut row: Vec<(u16, u32, u32, u32)> = Vec::new();
        let (mut write, mut facts) = (0, 0);
        for node in 0..self.offsets.len() - 1 {
            let bounds = |i: usize| self.offsets.get(i).map_or(0, |&o| o as usize);
            let range = bounds(node)..bounds(node + 1);
            pace.advance(range.len() as u64)?;
            row.clear();
            let weight = |i: usize| self.weights.get(i).map_or(0, |weight| weight.to_bits());
            let arc = |i| Some((*self.relations.get(i)?, *self.tails.get(i)?, *self.lines.get(i)?, weight(i)));
            row.extend(range.filter_map(arc));
            match row.len() {
                ..LARGE_ROW => row.sort_unstable(),
                _ => sorting::sort_by_key(&mut row, context, |arc| *arc)?,
            }
            let before = row.len();
            row.dedup_by_key(|(relation, tail, ..)| (*relation, *tail));
            for &(relation, tail, ..) in row.iter().filter(|(r, ..)| r & 1 == 0) {
                counts.self_loops += u64::from(tail as usize == node);
                if let Some(count) = counts.per_relation.get_mut(usize::from(relation) / 2) {
                    *count += 1;
                }
            }
            counts.duplicates += (before - row.len()) as u64;
            if let Some(offset) = self.offsets.get_mut(node) {
                *offset = write as u64;
            }
            for &(relation, tail, line, weight) in &row {
                if let (Some(r), Some(t)) = (self.relations.get_mut(write), self.tails.get_mut(write)) {
                    (*r, *t) = (relation, tail);
                }
                if let Some(place) = self.weights.get_mut(write) {
                    *place = f32::from_bits(weight);
                }
                // Of the two arcs of a fact the forward one has the line.
                if let Some(slot) = self.lines.get_mut(facts).filter(|_| relation & 1 == 0) {
                    *slot = line;
                    facts += 1;
                }
                write += 1;
            }
        }
        if let Some(last) = self.offsets.last_mut() {
            *last = write as u64;
        }
        self.tails.truncate(write);
        self.relations.truncate(write);
        self.weights.truncate(write);
        self.lines.truncate(facts);
        // Every duplicate was met at its head and at its tail.
        counts.duplicates /= 2;
        Ok(counts)
    }
}

/// Tells a stage of steps so small that it would cost as much as the steps to tell of each.
struct Pace<'s> {
    stage: &'s Stage<'s>,
    units: u64,
    checks: u64,
}

impl<'s> Pace<'s> {
    const UNITS: u64 = 1 << 16;

    fn new(stage: &'s Stage<'s>) -> Self {
        Self { stage, units: 0, checks: 0 }
    }

    /// Notes that so many units more are done.
    fn advance(&mut self, units: u64) -> Result<()> {
        self.units += units;
        if self.units >= Self::UNITS {
            self.stage.advance(std::mem::take(&mut self.units))?;
        }
        Ok(())
    }

    /// Looks whether to stop, for a step that is no unit.
    fn check(&mut self) -> Result<()> {
        self.checks += 1;
        if self.checks.is_multiple_of(Self::UNITS) { Ok(self.stage.advance(0)?) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
