//! `footpath export-graph`

use crate::args::{OutArgs, refuse_overlap};
use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::Args;
use footpath::{Kg, export_graph};
use std::path::PathBuf;

/// Write a graph as the tables it can be imported from again
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath export-graph kg --out tables

The folder has entities, relations, triples, items and interactions, each with the part that it belongs to.
Imported again, it is the same graph.")]
pub(crate) struct ExportGraphArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &ExportGraphArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, [Some(&args.kg)])?;
    let kg = Kg::open(&args.kg, work.context())?;
    let num_facts = export_graph::run(&kg, &args.out.out, args.out.replace(), work.context())?;
    work.tell(|out| writeln!(out, "{}: {} facts", args.out.out.display(), thousands(num_facts)))
}
