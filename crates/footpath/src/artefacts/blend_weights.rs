//! How much each part of a score weighs, as it was chosen on valid.

use footpath_eval::baselines::LinearSettings;
use serde::{Deserialize, Serialize};

/// How much is said of an item beside its paths, see [`SearchOptions`](footpath_model::decode::SearchOptions).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendWeights {
    /// Of ln p(item ∣ user) by the model.
    pub direct: f64,
    /// Of the linear part.
    pub linear: f64,
    /// Of how often all users chose an item.
    #[serde(default)]
    pub popularity: f64,
    /// Of what paths through knowledge come to when they are counted.
    #[serde(default)]
    pub path_count: f64,
    /// λ of the linear part, if there is one.
    pub lambda: Option<f64>,
    /// Power by which a history fades in it; 0 where all of it counts alike.
    #[serde(default)]
    pub fading: f64,
    /// How the linear part was solved; nothing is known of those of earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<LinearSettings>,
    /// How much items that paths begin with count by when they were chosen, see
    /// [`SearchOptions::recency`](footpath_model::decode::SearchOptions::recency).
    #[serde(default)]
    pub recency: f64,
    /// NDCG@10 on valid with these weights, of the users they were chosen on; where valid follows train in time the
    /// mean of that and of what it is as if the last choices of train, as many as valid has, were not known yet.
    pub validation: f64,
}
