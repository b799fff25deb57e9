//! Our own kernels against burn's tensors and automatic derivatives.

use crate::designs::designs;
use crate::toy::Toy;
use footpath_core::{Purpose, Stop, Stream};
use footpath_model::dropout::Dropout;
use footpath_model::layout::{Layout, UNSEEN};
use footpath_model::model::{Activation, Architecture, Engine};
use footpath_model::{ModelConfig, PathModel};

/// Enough rows for several portions, the last of them not full.
const ROWS: usize = 90;
const TOKENS: usize = 7;

#[expect(clippy::cast_possible_truncation, reason = "single precision")]
fn numbers(stream: &mut Stream, len: usize, size: f64) -> Vec<f32> {
    (0..len).map(|_| (stream.normal() * size) as f32).collect()
}

/// Random weights everywhere, so that no bias is 0 and no scale 1.
fn noisy(mut config: ModelConfig) -> PathModel {
    config.trunk.dropout = 0.2;
    let mut model = PathModel::new(config, 4, &crate::cpu()).expect("a model");
    let mut stream = Stream::new(9, Purpose::Initialise, 0, 0);
    for parameter in model.trunk.weights_mut().parameters_mut() {
        let noise = numbers(&mut stream, parameter.values.len(), 0.2);
        parameter.values.iter_mut().zip(noise).for_each(|(v, noise)| *v += noise);
    }
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
            let run = |engine: &dyn Engine| {
                let (mut dropout, stop) = (Dropout::new(0.2, 3, 4), Stop::default());
                let pass = engine.record(inputs.clone(), &layout, &mut dropout, &stop).expect("nobody stops it");
                let hidden = pass.hidden().to_vec();
                let (gradients, d_inputs) = pass.backward(d_hidden.clone(), &stop).expect("nobody stops it");
                (hidden, gradients.arrays().clone(), d_inputs)
            };
            let (ours, theirs) = (run(model.engine()), run(crate::by_burn(&model).engine()));
            let name = format!("{:?}", model.config.trunk);
            alike(&format!("hidden vectors, {name}"), &ours.0, &theirs.0);
            alike(&format!("inputs, {name}"), &ours.2, &theirs.2);
            assert!(ours.1.keys().eq(theirs.1.keys()), "{:?}, {:?}", ours.1.keys(), theirs.1.keys());
            // The keys' biases do not change a softmax: their gradient is rounding alone, so they are judged by the
            // array they are in.
            ours.1.iter().zip(theirs.1.values()).for_each(|((key, x), y)| alike(&format!("{key}, {name}"), x, y));
        }
    }
}

#[test]
fn steps_are_those_of_burn_whatever_they_continue() {
    for model in models() {
        let width = model.config.d_table();
        let mut stream = Stream::new(2, Purpose::Initialise, 1, 0);
        let slow = crate::by_burn(&model);
        let mut steppers = [model.engine().begin(), slow.engine().begin()];
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
            let [ours, theirs] = steppers.each_mut().map(|stepper| {
                stepper.step(inputs.clone(), parents.as_deref(), &[], &Stop::default()).expect("nobody stops it")
            });
            alike(&format!("token {token}, {:?}", model.config.trunk), &ours, &theirs);
            assert_eq!(steppers.each_ref().map(|stepper| stepper.num_tokens()), [token + 1; 2]);
        }
    }
}

/// The rows that nobody reads are still seen by what follows them.
#[test]
fn rows_that_are_not_read_change_nothing_for_others() {
    for model in models() {
        let width = model.config.d_table();
        let mut stream = Stream::new(3, Purpose::Initialise, 1, 0);
        let mut steppers = [model.engine().begin(), model.engine().begin()];
        let rows = 150;
        for token in 0..4 {
            let inputs = numbers(&mut stream, rows * width, 1.0);
            // Some of every portion, all of one, and none.
            let unread: Vec<bool> = (0..rows).map(|row| [row % 3 == 0, row < 64, row % 2 == 1, false][token]).collect();
            let parents: Option<Vec<u32>> = (token > 0).then(|| (0..150).map(|row| (row * 7) % 150).collect());
            let [all, some] = [(0, &[][..]), (1, &unread)].map(|(which, unread)| {
                let ended = steppers[which].step(inputs.clone(), parents.as_deref(), unread, &Stop::default());
                ended.expect("nobody stops it")
            });
            let read = |vectors: &[f32]| -> Vec<f32> {
                let rows = vectors.chunks_exact(width).zip(&unread);
                rows.filter(|(_, unread)| !**unread).flat_map(|(row, _)| row.iter().copied()).collect()
            };
            alike(&format!("token {token}, {:?}", model.config.trunk), &read(&some), &read(&all));
        }
    }
}

#[test]
fn both_engines_end_when_they_are_stopped() {
    let stop = Stop::default();
    stop.request();
    for model in models() {
        let slow = crate::by_burn(&model);
        for engine in [model.engine(), slow.engine()] {
            let inputs = || vec![0.5; ROWS * TOKENS * model.config.d_table()];
            let layout = Layout::causal(ROWS, TOKENS);
            assert!(engine.forward(inputs(), &layout, &stop).is_err_and(|error| error.is_stop()));
            assert!(engine.begin().step(inputs(), None, &[], &stop).is_err_and(|error| error.is_stop()));
            let pass = engine.record(inputs(), &layout, &mut Dropout::none(), &Stop::default());
            let ended = pass.expect("nobody stopped it yet").backward(inputs(), &stop);
            assert!(ended.is_err_and(|error| error.is_stop()));
        }
    }
}

/// A device has a copy of the weights, which must not outlive a change of them.
#[test]
fn a_change_of_the_weights_is_seen_on_every_device() {
    for mut model in models().into_iter().map(|model| crate::by_burn(&model)) {
        let inputs = vec![0.5; model.config.d_table()];
        let before = crate::hidden(&model, inputs.clone());
        let change =
            |parameter: &mut footpath_model::model::Parameter| parameter.values.iter_mut().for_each(|v| *v *= 2.0);
        model.trunk.weights_mut().parameters_mut().for_each(change);
        assert_ne!(crate::hidden(&model, inputs), before);
    }
}
