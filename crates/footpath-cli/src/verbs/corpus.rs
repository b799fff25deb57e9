//! `footpath corpus`

use crate::args::{OutArgs, refuse_overlap};
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::{Args, Subcommand};
use footpath::corpus::{self, CorpusStats};
use footpath::{Kg, artefact, concat, pages};
use std::io::{self, Write};
use std::path::PathBuf;

/// Describe a corpus, or make one of its parts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath corpus stats corpus --kg kg
  footpath corpus concat part-0 part-1 part-2 --out corpus")]
pub(crate) struct CorpusArgs {
    #[command(subcommand)]
    command: CorpusCommand,
}

#[derive(Debug, Subcommand)]
enum CorpusCommand {
    /// Lengths, patterns, relations, ends, popularity, hubs and duplicates
    Stats(StatsArgs),
    /// The corpus whose parts were sampled apart, by --shard or --range, on whatever machines
    Concat(ConcatArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath corpus concat part-0 part-1 part-2 --out corpus
  footpath corpus concat parts/* --out corpus --json

The parts may be given in any order. They must be of one graph, sampled alike, and have every user once; the corpus is
then, byte for byte, the one that is sampled at once.")]
struct ConcatArgs {
    /// The parts
    #[arg(required = true, value_name = "PART")]
    parts: Vec<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath corpus stats corpus --kg kg
  footpath corpus stats corpus --kg kg --report corpus.html")]
struct StatsArgs {
    /// The corpus
    corpus: PathBuf,
    /// The knowledge graph it was sampled from
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Also write a page with pictures
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Replace the page if it exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &CorpusArgs, work: &Work) -> Result<(), Failure> {
    match &args.command {
        CorpusCommand::Stats(args) => stats(args, work),
        CorpusCommand::Concat(args) => concatenate(args, work),
    }
}

fn concatenate(args: &ConcatArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, args.parts.iter().map(Some))?;
    let made = concat::corpora(&args.parts, &args.out.out, args.out.replace(), work.context())?;
    if args.json {
        return work.json(&made);
    }
    let (paths, parts) = (thousands(made.num_paths), thousands(made.num_parts as u64));
    work.tell(|out| writeln!(out, "{}: {paths} paths of {parts} parts", args.out.out.display()))
}

fn stats(args: &StatsArgs, work: &Work) -> Result<(), Failure> {
    let replace = crate::args::replace(args.force);
    let inputs = [Some(&args.corpus), Some(&args.kg)];
    args.report.iter().try_for_each(|report| refuse_overlap(report, inputs))?;
    args.report.iter().try_for_each(|report| artefact::refuse_existing_file(report, replace))?;
    let stats = corpus::stats(&args.corpus, &Kg::open(&args.kg, work.context())?, work.context())?;
    if let Some(report) = &args.report {
        let page = pages::corpus::html(&args.corpus.display().to_string(), &stats);
        work.to_file_or_stdout(Some(report), replace, |out| out.write_all(page.as_bytes()))?;
    }
    if args.json {
        return work.json(&stats);
    }
    work.tell(|out| print_stats(out, &stats))
}

fn print_stats(out: &mut dyn Write, s: &CorpusStats) -> io::Result<()> {
    let mut table = text::table(&["corpus", ""], 1);
    let per_user = format!("{} / {} / {}", s.paths_per_user.min, s.paths_per_user.median, s.paths_per_user.max);
    let rows = [
        ("paths", thousands(s.paths)),
        ("users with paths", format!("{} of {}", thousands(s.users_with_paths), thousands(s.users))),
        ("paths of a user: fewest / median / most", per_user),
        ("exact duplicates", format!("{} ({})", thousands(s.duplicates), percent(s.duplicate_share))),
        (
            "items at an end",
            format!("{} of {} ({})", thousands(s.ends.covered), thousands(s.ends.items), percent(s.ends.coverage)),
        ),
        ("Gini coefficient of ends", format!("{:.3}", s.ends.gini)),
        ("ends at the 1 % / 10 % of items with most", {
            format!("{} / {}", percent(s.ends.top_1_percent), percent(s.ends.top_10_percent))
        }),
        ("first entity in the top 1 % by degree", percent(s.hubs.top_1_percent)),
    ];
    for (what, figure) in rows {
        table.add_row([what.to_owned(), figure]);
    }
    text::print(out, &table)?;
    let lengths = s.lengths.iter().map(|l| (format!("{} hops", l.hops), l.paths, l.share));
    counts(out, "length", "paths", lengths)?;
    let others = (s.num_patterns - s.patterns.len() as u64, s.other_patterns);
    let others = (others.0 > 0).then(|| {
        let share = if s.paths == 0 { 0.0 } else { others.1 as f64 / s.paths as f64 };
        (format!("{} others", thousands(others.0)), others.1, share)
    });
    let patterns = s.patterns.iter().map(|p| (p.name.clone(), p.count, p.share));
    counts(out, "pattern", "paths", patterns.chain(others))?;
    counts(out, "relation", "hops", s.relations.iter().map(|r| (r.name.clone(), r.count, r.share)))?;
    let mut table = text::table(&["items by popularity in train", "items", "of path ends", "of train"], 1);
    for (number, decile) in s.ends.deciles.iter().enumerate() {
        let name = format!("{}–{} %", number * 10, number * 10 + 10);
        let [ends, train] = [decile.share_of_ends, decile.share_of_train].map(percent);
        table.add_row([name, thousands(decile.items), ends, train]);
    }
    text::print(out, &table)
}

/// A table of names, counts and shares.
fn counts(out: &mut dyn Write, what: &str, of: &str, rows: impl Iterator<Item = (String, u64, f64)>) -> io::Result<()> {
    let mut table = text::table(&[what, of, "share"], 1);
    for (name, count, share) in rows {
        table.add_row([name, thousands(count), percent(share)]);
    }
    text::print(out, &table)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
