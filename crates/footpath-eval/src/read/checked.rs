//! Rows of lists, checked one by one.

use crate::error::Result;
use crate::recommendations::{Recommendation, Recommendations};
use footpath_core::NodeId;
use footpath_graph::error::{ImportFailure, MAX_DIAGNOSTICS, show};
use footpath_graph::{Diagnostic, TrainKg};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Rows left out, by what is wrong with them.
pub type Excluded = BTreeMap<&'static str, u64>;

/// What to do with a row that is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// Refuse the file.
    #[default]
    Refuse,
    /// Leave them out, and count them. What is wrong with the file as a whole is refused all the same.
    LeaveOut,
}

/// What is wrong at a column (from 1; 0 for the whole line).
pub(super) struct Wrong {
    pub(super) column: usize,
    pub(super) kind: &'static str,
    pub(super) message: String,
}

pub(super) fn wrong<T>(column: usize, kind: &'static str, message: impl Into<String>) -> std::result::Result<T, Wrong> {
    Err(Wrong { column, kind, message: message.into() })
}

/// A field with its column, from 1, or what is wrong with it.
pub(super) type Field<'r> = std::result::Result<(&'r str, usize), Wrong>;

/// The fields of a row.
pub(super) struct Row<'r> {
    pub(super) user: Field<'r>,
    /// None where the score decides.
    pub(super) rank: Option<Field<'r>>,
    pub(super) item: Field<'r>,
    pub(super) score: Field<'r>,
}

/// Lists while their rows are checked and taken in.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) kg: &'a TrainKg,
    pub(super) lists: Recommendations,
    pub(super) last_ranks: HashMap<NodeId, u32>,
    pub(super) pairs: HashSet<(NodeId, NodeId)>,
    pub(super) failure: ImportFailure,
    pub(super) bad_rows: BadRows,
    pub(super) excluded: Excluded,
    /// Whether the order of a list is that of its scores, for want of ranks.
    pub(super) by_score: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, kg: &'a TrainKg, bad_rows: BadRows) -> Self {
        Self {
            path,
            kg,
            lists: Recommendations::default(),
            last_ranks: HashMap::new(),
            pairs: HashSet::new(),
            failure: ImportFailure::default(),
            bad_rows,
            excluded: Excluded::new(),
            by_score: false,
        }
    }

    pub(super) fn finish(mut self) -> Result<(Recommendations, Excluded)> {
        if self.failure.total > 0 {
            return Err(footpath_graph::Error::from(Box::new(self.failure)).into());
        }
        if self.by_score {
            self.lists.sort_by_score();
        }
        Ok((self.lists, self.excluded))
    }

    /// Adds a row.
    pub(super) fn take(&mut self, row: Row<'_>) -> std::result::Result<(), Wrong> {
        let (user, column) = row.user?;
        let user = named(user, "user:", |id| self.kg.user(id)).or_else(|e| wrong(column, "unknown_user", e))?;
        row.rank.map_or(Ok(()), |rank| self.rank(user, rank?))?;
        let (name, column) = row.item?;
        let item = named(name, "item:", |id| self.kg.item(id)).or_else(|e| wrong(column, "unknown_item", e))?;
        let score = score(row.score?)?;
        if !self.pairs.insert((user, item)) {
            let message = format!("the list of this user already has item `{}`", show(name.as_bytes()));
            return wrong(column, "duplicate_item", message);
        }
        self.lists.push(user, Recommendation { item, score });
        Ok(())
    }

    /// Checks that the rank follows the last one of the user.
    fn rank(&mut self, user: NodeId, (text, column): (&str, usize)) -> std::result::Result<(), Wrong> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let Some(rank) = text.parse::<u32>().ok().filter(|&rank| digits && rank > 0) else {
            let message = format!("expected a whole number from 1, got `{}`", show(text.as_bytes()));
            return wrong(column, "number", message);
        };
        // The rank found is what the next row is measured by, so that one gap is one message.
        let last = self.last_ranks.insert(user, rank).unwrap_or(0);
        if last.checked_add(1) == Some(rank) {
            return Ok(());
        }
        let message = format!("expected rank {} as the next of this user, got {rank}", u64::from(last) + 1);
        wrong(column, "rank_order", message)
    }

    pub(super) fn bad_row(&mut self, line: u64, wrong: Wrong) {
        match self.bad_rows {
            BadRows::Refuse => self.report(line, wrong),
            BadRows::LeaveOut => *self.excluded.entry(wrong.kind).or_default() += 1,
        }
    }

    pub(super) fn report(&mut self, line: u64, wrong: Wrong) {
        self.failure.total += 1;
        if self.failure.diagnostics.len() < MAX_DIAGNOSTICS {
            let Wrong { column, kind, message } = wrong;
            let path = self.path.to_owned();
            self.failure.diagnostics.push(Diagnostic { path, line, column: column as u64, kind, message });
        }
    }
}

/// The node with an id, which may be written as in our own lists, with its type before it.
fn named(
    text: &str,
    prefix: &str,
    find: impl Fn(&str) -> footpath_graph::Result<NodeId>,
) -> std::result::Result<NodeId, String> {
    let plain = |e: footpath_graph::Error| {
        let message = e.to_string();
        // The kind stands before the message already.
        message.split_once(": ").map_or(message.clone(), |(_, rest)| rest.to_owned())
    };
    find(text).or_else(|e| text.strip_prefix(prefix).and_then(|id| find(id).ok()).ok_or_else(|| plain(e)))
}

fn score((text, column): (&str, usize)) -> std::result::Result<f64, Wrong> {
    match text.parse::<f64>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => wrong(column, "score", format!("expected a finite number, got `{}`", show(text.as_bytes()))),
    }
}
