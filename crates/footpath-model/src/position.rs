//! Where a training run stands, and what it says on its way.

use crate::config::TrainingConfig;
use serde::{Deserialize, Serialize};

/// A line of the training log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run, if it is not stopped early.
    pub num_steps: u64,
    /// Epochs begun.
    pub epoch: u64,
    /// Mean training loss since the last line, in nats for each predicted token.
    pub loss: f64,
    /// Mean loss of the end items since the last line, in nats.
    pub end_loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Input tokens since training began.
    pub tokens: u64,
    /// Validation figure (NDCG), where one was taken at this step.
    pub validation: Option<f64>,
    /// Loss of the same objective on paths to valid items, where one was taken.
    pub validation_loss: Option<f64>,
}

/// Where a run stands; with weights and moments it is all that is needed to go on as if nothing had happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// Epoch of the next step.
    pub epoch: u64,
    /// Batches of that epoch already done.
    pub batch: u64,
    /// Input tokens so far.
    pub tokens: u64,
    /// Best validation figure so far.
    #[serde(with = "exact")]
    pub best: Option<f64>,
    /// Step of the best validation figure.
    pub best_step: u64,
    /// Validations since then.
    pub since_best: u64,
    /// Step of the last checkpoint.
    #[serde(default)]
    pub saved: u64,
    /// Whether training came to its end.
    pub finished: bool,
    /// Milliseconds taken so far, where time is kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spent_ms: u64,
    /// How many of them were for validations.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validating_ms: u64,
    /// How many the longest validation took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validation_ms: u64,
    /// Steps after which the run ends, where a budget of time says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<u64>,
    /// The last step, where the run was stopped before the validation that comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unvalidated: Option<TrainingProgress>,
}

impl Position {
    /// Says what is wrong with a place that no run with these settings can have come to.
    pub(crate) fn check(&self, config: &TrainingConfig) -> std::result::Result<(), String> {
        let Self { step, epoch, batch, best_step, since_best, saved, .. } = *self;
        let rule = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        rule(epoch <= config.epochs, format!("epoch {epoch} of {}", config.epochs))?;
        // An epoch has a step at least.
        let fewest = epoch.saturating_add(batch);
        let fits = step >= fewest && (epoch > 0 || step == batch) && (epoch < config.epochs || batch == 0);
        rule(fits, format!("step {step} in epoch {epoch}, batch {batch}"))?;
        rule(best_step <= step, format!("the best model of step {best_step} at step {step}"))?;
        rule(saved <= step, format!("a checkpoint of step {saved} at step {step}"))?;
        rule(since_best <= step, format!("{since_best} validations in {step} steps"))?;
        let [all, some, one] = [self.spent_ms, self.validating_ms, self.validation_ms];
        rule(one <= some && some <= all, format!("{one} of {some} of {all} milliseconds"))?;
        rule(self.planned.is_none_or(|planned| planned > 0), "a plan of no steps".to_owned())?;
        rule(self.best.is_none_or(f64::is_finite), "a figure that is no number".to_owned())?;
        let last = self.unvalidated.as_ref().map_or(step, |progress| progress.step);
        rule(last == step && (step > 0 || self.unvalidated.is_none()), format!("a validation of step {last}"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Writes a number as text in its shortest exact form, so that what is read back is the same number to the last bit.
mod exact {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(|n| format!("{n:?}")).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| t.parse().map_err(D::Error::custom)).transpose()
    }
}
