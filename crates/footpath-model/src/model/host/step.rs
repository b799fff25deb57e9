//! One more token for each row.
//!
//! Keys and values of a token are written once and stay where they are: a row knows the rows that it came from, so that beams which share a
//! prefix share its keys and values, and choosing beams copies nothing.

use super::attention::{Turns, softmax};
use super::weights::{Host, Layer};
use crate::kernels::{add, add_scaled, dots, vectorised};
use rayon::prelude::*;

/// Rows that a thread takes through all layers at once: a multiple of what the matrix product takes at a time, and no more than the caches hold.
const PORTION: usize = 120;

/// Keys and values of the tokens so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    /// Of each token, for each layer: `[rows of that token, 2 · d_model]`.
    tokens: Vec<Vec<Vec<f32>>>,
    /// Of each row, the rows it came from, one for each token: `[rows, tokens]`.
    lineages: Vec<u32>,
}

impl Cache {
    /// Number of tokens held.
    pub(crate) fn num_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// The lineages of the rows that continue `parents`, or each row itself.
    fn follow(&mut self, rows: usize, parents: Option<&[u32]>) {
        let (tokens, old) = (self.tokens.len(), std::mem::take(&mut self.lineages));
        if tokens == 0 {
            return;
        }
        let each: Vec<u32>;
        let parents = match parents {
            Some(parents) => parents,
            None => {
                each = (0u32..).take(rows).collect();
                &each
            }
        };
        self.lineages = Vec::with_capacity(rows * tokens);
        for &parent in parents {
            self.lineages.extend_from_slice(&old[parent as usize * (tokens - 1)..][..tokens - 1]);
            self.lineages.push(parent);
        }
    }
}

impl Host {
    /// As [`Trunk::step`](super::super::Trunk::step); `parents` says which row of the cache each row continues, or that each continues itself.
    /// Of the rows that `unread` tells, nothing but keys and values is computed; what comes back of them is 0. Without rows, all are read.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_table]`; the same comes back
    pub(crate) fn step(&self, inputs: &[f32], parents: Option<&[u32]>, unread: &[bool], cache: &mut Cache) -> Vec<f32> {
        let (width, kept, tokens) = (self.d_table(), 2 * self.d_model, cache.tokens.len());
        let rows = inputs.len() / width;
        cache.follow(rows, parents);
        let mut new: Vec<Vec<f32>> = self.layers.iter().map(|_| vec![0.0; rows * kept]).collect();
        let mut hidden = vec![0.0; inputs.len()];
        let mut work: Vec<Work<'_>> = inputs
            .chunks(PORTION * width)
            .zip(hidden.chunks_mut(PORTION * width))
            .enumerate()
            .map(|(index, (inputs, hidden))| {
                let lineages = cache.lineages.get(index * PORTION * tokens..).unwrap_or_default();
                let unread = unread.get(index * PORTION..).unwrap_or_default();
                Work { inputs, hidden, lineages, unread, new: Vec::new() }
            })
            .collect();
        for layer in &mut new {
            work.iter_mut().zip(layer.chunks_mut(PORTION * kept)).for_each(|(work, part)| work.new.push(part));
        }
        work.into_par_iter().for_each(|work| self.portion(work, &cache.tokens));
        cache.tokens.push(new);
        hidden
    }

    fn portion(&self, work: Work<'_>, tokens: &[Vec<Vec<f32>>]) {
        let Work { inputs, hidden, lineages, unread, new } = work;
        let position = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let mut x = match &self.project_in {
            Some(project) => project.apply(inputs),
            None => inputs.to_vec(),
        };
        if let Some(place) = self.position(position) {
            x.chunks_exact_mut(self.d_model).for_each(|x| add(x, &self.positions[place.clone()]));
        }
        let turns = Turns::new(self, &vec![position; x.len() / self.d_model]);
        let read: Vec<usize> =
            (0..x.len() / self.d_model).filter(|&row| unread.get(row).is_none_or(|unread| !unread)).collect();
        for (index, (layer, new)) in self.layers.iter().zip(new).enumerate() {
            let of_layer: Vec<&[f32]> = tokens.iter().map(|layers| layers[index].as_slice()).collect();
            let qkv = self.keys_and_values(layer, &x, new, turns.as_ref());
            // From here on no row needs another, and after the last layer nobody asks what became of a row that is not read.
            if index + 1 == self.layers.len() && read.len() * self.d_model < x.len() {
                x = rows_of(&x, self.d_model, &read);
                let (qkv, lineages) = (rows_of(&qkv, 3 * self.d_model, &read), rows_of(lineages, tokens.len(), &read));
                self.mix(layer, &mut x, &qkv, &of_layer, &lineages);
            } else {
                self.mix(layer, &mut x, &qkv, &of_layer, lineages);
            }
        }
        let out = self.norm.apply(&x).out;
        let out = match &self.project_out {
            Some(project) => project.apply(&out),
            None => out,
        };
        let width = self.d_table();
        for (out, &row) in out.chunks_exact(width).zip(&read) {
            hidden[row * width..][..width].copy_from_slice(out);
        }
    }

    /// Queries, keys and values of the rows; the latter two go into `new` as well.
    fn keys_and_values(&self, layer: &Layer, x: &[f32], new: &mut [f32], turns: Option<&Turns>) -> Vec<f32> {
        let d = self.d_model;
        let mut qkv = layer.query_key_value.apply(&layer.attention_norm.apply(x).out);
        if let Some(turns) = turns {
            turns.apply(&mut qkv, 1.0);
        }
        for (new, qkv) in new.chunks_exact_mut(2 * d).zip(qkv.chunks_exact(3 * d)) {
            new.copy_from_slice(&qkv[d..]);
        }
        qkv
    }

    /// The rest of a layer: what the rows see of the tokens before them, and the feed-forward layer.
    fn mix(&self, layer: &Layer, x: &mut [f32], qkv: &[f32], tokens: &[&[f32]], lineages: &[u32]) {
        let d = self.d_model;
        let mut mixed = vec![0.0; x.len()];
        let mut scores = vec![0.0; tokens.len() + 1];
        let mut past: Vec<&[f32]> = Vec::with_capacity(scores.len());
        for (row, (mixed, qkv)) in mixed.chunks_exact_mut(d).zip(qkv.chunks_exact(3 * d)).enumerate() {
            let lineage = &lineages[row * tokens.len()..][..tokens.len()];
            past.clear();
            past.extend(tokens.iter().zip(lineage).map(|(token, &row)| &token[row as usize * 2 * d..][..2 * d]));
            past.push(&qkv[d..]);
            vectorised(
                #[inline(always)]
                || self.attend_to(&qkv[..d], &past, &mut scores, mixed),
            );
        }
        layer.attention_out.add_to(&mixed, x);
        layer.add_feed_forward(&layer.feed_forward_norm.apply(x).out, self.activation, x);
    }

    /// The mean of the values of `past` by how the query meets their keys, into `mixed`.
    #[inline(always)]
    fn attend_to(&self, query: &[f32], past: &[&[f32]], scores: &mut [f32], mixed: &mut [f32]) {
        let (d, d_head, scale) = (self.d_model, self.d_head(), self.attention_scale());
        for (head, (query, mixed)) in query.chunks_exact(d_head).zip(mixed.chunks_exact_mut(d_head)).enumerate() {
            dots(query, past.iter().map(|token| &token[head * d_head..][..d_head]), scores);
            scores.iter_mut().for_each(|score| *score *= scale);
            softmax(scores);
            for (&score, token) in scores.iter().zip(past) {
                add_scaled(mixed, score, &token[d + head * d_head..][..d_head]);
            }
        }
    }
}

/// Some rows of a step.
struct Work<'a> {
    inputs: &'a [f32],
    hidden: &'a mut [f32],
    /// From the first of these rows on.
    lineages: &'a [u32],
    /// Of each row, or fewer, whether it is not read.
    unread: &'a [bool],
    /// Keys and values of this token, for each layer.
    new: Vec<&'a mut [f32]>,
}

/// Some rows of many.
fn rows_of<T: Copy>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter().flat_map(|row| &all[row * width..][..width]).copied().collect()
}
