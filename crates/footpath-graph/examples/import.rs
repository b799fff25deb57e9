//! Imports a folder and prints its report, or writes a large made-up data set and measures the memory that importing it
//! takes.
//!
//! ```text
//! cargo run --release -p footpath-graph --example import -- data/films [native|recbole]
//! cargo run --release -p footpath-graph --example import -- --generate TRIPLES FOLDER
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use footpath_core::{Context, Purpose, Replace, Stream};
use footpath_graph::import::{self, Format, Options};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--generate", triples, folder] => generate(triples.parse()?, folder.as_ref()),
        [folder] => report(folder.as_ref(), Format::Auto),
        [folder, "native"] => report(folder.as_ref(), Format::Native),
        [folder, "recbole"] => report(folder.as_ref(), Format::RecBole),
        _ => Err("give a folder, or --generate TRIPLES FOLDER".into()),
    }
}

/// Imports, publishes to a temporary place, and compares the peak of memory with the size of the graph.
fn report(folder: &Path, format: Format) -> Result<(), Box<dyn Error>> {
    let before = peak_bytes()?;
    let options = Options { format, ..Options::default() };
    let imported = import::import(folder, &options, &Context::default())?;
    println!("{}", serde_json::to_string_pretty(&imported.report)?);
    let scratch = tempfile::tempdir()?;
    let artefact = scratch.path().join("kg");
    let config = serde_json::to_value(&options)?;
    imported.built.publish(&artefact, Replace::No, config, &Context::default())?;
    let mut store = 0;
    for entry in std::fs::read_dir(&artefact)? {
        store += entry?.metadata()?.len();
    }
    let peak = peak_bytes()?;
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let ratio = (peak - before) as f64 / store as f64;
    println!("store {store} bytes, peak memory {peak} bytes ({before} before), ratio {ratio:.2}");
    Ok(())
}

/// Peak of the resident memory of this process, where the system tells it.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM in the status of the process")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// Writes a data set of `num` triples, an interaction for every third of them, with names as long as real ones.
fn generate(num: u64, folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let (num_entities, num_items) = (num / 8 + 10, num / 60 + 10);
    let mut write = |name: &str, header: &str, rows: u64, row: &mut dyn FnMut(&mut Stream, u64) -> String| {
        let mut out = BufWriter::new(File::create(folder.join(name))?);
        writeln!(out, "{header}")?;
        (0..rows).try_for_each(|n| writeln!(out, "{}", row(&mut random, n)))
    };
    write("entities.tsv", "entity_id\ttype\tlabel", num_entities, &mut |_, n| {
        format!("http://example.org/resource/{n}\ttype{}\tEntity number {n}", n % 9)
    })?;
    write("items.tsv", "item_id\tentity_id\ttitle", num_items, &mut |_, n| {
        format!("{n}\thttp://example.org/resource/{n}\tItem number {n}")
    })?;
    write("triples.tsv", "head\trelation\ttail", num, &mut |random, _| {
        let (head, tail) = (random.below(num_entities), random.below(num_entities));
        let relation = random.below(20);
        format!("http://example.org/resource/{head}\trelation{relation}\thttp://example.org/resource/{tail}")
    })?;
    write("interactions.tsv", "user_id\titem_id\trating\ttimestamp", num / 3, &mut |random, n| {
        let (user, item) = (random.below(num / 150 + 10), random.below(num_items));
        format!("u{user}\t{item}\t{}\t{}", random.below(5) + 1, 1_500_000_000 + n)
    })?;
    Ok(())
}
