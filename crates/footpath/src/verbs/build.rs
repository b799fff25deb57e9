//! `build`: from sorted tables, which an engine made, to a knowledge-graph artefact.

use crate::error::Result;
use footpath_core::{Context, Manifest, Replace};
pub use footpath_graph::tables::{
    CountedType, LAYOUT_FILE, LAYOUT_VERSION, Layout, MAX_LAYOUT_BYTES, NamedRelation, TablesReport,
};
use std::path::Path;

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// How much of what there is.
    pub report: TablesReport,
    /// What was published.
    pub manifest: Manifest,
}

/// Builds a graph of the sorted tables in `folder` and publishes it at `out`, in memory for a block of rows. The layout
/// of the tables is in [`footpath_graph::tables`].
///
/// # Errors
/// What is wrong with the tables, with file and row; an output that exists, a disk that refuses,
/// [`footpath_core::Error::Stopped`]. Nothing is left behind then.
pub fn run(folder: &Path, out: &Path, replace: Replace, context: &Context) -> Result<Built> {
    let (report, manifest) = footpath_graph::tables::build(folder, out, replace, context)?;
    Ok(Built { report, manifest })
}
