//! Writing corpora. Text, JSON and tables are measured by processor time, since what they cost is work; the file on
//! disk by the clock.
//!
//! The rows are made up: users in order, everything else anywhere, on a graph with as many nodes as the one by which
//! samplers are compared.

use crate::generate::{Shape, power_law_kg};
use crate::harness::{Figure, Outcome, cpu_time, time};
use footpath_core::{Context, Corpus, CorpusWriter, NodeId, Purpose, RelationId, Replace, Stream, Threads};
use footpath_graph::stats::corpus_stats;
use footpath_graph::{TrainKg, export};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

const NUM_PATHS: usize = 4_000_000;
/// The serializer is slow: it gets fewer.
const SERIALIZED_PATHS: usize = 400_000;
const HOPS: usize = 3;
const WIDTH: usize = 2 * HOPS + 1;
const ROUNDS: usize = 5;
/// Bytes of a raw write: larger ones took up to six times as long where pages had to come from the host of a virtual
/// machine.
const PIECE: usize = 256 << 10;
/// Times the rows are written to disk: 1.1 GB in all.
const COPIES: usize = 10;

/// One thread.
fn one() -> Context {
    Threads::new(1).map(|one| Context::default().with_threads(one)).unwrap_or_default()
}

/// Tokens a second of one core as text.
pub(crate) fn text() -> Outcome<Figure> {
    let made = Made::new()?;
    let ours = || made.by_cpu(|| Ok(export::write_text(&made.corpus, &made.kg, &one(), &mut io::sink())?));
    let theirs = || made.by_cpu(|| Ok(formatted(&made, &mut io::sink())?));
    Figure::measure("tokens/s", "`write!` of the same text, one core each", Some(4.0), ROUNDS, ours, theirs)
}

/// Tokens a second of one core as JSON lines.
pub(crate) fn jsonl() -> Outcome<Figure> {
    let made = Made::new()?;
    let ours = || made.by_cpu(|| Ok(export::write_jsonl(&made.corpus, &made.kg, &one(), &mut io::sink())?));
    let theirs = || cpu_time(|| Ok(serialized(&made, &mut io::sink())? as f64 * WIDTH as f64));
    Figure::measure("tokens/s", "serde_json of the names, one core each", None, ROUNDS, ours, theirs)
}

/// Tokens a second of one core as a Parquet table of numbers.
pub(crate) fn parquet() -> Outcome<Figure> {
    let made = Made::new()?;
    let ids = export::Ids::Number;
    let ours = || made.by_cpu(|| Ok(export::write_parquet(&made.corpus, &made.kg, ids, &one(), &mut io::sink())?));
    let theirs = || made.by_cpu(|| Ok(export::write_text(&made.corpus, &made.kg, &one(), &mut io::sink())?));
    Figure::measure("tokens/s", "text, one core each", None, ROUNDS, ours, theirs)
}

/// Tokens a second of one core described.
pub(crate) fn stats() -> Outcome<Figure> {
    let made = Made::new()?;
    let ours = || made.by_cpu(|| Ok(one().run(|| corpus_stats(&made.corpus, &made.kg, &one()))??.paths));
    let theirs = || made.by_cpu(|| Ok(export::write_text(&made.corpus, &made.kg, &one(), &mut io::sink())?));
    Figure::measure("tokens/s", "text, one core each", None, ROUNDS, ours, theirs)
}

/// Megabytes (10⁶ bytes) a second of a corpus on disk, hashed, synced and in its place.
pub(crate) fn binary() -> Outcome<Figure> {
    let made = Made::new()?;
    let out = made.scratch.path().join("copy");
    let rows = made.corpus.tokens();
    let megabytes = (size_of_val(rows) * COPIES) as f64 / 1e6;
    let ours = || {
        let done = time(|| {
            let mut writer = CorpusWriter::create(&out, WIDTH, Replace::No)?;
            // As a sampler hands rows over: some hundred thousand at a time.
            for rows in (0..COPIES).flat_map(|_| rows.chunks(WIDTH << 18)) {
                writer.append(rows)?;
            }
            writer.publish(String::new(), made.kg.vocabulary(), serde_json::Value::Null)?;
            Ok(megabytes)
        });
        std::fs::remove_dir_all(&out)?;
        done
    };
    let bytes: Vec<u8> = rows.iter().flat_map(|token| token.to_le_bytes()).collect();
    let theirs = || {
        let done = time(|| raw(&out, &bytes).map(|()| megabytes));
        std::fs::remove_file(&out)?;
        done
    };
    Figure::measure("MB/s", "bare writes and one fdatasync", Some(0.9), ROUNDS, ours, theirs)
}

fn raw(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let mut file = File::create(path)?;
    (0..COPIES).flat_map(|_| bytes.chunks(PIECE)).try_for_each(|piece| file.write_all(piece))?;
    Ok(file.sync_data()?)
}

/// A corpus and the graph it could be from.
struct Made {
    kg: TrainKg,
    corpus: Corpus,
    scratch: tempfile::TempDir,
}

impl Made {
    fn new() -> Outcome<Self> {
        // Nodes as many as they are there, arcs no more than it takes to have them.
        let few = Shape { interactions: 200_000, item_facts: 200_000, entity_facts: 100_000, ..Shape::walks(1) };
        let kg = power_law_kg(&few)?;
        let scratch = tempfile::tempdir()?;
        let directory = scratch.path().join("corpus");
        let mut writer = CorpusWriter::create(&directory, WIDTH, Replace::No)?;
        writer.append(&rows(&kg))?;
        writer.publish(String::new(), kg.vocabulary(), serde_json::Value::Null)?;
        Ok(Self { corpus: Corpus::open(&directory, &footpath_core::Context::default())?, kg, scratch })
    }

    fn by_cpu(&self, work: impl FnOnce() -> Outcome<u64>) -> Outcome<crate::harness::Done> {
        cpu_time(|| Ok(work()? as f64 * WIDTH as f64))
    }
}

fn rows(kg: &TrainKg) -> Vec<u32> {
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let vocabulary = kg.vocabulary();
    let mut any = |from: std::ops::Range<u32>| from.start + random.index(from.len()) as u32;
    let mut rows = Vec::with_capacity(NUM_PATHS * WIDTH);
    let relations = u32::from(u16::MAX).min(vocabulary.num_relations);
    for path in 0..NUM_PATHS {
        let user = kg.users().start + (path * kg.users().len() / NUM_PATHS) as u32;
        let nodes = [user, any(kg.items()), any(kg.items().end..vocabulary.num_nodes), any(kg.items())];
        let [user, nodes @ ..] = nodes.map(|node| vocabulary.node(NodeId(node)).0);
        rows.push(user);
        for (hop, node) in nodes.into_iter().enumerate() {
            let relation = if hop == 0 { 0 } else { any(0..relations) };
            rows.extend([vocabulary.relation(RelationId(relation as u16)).0, node]);
        }
    }
    rows
}

/// The text by means of the formatting of the standard library.
fn formatted(made: &Made, out: &mut impl Write) -> io::Result<u64> {
    let (kg, vocabulary) = (&made.kg, made.kg.vocabulary());
    let (relation, node) = (vocabulary.relation(RelationId(0)).0, vocabulary.node(NodeId(0)).0);
    let mut out = io::BufWriter::with_capacity(1 << 20, out);
    for row in made.corpus.rows() {
        for (position, token) in row.iter().enumerate() {
            let end = if position + 1 == WIDTH { '\n' } else { ' ' };
            let id = token - if position % 2 == 0 { node } else { relation };
            match position % 2 {
                1 => write!(out, "R{id}{end}")?,
                _ if id < kg.items().start => write!(out, "U{id}{end}")?,
                _ if id < kg.items().end => write!(out, "I{}{end}", id - kg.items().start)?,
                _ => write!(out, "E{}{end}", id - kg.items().end)?,
            }
        }
    }
    out.flush()?;
    Ok(made.corpus.len() as u64)
}

/// The JSON lines by means of the serializer alone.
fn serialized(made: &Made, out: &mut impl Write) -> Outcome<usize> {
    #[derive(serde::Serialize)]
    struct Line {
        nodes: Vec<String>,
        relations: Vec<String>,
    }
    let mut out = io::BufWriter::with_capacity(1 << 20, out);
    for path in made.corpus.paths().take(SERIALIZED_PATHS) {
        let path = path?;
        let nodes = path.nodes.iter().map(|&node| made.kg.node_name(node)).collect();
        let relations = path.relations.iter().map(|&relation| made.kg.relation_name(relation)).collect();
        serde_json::to_writer(&mut out, &Line { nodes, relations })?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(SERIALIZED_PATHS)
}
