//! Paths for people and for machines.

use footpath_core::{NodeId, Path, Triple, TypeId};
use footpath_graph::TrainKg;
use serde::Serialize;
use std::borrow::Cow;

/// A fact of a path, down to the line of the file it was imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Head, as `user:ID`, `item:ID` or `entity:ID`.
    pub head: String,
    /// Relation, as imported (never the inverse).
    pub relation: String,
    /// Tail, written as the head.
    pub tail: String,
    /// Source file.
    pub file: String,
    /// Line in it, from 1; 0 where unknown.
    pub line: u32,
}

/// A path in all its forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// Nodes, as `user:ID`, `item:ID` or `entity:ID`.
    pub nodes: Vec<String>,
    /// Relations by name, an inverse with a leading `~`.
    pub relations: Vec<String>,
    /// The path as a sentence.
    pub text: String,
    /// The facts behind it.
    pub triples: Vec<Evidence>,
}

/// Renders a path of the graph.
#[must_use]
pub fn render(kg: &TrainKg, path: &Path) -> Rendered {
    Rendered {
        nodes: path.nodes.iter().map(|&n| kg.node_name(n)).collect(),
        relations: path.relations.iter().map(|&r| kg.relation_name(r)).collect(),
        text: sentence(kg, path),
        triples: path.triples().map(|t| evidence(kg, t)).collect(),
    }
}

/// The path read aloud: `user 7 chose Alien; Alien was directed by Ridley Scott; Ridley Scott directed Blade Runner`.
#[must_use]
pub fn sentence(kg: &TrainKg, path: &Path) -> String {
    let clause = |t: Triple| format!("{} {} {}", spoken(kg, t.head), kg.reading(t.relation), spoken(kg, t.tail));
    path.triples().map(clause).collect::<Vec<_>>().join("; ")
}

/// A node as one says it: users are often bare numbers, which would not read as somebody.
fn spoken(kg: &TrainKg, node: NodeId) -> Cow<'_, str> {
    let label = kg.label(node);
    let somebody = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("user"));
    match kg.type_of(node) {
        TypeId::USER if !somebody => Cow::Owned(format!("user {label}")),
        _ => Cow::Borrowed(label),
    }
}

fn evidence(kg: &TrainKg, triple: Triple) -> Evidence {
    // State the fact as it was imported, whichever way the path walks it.
    let fact = if triple.relation.is_inverse() {
        Triple { head: triple.tail, relation: triple.relation.inverse(), tail: triple.head }
    } else {
        triple
    };
    let (file, line) = kg.source(fact).unwrap_or(("", 0));
    Evidence {
        head: kg.node_name(fact.head),
        relation: kg.relation_name(fact.relation),
        tail: kg.node_name(fact.tail),
        file: file.to_owned(),
        line,
    }
}
