//! `footpath tune`

use crate::args::{PatternArgs, one_pattern};
use crate::failure::{Failure, output};
use crate::output;
use crate::signals::Polite;
use clap::Args;
use footpath::Threads;
use footpath::train::{Event as TrainEvent, Unfinished};
use footpath::tune::{self, Event, Found, Job, Options, Outcome, Record};
use indicatif::ProgressBar;
use std::io::{self, Write};
use std::path::PathBuf;

/// Search for the settings of training that are best on valid
#[derive(Debug, Args)]
#[command(group = one_pattern(), after_help = "Examples:
  footpath tune space.toml --kg kg --out search
  footpath tune space.toml --kg kg --out search --resume
  footpath evaluate --kg kg --model search/best

A space file:
  method = \"halving\"        # all trials with few paths, the best third with three times as many, and again; or random, or tpe
  trials = 27
  [train]                   # the same in all trials
  preset = \"small\"
  [space]                   # what is drawn
  learning_rate = { log = [1e-4, 1e-2] }
  user_dropout = { uniform = [0.5, 1.0] }
  batch_size = { int = [64, 512] }
  end_siblings = [24, 96]

OUT has a line for each training (trials.jsonl), a table (trials.md), a picture (tune.svg), the best settings (best.toml) and the best model (best).
The best has the highest NDCG@10 on valid; test is never looked at. Ctrl-C writes a checkpoint; --resume goes on, also after a crash.")]
pub(crate) struct TuneArgs {
    /// What to search, as TOML
    space: PathBuf,
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Directory to create
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    pattern: PatternArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Go on with an unfinished search
    #[arg(long)]
    resume: bool,
    /// Discard a search at the same place
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
}

pub(crate) fn run(args: &TuneArgs) -> Result<(), Failure> {
    let unfinished = match (args.resume, args.restart) {
        (true, _) => Unfinished::Resume,
        (_, true) => Unfinished::Discard,
        _ => Unfinished::Refuse,
    };
    let options = Options { shape: args.pattern.shape(), device: args.device.clone(), unfinished };
    let mut display = Display { bar: output::bar(1, "tuning"), job: String::new() };
    let polite = Polite::new();
    let outcome = Threads(args.threads).run(|| {
        let mut show = |event: Event<'_>| display.show(&event);
        tune::run(&args.space, &args.kg, &args.out, &options, &mut show, polite.flag())
    })??;
    display.bar.finish_and_clear();
    let found = match outcome {
        Outcome::Finished(found) => found,
        Outcome::Interrupted => {
            let _ = writeln!(io::stderr(), "stopped at a checkpoint; go on with --resume");
            return Err(Failure::Interrupted);
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &found).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    print(&mut out, &found, args).map_err(output)
}

/// The table, the last rung first and in each the best first.
fn print(out: &mut impl Write, found: &Found, args: &TuneArgs) -> io::Result<()> {
    let columns = tune::columns(&found.trials);
    let mut header = vec!["trial", "paths per user", "NDCG@10 on valid", "step"];
    header.extend(&columns);
    let mut table = output::table(&header, 0);
    for record in tune::ranked(&found.trials) {
        let number = |number: Option<u64>| number.map_or_else(String::new, output::thousands);
        let mut row =
            vec![record.trial.to_string(), number(record.paths_per_user), figure(record), number(record.best_step)];
        row.extend(columns.iter().map(|name| tune::cell(record.settings.get(*name))));
        table.add_row(row);
    }
    output::print(out, &table)?;
    let place = args.out.display();
    match &found.best {
        Some(best) => {
            writeln!(out, " best: trial {}, settings in {place}/best.toml, model in {place}/best", best.trial)
        }
        None => writeln!(out, " no training of the last rung came to an end; {place}/trials.jsonl says why"),
    }
}

fn figure(record: &Record) -> String {
    record.figure.map_or_else(|| "failed".to_owned(), |figure| format!("{figure:.4}"))
}

/// Tells how the search goes: a bar for the trainings, and a line for each that ended.
struct Display {
    bar: ProgressBar,
    job: String,
}

impl Display {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Begin { done, of } => {
                self.bar.set_length(*of);
                self.bar.set_position(*done);
            }
            Event::Job(job) => {
                self.job = name(job);
                self.bar.set_message(self.job.clone());
            }
            Event::Train(TrainEvent::Step(progress)) => {
                let share = 100 * progress.step / progress.num_steps.max(1);
                self.bar.set_message(format!("{} {share} %", self.job));
            }
            Event::Train(_) => {}
            Event::Done(record) => {
                self.bar.inc(1);
                let line = match &record.failed {
                    Some(why) => format!("{}: failed: {why}", self.job),
                    None => format!("{}: NDCG@10 {} on valid", self.job, figure(record)),
                };
                self.bar.suspend(|| {
                    let _ = writeln!(io::stderr(), "{line}");
                });
            }
        }
    }
}

fn name(job: &Job) -> String {
    match job.paths_per_user {
        Some(paths) => format!("trial {}, {paths} paths per user", job.trial),
        None => format!("trial {}", job.trial),
    }
}
