//! How a verb can fail, and with which exit status.

use footpath::ErrorClass;
use std::io;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A verb failed.
    Verb(footpath::Error),
    /// Standard output or an output file refused.
    Output(io::Error),
    /// Stopped by a signal, cleanly.
    Interrupted,
    /// A check found what it looks for.
    Found(String),
}

impl Failure {
    /// What to tell the user; nothing when whoever read our output has gone away.
    pub(crate) fn message(&self) -> Option<String> {
        self.plain_message().map(|message| tame(&message))
    }

    fn plain_message(&self) -> Option<String> {
        match self {
            Self::Verb(error) => Some(error.to_string()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(error) => Some(format!("standard output: {error}")),
            Self::Interrupted => Some("interrupted".to_owned()),
            Self::Found(what) => Some(what.clone()),
        }
    }

    /// 0 for a closed pipe, 1 runtime, 2 usage, 3 input data, 4 artefact, 130 or 143 after a signal.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 1,
            Self::Interrupted => crate::signals::exit_code(),
            Self::Found(_) => 3,
            Self::Verb(error) => match error.class() {
                ErrorClass::Runtime => 1,
                ErrorClass::Usage => 2,
                ErrorClass::Input => 3,
                ErrorClass::Artefact => 4,
                ErrorClass::Stopped => crate::signals::exit_code(),
            },
        }
    }
}

/// A message that cannot drive a terminal, wherever its words come from: file names, manifests, arguments.
fn tame(message: &str) -> String {
    let mut tamed = String::with_capacity(message.len());
    for c in message.chars() {
        let keep = c == '\n' || !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if keep { tamed.push(c) } else { tamed.extend(c.escape_default()) }
    }
    tamed
}

impl<E: Into<footpath::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Verb(error.into())
    }
}

/// Marks an I/O error as one of our own output.
pub(crate) fn output(error: io::Error) -> Failure {
    Failure::Output(error)
}
