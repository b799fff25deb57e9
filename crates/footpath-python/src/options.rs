//! Options that come as text, as types of the façade.

use crate::errors::{raised, usage};
use footpath::Service;
use footpath::pattern::Shape;
use footpath::recommend::{Mode, Options as SearchOptions, Rules, Sampling, Score, Weights};
use footpath::sample::EndSet;
use footpath::train::Unfinished;
use pyo3::prelude::*;
use serde::Deserialize;
use std::path::PathBuf;

/// Which paths: the kind of description, and the description.
pub(crate) type ShapeText = (String, String);

/// The shape that is described.
///
/// # Errors
/// `UsageError`.
pub(crate) fn shape(py: Python<'_>, (kind, text): ShapeText) -> PyResult<Shape> {
    match kind.as_str() {
        "hops" => match text.parse() {
            Ok(hops) => Ok(Shape::Hops(hops)),
            Err(_) => Err(usage(py, format!("hops: must be a whole number, got {text}"))),
        },
        "pattern" => Ok(Shape::Pattern(text)),
        "preset" => Ok(Shape::Preset(text)),
        "file" => Ok(Shape::File(PathBuf::from(text))),
        "walk" => Ok(Shape::Walk(text)),
        other => Err(usage(py, format!("no kind of paths {other:?}"))),
    }
}

/// The ends of this name.
///
/// # Errors
/// `UsageError`.
pub(crate) fn ends(py: Python<'_>, name: &str) -> PyResult<EndSet> {
    match name {
        "train" => Ok(EndSet::Train),
        "unseen" => Ok(EndSet::Unseen),
        "any" => Ok(EndSet::Any),
        other => Err(usage(py, format!("end: {other:?} is none of train, unseen, any"))),
    }
}

/// What to do about an unfinished run.
///
/// # Errors
/// `UsageError`.
pub(crate) fn unfinished(py: Python<'_>, name: &str) -> PyResult<Unfinished> {
    match name {
        "refuse" => Ok(Unfinished::Refuse),
        "resume" => Ok(Unfinished::Resume),
        "discard" => Ok(Unfinished::Discard),
        other => Err(usage(py, format!("unfinished: {other:?} is none of refuse, resume, discard"))),
    }
}

/// How to recommend, as the face gives it; what it leaves out is the default of the library.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Search {
    k: Option<usize>,
    mode: Option<String>,
    score: Option<String>,
    direct: Option<f64>,
    linear: Option<f64>,
    fading: Option<f64>,
    popularity: Option<f64>,
    path_count: Option<f64>,
    recency: Option<f64>,
    beams: Option<usize>,
    allow_seen: bool,
    only: Option<Vec<String>>,
    exclude: Vec<String>,
    paths: Option<usize>,
    optimise: Option<Weights>,
    fill_in: bool,
    groups: Option<usize>,
    diversity: Option<f64>,
    draws: Option<u32>,
    temperature: Option<f64>,
    top_k: Option<usize>,
    top_p: Option<f64>,
    seed: Option<u64>,
}

impl Search {
    /// The options of the library.
    ///
    /// # Errors
    /// `UsageError` for names that are none, and numbers out of range.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<SearchOptions> {
        let default = SearchOptions::default();
        let options = SearchOptions {
            k: self.k.unwrap_or(default.k),
            mode: self.mode(py)?,
            score: self.score(py)?,
            direct: self.direct,
            linear: self.linear,
            fading: self.fading,
            popularity: self.popularity,
            path_count: self.path_count,
            recency: self.recency,
            allow_seen: self.allow_seen,
            beams: self.beams.unwrap_or(default.beams),
            paths_per_item: self.paths.unwrap_or(default.paths_per_item),
            optimise: self.optimise,
            fill_in: self.fill_in,
        };
        options.validate().map_err(|e| raised(py, e))?;
        Ok(options)
    }

    /// Seed of what is drawn at random.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// Which items may be recommended.
    ///
    /// # Errors
    /// [`footpath::Error`] for an id that is no item.
    pub(crate) fn rules(&self, service: &Service) -> footpath::Result<Rules> {
        let items = |ids: &[String]| ids.iter().map(|id| service.kg().item(id)).collect::<Result<Vec<_>, _>>();
        let only = self.only.as_deref().map(items).transpose()?;
        Ok(service.candidates(only.as_deref(), &items(&self.exclude)?))
    }

    fn mode(&self, py: Python<'_>) -> PyResult<Mode> {
        let sampling = Sampling::default();
        match self.mode.as_deref().unwrap_or("beam") {
            "beam" => Ok(Mode::Beam),
            "exact" => Ok(Mode::Exact),
            "diverse" => Ok(Mode::Diverse { groups: self.groups.unwrap_or(4), penalty: self.diversity.unwrap_or(0.5) }),
            "sample" => Ok(Mode::Sample(Sampling {
                draws: self.draws.unwrap_or(sampling.draws),
                temperature: self.temperature.unwrap_or(sampling.temperature),
                top_k: self.top_k.unwrap_or(sampling.top_k),
                top_p: self.top_p.unwrap_or(sampling.top_p),
                seed: self.seed.unwrap_or(sampling.seed),
            })),
            other => Err(usage(py, format!("mode: {other:?} is none of beam, exact, diverse, sample"))),
        }
    }

    fn score(&self, py: Python<'_>) -> PyResult<Score> {
        match self.score.as_deref().unwrap_or("marginal") {
            "marginal" => Ok(Score::Marginal),
            "max" => Ok(Score::Max),
            "mean" => Ok(Score::Mean),
            other => Err(usage(py, format!("score: {other:?} is none of marginal, max, mean"))),
        }
    }
}
