//! What an import found when it looked at the whole: things that are right record by record and odd together.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something was done that is worth knowing.
    Note,
    /// Something may not be as it was meant.
    Warning,
    /// Figures or reasons will not mean what they seem to.
    Serious,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Serious => "serious",
        })
    }
}

/// A place that shows what a finding means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What stands there.
    pub text: String,
    /// Name of the file; empty for what came from none.
    pub file: String,
    /// Line, from 1; 0 where there is none.
    pub line: u64,
}

/// Something worth knowing of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Short stable name, such as `ids_do_not_meet`.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// Number of cases.
    pub count: u64,
    /// What was seen and what was done.
    pub message: String,
    /// One place of each side.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// What to do about it: an option as it is written, or words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub way_out: String,
}

impl Finding {
    pub(super) fn new(kind: &str, severity: Severity, count: u64, message: impl Into<String>) -> Self {
        let (kind, message) = (kind.to_owned(), message.into());
        Self { kind, severity, count, message, examples: Vec::new(), way_out: String::new() }
    }

    pub(super) fn example(mut self, example: Example) -> Self {
        self.examples.push(example);
        self
    }

    pub(super) fn way_out(mut self, words: impl Into<String>) -> Self {
        self.way_out = words.into();
        self
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        for (number, Example { text, file, line }) in self.examples.iter().enumerate() {
            write!(f, "{}`{text}`", if number == 0 { " (" } else { ", " })?;
            if !file.is_empty() {
                write!(f, " in {file}:{line}")?;
            }
        }
        f.write_str(if self.examples.is_empty() { "" } else { ")" })?;
        if self.way_out.is_empty() { Ok(()) } else { write!(f, "; {}", self.way_out) }
    }
}
