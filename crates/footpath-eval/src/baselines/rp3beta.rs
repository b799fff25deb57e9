//! RP³β (Paudel, Christoffel, Newell and Bernstein, TiiS 2016): walks of three steps user – item – user – item, with
//! popular ends held back.
//!
//! Score of item j for user u: n(j)^−β · Σ over i ∈ I_u, v ∈ U_i with j ∈ I_v of (n(i) · |I_v|)^−α, where U_i are the
//! n(i) users who chose i in training and I_u the items u chose. The first step's |I_u|^−α is the same for all items
//! and left out.

use super::scores::Scores;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;

/// Three steps through other users. Nothing is stored: a list costs a look at the choices of all who share an item with
/// the user.
#[derive(Clone, Copy, Debug)]
pub struct Rp3Beta<'a> {
    kg: &'a TrainKg,
    alpha: f64,
    beta: f64,
}

impl<'a> Rp3Beta<'a> {
    /// With `alpha` ≥ 0, the power of the chances of the steps (1 is a random walk), and `beta` ≥ 0, how much popular
    /// ends are held back.
    #[must_use]
    pub fn new(kg: &'a TrainKg, alpha: f64, beta: f64) -> Self {
        Self { kg, alpha, beta }
    }

    fn chance(&self, choices: usize) -> f64 {
        count(choices.max(1)).powf(-self.alpha)
    }
}

impl Baseline for Rp3Beta<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::Rp3Beta
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let mut at_users = Scores::over(self.kg.users());
        for &item in self.kg.items_of(user) {
            context.check()?;
            let others = self.kg.arcs(NodeId(item)).of(RelationId::INTERACTED_BY).tails;
            let chance = self.chance(others.len());
            others.iter().for_each(|&other| at_users.add(other, chance));
        }
        let mut scores = Scores::of_items(self.kg);
        for other in at_users.positive() {
            context.check()?;
            let items = self.kg.items_of(other.item);
            let chance = other.score * self.chance(items.len());
            items.iter().for_each(|&item| scores.add(item, chance));
        }
        let hold_back = |r: Recommendation| r.score * count(self.kg.popularity(r.item).max(1)).powf(-self.beta);
        Ok(scores.positive().map(|r| Recommendation { score: hold_back(r), ..r }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    #[test]
    fn scores_equal_the_sum_over_all_walks() {
        let kg = random_log(4, 15, 18, 110);
        let chose = |user: u32, item: u32| kg.items_of(NodeId(user)).contains(&item);
        let of_user = |u: u32| kg.items_of(NodeId(u)).len() as f64;
        let of_item = |i: u32| kg.popularity(NodeId(i)) as f64;
        for (alpha, beta) in [(1.0, 0.0), (0.8, 0.5), (0.0, 1.0)] {
            for user in kg.users() {
                let scores = Rp3Beta::new(&kg, alpha, beta).scores(NodeId(user), &Context::default()).expect("scores");
                for end in kg.items() {
                    let mut expected = 0.0;
                    for item in kg.items().filter(|&item| chose(user, item)) {
                        for other in kg.users().filter(|&other| chose(other, item) && chose(other, end)) {
                            expected += (of_item(item) * of_user(other)).powf(-alpha) * of_item(end).powf(-beta);
                        }
                    }
                    let got = scores.iter().find(|r| r.item.0 == end).map_or(0.0, |r| r.score);
                    assert!((got - expected).abs() < 1e-12, "{user} {end} {alpha} {beta}: {got} and {expected}");
                }
            }
        }
    }
}
