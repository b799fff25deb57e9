//! The norms of both architectures.

use super::tensors::parameter;
use crate::model::weights;
use burn::module::{Module, Param};
use burn::tensor::Device;
use burn::tensor::Tensor;
use burn::tensor::module::layer_norm;

/// As [`weights::Norm`] says, over the last dimension.
#[derive(Module, Debug)]
pub(super) struct Norm {
    pub(super) gamma: Param<Tensor<1>>,
    pub(super) beta: Option<Param<Tensor<1>>>,
    #[module(skip)]
    pub(super) epsilon: f64,
}

impl Norm {
    pub(super) fn new(norm: &weights::Norm, device: &Device) -> Self {
        let vector = |values: &weights::Parameter| parameter(values, device);
        Self { gamma: vector(&norm.gamma), beta: norm.beta.as_ref().map(vector), epsilon: norm.epsilon }
    }

    /// # Shapes
    /// `[.., d_model]`; the same comes back.
    pub(super) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let gamma = self.gamma.val();
        if let Some(beta) = &self.beta {
            return layer_norm(x, gamma, Some(beta.val()), self.epsilon);
        }
        let root_mean_square = x.clone().square().mean_dim(D - 1).add_scalar(self.epsilon).sqrt();
        x / root_mean_square * gamma.unsqueeze()
    }
}
