//! What is said of items from a user alone, beside the paths to them, and how the parts are weighed.

use super::SearchOptions;
use footpath_core::TokenId;

/// What is said of each item from a user alone, beside the paths to it.
#[derive(Clone, Debug)]
pub struct ItemPriors {
    /// Token of the first item.
    pub(super) first: u32,
    /// ln p(item ∣ user) by the model, among all items; empty where it is not asked for, which costs nothing.
    pub(super) direct: Vec<f32>,
    /// As [`Linear::log_shares`](crate::Linear::log_shares); empty where there is none.
    pub(super) linear: Vec<f32>,
    /// The same of how often all users chose an item, and of counted paths.
    pub(super) popularity: Vec<f32>,
    pub(super) path_count: Vec<f32>,
    /// The most that all of it comes to for any item, weighed: high weights make numbers that no float holds, so all
    /// are taken from there.
    pub(super) highest: f64,
}

/// Least that a weighed prior may be below the highest: e^−600 times the probability of paths is still a number.
const LEAST: f64 = -600.0;

/// What is said of one item from a user alone, as logarithms; 0 of what was not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ItemPrior {
    /// ln p(item ∣ user), by the model.
    pub direct: f64,
    /// Its share of the largest score of the linear part.
    pub linear: f64,
    /// Its share of the choices that the most popular item has.
    pub popularity: f64,
    /// Its share of the largest count of paths.
    pub path_count: f64,
}

impl ItemPrior {
    /// What each part adds to the logarithm of the worth of the paths to the item.
    pub(super) fn weighed(self, options: &SearchOptions) -> Self {
        Self {
            direct: options.direct * self.direct,
            linear: options.linear * self.linear,
            popularity: options.popularity * self.popularity,
            path_count: options.path_count * self.path_count,
        }
    }

    /// All parts together.
    #[must_use]
    pub fn sum(self) -> f64 {
        self.direct + self.linear + self.popularity + self.path_count
    }
}

impl ItemPriors {
    fn parts(&self) -> [&Vec<f32>; 4] {
        [&self.direct, &self.linear, &self.popularity, &self.path_count]
    }

    pub(super) fn with_highest(self, options: &SearchOptions) -> Self {
        let len = self.parts().into_iter().map(Vec::len).max().unwrap_or(0);
        let weighed = (self.first..).take(len).map(|item| self.of(TokenId(item)).weighed(options).sum());
        let highest = weighed.fold(f64::NEG_INFINITY, f64::max);
        Self { highest: if highest.is_finite() { highest } else { 0.0 }, ..self }
    }

    /// What the worth of the paths to an item is multiplied by, over the largest such factor; at most 1.
    pub(super) fn factor(&self, item: u32, options: &SearchOptions) -> f64 {
        if self.parts().into_iter().all(Vec::is_empty) {
            return 1.0;
        }
        (self.of(TokenId(item)).weighed(options).sum() - self.highest).clamp(LEAST, 0.0).exp()
    }

    /// What is said of an item, by its token.
    #[must_use]
    pub fn of(&self, item: TokenId) -> ItemPrior {
        let place = item.0.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let at = |prior: &[f32]| place.and_then(|place| prior.get(place)).map_or(0.0, |&log| f64::from(log));
        let (direct, linear) = (at(&self.direct), at(&self.linear));
        ItemPrior { direct, linear, popularity: at(&self.popularity), path_count: at(&self.path_count) }
    }
}
