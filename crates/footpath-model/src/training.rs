//! The training loop.

use crate::checkpoint::Checkpoints;
use crate::config::{Tables, TrainingConfig};
use crate::data::loader::{self, Loader, Place, PreparedStep, PreparedSteps};
use crate::data::{Batch, PathSource};
use crate::dropout::Dropout;
use crate::embeddings::{Contribution, RowGradients};
use crate::error::{Error, Result};
use crate::loss;
use crate::model::TrunkGradients;
use crate::optimizer::AdamW;
use crate::pace::Pace;
use crate::path_model::PathModel;
use footpath_core::{Context, LegalSuccessors, Stop, TokenId, Vocabulary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

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

/// What the caller provides: figures on held-out data, and eyes.
pub trait Observer {
    /// A figure to maximise (NDCG@10 on valid) and, where it can be had, the loss there. `None` where there is nothing
    /// to validate on.
    ///
    /// # Errors
    /// Whatever goes wrong on the way. After a [stop](Error::is_stop) the run goes on with this validation.
    fn validate(&mut self, model: &PathModel) -> Result<Option<(f64, Option<f64>)>>;

    /// Called after every step.
    fn progress(&mut self, progress: &TrainingProgress);
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
    /// The model in training.
    pub model: PathModel,
    /// What changes its weights.
    pub optimizer: AdamW,
    /// Where the run stands.
    pub position: Position,
    /// Its settings.
    pub config: TrainingConfig,
    /// Share of all steps after which it ends, in (0, 1]; the learning rate goes its way as if all were done.
    pub share: f64,
    /// Time that steps and validations may take, by the clock of the context; without either it is not looked at. The
    /// learning rate goes its way in the steps that this comes to.
    pub budget: Option<Duration>,
}

impl Trainer {
    /// A run that begins.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(model: PathModel, config: TrainingConfig) -> Result<Self> {
        config.validate()?;
        let optimizer = AdamW::new(config.weight_decay);
        Ok(Self { model, optimizer, position: Position::default(), config, share: 1.0, budget: None })
    }

    /// Trains to the end, or until `context` says stop. Checkpoints are written at every validation, when stopped, and
    /// every two minutes by the clock of the context.
    ///
    /// # Errors
    /// [`Error::EmptyCorpus`], [`Error::Diverged`], and whatever source, observer and disk meet.
    pub fn run<L: LegalSuccessors>(
        &mut self,
        legal: &L,
        source: &dyn PathSource,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
        context: &Context,
    ) -> Result<Ending> {
        match self.run_to_the_end(legal, source, checkpoints, observer, context) {
            Ok(()) => self.position.finished = true,
            Err(error) if error.is_stop() => {}
            Err(error) => return Err(error),
        }
        self.save(checkpoints)?;
        Ok(if self.position.finished { Ending::Finished } else { Ending::Interrupted })
    }

    fn run_to_the_end<L: LegalSuccessors>(
        &mut self,
        legal: &L,
        source: &dyn PathSource,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
        context: &Context,
    ) -> Result<()> {
        let pace = Pace::new(context, self.budget, &self.position);
        if let Some(step) = self.position.unvalidated.take() {
            let is_last = self.ends_at(step.num_steps);
            self.validate(step, checkpoints, observer, &pace)?;
            self.position.finished |= is_last;
        }
        if self.position.finished {
            return Ok(());
        }
        std::thread::scope(|scope| {
            let Position { step, epoch, batch: done, .. } = self.position;
            let (config, cap) = (self.config.clone(), self.model.config.history);
            let loader = Loader { legal, source, config, cap, place: Place { step, epoch, done }, context };
            let steps = loader.start(scope);
            let ended = self.take_steps(&steps, checkpoints, observer, &pace, context);
            steps.end();
            ended
        })
    }

    /// Takes the steps that the loader prepares, to the end or until there is no more to gain.
    fn take_steps(
        &mut self,
        steps: &PreparedSteps<'_>,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
        pace: &Pace<'_>,
        context: &Context,
    ) -> Result<()> {
        let mut stage = None;
        while let Some(prepared) = steps.next() {
            let PreparedStep { num_steps_of_epoch, batches } = prepared?;
            let most = self.config.epochs * num_steps_of_epoch;
            let mut progress = self.learn_all(&batches, self.planned(most), context.stop())?;
            let due = pace.after_step(&mut self.position, self.config.validations_per_epoch);
            let num_steps = self.planned(most);
            progress.num_steps = num_steps;
            let done = self.position.batch;
            if done == num_steps_of_epoch {
                self.position.epoch += 1;
                self.position.batch = 0;
            }
            let is_last = self.ends_at(num_steps);
            // A run that is cut short is validated as often as an epoch would be.
            let validates = if num_steps < most { due.validation } else { self.validates_at(done, num_steps_of_epoch) };
            if is_last || validates {
                self.validate(progress, checkpoints, observer, pace)?;
                self.position.finished |= is_last;
            } else {
                observer.progress(&progress);
                if due.checkpoint {
                    self.save(checkpoints)?;
                    pace.after_checkpoint();
                }
            }
            let stage = stage.get_or_insert_with(|| context.stage("training", Some(num_steps), "steps"));
            stage.reach(self.position.step)?;
            if self.position.finished {
                break;
            }
        }
        Ok(())
    }

    /// Steps of the run, of so many at most.
    fn planned(&self, most: u64) -> u64 {
        self.position.planned.map_or(most, |planned| planned.min(most))
    }

    /// Whether the step that was taken last is the last of so many that are planned.
    fn ends_at(&self, num_steps: u64) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of steps, which fit 53 bits"
        )]
        let last = (num_steps as f64 * self.share).round() as u64;
        self.position.step >= last.clamp(1, num_steps.max(1))
    }

    /// Whether there is a validation after so many steps of an epoch.
    fn validates_at(&self, done: u64, num_steps: u64) -> bool {
        let validations = self.config.validations_per_epoch;
        (1..=validations).any(|i| (i * num_steps / validations).max(1) == done)
    }

    /// The loss of a batch, in nats for each target.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn loss(&self, batch: &Batch) -> Result<f64> {
        Ok(self.gradients(batch, 0, &Stop::default())?.loss)
    }

    /// One step on one batch; gives the loss before it.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn learn(&mut self, batch: &Batch, learning_rate: f64) -> Result<f64> {
        let number = self.position.step * self.config.batch_size as u64;
        let gradients = self.gradients(batch, number, &Stop::default())?;
        let loss = gradients.loss;
        self.update(gradients, learning_rate);
        self.position.step += 1;
        Ok(loss)
    }

    /// One step of a run of `num_steps` on these rows, in as many batches as they make.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn step<L: LegalSuccessors>(&mut self, legal: &L, rows: &[&[u32]], num_steps: u64) -> Result<TrainingProgress> {
        let batches = loader::batches(legal, &self.config, self.model.config.history, rows, self.position.step);
        self.learn_all(&batches, num_steps, &Stop::default())
    }

    /// One step of a run of `num_steps` on these batches, each with the number of its first row since training began.
    /// A step that is stopped has not been taken.
    fn learn_all(&mut self, batches: &[(u64, Batch)], num_steps: u64, stop: &Stop) -> Result<TrainingProgress> {
        let learning_rate = self.config.learning_rate_at(self.position.step, num_steps);
        let mut total = Gradients::default();
        for (number, batch) in batches {
            total.add(self.gradients(batch, *number, stop)?);
        }
        self.position.tokens += batches.iter().map(|(_, batch)| batch.inputs.len() as u64).sum::<u64>();
        let (loss, end_loss) = (total.loss, total.end_loss);
        self.update(total, learning_rate);
        self.position.step += 1;
        self.position.batch += 1;
        let Position { step, epoch, tokens, .. } = self.position;
        Ok(TrainingProgress {
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

    /// Forward, loss, backward. `number` is that of the first row since training began.
    fn gradients(&self, batch: &Batch, number: u64, stop: &Stop) -> Result<Gradients> {
        let model = &self.model;
        let width = model.config.d_table();
        let mut dropout =
            Dropout::new(model.config.trunk.dropout, self.config.seed, number / self.config.batch_size as u64);

        let mut inputs = model.embed(&batch.inputs);
        for (user, items) in batch.histories() {
            let vector = &mut inputs[user as usize * width..][..width];
            model.begin(TokenId(batch.inputs[user as usize]), vector);
            model.add_history(items, vector);
        }
        let pass = model.engine().record(inputs, &batch.layout, &mut dropout, stop)?;
        let mut outcome =
            loss::forward_backward(batch, pass.hidden(), model.output(), &model.bias, self.config.end_loss);
        if !outcome.loss.is_finite() {
            let (step, checkpoint) = (self.position.step, self.position.saved);
            let batch_size = self.config.batch_size as u64;
            return Err(Error::Diverged { step, loss: outcome.loss, rows: number..number + batch_size, checkpoint });
        }
        let (trunk, d_inputs) = pass.backward(std::mem::take(&mut outcome.hidden), stop)?;
        Ok(Gradients {
            trunk,
            tables: table_gradients(model, batch, &d_inputs, [outcome.output, outcome.bias]),
            loss: outcome.loss,
            weight: outcome.weight,
            end_loss: outcome.end_loss,
            num_ends: outcome.num_ends,
        })
    }

    /// Clips the gradients and takes a step of AdamW.
    fn update(&mut self, mut gradients: Gradients, learning_rate: f64) {
        let norm = gradients.squared_norm().sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let factor = (self.config.gradient_clip / norm.max(1e-12)).min(1.0) as f32;
        if factor < 1.0 {
            gradients.scale(factor);
        }
        let Gradients { trunk, tables, .. } = gradients;
        self.optimizer.step(&mut self.model, &trunk, &tables, learning_rate, self.position.step + 1);
    }

    /// Validates after a step and keeps what is best so far.
    fn validate(
        &mut self,
        mut step: TrainingProgress,
        checkpoints: &Checkpoints,
        observer: &mut dyn Observer,
        pace: &Pace<'_>,
    ) -> Result<()> {
        let figures = match observer.validate(&self.model) {
            Err(error) if error.is_stop() => {
                self.position.unvalidated = Some(step);
                return Err(error);
            }
            figures => figures?,
        };
        pace.after_validation(&mut self.position, self.config.validations_per_epoch);
        step.validation = figures.map(|(figure, _)| figure);
        step.validation_loss = figures.and_then(|(_, loss)| loss);
        let better = self.judge(step.validation);
        // First the log, then the checkpoint: a log may run ahead of the checkpoint, it is cut when the run goes on.
        observer.progress(&step);
        if better {
            self.position.saved = self.position.step;
            checkpoints.save_best(self)?;
        }
        self.save(checkpoints)
    }

    fn save(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        self.position.saved = self.position.step;
        checkpoints.save(self)
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
}

/// Gradients of all weights, and the loss they come from.
#[derive(Debug, Default)]
struct Gradients {
    trunk: TrunkGradients,
    /// In the order of [`PathModel::stored_tables`].
    tables: Vec<RowGradients>,
    /// Mean over the targets by weight, in nats.
    loss: f64,
    weight: f64,
    end_loss: f64,
    num_ends: u64,
}

impl Gradients {
    /// The mean with those of another batch, by the weight of the targets: what both batches as one would have given.
    fn add(&mut self, mut other: Self) {
        if self.weight == 0.0 {
            *self = other;
            return;
        }
        let all = (self.weight + other.weight).max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let (mine, theirs) = ((self.weight / all) as f32, (other.weight / all) as f32);
        self.scale(mine);
        other.scale(theirs);
        self.trunk.add(other.trunk);
        let sum = |mine: &mut RowGradients, theirs: RowGradients, width: usize| {
            *mine = RowGradients::sum(vec![std::mem::take(mine), theirs], width);
        };
        let width = |rows: &RowGradients| rows.values.len() / rows.rows.len().max(1);
        for (mine, theirs) in self.tables.iter_mut().zip(other.tables) {
            let width = width(mine).max(width(&theirs));
            sum(mine, theirs, width);
        }
        self.loss = (self.loss * self.weight + other.loss * other.weight) / all;
        self.weight = all;
        let ends = self.num_ends + other.num_ends;
        let of = |loss: f64, count: u64| loss * count as f64 / ends.max(1) as f64;
        self.end_loss = of(self.end_loss, self.num_ends) + of(other.end_loss, other.num_ends);
        self.num_ends = ends;
    }

    fn squared_norm(&self) -> f64 {
        self.trunk.squared_norm() + self.tables.iter().map(RowGradients::squared_norm).sum::<f64>()
    }

    fn scale(&mut self, factor: f32) {
        self.trunk.scale(factor);
        self.tables.iter_mut().for_each(|rows| rows.scale(factor));
    }
}

/// Derivatives by the tables, in the order of [`PathModel::stored_tables`], from those by the embedded tokens and by
/// output rows and biases.
fn table_gradients(
    model: &PathModel,
    batch: &Batch,
    d_inputs: &[f32],
    [d_output, d_bias]: [RowGradients; 2],
) -> Vec<RowGradients> {
    let width = model.config.d_table();
    let starts = starts(model, batch);
    let input = input_gradients(batch, d_inputs, width, &starts, |token| token);
    let history = history_gradients(model, batch, d_inputs);
    let mut tables = match model.config.tables {
        Tables::Apart => vec![input, history, d_output],
        Tables::Tied => vec![RowGradients::sum(vec![input, d_output], width), history],
    };
    tables.extend(model.config.has_bias().then_some(d_bias));
    let kind = |token| model.config.kind(TokenId(token));
    tables.extend(model.kinds.as_ref().map(|_| input_gradients(batch, d_inputs, width, &starts, kind)));
    tables.extend(model.starts.as_ref().map(|_| {
        let mut contributions: Vec<Contribution> = starts.iter().map(|(&at, &row)| (row, at, 1.0)).collect();
        RowGradients::accumulate(&mut contributions, d_inputs, width)
    }));
    tables
}

/// Where a batch has the vector of a beginning in place of a token's own, with its row; nowhere in most models.
fn starts(model: &PathModel, batch: &Batch) -> BTreeMap<u32, u32> {
    let row = |at: u32| model.config.start_row(TokenId(batch.inputs[at as usize]));
    batch.users.iter().filter_map(|&at| Some((at, row(at)?))).collect()
}

/// Derivatives by the rows that `row` names for the tokens of a batch, but for those at `starts`.
fn input_gradients(
    batch: &Batch,
    d_inputs: &[f32],
    width: usize,
    starts: &BTreeMap<u32, u32>,
    row: impl Fn(u32) -> u32,
) -> RowGradients {
    let is_used = |&(&token, at): &(&u32, u32)| token != Vocabulary::PADDING.0 && !starts.contains_key(&at);
    let used = batch.inputs.iter().zip(0u32..).filter(is_used);
    let mut contributions: Vec<Contribution> = used.map(|(&token, index)| (row(token), index, 1.0)).collect();
    RowGradients::accumulate(&mut contributions, d_inputs, width)
}

/// Derivatives by what the items of a history say of their user.
fn history_gradients(model: &PathModel, batch: &Batch, d_inputs: &[f32]) -> RowGradients {
    let of_user = |(user, items): (u32, &[u32])| {
        let scale = model.history_scale(items.len());
        items.iter().map(|&item| (model.history_row(item), user, scale)).collect::<Vec<_>>()
    };
    let mut contributions: Vec<Contribution> = batch.histories().flat_map(of_user).collect();
    RowGradients::accumulate(&mut contributions, d_inputs, model.config.d_table())
}
