//! The loss of a batch and its derivatives: weighted mean of the cross-entropies of all targets.
//!
//! Targets that list their rivals go to the [graph-legal softmax](crate::legal_softmax), those told apart from all
//! tokens of a range to the dense one (`dense_softmax`).

mod problem;

use crate::config::EndLoss;
use crate::data::{Batch, CandidateSet, Target};
use crate::dense_softmax;
use crate::embeddings::{Contribution, RowGradients, Table};
use crate::legal_softmax;
pub(crate) use problem::Problem;
use std::collections::BTreeMap;

/// Loss of a batch and its derivatives.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Weighted mean of the losses of all targets, in nats.
    pub loss: f64,
    /// Mean loss of the end items alone, in nats; 0 where there is none.
    pub end_loss: f64,
    /// Sum of the weights of all targets.
    pub weight: f64,
    /// Number of end items.
    pub num_ends: u64,
    /// Derivative by the hidden vectors: `[rows × tokens, width]`.
    pub hidden: Vec<f32>,
    /// Derivative by the output rows.
    pub output: RowGradients,
    /// Derivative by the output biases.
    pub bias: RowGradients,
}

/// Targets with the same kind of rivals.
#[derive(Default)]
struct Group<'a> {
    /// Their places among all targets.
    places: Vec<usize>,
    targets: Vec<&'a Target>,
    /// Derivatives by their hidden vectors.
    slots: Vec<&'a mut [f32]>,
}

/// Loss and derivatives of a batch.
///
/// # Shapes
/// - `hidden`: `[rows × tokens, width]`, the trunk's output for `batch.inputs`
#[must_use]
pub fn forward_backward(batch: &Batch, hidden: &[f32], output: &Table, bias: &Table, end_loss: EndLoss) -> Outcome {
    let width = output.width();
    let total_weight = batch.targets.iter().map(|t| t.weight).sum();
    let problem = Problem { batch, hidden, output, bias, end_loss, total_weight };
    let mut d_hidden = vec![0.0f32; hidden.len()];
    let mut listed = Group::default();
    let mut dense: BTreeMap<(u32, u32), Group<'_>> = BTreeMap::new();
    for ((index, target), slot) in batch.targets.iter().enumerate().zip(slots(batch, &mut d_hidden, width)) {
        let group = match &target.candidates {
            CandidateSet::Listed(_) => &mut listed,
            CandidateSet::All(range) => dense.entry((range.start, range.end)).or_default(),
        };
        group.places.push(index);
        group.targets.push(target);
        group.slots.push(slot);
    }
    let mut losses = vec![0.0f64; batch.targets.len()];
    let mut enter =
        |places: &[usize], of: Vec<f64>| places.iter().zip(of).for_each(|(&place, loss)| losses[place] = loss);
    let Group { places, targets, slots } = listed;
    let listed = legal_softmax::forward_backward(&problem, &targets, slots);
    enter(&places, listed.losses);
    let (d_output, d_bias) = of_rows(listed.contributions, hidden, width);
    let (mut d_outputs, mut d_biases) = (vec![d_output], vec![d_bias]);
    for ((start, end), Group { places, targets, slots }) in dense {
        let of_range = dense_softmax::forward_backward(&problem, &(start..end), &targets, slots);
        enter(&places, of_range.losses);
        d_outputs.push(of_range.output);
        d_biases.push(of_range.bias);
    }
    let every = batch.targets.iter().zip(&losses);
    let ends = every.clone().filter(|(target, _)| target.is_end);
    Outcome {
        loss: mean(every.map(|(target, loss)| (f64::from(target.weight), *loss))),
        end_loss: mean(ends.clone().map(|(_, loss)| (1.0, *loss))),
        weight: f64::from(total_weight),
        num_ends: ends.count() as u64,
        hidden: d_hidden,
        output: RowGradients::sum(d_outputs, width),
        bias: RowGradients::sum(d_biases, 1),
    }
}

/// The part of `d_hidden` that belongs to each target. Targets are sorted by position and no two share one, so each
/// thread writes its own.
fn slots<'a>(batch: &Batch, d_hidden: &'a mut [f32], width: usize) -> Vec<&'a mut [f32]> {
    let mut rest = d_hidden;
    let mut at = 0;
    batch
        .targets
        .iter()
        .map(|target| {
            let position = target.position as usize;
            let (_, tail) = std::mem::take(&mut rest).split_at_mut((position - at) * width);
            let (slot, tail) = tail.split_at_mut(width);
            rest = tail;
            at = position + 1;
            slot
        })
        .collect()
}

/// Derivatives by output rows and biases, from what each target adds.
fn of_rows(mut contributions: Vec<Contribution>, hidden: &[f32], width: usize) -> (RowGradients, RowGradients) {
    let output = RowGradients::accumulate(&mut contributions, hidden, width);
    let by_row = contributions.chunk_by(|a, b| a.0 == b.0);
    let values = by_row.map(|group| group.iter().map(|c| c.2).sum()).collect();
    let bias = RowGradients { rows: output.rows.clone(), values };
    (output, bias)
}

/// Mean of values by weight; 0 of nothing.
fn mean(weighted: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weight) = weighted.fold((0.0, 0.0), |(sum, all), (weight, value)| (sum + weight * value, all + weight));
    if weight > 0.0 { sum / weight } else { 0.0 }
}

#[cfg(test)]
mod tests;
