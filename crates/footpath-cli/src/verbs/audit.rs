//! `footpath audit`

use crate::failure::{Failure, output};
use crate::output::{self, thousands};
use clap::Args;
use footpath::corpus::{self, Audited};
use std::io::{self, Write};
use std::path::PathBuf;

/// Prove that a corpus is legal and leaks nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath audit corpus --kg kg

Every path is checked against the triples of the graph, the pattern, the end set, and the interactions held out for valid and test.
The exit status is 3 when a path is wrong.")]
pub(crate) struct AuditArgs {
    /// The corpus
    corpus: PathBuf,
    /// The knowledge graph it was sampled from
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &AuditArgs) -> Result<(), Failure> {
    let audited = corpus::audit(&args.corpus, &args.kg)?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &audited.report).map_err(|e| output(e.into()))?;
        writeln!(out).map_err(output)?;
    } else {
        print_audited(&mut out, &audited).map_err(output)?;
    }
    match (audited.report.first_wrong, audited.first_wrong) {
        (Some(number), Some(path)) => {
            Err(Failure::Found(format!("{}: path {number} is wrong: {path}", args.corpus.display())))
        }
        _ => Ok(()),
    }
}

fn print_audited(out: &mut impl Write, audited: &Audited) -> io::Result<()> {
    let r = &audited.report;
    let mut table = output::table(&["paths", "count"], 1);
    let rows = [
        ("looked at", r.paths),
        ("with a hop that is no fact of the graph", r.illegal),
        ("of another pattern", r.off_pattern),
        ("that meet a node twice", r.not_simple),
        ("with a wrong end", r.wrong_end),
        ("with a held-out interaction", r.leaked),
    ];
    for (what, count) in rows {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    output::print(out, &table)?;
    writeln!(out, " {} interactions are held out\n paths {}", thousands(audited.num_held_out), audited.pattern)
}
