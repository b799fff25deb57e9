//! How to recommend.

use super::rerank::Weights;
use crate::error::Result;
use footpath_core::Goal;
use footpath_model::decode::{Mode, Prompt, Score, SearchOptions, WhenShort};

/// Users who may be searched for together: where users are parted, lists are the same to the last bit if every part
/// but the last has a multiple of so many, and as many threads work.
pub const USERS_TOGETHER: u32 = 64;

/// How to recommend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Items for each user.
    pub k: usize,
    /// Which paths to look for.
    pub mode: Mode,
    /// What an item is worth.
    pub score: Score,
    /// Weight of what the model says of an item from the user alone, beside its paths; `None` is
    /// [`Service::direct`](crate::Service::direct).
    pub direct: Option<f64>,
    /// Weight of the model's linear part; `None` is [`Service::linear`](crate::Service::linear).
    pub linear: Option<f64>,
    /// Power by which a history fades in that part; `None` is as it was chosen.
    pub fading: Option<f64>,
    /// Weight of how often all users chose an item; `None` is [`Service::popularity`](crate::Service::popularity).
    pub popularity: Option<f64>,
    /// Weight of what paths through knowledge come to when they are counted; `None` is
    /// [`Service::path_count`](crate::Service::path_count).
    pub path_count: Option<f64>,
    /// Power by which the item a path begins with loses probability with every later choice;
    /// `None` is [`Service::recency`](crate::Service::recency).
    pub recency: Option<f64>,
    /// Prefixes kept for each user at each token.
    pub beams: usize,
    /// Paths shown for each item.
    pub paths_per_item: usize,
    /// What a part of the probability is traded for.
    pub optimise: Option<Weights>,
    /// Recommend what the user has chosen already, too.
    pub allow_seen: bool,
    /// Explain by filling in what lies between user and item; for models that learned `fill-in-the-middle`.
    pub fill_in: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: 10,
            mode: Mode::Beam,
            score: Score::Marginal,
            direct: None,
            linear: None,
            fading: None,
            popularity: None,
            path_count: None,
            recency: None,
            beams: 400,
            paths_per_item: 1,
            optimise: None,
            allow_seen: false,
            fill_in: false,
        }
    }
}

impl Options {
    /// Checks every number.
    ///
    /// # Errors
    /// [`footpath_model::Error::Config`] naming the option.
    pub fn validate(&self) -> Result<()> {
        self.optimise.map_or(Ok(()), Weights::validate)?;
        Ok(self.search(Goal::Unseen).validate()?)
    }

    /// The items that lists may hold.
    pub(crate) fn goal(&self) -> Goal {
        if self.allow_seen { Goal::Any } else { Goal::Unseen }
    }

    pub(crate) fn search(&self, goal: Goal) -> SearchOptions {
        let Self { k, mode, score, fading, beams, paths_per_item, .. } = *self;
        let [direct, linear, popularity, path_count, recency] =
            [self.direct, self.linear, self.popularity, self.path_count, self.recency]
                .map(|weight| weight.unwrap_or(0.0));
        let when_short = WhenShort::Widen;
        let prompt = match goal {
            Goal::Item(_) if self.fill_in => Prompt::UserAndEnd,
            _ => Prompt::User,
        };
        SearchOptions {
            k,
            mode,
            score,
            direct,
            linear,
            fading,
            popularity,
            path_count,
            recency,
            beams,
            paths_per_item,
            prompt,
            goal,
            when_short,
        }
    }
}
