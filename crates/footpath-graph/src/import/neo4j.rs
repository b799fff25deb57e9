//! Property graphs: CSV as `neo4j-admin import` reads it, and what APOC's `export.csv.all` and `export.json.all` write.
//!
//! ```text
//! neo4j-admin   nodes  name:ID(Space) … :LABEL       labels parted by `;`
//!               edges  :START_ID(Space) … :END_ID(Space) :TYPE
//! APOC, CSV     one table: _id _labels … for nodes, _start _end _type … for edges; labels as `:A:B`
//! APOC, JSON    a line for each node and each edge
//! ```
//!
//! Of several labels of a node one is its type, as the mapping prefers, and the others are further types unless it says
//! which to keep. A label is a class and a type of edge a relation of the mapping. Labels to read are in the properties
//! that the mapping names: `name`, `title`, `label` unless it says otherwise.

use super::collector::Collector;
use super::feed::{self, Edge, Feed, Value, files_with};
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder, unpacked};
use super::gathered::At;
use super::lines::Lines;
use super::mapping::Mapping;
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::Record;
use super::source::Source;
use super::table::Table;
use super::tables::{Plan, Tables};
use crate::error::{Result, show};
use serde_json::Value as Json;
use std::cell::Cell;
use std::rc::Rc;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableKind {
    Nodes,
    Edges,
    ApocCsv,
    ApocJson,
}

/// The files of a graph, nodes before edges.
pub(super) struct Neo4j {
    files: Vec<(File, TableKind)>,
    mapping: Mapping,
}

/// What shows that there is a property graph: the header of a table, or the first line of a file of JSON.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    for file in files_with(folder, &[".csv", ".json", ".jsonl"]) {
        if let Some(kind) = kind_of(&file) {
            let what = match kind {
                TableKind::Nodes => "a header with :ID",
                TableKind::Edges => "a header with :START_ID and :END_ID",
                TableKind::ApocCsv => "the header of APOC's export, _id and _start",
                TableKind::ApocJson => "nodes and relationships as APOC's export writes them",
            };
            return Ok(Some(format!("{} has {what}", file.shown_name())));
        }
    }
    Ok(None)
}

/// Finds the files.
pub(super) fn find(folder: &Folder, mapping: Option<&Mapping>) -> Result<Neo4j> {
    let all: Vec<File> = folder.files().map(|(_, file)| file).collect();
    let mut files: Vec<(File, TableKind)> =
        all.into_iter().filter_map(|file| Some((kind_of(&file)?, file))).map(|(kind, file)| (file, kind)).collect();
    if files.is_empty() {
        return Err(folder.missing("CSV with :ID, or with :START_ID and :END_ID, in the header; or an export of APOC"));
    }
    files.sort_by_key(|(_, kind)| *kind == TableKind::Edges);
    let mapping = mapping.cloned().unwrap_or_else(Mapping::expanded_default);
    Ok(Neo4j { files, mapping })
}

/// What a file is, by its first line.
fn kind_of(file: &File) -> Option<TableKind> {
    let mut source = Source::open(&file.path, Rc::new(Cell::new(1 << 22))).ok()?;
    let mut line = Vec::new();
    source.read_line(1 << 20, &mut line).ok()?;
    let text = std::str::from_utf8(&line).ok()?.trim_start_matches('\u{feff}').trim_end();
    if text.starts_with('{') {
        let parsed: Json = serde_json::from_str(text).ok()?;
        let kind = parsed.get("type").and_then(Json::as_str)?;
        return ["node", "relationship"].contains(&kind).then_some(TableKind::ApocJson);
    }
    let columns: Vec<&str> = text.split([',', '\t', ';']).map(|column| column.trim_matches('"')).collect();
    let has = |word: &str| columns.iter().any(|column| Column::of(column).kind == word);
    if has("START_ID") && has("END_ID") {
        Some(TableKind::Edges)
    } else if has("ID") {
        Some(TableKind::Nodes)
    } else if ["_id", "_labels", "_start", "_end", "_type"].iter().all(|name| columns.contains(name)) {
        Some(TableKind::ApocCsv)
    } else {
        None
    }
}

/// A column of a header: `name:KIND(Space)`.
struct Column<'a> {
    name: &'a str,
    kind: &'a str,
    space: &'a str,
}

impl<'a> Column<'a> {
    fn of(text: &'a str) -> Self {
        let Some((name, rest)) = text.rsplit_once(':') else { return Self { name: text, kind: "", space: "" } };
        // Options in braces, such as {label:Person}, are not read.
        let rest = rest.split('{').next().unwrap_or(rest);
        let (kind, space) =
            rest.split_once('(').map_or((rest, ""), |(kind, space)| (kind, space.trim_end_matches(')')));
        Self { name, kind, space }
    }
}

impl Tables for Neo4j {
    fn plan(&self) -> Vec<(File, String)> {
        let mut plan = Plan::default();
        for (file, kind) in &self.files {
            let what = match kind {
                TableKind::Nodes => "nodes",
                TableKind::Edges => "edges",
                TableKind::ApocCsv => "nodes and edges, by APOC",
                TableKind::ApocJson => "nodes and edges by APOC, one a line",
            };
            plan = plan.with([file], what);
        }
        let mut plan = plan.done();
        plan.extend(feed::tables(&self.mapping));
        plan
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let mut feed = Feed::new(&self.mapping, &[feed::ALL]);
        for (file, kind) in &self.files {
            match kind {
                TableKind::Nodes => nodes(file, &mut feed, collector, reading)?,
                TableKind::Edges => edges(file, &mut feed, collector, reading)?,
                TableKind::ApocCsv => apoc_csv(file, &mut feed, collector, reading)?,
                TableKind::ApocJson => apoc_json(file, &mut feed, collector, reading)?,
            }
        }
        feed.finish(collector, reading)
    }
}

/// The id of a node within all of its spaces.
fn node_id(space: &str, id: &str) -> String {
    if space.is_empty() { id.to_owned() } else { [space, "/", id].concat() }
}

/// The name of a file without what stands after the first point, for what its columns do not say.
fn stem(file: &File) -> String {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    unpacked(name).split('.').next().unwrap_or_default().to_owned()
}

/// Lists a node with its labels and properties.
fn node<'p>(
    feed: &mut Feed<'_>,
    collector: &mut Collector,
    at: At,
    id: &str,
    labels: impl Iterator<Item = &'p str>,
    properties: impl Iterator<Item = (&'p str, &'p str)>,
) -> Checked<()> {
    if id.trim().is_empty() {
        return Err(Flaw::new("empty_field", "a node without an id"));
    }
    if feed.is_described(id) {
        return Err(Flaw::new("duplicate_id", format!("node `{}` stands twice", show(id.as_bytes()))));
    }
    let mut has_label = false;
    for label in labels.map(str::trim).filter(|label| !label.is_empty()) {
        feed.add_type(id, label);
        has_label = true;
    }
    if !has_label {
        feed.add_type(id, "entity");
    }
    for (name, text) in properties.filter(|(_, text)| !text.is_empty()) {
        feed.value(collector, at, &Value { node: id, relation: name, text, language: "" })?;
    }
    Ok(())
}

/// Takes an edge, both ends of which must be there.
fn edge(feed: &mut Feed<'_>, collector: &mut Collector, at: At, edge: &Edge<'_>) -> Checked<()> {
    for id in [edge.head, edge.tail] {
        if !feed.is_described(id) {
            return Err(Flaw::new("dangling_entity", format!("there is no node `{}`", show(id.as_bytes()))));
        }
    }
    if edge.relation.trim().is_empty() {
        return Err(Flaw::new("empty_field", "an edge without a type"));
    }
    feed.edge(collector, at, edge)
}

fn nodes(file: &File, feed: &mut Feed<'_>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    let header = table.header().to_vec();
    let columns: Vec<Column<'_>> = header.iter().map(|column| Column::of(column)).collect();
    let of_kind = |kind: &str| columns.iter().position(|column| column.kind == kind);
    let (id, label) = (of_kind("ID"), of_kind("LABEL"));
    let Some(id) = id else {
        return table.refuse_header(reading, Flaw::new("header", "no column with :ID"));
    };
    let space = columns.get(id).map_or("", |column| column.space);
    let fallback = if space.is_empty() { stem(file) } else { space.to_owned() };
    if label.is_none() {
        let message = format!("no column :LABEL in {}; its nodes are of class `{fallback}`", file.shown_name());
        reading.problems.find(Finding::new("no_labels", Severity::Note, 1, message));
    }
    let properties: Vec<(usize, &str)> = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !column.name.is_empty() && !["LABEL", "IGNORE"].contains(&column.kind))
        .map(|(number, column)| (number, column.name))
        .collect();
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let at = At { ahead: None, ..At::record(of_file, record) };
        if record.field(id).text.trim().is_empty() {
            return Err(Flaw::new("empty_field", "a node without an id").at(id));
        }
        let labels = label.map_or(fallback.as_str(), |column| record.field(column).text);
        let values = properties.iter().map(|&(number, name)| (name, record.field(number).text));
        node(feed, collector, at, &node_id(space, record.field(id).text), labels.split(';'), values)
            .map_err(|flaw| flaw.at(id))
    })
}

fn edges(file: &File, feed: &mut Feed<'_>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    let header = table.header().to_vec();
    let columns: Vec<Column<'_>> = header.iter().map(|column| Column::of(column)).collect();
    let of_kind = |kind: &str| columns.iter().position(|column| column.kind == kind);
    let (start, end, kind) = (of_kind("START_ID"), of_kind("END_ID"), of_kind("TYPE"));
    let (Some(start), Some(end)) = (start, end) else {
        return table.refuse_header(reading, Flaw::new("header", "no columns with :START_ID and :END_ID"));
    };
    let space = |number: usize| columns.get(number).map_or("", |column| column.space);
    let (of_start, of_end, fallback) = (space(start), space(end), stem(file));
    if kind.is_none() {
        let message = format!("no column :TYPE in {}; its edges are of type `{fallback}`", file.shown_name());
        reading.problems.find(Finding::new("no_types", Severity::Note, 1, message));
    }
    let named = |name: &Option<String>| name.as_ref().and_then(|name| columns.iter().position(|c| c.name == name));
    let interactions = &feed.mapping().interactions;
    let (rating, time) = (named(&interactions.rating), named(&interactions.time));
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let at = At { ahead: None, ..At::record(of_file, record) };
        let relation = kind.map_or(fallback.as_str(), |column| record.field(column).text);
        let head = node_id(of_start, record.field(start).text);
        let tail = node_id(of_end, record.field(end).text);
        let (rating, time) = (rating.map(|c| record.field(c)), time.map(|c| record.field(c)));
        edge(feed, collector, at, &Edge { head: &head, relation, tail: &tail, rating, time })
    })
}

/// One table of all nodes and edges.
fn apoc_csv(file: &File, feed: &mut Feed<'_>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    let required = ["_id", "_labels", "_start", "_end", "_type"];
    let header = table.header().to_vec();
    let column = |name: &str| header.iter().position(|column| column == name);
    let [id, labels, start, end, kind] = required.map(|name| column(name).unwrap_or(usize::MAX));
    let properties: Vec<(usize, String)> = header
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.starts_with('_'))
        .map(|(n, name)| (n, name.clone()))
        .collect();
    let interactions = &feed.mapping().interactions;
    let named = |name: &Option<String>| name.as_deref().and_then(column);
    let (rating, time) = (named(&interactions.rating), named(&interactions.time));
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record: Record<'_>| {
        let at = At { ahead: None, ..At::record(of_file, record) };
        let text = |column: usize| record.field(column).text;
        if !text(id).is_empty() {
            let values = properties.iter().map(|(number, name)| (name.as_str(), text(*number)));
            return node(feed, collector, at, text(id), text(labels).split(':'), values).map_err(|flaw| flaw.at(id));
        }
        if text(start).is_empty() || text(end).is_empty() {
            return Err(Flaw::new("empty_field", "neither a node with _id nor an edge with _start and _end").at(id));
        }
        let filled = |column: Option<usize>| column.map(|c| record.field(c)).filter(|field| !field.text.is_empty());
        let (rating, time) = (filled(rating), filled(time));
        edge(feed, collector, at, &Edge { head: text(start), relation: text(kind), tail: text(end), rating, time })
    })
}

/// A line for each node and each edge. Edges may stand before their nodes, so they wait for the end.
fn apoc_json(file: &File, feed: &mut Feed<'_>, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let mut waiting: Vec<(u32, Json)> = Vec::new();
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let parsed: Json = serde_json::from_str(text)
            .map_err(|error| Flaw::new("json", format!("not a JSON object: {}", show(error.to_string().as_bytes()))))?;
        let at = At { file: of_file, line, ahead: None };
        match parsed.get("type").and_then(Json::as_str) {
            Some("node") => json_node(&parsed, at, feed, collector),
            Some("relationship") => {
                waiting.push((line, parsed));
                Ok(())
            }
            _ => Err(Flaw::new("json", "expected a `type` that is `node` or `relationship`")),
        }
    })?;
    for (line, parsed) in waiting {
        let at = At { file: of_file, line, ahead: None };
        if let Err(flaw) = json_edge(&parsed, at, feed, collector) {
            reading.problems.bad(&file.path, line.into(), flaw)?;
        }
    }
    reading.problems.stop_if_strict()
}

/// What a JSON value is as a field.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn id_of(value: Option<&Json>) -> Checked<String> {
    let id = value.and_then(|value| value.get("id")).and_then(plain);
    id.ok_or_else(|| Flaw::new("json", "a node without an `id`"))
}

fn json_node(parsed: &Json, at: At, feed: &mut Feed<'_>, collector: &mut Collector) -> Checked<()> {
    let id = id_of(Some(parsed))?;
    let labels = parsed.get("labels").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let properties = parsed.get("properties").and_then(Json::as_object).into_iter().flatten();
    let properties: Vec<(&str, String)> =
        properties.filter_map(|(name, value)| Some((name.as_str(), plain(value)?))).collect();
    node(feed, collector, at, &id, labels, properties.iter().map(|(name, text)| (*name, text.as_str())))
}

fn json_edge(parsed: &Json, at: At, feed: &mut Feed<'_>, collector: &mut Collector) -> Checked<()> {
    let (head, tail) = (id_of(parsed.get("start"))?, id_of(parsed.get("end"))?);
    let relation = parsed.get("label").and_then(Json::as_str).unwrap_or_default();
    let property = |name: &Option<String>| plain(parsed.get("properties")?.get(name.as_deref()?)?);
    let interactions = &feed.mapping().interactions;
    let (rating, time) = (property(&interactions.rating), property(&interactions.time));
    fn field(text: &Option<String>, number: usize) -> Option<Field<'_>> {
        text.as_deref().map(|text| Field { text, number, quoted: true })
    }
    let (rating, time) = (field(&rating, 0), field(&time, 1));
    edge(feed, collector, at, &Edge { head: &head, relation, tail: &tail, rating, time })
}
