//! `footpath build`

use crate::args::{OutArgs, refuse_overlap};
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::Args;
use footpath::build;
use std::path::PathBuf;

/// Build a knowledge graph of sorted tables, which an engine such as Spark made
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath build tables --out kg

The tables are read block by block, so a graph may be larger than memory. It is, to the byte, the one that an import of
the same data makes. What the tables are is said in the book, in the page on file formats.")]
pub(crate) struct BuildArgs {
    /// The folder with tables.json
    tables: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &BuildArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, [Some(&args.tables)])?;
    let built = build::run(&args.tables, &args.out.out, args.out.replace(), work.context())?;
    if args.json {
        return work.json(&built.report);
    }
    let r = &built.report;
    let rows = [
        ("users", r.num_users),
        ("items", r.num_items),
        ("entities", r.num_entities),
        ("relations", r.num_relations),
        ("triples", r.num_triples),
        ("interactions in train", r.num_train),
        ("held out for valid", r.num_valid),
        ("held out for test", r.num_test),
        ("self-loops (kept, never a hop)", r.num_self_loops),
    ];
    let mut table = text::table(&["graph", "count"], 1);
    for (what, count) in rows {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    work.tell(|out| text::print(out, &table))
}
