//! Baselines at their best: each tried with every setting of a small stated grid, and the best on valid taken. Test is never looked at.

use super::{
    Baseline, BprConfig, BprMf, Ease, ItemKnn, MetapathConfig, MetapathLogistic, PageRank, PathCount, Popularity,
    Random, Rp3Beta, UserKnn,
};
use crate::error::Result;
use crate::evaluate::evaluate;
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use serde::Serialize;

/// Neighbours tried for item-kNN and user-kNN.
pub const NEIGHBOURS: [usize; 9] = [2, 3, 5, 10, 20, 50, 100, 200, 400];
/// λ tried for EASE.
pub const LAMBDAS: [f64; 7] = [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
/// α tried for RP³β.
pub const ALPHAS: [f64; 4] = [0.6, 0.8, 1.0, 1.2];
/// β tried for RP³β.
pub const BETAS: [f64; 5] = [0.2, 0.4, 0.5, 0.6, 0.8];
/// Epochs and decay tried for BPR-MF, with 64 factors and rate 0.05.
pub const FACTOR_EPOCHS: [usize; 3] = [60, 120, 240];
/// See [`FACTOR_EPOCHS`].
pub const FACTOR_DECAYS: [f32; 3] = [0.003, 0.01, 0.03];
/// Chances to start anew tried for PageRank.
pub const RESTARTS: [f64; 5] = [0.15, 0.3, 0.5, 0.8, 0.95];
/// Ridges tried for the logistic regression, each with and without popularity.
pub const RIDGES: [f64; 2] = [1.0, 100.0];

/// A setting with its figure on valid.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// The baselines [`tune`] knows, in its order.
pub const NAMES: [&str; 11] = [
    "random",
    "popularity",
    "path-count",
    "path-count-tempered",
    "metapath-logistic",
    "page-rank",
    "item-knn",
    "user-knn",
    "rp3beta",
    "ease",
    "bpr-mf",
];

/// Tries a baseline, by its name in [`NAMES`], with every setting of its grid, and takes the one whose NDCG at `k` on valid is highest; the first of equals.
/// `None` for another name.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; [`crate::Error::TooLarge`] where a baseline would not fit.
pub fn tune<'a>(name: &str, kg: &'a TrainKg, valid: &HeldOut, k: usize, seed: u64) -> Result<Option<Tuned<'a>>> {
    let search = Search { kg, valid, k };
    let neighbours = |k: &usize| format!("{k} neighbours");
    match name {
        "random" => search.only(Random::new(kg, seed)),
        "popularity" => search.only(Popularity::new(kg)),
        "path-count" => search.only(PathCount::new(kg)),
        "path-count-tempered" => search.only(PathCount::tempered(kg)),
        "item-knn" => search.best(&NEIGHBOURS, neighbours, |&k| Ok(ItemKnn::new(kg, k))),
        "user-knn" => search.best(&NEIGHBOURS, neighbours, |&k| Ok(UserKnn::new(kg, k))),
        "page-rank" => search.best(&RESTARTS, |c| format!("restart {c}"), |&c| Ok(PageRank::new(kg, c))),
        "ease" => search.best(&LAMBDAS, |l| format!("lambda {l}"), |&l| Ease::new(kg, l)),
        "rp3beta" => {
            let grid: Vec<_> = ALPHAS.iter().flat_map(|&a| BETAS.map(|b| (a, b))).collect();
            search.best(&grid, |(a, b)| format!("alpha {a}, beta {b}"), |&(a, b)| Ok(Rp3Beta::new(kg, a, b)))
        }
        "bpr-mf" => {
            let config = |num_epochs, decay| BprConfig { num_epochs, decay, seed, ..BprConfig::default() };
            let grid: Vec<_> = FACTOR_EPOCHS.iter().flat_map(|&e| FACTOR_DECAYS.map(|d| config(e, d))).collect();
            let words =
                |c: &BprConfig| format!("{} epochs, decay {}, {} factors", c.num_epochs, c.decay, c.num_factors);
            search.best(&grid, words, |&config| Ok(BprMf::new(kg, config)))
        }
        "metapath-logistic" => {
            let config = |ridge, popularity| MetapathConfig { ridge, popularity, seed };
            let grid: Vec<_> = RIDGES.iter().flat_map(|&r| [true, false].map(|p| config(r, p))).collect();
            let with = |c: &MetapathConfig| if c.popularity { "with" } else { "without" };
            let words = |c: &MetapathConfig| format!("ridge {}, {} popularity", c.ridge, with(c));
            search.best(&grid, words, |&config| Ok(MetapathLogistic::new(kg, config)))
        }
        _ => Ok(None),
    }
}

/// Settings made and judged at the same time. Few, since each holds what its baseline learnt.
const AT_ONCE: usize = 2;

struct Search<'a, 'h> {
    kg: &'a TrainKg,
    valid: &'h HeldOut,
    k: usize,
}

impl<'a> Search<'a, '_> {
    fn judge<B: Baseline + 'a>(&self, setting: String, baseline: B) -> Result<(Trial, B)> {
        let metrics = evaluate(&baseline.recommend_all(self.k), self.valid, self.kg, self.k)?;
        Ok((Trial { setting, valid_ndcg: metrics.ndcg }, baseline))
    }

    /// A baseline with nothing to set.
    fn only<B: Baseline + 'a>(&self, baseline: B) -> Result<Option<Tuned<'a>>> {
        let (chosen, baseline) = self.judge(String::new(), baseline)?;
        Ok(Some(Tuned { baseline: Box::new(baseline), tried: vec![chosen.clone()], chosen }))
    }

    fn best<S: Sync, B: Baseline + 'a>(
        &self,
        grid: &[S],
        words: impl Fn(&S) -> String + Sync,
        make: impl Fn(&S) -> Result<B> + Sync,
    ) -> Result<Option<Tuned<'a>>> {
        let mut tried = Vec::new();
        let mut best: Option<(Trial, B)> = None;
        for settings in grid.chunks(AT_ONCE) {
            let made = settings.par_iter().map(|setting| self.judge(words(setting), make(setting)?));
            for (trial, baseline) in made.collect::<Result<Vec<_>>>()? {
                tried.push(trial.clone());
                if best.as_ref().is_none_or(|(best, _)| trial.valid_ndcg > best.valid_ndcg) {
                    best = Some((trial, baseline));
                }
            }
        }
        Ok(best.map(|(chosen, baseline)| Tuned { baseline: Box::new(baseline), chosen, tried }))
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
        for name in NAMES {
            let tuned = tune(name, &kg, &valid, 5, 1).expect("small").expect("a known name");
            assert_eq!(tuned.baseline.name(), name);
            assert!(tuned.tried.iter().all(|trial| trial.valid_ndcg <= tuned.chosen.valid_ndcg), "{name}");
            let again = evaluate(&tuned.baseline.recommend_all(5), &valid, &kg, 5).expect("valid").ndcg;
            assert_eq!(again, tuned.chosen.valid_ndcg, "{name}");
            let settings: std::collections::BTreeSet<_> = tuned.tried.iter().map(|t| &t.setting).collect();
            assert_eq!(settings.len(), tuned.tried.len(), "{name}");
        }
        assert!(tune("magic", &kg, &valid, 5, 1).expect("no error").is_none());
    }
}
