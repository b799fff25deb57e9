//! `footpath tune`

use crate::args::{DeviceArg, PatternArgs, one_pattern, refuse_overlap};
use crate::failure::Failure;
use crate::signals::Saving;
use crate::text;
use crate::work::Work;
use clap::Args;
use footpath::train::{Event as TrainEvent, Unfinished};
use footpath::tune::{self, Event, Found, Job, Options, Record};
use footpath::{ErrorClass, Kg};
use std::io::{self, Write};
use std::path::PathBuf;

/// Search for the settings of training that are best on valid
#[derive(Debug, Args)]
#[command(group = one_pattern(), after_help = "Examples:
  footpath tune space.toml --kg kg --out search
  footpath tune space.toml --kg kg --out search --resume
  footpath evaluate --kg kg --model search/best

A space file:
  method = \"halving\"        # all trials with few paths, the best third with three times as many, \
and again; or random, or tpe
  trials = 27
  [train]                   # the same in all trials
  preset = \"small\"
  [space]                   # what is drawn
  learning_rate = { log = [1e-4, 1e-2] }
  user_dropout = { uniform = [0.5, 1.0] }
  batch_size = { int = [64, 512] }
  end_siblings = [24, 96]

OUT has a line for each training (trials.jsonl), a table (trials.md), a picture (tune.svg), \
the best settings (best.toml) and the best model (best).
The best has the highest NDCG@10 on valid; test is never looked at. \
Ctrl-C writes a checkpoint; --resume goes on, also after a crash.")]
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
    #[command(flatten)]
    device: DeviceArg,
    /// Go on with an unfinished search
    #[arg(long)]
    resume: bool,
    /// Discard a search at the same place
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
}

pub(crate) fn run(args: &TuneArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out, [Some(&args.space), Some(&args.kg)])?;
    let unfinished = match (args.resume, args.restart) {
        (true, _) => Unfinished::Resume,
        (_, true) => Unfinished::Discard,
        _ => Unfinished::Refuse,
    };
    let options = Options { shape: args.pattern.shape(), unfinished };
    let context = work.on(&args.device.device);
    let kg = Kg::open(&args.kg, &context)?;
    let saving = Saving::new();
    let mut display = Display { work, job: String::new() };
    let found = tune::run(&args.space, &kg, &args.out, &options, &mut |event| display.show(&event), &context);
    drop(saving);
    if found.as_ref().is_err_and(|error| error.class() == ErrorClass::Stopped) {
        work.note("stopped at a checkpoint; go on with --resume");
    }
    let found = found?;
    if args.json {
        return work.json(&found);
    }
    work.tell(|out| print(out, &found, args))
}

/// The table, the last rung first and in each the best first.
fn print(out: &mut dyn Write, found: &Found, args: &TuneArgs) -> io::Result<()> {
    let columns = tune::columns(&found.trials);
    let mut header = vec!["trial", "paths per user", "NDCG@10 on valid", "step"];
    header.extend(&columns);
    let mut table = text::table(&header, 0);
    for record in tune::ranked(&found.trials) {
        let number = |number: Option<u64>| number.map_or_else(String::new, text::thousands);
        let mut row =
            vec![record.trial.to_string(), number(record.paths_per_user), figure(record), number(record.best_step)];
        row.extend(columns.iter().map(|name| tune::cell(record.settings.get(*name))));
        table.add_row(row);
    }
    text::print(out, &table)?;
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
struct Display<'a> {
    work: &'a Work,
    job: String,
}

impl Display<'_> {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Begin { done, of } => {
                self.work.steps(*done, *of);
            }
            Event::Job(job) => {
                self.job = name(job);
                self.work.bar().set_message(self.job.clone());
            }
            Event::Train(TrainEvent::Step(progress)) => {
                let share = 100 * progress.step / progress.num_steps.max(1);
                self.work.bar().set_message(format!("{} {share} %", self.job));
            }
            Event::Train(_) => {}
            Event::Done(record) => {
                self.work.bar().inc(1);
                let line = match &record.failed {
                    Some(why) => format!("{}: failed: {why}", self.job),
                    None => format!("{}: NDCG@10 {} on valid", self.job, figure(record)),
                };
                self.work.note(&line);
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
