//! The graph-legal softmax: cross-entropy of the true next token against its legal siblings, forward and backward in one pass.
//!
//! With hidden vector h, output row o_c and bias b_c of token c, z_c = h·o_c + b_c + w_c, where w_c is 0 for the true token and the
//! logarithm of the sampling weight for its siblings (sampled softmax with importance weights, Bengio and Senécal 2008). The loss is
//! log Σ_c exp z_c − z_true; where all siblings are there it is the exact negative log-likelihood among legal tokens.
//! No tensor of the size of the vocabulary, nor of candidates × width, is ever made.

use crate::data::Batch;
use crate::embeddings::{Contribution, RowGradients, Table};
use rayon::prelude::*;

/// Loss of a batch and its derivatives.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Weighted mean of the losses of all targets, in nats.
    pub loss: f64,
    /// Mean loss of the end items alone, in nats; NaN where there is none.
    pub end_loss: f64,
    /// Derivative by the hidden vectors: `[rows × tokens, width]`.
    pub hidden: Vec<f32>,
    /// Derivative by the output rows.
    pub output: RowGradients,
    /// Derivative by the output biases.
    pub bias: RowGradients,
}

/// h·o + b for one token.
#[must_use]
pub fn score(hidden: &[f32], output: &Table, bias: &Table, token: u32) -> f32 {
    dot(hidden, output.row(token)) + bias.values[token as usize]
}

/// Inner product in eight lanes, so that it is vectorised and the same on every machine.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Loss and derivatives of a batch.
///
/// # Shapes
/// - `hidden`: `[rows × tokens, width]`, the trunk's output for `batch.inputs`
#[must_use]
pub fn forward_backward(batch: &Batch, hidden: &[f32], output: &Table, bias: &Table) -> Outcome {
    let width = output.width();
    let total_weight: f32 = batch.targets.iter().map(|t| t.weight).sum();
    let mut d_hidden = vec![0.0f32; hidden.len()];
    // Targets are sorted by position and no two share one, so each thread writes its own rows.
    let mut slots: Vec<&mut [f32]> = Vec::with_capacity(batch.targets.len());
    let mut rest = d_hidden.as_mut_slice();
    let mut at = 0;
    for target in &batch.targets {
        let skip = (target.position as usize - at) * width;
        let (slot, tail) = rest[skip..].split_at_mut(width);
        slots.push(slot);
        rest = tail;
        at = target.position as usize + 1;
    }
    let results: Vec<(f64, Vec<Contribution>)> = (batch.targets.par_iter().zip(slots))
        .with_min_len(32)
        .map(|(target, slot)| {
            let candidates = &batch.candidates[target.candidates.clone()];
            let h = &hidden[target.position as usize * width..][..width];
            let mut z: Vec<f32> = candidates.iter().map(|&c| score(h, output, bias, c) + target.log_weight).collect();
            z[0] -= target.log_weight;
            let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = z.iter().map(|&v| (v - max).exp()).sum();
            let log_sum = max + sum.ln();
            let scale = target.weight / total_weight;
            let mut contributions = Vec::with_capacity(candidates.len());
            for (index, (&candidate, &v)) in candidates.iter().zip(&z).enumerate() {
                let truth = if index == 0 { 1.0 } else { 0.0 };
                let g = scale * ((v - log_sum).exp() - truth);
                for (s, o) in slot.iter_mut().zip(output.row(candidate)) {
                    *s += g * o;
                }
                contributions.push((candidate, target.position, g));
            }
            (f64::from(log_sum - z[0]), contributions)
        })
        .collect();
    let weighted = |keep: &dyn Fn(f32) -> f64| -> (f64, f64) {
        let pairs = batch.targets.iter().zip(&results);
        pairs.fold((0.0, 0.0), |(sum, weight), (t, (loss, _))| (sum + keep(t.weight) * loss, weight + keep(t.weight)))
    };
    let (sum, weight) = weighted(&f64::from);
    let ends = batch.targets.iter().zip(&results).filter(|(t, _)| t.is_end).map(|(_, (loss, _))| *loss);
    let (end_sum, num_ends) = ends.fold((0.0, 0u32), |(s, n), loss| (s + loss, n + 1));
    let mut contributions: Vec<_> = results.into_iter().flat_map(|(_, c)| c).collect();
    let d_output = RowGradients::accumulate(&mut contributions, hidden, width);
    let ones: Vec<Contribution> = contributions.iter().map(|&(row, _, g)| (row, 0, g)).collect();
    let d_bias = RowGradients {
        rows: d_output.rows.clone(),
        values: ones.chunk_by(|a, b| a.0 == b.0).map(|group| group.iter().map(|c| c.2).sum()).collect(),
    };
    Outcome {
        loss: mean(sum, weight),
        end_loss: mean(end_sum, f64::from(num_ends)),
        hidden: d_hidden,
        output: d_output,
        bias: d_bias,
    }
}

/// 0 where there is nothing: paths without a choice teach nothing, and lose nothing.
fn mean(sum: f64, weight: f64) -> f64 {
    if weight > 0.0 { sum / weight } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Target;
    use footpath_core::{Purpose, Stream};

    fn sample() -> (Batch, Vec<f32>, Table, Table) {
        let mut stream = Stream::new(3, Purpose::Initialise, 0, 0);
        let output = Table::new(6, 5, 1.0, &mut stream);
        let bias = Table::new(6, 1, 1.0, &mut stream);
        let hidden = Table::new(4, 5, 1.0, &mut stream).values;
        let target = |position, candidates, log_weight, weight, is_end| Target {
            position,
            candidates,
            log_weight,
            weight,
            is_end,
        };
        let batch = Batch {
            rows: 2,
            tokens: 2,
            inputs: vec![0; 4],
            candidates: vec![2, 1, 4, 5, 0, 3, 2],
            targets: vec![target(0, 0..3, 0.0, 1.0, false), target(3, 3..7, 0.7, 3.0, true)],
            ..Batch::default()
        };
        (batch, hidden, output, bias)
    }

    #[test]
    fn loss_is_the_negative_log_likelihood_among_the_candidates() {
        let (batch, hidden, output, bias) = sample();
        let outcome = forward_backward(&batch, &hidden, &output, &bias);
        let z = |h: &[f32], c: u32| f64::from(score(h, &output, &bias, c));
        let nll = |h: &[f32], truth: u32, others: &[u32], w: f64| {
            let sum = z(h, truth).exp() + others.iter().map(|&c| (z(h, c) + w).exp()).sum::<f64>();
            sum.ln() - z(h, truth)
        };
        let (first, second) =
            (nll(&hidden[..5], 2, &[1, 4], 0.0), nll(&hidden[15..], 5, &[0, 3, 2], f64::from(0.7f32)));
        assert!((outcome.loss - (first + 3.0 * second) / 4.0).abs() < 1e-5);
        assert!((outcome.end_loss - second).abs() < 1e-5);
    }

    #[test]
    fn a_batch_without_a_choice_has_no_loss() {
        let (batch, hidden, output, bias) = sample();
        let forced = Batch { targets: Vec::new(), candidates: Vec::new(), ..batch };
        let outcome = forward_backward(&forced, &hidden, &output, &bias);
        assert_eq!((outcome.loss, outcome.end_loss), (0.0, 0.0));
        assert!(outcome.hidden.iter().chain(&outcome.output.values).chain(&outcome.bias.values).all(|&g| g == 0.0));
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let (batch, hidden, output, bias) = sample();
        let outcome = forward_backward(&batch, &hidden, &output, &bias);
        let step = 1e-2f32;
        let difference = |up: f64, down: f64| (up - down) / f64::from(2.0 * step);
        for index in 0..hidden.len() {
            let loss = |sign: f32| {
                let mut moved = hidden.clone();
                moved[index] += sign * step;
                forward_backward(&batch, &moved, &output, &bias).loss
            };
            let expected = difference(loss(1.0), loss(-1.0));
            assert!((f64::from(outcome.hidden[index]) - expected).abs() < 1e-3, "hidden {index}");
        }
        let dense = |gradients: &RowGradients, width: usize, index: usize| {
            let row = gradients.rows.iter().position(|&r| r as usize == index / width);
            row.map_or(0.0, |r| f64::from(gradients.values[r * width + index % width]))
        };
        for index in 0..output.values.len() {
            let loss = |sign: f32| {
                let mut moved = output.clone();
                moved.values[index] += sign * step;
                forward_backward(&batch, &hidden, &moved, &bias).loss
            };
            let expected = difference(loss(1.0), loss(-1.0));
            assert!((dense(&outcome.output, 5, index) - expected).abs() < 1e-3, "output {index}");
        }
        for index in 0..bias.values.len() {
            let loss = |sign: f32| {
                let mut moved = bias.clone();
                moved.values[index] += sign * step;
                forward_backward(&batch, &hidden, &output, &moved).loss
            };
            let expected = difference(loss(1.0), loss(-1.0));
            assert!((dense(&outcome.bias, 1, index) - expected).abs() < 1e-3, "bias {index}");
        }
    }
}
