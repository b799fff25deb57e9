//! Checkpoints that are whole, with checksums and seal, and still lie.

use crate::toy::Toy;
use crate::{Log, StopAt, all_paths, config, cpu, training};
use footpath_core::{ArrayFile, ArrayWriter, Artefact, ArtefactKind, ArtefactWriter, Context, ErrorClass, Replace};
use footpath_model::checkpoint::{self, Checkpoints};
use footpath_model::{Ending, PathModel, Trainer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FILES: [&str; 3] = ["weights.safetensors", "moments.safetensors", "trainer.json"];

/// Arrays by name, each with its shape.
type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The files of a checkpoint, taken apart.
#[derive(Clone)]
struct Parts {
    weights: Arrays,
    moments: Arrays,
    state: Value,
}

fn arrays(path: &Path) -> Arrays {
    let file = ArrayFile::open(path).expect("arrays");
    let array = |(name, shape): (&str, &[u64])| {
        let shape = shape.iter().map(|&dim| usize::try_from(dim).expect("small")).collect();
        (name.to_owned(), (shape, file.array::<f32>(name).expect("numbers").to_vec()))
    };
    file.shapes().map(array).collect()
}

impl Parts {
    fn of(directory: &Path) -> Self {
        let artefact = Artefact::open(directory, ArtefactKind::Checkpoint, &Context::default()).expect("a checkpoint");
        let file = |name| artefact.file(name).expect("a file");
        let state = serde_json::from_str(&artefact.read_text(FILES[2]).expect("text")).expect("JSON");
        Self { weights: arrays(&file(FILES[0])), moments: arrays(&file(FILES[1])), state }
    }

    /// Writes the files with sizes, checksums and seal that are right.
    fn write(&self, directory: &Path) {
        let mut writer = ArtefactWriter::create(directory, ArtefactKind::Checkpoint, Replace::Yes).expect("room");
        for (name, arrays) in [(FILES[0], &self.weights), (FILES[1], &self.moments)] {
            let of = |writer: ArrayWriter<'_>, out: &mut dyn std::io::Write| writer.write(&mut { out });
            let arrays = arrays.iter().fold(ArrayWriter::default(), |writer, (name, (shape, values))| {
                writer.with_shape(name, shape.clone(), values)
            });
            writer.add(name, |out| of(arrays, out)).expect("written");
        }
        writer.add(FILES[2], |out| Ok(serde_json::to_writer(out, &self.state)?)).expect("written");
        writer.publish(BTreeMap::new(), Value::Null).expect("published");
    }
}

/// A run stopped at its first step: its checkpoints and the latest of them.
fn stopped(toy: &Toy, root: &Path) -> (Checkpoints, PathBuf) {
    let checkpoints = Checkpoints::new(root.to_owned(), BTreeMap::new());
    let mut trainer =
        Trainer::new(PathModel::new(config(toy), 1, &cpu()).expect("a model"), training(4)).expect("a trainer");
    let mut log = Log { stop_at: Some(StopAt::Step(1)), ..Log::default() };
    let context = Context::default().with_stop(log.stop.clone());
    let ending = trainer.run(toy, &all_paths(toy), &checkpoints, &mut log, &context).expect("trained");
    assert_eq!((ending, trainer.position.step), (Ending::Interrupted, 1));
    (checkpoints, root.join("step-0000000001"))
}

/// Every array of moments, changed in every way.
fn lies_in_moments(truth: &Parts) -> Vec<(String, Parts)> {
    type Lie = (&'static str, fn(&mut Arrays, &str));
    let lies: [Lie; 7] = [
        ("one fewer", |arrays, name| shorten(arrays, name)),
        ("none", |arrays, name| drop(arrays.insert(name.to_owned(), (vec![0], Vec::new())))),
        ("one more", |arrays, name| {
            let (shape, values) = arrays.get_mut(name).expect("an array");
            shape[0] += 1;
            values.push(0.0);
        }),
        ("missing", |arrays, name| drop(arrays.remove(name))),
        ("renamed", |arrays, name| {
            let array = arrays.remove(name).expect("an array");
            arrays.insert(format!("{name}.x"), array);
        }),
        ("no number", |arrays, name| arrays.get_mut(name).expect("an array").1[0] = f32::NAN),
        ("another shape", |arrays, name| arrays.get_mut(name).expect("an array").0.push(1)),
    ];
    let mut all = Vec::new();
    for (what, lie) in lies {
        for name in truth.moments.keys() {
            let mut parts = truth.clone();
            lie(&mut parts.moments, name);
            all.push((format!("moments, {name}: {what}"), parts));
        }
    }
    for name in truth.moments.keys().filter(|name| name.ends_with(".second")) {
        let mut parts = truth.clone();
        parts.moments.get_mut(name).expect("an array").1[0] = -1.0;
        all.push((format!("moments, {name}: a square below 0"), parts));
    }
    all
}

fn shorten(arrays: &mut Arrays, name: &str) {
    let (shape, values) = arrays.get_mut(name).expect("an array");
    let rows = shape[0];
    values.truncate(values.len() / rows * (rows - 1));
    shape[0] -= 1;
}

fn lies_in_weights(truth: &Parts) -> Vec<(String, Parts)> {
    truth
        .weights
        .keys()
        .map(|name| {
            let mut parts = truth.clone();
            shorten(&mut parts.weights, name);
            (format!("weights, {name}: a row fewer"), parts)
        })
        .collect()
}

fn lies_in_the_state(truth: &Parts) -> Vec<(String, Parts)> {
    let huge = u64::MAX;
    let lies: [(&str, Value); 21] = [
        ("/position/batch", json!(huge)),
        ("/position/batch", json!(2)),
        ("/position/batch", json!(-1)),
        ("/position/epoch", json!(huge)),
        ("/position/epoch", json!(5)),
        ("/position/step", json!(2)),
        ("/position/step", json!(huge)),
        ("/position/best_step", json!(4)),
        ("/position/saved", json!(4)),
        ("/position/since_best", json!(4)),
        ("/position/best", json!("NaN")),
        ("/position/best", json!("much")),
        ("/times", json!({})),
        ("/times/trunk.norm.gamma", json!(2)),
        ("/times/trunk.norm.gamma", Value::Null),
        ("/training/epochs", json!(0)),
        ("/training/batch_size", json!(0)),
        ("/model/trunk/num_layers", json!(0)),
        ("/model/trunk/num_layers", json!(2)),
        ("/model/trunk/d_model", json!(huge)),
        ("/model/num_items", json!(7)),
    ];
    let lie = |(place, value): (&str, Value)| {
        let mut parts = truth.clone();
        let what = format!("state, {place}: {value}");
        *parts.state.pointer_mut(place).expect("a setting") = value;
        (what, parts)
    };
    let mut all: Vec<(String, Parts)> = lies.into_iter().map(lie).collect();
    let mut surplus = truth.clone();
    surplus.state["times"]["trunk.nothing"] = json!(1);
    all.push(("a time of nothing".to_owned(), surplus));
    let mut unvalidated = truth.clone();
    unvalidated.state["position"]["unvalidated"] = json!({
        "step": 2, "num_steps": 9, "epoch": 0, "loss": 1.0, "end_loss": 1.0, "learning_rate": 0.1, "tokens": 9,
        "validation": null, "validation_loss": null
    });
    all.push(("a validation of another step".to_owned(), unvalidated));
    all
}

#[test]
fn every_lie_in_a_checkpoint_is_found() {
    let (toy, root) = (Toy::new(), tempfile::tempdir().expect("temporary directory"));
    let (checkpoints, directory) = stopped(&toy, root.path());
    let truth = Parts::of(&directory);
    truth.write(&directory);
    checkpoint::check(&directory).expect("what is written again is as good as before");
    let mut lies = lies_in_moments(&truth);
    lies.extend(lies_in_weights(&truth));
    lies.extend(lies_in_the_state(&truth));
    for (what, lie) in lies {
        lie.write(&directory);
        for error in [checkpoint::check(&directory).err(), checkpoints.latest(&cpu()).err()] {
            let error = error.unwrap_or_else(|| panic!("{what} is not found"));
            assert_eq!(error.class(), ErrorClass::Artefact, "{what}: {error}");
        }
    }
}

#[test]
fn a_place_past_the_end_of_its_epoch_is_found_when_the_run_goes_on() {
    let (toy, root) = (Toy::new(), tempfile::tempdir().expect("temporary directory"));
    let (checkpoints, directory) = stopped(&toy, root.path());
    let mut parts = Parts::of(&directory);
    for place in ["step", "batch"] {
        parts.state["position"][place] = json!(1_000);
    }
    parts.state["times"].as_object_mut().expect("times").values_mut().for_each(|time| *time = json!(1_000));
    parts.write(&directory);
    let mut trainer = checkpoints.latest(&cpu()).expect("nothing in itself is wrong").expect("a checkpoint");
    let ended = trainer.run(&toy, &all_paths(&toy), &checkpoints, &mut Log::default(), &Context::default());
    assert_eq!(ended.expect_err("no such batch").class(), ErrorClass::Artefact);
}

#[test]
fn a_checkpoint_before_the_first_step_is_one() {
    let (toy, root) = (Toy::new(), tempfile::tempdir().expect("temporary directory"));
    let checkpoints = Checkpoints::new(root.path().to_owned(), BTreeMap::new());
    let model = PathModel::new(config(&toy), 1, &cpu()).expect("a model");
    let trainer = Trainer::new(model, training(4)).expect("a trainer");
    checkpoints.save(&trainer).expect("saved");
    let directory = root.path().join("step-0000000000");
    checkpoint::check(&directory).expect("whole");
    // As builds wrote it that began with moments of 0 for the tables.
    let mut parts = Parts::of(&directory);
    for (name, (_, values)) in parts.weights.clone().into_iter().filter(|(name, _)| !name.starts_with("trunk.")) {
        let zeros = vec![0.0; values.len()];
        for moment in ["first", "second"] {
            parts.moments.insert(format!("{name}.{moment}"), (vec![values.len()], zeros.clone()));
        }
    }
    parts.write(&directory);
    assert!(checkpoints.latest(&cpu()).expect("whole").is_some());
}
