//! `import`: from files to a knowledge-graph artefact.

use crate::error::Result;
use crate::text::lines;
use footpath_core::{ArtefactKind, Context, Manifest, Replace, artefact};
use footpath_graph::import::Imported as Found;
pub use footpath_graph::import::{
    Attribute, Columns, CutReport, DatasetBuilder, Entity, Event, Explained, FactsReport, FileNumber, Finding, Format,
    ImportReport, Inputs, Interaction, Item, MISSING_WORDS, Mapping, MaxBad, MinInteractions, Node, Options, Planned,
    RatedAgain, Ratings, Relation, Severity, Source, Spelling, Triple, User,
};
pub use footpath_graph::report::GraphReport;
pub use footpath_graph::split::{Ratios, SplitSpec, tie_key};
use std::path::Path;

/// What an import made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What was found.
    pub report: ImportReport,
    /// What was published.
    pub manifest: Manifest,
}

/// Most bytes of a file that says what columns are called.
const MAX_COLUMNS_BYTES: usize = 1 << 20;

/// Reads what the files call their columns from TOML, as [`Columns::from_toml`].
///
/// # Errors
/// What is wrong with the file; [`footpath_core::Error::Io`].
pub fn read_columns(path: &Path) -> Result<Columns> {
    Ok(Columns::from_toml(&lines::whole(path, MAX_COLUMNS_BYTES)?)?)
}

/// Imports `source` and publishes the graph at `out`.
///
/// # Errors
/// Bad input with file and line, an output that exists, a disk that refuses, [`footpath_core::Error::Stopped`]; nothing
/// is left behind then.
pub fn run(source: &Path, out: &Path, options: &Options, replace: Replace, context: &Context) -> Result<Imported> {
    run_from(&Inputs::from(source), out, options, replace, context)
}

/// Says what an import would read as what, and writes nothing.
///
/// # Errors
/// As [`run`], for what is told without reading records.
pub fn explain(inputs: &Inputs, options: &Options) -> Result<Explained> {
    Ok(footpath_graph::import::explain(inputs, options)?)
}

/// Imports what may lie in several places and publishes the graph at `out`.
///
/// # Errors
/// As [`run`].
pub fn run_from(
    inputs: &Inputs,
    out: &Path,
    options: &Options,
    replace: Replace,
    context: &Context,
) -> Result<Imported> {
    artefact::refuse_existing(out, ArtefactKind::Kg, replace)?;
    let import = || {
        let imported = footpath_graph::import::import_from(inputs, options, context)?;
        publish(imported, out, replace, context)
    };
    context.run(import)?
}

/// Imports records from memory, which a [`DatasetBuilder`] made with the same `options` has taken, and publishes the
/// graph at `out`.
///
/// # Errors
/// As [`run`].
pub fn from_records(
    records: DatasetBuilder,
    out: &Path,
    options: &Options,
    replace: Replace,
    context: &Context,
) -> Result<Imported> {
    artefact::refuse_existing(out, ArtefactKind::Kg, replace)?;
    let import = || {
        let options = Options { format: options.format, ..records.options().clone() };
        publish(Found { options, ..records.finish(context)? }, out, replace, context)
    };
    context.run(import)?
}

fn publish(imported: Found, out: &Path, replace: Replace, context: &Context) -> Result<Imported> {
    let config = serde_json::json!({ "options": imported.options, "report": imported.report });
    let manifest = imported.built.publish(out, replace, config, context)?;
    Ok(Imported { report: imported.report, manifest })
}
