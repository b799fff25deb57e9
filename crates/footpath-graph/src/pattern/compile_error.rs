//! What is wrong with a pattern that parses.

use super::syntax::Span;

/// What is wrong with a pattern that parses.
#[derive(Debug)]
pub(super) struct CompileError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: String,
}

pub(super) fn fail<T>(span: &Span, message: impl Into<String>, help: impl Into<String>) -> Result<T, CompileError> {
    Err(CompileError { span: span.clone(), message: message.into(), help: help.into() })
}
