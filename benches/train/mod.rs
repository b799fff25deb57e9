//! Training steps of the small model, against a softmax over the whole vocabulary on the same trunk.

mod steps;

pub(crate) use steps::run as run_steps;

use crate::graph::graph;
use crate::harness::{Done, Figure, Outcome, time};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use footpath_core::{Context, LegalSuccessors, NodeId, Path};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_graph::sample::{SampleSpec, Sampler};
use footpath_model::config::TrainingConfig;
use footpath_model::data::{Objective, PathSource};
use footpath_model::dropout::Dropout;
use footpath_model::layout::Layout;
use footpath_model::model::engine::burn::Transformer;
use footpath_model::{Checkpoints, ModelConfig, Observer, PathModel, Preset, Trainer, TrainingProgress};
use std::collections::BTreeMap;
use std::time::Instant;

const STEPS: usize = 30;
/// Steps before the clock starts.
const WARM_UP: usize = 5;
/// Fewest paths drawn for each user.
const PATHS_PER_USER: u64 = 4;
/// Steps with the full softmax in a round.
const FULL_STEPS: usize = 8;
const ROUNDS: usize = 3;
const AGAINST: &str = "a softmax over the whole vocabulary, forward and backward without its update";

/// Whole steps: batch with siblings, forward, backward, update. A token is an input of the model.
pub(crate) fn small_step() -> Outcome<Figure> {
    let kg = graph()?;
    let pattern = Pattern::hops(3, &kg)?;
    let legal = Legal::new(kg.clone(), pattern.clone(), &Context::default())?;
    let device = footpath_model::device(&footpath_core::Device::default())?;
    let config = ModelConfig::preset(Preset::Small, kg.vocabulary().len(), kg.items(), legal.max_tokens());
    let objectives = vec![Objective::default()];
    let training = TrainingConfig { epochs: 1, objectives, ..TrainingConfig::default() };
    let rows = Rows::draw(&kg, &pattern, STEPS * training.batch_size)?;
    let model = PathModel::new(config, 1, &device)?;
    let batch: Vec<&[u32]> = rows.0.chunks_exact(legal.max_tokens()).take(training.batch_size).collect();
    let ours = || steps(model.clone(), &training, &legal, &rows);
    let theirs = || time(|| Ok((0..FULL_STEPS).map(|_| full_step(&model, &batch)).sum::<usize>() as f64));
    Figure::measure("tokens/s", AGAINST, None, ROUNDS, ours, theirs)
}

/// Paths drawn beforehand.
struct Rows(Vec<u32>, usize);

impl Rows {
    fn draw(kg: &TrainKg, pattern: &Pattern, num: usize) -> Outcome<Self> {
        let spec = SampleSpec { damping: 0.5, seed: 0, ..SampleSpec::training() };
        let context = Context::default();
        let sampler = Sampler::new(kg, pattern, &spec, &context)?;
        let (mut rows, mut path) = (Vec::new(), Path::default());
        let width = sampler.row_width();
        // Twice as many as would do if every user had a path.
        let paths_per_user = PATHS_PER_USER.max(2 * (num as u64).div_ceil(kg.users().len() as u64));
        for user in kg.users() {
            let tables = sampler.tables(NodeId(user), &context)?;
            for draw in 0..paths_per_user {
                if !tables.draw_row(draw, &mut path, &mut rows)? {
                    break;
                }
            }
        }
        if rows.len() < num * width {
            let (drawn, users) = (rows.len() / width, kg.users().len());
            let reason = format!("{num} paths are needed, {paths_per_user} for each of {users} users gave {drawn}");
            return Err(format!("{reason}: too few users have a path; take fewer rows or steps").into());
        }
        rows.truncate(num * width);
        Ok(Self(rows, width))
    }
}

impl PathSource for Rows {
    fn width(&self) -> usize {
        self.1
    }

    fn num_portions(&self) -> u64 {
        1
    }

    fn portion(&self, _: u64, _: u64, _: &Context) -> Result<Vec<u32>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

/// Notes when each step was done.
#[derive(Default)]
struct Clock(Vec<(Instant, u64)>);

impl Observer for Clock {
    fn validate(&mut self, _: &PathModel) -> footpath_model::Result<Option<(f64, Option<f64>)>> {
        Ok(None)
    }

    fn progress(&mut self, progress: &TrainingProgress) {
        self.0.push((Instant::now(), progress.tokens));
    }
}

/// The steps between the warm-up and the last, which writes a checkpoint.
fn steps(model: PathModel, training: &TrainingConfig, legal: &Legal, rows: &Rows) -> Outcome<Done> {
    let scratch = tempfile::tempdir()?;
    let checkpoints = Checkpoints::new(scratch.path().join("train"), BTreeMap::new());
    let mut clock = Clock::default();
    Trainer::new(model, training.clone())?.run(legal, rows, &checkpoints, &mut clock, &Context::default())?;
    let (Some((from, before)), Some((to, after))) = (clock.0.get(WARM_UP - 1), clock.0.get(STEPS - 2)) else {
        return Err("there were fewer steps than planned".into());
    };
    Ok(Done { amount: (after - before) as f64, seconds: to.duration_since(*from).as_secs_f64() })
}

/// One step with burn's own operations; the number of input tokens.
fn full_step(model: &PathModel, batch: &[&[u32]]) -> usize {
    let device = Device::flex().autodiff();
    let transformer = Transformer::new(model.trunk.weights(), &Device::flex()).train();
    let (rows, tokens, width) = (batch.len(), batch[0].len() - 1, model.config.d_table());
    let inputs: Vec<u32> = batch.iter().flat_map(|row| &row[..tokens]).copied().collect();
    let targets: Vec<i64> = batch.iter().flat_map(|row| &row[1..]).map(|&token| i64::from(token)).collect();
    let vectors = TensorData::new(model.embed(&inputs), [rows, tokens, width]);
    let vectors = Tensor::<3>::from_data(vectors, &device).require_grad();
    let vocabulary = model.config.num_tokens;
    let output = TensorData::new(model.output().values.to_vec(), [vocabulary, width]);
    let output = Tensor::<2>::from_data(output, &device).require_grad();
    let bias = TensorData::new(model.bias.values.to_vec(), [1, vocabulary]);
    let bias = Tensor::<2>::from_data(bias, &device).require_grad();
    let mut dropout = Dropout::new(model.config.trunk.dropout, 1, 0);
    let hidden = transformer
        .forward(vectors.clone(), &Layout::causal(rows, tokens), &mut dropout)
        .reshape([rows * tokens, width]);
    let logits = hidden.matmul(output.clone().transpose()) + bias; // [rows × tokens, vocabulary]
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [rows * tokens, 1]), &device);
    let loss = log_softmax(logits, 1).gather(1, targets).mean().neg();
    let gradients = loss.backward();
    // Taken, so that nothing of the work can be left out.
    let taken = output.grad(&gradients).is_some() && vectors.grad(&gradients).is_some();
    if taken { inputs.len() } else { 0 }
}
