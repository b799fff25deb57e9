//! `model export` and `model import`: models in the form of Hugging Face `transformers`, whose words are the names of
//! the graph.

use crate::artefacts::kg::Kg;
use crate::artefacts::model::{Model, NewModel};
use crate::artefacts::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::pattern::Shape;
use crate::text::words;
use footpath_core::{ArtefactKind, ArtefactWriter, Context, NodeId, Replace, artefact};
use footpath_graph::sample::PathOrigin;
use footpath_model::config::TrainingConfig;
use footpath_model::data::Objective;
use footpath_model::hugging_face::{self, ImportTarget, tokenizer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest `config.json`, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Largest `tokenizer.json`, in bytes.
const MAX_TOKENIZER_BYTES: u64 = 1 << 32;
/// The file with the weights.
const WEIGHTS: &str = "model.safetensors";

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// `gpt2` or `llama`.
    pub architecture: &'static str,
    /// Words of the tokenizer.
    pub num_words: usize,
    /// Words among them that stand for a user at the beginning of a path; 0 where users are the same everywhere.
    pub num_starts: usize,
    /// Numbers in the weights.
    pub num_parameters: usize,
    /// Tokens of the longest path.
    pub max_tokens: usize,
}

/// Writes a model as a directory that `AutoModelForCausalLM` and `AutoTokenizer` read. The directory is an
/// artefact, so it appears whole or not at all.
///
/// # Errors
/// An output that exists, a disk that refuses.
pub fn export(model: &Model, out: &Path, replace: Replace, context: &Context) -> Result<Exported> {
    artefact::refuse_existing(out, ArtefactKind::HuggingFace, replace)?;
    let (kg, paths) = (&model.kg, &model.paths);
    let starts = context.run(|| starts(model))?;
    let exported = hugging_face::export(paths, &starts);
    let (words, max_tokens) = (words::words(kg), paths.config.trunk.max_tokens);
    let start_words: Vec<String> = match starts.is_empty() {
        true => Vec::new(),
        false => words.iter().filter_map(|word| tokenizer::start_word(word)).collect(),
    };
    let num_words = words.len() + start_words.len();
    let generation = tokenizer::generation_config(max_tokens, words.len()..num_words);
    let json = |value: &serde_json::Value| serde_json::to_vec_pretty(value).unwrap_or_default();
    let mut writer = ArtefactWriter::create(out, ArtefactKind::HuggingFace, replace)?;
    writer.add("config.json", |out| out.write_all(&json(&exported.config)))?;
    writer.add(WEIGHTS, |out| exported.write(out))?;
    writer.add("tokenizer.json", |out| tokenizer::write(&words, &start_words, out))?;
    writer.add("tokenizer_config.json", |out| out.write_all(&json(&tokenizer::config(max_tokens))))?;
    writer.add("generation_config.json", |out| out.write_all(&json(&generation)))?;
    let parents =
        BTreeMap::from([("kg".to_owned(), kg.content_hash().to_owned()), ("model".to_owned(), model.hash.clone())]);
    writer.publish(parents, serde_json::Value::Null)?;
    Ok(Exported {
        architecture: paths.config.trunk.architecture.name(),
        num_words,
        num_starts: start_words.len(),
        num_parameters: exported.num_parameters(),
        max_tokens,
    })
}

/// Writes the tokenizer of a graph into a directory that is there: `tokenizer.json` and `tokenizer_config.json`, for a
/// model of transformers that learns rows of tokens of at most `max_tokens`, and that [`import`] is to read.
///
/// # Errors
/// Files that exist, a disk that refuses.
pub fn write_tokenizer(kg: &Kg, directory: &Path, max_tokens: usize, replace: Replace) -> Result<()> {
    let words = words::words(kg);
    artefact::publish_file(&directory.join("tokenizer.json"), replace, |out| tokenizer::write(&words, &[], out))?;
    let config = serde_json::to_vec_pretty(&tokenizer::config(max_tokens)).unwrap_or_default();
    artefact::publish_file(&directory.join("tokenizer_config.json"), replace, |out| out.write_all(&config))?;
    Ok(())
}

/// The vectors of all users at the beginning of a path, one after the other; none where they are those of the users
/// anywhere else.
fn starts(model: &Model) -> Vec<f32> {
    let (kg, paths) = (&model.kg, &model.paths);
    let token = |user: u32| kg.vocabulary().node(NodeId(user));
    let start = |user: u32| paths.prompt(token(user), model.prompt_items(NodeId(user)));
    let starts: Vec<f32> = kg.users().flat_map(start).collect();
    let on_the_way = paths.embed(&kg.users().map(|user| token(user).0).collect::<Vec<_>>());
    if starts == on_the_way { Vec::new() } else { starts }
}

/// Makes a model of a graph, for paths of `shape`, from a directory of `transformers` whose tokenizer has the names of
/// the graph for words.
///
/// # Errors
/// [`footpath_model::Error::Foreign`] when it is a model of another kind, for other words, or pickled; an output that
/// exists, a disk that refuses.
pub fn import(from: &Path, kg: &Kg, shape: &Shape, out: &Path, replace: Replace) -> Result<ModelCard> {
    artefact::refuse_existing(out, ArtefactKind::Model, replace)?;
    let weights = weights(from)?;
    let config = text(&from.join("config.json"), MAX_CONFIG_BYTES)?;
    let mixture = shape.mixture(kg)?;
    let pattern = mixture.union();
    let path = from.join("tokenizer.json");
    let numbers = tokenizer::read(&text(&path, MAX_TOKENIZER_BYTES)?, &words::words(kg))
        .map_err(|reason| foreign(&path, &reason))?;
    let max_tokens = 2 * pattern.max_hops() + 1;
    let (rows, starts, users) = (&numbers.words, &numbers.starts, words::users(kg));
    let target = ImportTarget { items: kg.items(), max_tokens, rows, users, starts };
    let model = hugging_face::import(&config, &weights, &target)?;
    let card = ModelCard {
        model: model.config.clone(),
        // Whatever it learned, it continues texts.
        training: TrainingConfig { objectives: vec![Objective::default()], ..TrainingConfig::default() },
        pattern: pattern.source().to_owned(),
        vocabulary: kg.vocabulary(),
        sampling: PathOrigin::Imported { imported_from: "hugging-face".to_owned() },
        steps: 0,
        best_step: 0,
        best_validation: None,
        weights: None,
        notes: Vec::new(),
        adapted_from: None,
    };
    let parents = BTreeMap::from([("kg".to_owned(), kg.content_hash().to_owned())]);
    NewModel { card: &card, paths: &model, linear: None, log: &[], parents }.publish(out, replace)?;
    Ok(card)
}

/// The file with the weights; no other form of weights is read.
fn weights(from: &Path) -> Result<std::path::PathBuf> {
    let weights = from.join(WEIGHTS);
    if weights.is_file() {
        return Ok(weights);
    }
    let has = |name: &str| from.join(name).exists();
    let reason = if ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5"].into_iter().any(has) {
        "pickled weights may execute code when they are loaded and are not read; save them with \
         `model.save_pretrained(DIR, safe_serialization=True)`"
    } else if has("model.safetensors.index.json") {
        "the weights are in several files; save them in one with `model.save_pretrained(DIR, max_shard_size=\"100GB\")`"
    } else {
        "there is no model.safetensors; give the directory that `save_pretrained` or `footpath model export` wrote"
    };
    Err(foreign(from, reason))
}

fn text(path: &Path, most: u64) -> Result<String> {
    let io = |e| footpath_core::Error::io(path)(e);
    let mut text = String::new();
    let read = File::open(path).map_err(io)?.take(most + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > most => Err(foreign(path, &format!("longer than {most} bytes"))),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(foreign(path, "no UTF-8")),
        read => Ok(read.map(|_| text).map_err(io)?),
    }
}

fn foreign(path: &Path, reason: &str) -> Error {
    footpath_model::Error::Foreign { path: path.to_owned(), reason: reason.to_owned() }.into()
}
