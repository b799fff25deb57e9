//! The knowledge graph: import, storage, splits, path patterns, exact sampling and audit.
//!
//! ```
//! use footpath_graph::{Dataset, build::build, pattern::Pattern};
//!
//! # fn main() -> footpath_graph::Result<()> {
//! let mut data = Dataset::default();
//! for film in ["Alien", "Blade Runner"] {
//!     data.link(film, film); // an item and its entity are one node
//!     data.fact(film, "directed_by", "Ridley Scott");
//! }
//! data.interact("ann", "Alien");
//! let kg = build(data)?.train_kg()?;
//!
//! // A hop goes along a fact in either direction; `~` is the inverse of a relation.
//! let scott = kg.node("entity:Ridley Scott")?;
//! let hop = |(relation, node)| format!("{} {}", kg.relation_name(relation), kg.node_name(node));
//! let hops: Vec<String> = kg.arcs(scott).iter().map(hop).collect();
//! assert_eq!(hops, ["~directed_by item:Alien", "~directed_by item:Blade Runner"]);
//!
//! // A pattern says which paths are meant. Here there is one from Ann: to Blade Runner, through its director.
//! let pattern = Pattern::parse("(:user)-[:interacted]->(:item)-[]-(:entity)-[]-(:item)", &kg)?;
//! assert_eq!((pattern.min_hops(), pattern.max_hops()), (3, 3));
//! # Ok(())
//! # }
//! ```
//!
//! [`import`] and [`build`](mod@build) make a graph, [`kg`] stores it, [`sample`] draws paths by exact laws, [`legal`]
//! says which hops still lead to a wanted end, [`audit`] checks what was drawn, and [`export`] writes it for others.

#![deny(
    clippy::indexing_slicing,
    reason = "no input may cause a panic; where an index is safe by construction, say so"
)]

pub mod aliases;
pub mod attributes;
pub mod audit;
pub mod build;
pub mod dataset;
pub mod error;
pub mod export;
pub mod heldout;
pub mod import;
pub mod interner;
pub mod kg;
pub mod legal;
pub mod link;
#[cfg(feature = "parquet")]
mod parquet_files;
pub mod path_counts;
pub mod pattern;
pub mod petgraph;
pub mod report;
pub mod sample;
mod sorting;
pub mod split;
pub mod stats;
#[cfg(feature = "parquet")]
pub mod tables;

pub use attributes::{Attribute, AttributeKind};
pub use dataset::Dataset;
pub use error::{Diagnostic, Error, Result};
pub use heldout::{HeldOut, HeldOutFact, HeldOutFacts, Interaction, Split};
pub use kg::TrainKg;
