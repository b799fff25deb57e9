//! The norms of both architectures.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::layer_norm;

/// LayerNorm, `γ · (x − mean) / √(variance + ε) + β` (Ba et al. 2016); without a β, RMSNorm, `γ · x / √(mean square + ε)` (Zhang and Sennrich
/// 2019). Over the last dimension.
#[derive(Module, Debug)]
pub(super) struct Norm {
    pub(super) gamma: Param<Tensor<1>>,
    pub(super) beta: Option<Param<Tensor<1>>>,
    #[module(skip)]
    pub(super) epsilon: f64,
}

impl Norm {
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
