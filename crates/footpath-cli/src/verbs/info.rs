//! `footpath info`

use crate::failure::Failure;
use crate::verbs::import::print_graph;
use crate::work::Work;
use clap::Args;
use footpath::{Kg, KgSummary};
use std::path::PathBuf;

/// Describe a knowledge graph
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath info kg --json")]
pub(crate) struct InfoArgs {
    /// The knowledge graph
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &InfoArgs, work: &Work) -> Result<(), Failure> {
    let summary = Kg::open(&args.kg, work.context())?.summary()?;
    if args.json {
        return work.json(&summary);
    }
    let KgSummary { graph, num_valid, num_test, hash } = &summary;
    work.tell(|out| {
        print_graph(out, graph)?;
        let num_train = graph.num_train;
        writeln!(out, " interactions: {num_train} train, {num_valid} valid, {num_test} test\n hash: {hash}")
    })
}
