//! A made-up graph as one file of N-Triples with a mapping, written head by head in constant memory.

use super::facts::{EdgeKind, Rows, Shape};
use super::folder::{ENTITY, ITEM, USER, id, relation_name};
use crate::harness::Outcome;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

const NAMESPACE: &str = "http://example.org/id/";
/// The relation of interactions.
const CHOSE: &str = "chose";

/// Writes `graph.nt`, a triple for each edge of the shape, and `mapping.toml`, which says what items and interactions
/// are; the number of bytes.
pub(crate) fn write_ntriples(shape: &Shape, folder: &Path) -> Outcome<u64> {
    shape.check()?;
    fs::create_dir_all(folder)?;
    let path = folder.join("graph.nt");
    let mut out = BufWriter::with_capacity(1 << 20, File::create_new(&path)?);
    statements(shape, EdgeKind::ItemFact, [ITEM, ENTITY], &mut out)?;
    statements(shape, EdgeKind::EntityFact, [ENTITY, ENTITY], &mut out)?;
    statements(shape, EdgeKind::Interaction, [USER, ITEM], &mut out)?;
    out.flush()?;
    let items = format!("items = {{ prefix = \"{NAMESPACE}{}\", id = \"local\" }}", char::from(ITEM));
    let mapping = format!("{items}\ninteractions = {{ relation = [\"{NAMESPACE}{CHOSE}\"] }}\n");
    fs::write(folder.join("mapping.toml"), mapping)?;
    Ok(fs::metadata(path)?.len())
}

/// The statements of one kind; `letters` tell what its heads and tails are.
fn statements(shape: &Shape, kind: EdgeKind, letters: [u8; 2], out: &mut impl Write) -> io::Result<()> {
    let rows = Rows::new(shape, kind);
    let names: Vec<String> = match kind {
        EdgeKind::Interaction => vec![CHOSE.to_owned()],
        EdgeKind::ItemFact => (0..shape.relations[0]).map(|number| relation_name(kind, number)).collect(),
        EdgeKind::EntityFact => (0..shape.relations[1]).map(|number| relation_name(kind, number)).collect(),
    };
    let links: Vec<String> = names.iter().map(|name| format!("> <{NAMESPACE}{name}> <{NAMESPACE}")).collect();
    let mut row = Vec::new();
    for head in 0..rows.heads() {
        rows.fill(head, &mut row);
        for tail in &row {
            out.write_all(b"<")?;
            out.write_all(NAMESPACE.as_bytes())?;
            out.write_all(&id(letters[0], head))?;
            out.write_all(links[tail.relation as usize].as_bytes())?;
            out.write_all(&id(letters[1], tail.node.into()))?;
            out.write_all(b"> .\n")?;
        }
    }
    Ok(())
}
