//! AdamW (Loshchilov and Hutter 2019), for the trunk and for the tables.
//!
//! Of a table only rows with a gradient are touched ("lazy Adam"): a graph has far more tokens than a batch uses, so
//! the others keep their moments and are not decayed. An array has moments once it has had a gradient.

use crate::embeddings::RowGradients;
use crate::kernels::vectorised;
use crate::model::TrunkGradients;
use crate::path_model::PathModel;
use rayon::prelude::*;
use std::collections::BTreeMap;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Running means of an array's gradient and of its square.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Of the gradient.
    pub first: Vec<f32>,
    /// Of its square.
    pub second: Vec<f32>,
}

/// AdamW with the moments of all arrays, by the names they are stored by.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    weight_decay: f32,
    moments: BTreeMap<String, Moments>,
}

impl AdamW {
    /// One that begins.
    #[must_use]
    pub fn new(weight_decay: f32) -> Self {
        Self::with_moments(weight_decay, BTreeMap::new())
    }

    /// One that goes on with these moments.
    #[must_use]
    pub fn with_moments(weight_decay: f32, moments: BTreeMap<String, Moments>) -> Self {
        Self { weight_decay, moments }
    }

    /// The moments of each array that has had a gradient.
    #[must_use]
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Takes a step, the `step`-th from 1. `tables` are the gradients of the tables that are stored, in their order.
    pub(crate) fn step(
        &mut self,
        model: &mut PathModel,
        trunk: &TrunkGradients,
        tables: &[RowGradients],
        learning_rate: f64,
        step: u64,
    ) {
        let of_trunk = Step::new(Order::DecayFirst, learning_rate, self.weight_decay, step);
        let of_tables = Step::new(Order::DecayLast, learning_rate, self.weight_decay, step);
        let of_biases = Step { decay: 0.0, ..of_tables };
        let (weights, stored_tables) = model.arrays_mut();
        for parameter in weights.parameters() {
            self.begin(&parameter.name, parameter.values.len(), Order::DecayFirst);
        }
        stored_tables.iter().for_each(|(name, table)| self.begin(name, table.values.len(), Order::DecayLast));
        let mut moments: BTreeMap<&str, &mut Moments> = self.moments.iter_mut().map(|(n, m)| (n.as_str(), m)).collect();
        let mut work = Vec::new();
        for parameter in weights.parameters_mut() {
            let name = parameter.name.as_str();
            if let (Some(gradient), Some(moments)) = (trunk.arrays().get(name), moments.remove(name)) {
                work.push((of_trunk, &mut parameter.values[..], moments, Gradient::Whole(gradient)));
            }
        }
        for ((name, table), gradients) in stored_tables.into_iter().zip(tables) {
            let (step, width) = (if name == "bias" { of_biases } else { of_tables }, table.width());
            if let Some(moments) = moments.remove(name) {
                work.push((step, &mut table.values[..], moments, Gradient::Rows(gradients, width)));
            }
        }
        work.into_par_iter().with_max_len(1).for_each(|(step, values, moments, gradient)| {
            vectorised(
                #[inline(always)]
                || step.take(values, moments, gradient),
            );
        });
    }

    /// Makes the moments of an array if it has none.
    fn begin(&mut self, name: &str, len: usize, order: Order) {
        if !self.moments.contains_key(name) {
            // As a sum of nothing, −0 is what leaves the sign of a first 0 alone, as burn does.
            let nothing = if order == Order::DecayFirst { -0.0 } else { 0.0 };
            let moments = Moments { first: vec![nothing; len], second: vec![0.0; len] };
            self.moments.insert(name.to_owned(), moments);
        }
    }
}

/// A gradient of all of an array, or of some rows of a table.
enum Gradient<'a> {
    Whole(&'a [f32]),
    /// With the width of a row.
    Rows(&'a RowGradients, usize),
}

/// In which order the terms of a step are rounded: the same formula, twice. Each kind of array keeps the order that it
/// has always had, so that a seed gives the weights that it has always given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The trunk's, which is burn's.
    DecayFirst,
    /// The tables'.
    DecayLast,
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
struct Step {
    order: Order,
    rate: f32,
    decay: f32,
    /// What the decay leaves of a number.
    kept: f32,
    /// 1 − βᵗ, of either moment.
    corrections: [f32; 2],
}

impl Step {
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    fn new(order: Order, learning_rate: f64, decay: f32, step: u64) -> Self {
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let kept = (1.0 - learning_rate * f64::from(decay)) as f32;
        let corrections = [1.0 - BETA_1.powi(step), 1.0 - BETA_2.powi(step)];
        Self { order, rate: learning_rate as f32, decay, kept, corrections }
    }

    #[inline(always)]
    fn take(self, values: &mut [f32], moments: &mut Moments, gradient: Gradient<'_>) {
        let Moments { first, second } = moments;
        match gradient {
            Gradient::Whole(gradient) => self.update(values, first, second, gradient),
            Gradient::Rows(RowGradients { rows, values: gradients }, width) => {
                for (&row, gradient) in rows.iter().zip(gradients.chunks_exact(width)) {
                    let range = row as usize * width..(row as usize + 1) * width;
                    let (first, second) = (&mut first[range.clone()], &mut second[range.clone()]);
                    self.update(&mut values[range], first, second, gradient);
                }
            }
        }
    }

    #[inline(always)]
    fn update(self, values: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let Self { order, rate, decay, kept, corrections } = self;
        for ((value, (first, second)), &g) in values.iter_mut().zip(first.iter_mut().zip(second)).zip(gradient) {
            let square = match order {
                Order::DecayFirst => g * g * (1.0 - BETA_2),
                Order::DecayLast => (1.0 - BETA_2) * g * g,
            };
            *first = BETA_1 * *first + (1.0 - BETA_1) * g;
            *second = BETA_2 * *second + square;
            let direction = (*first / corrections[0]) / ((*second / corrections[1]).sqrt() + EPSILON);
            *value = match order {
                Order::DecayFirst => *value * kept - direction * rate,
                Order::DecayLast => *value - rate * (direction + decay * *value),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};

    fn numbers(stream: &mut Stream, len: usize, size: f64) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "single precision")]
        let number = |_| (stream.normal() * size) as f32;
        (0..len).map(number).collect()
    }

    /// burn's AdamW on its own CPU backend, step after step.
    #[test]
    fn the_trunk_is_trained_as_by_burn_to_the_bit() {
        use burn::optim::{AdamWConfig, Optimizer};
        use burn::tensor::{Device, Tensor, TensorData};
        const LEN: usize = 1_003;
        let device = Device::flex();
        let tensor = |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [LEN]), &device);
        let values_of = |tensor: &Tensor<1>| tensor.to_data().try_into_vec::<f32>().expect("f32");
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for (decay, seed) in [(0.0f32, 1), (0.01, 2), (1.0, 3)] {
            let mut stream = Stream::new(seed, Purpose::Initialise, 0, 0);
            let theirs = AdamWConfig::new().with_weight_decay(decay).with_epsilon(EPSILON).build();
            let mut values = numbers(&mut stream, LEN, 0.1);
            let (mut their_values, mut state) = (tensor(&values), None);
            let mut ours = AdamW::new(decay);
            ours.begin("x", LEN, Order::DecayFirst);
            for step in 1..=400u64 {
                let rate = 3e-3 * (1.0 + (step as f64 / 40.0).cos());
                // From next to nothing to far too large, and nothing at all.
                let mut gradient = numbers(&mut stream, LEN, 10f64.powi(i32::try_from(step % 13).expect("few") - 9));
                gradient.iter_mut().step_by(7).for_each(|g| *g = if step % 2 == 0 { 0.0 } else { -0.0 });
                let (next, their_state) = theirs.step(rate, their_values, tensor(&gradient), state);
                (their_values, state) = (next, their_state);
                let moments = ours.moments.get_mut("x").expect("begun");
                Step::new(Order::DecayFirst, rate, decay, step).take(&mut values, moments, Gradient::Whole(&gradient));
                let momentum = &state.as_ref().expect("a state").momentum;
                assert_eq!(bits(&values), bits(&values_of(&their_values)), "step {step}, decay {decay}");
                assert_eq!(bits(&moments.first), bits(&values_of(&momentum.moment_1)), "step {step}");
                assert_eq!(bits(&moments.second), bits(&values_of(&momentum.moment_2)), "step {step}");
            }
        }
    }

    /// A step on two numbers in rows of their own.
    fn stepped(values: [f32; 2], rows: RowGradients, rate: f64, decay: f32) -> [f32; 2] {
        let mut values = values;
        let mut moments = Moments { first: vec![0.0; 2], second: vec![0.0; 2] };
        let step = Step::new(Order::DecayLast, rate, decay, 1);
        step.take(&mut values, &mut moments, Gradient::Rows(&rows, 1));
        values
    }

    #[test]
    fn only_touched_rows_change_and_the_first_step_is_the_learning_rate() {
        let rows = |gradient| RowGradients { rows: vec![1], values: vec![gradient] };
        for (gradient, expected) in [(0.5, -0.1), (-3.0, 0.1)] {
            let [untouched, touched] = stepped([0.0; 2], rows(gradient), 0.1, 0.0);
            assert!(untouched == 0.0 && (touched - expected).abs() < 1e-6, "{touched}");
        }
    }

    #[test]
    fn decay_pulls_towards_zero() {
        let rows = RowGradients { rows: vec![0, 1], values: vec![0.0, 0.0] };
        assert_eq!(stepped([1.0, -1.0], rows, 0.1, 0.5), [0.95, -0.95]);
    }

    #[test]
    fn both_orders_are_one_formula() {
        let mut stream = Stream::new(5, Purpose::Initialise, 0, 0);
        let values = numbers(&mut stream, 100, 1.0);
        let after = |order| {
            let (mut values, mut moments) = (values.clone(), Moments { first: vec![0.0; 100], second: vec![0.0; 100] });
            let mut stream = Stream::new(6, Purpose::Initialise, 0, 0);
            for step in 1..50 {
                let gradient = numbers(&mut stream, 100, 1.0);
                Step::new(order, 1e-2, 0.1, step).take(&mut values, &mut moments, Gradient::Whole(&gradient));
            }
            values
        };
        let (one, other) = (after(Order::DecayFirst), after(Order::DecayLast));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
