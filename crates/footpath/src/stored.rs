//! A model on disk.

use crate::error::{Error, Result};
use crate::train::ModelCard;
use crate::words;
use footpath_core::{Artefact, ArtefactKind, Context};
use footpath_graph::TrainKg;
use footpath_graph::pattern::Pattern;
use footpath_model::{Device, Linear, PathModel};
use std::path::{Path, PathBuf};

/// A model on disk, of a graph it was checked to belong to.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) artefact: Artefact,
    pub(crate) card: ModelCard,
    directory: PathBuf,
}

impl Stored {
    /// Opens a model of `kg`.
    ///
    /// # Errors
    /// What is there is no model, a damaged one, or one of another graph.
    pub(crate) fn open(directory: &Path, kg: &TrainKg) -> Result<Self> {
        Self::of(Self::open_artefact(directory)?, kg)
    }

    /// What is at `directory`, if that is a model, of whatever graph.
    ///
    /// # Errors
    /// What is there is no model, or a damaged one.
    pub(crate) fn open_artefact(directory: &Path) -> Result<Artefact> {
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
        Ok(Artefact::open(directory, ArtefactKind::Model, &Context::default())?)
    }

    /// The model of `kg` in an artefact.
    ///
    /// # Errors
    /// It is damaged, or one of another graph.
    pub(crate) fn of(artefact: Artefact, kg: &TrainKg) -> Result<Self> {
        artefact.check_parent("kg", kg.content_hash())?;
        let directory = artefact.directory().to_owned();
        let corrupt = |section: &str, expected: &str, got: String| footpath_core::Error::Corrupt {
            path: directory.clone(),
            section: section.to_owned(),
            expected: expected.to_owned(),
            got,
        };
        let card = card_of(&artefact)?;
        if card.vocabulary != kg.vocabulary() || card.model.num_tokens != card.vocabulary.len() {
            let expected = format!("{:?}", kg.vocabulary());
            return Err(corrupt("vocabulary", &expected, format!("{:?}", card.vocabulary)).into());
        }
        check_shape(&card, kg).map_err(|(expected, got)| corrupt("model.json", expected, got))?;
        Ok(Self { artefact, card, directory })
    }

    /// The pattern of its paths.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when the graph cannot have it, [`Error::Usage`] when they are walks, which lead to no item.
    pub(crate) fn pattern(&self, kg: &TrainKg) -> Result<Pattern> {
        if Pattern::parse_walk(&self.card.pattern, kg).is_ok() && Pattern::parse(&self.card.pattern, kg).is_err() {
            let reason = format!(
                "{} learned walks, which lead to no item; train on paths with it as --init",
                self.directory.display()
            );
            return Err(Error::Usage { option: "model", reason });
        }
        check_pattern(&self.card, kg).map_err(|(expected, got)| {
            let (path, section) = (self.directory.clone(), "model.json".to_owned());
            footpath_core::Error::Corrupt { path, section, expected: expected.to_owned(), got }.into()
        })
    }

    /// Its linear part, if it has one.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when it is not one of its items.
    pub(crate) fn linear(&self) -> Result<Option<Linear>> {
        const FILE: &str = "linear.safetensors";
        if !self.artefact.manifest().files.contains_key(FILE) {
            return Ok(None);
        }
        Ok(Some(Linear::read(&self.artefact.file(FILE)?, self.card.model.num_items)?))
    }

    /// The model.
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when the weights are not of its shape.
    pub(crate) fn model(&self, device: &Device) -> Result<PathModel> {
        Ok(PathModel::read(self.card.model.clone(), &self.artefact.file("weights.safetensors")?, device)?)
    }
}

/// What was expected of a description, and what was found.
type Complaint = (&'static str, String);

fn check_shape(card: &ModelCard, kg: &TrainKg) -> std::result::Result<(), Complaint> {
    card.model.validate().map_err(|e| ("the shape of a model", e.to_string()))?;
    if !card.model.kinds.is_empty() && card.model.kinds != words::kinds(kg) {
        return Err(("the kinds of tokens of the graph", format!("kinds that begin at {:?}", card.model.kinds)));
    }
    if !card.model.starts.is_empty() && card.model.starts != words::users(kg) {
        return Err(("the users of the graph", format!("tokens {:?} where paths begin", card.model.starts)));
    }
    // What it learned decides how it is read, so a description that no training could have written is none.
    card.training.validate().map_err(|e| ("settings of a training", e.to_string()))?;
    let bad = |weight: &f64| !(0.0..=100.0).contains(weight);
    if let Some(weight) = card.weights.iter().flat_map(|w| [w.direct, w.linear, w.fading, w.recency]).find(bad) {
        return Err(("weights of 0 to 100", weight.to_string()));
    }
    let (first, items) = (card.model.first_item, kg.items());
    if first == items.start && card.model.num_items == items.len() {
        Ok(())
    } else {
        Err(("the items of the graph", format!("{} from node {first}", card.model.num_items)))
    }
}

fn check_pattern(card: &ModelCard, kg: &TrainKg) -> std::result::Result<Pattern, Complaint> {
    let pattern = Pattern::parse(&card.pattern, kg).map_err(|e| ("a path pattern of the graph", e.to_string()))?;
    let (tokens, max_tokens) = (card.training.num_positions(2 * pattern.max_hops() + 1), card.model.trunk.max_tokens);
    if tokens <= max_tokens {
        Ok(pattern)
    } else {
        Err(("as many tokens as the longest path has", format!("{max_tokens} for {}", pattern.source())))
    }
}

/// Checks that a description makes sense in a graph.
///
/// # Errors
/// What was expected, and what was found.
pub(crate) fn check_card(card: &ModelCard, kg: &TrainKg) -> std::result::Result<(), Complaint> {
    check_shape(card, kg)?;
    check_pattern(card, kg).map(|_| ())
}

/// The description of the model at `directory`.
///
/// # Errors
/// What is there is no model, or a damaged one.
pub(crate) fn card(directory: &Path) -> Result<ModelCard> {
    card_of(&Stored::open_artefact(directory)?)
}

fn card_of(artefact: &Artefact) -> Result<ModelCard> {
    Ok(serde_json::from_str(&artefact.read_text("model.json")?).map_err(|e| footpath_core::Error::Corrupt {
        path: artefact.directory().to_owned(),
        section: "model.json".to_owned(),
        expected: "the description of a model".to_owned(),
        got: e.to_string(),
    })?)
}
