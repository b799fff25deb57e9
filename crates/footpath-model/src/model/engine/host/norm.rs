//! Norms over the numbers of a token.

use crate::kernels::{dot, sum, vectorised};
use crate::model::weights::Norm;

/// What the derivative of a norm needs.
#[derive(Debug)]
pub(super) struct NormOutput {
    /// What came out: `[rows, d_model]`.
    pub(super) out: Vec<f32>,
    /// Mean (0 without a β) and `1 / √(variance + ε)` of each row.
    moments: Vec<[f32; 2]>,
}

impl Norm {
    /// # Shapes
    /// - `x`: `[rows, d_model]`
    pub(super) fn apply(&self, x: &[f32]) -> NormOutput {
        let width = self.gamma.values.len();
        let mut normed = NormOutput { out: vec![0.0; x.len()], moments: Vec::with_capacity(x.len() / width) };
        vectorised(
            #[inline(always)]
            || {
                for (x, out) in x.chunks_exact(width).zip(normed.out.chunks_exact_mut(width)) {
                    normed.moments.push(self.apply_to_row(x, out));
                }
            },
        );
        normed
    }

    #[inline(always)]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a width, far below 2^24; norms are computed in f32"
    )]
    fn apply_to_row(&self, x: &[f32], out: &mut [f32]) -> [f32; 2] {
        let share = 1.0 / x.len() as f32;
        let mean = if self.beta.is_none() { 0.0 } else { sum(x) * share };
        for (o, x) in out.iter_mut().zip(x) {
            *o = x - mean;
        }
        let inverse = 1.0 / (dot(out, out) * share + self.epsilon as f32).sqrt();
        for (o, gamma) in out.iter_mut().zip(&self.gamma.values) {
            *o *= inverse * gamma;
        }
        for (o, beta) in out.iter_mut().zip(self.betas()) {
            *o += beta;
        }
        [mean, inverse]
    }

    /// Adds the gradients of γ and β to `gradient`, and that of `x` to `d_x`.
    ///
    /// With x̂ the row after mean and variance, and g = γ · d_out: `d_x = (g − mean(g) − x̂ · mean(g · x̂)) / σ`, where
    /// an RMSNorm lacks `mean(g)`.
    pub(super) fn backward(&self, x: &[f32], normed: &NormOutput, d_out: &[f32], gradient: &mut Self, d_x: &mut [f32]) {
        let width = self.gamma.values.len();
        let (gamma, d_gamma) = (&self.gamma.values, &mut gradient.gamma.values);
        let d_beta = gradient.beta.as_mut().map_or(&mut [][..], |beta| &mut beta.values);
        let rows = x.chunks_exact(width).zip(&normed.moments).zip(d_out.chunks_exact(width));
        let mut centred = vec![0.0f32; width];
        let mut scaled = vec![0.0f32; width];
        vectorised(
            #[inline(always)]
            || {
                for (((x, &[mean, inverse]), d_out), d_x) in rows.zip(d_x.chunks_exact_mut(width)) {
                    for (c, x) in centred.iter_mut().zip(x) {
                        *c = (x - mean) * inverse;
                    }
                    for ((s, d), gamma) in scaled.iter_mut().zip(d_out).zip(gamma) {
                        *s = d * gamma;
                    }
                    for ((g, d), c) in d_gamma.iter_mut().zip(d_out).zip(&centred) {
                        *g += d * c;
                    }
                    for (g, d) in d_beta.iter_mut().zip(d_out) {
                        *g += d;
                    }
                    self.row_backward(&scaled, &centred, inverse, d_x);
                }
            },
        );
    }

    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "a width, far below 2^24")]
    fn row_backward(&self, scaled: &[f32], centred: &[f32], inverse: f32, d_x: &mut [f32]) {
        let share = 1.0 / scaled.len() as f32;
        let mean = if self.beta.is_none() { 0.0 } else { sum(scaled) * share };
        let along = dot(scaled, centred) * share;
        for ((d, s), c) in d_x.iter_mut().zip(scaled).zip(centred) {
            *d += (s - mean - c * along) * inverse;
        }
    }
}
