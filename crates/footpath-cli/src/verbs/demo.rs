//! `footpath demo`

use crate::failure::{Failure, output};
use crate::signals::Polite;
use crate::verbs::evaluate::print_report;
use crate::verbs::recommend::print_list;
use crate::verbs::train::Display;
use clap::Args;
use footpath::evaluate::{self, Beside, Subject};
use footpath::recommend::{self, Session};
use footpath::train::{self, Outcome, Unfinished};
use footpath::{Replace, Threads, import};
use footpath_model::config::TrainingConfig;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Name of the bundled data set below the root of the repository.
const FILMS: &str = "data/films";

/// Run the whole pipeline on the bundled films
///
/// Imports 385 films and the choices of 480 simulated users, trains a small path model, recommends, and evaluates against the baselines.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath demo --user user-007")]
pub(crate) struct DemoArgs {
    /// Folder of the bundled data [default: data/films, here or where Footpath was built]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to keep graph and model
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
    /// The user to recommend to
    #[arg(long, value_name = "U", default_value = "user-001")]
    user: String,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    let data = data_folder(args)?;
    let (kg, model) = (args.out.join("kg"), args.out.join("model"));
    let mut out = io::stdout().lock();

    say(&mut out, "1. Import", &format!("footpath import {} --out {}", data.display(), kg.display()))?;
    let (report, _) =
        import::run(&data, &kg, &import::Options::default(), replace(&kg), &footpath_core::Context::default())?;
    let graph = &report.graph;
    let nodes = graph.num_users + graph.num_items + graph.num_entities;
    writeln!(
        out,
        "{} users, {} films, {} nodes in all, {} facts; {} choices to learn from, {} held out\n",
        graph.num_users,
        graph.num_items,
        nodes,
        graph.num_triples,
        graph.num_train,
        report.num_valid + report.num_test
    )
    .map_err(output)?;

    let options = train_options(&model);
    let epochs = options.training.epochs;
    let typed = format!("footpath train {} --out {} --epochs {epochs}", kg.display(), model.display());
    say(&mut out, "2. Train a path language model", &typed)?;
    let mut display = Display::new();
    let polite = Polite::new();
    let trained = Threads(args.threads)
        .run(|| train::run(&kg, &model, &options, &mut |event| display.show(&event), polite.flag()))?;
    drop(polite);
    display.finish();
    if let Outcome::Interrupted = trained? {
        return Err(Failure::Interrupted);
    }

    let typed = format!("footpath recommend {} --kg {} --user {}", model.display(), kg.display(), args.user);
    say(&mut out, "3. Recommend, and say why", &typed)?;
    let session = Session::open(&model, &kg, &options.device)?;
    let user = session.warm_user(&args.user)?;
    let search = recommend::Options::default();
    let lists = Threads(args.threads).run(|| session.recommend(&[user], search, &mut |_| {}))?;
    lists.iter().try_for_each(|list| print_list(&mut out, list, false)).map_err(output)?;

    let typed = format!("footpath evaluate --kg {} --model {} --baselines", kg.display(), model.display());
    say(&mut out, "4. Evaluate on what was held out", &typed)?;
    let how = evaluate::Options {
        k: search.k,
        beams: search.beams,
        beside: Beside::Baselines(1),
        device: options.device,
        ..evaluate::Options::default()
    };
    let figures = Threads(args.threads).run(|| evaluate::run(&kg, &Subject::Model(model), &how, &mut |_, _| {}))??;
    print_report(&mut out, &figures).map_err(output)?;
    writeln!(
        out,
        "\n{:.0} s in all. The users are simulated; the facts are real (data/films/README.md).",
        begun.elapsed().as_secs_f64()
    )
    .map_err(output)
}

fn say(out: &mut impl Write, title: &str, command: &str) -> Result<(), Failure> {
    writeln!(out, "── {title}\n$ {command}").and_then(|()| out.flush()).map_err(output)
}

/// What a demo made before is its own to replace; anything else is not.
fn replace(directory: &Path) -> Replace {
    if directory.join("manifest.json").is_file() { Replace::Yes } else { Replace::No }
}

fn train_options(model: &Path) -> train::Options {
    train::Options {
        training: TrainingConfig::default(),
        replace: replace(model),
        unfinished: Unfinished::Discard,
        ..train::Options::default()
    }
}

/// The bundled data: given, in the working directory, or in the source tree the binary was built from.
fn data_folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FILMS);
    let candidates = match &args.data {
        Some(data) => vec![data.clone()],
        None => vec![PathBuf::from(FILMS), built_from],
    };
    let found = candidates.into_iter().find(|folder| folder.join("triples.tsv").is_file());
    found.ok_or_else(|| {
        let reason = format!("no {FILMS} here; run the demo in the root of the repository or give --data");
        footpath::Error::Usage { option: "data", reason }.into()
    })
}
