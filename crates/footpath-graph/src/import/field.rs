//! One field of a record.

use super::problems::Flaw;

/// Text at a place in a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    /// Number in its record, from 0.
    pub(super) number: usize,
    /// Whether it may hold a line break or a tab: quoted, or from memory.
    pub(super) quoted: bool,
}

impl Field<'_> {
    pub(super) fn flaw(self, kind: &'static str, message: impl Into<String>) -> Flaw {
        Flaw::new(kind, message).at(self.number)
    }
}
