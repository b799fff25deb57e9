//! Tables row by row, as text or as Parquet.

use crate::export::cells::{Cell, Column};
#[cfg(feature = "parquet")]
use crate::export::parquet::TableWriter;
#[cfg(feature = "parquet")]
use crate::export::pipe::piped;
use footpath_core::Context;
use std::io::{self, Write};

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum TableForm {
    /// With tabs; names and labels have none.
    Tsv,
    /// With commas.
    Csv,
    #[cfg(feature = "parquet")]
    Parquet,
}

/// Takes a table's rows, one after the other.
pub(super) trait Rows {
    /// Takes a row: a value for each column.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;
}

impl TableForm {
    /// Of the files of this form.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    /// Writes a table with the rows that `fill` gives.
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables, reason = "text needs no thread of its own"))]
    pub(super) fn write(
        self,
        columns: &[Column<'_>],
        context: &Context,
        out: &mut dyn Write,
        fill: impl FnOnce(&mut dyn Rows) -> io::Result<()> + Send,
    ) -> io::Result<()> {
        match self {
            Self::Tsv => text(b'\t', columns, out, fill),
            Self::Csv => text(b',', columns, out, fill),
            #[cfg(feature = "parquet")]
            Self::Parquet => {
                let table = |pipe: &mut _| {
                    let filled = || {
                        let mut table = TableWriter::new(pipe, columns)?;
                        fill(&mut table)?;
                        table.close()
                    };
                    filled().map_err(|error: io::Error| footpath_core::Error::io("output")(error).into())
                };
                piped(out, context, table).map_err(io::Error::other)
            }
        }
    }
}

fn text(
    delimiter: u8,
    columns: &[Column<'_>],
    out: &mut dyn Write,
    fill: impl FnOnce(&mut dyn Rows) -> io::Result<()>,
) -> io::Result<()> {
    let style = if delimiter == b'\t' { csv::QuoteStyle::Never } else { csv::QuoteStyle::Necessary };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).from_writer(out);
    writer.write_record(columns.iter().map(|(name, _)| name))?;
    let mut rows = Text { writer, number: String::new() };
    fill(&mut rows)?;
    rows.writer.flush()
}

struct Text<W: Write> {
    writer: csv::Writer<W>,
    number: String,
}

impl<W: Write> Rows for Text<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        use std::fmt::Write as _;
        for cell in cells {
            self.number.clear();
            // A string takes all.
            let field = match *cell {
                Cell::Text(text) => text,
                Cell::Integer(number) => write!(self.number, "{number}").map_or("", |()| &self.number),
                Cell::Real(number) => write!(self.number, "{number}").map_or("", |()| &self.number),
            };
            self.writer.write_field(field)?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }
}

#[cfg(feature = "parquet")]
impl<W: Write + Send> Rows for TableWriter<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.push(cells)
    }
}
