//! The blocks, what says where a token stands, and the final norm.

use super::block::{Block, KeysAndValues};
use super::norm::Norm;
use super::rotation::Rotation;
use super::tensors::{dropped, linear, parameter};
use crate::dropout::Dropout;
use crate::layout::Layout;
use crate::model::weights::TrunkWeights;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// A trunk as a module of burn. Its parameters have the names of [`TrunkWeights`].
#[derive(Module, Debug)]
pub struct Transformer {
    project_in: Option<Linear>,
    positions: Option<Param<Tensor<2>>>,
    blocks: Vec<Block>,
    norm: Norm,
    project_out: Option<Linear>,
    #[module(skip)]
    rope_theta: Option<f64>,
    #[module(skip)]
    d_head: usize,
    #[module(skip)]
    d_table: usize,
}

impl Transformer {
    /// The trunk with these weights, on this device.
    #[must_use]
    pub fn new(trunk: &TrunkWeights, device: &Device) -> Self {
        let TrunkWeights { num_heads, activation, rope_theta, .. } = *trunk;
        Self {
            project_in: trunk.project_in.as_ref().map(|affine| linear(affine, device)),
            positions: trunk.positions.as_ref().map(|positions| parameter(positions, device)),
            blocks: trunk.blocks.iter().map(|block| Block::new(block, num_heads, activation, device)).collect(),
            norm: Norm::new(&trunk.norm, device),
            project_out: trunk.project_out.as_ref().map(|affine| linear(affine, device)),
            rope_theta,
            d_head: trunk.d_head(),
            d_table: trunk.d_table(),
        }
    }

    /// Hidden vectors of whole sequences; `layout` says where tokens stand and what each sees. `dropout` is
    /// [`Dropout::none`] outside training.
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
        x = dropped(x, dropout);
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
    pub(super) fn step(&self, inputs: Tensor<2>, cache: &mut Vec<KeysAndValues>) -> Tensor<2> {
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
    pub(super) fn d_table(&self) -> usize {
        self.d_table
    }

    /// The turns of `rows × tokens` positions, where positions are turns.
    fn rotation(&self, positions: &[u32], shape: [usize; 2], device: &Device) -> Option<Rotation> {
        self.rope_theta.map(|theta| Rotation::new(positions, shape, self.d_head, theta, device))
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
