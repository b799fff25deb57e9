//! Training, and the search for its settings.

use crate::call::{Call, Events, json, parsed};
use crate::errors::usage;
use crate::frames::replace;
use crate::graph::Kg;
use crate::options::{self, ShapeText};
use footpath::train::{Event, Options, settings};
use footpath::{train as trainer, tune as tuner};
use pyo3::prelude::*;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What a run is asked for beside its settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    corpus: Option<PathBuf>,
    init: Option<PathBuf>,
    refit: Option<PathBuf>,
    vectors: Option<PathBuf>,
    law: Option<String>,
    linear: bool,
    validation_users: Option<usize>,
    validation_beams: Option<usize>,
    force: bool,
    unfinished: String,
}

impl Run {
    /// The options of the library, with settings as pairs of a name and a value in TOML.
    fn options(&self, py: Python<'_>, shape: Option<ShapeText>, settings: &[(String, String)]) -> PyResult<Options> {
        let default = Options::default();
        let law = self.law.as_ref().map(|law| law.parse().map_err(|e: _| crate::errors::raised(py, graph(e))));
        let mut options = Options {
            shape: shape.map(|shape| options::shape(py, shape)).transpose()?,
            corpus: self.corpus.clone(),
            init: self.init.clone(),
            refit: self.refit.clone(),
            vectors: self.vectors.clone(),
            law: law.transpose()?.unwrap_or(default.law),
            linear: self.linear,
            validation_users: self.validation_users.unwrap_or(default.validation_users),
            validation_beams: self.validation_beams.unwrap_or(default.validation_beams),
            replace: replace(self.force),
            unfinished: options::unfinished(py, &self.unfinished)?,
            ..default
        };
        for (name, value) in settings {
            let value = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
            let value = value.and_then(|mut table| table.remove("value"));
            let value = value.ok_or_else(|| usage(py, format!("{name}: no value that a setting can have")))?;
            settings::set(&mut options, name, value).map_err(|reason| usage(py, format!("{name}: {reason}")))?;
        }
        Ok(options)
    }
}

fn graph(error: impl Into<footpath::Error>) -> footpath::Error {
    error.into()
}

/// Trains a model; its description, as JSON. `on_event` is given what happens, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the face alone, which has keywords")]
pub(crate) fn train(
    py: Python<'_>,
    kg: &Kg,
    out: PathBuf,
    shape: Option<ShapeText>,
    settings: Vec<(String, String)>,
    run: &str,
    call: Call,
    on_event: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let options = parsed::<Run>(py, "options", run)?.options(py, shape, &settings)?;
    let kg = kg.kg.clone();
    call.wait_telling(py, on_event.as_ref(), move |context, events| {
        let inputs: Vec<&Path> = [Some(kg.directory()), options.corpus.as_deref(), options.init.as_deref()]
            .into_iter()
            .chain([options.vectors.as_deref(), options.refit.as_deref()])
            .flatten()
            .collect();
        footpath::artefact::refuse_overlap(&out, &inputs)?;
        let mut observe = |event: Event<'_>| tell(events, &event);
        Ok(json(&trainer::run(&kg, &out, &options, &mut observe, context)?))
    })
}

fn tell(events: &Events, event: &Event<'_>) {
    match event {
        Event::Start { plan, pattern, resumed_at } => events.tell(json(&serde_json::json!({
            "event": "start",
            "pattern": pattern,
            "resumed_at": resumed_at,
            "num_parameters": plan.num_parameters,
            "rows": plan.rows,
            "num_steps": plan.num_steps,
            "memory": plan.memory,
            "warnings": plan.warnings,
        }))),
        Event::Step(progress) => {
            let mut step = serde_json::json!(progress);
            if let Some(step) = step.as_object_mut() {
                step.insert("event".to_owned(), "step".into());
            }
            events.tell(json(&step));
        }
        Event::Blend => events.tell(json(&serde_json::json!({ "event": "blend" }))),
        Event::End(_) => {}
    }
}

/// Searches a space, given as TOML; what was found, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the face alone, which has keywords")]
pub(crate) fn tune(
    py: Python<'_>,
    space: &str,
    kg: &Kg,
    out: PathBuf,
    shape: Option<ShapeText>,
    unfinished: &str,
    call: Call,
    on_event: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let (space, mut options) = of_search(py, space, shape)?;
    options.unfinished = options::unfinished(py, unfinished)?;
    let kg = kg.kg.clone();
    call.wait_telling(py, on_event.as_ref(), move |context, events| {
        footpath::artefact::refuse_overlap(&out, &[kg.directory()])?;
        let mut observe = |event: tuner::Event<'_>| match event {
            tuner::Event::Begin { done, of } => {
                events.tell(json(&serde_json::json!({ "event": "begin", "done": done, "of": of })));
            }
            tuner::Event::Job(job) => {
                let (trial, paths) = (job.trial, job.paths_per_user);
                events.tell(json(&serde_json::json!({ "event": "job", "trial": trial, "paths_per_user": paths })));
            }
            tuner::Event::Train(event) => tell(events, &event),
            tuner::Event::Done(record) => {
                events.tell(json(&serde_json::json!({ "event": "done", "record": record })));
            }
        };
        Ok(json(&tuner::search(space, &kg, &out, &options, &mut observe, context)?))
    })
}

/// A search whose trainings are done elsewhere.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Search {
    /// Nothing once it is closed.
    search: Mutex<Option<tuner::Search>>,
}

#[pymethods]
impl Search {
    /// Begins a search of a space, given as TOML, or goes on with one.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        space: &str,
        kg: &Kg,
        out: PathBuf,
        shape: Option<ShapeText>,
        unfinished: &str,
        call: Call,
    ) -> PyResult<Self> {
        let (space, mut options) = of_search(py, space, shape)?;
        options.unfinished = options::unfinished(py, unfinished)?;
        let kg = kg.kg.clone();
        let search = call.wait(py, move |context| {
            footpath::artefact::refuse_overlap(&out, &[kg.directory()])?;
            tuner::Search::open(space, &kg, &out, &options, context)
        })?;
        Ok(Self { search: Mutex::new(Some(search)) })
    }

    /// The trainings that can be done now, each as JSON, with the place of its model.
    fn ready(&self, py: Python<'_>) -> PyResult<Vec<(String, PathBuf)>> {
        self.with(py, |search| Ok(search.ready().iter().map(|job| (json(job), search.place(job))).collect()))
    }

    /// Takes what came of the next training.
    fn enter(&self, py: Python<'_>, record: &str) -> PyResult<()> {
        let record = parsed(py, "record", record)?;
        self.with(py, |search| search.enter(record))
    }

    /// What was found so far, as JSON.
    fn found(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |search| Ok(json(&search.found())))
    }

    /// Lets others have its output.
    fn close(&self) {
        self.search.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Search {
    fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&mut tuner::Search) -> footpath::Result<T>) -> PyResult<T> {
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        let search = search.as_mut().ok_or_else(|| usage(py, "the search is closed"))?;
        work(search).map_err(|e| crate::errors::raised(py, e))
    }
}

/// Does a training of a search wherever the graph is; what came of it, as JSON.
#[pyfunction]
pub(crate) fn train_job(
    py: Python<'_>,
    space: &str,
    kg: &Kg,
    shape: Option<ShapeText>,
    job: &str,
    out: PathBuf,
    call: Call,
) -> PyResult<String> {
    let (space, options) = of_search(py, space, shape)?;
    let job: tuner::Job = parsed(py, "job", job)?;
    let kg = kg.kg.clone();
    call.wait(py, move |context| Ok(json(&tuner::train_job(&space, &kg, &options, &job, &out, &mut |_| {}, context)?)))
}

fn of_search(py: Python<'_>, space: &str, shape: Option<ShapeText>) -> PyResult<(tuner::Space, tuner::Options)> {
    let shape = shape.map(|shape| options::shape(py, shape)).transpose()?;
    let space = tuner::Space::from_toml(space, Path::new("space")).map_err(|e| crate::errors::raised(py, e))?;
    Ok((space, tuner::Options { shape, ..tuner::Options::default() }))
}
