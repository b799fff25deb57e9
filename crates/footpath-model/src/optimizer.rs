//! AdamW for the trunk: burn's step, with state we can store and restore bit by bit.

use crate::model::Trunk;
use crate::weights::{Location, to_vec};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// Gradients of the trunk, by parameter name, each flattened.
#[derive(Debug, Default)]
pub struct TrunkGradients(BTreeMap<String, Tensor<1>>);

impl TrunkGradients {
    /// Those with these names and numbers.
    pub(crate) fn from_arrays(arrays: Vec<(String, Vec<f32>)>, device: &Device) -> Self {
        let tensor = |values: Vec<f32>| {
            let len = values.len();
            Tensor::from_data(TensorData::new(values, [len]), device)
        };
        Self(arrays.into_iter().map(|(name, values)| (name, tensor(values))).collect())
    }

    /// The numbers, by name.
    #[must_use]
    pub fn to_arrays(&self) -> BTreeMap<String, Vec<f32>> {
        self.0.iter().map(|(name, gradient)| (name.clone(), to_vec(gradient.clone().into_data()))).collect()
    }

    /// Sum of squares of all numbers.
    #[must_use]
    pub fn squared_norm(&self) -> f64 {
        self.0
            .values()
            .map(|g| to_vec(g.clone().into_data()).iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>())
            .sum()
    }

    /// Adds those of another batch.
    pub fn add(&mut self, other: Self) {
        for (name, theirs) in other.0 {
            let sum = match self.0.remove(&name) {
                Some(mine) => mine + theirs,
                None => theirs,
            };
            self.0.insert(name, sum);
        }
    }

    /// Multiplies all numbers.
    pub fn scale(&mut self, factor: f32) {
        for gradient in self.0.values_mut() {
            *gradient = gradient.clone().mul_scalar(factor);
        }
    }
}

/// AdamW with its moments, by parameter name.
pub struct TrunkOptimizer {
    adamw: AdamW,
    states: BTreeMap<String, AdamWState<1>>,
}

impl std::fmt::Debug for TrunkOptimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrunkOptimizer").field("parameters", &self.states.len()).finish_non_exhaustive()
    }
}

impl TrunkOptimizer {
    /// An optimiser without moments.
    #[must_use]
    pub fn new(weight_decay: f32) -> Self {
        let config = AdamWConfig::new().with_weight_decay(weight_decay).with_epsilon(1e-8);
        Self { adamw: config.build(), states: BTreeMap::new() }
    }

    /// Takes the gradients of the trunk's parameters.
    #[must_use]
    pub fn collect(trunk: &Trunk, gradients: &mut Gradients) -> TrunkGradients {
        let mut collector = Collector { location: Location::default(), gradients, found: BTreeMap::new() };
        trunk.visit(&mut collector);
        TrunkGradients(collector.found)
    }

    /// The trunk after one step.
    #[must_use]
    pub fn step(&mut self, trunk: Trunk, gradients: TrunkGradients, learning_rate: f64) -> Trunk {
        trunk.map(&mut Stepper { location: Location::default(), optimizer: self, gradients, learning_rate })
    }

    /// The moments as arrays, and the number of steps of each parameter.
    #[must_use]
    pub fn to_arrays(&self) -> (BTreeMap<String, Vec<f32>>, BTreeMap<String, usize>) {
        let mut arrays = BTreeMap::new();
        let mut times = BTreeMap::new();
        for (name, state) in &self.states {
            let momentum = &state.momentum;
            arrays.insert(format!("{name}.first"), to_vec(momentum.moment_1.to_data()));
            arrays.insert(format!("{name}.second"), to_vec(momentum.moment_2.to_data()));
            times.insert(name.clone(), momentum.time);
        }
        (arrays, times)
    }

    /// Puts back what [`TrunkOptimizer::to_arrays`] gave.
    pub fn restore(&mut self, arrays: &BTreeMap<String, Vec<f32>>, times: &BTreeMap<String, usize>, device: &Device) {
        let tensor = |name: String| {
            let values = arrays.get(&name).cloned().unwrap_or_default();
            let len = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [len]), device)
        };
        for (name, &time) in times {
            let (first, second) = (tensor(format!("{name}.first")), tensor(format!("{name}.second")));
            let momentum = AdaptiveMomentumState { time, moment_1: first, moment_2: second, max_moment_2: None };
            self.states.insert(name.clone(), AdamWState::new(momentum));
        }
    }
}

struct Collector<'a> {
    location: Location,
    gradients: &'a mut Gradients,
    found: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.location.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.location.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.found.insert(self.location.name(), flat(gradient));
        }
    }
}

struct Stepper<'a> {
    location: Location,
    optimizer: &'a mut TrunkOptimizer,
    gradients: TrunkGradients,
    learning_rate: f64,
}

impl ModuleMapper for Stepper<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.location.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.location.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.location.name();
        let Some(gradient) = self.gradients.0.remove(&name) else { return param };
        let state = self.optimizer.states.remove(&name);
        param.map(|tensor| {
            let shape = tensor.shape();
            let (tensor, state) = self.optimizer.adamw.step(self.learning_rate, flat(tensor.inner()), gradient, state);
            if let Some(state) = state {
                self.optimizer.states.insert(name, state);
            }
            Tensor::from_inner(tensor.reshape(shape)).require_grad()
        })
    }
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let len = tensor.shape().num_elements();
    tensor.reshape([len])
}
