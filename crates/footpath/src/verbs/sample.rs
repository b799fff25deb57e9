//! `count` and `sample`: the paths of a graph as figures and as a corpus.

use crate::error::{Error, Result};
use crate::pattern::Shape;
use footpath_core::{ArtefactKind, Context, CorpusWriter, Manifest, Replace, artefact};
use footpath_graph::TrainKg;
pub use footpath_graph::sample::{
    Amount, CorpusSampler, CountSummary, EndSet, Law, MixtureSampler, Quota, Replacement, SampleSpec, SampleSummary,
    Sampling, Scratch, Shard, Users, Views,
};
use footpath_graph::sample::{count_paths, sample_corpus};
use serde::Serialize;
use std::path::Path as FilePath;

/// Most paths drawn for a user.
pub const MAX_PATHS_PER_USER: u64 = 1_000_000;

/// Most paths of a corpus asked for by their total.
pub const MAX_PATHS: u64 = 1_000_000_000_000;

/// Numbers of paths, and of which.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counted {
    /// The pattern in canonical form.
    pub pattern: String,
    /// Which items paths may end in.
    pub end: EndSet,
    /// The numbers.
    #[serde(flatten)]
    pub summary: CountSummary,
}

/// Counts the paths of every user of a graph.
///
/// # Errors
/// A bad pattern, more paths than 64 bits can count, [`footpath_core::Error::Stopped`].
pub fn count(kg: &TrainKg, shape: &Shape, ends: EndSet, context: &Context) -> Result<Counted> {
    let pattern = shape.mixture(kg)?.union().clone();
    let summary = context.run(|| count_paths(kg, &pattern, ends, context))??;
    Ok(Counted { pattern: pattern.source().to_owned(), end: ends, summary })
}

/// How to sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which paths.
    pub shape: Shape,
    /// By which law, to which ends, with which seed.
    pub spec: SampleSpec,
    /// How many.
    pub amount: Amount,
    /// For which users. The corpora of all shards, one after the other, are that of the whole.
    pub shard: Shard,
    /// Whether the output may be replaced.
    pub replace: Replace,
}

impl Options {
    /// Checks every number, so that nothing is begun for nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the option.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: String| {
            if holds { Ok(()) } else { Err(Error::Usage { option, reason }) }
        };
        let (option, paths, max) = match self.amount.quota {
            Quota::PerUser(paths) => ("paths-per-user", paths, MAX_PATHS_PER_USER),
            Quota::PerEnd(paths) => ("paths-per-end", paths, MAX_PATHS_PER_USER),
            Quota::Every(paths) => ("all-paths", paths, MAX_PATHS_PER_USER),
            Quota::Total(paths) => ("num-paths", paths, MAX_PATHS),
        };
        rule((1..=max).contains(&paths), option, format!("must be 1 to {max}, got {paths}"))
    }
}

/// A sampled corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// The pattern in canonical form.
    pub pattern: String,
    /// Numbers of paths and users.
    pub summary: SampleSummary,
    /// What was published.
    pub manifest: Manifest,
}

/// Samples a corpus from a graph and publishes it at `out`.
///
/// # Errors
/// An output that exists, a bad pattern or option, a disk that refuses, [`footpath_core::Error::Stopped`]; nothing is
/// left behind then.
pub fn run(kg: &TrainKg, out: &FilePath, options: &Options, context: &Context) -> Result<Sampled> {
    artefact::refuse_existing(out, ArtefactKind::Corpus, options.replace)?;
    options.validate()?;
    let mixture = options.shape.mixture(kg)?;
    options.spec.validate(kg)?;
    let mut writer = CorpusWriter::create(out, 2 * mixture.max_hops() + 1, options.replace)?;
    let Options { ref spec, amount, shard, .. } = *options;
    let summary = context.run(|| {
        let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
        sample_corpus(kg, &mixture, spec, amount, shard, context, &mut sink)
    })??;
    let sampling = Sampling::of_corpus(&mixture, spec, amount, shard, &summary);
    let manifest = writer.publish(kg.content_hash().to_owned(), kg.vocabulary(), sampling.to_json()?)?;
    let pattern = mixture.union().source().to_owned();
    Ok(Sampled { pattern, summary, manifest })
}
