//! Baselines at their best: each tried with every setting of a small stated grid, and the best on valid taken. Test is
//! never looked at.

use super::{
    Baseline, BaselineName, BprConfig, BprMf, Cooccurrences, Ease, Edlae, Ials, IalsConfig, ItemKnn, MetapathConfig,
    MetapathLogistic, Order, PageRank, PathCount, Popularity, Random, Rp3Beta, Slim, Together, UserKnn, linear,
};
use crate::error::Result;
use crate::evaluate::evaluate;
use footpath_core::{Context, NodeId};
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Neighbours tried for item-kNN and user-kNN.
pub const NEIGHBOURS: [usize; 9] = [2, 3, 5, 10, 20, 50, 100, 200, 400];
/// λ tried for EASE.
pub const LAMBDAS: [f64; 7] = [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
/// λ tried for EDLAE, each with each p below.
pub const EDLAE_LAMBDAS: [f64; 4] = [10.0, 50.0, 200.0, 500.0];
/// p tried for EDLAE.
pub const DROPOUTS: [f64; 3] = [0.1, 0.25, 0.5];
/// β tried for SLIM, each with each λ below.
pub const SLIM_RIDGES: [f64; 4] = [1.0, 10.0, 50.0, 200.0];
/// λ tried for SLIM.
pub const SLIM_LASSOS: [f64; 3] = [0.1, 1.0, 5.0];
/// Powers tried by which a history fades in linear models that know an order, where there are times.
pub const FADINGS: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// α tried for RP³β.
pub const ALPHAS: [f64; 4] = [0.6, 0.8, 1.0, 1.2];
/// β tried for RP³β.
pub const BETAS: [f64; 5] = [0.2, 0.4, 0.5, 0.6, 0.8];
/// Epochs and decay tried for BPR-MF, with 64 factors and rate 0.05.
pub const FACTOR_EPOCHS: [usize; 3] = [60, 120, 240];
/// See [`FACTOR_EPOCHS`].
pub const FACTOR_DECAYS: [f32; 3] = [0.003, 0.01, 0.03];
/// Weights of what was not chosen tried for iALS, with 64 factors and 12 epochs.
pub const UNCHOSEN: [f64; 4] = [0.1, 0.3, 1.0, 3.0];
/// λ tried for iALS.
pub const IALS_LAMBDAS: [f64; 4] = [0.001, 0.003, 0.01, 0.03];
/// Chances to start anew tried for PageRank.
pub const RESTARTS: [f64; 5] = [0.15, 0.3, 0.5, 0.8, 0.95];
/// Ridges tried for the logistic regression, each with and without popularity.
pub const RIDGES: [f64; 2] = [1.0, 100.0];

/// A setting with its figure on valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The setting in words; empty where there is nothing to set.
    pub setting: String,
    /// NDCG on valid, in [0, 1].
    pub valid_ndcg: f64,
}

/// A baseline with the setting that was best on valid.
pub struct Tuned<'a> {
    /// The baseline with that setting.
    pub baseline: Box<dyn Baseline + 'a>,
    /// The setting taken.
    pub chosen: Trial,
    /// All that were tried, in the order of the grid.
    pub tried: Vec<Trial>,
}

/// Tries a baseline with every setting of its grid, and takes the one whose NDCG at `k` on valid is highest; the first
/// of equals.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; [`crate::Error::TooLarge`] where a baseline would not fit; a stop.
pub fn tune<'a>(
    name: BaselineName,
    kg: &'a TrainKg,
    valid: &HeldOut,
    k: usize,
    seed: u64,
    context: &Context,
) -> Result<Tuned<'a>> {
    let quiet = &context.quietly();
    let search = Search { name, kg, valid, k, context, quiet };
    let neighbours = |k: &usize| format!("{k} neighbours");
    match name {
        BaselineName::Random => search.only(Random::new(kg, seed)),
        BaselineName::Popularity => search.only(Popularity::new(kg)),
        BaselineName::PathCount => search.only(PathCount::new(kg)),
        BaselineName::PathCountTempered => search.only(PathCount::tempered(kg)),
        BaselineName::ItemKnn => search.best(&NEIGHBOURS, neighbours, |&k| ItemKnn::new(kg, k, quiet)),
        BaselineName::UserKnn => search.best(&NEIGHBOURS, neighbours, |&k| Ok(UserKnn::new(kg, k))),
        BaselineName::PageRank => search.best(&RESTARTS, |c| format!("restart {c}"), |&c| Ok(PageRank::new(kg, c))),
        BaselineName::Ease => search.best(&LAMBDAS, |l| format!("lambda {l}"), |&l| Ease::new(kg, l, quiet)),
        BaselineName::Edlae => {
            let grid: Vec<_> = EDLAE_LAMBDAS.iter().flat_map(|&l| DROPOUTS.map(|p| (l, p))).collect();
            let words = |(l, p): &(f64, f64)| format!("lambda {l}, dropout {p}");
            search.best(&grid, words, |&(l, p)| Edlae::new(kg, l, p, quiet))
        }
        BaselineName::Slim => {
            let grid: Vec<_> = SLIM_RIDGES.iter().flat_map(|&b| SLIM_LASSOS.map(|l| (b, l))).collect();
            let together = Cooccurrences::of(kg, quiet)?;
            let words = |(b, l): &(f64, f64)| format!("ridge {b}, lasso {l}");
            search.best(&grid, words, |&(b, l)| Slim::new(kg, &together, b, l, quiet))
        }
        BaselineName::Slit | BaselineName::Slist => search.linear(Order::Ahead { past: 2.0, future: 3.0 }, false),
        BaselineName::WindowEase => search.linear(Order::Window { width: 3.0 }, false),
        BaselineName::WindowEaseKg => search.linear(Order::Window { width: 3.0 }, true),
        BaselineName::AddEase => search.linear(Order::Alike, true),
        BaselineName::Rp3Beta => {
            let grid: Vec<_> = ALPHAS.iter().flat_map(|&a| BETAS.map(|b| (a, b))).collect();
            search.best(&grid, |(a, b)| format!("alpha {a}, beta {b}"), |&(a, b)| Ok(Rp3Beta::new(kg, a, b)))
        }
        BaselineName::BprMf => {
            let config = |num_epochs, decay| BprConfig { num_epochs, decay, seed, ..BprConfig::default() };
            let grid: Vec<_> = FACTOR_EPOCHS.iter().flat_map(|&e| FACTOR_DECAYS.map(|d| config(e, d))).collect();
            let words =
                |c: &BprConfig| format!("{} epochs, decay {}, {} factors", c.num_epochs, c.decay, c.num_factors);
            search.best(&grid, words, |&config| BprMf::new(kg, config, quiet))
        }
        BaselineName::Ials => {
            let config = |unchosen, lambda| IalsConfig { unchosen, lambda, seed, ..IalsConfig::default() };
            let grid: Vec<_> = UNCHOSEN.iter().flat_map(|&a| IALS_LAMBDAS.map(|l| config(a, l))).collect();
            let words = |c: &IalsConfig| {
                format!("{} for what was not chosen, lambda {}, {} factors", c.unchosen, c.lambda, c.num_factors)
            };
            search.best(&grid, words, |&config| Ials::new(kg, config, quiet))
        }
        BaselineName::MetapathLogistic => {
            let config = |ridge, popularity| MetapathConfig { ridge, popularity, seed };
            let grid: Vec<_> = RIDGES.iter().flat_map(|&r| [true, false].map(|p| config(r, p))).collect();
            let with = |c: &MetapathConfig| if c.popularity { "with" } else { "without" };
            let words = |c: &MetapathConfig| format!("ridge {}, {} popularity", c.ridge, with(c));
            search.best(&grid, words, |&config| MetapathLogistic::new(kg, config, quiet))
        }
    }
}

/// Settings made and judged at the same time. Few, since each holds what its baseline learnt.
const AT_ONCE: usize = 2;

struct Search<'a, 'h> {
    name: BaselineName,
    kg: &'a TrainKg,
    valid: &'h HeldOut,
    k: usize,
    context: &'h Context,
    /// For the work on each setting, of which several are under way.
    quiet: &'h Context,
}

impl<'a> Search<'a, '_> {
    fn judge<B: Baseline + 'a>(&self, setting: String, baseline: B) -> Result<(Trial, B)> {
        let lists = baseline.recommend_all(self.k, self.quiet)?;
        let evaluated = evaluate(&lists, self.valid, self.kg, self.k, self.quiet)?;
        Ok((Trial { setting, valid_ndcg: evaluated.metrics.ndcg }, baseline))
    }

    /// A linear model, by a climb from its default settings: as long as a step leads upward it is gone on.
    fn linear(&self, order: Order, knowledge: bool) -> Result<Tuned<'a>> {
        let together = Together::new(self.kg, self.quiet)?;
        let knows_times = self.kg.users().any(|user| !self.kg.times_of(NodeId(user)).is_empty());
        let fadings = if knows_times { FADINGS.to_vec() } else { vec![0.0] };
        let alike = self.name != BaselineName::Slit;
        let space = linear::Space {
            id: self.name,
            orders: vec![order],
            knowledge,
            alike,
            dropout: false,
            fadings,
            until: None,
        };
        let judge = |model: &linear::LinearModel<'_>| {
            let lists = model.recommend_all(self.k, self.quiet)?;
            Ok(vec![evaluate(&lists, self.valid, self.kg, self.k, self.quiet)?.metrics.ndcg])
        };
        let stage = self.context.stage(self.name.tuning(), None, "settings");
        let chosen = linear::choose(&together, &space, &judge, self.quiet)?.ok_or(footpath_core::Error::Stopped)?;
        stage.advance(chosen.tried.len() as u64)?;
        let trial = |found: &linear::Found| Trial { setting: found.settings.words(), valid_ndcg: found.mean() };
        let tried = chosen.tried.iter().map(trial).collect();
        let (trial, model) = self.judge(chosen.best.settings.words(), chosen.model)?;
        Ok(Tuned { baseline: Box::new(model), chosen: trial, tried })
    }

    /// A baseline with nothing to set.
    fn only<B: Baseline + 'a>(&self, baseline: B) -> Result<Tuned<'a>> {
        let stage = self.context.stage(self.name.tuning(), Some(1), "settings");
        let (chosen, baseline) = self.judge(String::new(), baseline)?;
        stage.advance(1)?;
        Ok(Tuned { baseline: Box::new(baseline), tried: vec![chosen.clone()], chosen })
    }

    fn best<S: Sync, B: Baseline + 'a>(
        &self,
        grid: &[S],
        words: impl Fn(&S) -> String + Sync,
        make: impl Fn(&S) -> Result<B> + Sync,
    ) -> Result<Tuned<'a>> {
        let stage = self.context.stage(self.name.tuning(), Some(grid.len() as u64), "settings");
        let judge = |setting| {
            let judged = self.judge(words(setting), make(setting)?)?;
            stage.advance(1)?;
            Ok(judged)
        };
        let (mut tried, mut best) = (Vec::new(), None);
        for settings in grid.chunks(AT_ONCE) {
            for (trial, baseline) in settings.par_iter().map(judge).collect::<Result<Vec<_>>>()? {
                tried.push(trial.clone());
                if best.as_ref().is_none_or(|(best, _): &(Trial, B)| trial.valid_ndcg > best.valid_ndcg) {
                    best = Some((trial, baseline));
                }
            }
        }
        // Every grid has settings; one without has nothing to go on with.
        let (chosen, baseline) = best.ok_or(footpath_core::Error::Stopped)?;
        Ok(Tuned { baseline: Box::new(baseline), chosen, tried })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::random_graph;
    use footpath_graph::Interaction;

    #[test]
    fn every_name_is_known_and_the_best_on_valid_is_taken() {
        let kg = random_graph(2);
        let (user, item) = (kg.users().start, kg.items().start);
        let choice = |n: u32| Interaction {
            user: footpath_core::NodeId(user + n),
            item: footpath_core::NodeId(item + 3 * n % 16),
            rating: f32::NAN,
            time: 0,
            line: 0,
        };
        let valid = HeldOut::from((0..10).map(choice).collect::<Vec<_>>().as_slice());
        let context = Context::default();
        for &name in BaselineName::ALL {
            let tuned = tune(name, &kg, &valid, 5, 1, &context).expect("small");
            assert_eq!(tuned.baseline.id(), name);
            assert!(tuned.tried.iter().all(|trial| trial.valid_ndcg <= tuned.chosen.valid_ndcg), "{name:?}");
            let lists = tuned.baseline.recommend_all(5, &context).expect("lists");
            let again = evaluate(&lists, &valid, &kg, 5, &context).expect("valid").metrics;
            assert_eq!(again.ndcg, tuned.chosen.valid_ndcg, "{name:?}");
            let settings: std::collections::BTreeSet<_> = tuned.tried.iter().map(|t| &t.setting).collect();
            assert_eq!(settings.len(), tuned.tried.len(), "{name:?}");
        }
    }
}
