//! One more token for each row.
//!
//! Keys and values of a token are written once and stay where they are: a row knows the rows that it came from, so that
//! beams which share a prefix share its keys and values, and choosing beams copies nothing.

use super::super::Stepper;
use super::attention::{Direction, RotaryTable, softmax};
use crate::kernels::{add, add_scaled, dots, vectorised};
use crate::model::weights::{Block, TrunkWeights};
use footpath_core::{Result, Stop};
use rayon::prelude::*;

/// Rows that a thread takes through all blocks at once: a multiple of what the matrix product takes at a time, and no
/// more than the caches hold.
const PORTION: usize = 120;

/// Keys and values of the tokens so far.
#[derive(Debug, Default)]
struct Cache {
    /// Of each token, for each block: `[rows of that token, 2 · d_model]`.
    tokens: Vec<Vec<Vec<f32>>>,
    /// Of each row, the rows it came from, one for each token: `[rows, tokens]`.
    lineages: Vec<u32>,
}

impl Cache {
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

/// Sequences that grow token by token.
#[derive(Debug)]
pub(super) struct HostStepper<'a> {
    trunk: &'a TrunkWeights,
    cache: Cache,
}

impl<'a> HostStepper<'a> {
    pub(super) fn new(trunk: &'a TrunkWeights) -> Self {
        Self { trunk, cache: Cache::default() }
    }
}

impl Stepper for HostStepper<'_> {
    fn num_tokens(&self) -> usize {
        self.cache.tokens.len()
    }

    fn step(&mut self, inputs: Vec<f32>, parents: Option<&[u32]>, unread: &[bool], stop: &Stop) -> Result<Vec<f32>> {
        let Self { trunk, cache } = self;
        let (width, kept, tokens) = (trunk.d_table(), 2 * trunk.d_model, cache.tokens.len());
        let rows = inputs.len() / width;
        cache.follow(rows, parents);
        let mut new: Vec<Vec<f32>> = trunk.blocks.iter().map(|_| vec![0.0; rows * kept]).collect();
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
        for of_block in &mut new {
            work.iter_mut().zip(of_block.chunks_mut(PORTION * kept)).for_each(|(work, part)| work.new.push(part));
        }
        work.into_par_iter().try_for_each(|work| {
            stop.check()?;
            trunk.portion(work, &cache.tokens);
            Ok::<(), footpath_core::Error>(())
        })?;
        cache.tokens.push(new);
        Ok(hidden)
    }
}

impl TrunkWeights {
    fn portion(&self, work: Work<'_>, tokens: &[Vec<Vec<f32>>]) {
        let Work { inputs, hidden, lineages, unread, new } = work;
        let position = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let mut x = match &self.project_in {
            Some(project) => project.apply(inputs),
            None => inputs.to_vec(),
        };
        if let Some(vector) = self.position(position) {
            x.chunks_exact_mut(self.d_model).for_each(|x| add(x, vector));
        }
        let rotary = RotaryTable::new(self, &vec![position; x.len() / self.d_model]);
        let read: Vec<usize> =
            (0..x.len() / self.d_model).filter(|&row| unread.get(row).is_none_or(|unread| !unread)).collect();
        for (index, (block, new)) in self.blocks.iter().zip(new).enumerate() {
            let of_block: Vec<&[f32]> = tokens.iter().map(|blocks| blocks[index].as_slice()).collect();
            let qkv = self.keys_and_values(block, &x, new, rotary.as_ref());
            // From here on no row needs another, and after the last block nobody asks what became of a row that is not
            // read.
            if index + 1 == self.blocks.len() && read.len() * self.d_model < x.len() {
                x = rows_of(&x, self.d_model, &read);
                let (qkv, lineages) = (rows_of(&qkv, 3 * self.d_model, &read), rows_of(lineages, tokens.len(), &read));
                self.mix(block, &mut x, &qkv, &of_block, &lineages);
            } else {
                self.mix(block, &mut x, &qkv, &of_block, lineages);
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
    fn keys_and_values(&self, block: &Block, x: &[f32], new: &mut [f32], rotary: Option<&RotaryTable>) -> Vec<f32> {
        let d = self.d_model;
        let mut qkv = block.query_key_value.apply(&block.attention_norm.apply(x).out);
        if let Some(rotary) = rotary {
            rotary.apply(&mut qkv, Direction::Forward);
        }
        for (new, qkv) in new.chunks_exact_mut(2 * d).zip(qkv.chunks_exact(3 * d)) {
            new.copy_from_slice(&qkv[d..]);
        }
        qkv
    }

    /// The rest of a block: what the rows see of the tokens before them, and the feed-forward block.
    fn mix(&self, block: &Block, x: &mut [f32], qkv: &[f32], tokens: &[&[f32]], lineages: &[u32]) {
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
        block.attention_out.add_to(&mixed, x);
        block.add_feed_forward(&block.feed_forward_norm.apply(x).out, self.activation, x);
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
    /// Keys and values of this token, for each block.
    new: Vec<&'a mut [f32]>,
}

/// Some rows of many.
fn rows_of<T: Copy>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter().flat_map(|row| &all[row * width..][..width]).copied().collect()
}
