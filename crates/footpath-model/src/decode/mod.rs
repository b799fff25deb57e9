//! Generation: search over legal continuations, and items scored by the probability of ending there.
//!
//! One loop ([`search`](Recommender::recommend)) serves all modes: prefixes of many users go through the trunk
//! together, one token at a time, and a [`Mode`] says which continuations stay. Whatever is found, its probability is
//! that of the model among the legal continuations, so the modes differ in *which* paths they find, never in what a
//! path is worth.

mod found;
mod keep;
mod next_item;
mod priors;
mod rules;
mod search;
mod tally;

pub use next_item::next_items;
pub use priors::{ItemPrior, ItemPriors};
pub use rules::Rules;
pub use search::{Recommender, Workspace};

use crate::error::{Error, Result};
use footpath_core::{Goal, NodeId, TokenId};

/// Most items of a list.
pub const MAX_K: usize = 1_000;
/// Most prefixes kept for a user at a token.
pub const MAX_BEAMS: usize = 65_536;
/// Most groups of diverse beams.
pub const MAX_GROUPS: usize = 64;

/// Which paths a search looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mode {
    /// Beam search: the most probable prefixes stay.
    #[default]
    Beam,
    /// Beam search, four times as wide until the order of the first k is proven: what was cut can no longer change it.
    /// Scores are lower bounds by no more than the unexplored probability.
    Exact,
    /// Beam search in groups (Vijayakumar et al. 2018): group after group chooses its share of the prefixes by
    /// `ln p − penalty · (times earlier groups chose the token at this place)`.
    Diverse {
        /// Number of groups, 1 to 64.
        groups: usize,
        /// Penalty, at least 0; 0 is no different from [`Mode::Beam`] but for the shares of the groups.
        penalty: f64,
    },
    /// Paths drawn token by token.
    Sample(Sampling),
}

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Paths drawn for each user; more while slots are empty.
    pub draws: u32,
    /// Above 0; the probabilities are raised to its inverse. Below 1 prefers the probable.
    pub temperature: f64,
    /// Only the k most probable continuations are drawn from; 0 for all.
    pub top_k: usize,
    /// Only the most probable continuations that together have this probability (Holtzman et al. 2020), in (0, 1].
    pub top_p: f64,
    /// Decides every draw.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { draws: 1_000, temperature: 1.0, top_k: 0, top_p: 1.0, seed: 1 }
    }
}

/// What an item is worth, given the paths found to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Score {
    /// The probability of ending there: the sum over the paths.
    #[default]
    Marginal,
    /// The probability of the best path.
    Max,
    /// The mean over the paths found.
    Mean,
}

/// What the model reads before it generates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// The user.
    #[default]
    User,
    /// The user and the item to end in: what lies between is filled in, as `fill-in-the-middle` learns it. Needs
    /// [`Goal::Item`] and a model that has learned it.
    UserAndEnd,
}

/// Settings of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchOptions {
    /// Items wanted for each user.
    pub k: usize,
    /// Which paths to look for.
    pub mode: Mode,
    /// What an item is worth.
    pub score: Score,
    /// Weight of ln p(item ∣ user), what a model that learned [`Text::Ends`](crate::data::Text::Ends) says of an item
    /// from the user alone, in the item's score, beside what its paths are worth. 0 leaves it out.
    pub direct: f64,
    /// Weight of what the [linear part](crate::Linear) says of an item from the user's history, where the recommender
    /// has one. 0 leaves it out.
    pub linear: f64,
    /// Power by which a history fades in that part; `None` is the table's own.
    pub fading: Option<f64>,
    /// Weight of how often all users chose an item. 0 leaves it out.
    pub popularity: f64,
    /// Weight of what paths through knowledge come to when they are counted instead of learned, see
    /// [`LegalSuccessors::path_counts`](footpath_core::LegalSuccessors::path_counts). 0 leaves it out.
    pub path_count: f64,
    /// How much later choices take from the item a path begins with: after `l` later ones its probability is multiplied
    /// by `(1 + l)^−recency`, and those of all items of the user are brought back to the same sum. 0 leaves the model's
    /// own.
    pub recency: f64,
    /// Prefixes kept for each user at each token.
    pub beams: usize,
    /// Best paths kept for each item.
    pub paths_per_item: usize,
    /// What the model reads first.
    pub prompt: Prompt,
    /// The items a path may end in.
    pub goal: Goal,
    /// What to do when fewer than `k` items are found although prefixes were cut.
    pub when_short: WhenShort,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            k: 10,
            mode: Mode::Beam,
            score: Score::Marginal,
            direct: 0.0,
            linear: 0.0,
            fading: None,
            popularity: 0.0,
            path_count: 0.0,
            recency: 0.0,
            beams: 400,
            paths_per_item: 3,
            prompt: Prompt::User,
            goal: Goal::Unseen,
            when_short: WhenShort::Widen,
        }
    }
}

impl SearchOptions {
    /// Checks every number that a person can give.
    ///
    /// # Errors
    /// [`Error::Config`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: String| {
            if holds { Ok(()) } else { Err(Error::Config { option, reason }) }
        };
        rule((1..=MAX_K).contains(&self.k), "k", format!("must be 1 to {MAX_K}, got {}", self.k))?;
        rule((1..=MAX_BEAMS).contains(&self.beams), "beams", format!("must be 1 to {MAX_BEAMS}, got {}", self.beams))?;
        rule((1..=100).contains(&self.paths_per_item), "paths", "must be 1 to 100".to_owned())?;
        let weights = [
            ("direct", self.direct),
            ("linear", self.linear),
            ("fading", self.fading.unwrap_or(0.0)),
            ("popularity", self.popularity),
            ("path-count", self.path_count),
            ("recency", self.recency),
        ];
        for (option, weight) in weights {
            rule((0.0..=100.0).contains(&weight), option, "must be 0 to 100".to_owned())?;
        }
        let has_end = self.prompt == Prompt::User || matches!(self.goal, Goal::Item(_));
        rule(has_end, "fill-in", "needs an item to end in".to_owned())?;
        match self.mode {
            Mode::Beam | Mode::Exact => Ok(()),
            Mode::Diverse { groups, penalty } => {
                rule((1..=MAX_GROUPS).contains(&groups), "groups", format!("must be 1 to {MAX_GROUPS}, got {groups}"))?;
                rule(groups <= self.beams, "groups", format!("are more than the {} beams", self.beams))?;
                rule((0.0..=1e6).contains(&penalty), "diversity", "must be 0 to 1,000,000".to_owned())
            }
            Mode::Sample(s) => {
                rule((1..=1_000_000).contains(&s.draws), "draws", "must be 1 to 1,000,000".to_owned())?;
                rule((0.01..=100.0).contains(&s.temperature), "temperature", "must be 0.01 to 100".to_owned())?;
                rule(s.top_p > 0.0 && s.top_p <= 1.0, "top-p", "must be above 0 and at most 1".to_owned())
            }
        }
    }
}

/// What to do when a search finds fewer than k items although it cut prefixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenShort {
    /// Search again, four times as wide, until k are found or nothing was cut.
    #[default]
    Widen,
    /// Take what there is.
    Accept,
}

/// A path with its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredPath {
    /// Tokens: user, relation, node, …, end item.
    pub tokens: Vec<TokenId>,
    /// Natural logarithm of its probability under the model.
    pub log_probability: f64,
}

/// An item with its probability and the paths that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredItem {
    /// The item.
    pub item: NodeId,
    /// Natural logarithm of what the item is worth, see [`Score`], [`SearchOptions::direct`],
    /// [`SearchOptions::linear`], [`SearchOptions::popularity`] and [`SearchOptions::path_count`].
    pub score: f64,
    /// Natural logarithm of the probability of ending there, over all paths found: the score, if that is
    /// [`Score::Marginal`] of the paths alone.
    pub log_probability: f64,
    /// Share of the best path in that probability, in (0, 1]; 0 from [`next_items`], which finds none.
    pub confidence: f64,
    /// What of the score is said from the user alone, beside the paths, weighed as the search was told to; the rest of
    /// the score is that of the paths.
    pub prior: ItemPrior,
    /// Number of paths found.
    pub num_paths: usize,
    /// The most probable paths, best first.
    pub paths: Vec<ScoredPath>,
}

impl ScoredItem {
    /// What of the score comes from its paths.
    #[must_use]
    pub fn of_paths(&self) -> f64 {
        self.score - self.prior.sum()
    }
}

/// Why a list is shorter than asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The graph has no more items that a path of the pattern reaches from this user and that rules leave in.
    FewerReachable,
    /// No path of the pattern leaves this user for an item they have not chosen.
    NoPath,
    /// The search was as wide as it may get, and what it had to cut might lead to more.
    TooWide,
}

/// The recommendations of one user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserList {
    /// The user.
    pub user: NodeId,
    /// At most k items, best first; ties by item.
    pub items: Vec<ScoredItem>,
    /// The first item that is not among them, without its paths, if one more was found.
    pub behind: Option<ScoredItem>,
    /// Probability of the paths that were not looked at, in [0, 1]: no item's true probability is higher than its own
    /// plus this.
    pub unexplored: f64,
    /// Whether what was not looked at cannot change which items these are, nor their order.
    pub proven: bool,
    /// Why there are fewer than k items, if there are.
    pub shortfall: Option<Shortfall>,
}
