//! Import: a folder, or frames from memory.

use crate::call::{Call, json, parsed};
use crate::columns::{self, Texts, named, numbers, times};
use crate::errors::input;
use crate::stream::{self, Stream};
use arrow_array::{RecordBatch, RecordBatchReader};
use footpath::import::{
    self, Attribute, DatasetBuilder, Entity, FileNumber, Inputs, Interaction, Item, Node, Options, Relation, Source,
    Triple, User,
};
use footpath::{Context, Replace, Split};
use pyo3::prelude::*;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// The options of an import as JSON, as they are unless told otherwise.
#[pyfunction]
pub(crate) fn import_defaults() -> String {
    json(&Options::default())
}

/// Imports files and folders, `inputs` as JSON; gives the report as JSON.
#[pyfunction]
pub(crate) fn import_folder(
    py: Python<'_>,
    inputs: &str,
    out: PathBuf,
    force: bool,
    options: &str,
    call: Call,
) -> PyResult<String> {
    let (inputs, options): (Inputs, Options) = (parsed(py, "inputs", inputs)?, parsed(py, "options", options)?);
    let replace = replace(force);
    call.wait(py, move |context| {
        let sources: Vec<&Path> = inputs.paths.iter().chain(&inputs.onto).map(PathBuf::as_path).collect();
        footpath::artefact::refuse_overlap(&out, &sources)?;
        Ok(json(&import::run_from(&inputs, &out, &options, replace, context)?.report))
    })
}

pub(crate) fn replace(force: bool) -> Replace {
    if force { Replace::Yes } else { Replace::No }
}

/// The frames there may be, in the order in which the records must come.
const KINDS: [FrameKind; 7] = [
    FrameKind { name: "entities", take: |rows, batch| rows.entities(batch) },
    FrameKind { name: "relations", take: |rows, batch| rows.relations(batch) },
    FrameKind { name: "triples", take: |rows, batch| rows.triples(batch) },
    FrameKind { name: "items", take: |rows, batch| rows.items(batch) },
    FrameKind { name: "interactions", take: |rows, batch| rows.interactions(batch) },
    FrameKind { name: "users", take: |rows, batch| rows.users(batch) },
    FrameKind { name: "attributes", take: |rows, batch| rows.attributes(batch) },
];

/// Frames that say something wherever they are given, as files of the same names do.
const NEVER_EMPTY: [&str; 2] = ["triples", "interactions"];

struct FrameKind {
    name: &'static str,
    take: fn(&mut Rows<'_>, &RecordBatch) -> Taken,
}

/// What came of a batch: a failure of the import, or a frame that is not what it should be.
type Taken = Result<footpath::Result<()>, String>;

/// A frame on its way: what it is called, and its stream.
struct Frame {
    kind: &'static FrameKind,
    stream: Stream,
}

/// How frames are read.
#[derive(Deserialize)]
struct Reading {
    /// Their own names of columns, by those that are known.
    columns: BTreeMap<String, String>,
    /// A graph that they are added to.
    onto: Option<PathBuf>,
}

/// Imports frames, by their names, as Arrow streams; `reading` as JSON says what they call their columns and which
/// graph they are added to. Gives the report as JSON.
#[pyfunction]
pub(crate) fn import_frames(
    py: Python<'_>,
    frames: BTreeMap<String, Bound<'_, PyAny>>,
    reading: &str,
    out: PathBuf,
    force: bool,
    options: &str,
    call: Call,
) -> PyResult<String> {
    let Reading { columns, onto } = parsed(py, "reading", reading)?;
    let options: Options = parsed(py, "options", options)?;
    let replace = replace(force);
    let mut ordered = Vec::new();
    for kind in &KINDS {
        if let Some(frame) = frames.get(kind.name) {
            ordered.push(Frame { kind, stream: stream::take(kind.name, frame)? });
        }
    }
    // What is wrong with a frame is told beside the work, whose errors are those of the library.
    let (tell, told) = mpsc::channel();
    let imported = call.wait(py, move |context| {
        let mut records = match &onto {
            Some(directory) => DatasetBuilder::onto(directory, &options, context)?,
            None => DatasetBuilder::new(&options)?,
        };
        let skip_missing = options.skip_missing;
        for frame in ordered {
            match gather(&mut records, frame, &columns, skip_missing, context) {
                Ok(taken) => taken?,
                Err(message) => {
                    let _ = tell.send(message);
                    return Ok(None);
                }
            }
        }
        Ok(Some(json(&import::from_records(records, &out, &options, replace, context)?.report)))
    });
    match imported? {
        Some(report) => Ok(report),
        None => Err(input(py, told.try_recv().unwrap_or_default())),
    }
}

/// Reads a frame into the builder.
fn gather(
    records: &mut DatasetBuilder,
    frame: Frame,
    columns: &BTreeMap<String, String>,
    skip_missing: bool,
    context: &Context,
) -> Taken {
    let Frame { kind, stream } = frame;
    let file = match records.file(Path::new(kind.name)) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error.into())),
    };
    let stage = context.stage("reading frames", None, "rows");
    let known = stream.schema().fields().iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>();
    let there = known.join(", ");
    let mut rows = Rows { records, frame: kind.name, file, before: 0, columns, there, skip_missing };
    for batch in stream {
        let batch = batch.map_err(|e| format!("{}: {e}", kind.name))?;
        if let Err(error) = (kind.take)(&mut rows, &batch)? {
            return Ok(Err(error));
        }
        rows.before += batch.num_rows();
        if let Err(error) = stage.advance(batch.num_rows() as u64) {
            return Ok(Err(error.into()));
        }
    }
    if rows.before == 0 && NEVER_EMPTY.contains(&kind.name) {
        return Err(format!("{}: empty: it has no rows", kind.name));
    }
    Ok(Ok(()))
}

/// The rows of one frame on their way into the builder.
struct Rows<'a> {
    records: &'a mut DatasetBuilder,
    frame: &'static str,
    file: FileNumber,
    /// Rows of the batches before.
    before: usize,
    columns: &'a BTreeMap<String, String>,
    /// The names of all columns, for messages.
    there: String,
    /// Whether rows with a null for an id are left out.
    skip_missing: bool,
}

impl Rows<'_> {
    /// Where a row of a batch stands: rows are counted from 1.
    fn source(&self, row: usize) -> Source {
        Source::at(self.file, u32::try_from(self.before + row + 1).unwrap_or(u32::MAX))
    }

    fn column<'b>(&self, batch: &'b RecordBatch, names: &[&str]) -> Option<&'b arrow_array::ArrayRef> {
        let known = names.first().copied().unwrap_or_default();
        match self.columns.get(known) {
            // An empty name leaves a column out.
            Some(given) if given.is_empty() => None,
            Some(given) => batch.column_by_name(given),
            None => named(batch, names),
        }
    }

    fn wrong(&self, column: &str, reason: &str) -> String {
        format!("{}: column `{column}` {reason}", self.frame)
    }

    /// The texts of a column that may be missing.
    fn texts<'b>(&self, batch: &'b RecordBatch, names: &[&str]) -> Result<Option<Texts<'b>>, String> {
        let column = self.column(batch, names);
        let name = names.first().copied().unwrap_or_default();
        column.map(Texts::of).transpose().map_err(|reason| self.wrong(name, &reason))
    }

    /// The ids of a column that must be there.
    fn ids<'b>(&self, batch: &'b RecordBatch, names: &[&str]) -> Result<Texts<'b>, String> {
        let missing = || {
            let (frame, there) = (self.frame, &self.there);
            let name = names.first().copied().unwrap_or_default();
            format!("{frame}: no column `{name}`; there are {there}; say which is meant: columns={{\"{name}\": …}}")
        };
        self.texts(batch, names)?.ok_or_else(missing)
    }

    fn numbers(&self, batch: &RecordBatch, names: &[&str]) -> Result<Option<Vec<Option<f64>>>, String> {
        let name = names.first().copied().unwrap_or_default();
        self.column(batch, names).map(numbers).transpose().map_err(|reason| self.wrong(name, &reason))
    }

    fn times(&self, batch: &RecordBatch, names: &[&str]) -> Result<Option<Vec<Option<i64>>>, String> {
        let name = names.first().copied().unwrap_or_default();
        self.column(batch, names).map(times).transpose().map_err(|reason| self.wrong(name, &reason))
    }

    /// A value that every row must have where there is its column.
    fn must<T: Copy>(&self, column: &str, values: Option<&Vec<Option<T>>>, row: usize) -> Result<Option<T>, String> {
        let Some(values) = values else { return Ok(None) };
        match values.get(row).copied().flatten() {
            Some(value) => Ok(Some(value)),
            None => Err(format!("{}: row {}: `{column}` is null", self.frame, self.before + row + 1)),
        }
    }

    /// The ids of a row; `None` where one is null and such rows are left out. Otherwise a null is refused.
    fn of_row<'t, const N: usize>(
        &self,
        columns: [(&str, &'t Texts<'_>); N],
        row: usize,
    ) -> Result<Option<[Cow<'t, str>; N]>, String> {
        let mut ids = [const { Cow::Borrowed("") }; N];
        for (slot, (name, texts)) in ids.iter_mut().zip(columns) {
            match texts.get(row) {
                Some(id) => *slot = id,
                None if self.skip_missing => return Ok(None),
                None => {
                    let (frame, number) = (self.frame, self.before + row + 1);
                    return Err(format!(
                        "{frame}: row {number}: `{name}` is null; drop such rows, or give skip_missing=True"
                    ));
                }
            }
        }
        Ok(Some(ids))
    }

    fn entities(&mut self, batch: &RecordBatch) -> Taken {
        let ids = self.ids(batch, &["entity_id", "entity"])?;
        let kinds = self.ids(batch, &["type", "kind"])?;
        let labels = self.texts(batch, &["label", "name"])?;
        let further = self.texts(batch, &["further_types"])?;
        for row in 0..batch.num_rows() {
            let Some([id, kind]) = self.of_row([("entity_id", &ids), ("type", &kinds)], row)? else { continue };
            let label = labels.as_ref().and_then(|labels| labels.get(row));
            let entity = Entity { id: &id, kind: &kind, label: label.as_deref() };
            let taken = self.records.entity(self.source(row), &entity).map_err(footpath::Error::from);
            if let Err(error) = taken.and_then(|()| self.further(&further, row, Node::Entity(&id))) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Adds the further types of a node, in the column of them.
    fn further(&mut self, texts: &Option<Texts<'_>>, row: usize, node: Node<'_>) -> footpath::Result<()> {
        match texts.as_ref().and_then(|texts| texts.get(row)).filter(|names| !names.is_empty()) {
            Some(names) => Ok(self.records.further_types(self.source(row), node, &names)?),
            None => Ok(()),
        }
    }

    fn relations(&mut self, batch: &RecordBatch) -> Taken {
        let names = self.ids(batch, &["name", "relation", "relation_id"])?;
        let forward = self.texts(batch, &["forward_label", "forward"])?;
        let inverse = self.texts(batch, &["inverse_label", "inverse"])?;
        for row in 0..batch.num_rows() {
            let Some([name]) = self.of_row([("name", &names)], row)? else { continue };
            let of = |texts: &Option<Texts<'_>>| texts.as_ref().and_then(|texts| texts.get(row)).map(Cow::into_owned);
            let (forward, inverse) = (of(&forward), of(&inverse));
            let relation = Relation { name: &name, forward: forward.as_deref(), inverse: inverse.as_deref() };
            if let Err(error) = self.records.relation(self.source(row), &relation) {
                return Ok(Err(error.into()));
            }
        }
        Ok(Ok(()))
    }

    fn triples(&mut self, batch: &RecordBatch) -> Taken {
        let heads = self.ids(batch, &["head", "head_id", "head_label"])?;
        let relations = self.ids(batch, &["relation", "relation_id", "relation_label"])?;
        let tails = self.ids(batch, &["tail", "tail_id", "tail_label"])?;
        let weights = self.numbers(batch, &["weight"])?;
        for row in 0..batch.num_rows() {
            let columns = [("head", &heads), ("relation", &relations), ("tail", &tails)];
            let Some([head, relation, tail]) = self.of_row(columns, row)? else { continue };
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let weight = self.must("weight", weights.as_ref(), row)?.map(|weight| weight as f32);
            let triple = Triple { head: &head, relation: &relation, tail: &tail, weight };
            if let Err(error) = self.records.triple(self.source(row), &triple) {
                return Ok(Err(error.into()));
            }
        }
        Ok(Ok(()))
    }

    fn items(&mut self, batch: &RecordBatch) -> Taken {
        let ids = self.ids(batch, &["item_id", "item"])?;
        let entities = self.texts(batch, &["entity_id", "entity"])?;
        let titles = self.texts(batch, &["title", "name", "label"])?;
        let further = self.texts(batch, &["further_types"])?;
        for row in 0..batch.num_rows() {
            let Some([id]) = self.of_row([("item_id", &ids)], row)? else { continue };
            let of = |texts: &Option<Texts<'_>>| texts.as_ref().and_then(|texts| texts.get(row)).map(Cow::into_owned);
            let (entity, title) = (of(&entities), of(&titles));
            let item = Item { id: &id, entity: entity.as_deref(), title: title.as_deref() };
            let taken = self.records.item(self.source(row), &item).map_err(footpath::Error::from);
            if let Err(error) = taken.and_then(|()| self.further(&further, row, Node::Item(&id))) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn users(&mut self, batch: &RecordBatch) -> Taken {
        let users = self.ids(batch, &["user_id", "user"])?;
        let entities = self.texts(batch, &["entity_id", "entity"])?;
        let further = self.texts(batch, &["further_types"])?;
        for row in 0..batch.num_rows() {
            let Some([id]) = self.of_row([("user_id", &users)], row)? else { continue };
            if let Err(error) = self.further(&further, row, Node::User(&id)) {
                return Ok(Err(error));
            }
            let Some(entity) = entities.as_ref().and_then(|entities| entities.get(row)) else { continue };
            if let Err(error) = self.records.user(self.source(row), &User { id: &id, entity: &entity }) {
                return Ok(Err(error.into()));
            }
        }
        Ok(Ok(()))
    }

    fn attributes(&mut self, batch: &RecordBatch) -> Taken {
        let items = self.ids(batch, &["item_id", "item"])?;
        let own = self.columns.get("item_id").map_or("item_id", String::as_str);
        let schema = batch.schema();
        let named = schema.fields().iter().zip(batch.columns());
        for (field, column) in named.filter(|(field, _)| ![own, "item_id", "item"].contains(&field.name().as_str())) {
            let name = field.name();
            let values = columns::written(column).map_err(|why| format!("attributes: column `{name}` {why}"))?;
            for row in 0..batch.num_rows() {
                let Some([id]) = self.of_row([("item_id", &items)], row)? else { continue };
                let Some(Some(value)) = values.get(row) else { continue };
                let attribute = Attribute { item: &id, name, value };
                if let Err(error) = self.records.attribute(self.source(row), &attribute) {
                    return Ok(Err(error.into()));
                }
            }
        }
        Ok(Ok(()))
    }

    fn interactions(&mut self, batch: &RecordBatch) -> Taken {
        let users = self.ids(batch, &["user_id", "user"])?;
        let items = self.ids(batch, &["item_id", "item"])?;
        let ratings = self.numbers(batch, &["rating"])?;
        let times = match self.times(batch, &["timestamp", "time"])? {
            Some(times) => Some(times),
            None => self.times(batch, &["position"])?,
        };
        let splits = self.texts(batch, &["split"])?;
        for row in 0..batch.num_rows() {
            let Some([user, item]) = self.of_row([("user_id", &users), ("item_id", &items)], row)? else { continue };
            #[expect(clippy::cast_possible_truncation, reason = "ratings are f32")]
            let rating = self.must("rating", ratings.as_ref(), row)?.map(|rating| rating as f32);
            let time = self.must("timestamp", times.as_ref(), row)?;
            let split = splits.as_ref().map(|splits| self.split(splits, row)).transpose()?;
            let interaction = Interaction { user: &user, item: &item, rating, time, split };
            if let Err(error) = self.records.interaction(self.source(row), &interaction) {
                return Ok(Err(error.into()));
            }
        }
        Ok(Ok(()))
    }

    fn split(&self, splits: &Texts<'_>, row: usize) -> Result<Split, String> {
        let part = splits.get(row).unwrap_or_default();
        match part.as_ref() {
            "train" => Ok(Split::Train),
            "valid" => Ok(Split::Valid),
            "test" => Ok(Split::Test),
            other => {
                let (frame, number) = (self.frame, self.before + row + 1);
                Err(format!("{frame}: row {number}: `split` is {other:?}, none of train, valid, test"))
            }
        }
    }
}
