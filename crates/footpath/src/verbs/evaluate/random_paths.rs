//! Whether explanations are better than chance: the same lists with a random legal path for each item.

use super::figures::Mean;
use super::protocol::Protocol;
use super::reasons::{ReasonChecks, Reasons};
use super::subject::Model;
use crate::error::Result;
use footpath_core::{Context, NodeId, Path};
use footpath_eval::{Comparison, Explained, PathMetric, PathMetrics, Resampling, compare_paths, explanations};
use footpath_graph::sample::{Law, SampleSpec, Sampler, Scratch};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Draws for each slot. The figures of a user are means over them, so that chance says less about the comparison.
const NUM_DRAWS: u32 = 10;

/// The items of a list, each with its path if it has one.
type Slots = Vec<(NodeId, Option<Path>)>;

/// The metrics of explanations for the same users, items and order, where each path is drawn uniformly from all legal
/// paths of the model's pattern between the user and the item; and how far the subject's own are above them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomPaths {
    /// Seed of the draws.
    pub seed: u64,
    /// Draws for each slot; a user's figures are means over them.
    pub num_draws: u32,
    /// The figures with random paths, by name.
    pub explanations: BTreeMap<String, Mean>,
    /// The subject's figures minus these, by name, paired by user.
    pub against: BTreeMap<String, Comparison>,
    /// Whether these reasons are the reasons, by the first draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Reasons>,
}

impl RandomPaths {
    /// Draws the paths and compares.
    pub(super) fn new(
        protocol: &Protocol<'_>,
        explained: &Explained,
        own: &PathMetrics,
        model: &Model,
        checks: &ReasonChecks,
        seed: u64,
    ) -> Result<Self> {
        let spec = SampleSpec { law: Law::UniformEnd, damping: 0.0, seed, ..SampleSpec::default() };
        let context = protocol.context;
        let sampler = Sampler::new(&protocol.train, &model.pattern, &spec, context)?;
        let of_draw =
            |draws: Explained| Ok(explanations(&draws, &protocol.users, &protocol.train, protocol.k, context)?);
        let draws = drawn(&sampler, explained, context)?;
        let reasons = draws.first().map(|draw| checks.run(protocol, model, draw)).transpose()?;
        let draws: Vec<PathMetrics> = draws.into_iter().map(of_draw).collect::<Result<_>>()?;
        let random = PathMetrics::mean(&draws)?;
        let resampling = Resampling::default();
        let compared = |metric: PathMetric| {
            Ok((metric.name().to_owned(), compare_paths(own, &random, metric, resampling, context)?))
        };
        let against = PathMetric::ALL.into_iter().map(compared).collect::<Result<_>>()?;
        Ok(Self { seed, num_draws: NUM_DRAWS, explanations: protocol.means(&random)?, against, reasons })
    }
}

/// The lists with a random path wherever there was one, once for each draw.
fn drawn(sampler: &Sampler, explained: &Explained, context: &Context) -> Result<Vec<Explained>> {
    let lists: Vec<_> = explained.iter().collect();
    let of_user = |scratch: &mut Scratch, (user, list): &(&NodeId, &Slots)| {
        let mut drawn: Vec<Slots> = vec![Vec::new(); NUM_DRAWS as usize];
        for (item, path) in *list {
            let tables = path.as_ref().map(|_| sampler.pair(**user, *item, scratch, context)).transpose()?;
            for (draw, slots) in (0..).zip(&mut drawn) {
                let path = tables.as_ref().map(|tables| tables.draw(draw)).transpose()?;
                slots.push((*item, path.flatten()));
            }
        }
        Ok((**user, drawn))
    };
    let of_users: Vec<_> = lists.par_iter().map_init(Scratch::default, of_user).collect::<Result<_>>()?;
    let mut all = vec![Explained::new(); NUM_DRAWS as usize];
    for (user, drawn) in of_users {
        for (lists, list) in all.iter_mut().zip(drawn) {
            lists.insert(user, list);
        }
    }
    Ok(all)
}
