//! SLIM: a sparse linear model of items (Ning and Karypis, ICDM 2011).
//!
//! Score of item j for user u: Σ w_ij over the items i that u chose in training. The weights of j minimise
//! ½ |x_j − Σ_i w_ij x_i|² + β/2 |w|² + λ |w|₁, with w_ij ≥ 0 and w_jj = 0; x_i has 1 for each user who chose i. With
//! G = XᵀX the best w_ij beside given others is max(0, G_ij − Σ_{k≠i} G_ik w_kj − λ) / (G_ii + β), and coordinate
//! descent goes there until nothing moves. Each item has equations of its own, so threads change no bit.

use super::scores::Scores;
use super::{Baseline, BaselineName};
use crate::error::{Error, Result};
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use rayon::prelude::*;

/// Most pairs of items that users chose together, counted in both directions, whose numbers are kept.
pub const MAX_SLIM_PAIRS: usize = 250_000_000;
const BYTES_OF_PAIR: u64 = 16;
/// The descent ends where no weight moves by more, or after so many rounds.
const TOLERANCE: f64 = 1e-4;
const MAX_ROUNDS: usize = 100;

/// The sparse linear model. Cost: for each item and round, the products of the items that have a weight for it.
#[derive(Clone, Debug)]
pub struct Slim<'a> {
    kg: &'a TrainKg,
    /// For each item i: the items j with a weight w_ij, ascending, and that weight.
    weights: Vec<Vec<(u32, f64)>>,
}

/// G of every setting: how many users chose two items together, for each item by the other, ascending; and how many
/// chose it at all. Memory: 16 bytes for each pair that was chosen together.
#[derive(Clone, Debug)]
pub struct Cooccurrences {
    rows: Vec<Vec<(u32, f64)>>,
    own: Vec<f64>,
}

impl<'a> Slim<'a> {
    /// Learns the weights with β = `ridge` > 0 and λ = `lasso` ≥ 0 from the products of the same graph.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &'a TrainKg, products: &Cooccurrences, ridge: f64, lasso: f64, context: &Context) -> Result<Self> {
        let num_items = kg.items().len();
        let stage = context.stage(BaselineName::Slim.stage(), Some(num_items as u64), "items");
        let of_item = |descent: &mut Descent, item: usize| {
            context.check()?;
            stage.advance(1)?;
            Ok(descent.solve(products, item, ridge, lasso))
        };
        let columns: Vec<Vec<(u32, f64)>> =
            (0..num_items).into_par_iter().map_init(|| Descent::new(num_items), of_item).collect::<Result<_>>()?;
        let mut weights = vec![Vec::new(); num_items];
        for (item, column) in (0..).zip(&columns) {
            for &(other, weight) in column {
                let row: Option<&mut Vec<_>> = weights.get_mut(other as usize);
                row.into_iter().for_each(|row| row.push((item, weight)));
            }
        }
        Ok(Self { kg, weights })
    }
}

impl Cooccurrences {
    /// Counts them, in parallel.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where users may have chosen more than [`MAX_SLIM_PAIRS`] pairs of items; a stop.
    pub fn of(kg: &TrainKg, context: &Context) -> Result<Self> {
        let num_items = kg.items().len();
        let pairs = kg.users().map(|user| kg.items_of(NodeId(user)).len().pow(2)).sum::<usize>();
        let got = pairs.min(num_items.pow(2));
        if got > MAX_SLIM_PAIRS {
            let bytes = got as u64 * BYTES_OF_PAIR;
            return Err(Error::TooLarge { what: "slim", max: MAX_SLIM_PAIRS, got, unit: "pairs of items", bytes });
        }
        let first = kg.items().start;
        let row = |item: u32| -> Result<Vec<(u32, f64)>> {
            let mut together = Scores::of_items(kg);
            for &user in kg.arcs(NodeId(item)).of(RelationId::INTERACTED_BY).tails {
                context.check()?;
                let others = kg.items_of(NodeId(user)).iter().filter(|&&other| other != item);
                others.for_each(|&other| together.add(other, 1.0));
            }
            Ok(together.positive().map(|other| (other.item.0 - first, other.score)).collect())
        };
        let rows = kg.items().into_par_iter().map(row).collect::<Result<_>>()?;
        Ok(Self { rows, own: kg.items().map(|item| count(kg.popularity(NodeId(item)))).collect() })
    }

    /// The products of an item with others.
    fn of_item(&self, item: usize) -> &[(u32, f64)] {
        self.rows.get(item).map_or(&[], Vec::as_slice)
    }
}

/// The descent to the weights of one item after the other.
struct Descent {
    /// For each item its place among the candidates, or [`NOWHERE`].
    places: Vec<u32>,
    candidates: Vec<Candidate>,
}

const NOWHERE: u32 = u32::MAX;

/// An item that may have a weight.
struct Candidate {
    item: u32,
    weight: f64,
    /// G_ij − Σ_k G_ik w_kj, itself left out.
    left: f64,
}

impl Descent {
    fn new(num_items: usize) -> Self {
        Self { places: vec![NOWHERE; num_items], candidates: Vec::new() }
    }

    /// The weights that are not 0, by ascending item.
    fn solve(&mut self, products: &Cooccurrences, target: usize, ridge: f64, lasso: f64) -> Vec<(u32, f64)> {
        // What others say in its place only takes from the first term of a weight, so one whose product with the target
        // is not above λ stays at 0.
        let may_count = products.of_item(target).iter().filter(|(_, together)| *together > lasso);
        self.candidates.extend(may_count.map(|&(item, left)| Candidate { item, weight: 0.0, left }));
        for (place, candidate) in (0..).zip(&self.candidates) {
            if let Some(slot) = self.places.get_mut(candidate.item as usize) {
                *slot = place;
            }
        }
        for _ in 0..MAX_ROUNDS {
            if self.round(products, ridge, lasso) <= TOLERANCE {
                break;
            }
        }
        for candidate in &self.candidates {
            if let Some(slot) = self.places.get_mut(candidate.item as usize) {
                *slot = NOWHERE;
            }
        }
        let weights = self.candidates.drain(..).map(|candidate| (candidate.item, candidate.weight));
        weights.filter(|(_, weight)| *weight > 0.0).collect()
    }

    /// Moves each weight once to where it is best; the most that one moved.
    fn round(&mut self, products: &Cooccurrences, ridge: f64, lasso: f64) -> f64 {
        let mut most: f64 = 0.0;
        for place in 0..self.candidates.len() {
            let Some(candidate) = self.candidates.get_mut(place) else { break };
            let item = candidate.item as usize;
            let own = products.own.get(item).copied().unwrap_or_default();
            let weight = (candidate.left - lasso).max(0.0) / (own + ridge);
            let moved = weight - candidate.weight;
            if moved == 0.0 {
                continue;
            }
            candidate.weight = weight;
            most = most.max(moved.abs());
            for &(other, together) in products.of_item(item) {
                let place = self.places.get(other as usize).copied().unwrap_or(NOWHERE);
                if let Some(other) = self.candidates.get_mut(place as usize) {
                    other.left -= together * moved;
                }
            }
        }
        most
    }
}

impl Baseline for Slim<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::Slim
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let (mut scores, first) = (Scores::of_items(self.kg), self.kg.items().start);
        for item in self.kg.items_of(user) {
            context.check()?;
            let row = self.weights.get((item - first) as usize);
            row.into_iter().flatten().for_each(|&(other, weight)| scores.add(first + other, weight));
        }
        Ok(scores.positive().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    const RIDGE: f64 = 1.5;
    const LASSO: f64 = 0.4;

    fn learnt(kg: &TrainKg, lasso: f64) -> Slim<'_> {
        let context = Context::default();
        let products = Cooccurrences::of(kg, &context).expect("small");
        Slim::new(kg, &products, RIDGE, lasso, &context).expect("nobody asked for the end")
    }

    /// The sum that is minimised, taken literally.
    fn loss(kg: &TrainKg, column: &[f64], item: u32) -> f64 {
        let of_user = |user: u32| {
            let chosen = kg.items_of(NodeId(user));
            let told: f64 = chosen.iter().map(|i| column[(i - kg.items().start) as usize]).sum();
            (f64::from(u8::from(chosen.contains(&item))) - told).powi(2) / 2.0
        };
        let sizes: f64 = column.iter().map(|w| RIDGE / 2.0 * w * w + LASSO * w.abs()).sum();
        kg.users().map(of_user).sum::<f64>() + sizes
    }

    /// The weights of an item, 0 where there is none.
    fn column(slim: &Slim<'_>, item: usize) -> Vec<f64> {
        let weight = |row: &Vec<(u32, f64)>| row.iter().find(|(other, _)| *other as usize == item).map_or(0.0, |w| w.1);
        slim.weights.iter().map(weight).collect()
    }

    #[test]
    fn no_other_weights_are_better() {
        let kg = random_log(6, 14, 9, 80);
        let slim = learnt(&kg, LASSO);
        let mut num_weights = 0;
        for item in kg.items() {
            let own = (item - kg.items().start) as usize;
            let column = column(&slim, own);
            assert_eq!(column[own], 0.0);
            assert!(column.iter().all(|weight| *weight >= 0.0));
            num_weights += column.iter().filter(|weight| **weight > 0.0).count();
            let best = loss(&kg, &column, item);
            for other in (0..column.len()).filter(|&other| other != own) {
                for by in [0.01, -0.01] {
                    let mut moved = column.clone();
                    moved[other] += by;
                    // A weight below 0 is not allowed.
                    assert!(moved[other] < 0.0 || loss(&kg, &moved, item) > best, "item {item}, weight {other}");
                }
            }
        }
        assert!((10..9 * 8).contains(&num_weights), "{num_weights} weights: some, and not all");
    }

    #[test]
    fn what_pays_for_nothing_has_no_weight() {
        let kg = random_log(2, 20, 15, 120);
        let slim = learnt(&kg, 1e6);
        assert!(slim.weights.iter().all(Vec::is_empty));
    }
}
