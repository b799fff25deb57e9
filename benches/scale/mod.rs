//! How import, store, opening, counting and sampling grow with the graph: a table, by size.
//!
//! ```text
//! cargo xtask bench scale [--edges 1000000,10000000] [--dir DIR] [--json]
//! ```
//!
//! Each step runs in a process of its own, so that its time and its peak memory are its own. Made-up graphs are written
//! to a folder below DIR (the system's temporary one unless given) and removed afterwards; a graph of 100 million edges
//! takes 6 GB there.

mod step;
mod table;

use crate::generate::{Shape, write_folder};
use crate::harness::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use step::Measured;
use table::Row;

pub(crate) use step::run as run_step;

pub(crate) const USAGE: &str = "scale [--edges N,N,…] [--dir DIR] [--json]";
/// How the program calls itself for a step.
pub(crate) const STEP: &str = "scale-step";
/// Longer than files have to rest before a receipt is left.
const REST: Duration = Duration::from_secs(5);
const SEED: u64 = 1;

/// Measures every size that the arguments ask for; the table, or one object on a line for each size.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let (sizes, parent, json) = parse(arguments)?;
    let scratch = match parent {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let rows = sizes.iter().map(|&edges| measure(edges, scratch.path())).collect::<Outcome<Vec<Row>>>()?;
    if json {
        return Ok(rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?.join("\n"));
    }
    Ok(table::markdown(&rows))
}

fn parse(arguments: &[String]) -> Outcome<(Vec<u64>, Option<PathBuf>, bool)> {
    let (mut sizes, mut parent, mut json) = (vec![1_000_000, 10_000_000], None, false);
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(flag) = rest.next() {
        match flag {
            "--json" => json = true,
            "--edges" => {
                let list = rest.next().ok_or(USAGE)?;
                sizes = list.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| USAGE)?;
            }
            "--dir" => parent = Some(PathBuf::from(rest.next().ok_or(USAGE)?)),
            _ => return Err(USAGE.into()),
        }
    }
    Ok((sizes, parent, json))
}

/// All steps of one size; what was made for it is removed at the end.
fn measure(edges: u64, scratch: &Path) -> Outcome<Row> {
    let (folder, kg, corpus) = (scratch.join("data"), scratch.join("kg"), scratch.join("corpus"));
    let input_bytes = write_folder(&Shape::of_edges(edges, SEED), &folder)?;
    let import = step(&["import".as_ref(), &folder, &kg])?;
    std::fs::remove_dir_all(&folder)?;
    let store = step::Store::of(&kg)?;
    std::thread::sleep(REST);
    // The first opening reads everything and leaves the receipt by which the others go.
    let [verify, warm] = [(); 2].map(|()| step(&["open".as_ref(), &kg]));
    let cold = forget(&kg).then(|| step(&["open".as_ref(), &kg])).transpose()?;
    let count = step(&["count".as_ref(), &kg])?;
    let sample = step(&["sample".as_ref(), &kg, &corpus])?;
    std::fs::remove_dir_all(&kg)?;
    std::fs::remove_dir_all(&corpus)?;
    Ok(Row { edges, input_bytes, store, import, verify: verify?, open_warm: warm?, open_cold: cold, count, sample })
}

/// Runs a step in a process of its own.
fn step(arguments: &[&Path]) -> Outcome<Measured> {
    let output = Command::new(std::env::current_exe()?).arg(STEP).args(arguments).output()?;
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout)?);
    }
    Err(format!("{}: {}", arguments[0].display(), String::from_utf8_lossy(&output.stderr)).into())
}

/// Makes the system forget what it has read of the files, where it has a tool for it; whether that worked.
fn forget(kg: &Path) -> bool {
    let one = |path: PathBuf| {
        let output =
            Command::new("dd").arg(format!("if={}", path.display())).args(["iflag=nocache", "count=0"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let files = std::fs::read_dir(kg).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    files.is_ok_and(|files| files.into_iter().all(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let parse = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse("").expect("none"), (vec![1_000_000, 10_000_000], None, false));
        let all = parse("--json --edges 5,7 --dir /d").expect("all");
        assert_eq!(all, (vec![5, 7], Some(PathBuf::from("/d")), true));
        assert!(["--edges", "--edges x", "--dir", "5"].iter().all(|text| parse(text).is_err()));
    }
}
