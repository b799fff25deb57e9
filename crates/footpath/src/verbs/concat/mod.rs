//! `corpus concat` and `recs concat`: the whole of parts that were made apart, on whatever machines.
//!
//! Nothing is joined that is not a whole: parts of one graph, made alike, that have every user exactly once.

mod corpora;
mod lists;

pub use corpora::{Concatenated, corpora};
pub use lists::{ConcatenatedLists, ListsOptions, lists};

use crate::error::Error;
use std::path::Path;

/// Parts that do not make up a whole.
fn no_whole<'p>(parts: impl IntoIterator<Item = &'p Path>, reason: impl Into<String>) -> Error {
    Error::Parts { parts: parts.into_iter().map(Path::to_owned).collect(), reason: reason.into() }
}
