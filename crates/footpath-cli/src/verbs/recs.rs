//! `footpath recs`

use crate::args::{refuse_overlap, replace};
use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::{Args, Subcommand};
use footpath::concat::{self, ListsOptions};
use footpath::{Kg, artefact};
use std::path::PathBuf;

/// Make whole lists of recommendations of their parts
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath recs concat part-0.jsonl part-1.jsonl --kg kg --out recs.jsonl")]
pub(crate) struct RecsArgs {
    #[command(subcommand)]
    command: RecsCommand,
}

#[derive(Debug, Subcommand)]
enum RecsCommand {
    /// The lists of all users, made apart on whatever machines
    Concat(ConcatArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath recs concat part-0.jsonl part-1.jsonl --kg kg --out recs.jsonl
  footpath recs concat parts/*.tsv --kg kg --out recs.tsv --partial

The parts may be given in any order: JSON lines, TSV or Parquet, as `recommend` writes them. They must have every user
with a train interaction once; the result is then, byte for byte, what is recommended at once. These files do not say
which model made them.")]
struct ConcatArgs {
    /// The parts
    #[arg(required = true, value_name = "PART")]
    parts: Vec<PathBuf>,
    /// The knowledge graph, whose users they are for
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Let users be missing: in TSV and Parquet, one without an item has no row
    #[arg(long)]
    partial: bool,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &RecsArgs, work: &Work) -> Result<(), Failure> {
    let RecsCommand::Concat(args) = &args.command;
    let replace = replace(args.force);
    refuse_overlap(&args.out, args.parts.iter().chain([&args.kg]).map(Some))?;
    artefact::refuse_existing_file(&args.out, replace)?;
    let kg = Kg::open(&args.kg, work.context())?;
    let options = ListsOptions { partial: args.partial, replace };
    let made = concat::lists(&args.parts, &kg, &args.out, options, work.context())?;
    if args.json {
        return work.json(&made);
    }
    let (users, parts) = (thousands(made.num_users), thousands(made.num_parts as u64));
    let missing = match made.num_missing {
        0 => String::new(),
        number => format!(", {} users without a list", thousands(number)),
    };
    work.tell(|out| writeln!(out, "{}: lists of {users} users of {parts} parts{missing}", args.out.display()))
}
