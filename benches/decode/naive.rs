//! The same search without the cache of keys and values: every prefix is read anew.

use footpath_core::{Goal, LegalSuccessors, NodeId, Stop, Successors, TokenId};
use footpath_graph::legal::Legal;
use footpath_model::PathModel;
use footpath_model::decode::UserList;
use footpath_model::layout::Layout;
use footpath_model::legal_softmax::score;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The scores of the k most probable items. `model` is to be computed by burn, to be independent of our kernels.
pub(super) fn search(model: &PathModel, legal: &Legal, user: NodeId, beams: usize, k: usize) -> Vec<f64> {
    let mut open = vec![(vec![legal.vocabulary().node(user).0], 0.0)];
    let mut items: BTreeMap<u32, f64> = BTreeMap::new();
    while !open.is_empty() {
        let hidden = last_hidden(model, legal, &open);
        let width = model.config.d_table();
        let next: Vec<(Successors, Vec<f64>)> = open
            .par_iter()
            .zip(hidden.par_chunks_exact(width))
            .map(|((tokens, log_probability), hidden)| successors(model, legal, tokens, *log_probability, hidden))
            .collect();
        let mut further = Vec::new();
        for ((tokens, _), (successors, scores)) in open.iter().zip(&next) {
            let (going, stopping) = scores.split_at(successors.continuing.len());
            further.extend(successors.continuing.iter().zip(going).map(|(&token, &score)| (score, tokens, token)));
            for (&token, score) in successors.ending.iter().zip(stopping) {
                *items.entry(token).or_default() += score.exp();
            }
        }
        further.sort_by(|a, b| b.0.total_cmp(&a.0));
        let extended = |(score, tokens, token): &(f64, &Vec<u32>, u32)| {
            let mut tokens = (*tokens).clone();
            tokens.push(*token);
            (tokens, *score)
        };
        open = further.iter().take(beams).map(extended).collect();
    }
    let mut scores: Vec<f64> = items.into_values().map(f64::ln).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(k);
    scores
}

/// Whether a list has these scores.
pub(super) fn is_alike(list: &UserList, scores: &[f64]) -> bool {
    let alike = list.items.iter().zip(scores).all(|(item, score)| (item.score - score).abs() < 1e-3);
    alike && list.items.len() == scores.len()
}

/// The hidden vector at the end of each prefix, from reading all of it.
fn last_hidden(model: &PathModel, legal: &Legal, prefixes: &[(Vec<u32>, f64)]) -> Vec<f32> {
    let (rows, tokens, width) = (prefixes.len(), prefixes[0].0.len(), model.config.d_table());
    let mut inputs = Vec::with_capacity(rows * tokens * width);
    for (prefix, _) in prefixes {
        inputs.extend(model.prompt(TokenId(prefix[0]), legal.history(prefix[0])));
        inputs.extend(model.embed(&prefix[1..]));
    }
    let hidden = model.engine().forward(inputs, &Layout::causal(rows, tokens), &Stop::default()).unwrap_or_default();
    hidden.chunks_exact(tokens * width).flat_map(|row| &row[(tokens - 1) * width..]).copied().collect()
}

fn successors(
    model: &PathModel,
    legal: &Legal,
    tokens: &[u32],
    log_probability: f64,
    hidden: &[f32],
) -> (Successors, Vec<f64>) {
    let mut successors = Successors::default();
    legal.successors(tokens, Goal::Unseen, &mut successors);
    let all = successors.continuing.iter().chain(&successors.ending);
    let scores: Vec<f64> = all.map(|&t| f64::from(score(hidden, model.output(), &model.bias, TokenId(t)))).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = max + scores.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    let scores = scores.iter().map(|z| log_probability + z - log_sum).collect();
    (successors, scores)
}
