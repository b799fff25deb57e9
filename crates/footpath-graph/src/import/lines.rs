//! Text files without a header, line by line: within limits, as UTF-8, with what is wrong noted by line.

use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::bare_cr;
use super::source::Source;
use super::table::MAX_LINE_BYTES;
use crate::error::{Result, show};
use std::io;
use std::path::{Path, PathBuf};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Lines after which a stop is heeded and progress told.
const LINES_PER_STEP: u64 = 4096;

/// A text file, at one of its lines.
pub(super) struct Lines {
    path: PathBuf,
    source: Source,
    line: u64,
    raw: Vec<u8>,
}

impl Lines {
    /// Opens a file that must hold text.
    pub(super) fn open(path: &Path, reading: &mut Reading<'_>) -> Result<Self> {
        let source = Source::open(path, reading.budget.clone())?;
        let mut lines = Self { path: path.to_owned(), source, line: 0, raw: Vec::new() };
        if let Some(message) = lines.source.packing.misnamed(path) {
            reading.problems.warn("misnamed", path, 0, 1, message);
        }
        let flaw = match lines.source.peek() {
            Ok(start) => binary(start),
            Err(error) => Some(lines.source.explain(path, error)?),
        };
        flaw.map_or(Ok(()), |flaw| reading.problems.bad(path, 0, flaw))?;
        Ok(lines)
    }

    /// Passes each line to `take` with its number, noting those it refuses. A blank line is one like any other, but for
    /// those at the end where `blank_count` is not set.
    pub(super) fn each(
        &mut self,
        reading: &mut Reading<'_>,
        blank_count: bool,
        mut take: impl FnMut(u32, &str) -> Checked<()>,
    ) -> Result<()> {
        let mut blank = None;
        let mut num_taken = 0u64;
        while self.advance(reading)? {
            if self.raw.is_empty() && !blank_count {
                blank.get_or_insert(self.line);
                continue;
            }
            // Blank lines matter only when something follows them.
            if let Some(line) = blank.take() {
                reading.problems.bad(&self.path, line, Flaw::new("blank_line", "blank line inside the file"))?;
            }
            num_taken += 1;
            reading.problems.num_records += 1;
            let line = u32::try_from(self.line).unwrap_or(0);
            if let Err(flaw) = self.text().and_then(|text| take(line, text)) {
                reading.problems.bad(&self.path, self.line, flaw)?;
            }
        }
        self.end(reading, num_taken)
    }

    /// Fills `text` with the next lines, about so many bytes of them, and `lines` with the number and place of each
    /// that is not blank; `false` at the end of the file.
    #[cfg(feature = "rdf")]
    pub(super) fn batch(
        &mut self,
        reading: &mut Reading<'_>,
        max_bytes: usize,
        text: &mut Vec<u8>,
        lines: &mut Vec<(u32, std::ops::Range<usize>)>,
    ) -> Result<bool> {
        text.clear();
        lines.clear();
        while text.len() < max_bytes {
            if !self.advance(reading)? {
                return Ok(false);
            }
            if !self.raw.trim_ascii().is_empty() {
                let start = text.len();
                text.extend_from_slice(&self.raw);
                lines.push((u32::try_from(self.line).unwrap_or(0), start..text.len()));
            }
        }
        Ok(true)
    }

    /// Ends the reading of a file of which so many records were read.
    pub(super) fn end(&self, reading: &mut Reading<'_>, num_records: u64) -> Result<()> {
        if num_records == 0 {
            reading.problems.bad(&self.path, 0, Flaw::fatal("empty", "the file has no records"))?;
        }
        reading.reach(self.source.consumed())?;
        reading.end_of_file(self.source.consumed());
        reading.problems.stop_if_strict()
    }

    /// Reads the next line without its end; `false` at the end of the file.
    fn advance(&mut self, reading: &mut Reading<'_>) -> Result<bool> {
        self.raw.clear();
        // Two bytes over the limit, for the end of the line.
        let num_read = match self.source.read_line(MAX_LINE_BYTES + 2, &mut self.raw) {
            Ok(num_read) => num_read,
            Err(error) => return self.fail(reading, error),
        };
        if num_read == 0 {
            return Ok(false);
        }
        self.line += 1;
        if self.line.is_multiple_of(LINES_PER_STEP) {
            reading.reach(self.source.consumed())?;
        }
        if self.raw.last() == Some(&b'\n') {
            self.raw.pop();
        }
        if self.raw.last() == Some(&b'\r') {
            self.raw.pop();
        }
        if self.line == 1 && self.raw.starts_with(BYTE_ORDER_MARK) {
            self.raw.drain(..BYTE_ORDER_MARK.len());
        }
        if self.raw.len() > MAX_LINE_BYTES {
            let message = format!("the line is longer than {MAX_LINE_BYTES} bytes");
            reading.problems.bad(&self.path, self.line, Flaw::fatal("line_too_long", message))?;
        }
        Ok(true)
    }

    fn fail(&self, reading: &mut Reading<'_>, error: io::Error) -> Result<bool> {
        let flaw = self.source.explain(&self.path, error)?;
        reading.problems.bad(&self.path, self.line, Flaw { fatal: true, ..flaw }).map(|()| false)
    }

    /// The line as text.
    fn text(&self) -> Checked<&str> {
        let control = self.raw.iter().find(|&&b| (b < b' ' && b != b'\t') || b == 0x7f);
        match control {
            Some(b'\r') => return Err(bare_cr()),
            Some(control) => {
                return Err(Flaw::new("control_char", format!("control character {}", show(&[*control]))));
            }
            None => {}
        }
        std::str::from_utf8(&self.raw).map_err(|error| {
            let near = self.raw.get(error.valid_up_to()..).unwrap_or_default();
            let near = show(near.get(..near.len().min(8)).unwrap_or_default());
            let message = format!(
                "not UTF-8 at byte {} of the line (`{near}`); if the file is in another encoding such as Latin-1, \
                 recode it",
                error.valid_up_to()
            );
            Flaw::new("utf8", message)
        })
    }
}

/// What a file is, by its first bytes, when it is surely not text.
pub(super) fn binary(start: &[u8]) -> Option<Flaw> {
    if start.is_empty() {
        return Some(Flaw::fatal("empty", "the file is empty"));
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Some(Flaw::fatal("encoding", "the file is UTF-16; recode it to UTF-8"));
    }
    if let [0x80, 0x02..=0x05, ..] = start {
        let message = "the file is a Python pickle, which can run code when it is loaded; it is not read";
        return Some(Flaw::fatal("pickle", message));
    }
    let signatures: [(&[u8], &str); 10] = [
        (&[0x1f, 0x8b], "gzip inside the packed file"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd inside the packed file"),
        (b"BZh", "bzip2 inside the packed file"),
        (b"\xfd7zXZ", "xz inside the packed file"),
        (b"PK\x03\x04", "a zip archive (PyTorch's files are such)"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite format 3", "an SQLite database"),
        (b"%PDF", "a PDF file"),
        (b"version https://git-lfs", "a Git LFS pointer (fetch the real file with `git lfs pull`)"),
        (b"\x93NUMPY", "a NumPy array"),
    ];
    let (_, name) = signatures.into_iter().find(|(signature, _)| start.starts_with(signature))?;
    Some(Flaw::fatal("not_this_format", format!("expected text, but the file looks like {name}")))
}

/// A whole number of a layout in which ids are numbers.
pub(super) fn number(text: &str, field: usize, what: &str) -> Checked<u32> {
    text.parse().map_err(|_| {
        let shown = show(text.as_bytes());
        Flaw::new("number", format!("`{shown}` is no number of {what}; whole numbers from 0 are expected")).at(field)
    })
}

/// The fields of a line, parted by blanks or tabs.
pub(super) fn fields<'l, const N: usize>(line: &'l str, expected: &str) -> Checked<[&'l str; N]> {
    let mut fields = [""; N];
    let mut count = 0;
    for field in line.split_ascii_whitespace() {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field;
        }
        count += 1;
    }
    if count == N {
        return Ok(fields);
    }
    Err(Flaw::new("columns", format!("expected {N} fields ({expected}), got {count}")).at(count.min(N)))
}
