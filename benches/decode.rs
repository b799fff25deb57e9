//! Recommending with the small model, against the same search without the cache of keys and values: every prefix is read anew.
//!
//! The weights are random: the search is as wide as it gets, and training would not change its cost.

use crate::graph::graph;
use crate::harness::{Figure, Outcome, time};
use burn::tensor::{Tensor, TensorData};
use footpath_core::{Goal, LegalSuccessors, NodeId, Successors};
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::decode::{Recommender, SearchOptions, WhenShort};
use footpath_model::dropout::Dropout;
use footpath_model::legal_softmax::score;
use footpath_model::{ModelConfig, PathModel, Preset};
use rayon::prelude::*;
use std::collections::BTreeMap;

const BEAMS: usize = 100;
const NUM_USERS: usize = 64;
const ROUNDS: usize = 3;
const AGAINST: &str = "the same search with every prefix read anew, user by user";

/// Ten items for each of some users, with 100 beams.
pub(crate) fn small_3hop() -> Outcome<Figure> {
    let kg = graph()?;
    let pattern = Pattern::hops(3, &kg)?;
    let legal = Legal::new(&kg, &pattern);
    let config = ModelConfig::preset(Preset::Small, kg.vocabulary().len(), kg.items(), legal.max_tokens());
    let model = PathModel::new(config, 1, &footpath_model::device("flex")?)?;
    let users: Vec<NodeId> = kg.users().take(NUM_USERS).map(NodeId).collect();
    let options =
        SearchOptions { beams: BEAMS, paths_per_item: 1, when_short: WhenShort::Accept, ..SearchOptions::default() };
    let cached = || Recommender::new(&model, &legal).recommend(&users, options, &mut |_| {});
    let anew = || -> Vec<Vec<f64>> { users.iter().map(|&user| search(&model, &legal, user, options.k)).collect() };
    for (list, scores) in cached().iter().zip(anew()) {
        let alike = list.items.iter().zip(&scores).all(|(item, score)| (item.score - score).abs() < 1e-3);
        if !alike || list.items.len() != scores.len() {
            return Err("the two searches find different lists".into());
        }
    }
    let ours = || time(|| Ok(cached().len() as f64));
    let theirs = || time(|| Ok(anew().len() as f64));
    Figure::measure("users/s", AGAINST, None, ROUNDS, ours, theirs)
}

/// The scores of the k most probable items.
fn search(model: &PathModel, legal: &Legal<'_>, user: NodeId, k: usize) -> Vec<f64> {
    let mut beams = vec![(vec![legal.vocabulary().node(user).0], 0.0)];
    let mut items: BTreeMap<u32, f64> = BTreeMap::new();
    while !beams.is_empty() {
        let hidden = last_hidden(model, &beams);
        let width = model.config.trunk.d_model;
        let next: Vec<(Successors, Vec<f64>)> = beams
            .par_iter()
            .zip(hidden.par_chunks_exact(width))
            .map(|((tokens, log_probability), hidden)| successors(model, legal, tokens, *log_probability, hidden))
            .collect();
        let mut open = Vec::new();
        for ((tokens, _), (successors, scores)) in beams.iter().zip(&next) {
            let (going, stopping) = scores.split_at(successors.continuing.len());
            open.extend(successors.continuing.iter().zip(going).map(|(&token, &score)| (score, tokens, token)));
            for (&token, score) in successors.ending.iter().zip(stopping) {
                *items.entry(token).or_default() += score.exp();
            }
        }
        open.sort_by(|a, b| b.0.total_cmp(&a.0));
        let extended = |(score, tokens, token): &(f64, &Vec<u32>, u32)| {
            let mut tokens = (*tokens).clone();
            tokens.push(*token);
            (tokens, *score)
        };
        beams = open.iter().take(BEAMS).map(extended).collect();
    }
    let mut scores: Vec<f64> = items.into_values().map(f64::ln).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(k);
    scores
}

/// The hidden vector at the end of each prefix, from reading all of it.
fn last_hidden(model: &PathModel, beams: &[(Vec<u32>, f64)]) -> Vec<f32> {
    let (rows, tokens, width) = (beams.len(), beams[0].0.len(), model.config.trunk.d_model);
    let inputs: Vec<u32> = beams.iter().flat_map(|(tokens, _)| tokens).copied().collect();
    let inputs = TensorData::new(model.input.gather(&inputs), [rows, tokens, width]);
    let hidden = model.trunk.forward(Tensor::from_data(inputs, &model.device()), &mut Dropout::none()); // [rows, tokens, width]
    hidden.narrow(1, tokens - 1, 1).into_data().try_into_vec().unwrap_or_default()
}

fn successors(
    model: &PathModel,
    legal: &Legal<'_>,
    tokens: &[u32],
    log_probability: f64,
    hidden: &[f32],
) -> (Successors, Vec<f64>) {
    let mut successors = Successors::default();
    legal.successors(tokens, Goal::Unseen, &mut successors);
    let all = successors.continuing.iter().chain(&successors.ending);
    let scores: Vec<f64> = all.map(|&t| f64::from(score(hidden, &model.output, &model.bias, t))).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = max + scores.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    let scores = scores.iter().map(|z| log_probability + z - log_sum).collect();
    (successors, scores)
}
