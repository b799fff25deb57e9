//! The weights of a trunk: plain arrays, each with the name and the shape that it is stored by.

use super::{Activation, Architecture, TrunkConfig};
use crate::kernels::{Matrix, Output, add};
use footpath_core::Stream;
use rayon::prelude::*;
use std::borrow::Cow;
use std::convert::Infallible;

/// An array of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in stored files, such as `trunk.blocks.0.expand.weight`.
    pub name: String,
    /// One dimension or two.
    pub shape: Vec<usize>,
    /// As many numbers as the shape says, row after row.
    pub values: Vec<f32>,
}

/// `x · W + b`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Affine {
    /// `[d_in, d_out]`
    pub(crate) weight: Parameter,
    /// `[d_out]`
    pub(crate) bias: Option<Parameter>,
}

/// LayerNorm, `γ · (x − mean) / √(variance + ε) + β` (Ba et al. 2016); without a β, RMSNorm, `γ · x / √(mean square +
/// ε)` (Zhang and Sennrich 2019).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Norm {
    /// `[d_model]`
    pub(crate) gamma: Parameter,
    /// `[d_model]`
    pub(crate) beta: Option<Parameter>,
    pub(crate) epsilon: f64,
}

/// One block: attention, then a feed-forward layer, each after a norm and added to what came in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) attention_norm: Norm,
    pub(crate) query_key_value: Affine,
    pub(crate) attention_out: Affine,
    pub(crate) feed_forward_norm: Norm,
    /// The gate of SwiGLU.
    pub(crate) gate: Option<Affine>,
    pub(crate) expand: Affine,
    pub(crate) contract: Affine,
}

/// All weights of a trunk, or the gradients of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TrunkWeights {
    pub(crate) project_in: Option<Affine>,
    /// `[max_tokens, d_model]`, where positions are vectors.
    pub(crate) positions: Option<Parameter>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: Norm,
    pub(crate) project_out: Option<Affine>,
    pub(crate) d_model: usize,
    pub(crate) num_heads: usize,
    pub(crate) activation: Activation,
    /// Base of the wave lengths, where positions are turns.
    pub(crate) rope_theta: Option<f64>,
}

impl Affine {
    pub(crate) fn d_in(&self) -> usize {
        self.weight.shape[0]
    }

    pub(crate) fn d_out(&self) -> usize {
        self.weight.shape[1]
    }

    /// `[d_out]`; empty where there is none.
    fn biases(&self) -> &[f32] {
        self.bias.as_ref().map_or(&[], |bias| &bias.values)
    }

    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        std::iter::once(&self.weight).chain(&self.bias)
    }

    fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        std::iter::once(&mut self.weight).chain(&mut self.bias)
    }

    /// `[rows, d_in]` to `[rows, d_out]`.
    pub(crate) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.d_in();
        let mut out = self.biases().repeat(rows);
        out.resize(rows * self.d_out(), 0.0);
        let output = if self.bias.is_some() { Output::Add } else { Output::Replace };
        Matrix::new(x, self.d_in()).times(self.matrix(), output, &mut out);
        out
    }

    /// `[rows, d_in]` to `[rows, d_out]`, without the bias, which comes beside it, `[d_out]`: for those who look at
    /// every number once more in any case.
    pub(crate) fn apply_without_bias(&self, x: &[f32]) -> (Vec<f32>, Cow<'_, [f32]>) {
        let mut out = vec![0.0; x.len() / self.d_in() * self.d_out()];
        Matrix::new(x, self.d_in()).times(self.matrix(), Output::Replace, &mut out);
        let bias = match &self.bias {
            Some(bias) => Cow::Borrowed(bias.values.as_slice()),
            None => Cow::Owned(vec![0.0; self.d_out()]),
        };
        (out, bias)
    }

    /// Adds what [`Affine::apply`] gives to `out`, `[rows, d_out]`.
    pub(crate) fn add_to(&self, x: &[f32], out: &mut [f32]) {
        if let Some(bias) = &self.bias {
            out.chunks_exact_mut(self.d_out()).for_each(|row| add(row, &bias.values));
        }
        Matrix::new(x, self.d_in()).times(self.matrix(), Output::Add, out);
    }

    /// Adds the gradients of weight and bias to `gradient`; gives that of `x`.
    pub(crate) fn backward(&self, x: &[f32], d_out: &[f32], gradient: &mut Self) -> Vec<f32> {
        let mut d_x = vec![0.0; x.len()];
        self.backward_into(x, d_out, gradient, Output::Replace, &mut d_x);
        d_x
    }

    /// As [`Affine::backward`], into `d_x`.
    pub(crate) fn backward_into(&self, x: &[f32], d_out: &[f32], gradient: &mut Self, output: Output, d_x: &mut [f32]) {
        let d_rows = Matrix::new(d_out, self.d_out());
        Matrix::new(x, self.d_in()).transposed().times(d_rows, Output::Add, &mut gradient.weight.values);
        if let Some(bias) = &mut gradient.bias {
            d_out.chunks_exact(self.d_out()).for_each(|row| add(&mut bias.values, row));
        }
        d_rows.times(self.matrix().transposed(), output, d_x);
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.weight.values, self.d_out())
    }
}

impl Norm {
    /// `[d_model]`; empty where there is none.
    pub(crate) fn betas(&self) -> &[f32] {
        self.beta.as_ref().map_or(&[], |beta| &beta.values)
    }

    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        std::iter::once(&self.gamma).chain(&self.beta)
    }

    fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        std::iter::once(&mut self.gamma).chain(&mut self.beta)
    }
}

impl Block {
    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let Self { attention_norm, query_key_value, attention_out, feed_forward_norm, gate, expand, contract } = self;
        let attention = attention_norm.parameters().chain(query_key_value.parameters());
        let gate = gate.iter().flat_map(Affine::parameters);
        let feed_forward = feed_forward_norm.parameters().chain(gate).chain(expand.parameters());
        attention.chain(attention_out.parameters()).chain(feed_forward).chain(contract.parameters())
    }

    fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        let Self { attention_norm, query_key_value, attention_out, feed_forward_norm, gate, expand, contract } = self;
        let attention = attention_norm.parameters_mut().chain(query_key_value.parameters_mut());
        let gate = gate.iter_mut().flat_map(Affine::parameters_mut);
        let feed_forward = feed_forward_norm.parameters_mut().chain(gate).chain(expand.parameters_mut());
        attention.chain(attention_out.parameters_mut()).chain(feed_forward).chain(contract.parameters_mut())
    }
}

impl TrunkWeights {
    /// The weights of a trunk of this shape; `values` gives those of the array with this name and shape, and is asked
    /// for one after the other in the order of [`TrunkWeights::parameters`].
    ///
    /// # Errors
    /// What `values` gives.
    pub(crate) fn new<E>(
        config: &TrunkConfig,
        values: impl FnMut(&str, &[usize]) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let mut builder = Builder { config, values };
        let (d, e) = (config.d_model, config.d_table());
        let (rope_theta, activation) = match config.architecture {
            Architecture::Gpt2 { activation } => (None, activation),
            Architecture::Llama { rope_theta } => (Some(rope_theta), Activation::default()),
        };
        Ok(Self {
            project_in: config.factorised.map(|_| builder.matrix("project_in", e, d)).transpose()?,
            positions: match rope_theta {
                None => Some(builder.parameter("positions", &[config.max_tokens, d])?),
                Some(_) => None,
            },
            blocks: (0..config.num_layers).map(|index| builder.block(index)).collect::<Result<_, E>>()?,
            norm: builder.norm("norm")?,
            project_out: config.factorised.map(|_| builder.matrix("project_out", d, e)).transpose()?,
            d_model: d,
            num_heads: config.num_heads,
            activation,
            rope_theta,
        })
    }

    /// Every array, in the order in which random weights are drawn.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let Self { project_in, positions, blocks, norm, project_out, .. } = self;
        let begin = project_in.iter().flat_map(Affine::parameters).chain(positions);
        let end = norm.parameters().chain(project_out.iter().flat_map(Affine::parameters));
        begin.chain(blocks.iter().flat_map(Block::parameters)).chain(end)
    }

    /// As [`TrunkWeights::parameters`], to be changed.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        let Self { project_in, positions, blocks, norm, project_out, .. } = self;
        let begin = project_in.iter_mut().flat_map(Affine::parameters_mut).chain(positions);
        let end = norm.parameters_mut().chain(project_out.iter_mut().flat_map(Affine::parameters_mut));
        begin.chain(blocks.iter_mut().flat_map(Block::parameters_mut)).chain(end)
    }

    /// Width of what goes in and comes out.
    pub(crate) fn d_table(&self) -> usize {
        self.project_in.as_ref().map_or(self.d_model, Affine::d_in)
    }

    /// Width of an attention head.
    pub(crate) fn d_head(&self) -> usize {
        self.d_model / self.num_heads.max(1)
    }

    /// More rows at the end of the position table, where there is one.
    pub(crate) fn add_positions(&mut self, rows: &[f32]) {
        if let Some(positions) = &mut self.positions {
            positions.values.extend_from_slice(rows);
            positions.shape[0] = positions.values.len() / self.d_model.max(1);
        }
    }

    /// The same arrays, all zero.
    pub(crate) fn zeros(&self) -> Self {
        let mut zeros = self.clone();
        zeros.parameters_mut().for_each(|parameter| parameter.values.fill(0.0));
        zeros
    }

    /// The sum of gradients, in their order.
    pub(crate) fn sum(mut parts: Vec<Self>) -> Option<Self> {
        let mut rest = parts.split_off(parts.len().min(1));
        let mut first = parts.pop()?;
        let mut others: Vec<_> = rest.iter_mut().map(Self::parameters_mut).collect();
        let columns: Vec<(&mut Parameter, Vec<&mut Parameter>)> =
            first.parameters_mut().map(|sum| (sum, others.iter_mut().filter_map(Iterator::next).collect())).collect();
        columns.into_par_iter().for_each(|(sum, parts)| {
            parts.iter().for_each(|part| add(&mut sum.values, &part.values));
        });
        Some(first)
    }
}

/// Asks for one array after the other.
struct Builder<'a, F> {
    config: &'a TrunkConfig,
    values: F,
}

impl<E, F: FnMut(&str, &[usize]) -> Result<Vec<f32>, E>> Builder<'_, F> {
    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<Parameter, E> {
        let name = format!("trunk.{name}");
        let values = (self.values)(&name, shape)?;
        debug_assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
        Ok(Parameter { name, shape: shape.to_vec(), values })
    }

    fn matrix(&mut self, name: &str, d_in: usize, d_out: usize) -> Result<Affine, E> {
        Ok(Affine { weight: self.parameter(&format!("{name}.weight"), &[d_in, d_out])?, bias: None })
    }

    /// A matrix, with a bias where the architecture has biases.
    fn affine(&mut self, name: &str, d_in: usize, d_out: usize) -> Result<Affine, E> {
        let matrix = self.matrix(name, d_in, d_out)?;
        Ok(Affine { bias: self.where_biased(&format!("{name}.bias"), d_out)?, ..matrix })
    }

    fn norm(&mut self, name: &str) -> Result<Norm, E> {
        let d = self.config.d_model;
        Ok(Norm {
            gamma: self.parameter(&format!("{name}.gamma"), &[d])?,
            beta: self.where_biased(&format!("{name}.beta"), d)?,
            epsilon: self.config.norm_epsilon,
        })
    }

    fn where_biased(&mut self, name: &str, len: usize) -> Result<Option<Parameter>, E> {
        match self.config.architecture {
            Architecture::Gpt2 { .. } => self.parameter(name, &[len]).map(Some),
            Architecture::Llama { .. } => Ok(None),
        }
    }

    fn block(&mut self, index: usize) -> Result<Block, E> {
        let (d, f) = (self.config.d_model, self.config.d_feed_forward());
        let of = |part: &str| format!("blocks.{index}.{part}");
        Ok(Block {
            attention_norm: self.norm(&of("attention_norm"))?,
            query_key_value: self.affine(&of("query_key_value"), d, 3 * d)?,
            attention_out: self.affine(&of("attention_out"), d, d)?,
            feed_forward_norm: self.norm(&of("feed_forward_norm"))?,
            gate: match self.config.architecture {
                Architecture::Gpt2 { .. } => None,
                Architecture::Llama { .. } => Some(self.matrix(&of("gate"), d, f)?),
            },
            expand: self.affine(&of("expand"), d, f)?,
            contract: self.affine(&of("contract"), f, d)?,
        })
    }
}

impl TrunkWeights {
    /// Weights of a trunk whose matrices are normal random numbers; biases are 0 and scales of norms 1.
    pub(crate) fn random(config: &TrunkConfig, stream: &mut Stream) -> Self {
        let values = |name: &str, shape: &[usize]| -> std::result::Result<Vec<f32>, Infallible> {
            let len = shape.iter().product();
            if shape.len() != 2 {
                return Ok(vec![if name.ends_with(".gamma") { 1.0 } else { 0.0 }; len]);
            }
            let std = config.initial_std(name);
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let number = |_| (stream.normal() * std) as f32;
            Ok((0..len).map(number).collect())
        };
        let Ok(weights) = Self::new(config, values);
        weights
    }
}
