//! How questions are answered: by one state of the server, on a thread that searches.

mod explain;
mod graph;
mod people;
mod recommend;

pub(crate) use explain::explain;
pub(crate) use graph::{find_paths, neighbourhood, search, similar_items, similar_users, summary};
pub(crate) use people::Subject;
pub(crate) use recommend::recommend;

use crate::api::{MAX_ID_BYTES, ModelName};
use crate::events::Events;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::rules::Asked;
use crate::snapshot::Snapshot;
use footpath::recommend::{Mode, Options};
use std::sync::Arc;

/// What answers are made from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) events: Option<Arc<Events>>,
    pub(crate) metrics: Arc<Metrics>,
}

/// How to search, and what to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct How {
    pub(crate) model: ModelName,
    pub(crate) k: Option<usize>,
    pub(crate) beams: Option<usize>,
    pub(crate) paths: Option<usize>,
    pub(crate) exact: bool,
    pub(crate) proof: bool,
    pub(crate) asked: Asked,
}

impl How {
    /// The options of a search, checked.
    pub(crate) fn options(&self, paths: usize) -> Result<Options, Problem> {
        let default = Options::default();
        let options = Options {
            k: self.k.unwrap_or(default.k),
            beams: self.beams.unwrap_or(default.beams),
            paths_per_item: self.paths.unwrap_or(paths),
            mode: if self.exact { Mode::Exact } else { Mode::Beam },
            ..default
        };
        options.validate()?;
        Ok(options)
    }
}

/// Checks the length of an id that somebody sends.
pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Problem> {
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        return Err(Problem::bad_request(format!("the id of {what} must have 1 to {MAX_ID_BYTES} bytes")));
    }
    Ok(())
}

/// A number in a range, or what stands for it.
pub(crate) fn within(name: &str, number: Option<usize>, default: usize, most: usize) -> Result<usize, Problem> {
    match number.unwrap_or(default) {
        number if (1..=most).contains(&number) => Ok(number),
        number => Err(Problem::bad_request(format!("{name}: must be 1 to {most}, got {number}"))),
    }
}
