//! Our own kernels against burn's tensors and automatic derivatives.

use crate::designs::designs;
use crate::toy::Toy;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use footpath_core::{Purpose, Stream};
use footpath_model::dropout::Dropout;
use footpath_model::layout::{Layout, UNSEEN};
use footpath_model::model::{Activation, Architecture, Cache, Engine};
use footpath_model::{ModelConfig, PathModel, training_device};

/// Enough rows for several portions, the last of them not full.
const ROWS: usize = 90;
const TOKENS: usize = 7;

/// Random weights everywhere, so that no bias is 0 and no scale 1.
struct Noise(Stream);

impl ModuleMapper for Noise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let noise = numbers(&mut self.0, tensor.shape().num_elements(), 0.2);
            let noise = Tensor::from_data(TensorData::new(noise, tensor.shape()), &tensor.device().inner());
            Tensor::from_inner(tensor.inner() + noise).require_grad()
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "single precision")]
fn numbers(stream: &mut Stream, len: usize, size: f64) -> Vec<f32> {
    (0..len).map(|_| (stream.normal() * size) as f32).collect()
}

fn noisy(mut config: ModelConfig) -> PathModel {
    config.trunk.dropout = 0.2;
    let mut model = PathModel::new(config, 4, &training_device(&crate::cpu())).expect("a model");
    model.trunk = model.trunk.map(&mut Noise(Stream::new(9, Purpose::Initialise, 0, 0)));
    model
}

/// Both architectures with and without projections, and the other nonlinearity.
fn models() -> Vec<PathModel> {
    let toy = Toy::new();
    let mut configs: Vec<ModelConfig> = designs(&toy).into_iter().filter(|config| config.kinds.is_empty()).collect();
    let mut other = configs[0].clone();
    other.trunk.architecture = Architecture::Gpt2 { activation: Activation::GeluTanh };
    configs.push(other);
    configs.into_iter().map(noisy).collect()
}

/// Rows that each see by a rule of their own, some with padding.
fn mixed_layout() -> Layout {
    let mut layout = Layout::of_width(TOKENS);
    let places: Vec<u32> = (0u32..).take(TOKENS).collect();
    for row in 0..ROWS {
        let len = TOKENS - row % 3;
        let places = places[..len].to_vec();
        match row % 4 {
            0 => layout.push(places.clone(), places.clone(), places),
            1 => layout.push(places, vec![0; len], vec![0; len]),
            2 => layout.push(places.clone(), places.iter().map(|&p| if p < 3 { 0 } else { p }).collect(), places),
            _ => {
                let mut ranks = places.clone();
                ranks[len - 1] = UNSEEN;
                layout.push(places.iter().rev().copied().collect(), ranks, places);
            }
        }
    }
    layout
}

/// The numbers differ by no more than rounding does to numbers of this size.
fn alike(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(0.0f32, |size, x| size.max(x.abs()));
    let off = ours.iter().zip(theirs).fold(0.0f32, |off, (x, y)| off.max((x - y).abs()));
    assert!(size > 1e-6 && off <= 2e-5 * size, "{what}: {off:e} off, the largest is {size:e}");
}

#[test]
fn vectors_and_all_gradients_are_those_of_burn() {
    for model in models() {
        let mut stream = Stream::new(1, Purpose::Initialise, 1, 0);
        let len = ROWS * TOKENS * model.config.d_table();
        for layout in [Layout::causal(ROWS, TOKENS), mixed_layout()] {
            let (inputs, d_hidden) = (numbers(&mut stream, len, 1.0), numbers(&mut stream, len, 1.0));
            let run = |engine: Engine<'_>| {
                let pass = engine.record(inputs.clone(), &layout, &mut Dropout::new(0.2, 3, 4));
                let hidden = pass.hidden().to_vec();
                let (gradients, d_inputs) = pass.backward(d_hidden.clone());
                (hidden, gradients.to_arrays(), d_inputs)
            };
            let (ours, theirs) = (run(Engine::new(&model.trunk)), run(Engine::of_tensors(&model.trunk)));
            let name = format!("{:?}", model.config.trunk);
            alike(&format!("hidden vectors, {name}"), &ours.0, &theirs.0);
            alike(&format!("inputs, {name}"), &ours.2, &theirs.2);
            assert!(ours.1.keys().eq(theirs.1.keys()), "{:?}, {:?}", ours.1.keys(), theirs.1.keys());
            // The keys' biases do not change a softmax: their gradient is rounding alone, so they are judged by the array they are in.
            ours.1.iter().zip(theirs.1.values()).for_each(|((key, x), y)| alike(&format!("{key}, {name}"), x, y));
        }
    }
}

#[test]
fn steps_are_those_of_burn_whatever_they_continue() {
    for model in models() {
        let width = model.config.d_table();
        let mut stream = Stream::new(2, Purpose::Initialise, 1, 0);
        let engines = [Engine::new(&model.trunk), Engine::of_tensors(&model.trunk)];
        let mut caches = [Cache::default(), Cache::default()];
        // More rows than a portion has, fewer again, and rows that go on as they are.
        let continued: [Option<Vec<u32>>; 5] = [
            None,
            Some((0..150).map(|row| row % 4).collect()),
            None,
            Some((0..70).map(|row| 149 - 2 * row).collect()),
            Some((0..200).map(|row| row * row % 70).collect()),
        ];
        let rows = [4, 150, 150, 70, 200];
        for (token, (parents, rows)) in continued.iter().zip(rows).enumerate() {
            let inputs = numbers(&mut stream, rows * width, 1.0);
            let [ours, theirs] = [0, 1].map(|i| engines[i].step(inputs.clone(), parents.as_deref(), &mut caches[i]));
            alike(&format!("token {token}, {:?}", model.config.trunk), &ours, &theirs);
            assert_eq!(caches.each_ref().map(Cache::num_tokens), [token + 1; 2]);
        }
    }
}

/// The rows that nobody reads are still seen by what follows them.
#[test]
fn rows_that_are_not_read_change_nothing_for_others() {
    for model in models() {
        let width = model.config.d_table();
        let mut stream = Stream::new(3, Purpose::Initialise, 1, 0);
        let engine = Engine::new(&model.trunk);
        let mut caches = [Cache::default(), Cache::default()];
        let rows = 150;
        for token in 0..4 {
            let inputs = numbers(&mut stream, rows * width, 1.0);
            // Some of every portion, all of one, and none.
            let unread: Vec<bool> = (0..rows).map(|row| [row % 3 == 0, row < 64, row % 2 == 1, false][token]).collect();
            let parents: Option<Vec<u32>> = (token > 0).then(|| (0..150).map(|row| (row * 7) % 150).collect());
            let all = engine.step(inputs.clone(), parents.as_deref(), &mut caches[0]);
            let some = engine.step_for_some(inputs, parents.as_deref(), &unread, &mut caches[1]);
            let read = |vectors: &[f32]| -> Vec<f32> {
                let rows = vectors.chunks_exact(width).zip(&unread);
                rows.filter(|(_, unread)| !**unread).flat_map(|(row, _)| row.iter().copied()).collect()
            };
            alike(&format!("token {token}, {:?}", model.config.trunk), &read(&some), &read(&all));
        }
    }
}
