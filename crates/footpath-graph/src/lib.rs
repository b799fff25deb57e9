//! The knowledge graph: import, storage, splits, path patterns, exact sampling and audit.

#![deny(
    clippy::indexing_slicing,
    reason = "no input may cause a panic; where an index is safe by construction, say so"
)]

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
pub mod pattern;
pub mod petgraph;
pub mod report;
pub mod sample;
mod sorting;
pub mod split;
pub mod stats;

pub use dataset::Dataset;
pub use error::{Diagnostic, Error, Result};
pub use heldout::{HeldOut, Interaction, Split};
pub use kg::TrainKg;
