//! What can go wrong with an evaluation: a bad recommendations file, options out of range.

use footpath_core::ErrorClass;

/// Result of the evaluation crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of the evaluation crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The work was stopped, or the machine refused.
    #[error(transparent)]
    Core(#[from] footpath_core::Error),
    /// The graph, a file of it, or a recommendations file that is bad input
    /// ([`footpath_graph::Error::Import`], with file and line).
    #[error(transparent)]
    Graph(#[from] footpath_graph::Error),
    /// A number is out of its range.
    #[error("{option}: expected {min} to {max}, got {got}")]
    Range {
        /// The option as the command line calls it, without dashes.
        option: &'static str,
        /// Smallest value allowed.
        min: usize,
        /// Largest value allowed.
        max: usize,
        /// The value given.
        got: usize,
    },
    /// Something would need more memory than anybody should be surprised by.
    #[error("{what}: at most {max} {unit}, got {got}, which would take {} GB", bytes / 1_000_000_000)]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Most rows or columns of its matrix.
        max: usize,
        /// Those it would need.
        got: usize,
        /// What is counted.
        unit: &'static str,
        /// Memory that would take, in bytes.
        bytes: u64,
    },
    /// Two results cannot be compared user by user.
    #[error("compare: the two results are over different users ({left} and {right}); evaluate both on the same split")]
    Unpaired {
        /// Users of the first result.
        left: usize,
        /// Users of the second.
        right: usize,
    },
}

impl Error {
    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Core(e) => e.class(),
            Self::Graph(e) => e.class(),
            Self::Range { .. } | Self::TooLarge { .. } | Self::Unpaired { .. } => ErrorClass::Usage,
        }
    }
}

/// Checks that an option lies in its range.
pub(crate) fn check_range(option: &'static str, got: usize, min: usize, max: usize) -> Result<()> {
    if (min..=max).contains(&got) { Ok(()) } else { Err(Error::Range { option, min, max, got }) }
}
