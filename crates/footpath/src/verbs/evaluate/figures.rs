//! Figures of lists.

use footpath_eval::baselines::Trial;
use footpath_eval::{Beyond, Metrics, UserMetrics};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ranking metrics with their intervals, and what the lists are like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Ranking metrics and coverage.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The metrics of each user.
    #[serde(skip)]
    pub users: Vec<UserMetrics>,
    /// 95 % interval of each metric, by its name with the cut-off.
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Beyond hits.
    #[serde(flatten)]
    pub beyond: Beyond,
}

/// A baseline with its setting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BaselineFigures {
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The setting, empty where there is nothing to set or the default is taken.
    pub setting: String,
    /// All settings tried, with their NDCG on valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Trial>,
}

/// A mean over users with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}
