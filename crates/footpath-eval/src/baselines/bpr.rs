//! Matrix factorisation with Bayesian personalised ranking (Rendle et al., UAI 2009): BPR-MF by stochastic gradient
//! ascent.
//!
//! Score x_uj = b_j + p_u · q_j. One step draws a train choice (u, i) and an item j that u did not choose, both
//! uniformly, and moves the parameters θ by `rate` · (σ(x_uj − x_ui) · ∂(x_ui − x_uj)/∂θ − `decay` · θ). An epoch has
//! as many steps as there are choices. The steps follow each other on one thread, so the same seed gives the same bits.

use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, Purpose, Stream};
use footpath_graph::TrainKg;

/// Steps between two looks at whether to stop.
const STEPS_AT_ONCE: usize = 1 << 12;
/// Draws of an item the user did not choose, before the step is left out.
const MAX_DRAWS: usize = 100;

/// How to factorise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BprConfig {
    /// Length of the vectors.
    pub num_factors: usize,
    /// Passes over the train choices.
    pub num_epochs: usize,
    /// Step size.
    pub rate: f32,
    /// How fast parameters shrink; of the biases, a tenth of it.
    pub decay: f32,
    /// Seed of the start and of the steps.
    pub seed: u64,
}

impl Default for BprConfig {
    fn default() -> Self {
        Self { num_factors: 64, num_epochs: 100, rate: 0.05, decay: 0.02, seed: 1 }
    }
}

/// Vectors of users and items. Cost: `num_epochs` × choices × `num_factors`; memory: 4 bytes for each factor of each
/// user and item.
#[derive(Clone, Debug)]
pub struct BprMf<'a> {
    kg: &'a TrainKg,
    users: Vec<Vec<f32>>,
    items: Vec<Vec<f32>>,
    biases: Vec<f32>,
}

impl<'a> BprMf<'a> {
    /// Learns the vectors.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &'a TrainKg, config: BprConfig, context: &Context) -> Result<Self> {
        let start = |nodes: std::ops::Range<u32>| -> Result<Vec<Vec<f32>>> {
            nodes.map(|node| context.check().map(|()| start(config, node)).map_err(Into::into)).collect()
        };
        let (users, items) = (start(kg.users())?, start(kg.items())?);
        let mut model = Self { kg, users, items, biases: vec![0.0; kg.items().len()] };
        let choices: Vec<(u32, u32)> =
            kg.users().flat_map(|user| kg.items_of(NodeId(user)).iter().map(move |&item| (user, item))).collect();
        let of = (config.num_epochs as u64).saturating_mul(choices.len() as u64);
        let stage = context.stage(BaselineName::BprMf.stage(), Some(of), "steps");
        for epoch in 0..config.num_epochs {
            let mut stream = Stream::new(config.seed, Purpose::FactorBaseline, u32::MAX, epoch as u64);
            for portion in choices.chunks(STEPS_AT_ONCE) {
                for _ in portion {
                    if let Some(&(user, item)) = choices.get(stream.index(choices.len())) {
                        model.step(config, &mut stream, user, item);
                    }
                }
                stage.advance(portion.len() as u64)?;
            }
        }
        Ok(model)
    }

    fn step(&mut self, config: BprConfig, stream: &mut Stream, user: u32, item: u32) {
        let items = self.kg.items();
        let chosen = self.kg.items_of(NodeId(user));
        let mut unseen = (0..MAX_DRAWS).map(|_| stream.index(items.len()));
        let Some(other) = unseen.find(|&i| chosen.binary_search(&(items.start + i as u32)).is_err()) else { return };
        let (user, item) = ((user - self.kg.users().start) as usize, (item - items.start) as usize);
        let Some(p) = self.users.get_mut(user) else { return };
        let Ok([q, r]) = self.items.get_disjoint_mut([item, other]) else { return };
        let Ok([b, c]) = self.biases.get_disjoint_mut([item, other]) else { return };
        let margin = *b - *c + p.iter().zip(q.iter().zip(r.iter())).map(|(p, (q, r))| p * (q - r)).sum::<f32>();
        let push = config.rate / (1.0 + margin.exp());
        let keep = 1.0 - config.rate * config.decay;
        let keep_bias = 1.0 - config.rate * config.decay * 0.1;
        (*b, *c) = (*b * keep_bias + push, *c * keep_bias - push);
        for (p, (q, r)) in p.iter_mut().zip(q.iter_mut().zip(r.iter_mut())) {
            let (was, apart) = (*p, *q - *r);
            *p = *p * keep + push * apart;
            *q = *q * keep + push * was;
            *r = *r * keep - push * was;
        }
    }
}

/// Normal numbers of deviation 0.1 / √factors.
fn start(config: BprConfig, node: u32) -> Vec<f32> {
    let mut stream = Stream::new(config.seed, Purpose::FactorBaseline, node, 0);
    #[expect(clippy::cast_precision_loss, reason = "factors are few")]
    let deviation = 0.1 / (config.num_factors.max(1) as f32).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "a start needs no more bits")]
    (0..config.num_factors).map(|_| stream.normal() as f32 * deviation).collect()
}

impl Baseline for BprMf<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::BprMf
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, _: &Context) -> Result<Vec<Recommendation>> {
        let Some(p) = user.0.checked_sub(self.kg.users().start).and_then(|index| self.users.get(index as usize)) else {
            return Ok(Vec::new());
        };
        let score = |(item, (q, bias)): (u32, (&Vec<f32>, &f32))| {
            let score = f64::from(bias + p.iter().zip(q).map(|(p, q)| p * q).sum::<f32>());
            Recommendation { item: NodeId(item), score }
        };
        Ok(self.kg.items().zip(self.items.iter().zip(&self.biases)).map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    /// Two tastes with ten items each; every user has chosen seven items of one of them.
    fn two_tastes() -> TrainKg {
        let mut data = Dataset::default();
        for user in 0..40 {
            for n in 0..7 {
                let item = (user % 2) * 10 + (user / 2 + n * 3) % 10;
                data.interact(&format!("u{user}"), &format!("i{item:02}"));
            }
        }
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    fn learn(kg: &TrainKg, config: BprConfig) -> BprMf<'_> {
        BprMf::new(kg, config, &Context::default()).expect("nobody asked for the end")
    }

    #[test]
    fn everyone_is_shown_the_rest_of_their_taste_first() {
        let kg = two_tastes();
        let model = learn(&kg, BprConfig { num_factors: 8, num_epochs: 200, ..BprConfig::default() });
        for user in kg.users().map(NodeId) {
            let taste = |item: u32| (item - kg.items().start) / 10;
            let own = taste(kg.items_of(user)[0]);
            let list = model.recommend(user, 3, &Context::default()).expect("a list");
            assert!(list.iter().all(|r| taste(r.item.0) == own), "{}", kg.id(user));
        }
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let kg = two_tastes();
        let of = |seed| learn(&kg, BprConfig { num_factors: 4, num_epochs: 3, seed, ..BprConfig::default() });
        assert_eq!(of(1).items, of(1).items);
        assert_ne!(of(1).items, of(2).items);
    }

    /// The step follows the gradient: σ(−x) p·(q − r) differentiated numerically.
    #[test]
    fn a_step_is_along_the_gradient() {
        let kg = two_tastes();
        let config = BprConfig { num_factors: 3, num_epochs: 0, rate: 1e-2, decay: 0.0, seed: 4 };
        let mut model = learn(&kg, config);
        let before = model.clone();
        let (user, item) = (kg.users().start, kg.items_of(NodeId(kg.users().start))[0]);
        model.step(config, &mut Stream::new(1, Purpose::Simulate, 0, 0), user, item);
        let chosen = (item - kg.items().start) as usize;
        let other = (0..20).find(|&i| i != chosen && model.items[i] != before.items[i]).expect("an item moved");
        let objective = |p: &[f32], q: &[f32], r: &[f32]| {
            let margin: f64 = (0..3).map(|f| f64::from(p[f]) * (f64::from(q[f]) - f64::from(r[f]))).sum();
            -(1.0 + (-margin).exp()).ln()
        };
        let (p, q, r) = (&before.users[0], &before.items[chosen], &before.items[other]);
        for factor in 0..3 {
            let moved = |vector: &[f32], by: f32| {
                let mut vector = vector.to_vec();
                vector[factor] += by;
                vector
            };
            let slope = (objective(&moved(p, 1e-2), q, r) - objective(&moved(p, -1e-2), q, r)) / 2e-2;
            let got = f64::from(model.users[0][factor] - p[factor]) / 1e-2;
            assert!((got - slope).abs() < 1e-3, "user factor {factor}: {got} and {slope}");
            let slope = (objective(p, &moved(q, 1e-2), r) - objective(p, &moved(q, -1e-2), r)) / 2e-2;
            let got = f64::from(model.items[chosen][factor] - q[factor]) / 1e-2;
            assert!((got - slope).abs() < 1e-3, "item factor {factor}: {got} and {slope}");
        }
    }
}
