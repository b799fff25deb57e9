//! The second reading: each array is read from its column and written as it comes, in the order of the file.

use super::aliases::AliasCounts;
use super::check::{EdgeCounts, NodeCounts};
use super::opened::Tables;
use super::optional::Optional;
use super::parts;
use super::parts::{Column, Integer, Real, Table, Text};
use crate::error::Result;
use crate::kg::RANK_BLOCK;
use footpath_core::arrays::Element;
use footpath_core::artefact::ArtefactFile;
use footpath_core::{ArrayLayout, ArtefactWriter, Context, Error, Stage};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes that are gathered before they go on.
const PIECE: usize = 1 << 18;

/// An array file on its way.
struct Sink<'a> {
    file: ArtefactFile,
    /// What errors of the disk name.
    path: PathBuf,
    stage: &'a Stage<'a>,
    piece: Vec<u8>,
    /// Bytes of the array so far.
    num_bytes: u64,
}

impl Sink<'_> {
    fn push<T: Element>(&mut self, number: T) -> Result<()> {
        self.bytes(number.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.piece.extend_from_slice(bytes);
        self.num_bytes += bytes.len() as u64;
        if self.piece.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.piece).map_err(Error::io(&self.path))?;
        self.stage.advance(self.piece.len() as u64)?;
        self.piece.clear();
        Ok(())
    }
}

/// Where array files are written.
struct Output<'a> {
    writer: &'a mut ArtefactWriter,
    out: &'a Path,
    folder: &'a Path,
    stage: Stage<'a>,
}

impl Output<'_> {
    /// Writes an array file: `fill` writes the array of a name, which must be as long as the layout says.
    fn file(
        &mut self,
        name: &str,
        layout: &ArrayLayout<'_>,
        mut fill: impl FnMut(&str, &mut Sink<'_>) -> Result<()>,
    ) -> Result<()> {
        let path = self.out.join(name);
        let header = layout.header().map_err(Error::io(&path))?;
        let file = self.writer.open(name)?;
        let mut sink = Sink { file, path, stage: &self.stage, piece: Vec::new(), num_bytes: 0 };
        sink.bytes(&header)?;
        for (array, expected) in layout.arrays() {
            sink.num_bytes = 0;
            fill(array, &mut sink)?;
            if sink.num_bytes != expected {
                return Err(parts::changed(self.folder));
            }
        }
        sink.flush()?;
        Ok(self.writer.close(sink.file)?)
    }
}

fn each<K: parts::ValueKind>(mut column: Column<'_, K>, mut take: impl FnMut(&K::Value) -> Result<()>) -> Result<()> {
    while let Some(block) = column.next()? {
        block.values.iter().try_for_each(&mut take)?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the first reading checked every number")]
fn narrow(number: i64) -> u32 {
    number as u32
}

fn long(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What was counted at the first reading.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) nodes: NodeCounts,
    pub(super) edges: EdgeCounts,
    pub(super) aliases: AliasCounts,
}

/// Writes all array files of the graph.
pub(super) fn all(
    tables: &Tables,
    counts: &Counts,
    out: &Path,
    writer: &mut ArtefactWriter,
    context: &Context,
) -> Result<()> {
    let has = Optional::of(&tables.edges);
    let graph = layout(tables, counts, has);
    let stage = context.stage("writing", Some(graph.num_bytes()), "bytes");
    let mut output = Output { writer, out, folder: &tables.folder, stage };
    output.file("graph.safetensors", &graph, |name, out| graph_array(tables, name, out))?;
    if let Some(table) = tables.aliases.as_ref().filter(|table| table.num_rows > 0) {
        aliases(table, counts.aliases, &mut output)?;
    }
    held_out(tables.valid.as_ref(), "valid.safetensors", &mut output)?;
    held_out(tables.test.as_ref(), "test.safetensors", &mut output)
}

fn layout(tables: &Tables, counts: &Counts, has: Optional) -> ArrayLayout<'static> {
    let Counts { nodes, edges, .. } = counts;
    let num_nodes = long(tables.layout.num_nodes());
    let (num_edges, num_train) = (long(edges.num_edges), long(edges.num_train()));
    let layout = ArrayLayout::default().with::<u64>("offsets", num_nodes + 1).with::<u32>("tails", num_edges);
    let layout = layout.with::<u16>("relations", num_edges);
    let layout = if has.weight { layout.with::<f32>("weights", num_edges) } else { layout };
    let layout = layout.with::<u32>("lines", num_edges / 2).with::<u64>("fact_ranks", num_edges / RANK_BLOCK + 1);
    let layout = layout.with::<f32>("ratings", if has.rating { num_train } else { 0 });
    let layout = layout.with::<i64>("times", if has.time { num_train } else { 0 });
    let layout = layout.with::<u64>("name_ends", num_nodes).with::<u8>("name_bytes", long(nodes.name_bytes));
    layout.with::<u64>("label_ends", num_nodes).with::<u8>("label_bytes", long(nodes.label_bytes))
}

fn graph_array(tables: &Tables, name: &str, out: &mut Sink<'_>) -> Result<()> {
    let Tables { edges, nodes, .. } = tables;
    match name {
        "offsets" => offsets(edges, tables.layout.num_nodes(), out),
        "fact_ranks" => fact_ranks(edges, out),
        "tails" => each(edges.column::<Integer>("tail"), |&tail| out.push(narrow(tail))),
        #[expect(clippy::cast_possible_truncation, reason = "the first reading checked every number")]
        "relations" => each(edges.column::<Integer>("relation"), |&relation| out.push(narrow(relation) as u16)),
        // A value is there where the array has one: at facts, and at interactions.
        "lines" => each(edges.column::<Integer>("line"), |&line| out.push(narrow(line))),
        "weights" => each(edges.column::<Real>("weight"), |&weight| out.push(weight)),
        "ratings" if edges.has("rating") => each(edges.column::<Real>("rating"), |&rating| out.push(rating)),
        "times" if edges.has("time") => each(edges.column::<Integer>("time"), |&time| out.push(time)),
        "name_ends" => ends(nodes, "id", out),
        "name_bytes" => each(nodes.column::<Text>("id"), |text| out.bytes(text.data())),
        "label_ends" => ends(nodes, "label", out),
        "label_bytes" if nodes.has("label") => each(nodes.column::<Text>("label"), |text| out.bytes(text.data())),
        _ => Ok(()),
    }
}

/// Edges before those of each node, and all of them at the end.
fn offsets(edges: &Table, num_nodes: u64, out: &mut Sink<'_>) -> Result<()> {
    let (mut before, mut next) = (0u64, 0u64);
    each(edges.column::<Integer>("node"), |&node| {
        while next <= u64::from(narrow(node)) {
            out.push(before)?;
            next += 1;
        }
        before += 1;
        Ok(())
    })?;
    (next..=num_nodes).try_for_each(|_| out.push(before))
}

fn fact_ranks(edges: &Table, out: &mut Sink<'_>) -> Result<()> {
    let (mut number, mut before) = (0usize, 0u64);
    each(edges.column::<Integer>("relation"), |&relation| {
        if number.is_multiple_of(RANK_BLOCK) {
            out.push(before)?;
        }
        if number.is_multiple_of(parts::BLOCK_ROWS) {
            // So few bytes come of many edges that the next piece is far off.
            out.stage.advance(0)?;
        }
        number += 1;
        before += u64::from(relation & 1 == 0);
        Ok(())
    })?;
    if number.is_multiple_of(RANK_BLOCK) { out.push(before) } else { Ok(()) }
}

/// Where the text of each row ends; an absent one is empty, and so are all of a column that is not there.
fn ends(table: &Table, name: &'static str, out: &mut Sink<'_>) -> Result<()> {
    let mut end = 0u64;
    let Some(mut column) = table.optional::<Text>(name) else {
        return (0..table.num_rows).try_for_each(|_| out.push(end));
    };
    while let Some(block) = column.next()? {
        for text in block.cells() {
            end += text.map_or(0, |text| text.data().len() as u64);
            out.push(end)?;
        }
    }
    Ok(())
}

fn aliases(table: &Table, counts: AliasCounts, output: &mut Output<'_>) -> Result<()> {
    let num = long(counts.num);
    let layout = ArrayLayout::default().with::<u32>("nodes", num).with::<u8>("kinds", num);
    let layout = layout.with::<u64>("id_ends", num).with::<u8>("id_bytes", long(counts.id_bytes));
    let layout = layout.with::<u64>("type_ends", num).with::<u8>("type_bytes", long(counts.type_bytes));
    let layout = layout.with::<u64>("label_ends", num).with::<u8>("label_bytes", long(counts.label_bytes));
    let text = |name| table.column::<Text>(name);
    output.file(crate::aliases::ALIASES_FILE, &layout, |name, out| match name {
        "nodes" => each(table.column::<Integer>("node"), |&node| out.push(narrow(node))),
        #[expect(clippy::cast_possible_truncation, reason = "the first reading checked every number")]
        "kinds" => each(table.column::<Integer>("kind"), |&kind| out.push(narrow(kind) as u8)),
        "id_ends" => ends(table, "id", out),
        "id_bytes" => each(text("id"), |text| out.bytes(text.data())),
        "type_ends" => ends(table, "type", out),
        "type_bytes" => each(text("type"), |text| out.bytes(text.data())),
        "label_ends" => ends(table, "label", out),
        "label_bytes" => each(text("label"), |text| out.bytes(text.data())),
        _ => Ok(()),
    })
}

fn held_out(table: Option<&Table>, name: &str, output: &mut Output<'_>) -> Result<()> {
    let num_rows = table.map_or(0, |table| table.num_rows);
    let num = long(num_rows);
    let layout = ArrayLayout::default().with::<u32>("users", num).with::<u32>("items", num);
    let layout = layout.with::<f32>("ratings", num).with::<i64>("times", num).with::<u32>("lines", num);
    output.file(name, &layout, |name, out| {
        let Some(table) = table else { return Ok(()) };
        let mut whole = |name| each(table.column::<Integer>(name), |&number| out.push(narrow(number)));
        match name {
            "users" => whole("user"),
            "items" => whole("item"),
            "lines" => whole("line"),
            "ratings" if table.has("rating") => each(table.column::<Real>("rating"), |&rating| out.push(rating)),
            "ratings" => (0..num_rows).try_for_each(|_| out.push(f32::NAN)),
            "times" if table.has("time") => each(table.column::<Integer>("time"), |&time| out.push(time)),
            "times" => (0..num_rows).try_for_each(|_| out.push(0i64)),
            _ => Ok(()),
        }
    })
}
