//! The benchmarks. Each figure is a ratio: ours against something measured beside it, in turn, in the same run.
//!
//! ```text
//! cargo xtask bench [NAME] [--json] [--seconds N]
//! ```
//!
//! `footpath-bench generate` writes made-up graphs of any size, and `cargo xtask bench scale` measures how things grow
//! with them; see [`generate`] and [`scale`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints figures")]

mod bound;
mod corpus;
mod decode;
mod draw;
mod generate;
mod generator;
mod graph;
mod harness;
mod import;
mod sample;
mod scale;
mod serve;
mod train;
mod walks;

use harness::{Figure, Outcome};
use std::process::ExitCode;

type Bench = fn() -> Outcome<Figure>;

/// The benchmarks by name.
const BENCHES: [(&str, Bench); 48] = [
    ("walks/rmat-10hop", walks::rmat_bound),
    ("walks/rmat-10hop-naive", walks::rmat_naive),
    ("walks/big-10hop", walks::big_bound),
    ("walks/u-i-e-i", walks::typed_walk_bound),
    ("walks/u-i-e-i-naive", walks::typed_walk),
    ("walks/generator", generator::quick_stream),
    ("paths/uniform-3hop", walks::uniform_3),
    ("paths/uniform-5hop", walks::uniform_5),
    ("paths/distinct-50", walks::distinct_50),
    ("paths/few-50", walks::few_50),
    ("paths/train-50", walks::train_50),
    ("paths/train-250", walks::train_250),
    ("paths/train-tables", walks::train_tables),
    ("sample/uniform-path-3hop", sample::uniform_path),
    ("sample/uniform-end-3hop", sample::uniform_end),
    ("sample/shards", sample::shards),
    ("corpus/text", corpus::text),
    ("corpus/jsonl", corpus::jsonl),
    ("corpus/parquet", corpus::parquet),
    ("corpus/stats", corpus::stats),
    ("corpus/binary", corpus::binary),
    ("import/native-tsv", import::native_tsv),
    ("import/facts-tsv", import::facts_tsv),
    ("import/facts-parquet", import::facts_parquet),
    ("import/ntriples", import::ntriples),
    ("decode/small-3hop", decode::small_3hop),
    ("decode/one-user-30-beams", decode::one_user),
    ("decode/one-user-p95", decode::one_user_p95),
    ("decode/load", decode::first_answer),
    ("decode/guest", decode::guest),
    ("decode/growth-100k-entities", decode::entities_100k),
    ("decode/growth-1m-entities", decode::entities_1m),
    ("decode/growth-1m-hubs", decode::hubs_1m),
    ("decode/growth-100-beams", decode::beams_100),
    ("decode/growth-300-beams", decode::beams_300),
    ("decode/growth-5-hops", decode::hops_5),
    ("decode/growth-7-hops", decode::hops_7),
    ("train/small-step", train::small_step),
    ("serve/throughput", serve::throughput),
    ("serve/one-user-30-beams", serve::one_user),
    ("serve/one-user-p99", serve::one_user_p99),
    ("serve/400-beams-p99", serve::usual_p99),
    ("serve/half-load-p99", serve::half_load_p99),
    ("serve/events", serve::events),
    ("serve/ready", serve::ready),
    ("serve/search-1m-labels", serve::search),
    ("serve/overload-p99", serve::overload_p99),
    ("serve/overload-memory", serve::overload_memory),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "generate" => tell(first, generate::run(rest)),
        Some((first, rest)) if first == "draw" => tell(first, draw::run(rest)),
        Some((first, rest)) if first == "draw-corpus" => tell(first, draw::corpus(rest)),
        Some((first, rest)) if first == "scale" => tell(first, scale::run(rest)),
        Some((first, rest)) if first == scale::STEP => tell(first, scale::run_step(rest)),
        Some((first, rest)) if first == "steps" => tell(first, train::run_steps(rest)),
        _ => benchmarks(arguments),
    }
}

/// Runs the benchmarks that the arguments choose.
fn benchmarks(mut arguments: Vec<String>) -> ExitCode {
    if let Some(at) = arguments.iter().position(|argument| argument == "--seconds") {
        let given: Vec<String> = arguments.drain(at..arguments.len().min(at + 2)).collect();
        match given.get(1).and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => serve::overload_lasts(seconds),
            None => return usage(),
        }
    }
    let (flags, names): (Vec<String>, Vec<String>) = arguments.into_iter().partition(|a| a.starts_with("--"));
    let (json, known) = (flags.iter().any(|f| f == "--json"), flags.iter().all(|f| f == "--json"));
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(bench, _)| names.iter().all(|name| bench.contains(name.as_str()))).collect();
    if !known || names.len() > 1 || chosen.is_empty() {
        return usage();
    }
    for (name, run) in chosen {
        let line = run().and_then(|figure| if json { figure.json(name) } else { Ok(figure.line(name)) });
        if tell(name, line) != ExitCode::SUCCESS {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("give a name, --json, and --seconds N for the length of serve/overload, or none of them; there are:");
    BENCHES.iter().for_each(|(name, _)| eprintln!("  {name}"));
    ExitCode::from(2)
}

/// Prints what came out of it.
fn tell(name: &str, outcome: Outcome<String>) -> ExitCode {
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
