//! Everything a verb can fail with, and the exit status it stands for.

use footpath_core::ErrorClass;

/// Result of a verb.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of the verbs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Files and artefacts.
    #[error(transparent)]
    Core(#[from] footpath_core::Error),
    /// Input data, patterns, graph.
    #[error(transparent)]
    Graph(#[from] footpath_graph::Error),
    /// Model, training, search.
    #[error(transparent)]
    Model(#[from] footpath_model::Error),
    /// Evaluation.
    #[error(transparent)]
    Eval(#[from] footpath_eval::Error),
    /// A user without train interactions.
    #[error("cold_user: {user} has no train interaction, so no path starts there; give another user")]
    ColdUser {
        /// The user, as written in output.
        user: String,
    },
    /// A history of a user the graph does not know is empty or names what is not there.
    #[error("{place}: bad_history: {reason}")]
    History {
        /// The option, or file and line.
        place: String,
        /// What is wrong and what to give instead.
        reason: String,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong, with the line where there is one.
        reason: String,
    },
    /// Options that make no sense together or are out of range.
    #[error("{option}: {reason}")]
    Usage {
        /// The option as the command line calls it, without dashes.
        option: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

impl Error {
    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Core(e) => e.class(),
            Self::Graph(e) => e.class(),
            Self::Model(e) => e.class(),
            Self::Eval(e) => e.class(),
            Self::ColdUser { .. } | Self::History { .. } | Self::BadFile { .. } => ErrorClass::Input,
            Self::Usage { .. } => ErrorClass::Usage,
        }
    }
}
