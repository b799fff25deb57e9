//! What was made in parts, put together: the same bytes as what is made at once, or a message that names the parts.

use crate::support::films::{Films, films};
use crate::support::{args, entries, fail, files, object, succeed};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// Ways to sample: by users, by ends, in all, each path once, and walks that are shared out by draws.
const WAYS: [&[&str]; 6] = [
    &["--hops", "3", "--paths-per-user", "20"],
    &["--hops", "3", "--law", "uniform-end", "--damping", "0.5", "--end", "unseen", "--paths-per-user", "3"],
    &["--hops", "3", "--paths-per-user", "7", "--distinct", "--seed", "5"],
    &["--hops", "3", "--num-paths", "5000"],
    &["--pattern", "(:user)-[]-{1,3}(:item)", "--all-paths", "40"],
    &["--walk", "(:entity)-[]-{2}()", "--end", "any", "--num-paths", "3000"],
];

/// Samples a part, or the whole.
fn sample(kg: &Path, out: &Path, way: &[&str], part: &[&str]) {
    let more = way.iter().chain(part).map(OsString::from).collect::<Vec<_>>();
    succeed(&[args!["sample", kg, "--out", out].as_slice(), &more].concat());
}

fn concat(parts: &[PathBuf], out: &Path) -> Vec<OsString> {
    let mut arguments = args!["corpus", "concat"];
    arguments.extend(parts.iter().map(|part| part.clone().into_os_string()));
    [arguments, args!["--out", out]].concat()
}

/// Parts in a folder, made as these options say, in another order than that of the users.
fn parts(kg: &Path, folder: &Path, way: &[&str], options: &[[String; 2]]) -> Vec<PathBuf> {
    let make = |(number, option): (usize, &[String; 2])| {
        let out = folder.join(format!("part-{number}"));
        sample(kg, &out, way, &option.each_ref().map(String::as_str));
        out
    };
    let mut parts: Vec<PathBuf> = options.iter().enumerate().map(make).collect();
    parts.rotate_left(options.len() / 2);
    parts
}

fn shards(of: u32) -> Vec<[String; 2]> {
    (0..of).map(|index| ["--shard".to_owned(), format!("{index}/{of}")]).collect()
}

fn ranges(ends: &[u32]) -> Vec<[String; 2]> {
    ends.windows(2).map(|ends| ["--range".to_owned(), format!("{}..{}", ends[0], ends[1])]).collect()
}

#[test]
fn parts_of_a_corpus_are_the_whole_byte_for_byte() {
    let Films { kg, .. } = films();
    for way in WAYS {
        let root = tempdir().expect("a directory");
        let whole = root.path().join("whole");
        sample(&kg, &whole, way, &[]);
        let mut cuts: Vec<_> = [1, 2, 5].into_iter().map(shards).collect();
        if way == WAYS[0] {
            cuts.push(shards(16));
        }
        if !way.contains(&"--walk") {
            cuts.push(ranges(&[0, 100, 100, 101, 480]));
            // The first of two shards has half of the 480 users.
            cuts.push([shards(2)[0].clone()].into_iter().chain(ranges(&[240, 300, 480])).collect());
        }
        for (number, cut) in cuts.iter().enumerate() {
            let folder = root.path().join(format!("cut-{number}"));
            let (parts, out) = (parts(&kg, &folder, way, cut), folder.join("joined"));
            let told = object(&succeed(&[concat(&parts, &out), args!["--json"]].concat()));
            assert_eq!(told["num_parts"].as_u64(), Some(cut.len() as u64));
            assert!(files(&out) == files(&whole), "{way:?} {cut:?}");
            succeed(&args!["check", &out]);
        }
    }
}

#[test]
fn every_form_of_joined_parts_is_that_of_the_whole() {
    let Films { kg, corpus, .. } = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("joined");
    let way = ["--hops", "3", "--paths-per-user", "20"];
    succeed(&concat(&parts(&kg, root.path(), &way, &shards(3)), &out));
    for form in [&["text"][..], &["jsonl"], &["parquet"], &["parquet", "--ids", "name"], &["hopwise"]] {
        let export = |of: &Path| {
            // The files of hopwise have the name of the folder.
            let file = root.path().join("films");
            let more = form.iter().map(OsString::from).collect::<Vec<_>>();
            succeed(&[args!["export", of, "--kg", &kg, "--out", &file, "--format"], more].concat());
            let exported = match file.is_dir() {
                true => files(&file).into_values().collect::<Vec<_>>(),
                false => vec![fs::read(&file).expect("a file")],
            };
            if file.is_dir() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) }.expect("removed");
            exported
        };
        assert!(export(&out) == export(&corpus), "{form:?}");
    }
}

#[test]
fn what_is_no_whole_is_refused_by_the_names_of_the_parts() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    let way = ["--hops", "3", "--paths-per-user", "2"];
    for (index, name) in [(0, "a"), (1, "b"), (2, "c")] {
        sample(&kg, &at(name), &way, &["--shard", &format!("{index}/3")]);
    }
    sample(&kg, &at("b-again"), &way, &["--shard", "1/3"]);
    sample(&kg, &at("b-seed"), &way, &["--shard", "1/3", "--seed", "2"]);
    sample(&kg, &at("b-law"), &way, &["--shard", "1/3", "--law", "walk"]);
    sample(&kg, &at("b-more"), &["--hops", "3", "--paths-per-user", "3"], &["--shard", "1/3"]);
    sample(&kg, &at("b-hops"), &["--hops", "2", "--paths-per-user", "2"], &["--shard", "1/3"]);
    sample(&kg, &at("wide"), &way, &["--range", "100..320"]);
    let other = at("other-kg");
    succeed(&args!["import", crate::support::films::folder(), "--out", &other, "--split", "none"]);
    sample(&other, &at("b-graph"), &way, &["--shard", "1/3"]);
    crate::support::copy(&at("b"), &at("b-damaged"));
    let damaged = at("b-damaged").join("paths.u32");
    let mut bytes = fs::read(&damaged).expect("read");
    bytes[5] ^= 1;
    fs::write(&damaged, bytes).expect("written");
    let out = at("out");
    let cases: [(&[&str], &str); 12] = [
        (&["a", "c"], "users are missing between them: shard 0/3 and then shard 2/3"),
        (&["b", "c"], "users are missing between them: the beginning and then shard 1/3"),
        (&["b", "a"], "users are missing behind the last part, shard 1/3"),
        (&["a", "b", "b-again", "c"], "the same users are in both: shard 1/3 and shard 1/3"),
        (&["a", "wide", "c"], "the same users are in both: shard 0/3 and users 100..320 of 480"),
        (&["a", "b-seed", "c"], "the seed differs: 1 and 2"),
        (&["a", "b-law", "c"], "the law differs: "),
        (&["a", "b-more", "c"], "the number of paths differs: {\"per-user\":2} and {\"per-user\":3}"),
        (&["a", "b-hops", "c"], "the pattern differs: "),
        (&["a", "b-graph", "c"], "the graph differs: "),
        (&["a", "b-damaged", "c"], "checksum: expected "),
        (&["a", "no-such", "c"], "no-such"),
    ];
    for (names, reason) in cases {
        let parts: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
        let message = fail(if reason == "no-such" { 1 } else { 4 }, &concat(&parts, &out));
        assert!(message.contains(reason), "{names:?}: {message}");
        // Whichever part is wrong, it is named.
        let wrong = names.iter().any(|name| message.contains(&*at(name).to_string_lossy()));
        assert!(wrong, "{names:?}: {message}");
        assert!(!out.exists() && !entries(root.path()).iter().any(|path| is_hidden(path)), "{names:?}");
    }
    fail(4, &concat(&[model, at("b")], &out));
    fail(2, &args!["corpus", "concat", "--out", &out]);
    fail(2, &concat(&[at("a"), at("b"), at("c")], &at("b-seed")));
    fail(2, &concat(&[at("a"), at("b"), at("c")], &at("a")));
    fail(2, &args!["sample", &kg, "--out", &out, "--hops", "3", "--range", "0..481"]);
    fail(2, &args!["sample", &kg, "--out", &out, "--hops", "3", "--range", "5..3"]);
    fail(2, &args!["sample", &kg, "--out", &out, "--hops", "3", "--range", "0..3", "--shard", "0/2"]);
    let walk = args!["sample", &kg, "--out", &out, "--walk", "(:entity)-[]-{2}()", "--end", "any", "--num-paths", "9"];
    assert!(fail(2, &[walk, args!["--range", "0..9"]].concat()).contains("no parts by users"));
}

/// Whether it is something that is not finished.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Recommends to all, or to a shard of them.
fn recommend(out: &Path, form: &str, shard: Option<&str>) {
    let Films { kg, model, .. } = films();
    let mut arguments = args!["recommend", model, "--kg", kg, "--all", "--beams", "30", "-k", "3", "--out", out];
    arguments.extend(args!["--format", form]);
    arguments.extend(shard.into_iter().flat_map(|shard| args!["--shard", shard]));
    succeed(&arguments);
}

fn concat_lists(parts: &[PathBuf], out: &Path, more: &[&str]) -> Vec<OsString> {
    let mut arguments = args!["recs", "concat"];
    arguments.extend(parts.iter().map(|part| part.clone().into_os_string()));
    arguments.extend(args!["--kg", films().kg, "--out", out]);
    arguments.extend(more.iter().map(OsString::from));
    arguments
}

#[test]
fn parts_of_recommendations_are_the_whole_byte_for_byte() {
    for form in ["json", "tsv", "parquet"] {
        let root = tempdir().expect("a directory");
        let whole = root.path().join("whole");
        recommend(&whole, form, None);
        for of in [1, 3, 7] {
            let make = |index: u32| {
                let out = root.path().join(format!("part-{index}-{of}"));
                recommend(&out, form, Some(&format!("{index}/{of}")));
                out
            };
            let mut parts: Vec<PathBuf> = (0..of).map(make).collect();
            parts.reverse();
            let out = root.path().join(format!("joined-{of}"));
            let told = object(&succeed(&concat_lists(&parts, &out, &["--json"])));
            assert_eq!((told["form"].as_str(), told["num_users"].as_u64()), (Some(form), Some(480)));
            assert!(fs::read(&out).expect("read") == fs::read(&whole).expect("read"), "{form} of {of} parts");
        }
    }
}

#[test]
fn lists_that_are_no_whole_are_refused() {
    let root = tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    for index in 0..3 {
        recommend(&at(&format!("{index}.jsonl")), "json", Some(&format!("{index}/3")));
        recommend(&at(&format!("{index}.tsv")), "tsv", Some(&format!("{index}/3")));
    }
    let text = fs::read_to_string(at("1.jsonl")).expect("read");
    let lines: Vec<&str> = text.lines().collect();
    let write = |name: &str, lines: &[&str]| fs::write(at(name), lines.join("\n") + "\n").expect("written");
    write("unordered.jsonl", &[&lines[5..], &lines[..5]].concat());
    write("again.jsonl", &lines);
    write("short.jsonl", &lines[1..]);
    write("twice.jsonl", &[&lines[..1], &lines[..]].concat());
    write("broken.jsonl", &[&lines[..1], &["{\"user\": \"user-"][..]].concat());
    write("unknown.jsonl", &[&lines[0].replacen("\"user-", "\"nobody-", 1)]);
    write("other.txt", &["what is this"]);
    fs::write(at("empty.jsonl"), "").expect("written");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["0.jsonl", "2.jsonl"], 4, "2.jsonl: 192 users have no list: user-129, "),
        (&["0.jsonl", "short.jsonl", "2.jsonl"], 4, "1 users have no list: user-129"),
        (&["0.jsonl", "1.jsonl", "again.jsonl", "2.jsonl"], 4, "both have a list of user:user-"),
        (&["0.jsonl", "twice.jsonl", "2.jsonl"], 4, "user:user-129 has two lists"),
        (&["0.jsonl", "unordered.jsonl", "2.jsonl"], 4, "stands"),
        (&["0.jsonl", "1.tsv", "2.jsonl"], 4, "one is json, the other tsv"),
        (&["0.jsonl", "broken.jsonl", "2.jsonl"], 3, "broken.jsonl: line 2: no list of recommendations"),
        (&["unknown.jsonl"], 3, "the graph has no user `nobody-129`"),
        (&["other.txt"], 4, "no recommendations as JSON lines, TSV or Parquet"),
    ];
    let out = at("out");
    for (names, code, reason) in cases {
        let parts: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
        let message = fail(code, &concat_lists(&parts, &out, &[]));
        assert!(message.contains(reason), "{names:?}: {message}");
        assert!(!out.exists(), "{names:?}");
    }
    succeed(&concat_lists(&[at("2.tsv"), at("0.tsv")], &out, &["--partial"]));
    let rows = fs::read_to_string(&out).expect("read");
    assert!(rows.starts_with("user\trank\titem\tscore\nuser-001\t1\t") && rows.matches("user\t").count() == 1);
    let parts = ["2.jsonl", "empty.jsonl", "0.jsonl", "1.jsonl"].map(at);
    fail(2, &concat_lists(&parts, &out, &[]));
    succeed(&concat_lists(&parts, &out, &["--force"]));
    fail(2, &args!["recommend", films().model, "--kg", films().kg, "--user", "user-001", "--shard", "0/2"]);
}
