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
    /// There is nothing to judge lists by.
    #[error("nothing_held_out: {part} of this graph holds no interaction, so there is nothing to judge lists by")]
    NothingHeldOut {
        /// The part that was asked for.
        part: &'static str,
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
    /// Parts do not make up a whole.
    #[error("{}: {reason}", listed(parts))]
    Parts {
        /// The parts that it shows at.
        parts: Vec<std::path::PathBuf>,
        /// What is wrong with them.
        reason: String,
    },
    /// An unfinished run is where a new one should begin.
    #[error("{}: holds an unfinished run", path.display())]
    Unfinished {
        /// Its directory.
        path: std::path::PathBuf,
    },
    /// An unfinished run is not of what is asked for.
    #[error("{}: the unfinished run there has other {what}", path.display())]
    OtherRun {
        /// Its directory.
        path: std::path::PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// Whoever takes the output refuses it.
    #[error(transparent)]
    Sink(#[from] std::io::Error),
    /// Options that make no sense together or are out of range.
    #[error("{option}: {reason}")]
    Usage {
        /// The option as the command line calls it, without dashes.
        option: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

/// Paths one after the other, the first ones of many.
fn listed(paths: &[std::path::PathBuf]) -> String {
    const NAMED: usize = 8;
    let mut named: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    if paths.len() > NAMED {
        named.push(format!("{} more", paths.len() - NAMED));
    }
    named.join(", ")
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
            Self::Parts { .. } => ErrorClass::Artefact,
            Self::ColdUser { .. } | Self::NothingHeldOut { .. } | Self::History { .. } | Self::BadFile { .. } => {
                ErrorClass::Input
            }
            Self::Usage { .. } | Self::Unfinished { .. } | Self::OtherRun { .. } => ErrorClass::Usage,
            Self::Sink(_) => ErrorClass::Runtime,
        }
    }
}

impl From<Error> for std::io::Error {
    /// For work inside of a writer, which can fail with nothing else.
    fn from(error: Error) -> Self {
        match error {
            Error::Sink(source) => source,
            Error::Core(error) => error.into(),
            other => Self::other(other),
        }
    }
}
