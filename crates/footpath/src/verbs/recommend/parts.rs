//! What made an item's rank: its paths, or what is said of it from the user alone.

use footpath_model::decode::{ItemPrior, ScoredItem};
use serde::{Deserialize, Serialize};

/// What a score is made of. Each part is a natural logarithm, weighed as the score weighs it, and they add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// The probability of the paths.
    pub paths: f64,
    /// What the model says of the item from the user alone.
    #[serde(default)]
    pub direct: f64,
    /// What other users' choices say of it, given the user's history.
    #[serde(default)]
    pub linear: f64,
    /// How often all users chose it.
    #[serde(default)]
    pub popularity: f64,
    /// Paths through knowledge, counted instead of learned.
    #[serde(default)]
    pub path_count: f64,
}

impl Parts {
    pub(super) fn of(item: &ScoredItem) -> Self {
        let ItemPrior { direct, linear, popularity, path_count } = item.prior;
        Self { paths: item.of_paths(), direct, linear, popularity, path_count }
    }

    /// The parts by name.
    #[must_use]
    pub fn named(self) -> [(&'static str, f64); 5] {
        [
            ("paths", self.paths),
            ("the user alone", self.direct),
            ("choices of others", self.linear),
            ("popularity", self.popularity),
            ("counted paths", self.path_count),
        ]
    }

    /// The share that each part has in standing above another item: of what is in favour, in [0, 1]; all 0 where
    /// nothing is.
    pub(super) fn shares_above(self, other: Self) -> Self {
        let above = |own: f64, other: f64| (own - other).max(0.0);
        let paths = above(self.paths, other.paths);
        let direct = above(self.direct, other.direct);
        let linear = above(self.linear, other.linear);
        let popularity = above(self.popularity, other.popularity);
        let path_count = above(self.path_count, other.path_count);
        let sum = paths + direct + linear + popularity + path_count;
        let share = |part: f64| if sum > 0.0 { part / sum } else { 0.0 };
        Self {
            paths: share(paths),
            direct: share(direct),
            linear: share(linear),
            popularity: share(popularity),
            path_count: share(path_count),
        }
    }
}

/// An item of the history that speaks for a recommended one through the choices of other users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// Id of the item that was chosen.
    pub item: String,
    /// What people read of it.
    pub label: String,
    /// Its share of all that speaks for the recommended item, in (0, 1].
    pub share: f64,
}

/// What made the rank of an item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RankedBy {
    /// What the score is made of.
    pub parts: Parts,
    /// The share of each part in why the item stands above the first that is not in the list; none where no more were
    /// found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Parts>,
    /// The items of the history that speak most for it through the choices of others, where that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because_of: Vec<Similar>,
}

impl RankedBy {
    /// Whether the item stands where it stands for something else than its paths.
    #[must_use]
    pub fn is_not_by_paths(&self) -> bool {
        self.shares.is_some_and(|shares| shares.paths < 0.5)
    }

    /// The parts that count, in words, what counts most first: `choices of others 61 % (Jaws, Alien)`, `paths 39 %`;
    /// none where paths alone do.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let Some(shares) = self.shares.filter(|shares| shares.paths < 0.995) else { return Vec::new() };
        let mut named: Vec<(&str, f64)> = shares.named().into_iter().filter(|(_, share)| *share >= 0.005).collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        let of = |(name, share): (&str, f64)| {
            let because: Vec<&str> = self.because_of.iter().map(|similar| similar.label.as_str()).collect();
            let because = if name == "choices of others" && !because.is_empty() {
                format!(" ({})", because.join(", "))
            } else {
                String::new()
            };
            format!("{name} {:.0} %{because}", 100.0 * share)
        };
        named.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_is_in_favour() {
        let own = Parts { paths: -5.0, direct: -1.0, linear: -0.5, ..Parts::default() };
        let other = Parts { paths: -4.0, direct: -2.0, linear: -3.5, ..Parts::default() };
        let shares = own.shares_above(other);
        assert_eq!((shares.paths, shares.direct, shares.linear), (0.0, 0.25, 0.75));
        assert_eq!(own.shares_above(own), Parts::default());
    }

    #[test]
    fn words_name_what_counts_and_what_it_counts_for() {
        let similar = |label: &str| Similar { item: String::new(), label: label.to_owned(), share: 0.5 };
        let shares = Some(Parts { paths: 0.389, linear: 0.609, direct: 0.002, ..Parts::default() });
        let rank = RankedBy { shares, because_of: vec![similar("Jaws"), similar("Alien")], ..RankedBy::default() };
        assert_eq!(rank.words(), ["choices of others 61 % (Jaws, Alien)", "paths 39 %"]);
        assert!(rank.is_not_by_paths());
        let by_paths = RankedBy { shares: Some(Parts { paths: 1.0, ..Parts::default() }), ..RankedBy::default() };
        assert_eq!((by_paths.words().len(), by_paths.is_not_by_paths()), (0, false));
    }
}
