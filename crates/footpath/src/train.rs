//! `train`: from a graph to a path model.

use crate::corpus;
use crate::curve;
use crate::error::{Error, Result};
use crate::experts::{self, ExpertWeights};
use crate::paths::{CorpusPaths, FreshPaths};
use crate::plan::Plan;
use crate::recommend::DIRECT;
use crate::sample::parts;
use crate::shape::Shape;
use crate::stored::Stored;
use crate::{vectors, words};
use footpath_core::artefact::OutputLock;
use footpath_core::{ArtefactWriter, Context, Corpus, Goal, NodeId, Purpose, Replace, Stream, Vocabulary, artefact};
use footpath_eval::{Recommendation, Recommendations};
use footpath_graph::legal::Legal;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{EndSet, Law, MixtureSampler, SampleSpec};
use footpath_graph::{HeldOut, Split, TrainKg, kg};
use footpath_model::checkpoint::Checkpoints;
use footpath_model::config::{Design, ModelConfig, Preset, TrainingConfig};
use footpath_model::data::PathSource;
use footpath_model::decode::{Recommender, SearchOptions, WhenShort, next_items};
use footpath_model::{Ending, Linear, Observer, PathModel, Trainer, TrainingProgress as Progress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Share of the drawn paths that meet another user, unless one is given. Left to the law alone it would be that of a graph's degrees, which
/// says nothing of what a kind of path is worth (docs/experiments.md).
pub const COLLABORATIVE_SHARE: f64 = 0.15;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Size of the model.
    pub preset: Preset,
    /// What the size leaves open.
    pub design: Design,
    /// Whether every token gets a vector for its kind as well: special, relation, or the type of the node.
    pub token_kinds: bool,
    /// Vectors that tokens start with instead of random ones: a file in the text form of word2vec.
    pub vectors: Option<PathBuf>,
    /// Which paths; `None` is every typed path of 3 hops, or the pattern of the corpus.
    pub shape: Option<Shape>,
    /// Share of the drawn paths that meet another user. `None` is [`COLLABORATIVE_SHARE`] where the pattern has paths of both kinds and is no mixture
    /// with weights of its own.
    pub collaborative_share: Option<f64>,
    /// A model of the same graph whose weights training starts from: the second stage of pre-training and fine-tuning (KGGLM, Balloccu
    /// et al. 2024). `None` starts from random weights.
    pub init: Option<PathBuf>,
    /// A corpus to train on; `None` draws fresh paths for every epoch.
    pub corpus: Option<PathBuf>,
    /// Law of the paths that are drawn.
    pub law: Law,
    /// Damping of hubs in that law.
    pub damping: f64,
    /// Damping of popular ends in that law: β of [`footpath_graph::sample`], from 0, no damping, to 8.
    pub end_damping: f64,
    /// Weights of relations in that law, in both directions, by name; from 1e-6 to 1e6, and 1 where none is given.
    pub relation_weights: BTreeMap<String, f64>,
    /// Whether arcs weigh what the graph says in that law; only for graphs with weights.
    pub edge_weights: bool,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// Most users a validation looks at; a fixed draw where there are more.
    pub validation_users: usize,
    /// Beams of a validation.
    pub validation_beams: usize,
    /// Whether the model gets a linear part beside its paths, with weights chosen on valid; see [`crate::experts`].
    pub linear: bool,
    /// Name of the device.
    pub device: String,
    /// Whether the output may be replaced.
    pub replace: Replace,
    /// What to do about an unfinished run at the same output.
    pub unfinished: Unfinished,
}

/// What to do about an unfinished run at the same output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfinished {
    /// Refuse to touch it.
    #[default]
    Refuse,
    /// Go on from its last checkpoint; begin where there is none.
    Resume,
    /// Delete it and begin.
    Discard,
}

impl Default for Options {
    fn default() -> Self {
        let sampling = SampleSpec::default();
        Self {
            preset: Preset::Small,
            design: Design::default(),
            token_kinds: false,
            vectors: None,
            shape: None,
            collaborative_share: None,
            init: None,
            corpus: None,
            law: sampling.law,
            // Measured on valid of the films: 1 beats the sampler's own default of ½.
            damping: 1.0,
            end_damping: sampling.end_damping,
            relation_weights: sampling.relation_weights,
            edge_weights: sampling.edge_weights,
            training: TrainingConfig::default(),
            validation_users: 600,
            validation_beams: 200,
            linear: true,
            device: "flex".to_owned(),
            replace: Replace::No,
            unfinished: Unfinished::Refuse,
        }
    }
}

/// What is stored with a model beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Shape.
    pub model: ModelConfig,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// The pattern of its paths.
    pub pattern: String,
    /// The vocabulary of its tokens.
    pub vocabulary: Vocabulary,
    /// How its paths were drawn.
    pub sampling: serde_json::Value,
    /// Steps done.
    pub steps: u64,
    /// Step of the weights that were kept.
    pub best_step: u64,
    /// NDCG@10 on valid of the weights that were kept.
    pub best_validation: Option<f64>,
    /// What is said of an item beside its paths, as chosen on valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<ExpertWeights>,
    /// Hash of the model that this one was carried over from, if it was not trained on its graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapted_from: Option<String>,
}

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Training is about to begin.
    Start {
        /// What it will come to.
        plan: &'a Plan,
        /// The pattern of the paths.
        pattern: &'a str,
        /// Step it goes on from; 0 at the beginning.
        resumed_at: u64,
    },
    /// A step was done.
    Step(&'a Progress),
    /// All steps are done; the linear part is solved, and the weights of what is said beside paths are chosen on valid.
    Weigh {
        /// Searches done, one for each user and way to search.
        done: usize,
        /// Searches to do.
        of: usize,
    },
    /// The run ended.
    End(&'a ModelCard),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The model is in place.
    Finished(Box<ModelCard>),
    /// The caller asked to stop; `Unfinished::Resume` goes on from here.
    Interrupted,
}

/// Trains a model on the graph at `kg_dir` and publishes it at `out`.
///
/// Checkpoints live beside it, in `out` with `.train` appended, and are removed when the model is in place.
///
/// # Errors
/// Whatever graph, corpus, settings or disk give; the checkpoints written so far stay.
pub fn run(
    kg_dir: &Path,
    out: &Path,
    options: &Options,
    observe: &mut dyn FnMut(Event<'_>),
    stop: &AtomicBool,
) -> Result<Outcome> {
    artefact::refuse_existing(out, options.replace)?;
    options.training.validate()?;
    let kg = TrainKg::open(kg_dir)?;
    let corpus = options.corpus.as_deref().map(|directory| corpus::open(directory, &kg)).transpose()?;
    let mut parents = BTreeMap::from([("kg".to_owned(), kg.content_hash().to_owned())]);
    if let Some(corpus) = &corpus {
        parents.insert("corpus".to_owned(), corpus.artefact().manifest().content_hash());
    }
    let start = options.init.as_deref().map(|directory| Stored::open(directory, &kg)).transpose()?;
    if let Some(start) = &start {
        parents.insert("model".to_owned(), start.artefact.manifest().content_hash());
    }
    if let Some(path) = &options.vectors {
        parents.insert("vectors".to_owned(), artefact::hash_file(path)?);
    }
    let mixture = mixture(&kg, options, corpus.as_ref())?;
    let pattern = mixture.union().clone();
    let valid = kg::open_held_out(kg_dir, Split::Valid)?;
    let rows = match &corpus {
        Some(corpus) => corpus.len() as u64,
        None => kg.users().len() as u64 * options.training.paths_per_user,
    };
    let (source, sampling) = source(&kg, &mixture, options, corpus)?;
    let workplace = Workplace::open(out, options.unfinished, parents.clone(), &sampling)?;
    let legal = Legal::new(&kg, &pattern);
    let (mut trainer, resumed_at) = trainer(&kg, &pattern, options, start.as_ref(), &workplace.checkpoints)?;
    let plan = Plan::new(&trainer.model.config, &options.training, rows, &legal);
    observe(Event::Start { plan: &plan, pattern: pattern.source(), resumed_at });
    let mut watcher = Watcher::new(&kg, &legal, &valid, options, &workplace, resumed_at, observe)?;
    let ending = trainer.run(&legal, source.as_ref(), &workplace.checkpoints, &mut watcher, &Context::default())?;
    let Watcher { log, users, observe, .. } = watcher;
    if ending == Ending::Interrupted {
        return Ok(Outcome::Interrupted);
    }
    let best =
        workplace.checkpoints.best(&footpath_model::device(&footpath_core::Device::named(options.device.as_str()))?)?;
    // Only paths are reordered by weights; without users to choose them on there is nothing to go by.
    let chooses = options.linear && trainer.config.item_objective().is_none() && !users.is_empty();
    let (linear, weights) = match chooses {
        true => {
            let of = users.len();
            observe(Event::Weigh { done: 0, of });
            let (table, made) = experts::linear(&legal, &valid, stop)?.map(|s| (s.table, s.settings)).unzip();
            let recommender = Recommender::new(&best.model, &legal).with_linear(table.as_ref());
            let said = (trainer.config.learns_ends(), made);
            let mut done = |done, of| observe(Event::Weigh { done, of });
            let weights = experts::weights(&recommender, &kg, said, &valid, &users, &mut done, stop)?;
            // All steps are in the checkpoint: going on begins here again.
            let Some(weights) = weights else { return Ok(Outcome::Interrupted) };
            (table, Some(weights))
        }
        false => (None, None),
    };
    let card = ModelCard {
        model: best.model.config.clone(),
        training: trainer.config.clone(),
        pattern: pattern.source().to_owned(),
        vocabulary: kg.vocabulary(),
        sampling,
        steps: trainer.position.step,
        best_step: best.position.step,
        best_validation: best.position.best,
        weights,
        adapted_from: None,
    };
    publish(out, &card, &best.model, linear.as_ref(), &log.lines, parents, options.replace)?;
    workplace.remove()?;
    observe(Event::End(&card));
    Ok(Outcome::Finished(Box::new(card)))
}

/// The patterns to learn: those asked for, which must be those of the corpus where there is one.
fn mixture(kg: &TrainKg, options: &Options, corpus: Option<&Corpus>) -> Result<Mixture> {
    let given = options.shape.as_ref().map(|shape| shape.mixture(kg)).transpose()?;
    let Some(corpus) = corpus else {
        law(options).validate(kg)?;
        return shared_out(given.map_or_else(|| Shape::default().mixture(kg), Ok)?, options);
    };
    if options.collaborative_share.is_some() {
        let reason = "the paths of a corpus are drawn already; leave the option out".to_owned();
        return Err(Error::Usage { option: "collaborative-share", reason });
    }
    refuse_weights(options)?;
    let (made, _) = corpus::stated(corpus, kg)?;
    match given {
        Some(given) if given.union().source() != made.source() => Err(Error::Usage {
            option: "pattern",
            reason: format!("the corpus was sampled with {}; leave the option out", made.source()),
        }),
        Some(given) => Ok(given),
        None => Ok(Mixture::single(made)),
    }
}

/// The patterns with the share of collaborative paths that is asked for.
fn shared_out(mixture: Mixture, options: &Options) -> Result<Mixture> {
    match (options.collaborative_share, &options.shape) {
        (Some(share), _) => Ok(mixture.with_collaborative_share(share)?),
        (None, Some(Shape::File(_))) => Ok(mixture),
        // A pattern with one kind of paths only has nothing to share out.
        (None, _) => Ok(mixture.with_collaborative_share(COLLABORATIVE_SHARE).unwrap_or(mixture)),
    }
}

fn source<'a>(
    kg: &'a TrainKg,
    mixture: &Mixture,
    options: &Options,
    corpus: Option<Corpus>,
) -> Result<(Box<dyn PathSource + 'a>, serde_json::Value)> {
    if let Some(corpus) = corpus {
        let sampling = corpus.header().sampling.clone();
        return Ok((Box::new(CorpusPaths { corpus }), sampling));
    }
    let spec = law(options);
    let paths_per_user = options.training.paths_per_user;
    let sampling = serde_json::json!({
        "pattern": mixture.union().source(),
        "parts": parts(mixture),
        "spec": spec,
        "paths_per_user": paths_per_user,
    });
    let fresh = FreshPaths { sampler: MixtureSampler::new(kg, mixture, &spec)?, paths_per_user };
    Ok((Box::new(fresh), sampling))
}

/// The law by which paths are drawn for training.
fn law(options: &Options) -> SampleSpec {
    SampleSpec {
        law: options.law,
        damping: options.damping,
        end_damping: options.end_damping,
        relation_weights: options.relation_weights.clone(),
        edge_weights: options.edge_weights,
        ends: EndSet::Train,
        seed: options.training.seed,
        ..SampleSpec::default()
    }
}

/// Refuses what would weigh paths that are drawn already.
fn refuse_weights(options: &Options) -> Result<()> {
    let given = [
        ("end-damping", options.end_damping != 0.0),
        ("relation-weight", !options.relation_weights.is_empty()),
        ("edge-weights", options.edge_weights),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    Err(Error::Usage { option, reason: "the paths of a corpus are drawn already; leave the option out".to_owned() })
}

fn trainer(
    kg: &TrainKg,
    pattern: &Pattern,
    options: &Options,
    start: Option<&Stored>,
    checkpoints: &Checkpoints,
) -> Result<(Trainer, u64)> {
    let device = footpath_model::device(&footpath_core::Device::named(options.device.as_str()))?;
    let max_tokens = options.training.num_positions(2 * pattern.max_hops() + 1);
    let config = config(kg, options, start, max_tokens)?;
    if options.unfinished == Unfinished::Resume
        && let Some(mut trainer) = checkpoints.latest(&device)?
    {
        // More epochs may be asked for; everything else must be as it was, or the run would not be the same.
        let asked = TrainingConfig { epochs: trainer.config.epochs, ..options.training.clone() };
        if asked != trainer.config || config != trainer.model.config {
            let reason = "the unfinished run has other settings; give the same ones, or --restart to discard it";
            return Err(Error::Usage { option: "resume", reason: reason.to_owned() });
        }
        trainer.config.epochs = options.training.epochs;
        let step = trainer.position.step;
        return Ok((trainer, step));
    }
    let seed = options.training.seed;
    let mut model = match start {
        Some(start) => start.model(&device)?.with_positions(max_tokens, seed),
        None => PathModel::new(config, seed, &device)?,
    };
    if let Some(path) = &options.vectors {
        vectors::start_with(path, kg, &mut model.input)?;
    }
    Ok((Trainer::new(model, options.training.clone())?, 0))
}

/// The shape of the model: as asked for, or that of the model it starts from, with room for longer texts.
fn config(kg: &TrainKg, options: &Options, start: Option<&Stored>, max_tokens: usize) -> Result<ModelConfig> {
    let Some(start) = start else {
        let config = ModelConfig::preset(options.preset, kg.vocabulary().len(), kg.items(), max_tokens);
        let kinds = if options.token_kinds { words::kinds(kg) } else { Vec::new() };
        return Ok(config.designed(options.design).with_kinds(kinds));
    };
    if options.design != Design::default() || options.token_kinds || options.vectors.is_some() {
        let reason = "the model it starts from says how it is built; leave out architecture, tables, kinds and vectors";
        return Err(Error::Usage { option: "init", reason: reason.to_owned() });
    }
    let mut config = start.card.model.clone();
    config.trunk.max_tokens = config.trunk.max_tokens.max(max_tokens);
    Ok(config)
}

/// The directory of an unfinished run, locked.
struct Workplace {
    checkpoints: Checkpoints,
    directory: PathBuf,
    _lock: OutputLock,
}

impl Workplace {
    fn open(
        out: &Path,
        unfinished: Unfinished,
        parents: BTreeMap<String, String>,
        sampling: &serde_json::Value,
    ) -> Result<Self> {
        let name = out.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = out.with_file_name(format!("{name}.train"));
        let lock = OutputLock::take(&directory)?;
        if directory.exists() {
            match unfinished {
                Unfinished::Refuse => {
                    let reason = format!(
                        "{} holds an unfinished run; give --resume to go on or --restart to discard it",
                        directory.display()
                    );
                    return Err(Error::Usage { option: "out", reason });
                }
                Unfinished::Resume => {}
                Unfinished::Discard => {
                    fs::remove_dir_all(&directory).map_err(footpath_core::Error::io(&directory))?;
                }
            }
        }
        fs::create_dir_all(&directory).map_err(footpath_core::Error::io(&directory))?;
        let checkpoints = Checkpoints::new(directory.clone(), parents).of_paths(sampling.clone());
        Ok(Self { checkpoints, directory, _lock: lock })
    }

    fn log(&self) -> PathBuf {
        self.directory.join("metrics.jsonl")
    }

    fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.directory).map_err(footpath_core::Error::io(&self.directory))?;
        Ok(())
    }
}

/// Validates, keeps the log, and tells the caller.
struct Watcher<'a> {
    kg: &'a TrainKg,
    legal: &'a Legal<'a>,
    valid: &'a HeldOut,
    users: Vec<NodeId>,
    training: &'a TrainingConfig,
    beams: usize,
    log: Log,
    observe: &'a mut dyn FnMut(Event<'_>),
}

impl<'a> Watcher<'a> {
    fn new(
        kg: &'a TrainKg,
        legal: &'a Legal<'a>,
        valid: &'a HeldOut,
        options: &'a Options,
        workplace: &Workplace,
        resumed_at: u64,
        observe: &'a mut dyn FnMut(Event<'_>),
    ) -> Result<Self> {
        let training = &options.training;
        // Walks lead to no item that could be held out, and some objectives foretell none.
        let foretells = match training.item_objective() {
            Some(_) => true,
            None => training.generates_paths() && !legal.pattern().is_walk(),
        };
        let mut users: Vec<NodeId> = valid.by_user().into_keys().filter(|_| foretells).collect();
        Stream::new(options.training.seed, Purpose::Validation, 0, 0).shuffle(&mut users);
        users.truncate(options.validation_users);
        users.sort_unstable();
        let log = Log::open(&workplace.log(), resumed_at)?;
        Ok(Self { kg, legal, valid, users, training, beams: options.validation_beams, log, observe })
    }
}

/// The log of a run, in memory and, line by line, in the directory of the unfinished run.
struct Log {
    lines: Vec<String>,
    file: fs::File,
}

impl Log {
    /// Goes on with the log at `path` up to a step; later lines belong to steps that will be done again.
    fn open(path: &Path, resumed_at: u64) -> Result<Self> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let parse = |line: &str| Some((line.to_owned(), serde_json::from_str::<Progress>(line).ok()?));
        let kept = text.lines().filter_map(parse).filter(|(_, step)| step.step <= resumed_at);
        let lines: Vec<String> = kept.map(|(line, _)| line).collect();
        // The lines are kept as they are written: numbers read back and written again may differ in the last digit.
        artefact::publish_file(path, Replace::Yes, |out| write_lines(&lines, out))?;
        let file = fs::File::options().append(true).open(path).map_err(footpath_core::Error::io(path))?;
        Ok(Self { lines, file })
    }

    fn push(&mut self, progress: &Progress) {
        // Numbers and options of numbers always have a JSON form.
        let line = serde_json::to_string(progress).unwrap_or_default();
        // The log is for people: a full disk must not end a run that checkpoints would save.
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
        self.lines.push(line);
    }
}

fn write_lines(lines: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

impl Observer for Watcher<'_> {
    fn validate(&mut self, model: &PathModel) -> footpath_model::Result<Option<(f64, Option<f64>)>> {
        if self.users.is_empty() {
            return Ok(None);
        }
        // All items are wanted, for the loss; the figure looks at the first ten.
        let options = SearchOptions {
            k: usize::MAX,
            beams: self.beams,
            paths_per_item: 1,
            goal: Goal::Unseen,
            when_short: WhenShort::Accept,
            direct: if self.training.learns_ends() { DIRECT } else { 0.0 },
            ..SearchOptions::default()
        };
        let lists = match self.training.item_objective() {
            Some(objective) => next_items(model, self.legal, objective, &self.users, usize::MAX, &Context::default()),
            None => Recommender::new(model, self.legal).recommend(&self.users, options, &Context::default()),
        }?;
        let held_out = self.valid.by_user();
        let num_items = self.kg.items().len() as f64;
        let (mut loss, mut count) = (0.0, 0u64);
        let mut recommendations = Recommendations::default();
        for list in &lists {
            let scores: BTreeMap<NodeId, f64> = list.items.iter().map(|i| (i.item, i.score)).collect();
            // An item that was not found has at most the probability that was not explored.
            let floor = (list.unexplored / num_items).max(1e-12).ln();
            for item in held_out.get(&list.user).into_iter().flatten() {
                loss -= scores.get(item).copied().unwrap_or(floor);
                count += 1;
            }
            let top = list.items.iter().take(experts::K);
            recommendations.insert(list.user, top.map(|i| Recommendation { item: i.item, score: i.score }).collect());
        }
        let figure = experts::mean_ndcg(&recommendations, self.valid, self.kg, &self.users)
            .map_err(|e| footpath_model::Error::Config { option: "validation", reason: e.to_string() })?;
        Ok(Some((figure, (count > 0).then(|| loss / count as f64))))
    }

    fn progress(&mut self, progress: &Progress) {
        self.log.push(progress);
        (self.observe)(Event::Step(progress));
    }
}

/// Publishes a model with the log of its training, line by line.
///
/// # Errors
/// An output that exists, a disk that refuses.
pub(crate) fn publish(
    out: &Path,
    card: &ModelCard,
    model: &PathModel,
    linear: Option<&Linear>,
    log: &[String],
    parents: BTreeMap<String, String>,
    replace: Replace,
) -> Result<()> {
    let steps: Vec<Progress> = log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let curve = curve::svg(&steps).unwrap_or_default();
    let mut writer = ArtefactWriter::create(out, "model", replace)?;
    writer.add("weights.safetensors", |out| model.write(out))?;
    if let Some(linear) = linear {
        writer.add("linear.safetensors", |out| linear.write(out))?;
    }
    writer.add("model.json", |out| Ok(serde_json::to_writer_pretty(out, card)?))?;
    writer.add("metrics.jsonl", |out| write_lines(log, out))?;
    writer.add("loss.svg", |out| out.write_all(curve.as_bytes()))?;
    let ModelCard { training, sampling, adapted_from, .. } = card;
    let made = serde_json::json!({ "training": training, "sampling": sampling, "adapted_from": adapted_from });
    writer.publish(parents, made)?;
    Ok(())
}
