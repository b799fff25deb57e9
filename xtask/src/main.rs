//! Project tasks: `cargo xtask ci` runs everything CI runs, `cargo xtask bench` runs the benchmarks, `cargo xtask
//! reference` writes the page of the book that the program knows best.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool that tells what it runs")]

mod lines;
mod page;
mod python;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const USAGE: &str = "\
cargo xtask ci                     everything CI runs: lines, formatting, lints, tests, doc tests, docs
cargo xtask lines                  whether a line is too long
cargo xtask page                   tries the served page in a browser, where there is one
cargo xtask python [--torch]       builds the Python package and tests it, in an environment of its own; with torch,
                                   which is gigabytes, also the training of models of your own
cargo xtask cluster spark|ray      builds the Python package and tests it on an engine that has to be installed
cargo xtask reference              writes docs/reference.md anew, after the command line has changed
cargo xtask bench [NAME] [--json] [--seconds N]
                                   the benchmarks whose name contains NAME; --json prints one object for each figure,
                                   --seconds says how long serve/overload lasts
cargo xtask bench scale [--edges N,N,…] [--dir DIR] [--json]
                                   import, store, opening, count and sample by size of a made-up graph, as a table
cargo xtask bench generate DIR --edges N [--users N] [--items N] [--entities N] [--seed N]
                                   a made-up graph as a dataset folder
cargo xtask bench python [NAME] [--data DIR] [--no-torch] [--json]
                                   the Python package beside the program and another library's loader";

/// A command of CI.
struct Step {
    name: &'static str,
    /// Arguments of cargo, parted by blanks.
    cargo: &'static str,
    environment: &'static [(&'static str, &'static str)],
}

const CI: [Step; 5] = [
    Step { name: "format", cargo: "fmt --all --check", environment: &[] },
    Step { name: "lints", cargo: "clippy --locked --workspace --all-targets -- -D warnings", environment: &[] },
    Step { name: "tests", cargo: "nextest run --locked --workspace", environment: &[] },
    // The one kind of test that nextest does not run.
    Step { name: "doc tests", cargo: "test --locked --workspace --doc", environment: &[] },
    Step { name: "docs", cargo: "doc --locked --workspace --no-deps", environment: &[("RUSTDOCFLAGS", "-D warnings")] },
];

/// The page of the book that `footpath reference` prints.
const REFERENCE: &str = "docs/reference.md";

/// Settings of glibc that the program makes for itself when it starts: freed memory is kept for the next training step.
const KEEP_HEAP: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((task, [])) if task == "ci" => ci(),
        Some((task, [])) if task == "lines" => lines(),
        Some((task, [])) if task == "page" => page::run(root()),
        Some((task, [])) if task == "python" => python::run(root(), false),
        Some((task, [with])) if task == "python" && with == "--torch" => python::run(root(), true),
        Some((task, [engine])) if task == "cluster" => python::cluster(root(), engine),
        Some((task, [])) if task == "reference" => reference(),
        Some((task, rest)) if task == "bench" => match rest.split_first() {
            Some((first, rest)) if first == "python" => python::bench(root(), rest),
            _ => bench(rest),
        },
        Some((task, _)) if ["help", "--help", "-h"].contains(&task.as_str()) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the steps of CI, up to the first that fails, and sums up.
fn ci() -> Result<(), String> {
    lines()?;
    let mut times = Vec::new();
    let mut counts = Vec::new();
    for step in &CI {
        println!("\n== {}: cargo {}", step.name, step.cargo);
        let begun = Instant::now();
        let command = cargo(step.cargo.split(' ').map(str::to_owned));
        let summaries = run_and_listen(command, step)?;
        times.push(format!("{} {:.0} s", step.name, begun.elapsed().as_secs_f64()));
        counts.extend(test_summary(step.name, &summaries));
    }
    println!("\n== passed: {}", times.join(", "));
    counts.iter().for_each(|line| println!("== {line}"));
    Ok(())
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where programs are built.
fn target(root: &Path) -> PathBuf {
    root.join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// Runs a program to its end.
fn call(command: &mut Command, name: &str) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// No line is too long.
fn lines() -> Result<(), String> {
    println!("\n== lines: at most {} characters", lines::MAX);
    let files = lines::check(root())?;
    println!("{files} files");
    Ok(())
}

/// Writes what the program says of its verbs and options into the book.
fn reference() -> Result<(), String> {
    let arguments = ["run", "--quiet", "--package", "footpath-cli", "--", "reference"];
    let output = cargo(arguments.map(str::to_owned)).stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("the program ended with {}", output.status));
    }
    let file = root().join(REFERENCE);
    fs::write(&file, output.stdout).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("{REFERENCE} is written");
    Ok(())
}

/// Libraries that we are measured against, which a release does not optimise as far as it could.
const PEERS: [&str; 8] =
    ["burn-autodiff", "burn-core", "burn-dispatch", "burn-flex", "burn-std", "burn-tensor", "csv", "csv-core"];

/// Benchmarks are built with optimisation, of the peers too, and print their figures themselves.
fn bench(arguments: &[String]) -> Result<(), String> {
    let at_their_best =
        PEERS.map(|peer| ["--config".to_owned(), format!("profile.release.package.{peer}.opt-level=3")]);
    let mut all = vec!["run".to_owned()];
    all.extend(at_their_best.into_iter().flatten());
    all.extend(["--quiet", "--release", "--package", "footpath-bench", "--"].map(str::to_owned));
    all.extend_from_slice(arguments);
    let status = cargo(all).envs(KEEP_HEAP).status().map_err(|e| format!("cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmarks ended with {status}")) }
}

fn cargo(arguments: impl IntoIterator<Item = String>) -> Command {
    // Cargo names itself to what it runs, so that both are of one toolchain.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a step, passes its output on, and returns the lines that sum up tests.
fn run_and_listen(mut command: Command, step: &Step) -> Result<Vec<String>, String> {
    command.envs(step.environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("cargo: {e}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let listeners = [
        std::thread::spawn(move || out.map_or_else(Vec::new, |out| pass_on(out, std::io::stdout()))),
        std::thread::spawn(move || err.map_or_else(Vec::new, |err| pass_on(err, std::io::stderr()))),
    ];
    let status = child.wait().map_err(|e| format!("cargo: {e}"))?;
    let summaries = listeners.into_iter().flat_map(|listener| listener.join().unwrap_or_default()).collect();
    if status.success() {
        return Ok(summaries);
    }
    let hint = if step.cargo.starts_with("nextest") {
        "; if cargo has no nextest: cargo install cargo-nextest --locked"
    } else {
        ""
    };
    Err(format!("{} failed ({status}): cargo {}{hint}", step.name, step.cargo))
}

fn pass_on(from: impl std::io::Read, mut to: impl Write) -> Vec<String> {
    let mut summaries = Vec::new();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let _ = writeln!(to, "{line}");
        let text = line.trim_start();
        if text.starts_with("Summary [") || text.starts_with("test result:") {
            summaries.push(text.to_owned());
        }
    }
    summaries
}

/// One line for the tests of a step: nextest's own, or the sum over the crates.
fn test_summary(name: &str, summaries: &[String]) -> Option<String> {
    if let Some(line) = summaries.iter().rev().find_map(|line| line.strip_prefix("Summary ")) {
        return Some(format!("{name}: {line}"));
    }
    let sum = |what: &str| -> u64 { summaries.iter().filter_map(|line| count(line, what)).sum() };
    let (passed, failed) = (sum("passed"), sum("failed"));
    (!summaries.is_empty()).then(|| format!("{name}: {passed} passed, {failed} failed"))
}

/// The number before a word in `test result: ok. 4 passed; 0 failed; …`.
fn count(line: &str, what: &str) -> Option<u64> {
    let words: Vec<&str> = line.split([' ', ';']).collect();
    let at = words.iter().position(|word| *word == what)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_summed_up() {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let results = lines(&[
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured",
            "test result: FAILED. 11 passed; 2 failed; 0 ignored; 0 measured",
        ]);
        let cases = [
            (lines(&[]), None),
            (results, Some("t: 15 passed, 2 failed")),
            (lines(&["Summary [  3.1s] 7 tests run: 7 passed"]), Some("t: [  3.1s] 7 tests run: 7 passed")),
        ];
        assert!(cases.iter().all(|(lines, expected)| test_summary("t", lines).as_deref() == *expected));
    }
}
