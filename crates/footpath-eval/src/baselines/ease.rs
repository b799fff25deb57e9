//! EASE, a linear model of items by items without self-similarity (Steck, WWW 2019).
//!
//! With X the users × items matrix of train choices, P = (XᵀX + λ1)⁻¹ and B_ij = −P_ij / P_jj off the diagonal, 0 on it
//! (equation 8), the scores of user u are row u of XB: x_uj − (XP)_uj / P_jj.
//!
//! [`Edlae`](super::Edlae) gives each item a λ of its own, so all is solved with P = (XᵀX + D)⁻¹ for a diagonal D.
//!
//! Where there are fewer users than items the same numbers come from a matrix of users by users: with M = 1 + XD⁻¹Xᵀ,
//! XP = M⁻¹XD⁻¹ and P_jj = (1 − c_jᵀ M⁻¹ c_j / D_jj) / D_jj for column c_j of X (Woodbury). So the cost is 2n³
//! operations and 8n² bytes with n = min(users, items), and then one look at all choices for each list (users) or at n
//! items for each choice (items).

use super::{Baseline, BaselineName, dense};
use crate::error::{Error, Result};
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use ndarray::Array2;
use rayon::prelude::*;
use std::ops::Range;

/// Most rows of the matrix that is inverted: 3.2 GB and 1.6·10¹³ operations.
pub const MAX_EASE_ROWS: usize = 20_000;

/// The linear model.
#[derive(Clone, Debug)]
pub struct Ease<'a> {
    kg: &'a TrainKg,
    id: BaselineName,
    /// D_jj of each item.
    ridges: Vec<f64>,
    by: By,
    /// M⁻¹ by users, P by items.
    inverse: Array2<f64>,
    /// P_jj of each item.
    diagonal: Vec<f64>,
}

/// Which Gram matrix was inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Users,
    Items,
}

impl<'a> Ease<'a> {
    /// Solves the model with the regularisation λ = `lambda` > 0.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are more than [`MAX_EASE_ROWS`] users and as many items; a stop.
    pub fn new(kg: &'a TrainKg, lambda: f64, context: &Context) -> Result<Self> {
        Self::with_ridges(kg, BaselineName::Ease, vec![lambda; kg.items().len()], context)
    }

    /// Solves the model with a λ > 0 for each item; `id` is what it is called.
    pub(super) fn with_ridges(kg: &'a TrainKg, id: BaselineName, ridges: Vec<f64>, context: &Context) -> Result<Self> {
        let by = if kg.users().len() <= kg.items().len() { By::Users } else { By::Items };
        Self::solve(kg, id, ridges, by, context)
    }

    fn solve(kg: &'a TrainKg, id: BaselineName, ridges: Vec<f64>, by: By, context: &Context) -> Result<Self> {
        let (rows, there, back) = match by {
            By::Users => (kg.users(), RelationId::INTERACTED, RelationId::INTERACTED_BY),
            By::Items => (kg.items(), RelationId::INTERACTED_BY, RelationId::INTERACTED),
        };
        if rows.len() > MAX_EASE_ROWS {
            let bytes = (rows.len() as u64).saturating_mul(rows.len() as u64).saturating_mul(8);
            let (what, max, got) = (id.name(), MAX_EASE_ROWS, rows.len());
            return Err(Error::TooLarge { what, max, got, unit: "rows", bytes });
        }
        let stage = context.stage(id.stage(), Some(rows.len() as u64), "rows");
        let ridge = |item: u32| ridges.get((item - kg.items().start) as usize).copied().unwrap_or(1.0);
        let mut inverse = match by {
            By::Users => gram(kg, rows, [there, back], |item| ridge(item).recip(), context)?,
            By::Items => gram(kg, rows, [there, back], |_| 1.0, context)?,
        };
        for (node, value) in (0..).zip(inverse.diag_mut()) {
            *value += if by == By::Users { 1.0 } else { ridge(kg.items().start + node) };
        }
        dense::invert(&mut inverse, context, |rows| Ok(stage.reach(rows as u64)?))?;
        let diagonal = match by {
            By::Items => inverse.diag().to_vec(),
            By::Users => {
                let of_item = |item| {
                    let ridge = ridge(item);
                    Ok((1.0 - quadratic(kg, &inverse, NodeId(item), context)? / ridge) / ridge)
                };
                kg.items().into_par_iter().map(of_item).collect::<Result<_>>()?
            }
        };
        Ok(Self { kg, id, ridges, by, inverse, diagonal })
    }

    /// What a choice of `item` adds to the score of every item: its row of B, by ascending id.
    #[must_use]
    pub fn weights(&self, item: NodeId) -> Vec<f64> {
        let (items, index) = (self.kg.items(), (item.0 - self.kg.items().start) as usize);
        let mut row = match self.by {
            By::Items => self.inverse.row(index).iter().map(|value| -value).collect(),
            // P = D⁻¹ − D⁻¹XᵀM⁻¹XD⁻¹, so off the diagonal −P_ij is a sum over the users of both, over both of D.
            By::Users => {
                let mut row = vec![0.0; items.len()];
                let users = |item: NodeId| self.kg.arcs(item).of(RelationId::INTERACTED_BY).tails;
                let mut by_user = vec![0.0; self.kg.users().len()];
                for &user in users(item) {
                    let of_user = self.inverse.row((user - self.kg.users().start) as usize);
                    by_user.iter_mut().zip(of_user).for_each(|(sum, value)| *sum += value);
                }
                for (user, value) in self.kg.users().zip(&by_user) {
                    for &other in self.kg.items_of(NodeId(user)) {
                        if let Some(sum) = row.get_mut((other - items.start) as usize) {
                            *sum += value;
                        }
                    }
                }
                let own = self.ridges.get(index).copied().unwrap_or(1.0);
                row.iter_mut().zip(&self.ridges).for_each(|(sum, ridge)| *sum /= own * ridge);
                row
            }
        };
        row.iter_mut().zip(&self.diagonal).for_each(|(value, diagonal)| *value /= diagonal);
        if let Some(own) = row.get_mut(index) {
            *own = 0.0;
        }
        row
    }

    /// (XP)_uj for all items j.
    fn projected(&self, user: NodeId, context: &Context) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; self.kg.items().len()];
        let row = |rows: Range<u32>, node: u32| self.inverse.row((node - rows.start) as usize);
        match self.by {
            By::Items => {
                for &item in self.kg.items_of(user) {
                    context.check()?;
                    sums.iter_mut().zip(row(self.kg.items(), item)).for_each(|(sum, value)| *sum += value);
                }
            }
            By::Users => {
                for (other, value) in self.kg.users().zip(row(self.kg.users(), user.0)) {
                    context.check()?;
                    for &item in self.kg.items_of(NodeId(other)) {
                        if let Some(sum) = sums.get_mut((item - self.kg.items().start) as usize) {
                            *sum += value;
                        }
                    }
                }
                sums.iter_mut().zip(&self.ridges).for_each(|(sum, ridge)| *sum /= ridge);
            }
        }
        Ok(sums)
    }
}

/// What the nodes weigh together that two rows have in common: XXᵀ or XᵀX where each weighs 1.
fn gram(
    kg: &TrainKg,
    nodes: Range<u32>,
    [there, back]: [RelationId; 2],
    weight: impl Fn(u32) -> f64 + Sync,
    context: &Context,
) -> Result<Array2<f64>> {
    let mut gram = Array2::zeros((nodes.len(), nodes.len()));
    let rows: Vec<_> = nodes.clone().zip(gram.rows_mut()).collect();
    rows.into_par_iter().try_for_each(|(node, mut shared)| {
        for &between in kg.arcs(NodeId(node)).of(there).tails {
            context.check()?;
            let weight = weight(between);
            for &other in kg.arcs(NodeId(between)).of(back).tails {
                if let Some(sum) = shared.get_mut((other - nodes.start) as usize) {
                    *sum += weight;
                }
            }
        }
        Ok::<_, Error>(())
    })?;
    Ok(gram)
}

/// c_jᵀ M⁻¹ c_j.
fn quadratic(kg: &TrainKg, inverse: &Array2<f64>, item: NodeId, context: &Context) -> Result<f64> {
    let users = kg.arcs(item).of(RelationId::INTERACTED_BY).tails;
    let index = |user: u32| (user - kg.users().start) as usize;
    let at = |a: u32, b: u32| inverse.get([index(a), index(b)]).copied().unwrap_or(0.0);
    let of_row = |&a: &u32| {
        context.check()?;
        Ok(users.iter().map(|&b| at(a, b)).sum::<f64>())
    };
    users.iter().map(of_row).sum()
}

impl Baseline for Ease<'_> {
    fn id(&self) -> BaselineName {
        self.id
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        if !self.kg.users().contains(&user.0) {
            return Ok(Vec::new());
        }
        let chosen = self.kg.items_of(user);
        let score = |(item, (sum, diagonal)): (u32, (f64, &f64))| {
            let own = if chosen.binary_search(&item).is_ok() { 1.0 } else { 0.0 };
            Recommendation { item: NodeId(item), score: own - sum / diagonal }
        };
        let projected = self.projected(user, context)?;
        Ok(self.kg.items().zip(projected.into_iter().zip(&self.diagonal)).map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    /// Equation 8 taken literally, with a λ for each item.
    fn literal(kg: &TrainKg, ridges: &[f64]) -> Array2<f64> {
        let (users, items) = (kg.users(), kg.items());
        let chose = |(u, i): (usize, usize)| {
            f64::from(u8::from(kg.items_of(NodeId(users.start + u as u32)).contains(&(items.start + i as u32))))
        };
        let x = Array2::from_shape_fn((users.len(), items.len()), chose);
        let mut p = x.t().dot(&x) + Array2::<f64>::from_diag(&ndarray::Array1::from_vec(ridges.to_vec()));
        dense::invert(&mut p, &Context::default(), |_| Ok(())).expect("nobody asked for the end");
        let b = Array2::from_shape_fn(p.dim(), |(i, j)| if i == j { 0.0 } else { -p[[i, j]] / p[[j, j]] });
        x.dot(&b)
    }

    #[test]
    fn both_ways_equal_the_definition() {
        for (num_users, num_items) in [(12, 30), (30, 12)] {
            let kg = random_log(6, num_users, num_items, 140);
            let uneven = |lambda: f64| (0..kg.items().len()).map(|n| lambda + n as f64 / 3.0).collect();
            for ridges in [vec![0.5; kg.items().len()], vec![20.0; kg.items().len()], uneven(2.0)] {
                let expected = literal(&kg, &ridges);
                for by in [By::Users, By::Items] {
                    let ease = Ease::solve(&kg, BaselineName::Ease, ridges.clone(), by, &Context::default());
                    let ease = ease.expect("small");
                    for (user, expected) in kg.users().zip(expected.rows()) {
                        let got = ease.scores(NodeId(user), &Context::default()).expect("scores");
                        let near = |(r, e): (&Recommendation, &f64)| (r.score - e).abs() < 1e-10;
                        assert!(got.len() == expected.len() && got.iter().zip(expected).all(near), "{by:?}");
                        let mut by_weights = vec![0.0; num_items];
                        for &item in kg.items_of(NodeId(user)) {
                            by_weights.iter_mut().zip(ease.weights(NodeId(item))).for_each(|(sum, w)| *sum += w);
                        }
                        let near = |(w, e): (&f64, &f64)| (w - e).abs() < 1e-10;
                        assert!(by_weights.iter().zip(expected).all(near), "{by:?}: {by_weights:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn too_many_of_both_are_refused_with_the_memory_it_would_take() {
        let mut data = footpath_graph::Dataset::default();
        for n in 0..=MAX_EASE_ROWS {
            data.interact(&format!("u{n}"), &format!("i{n}"));
        }
        let kg = footpath_graph::build::build(data).and_then(|built| built.train_kg()).expect("a graph");
        let message = Ease::new(&kg, 1.0, &Context::default()).expect_err("too large").to_string();
        assert_eq!(message, "ease: at most 20000 rows, got 20001, which would take 3 GB");
    }

    #[test]
    fn the_smaller_side_is_inverted() {
        for (num_users, num_items, by) in [(5, 30, By::Users), (30, 5, By::Items)] {
            let kg = random_log(1, num_users, num_items, 90);
            assert_eq!(Ease::new(&kg, 1.0, &Context::default()).expect("small").by, by);
        }
    }
}
