//! One record of a table: cut into fields, checked and decoded.

use super::field::Field;
use super::problems::{Checked, Flaw};
use crate::error::show;
use std::ops::Range;

/// Longest field, in bytes.
pub const MAX_FIELD_BYTES: usize = 64 << 10;
/// Most columns.
pub const MAX_COLUMNS: usize = 64;

/// One record: its fields as ranges of a text.
#[derive(Default)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) raw: Vec<u8>,
    pub(super) text: String,
    pub(super) fields: Vec<Range<usize>>,
    pub(super) quoted: bool,
}

/// The current record of a table.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    text: &'a str,
    pub(super) fields: &'a [Range<usize>],
    quoted: bool,
    pub(super) line: u64,
    /// Number among the records read ahead together.
    pub(super) number: usize,
}

impl<'a> Record<'a> {
    /// The field in a column; empty when the table has no such column.
    pub(super) fn field(self, column: usize) -> Field<'a> {
        let range = self.fields.get(column).cloned().unwrap_or_default();
        Field { text: self.text.get(range).unwrap_or_default(), number: column, quoted: self.quoted }
    }

    /// Line of the file where the record starts, from 1; 0 where it is too large to keep.
    pub(super) fn line(self) -> u32 {
        u32::try_from(self.line).unwrap_or(0)
    }

    /// Number among the records read ahead together, from 0.
    pub(super) fn number(self) -> usize {
        self.number
    }
}

impl Row {
    /// Fills the row with the text of its columns, which `write` appends one after the other.
    #[cfg(any(feature = "arrow", feature = "parquet"))]
    pub(super) fn fill(
        &mut self,
        num_columns: usize,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Checked<()>,
    ) -> Checked<()> {
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.clear();
        self.fields.clear();
        self.quoted = true;
        let mut flaw = None;
        for column in 0..num_columns {
            let start = text.len();
            write(column, &mut text)?;
            let checked = check_field(text.get(start..).unwrap_or_default(), column, true);
            flaw = flaw.or(checked.err());
            self.fields.push(start..text.len());
        }
        match String::from_utf8(text) {
            Ok(text) => self.text = text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let column = self.fields.iter().take_while(|field| field.end <= at).count();
                flaw = Some(Flaw::new("utf8", "a value of bytes that is not UTF-8").at(column));
            }
        }
        flaw.map_or(Ok(()), Err)
    }

    pub(super) fn record(&self, number: usize) -> Record<'_> {
        Record { text: &self.text, fields: &self.fields, quoted: self.quoted, line: self.line, number }
    }

    pub(super) fn split_tabs(&mut self) -> Checked<()> {
        self.fields.clear();
        let mut start = 0;
        for field in self.raw.split(|&b| b == b'\t') {
            if self.fields.len() == MAX_COLUMNS {
                return Err(too_many_columns());
            }
            check_field(field, self.fields.len(), false)?;
            self.fields.push(start..start + field.len());
            start += field.len() + 1;
        }
        Ok(())
    }

    /// Turns the bytes into text.
    pub(super) fn decode(&mut self, offset: u64) -> Checked<()> {
        match String::from_utf8(std::mem::take(&mut self.raw)) {
            Ok(text) => {
                self.text = text;
                Ok(())
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let number = self.fields.iter().take_while(|f| f.end < at).count();
                self.raw = error.into_bytes();
                let near = self.raw.get(at..).unwrap_or_default();
                let near = show(near.get(..near.len().min(8)).unwrap_or_default());
                let message = format!(
                    "not UTF-8 at byte {} of the file (`{near}`); if the file is in another encoding such as Latin-1, \
                     recode it",
                    offset + at as u64
                );
                Err(Flaw::new("utf8", message).at(number))
            }
        }
    }
}

/// An RFC 4180 record while it is read, line by line.
#[derive(Default)]
pub(super) struct Csv {
    pub(super) out: Vec<u8>,
    pub(super) fields: Vec<Range<usize>>,
    start: usize,
    state: CsvState,
    pub(super) quoted: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum CsvState {
    #[default]
    Start,
    Plain,
    Quoted,
    Closed,
}

impl Csv {
    /// Takes a line without its end; the answer is whether a quoted field goes on in the next line.
    pub(super) fn feed(&mut self, line: &[u8]) -> Checked<bool> {
        for &byte in line {
            match (self.state, byte) {
                (CsvState::Start, b'"') => (self.state, self.quoted) = (CsvState::Quoted, true),
                (CsvState::Quoted, b'"') => self.state = CsvState::Closed,
                (CsvState::Closed, b'"') => {
                    self.out.push(b'"');
                    self.state = CsvState::Quoted;
                }
                (CsvState::Start | CsvState::Plain | CsvState::Closed, b',') => self.end_field()?,
                (CsvState::Plain, b'"') => return Err(self.bad_quote("a quote inside a field that is not quoted")),
                (CsvState::Closed, _) => return Err(self.bad_quote("text after the closing quote")),
                (CsvState::Start, _) => {
                    self.state = CsvState::Plain;
                    self.out.push(byte);
                }
                (CsvState::Plain | CsvState::Quoted, _) => self.out.push(byte),
            }
        }
        if self.state == CsvState::Quoted {
            return Ok(true);
        }
        self.end_field().map(|()| false)
    }

    fn end_field(&mut self) -> Checked<()> {
        if self.fields.len() == MAX_COLUMNS {
            return Err(too_many_columns());
        }
        check_field(self.out.get(self.start..).unwrap_or_default(), self.fields.len(), self.state == CsvState::Closed)?;
        self.fields.push(self.start..self.out.len());
        // A separator byte keeps two records with the same bytes in different fields apart.
        self.out.push(b',');
        (self.start, self.state) = (self.out.len(), CsvState::Start);
        Ok(())
    }

    fn bad_quote(&self, what: &str) -> Flaw {
        Flaw::new("quote", format!("{what}; write the field as \"…\" and a quote in it as \"\"")).at(self.fields.len())
    }
}

/// Checks the length and the characters of a field; only a quoted one may hold tabs and line breaks.
pub(super) fn check_field(field: &[u8], number: usize, quoted: bool) -> Checked<()> {
    if field.len() > MAX_FIELD_BYTES {
        return Err(Flaw::new("field_too_long", format!("the field is longer than {MAX_FIELD_BYTES} bytes")).at(number));
    }
    let allowed = |b: u8| quoted && matches!(b, b'\t' | b'\n' | b'\r');
    match field.iter().find(|&&b| (b < b' ' || b == 0x7f) && !allowed(b)) {
        None => Ok(()),
        Some(b'\r') => Err(bare_cr().at(number)),
        Some(control) => {
            let message = format!("control character {} in a field", show(&[*control]));
            Err(Flaw::new("control_char", message).at(number))
        }
    }
}

pub(super) fn bare_cr() -> Flaw {
    Flaw::new("bare_cr", "a carriage return that ends no line; end lines with LF or CRLF")
}

fn too_many_columns() -> Flaw {
    Flaw::new("columns", format!("more than {MAX_COLUMNS} fields")).at(MAX_COLUMNS)
}
