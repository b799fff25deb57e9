//! Tables as `transformers` has them: one row for each token, as wide as a hidden vector, and no output bias.
//!
//! # Output biases
//!
//! With x̂ what the last LayerNorm makes before its scale and shift, γ these, and o_c, b_c the output row and bias of
//! token c, the logit is
//!
//! ```text
//! z_c = Σᵢ o_cᵢ (γᵢ x̂ᵢ + βᵢ) + b_c
//! ```
//!
//! and Σᵢ x̂ᵢ = 0, for LayerNorm takes the mean out. So a number δ_c added to every number of a row changes nothing but
//! through the shift. Take 1 for all γ and all β; then rows
//!
//! ```text
//! o'_cᵢ = o_cᵢ γᵢ + δ_c,   δ_c = (b_c + Σⱼ o_cⱼ βⱼ) / d − (Σⱼ o_cⱼ γⱼ) / d
//! ```
//!
//! give Σᵢ o'_cᵢ (x̂ᵢ + 1) = Σᵢ o_cᵢ γᵢ x̂ᵢ + Σᵢ o_cᵢ γᵢ + d δ_c = z_c, exactly, whatever γ is; nothing is divided by
//! it.
//!
//! # Tokens that never come next
//!
//! By the same token a row of numbers c / d has the logit c, whatever x̂ is. RMSNorm, of llama, takes no mean out, so
//! there such a row is not to be had.

use crate::path_model::PathModel;
use std::collections::BTreeMap;

/// Shape and values of arrays, by name.
pub(super) type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Logit of a token that never comes next, where it can be given one: far below all others, and still a number in 16
/// bits.
pub(super) const NEVER: f32 = -1e4;

/// The input rows of all tokens, and after them those of `starts`.
///
/// # Shapes
/// - `starts`: `[starts × d_table]`
/// - returns: `[tokens + starts, d_model]`
pub(super) fn input_rows(model: &PathModel, trunk: &Arrays, starts: &[f32]) -> Vec<f32> {
    let tokens: Vec<u32> = (0u32..).take(model.config.num_tokens).collect();
    let width = model.config.d_table();
    let mut rows = model.embed(&tokens);
    rows.extend(starts);
    match trunk.get("trunk.project_in.weight") {
        // [d_table, d_model]
        Some((_, matrix)) => product(&rows, matrix, width, model.config.trunk.d_model),
        None => rows,
    }
}

/// The output rows of all tokens, without their biases.
///
/// # Shapes
/// - returns: `[tokens, d_model]`
pub(super) fn output_rows(model: &PathModel, trunk: &Arrays) -> Vec<f32> {
    let (width, d_model) = (model.config.d_table(), model.config.trunk.d_model);
    let rows = &model.output().values;
    match trunk.get("trunk.project_out.weight") {
        // h = y P, so h · o = y · (P o): [d_model, d_table], turned.
        Some((_, matrix)) => product(rows, &transposed(matrix, width), width, d_model),
        None => rows.to_vec(),
    }
}

/// Folds output biases into output rows, scale and shift of the last norm, as the page says.
///
/// # Shapes
/// - `rows`: `[tokens, d]`; `biases`: `[tokens]`; `gamma`, `beta`: `[d]`
#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
pub(super) fn biases(rows: &mut [f32], biases: &[f32], gamma: &mut [f32], beta: &mut [f32]) {
    let d = gamma.len().max(1);
    for (row, &bias) in rows.chunks_exact_mut(d).zip(biases) {
        let dot = |other: &[f32]| row.iter().zip(other).map(|(&o, &v)| f64::from(o) * f64::from(v)).sum::<f64>();
        let added = (f64::from(bias) + dot(beta) - dot(gamma)) / d as f64;
        for (o, &scale) in row.iter_mut().zip(gamma.iter()) {
            *o = (f64::from(*o) * f64::from(scale) + added) as f32;
        }
    }
    gamma.fill(1.0);
    beta.fill(1.0);
}

/// Output rows of tokens whose logit is always the same, beside rows that [`biases`] have been folded into: [`NEVER`],
/// or 0, which needs no biases.
///
/// # Shapes
/// - returns: `[rows, d]`
#[expect(clippy::cast_precision_loss, reason = "a width, far below 2^24")]
pub(super) fn start_rows(rows: usize, d: usize, logit: f32) -> Vec<f32> {
    vec![logit / d.max(1) as f32; rows * d]
}

/// The matrix with `columns` columns, turned.
pub(super) fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let columns = columns.max(1);
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied()).collect()
}

/// `[rows, inner] × [inner, outer]`, summed in double precision.
#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
fn product(rows: &[f32], matrix: &[f32], inner: usize, outer: usize) -> Vec<f32> {
    let of_row = |row: &[f32]| {
        let mut sums = vec![0.0f64; outer];
        for (&x, weights) in row.iter().zip(matrix.chunks_exact(outer)) {
            sums.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += f64::from(x) * f64::from(w));
        }
        sums.into_iter().map(|sum| sum as f32)
    };
    rows.chunks_exact(inner).flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};

    #[test]
    fn logits_with_folded_biases_are_those_with_biases() {
        const D: usize = 6;
        let mut stream = Stream::new(1, Purpose::Initialise, 0, 0);
        let mut numbers = |n: usize| (0..n).map(|_| stream.normal() as f32).collect::<Vec<f32>>();
        let (mut rows, bias, mut gamma, mut beta, hidden) =
            (numbers(4 * D), numbers(4), numbers(D), numbers(D), numbers(D));
        // A scale of 0 is as good as any.
        gamma[2] = 0.0;
        let mean = hidden.iter().sum::<f32>() / D as f32;
        let normed: Vec<f32> = hidden.iter().map(|x| x - mean).collect();
        let logits = |rows: &[f32], bias: &[f32], gamma: &[f32], beta: &[f32]| -> Vec<f32> {
            let y: Vec<f32> = (0..D).map(|i| gamma[i] * normed[i] + beta[i]).collect();
            let z = rows.chunks(D).zip(bias).map(|(row, b)| row.iter().zip(&y).map(|(o, y)| o * y).sum::<f32>() + b);
            z.collect()
        };
        let before = logits(&rows, &bias, &gamma, &beta);
        biases(&mut rows, &bias, &mut gamma, &mut beta);
        let after = logits(&rows, &[0.0; 4], &gamma, &beta);
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-5), "{before:?} {after:?}");
        let never = logits(&start_rows(3, D, NEVER), &[0.0; 3], &gamma, &beta);
        assert!(never.len() == 3 && never.iter().all(|z| (z / NEVER - 1.0).abs() < 1e-5), "{never:?}");
    }

    #[test]
    fn turning_a_matrix_swaps_rows_and_columns() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
