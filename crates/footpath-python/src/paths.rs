//! Paths as they are drawn: a stream that draws when it is read.

use crate::batches::{Batches, capsule};
use crate::call::{Call, parsed};
use crate::errors::{raised, usage};
use crate::frames::replace;
use crate::graph::Kg;
use crate::options::{self, ShapeText};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch, RecordBatchReader, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use footpath::sample::Options as SampleOptions;
use footpath::sample::{Amount, Part, Prepared, Quota, Replacement, SampleSpec, Users, Views};
use footpath::{Context, NodeId, Replace, Stage, TokenId, artefact};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

/// Paths drawn before they are handed on, about.
const PATHS_AT_ONCE: u64 = 1 << 16;
/// Rows of a batch of names: the longest names there may be, on the longest paths, are less than 2^31 bytes.
const NAMED_ROWS: usize = 1 << 14;

/// Paths of users by a law, drawn anew whenever they are read.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Paths {
    source: Source,
    context: Context,
}

/// What draws, and for whom.
#[derive(Clone)]
struct Source {
    prepared: Arc<Prepared>,
    users: Arc<[NodeId]>,
    users_at_once: usize,
}

/// How rows look.
#[derive(Clone, Copy, PartialEq)]
enum PathForm {
    /// user, item, nodes, relations.
    Names,
    /// Numbers of tokens.
    Tokens,
}

#[pymethods]
impl Paths {
    /// Prepares to draw paths of a shape by a law (JSON of a `SampleSpec`) and a quota (JSON of a `Quota`), for these
    /// users or all.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "called by the face alone, which has keywords")]
    fn prepare(
        py: Python<'_>,
        kg: &Kg,
        shape: ShapeText,
        spec: &str,
        quota: &str,
        distinct: bool,
        users: Option<Vec<String>>,
        call: Call,
    ) -> PyResult<Self> {
        let shape = options::shape(py, shape)?;
        let spec: SampleSpec = parsed(py, "law", spec)?;
        let quota: Quota = parsed(py, "quota", quota)?;
        let replacement = if distinct { Replacement::Without } else { Replacement::With };
        let amount = Amount { quota, replacement, views: Views::default() };
        let options = SampleOptions { shape, spec, amount, part: Part::default(), replace: Replace::No };
        options.validate().map_err(|e| raised(py, e))?;
        let kg = kg.kg.clone();
        let context = call.context(py)?;
        let source = call.wait(py, move |context| {
            let users = chosen(&kg, users)?;
            let prepared = Arc::new(Prepared::new(&kg, &options, context)?);
            let users_at_once = users_at_once(amount.quota, kg.users().len() as u64);
            Ok(Source { prepared, users, users_at_once })
        })?;
        Ok(Self { source, context })
    }

    /// Tokens of a row.
    fn width(&self) -> usize {
        self.source.prepared.row_width()
    }

    /// The same of those of these users whose places are in a range; what was prepared is shared.
    fn part(&self, py: Python<'_>, first: usize, end: usize) -> PyResult<Self> {
        let all = self.source.users.len();
        let users = self.source.users.get(first..end);
        let users = users.ok_or_else(|| usage(py, format!("range: {first}..{end} of {all} users")))?;
        let source = Source { users: users.into(), ..self.source.clone() };
        Ok(Self { source, context: self.context.clone() })
    }

    /// Publishes the corpus of the users of the graph with these numbers; its content hash.
    fn publish(&self, py: Python<'_>, out: PathBuf, users: (u32, u32), force: bool, call: Call) -> PyResult<String> {
        let prepared = Arc::clone(&self.source.prepared);
        call.wait(py, move |context| {
            artefact::refuse_overlap(&out, &[prepared.kg().directory()])?;
            Ok(prepared.publish(users.0..users.1, &out, replace(force), context)?.manifest.content_hash())
        })
    }

    /// The rows as tokens, one after the other: unsigned 32-bit numbers in the order of this machine.
    fn tokens<'py>(&self, py: Python<'py>, call: Call) -> PyResult<Bound<'py, PyBytes>> {
        let source = self.source.clone();
        let tokens = call.wait(py, move |context| {
            let mut tokens = Vec::new();
            let stage = source.stage(context);
            for users in source.users.chunks(source.users_at_once) {
                source.draw(users, &context.quietly(), &mut tokens)?;
                stage.advance(users.len() as u64)?;
            }
            Ok(tokens)
        })?;
        bytes(py, &tokens)
    }

    /// All rows at once; unlike a stream it ends when it is interrupted.
    fn batches(&self, py: Python<'_>, form: &str, call: Call) -> PyResult<Batches> {
        let (form, source) = (form_of(py, form)?, self.source.clone());
        call.wait(py, move |context| {
            let stage = source.stage(context);
            let mut reader = Reader::new(source.clone(), form, context.quietly());
            let schema = reader.schema();
            let mut batches = Vec::new();
            while let Some(batch) = reader.draw()? {
                batches.push(batch);
                stage.reach(reader.done as u64)?;
            }
            Ok(Batches::new(schema, batches))
        })
    }

    /// A stream that draws when it is read.
    fn stream<'py>(&self, py: Python<'py>, form: &str) -> PyResult<Bound<'py, PyCapsule>> {
        let reader = Reader::new(self.source.clone(), form_of(py, form)?, self.context.clone());
        capsule(py, Box::new(reader))
    }
}

/// Numbers as Python takes them from any buffer.
pub(crate) fn bytes<'py>(py: Python<'py>, numbers: &[u32]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, 4 * numbers.len(), |bytes| {
        for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Ok(())
    })
}

fn form_of(py: Python<'_>, name: &str) -> PyResult<PathForm> {
    match name {
        "names" => Ok(PathForm::Names),
        "tokens" => Ok(PathForm::Tokens),
        other => Err(usage(py, format!("form: {other:?} is none of names, tokens"))),
    }
}

/// The users of these ids, or all.
fn chosen(kg: &footpath::Kg, users: Option<Vec<String>>) -> footpath::Result<Arc<[NodeId]>> {
    match users {
        None => Ok(kg.users().map(NodeId).collect()),
        Some(users) => users.iter().map(|user| Ok(kg.user(user)?)).collect(),
    }
}

/// Users drawn for at a time, so that memory is bounded however many paths they have.
fn users_at_once(quota: Quota, num_users: u64) -> usize {
    let per_user = match quota {
        Quota::PerUser(paths) => paths,
        Quota::Total(paths) => paths / num_users.max(1),
        // Ends of a user are some hundreds, often, and paths some thousands.
        Quota::PerEnd(paths) => paths.saturating_mul(256),
        Quota::Every(paths) => paths.min(1 << 13),
    };
    usize::try_from((PATHS_AT_ONCE / per_user.max(1)).clamp(1, PATHS_AT_ONCE)).unwrap_or(1)
}

impl Source {
    /// The drawing for all users, who are drawn for some at a time.
    fn stage<'a>(&self, context: &'a Context) -> Stage<'a> {
        context.stage("sampling", Some(self.users.len() as u64), "users")
    }

    /// Draws for some users, and appends the rows.
    fn draw(&self, users: &[NodeId], context: &Context, tokens: &mut Vec<u32>) -> footpath::Result<()> {
        let users = Users::List(users.to_vec());
        let mut sink = |rows: &[u32]| {
            tokens.extend_from_slice(rows);
            Ok(())
        };
        context.run(|| self.prepared.sampler().draw(&users, context, &mut sink))??;
        Ok(())
    }
}

/// Reads paths batch by batch, drawing each when it is asked for.
struct Reader {
    source: Source,
    form: PathForm,
    schema: SchemaRef,
    context: Context,
    /// Users drawn for.
    done: usize,
    /// Tokens drawn, those before `handed` handed on already.
    drawn: Vec<u32>,
    handed: usize,
}

impl Reader {
    fn new(source: Source, form: PathForm, context: Context) -> Self {
        let schema = schema(form, source.prepared.row_width());
        Self { source, form, schema, context, done: 0, drawn: Vec::new(), handed: 0 }
    }

    /// The next batch.
    fn draw(&mut self) -> footpath::Result<Option<RecordBatch>> {
        let users = Arc::clone(&self.source.users);
        while self.handed == self.drawn.len() && self.done < users.len() {
            (self.drawn, self.handed) = (Vec::new(), 0);
            let end = (self.done + self.source.users_at_once).min(users.len());
            let some = users.get(self.done..end).unwrap_or_default();
            self.source.draw(some, &self.context, &mut self.drawn)?;
            self.done = end;
        }
        if self.handed == self.drawn.len() {
            return Ok(None);
        }
        if self.form == PathForm::Tokens {
            self.handed = 0;
            let drawn = std::mem::take(&mut self.drawn);
            return self.tokens(drawn).map(Some);
        }
        let end = (self.handed + NAMED_ROWS * self.source.prepared.row_width()).min(self.drawn.len());
        let batch = self.names(self.drawn.get(self.handed..end).unwrap_or_default())?;
        self.handed = end;
        Ok(Some(batch))
    }

    fn tokens(&self, tokens: Vec<u32>) -> footpath::Result<RecordBatch> {
        let width = i32::try_from(self.source.prepared.row_width()).unwrap_or(i32::MAX);
        let field = Arc::new(Field::new("item", DataType::UInt32, false));
        let column = FixedSizeListArray::try_new(field, width, Arc::new(UInt32Array::from(tokens)), None);
        let column = column.map_err(std::io::Error::other)?;
        self.batch(vec![Arc::new(column)])
    }

    fn names(&self, tokens: &[u32]) -> footpath::Result<RecordBatch> {
        let kg = self.source.prepared.kg();
        let vocabulary = kg.vocabulary();
        let relations: Vec<String> = (0..vocabulary.num_relations)
            .filter_map(|relation| u16::try_from(relation).ok())
            .map(|relation| kg.relation_name(footpath::RelationId(relation)))
            .collect();
        let [mut users, mut items] = [(); 2].map(|()| StringBuilder::new());
        let [mut nodes, mut hops] = [(); 2].map(|()| list_builder());
        let mut row_tokens = Vec::new();
        for row in tokens.chunks(self.source.prepared.row_width()) {
            row_tokens.clear();
            row_tokens.extend(row.iter().copied().map(TokenId));
            let Some(path) = vocabulary.decode(&row_tokens) else { continue };
            let (Some(&first), Some(&last)) = (path.nodes.first(), path.nodes.last()) else { continue };
            users.append_value(kg.id(first));
            items.append_value(kg.id(last));
            for node in &path.nodes {
                nodes.values().append_value(kg.node_name(*node));
            }
            for relation in &path.relations {
                hops.values().append_value(relations.get(relation.index()).map_or("", String::as_str));
            }
            nodes.append(true);
            hops.append(true);
        }
        self.batch(vec![
            Arc::new(users.finish()),
            Arc::new(items.finish()),
            Arc::new(nodes.finish()),
            Arc::new(hops.finish()),
        ])
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> footpath::Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(std::io::Error::other)?)
    }
}

/// A builder of lists of names, none of which is null.
pub(crate) fn list_builder() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new()).with_field(names_field())
}

fn names_field() -> Field {
    Field::new("item", DataType::Utf8, false)
}

/// The type of a list of names.
pub(crate) fn names_type() -> DataType {
    DataType::List(Arc::new(names_field()))
}

fn schema(form: PathForm, width: usize) -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(match form {
        PathForm::Tokens => {
            let width = i32::try_from(width).unwrap_or(i32::MAX);
            vec![field("tokens", DataType::FixedSizeList(Arc::new(field("item", DataType::UInt32)), width))]
        }
        PathForm::Names => vec![
            field("user", DataType::Utf8),
            field("item", DataType::Utf8),
            field("nodes", names_type()),
            field("relations", names_type()),
        ],
    }))
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A panic must not go through the C of whoever reads.
        let drawn = catch_unwind(AssertUnwindSafe(|| self.draw()));
        let drawn =
            drawn.unwrap_or_else(|_| Err(std::io::Error::other("internal error, told on standard error").into()));
        drawn.map_err(|e| ArrowError::ExternalError(Box::new(e))).transpose()
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
