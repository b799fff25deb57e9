//! `export-graph`: a graph in forms from which it can be imported again, or that other programs read.

use crate::artefacts::kg::Kg;
use crate::error::Result;
use footpath_core::{ArtefactKind, ArtefactWriter, Context, Replace, artefact};
use footpath_graph::Split;
pub use footpath_graph::export::GraphFormat;
use footpath_graph::export::{HeldOutParts, write_graph};
use std::path::Path;

/// Writes a graph, with what is held out of it, into a folder at `out`; the number of facts.
///
/// # Errors
/// An output that exists, a disk that refuses, a stop, a graph that has what the format cannot say; nothing is left
/// behind then.
pub fn run(kg: &Kg, out: &Path, format: GraphFormat, replace: Replace, context: &Context) -> Result<u64> {
    artefact::refuse_existing(out, ArtefactKind::Dataset, replace)?;
    let interactions = [kg.held_out(Split::Valid)?, kg.held_out(Split::Test)?];
    let facts = [kg.held_out_facts(Split::Valid)?, kg.held_out_facts(Split::Test)?];
    let held_out = HeldOutParts { interactions: interactions.each_ref(), facts: facts.each_ref() };
    let mut folder = ArtefactWriter::create(out, ArtefactKind::Dataset, replace)?;
    let num_facts = write_graph(kg, held_out, format, context, &mut folder)?;
    let parents = [("kg".to_owned(), kg.content_hash().to_owned())].into();
    folder.publish(parents, serde_json::json!({ "facts": num_facts, "format": format }))?;
    Ok(num_facts)
}
