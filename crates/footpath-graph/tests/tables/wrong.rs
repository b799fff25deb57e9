//! Tables that are wrong in any way.

use super::made::{Columns, Made, sample, whole, write_part, write_table};
use footpath_core::{Context, Replace};
use footpath_graph::Error;
use footpath_graph::tables::{LAYOUT_FILE, NamedRelation, build};
use std::fs;
use std::path::{Path, PathBuf};

fn refused(case: &str, folder: &Path) -> (String, u64, &'static str) {
    let root = tempfile::tempdir().expect("temporary folder");
    let out = root.path().join("kg");
    let error = build(folder, &out, Replace::No, &Context::default()).expect_err(case);
    assert!(fs::read_dir(root.path()).expect("read").next().is_none(), "{case}: {error}: something was left behind");
    let Error::Import(failure) = error else { panic!("{case}: {error}: not a failure of the tables") };
    let first = &failure.diagnostics[0];
    let place = first.path.strip_prefix(folder).expect("below the folder").to_string_lossy().into_owned();
    (place, first.line, first.kind)
}

#[test]
fn tables_that_are_wrong_are_refused_with_file_and_row() {
    type Spoil = fn(&mut Made);
    let at = |place: &'static str, row: u64, kind: &'static str| (place, row, kind);
    // Parts have 7 rows, and edges begin with those of users.
    let cases: Vec<(&str, Spoil, (&str, u64, &str))> = vec![
        ("edges out of order", |made| made.edges.swap(8, 9), at("edges/part-00001", 3, "order")),
        ("an edge twice", |made| made.edges.insert(3, made.edges[2]), at("edges/part-00000", 4, "order")),
        ("a node out of range", |made| made.edges.last_mut().expect("one").0 = 1000, at("edges/", 0, "id")),
        ("a tail out of range", |made| made.edges[9].2 = 99, at("edges/part-00001", 3, "id")),
        ("a tail below zero", |made| made.edges[0].2 = -1, at("edges/part-00000", 1, "id")),
        ("a relation out of range", |made| made.edges[1].1 = 100, at("edges/part-00000", 2, "id")),
        ("a user with a fact", |made| made.edges[1].1 = 2, at("edges/part-00000", 2, "ends")),
        ("an interaction with a user", |made| made.edges[1].2 = 0, at("edges/part-00000", 2, "ends")),
        ("no line", |made| made.edges[2].3.line = None, at("edges/part-00000", 3, "line")),
        ("a line below zero", |made| made.edges[2].3.line = Some(-1), at("edges/part-00000", 3, "line")),
        ("a line too large", |made| made.edges[2].3.line = Some(1 << 32), at("edges/part-00000", 3, "line")),
        (
            "an inverse with a line",
            |made| made.edges.iter_mut().find(|edge| edge.1 & 1 == 1).expect("one").3.line = Some(1),
            at("edges/", 0, "line"),
        ),
        ("no weight", |made| made.edges[2].3.weight = None, at("edges/part-00000", 3, "weight")),
        ("a weight of zero", |made| made.edges[2].3.weight = Some(0.0), at("edges/part-00000", 3, "weight")),
        ("a weight that is none", |made| made.edges[2].3.weight = Some(f32::NAN), at("edges/part-00000", 3, "weight")),
        ("another weight there and back", |made| made.edges[2].3.weight = Some(9.0), at("edges", 0, "inverse")),
        ("no rating", |made| made.edges[2].3.rating = None, at("edges/part-00000", 3, "rating")),
        (
            "an infinite rating",
            |made| made.edges[2].3.rating = Some(f32::INFINITY),
            at("edges/part-00000", 3, "rating"),
        ),
        ("a fact with a time", |made| made.edges.last_mut().expect("one").3.time = Some(1), at("edges/", 0, "time")),
        ("an edge without its inverse", |made| _ = made.edges.remove(0), at("edges", 0, "inverse")),
        ("no edge", |made| (made.edges, made.valid, made.test) = Default::default(), at("edges", 0, "relations")),
        (
            "a relation without facts",
            |made| {
                let (name, forward, inverse) = ("z".to_owned(), String::new(), String::new());
                made.layout.as_mut().expect("one").relations.push(NamedRelation { name, forward, inverse });
            },
            at("edges", 0, "relations"),
        ),
        ("nodes out of order", |made| made.nodes.swap(0, 1), at("nodes/part-00000", 2, "order")),
        ("an id twice", |made| made.nodes[1] = made.nodes[0].clone(), at("nodes/part-00000", 2, "order")),
        ("an empty id", |made| made.nodes[0].0 = " ".to_owned(), at("nodes/part-00000", 1, "name")),
        ("an id of two lines", |made| made.nodes[0].0 = "a\nb".to_owned(), at("nodes/part-00000", 1, "name")),
        ("an id too long", |made| made.nodes[0].0 = "x".repeat(5000), at("nodes/part-00000", 1, "name")),
        ("a label with blanks", |made| made.nodes[1].1 = " a".to_owned(), at("nodes/part-00000", 2, "label")),
        ("too few nodes", |made| _ = made.nodes.pop(), at("nodes", 0, "layout")),
        (
            "an id of two types",
            |made| {
                let types = &made.layout.as_ref().expect("one").types;
                let first = (types[0].num + types[1].num) as usize;
                let other = first + types[2].num as usize;
                made.nodes[other].0 = made.nodes[first].0.clone();
            },
            at("nodes/", 0, "duplicate_id"),
        ),
        (
            "held out and not",
            |made| {
                let (user, _, item, known) = made.edges[0];
                made.valid.insert(0, (user, item, known));
            },
            at("valid/part-00000", 1, "leak"),
        ),
        ("held out twice", |made| made.test.insert(0, made.valid[0]), at("test/part-00000", 1, "leak")),
        ("held out, out of order", |made| made.valid.reverse(), at("valid/part-00000", 2, "order")),
        ("held out, no item", |made| made.valid[0].1 = 0, at("valid/part-00000", 1, "id")),
        ("held out, no rating", |made| made.test[0].2.rating = None, at("test/part-00000", 1, "null")),
        ("held out, no line", |made| made.test[0].2.line = None, at("test/part-00000", 1, "null")),
        ("an alias of a user", |made| made.aliases[0].0 = 0, at("aliases/part-00000", 1, "id")),
        ("an alias of no kind", |made| made.aliases[0].1 = 3, at("aliases/part-00000", 1, "kind")),
        ("an alias without a type", |made| made.aliases[0].3.clear(), at("aliases/part-00000", 1, "type")),
        (
            "an alias that is the id itself",
            |made| {
                made.aliases[0].2 = made.nodes[made.aliases[0].0 as usize].0.clone();
            },
            at("aliases/part-00000", 1, "id"),
        ),
        ("aliases out of order", |made| made.aliases.swap(0, 1), at("aliases/part-00000", 2, "order")),
        (
            "types out of order",
            |made| made.layout.as_mut().expect("one").types.swap(2, 3),
            at("tables.json", 0, "layout"),
        ),
        (
            "no type of users",
            |made| _ = made.layout.as_mut().expect("one").types.remove(0),
            at("tables.json", 0, "layout"),
        ),
        ("an empty type", |made| made.layout.as_mut().expect("one").types[2].num = 0, at("tables.json", 0, "layout")),
        (
            "a reserved relation",
            |made| {
                made.layout.as_mut().expect("one").relations[0].name = "interacted".to_owned();
            },
            at("tables.json", 0, "layout"),
        ),
        (
            "an inverse as a relation",
            |made| {
                made.layout.as_mut().expect("one").relations[2].name = "~r2".to_owned();
            },
            at("tables.json", 0, "layout"),
        ),
        ("another version", |made| made.layout.as_mut().expect("one").version = 2, at("tables.json", 0, "version")),
    ];
    for (case, spoil, (place, row, kind)) in cases {
        let root = tempfile::tempdir().expect("temporary folder");
        let mut made = sample().tables();
        spoil(&mut made);
        made.write(root.path(), 7);
        let (found, line, got) = refused(case, root.path());
        assert!(found.starts_with(place), "{case}: {found}");
        assert_eq!(got, kind, "{case}: {found}:{line}");
        // Where the row is not told here, it is not the whole file that is meant.
        assert!(line == row || (row == 0 && place.ends_with('/') && line > 0), "{case}: row {line}");
    }
}

#[test]
fn files_that_are_wrong_are_refused() {
    type Spoil = fn(&Path);
    fn part(folder: &Path, name: &str) -> PathBuf {
        folder.join(name).join("part-00000-x.snappy.parquet")
    }
    fn cut(path: &Path, keep: impl Fn(usize) -> usize) {
        let bytes = fs::read(path).expect("read");
        fs::write(path, &bytes[..keep(bytes.len())]).expect("written");
    }
    let cases: Vec<(&str, Spoil, (&str, &str))> = vec![
        ("cut at the end", |f| cut(&part(f, "edges"), |len| len - 1), ("edges/part-00000", "parquet")),
        ("cut in the middle", |f| cut(&part(f, "nodes"), |len| len / 2), ("nodes/part-00000", "parquet")),
        ("an empty file", |f| cut(&part(f, "valid"), |_| 0), ("valid/part-00000", "parquet")),
        (
            "damaged pages",
            |f| {
                let mut bytes = fs::read(part(f, "edges")).expect("read");
                bytes[4..60].fill(0xff);
                fs::write(part(f, "edges"), bytes).expect("written");
            },
            ("edges/part-00000", "parquet"),
        ),
        ("no edges", |f| fs::remove_dir_all(f.join("edges")).expect("removed"), ("", "missing")),
        ("no nodes", |f| fs::remove_dir_all(f.join("nodes")).expect("removed"), ("", "missing")),
        ("a part is missing", |f| fs::remove_file(part(f, "nodes")).expect("removed"), ("nodes", "layout")),
        (
            "a file that is no part",
            |f| fs::write(f.join("edges/readme.txt"), "").expect("written"),
            ("edges/readme.txt", "layout"),
        ),
        (
            "both a file and a folder",
            |f| _ = fs::copy(part(f, "nodes"), f.join("nodes.parquet")).expect("copied"),
            ("nodes.parquet", "layout"),
        ),
        ("no JSON", |f| fs::write(f.join(LAYOUT_FILE), "{").expect("written"), ("tables.json", "json")),
        (
            "something unknown",
            |f| {
                let text = fs::read_to_string(f.join(LAYOUT_FILE)).expect("read");
                fs::write(f.join(LAYOUT_FILE), text.replacen('{', "{\"more\":1,", 1)).expect("written");
            },
            ("tables.json", "json"),
        ),
        (
            "a column is missing",
            |f| {
                let nothing: Columns = vec![("node", whole([0].into_iter())), ("relation", whole([0].into_iter()))];
                fs::remove_dir_all(f.join("edges")).expect("removed");
                write_table(&f.join("edges"), &nothing, 7);
            },
            ("edges/part-00000", "columns"),
        ),
        (
            "other columns in one part",
            |f| {
                write_part(&part(f, "edges"), &vec![("node", whole([0].into_iter()))], 1);
            },
            ("edges/part-00001", "columns"),
        ),
        (
            "another type",
            |f| {
                fs::remove_dir_all(f.join("nodes")).expect("removed");
                let num = sample().tables().nodes.len();
                write_table(&f.join("nodes"), &vec![("id", whole(0..num as i64))], 7);
            },
            ("nodes/part-00000", "columns"),
        ),
    ];
    for (case, spoil, (place, kind)) in cases {
        let root = tempfile::tempdir().expect("temporary folder");
        sample().tables().write(root.path(), 7);
        spoil(root.path());
        let (found, line, got) = refused(case, root.path());
        assert!(found.starts_with(place) && (place.is_empty() == found.is_empty()), "{case}: {found}:{line}: {got}");
        assert_eq!(got, kind, "{case}: {found}");
    }
}

/// The library that reads Parquet panics at some damaged files.
#[test]
fn files_of_which_a_byte_was_changed_are_read_or_refused() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (tables, out) = (root.path().join("tables"), root.path().join("kg"));
    sample().tables().write(&tables, 1_000);
    let mut refused = 0;
    for name in ["nodes", "edges", "valid", "aliases"] {
        let part = tables.join(name).join("part-00000-x.snappy.parquet");
        let good = fs::read(&part).expect("read");
        for place in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[place] ^= 0x81;
            fs::write(&part, bytes).expect("written");
            match build(&tables, &out, Replace::No, &Context::default()) {
                Ok(_) => fs::remove_dir_all(&out).expect("removed"),
                Err(_) => refused += 1,
            }
            assert!(!out.exists(), "{name}: byte {place}");
        }
        fs::write(&part, good).expect("written");
    }
    assert!(refused > 200, "{refused}");
}
