//! `import`: from files to a knowledge-graph artefact.

use crate::error::Result;
use footpath_core::{Context, Manifest, Replace, artefact};
use footpath_graph::import::ImportReport;
use std::path::Path;

pub use footpath_graph::import::{Columns, Format, MaxBad, MinInteractions, Options, RatedAgain, Spelling};
pub use footpath_graph::split::{Ratios, SplitSpec};

/// Most bytes of names in the report of a manifest, which is far below the limit of a manifest.
const MAX_REPORT_BYTES: usize = 256 << 10;

/// Imports `source` and publishes the graph at `out`.
///
/// # Errors
/// Bad input with file and line, an output that exists, a disk that refuses, somebody who asks for the end; nothing is left behind then.
pub fn run(
    source: &Path,
    out: &Path,
    options: &Options,
    replace: Replace,
    context: &Context,
) -> Result<(ImportReport, Manifest)> {
    artefact::refuse_existing(out, replace)?;
    context.run(|| {
        let imported = footpath_graph::import::import(source, options, context)?;
        let config = serde_json::json!({ "options": options, "report": imported.report.bounded(MAX_REPORT_BYTES) });
        let manifest = imported.built.publish(out, replace, config, context)?;
        Ok((imported.report, manifest))
    })?
}
