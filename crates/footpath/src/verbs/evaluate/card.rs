//! The protocol card: under which conditions figures hold, so that others can be compared with them or refused.

use super::figures::Figures;
use super::options::{Beside, Options, Subject};
use super::protocol::Protocol;
use super::source::{Excluded, Source};
use super::subject::Judged;
use crate::artefacts::kg::Kg;
use crate::artefacts::origin::Origin;
use crate::error::Result;
use crate::recommend::Weights;
use footpath_eval::Resampling;
use footpath_graph::Split;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name and version of this program.
    pub tool: String,
    /// The command line, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The model or the file of lists.
    pub subject: Source,
    /// The lists compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Source>,
    /// The graph.
    pub kg: Source,
    /// How it came about: how it was split and why, and what its import found odd.
    #[serde(default)]
    pub origin: Origin,
    /// XXH3-128 of the held-out files.
    pub held_out: BTreeMap<String, String>,
    /// The part the figures are on.
    pub on: Split,
    /// Users with something held out there: all means are over these.
    pub num_users: u64,
    /// Interactions held out there.
    pub num_interactions: u64,
    /// Cut-off.
    pub k: usize,
    /// What is ranked.
    pub ranking: String,
    /// Share of the users with a list.
    pub user_coverage: f64,
    /// Share of the slots that are filled.
    pub slot_coverage: f64,
    /// What is left out.
    pub excluded: Excluded,
    /// Baselines that were not run, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Seeds by what they are for.
    pub seeds: BTreeMap<String, u64>,
    /// Resamples of each interval and p.
    pub num_resamples: usize,
    /// Beams of the search, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beams: Option<usize>,
    /// Weight of what the model says of an item from the user alone, where another was asked for than the one in
    /// `model_config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<f64>,
    /// Weight of its linear part, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<f64>,
    /// Power by which a history fades in it, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fading: Option<f64>,
    /// Weight of popularity, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<f64>,
    /// Weight of counted paths, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_count: Option<f64>,
    /// How much items that paths begin with count by when they were chosen, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recency: Option<f64>,
    /// What a model traded a part of the probability for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimise: Option<Weights>,
    /// What the model was made from, by kind: content hashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_parents: BTreeMap<String, String>,
    /// The whole configuration of the model.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub model_config: serde_json::Value,
}

impl Card {
    pub(super) fn new(
        kg: &Kg,
        subject: &Subject,
        options: &Options,
        protocol: &Protocol<'_>,
        judged: &Judged,
        figures: &Figures,
    ) -> Result<Self> {
        let manifest = kg.manifest();
        let held_out = [Split::Valid, Split::Test].into_iter().filter_map(|part| {
            let name = part.file_name()?;
            Some((name.to_owned(), manifest.files.get(name)?.xxh3.clone()))
        });
        let resampling = Resampling::default();
        let mut seeds = BTreeMap::from([("resampling".to_owned(), resampling.seed)]);
        if let Beside::Baselines(seed) | Beside::Tuned(seed) = options.beside {
            seeds.insert("baselines".to_owned(), seed);
        }
        if let Some(seed) = options.random_paths {
            seeds.insert("random paths".to_owned(), seed);
        }
        let model = judged.model.as_ref();
        Ok(Self {
            tool: concat!("footpath ", env!("CARGO_PKG_VERSION")).to_owned(),
            command: options.command.clone(),
            subject: judged.source.clone(),
            against: None,
            kg: Source { path: kg.directory().display().to_string(), hash: protocol.train.content_hash().to_owned() },
            origin: kg.origin(),
            held_out: held_out.collect(),
            on: options.on,
            num_users: protocol.users.len() as u64,
            num_interactions: protocol.held_out.len() as u64,
            k: options.k,
            ranking: "all items the user has not chosen in training (nor in valid, on test); no sampled negatives"
                .to_owned(),
            user_coverage: figures.metrics.user_coverage,
            slot_coverage: figures.metrics.slot_coverage,
            excluded: judged.excluded.clone(),
            left_out: BTreeMap::new(),
            seeds,
            num_resamples: resampling.num_resamples,
            beams: matches!(subject, Subject::Model(_)).then_some(options.beams),
            direct: options.direct,
            linear: options.linear,
            fading: options.fading,
            popularity: options.popularity,
            path_count: options.path_count,
            recency: options.recency,
            optimise: options.optimise,
            model_parents: model.map(|m| m.parents.clone()).unwrap_or_default(),
            model_config: model.map(|m| m.config.clone()).unwrap_or_default(),
        })
    }
}
