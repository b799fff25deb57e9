//! Every verb on the films: its JSON, its exit status, its manners towards files and pipes.

use crate::support::films::{Films, films, folder};
use crate::support::{args, entries, fail, footpath, object, objects, program, strings, succeed};
use footpath_core::{ArtefactWriter, Replace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

/// Checks that an object has these keys and values of these kinds; it may have more.
fn has(value: &Value, keys: &[(&str, fn(&Value) -> bool)]) {
    let wrong: Vec<&str> =
        keys.iter().filter(|(key, is)| !value.get(key).is_some_and(is)).map(|(key, _)| *key).collect();
    assert!(wrong.is_empty(), "{wrong:?} of {value}");
}

/// The end of the user's own id.
fn id_of<'a>(node: &'a str, kind: &str) -> &'a str {
    node.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')).unwrap_or_else(|| panic!("{node} is no {kind}"))
}

/// Checks the nodes and relations of a path from a user to an item, and that there is a sentence.
fn check_path(path: &Value, user: &str, item: &str) {
    let (nodes, relations) = (strings(&path["nodes"]), strings(&path["relations"]));
    assert_eq!((nodes.len(), relations.len()), (4, 3));
    assert_eq!((id_of(nodes[0], "user"), id_of(nodes[3], "item")), (user, item));
    assert_eq!(relations[0], "interacted");
    let known = |node: &&str| ["user:", "item:", "entity:"].iter().any(|prefix| node.starts_with(prefix));
    assert!(nodes.iter().all(known), "{nodes:?}");
    assert!(path["text"].as_str().is_some_and(|text| text.starts_with(user) && text.matches("; ").count() == 2));
}

#[test]
fn recommend_gives_an_object_for_each_user_and_line() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let ids = root.path().join("ids.txt");
    fs::write(&ids, "user-007\nuser-001\n").expect("written");
    let lists = objects(&succeed(&args!["recommend", &model, "--kg", &kg, "--users", &ids, "-k", "5", "--json"]));
    let users: Vec<_> = lists.iter().map(|list| list["user"].as_str().expect("a user")).collect();
    assert_eq!(users, ["user-007", "user-001"], "in the order asked");
    for list in &lists {
        has(list, &[("user", Value::is_string), ("items", Value::is_array), ("reason", Value::is_null)]);
        let items = list["items"].as_array().expect("an array");
        let ranks: Vec<_> = items.iter().map(|item| item["rank"].as_u64()).collect();
        assert_eq!(ranks, (1..=5).map(Some).collect::<Vec<_>>());
        let scores: Vec<f64> = items.iter().map(|item| item["score"].as_f64().expect("a number")).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|score| *score < 0.0), "{scores:?}");
        for item in items {
            let confidence = item["confidence"].as_f64().expect("a number");
            assert!(confidence > 0.0 && confidence <= 1.0);
            check_path(item, list["user"].as_str().expect("a user"), item["item"].as_str().expect("an item"));
        }
    }
    // More users than one make the same lists as one alone.
    let alone = object(&succeed(&args!["recommend", &model, "--kg", &kg, "--user", "user-001", "-k", "5", "--json"]));
    assert_eq!(strings_of(&alone, "item"), strings_of(&lists[1], "item"));
}

fn strings_of(list: &Value, key: &str) -> Vec<String> {
    list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item[key].as_str().expect("a string").to_owned())
        .collect()
}

#[test]
fn tsv_and_table_say_what_json_says() {
    let Films { kg, model, .. } = films();
    let ask = |form: &[&str]| {
        let mut arguments = args!["recommend", &model, "--kg", &kg, "--user", "user-003", "-k", "4"];
        arguments.extend(form.iter().map(OsString::from));
        succeed(&arguments)
    };
    let list = object(&ask(&["--json"]));
    let tsv: Vec<Vec<String>> = ask(&["--tsv"]).lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect();
    assert_eq!(tsv[0], ["user", "rank", "item", "score"]);
    assert_eq!(tsv.len(), 5);
    for (row, item) in tsv[1..].iter().zip(list["items"].as_array().expect("items")) {
        let score = format!("{:.6}", item["score"].as_f64().expect("a number"));
        assert_eq!(*row, ["user-003", &item["rank"].to_string(), item["item"].as_str().expect("an item"), &score]);
    }
    let table = ask(&[]);
    assert!(table.starts_with("Recommendations for user-003\n"));
    assert!(strings_of(&list, "label").iter().all(|label| table.contains(label.split(" (").next().expect("a title"))));
    assert!(table.lines().all(|line| line.trim_end() == line), "no trailing blanks");
}

#[test]
fn explain_gives_the_paths_between_a_user_and_an_item() {
    let Films { kg, model, .. } = films();
    let list = object(&succeed(&args!["recommend", &model, "--kg", &kg, "--user", "user-009", "-k", "1", "--json"]));
    let first = &list["items"][0];
    let item = first["item"].as_str().expect("an item");
    let mut arguments = args!["explain", &model, "--kg", &kg, "--user", "user-009", "--item", item, "--paths", "3"];
    assert!(succeed(&arguments).starts_with("Why "));
    arguments.push("--json".into());
    let why = object(&succeed(&arguments));
    has(
        &why,
        &[
            ("user", Value::is_string),
            ("item", Value::is_string),
            ("paths", Value::is_array),
            ("reason", Value::is_null),
        ],
    );
    let paths = why["paths"].as_array().expect("paths");
    assert_eq!(paths.len(), 3);
    for path in paths {
        has(path, &[("log_probability", Value::is_f64), ("triples", Value::is_array)]);
        check_path(path, "user-009", item);
    }
}

#[test]
fn an_item_without_a_path_gets_a_reason() {
    let root = tempdir().expect("a directory");
    let [data, kg, model] = ["data", "kg", "model"].map(|name| root.path().join(name));
    // Two islands: from one no path leads to the other.
    write_data(&data, "user_id\titem_id\nu\ta\nu\tb\nu\tc\nv\tx\nv\ty\nv\tz\n");
    succeed(&args!["import", &data, "--out", &kg, "--split", "none"]);
    succeed(&args!["train", &kg, "--out", &model, "--preset", "tiny", "--epochs", "1", "--paths-per-user", "2"]);
    let why = object(&succeed(&args!["explain", &model, "--kg", &kg, "--user", "u", "--item", "x", "--json"]));
    assert!(why["paths"].as_array().is_some_and(Vec::is_empty));
    assert!(why["reason"].as_str().is_some_and(|reason| reason.contains("no path of this pattern")), "{why}");
    let list = object(&succeed(&args!["recommend", &model, "--kg", &kg, "--user", "u", "--json"]));
    assert!(list["items"].as_array().is_some_and(Vec::is_empty) && list["reason"].is_string(), "{list}");
}

/// Figures an evaluation has for every subject.
const FIGURES: [&str; 7] =
    ["hr@10", "ndcg@10", "mrr@10", "precision@10", "recall@10", "user_coverage", "slot_coverage"];

#[test]
fn evaluate_reads_anyones_lists_and_judges_them_as_its_own() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let recs = root.path().join("recs.tsv");
    let baselines = object(&succeed(&args![
        "evaluate",
        "--kg",
        &kg,
        "--model",
        &model,
        "-k",
        "10",
        "--beams",
        "100",
        "--baselines",
        "--json"
    ]));
    let share = |value: &Value| value.as_f64().is_some_and(|x| (0.0..=1.0).contains(&x));
    assert!(FIGURES.iter().all(|figure| share(&baselines[figure])), "{baselines}");
    assert_eq!(baselines["faithful"].as_f64(), Some(1.0));
    assert!(baselines["ndcg@10"].as_f64() > Some(0.02), "{baselines}");
    for name in ["popularity", "item-knn", "path-count"] {
        assert!(FIGURES.iter().all(|figure| share(&baselines["baselines"][name][figure])), "{name}");
    }
    // Six choices of a user are held out for valid at most; they take no slots on test, so the lists are longer by as
    // many.
    succeed(&args!["recommend", &model, "--kg", &kg, "--all", "-k", "16", "--beams", "100", "--tsv", "--out", &recs]);
    let lists = object(&succeed(&args!["evaluate", "--kg", &kg, "--recs", &recs, "-k", "10", "--json"]));
    for figure in FIGURES {
        assert_eq!(lists[figure], baselines[figure], "{figure}");
    }
    assert!(lists["faithful"].is_null(), "lists have no paths to be faithful");
    let table = succeed(&args!["evaluate", "--kg", &kg, "--recs", &recs, "--on", "valid"]);
    assert!(table.contains("ndcg@10") && table.contains("480 users"), "{table}");
}

#[test]
fn the_largest_cut_off_leaves_room_for_known_choices() {
    let root = tempdir().expect("a directory");
    let [data, kg, model] = ["data", "kg", "model"].map(|name| root.path().join(name));
    let log = "u\ta\ttrain\nu\tb\tvalid\nu\tc\ttest\nv\ta\ttrain\nv\tb\ttrain\nv\tc\ttrain\nv\td\ttrain\n";
    write_data(&data, &format!("user_id\titem_id\tsplit\n{log}"));
    succeed(&args!["import", &data, "--out", &kg]);
    succeed(&args!["train", &kg, "--out", &model, "--preset", "tiny", "--epochs", "1", "--paths-per-user", "2"]);
    let report = object(&succeed(&args!["evaluate", "--kg", &kg, "--model", &model, "-k", "1000", "--json"]));
    assert_eq!((report["hr@1000"].as_f64(), report["users"].as_u64()), (Some(1.0), Some(1)), "{report}");
    // With b known, c comes first or second of c and d.
    assert!(report["mrr@1000"].as_f64() >= Some(0.5), "{report}");
}

/// A data set of two directors with this log.
fn write_data(folder: &Path, log: &str) {
    fs::create_dir(folder).expect("a directory");
    fs::write(folder.join("interactions.tsv"), log).expect("written");
    fs::write(folder.join("items.tsv"), "item_id\tentity_id\na\tA\nb\tB\nx\tX\ny\tY\n").expect("written");
    let triples = "head\trelation\ttail\nA\tby\tann\nB\tby\tann\nX\tby\tbob\nY\tby\tbob\n";
    fs::write(folder.join("triples.tsv"), triples).expect("written");
}

#[test]
fn info_count_and_import_describe_the_same_graph() {
    let Films { kg, .. } = films();
    let info = object(&succeed(&args!["info", &kg, "--json"]));
    let number = |key: &str| info[key].as_u64().unwrap_or_else(|| panic!("{key} of {info}"));
    let lines = |file: &str| fs::read_to_string(folder().join(file)).expect("a file").lines().count() as u64 - 1;
    assert_eq!((number("num_users"), number("num_items"), number("num_triples")), (480, 385, lines("triples.tsv")));
    assert_eq!(number("num_train") + number("num_valid") + number("num_test"), lines("interactions.tsv"));
    let root = tempdir().expect("a directory");
    let again = object(&succeed(&args!["import", folder(), "--out", root.path().join("kg"), "--json"]));
    assert_eq!(again["graph"]["num_triples"], info["num_triples"]);

    for end in ["train", "unseen", "any"] {
        let count = object(&succeed(&args!["count", &kg, "--hops", "3", "--end", end, "--json"]));
        let number = |key: &str| count[key].as_f64().unwrap_or_else(|| panic!("{key} of {count}"));
        assert!(number("min") <= number("median") && number("median") <= number("max"));
        assert!((number("mean") * number("num_users") - number("total")).abs() < 1e-6 * number("total"));
        assert_eq!((number("num_users"), number("users_without_paths")), (480.0, 0.0));
        assert_eq!((count["exact"].as_bool(), count["end"].as_str()), (Some(true), Some(end)));
        assert_eq!(count["pattern"].as_str(), Some("(:user)-[]-{3}(:item)"));
    }
    let pattern = "(:user)-[:interacted]->(:item)<-[:directed_by]-(:person)-[]-(:item)";
    let none = object(&succeed(&args!["count", &kg, "--pattern", pattern, "--json"]));
    assert_eq!((none["total"].as_u64(), none["users_without_paths"].as_u64()), (Some(0), Some(480)));
    assert!(succeed(&args!["count", &kg, "--pattern", pattern]).contains("480 without a path"));
    assert!(succeed(&args!["info", &kg]).contains("directed_by"));
}

#[test]
fn sample_export_audit_and_check_agree_on_the_number_of_paths() {
    let Films { kg, corpus, .. } = films();
    let root = tempdir().expect("a directory");
    let [jsonl, text, walks] = ["paths.jsonl", "paths.txt", "walks"].map(|name| root.path().join(name));
    succeed(&args!["export", &corpus, "--kg", &kg, "--format", "jsonl", "--out", &jsonl]);
    succeed(&args!["export", &corpus, "--kg", &kg, "--format", "text", "--out", &text]);
    let [jsonl, text] = [jsonl, text].map(|path| fs::read_to_string(path).expect("a file"));
    assert_eq!((jsonl.lines().count(), text.lines().count()), (480 * 20, 480 * 20));
    let field = |field: &str| {
        let (letter, digits) = field.split_at(1);
        "UIER".contains(letter) && digits.parse::<u32>().is_ok()
    };
    assert!(text.lines().all(|line| line.split(' ').count() == 7 && line.split(' ').all(field)));
    assert_eq!(succeed(&args!["export", &corpus, "--kg", &kg]), jsonl, "JSON lines on standard output by default");
    assert!(succeed(&args!["audit", &corpus, "--kg", &kg]).contains("9,600"));

    let arguments = args![
        "sample",
        &kg,
        "--out",
        &walks,
        "--pattern",
        "(:user)-[]->(:item)-[]-(:entity)-[]-(:item)",
        "--end",
        "unseen",
        "--law",
        "walk",
        "--damping",
        "0.5",
        "--paths-per-user",
        "3",
        "--seed",
        "9",
        "--json"
    ];
    let sampled = object(&succeed(&arguments));
    assert_eq!((sampled["num_paths"].as_u64(), sampled["given_up"].as_u64()), (Some(1_440), Some(0)));
    succeed(&args!["audit", &walks, "--kg", &kg]);
    for artefact in [&kg, &corpus, &walks] {
        let sound = succeed(&args!["check", artefact]);
        assert!(sound.ends_with(": sound\n"), "{sound}");
    }
    assert!(succeed(&args!["check", &walks]).contains(sampled["hash"].as_str().expect("a hash")));
}

#[test]
fn completions_and_help_are_there_for_every_verb() {
    let help = succeed(&args!["--help"]);
    let verbs = ["import", "info", "count", "sample", "export", "audit", "train", "recommend", "explain", "evaluate"];
    for verb in verbs.into_iter().chain(["corpus", "pattern", "check", "demo", "completions"]) {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}");
        let own = succeed(&args![verb, "--help"]);
        assert!(
            own.contains("Usage: footpath ") && own.contains(&format!("  footpath {verb}")),
            "an example of {verb}"
        );
    }
    assert!(succeed(&args!["completions", "bash"]).contains("_footpath"));
    assert!(succeed(&args!["--version"]).starts_with("footpath "));
}

#[test]
fn what_cannot_be_asked_is_a_usage_error() {
    let Films { kg, model, corpus } = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("new/out");
    let recommend = args!["recommend", &model, "--kg", &kg, "--user", "user-001"];
    let sample = args!["sample", &kg, "--out", &out];
    let with = |verb: &[OsString], more: &[&str]| [verb, &more.iter().map(OsString::from).collect::<Vec<_>>()].concat();
    let cases = [
        (with(&recommend, &["-k", "0"]), "1 to 1000"),
        (with(&recommend, &["-k", "1001"]), "1 to 1000"),
        (with(&recommend, &["--beams", "0"]), "beams"),
        (with(&recommend, &["--all"]), "--all"),
        (with(&recommend, &["--json", "--tsv"]), "--tsv"),
        (with(&recommend, &["--device", "abacus"]), "device"),
        (with(&recommend, &["--threads", "2000"]), "threads"),
        (with(&recommend, &["-k", "ten"]), "ten"),
        (with(&sample, &[]), "--hops"),
        (with(&sample, &["--hops", "0"]), "hops"),
        (with(&sample, &["--hops", "17"]), "hops"),
        (with(&sample, &["--hops", "3", "--pattern", "(:user)-[]-(:item)"]), "--pattern"),
        (with(&sample, &["--hops", "3", "--paths-per-user", "0"]), "paths-per-user"),
        (with(&sample, &["--hops", "3", "--damping", "NaN"]), "damping"),
        (with(&sample, &["--hops", "3", "--damping", "9"]), "damping"),
        (with(&sample, &["--hops", "3", "--edge-weights"]), "no weights of edges"),
        (with(&sample, &["--hops", "3", "--threads", "1025"]), "threads"),
        (with(&sample, &["--hops", "3", "--seed", "-1"]), "-1"),
        (with(&sample, &["--pattern", "(:user)-[:directed]->(:item)"]), "directed_by"),
        (with(&sample, &["--pattern", "(:user)-[]->(:item"]), "column"),
        (args!["evaluate", "--kg", &kg], "--model"),
        (args!["evaluate", "--kg", &kg, "--model", &model, "-k", "0"], "k"),
        (args!["evaluate", "--kg", &kg, "--model", &model, "-k", "1001"], "k"),
        (args!["export", &corpus, "--kg", &kg, "--format", "csv"], "csv"),
        (args!["import", folder(), "--out", &out, "--ratios", "0.8,0.1,0.2"], "0.8"),
        (args!["import", folder(), "--out", &out, "--split", "column"], "split"),
        (args!["train", &kg, "--out", &out, "--epochs", "0"], "epochs"),
        (args!["import", folder(), "--out", &out, "--rating-weights"], "no ratings"),
        (args!["train", &kg, "--out", &out, "--learning-rate", "NaN"], "learning_rate"),
        (args!["train", &kg, "--out", &out, "--edge-weights"], "no weights of edges"),
        (args!["train", &kg, "--out", &out, "--end-damping", "9"], "end-damping"),
        (args!["train", &kg, "--out", &out, "--relation-weight", "directed=2"], "directed_by"),
        (args!["train", &kg, "--out", &out, "--corpus", &corpus, "--end-damping", "1"], "drawn already"),
        (args!["juggle"], "juggle"),
        (args![], "Usage"),
    ];
    for (arguments, hint) in cases {
        let message = fail(2, &arguments);
        assert!(message.contains(hint), "{arguments:?} should say {hint:?}: {message}");
    }
    assert!(entries(root.path()).is_empty(), "a usage error leaves nothing behind");
}

#[test]
fn names_the_graph_does_not_have_are_bad_input() {
    let Films { kg, model, .. } = films();
    let long = "x".repeat(1 << 20);
    // An argument may not be as long as that everywhere, a line of a file may.
    let root = tempdir().expect("a directory");
    let ids = root.path().join("ids.txt");
    fs::write(&ids, format!("user-001\n{long}\n")).expect("written");
    let unknown = [
        (args!["recommend", &model, "--kg", &kg, "--user", "nobody"], "unknown_user"),
        (args!["recommend", &model, "--kg", &kg, "--user", ""], "unknown_user"),
        (args!["recommend", &model, "--kg", &kg, "--user", "\u{1b}[2J\u{202e}"], "unknown_user"),
        (args!["recommend", &model, "--kg", &kg, "--users", &ids], "unknown_user"),
        (args!["explain", &model, "--kg", &kg, "--user", "nobody", "--item", "alien-1979"], "unknown_user"),
        (args!["explain", &model, "--kg", &kg, "--user", "user-001", "--item", "person-ridley-scott"], "unknown_item"),
    ];
    for (arguments, kind) in unknown {
        let message = fail(3, &arguments);
        assert!(message.contains(kind) && message.len() < 1_000, "{message}");
    }
}

#[test]
fn exit_statuses_are_0_to_4() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let bad = root.path().join("bad");
    fs::create_dir(&bad).expect("a directory");
    fs::write(bad.join("interactions.tsv"), "user_id\titem_id\nu\n").expect("written");
    fs::write(bad.join("triples.tsv"), "head\trelation\ttail\na\tb\tc\n").expect("written");
    succeed(&args!["info", &kg]);
    fail(1, &args!["info", root.path().join("absent")]);
    fail(1, &args!["import", root.path().join("absent"), "--out", root.path().join("kg")]);
    fail(2, &args!["info", &kg, "--yaml"]);
    let message = fail(3, &args!["import", &bad, "--out", root.path().join("kg")]);
    assert!(message.contains("interactions.tsv:2"), "{message}");
    fail(4, &args!["info", &bad]);
    let message = fail(4, &args!["info", &model]);
    assert!(message.contains("it is a model"), "{message}");
    assert_eq!(entries(root.path()), [bad], "failures leave nothing behind");
}

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let Films { kg, corpus, model } = films();
    let root = tempdir().expect("a directory");
    let (taken, file) = (root.path().join("taken"), root.path().join("file"));
    fs::create_dir(&taken).expect("a directory");
    fs::write(taken.join("photo"), "precious").expect("written");
    fs::write(&file, "precious").expect("written");
    for out in [&taken, &file] {
        fail(2, &args!["import", folder(), "--out", out]);
        fail(2, &args!["sample", &kg, "--out", out, "--hops", "3"]);
        fail(2, &args!["train", &kg, "--out", out]);
        fail(2, &args!["export", &corpus, "--kg", &kg, "--out", out]);
        fail(2, &args!["recommend", &model, "--kg", &kg, "--user", "user-001", "--out", out]);
        // Force replaces artefacts, not photographs.
        fail(2, &args!["import", folder(), "--out", out, "--force"]);
        fail(2, &args!["sample", &kg, "--out", out, "--hops", "3", "--force"]);
    }
    assert_eq!(fs::read_to_string(taken.join("photo")).expect("kept"), "precious");
    assert_eq!(fs::read_to_string(&file).expect("kept"), "precious");
    let own = root.path().join("corpus");
    for seed in ["1", "2"] {
        succeed(&args![
            "sample",
            &kg,
            "--out",
            &own,
            "--hops",
            "3",
            "--paths-per-user",
            "1",
            "--seed",
            seed,
            "--force"
        ]);
    }
    fail(2, &args!["sample", &kg, "--out", &own, "--hops", "3"]);
    succeed(&args!["export", &corpus, "--kg", &kg, "--out", &file, "--force"]);
    assert_eq!(fs::read_to_string(&file).expect("replaced").lines().count(), 9_600);
    let names: BTreeSet<_> = entries(root.path()).into_iter().collect();
    assert_eq!(names, BTreeSet::from([taken, file, own]), "nothing hidden is left");
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let Films { kg, .. } = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("out");
    let first =
        ArtefactWriter::create(&out, footpath_core::ArtefactKind::Corpus, Replace::No).expect("the first writer");
    let sample = args!["sample", &kg, "--out", &out, "--hops", "3", "--paths-per-user", "1"];
    let import = args!["import", folder(), "--out", &out];
    for second in [&sample, &import] {
        let message = fail(1, second);
        assert!(message.contains("another process is writing here"), "{message}");
    }
    drop(first);
    succeed(&sample);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let Films { kg, corpus, model } = films();
    let verbs = [
        args!["export", &corpus, "--kg", &kg],
        args!["recommend", &model, "--kg", &kg, "--all", "--beams", "50", "-k", "100", "--json"],
    ];
    for arguments in verbs {
        let mut child = program(&arguments).spawn().expect("started");
        let mut first = String::new();
        BufReader::with_capacity(64, child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
        assert!(first.starts_with('{') && first.ends_with('\n'));
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let Films { kg, corpus, model } = films();
    let root = tempdir().expect("a directory");
    let verbs = [
        args!["info", &kg, "--json"],
        args!["info", &kg],
        args!["count", &kg, "--hops", "3", "--json"],
        args!["count", &kg, "--hops", "3"],
        args!["import", folder(), "--out", root.path().join("kg")],
        args!["sample", &kg, "--out", root.path().join("corpus"), "--hops", "3", "--paths-per-user", "1"],
        args!["export", &corpus, "--kg", &kg],
        args!["audit", &corpus, "--kg", &kg],
        args!["recommend", &model, "--kg", &kg, "--user", "user-001"],
        args!["explain", &model, "--kg", &kg, "--user", "user-001", "--item", "alien-1979"],
        args!["check", &kg],
        args!["completions", "zsh"],
    ];
    for arguments in verbs {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = program(&arguments).stdout(Stdio::from(full)).output().expect("ran");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains("standard output"), "{arguments:?}: {message}");
    }
    // A file that cannot be written is named.
    let ran = footpath(&args!["export", &corpus, "--kg", &kg, "--out", "/dev/full/paths.jsonl"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("/dev/full"), "{}", ran.stderr);
}

#[test]
fn what_train_writes_is_what_it_says() {
    let Films { kg, corpus, .. } = films();
    let root = tempdir().expect("a directory");
    let model = root.path().join("model");
    let arguments = args![
        "train",
        &kg,
        "--out",
        &model,
        "--corpus",
        &corpus,
        "--preset",
        "tiny",
        "--epochs",
        "1",
        "--batch-size",
        "1024"
    ];
    let ran = footpath(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(" MiB, paths (:user)-[]-{3}(:item)"), "stated before it starts: {}", ran.stderr);
    assert!(ran.stderr.contains("warning: 10 steps of 1024 paths: hardly anything is learned"), "{}", ran.stderr);
    let card: Value = serde_json::from_slice(&fs::read(model.join("model.json")).expect("a card")).expect("JSON");
    has(&card, &[("model", Value::is_object), ("pattern", Value::is_string), ("steps", Value::is_u64)]);
    let log = objects(&fs::read_to_string(model.join("metrics.jsonl")).expect("a log"));
    assert_eq!(log.len() as u64, card["steps"].as_u64().expect("a number"));
    let steps: Vec<_> = log.iter().map(|line| line["step"].as_u64().expect("a step")).collect();
    assert_eq!(steps, (1..=log.len() as u64).collect::<Vec<_>>());
    assert!(log.iter().all(|line| line["loss"].as_f64().is_some_and(|loss| loss > 0.0 && loss < 20.0)));
    assert!(log.last().is_some_and(|line| line["validation"].is_f64()));
    assert!(fs::read_to_string(model.join("loss.svg")).expect("a curve").starts_with("<svg"));
    assert_eq!(entries(root.path()), [model], "checkpoints are gone");
}
