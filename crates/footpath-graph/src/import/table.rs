//! One table reader for every text format: lines, fields and the header, streaming and within limits.
//!
//! TSV has no quoting: a field is whatever stands between two tabs. CSV follows RFC 4180. In both a line ends with LF
//! or CRLF, a byte order mark at the start is dropped, and the first line names the columns. A few hundred records are
//! read ahead, so that their names can be looked up together; what is wrong with a record is still noted in the order
//! of the file.

use super::columns;

use super::problems::{Checked, Flaw, MaxBad, Problems};
use super::reading::Reading;
use super::record::{Csv, Record, Row, bare_cr};
use super::rows::{self, Container, Rows};
use super::source::Source;
use crate::error::{Result, show};
use std::io;
use std::path::{Path, PathBuf};

/// Longest record, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Records read ahead, and the bytes after which no more are.
const RECORDS_AHEAD: usize = 256;
const BYTES_AHEAD: usize = 256 << 10;
/// Flaws after which reading ahead pauses, so that a file of nothing else takes no memory.
const FLAWS_AHEAD: usize = 256;
/// Rows that were longer are not kept to be filled again.
const KEPT_ROW_BYTES: usize = 16 << 10;
/// Lines after which a stop is heeded and progress told, whatever they hold.
const LINES_PER_STEP: u64 = 4096;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Tab,
    Comma,
}

/// A file of records, at one of them.
pub(super) struct Table {
    path: PathBuf,
    source: Source,
    /// The rows of a file that is no text.
    rows: Option<Rows>,
    delimiter: Delimiter,
    header: Vec<String>,
    header_text: String,
    num_records: u64,
    /// Number of the last line read, and of the first line of the current record.
    last_line: u64,
    line: u64,
    /// Bytes before the last line read.
    offset: u64,
    next_offset: u64,
    row: Row,
}

/// Where reading on led to.
enum Next {
    Record,
    /// There were so many flaws that they should be noted first.
    Pause,
    End,
}

impl Table {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, delimiter: Delimiter, reading: &mut Reading<'_>) -> Result<Self> {
        let container = rows::container(path);
        let source = match container {
            Some(_) => Source::nothing(),
            None => Source::open(path, reading.budget.clone())?,
        };
        let mut table = Self {
            path: path.to_owned(),
            source,
            rows: None,
            delimiter,
            header: Vec::new(),
            header_text: String::new(),
            num_records: 0,
            last_line: 0,
            line: 0,
            offset: 0,
            next_offset: 0,
            row: Row::default(),
        };
        if let Some(container) = container {
            table.open_rows(container, reading)?;
            return Ok(table);
        }
        table.sniff(reading)?;
        table.read_header(reading)?;
        Ok(table)
    }

    fn open_rows(&mut self, container: Container, reading: &mut Reading<'_>) -> Result<()> {
        std::fs::metadata(&self.path).map_err(footpath_core::Error::io(&self.path))?;
        match Rows::open(&self.path, container) {
            Ok((rows, header)) => {
                (self.rows, self.header) = (Some(rows), header);
                Ok(())
            }
            Err(flaw) => self.refuse(reading, 0, flaw),
        }
    }

    /// Goes to the next usable row of a file that is no text.
    fn advance_rows(&mut self, reading: &mut Reading<'_>) -> Result<Next> {
        while let Some(next) = self.rows.as_mut().and_then(|rows| rows.next(&mut self.row)) {
            self.last_line += 1;
            self.line = self.last_line;
            self.num_records += 1;
            reading.problems.num_records += 1;
            match next {
                Ok(()) => return Ok(Next::Record),
                Err(flaw) => reading.problems.bad(&self.path, self.line, flaw)?,
            }
            if reading.problems.num_ahead() >= FLAWS_AHEAD {
                return Ok(Next::Pause);
            }
        }
        Ok(Next::End)
    }

    /// Bytes of the file used so far; of rows their share.
    fn consumed(&self) -> u64 {
        let Some(rows) = &self.rows else { return self.source.consumed() };
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        let (read, all) = rows.share();
        u64::try_from(u128::from(bytes) * u128::from(read) / u128::from(all)).unwrap_or(bytes)
    }

    /// The file's own name.
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| show(name.to_string_lossy().as_bytes()))
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Passes each record to `take`, noting those it refuses. A file without records is refused.
    pub(super) fn each(
        &mut self,
        reading: &mut Reading<'_>,
        mut take: impl FnMut(Record<'_>) -> Checked<()>,
    ) -> Result<()> {
        self.each_ahead(reading, &mut (), |(), _| (), |(), record| take(record))
    }

    /// As [`Table::each`]. Before the first of some records that were read ahead together is passed on, `look` sees all
    /// of them.
    pub(super) fn each_ahead<S>(
        &mut self,
        reading: &mut Reading<'_>,
        state: &mut S,
        mut look: impl FnMut(&mut S, &[Record<'_>]),
        mut take: impl FnMut(&mut S, Record<'_>) -> Checked<()>,
    ) -> Result<()> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let mut flaws_before = Vec::new();
            reading.problems.look_ahead();
            let read = self.read_ahead(reading, &mut rows, &mut flaws_before);
            let mut flaws = reading.problems.come_back().into_iter().enumerate().peekable();
            let records: Vec<Record<'_>> =
                rows.iter().take(flaws_before.len()).enumerate().map(|(n, row)| row.record(n)).collect();
            look(state, &records);
            for (&record, &before) in records.iter().zip(&flaws_before) {
                while let Some((_, (line, flaw))) = flaws.next_if(|(number, _)| *number < before) {
                    reading.problems.bad(&self.path, line, flaw)?;
                }
                if let Err(flaw) = take(state, record) {
                    reading.problems.bad(&self.path, record.line, flaw)?;
                }
            }
            flaws.try_for_each(|(_, (line, flaw))| reading.problems.bad(&self.path, line, flaw))?;
            rows.retain(|row| row.text.capacity() <= KEPT_ROW_BYTES);
            reading.reach(self.consumed())?;
            if !read? {
                break;
            }
        }
        if self.num_records == 0 {
            return self.refuse(reading, 0, Flaw::fatal("empty", "has a header but no records"));
        }
        reading.end_of_file(self.consumed());
        reading.problems.stop_if_strict()
    }

    /// Refuses the whole file; never returns `Ok` for a fatal flaw.
    fn refuse(&self, reading: &mut Reading<'_>, line: u64, flaw: Flaw) -> Result<()> {
        reading.problems.bad(&self.path, line, flaw)
    }

    /// Fills `rows` with the next records, and `flaws_before` with the number of flaws that were found up to each;
    /// `false` at the end.
    fn read_ahead(
        &mut self,
        reading: &mut Reading<'_>,
        rows: &mut Vec<Row>,
        flaws_before: &mut Vec<usize>,
    ) -> Result<bool> {
        let mut bytes = 0;
        while flaws_before.len() < RECORDS_AHEAD && bytes < BYTES_AHEAD {
            match self.advance(reading)? {
                Next::Record => {}
                Next::Pause => return Ok(true),
                Next::End => return Ok(false),
            }
            bytes += self.row.text.len();
            self.row.line = self.line;
            if rows.len() == flaws_before.len() {
                rows.push(Row::default());
            }
            if let Some(row) = rows.get_mut(flaws_before.len()) {
                std::mem::swap(row, &mut self.row);
            }
            flaws_before.push(reading.problems.num_ahead());
        }
        Ok(true)
    }

    /// Refuses what is not text at all, by its first bytes.
    fn sniff(&mut self, reading: &mut Reading<'_>) -> Result<()> {
        if let Some(message) = self.source.packing.misnamed(&self.path) {
            reading.problems.warn("misnamed", &self.path, 0, 1, message);
        }
        let flaw = match self.source.peek() {
            Ok(start) => foreign(start),
            Err(error) => Some(self.source.explain(&self.path, error)?),
        };
        flaw.map_or(Ok(()), |flaw| self.refuse(reading, 0, flaw))
    }

    fn read_header(&mut self, reading: &mut Reading<'_>) -> Result<()> {
        if !self.read_line(reading)? {
            return self.refuse(reading, 0, Flaw::fatal("empty", "has no lines"));
        }
        if self.row.raw.starts_with(BYTE_ORDER_MARK) {
            self.row.raw.drain(..BYTE_ORDER_MARK.len());
        }
        if self.row.raw.is_empty() {
            return self.refuse(
                reading,
                1,
                Flaw::fatal("empty", "starts with a blank line where the header should be"),
            );
        }
        self.line = self.last_line;
        if let Some(flaw) = self.other_delimiter() {
            return self.refuse(reading, self.line, flaw);
        }
        if let Err(mut flaw) = self.parse(reading)? {
            flaw.fatal = true;
            return self.refuse(reading, self.line, flaw);
        }
        self.header =
            self.row.fields.iter().map(|f| self.row.text.get(f.clone()).unwrap_or_default().to_owned()).collect();
        self.header_text.clone_from(&self.row.text);
        Ok(())
    }

    /// The flaw of a header in `.csv` whose columns are parted by something else, told before it is cut at commas.
    fn other_delimiter(&self) -> Option<Flaw> {
        let line = &self.row.raw;
        if self.delimiter == Delimiter::Tab || line.contains(&b',') {
            return None;
        }
        let found = [b'\t', b';', b'|'].into_iter().find(|other| line.contains(other))?;
        let found = char::from(found);
        let way_out = if found == '\t' { "call the file .tsv" } else { "save it with commas, or with tabs as .tsv" };
        let shown = show(line);
        let message = format!("fields of a .csv are parted by `,`, found {found:?} in the header `{shown}`; {way_out}");
        Some(Flaw::fatal("columns", message))
    }

    /// Those of some columns that are empty in every record; a look aside, which is short where the first record has
    /// them all.
    pub(super) fn empty_columns(&self, columns: &[usize], reading: &Reading<'_>) -> Result<Vec<usize>> {
        let mut problems = Problems::new(Some(MaxBad::default()));
        let mut reading = reading.aside(&mut problems);
        let mut empty = columns.to_vec();
        let mut table = Self::open(&self.path, self.delimiter, &mut reading)?;
        let (mut rows, mut num_records) = (Vec::new(), 0);
        while !empty.is_empty() {
            let mut flaws_before = Vec::new();
            let read = table.read_ahead(&mut reading, &mut rows, &mut flaws_before);
            for row in rows.iter().take(flaws_before.len()) {
                empty.retain(|&column| row.record(0).field(column).text.is_empty());
            }
            num_records += flaws_before.len();
            // What is wrong with the file is told when it is read.
            match read {
                Ok(true) => {}
                Err(crate::Error::Core(error)) if error.is_stop() => return Err(error.into()),
                Ok(false) | Err(_) => break,
            }
        }
        Ok(if num_records == 0 { Vec::new() } else { empty })
    }

    /// Goes to the next usable record. Unusable ones are noted.
    fn advance(&mut self, reading: &mut Reading<'_>) -> Result<Next> {
        if self.rows.is_some() {
            return self.advance_rows(reading);
        }
        let mut blank: Option<u64> = None;
        while self.read_line(reading)? {
            if self.row.raw.is_empty() {
                blank.get_or_insert(self.last_line);
                continue;
            }
            // Blank lines matter only when something follows them.
            if let Some(line) = blank.take() {
                reading.problems.bad(&self.path, line, Flaw::new("blank_line", "blank line inside the file"))?;
            }
            self.line = self.last_line;
            self.num_records += 1;
            reading.problems.num_records += 1;
            match self.parse(reading)?.and_then(|()| self.check_shape()) {
                Ok(None) => return Ok(Next::Record),
                Ok(Some(repaired)) => {
                    reading.problems.bad(&self.path, self.line, repaired)?;
                    return Ok(Next::Record);
                }
                Err(flaw) => reading.problems.bad(&self.path, self.line, flaw)?,
            }
            if reading.problems.num_ahead() >= FLAWS_AHEAD {
                return Ok(Next::Pause);
            }
        }
        Ok(Next::End)
    }

    /// Reads a line without its end into the row; `false` at the end of the file.
    fn read_line(&mut self, reading: &mut Reading<'_>) -> Result<bool> {
        self.row.raw = std::mem::take(&mut self.row.text).into_bytes();
        self.row.raw.clear();
        self.append_line(reading)
    }

    fn append_line(&mut self, reading: &mut Reading<'_>) -> Result<bool> {
        // Two bytes over the limit, for the end of the line.
        let limit = (MAX_LINE_BYTES + 2).saturating_sub(self.row.raw.len());
        let num_read = match self.source.read_line(limit, &mut self.row.raw) {
            Ok(num_read) => num_read,
            Err(error) => return self.fail(reading, error),
        };
        if num_read == 0 {
            return Ok(false);
        }
        self.offset = self.next_offset;
        self.next_offset += num_read as u64;
        self.last_line += 1;
        if self.last_line.is_multiple_of(LINES_PER_STEP) {
            reading.reach(self.source.consumed())?;
        }
        if self.row.raw.last() == Some(&b'\n') {
            self.row.raw.pop();
            if self.row.raw.last() == Some(&b'\r') {
                self.row.raw.pop();
            }
        }
        if self.row.raw.len() > MAX_LINE_BYTES {
            // The last byte may be the first half of a CRLF that the limit cut in two.
            let flaw = match self.row.raw.split_last() {
                Some((_, rest)) if rest.contains(&b'\r') => bare_cr(),
                _ => Flaw::fatal("line_too_long", format!("the line is longer than {MAX_LINE_BYTES} bytes")),
            };
            self.refuse(reading, self.last_line, Flaw { fatal: true, ..flaw })?;
        }
        Ok(true)
    }

    fn fail(&self, reading: &mut Reading<'_>, error: io::Error) -> Result<bool> {
        let flaw = self.source.explain(&self.path, error)?;
        self.refuse(reading, self.last_line + 1, flaw).map(|()| false)
    }

    /// Cuts the line into fields. The outer error is fatal, the inner one spoils this record only.
    fn parse(&mut self, reading: &mut Reading<'_>) -> Result<Checked<()>> {
        if self.last_line > 1 && contains_mark(&self.row.raw) {
            let flaw = Flaw::new("bom_inside", "byte order mark inside the file; were files joined? it is dropped");
            reading.problems.bad(&self.path, self.line, flaw)?;
            remove_marks(&mut self.row.raw);
        }
        match self.delimiter {
            Delimiter::Tab => Ok(self.row.split_tabs().and_then(|()| self.row.decode(self.offset))),
            Delimiter::Comma => self.parse_csv(reading),
        }
    }

    fn parse_csv(&mut self, reading: &mut Reading<'_>) -> Result<Checked<()>> {
        let mut csv = Csv::default();
        let offset = self.offset;
        let mut from = 0;
        loop {
            let open = match csv.feed(self.row.raw.get(from..).unwrap_or_default()) {
                Ok(open) => open,
                Err(flaw) => return Ok(Err(flaw)),
            };
            if !open {
                break;
            }
            self.row.raw.push(b'\n');
            from = self.row.raw.len();
            csv.out.push(b'\n');
            let too_long = from > MAX_LINE_BYTES;
            if too_long || !self.append_line(reading)? {
                let flaw = Flaw::fatal("quote", "a quoted field that starts in this line is never closed");
                return self.refuse(reading, self.line, flaw).map(|()| Ok(()));
            }
        }
        (self.row.raw, self.row.fields, self.row.quoted) = (csv.out, csv.fields, csv.quoted);
        Ok(self.row.decode(offset))
    }

    /// Compares with the header: the inner `Some` is a flaw that leaves the record usable.
    fn check_shape(&self) -> Checked<Option<Flaw>> {
        if self.row.text == self.header_text {
            return Err(Flaw::new("header", "the header again; were files joined?"));
        }
        let (expected, got) = (self.header.len(), self.row.fields.len());
        if got == expected {
            return Ok(None);
        }
        let message = format!("expected {expected} fields, got {got}{}", self.delimiter_hint(got));
        let flaw = Flaw::new("columns", message).at(expected.min(got));
        if got < expected { Err(flaw) } else { Ok(Some(flaw)) }
    }

    /// What else could be meant to stand between the fields.
    fn delimiter_hint(&self, got: usize) -> String {
        if got > 1 {
            return String::new();
        }
        let wanted = if self.delimiter == Delimiter::Tab { "a tab" } else { "`,`" };
        let found = ['\t', ',', ';', '|', ' '].into_iter().find(|&c| self.row.text.contains(c));
        found.map_or_else(String::new, |c| format!("; fields are parted by {wanted}, found {c:?}"))
    }

    /// Refuses a header in which a column is missing or stands twice.
    pub(super) fn require(&self, required: &[&str], reading: &mut Reading<'_>) -> Result<()> {
        let twice = self.header.iter().enumerate().find(|(i, name)| self.header.iter().take(*i).any(|h| h == *name));
        if let Some((number, name)) = twice {
            let name = show(name.as_bytes());
            return self.refuse(reading, 1, Flaw::fatal("header", format!("column `{name}` stands twice")).at(number));
        }
        let missing = |name: &&&str| self.column(name, reading).is_none();
        let Some(name) = required.iter().find(missing) else { return Ok(()) };
        let found = show(self.header.join(", ").as_bytes());
        let hint = if self.header.len() == 1 { self.delimiter_hint(1) } else { String::new() };
        let kind = if hint.is_empty() { "header" } else { "columns" };
        let wanted = reading.columns.name(name.split(':').next().unwrap_or(name));
        let alike = self.alike(name, required).map_or_else(String::new, |column| {
            let known = name.split(':').next().unwrap_or(name);
            format!("; `{}` looks like it: {}", show(column.as_bytes()), columns::way_out(known, column))
        });
        let called = if wanted == name.split(':').next().unwrap_or(name) {
            String::new()
        } else {
            format!(", given as `{}`", show(wanted.as_bytes()))
        };
        let message = format!(
            "no column `{name}`{called} in the header; expected {}, found {found}{hint}{alike}",
            required.join(", ")
        );
        self.refuse(reading, 1, Flaw::fatal(kind, message))
    }

    /// The column that looks like a known one and is no other that is needed.
    fn alike(&self, known: &str, required: &[&str]) -> Option<&str> {
        let known = known.split(':').next().unwrap_or(known);
        let others: Vec<&str> = required.iter().map(|name| name.split(':').next().unwrap_or(name)).collect();
        columns::alike(known, &self.header, &others)
    }

    /// Number of a column, if the header names it as it is known or as the options say. A type that is known is kept.
    pub(super) fn column(&self, known: &str, reading: &Reading<'_>) -> Option<usize> {
        let (name, kind) = known.split_once(':').map_or((known, None), |(name, kind)| (name, Some(kind)));
        let given = reading.columns.name(name);
        let position = |name: &str| {
            let typed = kind.map(|kind| format!("{name}:{kind}"));
            self.header.iter().position(|h| h == typed.as_deref().unwrap_or(name))
        };
        if given.is_empty() { None } else { position(given).or_else(|| position(name)) }
    }

    /// Refuses the header for a reason of the format.
    pub(super) fn refuse_header(&self, reading: &mut Reading<'_>, flaw: Flaw) -> Result<()> {
        self.refuse(reading, 1, Flaw { fatal: true, ..flaw })
    }
}

fn contains_mark(line: &[u8]) -> bool {
    line.contains(&0xef) && line.windows(BYTE_ORDER_MARK.len()).any(|w| w == BYTE_ORDER_MARK)
}

fn remove_marks(line: &mut Vec<u8>) {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line.as_slice();
    while let Some((&first, tail)) = rest.split_first() {
        match rest.strip_prefix(BYTE_ORDER_MARK) {
            Some(after) => rest = after,
            None => {
                kept.push(first);
                rest = tail;
            }
        }
    }
    *line = kept;
}

/// What a file is, by its first bytes, when it is surely not a table in UTF-8.
fn foreign(start: &[u8]) -> Option<Flaw> {
    if start.is_empty() {
        return Some(Flaw::fatal("empty", "the file is empty"));
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Some(Flaw::fatal("encoding", "the file is UTF-16; recode it to UTF-8"));
    }
    let signatures: [(&[u8], &str); 13] = [
        (&[0x1f, 0x8b], "gzip inside the packed file"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd inside the packed file"),
        (b"PK\x03\x04", "a zip archive"),
        (b"PAR1", "a Parquet file"),
        (b"ARROW1", "an Arrow file"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ", "an xz file"),
        (b"SQLite format 3", "an SQLite database"),
        (b"%PDF", "a PDF file"),
        (b"version https://git-lfs", "a Git LFS pointer (fetch the real file with `git lfs pull`)"),
        (b"{", "JSON"),
        (b"[", "JSON"),
        (b"<", "HTML, XML or N-Triples"),
    ];
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start();
    let (_, name) = signatures.into_iter().find(|(signature, _)| text.starts_with(signature))?;
    Some(Flaw::fatal("not_this_format", format!("expected a table with a header line, but the file looks like {name}")))
}

#[cfg(test)]
mod tests;
