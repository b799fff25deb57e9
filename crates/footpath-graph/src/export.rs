//! A corpus as text for other programs.

use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::{Corpus, NodeId, Path, TypeId};
use std::io::{self, Write};

/// Writes a corpus in the form of the field, one path a line:
///
/// ```text
/// U1 R0 I5 R26 E39 R27 I12
/// ```
///
/// `U`, `I` and `E` stand for users, items and entities, each followed by an index from 0: the position of the node among the
/// users, the items, or the entities of all types, in the order of their ids in the graph. An item that is linked to an entity
/// is an item. `R` is followed by the directed relation: relation `k` of the graph is `R2k` from head to tail and `R2k+1` from tail to head;
/// `R0` is `interacted`. Fields are separated by one space, lines end with a line feed. Returns the number of lines.
///
/// # Errors
/// [`footpath_core::Error::Corrupt`] when a row is no path, [`footpath_core::Error::Io`] when the writer fails.
pub fn write_text(corpus: &Corpus, kg: &TrainKg, out: &mut impl Write) -> Result<u64> {
    each(corpus, |path| text_line(path, kg, out))
}

/// Writes a corpus as JSON, one object a line:
///
/// ```text
/// {"nodes": ["user:1", "item:804", "entity:10908", "item:2018"], "relations": ["interacted", "starring", "~starring"]}
/// ```
///
/// Ids are those of the input, inverse relations have a leading `~`. Returns the number of lines.
///
/// # Errors
/// As [`write_text`].
pub fn write_jsonl(corpus: &Corpus, kg: &TrainKg, out: &mut impl Write) -> Result<u64> {
    each(corpus, |path| json_line(path, kg, out))
}

fn each(corpus: &Corpus, mut write: impl FnMut(&Path) -> io::Result<()>) -> Result<u64> {
    let mut lines = 0;
    for path in corpus.paths() {
        write(&path?).map_err(footpath_core::Error::io("output"))?;
        lines += 1;
    }
    Ok(lines)
}

fn text_line(path: &Path, kg: &TrainKg, out: &mut impl Write) -> io::Result<()> {
    let mut relations = path.relations.iter();
    for &node in &path.nodes {
        let (letter, index) = text_node(node, kg);
        write!(out, "{letter}{index}")?;
        if let Some(relation) = relations.next() {
            write!(out, " R{} ", relation.0)?;
        }
    }
    out.write_all(b"\n")
}

fn text_node(node: NodeId, kg: &TrainKg) -> (char, u32) {
    let after = |first: u32| node.0.saturating_sub(first);
    match kg.type_of(node) {
        TypeId::USER => ('U', after(kg.users().start)),
        TypeId::ITEM => ('I', after(kg.items().start)),
        _ => ('E', after(kg.items().end)),
    }
}

fn json_line(path: &Path, kg: &TrainKg, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"nodes\": [")?;
    list(path.nodes.iter().map(|&node| kg.node_name(node)), out)?;
    out.write_all(b"], \"relations\": [")?;
    list(path.relations.iter().map(|&relation| kg.relation_name(relation)), out)?;
    out.write_all(b"]}\n")
}

fn list(names: impl Iterator<Item = String>, out: &mut impl Write) -> io::Result<()> {
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.write_all(b", ")?;
        }
        serde_json::to_writer(&mut *out, &name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::build;
    use crate::dataset::Dataset;

    #[test]
    fn lines_are_as_documented() {
        let mut d = Dataset::default();
        d.interact("u\"1", "i1");
        d.interact("u2", "i2");
        d.link("i1", "f1");
        d.link("i2", "f2");
        for film in ["f1", "f2"] {
            d.fact(film, "starring", "ann\n");
            d.fact(film, "directed_by", "bob");
        }
        let kg = build(d).expect("built").train_kg().expect("valid");
        let nodes = ["user:u\"1", "item:i1", "entity:bob", "item:i2"];
        let relations = ["interacted", "starring", "~directed_by"];
        let path = Path {
            nodes: nodes.iter().map(|name| kg.node(name).expect("a node")).collect(),
            relations: relations.iter().map(|name| kg.relation(name).expect("a relation")).collect(),
        };
        let mut text = Vec::new();
        text_line(&path, &kg, &mut text).expect("written");
        assert_eq!(String::from_utf8(text).expect("UTF-8"), "U0 R0 I0 R4 E1 R3 I1\n");
        let mut json = Vec::new();
        json_line(&path, &kg, &mut json).expect("written");
        let expected = concat!(
            r#"{"nodes": ["user:u\"1", "item:i1", "entity:bob", "item:i2"], "#,
            r#""relations": ["interacted", "starring", "~directed_by"]}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(json).expect("UTF-8"), expected);
    }
}
