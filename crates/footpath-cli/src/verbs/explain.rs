//! `footpath explain`

use crate::failure::{Failure, output};
use crate::output;
use clap::Args;
use footpath::Threads;
use footpath::recommend::{Options, Session};
use std::io::{self, Write};
use std::path::PathBuf;

/// Explain why an item suits a user
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath explain model --kg kg --user user-001 --item alien-1979")]
pub(crate) struct ExplainArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// The user
    #[arg(long, value_name = "U")]
    user: String,
    /// The item
    #[arg(long, value_name = "I")]
    item: String,
    /// Paths to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    paths: usize,
    /// Prefixes kept at each token
    #[arg(long, value_name = "N", default_value_t = Options::default().beams)]
    beams: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
}

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let options = Options { k: 1, beams: args.beams, paths_per_item: args.paths };
    options.validate()?;
    let session = Session::open(&args.model, &args.kg, &args.device)?;
    let user = session.warm_user(&args.user)?;
    let item = session.kg().item(&args.item)?;
    let why = Threads(0).run(|| session.explain(user, item, options))?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &why).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    writeln!(out, "Why {} for {}", why.label, why.user).map_err(output)?;
    if let Some(reason) = &why.reason {
        return writeln!(out, " {reason}").map_err(output);
    }
    let best = why.paths.first().map_or(0.0, |p| p.log_probability);
    let mut table = output::table(&["#", "path", "log probability", "relative"], 2);
    for (rank, path) in (1..).zip(&why.paths) {
        let relative = format!("{:.0} %", (path.log_probability - best).exp() * 100.0);
        let text = path.path.text.replace("; ", ";\n");
        table.add_row([rank.to_string(), text, format!("{:.3}", path.log_probability), relative]);
    }
    output::print(&mut out, &table).map_err(output)
}
