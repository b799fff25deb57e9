//! What a training run will come to, told before it begins: its size, and settings that cannot lead anywhere.

use super::sources::MAX_ROWS;
use footpath_core::{Goal, LegalSuccessors, NodeId, Successors};
use footpath_graph::legal::Legal;
use footpath_model::config::{ModelConfig, TrainingConfig};

/// Users whose paths are looked for.
const USERS: usize = 1_000;
/// Times a token should be read, on average, before its vector says anything.
const READINGS: u64 = 5;

/// What a run will come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Trainable numbers.
    pub num_parameters: usize,
    /// Most paths of an epoch.
    pub rows: u64,
    /// Most steps of the run.
    pub num_steps: u64,
    /// Least memory, in bytes: weights, their two moments, a copy to validate with, and the paths held at a time.
    pub memory: u64,
    /// What cannot lead anywhere, in words.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The plan of a run on `rows` paths an epoch, of so many users.
    pub(crate) fn new(
        model: &ModelConfig,
        training: &TrainingConfig,
        rows: u64,
        num_users: u64,
        legal: &Legal,
    ) -> Self {
        let num_steps = rows.div_ceil(training.rows_per_step() as u64).saturating_mul(training.epochs);
        let width = legal.max_tokens() as u64;
        let num_parameters = model.num_parameters();
        let rows_held = rows.min(MAX_ROWS.max(num_users));
        let memory = num_parameters as u64 * 4 * (3 + 1) + rows_held * width * 4 * 2;
        let warnings = [
            few_paths(rows, num_users),
            few_readings(model, training, rows * width),
            few_steps(num_steps, training),
            no_way(legal),
        ];
        Self { num_parameters, rows, num_steps, memory, warnings: warnings.into_iter().flatten().collect() }
    }
}

fn few_paths(rows: u64, users: u64) -> Option<String> {
    (rows < 2 * users).then(|| {
        format!(
            "{rows} paths for {users} users: one path says little of a user; sample more paths for each (200 do well)"
        )
    })
}

fn few_readings(model: &ModelConfig, training: &TrainingConfig, tokens: u64) -> Option<String> {
    let (tokens, vocabulary) = (tokens.saturating_mul(training.epochs), model.num_tokens as u64);
    (tokens < vocabulary * READINGS).then(|| {
        format!(
            "{tokens} tokens to read with a vocabulary of {vocabulary}: most vectors stay as random as they begin; \
             sample more paths, or cut the pattern down to the relations that matter"
        )
    })
}

fn few_steps(num_steps: u64, training: &TrainingConfig) -> Option<String> {
    (num_steps < 20).then(|| {
        let rows = training.rows_per_step();
        format!(
            "{num_steps} steps of {rows} paths: hardly anything is learned; \
             give more epochs, more paths or smaller batches"
        )
    })
}

/// Users whose first hop leads to no item they have not chosen.
fn no_way(legal: &Legal) -> Option<String> {
    if legal.pattern().is_walk() {
        return None;
    }
    let users = legal.kg().users();
    let step = users.len().div_ceil(USERS).max(1);
    let mut successors = Successors::default();
    let looked_at: Vec<u32> = users.step_by(step).filter(|&user| !legal.items_of(NodeId(user)).is_empty()).collect();
    let stuck = looked_at.iter().filter(|&&user| {
        legal.successors(&[legal.vocabulary().node(NodeId(user)).0], Goal::Unseen, &mut successors);
        successors.is_empty()
    });
    let (stuck, all) = (stuck.count(), looked_at.len());
    (stuck * 2 > all).then(|| {
        format!(
            "{stuck} of {all} users looked at have no path of this pattern to an item they have not chosen: \
             they will get no recommendation; checking the pattern and counting its paths say what reaches how far"
        )
    })
}
