//! Knowledge graphs.

use crate::batches::{Batches, ROWS, batch};
use crate::call::{Call, json, parsed};
use crate::errors::{raised, usage};
use crate::frames::replace;
use crate::options::{self, ShapeText};
use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use footpath::export_graph::{self, GraphFormat};
use footpath::{NodeId, RelationId, Triple, TypeId, hugging_face, sample};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A graph that is open.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Kg {
    pub(crate) kg: footpath::Kg,
}

#[pymethods]
impl Kg {
    /// Opens the graph at a directory.
    #[staticmethod]
    fn open(py: Python<'_>, directory: PathBuf, call: Call) -> PyResult<Self> {
        let kg = call.wait(py, move |context| footpath::Kg::open(&directory, context))?;
        Ok(Self { kg })
    }

    /// Where it was opened.
    fn directory(&self) -> PathBuf {
        self.kg.directory().to_owned()
    }

    /// Hash of its content.
    fn content_hash(&self) -> String {
        self.kg.content_hash().to_owned()
    }

    /// The graph in figures, as JSON.
    fn summary(&self, py: Python<'_>, call: Call) -> PyResult<String> {
        let kg = self.kg.clone();
        call.wait(py, move |context| Ok(json(&kg.summary(context)?)))
    }

    /// Types and relations, as JSON.
    fn schema(&self) -> String {
        json(self.kg.schema())
    }

    /// What an import said of it, as JSON.
    fn import_report(&self) -> String {
        json(&self.kg.manifest().config)
    }

    /// Numbers of paths, as JSON.
    fn count(&self, py: Python<'_>, shape: ShapeText, end: &str, call: Call) -> PyResult<String> {
        let (shape, ends, kg) = (options::shape(py, shape)?, options::ends(py, end)?, self.kg.clone());
        call.wait(py, move |context| Ok(json(&sample::count(&kg, &shape, ends, context)?)))
    }

    /// Writes the graph in a format, by its name; the number of facts.
    fn write(&self, py: Python<'_>, out: PathBuf, format: &str, force: bool, call: Call) -> PyResult<u64> {
        let format: GraphFormat = parsed(py, "format", &json(&format))?;
        let kg = self.kg.clone();
        call.wait(py, move |context| {
            footpath::artefact::refuse_overlap(&out, &[kg.directory()])?;
            export_graph::run(&kg, &out, format, replace(force), context)
        })
    }

    /// At most so many ranges of users by number, of about the same work for paths of a shape; all but the last end at
    /// a multiple of so many users.
    fn ranges(
        &self,
        py: Python<'_>,
        shape: ShapeText,
        parts: u32,
        together: u32,
        call: Call,
    ) -> PyResult<Vec<(u32, u32)>> {
        let (shape, kg) = (options::shape(py, shape)?, self.kg.clone());
        call.wait(py, move |context| {
            let ranges = sample::ranges(&kg, &shape, parts, together, context)?;
            Ok(ranges.into_iter().map(|range| (range.start, range.end)).collect())
        })
    }

    /// The neighbours of a node: at most `limit` rows of node, relation, neighbour, label, weight.
    fn neighbours(&self, py: Python<'_>, node: &str, relation: Option<&str>, limit: usize) -> PyResult<Batches> {
        let kg = &self.kg;
        let node = kg.node(node).map_err(|e| raised(py, footpath::Error::from(e)))?;
        let relation = relation.map(|name| self.relation(py, name)).transpose()?;
        let arcs = relation.map_or(kg.arcs(node), |relation| kg.arcs(node).of(relation));
        let mut table = Facts::new("node", "neighbour");
        for (relation, other) in arcs.iter().take(limit) {
            table.push(kg, node, relation, other);
        }
        Ok(table.batches())
    }

    /// All facts of the graph, as rows of head, relation, tail, label of the tail, weight; train interactions among
    /// them if so told.
    fn facts(&self, py: Python<'_>, interactions: bool) -> Batches {
        let kg = &self.kg;
        py.detach(|| {
            let mut table = Facts::new("head", "tail");
            let nodes = 0..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
            for head in nodes.map(NodeId) {
                let forward = kg.arcs(head).iter().filter(|(relation, _)| !relation.is_inverse());
                for (relation, tail) in forward.filter(|(r, _)| interactions || *r != RelationId::INTERACTED) {
                    table.push(kg, head, relation, tail);
                }
            }
            table.batches()
        })
    }

    /// The nodes: rows of node, type, label.
    fn nodes(&self, py: Python<'_>) -> Batches {
        let kg = &self.kg;
        py.detach(|| {
            let kinds = (0u16..).zip(&kg.schema().types);
            let nodes =
                kinds.flat_map(|(number, kind)| kg.range(TypeId(number)).map(|node| (NodeId(node), &kind.name)));
            let nodes: Vec<(NodeId, &String)> = nodes.collect();
            let part = |nodes: &[(NodeId, &String)]| {
                let text = |of: &dyn Fn(NodeId, &String) -> String| -> ArrayRef {
                    Arc::new(nodes.iter().map(|(node, kind)| Some(of(*node, kind))).collect::<StringArray>())
                };
                batch(vec![
                    ("node", text(&|node, _| kg.node_name(node))),
                    ("type", text(&|_, kind| kind.clone())),
                    ("label", text(&|node, _| kg.label(node).to_owned())),
                ])
            };
            Batches::of_parts(nodes.chunks(ROWS).map(part).collect())
        })
    }

    /// The ids of the users with a train interaction, or of all.
    fn users(&self, warm: bool) -> Vec<String> {
        let kg = &self.kg;
        let users = kg.users().map(NodeId).filter(|user| !warm || !kg.items_of(*user).is_empty());
        users.map(|user| kg.id(user).to_owned()).collect()
    }

    /// The ids of the items.
    fn items(&self) -> Vec<String> {
        self.kg.items().map(|item| self.kg.id(NodeId(item)).to_owned()).collect()
    }

    /// The ids of what a user chose in train.
    fn items_of(&self, py: Python<'_>, user: &str) -> PyResult<Vec<String>> {
        let user = self.kg.user(user).map_err(|e| raised(py, footpath::Error::from(e)))?;
        Ok(self.kg.items_of(user).iter().map(|&item| self.kg.id(NodeId(item)).to_owned()).collect())
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` into a directory.
    fn save_tokenizer(&self, py: Python<'_>, directory: PathBuf, max_tokens: usize, force: bool) -> PyResult<()> {
        let written = hugging_face::write_tokenizer(&self.kg, &directory, max_tokens, replace(force));
        written.map_err(|e| raised(py, e))
    }

    /// The words of all tokens, in their order.
    fn words(&self) -> Vec<String> {
        self.kg.words()
    }
}

impl Kg {
    fn relation(&self, py: Python<'_>, name: &str) -> PyResult<RelationId> {
        self.kg.relation(name).ok_or_else(|| {
            let known = self.kg.schema().relations.iter().take(20).map(|r| r.name.as_str()).collect::<Vec<_>>();
            usage(py, format!("relation: no {name:?}; there are {} (~ before one for its inverse)", known.join(", ")))
        })
    }
}

/// Rows of two nodes and what relates them.
struct Facts {
    head: &'static str,
    tail: &'static str,
    rows: usize,
    heads: StringBuilder,
    relations: StringBuilder,
    tails: StringBuilder,
    labels: StringBuilder,
    weights: Float64Builder,
    parts: Vec<RecordBatch>,
}

impl Facts {
    /// No rows so far; the columns of the two nodes have these names.
    fn new(head: &'static str, tail: &'static str) -> Self {
        Self {
            head,
            tail,
            rows: 0,
            heads: StringBuilder::new(),
            relations: StringBuilder::new(),
            tails: StringBuilder::new(),
            labels: StringBuilder::new(),
            weights: Float64Builder::new(),
            parts: Vec::new(),
        }
    }

    fn push(&mut self, kg: &footpath::Kg, head: NodeId, relation: RelationId, tail: NodeId) {
        self.heads.append_value(kg.node_name(head));
        self.relations.append_value(kg.relation_name(relation));
        self.tails.append_value(kg.node_name(tail));
        self.labels.append_value(kg.label(tail));
        self.weights.append_value(f64::from(kg.weight(Triple { head, relation, tail })));
        self.rows += 1;
        if self.rows == ROWS {
            self.end_part();
        }
    }

    fn end_part(&mut self) {
        self.rows = 0;
        self.parts.push(batch(vec![
            (self.head, Arc::new(self.heads.finish())),
            ("relation", Arc::new(self.relations.finish())),
            (self.tail, Arc::new(self.tails.finish())),
            ("label", Arc::new(self.labels.finish())),
            ("weight", Arc::new(self.weights.finish())),
        ]));
    }

    fn batches(mut self) -> Batches {
        if self.rows > 0 || self.parts.is_empty() {
            self.end_part();
        }
        Batches::of_parts(self.parts)
    }
}
