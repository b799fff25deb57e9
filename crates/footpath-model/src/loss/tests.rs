use super::*;
use crate::layout::Layout;
use crate::legal_softmax::score;
use footpath_core::TokenId;
use footpath_core::{Purpose, Stream};

struct Sample {
    batch: Batch,
    hidden: Vec<f32>,
    output: Table,
    bias: Table,
}

impl Sample {
    /// Four hidden vectors, the second of which predicts nothing; six tokens.
    fn new(targets: Vec<Target>) -> Self {
        let mut stream = Stream::new(3, Purpose::Initialise, 0, 0);
        let output = Table::new(6, 5, 1.0, &mut stream);
        let bias = Table::new(6, 1, 1.0, &mut stream);
        let hidden = Table::new(4, 5, 1.0, &mut stream).values.into_vec();
        let batch = Batch {
            layout: Layout::causal(2, 2),
            inputs: vec![0; 4],
            candidates: vec![2, 1, 4, 5, 0, 3, 2],
            targets,
            ..Batch::default()
        };
        Self { batch, hidden, output, bias }
    }

    fn listed() -> Self {
        Self::new(vec![listed(0, 2, 0..3, 0.0, 1.0, false), listed(3, 5, 3..7, 0.7, 3.0, true)])
    }

    /// Listed candidates, all tokens, and all of a part of them.
    fn mixed() -> Self {
        let all = |position, answer, range: std::ops::Range<u32>, weight, is_end| Target {
            candidates: CandidateSet::All(range),
            ..listed(position, answer, 0..0, 0.0, weight, is_end)
        };
        Self::new(vec![listed(0, 2, 0..3, 0.0, 1.0, false), all(2, 4, 0..6, 2.0, true), all(3, 3, 2..5, 0.5, true)])
    }

    fn outcome(&self, end_loss: EndLoss) -> Outcome {
        forward_backward(&self.batch, &self.hidden, &self.output, &self.bias, end_loss)
    }

    fn z(&self, position: usize, token: u32) -> f64 {
        f64::from(score(&self.hidden[position * 5..][..5], &self.output, &self.bias, TokenId(token)))
    }

    /// −log p of the first token among all of them, each other one counted e^w times.
    fn nll(&self, position: usize, tokens: &[u32], w: f64) -> f64 {
        let others: f64 = tokens[1..].iter().map(|&c| (self.z(position, c) + w).exp()).sum();
        (self.z(position, tokens[0]).exp() + others).ln() - self.z(position, tokens[0])
    }
}

fn listed(
    position: u32,
    answer: u32,
    places: std::ops::Range<usize>,
    log_weight: f32,
    weight: f32,
    is_end: bool,
) -> Target {
    Target { position, answer, candidates: CandidateSet::Listed(places), log_weight, weight, is_end }
}

#[test]
fn loss_is_the_negative_log_likelihood_among_the_candidates() {
    let sample = Sample::listed();
    let outcome = sample.outcome(EndLoss::Softmax);
    let first = sample.nll(0, &[2, 1, 4], 0.0);
    let second = sample.nll(3, &[5, 0, 3, 2], f64::from(0.7f32));
    assert!((outcome.loss - (first + 3.0 * second) / 4.0).abs() < 1e-5);
    assert!((outcome.end_loss - second).abs() < 1e-5);
    assert_eq!((outcome.weight, outcome.num_ends), (4.0, 1));
}

#[test]
fn all_tokens_of_a_range_are_rivals() {
    let sample = Sample::mixed();
    let outcome = sample.outcome(EndLoss::Softmax);
    let first = sample.nll(0, &[2, 1, 4], 0.0);
    let second = sample.nll(2, &[4, 0, 1, 2, 3, 5], 0.0);
    let third = sample.nll(3, &[3, 2, 4], 0.0);
    assert!((outcome.loss - (first + 2.0 * second + 0.5 * third) / 3.5).abs() < 1e-5);
    assert!((outcome.end_loss - f64::midpoint(second, third)).abs() < 1e-5);
}

#[test]
fn ranking_losses_are_means_over_the_rivals() {
    let sample = Sample::listed();
    let by = |rival: u32| sample.z(3, rival) - sample.z(3, 5);
    let mean = |cost: &dyn Fn(f64) -> f64| [0, 3, 2].map(|rival| cost(by(rival))).iter().sum::<f64>() / 3.0;
    let bpr = sample.outcome(EndLoss::Bpr).end_loss;
    assert!((bpr - mean(&|x| x.exp().ln_1p())).abs() < 1e-5);
    let margin = sample.outcome(EndLoss::Margin).end_loss;
    assert!((margin - mean(&|x| (1.0 + x).max(0.0))).abs() < 1e-5);
}

#[test]
fn a_batch_without_a_choice_has_no_loss() {
    let outcome = Sample::new(Vec::new()).outcome(EndLoss::Softmax);
    assert_eq!((outcome.loss, outcome.end_loss, outcome.weight), (0.0, 0.0, 0.0));
    assert!(outcome.hidden.iter().chain(&outcome.output.values).chain(&outcome.bias.values).all(|&g| g == 0.0));
}

#[test]
fn derivatives_agree_with_finite_differences() {
    for (sample, end_loss) in [
        (Sample::listed(), EndLoss::Softmax),
        (Sample::listed(), EndLoss::Bpr),
        (Sample::listed(), EndLoss::Margin),
        (Sample::mixed(), EndLoss::Softmax),
    ] {
        let outcome = sample.outcome(end_loss);
        let Sample { batch, hidden, output, bias } = &sample;
        let step = 1e-2f32;
        let difference = |loss: &dyn Fn(f32) -> f64| (loss(step) - loss(-step)) / f64::from(2.0 * step);
        let close = |name: &str, index: usize, got: f32, expected: f64| {
            assert!((f64::from(got) - expected).abs() < 1e-3, "{end_loss:?}: {name} {index}: {got}, not {expected}");
        };
        for index in 0..hidden.len() {
            let expected = difference(&|by| {
                let mut moved = hidden.clone();
                moved[index] += by;
                forward_backward(batch, &moved, output, bias, end_loss).loss
            });
            close("hidden", index, outcome.hidden[index], expected);
        }
        let at = |gradients: &RowGradients, width: usize, index: usize| {
            let row = gradients.rows.iter().position(|&r| r as usize == index / width);
            row.map_or(0.0, |r| gradients.values[r * width + index % width])
        };
        for index in 0..output.values.len() {
            let expected = difference(&|by| {
                let mut moved = output.clone();
                moved.values[index] += by;
                forward_backward(batch, hidden, &moved, bias, end_loss).loss
            });
            close("output", index, at(&outcome.output, 5, index), expected);
        }
        for index in 0..bias.values.len() {
            let expected = difference(&|by| {
                let mut moved = bias.clone();
                moved.values[index] += by;
                forward_backward(batch, hidden, output, &moved, end_loss).loss
            });
            close("bias", index, at(&outcome.bias, 1, index), expected);
        }
    }
}

/// Over several blocks and tiles, and the same to the last bit from one thread and from two.
#[test]
fn blocks_and_tiles_are_one_softmax() {
    let mut stream = Stream::new(4, Purpose::Initialise, 0, 0);
    let (tokens, rows) = (3_000u32, 600u32);
    let output = Table::new(tokens as usize, 8, 1.0, &mut stream);
    let bias = Table::new(tokens as usize, 1, 1.0, &mut stream);
    let hidden = Table::new(rows as usize, 8, 1.0, &mut stream).values;
    let targets: Vec<Target> = (0..rows)
        .map(|row| Target { candidates: CandidateSet::All(0..tokens), ..listed(row, row * 5, 0..0, 0.0, 1.0, false) })
        .collect();
    let batch = Batch { layout: Layout::causal(rows as usize, 1), targets, ..Batch::default() };
    let run = || forward_backward(&batch, &hidden, &output, &bias, EndLoss::Softmax);
    let outcome = run();
    let naive: f64 = (0..rows)
        .map(|row| {
            let z = |token: u32| f64::from(score(&hidden[row as usize * 8..][..8], &output, &bias, TokenId(token)));
            (0..tokens).map(|token| z(token).exp()).sum::<f64>().ln() - z(row * 5)
        })
        .sum();
    assert!((outcome.loss - naive / f64::from(rows)).abs() < 1e-4, "{} {}", outcome.loss, naive / f64::from(rows));
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let again = pool.install(run);
        assert_eq!(again.loss.to_bits(), outcome.loss.to_bits());
        assert_eq!((&again.hidden, &again.output, &again.bias), (&outcome.hidden, &outcome.output, &outcome.bias));
    }
}
