//! `footpath check`

use crate::failure::{Failure, output};
use clap::Args;
use footpath_core::{Artefact, ArtefactKind, Context, OpenOptions};
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
    let artefact = Artefact::open_any(&args.artefact, OpenOptions::verify(), &Context::default())?;
    let manifest = artefact.manifest();
    if manifest.kind == ArtefactKind::Kg {
        // What the arrays must obey is read as well, and the receipt of a large graph renewed.
        TrainKg::of(&artefact)?;
    }
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let (kind, files, hash) = (manifest.kind, manifest.files.len(), manifest.content_hash());
    writeln!(io::stdout(), "{}: {kind}, {files} files, {bytes} bytes, hash {hash}: sound", args.artefact.display())
        .map_err(output)
}
