//! A made-up graph as a dataset folder, written head by head in constant memory.

use super::facts::{EdgeKind, Rows, Shape, time};
use crate::harness::Outcome;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Digits of an id: with leading zeros the order of ids as text is their order as numbers.
pub(super) const DIGITS: usize = 9;

/// The tables of a dataset folder, and what a row of each names.
pub(crate) const TABLES: [&str; 5] = ["entities.tsv", "relations.tsv", "items.tsv", "triples.tsv", "interactions.tsv"];

/// Writes the folder; the number of bytes.
pub(crate) fn write_folder(shape: &Shape, folder: &Path) -> Outcome<u64> {
    shape.check()?;
    fs::create_dir_all(folder)?;
    let table = |name: &str| File::create_new(folder.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    entities(shape, &mut table("entities.tsv")?)?;
    relations(shape, &mut table("relations.tsv")?)?;
    items(shape, &mut table("items.tsv")?)?;
    triples(shape, &mut table("triples.tsv")?)?;
    interactions(shape, &mut table("interactions.tsv")?)?;
    TABLES.iter().try_fold(0, |sum, name| Ok(sum + fs::metadata(folder.join(name))?.len()))
}

/// The entity of an item.
pub(super) const WORK: u8 = b'w';
/// Another entity.
pub(super) const ENTITY: u8 = b'e';
pub(super) const ITEM: u8 = b'i';
pub(super) const USER: u8 = b'u';
/// Types of the two sorts of entities.
pub(super) const TYPES: [&str; 2] = ["work", "entity"];

/// Name of a relation of items, then of those between entities.
pub(super) fn relation_name(kind: EdgeKind, number: u64) -> String {
    let of = if kind == EdgeKind::ItemFact { "item" } else { "entity" };
    format!("{of}_{number:04}")
}

/// A letter and the digits of a number.
pub(super) fn id(letter: u8, number: u64) -> [u8; DIGITS + 1] {
    let (mut text, mut rest) = ([b'0'; DIGITS + 1], number);
    for digit in text.iter_mut().rev().take(DIGITS) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text[0] = letter;
    text
}

fn entities(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"entity_id\ttype\n")?;
    for (letter, kind, num) in [(WORK, TYPES[0], shape.items), (ENTITY, TYPES[1], shape.entities)] {
        for number in 0..num {
            out.write_all(&id(letter, number))?;
            writeln!(out, "\t{kind}")?;
        }
    }
    out.flush()
}

fn relations(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"relation_id\tname\n")?;
    for (kind, num) in [(EdgeKind::ItemFact, shape.relations[0]), (EdgeKind::EntityFact, shape.relations[1])] {
        for name in (0..num).map(|number| relation_name(kind, number)) {
            writeln!(out, "{name}\t{name}")?;
        }
    }
    out.flush()
}

fn items(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"item_id\tentity_id\n")?;
    for number in 0..shape.items {
        out.write_all(&id(ITEM, number))?;
        out.write_all(b"\t")?;
        out.write_all(&id(WORK, number))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn triples(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"head\trelation\ttail\n")?;
    let mut row = Vec::new();
    for (kind, letter, num) in
        [(EdgeKind::ItemFact, WORK, shape.relations[0]), (EdgeKind::EntityFact, ENTITY, shape.relations[1])]
    {
        let names: Vec<String> = (0..num).map(|number| format!("\t{}\t", relation_name(kind, number))).collect();
        let rows = Rows::new(shape, kind);
        for head in 0..rows.heads() {
            rows.fill(head, &mut row);
            for tail in &row {
                out.write_all(&id(letter, head))?;
                out.write_all(names[tail.relation as usize].as_bytes())?;
                out.write_all(&id(ENTITY, tail.node.into()))?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}

fn interactions(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"user_id\titem_id\ttimestamp\n")?;
    let (rows, mut row) = (Rows::new(shape, EdgeKind::Interaction), Vec::new());
    for user in 0..rows.heads() {
        let mut random = rows.fill(user, &mut row);
        for tail in &row {
            out.write_all(&id(USER, user))?;
            out.write_all(b"\t")?;
            out.write_all(&id(ITEM, tail.node.into()))?;
            writeln!(out, "\t{}", time(&mut random))?;
        }
    }
    out.flush()
}
