//! `footpath verify`

use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::Args;
use footpath::Kg;
use footpath::verify::{self, Report};
use std::io::{self, Write};
use std::path::PathBuf;

/// Check that the explanations of a file of recommendations are true, without the model
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath recommend model --kg kg --all --json --out recs.jsonl
  footpath verify recs.jsonl --kg kg

Every path must start at the user, end at the item and state only facts of the train graph, each from the file
and line it names; no item may be recommended twice or to who has chosen it. Exit status 3 if anything is wrong.")]
pub(crate) struct VerifyArgs {
    /// Recommendations as `recommend --json` writes them
    recommendations: PathBuf,
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VerifyArgs, work: &Work) -> Result<(), Failure> {
    let kg = Kg::open(&args.kg, work.context())?;
    let report = verify::run(&args.recommendations, &kg, work.context())?;
    if args.json {
        work.json(&report)?;
    } else {
        work.tell(|out| print(out, &report))?;
    }
    match report.wrong {
        0 => Ok(()),
        wrong => Err(Failure::Found(format!("{}: {} findings", args.recommendations.display(), thousands(wrong)))),
    }
}

fn print(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for finding in &report.findings {
        let item = finding.item.as_deref().map(|item| format!(", item {item}")).unwrap_or_default();
        writeln!(out, "line {}: user {}{item}: {}", finding.line, finding.user, finding.what)?;
    }
    let [lists, items, paths, hops, sources] =
        [report.lists, report.items, report.paths, report.hops, report.sources].map(thousands);
    write!(
        out,
        "checked {lists} lists, {items} items, {paths} paths, {hops} hops, {sources} of them with file and line: "
    )?;
    match report.wrong {
        0 => writeln!(out, "all true"),
        wrong => writeln!(out, "{} wrong", thousands(wrong)),
    }
}
