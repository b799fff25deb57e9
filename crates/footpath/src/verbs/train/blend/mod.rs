//! What an item is worth beside its paths: the linear part of a model, and how much it, what the model says from the
//! user alone, popularity and counted paths weigh.
//!
//! All weights are chosen on valid, once, when a model has been trained, and stand in its description.

mod linear;
mod origins;
mod weights;

pub use crate::artefacts::blend_weights::BlendWeights;
pub use linear::LinearPart;
pub(crate) use origins::K;

use crate::error::Result;
use footpath_core::{Context, NodeId, Purpose, Stream};
use footpath_eval::{Metric, Recommendations, evaluate};
use footpath_graph::legal::Legal;
use footpath_graph::{HeldOut, TrainKg};
use footpath_model::config::TrainingConfig;
use footpath_model::{Linear, PathModel};
use std::time::Duration;
use weights::Choice;

/// Most users that the linear part is chosen on; a fixed draw where there are more.
const LINEAR_USERS: usize = 1_000;

/// When a choice is to be there, by the clock of the context; nothing where there is time enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// The settings of the linear part.
    pub(crate) linear: Option<Duration>,
    /// The weights.
    pub(crate) weights: Option<Duration>,
}

/// What goes beside the paths of a model.
#[derive(Debug, Default)]
pub(crate) struct Blend {
    /// What other users' choices say of an item.
    pub(crate) linear: Option<Linear>,
    /// How much each part weighs.
    pub(crate) weights: Option<BlendWeights>,
}

/// Solves the linear part and chooses all weights on valid.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
#[expect(clippy::too_many_arguments, reason = "what is chosen, on what, and by when")]
pub(crate) fn choose(
    paths: &PathModel,
    legal: &Legal,
    valid: &HeldOut,
    users: &[NodeId],
    part: LinearPart,
    training: &TrainingConfig,
    times: Times,
    context: &Context,
) -> Result<Blend> {
    let kg = legal.kg();
    let sample = origins::origins(legal, valid, &sample(valid, training.seed));
    let settings = linear::settings(part, kg, &sample, times.linear, context)?;
    let linear = settings.map(|settings| linear::table(kg, &settings, &context.quietly())).transpose()?;
    let origins = origins::origins(legal, valid, users);
    let learns_ends = training.learns_ends();
    let choice = Choice { paths, linear: linear.as_ref(), kg, origins: &origins, learns_ends, until: times.weights };
    let weighed = choice.best(context)?;
    let [direct, linear_weight, path_count, popularity] = weighed.weights;
    let weights = BlendWeights {
        direct,
        linear: linear_weight,
        popularity,
        path_count,
        lambda: settings.map(|settings| f64::from(settings.lambda)),
        fading: settings.map_or(0.0, |settings| f64::from(settings.fading)),
        solved: settings,
        recency: weighed.recency,
        validation: weighed.figure(),
    };
    Ok(Blend { linear, weights: Some(weights) })
}

impl Blend {
    /// The same weights and settings, with the linear part solved on another graph of the same nodes.
    pub(crate) fn refit(self, kg: &TrainKg, context: &Context) -> Result<Self> {
        let solved = self.weights.and_then(|weights| weights.solved);
        let linear = solved.map(|settings| linear::table(kg, &settings, context)).transpose()?;
        Ok(Self { linear, ..self })
    }
}

/// A fixed draw of the users who have something in valid, in their order.
fn sample(valid: &HeldOut, seed: u64) -> Vec<NodeId> {
    let mut users: Vec<NodeId> = valid.by_user().into_keys().collect();
    if users.len() > LINEAR_USERS {
        Stream::new(seed, Purpose::Validation, 0, 1).shuffle(&mut users);
        users.truncate(LINEAR_USERS);
        users.sort_unstable();
    }
    users
}

/// NDCG@10 of some users' lists, those without a list counting 0.
pub(crate) fn mean_ndcg(
    lists: &Recommendations,
    valid: &HeldOut,
    kg: &TrainKg,
    users: &[NodeId],
    context: &Context,
) -> Result<f64> {
    let evaluated = evaluate(lists, valid, kg, K, context)?;
    let looked_at = evaluated.users.iter().filter(|u| users.binary_search(&u.user).is_ok());
    Ok(looked_at.map(|u| u.value(Metric::Ndcg)).sum::<f64>() / users.len().max(1) as f64)
}
