//! `check`: whether an artefact is as it was written, by reading all of it.

use crate::error::Result;
use footpath_core::{Artefact, ArtefactKind, Context, OpenOptions};
use footpath_graph::TrainKg;
use serde::Serialize;
use std::path::Path;

/// A sound artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sound {
    /// What it is.
    pub kind: ArtefactKind,
    /// Its files, the manifest not among them.
    pub num_files: usize,
    /// Their size.
    pub num_bytes: u64,
    /// Hash of the content.
    pub hash: String,
}

/// Reads the artefact at `directory` and compares every file with its manifest; of graphs and
/// checkpoints also what their arrays must obey. The receipt of a large graph is renewed.
///
/// # Errors
/// It is no artefact, or a damaged one; [`footpath_core::Error::Stopped`].
pub fn run(directory: &Path, context: &Context) -> Result<Sound> {
    context.run(|| {
        let artefact = Artefact::open_any(directory, OpenOptions::verify(), context)?;
        let manifest = artefact.manifest();
        match manifest.kind {
            ArtefactKind::Kg => drop(TrainKg::of(&artefact)?),
            ArtefactKind::Checkpoint => footpath_model::checkpoint::check(directory)?,
            _ => {}
        }
        Ok(Sound {
            kind: manifest.kind,
            num_files: manifest.files.len(),
            num_bytes: manifest.files.values().map(|file| file.bytes).sum(),
            hash: manifest.content_hash(),
        })
    })?
}
