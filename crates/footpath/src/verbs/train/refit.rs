//! Training again with the settings that an earlier model ended with, on a graph that has more of the log: for
//! production, once nothing has to be held out to choose by.
//!
//! The earlier model says everything: its shape, patterns, law, objectives and seed, the share of its steps after which
//! its weights were best, how its linear part was solved, and how much each part weighs. Nothing is chosen again, so
//! what is held out of the new graph is not looked at.

use super::blend::{Blend, BlendWeights};
use super::options::Options;
use crate::artefacts::model::StoredModel;
use crate::artefacts::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::text::words;
use footpath_core::Context;
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Part, Pattern};
use footpath_graph::sample::{PathOrigin, SampleSpec, Sampling};
use footpath_model::TrainingProgress;
use footpath_model::config::ModelConfig;
use std::path::Path;

/// A model whose settings a run takes over.
#[derive(Debug)]
pub(super) struct Earlier {
    card: ModelCard,
    sampling: Sampling,
    /// Share of all planned steps after which its weights were best, in (0, 1].
    share: f64,
}

impl Earlier {
    /// Reads what a model says of its training.
    ///
    /// # Errors
    /// [`Error::Usage`] for a model that says too little: one of other software, or one that learned from a corpus,
    /// from given vectors or from another model; [`footpath_core::Error`] where it cannot be opened.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let refuse = |why: &str| {
            let reason = format!("{} {why}, so its settings are not all that it takes", directory.display());
            Err(Error::Usage { option: "refit", reason })
        };
        let stored = StoredModel::open(directory)?;
        for (kind, why) in [
            ("corpus", "learned from a corpus"),
            ("vectors", "began with given vectors"),
            ("model", "began with another model"),
        ] {
            if stored.parents().contains_key(kind) {
                return refuse(why);
            }
        }
        let card = stored.card().clone();
        let PathOrigin::Drawn(sampling) = card.sampling.clone() else {
            return refuse("was made by other software");
        };
        if card.adapted_from.is_some() {
            return refuse("was carried over from another graph");
        }
        let log = stored.log()?;
        let last: Option<TrainingProgress> = log.last().and_then(|line| serde_json::from_str(line).ok());
        let planned = last.map_or(card.steps, |progress| progress.num_steps).max(1);
        #[expect(clippy::cast_precision_loss, reason = "steps fit 53 bits")]
        let share = (card.best_step as f64 / planned as f64).clamp(f64::MIN_POSITIVE, 1.0);
        Ok(Self { card, sampling: *sampling, share })
    }

    /// The options of a run that takes over these settings.
    ///
    /// # Errors
    /// [`Error::Usage`] where others than those of the output are asked for.
    pub(super) fn options(&self, asked: &Options) -> Result<Options> {
        let Options { refit, replace, unfinished, .. } = asked.clone();
        let of_output = Options { refit: refit.clone(), replace, unfinished, ..Options::default() };
        if *asked != of_output {
            let reason = "the earlier model says how to train; leave out all settings of training".to_owned();
            return Err(Error::Usage { option: "refit", reason });
        }
        let SampleSpec { law, damping, end_damping, relation_weights, edge_weights, .. } = self.sampling.spec.clone();
        let training = self.card.training.clone();
        Ok(Options { law, damping, end_damping, relation_weights, edge_weights, training, ..of_output })
    }

    /// The patterns, in the new graph.
    ///
    /// # Errors
    /// A pattern that the graph cannot have.
    pub(super) fn mixture(&self, kg: &TrainKg) -> Result<Mixture> {
        let part = |part: &footpath_graph::sample::SampledPart| {
            Ok(Part { name: String::new(), pattern: Pattern::parse(&part.pattern, kg)?, weight: part.weight })
        };
        let parts: Vec<Part> = self.sampling.parts.iter().map(part).collect::<Result<_>>()?;
        match parts.is_empty() {
            true => Ok(Mixture::single(Pattern::parse(&self.sampling.pattern, kg)?)),
            false => Ok(Mixture::new(parts)?),
        }
    }

    /// The shape of the model, for the words of the new graph.
    pub(super) fn config(&self, kg: &TrainKg, max_tokens: usize) -> ModelConfig {
        let mut config = self.card.model.clone();
        (config.num_tokens, config.first_item, config.num_items) =
            (kg.vocabulary().len(), kg.items().start, kg.items().len());
        if !config.kinds.is_empty() {
            config.kinds = words::kinds(kg);
        }
        config.trunk.max_tokens = max_tokens;
        config
    }

    /// Share of the steps after which to end.
    pub(super) fn share(&self) -> f64 {
        self.share
    }

    /// The weights of the parts as they were chosen, with the linear part solved on the new graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub(super) fn blend(&self, kg: &TrainKg, context: &Context) -> Result<Blend> {
        Blend { linear: None, weights: self.card.weights }.refit(kg, context)
    }

    /// What the new model's description says of it.
    pub(super) fn note(&self, directory: &Path, num_held_out: usize) -> String {
        let chosen = self.card.weights.map(|BlendWeights { validation, .. }| {
            format!(" The figure on valid ({validation:.4}) is that of the earlier model.")
        });
        let held_out = match num_held_out {
            0 => " All interactions are learned from.".to_owned(),
            number => format!(" {number} interactions are held out of the graph and are not learned from."),
        };
        let name = directory.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        format!("Trained again with the settings of {name}.{}{held_out}", chosen.unwrap_or_default())
    }
}
