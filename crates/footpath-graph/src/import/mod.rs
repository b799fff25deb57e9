//! Import: from files or from memory to a graph in memory.
//!
//! ```no_run
//! use footpath_core::Context;
//! use footpath_graph::import::{self, Options};
//!
//! let imported = import::import("data/films".as_ref(), &Options::default(), &Context::default())?;
//! println!("{} items", imported.report.graph.num_items);
//! # Ok::<(), footpath_graph::Error>(())
//! ```
//!
//! Whatever the source, records go to one place ([`DatasetBuilder`]) that checks, filters and splits them, builds the
//! graph and writes the report. The readers of files stand in front of it, one file for each format (`native`,
//! `recbole`, `kgat`, …); a new format is a new file beside them and a line in `formats`.
//!
//! Files are read once, as a stream, within the limits below, and never mapped into memory. A strict import (the
//! default) fails on any bad record, with up to 100 diagnostics; a lenient one skips bad records and counts them by
//! kind, up to a share.
//!
//! | limit | value |
//! |---|---|
//! | record | [`MAX_LINE_BYTES`] |
//! | field | [`MAX_FIELD_BYTES`] |
//! | columns | [`MAX_COLUMNS`] |
//! | name | [`MAX_NAME_BYTES`] |
//! | files | [`MAX_FILES`] |
//! | attributes | [`MAX_ATTRIBUTES`](crate::attributes::MAX_ATTRIBUTES) |
//! | unpacked bytes for each packed byte | [`MAX_EXPANSION`] |
//! | entity types | [`MAX_TYPES`] |
//! | nodes, relations | [`MAX_NODES`](crate::dataset::MAX_NODES), [`MAX_RELATIONS`](crate::dataset::MAX_RELATIONS) |

mod arrow;
mod attributes;
mod base;
mod builder;
mod collector;
mod columns;
mod cut;
mod feed;
mod field;
mod findings;
mod finish;
mod folder;
mod formats;
mod further;
mod gathered;
mod held_out_facts;
mod inputs;
mod inverses;
mod join;
mod kgat;
mod lines;
mod log;
mod log_alone;
mod mapped_items;
mod mapping;
mod meeting;
mod missing;
mod missing_values;
mod native;
mod neo4j;
#[cfg(feature = "rdf")]
mod ntriples;
mod numbers;
mod openke;
mod options;
mod origins;
mod parquet_rows;
mod pearlm;
mod pgpr;
mod problems;
mod pykeen;
mod ratings;
#[cfg(feature = "rdf")]
mod rdf;
mod reading;
mod recbole;
mod record;
mod records;
mod relation_names;
mod removed;
mod report;
mod restated;
mod rows;
mod settle;
mod source;
mod spelling;
mod table;
mod tables;
pub(crate) mod times;
mod titles;
mod users;
mod values;

use crate::error::Result;
use footpath_core::Context;
use std::path::Path;

pub use builder::DatasetBuilder;
pub use collector::MAX_TYPES;
pub use columns::Columns;
pub use cut::CutReport;
pub use findings::{Example, Finding, Severity};
pub use held_out_facts::FactsReport;
pub use inputs::{Event, Explained, Inputs, Planned, explain, import_from};
pub use log_alone::{Chosen, read_log};
pub use mapping::{ItemId, MAX_MAPPING_BYTES, Mapping, MatchedBy, PLAIN_NAMES};
pub use meeting::Meeting;
pub use missing::WORDS as MISSING_WORDS;
pub use options::{Format, MinInteractions, Options, RatedAgain};
pub use origins::MAX_FILES;
pub use problems::{MaxBad, Warning};
pub use ratings::{Bar, Ratings};
pub use recbole::MAX_PREFIXES;
pub use record::{MAX_COLUMNS, MAX_FIELD_BYTES};
pub use records::{Attribute, Entity, FileNumber, Interaction, Item, Node, Relation, Source, Triple, User};
pub use report::{ImportReport, Imported, LastLines, Log};
pub use source::{FREE_EXPANSION_BYTES, MAX_EXPANSION};
pub use spelling::Spelling;
pub use table::MAX_LINE_BYTES;
pub use titles::{titles_of_entities, titles_of_items};
pub use values::MAX_NAME_BYTES;
#[cfg(feature = "parquet")]
pub(crate) use values::flaw_of_name;

/// Imports the folder `directory`.
///
/// # Errors
/// [`Error::Import`](crate::Error::Import) for bad input, [`Error::Usage`](crate::Error::Usage) for options that do not
/// fit it, [`Error::Core`](crate::Error::Core) when a file cannot be read or somebody asked for the end.
pub fn import(directory: &Path, options: &Options, context: &Context) -> Result<Imported> {
    import_from(&Inputs::from(directory), options, context)
}
