//! NDCG@k, normalised discounted cumulative gain (Järvelin and Kekäläinen, TOIS 2002) with binary gains.
//!
//! DCG = Σ over hits of 1/log₂(rank + 1); the ideal is the DCG of hits in the first min(k, held-out items) slots.
//! Dividing by the ideal of the *hits found* instead, as some published code does, gives 1 as soon as the hits stand on
//! top and is not NDCG.

use super::judged::{Judged, count};

/// NDCG of one user, in [0, 1].
#[must_use]
pub fn ndcg(judged: &Judged) -> f64 {
    let ideal: f64 = (1..=judged.k.min(judged.num_relevant)).map(gain).sum();
    // The sum of nothing is -0.0, which is no figure to print.
    let found = 0.0 + judged.hit_ranks().map(gain).sum::<f64>();
    if ideal > 0.0 { found / ideal } else { 0.0 }
}

/// What a hit at this rank (from 1) is worth.
fn gain(rank: usize) -> f64 {
    1.0 / count(rank + 1).log2()
}

/// What NDCG is on average when `num_relevant` items are drawn uniformly from the `num_candidates`: for each of the
/// first `k` slots, `filled` says whether it shows one of the candidates, each at most once.
#[must_use]
pub(crate) fn expected_by_chance(filled: &[bool], num_relevant: usize, num_candidates: usize, k: usize) -> f64 {
    let ideal: f64 = (1..=k.min(num_relevant)).map(gain).sum();
    let reached: f64 = (1..).zip(filled).filter(|(_, filled)| **filled).map(|(rank, _)| gain(rank)).sum();
    let share = count(num_relevant) / count(num_candidates.max(1));
    if ideal > 0.0 { reached * share / ideal } else { 0.0 }
}
