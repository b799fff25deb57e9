//! The graph and the log as the five files of a native dataset folder.

use super::Files;
use super::graph::{Graph, RELATIONS};
use super::simulate::Choice;
use std::fmt::Write;

/// Renders the five files.
pub(crate) fn render(graph: &Graph, log: &[Choice]) -> Files {
    vec![
        ("items.tsv", items(graph)),
        ("entities.tsv", entities(graph)),
        ("relations.tsv", relations()),
        ("triples.tsv", triples(graph)),
        ("interactions.tsv", interactions(graph, log)),
    ]
}

/// A table: the header and one line per row.
fn table(header: &str, rows: impl Iterator<Item = String>) -> String {
    let mut text = header.replace(' ', "\t");
    text.push('\n');
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

fn items(graph: &Graph) -> String {
    let films = graph.entities.iter().zip(&graph.years);
    table(
        "item_id entity_id title year",
        films.map(|(film, year)| format!("{0}\t{0}\t{1}\t{year}", film.id, film.label)),
    )
}

fn entities(graph: &Graph) -> String {
    let rows = graph.entities.iter().map(|e| format!("{}\t{}\t{}", e.id, e.kind, e.label));
    table("entity_id type label", rows)
}

fn relations() -> String {
    let rows = RELATIONS.iter().map(|r| format!("{0}\t{0}\t{1}\t{2}\t{3}", r.name, r.forward, r.inverse, r.tail));
    table("relation_id name forward_label inverse_label tail_type", rows)
}

fn triples(graph: &Graph) -> String {
    let rows = graph.facts.iter().filter_map(|fact| {
        let head = graph.entities.get(fact.head)?;
        let tail = graph.entities.get(fact.tail)?;
        Some(format!("{}\t{}\t{}", head.id, RELATIONS.get(fact.relation)?.name, tail.id))
    });
    table("head relation tail", rows)
}

fn interactions(graph: &Graph, log: &[Choice]) -> String {
    let rows = log.iter().filter_map(|choice| {
        let mut row = String::new();
        let film = graph.entities.get(choice.film)?;
        write!(row, "user-{:03}\t{}\t{}", choice.user + 1, film.id, choice.time).ok()?;
        Some(row)
    });
    table("user_id item_id timestamp", rows)
}
