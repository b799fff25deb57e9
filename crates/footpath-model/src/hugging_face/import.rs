//! A model of `transformers` as one of ours.

use super::{Theirs, config, entries, names};
use crate::config::ModelConfig;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::path_model::PathModel;
use footpath_core::ArrayFile;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// What an imported model is for.
#[derive(Clone, Debug)]
pub struct ImportTarget<'a> {
    /// Node ids of the items.
    pub items: Range<u32>,
    /// Tokens of the longest path.
    pub max_tokens: usize,
    /// For each of our tokens, its number in the vocabulary of the model.
    pub rows: &'a [u32],
    /// Our tokens that may have another number at the beginning of a path: the users.
    pub users: Range<u32>,
    /// For each of these, its number there; empty where the vocabulary has no such words.
    pub starts: &'a [u32],
}

/// Reads the model whose `config.json` holds this text and whose weights are at `weights`. It knows nothing of
/// histories: users are told by their tokens alone, and where `starts` are given by another vector at the beginning of
/// a path than on the way.
///
/// # Errors
/// [`Error::Foreign`] when the model is of another kind, smaller than what it is for, or lacks an array;
/// [`footpath_core::Error::Corrupt`] when the file is damaged or an array has another shape; [`Error::NonFinite`].
pub fn import(config: &str, weights: &Path, target: &ImportTarget<'_>) -> Result<PathModel> {
    let foreign = |reason: String| Error::Foreign { path: weights.to_owned(), reason };
    let read = config::read(config).map_err(|reason| foreign(format!("config.json: {reason}")))?;
    if read.trunk.max_tokens < target.max_tokens {
        let (has, needs) = (read.trunk.max_tokens, target.max_tokens);
        return Err(foreign(format!("the model has {has} positions, paths of this pattern have {needs} tokens")));
    }
    if let Some(row) = target.rows.iter().chain(target.starts).find(|&&row| row as usize >= read.vocab_size) {
        return Err(foreign(format!("the tokenizer has a word of number {row}, the model has {}", read.vocab_size)));
    }
    let their_positions = read.trunk.max_tokens;
    let mut model = ModelConfig::new(read.trunk, target.rows.len(), target.items.clone());
    model.tables = read.tables;
    if !target.starts.is_empty() {
        model.starts = target.users.clone();
    }
    model.trunk.max_tokens = target.max_tokens;
    model.validate()?;
    let source = TheirArrays {
        file: ArrayFile::read(weights, &footpath_core::Context::default())?,
        model: &model,
        target,
        vocab_size: read.vocab_size,
    };
    source.refuse_surplus()?;
    let values =
        |name: &str, shape: &[usize]| -> Result<Numbers> { Ok(source.values(name, shape, their_positions)?.into()) };
    PathModel::from_arrays(model.clone(), &values, &Device::Host)
}

/// Gives our arrays from theirs.
struct TheirArrays<'a> {
    file: ArrayFile,
    model: &'a ModelConfig,
    target: &'a ImportTarget<'a>,
    vocab_size: usize,
}

impl TheirArrays<'_> {
    fn values(&self, name: &str, shape: &[usize], their_positions: usize) -> Result<Vec<f32>> {
        let names = names(self.model.trunk.architecture);
        let d_model = self.model.trunk.d_model;
        match name {
            "input" => self.table(names.input, self.target.rows),
            "output" => self.table(names.output, self.target.rows),
            "starts" => self.table(names.input, self.target.starts),
            // Theirs has neither histories nor biases.
            "history" | "bias" => Ok(vec![0.0; shape.iter().product()]),
            "trunk.positions" => {
                let table = self.array(names.positions.unwrap_or_default(), &[their_positions, d_model])?;
                Ok(table.iter().take(shape.iter().product()).copied().collect())
            }
            "trunk.norm.gamma" => self.array(&format!("{}.weight", names.final_norm), shape),
            "trunk.norm.beta" => self.array(&format!("{}.bias", names.final_norm), shape),
            _ => self.of_block(name, shape),
        }
    }

    fn of_block(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let entry = entries(&self.model.trunk).into_iter().find(|entry| entry.ours == name);
        match (entry.map(|entry| entry.theirs), shape) {
            (Some(Theirs::Same(theirs)), _) => self.array(&theirs, shape),
            (Some(Theirs::Transposed(parts)), &[d_in, d_out]) => {
                let rows = d_out / parts.len().max(1);
                let parts = parts.iter().map(|theirs| self.array(theirs, &[rows, d_in])).collect::<Result<Vec<_>>>()?;
                Ok(super::fold::transposed(&parts.concat(), d_in)) // [in, out]
            }
            _ => Err(self.foreign(format!("nothing in it is `{name}`"))),
        }
    }

    /// These rows of a table.
    fn table(&self, name: &str, rows: &[u32]) -> Result<Vec<f32>> {
        let width = self.model.trunk.d_model;
        let table = self.array(name, &[self.vocab_size, width])?;
        Ok(rows.iter().flat_map(|&row| table.iter().skip(row as usize * width).take(width).copied()).collect())
    }

    fn array(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let expected: Vec<u64> = shape.iter().map(|&dim| dim as u64).collect();
        let found = self.file.shapes().find(|(theirs, _)| *theirs == name).map(|(_, shape)| shape);
        match found {
            None => Err(self.foreign(format!("there is no array `{name}`"))),
            Some(found) if found != expected => {
                Err(self.foreign(format!("`{name}` is {found:?}, config.json says {expected:?}")))
            }
            Some(_) => Ok(self.file.array::<f32>(name)?.to_vec()),
        }
    }

    /// An array that we have no place for would be missing from the sums.
    fn refuse_surplus(&self) -> Result<()> {
        let trunk = &self.model.trunk;
        let names = names(trunk.architecture);
        let mut known: BTreeSet<String> = BTreeSet::from([names.input, names.output].map(str::to_owned));
        known.extend(names.positions.map(str::to_owned));
        known.extend(["weight", "bias"].map(|part| format!("{}.{part}", names.final_norm)));
        for entry in entries(trunk) {
            match entry.theirs {
                Theirs::Same(name) => drop(known.insert(name)),
                Theirs::Transposed(parts) => known.extend(parts),
            }
        }
        // Masks and frequencies that older versions stored.
        let no_weight = |name: &str| {
            [".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"].iter().any(|end| name.ends_with(end))
        };
        match self.file.shapes().find(|(name, _)| !known.contains(*name) && !no_weight(name)) {
            Some((name, _)) => {
                Err(self.foreign(format!("there is an array `{name}`, for which our models have no place")))
            }
            None => Ok(()),
        }
    }

    fn foreign(&self, reason: String) -> Error {
        Error::Foreign { path: self.file.path().to_owned(), reason }
    }
}
