//! Attention within the rows of a batch.

use super::super::rotary;
use crate::kernels::{add_scaled, dot, dots, exp, largest, sum, vectorised};
use crate::layout::Layout;
use crate::model::weights::TrunkWeights;
use std::ops::Range;

/// Who looks at whom in some rows, and where they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visibility<'a> {
    pub(super) tokens: usize,
    /// `[rows × tokens]` each, as in [`Layout`].
    pub(super) positions: &'a [u32],
    ranks: &'a [u32],
    reaches: &'a [u32],
}

impl<'a> Visibility<'a> {
    /// That of some rows of a layout.
    pub(super) fn of(layout: &'a Layout, rows: Range<usize>) -> Self {
        let tokens = layout.tokens;
        let all = rows.start * tokens..rows.end * tokens;
        let Layout { positions, ranks, reaches, .. } = layout;
        Self { tokens, positions: &positions[all.clone()], ranks: &ranks[all.clone()], reaches: &reaches[all] }
    }
}

/// Cosines and sines of the angles of positions: `[positions, d_head / 2]` each; see [`rotary`].
#[derive(Debug)]
pub(super) struct RotaryTable {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

/// Which way queries and keys are turned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Forward,
    Back,
}

impl RotaryTable {
    /// `None` where a position is a vector.
    pub(super) fn new(weights: &TrunkWeights, positions: &[u32]) -> Option<Self> {
        let angles = rotary::angles(positions, weights.d_head(), weights.rope_theta?);
        let of = |f: fn(f32) -> f32| angles.iter().copied().map(f).collect();
        Some(Self { cos: of(f32::cos), sin: of(f32::sin), half: weights.d_head() / 2 })
    }

    /// Turns the queries and keys of tokens by these angles; or back, which is also the derivative.
    ///
    /// # Shapes
    /// - `qkv`: `[positions, 3 · d_model]`
    pub(super) fn apply(&self, qkv: &mut [f32], direction: Direction) {
        let (half, width) = (self.half, qkv.len() / (self.cos.len() / self.half));
        let sign = match direction {
            Direction::Forward => 1.0,
            Direction::Back => -1.0,
        };
        let turns = self.cos.chunks_exact(half).zip(self.sin.chunks_exact(half));
        for (token, (cos, sin)) in qkv.chunks_exact_mut(width).zip(turns) {
            for head in token[..width / 3 * 2].chunks_exact_mut(2 * half) {
                let (first, second) = head.split_at_mut(half);
                for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
                    (*a, *b) = (*a * cos - *b * sin * sign, *b * cos + *a * sin * sign);
                }
            }
        }
    }
}

impl TrunkWeights {
    #[expect(clippy::cast_precision_loss, reason = "a width, far below 2^24")]
    pub(super) fn attention_scale(&self) -> f32 {
        1.0 / (self.d_head() as f32).sqrt()
    }

    /// For each token the mean of the values it sees, by weight, and the weights: `[rows, tokens, d_model]`, `[rows,
    /// heads, tokens, tokens]`.
    ///
    /// # Shapes
    /// - `qkv`: `[rows, tokens, 3 · d_model]`
    pub(super) fn attend(&self, qkv: &[f32], visibility: Visibility<'_>) -> (Vec<f32>, Vec<f32>) {
        let (d, tokens) = (self.d_model, visibility.tokens);
        let mut mixed = vec![0.0; qkv.len() / 3];
        let mut weights = vec![0.0; visibility.ranks.len() * tokens * self.num_heads];
        let of_rows = qkv.chunks_exact(3 * d * tokens).zip(mixed.chunks_exact_mut(d * tokens));
        let order = visibility.ranks.chunks_exact(tokens).zip(visibility.reaches.chunks_exact(tokens));
        vectorised(
            #[inline(always)]
            || {
                for (((qkv, mixed), weights), (ranks, reaches)) in
                    of_rows.zip(weights.chunks_exact_mut(tokens * tokens * self.num_heads)).zip(order)
                {
                    self.attend_in_row(qkv, ranks, reaches, mixed, weights);
                }
            },
        );
        (mixed, weights)
    }

    #[inline(always)]
    fn attend_in_row(&self, qkv: &[f32], ranks: &[u32], reaches: &[u32], mixed: &mut [f32], weights: &mut [f32]) {
        let (d, tokens, d_head, scale) = (self.d_model, ranks.len(), self.d_head(), self.attention_scale());
        let part =
            |token: usize, which: usize, head: usize| &qkv[token * 3 * d + which * d + head * d_head..][..d_head];
        for (head, weights) in weights.chunks_exact_mut(tokens * tokens).enumerate() {
            for (i, (weights, &reach)) in weights.chunks_exact_mut(tokens).zip(reaches).enumerate() {
                let query = part(i, 0, head);
                dots(query, (0..tokens).map(|j| part(j, 1, head)), weights);
                for (j, (weight, &rank)) in weights.iter_mut().zip(ranks).enumerate() {
                    let seen = i == j || rank <= reach;
                    *weight = if seen { *weight * scale } else { f32::NEG_INFINITY };
                }
                softmax(weights);
                let out = &mut mixed[i * d + head * d_head..][..d_head];
                for (j, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                    add_scaled(out, weight, part(j, 2, head));
                }
            }
        }
    }

    /// The gradient of `qkv` from that of the mean values.
    pub(super) fn attend_backward(&self, qkv: &[f32], weights: &[f32], d_mixed: &[f32], tokens: usize) -> Vec<f32> {
        let d = self.d_model;
        let mut d_qkv = vec![0.0; qkv.len()];
        let mut d_weights = vec![0.0; tokens];
        let of_rows = qkv.chunks_exact(3 * d * tokens).zip(d_qkv.chunks_exact_mut(3 * d * tokens));
        let after = weights.chunks_exact(tokens * tokens * self.num_heads).zip(d_mixed.chunks_exact(d * tokens));
        vectorised(
            #[inline(always)]
            || {
                for ((qkv, d_qkv), (weights, d_mixed)) in of_rows.zip(after) {
                    self.row_backward(qkv, weights, d_mixed, d_qkv, &mut d_weights);
                }
            },
        );
        d_qkv
    }

    /// With weights w = softmax(s) and m = Σ w v: `d_v = w · d_m`, `d_w = d_m · v`, `d_s = w (d_w − Σ w d_w)`.
    #[inline(always)]
    fn row_backward(&self, qkv: &[f32], weights: &[f32], d_mixed: &[f32], d_qkv: &mut [f32], d_weights: &mut [f32]) {
        let (d, tokens, d_head, scale) = (self.d_model, d_weights.len(), self.d_head(), self.attention_scale());
        let place = |token: usize, which: usize, head: usize| token * 3 * d + which * d + head * d_head;
        for (head, weights) in weights.chunks_exact(tokens * tokens).enumerate() {
            for (i, weights) in weights.chunks_exact(tokens).enumerate() {
                let d_out = &d_mixed[i * d + head * d_head..][..d_head];
                dots(d_out, (0..tokens).map(|j| &qkv[place(j, 2, head)..][..d_head]), d_weights);
                for (j, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                    add_scaled(&mut d_qkv[place(j, 2, head)..][..d_head], weight, d_out);
                }
                let mean = dot(d_weights, weights);
                for (j, (&d_weight, &weight)) in d_weights.iter().zip(weights).enumerate() {
                    if weight > 0.0 {
                        let d_score = weight * (d_weight - mean) * scale;
                        let (query, key) = (place(i, 0, head), place(j, 1, head));
                        add_scaled(&mut d_qkv[query..][..d_head], d_score, &qkv[key..][..d_head]);
                        add_scaled(&mut d_qkv[key..][..d_head], d_score, &qkv[query..][..d_head]);
                    }
                }
            }
        }
    }
}

/// Scores to shares; a score of −∞ has none.
#[inline(always)]
pub(super) fn softmax(scores: &mut [f32]) {
    let top = largest(scores);
    for score in scores.iter_mut() {
        *score = if *score == f32::NEG_INFINITY { 0.0 } else { exp(*score - top) };
    }
    let all = 1.0 / sum(scores);
    scores.iter_mut().for_each(|score| *score *= all);
}
