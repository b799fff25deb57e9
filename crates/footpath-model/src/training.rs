//! The training loop.

use crate::checkpoint::Checkpoints;
use crate::config::TrainingConfig;
use crate::data::{Batch, Batcher, PathSource};
use crate::dropout::Dropout;
use crate::embeddings::{Contribution, RowGradients};
use crate::error::{Error, Result};
use crate::legal_softmax;
use crate::optimizer::TrunkOptimizer;
use crate::path_model::{PathModel, to_vec};
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use footpath_core::{LegalSuccessors, Purpose, Stream};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// A line of the training log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
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
    /// Whether training came to its end.
    pub finished: bool,
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

/// What the caller provides: figures on held-out data, and eyes.
pub trait Observer {
    /// A figure to maximise (NDCG@10 on valid) and, where it can be had, the loss there. `None` where there is nothing to validate on.
    ///
    /// # Errors
    /// Whatever goes wrong on the way.
    fn validate(&mut self, model: &PathModel) -> Result<Option<(f64, Option<f64>)>>;

    /// Called after every step.
    fn progress(&mut self, progress: &Progress);
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs done, or stopped early.
    Finished,
    /// The caller asked to stop; a checkpoint was written.
    Interrupted,
}

/// A training run.
#[derive(Debug)]
pub struct Trainer {
    /// The model in training, on an autodiff device.
    pub model: PathModel,
    /// Moments of the trunk's parameters.
    pub optimizer: TrunkOptimizer,
    /// Where the run stands.
    pub position: Position,
    /// Its settings.
    pub config: TrainingConfig,
}

impl Trainer {
    /// A run that begins.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(model: PathModel, config: TrainingConfig) -> Result<Self> {
        config.validate()?;
        let optimizer = TrunkOptimizer::new(config.weight_decay);
        Ok(Self { model, optimizer, position: Position::default(), config })
    }

    /// Trains to the end, or until `stop` is set. Checkpoints are written at every validation and when stopped.
    ///
    /// # Errors
    /// [`Error::EmptyCorpus`], [`Error::Diverged`], and whatever source, observer and disk meet.
    pub fn run<L: LegalSuccessors>(
        &mut self,
        legal: &L,
        source: &dyn PathSource,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Ending> {
        while self.position.epoch < self.config.epochs && !self.position.finished {
            let rows = source.epoch(self.position.epoch).map_err(source_error)?;
            let rows = self.shuffled(&rows, source.width());
            if rows.is_empty() {
                return Err(Error::EmptyCorpus);
            }
            let num_batches = rows.len().div_ceil(self.config.batch_size) as u64;
            let validate_at: Vec<u64> = (1..=self.config.validations_per_epoch)
                .map(|i| (i * num_batches / self.config.validations_per_epoch).max(1))
                .collect();
            while self.position.batch < num_batches {
                let progress = self.step(legal, &rows, num_batches)?;
                let done = self.position.batch;
                let last = done == num_batches;
                if last {
                    self.position.epoch += 1;
                    self.position.batch = 0;
                }
                self.after_step(progress, validate_at.contains(&done), checkpoints, observer)?;
                if stop.load(Ordering::Relaxed) {
                    checkpoints.save(self, false)?;
                    return Ok(Ending::Interrupted);
                }
                if last || self.position.finished {
                    break;
                }
            }
        }
        self.position.finished = true;
        checkpoints.save(self, false)?;
        Ok(Ending::Finished)
    }

    /// The rows of an epoch in the order of this epoch; a function of seed and epoch alone.
    fn shuffled<'a>(&self, rows: &'a [u32], width: usize) -> Vec<&'a [u32]> {
        let mut rows: Vec<&[u32]> = rows.chunks_exact(width).collect();
        Stream::new(self.config.seed, Purpose::Shuffle, 0, self.position.epoch).shuffle(&mut rows);
        rows
    }

    fn step<L: LegalSuccessors>(&mut self, legal: &L, rows: &[&[u32]], num_batches: u64) -> Result<Progress> {
        let start = self.position.batch as usize * self.config.batch_size;
        let rows = &rows[start..(start + self.config.batch_size).min(rows.len())];
        let first = self.position.step * self.config.batch_size as u64;
        let batch = Batcher::new(legal, &self.config, self.model.config.history).batch(rows, first);
        let num_steps = self.config.epochs * num_batches;
        let learning_rate = self.config.learning_rate_at(self.position.step, num_steps);
        let (loss, end_loss) = self.learn(&batch, learning_rate)?;
        self.position.step += 1;
        self.position.batch += 1;
        self.position.tokens += batch.inputs.len() as u64;
        let Position { step, epoch, tokens, .. } = self.position;
        Ok(Progress {
            step,
            num_steps,
            epoch,
            loss,
            end_loss,
            learning_rate,
            tokens,
            validation: None,
            validation_loss: None,
        })
    }

    /// One step: forward, loss, backward, clipping, update.
    fn learn(&mut self, batch: &Batch, learning_rate: f64) -> Result<(f64, f64)> {
        let device = self.model.device();
        let width = self.model.config.trunk.d_model;
        let mut dropout = Dropout::new(self.model.config.trunk.dropout, self.config.seed, self.position.step);

        // Embed: the vectors are leaves, so that their gradient can be taken back to the table.
        let mut inputs = self.model.input.gather(&batch.inputs);
        for (vector, items) in inputs.chunks_exact_mut(width * batch.tokens).zip(batch.histories()) {
            self.model.add_history(items, &mut vector[..width]);
        }
        let inputs = TensorData::new(inputs, [batch.rows, batch.tokens, width]);
        let inputs = Tensor::<3>::from_data(inputs, &device).require_grad(); // [rows, tokens, d_model]
        let hidden = self.model.trunk.forward(inputs.clone(), &mut dropout); // [rows, tokens, d_model]

        // The softmax over legal tokens is computed with its derivatives on the host, and enters the graph as the linear form whose
        // gradient they are.
        let values = to_vec(hidden.clone().inner().into_data());
        let mut outcome = legal_softmax::forward_backward(batch, &values, &self.model.output, &self.model.bias);
        if !outcome.loss.is_finite() {
            let (step, checkpoint) = (self.position.step, self.position.best_step);
            return Err(Error::Diverged { step, loss: outcome.loss, checkpoint });
        }
        let derivative = TensorData::new(std::mem::take(&mut outcome.hidden), [batch.rows, batch.tokens, width]);
        let surrogate = (hidden * Tensor::from_data(derivative, &device)).sum();
        let mut gradients = surrogate.backward();

        // Back to the rows of the table.
        let d_inputs = inputs.grad_remove(&mut gradients).map(|g| to_vec(g.into_data())).unwrap_or_default();
        let used = batch.inputs.iter().enumerate().filter(|(_, t)| **t != footpath_core::Vocabulary::PADDING.0);
        let mut contributions: Vec<Contribution> =
            used.map(|(index, &token)| (token, u32::try_from(index).unwrap_or(u32::MAX), 1.0)).collect();
        let mut d_input = RowGradients::accumulate(&mut contributions, &d_inputs, width);

        let model = &self.model;
        let told = (0u32..).step_by(batch.tokens).zip(batch.histories());
        let mut contributions: Vec<Contribution> = told
            .flat_map(|(index, items)| {
                let scale = model.history_scale(items.len());
                items.iter().map(move |&item| (model.history_row(item), index, scale))
            })
            .collect();
        let mut d_history = RowGradients::accumulate(&mut contributions, &d_inputs, width);

        let mut trunk = TrunkOptimizer::collect(&self.model.trunk, &mut gradients);
        let rows = [&d_input, &d_history, &outcome.output, &outcome.bias];
        let squared = trunk.squared_norm() + rows.into_iter().map(RowGradients::squared_norm).sum::<f64>();
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let factor = (self.config.gradient_clip / squared.sqrt().max(1e-12)).min(1.0) as f32;
        if factor < 1.0 {
            trunk.scale(factor);
            let rows = [&mut d_input, &mut d_history, &mut outcome.output, &mut outcome.bias];
            rows.into_iter().for_each(|g| g.scale(factor));
        }

        let step = self.position.step + 1;
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let rate = learning_rate as f32;
        let decay = self.config.weight_decay;
        rayon::join(
            || self.model.input.update(&d_input, rate, decay, step),
            || self.model.output.update(&outcome.output, rate, decay, step),
        );
        self.model.history.update(&d_history, rate, decay, step);
        self.model.bias.update(&outcome.bias, rate, 0.0, step);
        self.model.trunk = self.optimizer.step(self.model.trunk.clone(), trunk, learning_rate);
        Ok((outcome.loss, outcome.end_loss))
    }

    fn after_step(
        &mut self,
        mut progress: Progress,
        validate: bool,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        if !validate {
            observer.progress(&progress);
            return Ok(());
        }
        let figures = observer.validate(&self.valid_model())?;
        progress.validation = figures.map(|(figure, _)| figure);
        progress.validation_loss = figures.and_then(|(_, loss)| loss);
        let better = self.judge(progress.validation);
        // First the log, then the checkpoint: a log may run ahead of the checkpoint, it is cut when the run goes on.
        observer.progress(&progress);
        checkpoints.save(self, better)
    }

    /// Enters a validation figure; true when it is the best so far, or when there is nothing to judge by.
    fn judge(&mut self, figure: Option<f64>) -> bool {
        let position = &mut self.position;
        let better = figure.is_none_or(|figure| position.best.is_none_or(|best| figure > best));
        if better {
            (position.best, position.best_step, position.since_best) = (figure, position.step, 0);
        } else {
            position.since_best += 1;
            let patience = self.config.patience * self.config.validations_per_epoch;
            position.finished |= position.since_best >= patience;
        }
        better
    }

    /// The model without gradients.
    #[must_use]
    pub fn valid_model(&self) -> PathModel {
        PathModel { trunk: self.model.trunk.valid(), ..self.model.clone() }
    }
}

fn source_error(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<footpath_core::Error>() {
        Ok(core) => Error::Core(*core),
        Err(other) => Error::Config { option: "corpus", reason: other.to_string() },
    }
}
