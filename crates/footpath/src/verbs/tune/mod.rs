//! `tune`: a search for the settings of `train` that are best on valid.
//!
//! ```text
//! OUT/
//!   search.json          what is searched, and on which graph: the space, hashes of the train graph and of valid,
//!                        the pattern
//!   trials.jsonl         one line for each training, in the order in which they were done
//!   trials.md  tune.svg  table and picture of them
//!   best.toml            the best settings, all that there are
//!   best/                the best model
//!   trial-0007-rung-0    a model whose line is not written yet; with `.train`: the checkpoints
//!                        of an unfinished training
//! ```
//!
//! Every training is that of [`train::run`], which looks at valid and never at test. Which training comes next, and
//! with which settings, follows from the space and from the lines of `trials.jsonl` alone; so a search that was cut off
//! at any moment goes on as if it had not been.
//!
//! Trainings can be done elsewhere, many at a time: [`Search::ready`] says which, [`train_job`] does one wherever there
//! is the graph, and [`Search::enter`] takes what came of it. The files come out the same.

mod draw;
mod picture;
mod records;
mod schedule;
mod settings;
mod space;

pub use records::{Job, Record, cell, columns, ranked};
pub use settings::{Settings, all_of, applied, names};
pub use space::{ETA, MAX_RUNGS, MAX_TRIALS, Method, Range, Space};

use crate::artefacts::kg::Kg;
use crate::artefacts::model::StoredModel;
use crate::artefacts::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::pattern::Shape;
use crate::train::{self, Options as TrainOptions, Unfinished};
use footpath_core::artefact::{OutputLock, publish_file};
use footpath_core::{Context, Replace};
use footpath_graph::Split;
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The files of a search.
const FILES: [&str; 5] = ["search.json", "trials.jsonl", "trials.md", "tune.svg", "best.toml"];

/// How to search, beside what the space says.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which paths; as in [`TrainOptions::shape`].
    pub shape: Option<Shape>,
    /// What to do about an unfinished search at the same output.
    pub unfinished: Unfinished,
}

impl Default for Options {
    fn default() -> Self {
        let TrainOptions { shape, unfinished, .. } = TrainOptions::default();
        Self { shape, unfinished }
    }
}

/// What happens in a search.
#[derive(Debug)]
pub enum Event<'a> {
    /// The search begins, or goes on.
    Begin {
        /// Trainings done before.
        done: u64,
        /// Trainings in all, if none fails.
        of: u64,
    },
    /// A training begins, or goes on.
    Job(&'a Job),
    /// Something happens in it.
    Train(train::Event<'a>),
    /// It ended.
    Done(&'a Record),
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Every training, in the order in which they were done.
    pub trials: Vec<Record>,
    /// The best training of the last rung; none if all failed.
    pub best: Option<Record>,
    /// All settings of the best.
    pub settings: Option<Settings>,
}

/// Who is told what happens, on a thread of the context.
pub type Observe<'a> = dyn FnMut(Event<'_>) + Send + 'a;

/// Searches the space of the file `space` on a graph.
///
/// A training that diverges is a trial that failed; whatever else goes wrong ends the search, which can be resumed.
///
/// # Errors
/// [`Error::Usage`] when the output holds another search or one that may not be touched, or nothing is held out for
/// valid; [`footpath_core::Error::Stopped`]; whatever the space file, the graph, training and disk give.
pub fn run(
    space: &Path,
    kg: &Kg,
    out: &Path,
    options: &Options,
    observe: &mut Observe<'_>,
    context: &Context,
) -> Result<Found> {
    search(Space::read(space)?, kg, out, options, observe, context)
}

/// As [`run`], of a space that was read already.
///
/// # Errors
/// As [`run`].
pub fn search(
    space: Space,
    kg: &Kg,
    out: &Path,
    options: &Options,
    observe: &mut Observe<'_>,
    context: &Context,
) -> Result<Found> {
    let mut search = Search::open(space, kg, out, options, context)?;
    observe(Event::Begin { done: search.records.len() as u64, of: search.space.num_jobs() });
    while let Some(job) = search.space.next(&search.records, search.base.training.paths_per_user) {
        observe(Event::Job(&job));
        let record = trained(kg, &search.base, &job, &search.place(&job), observe, context)?;
        observe(Event::Done(&record));
        search.enter(record)?;
    }
    search.report()?;
    Ok(search.found())
}

/// Does a training of a search, with its model at `place`, unless it is there already. It is given the space and the
/// options of the search, and needs neither its output nor its other trainings.
///
/// # Errors
/// Whatever the graph, training and disk give; a training that diverges is a [`Record`] that says so.
pub fn train_job(
    space: &Space,
    kg: &Kg,
    options: &Options,
    job: &Job,
    place: &Path,
    observe: &mut Observe<'_>,
    context: &Context,
) -> Result<Record> {
    trained(kg, &base(space, options)?, job, place, observe, context)
}

/// What all trials of a space have in common.
fn base(space: &Space, options: &Options) -> Result<TrainOptions> {
    applied(&TrainOptions { shape: options.shape.clone(), ..TrainOptions::default() }, &space.train)
        .map_err(|(name, reason)| invalid(&format!("{name}: {reason}")))
}

/// Trains, unless the model is there already.
fn trained(
    kg: &Kg,
    base: &TrainOptions,
    job: &Job,
    place: &Path,
    observe: &mut Observe<'_>,
    context: &Context,
) -> Result<Record> {
    if let Ok(stored) = StoredModel::open(place) {
        return Ok(record(job, stored.card(), stored.hash()));
    }
    let failed = |e: String| Record { failed: Some(e), ..Record::of(job, None) };
    // Settings may each be good and not go together.
    let options = match with_settings(base, &job.settings, job.paths_per_user) {
        // A trial is judged by what the model learns.
        Ok(options) => TrainOptions { unfinished: Unfinished::Resume, linear: false, ..options },
        Err(e) => return Ok(failed(e.to_string())),
    };
    let mut observe = |event: train::Event<'_>| observe(Event::Train(event));
    match train::run(kg, place, &options, &mut observe, context) {
        Ok(card) => Ok(record(job, &card, StoredModel::open(place)?.hash())),
        Err(Error::Model(e @ footpath_model::Error::Diverged { .. })) => Ok(failed(e.to_string())),
        Err(e) => Err(e),
    }
}

fn with_settings(base: &TrainOptions, settings: &Settings, paths_per_user: Option<u64>) -> Result<TrainOptions> {
    let mut options = applied(base, settings).map_err(|(name, reason)| invalid(&format!("{name}: {reason}")))?;
    if let Some(paths) = paths_per_user {
        options.training.paths_per_user = paths;
    }
    Ok(options)
}

/// A search at its output, which nobody else may touch meanwhile.
#[derive(Debug)]
pub struct Search {
    out: PathBuf,
    space: Space,
    /// What all trials have in common.
    base: TrainOptions,
    records: Vec<Record>,
    _lock: OutputLock,
}

impl Search {
    /// Begins a search, or goes on with one.
    ///
    /// # Errors
    /// [`Error::Usage`] when the output holds another search or one that may not be touched, or nothing is held out for
    /// valid; whatever the disk gives.
    pub fn open(mut space: Space, kg: &Kg, out: &Path, options: &Options, context: &Context) -> Result<Self> {
        if kg.held_out(Split::Valid)?.by_user().is_empty() {
            let reason =
                "nothing is held out for valid, so no setting can be told to be better; import with another split";
            return Err(Error::Usage { option: "kg", reason: reason.to_owned() });
        }
        let (base, unfinished) = (base(&space, options)?, options.unfinished);
        let lock = OutputLock::take(out)?;
        let file = out.join("search.json");
        if out.exists() && !file.exists() && !names_in(out)?.iter().all(|name| name.starts_with('.')) {
            return Err(footpath_core::Error::Exists { path: out.to_owned() }.into());
        }
        if file.exists() && unfinished == Unfinished::Refuse {
            return Err(Error::Unfinished { path: out.to_owned() });
        }
        if file.exists() && unfinished == Unfinished::Discard {
            discard(out)?;
        }
        let old = fs::read_to_string(&file).ok();
        let described = |space: &Space| describe(space, kg, &base, context);
        if let Some(old) = &old {
            // More trials do not change those before, unless the best of them go on.
            let trials = trials_of(old).unwrap_or(space.trials);
            let asked = std::mem::replace(&mut space.trials, trials);
            let same = described(&space)? == *old;
            space.trials = asked;
            if !same || (asked != trials && space.method == Method::Halving) || asked < trials {
                // More trials can be added, unless the best of them go on.
                return Err(Error::OtherRun { path: out.to_owned(), what: "space, graph or pattern" });
            }
        }
        let text = described(&space)?;
        publish_file(&file, Replace::Yes, |out| out.write_all(text.as_bytes()))?;
        let records = records::read(&out.join("trials.jsonl"))?;
        let search = Self { out: out.to_owned(), space, base, records, _lock: lock };
        search.tidy()?;
        Ok(search)
    }

    /// The trainings that can be done now, at the same time.
    #[must_use]
    pub fn ready(&self) -> Vec<Job> {
        self.space.ready(&self.records, self.base.training.paths_per_user)
    }

    /// Where the model of a training is made.
    #[must_use]
    pub fn place(&self, job: &Job) -> PathBuf {
        self.place_of(job.trial, job.rung)
    }

    fn place_of(&self, trial: u64, rung: u32) -> PathBuf {
        self.out.join(format!("trial-{trial:04}-rung-{rung}"))
    }

    /// Brings the models in line with the log, whatever moment the search was cut off at.
    fn tidy(&self) -> Result<()> {
        let io = |path: &Path| footpath_core::Error::io(path.to_owned());
        for name in names_in(&self.out)? {
            let path = self.out.join(&name);
            // What a process that was killed left half-written or locked; while this search has its lock there is no
            // other.
            if name.starts_with('.') && [".tmp", ".old", ".lock", ".train"].iter().any(|end| name.ends_with(end)) {
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.map_err(io(&path))?;
            }
        }
        let best = self.space.best(&self.records);
        for (number, record) in self.records.iter().enumerate() {
            let place = self.place_of(record.trial, record.rung);
            if place.exists() {
                self.settle(&place, best == Some(number))?;
            }
            let unfinished = place.with_extension("train");
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished).map_err(io(&unfinished))?;
            }
        }
        Ok(())
    }

    /// Keeps a model as the best, or not at all.
    fn settle(&self, place: &Path, is_best: bool) -> Result<()> {
        let best = self.out.join("best");
        let old = if is_best { &best } else { place };
        if old.exists() {
            fs::remove_dir_all(old).map_err(footpath_core::Error::io(old))?;
        }
        if is_best {
            fs::rename(place, &best).map_err(footpath_core::Error::io(place))?;
        }
        Ok(())
    }

    /// Takes what came of the training that [`Search::ready`] had first. Its model is at its [`Search::place`].
    ///
    /// # Errors
    /// [`Error::Usage`] for a training that is not the next; whatever the disk gives.
    pub fn enter(&mut self, record: Record) -> Result<()> {
        let next = self.space.next(&self.records, self.base.training.paths_per_user);
        let next = next.filter(|next| (next.trial, next.rung) == (record.trial, record.rung));
        let Some(job) = next else {
            return Err(invalid(&format!("trial {} of rung {} is not the next", record.trial, record.rung)));
        };
        // The settings as they were drawn, however they travelled.
        let record = Record { settings: job.settings.clone(), ..record };
        // First the line, then everything that follows from it.
        self.records.push(record.settled());
        self.write("trials.jsonl", |out| {
            self.records.iter().try_for_each(|record| {
                serde_json::to_writer(&mut *out, record)?;
                writeln!(out)
            })
        })?;
        let place = self.place(&job);
        if place.exists() {
            self.settle(&place, self.space.best(&self.records) == Some(self.records.len() - 1))?;
        }
        let unfinished = place.with_extension("train");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(footpath_core::Error::io(&unfinished))?;
        }
        self.report()
    }

    /// Table, picture and best settings of what is done so far.
    fn report(&self) -> Result<()> {
        let table = records::markdown(&self.records);
        self.write("trials.md", |out| out.write_all(table.as_bytes()))?;
        if let Ok(picture) = picture::svg(&self.space, &self.records) {
            self.write("tune.svg", |out| out.write_all(picture.as_bytes()))?;
        }
        let Found { best: Some(best), settings: Some(settings), .. } = self.found() else { return Ok(()) };
        let table = toml::Table::try_from(settings).map_err(|e| invalid(&e))?;
        let text = toml::to_string(&table).map_err(|e| invalid(&e))?;
        self.write("best.toml", |out| {
            writeln!(out, "# Trial {}: NDCG@10 on valid {:.4}", best.trial, best.figure.unwrap_or_default())?;
            out.write_all(text.as_bytes())
        })
    }

    fn write(&self, name: &str, fill: impl FnOnce(&mut (dyn Write + Send)) -> std::io::Result<()>) -> Result<()> {
        Ok(publish_file(&self.out.join(name), Replace::Yes, fill)?)
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> Found {
        let best = self.space.best(&self.records).and_then(|place| self.records.get(place)).cloned();
        let options =
            best.as_ref().and_then(|best| with_settings(&self.base, &best.settings, best.paths_per_user).ok());
        Found { trials: self.records.clone(), settings: options.as_ref().map(all_of), best }
    }
}

/// Removes a search, and refuses where anything else lies beside it. What makes it a search goes last.
fn discard(out: &Path) -> Result<()> {
    let is_ours = |name: &String| {
        FILES.contains(&name.as_str()) || name == "best" || name.starts_with("trial-") || name.starts_with('.')
    };
    let names = names_in(out)?;
    if !names.iter().all(is_ours) {
        return Err(footpath_core::Error::Exists { path: out.to_owned() }.into());
    }
    for path in names.iter().filter(|name| *name != FILES[0]).map(|name| out.join(name)) {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(footpath_core::Error::io(&path))?;
    }
    fs::remove_dir_all(out).map_err(footpath_core::Error::io(out))?;
    Ok(())
}

/// The names in a directory.
fn names_in(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).map_err(footpath_core::Error::io(directory))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn record(job: &Job, card: &ModelCard, hash: String) -> Record {
    let failed = card.best_validation.is_none().then(|| "the model foretells no items, so it has no figure".to_owned());
    Record {
        failed,
        best_step: Some(card.best_step),
        steps: Some(card.steps),
        model: Some(hash),
        ..Record::of(job, card.best_validation)
    }
}

fn invalid(error: &dyn std::fmt::Display) -> Error {
    Error::Usage { option: "space", reason: error.to_string() }
}

/// What a search is of, as it stands in `search.json`. Of the graph only what training may look at counts.
fn describe(space: &Space, kg: &Kg, base: &TrainOptions, context: &Context) -> Result<String> {
    let file = |name: &str| kg.manifest().files.get(name);
    let hash = |name: Option<&str>| name.and_then(file).map(|file| file.xxh3.as_str());
    let files = ["graph.safetensors", "schema.json"].map(|name| hash(Some(name)));
    let valid = hash(Split::Valid.file_name());
    let paths = base.shape.clone().unwrap_or_default();
    let description = serde_json::json!({
        "space": space, "graph": files, "valid": valid,
        "paths": format!("{paths:?}"), "device": context.device().name(),
    });
    Ok(format!("{description:#}\n"))
}

/// The number of trials of a search described so.
fn trials_of(description: &str) -> Option<u64> {
    let description: serde_json::Value = serde_json::from_str(description).ok()?;
    description.pointer("/space/trials")?.as_u64()
}
