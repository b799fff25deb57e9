//! The feed-forward layer.

use crate::kernels::{Output, exp, vectorised};
use crate::model::Activation;
use crate::model::weights::Block;

/// What the derivative of a feed-forward layer needs.
#[derive(Debug)]
pub(super) struct FeedForwardTrace {
    /// After the nonlinearity: `[rows, d_feed_forward]`.
    out: Vec<f32>,
    /// Derivative of `out` by what `expand` gave.
    by_expanded: Vec<f32>,
    /// Derivative of `out` by what `gate` gave; empty without a gate.
    by_gate: Vec<f32>,
}

impl Block {
    /// Adds what [`Block::feed_forward`] gives of `x` to `out`, without what a derivative needs.
    pub(super) fn add_feed_forward(&self, x: &[f32], activation: Activation, out: &mut [f32]) {
        let inner = if let Some(gate) = &self.gate {
            let mut inner = self.expand.apply(x);
            gated(&mut inner, &mut gate.apply(x));
            inner
        } else {
            // The bias is added on the way.
            let (mut inner, bias) = self.expand.apply_without_bias(x);
            vectorised(
                #[inline(always)]
                || match activation {
                    Activation::Gelu => {
                        for row in inner.chunks_exact_mut(bias.len()) {
                            for (x, bias) in row.iter_mut().zip(&*bias) {
                                *x = gelu_exact(*x + bias).0;
                            }
                        }
                    }
                    Activation::GeluTanh => {
                        for row in inner.chunks_exact_mut(bias.len()) {
                            for (x, bias) in row.iter_mut().zip(&*bias) {
                                *x = gelu_tanh(*x + bias).0;
                            }
                        }
                    }
                },
            );
            inner
        };
        self.contract.add_to(&inner, out);
    }

    /// # Shapes
    /// `[rows, d_model]`; the same comes back.
    pub(super) fn feed_forward(&self, x: &[f32], activation: Activation) -> (Vec<f32>, FeedForwardTrace) {
        let mut out = self.expand.apply(x);
        let inner = match &self.gate {
            Some(gate) => {
                let mut by_gate = gate.apply(x);
                let by_expanded = gated(&mut out, &mut by_gate);
                FeedForwardTrace { out, by_expanded, by_gate }
            }
            None => {
                let by_expanded = gelu(&mut out, activation);
                FeedForwardTrace { out, by_expanded, by_gate: Vec::new() }
            }
        };
        let y = self.contract.apply(&inner.out);
        (y, inner)
    }

    /// Adds the gradients of the weights to `gradient`; gives that of `x`.
    pub(super) fn feed_forward_backward(
        &self,
        x: &[f32],
        inner: &FeedForwardTrace,
        d_y: &[f32],
        gradient: &mut Self,
    ) -> Vec<f32> {
        let mut d_inner = self.contract.backward(&inner.out, d_y, &mut gradient.contract);
        let mut d_x = vec![0.0; x.len()];
        if let (Some(gate), Some(of_gate)) = (&self.gate, &mut gradient.gate) {
            let d_gate: Vec<f32> = d_inner.iter().zip(&inner.by_gate).map(|(d, slope)| d * slope).collect();
            gate.backward_into(x, &d_gate, of_gate, Output::Replace, &mut d_x);
        }
        d_inner.iter_mut().zip(&inner.by_expanded).for_each(|(d, slope)| *d *= slope);
        self.expand.backward_into(x, &d_inner, &mut gradient.expand, Output::Add, &mut d_x);
        d_x
    }
}

/// Applies the nonlinearity; gives its slopes.
fn gelu(x: &mut [f32], activation: Activation) -> Vec<f32> {
    let mut slopes = vec![0.0; x.len()];
    vectorised(
        #[inline(always)]
        || match activation {
            Activation::Gelu => {
                for (x, slope) in x.iter_mut().zip(&mut slopes) {
                    (*x, *slope) = gelu_exact(*x);
                }
            }
            Activation::GeluTanh => {
                for (x, slope) in x.iter_mut().zip(&mut slopes) {
                    (*x, *slope) = gelu_tanh(*x);
                }
            }
        },
    );
    slopes
}

/// `x · Φ(x)` and `Φ(x) + x · φ(x)`.
///
/// The error function is that of Abramowitz and Stegun, 7.1.26, to 1.5e-7: what single precision has. Its exponential
/// is that of φ.
#[inline(always)]
fn gelu_exact(x: f32) -> (f32, f32) {
    const T: f32 = 0.327_591_1;
    const A: [f32; 5] = [1.061_405_4, -1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / T.mul_add(z, 1.0);
    let mut polynomial = A[0];
    for a in &A[1..] {
        polynomial = polynomial.mul_add(t, *a);
    }
    let bell = exp(-z * z); // e^(−x²/2)
    let tail = 0.5 * polynomial * t * bell; // Φ(−|x|)
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    const DENSITY: f32 = 0.398_942_3; // 1 / √(2π)
    (x * phi, phi + x * DENSITY * bell)
}

/// As [`Activation::GeluTanh`] says, and its slope; `(1 + tanh u) / 2` is the logistic function of 2u.
#[inline(always)]
fn gelu_tanh(x: f32) -> (f32, f32) {
    const A: f32 = 2.0 * 0.797_884_6; // 2 √(2/π)
    const B: f32 = 0.044_715;
    let share = 1.0 / (1.0 + exp(-A * (x + B * x * x * x)));
    (x * share, share + x * share * (1.0 - share) * A * (1.0 + 3.0 * B * x * x))
}

/// `silu(gate) · expanded`, written over `expanded`; its slope by the gate is written over `gate`, and that by
/// `expanded` is returned.
fn gated(expanded: &mut [f32], gate: &mut [f32]) -> Vec<f32> {
    let mut slopes = vec![0.0; gate.len()];
    vectorised(
        #[inline(always)]
        || {
            for ((e, g), slope) in expanded.iter_mut().zip(gate.iter_mut()).zip(&mut slopes) {
                let sigmoid = 1.0 / (1.0 + exp(-*g));
                *slope = *g * sigmoid;
                *g = *e * sigmoid * (1.0 + *g * (1.0 - sigmoid));
                *e *= *slope;
            }
        },
    );
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonlinearities_and_slopes_are_those_of_the_definition() {
        // The error function by its series, in f64.
        let erf = |z: f64| {
            let (mut term, mut sum) = (z, z);
            for n in 1..200 {
                let n = f64::from(n);
                term *= -z * z / n;
                sum += term / (2.0 * n + 1.0);
            }
            sum * std::f64::consts::FRAC_2_SQRT_PI
        };
        let exact = |x: f64| x * 0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
        let tanh =
            |x: f64| x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh());
        let check = |name: &str, x: f64, found: (f32, f32), wanted: &dyn Fn(f64) -> f64| {
            let slope = (wanted(x + 1e-5) - wanted(x - 1e-5)) / 2e-5;
            let off = (f64::from(found.0) - wanted(x)).abs().max((f64::from(found.1) - slope).abs());
            assert!(off < 2e-6, "{name}({x}) is off by {off:e}");
        };
        for i in -500i16..=500 {
            let x = f64::from(i) / 100.0;
            #[expect(clippy::cast_possible_truncation, reason = "the argument")]
            let single = x as f32;
            check("gelu", x, gelu_exact(single), &exact);
            check("gelu-tanh", x, gelu_tanh(single), &tanh);
            let (mut out, mut by_gate) = ([1.5], [single]);
            let by_expanded = gated(&mut out, &mut by_gate);
            let silu = |x: f64| x / (1.0 + (-x).exp());
            check("silu", x, (out[0], by_gate[0]), &|x| 1.5 * silu(x));
            assert!((f64::from(by_expanded[0]) - silu(x)).abs() < 1e-6);
        }
    }
}
