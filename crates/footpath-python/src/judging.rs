//! Evaluation, verification and audit: of a model, or of anybody's lists.

use crate::call::{Call, json, parsed};
use crate::frames::replace;
use crate::graph::Kg;
use crate::lists::{self, Lists};
use footpath::evaluate::{BadRows, BaselineName, Beside, GroupTable, Options, Subject, run as judged};
use footpath::recommend::Weights;
use footpath::replay::{self as replaying, Event};
use footpath::{ArtefactKind, Model, Service, Split, StoredModel, artefact, audit as auditing, verify as verifying};
use pyo3::prelude::*;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// How to evaluate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evaluation {
    on: Split,
    k: Option<usize>,
    beams: Option<usize>,
    direct: Option<f64>,
    linear: Option<f64>,
    fading: Option<f64>,
    popularity: Option<f64>,
    path_count: Option<f64>,
    recency: Option<f64>,
    optimise: Option<Weights>,
    random_paths: bool,
    counterfactual: bool,
    dislikes: Option<PathBuf>,
    user_groups: Option<String>,
    item_groups: Option<String>,
    baselines: Option<Baselines>,
    seed: u64,
    against: Option<PathBuf>,
    lenient: bool,
    out: Option<PathBuf>,
    force: bool,
}

/// The quick ones, all of them tuned, or some by their names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Baselines {
    Quick,
    Tuned,
    Named(Vec<BaselineName>),
}

impl Evaluation {
    fn bad_rows(&self) -> BadRows {
        if self.lenient { BadRows::LeaveOut } else { BadRows::Refuse }
    }

    pub(crate) fn options(&self) -> Options {
        let default = Options::default();
        Options {
            on: self.on,
            k: self.k.unwrap_or(default.k),
            beams: self.beams.unwrap_or(default.beams),
            direct: self.direct,
            linear: self.linear,
            fading: self.fading,
            popularity: self.popularity,
            path_count: self.path_count,
            recency: self.recency,
            optimise: self.optimise,
            random_paths: self.random_paths.then_some(self.seed),
            counterfactual: self.counterfactual.then_some(self.seed),
            dislikes: self.dislikes.clone(),
            user_groups: groups(self.user_groups.as_deref()),
            item_groups: groups(self.item_groups.as_deref()),
            beside: match self.baselines {
                None => Beside::Nothing,
                Some(Baselines::Quick) => Beside::Baselines(self.seed),
                Some(Baselines::Tuned | Baselines::Named(_)) => Beside::Tuned(self.seed),
            },
            tuned: match &self.baselines {
                Some(Baselines::Named(names)) => names.clone(),
                _ => Vec::new(),
            },
            against: self.against.clone(),
            bad_rows: self.bad_rows(),
            ..default
        }
    }
}

/// A table of groups, `FILE` or `FILE:COLUMN`.
fn groups(text: Option<&str>) -> Option<GroupTable> {
    text.and_then(|text| text.parse().ok())
}

/// Evaluates the model at a directory, or a frame of lists; the report, as JSON.
#[pyfunction]
pub(crate) fn evaluate(
    py: Python<'_>,
    kg: &Kg,
    model: Option<PathBuf>,
    frame: Option<Bound<'_, PyAny>>,
    options: &str,
    call: Call,
) -> PyResult<String> {
    let asked: Evaluation = parsed(py, "options", options)?;
    let subject = match (&frame, model) {
        (Some(frame), _) => Subject::Given(lists::given(py, lists::rows(py, frame)?, &kg.kg, asked.bad_rows())?),
        (None, model) => Subject::Model(model.unwrap_or_default()),
    };
    let kg = kg.kg.clone();
    call.wait(py, move |context| {
        let replace = replace(asked.force);
        if let Some(out) = &asked.out {
            artefact::refuse_overlap(out, &[kg.directory()])?;
            artefact::refuse_existing(out, ArtefactKind::Evaluation, replace)?;
        }
        let report = judged(&kg, &subject, &asked.options(), context)?;
        if let Some(out) = &asked.out {
            report.publish(&kg, out, replace)?;
        }
        Ok(json(&report))
    })
}

/// Checks every path of recommendations against a graph; the report, as JSON.
#[pyfunction]
pub(crate) fn verify(
    py: Python<'_>,
    kg: &Kg,
    recommended: Option<Bound<'_, Lists>>,
    frame: Option<Bound<'_, PyAny>>,
    call: Call,
) -> PyResult<String> {
    let lists = match (recommended, frame) {
        (Some(recommended), _) => std::sync::Arc::clone(&recommended.get().lists),
        (None, Some(frame)) => std::sync::Arc::new(lists::lists(lists::rows(py, &frame)?)),
        (None, None) => std::sync::Arc::default(),
    };
    let kg = kg.kg.clone();
    call.wait(py, move |context| Ok(json(&verifying::of_lists(lists.iter(), &kg, context)?)))
}

/// Audits the split of a graph, and a corpus or a frame of lists; the report, as JSON, and what is wrong first.
#[pyfunction]
pub(crate) fn audit(
    py: Python<'_>,
    kg: &Kg,
    frame: Option<Bound<'_, PyAny>>,
    corpus: Option<PathBuf>,
    call: Call,
) -> PyResult<(String, Option<String>)> {
    let kg = kg.kg.clone();
    let given = frame.map(|frame| lists::given(py, lists::rows(py, &frame)?, &kg, BadRows::Refuse)).transpose()?;
    let report = call.wait(py, move |context| match given {
        Some(given) => auditing::of_lists(&kg, &given.lists, context),
        None => auditing::run(&kg, corpus.as_deref(), None, context),
    })?;
    Ok((json(&report), report.first_wrong()))
}

/// Compares the models at these directories on what users did next, a frame in the order of time; the report, as JSON.
#[pyfunction]
pub(crate) fn replay(
    py: Python<'_>,
    kg: &Kg,
    models: Vec<PathBuf>,
    events: Bound<'_, PyAny>,
    k: usize,
    call: Call,
) -> PyResult<String> {
    let event = |(user, item): (String, String)| Event { user, item, is_choice: true };
    let events: Vec<Event> = lists::pairs(py, &events)?.into_iter().map(event).collect();
    let kg = kg.kg.clone();
    call.wait(py, move |context| {
        let open = |path: &PathBuf| {
            let model = Model::of(Arc::clone(kg.train()), &StoredModel::open(path)?, context)?;
            Ok((path.display().to_string(), Service::of(model, context)?))
        };
        let models: Vec<(String, Service)> = models.iter().map(open).collect::<footpath::Result<_>>()?;
        let search = footpath::recommend::Options { k, ..footpath::recommend::Options::default() };
        let options = replaying::Options { search, ..replaying::Options::default() };
        Ok(json(&replaying::run(&models, &events, &options, context)?))
    })
}
