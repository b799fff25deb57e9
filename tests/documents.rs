//! The documents: every command they show is run, what they say that it prints is what it prints, every link leads
//! somewhere, and lists of what there is name all of it.
//!
//! Fenced blocks are told apart by the word behind the fence; `docs/extending.md` says what each means.

mod blocks;
mod links;
pub(crate) mod lists;
mod running;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// A file of the repository.
fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The pages of the book, in its order.
fn pages() -> Vec<String> {
    let summary = read("docs/SUMMARY.md");
    let links = links::of(&summary);
    links.into_iter().map(|link| format!("docs/{}", link.target)).collect()
}

/// Every document: the book, and what stands beside the code.
fn documents() -> Vec<String> {
    let beside = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let folders =
        ["data/films/README.md", "benches/peers/README.md", "tests/data/bad/README.md", "tests/data/tables/README.md"];
    beside.into_iter().chain(folders).map(str::to_owned).chain(pages()).collect()
}
