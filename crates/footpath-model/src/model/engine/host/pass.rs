//! Whole batches.
//!
//! Rows go through in portions that stay in a core's cache. The portions of a group are summed into one set of
//! gradients, in their order, and so are then the groups; both depend on the sizes alone, so that the result is the
//! same for any number of threads.

use super::super::{Pass, TrunkGradients};
use super::attention::{Direction, RotaryTable, Visibility};
use super::feed_forward::FeedForwardTrace;
use super::norm::NormOutput;
use crate::kernels::add;
use crate::layout::Layout;
use crate::model::weights::{Block, TrunkWeights};
use footpath_core::{Result, Stop};
use rayon::prelude::*;
use std::ops::Range;

/// Tokens of a portion, about.
const PORTION: usize = 256;
/// Most groups: each has gradients of its own. Also the number of threads that can work on a batch.
const GROUPS: usize = 16;

/// What the backward pass needs of a block.
#[derive(Debug)]
struct BlockTrace {
    x: Vec<f32>,
    attention_normed: NormOutput,
    /// With queries and keys turned.
    qkv: Vec<f32>,
    weights: Vec<f32>,
    mixed: Vec<f32>,
    between: Vec<f32>,
    feed_forward_normed: NormOutput,
    feed_forward: FeedForwardTrace,
}

/// What the backward pass needs of some rows.
#[derive(Debug)]
struct Portion {
    rows: Range<usize>,
    inputs: Vec<f32>,
    blocks: Vec<BlockTrace>,
    last: Vec<f32>,
    normed: NormOutput,
}

/// A forward pass, with all that the backward pass needs.
#[derive(Debug)]
pub(super) struct HostPass<'a> {
    trunk: &'a TrunkWeights,
    layout: Layout,
    /// Masks of the dropout, by place: `[rows × tokens × d_model]` each; none where nothing is dropped.
    masks: Vec<Vec<f32>>,
    groups: Vec<Vec<Portion>>,
    /// `[rows, tokens, d_table]`
    hidden: Vec<f32>,
}

impl<'a> HostPass<'a> {
    /// Goes forward through rows of embedded tokens.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`; `masks`: as [`TrunkWeights::places_of_dropout`] says, or none
    pub(super) fn forward(
        trunk: &'a TrunkWeights,
        inputs: &[f32],
        layout: &Layout,
        masks: Vec<Vec<f32>>,
        stop: &Stop,
    ) -> Result<Self> {
        let mut pass = Self { trunk, layout: layout.clone(), masks, groups: Vec::new(), hidden: Vec::new() };
        let width = layout.tokens * trunk.d_table();
        let portion = |rows: Range<usize>| {
            stop.check()?;
            Ok(pass.portion(inputs[rows.start * width..rows.end * width].to_vec(), rows))
        };
        let results: Vec<Vec<(Vec<f32>, Portion)>> = groups(layout)
            .into_par_iter()
            .map(|rows| rows.into_iter().map(portion).collect())
            .collect::<Result<_>>()?;
        // In the order of rows, whichever thread was first.
        for group in results {
            let (hidden, portions): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            hidden.into_iter().for_each(|part| pass.hidden.extend(part));
            pass.groups.push(portions);
        }
        Ok(pass)
    }

    fn portion(&self, inputs: Vec<f32>, rows: Range<usize>) -> (Vec<f32>, Portion) {
        let trunk = self.trunk;
        let visibility = Visibility::of(&self.layout, rows.clone());
        let rotary = RotaryTable::new(trunk, visibility.positions);
        let mut x = match &trunk.project_in {
            Some(project) => project.apply(&inputs),
            None => inputs.clone(),
        };
        for (x, row) in x.chunks_exact_mut(trunk.d_model).zip(visibility.positions) {
            if let Some(vector) = trunk.position(*row) {
                add(x, vector);
            }
        }
        self.drop_out(0, &rows, &mut x);
        let mut blocks = Vec::with_capacity(trunk.blocks.len());
        for (index, block) in trunk.blocks.iter().enumerate() {
            let (y, trace) = self.block(block, index, x, visibility, rotary.as_ref(), &rows);
            blocks.push(trace);
            x = y;
        }
        let normed = trunk.norm.apply(&x);
        let hidden = match &trunk.project_out {
            Some(project) => project.apply(&normed.out),
            None => normed.out.clone(),
        };
        (hidden, Portion { rows, inputs, blocks, last: x, normed })
    }

    fn block(
        &self,
        block: &Block,
        index: usize,
        x: Vec<f32>,
        visibility: Visibility<'_>,
        rotary: Option<&RotaryTable>,
        rows: &Range<usize>,
    ) -> (Vec<f32>, BlockTrace) {
        let attention_normed = block.attention_norm.apply(&x);
        let mut qkv = block.query_key_value.apply(&attention_normed.out);
        if let Some(rotary) = rotary {
            rotary.apply(&mut qkv, Direction::Forward);
        }
        let (mixed, weights) = self.trunk.attend(&qkv, visibility);
        let mut between = block.attention_out.apply(&mixed);
        self.drop_out(2 * index + 1, rows, &mut between);
        add(&mut between, &x);
        let feed_forward_normed = block.feed_forward_norm.apply(&between);
        let (mut y, feed_forward) = block.feed_forward(&feed_forward_normed.out, self.trunk.activation);
        self.drop_out(2 * index + 2, rows, &mut y);
        add(&mut y, &between);
        (y, BlockTrace { x, attention_normed, qkv, weights, mixed, between, feed_forward_normed, feed_forward })
    }

    /// Applies the mask of a place, which is also the derivative.
    fn drop_out(&self, place: usize, rows: &Range<usize>, x: &mut [f32]) {
        let Some(mask) = self.masks.get(place) else { return };
        let width = self.layout.tokens * self.trunk.d_model;
        x.iter_mut().zip(&mask[rows.start * width..rows.end * width]).for_each(|(x, m)| *x *= m);
    }

    fn portion_backward(&self, portion: Portion, d_hidden: &[f32], gradient: &mut TrunkWeights) -> Vec<f32> {
        let trunk = self.trunk;
        let Portion { rows, inputs, mut blocks, last, normed } = portion;
        let positions = Visibility::of(&self.layout, rows.clone()).positions;
        // Made again and not kept: it is small beside the products that follow, and every portion would keep one.
        let rotary = RotaryTable::new(trunk, positions);
        let projected = match (&trunk.project_out, &mut gradient.project_out) {
            (Some(project), Some(gradient)) => Some(project.backward(&normed.out, d_hidden, gradient)),
            _ => None,
        };
        let mut d_x = vec![0.0; last.len()];
        trunk.norm.backward(&last, &normed, projected.as_deref().unwrap_or(d_hidden), &mut gradient.norm, &mut d_x);
        for (index, block) in trunk.blocks.iter().enumerate().rev() {
            // A trace is freed with its block, so that memory falls from here on.
            if let Some(trace) = blocks.pop() {
                let of_block = &mut gradient.blocks[index];
                self.block_backward(block, index, &trace, rotary.as_ref(), &rows, &mut d_x, of_block);
            }
        }
        self.drop_out(0, &rows, &mut d_x);
        for (d_x, &position) in d_x.chunks_exact(trunk.d_model).zip(positions) {
            if let Some(vector) = gradient.position_mut(position) {
                add(vector, d_x);
            }
        }
        match (&trunk.project_in, &mut gradient.project_in) {
            (Some(project), Some(gradient)) => project.backward(&inputs, &d_x, gradient),
            _ => d_x,
        }
    }

    /// `d_x` is the gradient of what came out of the block, and then that of what went in.
    #[expect(clippy::too_many_arguments, reason = "a block, its trace, its gradients and where they are")]
    fn block_backward(
        &self,
        block: &Block,
        index: usize,
        trace: &BlockTrace,
        rotary: Option<&RotaryTable>,
        rows: &Range<usize>,
        d_x: &mut [f32],
        gradient: &mut Block,
    ) {
        // What goes round a layer has the derivative of what comes out, so `d_x` is kept and the layer's own is added.
        let mut d_y = d_x.to_vec();
        self.drop_out(2 * index + 2, rows, &mut d_y);
        let normed = &trace.feed_forward_normed;
        let d_normed = block.feed_forward_backward(&normed.out, &trace.feed_forward, &d_y, gradient);
        block.feed_forward_norm.backward(&trace.between, normed, &d_normed, &mut gradient.feed_forward_norm, d_x);

        let mut d_out = d_x.to_vec();
        self.drop_out(2 * index + 1, rows, &mut d_out);
        let d_mixed = block.attention_out.backward(&trace.mixed, &d_out, &mut gradient.attention_out);
        let mut d_qkv = self.trunk.attend_backward(&trace.qkv, &trace.weights, &d_mixed, self.layout.tokens);
        if let Some(rotary) = rotary {
            rotary.apply(&mut d_qkv, Direction::Back);
        }
        let normed = &trace.attention_normed;
        let d_normed = block.query_key_value.backward(&normed.out, &d_qkv, &mut gradient.query_key_value);
        block.attention_norm.backward(&trace.x, normed, &d_normed, &mut gradient.attention_norm, d_x);
    }
}

impl Pass for HostPass<'_> {
    fn hidden(&self) -> &[f32] {
        &self.hidden
    }

    fn into_hidden(self: Box<Self>) -> Vec<f32> {
        self.hidden
    }

    fn backward(mut self: Box<Self>, d_hidden: Vec<f32>, stop: &Stop) -> Result<(TrunkGradients, Vec<f32>)> {
        let width = self.layout.tokens * self.trunk.d_table();
        let groups = std::mem::take(&mut self.groups);
        let group = |portions: Vec<Portion>| {
            let mut gradient = self.trunk.zeros();
            let mut d_inputs = Vec::new();
            // One after the other: a sum in another order would have other last bits.
            for portion in portions {
                stop.check()?;
                let rows = portion.rows.clone();
                let d_hidden = &d_hidden[rows.start * width..rows.end * width];
                d_inputs.extend(self.portion_backward(portion, d_hidden, &mut gradient));
            }
            Ok((gradient, d_inputs))
        };
        let results: Vec<(TrunkWeights, Vec<f32>)> = groups.into_par_iter().map(group).collect::<Result<_>>()?;
        let (gradients, d_inputs): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let gradients = TrunkWeights::sum(gradients).map(TrunkGradients::from).unwrap_or_default();
        Ok((gradients, d_inputs.concat()))
    }
}

impl TrunkWeights {
    /// Where dropout applies: after the embedding, and twice in each block.
    pub(super) fn places_of_dropout(&self) -> usize {
        2 * self.blocks.len() + 1
    }

    /// The vector of a position, where positions have vectors. Padding may stand past the last; nobody sees it.
    pub(super) fn position(&self, position: u32) -> Option<&[f32]> {
        let range = self.place_of(position)?;
        Some(&self.positions.as_ref()?.values[range])
    }

    fn position_mut(&mut self, position: u32) -> Option<&mut [f32]> {
        let range = self.place_of(position)?;
        Some(&mut self.positions.as_mut()?.values[range])
    }

    fn place_of(&self, position: u32) -> Option<Range<usize>> {
        let last = self.positions.as_ref()?.shape[0].checked_sub(1)?;
        let start = (position as usize).min(last) * self.d_model;
        Some(start..start + self.d_model)
    }
}

/// The rows of each portion of each group.
fn groups(layout: &Layout) -> Vec<Vec<Range<usize>>> {
    let rows = (PORTION / layout.tokens.max(1)).max(1);
    let portions: Vec<Range<usize>> =
        (0..layout.rows).step_by(rows).map(|start| start..(start + rows).min(layout.rows)).collect();
    portions.chunks(portions.len().div_ceil(GROUPS).max(1)).map(<[Range<usize>]>::to_vec).collect()
}
