//! How to train.

use super::blend::LinearPart;
use super::workplace::Unfinished;
use crate::pattern::Shape;
use footpath_core::Replace;
use footpath_graph::sample::{Law, SampleSpec};
use footpath_model::config::{Design, Preset, TrainingConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Size of the model.
    pub preset: Preset,
    /// What the size leaves open.
    pub design: Design,
    /// Whether every token gets a vector for its kind as well: special, relation, or the type of the node.
    pub token_kinds: bool,
    /// Vectors that tokens start with instead of random ones: a file in the text form of word2vec.
    pub vectors: Option<PathBuf>,
    /// Which paths; `None` is every typed path of 3 hops, or the pattern of the corpus.
    pub shape: Option<Shape>,
    /// Share of the drawn paths that meet another user. `None` is
    /// [`COLLABORATIVE_SHARE`](super::COLLABORATIVE_SHARE) where the pattern has paths of both kinds and is no mixture
    /// with weights of its own.
    pub collaborative_share: Option<f64>,
    /// A model of the same graph whose weights training starts from: the second stage of pre-training and fine-tuning
    /// (KGGLM, Balloccu et al. 2024). `None` starts from random weights.
    pub init: Option<PathBuf>,
    /// A model whose settings and weights of parts are taken over, nothing chosen again: for a graph that has all of
    /// the log. Other options must then be as by default, but for those of the output.
    pub refit: Option<PathBuf>,
    /// A corpus to train on; `None` draws fresh paths for every epoch.
    pub corpus: Option<PathBuf>,
    /// Law of the paths that are drawn.
    pub law: Law,
    /// Damping of hubs in that law.
    pub damping: f64,
    /// Damping of popular ends in that law: β of [`footpath_graph::sample`], from 0, no damping, to 8.
    pub end_damping: f64,
    /// Weights of relations in that law, in both directions, by name; from 1e-6 to 1e6, and 1 where none is given.
    pub relation_weights: BTreeMap<String, f64>,
    /// Whether arcs weigh what the graph says in that law; only for graphs with weights.
    pub edge_weights: bool,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// Most users a validation looks at; a fixed draw where there are more.
    pub validation_users: usize,
    /// Beams of a validation.
    pub validation_beams: usize,
    /// Whether the model gets a linear part beside its paths, with weights chosen on valid; see
    /// [`BlendWeights`](super::BlendWeights).
    pub linear: bool,
    /// Which linear part, if it gets one.
    pub linear_part: LinearPart,
    /// Time that all of it may take, by the clock of the context: steps are as many as fit, and what goes beside the
    /// paths is chosen in what is left.
    pub budget: Option<Duration>,
    /// Whether the output may be replaced.
    pub replace: Replace,
    /// What to do about an unfinished run at the same output.
    pub unfinished: Unfinished,
}

impl Default for Options {
    fn default() -> Self {
        let sampling = SampleSpec::training();
        Self {
            preset: Preset::Small,
            design: Design::default(),
            token_kinds: false,
            vectors: None,
            shape: None,
            collaborative_share: None,
            init: None,
            refit: None,
            corpus: None,
            law: sampling.law,
            damping: sampling.damping,
            end_damping: sampling.end_damping,
            relation_weights: sampling.relation_weights,
            edge_weights: sampling.edge_weights,
            training: TrainingConfig::default(),
            validation_users: 600,
            validation_beams: 200,
            linear: true,
            linear_part: LinearPart::default(),
            budget: None,
            replace: Replace::No,
            unfinished: Unfinished::Refuse,
        }
    }
}
