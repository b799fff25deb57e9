//! Knowledge graphs.

use crate::batches::Batches;
use crate::call::{Call, json};
use crate::errors::{raised, usage};
use crate::options::{self, ShapeText};
use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use footpath::{NodeId, RelationId, Triple, TypeId, sample};
use pyo3::prelude::*;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// A graph that is open.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Kg {
    pub(crate) kg: footpath::Kg,
}

/// The numbers of paths.
#[derive(Serialize)]
struct Counts<'a> {
    pattern: &'a str,
    num_users: u64,
    users_without_paths: u64,
    min: u64,
    median: u64,
    mean: f64,
    max: u64,
    total: u128,
    exact: bool,
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
        let counted = call.wait(py, move |context| sample::count(&kg, &shape, ends, context))?;
        let s = &counted.summary;
        Ok(json(&Counts {
            pattern: &counted.pattern,
            num_users: s.num_users,
            users_without_paths: s.users_without_paths,
            min: s.min,
            median: s.median,
            mean: s.mean,
            max: s.max,
            total: s.total,
            exact: s.exact,
        }))
    }

    /// The neighbours of a node: at most `limit` rows of node, relation, neighbour, label, weight.
    fn neighbours(&self, py: Python<'_>, node: &str, relation: Option<&str>, limit: usize) -> PyResult<Batches> {
        let kg = &self.kg;
        let node = kg.node(node).map_err(|e| raised(py, footpath::Error::from(e)))?;
        let relation = relation.map(|name| self.relation(py, name)).transpose()?;
        let arcs = relation.map_or(kg.arcs(node), |relation| kg.arcs(node).of(relation));
        let mut table = Facts::default();
        for (relation, other) in arcs.iter().take(limit) {
            table.push(kg, node, relation, other);
        }
        Ok(table.batches("node", "neighbour"))
    }

    /// All facts of the graph, as rows of head, relation, tail, label of the tail, weight; train interactions among
    /// them if so told.
    fn facts(&self, py: Python<'_>, interactions: bool) -> Batches {
        let kg = &self.kg;
        py.detach(|| {
            let mut table = Facts::default();
            let nodes = 0..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
            for head in nodes.map(NodeId) {
                let forward = kg.arcs(head).iter().filter(|(relation, _)| !relation.is_inverse());
                for (relation, tail) in forward.filter(|(r, _)| interactions || *r != RelationId::INTERACTED) {
                    table.push(kg, head, relation, tail);
                }
            }
            table.batches("head", "tail")
        })
    }

    /// The nodes: rows of node, type, label.
    fn nodes(&self, py: Python<'_>) -> Batches {
        let kg = &self.kg;
        py.detach(|| {
            let [mut names, mut kinds, mut labels] = [(); 3].map(|()| StringBuilder::new());
            for (number, kind) in (0u16..).zip(&kg.schema().types) {
                for node in kg.range(TypeId(number)).map(NodeId) {
                    names.append_value(kg.node_name(node));
                    kinds.append_value(&kind.name);
                    labels.append_value(kg.label(node));
                }
            }
            let columns: [(&str, ArrayRef); 3] = [
                ("node", Arc::new(names.finish())),
                ("type", Arc::new(kinds.finish())),
                ("label", Arc::new(labels.finish())),
            ];
            batches(columns.into())
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
#[derive(Default)]
struct Facts {
    heads: StringBuilder,
    relations: StringBuilder,
    tails: StringBuilder,
    labels: StringBuilder,
    weights: Float64Builder,
}

impl Facts {
    fn push(&mut self, kg: &footpath::Kg, head: NodeId, relation: RelationId, tail: NodeId) {
        self.heads.append_value(kg.node_name(head));
        self.relations.append_value(kg.relation_name(relation));
        self.tails.append_value(kg.node_name(tail));
        self.labels.append_value(kg.label(tail));
        self.weights.append_value(f64::from(kg.weight(Triple { head, relation, tail })));
    }

    fn batches(mut self, head: &str, tail: &str) -> Batches {
        let columns: [(&str, ArrayRef); 5] = [
            (head, Arc::new(self.heads.finish())),
            ("relation", Arc::new(self.relations.finish())),
            (tail, Arc::new(self.tails.finish())),
            ("label", Arc::new(self.labels.finish())),
            ("weight", Arc::new(self.weights.finish())),
        ];
        batches(columns.into())
    }
}

/// A table of columns of the same length, none of which has nulls.
pub(crate) fn batches(columns: Vec<(&str, ArrayRef)>) -> Batches {
    let field = |(name, column): &(&str, ArrayRef)| {
        Field::new(*name, DataType::clone(column.data_type()), column.null_count() > 0)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let columns: Vec<ArrayRef> = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).into_iter().collect();
    Batches::new(schema, batch)
}
