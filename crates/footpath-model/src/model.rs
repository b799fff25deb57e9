//! The decoder-only transformer between the embeddings: pre-norm blocks as in GPT-2 (Radford et al. 2019).
//!
//! Embedding tables are not part of it. They are as large as the graph, a batch touches few of their rows, and so they live in
//! [`Table`](crate::embeddings::Table)s on the host; the trunk sees vectors and returns vectors.

use crate::dropout::Dropout;
use crate::layout::Layout;
use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Shape of the trunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// Width of a hidden vector.
    pub d_model: usize,
    /// Number of blocks.
    pub num_layers: usize,
    /// Attention heads; divides `d_model`.
    pub num_heads: usize,
    /// Longest sequence, in tokens.
    pub max_tokens: usize,
    /// Dropout probability after attention and feed-forward, in [0, 1).
    pub dropout: f64,
}

impl TrunkConfig {
    /// A trunk whose matrices are zero: [`PathModel`](crate::PathModel) fills them, from a seed or from a file.
    #[must_use]
    pub fn init(&self, device: &Device) -> Trunk {
        Trunk {
            positions: Initializer::Zeros.init([self.max_tokens, self.d_model], device),
            blocks: (0..self.num_layers).map(|_| self.block(device)).collect(),
            norm: LayerNormConfig::new(self.d_model).init(device),
        }
    }

    /// Standard deviation of the initial weights of a parameter, as in GPT-2: 0.02, less by `√(2·layers)` where a block adds to the residual stream.
    #[must_use]
    pub fn initial_std(&self, parameter: &str) -> f64 {
        let residual = parameter.ends_with("attention_out.weight") || parameter.ends_with("contract.weight");
        if residual { 0.02 / (2.0 * self.num_layers as f64).sqrt() } else { 0.02 }
    }

    fn block(&self, device: &Device) -> Block {
        let linear = |d_in: usize, d_out: usize| {
            LinearConfig::new(d_in, d_out).with_initializer(Initializer::Zeros).init(device)
        };
        let d = self.d_model;
        Block {
            attention_norm: LayerNormConfig::new(d).init(device),
            query_key_value: linear(d, 3 * d),
            attention_out: linear(d, d),
            feed_forward_norm: LayerNormConfig::new(d).init(device),
            expand: linear(d, 4 * d),
            contract: linear(4 * d, d),
            num_heads: self.num_heads,
        }
    }

    /// Number of parameters of the trunk.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        let d = self.d_model;
        let block = 12 * d * d + 13 * d;
        self.max_tokens * d + self.num_layers * block + 2 * d
    }
}

/// The blocks, position table and final norm.
#[derive(Module, Debug)]
pub struct Trunk {
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Block {
    attention_norm: LayerNorm,
    query_key_value: Linear,
    attention_out: Linear,
    feed_forward_norm: LayerNorm,
    expand: Linear,
    contract: Linear,
    #[module(skip)]
    num_heads: usize,
}

/// Keys and values of the tokens so far, for each block: `[rows, heads, tokens, d_head]`.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    layers: Vec<(Tensor<4>, Tensor<4>)>,
}

impl Cache {
    /// The cache whose row `i` is row `parents[i]` of this one.
    #[must_use]
    pub fn select(self, parents: Tensor<1, Int>) -> Self {
        let row = |t: Tensor<4>| t.select(0, parents.clone());
        Self { layers: self.layers.into_iter().map(|(k, v)| (row(k), row(v))).collect() }
    }

    /// Number of tokens held.
    #[must_use]
    pub fn num_tokens(&self) -> usize {
        self.layers.first().map_or(0, |(key, _)| key.dims()[2])
    }
}

impl Trunk {
    /// The trunk with more rows at the end of its position table.
    pub(crate) fn with_positions(mut self, rows: Vec<f32>, device: &Device) -> Self {
        self.positions = self.positions.map(|table| {
            let [_, width] = table.dims();
            let added = rows.len() / width;
            let rows = TensorData::new(rows, [added, width]);
            let longer = Tensor::cat(vec![table.inner(), Tensor::from_data(rows, &device.clone().inner())], 0);
            if device.is_autodiff() { Tensor::from_inner(longer).require_grad() } else { longer }
        });
        self
    }

    /// Hidden vectors of whole sequences; `layout` says where tokens stand and what each sees. `dropout` is [`Dropout::none`] outside
    /// training.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_model]`, embedded tokens
    /// - returns: `[rows, tokens, d_model]`
    #[must_use]
    pub fn forward(&self, inputs: Tensor<3>, layout: &Layout, dropout: &mut Dropout) -> Tensor<3> {
        let hidden = self.hidden(layout, &inputs.device());
        let mut x = dropout.apply(inputs + self.positions_of(layout));
        for block in &self.blocks {
            x = block.forward(x, hidden.clone(), dropout);
        }
        self.norm.forward(x)
    }

    /// The position vectors of a layout: `[rows, tokens, d_model]`, or `[1, tokens, d_model]` where all rows have the same.
    fn positions_of(&self, layout: &Layout) -> Tensor<3> {
        let Layout { rows, tokens, positions, .. } = layout;
        let table = self.positions.val();
        if layout.is_causal() {
            return table.narrow(0, 0, *tokens).unsqueeze::<3>();
        }
        let [longest, width] = table.dims();
        // Padding may stand past the last position; nobody sees it.
        let last = i64::try_from(longest).unwrap_or(i64::MAX) - 1;
        let places: Vec<i64> = positions.iter().map(|&p| i64::from(p).min(last)).collect();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [rows * tokens]), &table.device());
        table.select(0, places).reshape([*rows, *tokens, width])
    }

    /// What must not be seen: `[rows, 1, tokens, tokens]`, or `[1, 1, tokens, tokens]` where it is the same for all rows.
    fn hidden(&self, layout: &Layout, device: &Device) -> Tensor<4, Bool> {
        let Layout { rows, tokens, .. } = *layout;
        if layout.is_causal() {
            // True above the diagonal.
            return Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, device).unsqueeze::<4>();
        }
        Tensor::from_data(TensorData::new(layout.hidden(), [rows, 1, tokens, tokens]), device)
    }

    /// Hidden vectors of one more token for each row, with the keys and values of the earlier ones.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_model]`, the embedded token
    /// - returns: `[rows, d_model]`
    #[must_use]
    pub fn step(&self, inputs: Tensor<2>, cache: &mut Cache) -> Tensor<2> {
        let position = cache.num_tokens();
        let mut x = inputs + self.positions.val().narrow(0, position, 1);
        let old = std::mem::take(&mut cache.layers);
        let mut old = old.into_iter();
        for block in &self.blocks {
            let (y, key, value) = block.step(x, old.next());
            cache.layers.push((key, value));
            x = y;
        }
        self.norm.forward(x)
    }
}

impl Block {
    fn forward(&self, x: Tensor<3>, hidden: Tensor<4, Bool>, dropout: &mut Dropout) -> Tensor<3> {
        let [batch, tokens, d_model] = x.dims();
        let d_head = d_model / self.num_heads;
        let qkv = self.query_key_value.forward(self.attention_norm.forward(x.clone())); // [batch, tokens, 3·d_model]
        let qkv = qkv.reshape([batch, tokens, 3, self.num_heads, d_head]).permute([2, 0, 3, 1, 4]);
        let part = |i: usize| qkv.clone().narrow(0, i, 1).squeeze_dim::<4>(0); // [batch, heads, tokens, d_head]
        let scores = part(0).matmul(part(1).swap_dims(2, 3)).div_scalar((d_head as f64).sqrt());
        let scores = scores.mask_fill(hidden.expand([batch, self.num_heads, tokens, tokens]), f32::NEG_INFINITY);
        let mixed = softmax(scores, 3).matmul(part(2)); // [batch, heads, tokens, d_head]
        let mixed = mixed.swap_dims(1, 2).reshape([batch, tokens, d_model]);
        let x = x + dropout.apply(self.attention_out.forward(mixed));
        let hidden = gelu(self.expand.forward(self.feed_forward_norm.forward(x.clone())));
        x + dropout.apply(self.contract.forward(hidden))
    }

    fn step(&self, x: Tensor<2>, old: Option<(Tensor<4>, Tensor<4>)>) -> (Tensor<2>, Tensor<4>, Tensor<4>) {
        let [rows, d_model] = x.dims();
        let d_head = d_model / self.num_heads;
        let qkv = self.query_key_value.forward(self.attention_norm.forward(x.clone())); // [rows, 3·d_model]
        let part = |i: usize| qkv.clone().narrow(1, i * d_model, d_model).reshape([rows, self.num_heads, 1, d_head]);
        let (mut key, mut value) = (part(1), part(2));
        if let Some((old_key, old_value)) = old {
            key = Tensor::cat(vec![old_key, key], 2);
            value = Tensor::cat(vec![old_value, value], 2);
        }
        let scores = part(0).matmul(key.clone().swap_dims(2, 3)).div_scalar((d_head as f64).sqrt());
        let mixed = softmax(scores, 3).matmul(value.clone()).reshape([rows, d_model]);
        let x = x + self.attention_out.forward(mixed);
        let hidden = gelu(self.expand.forward(self.feed_forward_norm.forward(x.clone())));
        (x + self.contract.forward(hidden), key, value)
    }
}
