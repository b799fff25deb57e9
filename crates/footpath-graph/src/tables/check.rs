//! The first reading of the tables: every row is checked, and what the arrays will be as long as is counted.

use super::held_out::Pairs;
use super::layout::Layout;
use super::opened::Tables;
use super::optional::Optional;
use super::parts::{Column, Integer, Real, Table, Text};
use super::refusal::{bad, show_name};
use super::texts;
use crate::error::Result;
use crate::kg::EDGE_WEIGHTS;
use footpath_core::Stage;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_128;

/// What the arrays of the edges will be as long as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EdgeCounts {
    pub(super) num_edges: u64,
    /// Facts of each relation; the first are the interactions.
    pub(super) per_relation: Vec<u64>,
    pub(super) num_self_loops: u64,
}

impl EdgeCounts {
    pub(super) fn num_train(&self) -> u64 {
        self.per_relation.first().copied().unwrap_or(0)
    }

    pub(super) fn num_triples(&self) -> u64 {
        self.per_relation.iter().skip(1).sum()
    }
}

/// An edge without what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    node: i64,
    relation: i64,
    tail: i64,
}

/// What a row says besides.
#[derive(Clone, Copy, Debug)]
struct Known {
    line: Option<i64>,
    weight: Option<f32>,
    rating: Option<f32>,
    time: Option<i64>,
}

/// What every edge has to be.
struct Rules {
    users: Range<i64>,
    items: Range<i64>,
    num_nodes: i64,
    num_directed: i64,
    last_lines: [i64; 2],
    has: Optional,
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Rules {
    fn of(layout: &Layout, has: Optional) -> Self {
        let range = |number| {
            let Range { start, end } = layout.range(number);
            signed(start)..signed(end)
        };
        let last = |last: u64| signed(last.min(u64::from(u32::MAX)));
        Self {
            users: range(0),
            items: range(1),
            num_nodes: signed(layout.num_nodes()),
            num_directed: signed(layout.num_directed()),
            last_lines: [last(layout.interactions_file.last()), last(layout.triples_file.last())],
            has,
        }
    }

    /// What is wrong with an edge: a kind and a message.
    fn flaw(&self, edge: Edge, known: Known) -> Option<(&'static str, String)> {
        let Edge { node, relation, tail } = edge;
        let nodes = 0..self.num_nodes;
        for (what, id) in [("node", node), ("tail", tail)] {
            if !nodes.contains(&id) {
                return Some(("id", format!("{what} {id} is none of the {} nodes", self.num_nodes)));
            }
        }
        if !(0..self.num_directed).contains(&relation) {
            let message = format!("relation {relation} is none of the {} directed relations", self.num_directed);
            return Some(("id", message));
        }
        let is_chosen = |user: i64, item: i64| self.users.contains(&user) && self.items.contains(&item);
        let fits = match relation {
            0 => is_chosen(node, tail),
            1 => is_chosen(tail, node),
            _ => !self.users.contains(&node) && !self.users.contains(&tail),
        };
        if !fits {
            let message = match relation {
                0 | 1 => "an interaction that is not of a user with an item",
                _ => "a fact of a user; tables hold none, import the data without an engine",
            };
            return Some(("ends", message.to_owned()));
        }
        self.flaw_of_known(relation, known)
    }

    fn flaw_of_known(&self, relation: i64, known: Known) -> Option<(&'static str, String)> {
        let is_forward = relation & 1 == 0;
        let last = self.last_lines.get(usize::from(relation > 1)).copied().unwrap_or(0);
        match known.line {
            Some(line) if is_forward && (0..=last).contains(&line) => {}
            None if !is_forward => {}
            Some(line) if is_forward => return Some(("line", format!("line {line} is not from 0 to {last}"))),
            None => {
                return Some(("line", "an edge as it was stated has no line; write 0 where it is unknown".to_owned()));
            }
            Some(_) => return Some(("line", "an inverse edge has a line, which belongs to the fact alone".to_owned())),
        }
        match known.weight {
            Some(weight) if !EDGE_WEIGHTS.contains(&weight) => {
                return Some(("weight", format!("weight {weight} is not from 1e-6 to 1e6")));
            }
            None if self.has.weight => return Some(("weight", "an edge has no weight".to_owned())),
            _ => {}
        }
        let is_chosen = relation == 0;
        for (what, is_there, has) in
            [("rating", known.rating.is_some(), self.has.rating), ("time", known.time.is_some(), self.has.time)]
        {
            if has && is_there != is_chosen {
                let message = format!("column `{what}` has a value where, and only where, relation is 0");
                return Some((what, message));
            }
        }
        let infinite = known.rating.filter(|rating| !rating.is_finite());
        infinite.map(|rating| ("rating", format!("{rating} is not a finite number")))
    }
}

/// A sum of facts, the same for the same facts in any order.
fn of_fact(edge: Edge, weight: Option<f32>) -> u128 {
    let Edge { node, relation, tail } = edge;
    let (head, tail) = if relation & 1 == 0 { (node, tail) } else { (tail, node) };
    let mut bytes = [0; 24];
    let weight = u64::from(weight.map_or(0, f32::to_bits)) << 32;
    let parts = [head.cast_unsigned(), tail.cast_unsigned(), (relation >> 1).cast_unsigned() | weight];
    for (slot, part) in bytes.chunks_exact_mut(8).zip(parts) {
        slot.copy_from_slice(&part.to_le_bytes());
    }
    xxh3_128(&bytes)
}

/// Checks all edges: ids, order, what each must say, that each fact stands in both directions, and that nothing of
/// the log is held out.
pub(super) fn edges(tables: &Tables, stage: &Stage<'_>) -> Result<EdgeCounts> {
    let table = &tables.edges;
    let has = Optional::of(table);
    let rules = Rules::of(&tables.layout, has);
    let mut node = table.column::<Integer>("node");
    let mut relation = table.column::<Integer>("relation");
    let mut tail = table.column::<Integer>("tail");
    let mut line = table.column::<Integer>("line");
    let mut weight = table.optional::<Real>("weight");
    let mut rating = table.optional::<Real>("rating");
    let mut time = table.optional::<Integer>("time");
    let mut held_out = tables.held_out().map(Pairs::of).collect::<Result<Vec<_>>>()?;
    let mut counts = EdgeCounts { per_relation: vec![0; tables.layout.relations.len() + 1], ..EdgeCounts::default() };
    let (mut stated, mut turned) = (0u128, 0u128);
    let mut before = None;
    while let Some(nodes) = node.next()? {
        let (Some(relations), Some(tails), Some(lines)) = (relation.next()?, tail.next()?, line.next()?) else { break };
        let (weights, ratings, times) = (some(&mut weight)?, some(&mut rating)?, some(&mut time)?);
        let mut lines = lines.cells();
        let (mut weights, mut ratings) = (weights.map(|block| block.cells()), ratings.map(|block| block.cells()));
        let mut times = times.map(|block| block.cells());
        let ends = nodes.all()?.iter().zip(tails.all()?);
        for (row, ((&node, &tail), &relation)) in ends.zip(relations.all()?).enumerate() {
            let edge = Edge { node, relation, tail };
            let known = Known {
                line: lines.next().flatten().copied(),
                weight: weights.as_mut().and_then(Iterator::next).flatten().copied(),
                rating: ratings.as_mut().and_then(Iterator::next).flatten().copied(),
                time: times.as_mut().and_then(Iterator::next).flatten().copied(),
            };
            if let Some((kind, message)) = rules.flaw(edge, known) {
                return Err(table.bad(nodes.place(row), kind, message));
            }
            if before.is_some_and(|before| before >= edge) {
                return Err(table.bad(nodes.place(row), "order", disorder(before == Some(edge))));
            }
            before = Some(edge);
            if relation & 1 == 0 {
                stated = stated.wrapping_add(of_fact(edge, known.weight));
                let number = usize::try_from(relation >> 1).unwrap_or(usize::MAX);
                counts.per_relation.get_mut(number).into_iter().for_each(|count| *count += 1);
                counts.num_self_loops += u64::from(node == tail);
            } else {
                turned = turned.wrapping_add(of_fact(edge, known.weight));
            }
            if relation == 0 {
                held_out.iter_mut().try_for_each(|pairs| pairs.refuse(node, tail))?;
            }
        }
        counts.num_edges += nodes.num_rows as u64;
        stage.advance(nodes.num_rows as u64)?;
    }
    if stated != turned {
        let message = "the edges are not the same facts in both directions: each stands once at its head, with an even \
                       relation, and once at its tail, with the odd one after it";
        return Err(bad(&tables.folder.join("edges"), 0, "inverse", message));
    }
    let idle = tables.layout.relations.iter().zip(counts.per_relation.iter().skip(1)).find(|(_, count)| **count == 0);
    if let Some((relation, _)) = idle {
        let message = format!("relation `{}` of tables.json has no fact; leave it out", show_name(&relation.name));
        return Err(bad(&tables.folder.join("edges"), 0, "relations", message));
    }
    Ok(counts)
}

fn some<'c, K: super::parts::ValueKind>(
    column: &'c mut Option<Column<'_, K>>,
) -> Result<Option<super::parts::Block<'c, K::Value>>> {
    column.as_mut().map_or(Ok(None), Column::next)
}

fn disorder(is_repeated: bool) -> &'static str {
    if is_repeated {
        "the edge before, once more"
    } else {
        "not in order: edges are sorted by node, relation and tail, as numbers, through all parts by name"
    }
}

/// How long the texts of the nodes are, and of which there are several of one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeCounts {
    pub(super) name_bytes: u64,
    pub(super) label_bytes: u64,
}

/// Checks all nodes: that each type has its ids in order, and that texts are texts.
pub(super) fn nodes(tables: &Tables, stage: &Stage<'_>) -> Result<NodeCounts> {
    let (table, layout) = (&tables.nodes, &tables.layout);
    let expected = layout.num_nodes();
    if table.num_rows != expected {
        let message = format!("{} rows, and tables.json counts {expected} nodes", table.num_rows);
        return Err(bad(&tables.folder.join("nodes"), 0, "layout", message));
    }
    let (mut id, mut label) = (table.column::<Text>("id"), table.optional::<Text>("label"));
    let mut aliases = tables.aliases.as_ref().map(super::aliases::Checked::of).transpose()?;
    let mut counts = NodeCounts::default();
    let mut ends = layout.types.iter().scan(0, |sum, kind| {
        *sum += kind.num;
        Some(*sum)
    });
    let mut end = ends.next().unwrap_or(0);
    let mut is_first = true;
    let (mut number, mut before) = (0u64, Vec::new());
    // Entities of one type are told apart by their order; those of different types by the hashes of all.
    let mut hashes = Hashes::of(layout);
    while let Some(ids) = id.next()? {
        let labels = some(&mut label)?;
        let mut labels = labels.map(|block| block.cells());
        for (row, bytes) in ids.all()?.iter().enumerate() {
            while number == end {
                is_first = true;
                match ends.next() {
                    Some(next) => end = next,
                    None => break,
                }
            }
            let at = || ids.place(row);
            let name = texts::name(bytes.data()).map_err(|(kind, message)| table.bad(at(), kind, message))?;
            if !is_first && before.as_slice() >= name.as_bytes() {
                let message =
                    "not in order: nodes stand by type, and within a type in byte order of their ids, each once";
                return Err(table.bad(at(), "order", message));
            }
            is_first = false;
            before.clear();
            before.extend_from_slice(name.as_bytes());
            counts.name_bytes += name.len() as u64;
            if let Some(label) = labels.as_mut().and_then(Iterator::next).flatten() {
                let label = texts::label(label.data()).map_err(|(kind, message)| table.bad(at(), kind, message))?;
                counts.label_bytes += label.len() as u64;
            }
            aliases.as_mut().map_or(Ok(()), |aliases| aliases.at_node(number, name))?;
            hashes.add(number, name);
            number += 1;
        }
        stage.advance(ids.num_rows as u64)?;
    }
    hashes.refuse_repeated(table, stage)?;
    Ok(counts)
}

/// Hashes of the ids of entities: eight bytes for each, and nothing where all are of one type.
struct Hashes {
    from: u64,
    of_ids: Vec<u64>,
}

impl Hashes {
    fn of(layout: &Layout) -> Self {
        let from = if layout.types.len() > 3 { layout.range(2).start } else { u64::MAX };
        Self { from, of_ids: Vec::new() }
    }

    fn add(&mut self, number: u64, id: &str) {
        if number >= self.from {
            self.of_ids.push(xxhash_rust::xxh3::xxh3_64(id.as_bytes()));
        }
    }

    /// Refuses an id that two types have. Equal hashes alone show nothing, so their ids are read once more.
    fn refuse_repeated(mut self, table: &Table, stage: &Stage<'_>) -> Result<()> {
        self.of_ids.sort_unstable();
        let mut suspects: Vec<u64> = self
            .of_ids
            .windows(2)
            .filter_map(|pair| if pair.first() == pair.get(1) { pair.first().copied() } else { None })
            .collect();
        suspects.dedup();
        if suspects.is_empty() {
            return Ok(());
        }
        let mut seen: std::collections::BTreeSet<Vec<u8>> = std::collections::BTreeSet::new();
        let (mut id, mut number) = (table.column::<Text>("id"), 0u64);
        while let Some(ids) = id.next()? {
            for (row, bytes) in ids.all()?.iter().enumerate() {
                let is_suspect = || suspects.binary_search(&xxhash_rust::xxh3::xxh3_64(bytes.data())).is_ok();
                if number >= self.from && is_suspect() && !seen.insert(bytes.data().to_vec()) {
                    let message = "an entity of another type has this id as well";
                    return Err(table.bad(ids.place(row), "duplicate_id", message));
                }
                number += 1;
            }
            // These rows were counted at the first look.
            stage.advance(0)?;
        }
        Ok(())
    }
}
