//! Checkpoints: artefacts from which training goes on as if it had never stopped.
//!
//! ```text
//! MODEL.train/
//!   step-00001234/   weights.safetensors   tables and trunk
//!                    moments.safetensors   AdamW moments of all of them
//!                    trainer.json          position, settings, times, log so far
//!   best/            the same, of the best validation figure
//! ```
//!
//! No state of a random generator is stored: every draw is a function of the seed and the position.

use crate::config::{ModelConfig, TrainingConfig};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::optimizer::{AdamW, Moments};
use crate::path_model::PathModel;
use crate::position::Position;
use crate::trainer::Trainer;
use footpath_core::{ArrayFile, ArrayWriter, Artefact, ArtefactKind, ArtefactWriter, Context, Replace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const STATE: &str = "trainer.json";
/// What a run may be made from.
const PARENTS: [&str; 4] = ["kg", "corpus", "model", "vectors"];

/// Everything of a checkpoint that is not a large array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    model: ModelConfig,
    training: TrainingConfig,
    position: Position,
    /// Of each array of the trunk, how often it was changed: in every step.
    times: BTreeMap<String, u64>,
}

/// The checkpoints of one run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    directory: PathBuf,
    parents: BTreeMap<String, String>,
    sampling: serde_json::Value,
}

impl Checkpoints {
    /// Checkpoints in `directory`, of a model made from these artefacts.
    #[must_use]
    pub fn new(directory: PathBuf, parents: BTreeMap<String, String>) -> Self {
        Self { directory, parents, sampling: serde_json::Value::Null }
    }

    /// Of a run whose paths are drawn like this: it goes on with no others.
    #[must_use]
    pub fn of_paths(self, sampling: serde_json::Value) -> Self {
        Self { sampling, ..self }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Saves where the run stands as the best so far.
    ///
    /// # Errors
    /// [`Error::Core`] when the disk refuses; the earlier checkpoints are then untouched.
    pub fn save_best(&self, trainer: &Trainer) -> Result<()> {
        self.write(trainer, &self.directory.join("best"))
    }

    /// Saves where the run stands. Older ones go once the new one is in place.
    ///
    /// # Errors
    /// [`Error::Core`] when the disk refuses; the earlier checkpoints are then untouched.
    pub fn save(&self, trainer: &Trainer) -> Result<()> {
        let latest = self.directory.join(format!("step-{:010}", trainer.position.step));
        self.write(trainer, &latest)?;
        for older in self.steps().into_iter().filter(|path| *path != latest) {
            fs::remove_dir_all(&older).map_err(footpath_core::Error::io(&older))?;
        }
        Ok(())
    }

    /// The latest checkpoint that is whole, or `None` where there is none.
    ///
    /// # Errors
    /// [`footpath_core::Error::Mismatch`] when it is of a model made from other artefacts, and as [`check`].
    pub fn latest(&self, device: &Device) -> Result<Option<Trainer>> {
        for path in self.steps().into_iter().rev() {
            // A checkpoint that does not open was cut off while it was removed; the one before it is whole.
            let Ok(artefact) = Artefact::open(&path, ArtefactKind::Checkpoint, &Context::default()) else { continue };
            return self.of_this_run(&artefact, device).map(Some);
        }
        Ok(None)
    }

    /// The best checkpoint.
    ///
    /// # Errors
    /// As [`Checkpoints::latest`], and when there is none.
    pub fn best(&self, device: &Device) -> Result<Trainer> {
        self.of_this_run(
            &Artefact::open(&self.directory.join("best"), ArtefactKind::Checkpoint, &Context::default())?,
            device,
        )
    }

    fn steps(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut steps: Vec<_> = entries
            .filter(|e| e.file_name().to_str().is_some_and(|name| name.starts_with("step-")))
            .map(|e| e.path())
            .collect();
        steps.sort();
        steps
    }

    fn write(&self, trainer: &Trainer, directory: &Path) -> Result<()> {
        let Trainer { model, optimizer, position, config, .. } = trainer;
        let mut writer = ArtefactWriter::create(directory, ArtefactKind::Checkpoint, Replace::Yes)?;
        writer.add(WEIGHTS, |out| model.write(out))?;
        writer.add(MOMENTS, |out| {
            let moments = optimizer.moments();
            let names: Vec<[String; 2]> = moments.keys().map(|name| names_of_moments(name)).collect();
            let mut arrays = ArrayWriter::default();
            for ([first, second], moments) in names.iter().zip(moments.values()) {
                arrays = arrays.with(first, &moments.first).with(second, &moments.second);
            }
            arrays.write(&mut { out })
        })?;
        let saved = Saved {
            model: model.config.clone(),
            training: config.clone(),
            position: position.clone(),
            times: times(model, position.step),
        };
        writer.add(STATE, |out| Ok(serde_json::to_writer_pretty(out, &saved)?))?;
        writer.publish(self.parents.clone(), self.sampling.clone())?;
        Ok(())
    }

    /// A run goes on with what it began with: graph, corpus, first model and vectors, or the lack of them.
    fn check_parents(&self, artefact: &Artefact) -> Result<()> {
        for kind in PARENTS {
            let began_with = artefact.manifest().parents.get(kind);
            match (self.parents.get(kind), began_with) {
                (Some(hash), _) => artefact.check_parent(kind, hash)?,
                (None, Some(hash)) => {
                    let (path, expected) = (artefact.directory().to_owned(), hash.clone());
                    let mismatch =
                        footpath_core::Error::Mismatch { path, what: kind, expected, got: "none".to_owned() };
                    return Err(mismatch.into());
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// A checkpoint, which must be one of this run.
    fn of_this_run(&self, artefact: &Artefact, device: &Device) -> Result<Trainer> {
        self.check_parents(artefact)?;
        if artefact.manifest().config != self.sampling {
            let reason = "the unfinished run draws its paths otherwise; give the same patterns, law and weights, or \
                          discard it";
            return Err(Error::Config { option: "resume", reason: reason.to_owned() });
        }
        read(artefact, device)
    }
}

/// Checks all of the checkpoint at `directory`, of whatever run: names, shapes and numbers of weights and moments,
/// settings, and where the run stands.
///
/// # Errors
/// Of class [`Artefact`](footpath_core::ErrorClass::Artefact), naming what is wrong.
pub fn check(directory: &Path) -> Result<()> {
    read(&Artefact::open(directory, ArtefactKind::Checkpoint, &Context::default())?, &Device::Host).map(drop)
}

/// Reads a checkpoint. Whatever is in it is checked, for a file that is what its writer made of it may still lie.
fn read(artefact: &Artefact, device: &Device) -> Result<Trainer> {
    let state = artefact.directory().join(STATE);
    let text = artefact.read_text(STATE)?;
    let wrong = |expected: &str, got: String| corrupt(&state, "the state of the run", expected, got);
    let Saved { model, training, position, times: stored } =
        serde_json::from_str(&text).map_err(|e| wrong("the state of a training run", e.to_string()))?;
    model.validate().map_err(|e| wrong("the shape of a model", e.to_string()))?;
    training.validate().map_err(|e| wrong("settings of a training run", e.to_string()))?;
    position.check(&training).map_err(|what| wrong("a place that a run can reach", what))?;
    let model = PathModel::read(model, &artefact.file(WEIGHTS)?, device)?;
    if stored != times(&model, position.step) {
        let expected = format!("{} changes of each array of the trunk", position.step);
        return Err(wrong(&expected, "others".to_owned()));
    }
    let moments = read_moments(&model, &artefact.file(MOMENTS)?, position.step)?;
    let optimizer = AdamW::with_moments(training.weight_decay, moments);
    Ok(Trainer { model, optimizer, position, config: training, share: 1.0, budget: None })
}

/// The moments of all arrays of a model after so many steps; before the first there need not be any.
fn read_moments(model: &PathModel, path: &Path, step: u64) -> Result<BTreeMap<String, Moments>> {
    let file = ArrayFile::open(path)?;
    let shapes = model.shapes();
    let lens = shapes.iter().map(|(name, shape)| (name.as_str(), shape.iter().product::<u64>()));
    let lens: Vec<(&str, u64)> = lens.filter(|(name, _)| step > 0 || file.has(&names_of_moments(name)[0])).collect();
    let expected = lens.iter().flat_map(|&(name, len)| names_of_moments(name).map(|name| (name, vec![len])));
    file.holds_exactly(&expected.collect())?;
    let mut moments = BTreeMap::new();
    for (name, _) in lens {
        let [first, second] = names_of_moments(name).map(|name| -> Result<Vec<f32>> {
            let values = file.array::<f32>(&name)?.to_vec();
            crate::weights::finite(&name, &values)?;
            Ok(values)
        });
        let of_array = Moments { first: first?, second: second? };
        if of_array.second.iter().any(|&square| square < 0.0) {
            let name = &names_of_moments(name)[1];
            return Err(corrupt(path, name, "means of squares", "a number below 0".to_owned()));
        }
        moments.insert(name.to_owned(), of_array);
    }
    Ok(moments)
}

/// What the moments of an array are stored as.
fn names_of_moments(name: &str) -> [String; 2] {
    [format!("{name}.first"), format!("{name}.second")]
}

/// How often each array of the trunk has been changed after so many steps; nothing before the first.
fn times(model: &PathModel, step: u64) -> BTreeMap<String, u64> {
    let names = model.trunk.weights().parameters().map(|parameter| parameter.name.clone());
    names.filter(|_| step > 0).map(|name| (name, step)).collect()
}

fn corrupt(path: &Path, section: &str, expected: &str, got: String) -> Error {
    let (path, section, expected) = (path.to_owned(), section.to_owned(), expected.to_owned());
    Error::Core(footpath_core::Error::Corrupt { path, section, expected, got })
}
