//! Importing a dataset folder, against reading the same bytes with the csv crate and doing nothing with them.

use crate::graph::skewed;
use crate::harness::{Figure, Outcome, time};
use footpath::import::{self, Options};
use footpath::{Context, Replace};
use footpath_core::{Purpose, Stream};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

const NUM_TRIPLES: u64 = 1_000_000;
const ROUNDS: usize = 3;
const TABLES: [&str; 4] = ["entities.tsv", "items.tsv", "triples.tsv", "interactions.tsv"];

/// From files to a published graph, in megabytes (10⁶ bytes) of input a second.
pub(crate) fn native_tsv() -> Outcome<Figure> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("data");
    let bytes = write(&folder)? as f64;
    let out = scratch.path().join("kg");
    let ours = || {
        time(|| {
            import::run(&folder, &out, &Options::default(), Replace::Yes, &Context::default())?;
            Ok(bytes / 1e6)
        })
    };
    let theirs = || time(|| Ok(read(&folder)? as f64 / 1e6));
    Figure::measure("MB/s", "reading the same bytes with the csv crate into records", None, ROUNDS, ours, theirs)
}

/// Every record of every table; the number of bytes.
fn read(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for name in TABLES {
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(folder.join(name))?;
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record)? {}
        bytes += reader.position().byte();
    }
    Ok(bytes)
}

/// Writes tables with names as long as real ones; the number of bytes.
fn write(folder: &Path) -> Outcome<u64> {
    fs::create_dir_all(folder)?;
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let (num_entities, num_items) = (NUM_TRIPLES / 8, NUM_TRIPLES / 60);
    let mut table = |name: &str, header: &str, rows: u64, row: &mut dyn FnMut(&mut Stream, u64) -> String| {
        let mut out = BufWriter::new(File::create(folder.join(name))?);
        writeln!(out, "{header}")?;
        (0..rows).try_for_each(|n| writeln!(out, "{}", row(&mut random, n)))
    };
    table("entities.tsv", "entity_id\ttype\tlabel", num_entities, &mut |_, n| {
        format!("http://example.org/resource/{n}\ttype{}\tEntity number {n}", n % 9)
    })?;
    table("items.tsv", "item_id\tentity_id\ttitle", num_items, &mut |_, n| {
        format!("{n}\thttp://example.org/resource/{n}\tItem number {n}")
    })?;
    table("triples.tsv", "head\trelation\ttail", NUM_TRIPLES, &mut |random, _| {
        let (head, tail) = (random.below(num_entities), skewed(random, num_entities));
        let relation = random.below(20);
        format!("http://example.org/resource/{head}\trelation{relation}\thttp://example.org/resource/{tail}")
    })?;
    table("interactions.tsv", "user_id\titem_id\trating\ttimestamp", NUM_TRIPLES / 3, &mut |random, n| {
        let (user, item) = (random.below(NUM_TRIPLES / 150), skewed(random, num_items));
        format!("u{user}\t{item}\t{}\t{}", random.below(5) + 1, 1_500_000_000 + n)
    })?;
    TABLES.iter().try_fold(0, |sum, name| Ok(sum + fs::metadata(folder.join(name))?.len()))
}
