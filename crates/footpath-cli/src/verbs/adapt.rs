//! `footpath adapt`

use crate::args::{OutArgs, refuse_overlap};
use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::Args;
use footpath::{Kg, StoredModel, adapt};
use std::path::PathBuf;

/// Carry a model over to a graph that has grown, without training
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath adapt model --from kg --kg kg-of-today --out model-of-today

What the model knows is found again by name. New items, and items that nobody had chosen, get vectors \
composed from their relations:
a new film lies among the other films of its director, its actors and its genre. \
New users are told by what they chose.")]
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

pub(crate) fn run(args: &AdaptArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, [Some(&args.model), Some(&args.from), Some(&args.kg)])?;
    let context = work.context();
    let stored = StoredModel::open(&args.model)?;
    let (from, to) = (Kg::open(&args.from, context)?, Kg::open(&args.kg, context)?);
    let report = adapt::run(&stored, &from, &to, &args.out.out, args.out.replace(), context)?;
    if args.json {
        return work.json(&report);
    }
    let n = |number: usize| thousands(number as u64);
    let (known, composed, mean) = (n(report.known), n(report.composed), n(report.mean));
    let (users, relations, dropped) = (n(report.new_users), n(report.new_relations), n(report.dropped));
    work.tell(|out| {
        write!(
            out,
            "{known} nodes carried over, {composed} composed from their relations, {mean} the mean of their type"
        )?;
        writeln!(out, "; {users} new users, {relations} new relations, {dropped} nodes gone")
    })
}
