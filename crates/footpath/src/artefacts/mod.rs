//! What lies on disk between two verbs.

pub(crate) mod blend_weights;
pub(crate) mod kg;
pub(crate) mod model;
pub(crate) mod model_card;
pub(crate) mod origin;
