//! The recommendations whose parts were made apart, in the form in which they are.

use super::no_whole;
use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use crate::text::lines;
use footpath_core::{Context, NodeId, Replace, artefact};
#[cfg(feature = "parquet")]
use footpath_graph::export::{Cell, Column, each_row};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Longest line.
const MAX_LINE_BYTES: usize = 64 << 20;
/// Users that a message names.
const MAX_NAMED: usize = 10;

/// How to join lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListsOptions {
    /// Whether users may be missing. In tables of rows, one without an item has none.
    pub partial: bool,
    /// Whether the output may be replaced.
    pub replace: Replace,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConcatenatedLists {
    /// `json`, `tsv` or `parquet`.
    pub form: &'static str,
    /// Parts that it was made of.
    pub num_parts: usize,
    /// Users who have a list.
    pub num_users: u64,
    /// Users with a train interaction who have none.
    pub num_missing: u64,
}

/// The forms that are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileForm {
    Json,
    Tsv,
    Parquet,
}

impl FileForm {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Tsv => "tsv",
            Self::Parquet => "parquet",
        }
    }

    /// The form of a file by its first bytes; none of one that is empty.
    fn of(path: &Path) -> Result<Option<Self>> {
        let mut start = Vec::new();
        let io = |e| footpath_core::Error::io(path)(e);
        File::open(path).map_err(io)?.take(TSV_HEADER.len() as u64).read_to_end(&mut start).map_err(io)?;
        match start.first() {
            None => Ok(None),
            Some(b'{') => Ok(Some(Self::Json)),
            Some(_) if start.starts_with(b"PAR1") => Ok(Some(Self::Parquet)),
            Some(_) if start == TSV_HEADER.as_bytes() => Ok(Some(Self::Tsv)),
            Some(_) => Err(no_whole([path], "no recommendations as JSON lines, TSV or Parquet")),
        }
    }
}

/// The first line of lists as TSV.
const TSV_HEADER: &str = "user\trank\titem\tscore\n";

/// Joins lists of recommendations that were made for parts of the users, given in any order, and writes what would have
/// been made at once: JSON lines, TSV, or Parquet, which is what the parts are. Lines and rows are read one after the
/// other; only Parquet is held in memory, as it is where it is made.
///
/// Plain files do not say by which model they were made.
///
/// # Errors
/// [`Error::Parts`] naming parts of different forms, parts that have the same user or whose users are not in the order
/// of the graph, and users that no part has; [`footpath_graph::Error::Unknown`] for a user whom the graph does not
/// have; [`Error::BadFile`] with the line that is none of a list; an output that exists; a disk that refuses;
/// [`footpath_core::Error::Stopped`]. Nothing is left behind then.
pub fn lists(
    parts: &[PathBuf],
    kg: &Kg,
    out: &Path,
    options: ListsOptions,
    context: &Context,
) -> Result<ConcatenatedLists> {
    artefact::refuse_existing_file(out, options.replace)?;
    if parts.is_empty() {
        return Err(Error::Usage { option: "parts", reason: "give at least one".to_owned() });
    }
    let form = form(parts)?;
    let order = in_order(parts, form, kg)?;
    let mut joined = Joined { kg, users: Seen::new(kg), form };
    let mut failure = None;
    let written = artefact::publish_file(out, options.replace, |out| {
        let written = joined.write(&order, context, out);
        let whole =
            written.and_then(|()| if options.partial { Ok(()) } else { joined.users.refuse_missing(kg, &order) });
        whole.map_err(|error| match error {
            Error::Sink(source) => source,
            other => {
                failure = Some(other);
                io::Error::other("the parts are no whole")
            }
        })
    });
    failure.map_or(Ok(()), Err)?;
    written?;
    let Seen { num_users, .. } = joined.users;
    let num_missing = joined.users.missing(kg).count() as u64;
    Ok(ConcatenatedLists { form: form.name(), num_parts: parts.len(), num_users, num_missing })
}

/// The form of all parts; JSON lines where all are empty.
fn form(parts: &[PathBuf]) -> Result<FileForm> {
    let mut found: Option<(&Path, FileForm)> = None;
    for part in parts {
        match (FileForm::of(part)?, found) {
            (Some(form), Some((other, others))) if form != others => {
                return Err(no_whole([other, part], format!("one is {}, the other {}", others.name(), form.name())));
            }
            (Some(form), None) => found = Some((part, form)),
            _ => {}
        }
    }
    Ok(found.map_or(FileForm::Json, |(_, form)| form))
}

/// The parts in the order of their first users; those without any come first.
fn in_order<'p>(parts: &'p [PathBuf], form: FileForm, kg: &Kg) -> Result<Vec<&'p Path>> {
    let mut order = Vec::with_capacity(parts.len());
    for part in parts {
        let mut first = None;
        let look = each(part, form, |row| {
            first = Some(kg.user(row.user)?);
            // Enough is seen.
            Err(Error::Sink(io::ErrorKind::Interrupted.into()))
        });
        match (look, first) {
            (Err(Error::Sink(_)), Some(_)) | (Ok(()), _) => order.push((first, part.as_path())),
            (Err(error), _) => return Err(error),
        }
    }
    order.sort_by_key(|(first, _)| first.map(|user| user.0));
    Ok(order.into_iter().map(|(_, part)| part).collect())
}

/// A line or row of a part.
struct Row<'r> {
    user: &'r str,
    /// Whether a user may have several of them, one after the other.
    is_one_of_several: bool,
    content: Content<'r>,
}

enum Content<'r> {
    Line(&'r str),
    #[cfg(feature = "parquet")]
    Cells(&'r [Cell]),
}

/// Hands on every line or row of a part.
fn each(part: &Path, form: FileForm, mut take: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        user: String,
    }
    let bad = |number: usize, reason: &str| lines::bad(part, number, reason);
    match form {
        FileForm::Json => lines::each(part, MAX_LINE_BYTES, |number, line| {
            let Line { user } = serde_json::from_str(line).map_err(|e| {
                bad(number, &format!("no list of recommendations as `recommend --json` writes it: {e}"))
            })?;
            take(Row { user: &user, is_one_of_several: false, content: Content::Line(line) })
        }),
        FileForm::Tsv => lines::each(part, MAX_LINE_BYTES, |number, line| {
            if number == 1 {
                return Ok(());
            }
            let user = line.split('\t').next().filter(|_| line.matches('\t').count() == 3);
            let user = user.ok_or_else(|| bad(number, "no row of user, rank, item, score"))?;
            take(Row { user, is_one_of_several: true, content: Content::Line(line) })
        }),
        #[cfg(feature = "parquet")]
        FileForm::Parquet => each_row(part, &crate::text::formats::COLUMNS, |cells| {
            let Some(Cell::Text(user)) = cells.first() else { return Ok(()) };
            take(Row { user, is_one_of_several: true, content: Content::Cells(cells) })
        }),
        #[cfg(not(feature = "parquet"))]
        FileForm::Parquet => {
            let _ = &mut take;
            Err(no_whole([part], "this program was built without Parquet (feature `parquet`)"))
        }
    }
}

/// The lists of all parts on their way out.
struct Joined<'k> {
    kg: &'k Kg,
    users: Seen,
    form: FileForm,
}

impl Joined<'_> {
    fn write(&mut self, parts: &[&Path], context: &Context, out: &mut (dyn Write + Send)) -> Result<()> {
        if self.form == FileForm::Tsv {
            out.write_all(TSV_HEADER.as_bytes())?;
        }
        #[cfg(feature = "parquet")]
        let mut columns = crate::text::formats::COLUMNS.map(|(_, kind)| Column::empty(kind));
        let stage = context.stage("joining", Some(parts.len() as u64), "parts");
        for part in parts {
            let mut last = None;
            each(part, self.form, |row| {
                context.check()?;
                let user = self.kg.user(row.user)?;
                if !(row.is_one_of_several && last == Some(user)) {
                    self.users.see(user, row.user, part)?;
                    last = Some(user);
                }
                match row.content {
                    Content::Line(line) => {
                        out.write_all(line.as_bytes())?;
                        Ok(out.write_all(b"\n")?)
                    }
                    #[cfg(feature = "parquet")]
                    Content::Cells(cells) => {
                        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                        Ok(())
                    }
                }
            })?;
            stage.advance(1)?;
        }
        #[cfg(feature = "parquet")]
        if self.form == FileForm::Parquet {
            crate::text::formats::write_columns(&columns, out)?;
        }
        Ok(())
    }
}

/// The users that have a list so far.
struct Seen {
    first: u32,
    /// By number.
    is_there: Vec<bool>,
    last: Option<(NodeId, PathBuf)>,
    num_users: u64,
}

impl Seen {
    fn new(kg: &Kg) -> Self {
        Self { first: kg.users().start, is_there: vec![false; kg.users().len()], last: None, num_users: 0 }
    }

    /// Takes note of a user, who must come after the one before.
    fn see(&mut self, user: NodeId, id: &str, part: &Path) -> Result<()> {
        if let Some((last, of)) = &self.last
            && user.0 <= last.0
        {
            let is_there = self.is_there(user);
            return Err(match (of == part, is_there) {
                (true, true) => no_whole([part], format!("user:{id} has two lists")),
                (true, false) => no_whole([part], format!("user:{id} stands out of the order of the graph")),
                (false, true) => no_whole([of.as_path(), part], format!("both have a list of user:{id}")),
                (false, false) => {
                    no_whole([of.as_path(), part], format!("user:{id} stands between users of the other part"))
                }
            });
        }
        let place = self.place(user);
        if let Some(there) = self.is_there.get_mut(place) {
            *there = true;
        }
        self.num_users += 1;
        self.last = Some((user, part.to_owned()));
        Ok(())
    }

    fn place(&self, user: NodeId) -> usize {
        user.0.wrapping_sub(self.first) as usize
    }

    fn is_there(&self, user: NodeId) -> bool {
        self.is_there.get(self.place(user)).copied().unwrap_or(false)
    }

    /// Users with a train interaction who have no list; all users where one without any has a list.
    fn missing<'s>(&'s self, kg: &'s Kg) -> impl Iterator<Item = NodeId> + 's {
        let is_warm = |user: NodeId| !kg.items_of(user).is_empty();
        let all = kg.users().map(NodeId).any(|user| self.is_there(user) && !is_warm(user));
        kg.users().map(NodeId).filter(move |&user| !self.is_there(user) && (all || is_warm(user)))
    }

    fn refuse_missing(&self, kg: &Kg, parts: &[&Path]) -> Result<()> {
        let named: Vec<&str> = self.missing(kg).take(MAX_NAMED).map(|user| kg.id(user)).collect();
        let number = self.missing(kg).count();
        if number == 0 {
            return Ok(());
        }
        let more = if number > named.len() { ", …" } else { "" };
        Err(no_whole(parts.iter().copied(), format!("{number} users have no list: {}{more}", named.join(", "))))
    }
}
