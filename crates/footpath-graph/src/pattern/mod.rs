//! Path patterns: which typed paths from a user to an item are legal.
//!
//! The language is a subset of the path patterns of ISO GQL:
//!
//! ```text
//! (:user)-[:interacted]->(:item)-[]-(:person|company)-[]-(:item)
//!
//! node        ()   (:item)   (:person|company)   (:!user)   (:!(user|item))
//! edge        -[:r]->   <-[:r]-   -[:r]-   -[]-   -[:r|s]->   -[:!r]-   -->   <--   --
//! repetition  -[]-{2}   -[]-{1,3}   (-[]-(:item)){1,2}
//! ```
//!
//! Node labels are the node types of the graph; `entity` stands for every type other than `user` and `item`. Edge labels are its relations;
//! an edge without `->` or `<-` may be walked either way. `!` negates the whole list that follows it: `!a|b` is read as `!(a|b)`, since
//! labels exclude each other and the other reading would be the same as `!a`. Labels with other characters than letters, digits and `_-./#`
//! are quoted with backticks. A variable before the colon is allowed and has no meaning. A quantifier on an edge leaves the nodes inside free.
//!
//! A pattern starts at `(:user)`, ends at `(:item)` and has 1 to [`MAX_HOPS`] hops. It is compiled to a minimal deterministic
//! [`Automaton`], so that each path is counted once however many ways the pattern has to produce it.

mod automaton;
mod compile;
mod syntax;

pub use automaton::{Automaton, MAX_STATES, MAX_STEPS, StateId};

use crate::error::{PatternFailure, Result};
use crate::kg::TrainKg;

/// Most hops of a path.
pub const MAX_HOPS: u32 = 16;
/// Longest pattern accepted, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// A path pattern compiled for a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    automaton: Automaton,
}

impl Pattern {
    /// Reads a pattern with the labels of `kg`.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`], pointing at the trouble.
    pub fn parse(text: &str, kg: &TrainKg) -> Result<Self> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(too_long(text).into());
        }
        let failure = |offset, len, message, help| {
            Box::new(PatternFailure { pattern: text.to_owned(), offset, len, message, help })
        };
        let ast = syntax::parse(text).map_err(|e| {
            let len = text.get(e.offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            failure(e.offset, len, e.message, e.help)
        })?;
        let automaton =
            compile::compile(&ast, kg.schema()).map_err(|e| failure(e.span.start, e.span.len(), e.message, e.help))?;
        Ok(Self { source: ast.to_string(), automaton })
    }

    /// Every typed path from a user to an item of exactly `hops` hops, by any relations in any direction.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`] unless `hops` is between 1 and [`MAX_HOPS`].
    pub fn hops(hops: u32, kg: &TrainKg) -> Result<Self> {
        let times = if hops == 1 { String::new() } else { format!("{{{hops}}}") };
        Self::parse(&format!("(:user)-[]-{times}(:item)"), kg)
    }

    /// The pattern in canonical form: no variables, no spaces; it parses to the same pattern.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Most hops of a path.
    #[must_use]
    pub fn max_hops(&self) -> usize {
        self.automaton.longest(self.automaton.start())
    }

    /// Fewest hops of a path.
    #[must_use]
    pub fn min_hops(&self) -> usize {
        self.automaton.shortest(self.automaton.start())
    }

    /// The automaton over (directed relation, type of the tail).
    #[must_use]
    pub fn automaton(&self) -> &Automaton {
        &self.automaton
    }
}

fn too_long(text: &str) -> Box<PatternFailure> {
    let end = (0..=64).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let shown = text.get(..end).unwrap_or_default();
    Box::new(PatternFailure {
        pattern: format!("{shown}…"),
        offset: shown.len(),
        len: '…'.len_utf8(),
        message: format!("the pattern has {} bytes", text.len()),
        help: format!("at most {MAX_PATTERN_BYTES} bytes are allowed"),
    })
}

#[cfg(test)]
mod tests;
