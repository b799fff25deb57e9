//! What an item is worth beside its paths: the linear part of a model, and how much it and the model's own word from the user alone weigh.
//!
//! Both weights are chosen on valid, once, when a model has been trained, and stand in its description.

use crate::error::Result;
use footpath_core::{Context, Goal, LegalSuccessors, NodeId};
use footpath_eval::baselines::{Ease, best};
use footpath_eval::{Metric, Recommendation, Recommendations, evaluate};
use footpath_graph::legal::Legal;
use footpath_graph::{HeldOut, TrainKg};
use footpath_model::Linear;
use footpath_model::decode::{Experts, MAX_K, Recommender, ScoredItem, SearchOptions, UserList, WhenShort};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// λ tried for the linear part.
pub const LAMBDAS: [f64; 3] = [50.0, 200.0, 500.0];
/// Powers tried by which a history fades in the linear part, where there are times, see [`Linear`].
pub const FADINGS: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5];
/// Most users, or items if they are fewer, of a graph whose models get a linear part: its matrix is inverted, in cubic time.
pub const MAX_ROWS: usize = 6_000;
/// Weights an item keeps, those of the largest size.
const WEIGHTS_OF_AN_ITEM: usize = 200;
/// Weights tried for what the model says of an item from the user alone.
pub const DIRECTS: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7];
/// Weights tried for the linear part.
pub const LINEARS: [f64; 8] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0];
/// Powers tried by which the first items of paths lose probability, where there are times.
pub const RECENCIES: [f64; 3] = [0.0, 0.5, 1.0];
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
pub struct ExpertWeights {
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

/// A linear part as solved.
pub(crate) struct Solved {
    /// What it says.
    pub(crate) table: Linear,
    /// How it was made.
    pub(crate) settings: LinearSettings,
}

/// The linear part for a graph: EASE with the λ and the fading that are best on valid, of equal ones the first. `None` without valid users, where
/// solving it would take too long, or when told to stop.
pub(crate) fn linear(legal: &Legal<'_>, valid: &HeldOut, stop: &AtomicBool) -> Result<Option<Solved>> {
    let kg = legal.kg();
    if valid.by_user().is_empty() || kg.users().len().min(kg.items().len()) > MAX_ROWS {
        return Ok(None);
    }
    let mut best: Option<(f64, Solved)> = None;
    for lambda in LAMBDAS {
        let mut solved = table(kg, &Ease::new(kg, lambda, &Context::default())?);
        for fading in FADINGS.into_iter().filter(|&fading| fading == 0.0 || knows_times(kg)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            solved = solved.with_fading(fading);
            let figure = evaluate(&lists_of(&solved, legal, valid), valid, kg, K, &Context::default())?.metrics.ndcg;
            if best.as_ref().is_none_or(|(highest, _)| figure > *highest) {
                let settings = LinearSettings { lambda, fading: f64::from(fading) };
                best = Some((figure, Solved { table: solved.clone(), settings }));
            }
        }
    }
    Ok(best.map(|(_, solved)| solved))
}

/// Whether any user has times.
fn knows_times(kg: &TrainKg) -> bool {
    kg.users().any(|user| !kg.times_of(NodeId(user)).is_empty())
}

/// The best unseen items by the linear part alone, of those who have something held out.
fn lists_of(linear: &Linear, legal: &Legal<'_>, valid: &HeldOut) -> Recommendations {
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

/// The weights that are best on valid for these users, of those that the model and the linear part allow; of equal ones the smallest. `None` when
/// told to stop. `done` is called with the number of searches done and of all.
pub(crate) fn weights(
    recommender: &Recommender<'_, Legal<'_>>,
    kg: &TrainKg,
    (learns_ends, made): (bool, Option<LinearSettings>),
    valid: &HeldOut,
    users: &[NodeId],
    done: &mut dyn FnMut(usize, usize),
    stop: &AtomicBool,
) -> Result<Option<ExpertWeights>> {
    let mut best: Option<ExpertWeights> = None;
    let searches: Vec<f64> = RECENCIES.into_iter().filter(|&recency| recency == 0.0 || knows_times(kg)).collect();
    for (search, &recency) in searches.iter().enumerate() {
        let mut lists = Vec::with_capacity(users.len());
        for portion in users.chunks(USERS_AT_ONCE) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            lists.extend(candidates(recommender, kg, portion, recency));
            done(search * users.len() + lists.len(), searches.len() * users.len());
        }
        for direct in DIRECTS.into_iter().filter(|&direct| direct == 0.0 || learns_ends) {
            for linear in LINEARS.into_iter().filter(|&linear| linear == 0.0 || made.is_some()) {
                let ordered = lists.par_iter().map(|list| ordered(list, direct, linear)).collect::<Vec<_>>();
                let ordered: Recommendations = users.iter().copied().zip(ordered).collect();
                let validation = mean_ndcg(&ordered, valid, kg, users)?;
                if best.is_none_or(|best| validation > best.validation) {
                    let (lambda, fading) = (made.map(|m| m.lambda), made.map_or(0.0, |m| m.fading));
                    best = Some(ExpertWeights { direct, linear, lambda, fading, recency, validation });
                }
            }
        }
    }
    Ok(best)
}

/// What a wide search finds for each user.
fn candidates(
    recommender: &Recommender<'_, Legal<'_>>,
    kg: &TrainKg,
    users: &[NodeId],
    recency: f64,
) -> Vec<Vec<Candidate>> {
    let wide = SearchOptions {
        k: MAX_K,
        beams: BEAMS,
        recency,
        paths_per_item: 1,
        goal: Goal::Unseen,
        when_short: WhenShort::Accept,
        ..SearchOptions::default()
    };
    let lists = recommender.recommend(users, wide, &mut |_| {});
    let candidate = |found: &ScoredItem, experts: &Experts| {
        let [direct, linear] = experts.of(kg.vocabulary().node(found.item).0);
        Candidate { item: found.item, paths: found.score, direct, linear }
    };
    let of_user = |(list, experts): (UserList, Experts)| list.items.iter().map(|i| candidate(i, &experts)).collect();
    lists.into_iter().zip(recommender.experts(users)).map(of_user).collect()
}

/// The best of a list by these weights; ties by item.
fn ordered(list: &[Candidate], direct: f64, linear: f64) -> Vec<Recommendation> {
    let worth = |c: &Candidate| c.paths + direct * c.direct + linear * c.linear;
    best(list.iter().map(|c| Recommendation { item: c.item, score: worth(c) }).collect(), K)
}

/// NDCG@10 of some users' lists, those without a list counting 0.
pub(crate) fn mean_ndcg(lists: &Recommendations, valid: &HeldOut, kg: &TrainKg, users: &[NodeId]) -> Result<f64> {
    let evaluated = evaluate(lists, valid, kg, K, &Context::default())?;
    let looked_at = evaluated.users.iter().filter(|u| users.binary_search(&u.user).is_ok());
    Ok(looked_at.map(|u| u.value(Metric::Ndcg)).sum::<f64>() / users.len().max(1) as f64)
}
