//! What is served, told by its content.

/// Hashes of what is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) model: String,
    pub(crate) beside: Option<String>,
    pub(crate) graph: String,
}
