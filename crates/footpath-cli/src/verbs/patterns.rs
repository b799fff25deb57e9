//! `footpath patterns`

use crate::args::refuse_overlap;
use crate::failure::{Failure, output};
use crate::text::{self, thousands};
use crate::work::Work;
use clap::Args;
use footpath::metapaths::{self, Part, Report};
use footpath::{Kg, TrainKg, artefact, pages};
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

pub(crate) fn run(args: &PatternsArgs, work: &Work) -> Result<(), Failure> {
    let inputs = [Some(&args.recommendations), args.kg.as_ref()];
    args.plot.iter().try_for_each(|plot| refuse_overlap(plot, inputs))?;
    let kg = args.kg.as_deref().map(|kg| Kg::open(kg, work.context())).transpose()?;
    let graph = kg.as_deref();
    if args.per_user {
        return print_users(args, graph, work);
    }
    let report = metapaths::run(&args.recommendations, graph, work.context())?;
    if let Some(path) = &args.plot {
        let picture = pages::masses::masses(&report, args.top);
        artefact::publish_file(path, crate::args::replace(args.force), |out| out.write_all(picture.as_bytes()))?;
    }
    if args.json {
        return work.json(&report);
    }
    work.tell(|out| print(out, &report, args.top))
}

/// What is true of one user.
#[derive(Serialize)]
struct OfUser<'a> {
    user: &'a str,
    paths: u64,
    patterns: Vec<Part>,
    relations: Vec<Part>,
}

fn print_users(args: &PatternsArgs, kg: Option<&TrainKg>, work: &Work) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    metapaths::per_user(&args.recommendations, kg, work.context(), |user, report| {
        let Report { paths, patterns, relations, .. } = report;
        let line = OfUser { user, paths, patterns, relations };
        serde_json::to_writer(&mut out, &line).map_err(io::Error::from).and_then(|()| writeln!(out))?;
        Ok(())
    })?;
    out.flush().map_err(output)
}

fn print(out: &mut dyn Write, report: &Report, top: usize) -> io::Result<()> {
    writeln!(out, "{} paths of {} users", thousands(report.paths), thousands(report.users))?;
    print_parts(out, "pattern", &report.patterns, top)?;
    print_parts(out, "relation", &report.relations, top)?;
    if let Some(p) = &report.popularity {
        writeln!(
            out,
            "train interactions of an item: recommended {:.1}, chosen {:.1}, of the graph {:.1}; \
             {} different items recommended",
            p.recommended,
            p.chosen,
            p.catalogue,
            thousands(p.distinct)
        )?;
    }
    Ok(())
}

fn print_parts(out: &mut dyn Write, what: &str, parts: &[Part], top: usize) -> io::Result<()> {
    let mut table = text::table(&[what, "mass", "paths", "users", "popularity of the ends"], 1);
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
    text::print(out, &table)?;
    match parts.len().saturating_sub(top) {
        0 => Ok(()),
        more => writeln!(out, " and {more} more"),
    }
}
