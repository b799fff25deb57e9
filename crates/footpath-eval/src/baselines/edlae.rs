//! EDLAE: EASE that learns from choices of which some are left out (Steck, NeurIPS 2020).
//!
//! Each choice is left out of what is read with probability p, and all are to be told. In the mean over all draws that
//! is a ridge of its own for each item: P = (XᵀX + D)⁻¹ with D_jj = λ + p / (1 − p) · (XᵀX)_jj, B_ij = −P_ij / P_jj off
//! the diagonal and 0 on it. An item that many chose is held back more, so that the others must speak.

use super::{Baseline, BaselineName, Ease};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;

/// The linear model; costs are those of [`Ease`].
#[derive(Clone, Debug)]
pub struct Edlae<'a>(Ease<'a>);

impl<'a> Edlae<'a> {
    /// Solves the model with λ = `lambda` > 0 and p = `dropout` in [0, 1).
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] as for [`Ease::new`]; a stop.
    pub fn new(kg: &'a TrainKg, lambda: f64, dropout: f64, context: &Context) -> Result<Self> {
        let ridge = |item: u32| lambda + dropout / (1.0 - dropout) * count(kg.popularity(NodeId(item)));
        Ok(Self(Ease::with_ridges(kg, BaselineName::Edlae, kg.items().map(ridge).collect(), context)?))
    }
}

impl Baseline for Edlae<'_> {
    fn id(&self) -> BaselineName {
        self.0.id()
    }

    fn kg(&self) -> &TrainKg {
        self.0.kg()
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        self.0.scores(user, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    /// What B leaves unexplained, in the mean over all draws of what is left out: with q = 1 − p and x̂ the choices
    /// that are read over q, E (x_j − Σ_i x̂_i B_ij)² = (x_j − Σ_i x_i B_ij)² + p / q · Σ_i x_i² B_ij².
    fn loss(kg: &TrainKg, lambda: f64, dropout: f64, column: &[f64], item: u32) -> f64 {
        let ridge: f64 = column.iter().map(|b| lambda * b * b).sum();
        let of_user = |user: u32| {
            let chosen = kg.items_of(NodeId(user));
            let own = f64::from(u8::from(chosen.contains(&item)));
            let read = |by: fn(f64) -> f64| -> f64 {
                chosen.iter().map(|i| by(column[(i - kg.items().start) as usize])).sum()
            };
            (own - read(|b| b)).powi(2) + dropout / (1.0 - dropout) * read(|b| b * b)
        };
        kg.users().map(of_user).sum::<f64>() + ridge
    }

    #[test]
    fn no_other_weights_explain_more_of_what_is_left_out() {
        let kg = random_log(6, 12, 9, 60);
        let (lambda, dropout) = (1.5, 0.3);
        let edlae = Edlae::new(&kg, lambda, dropout, &Context::default()).expect("small");
        let rows: Vec<Vec<f64>> = kg.items().map(|item| edlae.0.weights(NodeId(item))).collect();
        for item in kg.items() {
            let own = (item - kg.items().start) as usize;
            let column: Vec<f64> = rows.iter().map(|row| row[own]).collect();
            assert_eq!(column[own], 0.0);
            let best = loss(&kg, lambda, dropout, &column, item);
            for other in (0..column.len()).filter(|&other| other != own) {
                for by in [1e-3, -1e-3] {
                    let mut moved = column.clone();
                    moved[other] += by;
                    assert!(loss(&kg, lambda, dropout, &moved, item) > best, "item {item}, weight {other}");
                }
            }
        }
    }

    #[test]
    fn without_dropout_it_is_ease() {
        let kg = random_log(2, 20, 15, 120);
        let context = Context::default();
        let edlae = Edlae::new(&kg, 4.0, 0.0, &context).expect("small");
        let ease = Ease::new(&kg, 4.0, &context).expect("small");
        for user in kg.users().map(NodeId) {
            assert_eq!(edlae.scores(user, &context).expect("scores"), ease.scores(user, &context).expect("scores"));
        }
    }
}
