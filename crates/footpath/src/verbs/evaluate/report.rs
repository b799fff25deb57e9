//! The figures of a subject, with all that is told beside them.

use super::card::Card;
use super::examples::PageExtras;
use super::figures::{BaselineFigures, Figures, Mean};
use super::random_paths::RandomPaths;
use super::reasons::Reasons;
use footpath_eval::groups::{ItemGroup, UserGroup};
use footpath_eval::{Calibration, Comparison};
use footpath_graph::Split;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Ranking metrics, intervals, and what the lists are like.
    #[serde(flatten)]
    pub figures: Figures,
    /// Metrics of the explanations by name, see [`PathMetric`](footpath_eval::PathMetric); none for lists without
    /// paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub explanations: BTreeMap<String, Mean>,
    /// Whether the reasons are the reasons, and run through what users care for; none for lists without paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Reasons>,
    /// The same lists with random paths, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_paths: Option<RandomPaths>,
    /// Whether the probabilities of the items mean what they say; only for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Mean over the items shown of the entropy of their paths in nats, at least; see [`footpath_eval::path_entropy`].
    /// Only for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_entropy: Option<f64>,
    /// Share of paths whose every fact is in the graph; `null` for lists without paths.
    pub faithful: Option<f64>,
    /// Number of paths that were checked.
    pub num_paths: usize,
    /// Which part was held out.
    pub on: Split,
    /// Content hash of the graph.
    pub kg: String,
    /// Content hash of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The baselines, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, BaselineFigures>,
    /// NDCG of the subject minus that of each baseline, with interval and p.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ndcg_against: BTreeMap<String, Comparison>,
    /// Each metric of the subject minus that of the lists it was compared with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub against: BTreeMap<String, Comparison>,
    /// How well groups of users are served, by their names, where some were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub user_groups: BTreeMap<String, UserGroup>,
    /// How much of the lists groups of items have, likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub item_groups: BTreeMap<String, ItemGroup>,
    /// Under which conditions the figures hold.
    pub card: Card,
    /// What the page is drawn from.
    #[serde(skip)]
    pub(crate) drawn: PageExtras,
    /// Length of the longest list, at least k: how long the lists of baselines are, since the AUC looks at whole lists.
    #[serde(skip)]
    pub(crate) list_len: usize,
}

impl Report {
    /// Baselines, best NDCG first.
    pub fn ranked_baselines(&self) -> Vec<(&str, &BaselineFigures)> {
        let mut baselines: Vec<_> = self.baselines.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
        baselines.sort_by(|a, b| b.1.figures.metrics.ndcg.total_cmp(&a.1.figures.metrics.ndcg));
        baselines
    }
}
