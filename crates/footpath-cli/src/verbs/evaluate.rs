//! `footpath evaluate`

use crate::failure::{Failure, output};
use crate::output;
use clap::{Args, ValueEnum};
use footpath::evaluate::{self, Beside, Options, Report, Subject};
use footpath::{Split, Threads};
use footpath_eval::Metrics;
use std::io::{self, Write};
use std::path::PathBuf;

/// Evaluate a model, or anybody's lists, on held-out interactions
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath evaluate --kg kg --model model --baselines
  footpath evaluate --kg kg --recs theirs.tsv --json

Full ranking over all items the user has not chosen; users without a list count as zero.")]
pub(crate) struct EvaluateArgs {
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    subject: SubjectArgs,
    /// The held-out part
    #[arg(long, value_enum, default_value_t)]
    on: On,
    /// Cut-off
    #[arg(short, value_name = "K", default_value_t = 10)]
    k: usize,
    /// Beams of the model
    #[arg(long, value_name = "N", default_value_t = footpath::recommend::Options::default().beams)]
    beams: usize,
    /// Compute popularity, item-kNN, path counting and a random list beside it
    #[arg(long)]
    baselines: bool,
    /// Seed of the random list
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct SubjectArgs {
    /// A model
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Lists of anyone, tab-separated with a header: user, rank, item, score
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum On {
    Valid,
    #[default]
    Test,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let subject = match (&args.subject.model, &args.subject.recs) {
        (Some(model), _) => Subject::Model(model.clone()),
        (None, Some(lists)) => Subject::Lists(lists.clone()),
        (None, None) => {
            return Err(footpath::Error::Usage { option: "model", reason: "give --model or --recs".to_owned() }.into());
        }
    };
    let options = Options {
        on: match args.on {
            On::Valid => Split::Valid,
            On::Test => Split::Test,
        },
        k: args.k,
        beams: args.beams,
        beside: if args.baselines { Beside::Baselines(args.seed) } else { Beside::Nothing },
        device: args.device.clone(),
    };
    let bar = output::bar(1, "evaluating");
    let report = Threads(args.threads).run(|| {
        evaluate::run(&args.kg, &subject, &options, &mut |done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        })
    })??;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    print_report(&mut out, &report).map_err(output)
}

/// The figures as a table, the subject first.
pub(crate) fn print_report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let k = report.metrics.k;
    let names = ["hr", "ndcg", "mrr", "precision", "recall"].map(|name| format!("{name}@{k}"));
    let mut header = vec![""];
    header.extend(names.iter().map(String::as_str));
    header.extend(["users", "slots", "NDCG against it (95 %), p"]);
    let mut table = output::table(&header, 1);
    let row = |name: &str, m: &Metrics, against: String| {
        let figures = [m.hr, m.ndcg, m.mrr, m.precision, m.recall, m.user_coverage, m.slot_coverage];
        let mut row = vec![name.to_owned()];
        row.extend(figures.map(|f| format!("{f:.4}")));
        row.push(against);
        row
    };
    let subject = if report.model.is_some() { "path model" } else { "lists" };
    table.add_row(row(subject, &report.metrics, String::new()));
    let mut baselines: Vec<_> = report.baselines.iter().collect();
    baselines.sort_by(|a, b| b.1.ndcg.total_cmp(&a.1.ndcg));
    for (name, metrics) in baselines {
        let against = report
            .ndcg_against
            .get(name)
            .map_or(String::new(), |c| format!("{:+.4} [{:+.4}, {:+.4}] {:.3}", c.difference, c.low, c.high, c.p));
        table.add_row(row(name, metrics, against));
    }
    output::print(out, &table)?;
    let users = report.metrics.users.len();
    let faithful = report
        .faithful
        .map_or(String::new(), |share| format!("; {:.1} % of {} paths faithful", share * 100.0, report.num_paths));
    writeln!(out, " {users} users with held-out items{faithful}")
}
