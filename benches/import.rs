//! Importing data, against reading the same bytes with the parser that each form has and doing nothing with them.

use crate::graph::skewed;
use crate::harness::{Figure, Outcome, time};
use footpath::export_graph::{self, GraphFormat};
use footpath::import::{self, Format, Inputs, Options};
use footpath::{Context, Kg, Replace};
use footpath_core::{Purpose, Stream};
use oxrdfio::{RdfFormat, RdfParser};
use parquet::file::reader::{FileReader, SerializedFileReader};
use rayon::prelude::*;
use std::fs::{self, File};
use std::hint::black_box;
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

/// Facts alone, from a table to a published graph, in facts a second.
pub(crate) fn facts_tsv() -> Outcome<Figure> {
    let against = "reading the same table with the csv crate into records";
    facts(GraphFormat::Tables, "triples.tsv", against, |path| {
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(path)?;
        let (mut record, mut num) = (csv::ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record)? {
            num += 1;
        }
        Ok(num)
    })
}

/// The same from Parquet.
pub(crate) fn facts_parquet() -> Outcome<Figure> {
    let against = "reading the same table row by row with the parquet crate";
    facts(GraphFormat::Parquet, "triples.parquet", against, |path| {
        let reader = SerializedFileReader::new(File::open(path)?)?;
        let rows = reader.get_row_iter(None)?;
        Ok(rows.map(|row| row.map(black_box)).filter(Result::is_ok).count() as u64)
    })
}

/// The same from N-Triples, against the parser that it stands on, with the same threads.
pub(crate) fn ntriples() -> Outcome<Figure> {
    let against = "parsing the same file with oxttl in as many threads, and dropping what it says";
    facts(GraphFormat::Ntriples, "graph.nt", against, |path| {
        let text = fs::read(path)?;
        let threads = rayon::current_num_threads();
        let parts = RdfParser::from_format(RdfFormat::NTriples).split_slice_for_parallel_parsing(&text, threads);
        let parsed = parts.into_par_iter().map(|part| part.filter(Result::is_ok).map(black_box).count() as u64);
        Ok(parsed.sum())
    })
}

/// From facts in one file of a form to a published graph; against what reads the file and nothing else.
fn facts(
    form: GraphFormat,
    name: &'static str,
    against: &'static str,
    read: impl Fn(&Path) -> Outcome<u64>,
) -> Outcome<Figure> {
    let scratch = tempfile::tempdir()?;
    let [tables, kg, written, alone, out] =
        ["tables", "kg", "written", "alone", "out"].map(|name| scratch.path().join(name));
    write(&tables)?;
    let context = Context::default();
    let inputs = |path: &Path| Inputs { paths: vec![path.to_owned()], ..Inputs::default() };
    import::run_from(&inputs(&tables.join("triples.tsv")), &kg, &Options::default(), Replace::No, &context)?;
    export_graph::run(&Kg::open(&kg, &context)?, &written, form, Replace::No, &context)?;
    fs::create_dir(&alone)?;
    let file = alone.join(name);
    fs::rename(written.join(name), &file)?;
    let num_facts = read(&file)? as f64;
    let ours = || {
        time(|| {
            import::run_from(&inputs(&file), &out, &options(form), Replace::Yes, &context)?;
            Ok(num_facts)
        })
    };
    Figure::measure("facts/s", against, None, ROUNDS, ours, || time(|| Ok(read(&file)? as f64)))
}

/// Labels and types of an export are statements like others.
fn options(form: GraphFormat) -> Options {
    let format = match form {
        GraphFormat::Ntriples => Format::Rdf,
        GraphFormat::Parquet => Format::Parquet,
        _ => Format::Native,
    };
    Options { format, ..Options::default() }
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
