//! Cross-entropy against all tokens of a range, forward and backward, without a matrix of targets × tokens.
//!
//! Targets go through in blocks, the range in tiles. Of a block the exponentials of all scores are kept, no more: with
//! a block of 256 targets and 35,000 tokens 36 MB, whatever the size of the batch. Three matrix products are all the
//! work there is: scores, derivatives by the hidden vectors, derivatives by the output rows. Blocks and tiles depend on
//! the sizes alone, and sums over tiles go in their order, so that the result is the same for any number of threads.

use crate::data::Target;
use crate::embeddings::RowGradients;
use crate::kernels::{Matrix, Output, add, exp, largest, sum, vectorised};
use crate::loss::Problem;
use footpath_core::TokenId;
use rayon::prelude::*;
use std::ops::Range;

/// Targets of a block.
const BLOCK: usize = 256;
/// Most tokens of a tile.
const TILE: usize = 1_024;

/// Losses of the targets of one range, in their order, and the derivatives by the rows of the range.
#[derive(Debug)]
pub(crate) struct Dense {
    /// In nats, unweighted.
    pub(crate) losses: Vec<f64>,
    pub(crate) output: RowGradients,
    pub(crate) bias: RowGradients,
}

/// What a thread works on: some tokens of the range.
struct Tile<'a> {
    tokens: Range<u32>,
    /// Derivatives by their output rows and biases.
    output: &'a mut [f32],
    bias: &'a mut [f32],
    /// Scores of the block, then their exponentials: `[block, tokens]`.
    scores: Vec<f32>,
    /// Largest score of each target.
    largest: Vec<f32>,
    /// Sum of exp(score − largest) of each target.
    sums: Vec<f32>,
    /// What the tile adds to the derivatives by the hidden vectors: `[block, width]`.
    hidden: Vec<f32>,
}

/// Loss and derivatives of targets that all have the rivals `range`; `slots` are the derivatives by their hidden
/// vectors.
pub(crate) fn forward_backward(
    problem: &Problem<'_>,
    range: &Range<u32>,
    targets: &[&Target],
    mut slots: Vec<&mut [f32]>,
) -> Dense {
    let width = problem.output.width();
    let len = range.len();
    let tile = len.div_ceil(8).clamp(64, TILE);
    let mut output = vec![0.0f32; len * width];
    let mut bias = vec![0.0f32; len];
    let starts = range.clone().step_by(tile);
    let mut tiles: Vec<Tile<'_>> = starts
        .zip(output.chunks_mut(tile * width).zip(bias.chunks_mut(tile)))
        .map(|(start, (output, bias))| Tile::new(start, output, bias, width))
        .collect();
    let mut losses = Vec::with_capacity(targets.len());
    for (targets, slots) in targets.chunks(BLOCK).zip(slots.chunks_mut(BLOCK)) {
        let hidden: Vec<f32> = targets.iter().flat_map(|target| problem.hidden_of(target)).copied().collect();
        let hidden = Matrix::new(&hidden, width);
        tiles.par_iter_mut().for_each(|tile| tile.exponentials(problem, targets.len(), hidden));
        let log_sums: Vec<f32> = (0..targets.len()).map(|row| log_sum(&tiles, row)).collect();
        losses.extend(targets.iter().zip(&log_sums).map(|(target, log_sum)| {
            let h = problem.hidden_of(target);
            f64::from(log_sum - crate::legal_softmax::score(h, problem.output, problem.bias, TokenId(target.answer)))
        }));
        tiles.par_iter_mut().for_each(|tile| tile.derivatives(problem, targets, &log_sums, hidden));
        slots.par_iter_mut().enumerate().for_each(|(row, slot)| {
            for tile in &tiles {
                add(slot, &tile.hidden[row * width..][..width]);
            }
        });
    }
    drop(tiles);
    let rows: Vec<u32> = range.clone().collect();
    Dense {
        losses,
        output: RowGradients { rows: rows.clone(), values: output },
        bias: RowGradients { rows, values: bias },
    }
}

impl<'a> Tile<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "a part of a range of token ids")]
    fn new(start: u32, output: &'a mut [f32], bias: &'a mut [f32], width: usize) -> Self {
        let len = bias.len();
        Self {
            tokens: start..start + len as u32,
            output,
            bias,
            scores: vec![0.0; BLOCK * len],
            largest: vec![0.0; BLOCK],
            sums: vec![0.0; BLOCK],
            hidden: vec![0.0; BLOCK * width],
        }
    }

    fn rows<'b>(&self, problem: &Problem<'b>) -> Matrix<'b> {
        let width = problem.output.width();
        let first = self.tokens.start as usize * width;
        Matrix::new(&problem.output.values[first..first + self.tokens.len() * width], width)
    }

    /// The exponentials of the scores of a block, with the largest score taken away, and their sums.
    fn exponentials(&mut self, problem: &Problem<'_>, block: usize, hidden: Matrix<'_>) {
        let len = self.tokens.len();
        let biases = &problem.bias.values[self.tokens.start as usize..][..len];
        let rows = self.rows(problem);
        let scores = &mut self.scores[..block * len];
        scores.chunks_exact_mut(len).for_each(|row| row.copy_from_slice(biases));
        hidden.times(rows.transposed(), Output::Add, scores);
        let of_rows = scores.chunks_exact_mut(len).zip(self.largest.iter_mut().zip(&mut self.sums));
        vectorised(
            #[inline(always)]
            || {
                for (row, (top, total)) in of_rows {
                    *top = largest(row);
                    for score in row.iter_mut() {
                        *score = exp(*score - *top);
                    }
                    *total = sum(row);
                }
            },
        );
    }

    /// The derivatives, from exponentials and the logarithms of the sums over all tiles.
    fn derivatives(&mut self, problem: &Problem<'_>, targets: &[&Target], log_sums: &[f32], hidden: Matrix<'_>) {
        let (block, len, width) = (targets.len(), self.tokens.len(), problem.output.width());
        let rows = self.rows(problem);
        let scores = &mut self.scores[..block * len];
        for (row, (target, (log_sum, largest))) in
            scores.chunks_exact_mut(len).zip(targets.iter().zip(log_sums.iter().zip(&self.largest)))
        {
            let scale = target.weight / problem.total_weight;
            let share = scale * (largest - log_sum).exp();
            row.iter_mut().for_each(|score| *score *= share);
            if self.tokens.contains(&target.answer) {
                row[(target.answer - self.tokens.start) as usize] -= scale;
            }
            add(self.bias, row);
        }
        let scores = Matrix::new(scores, len);
        scores.transposed().times(hidden, Output::Add, self.output);
        scores.times(rows, Output::Replace, &mut self.hidden[..block * width]);
    }
}

/// ln Σ exp of the scores of one target over all tiles.
fn log_sum(tiles: &[Tile<'_>], row: usize) -> f32 {
    let largest = tiles.iter().map(|tile| tile.largest[row]).fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = tiles.iter().map(|tile| tile.sums[row] * (tile.largest[row] - largest).exp()).sum();
    largest + sum.ln()
}
