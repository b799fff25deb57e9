//! Lists of others as they come, and everything that can be wrong with them.

use super::*;
use footpath_core::ErrorClass;
use footpath_graph::error::MAX_DIAGNOSTICS;
use footpath_graph::{Dataset, build::build};

fn kg() -> TrainKg {
    let mut data = Dataset::default();
    for (user, item) in [("u1", "a"), ("u1", "b"), ("u2", "b"), ("u2", "c"), ("ü", "d")] {
        data.interact(user, item);
    }
    build(data).and_then(|built| built.train_kg()).expect("a graph")
}

fn read(bytes: &[u8]) -> Result<Recommendations> {
    read_as(BadRows::Refuse, bytes).map(|(lists, _)| lists)
}

fn read_as(bad_rows: BadRows, source: impl BufRead) -> Result<(Recommendations, Excluded)> {
    let (kg, context) = (kg(), Context::default());
    let stage = context.stage("reading lists", None, "bytes");
    Reader::new(Path::new("recs.tsv"), &kg, bad_rows).read(source, &stage)
}

fn rows(text: &str) -> Vec<u8> {
    format!("user\trank\titem\tscore\n{text}").into_bytes()
}

#[test]
fn what_was_written_is_read_back() {
    let kg = kg();
    let bytes = rows("u1\t1\tc\t0.5\nu1\t2\td\t0.5\nü\t1\ta\t-1e-300\n");
    let recommendations = read(&bytes).expect("valid");
    let items: Vec<_> = recommendations.of(kg.user("u1").expect("u1")).iter().map(|r| kg.id(r.item)).collect();
    assert_eq!(items, ["c", "d"]);
    let mut written = Vec::new();
    recommendations.write(&kg, &mut written).expect("written");
    assert_eq!(read(&written).expect("valid"), recommendations);
    assert_eq!(written, bytes);
}

#[test]
fn forms_that_mean_the_same_read_the_same() {
    let plain = read(&rows("u1\t1\tc\t2\nu2\t1\td\t1\nu1\t2\td\t1\n")).expect("valid");
    let same = [
        "user\trank\titem\tscore\r\nu1\t1\tc\t2\r\nu2\t1\td\t1\nu1\t2\td\t1\r\n".to_owned(),
        "\u{feff}user\trank\titem\tscore\nu1\t1\tc\t2\nu2\t1\td\t1\nu1\t2\td\t1".to_owned(),
        "score\titem\trank\tuser\n2\tc\t1\tu1\n1\td\t1\tu2\n1\td\t2\tu1\n\n\n".to_owned(),
    ];
    for text in same {
        assert_eq!(read(text.as_bytes()).expect("valid"), plain, "{text}");
    }
}

#[test]
fn lists_of_others_are_read_in_the_forms_they_come_in() {
    let plain = read(&rows("u1\t1\tc\t2\nu1\t2\td\t1\nu2\t1\td\t1\n")).expect("valid");
    let items = |lists: &Recommendations| {
        lists.iter().map(|(user, list)| (user, list.iter().map(|r| r.item).collect())).collect::<Vec<(_, Vec<_>)>>()
    };
    let same = [
        "user_id:token\titem_id:token\tscore:float\nu2\td\t1\nu1\td\t1\nu1\tc\t2\n",
        "user\titem\trank\nu1\tc\t1\nu1\td\t2\nu2\td\t1\n",
        "\tuser_id\titem_id\tprediction\n0\tu1\tc\t2\n1\tu1\td\t1\n2\tu2\td\t1\n",
        "user\trank\titem\tscore\tlabel\nuser:u1\t1\titem:c\t2\tC\nuser:u1\t2\titem:d\t1\tD\nu2\t1\td\t1\tD\n",
        "{\"user\":\"u1\",\"items\":[{\"rank\":1,\"item\":\"c\",\"score\":2.0,\"paths\":[]},{\"item\":\"d\"}]}\n\
         {\"user\":\"u2\",\"items\":[{\"item\":\"d\",\"score\":-1e-3}],\"reason\":null}\n",
    ];
    for text in same {
        let found = read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(items(&found), items(&plain), "{text}");
    }
    let tied = read(b"user\titem\tscore\nu1\td\t1\nu1\tc\t1\n").expect("valid");
    assert_ne!(items(&tied)[0], items(&plain)[0], "equal scores keep the order of the file");
}

#[test]
fn every_mistake_is_named_with_its_line_and_column() {
    let long = format!("u1\t1\t{}\t1\n", "c".repeat(MAX_LINE_BYTES));
    let cases: &[(&[u8], u64, u64, &str)] = &[
        (b"", 1, 0, "empty"),
        (b"user\trank\titem\tscore\n", 1, 0, "empty"),
        (b"user\titem\n", 1, 0, "header"),
        (b"rank\titem\tscore\n", 1, 0, "header"),
        (b"user\trank\titem\titem\n", 1, 4, "header"),
        (b"user\trank\titem\titem_id\n", 1, 4, "header"),
        (b"{\"user\": \"u1\"}\n", 1, 0, "json"),
        (b"{\"user\": \"u1\", \"items\": [{\"item\": \"c\"}]}\n{\n", 2, 0, "json"),
        (b"{\"user\": \"u9\", \"items\": [{\"item\": \"c\"}]}\n", 1, 0, "unknown_user"),
        (b"{\"user\": \"u1\", \"items\": [{\"item\": \"c\", \"rank\": 2}]}\n", 1, 0, "rank_order"),
        (b"user,rank,item,score\n", 1, 0, "header"),
        (b"\xff\xfeu\0s\0", 1, 0, "encoding"),
        (b"user\trank\titem\tscore\ru1\t1\tc\t1\r", 1, 0, "bare_cr"),
        (&rows("u1\t1\tc\n"), 2, 0, "columns"),
        (&rows("u1\t1\tc\t1\t1\n"), 2, 0, "columns"),
        (&rows("u1\t1\t\t1\n"), 2, 3, "empty_field"),
        (&rows("u1\t1\tc\0\t1\n"), 2, 3, "control_char"),
        (&rows("u1\t1\tc\t1\n\nu1\t2\td\t1\n"), 3, 0, "blank_line"),
        (&rows("nobody\t1\tc\t1\n"), 2, 1, "unknown_user"),
        (&rows("u1\t1\tnothing\t1\n"), 2, 3, "unknown_item"),
        (&rows("u1\t1\tu2\t1\n"), 2, 3, "unknown_item"),
        (&rows("u1\t0\tc\t1\n"), 2, 2, "number"),
        (&rows("u1\t+1\tc\t1\n"), 2, 2, "number"),
        (&rows("u1\t4294967296\tc\t1\n"), 2, 2, "number"),
        (&rows("u1\t2\tc\t1\n"), 2, 2, "rank_order"),
        (&rows("u1\t1\tc\t1\nu1\t1\td\t1\n"), 3, 2, "rank_order"),
        (&rows("u1\t1\tc\t1\nu1\t3\td\t1\nu1\t4\ta\t1\n"), 3, 2, "rank_order"),
        (&rows("u1\t1\tc\tNaN\n"), 2, 4, "score"),
        (&rows("u1\t1\tc\t1e400\n"), 2, 4, "score"),
        (&rows("u1\t1\tc\t4,5\n"), 2, 4, "score"),
        (&rows("u1\t1\tc\t1\nu1\t2\tc\t1\n"), 3, 3, "duplicate_item"),
        (&[rows("u1\t1\tc").as_slice(), b"\xe9\t1\n"].concat(), 2, 0, "utf8"),
        (&rows(&long), 2, 0, "line_too_long"),
    ];
    for (bytes, line, column, kind) in cases {
        let shown = show(bytes);
        let Err(crate::Error::Graph(footpath_graph::Error::Import(failure))) = read(bytes) else {
            panic!("no import failure for `{shown}`");
        };
        let [found] = failure.diagnostics.as_slice() else { panic!("`{shown}`: {failure}") };
        assert_eq!((found.line, found.column, found.kind), (*line, *column, *kind), "{shown}");
        assert!(found.to_string().starts_with("recs.tsv:"), "{found}");
        assert!(found.message.len() < 500, "{found}");
    }
}

#[test]
fn bad_rows_can_be_left_out_and_counted() {
    let kg = kg();
    let bytes = rows(
        "u1\t1\tc\t1\nu1\t2\tc\t1\n\nnobody\t1\tc\t1\nu1\t3\tnothing\t1\nu1\t4\td\tNaN\nu1\t5\td\t0\n\
         u2\t7\ta\t1\nu2\t8\td\t1\n",
    );
    let read = |bad_rows| read_as(bad_rows, bytes.as_slice());
    assert!(read(BadRows::Refuse).is_err());
    let (lists, excluded) = read(BadRows::LeaveOut).expect("the rest is good");
    let expected = [
        ("blank_line", 1),
        ("duplicate_item", 1),
        ("rank_order", 1),
        ("score", 1),
        ("unknown_item", 1),
        ("unknown_user", 1),
    ];
    assert_eq!(excluded, Excluded::from(expected));
    let items = |user| lists.of(kg.user(user).expect("known")).iter().map(|r| kg.id(r.item)).collect::<Vec<_>>();
    assert_eq!((items("u1"), items("u2")), (vec!["c", "d"], vec!["d"]));
    // No file at all is no row that could be left out.
    assert!(read_as(BadRows::LeaveOut, &b""[..]).is_err());
}

#[test]
fn mistakes_are_all_counted_and_the_first_hundred_kept() {
    let error = read(&rows(&"nobody\t1\tc\t1\n".repeat(150))).expect_err("bad");
    assert_eq!(error.class(), ErrorClass::Input);
    let crate::Error::Graph(footpath_graph::Error::Import(failure)) = error else { panic!("{error}") };
    assert_eq!((failure.diagnostics.len(), failure.total), (MAX_DIAGNOSTICS, 150));
}

#[test]
fn a_missing_file_is_a_runtime_error() {
    let path = Path::new("no such folder/recs.tsv");
    let error = Recommendations::read(path, &kg(), &Context::default()).expect_err("missing");
    assert_eq!(error.class(), ErrorClass::Runtime);
}

/// A reader without an end is left as soon as somebody asks.
#[test]
fn a_stop_ends_what_would_never_end() {
    let kg = kg();
    for endless in [&b"\n"[..], b"u1\t1\tc\t1\n"] {
        let context = Context::default();
        let stop = context.stop().clone();
        let context = context.with_progress(move |progress| {
            if progress.done > 1 << 20 {
                stop.request();
            }
        });
        let stage = context.stage("reading lists", None, "bytes");
        let header = rows("");
        let source = BufReader::new(header.as_slice().chain(Forever { text: endless, at: 0 }));
        let reader = Reader::new(Path::new("recs.tsv"), &kg, BadRows::LeaveOut);
        assert_eq!(reader.read(source, &stage).expect_err("stopped").class(), ErrorClass::Stopped);
    }
}

/// The same text again and again.
struct Forever {
    text: &'static [u8],
    at: usize,
}
impl Read for Forever {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        for byte in buf.iter_mut() {
            *byte = self.text[self.at];
            self.at = (self.at + 1) % self.text.len();
        }
        Ok(buf.len())
    }
}

/// A reader that hands out one byte at a time.
struct Drip<'a>(&'a [u8]);
impl Read for Drip<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (Some((&first, rest)), Some(slot)) = (self.0.split_first(), buf.first_mut()) else { return Ok(0) };
        *slot = first;
        self.0 = rest;
        Ok(1)
    }
}

#[test]
fn reading_byte_by_byte_gives_the_same() {
    let bytes = rows("u1\t1\tc\t2\r\nü\t1\ta\t1\r\n");
    let dripped = read_as(BadRows::Refuse, BufReader::with_capacity(1, Drip(&bytes)));
    assert_eq!(dripped.expect("valid").0, read(&bytes).expect("valid"));
}
