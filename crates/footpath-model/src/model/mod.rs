//! The decoder-only transformer between the embeddings: pre-norm blocks as in GPT-2 or as in LLaMA.
//!
//! Embedding tables are not part of it. They are as large as the graph, a batch touches few of their rows, and so they
//! are [`Table`](crate::embeddings::Table)s; the trunk sees vectors and returns vectors. Where the tables are
//! factorised, the projections between their width and the trunk's are the trunk's.

mod config;
pub mod engine;
mod trunk;
mod weights;

pub use config::{Activation, Architecture, TrunkConfig};
pub use engine::{Engine, Pass, Stepper, TrunkGradients};
pub use trunk::Trunk;
pub use weights::{Parameter, TrunkWeights};
