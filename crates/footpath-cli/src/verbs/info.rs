//! `footpath info`

use crate::failure::{Failure, output};
use crate::verbs::import::print_graph;
use clap::Args;
use footpath::{Split, TrainKg};
use footpath_graph::kg::open_held_out;
use footpath_graph::report::GraphReport;
use std::io::{self, Write};
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

pub(crate) fn run(args: &InfoArgs) -> Result<(), Failure> {
    let kg = TrainKg::open(&args.kg)?;
    let report = GraphReport::of(&kg, &footpath_core::Context::default())?;
    let (valid, test) = (open_held_out(&args.kg, Split::Valid)?.len(), open_held_out(&args.kg, Split::Test)?.len());
    let mut out = io::stdout().lock();
    if args.json {
        let mut value = serde_json::to_value(&report).map_err(|e| output(e.into()))?;
        if let Some(object) = value.as_object_mut() {
            object.insert("num_valid".to_owned(), valid.into());
            object.insert("num_test".to_owned(), test.into());
            object.insert("hash".to_owned(), kg.content_hash().into());
        }
        return writeln!(out, "{value}").map_err(output);
    }
    print_graph(&mut out, &report).map_err(output)?;
    writeln!(out, " interactions: {} train, {valid} valid, {test} test\n hash: {}", report.num_train, kg.content_hash())
        .map_err(output)
}
