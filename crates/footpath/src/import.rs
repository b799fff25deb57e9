//! `import`: from files to a knowledge-graph artefact.

use crate::error::Result;
use footpath_core::{ArtefactKind, Manifest, Replace, artefact};
use footpath_graph::report::ImportReport;
use std::path::Path;

pub use footpath_graph::import::{Format, MaxBad, Options, Step};
pub use footpath_graph::split::{Ratios, SplitSpec};

/// Imports `source` and publishes the graph at `out`. `progress` is called every few thousand records.
///
/// # Errors
/// Bad input with file and line, an output that exists, a disk that refuses; nothing is left behind then.
pub fn run(
    source: &Path,
    out: &Path,
    options: &Options,
    replace: Replace,
    progress: &dyn Fn(Step<'_>),
) -> Result<(ImportReport, Manifest)> {
    artefact::refuse_existing(out, ArtefactKind::Kg, replace)?;
    let imported = footpath_graph::import::import(source, options, progress)?;
    let config = serde_json::json!({ "options": options, "report": imported.report });
    let manifest = imported.built.publish(out, replace, config)?;
    Ok((imported.report, manifest))
}
