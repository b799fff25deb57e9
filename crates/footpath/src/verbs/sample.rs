//! `count` and `sample`: the paths of a graph as figures and as a corpus.

use crate::error::{Error, Result};
use crate::pattern::Shape;
use footpath_core::{ArtefactKind, Context, CorpusWriter, Manifest, Replace, artefact};
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Part, Pattern};
pub use footpath_graph::sample::{
    CountSummary, EndSet, Kernel, Law, Quota, Replacement, SampleSpec, SampleSummary, Shard, Views,
};
use footpath_graph::sample::{Run, count_paths, sample_corpus};
use std::path::Path as FilePath;

/// Most paths drawn for a user.
pub const MAX_PATHS_PER_USER: u64 = 1_000_000;

/// Most paths of a corpus asked for by their total.
pub const MAX_PATHS: u64 = 1_000_000_000_000;

/// Numbers of paths, and of which.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The pattern in canonical form.
    pub pattern: String,
    /// The numbers.
    pub summary: CountSummary,
}

/// Counts the paths of every user of a graph.
///
/// # Errors
/// A bad pattern, more paths than 64 bits can count, [`footpath_core::Error::Stopped`].
pub fn count(kg: &TrainKg, shape: &Shape, ends: EndSet, context: &Context) -> Result<Counted> {
    let pattern = shape.mixture(kg)?.union().clone();
    let stage = context.stage("counting", Some(u64::from(num_starts(kg, &pattern))), "users");
    let summary = count_paths(kg, &pattern, ends, context.threads().number(), &mut |users| {
        let _ = stage.reach(users);
    })?;
    Ok(Counted { pattern: pattern.source().to_owned(), summary })
}

/// How to sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which paths.
    pub shape: Shape,
    /// By which law, to which ends, with which seed.
    pub spec: SampleSpec,
    /// How many.
    pub quota: Quota,
    /// Whether a path may be drawn for a user more than once.
    pub replacement: Replacement,
    /// For which users. The corpora of all shards, one after the other, are that of the whole.
    pub shard: Shard,
    /// How hops are found; the corpus does not depend on it.
    pub views: Views,
    /// How walkers take turns; the corpus does not depend on it.
    pub kernel: Kernel,
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
        let (option, paths, max) = match self.quota {
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
/// An output that exists, a bad pattern or option, a disk that refuses, [`footpath_core::Error::Stopped`]; nothing is left
/// behind then.
pub fn run(kg: &TrainKg, out: &FilePath, options: &Options, context: &Context) -> Result<Sampled> {
    artefact::refuse_existing(out, ArtefactKind::Corpus, options.replace)?;
    options.validate()?;
    let mixture = options.shape.mixture(kg)?;
    options.spec.validate(kg)?;
    let mut writer = CorpusWriter::create(out, 2 * mixture.max_hops() + 1, options.replace)?;
    let Options { quota, replacement, shard, views, kernel, .. } = *options;
    let stage = context.stage("sampling", Some(u64::from(num_starts(kg, mixture.union()))), "users");
    let summary = sample_corpus(
        kg,
        &mixture,
        &options.spec,
        Run { quota, replacement, shard, threads: context.threads().number(), views, kernel },
        &mut |rows| Ok(writer.append(rows)?),
        &mut |users| {
            let _ = stage.reach(users);
        },
        context.stop().flag(),
    )?;
    if summary.cancelled {
        return Err(footpath_core::Error::Stopped.into());
    }
    let sampling = serde_json::json!({
        "pattern": mixture.union().source(),
        "parts": parts(&mixture),
        "spec": options.spec,
        "quota": quota,
        "replacement": replacement,
        "shard": shard,
        // Where numbers are rounded a law is off by no more than their last bit.
        "numbers": if summary.rounded { "f64" } else { "u64" },
    });
    let manifest = writer.publish(kg.content_hash().to_owned(), kg.vocabulary(), sampling)?;
    let pattern = mixture.union().source().to_owned();
    Ok(Sampled { pattern, summary, manifest })
}

/// The parts of a mixture as a manifest states them.
pub(crate) fn parts(mixture: &Mixture) -> serde_json::Value {
    let part = |part: &Part| serde_json::json!({ "pattern": part.pattern.source(), "weight": part.weight });
    mixture.parts().iter().map(part).collect()
}

fn num_starts(kg: &TrainKg, pattern: &Pattern) -> u32 {
    pattern.starts().iter().map(|&kind| kg.range(kind)).map(|range| range.end - range.start).sum()
}
