//! What an item is worth beside its paths: the linear part of a model, and how much it and what the model says from the
//! user alone weigh.
//!
//! All weights are chosen on valid, once, when a model has been trained, and stand in its description.

use crate::error::Result;
use footpath_core::{Context, Goal, LegalSuccessors, NodeId};
use footpath_eval::baselines::{Ease, best};
use footpath_eval::{Metric, Recommendation, Recommendations, evaluate};
use footpath_graph::legal::Legal;
use footpath_graph::{HeldOut, TrainKg};
use footpath_model::config::TrainingConfig;
use footpath_model::decode::{ItemPriors, MAX_K, Recommender, ScoredItem, SearchOptions, UserList, WhenShort};
use footpath_model::{Linear, PathModel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// λ tried for the linear part.
const LAMBDAS: [f64; 3] = [50.0, 200.0, 500.0];
/// Powers tried by which a history fades in the linear part, where there are times, see [`Linear`].
const FADINGS: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5];
/// Most users, or items if they are fewer, of a graph whose models get a linear part: its matrix is inverted, in cubic
/// time.
const MAX_ROWS: usize = 6_000;
/// Weights an item keeps, those of the largest size.
const WEIGHTS_OF_AN_ITEM: usize = 200;
/// Weights tried for what the model says of an item from the user alone.
const DIRECTS: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7];
/// Weights tried for the linear part.
const LINEARS: [f64; 8] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0];
/// Powers tried by which the first items of paths lose probability, where there are times.
const RECENCIES: [f64; 3] = [0.0, 0.5, 1.0];
/// Cut-off of every figure on valid.
pub(crate) const K: usize = 10;
/// Users whose lists are wide at the same time, which bounds memory, and how often a stop is looked for.
const USERS_AT_ONCE: usize = 64;
/// Beams of the search among whose items the weights order.
const BEAMS: usize = 400;

/// How a linear part was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearSettings {
    lambda: f64,
    fading: f64,
}

/// How much is said of an item beside its paths, see [`SearchOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendWeights {
    /// Of ln p(item ∣ user) by the model.
    pub direct: f64,
    /// Of the linear part.
    pub linear: f64,
    /// λ of the linear part, if there is one.
    pub lambda: Option<f64>,
    /// Power by which a history fades in it; 0 where all of it counts alike.
    #[serde(default)]
    pub fading: f64,
    /// How much items that paths begin with count by when they were chosen, see [`SearchOptions::recency`].
    #[serde(default)]
    pub recency: f64,
    /// NDCG@10 on valid with these weights, of the users they were chosen on.
    pub validation: f64,
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
/// [`footpath_core::Error::Stopped`], and a linear part that does not fit in memory.
pub(crate) fn choose(
    paths: &PathModel,
    legal: &Legal,
    valid: &HeldOut,
    users: &[NodeId],
    training: &TrainingConfig,
    context: &Context,
) -> Result<Blend> {
    let solved = solve(legal, valid, context)?;
    let (linear, settings) = solved.map(|s| (s.table, s.settings)).unzip();
    let recommender = Recommender::new(paths, legal).with_linear(linear.as_ref());
    let choice = Choice { recommender: &recommender, kg: legal.kg(), settings, valid, users };
    let weights = choice.best(training.learns_ends(), context)?;
    Ok(Blend { linear, weights })
}

/// A linear part as solved.
struct Solved {
    /// What it says.
    table: Linear,
    /// How it was made.
    settings: LinearSettings,
}

/// The linear part for a graph: EASE with the λ and the fading that are best on valid, of equal ones the first. `None`
/// without valid users, or where solving it would take too long.
fn solve(legal: &Legal, valid: &HeldOut, context: &Context) -> Result<Option<Solved>> {
    let kg = legal.kg();
    if valid.by_user().is_empty() || kg.users().len().min(kg.items().len()) > MAX_ROWS {
        return Ok(None);
    }
    let fadings: Vec<f32> = FADINGS.into_iter().filter(|&fading| fading == 0.0 || knows_times(kg)).collect();
    let stage = context.stage("solving the linear part", Some((LAMBDAS.len() * fadings.len()) as u64), "settings");
    let mut best: Option<(f64, Solved)> = None;
    for lambda in LAMBDAS {
        let mut solved = table(kg, &Ease::new(kg, lambda, &context.quietly())?);
        for &fading in &fadings {
            solved = solved.with_fading(fading);
            let figure = evaluate(&lists_of(&solved, legal, valid), valid, kg, K, &context.quietly())?.metrics.ndcg;
            if best.as_ref().is_none_or(|(highest, _)| figure > *highest) {
                let settings = LinearSettings { lambda, fading: f64::from(fading) };
                best = Some((figure, Solved { table: solved.clone(), settings }));
            }
            stage.advance(1)?;
        }
    }
    Ok(best.map(|(_, solved)| solved))
}

/// Whether any user has times.
fn knows_times(kg: &TrainKg) -> bool {
    kg.users().any(|user| !kg.times_of(NodeId(user)).is_empty())
}

/// The best unseen items by the linear part alone, of those who have something held out.
fn lists_of(linear: &Linear, legal: &Legal, valid: &HeldOut) -> Recommendations {
    let (kg, first) = (legal.kg(), legal.kg().items().start);
    let users: Vec<NodeId> = valid.by_user().into_keys().collect();
    let list = |&user: &NodeId| {
        let chosen = kg.items_of(user);
        let history = chosen.iter().map(|item| item - first).zip(legal.later(kg.vocabulary().node(user).0));
        let unseen = kg.items().zip(linear.scores(history)).filter(|(item, _)| chosen.binary_search(item).is_err());
        let scored = unseen.map(|(item, score)| Recommendation { item: NodeId(item), score: f64::from(score) });
        (user, best(scored.collect(), K))
    };
    users.par_iter().map(list).collect::<Vec<_>>().into_iter().collect()
}

/// The weights of the largest size of each item.
fn table(kg: &TrainKg, ease: &Ease<'_>) -> Linear {
    let rows: Vec<Vec<(u32, f32)>> = kg
        .items()
        .into_par_iter()
        .map(|item| {
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let mut row: Vec<(u32, f32)> =
                (0u32..).zip(ease.weights(NodeId(item)).into_iter().map(|w| w as f32)).collect();
            row.retain(|(_, weight)| *weight != 0.0);
            if row.len() > WEIGHTS_OF_AN_ITEM {
                let larger = |a: &(u32, f32), b: &(u32, f32)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
                row.select_nth_unstable_by(WEIGHTS_OF_AN_ITEM, larger);
                row.truncate(WEIGHTS_OF_AN_ITEM);
                row.sort_unstable_by_key(|(item, _)| *item);
            }
            row
        })
        .collect();
    Linear::new(rows)
}

/// An item that paths lead to, and what each has to say of it.
struct Candidate {
    item: NodeId,
    paths: f64,
    direct: f64,
    linear: f64,
}

/// What weights are chosen with, and for whom.
struct Choice<'a> {
    recommender: &'a Recommender<'a, Legal>,
    kg: &'a TrainKg,
    /// How the linear part was made, if there is one.
    settings: Option<LinearSettings>,
    valid: &'a HeldOut,
    users: &'a [NodeId],
}

impl Choice<'_> {
    /// The weights that are best on valid, of those that the model and the linear part allow; of equal ones the first.
    fn best(&self, learns_ends: bool, context: &Context) -> Result<Option<BlendWeights>> {
        let recencies: Vec<f64> =
            RECENCIES.into_iter().filter(|&recency| recency == 0.0 || knows_times(self.kg)).collect();
        let searches = (recencies.len() * self.users.len()) as u64;
        let stage = context.stage("choosing weights", Some(searches), "searches");
        let directs = || DIRECTS.into_iter().filter(|&direct| direct == 0.0 || learns_ends);
        let linears = || LINEARS.into_iter().filter(|&linear| linear == 0.0 || self.settings.is_some());
        let mut best: Option<BlendWeights> = None;
        for recency in recencies {
            let mut lists = Vec::with_capacity(self.users.len());
            for portion in self.users.chunks(USERS_AT_ONCE) {
                lists.extend(self.candidates(portion, recency, context)?);
                stage.advance(portion.len() as u64)?;
            }
            for (direct, linear) in directs().flat_map(|direct| linears().map(move |linear| (direct, linear))) {
                context.check()?;
                let validation = self.figure(&lists, direct, linear, &context.quietly())?;
                if best.is_none_or(|best| validation > best.validation) {
                    let (lambda, fading) =
                        self.settings.map_or((None, 0.0), |settings| (Some(settings.lambda), settings.fading));
                    best = Some(BlendWeights { direct, linear, lambda, fading, recency, validation });
                }
            }
        }
        Ok(best)
    }

    /// NDCG@10 on valid with these weights.
    fn figure(&self, lists: &[Vec<Candidate>], direct: f64, linear: f64, context: &Context) -> Result<f64> {
        let ordered = lists.par_iter().map(|list| ordered(list, direct, linear)).collect::<Vec<_>>();
        let ordered: Recommendations = self.users.iter().copied().zip(ordered).collect();
        mean_ndcg(&ordered, self.valid, self.kg, self.users, context)
    }

    /// What a wide search finds for each user.
    fn candidates(&self, users: &[NodeId], recency: f64, context: &Context) -> Result<Vec<Vec<Candidate>>> {
        let wide = SearchOptions {
            k: MAX_K,
            beams: BEAMS,
            recency,
            paths_per_item: 1,
            goal: Goal::Unseen,
            when_short: WhenShort::Accept,
            ..SearchOptions::default()
        };
        let lists = self.recommender.recommend(users, wide, &context.quietly())?;
        let candidate = |found: &ScoredItem, priors: &ItemPriors| {
            let [direct, linear] = priors.of(self.kg.vocabulary().node(found.item));
            Candidate { item: found.item, paths: found.score, direct, linear }
        };
        let of_user =
            |(list, priors): (UserList, ItemPriors)| list.items.iter().map(|i| candidate(i, &priors)).collect();
        let priors = self.recommender.item_priors(users, context)?;
        Ok(lists.into_iter().zip(priors).map(of_user).collect())
    }
}

/// The best of a list by these weights; ties by item.
fn ordered(list: &[Candidate], direct: f64, linear: f64) -> Vec<Recommendation> {
    let worth = |c: &Candidate| c.paths + direct * c.direct + linear * c.linear;
    best(list.iter().map(|c| Recommendation { item: c.item, score: worth(c) }).collect(), K)
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
