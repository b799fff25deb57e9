//! The graph-legal softmax: cross-entropy of the true next token against its legal siblings, forward and backward in
//! one pass.
//!
//! With hidden vector h, output row o_c and bias b_c of token c, z_c = h·o_c + b_c + w_c, where w_c is 0 for the true
//! token and the logarithm of the sampling weight for its siblings (sampled softmax with importance weights, Bengio and
//! Senécal 2008). The loss is log Σ_c exp z_c − z_true; where all siblings are there it is the exact negative
//! log-likelihood among legal tokens. The end item may be [ranked](EndLoss) among them instead. No tensor of the size
//! of the vocabulary, nor of candidates × width, is ever made.

use crate::config::EndLoss;
use crate::data::{CandidateSet, Target};
use crate::embeddings::{Contribution, Table};
use crate::kernels::{add_scaled, dot, dots, exp, largest, sum, vectorised};
use crate::loss::Problem;
use footpath_core::TokenId;
use rayon::prelude::*;

/// Rows of the output table that are on their way while one is read.
const ROWS_AHEAD: usize = 8;

/// h·o + b for one token.
#[must_use]
pub fn score(hidden: &[f32], output: &Table, bias: &Table, token: TokenId) -> f32 {
    dot(hidden, output.row(token.0)) + bias.values[token.0 as usize]
}

/// h·o + b for each token.
pub(crate) fn scores(hidden: &[f32], output: &Table, bias: &Table, tokens: &[u32]) -> Vec<f32> {
    let mut scores = Vec::new();
    scores_into(hidden, output, bias, tokens, &mut scores);
    scores
}

/// As [`scores`], in memory that is there.
pub(crate) fn scores_into(hidden: &[f32], output: &Table, bias: &Table, tokens: &[u32], scores: &mut Vec<f32>) {
    scores.clear();
    scores.resize(tokens.len(), 0.0);
    let (rows, biases): (_, &[f32]) = (output.rows(), &bias.values);
    // The rows lie anywhere in a table that no cache holds, so each is asked for before its turn.
    let row = |(place, &token): (usize, &u32)| {
        tokens.get(place + ROWS_AHEAD).into_iter().for_each(|&later| rows.ask_for(later));
        rows.get(token)
    };
    dots(hidden, tokens.iter().enumerate().map(row), scores);
    scores.iter_mut().zip(tokens).for_each(|(score, &token)| *score += biases[token as usize]);
}

/// Losses of the targets that list their rivals, in the order of the targets, and what they add to the derivatives.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// In nats, unweighted.
    pub(crate) losses: Vec<f64>,
    /// By output row and bias: of which token, from which hidden vector, times what.
    pub(crate) contributions: Vec<Contribution>,
}

/// Loss and derivatives of the targets that list their rivals; `slots` are the derivatives by the hidden vectors of
/// these targets.
pub(crate) fn forward_backward(problem: &Problem<'_>, targets: &[&Target], slots: Vec<&mut [f32]>) -> Listed {
    let results: Vec<(f64, Vec<Contribution>)> = (targets.par_iter().zip(slots))
        .with_min_len(32)
        .map(|(target, slot)| {
            let CandidateSet::Listed(places) = &target.candidates else { return (0.0, Vec::new()) };
            let candidates = &problem.batch.candidates[places.clone()];
            let h = problem.hidden_of(target);
            let z = scores(h, problem.output, problem.bias, candidates);
            let ranks = target.is_end && problem.end_loss != EndLoss::Softmax;
            let (loss, derivatives) =
                if ranks { ranking(&z, problem.end_loss) } else { cross_entropy(z, target.log_weight) };
            let scale = target.weight / problem.total_weight;
            let contributions = candidates.iter().zip(derivatives).map(|(&c, g)| (c, target.position, scale * g));
            let contributions: Vec<Contribution> = contributions.collect();
            let rows = problem.output.rows();
            vectorised(
                #[inline(always)]
                || {
                    for &(token, _, g) in &contributions {
                        add_scaled(slot, g, rows.get(token));
                    }
                },
            );
            (loss, contributions)
        })
        .collect();
    let mut listed = Listed::default();
    for (loss, contributions) in results {
        listed.losses.push(loss);
        listed.contributions.extend(contributions);
    }
    listed
}

/// ln Σ_c exp z_c − z_true and its derivatives, where each candidate but the first, the true one, stands for exp
/// `log_weight` tokens.
fn cross_entropy(mut z: Vec<f32>, log_weight: f32) -> (f64, Vec<f32>) {
    z.iter_mut().skip(1).for_each(|v| *v += log_weight);
    let top = largest(&z);
    let true_one = z[0];
    vectorised(
        #[inline(always)]
        || {
            for v in &mut z {
                *v = exp(*v - top);
            }
        },
    );
    let all = sum(&z);
    let loss = f64::from(top + all.ln() - true_one);
    z.iter_mut().for_each(|v| *v /= all);
    z[0] -= 1.0;
    (loss, z)
}

/// The mean over the false candidates of how far they come near the true one, and its derivatives; see [`EndLoss`].
#[expect(clippy::cast_precision_loss, reason = "a number of candidates")]
fn ranking(z: &[f32], end_loss: EndLoss) -> (f64, Vec<f32>) {
    let share = 1.0 / (z.len() - 1) as f32;
    let mut derivatives = vec![0.0; z.len()];
    let mut loss = 0.0f64;
    for (place, &false_one) in z.iter().enumerate().skip(1) {
        let by = false_one - z[0];
        let (cost, slope) = match end_loss {
            // ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|), which cannot overflow.
            EndLoss::Bpr => (by.max(0.0) + (-by.abs()).exp().ln_1p(), 1.0 / (1.0 + (-by).exp())),
            _ => ((1.0 + by).max(0.0), if by > -1.0 { 1.0 } else { 0.0 }),
        };
        loss += f64::from(share * cost);
        derivatives[place] = share * slope;
        derivatives[0] -= share * slope;
    }
    (loss, derivatives)
}
