//! Models on disk, and opened with their graph.

use super::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::pages::curve;
use footpath_core::{Artefact, ArtefactKind, ArtefactWriter, Context, NodeId, Replace};
use footpath_graph::TrainKg;
use footpath_graph::pattern::Pattern;
use footpath_model::{Device, Linear, PathModel, TrainingProgress};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The description.
const CARD: &str = "model.json";
/// The arrays of the path model.
const WEIGHTS: &str = "weights.safetensors";
/// The linear part, if there is one.
const LINEAR: &str = "linear.safetensors";
/// A line for each step of the training.
const LOG: &str = "metrics.jsonl";

/// A model on disk.
#[derive(Debug)]
pub struct StoredModel {
    artefact: Artefact,
    card: ModelCard,
}

impl StoredModel {
    /// Opens a model, of whatever graph.
    ///
    /// # Errors
    /// What is there is no model, or a damaged one.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::of_artefact(Self::open_artefact(directory, &Context::default())?)
    }

    /// Opens a model of `kg`.
    ///
    /// # Errors
    /// What is there is no model, a damaged one, or one of another graph.
    pub(crate) fn open_for(directory: &Path, kg: &TrainKg) -> Result<Self> {
        let stored = Self::open(directory)?;
        stored.check_graph(kg)?;
        Ok(stored)
    }

    /// What is at `directory`, if that is a model, of whatever graph.
    ///
    /// # Errors
    /// What is there is no model, or a damaged one.
    pub(crate) fn open_artefact(directory: &Path, context: &Context) -> Result<Artefact> {
        const PICKLED: [&str; 7] = ["pt", "pth", "bin", "pkl", "h5", "npz", "onnx"];
        let extension = directory.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if PICKLED.contains(&extension.as_str()) {
            let reason = format!(
                "a .{extension} file may execute code when it is loaded and is not read; convert it to safetensors"
            );
            return Err(
                footpath_core::Error::NotAnArtefact { path: directory.to_owned(), kind: "model", reason }.into()
            );
        }
        let unfinished = directory.with_file_name(format!(
            "{}.train",
            directory.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
        ));
        if !directory.exists() && unfinished.is_dir() {
            let reason = "its training is not finished; go on with `footpath train … --resume`".to_owned();
            return Err(
                footpath_core::Error::NotAnArtefact { path: directory.to_owned(), kind: "model", reason }.into()
            );
        }
        Ok(Artefact::open(directory, ArtefactKind::Model, context)?)
    }

    /// The model in an artefact.
    ///
    /// # Errors
    /// Its description does not read.
    pub(crate) fn of_artefact(artefact: Artefact) -> Result<Self> {
        let text = artefact.read_text(CARD)?;
        let card = serde_json::from_str(&text).map_err(|e| footpath_core::Error::Corrupt {
            path: artefact.directory().to_owned(),
            section: CARD.to_owned(),
            expected: "the description of a model".to_owned(),
            got: e.to_string(),
        })?;
        Ok(Self { artefact, card })
    }

    /// What is stored beside its weights.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Hash of its content.
    #[must_use]
    pub fn hash(&self) -> String {
        self.artefact.manifest().content_hash()
    }

    /// Hashes of what it was made from, by kind.
    pub(crate) fn parents(&self) -> &BTreeMap<String, String> {
        &self.artefact.manifest().parents
    }

    /// The log of its training, line by line.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn log(&self) -> Result<Vec<String>> {
        Ok(self.artefact.read_text(LOG)?.lines().map(str::to_owned).collect())
    }

    /// Checks that it is a model of `kg`.
    ///
    /// # Errors
    /// It is one of another graph, or says what no model of this one could.
    pub fn check_graph(&self, kg: &TrainKg) -> Result<()> {
        self.artefact.check_parent("kg", kg.content_hash())?;
        let card = &self.card;
        if card.vocabulary != kg.vocabulary() || card.model.num_tokens != card.vocabulary.len() {
            let expected = format!("{:?}", kg.vocabulary());
            return Err(self.corrupt("vocabulary", &expected, format!("{:?}", card.vocabulary)));
        }
        card.check_shape(kg).map_err(|(expected, got)| self.corrupt(CARD, expected, got))
    }

    fn corrupt(&self, section: &str, expected: &str, got: String) -> Error {
        let (path, section, expected) = (self.artefact.directory().to_owned(), section.to_owned(), expected.to_owned());
        footpath_core::Error::Corrupt { path, section, expected, got }.into()
    }

    /// The pattern of its paths.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when the graph cannot have it, [`Error::Usage`] when they are walks, which
    /// lead to no item.
    pub(crate) fn pattern(&self, kg: &TrainKg) -> Result<Pattern> {
        if Pattern::parse_walk(&self.card.pattern, kg).is_ok() && Pattern::parse(&self.card.pattern, kg).is_err() {
            let reason = format!(
                "{} learned walks, which lead to no item; train on paths that start from it",
                self.artefact.directory().display()
            );
            return Err(Error::Usage { option: "model", reason });
        }
        self.card.check_pattern(kg).map_err(|(expected, got)| self.corrupt(CARD, expected, got))
    }

    /// Its linear part, if it has one.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when it is not one of its items.
    pub(crate) fn linear(&self) -> Result<Option<Linear>> {
        if !self.artefact.manifest().files.contains_key(LINEAR) {
            return Ok(None);
        }
        Ok(Some(Linear::read(&self.artefact.file(LINEAR)?, self.card.model.num_items)?))
    }

    /// The model.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when the weights are not of its shape.
    pub(crate) fn paths(&self, device: &Device) -> Result<PathModel> {
        Ok(PathModel::read(self.card.model.clone(), &self.artefact.file(WEIGHTS)?, device)?)
    }
}

/// A model that is open, with its graph.
#[derive(Debug)]
pub struct Model {
    pub(crate) kg: Arc<TrainKg>,
    pub(crate) pattern: Pattern,
    pub(crate) paths: PathModel,
    pub(crate) linear: Option<Linear>,
    pub(crate) card: ModelCard,
    pub(crate) hash: String,
}

impl Model {
    /// Opens a model and its graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Mismatch`] when the model was made from another graph, and whatever opening them gives.
    pub fn open(model_dir: &Path, kg_dir: &Path, context: &Context) -> Result<Self> {
        let open = || {
            let model = || StoredModel::open_artefact(model_dir, context);
            let (kg, artefact) = rayon::join(|| TrainKg::open_within(kg_dir, context), model);
            Self::of(kg?, &StoredModel::of_artefact(artefact?)?, context)
        };
        context.run(open)?
    }

    /// The model that is stored, of a graph that is open already.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn of(kg: impl Into<Arc<TrainKg>>, stored: &StoredModel, context: &Context) -> Result<Self> {
        let kg = kg.into();
        stored.check_graph(&kg)?;
        let pattern = stored.pattern(&kg)?;
        let device = footpath_model::device(context.device())?;
        let (paths, linear) = context.run(|| rayon::join(|| stored.paths(&device), || stored.linear()))?;
        let (paths, linear, card, hash) = (paths?, linear?, stored.card.clone(), stored.hash());
        Ok(Self { kg, pattern, paths, linear, card, hash })
    }

    /// What is stored beside its weights.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The items by which the model knows a user at the beginning of a path. Histories in the order of time begin with
    /// the bare token: they are the history.
    pub(crate) fn prompt_items(&self, user: NodeId) -> &[u32] {
        let training = &self.card.training;
        let reads_history = training.generates_paths() || training.learns_ends();
        if reads_history { self.kg.items_of(user) } else { &[] }
    }
}

/// What a model is published from.
pub(crate) struct NewModel<'a> {
    pub(crate) card: &'a ModelCard,
    pub(crate) paths: &'a PathModel,
    pub(crate) linear: Option<&'a Linear>,
    /// The log of its training, line by line.
    pub(crate) log: &'a [String],
    /// Hashes of what it was made from, by kind.
    pub(crate) parents: BTreeMap<String, String>,
}

impl NewModel<'_> {
    /// Publishes the model at `out`.
    ///
    /// # Errors
    /// An output that exists, a disk that refuses.
    pub(crate) fn publish(self, out: &Path, replace: Replace) -> Result<()> {
        let steps: Vec<TrainingProgress> = self.log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let curve = curve::svg(&steps).unwrap_or_default();
        let mut writer = ArtefactWriter::create(out, ArtefactKind::Model, replace)?;
        writer.add(WEIGHTS, |out| self.paths.write(out))?;
        if let Some(linear) = self.linear {
            writer.add(LINEAR, |out| linear.write(out))?;
        }
        writer.add(CARD, |out| Ok(serde_json::to_writer_pretty(out, self.card)?))?;
        writer.add(LOG, |out| self.log.iter().try_for_each(|line| writeln!(out, "{line}")))?;
        writer.add("loss.svg", |out| out.write_all(curve.as_bytes()))?;
        let ModelCard { training, sampling, adapted_from, .. } = self.card;
        let made = serde_json::json!({ "training": training, "sampling": sampling, "adapted_from": adapted_from });
        writer.publish(self.parents, made)?;
        Ok(())
    }
}
