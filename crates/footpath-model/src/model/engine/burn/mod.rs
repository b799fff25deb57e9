//! The trunk in the tensors of [burn](https://burn.dev): on any of its devices, with its automatic derivatives.
//!
//! It is what computes on GPUs, and what our own kernels are compared with. The loss, computed on the host, enters
//! burn's graph as the linear form whose gradient its derivative is: `Σ hidden · d_hidden`.

mod block;
mod norm;
mod rotation;
mod tensors;
mod transformer;

pub use transformer::Transformer;

use super::{Engine, Pass, Stepper, TrunkGradients};
use crate::dropout::Dropout;
use crate::layout::Layout;
use crate::model::weights::TrunkWeights;
use block::KeysAndValues;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use footpath_core::{Result, Stop};
use std::collections::BTreeMap;

/// A trunk whose weights have been copied to a device.
#[derive(Clone, Debug)]
pub struct BurnEngine {
    transformer: Transformer,
    device: Device,
}

impl BurnEngine {
    /// Copies weights to a device.
    #[must_use]
    pub fn new(trunk: &TrunkWeights, device: &Device) -> Self {
        Self { transformer: Transformer::new(trunk, device), device: device.clone() }
    }
}

impl Engine for BurnEngine {
    fn forward(&self, inputs: Vec<f32>, layout: &Layout, stop: &Stop) -> Result<Vec<f32>> {
        stop.check()?;
        let inputs = sequences(inputs, layout, &self.device);
        Ok(to_vec(self.transformer.forward(inputs, layout, &mut Dropout::none()).into_data()))
    }

    fn record(
        &self,
        inputs: Vec<f32>,
        layout: &Layout,
        dropout: &mut Dropout,
        stop: &Stop,
    ) -> Result<Box<dyn Pass + '_>> {
        stop.check()?;
        let transformer = self.transformer.clone().train();
        let inputs = sequences(inputs, layout, &self.device.clone().autodiff()).require_grad();
        let hidden = transformer.forward(inputs.clone(), layout, dropout);
        let values = to_vec(hidden.clone().inner().into_data());
        Ok(Box::new(BurnPass { transformer, inputs, hidden, values }))
    }

    fn begin(&self) -> Box<dyn Stepper + '_> {
        Box::new(BurnStepper { engine: self, cache: Vec::new() })
    }
}

/// Embedded tokens as a tensor: `[rows, tokens, d_table]`.
fn sequences(inputs: Vec<f32>, layout: &Layout, device: &Device) -> Tensor<3> {
    let width = inputs.len() / (layout.rows * layout.tokens).max(1);
    Tensor::from_data(TensorData::new(inputs, [layout.rows, layout.tokens, width]), device)
}

/// A forward pass, recorded by burn.
struct BurnPass {
    transformer: Transformer,
    inputs: Tensor<3>,
    hidden: Tensor<3>,
    values: Vec<f32>,
}

impl Pass for BurnPass {
    fn hidden(&self) -> &[f32] {
        &self.values
    }

    fn into_hidden(self: Box<Self>) -> Vec<f32> {
        self.values
    }

    fn backward(self: Box<Self>, d_hidden: Vec<f32>, stop: &Stop) -> Result<(TrunkGradients, Vec<f32>)> {
        stop.check()?;
        let Self { transformer, inputs, hidden, .. } = *self;
        let derivative = Tensor::from_data(TensorData::new(d_hidden, hidden.dims()), &hidden.device());
        let mut gradients = (hidden * derivative).sum().backward();
        let d_inputs = inputs.grad_remove(&mut gradients).map(|g| to_vec(g.into_data())).unwrap_or_default();
        let mut collector = Collector { path: Vec::new(), gradients: &mut gradients, found: BTreeMap::new() };
        transformer.visit(&mut collector);
        Ok((TrunkGradients(collector.found), d_inputs))
    }
}

/// Sequences that grow token by token, on a device.
struct BurnStepper<'a> {
    engine: &'a BurnEngine,
    cache: Vec<KeysAndValues>,
}

impl Stepper for BurnStepper<'_> {
    fn num_tokens(&self) -> usize {
        self.cache.first().map_or(0, |(key, _)| key.dims()[2])
    }

    fn step(&mut self, inputs: Vec<f32>, parents: Option<&[u32]>, _: &[bool], stop: &Stop) -> Result<Vec<f32>> {
        stop.check()?;
        let BurnEngine { transformer, device } = self.engine;
        if let Some(parents) = parents {
            let parents: Vec<i64> = parents.iter().map(|&p| i64::from(p)).collect();
            let len = parents.len();
            let parents = Tensor::<1, Int>::from_data(TensorData::new(parents, [len]), device);
            let row = |t: Tensor<4>| t.select(0, parents.clone());
            self.cache = std::mem::take(&mut self.cache).into_iter().map(|(k, v)| (row(k), row(v))).collect();
        }
        let width = transformer.d_table();
        let rows = inputs.len() / width;
        let inputs = TensorData::new(inputs, [rows, width]);
        Ok(to_vec(transformer.step(Tensor::from_data(inputs, device), &mut self.cache).into_data()))
    }
}

/// Takes the gradients of a module's parameters, with their names.
struct Collector<'a> {
    path: Vec<String>,
    gradients: &'a mut Gradients,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.found.insert(format!("trunk.{}", self.path.join(".")), to_vec(gradient.into_data()));
        }
    }
}

/// The values of a tensor as `f32`.
fn to_vec(data: TensorData) -> Vec<f32> {
    // The trunk computes in f32 and nothing else, so the conversion cannot fail.
    data.try_into_vec::<f32>().unwrap_or_default()
}
