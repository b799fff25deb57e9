//! The figure that some published code calls NDCG: DCG divided by the DCG of the same hits moved to the top.
//!
//! It is 1 as soon as all hits found stand on top, however many are missing, and so it is never below NDCG where no
//! more is held out than there are slots. It stands beside NDCG so that published figures can be compared, and is never
//! used in its stead.

use super::judged::Judged;
use super::ndcg;

/// The inflated figure of one user, in [0, 1].
#[must_use]
pub fn legacy_ndcg(judged: &Judged) -> f64 {
    ndcg::ndcg(&Judged { num_relevant: judged.num_hits(), ..judged.clone() })
}
