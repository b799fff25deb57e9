//! One block: attention, then a feed-forward layer, each after a norm and added to what came in.

use super::norm::Norm;
use super::rotation::Rotation;
use super::tensors::{dropped, linear};
use crate::dropout::Dropout;
use crate::model::{Activation, weights};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{gelu, silu, softmax};
use burn::tensor::{Bool, Device, Tensor};

/// Keys and values of the tokens so far: `[rows, heads, tokens, d_head]`.
pub(super) type KeysAndValues = (Tensor<4>, Tensor<4>);

#[derive(Module, Debug)]
pub(super) struct Block {
    pub(super) attention_norm: Norm,
    pub(super) query_key_value: Linear,
    pub(super) attention_out: Linear,
    pub(super) feed_forward_norm: Norm,
    /// The gate of SwiGLU.
    pub(super) gate: Option<Linear>,
    pub(super) expand: Linear,
    pub(super) contract: Linear,
    #[module(skip)]
    pub(super) num_heads: usize,
    #[module(skip)]
    pub(super) activation: Activation,
}

impl Block {
    pub(super) fn new(block: &weights::Block, num_heads: usize, activation: Activation, device: &Device) -> Self {
        let affine = |affine: &weights::Affine| linear(affine, device);
        Self {
            attention_norm: Norm::new(&block.attention_norm, device),
            query_key_value: affine(&block.query_key_value),
            attention_out: affine(&block.attention_out),
            feed_forward_norm: Norm::new(&block.feed_forward_norm, device),
            gate: block.gate.as_ref().map(affine),
            expand: affine(&block.expand),
            contract: affine(&block.contract),
            num_heads,
            activation,
        }
    }

    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        rotation: Option<&Rotation>,
        hidden: Tensor<4, Bool>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let [batch, tokens, d_model] = x.dims();
        let d_head = d_model / self.num_heads;
        let qkv = self.query_key_value.forward(self.attention_norm.forward(x.clone())); // [batch, tokens, 3·d_model]
        let qkv = qkv.reshape([batch, tokens, 3, self.num_heads, d_head]).permute([2, 0, 3, 1, 4]);
        let part = |i: usize| qkv.clone().narrow(0, i, 1).squeeze_dim::<4>(0); // [batch, heads, tokens, d_head]
        let (query, key) = (turned(part(0), rotation), turned(part(1), rotation));
        let scores = query.matmul(key.swap_dims(2, 3)).div_scalar((d_head as f64).sqrt());
        let scores = scores.mask_fill(hidden.expand([batch, self.num_heads, tokens, tokens]), f32::NEG_INFINITY);
        let mixed = softmax(scores, 3).matmul(part(2)); // [batch, heads, tokens, d_head]
        let mixed = mixed.swap_dims(1, 2).reshape([batch, tokens, d_model]);
        let x = x + dropped(self.attention_out.forward(mixed), dropout);
        let y = self.feed_forward(self.feed_forward_norm.forward(x.clone()));
        x + dropped(y, dropout)
    }

    pub(super) fn step(
        &self,
        x: Tensor<2>,
        rotation: Option<&Rotation>,
        old: Option<KeysAndValues>,
    ) -> (Tensor<2>, KeysAndValues) {
        let [rows, d_model] = x.dims();
        let d_head = d_model / self.num_heads;
        let qkv = self.query_key_value.forward(self.attention_norm.forward(x.clone())); // [rows, 3·d_model]
        let part = |i: usize| qkv.clone().narrow(1, i * d_model, d_model).reshape([rows, self.num_heads, 1, d_head]);
        // Keys are kept as turned: a position does not change any more.
        let (query, mut key, mut value) = (turned(part(0), rotation), turned(part(1), rotation), part(2));
        if let Some((old_key, old_value)) = old {
            key = Tensor::cat(vec![old_key, key], 2);
            value = Tensor::cat(vec![old_value, value], 2);
        }
        let scores = query.matmul(key.clone().swap_dims(2, 3)).div_scalar((d_head as f64).sqrt());
        let mixed = softmax(scores, 3).matmul(value.clone()).reshape([rows, d_model]);
        let x = x + self.attention_out.forward(mixed);
        let y = self.feed_forward(self.feed_forward_norm.forward(x.clone()));
        (x + y, (key, value))
    }

    /// # Shapes
    /// `[.., d_model]`; the same comes back.
    fn feed_forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let hidden = match &self.gate {
            Some(gate) => silu(gate.forward(x.clone())) * self.expand.forward(x),
            None => match self.activation {
                Activation::Gelu => gelu(self.expand.forward(x)),
                Activation::GeluTanh => gelu_tanh(self.expand.forward(x)),
            },
        };
        self.contract.forward(hidden)
    }
}

fn turned(x: Tensor<4>, rotation: Option<&Rotation>) -> Tensor<4> {
    match rotation {
        Some(rotation) => rotation.apply(x),
        None => x,
    }
}

/// As [`Activation::GeluTanh`] says; cubes by multiplication, which is faster than a power and right for negative
/// numbers on every backend.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube.mul_scalar(0.044_715)).mul_scalar((2.0 / std::f64::consts::PI).sqrt());
    (x * inner.tanh().add_scalar(1.0)).mul_scalar(0.5)
}
