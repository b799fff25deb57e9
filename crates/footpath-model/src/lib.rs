//! The path language model: learns paths token by token and generates them within the graph.
//!
//! ```
//! use footpath_core::{Device, NodeId, RelationId, Vocabulary};
//! use footpath_model::{ModelConfig, PathModel, Preset, device};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two users, three items, an entity, and two relations in both directions; a path of three hops has seven tokens.
//! let words = Vocabulary { num_relations: 4, num_nodes: 6 };
//! let config = ModelConfig::preset(Preset::Tiny, words.len(), 2..5, 7);
//! let model = PathModel::new(config, 1, &device(&Device::default())?)?;
//!
//! // A user who chose two items goes to one of them. What comes next? At each place every token has a logit.
//! let (user, first) = (words.node(NodeId(0)), words.node(NodeId(2)));
//! let mut inputs = model.prompt(user, &[2, 4]);
//! inputs.extend(model.embed(&[words.relation(RelationId::INTERACTED).0, first.0]));
//! let logits = model.logits(inputs);
//! assert_eq!((logits.len(), logits[2].len()), (3, words.len()));
//! # Ok(())
//! # }
//! ```
//!
//! A path `user, relation, item, relation, entity, relation, item` is a sentence. A small decoder-only transformer
//! ([`model`]) learns to continue it; the softmax at every token runs over the *legal* continuations only
//! ([`legal_softmax`]), in training and in generation alike. [`decode`] searches the graph with it and scores every
//! item by the probability of ending there.
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
mod pace;
pub mod path_model;
mod position;
mod trainer;
pub mod training;
mod weights;

pub use checkpoint::Checkpoints;
pub use config::{Design, ModelConfig, Preset, Tables, TrainingConfig};
pub use decode::{Recommender, SearchOptions, Workspace};
pub use device::{Device, device};
pub use error::{Error, Result};
pub use linear::Linear;
pub use path_model::PathModel;
pub use position::{Position, TrainingProgress};
pub use trainer::Trainer;
pub use training::{Ending, Observer};
