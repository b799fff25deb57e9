//! `footpath adapt`

use crate::args::OutArgs;
use crate::failure::{Failure, output};
use crate::output::thousands;
use clap::Args;
use footpath::{Threads, adapt};
use std::io::{self, Write};
use std::path::PathBuf;

/// Carry a model over to a graph that has grown, without training
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath adapt model --from kg --kg kg-of-today --out model-of-today

What the model knows is found again by name. New items, and items that nobody had chosen, get vectors composed from their relations:
a new film lies among the other films of its director, its actors and its genre. New users are told by what they chose.")]
pub(crate) struct AdaptArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    from: PathBuf,
    /// The knowledge graph to use it on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &AdaptArgs) -> Result<(), Failure> {
    let report =
        Threads(0).run(|| adapt::run(&args.model, &args.from, &args.kg, &args.out.out, args.out.replace()))??;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    let n = |number: usize| thousands(number as u64);
    writeln!(
        out,
        "{} nodes carried over, {} composed from their relations, {} the mean of their type; {} new users, {} new relations, {} nodes gone",
        n(report.known),
        n(report.composed),
        n(report.mean),
        n(report.new_users),
        n(report.new_relations),
        n(report.dropped)
    )
    .map_err(output)
}
