//! The reader of recommendation files: strict, positioned errors. Memory grows with the rows of users and items that
//! the graph has, each pair once, and is bounded by `MAX_LINES`; nothing else of a file is kept.

mod checked;
mod json;

pub use checked::{BadRows, Excluded};

use crate::error::Result;
use crate::recommendations::{COLUMNS, Recommendations};
use checked::{Reader, Row, Wrong, wrong};
use footpath_core::{Context, Stage};
use footpath_graph::TrainKg;
use footpath_graph::error::show;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line accepted, in bytes, its end not counted.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;
/// Most lines of a file: a hundred million rows take some four gigabytes.
pub(crate) const MAX_LINES: u64 = 100_000_000;
/// Lines between two looks at whether to stop.
const LINES_AT_ONCE: u64 = 1 << 10;

const USER: usize = 0;
const RANK: usize = 1;
const ITEM: usize = 2;
const SCORE: usize = 3;

impl Recommendations {
    /// Reads the `user, rank, item, score` file that `recommend --tsv` writes, from whatever tool it comes.
    ///
    /// Tab separated, with a header that names the columns in any order; ids are those of the data, plain or written
    /// `user:ID` and `item:ID`. The rows of a user carry the ranks 1, 2, 3, … in this order. The rank decides; scores
    /// need only be finite numbers, and may be left out. Where there are no ranks the scores decide, equal ones by
    /// their order in the file. Columns may be called `user_id`, `item_id`, `prediction`; others are passed over.
    ///
    /// A file that begins with `{` holds lists as `recommend --json` writes them, one on each line.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Import`] with file, line and column of everything wrong; an I/O error; a stop.
    pub fn read(path: &Path, kg: &TrainKg, context: &Context) -> Result<Self> {
        Self::read_with(path, kg, BadRows::Refuse, context).map(|(lists, _)| lists)
    }

    /// As [`Recommendations::read`], leaving out bad rows if so told; also says how many of each kind were left out.
    ///
    /// # Errors
    /// As [`Recommendations::read`].
    pub fn read_with(path: &Path, kg: &TrainKg, bad_rows: BadRows, context: &Context) -> Result<(Self, Excluded)> {
        let file = File::open(path).map_err(|e| io_error(path, e))?;
        // A pipe has no length that could be known beforehand.
        let of = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
        let stage = context.stage("reading lists", of, "bytes");
        Reader::new(path, kg, bad_rows).read(BufReader::new(file), &stage)
    }
}

fn io_error(path: &Path, source: io::Error) -> footpath_graph::Error {
    footpath_core::Error::io(path)(source).into()
}

/// What each of [`COLUMNS`] is called in the files of others.
const NAMES: [&[&str]; COLUMNS.len()] =
    [&["user", "user_id"], &["rank"], &["item", "item_id"], &["score", "prediction"]];

/// Where in a line each of [`COLUMNS`] stands, where it is there, and how many columns there are.
struct Layout {
    places: [Option<usize>; COLUMNS.len()],
    num_columns: usize,
}

impl Layout {
    /// Users and items must be there, and ranks or scores; other columns are passed over.
    fn of(header: &str) -> std::result::Result<Self, Wrong> {
        // Names of RecBole's columns end in their types.
        let names: Vec<&str> = header.split('\t').map(|name| name.split(':').next().unwrap_or(name)).collect();
        let mut places = [None; COLUMNS.len()];
        for (place, known) in places.iter_mut().zip(NAMES) {
            let mut found = names.iter().enumerate().filter(|(_, name)| known.contains(name));
            *place = found.next().map(|(place, _)| place);
            if let Some((again, name)) = found.next() {
                return wrong(again + 1, "header", format!("a second column `{name}`"));
            }
        }
        let [user, rank, item, score] = places;
        if user.is_none() || item.is_none() || rank.or(score).is_none() {
            return wrong(0, "header", header_message(header));
        }
        Ok(Self { places, num_columns: names.len() })
    }

    /// Whether lists are in the order of their rows' ranks; else in that of their scores.
    fn is_ranked(&self) -> bool {
        self.places.get(RANK).is_some_and(Option::is_some)
    }

    /// All four columns, in their order.
    const PLAIN: Self = Self { places: [Some(USER), Some(RANK), Some(ITEM), Some(SCORE)], num_columns: COLUMNS.len() };

    /// A field and its column, from 1.
    fn field<'a>(&self, fields: &[&'a str], which: usize) -> std::result::Result<(&'a str, usize), Wrong> {
        let position = self.places.get(which).copied().flatten().unwrap_or_default();
        let field = fields.get(position).copied().unwrap_or_default();
        let name = COLUMNS.get(which).copied().unwrap_or_default();
        if field.is_empty() {
            return wrong(position + 1, "empty_field", format!("`{name}` is empty"));
        }
        if field.contains(['\0', '\r']) {
            let message = format!("`{name}` holds a control character: `{}`", show(field.as_bytes()));
            return wrong(position + 1, "control_char", message);
        }
        Ok((field, position + 1))
    }
}

fn header_message(header: &str) -> String {
    let hint = if header.contains(',') && !header.contains('\t') { " (found commas: separate by tabs)" } else { "" };
    let columns = "the tab-separated columns user, item, and rank or score";
    format!("expected {columns}, got `{}`{hint}", show(header.as_bytes()))
}

/// Lists from memory, row by row, with every check that a file of lists goes through.
///
/// ```
/// use footpath_core::Context;
/// use footpath_eval::{BadRows, ListsBuilder};
/// use footpath_graph::{Dataset, build::build};
///
/// let mut data = Dataset::default();
/// data.interact("ann", "alien");
/// data.fact("alien", "directed_by", "scott");
/// let kg = build(data)?.train_kg()?;
/// let mut lists = ListsBuilder::new("theirs", &kg, BadRows::Refuse);
/// lists.row(1, ["ann", "1", "alien", "0.5"]);
/// let (lists, _) = lists.finish()?;
/// assert_eq!(lists.num_users(), 1);
/// # Ok::<(), footpath_eval::Error>(())
/// ```
pub struct ListsBuilder<'a> {
    reader: Reader<'a>,
}

impl std::fmt::Debug for ListsBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListsBuilder").field("lists", &self.reader.lists.num_users()).finish_non_exhaustive()
    }
}

impl<'a> ListsBuilder<'a> {
    /// No rows so far; `name` stands for the file in messages.
    #[must_use]
    pub fn new(name: &'a str, kg: &'a TrainKg, bad_rows: BadRows) -> Self {
        Self { reader: Reader::new(Path::new(name), kg, bad_rows) }
    }

    /// Adds row `number` (which messages tell as its line): user, rank, item and score, each as it would stand in a
    /// file.
    pub fn row(&mut self, number: u64, fields: [&str; 4]) {
        let [user, rank, item, score] = [USER, RANK, ITEM, SCORE].map(|which| Layout::PLAIN.field(&fields, which));
        if let Err(wrong) = self.reader.take(Row { user, rank: Some(rank), item, score }) {
            self.reader.bad_row(number, wrong);
        }
    }

    /// The lists, and how many rows of each kind were left out.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Import`] with everything wrong; no row at all.
    pub fn finish(mut self) -> Result<(Recommendations, Excluded)> {
        let reader = &mut self.reader;
        if reader.lists.num_users() == 0 && reader.failure.total == 0 && reader.excluded.is_empty() {
            reader.report(0, Wrong { column: 0, kind: "empty", message: "expected rows, got none".to_owned() });
        }
        self.reader.finish()
    }
}

impl Reader<'_> {
    fn read(mut self, mut source: impl BufRead, stage: &Stage<'_>) -> Result<(Recommendations, Excluded)> {
        let first = source.fill_buf().map_err(|e| io_error(self.path, e))?.first().copied();
        let is_json = json::is_meant(first.as_ref());
        let read = if is_json {
            self.json(Lines { max_line_bytes: json::MAX_LINE_BYTES, ..Lines::new(source, stage) })
        } else {
            self.rows(Lines::new(source, stage))
        };
        if let Err((line, wrong)) = read.map_err(|e| io_error(self.path, e))? {
            self.report(line, wrong);
        }
        self.finish()
    }

    /// Reads lists of JSON, one on each line.
    fn json(&mut self, mut lines: Lines<'_, impl BufRead>) -> io::Result<std::result::Result<(), (u64, Wrong)>> {
        while let Some(line) = lines.advance()? {
            if let Err(e) = line {
                return Ok(Err((lines.number, e)));
            }
            if lines.buffer.is_empty() {
                continue;
            }
            if let Err(e) = lines.text().and_then(|text| json::take(self, text)) {
                self.bad_row(lines.number, e);
            }
        }
        Ok(Ok(()))
    }

    /// Reads all rows. The inner error is one after which nothing can be read.
    fn rows(&mut self, mut lines: Lines<'_, impl BufRead>) -> io::Result<std::result::Result<(), (u64, Wrong)>> {
        let layout = match lines.advance()? {
            Some(Ok(())) => lines.text().and_then(Layout::of),
            Some(Err(e)) => Err(e),
            None => wrong(0, "empty", "expected a header and rows, got an empty file"),
        };
        let layout = match layout {
            Ok(layout) => layout,
            Err(e) => return Ok(Err((lines.number.max(1), e))),
        };
        self.by_score = !layout.is_ranked();
        let mut blank = None;
        while let Some(line) = lines.advance()? {
            if let Err(e) = line {
                return Ok(Err((lines.number, e)));
            }
            if lines.buffer.is_empty() {
                blank = blank.or(Some(lines.number));
                continue;
            }
            if let Some(number) = blank.take() {
                self.bad_row(number, Wrong { column: 0, kind: "blank_line", message: "remove the empty line".into() });
            }
            if let Err(e) = lines.text().and_then(|text| self.row(&layout, text)) {
                self.bad_row(lines.number, e);
            }
        }
        if self.lists.num_users() == 0 && self.failure.total == 0 && self.excluded.is_empty() {
            return Ok(wrong(0, "empty", "expected rows after the header, got none").map_err(|e| (lines.number, e)));
        }
        Ok(Ok(()))
    }

    fn row(&mut self, layout: &Layout, line: &str) -> std::result::Result<(), Wrong> {
        // One more than is valid is enough to know, however many there are.
        let num = layout.num_columns;
        let fields: Vec<&str> = line.split('\t').take(num + 1).collect();
        if fields.len() != num {
            let got = if fields.len() > num { "more".to_owned() } else { fields.len().to_string() };
            return wrong(0, "columns", format!("expected {num} tab-separated fields, got {got}"));
        }
        let rank = layout.is_ranked().then(|| layout.field(&fields, RANK));
        // Where the rank decides and no score is there, its place in the list is one.
        let score = match layout.places.get(SCORE) {
            Some(None) => Ok(("0", 0)),
            _ => layout.field(&fields, SCORE),
        };
        self.take(Row { user: layout.field(&fields, USER), rank, item: layout.field(&fields, ITEM), score })
    }
}

/// Lines of a file, one at a time, never longer than [`MAX_LINE_BYTES`] nor more than [`MAX_LINES`]; a byte order mark
/// and line ends are dropped.
struct Lines<'a, R> {
    source: R,
    stage: &'a Stage<'a>,
    buffer: Vec<u8>,
    number: u64,
    max_line_bytes: usize,
    /// Bytes read since the stage was last told.
    untold: u64,
}

impl<'a, R: BufRead> Lines<'a, R> {
    fn new(source: R, stage: &'a Stage<'a>) -> Self {
        Self { source, stage, buffer: Vec::new(), number: 0, max_line_bytes: MAX_LINE_BYTES, untold: 0 }
    }

    /// Puts the next line into the buffer; `None` at the end of the file.
    fn advance(&mut self) -> io::Result<Option<std::result::Result<(), Wrong>>> {
        self.buffer.clear();
        if self.number.is_multiple_of(LINES_AT_ONCE) || self.untold > MAX_LINE_BYTES as u64 {
            self.stage.advance(std::mem::take(&mut self.untold))?;
        }
        // Two more bytes than a line may have: its end.
        let mut bounded = self.source.by_ref().take(self.max_line_bytes as u64 + 2);
        let num_bytes = bounded.read_until(b'\n', &mut self.buffer)?;
        if num_bytes == 0 {
            return Ok(None);
        }
        self.untold += num_bytes as u64;
        self.number += 1;
        if self.number > MAX_LINES {
            let message = format!("a file of lists has at most {MAX_LINES} lines; judge it in parts");
            return Ok(Some(wrong(0, "too_many_lines", message)));
        }
        for end in [b'\n', b'\r'] {
            self.buffer.pop_if(|last| *last == end);
        }
        if self.buffer.len() > self.max_line_bytes {
            let message = format!("a line has at most {} bytes", self.max_line_bytes);
            return Ok(Some(wrong(0, "line_too_long", message)));
        }
        if self.number == 1 {
            return Ok(Some(self.start()));
        }
        Ok(Some(Ok(())))
    }

    fn start(&mut self) -> std::result::Result<(), Wrong> {
        if self.buffer.starts_with(&[0xff, 0xfe]) || self.buffer.starts_with(&[0xfe, 0xff]) {
            return wrong(0, "encoding", "the file is UTF-16; save it as UTF-8");
        }
        if self.buffer.starts_with("\u{feff}".as_bytes()) {
            self.buffer.drain(..3);
        }
        if self.buffer.contains(&b'\r') {
            return wrong(0, "bare_cr", "lines end in a lone carriage return; use line feeds");
        }
        Ok(())
    }

    fn text(&self) -> std::result::Result<&str, Wrong> {
        std::str::from_utf8(&self.buffer).or_else(|e| {
            wrong(0, "utf8", format!("not UTF-8 at byte {} of the line; recode the file", e.valid_up_to()))
        })
    }
}

#[cfg(test)]
mod tests;
