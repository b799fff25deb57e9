//! `footpath verify`

use crate::failure::{Failure, output};
use crate::output::thousands;
use clap::Args;
use footpath::verify;
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

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let report = verify::run(&args.recommendations, &args.kg)?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report).map_err(|e| output(e.into()))?;
        writeln!(out).map_err(output)?;
    } else {
        for finding in &report.findings {
            let item = finding.item.as_deref().map(|item| format!(", item {item}")).unwrap_or_default();
            writeln!(out, "line {}: user {}{item}: {}", finding.line, finding.user, finding.what).map_err(output)?;
        }
        writeln!(
            out,
            "checked {} lists, {} items, {} paths, {} hops, {} of them with file and line: {}",
            thousands(report.lists),
            thousands(report.items),
            thousands(report.paths),
            thousands(report.hops),
            thousands(report.sources),
            if report.wrong == 0 { "all true".to_owned() } else { format!("{} wrong", thousands(report.wrong)) }
        )
        .map_err(output)?;
    }
    match report.wrong {
        0 => Ok(()),
        wrong => Err(Failure::Found(format!("{}: {} findings", args.recommendations.display(), thousands(wrong)))),
    }
}
