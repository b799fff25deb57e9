//! What is stored with a model beside its weights, and whether it makes sense in a graph.

use super::blend_weights::BlendWeights;
use crate::text::words;
use footpath_core::Vocabulary;
use footpath_graph::TrainKg;
use footpath_graph::pattern::Pattern;
use footpath_graph::sample::PathOrigin;
use footpath_model::config::{ModelConfig, TrainingConfig};
use serde::{Deserialize, Serialize};

/// What is stored with a model beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Shape.
    pub model: ModelConfig,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// The pattern of its paths.
    pub pattern: String,
    /// The vocabulary of its tokens.
    pub vocabulary: Vocabulary,
    /// How its paths were drawn.
    pub sampling: PathOrigin,
    /// Steps done.
    pub steps: u64,
    /// Step of the weights that were kept.
    pub best_step: u64,
    /// NDCG@10 on valid of the weights that were kept.
    pub best_validation: Option<f64>,
    /// What is said of an item beside its paths, as chosen on valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<BlendWeights>,
    /// What could not be had or done as usual, in whole sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Hash of the model that this one was carried over from, if it was not trained on its graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapted_from: Option<String>,
}

/// What was expected of a description, and what was found.
pub(crate) type Complaint = (&'static str, String);

impl ModelCard {
    /// Checks that it makes sense in a graph.
    ///
    /// # Errors
    /// What was expected, and what was found.
    pub(crate) fn check(&self, kg: &TrainKg) -> Result<(), Complaint> {
        self.check_shape(kg)?;
        self.check_pattern(kg).map(|_| ())
    }

    pub(super) fn check_shape(&self, kg: &TrainKg) -> Result<(), Complaint> {
        self.model.validate().map_err(|e| ("the shape of a model", e.to_string()))?;
        if !self.model.kinds.is_empty() && self.model.kinds != words::kinds(kg) {
            return Err(("the kinds of tokens of the graph", format!("kinds that begin at {:?}", self.model.kinds)));
        }
        if !self.model.starts.is_empty() && self.model.starts != words::users(kg) {
            return Err(("the users of the graph", format!("tokens {:?} where paths begin", self.model.starts)));
        }
        // What it learned decides how it is read, so a description that no training could have written is none.
        self.training.validate().map_err(|e| ("settings of a training", e.to_string()))?;
        let bad = |weight: &f64| !(0.0..=100.0).contains(weight);
        let weights = self.weights.iter();
        let mut all = weights.flat_map(|w| [w.direct, w.linear, w.popularity, w.path_count, w.fading, w.recency]);
        if let Some(weight) = all.find(bad) {
            return Err(("weights of 0 to 100", weight.to_string()));
        }
        let (first, items) = (self.model.first_item, kg.items());
        if first == items.start && self.model.num_items == items.len() {
            Ok(())
        } else {
            Err(("the items of the graph", format!("{} from node {first}", self.model.num_items)))
        }
    }

    pub(super) fn check_pattern(&self, kg: &TrainKg) -> Result<Pattern, Complaint> {
        let pattern = Pattern::parse(&self.pattern, kg).map_err(|e| ("a path pattern of the graph", e.to_string()))?;
        let tokens = self.training.num_positions(2 * pattern.max_hops() + 1);
        let max_tokens = self.model.trunk.max_tokens;
        if tokens <= max_tokens {
            Ok(pattern)
        } else {
            Err(("as many tokens as the longest path has", format!("{max_tokens} for {}", pattern.source())))
        }
    }
}
