//! Matrix factorisation of all choices and all that was not chosen, by alternating least squares: iALS (Hu, Koren and
//! Volinsky, ICDM 2008), regularised as in "Revisiting the Performance of iALS" (Rendle et al., RecSys 2022).
//!
//! Score x_uj = p_u · q_j. The vectors minimise Σ over the choices of (1 − p_u · q_i)² + α Σ over all pairs of
//! (p_u · q_i)² + λ (Σ_u (n_u + α · items) |p_u|² + Σ_i (n_i + α · users) |q_i|²), n being numbers of choices. An epoch
//! solves for all users with the items as they are, then for all items; each vector has equations of its own, so
//! threads change no bit.

use super::solve::Equations;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, Purpose, RelationId, Stream};
use footpath_graph::TrainKg;
use rayon::prelude::*;
use std::ops::Range;

/// Vectors whose products are added up one after the other; the sums of such groups are added in their order.
const VECTORS_AT_ONCE: usize = 512;

/// How to factorise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IalsConfig {
    /// Length of the vectors.
    pub num_factors: usize,
    /// Times that all users and all items are solved.
    pub num_epochs: usize,
    /// α above: weight of a pair that was not chosen.
    pub unchosen: f64,
    /// λ above.
    pub lambda: f64,
    /// Seed of the start.
    pub seed: u64,
}

impl Default for IalsConfig {
    fn default() -> Self {
        Self { num_factors: 64, num_epochs: 12, unchosen: 0.1, lambda: 0.003, seed: 1 }
    }
}

/// Vectors of users and items, row by row. Cost of an epoch: `num_factors`² for each choice and, for each user and
/// item, a third of `num_factors`³.
#[derive(Clone, Debug)]
pub struct Ials<'a> {
    kg: &'a TrainKg,
    num_factors: usize,
    users: Vec<f32>,
    items: Vec<f32>,
}

/// One side of the choices: nodes, and how they lead to those of the other.
struct Side {
    nodes: Range<u32>,
    others: Range<u32>,
    relation: RelationId,
}

impl<'a> Ials<'a> {
    /// Learns the vectors.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &'a TrainKg, config: IalsConfig, context: &Context) -> Result<Self> {
        context.check()?;
        let num_factors = config.num_factors.max(1);
        let start = |nodes: Range<u32>| -> Vec<f32> { nodes.flat_map(|node| start(config, node)).collect() };
        let mut model = Self { kg, num_factors, users: start(kg.users()), items: start(kg.items()) };
        let of = config.num_epochs as u64 * (kg.users().len() + kg.items().len()) as u64;
        let stage = context.stage(BaselineName::Ials.stage(), Some(of), "vectors");
        for _ in 0..config.num_epochs {
            let [users, items] = sides(kg);
            model.users = solved(kg, config, &users, &model.items, context)?;
            stage.advance(kg.users().len() as u64)?;
            model.items = solved(kg, config, &items, &model.users, context)?;
            stage.advance(kg.items().len() as u64)?;
        }
        Ok(model)
    }
}

fn sides(kg: &TrainKg) -> [Side; 2] {
    [
        Side { nodes: kg.users(), others: kg.items(), relation: RelationId::INTERACTED },
        Side { nodes: kg.items(), others: kg.users(), relation: RelationId::INTERACTED_BY },
    ]
}

/// Normal numbers of deviation 0.1 / √factors.
fn start(config: IalsConfig, node: u32) -> Vec<f32> {
    let mut stream = Stream::new(config.seed, Purpose::FactorBaseline, node, 0);
    let deviation = 0.1 / count(config.num_factors.max(1)).sqrt();
    (0..config.num_factors.max(1)).map(|_| narrow(stream.normal() * deviation)).collect()
}

/// The vectors of one side that are best with those of the other.
fn solved(kg: &TrainKg, config: IalsConfig, side: &Side, others: &[f32], context: &Context) -> Result<Vec<f32>> {
    let width = config.num_factors.max(1);
    let all = products(others, width);
    let of_node = |equations: &mut Equations, node: u32| -> Result<Vec<f32>> {
        context.check()?;
        let chosen = kg.arcs(NodeId(node)).of(side.relation).tails;
        equations.begin(width);
        equations.add_matrix(&all, narrow(config.unchosen));
        for &other in chosen {
            let at = (other - side.others.start) as usize * width;
            equations.add(others.get(at..at + width).unwrap_or_default(), 1.0);
        }
        let seen = count(chosen.len()) + config.unchosen * count(side.others.len());
        Ok(equations.solve(narrow(config.lambda * seen)).to_vec())
    };
    let vectors: Vec<Vec<f32>> =
        side.nodes.clone().into_par_iter().map_init(Equations::default, of_node).collect::<Result<_>>()?;
    Ok(vectors.concat())
}

/// The sum over all vectors of their products with themselves.
fn products(vectors: &[f32], width: usize) -> Equations {
    let of_some = |vectors: &[f32]| {
        let mut sum = Equations::default();
        sum.begin(width);
        vectors.chunks_exact(width).for_each(|vector| sum.add(vector, 0.0));
        sum
    };
    let sums: Vec<Equations> = vectors.par_chunks(VECTORS_AT_ONCE * width).map(of_some).collect();
    let mut all = Equations::default();
    all.begin(width);
    sums.iter().for_each(|sum| all.add_matrix(sum, 1.0));
    all
}

#[expect(clippy::cast_possible_truncation, reason = "vectors have no more bits")]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl Baseline for Ials<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::Ials
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        context.check()?;
        let width = self.num_factors;
        let place = user.0.checked_sub(self.kg.users().start).map(|index| index as usize * width);
        let Some(p) = place.and_then(|at| self.users.get(at..at + width)) else { return Ok(Vec::new()) };
        let score = |(item, q): (u32, &[f32])| {
            let score: f32 = p.iter().zip(q).map(|(p, q)| p * q).sum();
            Recommendation { item: NodeId(item), score: f64::from(score) }
        };
        Ok(self.kg.items().zip(self.items.chunks_exact(width)).map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_log;

    /// The sum that is minimised, taken literally.
    fn loss(kg: &TrainKg, config: IalsConfig, users: &[f32], items: &[f32]) -> f64 {
        let width = config.num_factors;
        let size = |vector: &[f32]| vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let mut loss = 0.0;
        for (user, p) in kg.users().zip(users.chunks_exact(width)) {
            for (item, q) in kg.items().zip(items.chunks_exact(width)) {
                let score: f64 = p.iter().zip(q).map(|(p, q)| f64::from(p * q)).sum();
                let is_chosen = kg.items_of(NodeId(user)).contains(&item);
                loss += config.unchosen * score * score + if is_chosen { (1.0 - score).powi(2) } else { 0.0 };
            }
        }
        for [side, other] in [[0, 1], [1, 0]] {
            let (own, all) = (&sides(kg)[side], sides(kg)[other].nodes.len());
            let vectors = if side == 0 { users } else { items };
            for (node, vector) in own.nodes.clone().zip(vectors.chunks_exact(width)) {
                let seen = kg.arcs(NodeId(node)).of(own.relation).tails.len() as f64 + config.unchosen * all as f64;
                loss += config.lambda * seen * size(vector);
            }
        }
        loss
    }

    const CONFIG: IalsConfig = IalsConfig { num_factors: 3, num_epochs: 1, unchosen: 0.2, lambda: 0.02, seed: 3 };

    #[test]
    fn what_is_solved_is_a_minimum() {
        let kg = random_log(4, 9, 11, 50);
        let model = Ials::new(&kg, CONFIG, &Context::default()).expect("small");
        let best = loss(&kg, CONFIG, &model.users, &model.items);
        for at in 0..model.items.len() {
            for by in [0.02, -0.02] {
                let mut moved = model.items.clone();
                moved[at] += by;
                assert!(loss(&kg, CONFIG, &model.users, &moved) > best, "place {at}");
            }
        }
    }

    #[test]
    fn every_epoch_comes_nearer() {
        let kg = random_log(5, 20, 30, 200);
        let of = |num_epochs| {
            let model = Ials::new(&kg, IalsConfig { num_epochs, ..CONFIG }, &Context::default()).expect("small");
            loss(&kg, CONFIG, &model.users, &model.items)
        };
        let losses: Vec<f64> = (0..6).map(of).collect();
        assert!(losses.is_sorted_by(|a, b| a > b), "{losses:?}");
    }
}
