//! The decoder-only transformer between the embeddings: pre-norm blocks as in GPT-2 or as in LLaMA.
//!
//! Embedding tables are not part of it. They are as large as the graph, a batch touches few of their rows, and so they live in
//! [`Table`](crate::embeddings::Table)s on the host; the trunk sees vectors and returns vectors. Where the tables are factorised, the projections
//! between their width and the trunk's are the trunk's.

mod block;
mod config;
mod engine;
mod host;
mod norm;
mod rotary;

pub use config::{Activation, Architecture, TrunkConfig};
pub use engine::{Cache, Engine, Recorded};

use crate::dropout::Dropout;
use crate::layout::Layout;
use block::{Block, KeysAndValues};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use norm::Norm;
use rotary::Rotation;

/// The blocks, what says where a token stands, and the final norm.
#[derive(Module, Debug)]
pub struct Trunk {
    project_in: Option<Linear>,
    positions: Option<Param<Tensor<2>>>,
    blocks: Vec<Block>,
    norm: Norm,
    project_out: Option<Linear>,
    #[module(skip)]
    architecture: Architecture,
    #[module(skip)]
    d_head: usize,
}

impl Trunk {
    /// The trunk with more rows at the end of its position table, where it has one.
    pub(crate) fn with_positions(mut self, rows: Vec<f32>, device: &Device) -> Self {
        self.positions = self.positions.map(|positions| {
            positions.map(|table| {
                let [_, width] = table.dims();
                let added = rows.len() / width;
                let rows = TensorData::new(rows, [added, width]);
                let longer = Tensor::cat(vec![table.inner(), Tensor::from_data(rows, &device.clone().inner())], 0);
                if device.is_autodiff() { Tensor::from_inner(longer).require_grad() } else { longer }
            })
        });
        self
    }

    /// Hidden vectors of whole sequences; `layout` says where tokens stand and what each sees. `dropout` is [`Dropout::none`] outside
    /// training.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`, embedded tokens
    /// - returns: `[rows, tokens, d_table]`
    #[must_use]
    pub fn forward(&self, inputs: Tensor<3>, layout: &Layout, dropout: &mut Dropout) -> Tensor<3> {
        let device = inputs.device();
        let hidden = hidden(layout, &device);
        // One row serves all where all have the same positions.
        let rows = if layout.is_causal() { 1 } else { layout.rows };
        let positions = layout.positions.get(..rows * layout.tokens).unwrap_or_default();
        let rotation = self.rotation(positions, [rows, layout.tokens], &device);
        let mut x = project(&self.project_in, inputs); // [rows, tokens, d_model]
        if let Some(table) = &self.positions {
            x = x + positions_of(layout, table.val());
        }
        x = dropout.apply(x);
        for block in &self.blocks {
            x = block.forward(x, rotation.as_ref(), hidden.clone(), dropout);
        }
        project(&self.project_out, self.norm.forward(x))
    }

    /// Hidden vectors of one more token for each row, with the keys and values of the earlier ones.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_table]`, the embedded token
    /// - returns: `[rows, d_table]`
    fn step(&self, inputs: Tensor<2>, cache: &mut Vec<KeysAndValues>) -> Tensor<2> {
        let position = cache.first().map_or(0, |(key, _)| key.dims()[2]);
        let rotation = self.rotation(&[u32::try_from(position).unwrap_or(u32::MAX)], [1, 1], &inputs.device());
        let mut x = project(&self.project_in, inputs); // [rows, d_model]
        if let Some(positions) = &self.positions {
            x = x + positions.val().narrow(0, position, 1);
        }
        let mut old = std::mem::take(cache).into_iter();
        for block in &self.blocks {
            let (y, keys_and_values) = block.step(x, rotation.as_ref(), old.next());
            cache.push(keys_and_values);
            x = y;
        }
        project(&self.project_out, self.norm.forward(x))
    }

    /// Width of what goes in and comes out.
    fn d_table(&self) -> usize {
        self.project_in.as_ref().map_or(self.norm.gamma.dims()[0], |project| project.weight.dims()[0])
    }

    /// The turns of `rows × tokens` positions, where positions are turns.
    fn rotation(&self, positions: &[u32], shape: [usize; 2], device: &Device) -> Option<Rotation> {
        match self.architecture {
            Architecture::Gpt2 { .. } => None,
            Architecture::Llama { rope_theta } => {
                Some(Rotation::new(positions, shape, self.d_head, rope_theta, device))
            }
        }
    }
}

/// The position vectors of a layout: `[rows, tokens, d_model]`, or `[1, tokens, d_model]` where all rows have the same.
fn positions_of(layout: &Layout, table: Tensor<2>) -> Tensor<3> {
    let Layout { rows, tokens, positions, .. } = layout;
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
fn hidden(layout: &Layout, device: &Device) -> Tensor<4, Bool> {
    let Layout { rows, tokens, .. } = *layout;
    if layout.is_causal() {
        // True above the diagonal.
        return Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, device).unsqueeze::<4>();
    }
    Tensor::from_data(TensorData::new(layout.hidden(), [rows, 1, tokens, tokens]), device)
}

fn project<const D: usize>(projection: &Option<Linear>, x: Tensor<D>) -> Tensor<D> {
    match projection {
        Some(linear) => linear.forward(x),
        None => x,
    }
}
