//! A logistic regression over counts of metapaths: what a learner without embeddings gets out of the same paths.
//!
//! The features of user u and item j ≠ i are, for each directed relation r that leaves an item, the walk `c_r(u, j) = Σ
//! over paths u – i –r→ x –r⁻¹→ j of 1/(d(i) · d(x))`, i in the train set of u, d the number of arcs of a node; a walk
//! through other users is the relation `interacted_by`. A feature is ln(1 + c / s) with s the mean of c over the
//! positive examples. With `popularity`, ln(1 + train interactions) is one more. Positive examples are train choices,
//! seen as if they had not been made: paths through the item itself, or through the user, are left out. Each has
//! [`NEGATIVES`] negatives drawn uniformly from what the user has not chosen. The weights are those of greatest
//! likelihood with a ridge, found by Newton's method.

use super::{Baseline, BaselineName, dense};
use crate::error::{Error, Result};
use crate::metrics::count;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId, Purpose, RelationId, Stream};
use footpath_graph::TrainKg;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

/// Negatives for each positive.
const NEGATIVES: usize = 4;
/// Most users that examples are made of, spread evenly over all; and most positives of each of them.
const MAX_USERS: usize = 4_000;
const MAX_POSITIVES: usize = 50;
/// Most bytes of the features of all examples.
const MAX_BYTES: u64 = 4 << 30;
/// Examples between two looks at whether to stop.
const EXAMPLES_AT_ONCE: usize = 1 << 8;
/// Newton's steps; it settles in fewer than ten.
const MAX_STEPS: usize = 30;

/// How to learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetapathConfig {
    /// Weight of the squared length of the weights.
    pub ridge: f64,
    /// Whether the popularity of the item is a feature.
    pub popularity: bool,
    /// Seed of the negatives.
    pub seed: u64,
}

impl Default for MetapathConfig {
    fn default() -> Self {
        Self { ridge: 1.0, popularity: true, seed: 1 }
    }
}

/// One weight for each metapath. Cost: for each user a look at all arcs of all nodes at its items, in learning and for
/// a list.
#[derive(Clone, Debug)]
pub struct MetapathLogistic<'a> {
    kg: &'a TrainKg,
    relations: Vec<RelationId>,
    popularity: bool,
    /// s for each relation.
    scales: Vec<f64>,
    /// One for each relation, then of the popularity, then the constant.
    weights: Vec<f64>,
}

impl<'a> MetapathLogistic<'a> {
    /// Learns the weights.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where the features of all examples would take more than 4 GiB; a stop.
    pub fn new(kg: &'a TrainKg, config: MetapathConfig, context: &Context) -> Result<Self> {
        let relations = leaving_items(kg, context)?;
        let scales = vec![1.0; relations.len()];
        let mut model = Self { kg, relations, popularity: config.popularity, scales, weights: Vec::new() };
        let step = kg.users().len().div_ceil(MAX_USERS).max(1);
        let users: Vec<u32> = kg.users().step_by(step).collect();
        model.check_size(&users)?;
        let stage = context.stage(BaselineName::MetapathLogistic.stage(), Some(users.len() as u64), "users");
        let of_user = |user| {
            let examples = model.examples(NodeId(user), config.seed, context);
            stage.advance(1)?;
            examples
        };
        let examples: Vec<Vec<Example>> = users.into_par_iter().map(of_user).collect::<Result<_>>()?;
        let mut examples: Vec<Example> = examples.into_iter().flatten().collect();
        model.scales = means(&examples, model.relations.len());
        for portion in examples.chunks_mut(EXAMPLES_AT_ONCE) {
            context.check()?;
            for example in portion {
                example.features = model.features(&example.features, example.popularity);
            }
        }
        model.weights = fit(&examples, model.relations.len() + 2, config.ridge, context)?;
        Ok(model)
    }

    /// Refuses what would not fit into memory.
    fn check_size(&self, users: &[u32]) -> Result<()> {
        let positives: usize = users.iter().map(|&user| self.kg.items_of(NodeId(user)).len().min(MAX_POSITIVES)).sum();
        let of_a_feature = (positives * (1 + NEGATIVES)) as u64 * size_of::<f64>() as u64;
        let (num_features, max) = (self.relations.len() + 2, MAX_BYTES / of_a_feature.max(1));
        if num_features as u64 <= max {
            return Ok(());
        }
        let what = BaselineName::MetapathLogistic.name();
        let bytes = of_a_feature.saturating_mul(num_features as u64);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Err(Error::TooLarge { what, max, got: num_features, unit: "features", bytes })
    }

    /// What is learnt: the weight of each relation by its name.
    #[must_use]
    pub fn weights(&self) -> Vec<(String, f64)> {
        self.relations.iter().map(|&r| self.kg.relation_name(r)).zip(self.weights.iter().copied()).collect()
    }

    /// c_r(u, ·) for each relation.
    fn walks(&self, user: NodeId, context: &Context) -> Result<Vec<Vec<f64>>> {
        self.relations.iter().map(|&relation| self.walk(user, relation, context)).collect()
    }

    fn walk(&self, user: NodeId, relation: RelationId, context: &Context) -> Result<Vec<f64>> {
        let first = self.kg.items().start;
        let mut at = std::collections::BTreeMap::new();
        for &item in self.kg.items_of(user) {
            context.check()?;
            let chance = self.chance(NodeId(item));
            for &between in self.kg.arcs(NodeId(item)).of(relation).tails {
                if between != user.0 {
                    *at.entry(between).or_insert(0.0) += chance;
                }
            }
        }
        let mut counts = vec![0.0; self.kg.items().len()];
        for (between, chance) in at {
            context.check()?;
            let share = chance * self.chance(NodeId(between));
            for &end in self.kg.arcs(NodeId(between)).of(relation.inverse()).tails {
                let index = end.checked_sub(first).map(|index| index as usize);
                if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                    *count += share;
                }
            }
        }
        Ok(counts)
    }

    /// The part of a walk that starts and ends at the same item.
    fn there_and_back(&self, user: NodeId, item: NodeId, relation: RelationId) -> f64 {
        let between = self.kg.arcs(item).of(relation).tails.iter().filter(|&&between| between != user.0);
        self.chance(item) * between.map(|&between| self.chance(NodeId(between))).sum::<f64>()
    }

    fn chance(&self, node: NodeId) -> f64 {
        1.0 / count(self.kg.degree(node).max(1))
    }

    fn examples(&self, user: NodeId, seed: u64, context: &Context) -> Result<Vec<Example>> {
        let (items, chosen) = (self.kg.items(), self.kg.items_of(user));
        if chosen.len() < 2 || chosen.len() == items.len() {
            return Ok(Vec::new());
        }
        let walks = self.walks(user, context)?;
        let at = |item: u32| -> Vec<f64> {
            walks.iter().map(|walk| walk.get((item - items.start) as usize).copied().unwrap_or(0.0)).collect()
        };
        let mut stream = Stream::new(seed, Purpose::MetapathBaseline, user.0, 0);
        let mut positives = chosen.to_vec();
        stream.shuffle(&mut positives);
        positives.truncate(MAX_POSITIVES);
        let mut examples = Vec::new();
        for item in positives {
            context.check()?;
            let popularity = self.kg.popularity(NodeId(item)) - 1;
            let others = at(item).into_iter().zip(&self.relations);
            // A difference of sums that should be equal may fall below 0 by a rounding.
            let features =
                others.map(|(walk, &r)| (walk - self.there_and_back(user, NodeId(item), r)).max(0.0)).collect();
            examples.push(Example { chosen: true, features, popularity });
            for _ in 0..NEGATIVES {
                let unseen = loop {
                    #[expect(clippy::cast_possible_truncation, reason = "nodes have 32-bit ids")]
                    let item = items.start + stream.index(items.len()) as u32;
                    if chosen.binary_search(&item).is_err() {
                        break item;
                    }
                };
                let popularity = self.kg.popularity(NodeId(unseen));
                examples.push(Example { chosen: false, features: at(unseen), popularity });
            }
        }
        Ok(examples)
    }

    fn features(&self, walks: &[f64], popularity: usize) -> Vec<f64> {
        let popularity = if self.popularity { count(popularity).ln_1p() } else { 0.0 };
        walks.iter().zip(&self.scales).map(|(walk, scale)| (walk / scale).ln_1p()).chain([popularity, 1.0]).collect()
    }
}

/// The directed relations that some item has an arc of, ascending.
fn leaving_items(kg: &TrainKg, context: &Context) -> Result<Vec<RelationId>> {
    let mut leaves = vec![false; kg.num_relations()];
    for item in kg.items() {
        context.check()?;
        for (relation, _) in kg.arcs(NodeId(item)).iter() {
            if let Some(leaves) = leaves.get_mut(usize::from(relation.0)) {
                *leaves = true;
            }
        }
    }
    Ok((0..).zip(leaves).filter(|(_, leaves)| *leaves).map(|(relation, _)| RelationId(relation)).collect())
}

/// What is known of a user and an item: walks first, later the features made of them.
struct Example {
    chosen: bool,
    features: Vec<f64>,
    popularity: usize,
}

/// Mean of each walk over the positive examples, 1 where there is none.
fn means(examples: &[Example], num_walks: usize) -> Vec<f64> {
    let positive: Vec<&Example> = examples.iter().filter(|e| e.chosen).collect();
    let of = |walk: usize| {
        let sum: f64 = positive.iter().filter_map(|e| e.features.get(walk)).sum();
        if sum > 0.0 { sum / count(positive.len()) } else { 1.0 }
    };
    (0..num_walks).map(of).collect()
}

/// The weights that make the log-likelihood less ridge/2 · |w|² greatest.
fn fit(examples: &[Example], num_features: usize, ridge: f64, context: &Context) -> Result<Vec<f64>> {
    let mut weights = Array1::<f64>::zeros(num_features);
    for _ in 0..MAX_STEPS {
        let mut gradient = &weights * -ridge;
        let mut curvature = Array2::<f64>::eye(num_features) * ridge;
        for (number, example) in examples.iter().enumerate() {
            if number.is_multiple_of(EXAMPLES_AT_ONCE) {
                context.check()?;
            }
            let x = ndarray::aview1(&example.features);
            let chance = 1.0 / (1.0 + (-x.dot(&weights)).exp());
            gradient.scaled_add(f64::from(u8::from(example.chosen)) - chance, &x);
            let spread = chance * (1.0 - chance);
            for (mut row, &value) in curvature.rows_mut().into_iter().zip(x) {
                if value != 0.0 {
                    row.scaled_add(spread * value, &x);
                }
            }
        }
        dense::invert(&mut curvature, context, |_| Ok(()))?;
        let step = curvature.dot(&gradient);
        weights += &step;
        if step.iter().all(|s| s.abs() < 1e-9) {
            break;
        }
    }
    Ok(weights.to_vec())
}

impl Baseline for MetapathLogistic<'_> {
    fn id(&self) -> BaselineName {
        BaselineName::MetapathLogistic
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    /// The logarithm of the odds, for items that a path reaches.
    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        let walks = self.walks(user, context)?;
        let score = |item: u32| {
            let index = (item - self.kg.items().start) as usize;
            let at: Vec<f64> = walks.iter().map(|walk| walk.get(index).copied().unwrap_or(0.0)).collect();
            let features = self.features(&at, self.kg.popularity(NodeId(item)));
            let score = features.iter().zip(&self.weights).map(|(x, w)| x * w).sum();
            at.iter().any(|&walk| walk > 0.0).then_some(Recommendation { item: NodeId(item), score })
        };
        Ok(self.kg.items().filter_map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_graph;
    use footpath_graph::{Dataset, build::build};

    fn learn(kg: &TrainKg) -> MetapathLogistic<'_> {
        MetapathLogistic::new(kg, MetapathConfig::default(), &Context::default()).expect("few relations")
    }

    #[test]
    fn what_would_not_fit_into_memory_is_refused() {
        let kg = random_graph(8);
        let mut model = learn(&kg);
        let users: Vec<u32> = kg.users().collect();
        model.check_size(&users).expect("small");
        model.relations = vec![RelationId(0); 10_000_000];
        let message = model.check_size(&users).expect_err("too large").to_string();
        assert!(message.starts_with("metapath-logistic: at most ") && message.contains("got 10000002"), "{message}");
    }

    #[test]
    fn walks_are_sums_over_paths_and_examples_leave_out_the_choice() {
        let kg = random_graph(8);
        let model = learn(&kg);
        let chance = |node: u32| 1.0 / kg.degree(NodeId(node)) as f64;
        for user in kg.users() {
            let walks = model.walks(NodeId(user), &Context::default()).expect("walks");
            for (relation, walk) in model.relations.iter().zip(&walks) {
                for end in kg.items() {
                    let (mut all, mut others) = (0.0, 0.0);
                    for &item in kg.items_of(NodeId(user)) {
                        for (r, between) in kg.arcs(NodeId(item)).iter().filter(|(_, x)| x.0 != user) {
                            let back = kg.arcs(between).iter().any(|(b, tail)| b == r.inverse() && tail.0 == end);
                            if r == *relation && back {
                                all += chance(item) * chance(between.0);
                                others += if item == end { 0.0 } else { chance(item) * chance(between.0) };
                            }
                        }
                    }
                    let got = walk[(end - kg.items().start) as usize];
                    assert!((got - all).abs() < 1e-12);
                    if kg.items_of(NodeId(user)).contains(&end) {
                        let got = got - model.there_and_back(NodeId(user), NodeId(end), *relation);
                        assert!((got - others).abs() < 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn at_the_weights_the_gradient_is_zero() {
        let mut draw = Stream::new(1, Purpose::Simulate, 0, 3);
        let example = |draw: &mut Stream| {
            let features = vec![draw.normal(), draw.normal(), 1.0];
            Example { chosen: draw.unit() < 1.0 / (1.0 + (-features[0]).exp()), features, popularity: 0 }
        };
        let examples: Vec<_> = (0..2_000).map(|_| example(&mut draw)).collect();
        let weights = fit(&examples, 3, 2.0, &Context::default()).expect("nobody asked for the end");
        for feature in 0..3 {
            let mut gradient = -2.0 * weights[feature];
            for e in &examples {
                let odds: f64 = e.features.iter().zip(&weights).map(|(x, w)| x * w).sum();
                gradient += (f64::from(u8::from(e.chosen)) - 1.0 / (1.0 + (-odds).exp())) * e.features[feature];
            }
            assert!(gradient.abs() < 1e-6, "{feature}: {gradient}");
        }
        assert!((weights[0] - 1.0).abs() < 0.2 && weights[1].abs() < 0.2, "{weights:?}");
    }

    /// Users choose films of one director; the genre says nothing.
    #[test]
    fn the_relation_that_matters_is_found() {
        let mut data = Dataset::default();
        for item in 0..60 {
            let film = format!("film {item}");
            data.link(&format!("i{item}"), &film);
            data.fact(&film, "by", &format!("director {}", item / 6));
            data.fact(&film, "genre", &format!("genre {}", item * 7 % 10));
        }
        for user in 0..60 {
            for n in 0..4 {
                data.interact(&format!("u{user}"), &format!("i{}", (user % 10) * 6 + (user / 10 + n) % 6));
            }
        }
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let model = learn(&kg);
        let weight = |name: &str| model.weights().iter().find(|(n, _)| n == name).expect("a weight").1;
        assert!(weight("by") > 5.0 * weight("genre").abs(), "{:?}", model.weights());
        for user in kg.users().map(NodeId) {
            let of = |item: u32| kg.arcs(NodeId(item)).of(kg.relation("by").expect("known")).tails.to_vec();
            let director = of(kg.items_of(user)[0]);
            let list = model.recommend(user, 2, &Context::default()).expect("a list");
            assert!(list.iter().all(|r| of(r.item.0) == director));
        }
    }
}
