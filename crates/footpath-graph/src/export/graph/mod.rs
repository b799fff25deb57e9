//! A whole graph, with what is held out of it, in forms from which it can be made again or that other programs read.
//!
//! Each form is one file here that says how it writes nodes, facts and interactions; what there is to write, and in
//! which order, is said once, by [`Whole`].

mod format;
mod graphml;
#[cfg(feature = "rdf")]
mod ntriples;
mod petgraph_json;
pub(super) mod rows;
mod tables;
mod whole;

pub use format::GraphFormat;
pub use whole::HeldOutParts;

use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::{ArtefactWriter, Context};
use rows::TableForm;
use whole::Whole;

/// Writes a graph and what is held out of it into an artefact in the making; the number of facts.
///
/// # Errors
/// What the artefact says; [`footpath_core::Error::Stopped`]; [`Error::Usage`](crate::Error::Usage) for a graph with
/// more than the format can hold.
pub fn write_graph(
    kg: &TrainKg,
    held_out: HeldOutParts<'_>,
    format: GraphFormat,
    context: &Context,
    folder: &mut ArtefactWriter,
) -> Result<u64> {
    let whole = Whole::new(kg, held_out, context);
    match format {
        GraphFormat::Tables => tables::write(&whole, TableForm::Tsv, folder)?,
        GraphFormat::Csv => tables::write(&whole, TableForm::Csv, folder)?,
        GraphFormat::Parquet => tables::write(&whole, parquet()?, folder)?,
        #[cfg(feature = "rdf")]
        GraphFormat::Ntriples => ntriples::write(&whole, folder)?,
        #[cfg(not(feature = "rdf"))]
        GraphFormat::Ntriples => return Err(not_built("RDF", "rdf")),
        GraphFormat::Graphml => folder.add("graph.graphml", |out| graphml::write(&whole, out))?,
        GraphFormat::PetgraphJson => folder.add("graph.json", |out| petgraph_json::write(&whole, out))?,
    }
    whole.num_facts()
}

#[cfg(feature = "parquet")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is no such form")]
fn parquet() -> Result<TableForm> {
    Ok(TableForm::Parquet)
}

#[cfg(not(feature = "parquet"))]
fn parquet() -> Result<TableForm> {
    Err(not_built("Parquet", "parquet"))
}

#[cfg(not(all(feature = "parquet", feature = "rdf")))]
fn not_built(what: &str, feature: &str) -> crate::Error {
    crate::Error::Usage {
        option: "format",
        reason: format!("this program was built without {what} (feature `{feature}`)"),
    }
}
