//! Import: from the files of a folder to a graph in memory.
//!
//! ```no_run
//! use footpath_graph::import::{self, Options};
//!
//! let imported = import::import("data/films".as_ref(), &Options::default(), &|_| ())?;
//! println!("{} items", imported.report.graph.num_items);
//! # Ok::<(), footpath_graph::Error>(())
//! ```
//!
//! Input is read once, as a stream, within the limits below, and never mapped into memory. A strict import (the default) fails on any
//! bad record, with up to 100 diagnostics; a lenient one skips bad records and counts them by kind, up to a share.
//!
//! | limit | value |
//! |---|---|
//! | record | [`MAX_LINE_BYTES`] |
//! | field | [`MAX_FIELD_BYTES`] |
//! | columns | [`MAX_COLUMNS`] |
//! | name | [`MAX_NAME_BYTES`] |
//! | unpacked bytes for each packed byte | [`MAX_EXPANSION`] |
//! | entity types | [`MAX_TYPES`] |
//! | nodes, relations | [`MAX_NODES`], [`MAX_RELATIONS`](crate::dataset::MAX_RELATIONS) |

mod collect;
mod fields;
mod folder;
mod native;
mod problems;
mod reader;
mod recbole;
mod source;

use crate::build::{self, Built};
use crate::dataset::MAX_NODES;
use crate::error::{Error, Result};
use crate::report::{ImportReport, Log};
use crate::split::{self, SplitSpec};
use collect::Collector;
use folder::Folder;
use problems::{Flaw, Problems};
use reader::Context;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

pub use collect::MAX_TYPES;
pub use fields::MAX_NAME_BYTES;
pub use problems::{MaxBad, Warning};
pub use reader::{MAX_COLUMNS, MAX_FIELD_BYTES, MAX_LINE_BYTES, Step};
pub use recbole::MAX_PREFIXES;
pub use source::{FREE_EXPANSION_BYTES, MAX_EXPANSION};

/// Layout of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Native if the folder has `interactions` or `triples`, else RecBole if it has `.inter` or `.kg`.
    #[default]
    Auto,
    /// A dataset folder.
    Native,
    /// RecBole atomic files.
    RecBole,
}

/// How to import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Layout of the input.
    pub format: Format,
    /// Interactions rated lower are dropped before the split, and so are users who have no others.
    pub min_rating: Option<f32>,
    /// Whether the arc of an interaction weighs as much as its rating says; a rating outside [`EDGE_WEIGHTS`](crate::kg::EDGE_WEIGHTS) is
    /// then bad, unless it is too low to be kept. Otherwise interactions weigh 1, as facts without a weight do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rating_weights: bool,
    /// How to cut the log into train, valid and test.
    pub split: SplitSpec,
    /// Skip bad records up to this share of all records; `None` is strict.
    pub lenient: Option<MaxBad>,
    /// Most bytes read from all files together, after unpacking.
    pub max_bytes: u64,
    /// Most nodes, the entities of linked items counted on their own. Lower it to refuse a larger data set than planned for.
    pub max_nodes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            min_rating: None,
            rating_weights: false,
            split: SplitSpec::default(),
            lenient: None,
            // Far over any public data set, and still bounded.
            max_bytes: 1 << 40,
            max_nodes: MAX_NODES,
        }
    }
}

/// A graph and how it came about.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The graph.
    pub built: Built,
    /// What was found.
    pub report: ImportReport,
}

/// Imports the folder `directory`; `progress` is called every few thousand records.
///
/// # Errors
/// [`Error::Import`] for bad input, [`Error::Usage`] for options that do not fit it, [`Error::Core`] when a file cannot be read.
pub fn import(directory: &Path, options: &Options, progress: &dyn Fn(Step<'_>)) -> Result<Imported> {
    check(options)?;
    let folder = Folder::open(directory)?;
    let format = resolve(options.format, &folder)?;
    let budget = Rc::new(Cell::new(options.max_bytes));
    let mut context = Context { problems: Problems::new(options.lenient), progress, budget };
    let mut collector = Collector::new(options);
    match format {
        Format::RecBole => recbole::read(&folder, &mut collector, &mut context)?,
        Format::Auto | Format::Native => native::read(&folder, &mut collector, &mut context)?,
    }
    finish(directory, format, options, collector, context.problems)
}

fn check(options: &Options) -> Result<()> {
    match options.min_rating {
        Some(min) if !min.is_finite() => {
            Err(Error::Usage { option: "min-rating", reason: format!("{min} is not a finite number") })
        }
        _ => Ok(()),
    }
}

fn resolve(format: Format, folder: &Folder) -> Result<Format> {
    match format {
        Format::Auto if native::is_here(folder)? => Ok(Format::Native),
        Format::Auto if recbole::is_here(folder)? => Ok(Format::RecBole),
        Format::Auto => Err(folder.missing("interactions.tsv and triples.tsv, or NAME.inter, NAME.kg and NAME.link")),
        given => Ok(given),
    }
}

/// What is done once all is read: contradictions, filter, split, graph.
fn finish(
    directory: &Path,
    format: Format,
    options: &Options,
    mut collector: Collector,
    mut problems: Problems,
) -> Result<Imported> {
    for (option, given) in [("min-rating", options.min_rating.is_some()), ("rating-weights", options.rating_weights)] {
        if given && !collector.dataset.has_ratings {
            return Err(Error::Usage { option, reason: "the interactions have no ratings".to_owned() });
        }
    }
    let split = options.split.resolve(collector.has_split, collector.dataset.has_times)?;
    collector.settle_weights(&mut problems)?;
    collector.settle_log(&mut problems)?;
    let num_read = collector.dataset.interactions.len() as u64;
    let num_filtered = collector.drop_low_ratings();
    let unused_relations = collector.drop_unused_relations();
    let (mut dataset, log_path) = (collector.dataset, collector.log_path);
    if dataset.interactions.is_empty() || dataset.triples.is_empty() {
        let what = if dataset.triples.is_empty() { "no triple" } else { "no interaction" };
        problems.bad(directory, 0, Flaw::fatal("empty", format!("{what} is left to make a graph of")))?;
    }
    if split == SplitSpec::Column {
        for line in split::leaks(&mut dataset) {
            let message = "the same user and item as in an earlier part of the log; when lenient it is not held out";
            problems.bad(&log_path, line.into(), Flaw::new("leak", message))?;
        }
        problems.stop_if_strict()?;
    }
    let num_repeated = split::assign(&mut dataset, &split)?;
    let num_records = problems.num_records;
    let (skipped, warnings) = problems.finish(directory)?;
    let num_linked_items = dataset.links.iter().filter(|&&l| l != crate::dataset::NONE).count() as u64;
    let mut built = build::build(dataset)?;
    built.dropped.duplicate_interactions += num_repeated;
    let log = Log { num_read, num_filtered, num_records, num_linked_items };
    let mut report = ImportReport::of(&built, log)?;
    report.format = format;
    report.split = split;
    report.skipped = skipped.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
    report.warnings = warnings;
    report.unused_relations = unused_relations;
    Ok(Imported { built, report })
}
