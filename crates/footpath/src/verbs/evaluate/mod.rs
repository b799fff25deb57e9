//! `evaluate`: how good recommendations are, next to the baselines.

mod card;
mod examples;
mod groups;
mod random_paths;
mod reasons;
mod subject;

pub use card::{Card, Excluded};
pub use examples::{Example, ExampleItem, Hop, Stop};
pub use footpath_eval::groups::{ItemGroup, UserGroup, gap};
pub use groups::GroupTable;
pub use random_paths::RandomPaths;
pub use reasons::{Counterfactual, Reasons};

use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use crate::recommend::{Options as SearchOptions, Weights};
use crate::service::Service;
use footpath_core::{Artefact, ArtefactKind, ArtefactWriter, Context, NodeId, Replace, artefact};
pub use footpath_eval::baselines::BaselineName;
use footpath_eval::baselines::{self, Baseline, Trial, tune};
pub use footpath_eval::{
    BadRows, Beyond, Calibration, Comparison, ListsBuilder, Metric, Metrics, PathMetric, Recommendations, UserMetrics,
};
use footpath_eval::{Evaluated, PathMetrics, Resampling, beyond, compare, evaluate_knowing, explanations, intervals};
use footpath_graph::report::GraphReport;
use footpath_graph::{HeldOut, Split, TrainKg};
use reasons::ReasonChecks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subject::Judged;

/// Reads anybody's lists: a table with the columns user, rank, item, score.
///
/// # Errors
/// [`Error::Eval`] naming the line of what is wrong.
pub fn read_lists(path: &Path, kg: &TrainKg, context: &Context) -> Result<Recommendations> {
    Ok(Recommendations::read(path, kg, context)?)
}

/// Lists of anyone, from memory; a [`ListsBuilder`] checks them as those of a file are checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// What they are called in the protocol card.
    pub name: String,
    /// The lists.
    pub lists: Recommendations,
    /// Rows that were left out, by what is wrong with them.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// What to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A model, which recommends to every user with something held out.
    Model(PathBuf),
    /// A file of lists, from anyone: `user, rank, item, score`, tab-separated.
    Lists(PathBuf),
    /// Lists from memory, from anyone.
    Given(Given),
}

/// How to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The held-out part.
    pub on: Split,
    /// Cut-off.
    pub k: usize,
    /// Beams of the model.
    pub beams: usize,
    /// Weight of what a model says of an item from the user alone; `None` is its own, see
    /// [`Service::direct`](crate::Service::direct).
    pub direct: Option<f64>,
    /// Weight of its linear part, as [`recommend::Options::linear`](crate::recommend::Options::linear).
    pub linear: Option<f64>,
    /// Power by which a history fades in that part, as
    /// [`recommend::Options::fading`](crate::recommend::Options::fading).
    pub fading: Option<f64>,
    /// Weight of popularity, as [`recommend::Options::popularity`](crate::recommend::Options::popularity).
    pub popularity: Option<f64>,
    /// Weight of counted paths, as [`recommend::Options::path_count`](crate::recommend::Options::path_count).
    pub path_count: Option<f64>,
    /// How much items that paths begin with count by when they were chosen, as
    /// [`recommend::Options::recency`](crate::recommend::Options::recency).
    pub recency: Option<f64>,
    /// What the model trades a part of the probability for.
    pub optimise: Option<Weights>,
    /// Seed of random paths to compare the model's explanations with, if they are to be compared.
    pub random_paths: Option<u64>,
    /// Seed of what is taken away beside reasons, if it is to be seen how far items fall without these.
    pub counterfactual: Option<u64>,
    /// A table of what users disliked: `user_id`, `item_id`, tab-separated.
    pub dislikes: Option<PathBuf>,
    /// What is computed beside the subject.
    pub beside: Beside,
    /// The baselines that are tuned, in this order; all where there is none.
    pub tuned: Vec<BaselineName>,
    /// Lists of anyone to compare with, user by user.
    pub against: Option<PathBuf>,
    /// Groups of users to give figures of.
    pub user_groups: Option<GroupTable>,
    /// Groups of items to give figures of.
    pub item_groups: Option<GroupTable>,
    /// What to do with bad rows of lists.
    pub bad_rows: BadRows,
    /// The command line, for the card.
    pub command: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on: Split::Test,
            k: 10,
            beams: SearchOptions::default().beams,
            direct: None,
            linear: None,
            fading: None,
            popularity: None,
            path_count: None,
            recency: None,
            optimise: None,
            random_paths: None,
            counterfactual: None,
            dislikes: None,
            beside: Beside::Nothing,
            tuned: Vec::new(),
            against: None,
            user_groups: None,
            item_groups: None,
            bad_rows: BadRows::Refuse,
            command: None,
        }
    }
}

/// What is computed beside the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The quick baselines at their default settings, with this seed for the random one.
    Baselines(u64),
    /// Every baseline, each at the setting of its grid that is best on valid, with this seed.
    Tuned(u64),
}

/// Ranking metrics with their intervals, and what the lists are like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Ranking metrics and coverage.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The metrics of each user.
    #[serde(skip)]
    pub users: Vec<UserMetrics>,
    /// 95 % interval of each metric, by its name with the cut-off.
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Beyond hits.
    #[serde(flatten)]
    pub beyond: Beyond,
}

/// A baseline with its setting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BaselineFigures {
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The setting, empty where there is nothing to set or the default is taken.
    pub setting: String,
    /// All settings tried, with their NDCG on valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Trial>,
}

/// A mean over users with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The figures of a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Ranking metrics, intervals, and what the lists are like.
    #[serde(flatten)]
    pub figures: Figures,
    /// Metrics of the explanations by name, see [`PathMetric`]; none for lists without paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub explanations: BTreeMap<String, Mean>,
    /// Whether the reasons are the reasons, and run through what users care for; none for lists without paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Reasons>,
    /// The same lists with random paths, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_paths: Option<RandomPaths>,
    /// Whether the probabilities of the items mean what they say; only for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Mean over the items shown of the entropy of their paths in nats, at least; see [`footpath_eval::path_entropy`].
    /// Only for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_entropy: Option<f64>,
    /// Share of paths whose every fact is in the graph; `null` for lists without paths.
    pub faithful: Option<f64>,
    /// Number of paths that were checked.
    pub num_paths: usize,
    /// Which part was held out.
    pub on: Split,
    /// Content hash of the graph.
    pub kg: String,
    /// Content hash of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The baselines, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, BaselineFigures>,
    /// NDCG of the subject minus that of each baseline, with interval and p.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ndcg_against: BTreeMap<String, Comparison>,
    /// Each metric of the subject minus that of the lists it was compared with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub against: BTreeMap<String, Comparison>,
    /// How well groups of users are served, by their names, where some were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub user_groups: BTreeMap<String, UserGroup>,
    /// How much of the lists groups of items have, likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub item_groups: BTreeMap<String, ItemGroup>,
    /// Under which conditions the figures hold.
    pub card: Card,
    /// What the page is drawn from.
    #[serde(skip)]
    pub(crate) drawn: Drawn,
    /// Length of the longest list, at least k: how long the lists of baselines are, since the AUC looks at whole lists.
    #[serde(skip)]
    pub(crate) list_len: usize,
}

/// What the page shows beside the figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Drawn {
    pub(crate) graph: GraphReport,
    /// Step, training loss, NDCG on valid where it was taken.
    pub(crate) training: Vec<(u64, f64, Option<f64>)>,
    /// Relation sequences of the paths shown, most frequent first, with their share.
    pub(crate) patterns: Vec<(String, f64)>,
    /// For ten equal parts of the items from the most to the least chosen: share of slots, share of train.
    pub(crate) deciles: Vec<[f64; 2]>,
    pub(crate) examples: Vec<Example>,
}

/// What lists are judged by.
struct Protocol<'a> {
    context: &'a Context,
    train: Arc<TrainKg>,
    held_out: HeldOut,
    known: HeldOut,
    users: Vec<NodeId>,
    k: usize,
}

impl<'a> Protocol<'a> {
    fn open(kg: &Kg, options: &Options, context: &'a Context) -> Result<Self> {
        let held_out = kg.held_out(options.on)?;
        let known = match options.on {
            Split::Test => kg.held_out(Split::Valid)?,
            Split::Train | Split::Valid => HeldOut::from([].as_slice()),
        };
        let users: Vec<NodeId> = held_out.by_user().into_keys().collect();
        if users.is_empty() {
            return Err(Error::NothingHeldOut { part: options.on.name() });
        }
        Ok(Self { context, train: Arc::clone(kg.train()), held_out, known, users, k: options.k })
    }

    fn judge(&self, lists: &Recommendations) -> Result<Evaluated> {
        Ok(evaluate_knowing(lists, &self.held_out, &self.known, &self.train, self.k, self.context)?)
    }

    fn figures(&self, lists: &Recommendations) -> Result<Figures> {
        let Evaluated { metrics, users, .. } = self.judge(lists)?;
        let found = intervals(&users, Resampling::default(), self.context)?;
        let intervals = Metric::ALL.iter().map(|metric| metric.label(self.k)).zip(found).collect();
        let beyond = beyond(lists, &self.users, &self.train, self.k, self.context)?;
        Ok(Figures { metrics, users, intervals, beyond })
    }

    /// The means of explanations with their intervals, by name.
    fn means(&self, metrics: &PathMetrics) -> Result<BTreeMap<String, Mean>> {
        let found = metrics.intervals(Resampling::default(), self.context)?;
        let mean = |(metric, [low, high]): (&PathMetric, [f64; 2])| {
            (metric.name().to_owned(), Mean { mean: metrics.value(*metric), low, high })
        };
        Ok(PathMetric::ALL.iter().zip(found).map(mean).collect())
    }
}

/// The lists of a model that [`run`] judges, of the users with these numbers: the lists of all users, judged as
/// anybody's are, come to the same figures of ranking. So lists can be made apart and judged together. A few users of
/// another part may be among them, who are then missing there.
///
/// # Errors
/// As [`run`].
pub fn lists(
    service: &Service,
    kg: &Kg,
    numbers: &Range<u32>,
    options: &Options,
    context: &Context,
) -> Result<Recommendations> {
    context.run(|| subject::lists(service, &Protocol::open(kg, options, context)?, numbers, options))?
}

/// Evaluates a subject on a graph.
///
/// Items known to be chosen since training (the valid split, when the figure is on test) take no slots, in the
/// subject's lists as in the baselines'.
///
/// # Errors
/// Whatever opening, reading and searching give, and [`footpath_core::Error::Stopped`].
pub fn run(kg: &Kg, subject: &Subject, options: &Options, context: &Context) -> Result<Report> {
    options.validate(subject)?;
    context.run(|| {
        let protocol = Protocol::open(kg, options, context)?;
        let judged = subject.judge(kg, &protocol, options)?;
        let lists = options.item_groups.as_ref().map(|_| judged.lists.clone()).unwrap_or_default();
        let mut report = Report::of_subject(kg, &protocol, subject, options, judged)?;
        let groups = [options.user_groups.as_ref(), options.item_groups.as_ref()];
        report.add_groups(&protocol, &lists, groups)?;
        report.compare_with_others(&protocol, options)?;
        report.add_baselines(kg, &protocol, options)?;
        Ok(report)
    })?
}

impl Options {
    /// Searching takes long, so what cannot be is told before.
    fn validate(&self, subject: &Subject) -> Result<()> {
        let Self { k, beams, direct, linear, fading, popularity, path_count, recency, optimise, .. } = *self;
        let weights = SearchOptions { direct, linear, fading, popularity, path_count, recency, ..Default::default() };
        SearchOptions { k, beams, optimise, ..weights }.validate()?;
        if !matches!(subject, Subject::Model(_)) && (self.random_paths.is_some() || optimise.is_some()) {
            let option = if optimise.is_some() { "optimise" } else { "random-paths" };
            return Err(Error::Usage { option, reason: "lists have no paths; give a model".to_owned() });
        }
        Ok(())
    }
}

impl Subject {
    fn judge(&self, kg: &Kg, protocol: &Protocol<'_>, options: &Options) -> Result<Judged> {
        match self {
            Self::Model(directory) => subject::from_model(directory, kg, options, protocol),
            Self::Lists(path) => subject::from_lists(path, protocol, options.bad_rows),
            Self::Given(given) => subject::from_given(given, protocol),
        }
    }
}

/// The metrics of explanations, and how they compare with those of random paths if that is asked for.
fn explained(protocol: &Protocol<'_>, judged: &Judged, options: &Options) -> Result<PathFigures> {
    let Some(model) = judged.model.as_ref().filter(|_| !judged.explained.is_empty()) else {
        return Ok(PathFigures::default());
    };
    let metrics = explanations(&judged.explained, &protocol.users, &protocol.train, protocol.k, protocol.context)?;
    let checks = ReasonChecks::of(protocol, options.counterfactual, options.dislikes.as_deref())?;
    let random = |seed| RandomPaths::new(protocol, &judged.explained, &metrics, model, &checks, seed);
    Ok(PathFigures {
        explanations: protocol.means(&metrics)?,
        reasons: Some(checks.run(protocol, model, &judged.explained)?),
        random_paths: options.random_paths.map(random).transpose()?,
    })
}

/// What can be said of the paths of lists.
#[derive(Default)]
struct PathFigures {
    explanations: BTreeMap<String, Mean>,
    reasons: Option<Reasons>,
    random_paths: Option<RandomPaths>,
}

impl Report {
    /// What can be said of the subject alone.
    fn of_subject(
        kg: &Kg,
        protocol: &Protocol<'_>,
        subject: &Subject,
        options: &Options,
        judged: Judged,
    ) -> Result<Self> {
        let figures = protocol.figures(&judged.lists)?;
        let PathFigures { explanations, reasons, random_paths } = explained(protocol, &judged, options)?;
        Ok(Self {
            explanations,
            reasons,
            random_paths,
            on: options.on,
            kg: protocol.train.content_hash().to_owned(),
            model: judged.model.as_ref().map(|model| model.hash.clone()),
            baselines: BTreeMap::new(),
            ndcg_against: BTreeMap::new(),
            against: BTreeMap::new(),
            user_groups: BTreeMap::new(),
            item_groups: BTreeMap::new(),
            card: Card::new(kg, subject, options, protocol, &judged, &figures)?,
            drawn: examples::drawn(protocol, &judged),
            list_len: judged.lists.max_len().max(options.k),
            calibration: judged.calibration,
            path_entropy: judged.path_entropy,
            faithful: judged.faithful,
            num_paths: judged.num_paths,
            figures,
        })
    }

    /// How far the subject is above other lists, if there are any, metric by metric.
    fn compare_with_others(&mut self, protocol: &Protocol<'_>, options: &Options) -> Result<()> {
        let Some(path) = &options.against else { return Ok(()) };
        let other = subject::from_lists(path, protocol, options.bad_rows)?;
        let theirs = protocol.judge(&other.lists)?.users;
        let resampling = Resampling::default();
        for metric in Metric::ALL {
            let comparison = compare(&self.figures.users, &theirs, metric, resampling, protocol.context)?;
            self.against.insert(metric.label(options.k), comparison);
        }
        self.card.against = Some(other.source);
        Ok(())
    }

    fn add_baselines(&mut self, kg: &Kg, protocol: &Protocol<'_>, options: &Options) -> Result<()> {
        match options.beside {
            Beside::Nothing => Ok(()),
            Beside::Baselines(seed) => baselines::standard(&protocol.train, seed, protocol.context)?
                .iter()
                .try_for_each(|baseline| self.add(protocol, baseline.as_ref(), String::new(), Vec::new())),
            Beside::Tuned(seed) => self.add_tuned(kg, protocol, &options.tuned, seed),
        }
    }

    /// Every baseline, or each that is named, at its best setting on valid.
    fn add_tuned(&mut self, kg: &Kg, protocol: &Protocol<'_>, named: &[BaselineName], seed: u64) -> Result<()> {
        let valid = kg.held_out(Split::Valid)?;
        for &name in if named.is_empty() { BaselineName::ALL } else { named } {
            match tune(name, &protocol.train, &valid, protocol.k, seed, protocol.context) {
                Ok(tuned) => self.add(protocol, tuned.baseline.as_ref(), tuned.chosen.setting, tuned.tried)?,
                // What one baseline would need is no reason to have none.
                Err(e @ footpath_eval::Error::TooLarge { .. }) => {
                    self.card.left_out.insert(name.name().to_owned(), e.to_string());
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        protocol: &Protocol<'_>,
        baseline: &dyn Baseline,
        setting: String,
        tried: Vec<Trial>,
    ) -> Result<()> {
        let context = protocol.context;
        let lists = baseline.recommend_all_except(self.list_len, &protocol.known, context)?;
        let figures = protocol.figures(&lists)?;
        let (ours, theirs) = (&self.figures.users, &figures.users);
        let comparison = compare(ours, theirs, Metric::Ndcg, Resampling::default(), context)?;
        self.ndcg_against.insert(baseline.name().to_owned(), comparison);
        self.baselines.insert(baseline.name().to_owned(), BaselineFigures { figures, setting, tried });
        Ok(())
    }

    /// Baselines, best NDCG first.
    pub fn ranked_baselines(&self) -> Vec<(&str, &BaselineFigures)> {
        let mut baselines: Vec<_> = self.baselines.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
        baselines.sort_by(|a, b| b.1.figures.metrics.ndcg.total_cmp(&a.1.figures.metrics.ndcg));
        baselines
    }

    /// Publishes the evaluation as an artefact: `report.json`, `card.json`, `card.md`, `users.tsv` (the metrics of each
    /// user) and what [`crate::pages::evaluation`] draws.
    ///
    /// # Errors
    /// An output that exists, a disk that refuses.
    pub fn publish(&self, train: &TrainKg, out: &Path, replace: Replace) -> Result<()> {
        artefact::refuse_existing(out, ArtefactKind::Evaluation, replace)?;
        let mut writer = ArtefactWriter::create(out, ArtefactKind::Evaluation, replace)?;
        writer.add("report.json", |out| Ok(serde_json::to_writer_pretty(out, self)?))?;
        writer.add("card.json", |out| Ok(serde_json::to_writer_pretty(out, &self.card)?))?;
        writer.add("card.md", |out| out.write_all(card::markdown(self).as_bytes()))?;
        writer.add("drawn.json", |out| Ok(serde_json::to_writer(out, &self.drawn)?))?;
        writer.add("users.tsv", |out| {
            let names = Metric::ALL.map(|metric| metric.label(self.figures.metrics.k));
            writeln!(out, "user\t{}", names.join("\t"))?;
            self.figures.users.iter().try_for_each(|user| {
                let values = user.values.map(|value| format!("{value:?}"));
                writeln!(out, "{}\t{}", train.id(user.user), values.join("\t"))
            })
        })?;
        let mut parents = BTreeMap::from([("kg".to_owned(), self.kg.clone())]);
        if let Some(model) = &self.model {
            parents.insert("model".to_owned(), model.clone());
        }
        writer.publish(parents, serde_json::to_value(&self.card).unwrap_or_default())?;
        Ok(())
    }
}

impl Report {
    /// Opens an evaluation that was published; without the metrics of each user.
    ///
    /// # Errors
    /// A directory that is no evaluation, or a damaged one, or one in which a figure is missing or called otherwise.
    pub fn open(directory: &Path, context: &Context) -> Result<Self> {
        let artefact = Artefact::open(directory, ArtefactKind::Evaluation, context)?;
        let report: Self = read_part(&artefact, "report.json")?;
        Ok(Self { drawn: read_part(&artefact, "drawn.json")?, ..report })
    }
}

fn read_part<T: serde::de::DeserializeOwned>(artefact: &Artefact, name: &str) -> Result<T> {
    serde_json::from_str(&artefact.read_text(name)?).map_err(|e| {
        let (path, section, expected) =
            (artefact.directory().to_owned(), name.to_owned(), "a part of an evaluation".to_owned());
        footpath_core::Error::Corrupt { path, section, expected, got: e.to_string() }.into()
    })
}
