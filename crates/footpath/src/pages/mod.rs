//! Pages and pictures for people.

pub mod corpus;
pub(crate) mod curve;
pub mod evaluation;
pub mod masses;
