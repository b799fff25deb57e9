//! How a verb can fail, with which words, and with which exit status.

use crate::text::{tame, with_flags};
use footpath::{CoreError, Error, ErrorClass};
use std::io;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A verb failed.
    Verb(Error),
    /// A server does not start.
    Serve(footpath_server::ServeError),
    /// Standard output or an output file refused.
    Output(io::Error),
    /// A check found what it looks for.
    Found(String),
}

impl Failure {
    /// What to tell the user; nothing when whoever read our output has gone away.
    pub(crate) fn message(&self) -> Option<String> {
        self.plain_message().map(|message| tame(&with_flags(&message)))
    }

    fn plain_message(&self) -> Option<String> {
        match self {
            Self::Verb(error) if error.class() == ErrorClass::Stopped => Some("interrupted".to_owned()),
            Self::Verb(error) => Some(match hint(error) {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            }),
            Self::Serve(error) => Some(error.to_string()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(error) => Some(format!("standard output: {error}")),
            Self::Found(what) => Some(what.clone()),
        }
    }

    /// 0 for a closed pipe, 1 runtime, 2 usage, 3 input data, 4 artefact, 130 or 143 after a signal.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 1,
            Self::Found(_) => 3,
            Self::Verb(error) => status_of(error.class()),
            Self::Serve(error) => status_of(error.class()),
        }
    }
}

fn status_of(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Runtime => 1,
        ErrorClass::Usage => 2,
        ErrorClass::Input => 3,
        ErrorClass::Artefact => 4,
        ErrorClass::Stopped => crate::signals::exit_code(),
    }
}

/// What to type instead: libraries name facts, and only the command line knows its options.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Core(CoreError::Exists { .. }) => Some("give another --out or --force to replace it"),
        Error::Unfinished { .. } => Some("give --resume to go on or --restart to discard it"),
        Error::OtherRun { .. } => Some("give the same, or --restart to discard it"),
        Error::NothingHeldOut { .. } => Some(
            "`footpath info` says how it was split; import with --split leave-one-out, or with a smaller --min-history",
        ),
        _ => None,
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        match error.into() {
            Error::Sink(source) => output(source),
            // What a verb said while it wrote into a file is that again.
            Error::Core(CoreError::Io { path, source }) => match source.downcast::<Error>() {
                Ok(error) => Self::Verb(error),
                Err(source) => Self::Verb(CoreError::Io { path, source }.into()),
            },
            error => Self::Verb(error),
        }
    }
}

/// Marks an I/O error as one of our own output. What a verb said, or a stop, that came through a writer is that again.
pub(crate) fn output(error: io::Error) -> Failure {
    let error = match error.downcast::<Error>() {
        Ok(error) => return Failure::Verb(error),
        Err(error) => error,
    };
    match CoreError::io("standard output")(error) {
        CoreError::Io { source, .. } => Failure::Output(source),
        stopped => Failure::Verb(stopped.into()),
    }
}
