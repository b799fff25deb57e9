//! Tables in all the ways they come, and what is wrong with them.

use super::*;
use crate::Error;
use crate::import::columns::Columns;
use crate::import::record::{MAX_COLUMNS, MAX_FIELD_BYTES};
use footpath_core::Context;
use proptest::prelude::*;
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

type Rows = Vec<(u64, Vec<String>)>;
/// Kind, line and column.
type Place = (&'static str, u64, u64);

/// Header and records with their lines, and the kinds and lines of what was skipped.
fn read(bytes: &[u8], delimiter: Delimiter) -> (Rows, Vec<Place>) {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(bytes).expect("written");
    let lenient = Problems::new(Some(super::super::MaxBad::new(0.0).expect("a share")));
    let mut problems = lenient;
    let (context, budget) = (Context::default(), Rc::new(Cell::new(u64::MAX)));
    let stage = context.stage("reading", None, "bytes");
    let columns = Columns::default();
    let mut reading = Reading::new(&mut problems, budget, &columns, &stage);
    let mut rows = Vec::new();
    let read = Table::open(file.path(), delimiter, &mut reading).and_then(|mut table| {
        rows.push((1, table.header().to_vec()));
        table.each(&mut reading, |record| {
            let fields = (0..record.fields.len()).map(|c| record.field(c).text.to_owned()).collect();
            rows.push((record.line, fields));
            Ok(())
        })
    });
    let failure = match read.and_then(|()| problems.finish(Path::new("")).map(|_| ())) {
        Ok(()) => return (rows, Vec::new()),
        Err(Error::Import(failure)) => failure,
        Err(other) => panic!("{other}"),
    };
    let kinds = failure.diagnostics.iter().map(|d| (d.kind, d.line, d.column)).filter(|d| d.0 != "too_many_bad");
    (rows, kinds.collect())
}

fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
    (line, fields.iter().map(|f| (*f).to_owned()).collect())
}

#[test]
fn line_ends_mark_and_final_newline_do_not_matter() {
    let expected = vec![row(1, &["a", "b"]), row(2, &["1", "2"]), row(3, &["é", ""])];
    for text in
        ["a\tb\n1\t2\né\t\n", "\u{feff}a\tb\n1\t2\né\t", "a\tb\r\n1\t2\r\né\t\r\n", "a\tb\n1\t2\r\né\t\n\n\n\r\n"]
    {
        assert_eq!(read(text.as_bytes(), Delimiter::Tab), (expected.clone(), vec![]), "{text:?}");
    }
}

#[test]
fn flaws_have_their_kind_line_and_column() {
    let cases: [(&[u8], &[Place]); 12] = [
        (b"", &[("empty", 0, 0)]),
        (b"a\tb\n", &[("empty", 0, 0)]),
        (b"a\tb\n1\n1\t2\n", &[("columns", 2, 2)]),
        (b"a\tb\n1\t2\n1\t2\t3\n", &[("columns", 3, 3)]),
        (b"a\tb\n1\t\xe9\n1\t2\n", &[("utf8", 2, 2)]),
        (b"a\tb\n1\t\x00\n1\t2\n", &[("control_char", 2, 2)]),
        (b"a\tb\r1\t2\r", &[("bare_cr", 1, 2)]),
        (b"a\tb\n1\t2\n\n\n1\t2\n", &[("blank_line", 3, 0)]),
        (b"a\tb\n\xef\xbb\xbf1\t2\n", &[("bom_inside", 2, 0)]),
        (b"a\tb\n1\t2\na\tb\n", &[("header", 3, 0)]),
        (b"\xff\xfea\x00", &[("encoding", 0, 0)]),
        (b"<html>\n", &[("not_this_format", 0, 0)]),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(bytes, Delimiter::Tab).1, expected, "{}", show(bytes));
    }
}

/// What is wrong with the form of a record is seen ahead of what is wrong with its content, and noted in its turn.
#[test]
fn flaws_are_noted_in_the_order_of_the_file() {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    let kind = |n: u32| match n % 300 {
        0..20 => "columns",
        250..300 => "taken",
        _ => "",
    };
    writeln!(file, "a\tb").expect("written");
    (2..2000).for_each(|n| writeln!(file, "{n}{}x", if kind(n) == "columns" { "" } else { "\t" }).expect("written"));
    let (mut problems, context) = (Problems::new(None), Context::default());
    let stage = context.stage("reading", None, "bytes");
    let columns = Columns::default();
    let mut reading = Reading::new(&mut problems, Rc::new(Cell::new(u64::MAX)), &columns, &stage);
    let mut table = Table::open(file.path(), Delimiter::Tab, &mut reading).expect("opens");
    let take = |record: Record<'_>| if kind(record.line()) == "taken" { Err(Flaw::new("taken", "")) } else { Ok(()) };
    let Err(Error::Import(failure)) = table.each(&mut reading, take) else { panic!("must fail") };
    let expected: Vec<(u64, &str)> = (2..2000).filter(|&n| !kind(n).is_empty()).map(|n| (n.into(), kind(n))).collect();
    assert_eq!(failure.total, expected.len() as u64);
    let noted: Vec<(u64, &str)> = failure.diagnostics.iter().map(|d| (d.line, d.kind)).collect();
    assert_eq!(noted, expected[..crate::error::MAX_DIAGNOSTICS]);
}

#[test]
fn limits_hold_at_the_limit_and_not_past_it() {
    let long = |bytes: usize| [b"a\tb\n1\t".as_slice(), &vec![b'x'; bytes], b"\n1\t2\n"].concat();
    assert_eq!(read(&long(MAX_FIELD_BYTES), Delimiter::Tab).1, []);
    assert_eq!(read(&long(MAX_FIELD_BYTES + 1), Delimiter::Tab).1, [("field_too_long", 2, 2)]);
    // A line of short fields, so that its own limit is met first.
    let wide = |bytes: usize| [b"a\tb\n".as_slice(), &b"1234567\t".repeat(bytes)[..bytes], b"\r\n1\t2\n"].concat();
    assert_eq!(read(&wide(MAX_LINE_BYTES), Delimiter::Tab).1, [("columns", 2, 65)]);
    assert_eq!(read(&wide(MAX_LINE_BYTES + 1), Delimiter::Tab).1, [("line_too_long", 2, 0)]);
    let columns = |n: usize| [vec!["c"; n].join("\t"), vec!["1"; n].join("\t")].join("\n").into_bytes();
    assert_eq!(read(&columns(MAX_COLUMNS), Delimiter::Tab).1, []);
    assert_eq!(read(&columns(MAX_COLUMNS + 1), Delimiter::Tab).1, [("columns", 1, 65)]);
}

#[test]
fn csv_follows_rfc_4180() {
    let text = b"a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n,\n";
    let expected = vec![row(1, &["a", "b"]), row(2, &["x, \"y\"", "two\nlines"]), row(4, &["", ""])];
    assert_eq!(read(text, Delimiter::Comma), (expected, vec![]));
    let cases: [(&[u8], Place); 3] = [
        (b"a,b\n1,x\"y\n1,2\n", ("quote", 2, 2)),
        (b"a,b\n\"1\"x,2\n1,2\n", ("quote", 2, 1)),
        (b"a,b\n1,2\n1,\"2\n3,4\n", ("quote", 3, 0)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(bytes, Delimiter::Comma).1, [expected], "{}", show(bytes));
    }
}

proptest! {
    /// What the csv crate writes is read back, quotes, commas and line breaks included.
    #[test]
    fn csv_agrees_with_the_csv_crate(
        records in prop::collection::vec(prop::array::uniform3("[a-c\",\n é]{0,6}"), 1..8),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["first", "second", "third"].map(str::to_owned);
        for record in std::iter::once(&header).chain(&records) {
            writer.write_record(record).expect("written");
        }
        let bytes = writer.into_inner().expect("written");
        let (rows, flaws) = read(&bytes, Delimiter::Comma);
        prop_assert_eq!(flaws, vec![]);
        let got: Vec<Vec<String>> = rows.into_iter().skip(1).map(|(_, fields)| fields).collect();
        prop_assert_eq!(got, records.iter().map(|r| r.to_vec()).collect::<Vec<_>>());
    }

    /// Any bytes give records or flaws, never a panic.
    #[test]
    fn any_bytes_are_survived(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'\t'), Just(b'\n'), Just(b'"'), Just(b','), any::<u8>()],
            0..200,
        ),
    ) {
        read(&bytes, Delimiter::Tab);
        read(&bytes, Delimiter::Comma);
    }
}
