//! `footpath demo`

use crate::failure::Failure;
use crate::verbs::evaluate::print_report;
use crate::verbs::recommend::print_list;
use crate::verbs::train::watched;
use crate::work::Work;
use clap::Args;
use footpath::evaluate::{self, Beside, Subject};
use footpath::import::{self, GraphReport, Imported};
use footpath::train::{self, Unfinished};
use footpath::{Kg, Replace, Service, recommend};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Name of the bundled data set below the root of the repository.
const FILMS: &str = "data/films";

/// Run the whole pipeline on the bundled films
///
/// Imports 385 films and the choices of 480 simulated users, trains a small path model, recommends, and evaluates
/// against the baselines.
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
}

pub(crate) fn run(args: &DemoArgs, work: &Work) -> Result<(), Failure> {
    let begun = Instant::now();
    let demo = Demo { args, work, kg: args.out.join("kg"), model: args.out.join("model") };
    let kg = demo.import()?;
    demo.train(&kg)?;
    demo.recommend()?;
    demo.evaluate(&kg)?;
    let seconds = begun.elapsed().as_secs_f64();
    work.tell(|out| {
        writeln!(out, "\n{seconds:.0} s in all. The users are simulated; the facts are real (data/films/README.md).")
    })
}

/// The steps of the demo, each with the command that does the same.
struct Demo<'a> {
    args: &'a DemoArgs,
    work: &'a Work,
    kg: PathBuf,
    model: PathBuf,
}

impl Demo<'_> {
    fn import(&self) -> Result<Kg, Failure> {
        let data = data_folder(self.args)?;
        self.say("1. Import", &format!("footpath import {} --out {}", data.display(), self.kg.display()))?;
        let (context, options) = (self.work.context(), import::Options::default());
        let Imported { report, .. } = import::run(&data, &self.kg, &options, replace(&self.kg), context)?;
        let GraphReport { num_users, num_items, num_entities, num_triples, num_train, .. } = report.graph;
        let (nodes, held_out) = (num_users + num_items + num_entities, report.num_valid + report.num_test);
        self.work.tell(|out| {
            write!(out, "{num_users} users, {num_items} films, {nodes} nodes in all, {num_triples} facts; ")?;
            writeln!(out, "{num_train} choices to learn from, {held_out} held out\n")
        })?;
        Ok(Kg::open(&self.kg, context)?)
    }

    fn train(&self, kg: &Kg) -> Result<(), Failure> {
        let options = train::Options {
            replace: replace(&self.model),
            unfinished: Unfinished::Discard,
            ..train::Options::default()
        };
        let (kg_dir, out, epochs) = (self.kg.display(), self.model.display(), options.training.epochs);
        let typed = format!("footpath train {kg_dir} --out {out} --epochs {epochs}");
        self.say("2. Train a path language model", &typed)?;
        let context = self.work.context();
        watched(self.work, |observe| train::run(kg, &self.model, &options, observe, context))?;
        Ok(())
    }

    fn recommend(&self) -> Result<(), Failure> {
        let (model, kg, user) = (self.model.display(), self.kg.display(), &self.args.user);
        self.say("3. Recommend, and say why", &format!("footpath recommend {model} --kg {kg} --user {user}"))?;
        let context = self.work.context();
        let service = Service::open(&self.model, &self.kg, context)?;
        let user = service.warm_user(user)?;
        let lists = service.request(Vec::new()).recommend(&[user], recommend::Options::default(), context)?;
        self.work.tell(|out| lists.iter().try_for_each(|list| print_list(out, list, false)))
    }

    fn evaluate(&self, kg: &Kg) -> Result<(), Failure> {
        let typed =
            format!("footpath evaluate --kg {} --model {} --baselines", self.kg.display(), self.model.display());
        self.say("4. Evaluate on what was held out", &typed)?;
        let options = evaluate::Options { beside: Beside::Baselines(1), ..evaluate::Options::default() };
        let report = evaluate::run(kg, &Subject::Model(self.model.clone()), &options, self.work.context())?;
        self.work.tell(|out| print_report(out, &report))
    }

    fn say(&self, title: &str, command: &str) -> Result<(), Failure> {
        self.work.tell(|out| writeln!(out, "── {title}\n$ {command}"))
    }
}

/// What a demo made before is its own to replace; anything else is not.
fn replace(directory: &Path) -> Replace {
    if directory.join("manifest.json").is_file() { Replace::Yes } else { Replace::No }
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
