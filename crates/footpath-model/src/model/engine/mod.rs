//! What computes a trunk: our own kernels on the CPU (`host`), burn's tensors anywhere else (`burn`).
//!
//! Both take vectors of the host and give such; the loss, the embeddings and the optimiser know nothing of devices.

pub mod burn;
mod host;
mod rotary;

use super::weights::TrunkWeights;
use crate::dropout::Dropout;
use crate::layout::Layout;
use footpath_core::{Result, Stop};
use std::collections::BTreeMap;

/// A trunk that is ready to compute. All of it ends with [`footpath_core::Error::Stopped`] soon after `stop` is set.
pub trait Engine: Send + Sync {
    /// Hidden vectors of whole sequences.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`, embedded tokens; the same comes back
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    fn forward(&self, inputs: Vec<f32>, layout: &Layout, stop: &Stop) -> Result<Vec<f32>> {
        Ok(self.record(inputs, layout, &mut Dropout::none(), stop)?.into_hidden())
    }

    /// Hidden vectors of whole sequences, with what the way back needs.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`, embedded tokens
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    fn record(
        &self,
        inputs: Vec<f32>,
        layout: &Layout,
        dropout: &mut Dropout,
        stop: &Stop,
    ) -> Result<Box<dyn Pass + '_>>;

    /// Begins sequences that grow token by token.
    fn begin(&self) -> Box<dyn Stepper + '_>;
}

/// A forward pass that can go backward.
pub trait Pass {
    /// The hidden vectors: `[rows, tokens, d_table]`.
    fn hidden(&self) -> &[f32];

    /// The hidden vectors, and nothing else any more.
    fn into_hidden(self: Box<Self>) -> Vec<f32>;

    /// The gradients of the trunk's weights and of the inputs, from that of the hidden vectors.
    ///
    /// # Shapes
    /// - `d_hidden`, and the second that comes back: `[rows, tokens, d_table]`
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    fn backward(self: Box<Self>, d_hidden: Vec<f32>, stop: &Stop) -> Result<(TrunkGradients, Vec<f32>)>;
}

/// Sequences that grow token by token, with the keys and values of the tokens so far.
pub trait Stepper {
    /// Number of tokens so far.
    fn num_tokens(&self) -> usize;

    /// Hidden vectors of one more token for each row. `parents` says which of the rows before each row continues;
    /// `None` is each its own, and the first token.
    ///
    /// Those of the rows that `unread` names are not needed, now or later, and may be anything; their tokens are seen
    /// by what follows like any others. Without it all are read.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_table]`, embedded tokens; the same comes back
    /// - `unread`: `[rows]`, or empty
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`]; what has been begun is then of no more use.
    fn step(&mut self, inputs: Vec<f32>, parents: Option<&[u32]>, unread: &[bool], stop: &Stop) -> Result<Vec<f32>>;
}

/// Gradients of a trunk's weights, by the names of the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrunkGradients(BTreeMap<String, Vec<f32>>);

impl From<TrunkWeights> for TrunkGradients {
    fn from(mut gradients: TrunkWeights) -> Self {
        let of = gradients.parameters_mut();
        Self(of.map(|parameter| (std::mem::take(&mut parameter.name), std::mem::take(&mut parameter.values))).collect())
    }
}

impl TrunkGradients {
    /// The numbers, by name.
    #[must_use]
    pub fn arrays(&self) -> &BTreeMap<String, Vec<f32>> {
        &self.0
    }

    /// Sum of squares of all numbers.
    #[must_use]
    pub fn squared_norm(&self) -> f64 {
        self.0.values().map(|array| array.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()).sum()
    }

    /// Adds those of another batch.
    pub fn add(&mut self, other: Self) {
        for (name, theirs) in other.0 {
            match self.0.get_mut(&name) {
                Some(mine) => crate::kernels::add(mine, &theirs),
                None => drop(self.0.insert(name, theirs)),
            }
        }
    }

    /// Multiplies all numbers.
    pub fn scale(&mut self, factor: f32) {
        self.0.values_mut().flatten().for_each(|v| *v *= factor);
    }
}
