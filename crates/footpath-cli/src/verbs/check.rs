//! `footpath check`

use crate::failure::Failure;
use crate::work::Work;
use clap::Args;
use footpath::check::{self, Sound};
use std::path::PathBuf;

/// Verify an artefact by reading all of it
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath check kg")]
pub(crate) struct CheckArgs {
    /// A knowledge graph, corpus, model, checkpoint, evaluation, data set for hopwise or model for transformers
    artefact: PathBuf,
}

pub(crate) fn run(args: &CheckArgs, work: &Work) -> Result<(), Failure> {
    let Sound { kind, num_files, num_bytes, hash } = check::run(&args.artefact, work.context())?;
    work.tell(|out| {
        let artefact = args.artefact.display();
        writeln!(out, "{artefact}: {kind}, {num_files} files, {num_bytes} bytes, hash {hash}: sound")
    })
}
