//! Names of columns: those that are known, what else they are called, and how a file's own names are given.

use super::findings::{Finding, Severity};
use crate::error::{Error, Result, show};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a column is called elsewhere, without case, blanks, dashes and underscores.
const OTHER_NAMES: [(&str, &[&str]); 9] = [
    ("user_id", &["userid", "user", "uid", "users", "customerid", "customer", "reviewerid", "visitorid", "memberid"]),
    (
        "item_id",
        &[
            "itemid",
            "item",
            "iid",
            "items",
            "movieid",
            "bookid",
            "productid",
            "product",
            "businessid",
            "artistid",
            "trackid",
            "tracksid",
            "songid",
            "gameid",
            "asin",
            "isbn",
            "newsid",
        ],
    ),
    ("entity_id", &["entityid", "entity", "uri", "iri", "freebaseid"]),
    ("rating", &["rating", "ratings", "score", "stars", "star", "rate", "overall", "weight", "preference", "label"]),
    (
        "timestamp",
        &[
            "timestamp",
            "time",
            "times",
            "ts",
            "date",
            "datetime",
            "unixtime",
            "unixreviewtime",
            "createdat",
            "reviewtime",
        ],
    ),
    ("position", &["position", "order", "sequence", "rank"]),
    ("split", &["split", "set", "part", "partition", "fold", "subset"]),
    ("weight", &["weight", "confidence"]),
    ("title", &["title", "name", "movietitle", "booktitle"]),
];

/// Names of columns in the files, by the names that are known here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Columns(BTreeMap<String, String>);

impl Columns {
    /// Says that what is known as `known` is called `given` in the files.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is not known.
    pub fn set(&mut self, known: &str, given: &str) -> Result<()> {
        let all: Vec<&str> = OTHER_NAMES.iter().map(|(name, _)| *name).chain(OTHERS).collect();
        if !all.contains(&known) {
            let reason = format!("`{}` is none of {}", show(known.as_bytes()), all.join(", "));
            return Err(Error::Usage { option: "columns", reason });
        }
        self.0.insert(known.to_owned(), given.to_owned());
        Ok(())
    }

    /// Reads the same from TOML: `user_id = "userId"`, a line for each column.
    ///
    /// # Errors
    /// [`Error::Usage`] with the place of what is no TOML, or naming what is not known.
    pub fn from_toml(text: &str) -> Result<Self> {
        let names: BTreeMap<String, String> = toml::from_str(text).map_err(|e| {
            let reason = format!("expected lines such as user_id = \"userId\": {e}");
            Error::Usage { option: "columns", reason: reason.trim_end().to_owned() }
        })?;
        let mut columns = Self::default();
        names.iter().try_for_each(|(known, given)| columns.set(known, given))?;
        Ok(columns)
    }

    /// What a column is called in the files.
    pub(super) fn name<'a>(&'a self, known: &'a str) -> &'a str {
        self.0.get(known).map_or(known, String::as_str)
    }

    /// Number of the column that a known one is in a header with these names.
    pub(super) fn position(&self, known: &str, names: &[String]) -> Option<usize> {
        let position = |name: &str| names.iter().position(|n| n == name);
        if self.is_off(known) { None } else { position(self.name(known)).or_else(|| position(known)) }
    }

    /// Whether the files are said to have no such column, whatever they have.
    pub(super) fn is_off(&self, known: &str) -> bool {
        self.0.get(known).is_some_and(String::is_empty)
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that were given, with what is known of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(known, given)| (known.as_str(), given.as_str()))
    }
}

impl std::str::FromStr for Columns {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut columns = Self::default();
        for pair in text.split(',') {
            let Some((known, given)) = pair.split_once('=') else {
                let reason = format!("`{}` is not NAME=COLUMN, such as user_id=userId", show(pair.as_bytes()));
                return Err(Error::Usage { option: "columns", reason });
            };
            columns.set(known.trim(), given.trim())?;
        }
        Ok(columns)
    }
}

/// Known names that nothing else is taken for.
const OTHERS: [&str; 11] = [
    "head",
    "relation",
    "tail",
    "type",
    "label",
    "relation_id",
    "name",
    "forward_label",
    "inverse_label",
    "head_id",
    "year",
];

fn plain(name: &str) -> String {
    // The type of a column in an atomic file is no part of its name.
    let name = name.split(':').next().unwrap_or(name);
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The column of a header that looks like a known one under another name.
pub(super) fn alike<'h>(known: &str, header: &'h [String], taken: &[&str]) -> Option<&'h str> {
    let (_, names) = OTHER_NAMES.iter().find(|(name, _)| *name == known)?;
    // The most usual name first, so that of `time` and `timestamp` in other letters the latter is meant.
    let free = |column: &&String| !taken.contains(&column.split(':').next().unwrap_or(column));
    names.iter().find_map(|name| header.iter().filter(free).find(|column| plain(column) == *name)).map(String::as_str)
}

/// How to say that a column is meant.
pub(super) fn way_out(known: &str, column: &str) -> String {
    format!("give option `columns` = {known}={}", show(column.split(':').next().unwrap_or(column).as_bytes()))
}

/// The finding that a column is ignored which looks like a known one.
pub(super) fn ignored(file: &str, known: &str, column: &str) -> Finding {
    let column_name = show(column.as_bytes());
    let message = format!("column `{column_name}` of {file} looks like `{known}` and is ignored");
    Finding::new("ignored_column", Severity::Serious, 1, message).way_out(way_out(known, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_seen_in_other_spellings() {
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let log = header(&["userId", "movie-id", "Stars", "Time_Stamp", "time", "Fold"]);
        for (known, column) in [
            ("user_id", "userId"),
            ("item_id", "movie-id"),
            ("rating", "Stars"),
            ("timestamp", "Time_Stamp"),
            ("split", "Fold"),
        ] {
            assert_eq!(alike(known, &log, &[]), Some(column));
        }
        assert_eq!(alike("position", &log, &[]), None);
        assert_eq!(alike("timestamp", &log, &["Time_Stamp"]), Some("time"));
        assert_eq!(alike("rating", &header(&["weight:float"]), &[]), Some("weight:float"));
    }

    #[test]
    fn names_are_given_in_pairs() {
        let columns: Columns = "user_id=userId, item_id=movieId".parse().expect("pairs");
        assert_eq!((columns.name("item_id"), columns.name("rating")), ("movieId", "rating"));
        for bad in ["", "user_id", "user=userId", "user_id=a,b"] {
            assert!(matches!(bad.parse::<Columns>(), Err(Error::Usage { option: "columns", .. })), "{bad}");
        }
    }
}
