//! What can go wrong with the graph: bad input, bad patterns, unknown names, damaged artefacts.

use footpath_core::ErrorClass;
use std::fmt;
use std::path::PathBuf;

/// Result of the graph crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Most diagnostics kept of one import; the rest are counted.
pub const MAX_DIAGNOSTICS: usize = 100;
/// Most bytes of offending text shown in a message.
pub const MAX_SHOWN_BYTES: usize = 200;
/// Most characters of a pattern shown before the trouble.
const MAX_SHOWN_BEFORE: usize = 120;

/// Errors of the graph crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, artefact or limit of the core crate.
    #[error(transparent)]
    Core(#[from] footpath_core::Error),
    /// The input data is bad; nothing was written.
    #[error(transparent)]
    Import(#[from] Box<ImportFailure>),
    /// A path pattern does not parse or names something the graph does not have.
    #[error(transparent)]
    Pattern(#[from] Box<PatternFailure>),
    /// A file of patterns says something it cannot mean.
    #[error("{}:{line}: {reason}", show(path.to_string_lossy().as_bytes()))]
    Config {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A user, item or node the graph does not have.
    #[error("unknown_{what}: the graph has no {what} `{}`; {hint}", show(name.as_bytes()))]
    Unknown {
        /// `user`, `item` or `node`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// Options that make no sense together or are out of range.
    #[error("{option}: {reason}")]
    Usage {
        /// The option as the command line calls it, without dashes.
        option: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The stored graph breaks a rule that every graph obeys.
    #[error("{}: invariant: {what}: expected {expected}, got {got}; import the data again", path.display())]
    Invariant {
        /// The artefact.
        path: PathBuf,
        /// The rule.
        what: &'static str,
        /// What should hold.
        expected: String,
        /// What was found.
        got: String,
    },
    /// There are more paths than 64 bits can count.
    #[error(
        "path counts pass 2^64 for {who}; use fewer hops, a narrower pattern or a weighted law (option `law` = walk)"
    )]
    CountOverflow {
        /// The user, or `all users`.
        who: String,
    },
}

impl Error {
    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Core(e) => e.class(),
            Self::Import(_) | Self::Unknown { .. } | Self::CountOverflow { .. } => ErrorClass::Input,
            Self::Pattern(_) | Self::Config { .. } | Self::Usage { .. } => ErrorClass::Usage,
            Self::Invariant { .. } => ErrorClass::Artefact,
        }
    }
}

/// One thing wrong in one place of an input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// Column (field), from 1; 0 when the whole line is meant.
    pub column: u64,
    /// Short stable name, such as `utf8`, `columns`, `rating`.
    pub kind: &'static str,
    /// What is wrong, what was expected, what to do.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", show(self.path.to_string_lossy().as_bytes()))?;
        match (self.line, self.column) {
            (0, _) => {}
            (line, 0) => write!(f, ":{line}")?,
            (line, column) => write!(f, ":{line}:{column}")?,
        }
        write!(f, ": {}: {}", self.kind, self.message)
    }
}

/// Everything wrong with an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ImportFailure {
    /// The first [`MAX_DIAGNOSTICS`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many there were in all.
    pub total: u64,
}

impl fmt::Display for ImportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        let hidden = self.total.saturating_sub(self.diagnostics.len() as u64);
        if hidden > 0 {
            write!(f, "\n… and {hidden} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportFailure {}

/// What is wrong with a pattern, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct PatternFailure {
    /// The pattern as given.
    pub pattern: String,
    /// Byte offset of the trouble.
    pub offset: usize,
    /// Length of the trouble in bytes; 0 at the end of the pattern.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// What is valid there.
    pub help: String,
}

impl fmt::Display for PatternFailure {
    /// The part of the pattern around the trouble, which is marked below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, rest) = self.pattern.split_at_checked(self.offset).unwrap_or((&self.pattern, ""));
        let (marked, after) = rest.split_at_checked(self.len).unwrap_or((rest, ""));
        let column = before.chars().count();
        let skipped = column.saturating_sub(MAX_SHOWN_BEFORE);
        let shown_before: String = before.chars().skip(skipped).collect();
        let before = format!("{}{}", if skipped > 0 { "…" } else { "" }, show(shown_before.as_bytes()));
        let marked = show(marked.as_bytes());
        writeln!(f, "pattern, column {}: {}", column + 1, self.message)?;
        writeln!(f, "  {before}{marked}{}", show(after.as_bytes()))?;
        let width = |text: &str| text.chars().count();
        write!(f, "  {}{}", " ".repeat(width(&before)), "^".repeat(width(&marked).max(1)))?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n{}", self.help) }
    }
}

impl std::error::Error for PatternFailure {}

/// Text for a message: at most [`MAX_SHOWN_BYTES`], control and direction characters escaped, so that no input can
/// drive a terminal.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    let cut = bytes.get(..MAX_SHOWN_BYTES).unwrap_or(bytes);
    let mut shown = String::new();
    for chunk in cut.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control()
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if bytes.len() > MAX_SHOWN_BYTES {
        shown.push('…');
    }
    shown
}
