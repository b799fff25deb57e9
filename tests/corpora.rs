//! A corpus in every form, and described.

use crate::support::films::films;
use crate::support::{PROGRAM, args, entries, fail, files, object, objects, strings, succeed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::process::Command;
use tempfile::tempdir;

/// Forms that are one file.
const FORMS: [&[&str]; 4] = [&["text"], &["jsonl"], &["parquet"], &["parquet", "--ids", "name"]];

#[test]
fn every_form_is_the_same_from_1_2_and_4_threads() {
    let films = films();
    let root = tempdir().expect("a directory");
    for (number, form) in FORMS.into_iter().enumerate() {
        let outputs = ["1", "2", "4"].map(|threads| {
            let out = root.path().join(format!("{number}-{threads}"));
            let mut arguments = args!["export", &films.corpus, "--kg", &films.kg, "--out", &out, "--threads", threads];
            arguments.push("--format".into());
            arguments.extend(form.iter().map(OsString::from));
            succeed(&arguments);
            fs::read(out).expect("a file")
        });
        assert!(outputs[0].len() > 9_600 && outputs.iter().all(|output| *output == outputs[0]), "{form:?}");
        if form[0] == "parquet" {
            assert!(outputs[0].starts_with(b"PAR1") && outputs[0].ends_with(b"PAR1"));
        }
    }
    let folders = ["1", "4"].map(|threads| {
        // The files have the name of the folder.
        let out = root.path().join(threads).join("films");
        let form = ["--format", "hopwise", "--threads", threads].map(OsString::from);
        succeed(&[args!["export", &films.corpus, "--kg", &films.kg, "--out", &out].as_slice(), &form].concat());
        succeed(&args!["check", &out]);
        files(&out)
    });
    assert!(folders[0].len() == 11 && folders[0] == folders[1]);
    assert_eq!(folders[0]["films.paths"].iter().filter(|byte| **byte == b'\n').count(), 9_600);
}

#[test]
fn names_of_a_table_go_with_its_numbers() {
    let films = films();
    let root = tempdir().expect("a directory");
    let [out, names] = ["out", "names"].map(|name| root.path().join(name));
    let table = ["--format", "parquet"].map(OsString::from);
    let export = args!["export", &films.corpus, "--kg", &films.kg, "--out", &out, "--names", &names];
    fail(2, &export);
    assert_eq!(entries(root.path()), Vec::<std::path::PathBuf>::new());
    succeed(&[export.as_slice(), &table].concat());
    assert_eq!(entries(root.path()), [names, out]);
    fail(2, &args!["export", &films.corpus, "--kg", &films.kg, "--ids", "name"]);
    fail(2, &args!["export", &films.corpus, "--kg", &films.kg, "--format", "hopwise"]);
    fail(2, &args!["export", &films.corpus, "--kg", &films.kg, "--threads", "5000"]);
}

/// How often each thing is there.
fn counted<K: Ord>(things: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
    things.into_iter().fold(BTreeMap::new(), |mut counts, thing| {
        *counts.entry(thing).or_default() += 1;
        counts
    })
}

#[test]
fn stats_are_those_of_the_exported_paths() {
    let films = films();
    let describe = args!["corpus", "stats", &films.corpus, "--kg", &films.kg];
    let described = ["1", "2", "4"].map(|threads| {
        let more = ["--json", "--threads", threads].map(OsString::from);
        succeed(&[describe.as_slice(), &more].concat())
    });
    assert!(described.iter().all(|text| *text == described[0]));
    let stats = object(&described[0]);
    let lines = objects(&succeed(&args!["export", &films.corpus, "--kg", &films.kg]));
    let number = |key: &str| stats[key].as_u64();
    assert_eq!(number("paths"), Some(lines.len() as u64));
    let nodes: Vec<Vec<&str>> = lines.iter().map(|line| strings(&line["nodes"])).collect();
    let users = counted(nodes.iter().map(|nodes| nodes[0]));
    assert_eq!(number("users_with_paths"), Some(users.len() as u64));
    assert_eq!(stats["paths_per_user"]["max"].as_u64(), users.values().max().copied());
    let distinct = lines.iter().map(ToString::to_string).collect::<BTreeSet<_>>().len();
    assert_eq!(number("duplicates"), Some((lines.len() - distinct) as u64));
    let ends = counted(nodes.iter().map(|nodes| nodes[nodes.len() - 1]));
    assert_eq!(stats["ends"]["covered"].as_u64(), Some(ends.len() as u64));
    let relations = counted(lines.iter().flat_map(|line| strings(&line["relations"])));
    let told = stats["relations"].as_array().expect("relations").iter();
    let told = told.map(|r| (r["name"].as_str().expect("a name"), r["count"].as_u64().expect("a number")));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), relations);
    let shares =
        |key: &str| stats[key].as_array().expect("shares").iter().filter_map(|s| s["share"].as_f64()).sum::<f64>();
    assert!((shares("lengths") - 1.0).abs() < 1e-9 && (shares("relations") - 1.0).abs() < 1e-9);

    let table = succeed(&describe);
    assert!(table.contains("9,600") && table.contains("~interacted") && table.contains("Gini"));
    assert!(table.lines().all(|line| line.trim_end() == line));
}

#[test]
fn a_report_is_one_page_without_a_network() {
    let films = films();
    let root = tempdir().expect("a directory");
    let page = root.path().join("page.html");
    let describe = args!["corpus", "stats", &films.corpus, "--kg", &films.kg, "--report", &page, "--json"];
    let stats: Value = object(&succeed(&describe));
    let html = fs::read_to_string(&page).expect("a page");
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
    assert!(!html.contains("http") && !html.contains("src=") && html.contains("prefers-color-scheme"));
    let escaped = |name: &Value| name.as_str().expect("a name").replace('<', "&lt;").replace('>', "&gt;");
    let patterns = stats["patterns"].as_array().expect("patterns").iter().map(|p| escaped(&p["name"]));
    assert!(patterns.into_iter().all(|name| html.contains(&name)));
    fail(2, &describe);
    succeed(&[describe.as_slice(), &args!["--force"]].concat());
}

#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let films = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("out");
    let export = |form: &str| args!["export", &films.corpus, "--kg", &films.kg, "--out", &out, "--format", form];
    let page = args!["corpus", "stats", &films.corpus, "--kg", &films.kg, "--report", &out];
    let sample = args!["sample", &films.kg, "--out", &out, "--hops", "3", "--paths-per-user", "20"];
    for arguments in [sample, export("text"), export("jsonl"), export("parquet"), export("hopwise"), page] {
        // A limit on the size of files stands for a full disk; without the trap it is a signal.
        let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
        let ran = Command::new("sh").args(["-c", script, PROGRAM]).args(&arguments).output().expect("ran");
        let message = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains("File too large") && message.lines().count() == 1, "{arguments:?}: {message}");
        assert_eq!(entries(root.path()), Vec::<std::path::PathBuf>::new(), "{arguments:?}");
    }
}
