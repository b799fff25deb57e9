//! Rotary positions: where a token stands turns its queries and keys (Su et al. 2021, RoFormer, equation 34).
//!
//! Number `j` of the first half of a head and number `j` of its second half are the plane that turns by
//! `position · θ^(−2j / d_head)`: the order of LLaMA's weights as Hugging Face stores them.

/// `position · θ^(−2j / d_head)` of each position and plane: `[positions, d_head / 2]`. As in `transformers`, of single
/// precision.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "single precision; positions are far below 2^24"
)]
pub(super) fn angles(positions: &[u32], d_head: usize, theta: f64) -> Vec<f32> {
    let frequency = |j: usize| 1.0 / (theta as f32).powf((2 * j) as f32 / d_head as f32);
    let frequencies: Vec<f32> = (0..d_head / 2).map(frequency).collect();
    positions.iter().flat_map(|&p| frequencies.iter().map(move |f| p as f32 * f)).collect()
}
