//! Training steps of a given shape, for a peer that is run beside them: `benches/peers`.

use super::Rows;
use crate::graph::{Size, made_up};
use crate::harness::Outcome;
use footpath_core::{Goal, LegalSuccessors, NodeId, Purpose, Stream, Successors, Vocabulary};
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::config::{Softmax, TrainingConfig};
use footpath_model::data::{Batcher, Objective};
use footpath_model::model::TrunkConfig;
use footpath_model::{ModelConfig, PathModel, Trainer};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

/// Steps before the clock starts.
const WARM_UP: usize = 3;

/// Trains as the arguments say, and gives the median seconds of a step, and of making its batch, as an object.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let given: BTreeMap<&str, &str> =
        arguments.chunks(2).filter_map(|pair| Some((pair.first()?.as_str(), pair.get(1)?.as_str()))).collect();
    let text = |name: &str| given.get(name).copied().ok_or_else(|| format!("steps: {name} is missing"));
    let number = |name: &str| Ok::<usize, Box<dyn std::error::Error>>(text(name)?.parse::<usize>()?);
    let trunk = TrunkConfig::gpt2(number("--width")?, number("--layers")?, number("--heads")?, number("--tokens")? + 1);
    let (rows, steps) = (number("--rows")?, number("--steps")?);
    if rows == 0 || steps == 0 {
        return Err("--rows and --steps must be at least 1".into());
    }
    match text("--softmax")? {
        "full" => {
            let noise = Noise { tokens: number("--tokens")? + 1, vocabulary: number("--vocabulary")? };
            let drawn = noise.rows(rows * (steps + WARM_UP));
            measure(&noise, &drawn, noise.tokens, 0..1, trunk, Softmax::Full, rows)
        }
        "legal" => {
            let (users, items) = (5_000, 10_000);
            let entities = (number("--vocabulary")? as u64).saturating_sub(users + items);
            let kg = made_up(&Size { users, items, entities, parts: 1 })?;
            let pattern = Pattern::hops(u32::try_from(number("--tokens")? / 2)?, &kg)?;
            let drawn = Rows::draw(&kg, &pattern, rows * (steps + WARM_UP))?;
            let legal = Legal::new(kg.clone(), pattern, &footpath_core::Context::default())?;
            measure(&legal, &drawn.0, drawn.1, kg.items(), trunk, Softmax::Legal, rows)
        }
        other => Err(format!("steps: no softmax {other}; there are full and legal").into()),
    }
}

fn measure<L: LegalSuccessors>(
    legal: &L,
    drawn: &[u32],
    width: usize,
    items: Range<u32>,
    trunk: TrunkConfig,
    softmax: Softmax,
    rows: usize,
) -> Outcome<String> {
    let device = footpath_model::training_device(&footpath_model::device(&footpath_core::Device::default())?);
    let vocabulary = legal.vocabulary().len();
    let config = ModelConfig::new(trunk, vocabulary, items);
    let objectives = vec![Objective::default()];
    let training = TrainingConfig { softmax, batch_size: rows, objectives, ..TrainingConfig::default() };
    let history = config.history;
    let mut trainer = Trainer::new(PathModel::new(config, 1, &device)?, training.clone())?;
    let all: Vec<&[u32]> = drawn.chunks_exact(width).collect();
    let (mut step_seconds, mut batch_seconds, mut tokens) = (Vec::new(), Vec::new(), 0);
    for (step, rows) in (0u64..).zip(all.chunks_exact(rows)) {
        let begun = Instant::now();
        let batch = Batcher::new(legal, &training, history).batch(rows, step);
        batch_seconds.push(begun.elapsed().as_secs_f64());
        tokens = batch.inputs.len();
        let begun = Instant::now();
        trainer.step(legal, rows, 1_000)?;
        step_seconds.push(begun.elapsed().as_secs_f64());
    }
    let (seconds, batch) = (median(&mut step_seconds[WARM_UP..]), median(&mut batch_seconds[WARM_UP..]));
    let figures = serde_json::json!({
        "vocabulary": vocabulary, "tokens": tokens, "seconds": seconds, "batch_seconds": batch,
        "parameters": trainer.model.config.num_parameters(),
    });
    Ok(figures.to_string())
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Texts of random tokens: what a softmax over all of them costs does not depend on what they are.
struct Noise {
    tokens: usize,
    vocabulary: usize,
}

impl Noise {
    fn rows(&self, num: usize) -> Vec<u32> {
        let mut stream = Stream::new(1, Purpose::Simulate, 0, 0);
        #[expect(clippy::cast_possible_truncation, reason = "token ids")]
        let mut token = || 8 + stream.index(self.vocabulary - 8) as u32;
        (0..num * self.tokens).map(|_| token()).collect()
    }
}

impl LegalSuccessors for Noise {
    #[expect(clippy::cast_possible_truncation, reason = "token ids")]
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { num_relations: 0, num_nodes: self.vocabulary as u32 - 8 }
    }

    fn max_tokens(&self) -> usize {
        self.tokens
    }

    fn history(&self, _: u32) -> &[u32] {
        &[]
    }

    fn later(&self, _: u32) -> Vec<u32> {
        Vec::new()
    }

    fn timeline(&self, _: u32) -> Vec<u32> {
        Vec::new()
    }

    fn alike(&self, token: u32) -> Range<u32> {
        token..token + 1
    }

    fn items(&self) -> Range<u32> {
        self.vocabulary().node(NodeId(0)).0..self.vocabulary().node(NodeId(1)).0
    }

    fn successors(&self, _: &[u32], _: Goal, out: &mut Successors) {
        out.clear();
    }

    fn siblings(&self, _: &[u32], _: usize, _: usize, _: &mut Stream, _: &mut Vec<u32>) -> Option<f32> {
        None
    }
}
