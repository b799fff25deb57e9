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
use crate::error::{Error, Result};
use crate::optimizer::TrunkOptimizer;
use crate::path_model::PathModel;
use crate::training::{Position, Trainer};
use burn::tensor::Device;
use footpath_core::{ArrayFile, ArrayWriter, Artefact, ArtefactKind, ArtefactWriter, Context, Replace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a run may be made from.
const PARENTS: [&str; 4] = ["kg", "corpus", "model", "vectors"];

/// Everything of a checkpoint that is not a large array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    model: ModelConfig,
    training: TrainingConfig,
    position: Position,
    times: BTreeMap<String, usize>,
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

    /// Saves where the run stands; with `best` also as the best so far. Older ones go once the new one is in place.
    ///
    /// # Errors
    /// [`Error::Core`] when the disk refuses; the earlier checkpoints are then untouched.
    pub fn save(&self, trainer: &Trainer, best: bool) -> Result<()> {
        if best {
            self.write(trainer, &self.directory.join("best"))?;
        }
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
    /// [`footpath_core::Error::Mismatch`] when it is of a model made from other artefacts.
    pub fn latest(&self, device: &Device) -> Result<Option<Trainer>> {
        for path in self.steps().into_iter().rev() {
            // A checkpoint that does not open was cut off while it was removed; the one before it is whole.
            let Ok(artefact) = Artefact::open(&path, ArtefactKind::Checkpoint, &Context::default()) else { continue };
            return self.read(&artefact, device).map(Some);
        }
        Ok(None)
    }

    /// The best checkpoint.
    ///
    /// # Errors
    /// As [`Artefact::open`].
    pub fn best(&self, device: &Device) -> Result<Trainer> {
        self.read(&Artefact::open(&self.directory.join("best"), ArtefactKind::Checkpoint, &Context::default())?, device)
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
        let (moments, times) = trainer.optimizer.to_arrays();
        let model = &trainer.model;
        let tables = model.stored_tables();
        let names: Vec<_> =
            tables.iter().map(|(name, _)| (format!("{name}.first"), format!("{name}.second"))).collect();
        let mut writer = ArtefactWriter::create(directory, ArtefactKind::Checkpoint, Replace::Yes)?;
        writer.add("weights.safetensors", |out| model.write(out))?;
        writer.add("moments.safetensors", |out| {
            let mut arrays = ArrayWriter::default();
            for (name, values) in &moments {
                arrays = arrays.with(name, values);
            }
            for ((first, second), (_, table)) in names.iter().zip(&tables) {
                arrays = arrays.with(first, &table.first).with(second, &table.second);
            }
            arrays.write(&mut { out })
        })?;
        let saved = Saved {
            model: model.config.clone(),
            training: trainer.config.clone(),
            position: trainer.position.clone(),
            times,
        };
        writer.add("trainer.json", |out| Ok(serde_json::to_writer_pretty(out, &saved)?))?;
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

    fn read(&self, artefact: &Artefact, device: &Device) -> Result<Trainer> {
        self.check_parents(artefact)?;
        if artefact.manifest().config != self.sampling {
            let reason = "the unfinished run draws its paths otherwise; give the same patterns, law and weights, or --restart to discard it";
            return Err(Error::Config { option: "resume", reason: reason.to_owned() });
        }
        let text = artefact.read_text("trainer.json")?;
        let saved: Saved = serde_json::from_str(&text).map_err(|e| {
            Error::Core(footpath_core::Error::Corrupt {
                path: artefact.directory().to_owned(),
                section: "trainer.json".to_owned(),
                expected: "the state of a training run".to_owned(),
                got: e.to_string(),
            })
        })?;
        let mut model = PathModel::read(saved.model, &artefact.file("weights.safetensors")?, device)?;
        let file = ArrayFile::open(&artefact.file("moments.safetensors")?)?;
        for (name, table) in model.stored_tables_mut() {
            let len = table.values.len();
            table.first = file.array_of::<f32>(&format!("{name}.first"), len)?.to_vec();
            table.second = file.array_of::<f32>(&format!("{name}.second"), len)?.to_vec();
        }
        let mut arrays = BTreeMap::new();
        for name in saved.times.keys().flat_map(|n| [format!("{n}.first"), format!("{n}.second")]) {
            let values = file.array::<f32>(&name)?.to_vec();
            arrays.insert(name, values);
        }
        let mut optimizer = TrunkOptimizer::new(saved.training.weight_decay);
        optimizer.restore(&arrays, &saved.times, &device.clone().inner());
        Ok(Trainer { model, optimizer, position: saved.position, config: saved.training })
    }
}
