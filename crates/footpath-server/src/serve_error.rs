//! Why a server does not start.

use crate::events::LogError;
use crate::snapshot::OpenError;
use footpath::ErrorClass;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start, or does not take over another state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Graph or model.
    #[error(transparent)]
    Footpath(#[from] footpath::Error),
    /// A configuration, table or file of tokens.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// A rule of the configuration.
    #[error("{0}")]
    Rules(String),
    /// Everybody who reaches the address could do everything.
    #[error(
        "{address}: others than this machine could ask for anything; give --token-file FILE, or --insecure if that is \
         meant"
    )]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error("{address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What it said.
        source: std::io::Error,
    },
    /// The folder of the events.
    #[error("{}: {source}", folder.display())]
    Events {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        source: LogError,
    },
    /// The system refuses threads.
    #[error("threads: {0}")]
    Threads(std::io::Error),
    /// An agent does not begin as the protocol says.
    #[error("standard input: {0}")]
    Agent(String),
}

impl From<OpenError> for ServeError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Footpath(error) => Self::Footpath(error),
            OpenError::Rules(error) => Self::Rules(error.to_string()),
        }
    }
}

impl ServeError {
    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Footpath(error) => error.class(),
            Self::Config { .. } | Self::Rules(_) | Self::Agent(_) => ErrorClass::Input,
            Self::Open { .. } => ErrorClass::Usage,
            Self::Events { source: LogError::Damaged { .. }, .. } => ErrorClass::Artefact,
            Self::Listen { .. } | Self::Events { .. } | Self::Threads(_) => ErrorClass::Runtime,
        }
    }
}
