//! Groups of users and of items, which a table names.

use crate::error::Result;
use crate::text::lines;
use footpath_core::NodeId;
use footpath_eval::groups::Groups;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most bytes of a line of such a table.
const MAX_LINE_BYTES: usize = 1 << 20;
/// Most groups: more are a mistake, such as a column of ages in days.
const MAX_GROUPS: usize = 1_000;

/// A table that names groups: the file, and the column if it has more than one beside the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTable {
    /// The file.
    pub path: PathBuf,
    /// The column with the groups; else the only one, or the one called `group`.
    pub column: Option<String>,
}

impl FromStr for GroupTable {
    type Err = std::convert::Infallible;

    /// `FILE` or `FILE:COLUMN`.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let table = |path: &str, column: Option<&str>| Self { path: path.into(), column: column.map(str::to_owned) };
        Ok(match text.rsplit_once(':') {
            Some((path, column)) if !Path::new(text).exists() => table(path, Some(column)),
            _ => table(text, None),
        })
    }
}

impl GroupTable {
    /// The groups, by the nodes that `find` gives for ids; rows of ids that it does not know are left out.
    pub(super) fn read(&self, id: &'static str, find: impl Fn(&str) -> Option<NodeId>) -> Result<Groups> {
        let (mut groups, mut names) = (Groups::new(), BTreeSet::new());
        let bad = |number: usize, what: &str| lines::bad(&self.path, number, what);
        let find_columns = |header: &[&str]| self.columns(id, header);
        lines::pairs(&self.path, MAX_LINE_BYTES, find_columns, bad, |number, [node_id, group]| {
            if node_id.is_empty() {
                return Err(bad(number, &format!("{id} is empty")));
            }
            let Some(node) = find(node_id).filter(|_| !group.is_empty()) else { return Ok(()) };
            names.insert(group.to_owned());
            if names.len() > MAX_GROUPS {
                return Err(bad(number, &format!("more than {MAX_GROUPS} groups; put values into ranges first")));
            }
            match groups.insert(node, group.to_owned()) {
                Some(before) if before != group => {
                    Err(bad(number, &format!("{node_id} is in `{before}` and in `{group}`")))
                }
                _ => Ok(()),
            }
        })?;
        Ok(groups)
    }

    /// Places of the ids and of the groups among the names of columns.
    fn columns(&self, id: &str, names: &[&str]) -> std::result::Result<[usize; 2], String> {
        let place = |wanted: &str| names.iter().position(|name| *name == wanted);
        let of_id = place(id).ok_or_else(|| format!("no column {id} in the header; columns are parted by tabs"))?;
        let of_group = match &self.column {
            Some(column) => place(column).ok_or_else(|| format!("no column {column} among {}", names.join(", ")))?,
            None if names.len() == 2 => 1 - of_id,
            None => place("group").ok_or_else(|| {
                let columns: Vec<&str> = names.iter().copied().filter(|name| *name != id).collect();
                format!("which of {}? write {}:COLUMN", columns.join(", "), self.path.display())
            })?,
        };
        Ok([of_id, of_group])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str, column: Option<&str>) -> std::result::Result<Vec<(u32, String)>, String> {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), content).expect("written");
        let table = GroupTable { path: file.path().to_owned(), column: column.map(str::to_owned) };
        let groups = table.read("user_id", |id| id.parse().ok().map(NodeId)).map_err(|e| e.to_string())?;
        Ok(groups.into_iter().map(|(node, group)| (node.0, group)).collect())
    }

    #[test]
    fn tables_name_groups() {
        let found = Ok(vec![(1, "f".to_owned()), (2, "m".to_owned())]);
        assert_eq!(read("user_id\tsex\n1\tf\n2\tm\nx\tm\n3\t\n", None), found);
        assert_eq!(read("user_id:token\tage:token\tgender:token\n1\t20\tf\n2\t30\tm\n", Some("gender")), found);
        assert_eq!(read("age\tgroup\tuser_id\n20\tf\t1\n30\tm\t2\n", None), found);
    }

    #[test]
    fn what_names_no_groups_is_refused_with_its_line() {
        for (content, column, words) in [
            ("user\tsex\n", None, "line 1: no column user_id"),
            ("user_id\tage\tsex\n", None, "which of age, sex?"),
            ("user_id\tage\tsex\n", Some("gender"), "no column gender among user_id, age, sex"),
            ("user_id\tsex\n1\tf\n1\tm\n", None, "line 3: 1 is in `f` and in `m`"),
            ("user_id\tsex\n\tf\n", None, "line 2: user_id is empty"),
        ] {
            let error = read(content, column).expect_err("bad");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_column_may_stand_behind_the_file() {
        let of = |text: &str| text.parse::<GroupTable>().expect("never fails");
        assert_eq!(of("users.tsv:age").column.as_deref(), Some("age"));
        assert_eq!(of("users.tsv"), GroupTable { path: "users.tsv".into(), column: None });
    }
}
