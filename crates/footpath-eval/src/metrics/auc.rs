//! AUC of one user: the chance that a held-out item stands before an item that is neither held out nor known, both
//! drawn uniformly.
//!
//! It looks at the whole list, not at its first k, and needs an order of all items. A list leaves most of them out: two
//! items that are both not listed are taken to stand in random order, so each counts ½. The figure then has a range,
//! from the worst to the best order of what is not listed; a list of all items has none. An empty list has AUC ½, as
//! random order has.

use super::judged::{Judged, count};

/// The AUC, and what it can be at the least and at the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    /// With what is not listed in random order, in [0, 1].
    pub expected: f64,
    /// With the held-out items last among what is not listed.
    pub low: f64,
    /// With the held-out items first among what is not listed.
    pub high: f64,
}

/// The AUC of one user; 1 where every item to choose from is held out.
#[must_use]
pub fn auc(judged: &Judged) -> Auc {
    let others = judged.num_candidates.saturating_sub(judged.num_relevant);
    if others == 0 || judged.num_relevant == 0 {
        return Auc { expected: 1.0, low: 1.0, high: 1.0 };
    }
    let (mut above, mut found, mut won) = (0, 0, 0);
    for &hit in &judged.order {
        if hit {
            found += 1;
            won += others - above;
        } else {
            above = others.min(above + 1);
        }
    }
    let open = count(judged.num_relevant - found) * count(others - above);
    let of = |pairs: f64| (count(won) + pairs) / (count(judged.num_relevant) * count(others));
    Auc { expected: of(open / 2.0), low: of(0.0), high: of(open) }
}
