//! `footpath check`

use crate::failure::{Failure, output};
use clap::Args;
use footpath_core::{Artefact, OpenOptions};
use footpath_graph::TrainKg;
use std::io::{self, Write};
use std::path::PathBuf;

/// Verify an artefact by reading all of it
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath check kg")]
pub(crate) struct CheckArgs {
    /// A knowledge graph, corpus, model, checkpoint, evaluation, data set for hopwise or model for transformers
    artefact: PathBuf,
}

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let artefact = ["kg", "corpus", "model", "checkpoint", "hopwise", "hugging-face", "evaluation"]
        .into_iter()
        .map(|kind| Artefact::open_with(&args.artefact, kind, OpenOptions::verify()))
        .reduce(|best, next| match best {
            // Keep looking only while the directory is an artefact of another kind.
            Err(footpath_core::Error::NotAnArtefact { ref reason, .. }) if reason.starts_with("it is a ") => next,
            decided => decided,
        });
    let Some(artefact) = artefact.transpose()? else { return Ok(()) };
    let manifest = artefact.manifest();
    if manifest.kind == "kg" {
        // What the arrays must obey is read as well, and the receipt of a large graph renewed.
        TrainKg::of(&artefact)?;
    }
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let (kind, files, hash) = (&manifest.kind, manifest.files.len(), manifest.content_hash());
    writeln!(io::stdout(), "{}: {kind}, {files} files, {bytes} bytes, hash {hash}: sound", args.artefact.display())
        .map_err(output)
}
