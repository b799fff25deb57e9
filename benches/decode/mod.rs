//! Recommending with the small model.
//!
//! The weights are random: the search is as wide as it gets, and training would not change its cost.

mod growth;
mod load;
mod naive;

pub(crate) use growth::{beams_100, beams_300, entities_1m, entities_100k, hops_5, hops_7, hubs_1m};
pub(crate) use load::{artefacts, first_answer, guest};

use crate::graph::{graph, spread};
use crate::harness::{Figure, Outcome, time};
use footpath_core::{Context, LegalSuccessors, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::decode::{Recommender, SearchOptions, WhenShort};
use footpath_model::model::Trunk;
use footpath_model::{ModelConfig, PathModel, Preset};

const HOPS: u32 = 3;
const BEAMS: usize = 100;
const NUM_USERS: usize = 64;
const ROUNDS: usize = 3;
const AGAINST: &str = "the same search with every prefix read anew, user by user";
/// Beams of one user who waits.
const BEAMS_OF_ONE: usize = 30;
/// Users who wait, one after the other.
const NUM_WAITING: usize = 200;

/// Ten items for each of some users, with 100 beams.
pub(crate) fn small_3hop() -> Outcome<Figure> {
    let kg = graph()?;
    let pattern = Pattern::hops(HOPS, &kg)?;
    let legal = Legal::new(kg.clone(), pattern, &Context::default())?;
    let model = small_model(&kg, &legal)?;
    let slow = by_burn(&model)?;
    let (users, options) = (spread(&kg, NUM_USERS), options(BEAMS));
    let cached =
        || Recommender::new(&model, &legal).recommend(&users, options, &Context::default()).unwrap_or_default();
    let anew =
        || -> Vec<_> { users.iter().map(|&user| naive::search(&slow, &legal, user, BEAMS, options.k)).collect() };
    if !cached().iter().zip(anew()).all(|(list, scores)| naive::is_alike(list, &scores)) {
        return Err("the two searches find different lists".into());
    }
    let ours = || time(|| Ok(cached().len() as f64));
    let theirs = || time(|| Ok(anew().len() as f64));
    Figure::measure("users/s", AGAINST, None, ROUNDS, ours, theirs)
}

/// How long one user waits for ten items with 30 beams, everything loaded and warm: the median.
pub(crate) fn one_user() -> Outcome<Figure> {
    one_user_at(0.5)
}

/// As [`one_user`]: the 95th percentile.
pub(crate) fn one_user_p95() -> Outcome<Figure> {
    one_user_at(0.95)
}

fn one_user_at(quantile: f64) -> Outcome<Figure> {
    let kg = graph()?;
    let pattern = Pattern::hops(HOPS, &kg)?;
    let legal = Legal::new(kg.clone(), pattern, &Context::default())?;
    let model = small_model(&kg, &legal)?;
    let (users, options) = (spread(&kg, NUM_WAITING), options(BEAMS_OF_ONE));
    let slow = by_burn(&model)?;
    let recommender = Recommender::new(&model, &legal);
    let cached = |user: NodeId| recommender.recommend(&[user], options, &Context::default()).unwrap_or_default();
    let anew = |user: NodeId| naive::search(&slow, &legal, user, BEAMS_OF_ONE, options.k);
    // This warms both up, too.
    let alike = |&user: &NodeId| cached(user).iter().all(|list| naive::is_alike(list, &anew(user)));
    if !users.iter().all(alike) {
        return Err("the two searches find different lists".into());
    }
    let ours = |place: usize| Ok(cached(users[place]));
    let theirs = |place: usize| Ok(anew(users[place]));
    Figure::measure_waits(quantile, AGAINST, users.len(), ours, theirs)
}

/// The same model, computed by burn.
fn by_burn(model: &PathModel) -> Outcome<PathModel> {
    let device = footpath_model::device(&footpath_core::Device::named("burn-flex"))?;
    Ok(PathModel { trunk: Trunk::new(model.trunk.weights().clone(), &device), ..model.clone() })
}

fn options(beams: usize) -> SearchOptions {
    SearchOptions { beams, paths_per_item: 1, when_short: WhenShort::Accept, ..SearchOptions::default() }
}

fn small_model(kg: &TrainKg, legal: &Legal) -> Outcome<PathModel> {
    let config = ModelConfig::preset(Preset::Small, kg.vocabulary().len(), kg.items(), legal.max_tokens());
    Ok(PathModel::new(config, 1, &footpath_model::device(&footpath_core::Device::default())?)?)
}
