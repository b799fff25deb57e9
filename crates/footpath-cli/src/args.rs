//! Options that several verbs have.

use crate::failure::Failure;
use clap::{ArgGroup, Args};
use footpath::pattern::{PRESETS, Shape};
use footpath::sample::EndSet;
use footpath::{Device, Replace, artefact};
use std::path::{Path, PathBuf};

/// Where the pattern of the paths comes from; the verbs say with [`one_pattern`] that only one can be given.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(crate) struct PatternArgs {
    /// A path pattern, such as '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)'
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    #[command(flatten)]
    made: MadePatternArgs,
}

impl PatternArgs {
    /// What is asked for, if anything is.
    pub(crate) fn shape(&self) -> Option<Shape> {
        self.made.shape(self.pattern.as_ref())
    }
}

/// Patterns that need not be written out.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(crate) struct MadePatternArgs {
    /// Every typed path user–…–item of this many hops
    #[arg(long, value_name = "N")]
    hops: Option<u32>,
    /// The path patterns of a well-known recommender
    #[arg(long, value_name = "NAME", value_parser = PRESETS.map(|preset| preset.name))]
    pattern_preset: Option<String>,
    /// A TOML file with a mixture of patterns
    #[arg(long, value_name = "FILE")]
    patterns: Option<PathBuf>,
}

impl MadePatternArgs {
    /// What is asked for; the parser sees to it that it is one thing at most.
    pub(crate) fn shape(&self, pattern: Option<&String>) -> Option<Shape> {
        let written = pattern.cloned().map(Shape::Pattern);
        let preset = self.pattern_preset.clone().map(Shape::Preset);
        written.or(self.hops.map(Shape::Hops)).or(preset).or(self.patterns.clone().map(Shape::File))
    }
}

/// The ways to give a pattern, of which only one can be taken.
pub(crate) fn one_pattern() -> ArgGroup {
    ArgGroup::new("paths").args(["hops", "pattern", "pattern_preset", "patterns"]).multiple(false)
}

/// Which items a path may end at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum End {
    /// The user's own train items, other than that of the first hop
    #[default]
    Train,
    /// Items the user has not chosen
    Unseen,
    /// Any item
    Any,
}

impl From<End> for EndSet {
    fn from(end: End) -> Self {
        match end {
            End::Train => Self::Train,
            End::Unseen => Self::Unseen,
            End::Any => Self::Any,
        }
    }
}

/// What `--force` means.
pub(crate) fn replace(force: bool) -> Replace {
    if force { Replace::Yes } else { Replace::No }
}

/// Where tensors are computed.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeviceArg {
    /// Where to compute
    #[arg(long, default_value = "flex")]
    pub(crate) device: Device,
}

/// Options of verbs that write an artefact.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutArgs {
    /// Directory to create
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace the directory if it is an artefact already
    #[arg(long)]
    pub(crate) force: bool,
}

/// Refuses an output that is, holds or lies within something that is read.
pub(crate) fn refuse_overlap<'a>(
    out: &Path,
    inputs: impl IntoIterator<Item = Option<&'a PathBuf>>,
) -> Result<(), Failure> {
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
    Ok(artefact::refuse_overlap(out, &inputs)?)
}

impl OutArgs {
    pub(crate) fn replace(&self) -> Replace {
        replace(self.force)
    }
}
