//! Rules: which items a list may hold, and which nodes a path may touch.
//!
//! A rule is an expression that holds of a node or does not:
//!
//! ```text
//! rule       = all, { "or", all }
//! all        = one, { "and", one }
//! one        = "not", one | "(", rule, ")" | test
//! test       = NAME, ":", VALUE              connected to it: genre:Horror, directed_by:"Ridley Scott"
//!            | NAME, "in", "(", VALUE, { ",", VALUE }, ")"
//!            | NAME, ( "=" | "!=" | "<" | "<=" | ">" | ">=" ), VALUE
//! ```
//!
//! Before a colon stands a relation, a type of nodes, `type` itself, or `item`, `user`, `entity` with the id of the
//! node. Before a comparison stands a column of the attributes, `popularity` (train interactions) or `degree` (edges).

mod book;
mod evaluate;
mod parse;

pub(crate) use book::{Asked, Book, BookError, Configured, Lookup};
pub(crate) use evaluate::{World, visible_degree};
pub(crate) use parse::{Expression, parse};

use crate::problem::Problem;
use axum::http::StatusCode;

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {}: {message}", position + 1)]
pub(crate) struct RuleError {
    /// Characters before the trouble.
    pub(crate) position: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What is valid there.
    pub(crate) help: Option<String>,
}

impl RuleError {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl From<RuleError> for Problem {
    fn from(error: RuleError) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "rule", "The rule makes no sense", error.to_string());
        Self { position: Some(error.position), hint: error.help.map(Into::into), ..problem }
    }
}
