//! Footpath: from a knowledge graph and a log of who chose what to recommendations that explain themselves.
//!
//! One module for each verb; the command line, and whatever else comes, is a thin layer over these. Verbs take what is
//! open already ([`Kg`], [`Service`]) and a [`Context`], which says how many threads work, on which device, who is told
//! how far it is, and how it is stopped.
//!
//! ```no_run
//! use footpath::{Context, Kg, Service, import, recommend, train};
//! use std::path::Path;
//!
//! # fn main() -> footpath::Result<()> {
//! let context = Context::default();
//! let (kg_dir, model_dir) = (Path::new("kg"), Path::new("model"));
//! import::run(Path::new("data/films"), kg_dir, &import::Options::default(), Default::default(), &context)?;
//! let kg = Kg::open(kg_dir, &context)?;
//! train::run(&kg, model_dir, &train::Options::default(), &mut |_| {}, &context)?;
//! let service = Service::open(model_dir, kg_dir, &context)?;
//! let user = service.warm_user("user-001")?;
//! let request = service.request(Vec::new());
//! for item in &request.recommend(&[user], recommend::Options::default(), &context)?[0].items {
//!     println!("{}  {}", item.label, item.text);
//! }
//! # Ok(())
//! # }
//! ```

mod artefacts;
mod error;
pub mod pages;
mod service;
pub mod text;
mod verbs;

pub use artefacts::kg::{Kg, KgSummary};
pub use artefacts::model::{Model, StoredModel};
pub use artefacts::model_card::ModelCard;
pub use artefacts::origin::Origin;
pub use error::{Error, Result};
pub use footpath_core::Error as CoreError;
pub use footpath_core::{
    ArtefactKind, Context, Device, ErrorClass, KindId, NodeId, NodeSet, Path, Progress, RelationId, Replace, Stage,
    Stop, Threads, TokenId, Triple, TypeId, artefact, last_words,
};
pub use footpath_graph::attributes::{date as attribute_date, written_date as attribute_date_written};
pub use footpath_graph::{Attribute, AttributeKind, Split, TrainKg};
pub use service::{DIRECT, Service};
#[cfg(feature = "parquet")]
pub use verbs::build;
pub use verbs::{
    adapt, audit, check, concat, corpus, draws, evaluate, export_graph, hugging_face, import, link, logits, metapaths,
    paths, pattern, recommend, replay, sample, similar, train, tune, verify,
};
