//! Ids that mean that there is none.

/// What programs write where a value is missing.
pub const WORDS: [&str; 29] = [
    "nan",
    "NaN",
    "NAN",
    "null",
    "NULL",
    "Null",
    "none",
    "None",
    "NONE",
    "nil",
    "NIL",
    "\\N",
    "N/A",
    "n/a",
    "NA",
    "<NA>",
    "<null>",
    "#N/A",
    "#NA",
    "NaT",
    "undefined",
    "missing",
    "(null)",
    "(none)",
    "-",
    "--",
    "?",
    ".",
    "nan.0",
];

/// Whether an id means that there is none.
pub(super) fn means_none(id: &str) -> bool {
    WORDS.contains(&id)
}
