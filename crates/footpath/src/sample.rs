//! `count` and `sample`: the paths of a graph as figures and as a corpus.

use crate::Threads;
use crate::error::{Error, Result};
use crate::shape::Shape;
use footpath_core::{CorpusWriter, Manifest, Replace, artefact};
use footpath_graph::TrainKg;
use footpath_graph::sample::{
    CountSummary, EndSet, MAX_DAMPING, Run, SampleSpec, SampleSummary, count_paths, sample_corpus,
};
use std::path::Path as FilePath;
use std::sync::atomic::AtomicBool;

/// Most paths drawn for a user.
pub const MAX_PATHS_PER_USER: u64 = 1_000_000;

/// Numbers of paths, and of which.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The pattern in canonical form.
    pub pattern: String,
    /// The numbers.
    pub summary: CountSummary,
}

/// Counts the paths of every user of the graph at `kg_dir`; `done` is told how many users are counted, of how many.
///
/// # Errors
/// A graph that does not open, a bad pattern, more paths than 64 bits can count.
pub fn count(
    kg_dir: &FilePath,
    shape: &Shape,
    ends: EndSet,
    threads: Threads,
    done: &mut dyn FnMut(u64, u64),
) -> Result<Counted> {
    let kg = TrainKg::open(kg_dir)?;
    let pattern = shape.mixture(&kg)?.union().clone();
    let num_users = kg.users().len() as u64;
    let summary = count_paths(&kg, &pattern, ends, threads.number(), &mut |users| done(users, num_users))?;
    Ok(Counted { pattern: pattern.source().to_owned(), summary })
}

/// How to sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which paths.
    pub shape: Shape,
    /// By which law, to which ends, with which seed.
    pub spec: SampleSpec,
    /// Paths for each user that has any; drawn with replacement.
    pub paths_per_user: u64,
    /// Threads; the corpus does not depend on them.
    pub threads: Threads,
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
        let (paths, damping) = (self.paths_per_user, self.spec.damping);
        let most = format!("must be 1 to {MAX_PATHS_PER_USER}, got {paths}");
        rule((1..=MAX_PATHS_PER_USER).contains(&paths), "paths-per-user", most)?;
        let most = format!("must be 0 to {MAX_DAMPING}, got {damping}");
        rule((0.0..=MAX_DAMPING).contains(&damping), "damping", most)?;
        rule(self.threads.0 <= Threads::MAX, "threads", format!("must be at most {}", Threads::MAX))
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The corpus is in place.
    Finished(Box<Sampled>),
    /// The caller asked to stop; nothing was left behind.
    Interrupted,
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

/// Samples a corpus from the graph at `kg_dir` and publishes it at `out`; `done` is told how many users are finished, of how many.
///
/// # Errors
/// An output that exists, a graph that does not open, a bad pattern or option, a disk that refuses; nothing is left behind then.
pub fn run(
    kg_dir: &FilePath,
    out: &FilePath,
    options: &Options,
    done: &mut dyn FnMut(u64, u64),
    stop: &AtomicBool,
) -> Result<Outcome> {
    artefact::refuse_existing(out, options.replace)?;
    options.validate()?;
    let paths_per_user = options.paths_per_user;
    let kg = TrainKg::open(kg_dir)?;
    let pattern = options.shape.pattern(&kg)?;
    let num_users = kg.users().len() as u64;
    let mut writer = CorpusWriter::create(out, 2 * pattern.max_hops() + 1, options.replace)?;
    let summary = sample_corpus(
        &kg,
        &pattern,
        options.spec,
        Run { paths_per_user, threads: options.threads.number() },
        &mut |rows| Ok(writer.append(rows)?),
        &mut |users| done(users, num_users),
        stop,
    )?;
    if summary.cancelled {
        return Ok(Outcome::Interrupted);
    }
    let sampling = serde_json::json!({
        "pattern": pattern.source(),
        "spec": options.spec,
        "paths_per_user": paths_per_user,
    });
    let manifest = writer.publish(kg.content_hash().to_owned(), kg.vocabulary(), sampling)?;
    Ok(Outcome::Finished(Box::new(Sampled { pattern: pattern.source().to_owned(), summary, manifest })))
}
