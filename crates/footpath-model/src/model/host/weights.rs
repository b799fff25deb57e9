//! The arrays of a trunk.

use super::super::block::Block;
use super::super::norm::Norm;
use super::super::{Activation, Architecture, Trunk};
use crate::kernels::{Matrix, add};
use crate::weights::to_vec;
use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Tensor;
use rayon::prelude::*;
use std::borrow::Cow;

/// `x · W + b`.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    /// `[d_in, d_out]`
    pub(super) weight: Vec<f32>,
    /// `[d_out]`; empty where there is none.
    pub(super) bias: Vec<f32>,
    pub(super) d_in: usize,
    pub(super) d_out: usize,
}

/// Scale and shift of a norm; see [`Norm`].
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) gamma: Vec<f32>,
    /// Empty where there is none.
    pub(super) beta: Vec<f32>,
    pub(super) epsilon: f32,
}

/// The arrays of a [`Block`].
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Scale,
    pub(super) query_key_value: Affine,
    pub(super) attention_out: Affine,
    pub(super) feed_forward_norm: Scale,
    pub(super) gate: Option<Affine>,
    pub(super) expand: Affine,
    pub(super) contract: Affine,
}

/// A trunk as plain arrays: its weights, or the gradients of all of them.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(super) project_in: Option<Affine>,
    /// `[max_tokens, d_model]`; empty where positions are turns.
    pub(super) positions: Vec<f32>,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Scale,
    pub(super) project_out: Option<Affine>,
    pub(super) d_model: usize,
    pub(super) num_heads: usize,
    pub(super) activation: Activation,
    /// Base of the wave lengths, where positions are turns.
    pub(super) rope_theta: Option<f64>,
}

impl Affine {
    fn of(linear: &Linear) -> Self {
        let [d_in, d_out] = linear.weight.dims();
        let bias = linear.bias.as_ref().map(values).unwrap_or_default();
        Self { weight: values(&linear.weight), bias, d_in, d_out }
    }

    /// `[rows, d_in]` to `[rows, d_out]`.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = self.bias.repeat(x.len() / self.d_in);
        out.resize(x.len() / self.d_in * self.d_out, 0.0);
        Matrix::new(x, self.d_in).times(self.matrix(), !self.bias.is_empty(), &mut out);
        out
    }

    /// `[rows, d_in]` to `[rows, d_out]`, without the bias, which comes beside it, `[d_out]`: for those who look at every number once more in any case.
    pub(super) fn apply_without_bias(&self, x: &[f32]) -> (Vec<f32>, Cow<'_, [f32]>) {
        let mut out = vec![0.0; x.len() / self.d_in * self.d_out];
        Matrix::new(x, self.d_in).times(self.matrix(), false, &mut out);
        let bias = if self.bias.is_empty() { Cow::Owned(vec![0.0; self.d_out]) } else { Cow::Borrowed(&*self.bias) };
        (out, bias)
    }

    /// Adds what [`Affine::apply`] gives to `out`, `[rows, d_out]`.
    pub(super) fn add_to(&self, x: &[f32], out: &mut [f32]) {
        if !self.bias.is_empty() {
            out.chunks_exact_mut(self.d_out).for_each(|row| add(row, &self.bias));
        }
        Matrix::new(x, self.d_in).times(self.matrix(), true, out);
    }

    /// Adds the gradients of weight and bias to `gradient`; gives that of `x`.
    pub(super) fn backward(&self, x: &[f32], d_out: &[f32], gradient: &mut Self) -> Vec<f32> {
        let mut d_x = vec![0.0; x.len()];
        self.backward_into(x, d_out, gradient, false, &mut d_x);
        d_x
    }

    /// As [`Affine::backward`], into `d_x`, or, if `adds`, added to it.
    pub(super) fn backward_into(&self, x: &[f32], d_out: &[f32], gradient: &mut Self, adds: bool, d_x: &mut [f32]) {
        let d_rows = Matrix::new(d_out, self.d_out);
        Matrix::new(x, self.d_in).transposed().times(d_rows, true, &mut gradient.weight);
        if !self.bias.is_empty() {
            d_out.chunks_exact(self.d_out).for_each(|row| add(&mut gradient.bias, row));
        }
        d_rows.times(self.matrix().transposed(), adds, d_x);
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.weight, self.d_out)
    }
}

impl Scale {
    #[expect(clippy::cast_possible_truncation, reason = "norms are computed in f32")]
    fn of(norm: &Norm) -> Self {
        let beta = norm.beta.as_ref().map(values).unwrap_or_default();
        Self { gamma: values(&norm.gamma), beta, epsilon: norm.epsilon as f32 }
    }
}

impl Layer {
    fn of(block: &Block) -> Self {
        Self {
            attention_norm: Scale::of(&block.attention_norm),
            query_key_value: Affine::of(&block.query_key_value),
            attention_out: Affine::of(&block.attention_out),
            feed_forward_norm: Scale::of(&block.feed_forward_norm),
            gate: block.gate.as_ref().map(Affine::of),
            expand: Affine::of(&block.expand),
            contract: Affine::of(&block.contract),
        }
    }
}

impl Host {
    /// The arrays of a trunk.
    pub(crate) fn of(trunk: &Trunk) -> Self {
        let d_model = trunk.norm.gamma.dims()[0];
        let rope_theta = match trunk.architecture {
            Architecture::Gpt2 { .. } => None,
            Architecture::Llama { rope_theta } => Some(rope_theta),
        };
        Self {
            project_in: trunk.project_in.as_ref().map(Affine::of),
            positions: trunk.positions.as_ref().map(values).unwrap_or_default(),
            layers: trunk.blocks.iter().map(Layer::of).collect(),
            norm: Scale::of(&trunk.norm),
            project_out: trunk.project_out.as_ref().map(Affine::of),
            d_model,
            num_heads: d_model / trunk.d_head.max(1),
            activation: trunk.blocks.first().map(|block| block.activation).unwrap_or_default(),
            rope_theta,
        }
    }

    /// Width of a hidden vector.
    pub(crate) fn d_model(&self) -> usize {
        self.d_model
    }

    /// Width of what goes in and comes out.
    pub(super) fn d_table(&self) -> usize {
        self.project_in.as_ref().map_or(self.d_model, |project| project.d_in)
    }

    /// The same arrays, all zero.
    pub(super) fn zeros(&self) -> Self {
        let mut zeros = self.clone();
        zeros.arrays_mut().into_iter().for_each(|(_, array)| array.fill(0.0));
        zeros
    }

    /// The sum of gradients, in their order.
    pub(super) fn sum(mut parts: Vec<Self>) -> Option<Self> {
        let mut rest = parts.split_off(parts.len().min(1));
        let mut first = parts.pop()?;
        let mut others: Vec<_> = rest.iter_mut().map(|part| part.arrays_mut().into_iter()).collect();
        let columns: Vec<(&mut Vec<f32>, Vec<&mut Vec<f32>>)> = first
            .arrays_mut()
            .into_iter()
            .map(|(_, sum)| (sum, others.iter_mut().filter_map(|part| part.next().map(|(_, array)| array)).collect()))
            .collect();
        columns.into_par_iter().for_each(|(sum, arrays)| arrays.iter().for_each(|array| add(sum, array)));
        Some(first)
    }

    /// Every array with the name that [`Trunk`]'s parameter has in stored files.
    pub(super) fn arrays_mut(&mut self) -> Vec<(String, &mut Vec<f32>)> {
        let mut arrays = Vec::new();
        let mut put = |name: String, array| arrays.push((format!("trunk.{name}"), array));
        if let Some(project) = &mut self.project_in {
            put("project_in.weight".to_owned(), &mut project.weight);
        }
        put("positions".to_owned(), &mut self.positions);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let norms =
                [("attention_norm", &mut layer.attention_norm), ("feed_forward_norm", &mut layer.feed_forward_norm)];
            for (name, norm) in norms {
                put(format!("blocks.{index}.{name}.gamma"), &mut norm.gamma);
                put(format!("blocks.{index}.{name}.beta"), &mut norm.beta);
            }
            let affines = [
                ("query_key_value", Some(&mut layer.query_key_value)),
                ("attention_out", Some(&mut layer.attention_out)),
                ("gate", layer.gate.as_mut()),
                ("expand", Some(&mut layer.expand)),
                ("contract", Some(&mut layer.contract)),
            ];
            for (name, affine) in affines.into_iter().filter_map(|(name, affine)| Some((name, affine?))) {
                put(format!("blocks.{index}.{name}.weight"), &mut affine.weight);
                put(format!("blocks.{index}.{name}.bias"), &mut affine.bias);
            }
        }
        put("norm.gamma".to_owned(), &mut self.norm.gamma);
        put("norm.beta".to_owned(), &mut self.norm.beta);
        if let Some(project) = &mut self.project_out {
            put("project_out.weight".to_owned(), &mut project.weight);
        }
        arrays.retain(|(_, array)| !array.is_empty());
        arrays
    }

    /// The arrays by name.
    pub(crate) fn into_arrays(mut self) -> Vec<(String, Vec<f32>)> {
        self.arrays_mut().into_iter().map(|(name, array)| (name, std::mem::take(array))).collect()
    }
}

fn values<const D: usize>(param: &Param<Tensor<D>>) -> Vec<f32> {
    to_vec(param.val().into_data())
}
