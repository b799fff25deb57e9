//! Text that people see: tables, numbers, and nothing that could drive a terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use std::io::{self, Write};

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
pub(crate) fn print(out: &mut (impl Write + ?Sized), table: &Table) -> io::Result<()> {
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

/// Whether a terminal might do something on seeing this character: control characters of both sets, and marks that turn
/// the direction of writing.
fn is_dangerous(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c != '\n' && (c.is_control() || turns)
}

/// Text that cannot drive a terminal, wherever its words come from: labels, file names, manifests, arguments.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) { tamed.extend(c.escape_default()) } else { tamed.push(c) }
    }
    tamed
}

/// A writer that escapes what [`tame`] escapes. Text is passed on line by line.
pub(crate) struct Tamed<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Tamed<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.out.write_all(tame(&String::from_utf8_lossy(&line)).as_bytes())
    }
}

impl<W: Write> Write for Tamed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.pass_on()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

/// A writer of JSON that escapes what [`tame`] escapes, in the way of JSON. Each call is given whole characters.
pub(crate) struct TamedJson<W>(pub(crate) W);

impl<W: Write> Write for TamedJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut tamed = String::with_capacity(bytes.len());
        for c in String::from_utf8_lossy(bytes).chars() {
            // All of them are of the plane that takes four digits.
            if is_dangerous(c) { tamed.push_str(&format!("\\u{:04x}", u32::from(c))) } else { tamed.push(c) }
        }
        self.0.write_all(tamed.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A message of a library, with its options as they are typed here: ``option `join_by_id` `` is `--join-by-id`, and
/// ``option `split` = random`` is `--split random`.
pub(crate) fn with_flags(message: &str) -> String {
    const OPTION: &str = "option `";
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut typed = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(place) = rest.find(OPTION) {
        let (before, after) = (&rest[..place], &rest[place + OPTION.len()..]);
        let named = after.split_once('`').filter(|(name, _)| is_name(name));
        typed.push_str(before);
        let Some((name, after)) = named else {
            typed.push_str(OPTION);
            rest = after;
            continue;
        };
        typed.push_str("--");
        typed.push_str(&name.replace('_', "-"));
        rest = after;
        if let Some(value) = after.strip_prefix(" = ") {
            typed.push(' ');
            rest = value;
        }
    }
    typed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0u64, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        assert!(cases.iter().all(|&(number, text)| thousands(number) == text));
    }

    #[test]
    fn lines_of_json_stay_json() {
        let words = "c1 \u{9b}31m, \u{202e}turned, plain é";
        let mut out = TamedJson(Vec::new());
        write!(out, "{}", serde_json::json!({ "message": words })).expect("memory");
        let line = String::from_utf8(out.0).expect("UTF-8");
        assert!(!line.contains(is_dangerous), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON")["message"], words);
    }

    #[test]
    fn nothing_that_drives_a_terminal_is_printed() {
        let cases = [
            ("plain é — ü\n", "plain é — ü\n"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("c1 \u{9b}31m \u{85}", "c1 \\u{9b}31m \\u{85}"),
            ("\u{202e}turned\u{2066}", "\\u{202e}turned\\u{2066}"),
            ("tab\tand\rreturn", "tab\\tand\\rreturn"),
        ];
        for (text, expected) in cases {
            assert_eq!(tame(text), expected);
            // Byte by byte, so that characters are cut in the middle.
            let mut out = Tamed::new(Vec::new());
            text.bytes().for_each(|byte| out.write_all(&[byte]).expect("memory"));
            out.flush().expect("memory");
            assert_eq!(out.out, expected.as_bytes());
        }
    }

    #[test]
    fn options_are_told_as_they_are_typed() {
        for (said, typed) in [
            ("option `join_by_id` makes them one", "--join-by-id makes them one"),
            ("a column; option `split` = random needs none", "a column; --split random needs none"),
            (
                "no option `Ünlike` any, nor option ``, nor option `",
                "no option `Ünlike` any, nor option ``, nor option `",
            ),
        ] {
            assert_eq!(with_flags(said), typed);
        }
    }
}
