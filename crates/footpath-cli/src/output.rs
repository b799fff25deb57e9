//! Tables, numbers and progress for people.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Lines above, below and under the header, and none between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// A table in the house style; all columns but the first `num_text` are numbers, aligned right.
pub(crate) fn table(header: &[&str], num_text: usize) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for index in num_text..header.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Prints a table without trailing blanks.
pub(crate) fn print(out: &mut impl Write, table: &Table) -> io::Result<()> {
    table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A progress bar on standard error, hidden when that is no terminal.
pub(crate) fn bar(len: u64, what: &'static str) -> ProgressBar {
    let template = if len > 0 {
        "{msg:<12} {wide_bar:.cyan/blue} {human_pos}/{human_len}  {per_sec}  {eta}"
    } else {
        "{msg:<12} {spinner} {human_pos}  {elapsed}"
    };
    let bar = if len > 0 { ProgressBar::new(len) } else { ProgressBar::new_spinner() };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A file or standard output, whole or not at all: what `fill` writes to standard output cannot be taken back, a file can.
pub(crate) fn to_file_or_stdout(
    path: Option<&std::path::Path>,
    replace: footpath::Replace,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), crate::failure::Failure> {
    match path {
        Some(path) => Ok(footpath_core::artefact::publish_file(path, replace, fill)?),
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            fill(&mut out).and_then(|()| out.flush()).map_err(crate::failure::output)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0u64, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        assert!(cases.iter().all(|&(number, text)| thousands(number) == text));
    }
}
