//! `check`: whether an artefact is as it was written, by reading all of it.

use crate::error::Result;
use footpath_core::{Artefact, Context, OpenOptions};
use footpath_graph::TrainKg;
use serde::Serialize;
use std::path::Path;

/// The kinds of artefacts.
const KINDS: [&str; 7] = ["kg", "corpus", "model", "checkpoint", "hopwise", "hugging-face", "evaluation"];

/// A sound artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sound {
    /// What it is.
    pub kind: String,
    /// Its files, the manifest not among them.
    pub num_files: usize,
    /// Their size.
    pub num_bytes: u64,
    /// Hash of the content.
    pub hash: String,
}

/// Reads the artefact at `directory` and compares every file with its manifest; of a graph also what its arrays must obey.
/// The receipt of a large graph is renewed.
///
/// # Errors
/// It is no artefact, or a damaged one; [`footpath_core::Error::Stopped`].
pub fn run(directory: &Path, context: &Context) -> Result<Sound> {
    context.run(|| {
        let artefact = open(directory)?;
        let manifest = artefact.manifest();
        if manifest.kind == "kg" {
            TrainKg::of(&artefact)?;
        }
        Ok(Sound {
            kind: manifest.kind.clone(),
            num_files: manifest.files.len(),
            num_bytes: manifest.files.values().map(|file| file.bytes).sum(),
            hash: manifest.content_hash(),
        })
    })?
}

fn open(directory: &Path) -> Result<Artefact> {
    let mut last = None;
    for kind in KINDS {
        match Artefact::open_with(directory, kind, OpenOptions::verify()) {
            // Keep looking only while the directory is an artefact of another kind.
            Err(footpath_core::Error::NotAnArtefact { path, kind, reason }) if reason.starts_with("it is a ") => {
                last = Some(footpath_core::Error::NotAnArtefact { path, kind, reason });
            }
            decided => return Ok(decided?),
        }
    }
    Err(last.unwrap_or(footpath_core::Error::Stopped).into())
}
