//! Rotary positions as tensors; see [`angles`].

use super::super::rotary::angles;
use burn::tensor::{Device, Tensor, TensorData};

/// The turns of some positions: cosines and sines, `[rows or 1, 1, tokens, d_head / 2]`.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// The turns of `rows × tokens` positions; one row serves any number.
    pub(super) fn new(
        positions: &[u32],
        [rows, tokens]: [usize; 2],
        d_head: usize,
        theta: f64,
        device: &Device,
    ) -> Self {
        let half = d_head / 2;
        let angles = angles(positions, d_head, theta);
        let tensor = |of: fn(f32) -> f32| {
            let values: Vec<f32> = angles.iter().copied().map(of).collect();
            Tensor::from_data(TensorData::new(values, [rows, 1, tokens, half]), device)
        };
        Self { cos: tensor(f32::cos), sin: tensor(f32::sin) }
    }

    /// # Shapes
    /// `[rows, heads, tokens, d_head]`; the same comes back.
    pub(super) fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let turned = first.clone() * self.cos.clone() - second.clone() * self.sin.clone();
        let lifted = second * self.cos.clone() + first * self.sin.clone();
        Tensor::cat(vec![turned, lifted], 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_distance_of_two_positions_matters() {
        let device = Device::flex();
        let vector = |seed: f32| {
            let values: Vec<f32> = (0..8u8).map(|i| (f32::from(i) * seed).sin()).collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, 1, 8]), &device)
        };
        let (query, key) = (vector(1.3), vector(0.7));
        let product = |p: u32, q: u32| {
            let turn = |x: &Tensor<4>, p: u32| Rotation::new(&[p], [1, 1], 8, 10_000.0, &device).apply(x.clone());
            (turn(&query, p) * turn(&key, q)).sum().into_scalar::<f32>()
        };
        let unturned = (query.clone() * key.clone()).sum().into_scalar::<f32>();
        assert!((product(0, 0) - unturned).abs() < 1e-6);
        for distance in 0..8 {
            let near = product(distance, 0);
            assert!((0..20).all(|p| (product(p + distance, p) - near).abs() < 1e-5), "distance {distance}");
        }
        assert!((product(5, 0) - unturned).abs() > 1e-2, "a distance makes a difference");
    }
}
