//! `footpath patterns`

use crate::failure::{Failure, output};
use crate::output::{self, thousands};
use clap::Args;
use footpath::Replace;
use footpath::metapaths::{self, Part, Report};
use footpath::plot;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Which kinds of paths, relations and items recommendations are made of
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath recommend model --kg kg --all --json --out recs.jsonl
  footpath patterns recs.jsonl --kg kg --plot patterns.svg

Mass is the share of a user's probability over the paths shown, averaged over users. The masses of the patterns sum
to 1; those of the relations do not, for a path has several.")]
pub(crate) struct PatternsArgs {
    /// Recommendations as `recommend --json` writes them
    recommendations: PathBuf,
    /// The knowledge graph, for popularity
    #[arg(long, value_name = "KG")]
    kg: Option<PathBuf>,
    /// Each user alone: one JSON object for each user and line
    #[arg(long, conflicts_with = "plot")]
    per_user: bool,
    /// Draw the masses as an SVG picture
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Replace the picture if it exists
    #[arg(long)]
    force: bool,
    /// Most patterns and relations to show
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &PatternsArgs) -> Result<(), Failure> {
    if args.per_user {
        return print_users(args);
    }
    let report = metapaths::run(&args.recommendations, args.kg.as_deref())?;
    if let Some(path) = &args.plot {
        let replace = if args.force { Replace::Yes } else { Replace::No };
        let picture = plot::masses(&report, args.top);
        footpath_core::artefact::publish_file(path, replace, |out| out.write_all(picture.as_bytes()))?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    print(&mut out, &report, args.top).map_err(output)
}

/// What is true of one user.
#[derive(Serialize)]
struct OfUser<'a> {
    user: &'a str,
    paths: u64,
    patterns: Vec<Part>,
    relations: Vec<Part>,
}

fn print_users(args: &PatternsArgs) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    metapaths::per_user(&args.recommendations, args.kg.as_deref(), |user, report| {
        if written.is_ok() {
            let Report { paths, patterns, relations, .. } = report;
            let line = OfUser { user, paths, patterns, relations };
            written = serde_json::to_writer(&mut out, &line).map_err(io::Error::from).and_then(|()| writeln!(out));
        }
    })?;
    written.and_then(|()| out.flush()).map_err(output)
}

fn print(out: &mut impl Write, report: &Report, top: usize) -> io::Result<()> {
    writeln!(out, "{} paths of {} users", thousands(report.paths), thousands(report.users))?;
    print_parts(out, "pattern", &report.patterns, top)?;
    print_parts(out, "relation", &report.relations, top)?;
    if let Some(p) = &report.popularity {
        writeln!(
            out,
            "train interactions of an item: recommended {:.1}, chosen {:.1}, of the graph {:.1}; {} different items recommended",
            p.recommended,
            p.chosen,
            p.catalogue,
            thousands(p.distinct)
        )?;
    }
    Ok(())
}

fn print_parts(out: &mut impl Write, what: &str, parts: &[Part], top: usize) -> io::Result<()> {
    let mut table = output::table(&[what, "mass", "paths", "users", "popularity of the ends"], 1);
    for part in parts.iter().take(top) {
        let popularity = part.popularity.map(|p| format!("{p:.1}")).unwrap_or_default();
        table.add_row([
            part.name.clone(),
            format!("{:.1} %", part.mass * 100.0),
            thousands(part.paths),
            thousands(part.users),
            popularity,
        ]);
    }
    output::print(out, &table)?;
    match parts.len().saturating_sub(top) {
        0 => Ok(()),
        more => writeln!(out, " and {more} more"),
    }
}
