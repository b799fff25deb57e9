//! The benchmarks. Each figure is a ratio: ours against something measured beside it, in turn, in the same run.
//!
//! ```text
//! cargo xtask bench [NAME] [--json]
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints figures")]

mod decode;
mod graph;
mod harness;
mod import;
mod sample;
mod train;

use harness::{Figure, Outcome};
use std::process::ExitCode;

type Bench = fn() -> Outcome<Figure>;

/// The benchmarks by name.
const BENCHES: [(&str, Bench); 5] = [
    ("sample/uniform-path-3hop", sample::uniform_path),
    ("sample/uniform-end-3hop", sample::uniform_end),
    ("import/native-tsv", import::native_tsv),
    ("decode/small-3hop", decode::small_3hop),
    ("train/small-step", train::small_step),
];

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let (json, known) = (flags.iter().any(|f| f == "--json"), flags.iter().all(|f| f == "--json"));
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(bench, _)| names.iter().all(|name| bench.contains(name.as_str()))).collect();
    if !known || names.len() > 1 || chosen.is_empty() {
        eprintln!("give --json, a name, both or neither; the benchmarks are:");
        BENCHES.iter().for_each(|(name, _)| eprintln!("  {name}"));
        return ExitCode::from(2);
    }
    for (name, run) in chosen {
        match run().and_then(|figure| if json { figure.json(name) } else { Ok(figure.line(name)) }) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
