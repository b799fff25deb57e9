//! F1@k: the harmonic mean of precision and recall of one user.

use super::judged::Judged;
use super::{precision::precision, recall::recall};

/// 2·P·R / (P + R), 0 without a hit.
#[must_use]
pub fn f1(judged: &Judged) -> f64 {
    let (precision, recall) = (precision(judged), recall(judged));
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}
