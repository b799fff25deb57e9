//! What is noted of records while they are gathered, beside the data set that they make.

use super::record::Record;
use super::records::FileNumber;
use super::values::Name;
use crate::heldout::Split;
use std::collections::HashMap;

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) file: FileNumber,
    pub(super) line: u32,
    /// Its number among the records that were looked up together, if any were.
    pub(super) ahead: Option<usize>,
}

impl At {
    /// A record of a file.
    pub(super) fn record(file: FileNumber, record: Record<'_>) -> Self {
        Self { file, line: record.line(), ahead: Some(record.number()) }
    }
}

/// An interaction whose names were checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) user: Name<'a>,
    pub(super) item: Name<'a>,
    /// NaN where there is none.
    pub(super) rating: f32,
    pub(super) time: i64,
    pub(super) split: Split,
}

/// Which optional fields the interactions have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogFields {
    pub(super) rating: bool,
    pub(super) time: bool,
    pub(super) split: bool,
}

/// What a data set had from its base: numbers below these are of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FromBase {
    /// Whether there is a base.
    pub(super) is_there: bool,
    pub(super) num_entities: u32,
    pub(super) num_relations: u32,
}

/// Places of the facts of a part, in the list of all facts, ascending.
pub(super) type Places = Vec<(usize, Split)>;

/// Links that lead nowhere.
#[derive(Debug, Default)]
pub(super) struct Dangling {
    pub(super) count: u64,
    /// The first of them, and its entity.
    pub(super) first: Option<(At, String)>,
    /// Links that say there is none, as `nan`.
    pub(super) num_none: u64,
}

/// What is taken back, with where that is said.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// Head, relation, tail.
    pub(super) facts: HashMap<(u32, u32, u32), At>,
    /// User, item.
    pub(super) choices: HashMap<(u32, u32), At>,
}

/// Links of users to entities, as they are read.
#[derive(Debug, Default)]
pub(super) struct UserLinks {
    /// Whether there is a list of them.
    pub(super) listed: bool,
    /// Links of users who are not in the log, and the first of them.
    pub(super) num_strangers: u64,
    pub(super) first_stranger: Option<(At, String)>,
    /// Links to entities without any fact, and the first of them.
    pub(super) num_dangling: u64,
    pub(super) first_dangling: Option<(At, String)>,
}

/// Oddities of the file being read: line of the first, and number.
#[derive(Debug, Default)]
pub(super) struct Odd {
    pub(super) blanks: Option<(u32, u64)>,
    pub(super) repeated_rows: u64,
}

/// Sets one of several values kept side by side.
pub(super) fn set<T>(values: &mut [T], number: u32, value: T) {
    if let Some(slot) = values.get_mut(number as usize) {
        *slot = value;
    }
}
