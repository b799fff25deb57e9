//! What a model learns from: patterns, the law by which their paths are drawn, or a corpus of paths drawn before.

use super::learned_users::LearnedUsers;
use super::options::Options;
use super::sources::{CorpusPaths, FreshPaths};
use crate::corpus;
use crate::error::{Error, Result};
use crate::pattern::Shape;
use footpath_core::{Context, Corpus};
use footpath_graph::TrainKg;
use footpath_graph::pattern::Mixture;
use footpath_graph::sample::{MixtureSampler, SampleSpec, Sampling};
use footpath_model::data::PathSource;

/// Share of the drawn paths that meet another user, unless one is given. Left to the law alone it would be that of a
/// graph's degrees, which says nothing of what a kind of path is worth (docs/experiments.md).
pub const COLLABORATIVE_SHARE: f64 = 0.15;

/// The patterns to learn: those asked for, which must be those of the corpus where there is one.
pub(super) fn mixture(kg: &TrainKg, options: &Options, corpus: Option<&Corpus>) -> Result<Mixture> {
    let given = options.shape.as_ref().map(|shape| shape.mixture(kg)).transpose()?;
    let Some(corpus) = corpus else {
        law(options).validate(kg)?;
        return shared_out(given.map_or_else(|| Shape::default().mixture(kg), Ok)?, options);
    };
    if options.collaborative_share.is_some() {
        let reason = "the paths of a corpus are drawn already; leave the option out".to_owned();
        return Err(Error::Usage { option: "collaborative-share", reason });
    }
    refuse_weights(options)?;
    let (made, _) = corpus::stated(corpus, kg)?;
    match given {
        Some(given) if given.union().source() != made.source() => Err(Error::Usage {
            option: "pattern",
            reason: format!("the corpus was sampled with {}; leave the option out", made.source()),
        }),
        Some(given) => Ok(given),
        None => Ok(Mixture::single(made)),
    }
}

/// The patterns with the share of collaborative paths that is asked for.
fn shared_out(mixture: Mixture, options: &Options) -> Result<Mixture> {
    match (options.collaborative_share, &options.shape) {
        (Some(share), _) => Ok(mixture.with_collaborative_share(share)?),
        (None, Some(Shape::File(_))) => Ok(mixture),
        // A pattern with one kind of paths only has nothing to share out.
        (None, _) => Ok(mixture.with_collaborative_share(COLLABORATIVE_SHARE).unwrap_or(mixture)),
    }
}

pub(super) fn source(
    kg: &TrainKg,
    mixture: &Mixture,
    options: &Options,
    corpus: Option<Corpus>,
    learned: &LearnedUsers,
    context: &Context,
) -> Result<(Box<dyn PathSource>, Sampling)> {
    if let Some(corpus) = corpus {
        let sampling = Sampling::stated(&corpus)?;
        return Ok((Box::new(CorpusPaths { corpus }), sampling));
    }
    let spec = law(options);
    let paths_per_user = options.training.paths_per_user;
    let sampling = Sampling::of_training(mixture, &spec, paths_per_user);
    let sampler = MixtureSampler::new(kg, mixture, &spec, context)?;
    let fresh = FreshPaths { sampler, users: learned.learned.clone(), paths_per_user };
    Ok((Box::new(fresh), sampling))
}

/// The law by which paths are drawn for training.
fn law(options: &Options) -> SampleSpec {
    SampleSpec {
        law: options.law,
        damping: options.damping,
        end_damping: options.end_damping,
        relation_weights: options.relation_weights.clone(),
        edge_weights: options.edge_weights,
        seed: options.training.seed,
        ..SampleSpec::training()
    }
}

/// Refuses what would change how paths are drawn that are drawn already.
fn refuse_weights(options: &Options) -> Result<()> {
    let given = [
        ("end-damping", options.end_damping != 0.0),
        ("relation-weight", !options.relation_weights.is_empty()),
        ("edge-weights", options.edge_weights),
        ("users-share", options.training.users_share != 1.0),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    Err(Error::Usage { option, reason: "the paths of a corpus are drawn already; leave the option out".to_owned() })
}
