//! What can go wrong below the graph: files, artefacts, limits.

use std::path::PathBuf;

/// Result of the core crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure an error is; the command line turns it into the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The machine or the file system failed (exit 1).
    Runtime,
    /// The caller asked for something that makes no sense (exit 2).
    Usage,
    /// The input data is bad (exit 3).
    Input,
    /// An artefact is corrupt, incomplete or of another version or parent (exit 4).
    Artefact,
    /// Whoever asked for the work asked for its end (exit 130 or 143).
    Stopped,
}

/// Errors of the core crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory is not an artefact of the expected kind.
    #[error("{}: not a Footpath {kind}: {reason}", path.display())]
    NotAnArtefact {
        /// The directory.
        path: PathBuf,
        /// `kg`, `corpus`, `model`, …
        kind: &'static str,
        /// What is missing or different.
        reason: String,
    },
    /// An artefact was written in another format version.
    #[error(
        "{}: format version {got}, this tool reads {expected} (written by footpath {tool}); import or train again",
        path.display()
    )]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The version this tool reads.
        expected: u32,
        /// The version found.
        got: u32,
        /// Version of the tool that wrote it.
        tool: String,
    },
    /// A file of an artefact is damaged.
    #[error("{}: {section}: expected {expected}, got {got}; the file is damaged, make it again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        section: String,
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// Two artefacts do not belong together.
    #[error(
        "{}: made from {what} {expected}, but {got} was given; give that one, or make this anew (a model: `footpath \
         adapt` carries it over)",
        path.display()
    )]
    Mismatch {
        /// The artefact that names its parent.
        path: PathBuf,
        /// What kind of parent.
        what: &'static str,
        /// Hash of the parent it was made from.
        expected: String,
        /// Hash of the one given.
        got: String,
    },
    /// The output is already there.
    #[error("{}: already exists", path.display())]
    Exists {
        /// The output directory or file.
        path: PathBuf,
    },
    /// An output would replace an artefact of another kind.
    #[error(
        "{}: a {there} is there, and only another {kind} is replaced by a {kind}; give another place",
        path.display()
    )]
    OtherKind {
        /// The output.
        path: PathBuf,
        /// What was to be written.
        kind: &'static str,
        /// What is there.
        there: &'static str,
    },
    /// An output is an input, contains one, or lies within one.
    #[error(
        "{}: the output may not be, contain or lie within {}, which it would spoil; give another place",
        output.display(),
        input.display()
    )]
    Overlap {
        /// The output.
        output: PathBuf,
        /// The input, or an artefact.
        input: PathBuf,
    },
    /// Another process is writing the same output.
    #[error("{}: another process is writing here (its lock is held)", path.display())]
    Locked {
        /// The output directory.
        path: PathBuf,
    },
    /// A table does not fit in memory.
    #[error("no room in memory for a table of {} MiB", bytes >> 20)]
    OutOfMemory {
        /// Its size.
        bytes: u64,
    },
    /// The system refused the threads to work with.
    #[error("the system refused {number} threads: {source}; ask for fewer")]
    NoThreads {
        /// How many were asked for.
        number: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// Whoever asked for the work asked for its end; nothing half-done is left behind.
    #[error("stopped")]
    Stopped,
    /// A documented limit was passed.
    #[error("{what}: {got} is over the limit of {max}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The limit.
        max: u64,
        /// The number found.
        got: u64,
    },
}

impl Error {
    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Io { .. } | Self::Locked { .. } | Self::OutOfMemory { .. } | Self::NoThreads { .. } => {
                ErrorClass::Runtime
            }
            Self::Stopped => ErrorClass::Stopped,
            Self::Exists { .. } | Self::OtherKind { .. } | Self::Overlap { .. } => ErrorClass::Usage,
            Self::Limit { .. } => ErrorClass::Input,
            Self::NotAnArtefact { .. } | Self::Version { .. } | Self::Corrupt { .. } | Self::Mismatch { .. } => {
                ErrorClass::Artefact
            }
        }
    }

    /// Whether this is no failure but the end that was asked for.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped)
    }

    /// Wraps an I/O error with the path it happened on. A stop that came through a writer is a stop again.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| {
            let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
            if inner.is_some_and(Self::is_stop) { Self::Stopped } else { Self::Io { path, source } }
        }
    }
}

impl From<Error> for std::io::Error {
    /// For work inside of a writer, which can fail with nothing else.
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_comes_through_a_writer() {
        assert!(Error::io("out")(Error::Stopped.into()).is_stop());
        assert!(!Error::io("out")(std::io::Error::other("full")).is_stop());
    }
}
