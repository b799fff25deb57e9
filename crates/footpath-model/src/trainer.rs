//! A training run, batch by batch: forward, loss, backward, and a step of the optimiser.

use crate::config::{Tables, TrainingConfig};
use crate::data::{Batch, loader};
use crate::dropout::Dropout;
use crate::embeddings::{Contribution, RowGradients};
use crate::error::{Error, Result};
use crate::loss;
use crate::model::TrunkGradients;
use crate::optimizer::AdamW;
use crate::path_model::PathModel;
use crate::position::{Position, TrainingProgress};
use footpath_core::{LegalSuccessors, Stop, TokenId, Vocabulary};
use std::collections::BTreeMap;
use std::time::Duration;

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
    pub(crate) fn learn_all(
        &mut self,
        batches: &[(u64, Batch)],
        num_steps: u64,
        stop: &Stop,
    ) -> Result<TrainingProgress> {
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
