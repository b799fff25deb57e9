//! HR@k: the share of users with at least one hit among the first k.

use super::judged::Judged;

/// 1 when any of the first k slots is a hit, otherwise 0.
#[must_use]
pub fn hit_rate(judged: &Judged) -> f64 {
    if judged.num_hits() > 0 { 1.0 } else { 0.0 }
}
