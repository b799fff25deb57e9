//! Which paths are meant, and `pattern check`: what that comes to in a graph.

use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use footpath_graph::TrainKg;
pub use footpath_graph::kg::{NodeType, Relation, Schema};
use footpath_graph::pattern::{Facts, MAX_HOPS, Part};
pub use footpath_graph::pattern::{
    Hop, Mixture, PRESETS, Pattern, Preset, kind_names, kinds_in_words, relations_in_words,
};
use std::path::PathBuf;

/// Which paths are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every typed path from a user to an item of this many hops.
    Hops(u32),
    /// A path pattern.
    Pattern(String),
    /// The pattern of this name; see [`footpath_graph::pattern::PRESETS`].
    Preset(String),
    /// The mixture of patterns in a TOML file; see [`Mixture::read`].
    File(PathBuf),
    /// A pattern of walks, which need not go from a user to an item; see [`Pattern::parse_walk`].
    Walk(String),
}

impl Default for Shape {
    /// Three hops.
    fn default() -> Self {
        Self::Hops(3)
    }
}

impl Shape {
    /// The patterns with their weights.
    ///
    /// # Errors
    /// Hops out of range, a bad pattern, an unknown preset, a file that does not read as a mixture.
    pub fn mixture(&self, kg: &TrainKg) -> Result<Mixture> {
        self.check_users(kg)?;
        match self {
            Self::Hops(hops @ 1..=MAX_HOPS) => Ok(Mixture::single(Pattern::hops(*hops, kg)?)),
            Self::Hops(hops) => {
                Err(Error::Usage { option: "hops", reason: format!("must be 1 to {MAX_HOPS}, got {hops}") })
            }
            Self::Pattern(text) => Ok(Mixture::single(Pattern::parse(text, kg)?)),
            Self::Preset(name) => Ok(Mixture::single(Preset::named(name)?.pattern(kg)?)),
            Self::File(path) => Ok(Mixture::read(path, kg)?),
            Self::Walk(text) => Ok(Mixture::single(Pattern::parse_walk(text, kg)?)),
        }
    }
}

impl Shape {
    /// Refuses paths that start at users where there are none. A file may hold walks, and is looked at when it is read.
    fn check_users(&self, kg: &TrainKg) -> Result<()> {
        let option = match self {
            Self::Hops(_) => "hops",
            Self::Pattern(_) => "pattern",
            Self::Preset(_) => "preset",
            Self::File(_) | Self::Walk(_) => return Ok(()),
        };
        if !kg.users().is_empty() {
            return Ok(());
        }
        let reason = "the graph has no users, where such paths start; a pattern of walks (option `walk` of sample \
                      and count) starts at any node";
        Err(Error::Usage { option, reason: reason.to_owned() })
    }
}

/// What a shape comes to in a graph.
#[derive(Debug)]
pub struct Checked {
    /// The patterns.
    pub mixture: Mixture,
    /// For each part of the mixture, what its hops can be.
    pub hops: Vec<Vec<Hop>>,
}

/// Checks a shape on a graph.
///
/// # Errors
/// As [`Shape::mixture`]; also when the graph has no facts for any path of a pattern.
pub fn check(kg: &Kg, shape: &Shape) -> Result<Checked> {
    let mixture = shape.mixture(kg)?;
    let facts = Facts::of(kg);
    let hops = |part: &Part| part.pattern.hops_in(&facts, kg.schema());
    let hops = mixture.parts().iter().map(hops).collect::<std::result::Result<_, _>>()?;
    Ok(Checked { mixture, hops })
}
