//! `evaluate`: how good recommendations are, next to the baselines.

use crate::error::Result;
use crate::recommend::{Options as SearchOptions, Session};
use footpath_eval::baselines;
use footpath_eval::{Comparison, Metric, Metrics, Recommendation, Recommendations, Resampling, compare, faithful};
use footpath_graph::{HeldOut, Split, TrainKg, kg};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A model, which recommends to every user with something held out.
    Model(PathBuf),
    /// A file of lists, from anyone: `user, rank, item, score`, tab-separated.
    Lists(PathBuf),
}

/// How to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The held-out part.
    pub on: Split,
    /// Cut-off.
    pub k: usize,
    /// Beams of the model.
    pub beams: usize,
    /// What is computed beside the subject.
    pub beside: Beside,
    /// Name of the device.
    pub device: String,
}

/// What is computed beside the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The baselines, with this seed for the random one.
    Baselines(u64),
}

/// The figures of a subject.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Ranking metrics and coverage.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Share of paths whose every fact is in the graph; `null` for lists without paths.
    pub faithful: Option<f64>,
    /// Number of paths that were checked.
    pub num_paths: usize,
    /// Which part was held out.
    pub on: Split,
    /// Content hash of the graph.
    pub kg: String,
    /// Content hash of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The baselines, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, Metrics>,
    /// NDCG of the subject minus that of each baseline, with interval and p.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ndcg_against: BTreeMap<String, Comparison>,
}

/// Evaluates a subject on the graph at `kg_dir`; `done` is told how many users the model has finished, of how many.
///
/// Items known to be chosen since training (the valid split, when the figure is on test) take no slots, in the subject's lists as in the baselines'.
///
/// # Errors
/// Whatever opening, reading and searching give.
pub fn run(kg_dir: &Path, subject: &Subject, options: &Options, done: &mut dyn FnMut(usize, usize)) -> Result<Report> {
    // Searching takes long; a cut-off out of range is told before.
    SearchOptions { k: options.k, beams: options.beams, ..SearchOptions::default() }.validate()?;
    let train = TrainKg::open(kg_dir)?;
    let held_out = kg::open_held_out(kg_dir, options.on)?;
    let known = match options.on {
        Split::Test => kg::open_held_out(kg_dir, Split::Valid)?,
        Split::Train | Split::Valid => HeldOut::from([].as_slice()),
    };
    let judged = match subject {
        Subject::Model(directory) => from_model(directory, kg_dir, options, &held_out, &known, done)?,
        Subject::Lists(path) => {
            let lists = Recommendations::read(path, &train)?.without(&known);
            Judged { lists, faithful: None, num_paths: 0, model: None }
        }
    };
    let metrics = footpath_eval::evaluate_knowing(&judged.lists, &held_out, &known, &train, options.k)?;
    let mut report = Report {
        metrics,
        faithful: judged.faithful,
        num_paths: judged.num_paths,
        on: options.on,
        kg: train.content_hash().to_owned(),
        model: judged.model,
        baselines: BTreeMap::new(),
        ndcg_against: BTreeMap::new(),
    };
    if let Beside::Baselines(seed) = options.beside {
        for baseline in baselines::standard(&train, seed) {
            let lists = baseline.recommend_all_except(options.k, &known);
            let metrics = footpath_eval::evaluate_knowing(&lists, &held_out, &known, &train, options.k)?;
            let comparison = compare(&report.metrics, &metrics, Metric::Ndcg, Resampling::default())?;
            report.ndcg_against.insert(baseline.name().to_owned(), comparison);
            report.baselines.insert(baseline.name().to_owned(), metrics);
        }
    }
    Ok(report)
}

struct Judged {
    lists: Recommendations,
    faithful: Option<f64>,
    num_paths: usize,
    model: Option<String>,
}

fn from_model(
    directory: &Path,
    kg_dir: &Path,
    options: &Options,
    held_out: &HeldOut,
    known: &HeldOut,
    done: &mut dyn FnMut(usize, usize),
) -> Result<Judged> {
    let session = Session::open(directory, kg_dir, &options.device)?;
    let users: Vec<_> = held_out.by_user().into_keys().collect();
    let most_known = known.by_user().values().map(Vec::len).max().unwrap_or(0);
    // Room for the known items, which are taken out afterwards.
    let search = SearchOptions { k: options.k + most_known, beams: options.beams, ..SearchOptions::default() };
    let lists = session.search(&users, search, &mut |finished| done(finished, users.len()));
    let paths = lists.iter().flat_map(|list| {
        list.items.iter().flat_map(|item| item.paths.iter().map(|p| (list.user, item.item, session.path(p))))
    });
    let faithfulness = faithful(session.kg(), paths);
    let recommendations: Recommendations = lists
        .iter()
        .map(|list| (list.user, list.items.iter().map(|i| Recommendation { item: i.item, score: i.score }).collect()))
        .collect();
    Ok(Judged {
        lists: recommendations.without(known),
        faithful: faithfulness.share(),
        num_paths: faithfulness.num_paths,
        model: Some(session.model_hash().to_owned()),
    })
}
