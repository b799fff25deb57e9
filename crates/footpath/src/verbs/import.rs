//! `import`: from files to a knowledge-graph artefact.

use crate::error::Result;
use footpath_core::{ArtefactKind, Context, Manifest, Replace, artefact};
pub use footpath_graph::import::{
    Columns, Explained, FactsReport, Format, ImportReport, Inputs, Mapping, MaxBad, MinInteractions, Options, Planned,
    RatedAgain, Severity, Spelling,
};
pub use footpath_graph::report::GraphReport;
pub use footpath_graph::split::{Ratios, SplitSpec};
use std::path::Path;

/// What an import made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What was found.
    pub report: ImportReport,
    /// What was published.
    pub manifest: Manifest,
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
        let config = serde_json::json!({ "options": options, "report": imported.report });
        let manifest = imported.built.publish(out, replace, config, context)?;
        Ok(Imported { report: imported.report, manifest })
    };
    context.run(import)?
}
