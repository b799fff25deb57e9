//! Columns and values of the tables that a graph is written as.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    Text,
    Integer,
    Real,
}

/// A column of a table.
pub(super) type Column<'a> = (&'a str, CellKind);

/// A value of a row, of the kind of its column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Integer(i64),
    Real(f32),
}
