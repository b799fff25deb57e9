//! The training loop.

use crate::checkpoint::Checkpoints;
use crate::data::PathSource;
use crate::data::loader::{Loader, Place, PreparedStep, PreparedSteps};
use crate::error::Result;
use crate::pace::Pace;
use crate::path_model::PathModel;
use crate::position::{Position, TrainingProgress};
use crate::trainer::Trainer;
use footpath_core::{Context, LegalSuccessors};

/// What the caller provides: figures on held-out data, and eyes.
pub trait Observer {
    /// A figure to maximise (NDCG@10 on valid) and, where it can be had, the loss there. `None` where there is nothing
    /// to validate on.
    ///
    /// # Errors
    /// Whatever goes wrong on the way. After a [stop](crate::Error::is_stop) the run goes on with this validation.
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

impl Trainer {
    /// Trains to the end, or until `context` says stop. Checkpoints are written at every validation, when stopped, and
    /// every two minutes by the clock of the context.
    ///
    /// # Errors
    /// [`Error::EmptyCorpus`](crate::Error::EmptyCorpus), [`Error::Diverged`](crate::Error::Diverged), and whatever
    /// source, observer and disk meet.
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
