//! `footpath audit`

use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::Args;
use footpath::Kg;
use footpath::audit::{self, Report};
use footpath::corpus::Audited;
use std::io::{self, Write};
use std::path::PathBuf;

/// Prove that a split, a corpus and lists leak nothing, and that the corpus is legal
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath audit --kg kg
  footpath audit corpus --kg kg
  footpath audit --kg kg --recs theirs.tsv

The split: held-out interactions that the graph has as well, that are out of order, \
in two parts, or restated as knowledge.
A corpus: every path is checked against the triples of the graph, the pattern, the end set, \
and the interactions held out for valid and test.
Lists: on labels drawn at random they must reach chance and no more.
The exit status is 3 when something is wrong; what is worth knowing but not wrong is marked as a note.")]
pub(crate) struct AuditArgs {
    /// A corpus
    corpus: Option<PathBuf>,
    /// The knowledge graph, that of the corpus if there is one
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Lists of anyone, as for `footpath evaluate`
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &AuditArgs, work: &Work) -> Result<(), Failure> {
    let kg = Kg::open(&args.kg, work.context())?;
    let report = audit::run(&kg, args.corpus.as_deref(), args.recs.as_deref(), work.context())?;
    if args.json {
        work.print(|out| print_json(out, &report))?;
    } else {
        work.tell(|out| print_report(out, &report))?;
    }
    let subject = args.corpus.as_ref().unwrap_or(&args.kg).display();
    report.first_wrong().map_or(Ok(()), |wrong| Err(Failure::Found(format!("{subject}: {wrong}"))))
}

/// The counts of the corpus stand beside the checks, in one object.
fn print_json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut object = serde_json::to_value(report)?;
    let corpus = report.corpus.as_ref().map(|audited| serde_json::to_value(&audited.report)).transpose()?;
    if let (Some(object), Some(serde_json::Value::Object(counts))) = (object.as_object_mut(), corpus) {
        object.extend(counts);
    }
    writeln!(out, "{object}")
}

fn print_report(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let is_split = report.leaks.iter().any(|leak| leak.looked_at > 0);
    if !is_split && report.num_held_out == 0 && report.chance.is_none() {
        writeln!(out, " no interactions are held out")?;
        return report.corpus.as_ref().map_or(Ok(()), |audited| print_corpus(out, audited));
    }
    let mut table = text::table(&["", "looked for in the split", "", "looked at", "found"], 3);
    for leak in &report.leaks {
        let verdict = match (leak.found, leak.is_error) {
            (0, _) => "clean",
            (_, false) => "note",
            (_, true) => "LEAK",
        };
        let (looked_at, found) = (thousands(leak.looked_at), thousands(leak.found));
        table.add_row([&*leak.check, &leak.what, verdict, &looked_at, &found]);
    }
    text::print(out, &table)?;
    for leak in &report.leaks {
        if let Some(example) = &leak.example {
            writeln!(out, " {}: first {example}", leak.check)?;
        }
    }
    if let Some(c) = &report.chance {
        let verdict = if c.is_fair() { "chance" } else { "NOT CHANCE" };
        writeln!(
            out,
            " L4: on random labels the lists reach NDCG {:.4} ± {:.4}, expected {:.4}: {verdict}; \
             on the true ones {:.4}",
            c.ndcg, c.error, c.expected, c.true_ndcg
        )?;
    }
    writeln!(out, " {} interactions are held out", thousands(report.num_held_out))?;
    report.corpus.as_ref().map_or(Ok(()), |audited| print_corpus(out, audited))
}

fn print_corpus(out: &mut dyn Write, audited: &Audited) -> io::Result<()> {
    let r = &audited.report;
    let mut table = text::table(&["", "paths of the corpus", "count"], 2);
    let rows = [
        ("", "looked at", r.paths),
        ("", "with a hop that is no fact of the graph", r.illegal),
        ("", "of another pattern", r.off_pattern),
        ("", "that meet a node twice", r.not_simple),
        ("", "with a wrong end", r.wrong_end),
        ("L2, L10", "with a held-out interaction", r.leaked),
    ];
    for (check, what, count) in rows {
        table.add_row([check.to_owned(), what.to_owned(), thousands(count)]);
    }
    text::print(out, &table)?;
    writeln!(out, " paths {}", audited.pattern)
}
