//! Whole batches.
//!
//! Rows go through in portions that stay in a core's cache. The portions of a group are summed into one set of gradients, in their order, and so
//! are then the groups; both depend on the sizes alone, so that the result is the same for any number of threads.

use super::attention::{Sight, Turns};
use super::feed_forward::Inner;
use super::norm::Normed;
use super::weights::{Host, Layer};
use crate::kernels::add;
use crate::layout::Layout;
use rayon::prelude::*;
use std::ops::Range;

/// Tokens of a portion, about.
const PORTION: usize = 256;
/// Most groups: each has gradients of its own. Also the number of threads that can work on a batch.
const GROUPS: usize = 16;

/// What the backward pass needs of a block.
#[derive(Debug)]
struct Trace {
    x: Vec<f32>,
    attention_normed: Normed,
    /// After the turns.
    qkv: Vec<f32>,
    weights: Vec<f32>,
    mixed: Vec<f32>,
    between: Vec<f32>,
    feed_forward_normed: Normed,
    inner: Inner,
}

/// What the backward pass needs of some rows.
#[derive(Debug)]
struct Portion {
    rows: Range<usize>,
    inputs: Vec<f32>,
    layers: Vec<Trace>,
    last: Vec<f32>,
    normed: Normed,
}

/// A forward pass, with all that the backward pass needs.
#[derive(Debug)]
pub(crate) struct Pass {
    host: Host,
    layout: Layout,
    /// Masks of the dropout, by place: `[rows × tokens × d_model]` each; none where nothing is dropped.
    masks: Vec<Vec<f32>>,
    groups: Vec<Vec<Portion>>,
    /// `[rows, tokens, d_table]`
    pub(crate) hidden: Vec<f32>,
}

impl Pass {
    /// Goes forward through rows of embedded tokens.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`; `masks`: as [`Host::places_of_dropout`] says, or none
    pub(crate) fn forward(host: Host, inputs: &[f32], layout: &Layout, masks: Vec<Vec<f32>>) -> Self {
        let mut pass = Self { host, layout: layout.clone(), masks, groups: Vec::new(), hidden: Vec::new() };
        let width = layout.tokens * pass.host.d_table();
        let results: Vec<Vec<(Vec<f32>, Portion)>> = groups(layout)
            .into_par_iter()
            .map(|rows| {
                let of_rows = |rows: &Range<usize>| &inputs[rows.start * width..rows.end * width];
                rows.into_iter().map(|rows| pass.portion(of_rows(&rows).to_vec(), rows)).collect()
            })
            .collect();
        for group in results {
            let (hidden, portions): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            hidden.into_iter().for_each(|part| pass.hidden.extend(part));
            pass.groups.push(portions);
        }
        pass
    }

    fn portion(&self, inputs: Vec<f32>, rows: Range<usize>) -> (Vec<f32>, Portion) {
        let host = &self.host;
        let sight = Sight::of(&self.layout, rows.clone());
        let turns = Turns::new(host, sight.positions);
        let mut x = match &host.project_in {
            Some(project) => project.apply(&inputs),
            None => inputs.clone(),
        };
        for (x, row) in x.chunks_exact_mut(host.d_model).zip(sight.positions) {
            if let Some(place) = host.position(*row) {
                add(x, &host.positions[place]);
            }
        }
        self.drop_out(0, &rows, &mut x);
        let mut layers = Vec::with_capacity(host.layers.len());
        for (index, layer) in host.layers.iter().enumerate() {
            let (y, trace) = self.block(layer, index, x, sight, turns.as_ref(), &rows);
            layers.push(trace);
            x = y;
        }
        let normed = host.norm.apply(&x);
        let hidden = match &host.project_out {
            Some(project) => project.apply(&normed.out),
            None => normed.out.clone(),
        };
        (hidden, Portion { rows, inputs, layers, last: x, normed })
    }

    fn block(
        &self,
        layer: &Layer,
        index: usize,
        x: Vec<f32>,
        sight: Sight<'_>,
        turns: Option<&Turns>,
        rows: &Range<usize>,
    ) -> (Vec<f32>, Trace) {
        let attention_normed = layer.attention_norm.apply(&x);
        let mut qkv = layer.query_key_value.apply(&attention_normed.out);
        if let Some(turns) = turns {
            turns.apply(&mut qkv, 1.0);
        }
        let (mixed, weights) = self.host.attend(&qkv, sight);
        let mut between = layer.attention_out.apply(&mixed);
        self.drop_out(2 * index + 1, rows, &mut between);
        add(&mut between, &x);
        let feed_forward_normed = layer.feed_forward_norm.apply(&between);
        let (mut y, inner) = layer.feed_forward(&feed_forward_normed.out, self.host.activation);
        self.drop_out(2 * index + 2, rows, &mut y);
        add(&mut y, &between);
        (y, Trace { x, attention_normed, qkv, weights, mixed, between, feed_forward_normed, inner })
    }

    /// Applies the mask of a place, which is also the derivative.
    fn drop_out(&self, place: usize, rows: &Range<usize>, x: &mut [f32]) {
        let Some(mask) = self.masks.get(place) else { return };
        let width = self.layout.tokens * self.host.d_model;
        x.iter_mut().zip(&mask[rows.start * width..rows.end * width]).for_each(|(x, m)| *x *= m);
    }

    /// The gradients of all weights, by name, and of the inputs, from those of the hidden vectors.
    ///
    /// # Shapes
    /// - `d_hidden`, and the second that comes back: `[rows, tokens, d_table]`
    pub(crate) fn backward(mut self, d_hidden: &[f32]) -> (Vec<(String, Vec<f32>)>, Vec<f32>) {
        let width = self.layout.tokens * self.host.d_table();
        let groups = std::mem::take(&mut self.groups);
        let results: Vec<(Host, Vec<f32>)> = groups
            .into_par_iter()
            .map(|portions| {
                let mut gradient = self.host.zeros();
                let mut d_inputs = Vec::new();
                for portion in portions {
                    let rows = portion.rows.clone();
                    let d_hidden = &d_hidden[rows.start * width..rows.end * width];
                    d_inputs.extend(self.portion_backward(portion, d_hidden, &mut gradient));
                }
                (gradient, d_inputs)
            })
            .collect();
        let (gradients, d_inputs): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let gradients = Host::sum(gradients).map(Host::into_arrays).unwrap_or_default();
        (gradients, d_inputs.concat())
    }

    fn portion_backward(&self, portion: Portion, d_hidden: &[f32], gradient: &mut Host) -> Vec<f32> {
        let host = &self.host;
        let Portion { rows, inputs, mut layers, last, normed } = portion;
        let positions = Sight::of(&self.layout, rows.clone()).positions;
        let turns = Turns::new(host, positions);
        let projected = match (&host.project_out, &mut gradient.project_out) {
            (Some(project), Some(gradient)) => Some(project.backward(&normed.out, d_hidden, gradient)),
            _ => None,
        };
        let mut d_x = vec![0.0; last.len()];
        host.norm.backward(&last, &normed, projected.as_deref().unwrap_or(d_hidden), &mut gradient.norm, &mut d_x);
        for (index, layer) in host.layers.iter().enumerate().rev() {
            if let Some(trace) = layers.pop() {
                let of_layer = &mut gradient.layers[index];
                self.block_backward(layer, index, &trace, turns.as_ref(), &rows, &mut d_x, of_layer);
            }
        }
        self.drop_out(0, &rows, &mut d_x);
        for (d_x, &position) in d_x.chunks_exact(host.d_model).zip(positions) {
            if let Some(place) = host.position(position) {
                add(&mut gradient.positions[place], d_x);
            }
        }
        match (&host.project_in, &mut gradient.project_in) {
            (Some(project), Some(gradient)) => project.backward(&inputs, &d_x, gradient),
            _ => d_x,
        }
    }

    /// `d_x` is the gradient of what came out of the block, and then that of what went in.
    #[expect(clippy::too_many_arguments, reason = "a block, its trace, its gradients and where they are")]
    fn block_backward(
        &self,
        layer: &Layer,
        index: usize,
        trace: &Trace,
        turns: Option<&Turns>,
        rows: &Range<usize>,
        d_x: &mut [f32],
        gradient: &mut Layer,
    ) {
        let mut d_y = d_x.to_vec();
        self.drop_out(2 * index + 2, rows, &mut d_y);
        let normed = &trace.feed_forward_normed;
        let d_normed = layer.feed_forward_backward(&normed.out, &trace.inner, &d_y, gradient);
        layer.feed_forward_norm.backward(&trace.between, normed, &d_normed, &mut gradient.feed_forward_norm, d_x);

        let mut d_out = d_x.to_vec();
        self.drop_out(2 * index + 1, rows, &mut d_out);
        let d_mixed = layer.attention_out.backward(&trace.mixed, &d_out, &mut gradient.attention_out);
        let mut d_qkv = self.host.attend_backward(&trace.qkv, &trace.weights, &d_mixed, self.layout.tokens);
        if let Some(turns) = turns {
            turns.apply(&mut d_qkv, -1.0);
        }
        let normed = &trace.attention_normed;
        let d_normed = layer.query_key_value.backward(&normed.out, &d_qkv, &mut gradient.query_key_value);
        layer.attention_norm.backward(&trace.x, normed, &d_normed, &mut gradient.attention_norm, d_x);
    }
}

impl Host {
    /// Where dropout applies: after the embedding, and twice in each block.
    pub(crate) fn places_of_dropout(&self) -> usize {
        2 * self.layers.len() + 1
    }

    /// Where the vector of a position lies, where positions have vectors. Padding may stand past the last; nobody sees it.
    pub(super) fn position(&self, position: u32) -> Option<Range<usize>> {
        let last = (self.positions.len() / self.d_model).checked_sub(1)?;
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
