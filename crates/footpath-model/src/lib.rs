//! The path language model: learns paths token by token and generates them within the graph.
//!
//! A path `user, relation, item, relation, entity, relation, item` is a sentence. A small decoder-only transformer ([`model`]) on
//! [burn](https://burn.dev) learns to continue it; the softmax at every token runs over the *legal* continuations only
//! ([`legal_softmax`]), in training and in generation alike. [`decode`] searches the graph with it and scores every item by the
//! probability of ending there.
//!
//! The crate does not know the graph: it sees [`LegalSuccessors`](footpath_core::LegalSuccessors).

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod decode;
mod dense_softmax;
mod device;
pub mod dropout;
pub mod embeddings;
pub mod error;
pub mod hugging_face;
mod kernels;
pub mod layout;
pub mod legal_softmax;
pub mod linear;
pub mod loss;
pub mod model;
pub mod numbers;
pub mod optimizer;
pub mod path_model;
pub mod training;
mod weights;

pub use checkpoint::Checkpoints;
pub use config::{Design, ModelConfig, Preset, Tables, TrainingConfig};
pub use decode::{Recommender, SearchOptions, Workspace};
pub use device::{Device, device};
pub use error::{Error, Result};
pub use linear::Linear;
pub use path_model::PathModel;
pub use training::{Ending, Observer, Trainer, TrainingProgress};
