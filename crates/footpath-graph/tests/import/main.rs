//! Import of good and bad folders.
//!
//! Each folder of `tests/data/bad/<format>` but `good` is a case: its files laid over those of `good`, and
//! `expect.toml`, which says what must come of it. The number in its name is the row of the table of bad inputs it
//! stands for. Cases that are too large to keep are generated below.

mod atomic;
mod further;
mod layouts;
mod memory;
mod onto;
#[cfg(feature = "rdf")]
mod rdf;
mod sources;
mod stops;
mod users;
#[cfg(feature = "rdf")]
mod w3c;
mod whole;

use footpath_core::{Context, ErrorClass, NodeId, Progress, Purpose, Stream, Triple};
use footpath_graph::build::Built;
use footpath_graph::error::{ImportFailure, MAX_DIAGNOSTICS};
use footpath_graph::heldout::Interaction;
use footpath_graph::import::{self, Imported, MaxBad, Options};
use footpath_graph::import::{MAX_COLUMNS, MAX_FIELD_BYTES, MAX_LINE_BYTES, MAX_NAME_BYTES};
use footpath_graph::split::{Ratios, SplitSpec};
use footpath_graph::{Error, dataset};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Formats of the same tables, and whether they are built in.
const FORMATS: [(&str, bool); 4] =
    [("native", true), ("recbole", true), ("parquet", cfg!(feature = "parquet")), ("arrow", cfg!(feature = "arrow"))];
/// Rows of the table that text input can show, but for those generated below.
const ROWS: [u32; 57] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 26, 27, 31, 32, 33, 34, 35, 37, 38, 39,
    40, 41, 42, 43, 45, 46, 47, 48, 50, 51, 52, 53, 54, 55, 57, 62, 65, 66, 67, 68, 69, 70, 76, 102, 103, 104,
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    why: String,
    /// Files of `good` that are not there.
    #[serde(default)]
    without: Vec<String>,
    strict: Outcome,
    lenient: Outcome,
    #[serde(default)]
    graph: Graph,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    /// `ok`, or the kind of the first diagnostic.
    result: String,
    file: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
    total: Option<u64>,
    #[serde(default)]
    skipped: BTreeMap<String, u64>,
}

/// What is to be said of the graph, where there is one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    #[serde(default)]
    same_as_good: bool,
    users: Option<u64>,
    items: Option<u64>,
    items_outside_kg: Option<u64>,
    triples: Option<u64>,
    train: Option<u64>,
    valid: Option<u64>,
    test: Option<u64>,
    duplicate_triples: Option<u64>,
    duplicate_interactions: Option<u64>,
    self_loops: Option<u64>,
    unused_relations: Option<u64>,
    warnings: Option<Vec<String>>,
    findings: Option<Vec<String>>,
}

fn bad_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/bad")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|e| e.expect("entry").file_name().into_string().expect("UTF-8")).collect()
}

/// Every case: format and folder name.
fn cases() -> Vec<(&'static str, String)> {
    let of = |format: &'static str| {
        let names = names(&bad_data().join(format)).into_iter().filter(|name| name != "good");
        names.map(move |name| (format, name))
    };
    formats().flat_map(of).collect()
}

fn formats() -> impl Iterator<Item = &'static str> {
    FORMATS.into_iter().filter(|(_, is_built)| *is_built).map(|(format, _)| format)
}

fn expectation(format: &str, name: &str) -> Expectation {
    let path = bad_data().join(format).join(name).join("expect.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn copy(from: &Path, to: &Path) {
    for name in names(from).iter().filter(|name| *name != "expect.toml") {
        fs::copy(from.join(name), to.join(name)).expect("copied");
    }
}

/// The good folder of a format, in a place of its own.
fn good(format: &str) -> TempDir {
    let folder = TempDir::new().expect("temporary folder");
    copy(&bad_data().join(format).join("good"), folder.path());
    folder
}

fn lay_out(format: &str, name: &str, expected: &Expectation) -> TempDir {
    let folder = good(format);
    for file in &expected.without {
        fs::remove_file(folder.path().join(file)).unwrap_or_else(|e| panic!("{name} is without {file}, but: {e}"));
    }
    copy(&bad_data().join(format).join(name), folder.path());
    folder
}

fn strict() -> Options {
    Options::default()
}

fn lenient() -> Options {
    Options { lenient: Some(MaxBad::new(1.0).expect("a share")), ..Options::default() }
}

fn import(folder: &Path, options: &Options) -> Result<Imported, Error> {
    import::import(folder, options, &Context::default())
}

/// The diagnostics of a failed import, after checking what holds for all of them.
fn failure(result: Result<Imported, Error>, case: &str) -> Box<ImportFailure> {
    let error = result.map(|_| ()).expect_err(case);
    assert_eq!(error.class(), ErrorClass::Input, "{case}");
    let Error::Import(failure) = error else { panic!("{case}: {error}") };
    assert!(failure.diagnostics.len() <= MAX_DIAGNOSTICS && failure.total > 0, "{case}");
    for diagnostic in &failure.diagnostics {
        let shown = diagnostic.to_string();
        assert!(!shown.contains(char::is_control) && !shown.contains('\u{202e}'), "{case}: {shown:?}");
        assert!(shown.len() < 1024 && !diagnostic.kind.is_empty(), "{case}: {shown}");
    }
    failure
}

/// Everything of a graph but the lines it came from.
fn same_graph(a: &Built, b: &Built) -> bool {
    let ratings = |built: &Built| built.arrays.ratings.iter().map(|r| r.to_bits()).collect::<Vec<_>>();
    let held_out = |log: &[Interaction]| log.iter().map(|i| (i.user, i.item, i.time)).collect::<Vec<_>>();
    let schema = |built: &Built| (built.schema.types.clone(), built.schema.relations.clone());
    let (x, y) = (&a.arrays, &b.arrays);
    schema(a) == schema(b)
        && *x.offsets == *y.offsets
        && *x.tails == *y.tails
        && *x.relations == *y.relations
        && *x.times == *y.times
        && ratings(a) == ratings(b)
        && *x.name_bytes == *y.name_bytes
        && *x.label_bytes == *y.label_bytes
        && held_out(&a.valid) == held_out(&b.valid)
        && held_out(&a.test) == held_out(&b.test)
}

fn check_graph(got: &Imported, expected: &Graph, good: &Imported, case: &str) {
    let report = &got.report;
    if expected.same_as_good {
        assert!(same_graph(&got.built, &good.built), "{case}: the graph is not that of the good folder");
    }
    let counts = [
        ("users", expected.users, report.graph.num_users),
        ("items", expected.items, report.graph.num_items),
        ("items outside", expected.items_outside_kg, report.graph.num_items_outside_kg),
        ("triples", expected.triples, report.graph.num_triples),
        ("train", expected.train, report.graph.num_train),
        ("valid", expected.valid, report.num_valid),
        ("test", expected.test, report.num_test),
        ("duplicate triples", expected.duplicate_triples, report.dropped.duplicate_triples),
        ("duplicate interactions", expected.duplicate_interactions, report.dropped.duplicate_interactions),
        ("self-loops", expected.self_loops, report.graph.num_self_loops),
        ("unused relations", expected.unused_relations, report.unused_relations.len() as u64),
    ];
    for (what, expected, got) in counts {
        assert_eq!(expected.unwrap_or(got), got, "{case}: {what}");
    }
    if let Some(findings) = &expected.findings {
        let got: Vec<_> = report.findings.iter().map(|finding| finding.kind.clone()).collect();
        let all = findings.iter().all(|kind| got.contains(kind));
        assert!(all, "{case}: findings {got:?}");
    }
    if let Some(warnings) = &expected.warnings {
        let got: Vec<_> = report.warnings.iter().map(|w| w.kind.clone()).collect();
        assert_eq!(got, *warnings, "{case}: warnings");
    }
}

fn check_failure(result: Result<Imported, Error>, expected: &Outcome, case: &str) {
    let failure = failure(result, case);
    let first = failure.diagnostics.first().expect("a diagnostic");
    assert_eq!(first.kind, expected.result, "{case}: {first}");
    if let Some(file) = &expected.file {
        assert_eq!(first.path.file_name().and_then(|n| n.to_str()), Some(file.as_str()), "{case}: {first}");
    }
    assert_eq!(expected.line.unwrap_or(first.line), first.line, "{case}: {first}");
    assert_eq!(expected.column.unwrap_or(first.column), first.column, "{case}: {first}");
    assert_eq!(expected.total.unwrap_or(1), failure.total, "{case}: {failure}");
}

#[test]
fn every_bad_folder_gives_what_is_expected_of_it() {
    for (format, name) in cases() {
        let case = format!("{format}/{name}");
        let expected = expectation(format, &name);
        let good = import(good(format).path(), &strict()).expect("the good folder is good");
        let folder = lay_out(format, &name, &expected);
        let once = import(folder.path(), &strict());
        match expected.strict.result.as_str() {
            "ok" => check_graph(&once.unwrap_or_else(|e| panic!("{case}: {e}")), &expected.graph, &good, &case),
            _ => check_failure(once, &expected.strict, &case),
        }
        let skipping = import(folder.path(), &lenient());
        if expected.lenient.result == "ok" {
            let got = skipping.unwrap_or_else(|e| panic!("{case}, lenient: {e}"));
            assert_eq!(got.report.skipped, expected.lenient.skipped, "{case}, lenient");
            check_graph(&got, &expected.graph, &good, &format!("{case}, lenient"));
        } else {
            let failure = failure(skipping, &case);
            // What a lenient import cannot skip ends it.
            assert_eq!(failure.diagnostics.last().map(|d| d.kind), Some(expected.lenient.result.as_str()), "{case}");
        }
    }
}

#[test]
fn folders_and_expectations_match_one_to_one() {
    let mut rows = BTreeSet::new();
    for (format, name) in cases() {
        let files = names(&bad_data().join(format).join(&name));
        let expected = expectation(format, &name);
        assert!(files.len() > 1 || !expected.without.is_empty(), "{format}/{name}: an expectation without a case");
        assert!(!expected.why.is_empty(), "{format}/{name}: why?");
        let number = name.split('-').next().and_then(|n| n.parse().ok());
        rows.insert(number.unwrap_or_else(|| panic!("{format}/{name}: not named for a row of the table")));
    }
    assert_eq!(rows, BTreeSet::from(ROWS), "rows with cases, rows that need them");
}

/// A native folder whose triples file holds `bytes`.
fn with_triples(bytes: &[u8]) -> TempDir {
    let folder = good("native");
    for name in ["entities.tsv", "items.tsv", "relations.tsv"] {
        fs::remove_file(folder.path().join(name)).expect("removed");
    }
    fs::write(folder.path().join("triples.tsv"), bytes).expect("written");
    folder
}

/// Kind, line and column of the only diagnostic, or `ok`.
fn outcome(folder: &TempDir, options: &Options) -> (&'static str, u64, u64) {
    match import(folder.path(), options) {
        Ok(_) => ("ok", 0, 0),
        Err(error) => {
            let failure = failure(Err(error), "generated");
            assert_eq!(failure.total, 1, "{failure}");
            failure.diagnostics.first().map_or(("none", 0, 0), |d| (d.kind, d.line, d.column))
        }
    }
}

fn triples(rows: &str) -> Vec<u8> {
    format!("head\trelation\ttail\n{rows}").into_bytes()
}

/// Rows 16, 18 and 19.
#[test]
fn limits_of_lines_fields_names_and_columns_hold_exactly() {
    let name = |bytes: usize| outcome(&with_triples(&triples(&format!("a\tr\t{}\n", "x".repeat(bytes)))), &strict());
    assert_eq!(name(MAX_NAME_BYTES), ("ok", 0, 0));
    assert_eq!(name(MAX_NAME_BYTES + 1), ("field_too_long", 2, 3));
    assert_eq!(name(MAX_FIELD_BYTES + 1), ("field_too_long", 2, 3));
    // Ignored columns carry the length: 20 of them, each within the limit of a field.
    let wide = |bytes: usize| {
        let header = (0..20).map(|c| format!("\tc{c}")).collect::<String>();
        let each = (bytes - "a\tr\tb".len() - 20) / 20;
        let rest = (bytes - "a\tr\tb".len() - 20) % 20;
        let fields = (0..20).map(|c| format!("\t{}", "x".repeat(each + usize::from(c < rest)))).collect::<String>();
        let text = format!("head\trelation\ttail{header}\na\tr\tb{fields}\n");
        outcome(&with_triples(text.as_bytes()), &strict())
    };
    assert_eq!(wide(MAX_LINE_BYTES), ("ok", 0, 0));
    assert_eq!(wide(MAX_LINE_BYTES + 1), ("line_too_long", 2, 0));
    let columns = outcome(&with_triples(&triples(&format!("a\tr\tb{}\n", "\tx".repeat(400_000)))), &strict());
    assert_eq!(columns, ("columns", 2, MAX_COLUMNS as u64 + 1));
}

/// Row 17: two GiB without a line feed, stored as a hole.
#[test]
fn an_endless_line_stops_at_the_limit() {
    let folder = with_triples(b"");
    let file = File::create(folder.path().join("triples.tsv")).expect("created");
    file.set_len(2 << 30).expect("a hole");
    assert_eq!(outcome(&folder, &strict()), ("line_too_long", 1, 0));
}

/// Rows 49 and 63.
#[test]
fn limits_of_relations_and_nodes_hold_exactly() {
    let relations = |count: usize| {
        let rows = (0..count).map(|r| format!("a\tr{r}\tb\n")).collect::<String>();
        outcome(&with_triples(&triples(&rows)), &strict())
    };
    assert_eq!(relations(dataset::MAX_RELATIONS), ("ok", 0, 0));
    assert_eq!(relations(dataset::MAX_RELATIONS + 1), ("limit", dataset::MAX_RELATIONS as u64 + 2, 2));
    // The good log has 2 users and 10 items.
    let nodes = |max_nodes: u64| {
        let rows = (0..988).map(|e| format!("e{e}\tr\te{}\n", (e + 1) % 988)).collect::<String>();
        outcome(&with_triples(&triples(&rows)), &Options { max_nodes, ..strict() })
    };
    assert_eq!(nodes(1000), ("ok", 0, 0));
    assert_eq!(nodes(999).0, "limit");
}

/// Row 67.
#[test]
fn bombs_stop_early() {
    let folder = with_triples(b"");
    fs::remove_file(folder.path().join("triples.tsv")).expect("removed");
    let bomb = zstd::encode_all(std::io::repeat(0).take(1 << 30), 3).expect("packed");
    fs::write(folder.path().join("triples.tsv.zst"), bomb).expect("written");
    assert_eq!(outcome(&folder, &strict()).0, "expansion");
    let small = Options { max_bytes: 100, ..strict() };
    assert_eq!(outcome(&good("native"), &small).0, "expansion");
}

/// Row 71: the system's own complaints name the path.
#[test]
fn what_cannot_be_read_is_named() {
    let folder = with_triples(b"");
    let triples = folder.path().join("triples.tsv");
    fs::remove_file(&triples).expect("removed");
    fs::create_dir(&triples).expect("a folder in its place");
    let missing = folder.path().join("missing");
    for (path, named) in [(folder.path(), &triples), (&missing, &missing)] {
        let error = import(path, &strict()).map(|_| ()).expect_err("cannot be read");
        assert_eq!(error.class(), ErrorClass::Runtime, "{error}");
        assert!(error.to_string().starts_with(&named.display().to_string()), "{error}");
    }
}

#[test]
fn progress_reaches_the_end_of_every_stage() {
    for format in formats() {
        let folder = good(format);
        let steps = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&steps);
        let context = Context::default().with_progress(move |step| noted.lock().expect("steps").push(step));
        import::import(folder.path(), &strict(), &context).expect("good");
        let steps: Vec<Progress> = steps.lock().expect("steps").clone();
        let size = |name: &String| fs::metadata(folder.path().join(name)).expect("there").len();
        let bytes: u64 = names(folder.path()).iter().map(size).sum();
        let last = |stage: &str| steps.iter().rfind(|step| step.stage == stage).map(|step| (step.done, step.of));
        assert_eq!(last("reading"), Some((bytes, Some(bytes))), "{format}");
        assert!(last("building").is_some_and(|(done, of)| of.is_some_and(|of| done <= of)), "{format}");
        let reading: Vec<u64> = steps.iter().filter(|step| step.stage == "reading").map(|step| step.done).collect();
        assert!(reading.is_sorted(), "{reading:?}");
    }
}

#[test]
fn all_formats_give_the_same_counts() {
    let report = |format| import(good(format).path(), &strict()).expect("good").report;
    let reports: Vec<_> = formats().map(report).collect();
    for report in &reports {
        assert_eq!(report.graph, reports[0].graph);
        assert_eq!((report.num_valid, report.num_test), (1, 1));
    }
}

#[test]
fn low_ratings_go_before_the_split_and_take_idle_users_with_them() {
    let folder = good("native");
    let mut log = fs::read_to_string(folder.path().join("interactions.tsv")).expect("read");
    log.push_str("u3\t1\t2\t5\nu3\tunlisted\t1\t6\n");
    fs::write(folder.path().join("interactions.tsv"), log).expect("written");
    let report = import(folder.path(), &Options { min_rating: Some(4.0), ..strict() }).expect("good").report;
    assert_eq!((report.log.num_read, report.log.num_filtered), (15, 9));
    assert_eq!((report.graph.num_users, report.graph.num_items, report.graph.num_train), (2, 10, 6));
}

#[test]
fn options_that_do_not_fit_are_usage_errors() {
    let folder = good("native");
    let ratios = Ratios::default();
    fs::write(folder.path().join("interactions.tsv"), "user_id\titem_id\nu\t1\n").expect("written");
    let bad = [
        Options { min_rating: Some(4.0), ..strict() },
        Options { min_rating: Some(f32::NAN), ..strict() },
        Options { rating_weights: true, ..strict() },
        Options { split: SplitSpec::Column, ..strict() },
        Options { split: SplitSpec::Temporal { ratios, seed: 1 }, ..strict() },
        Options { split: SplitSpec::LeaveOneOut { seed: 1 }, ..strict() },
    ];
    for options in bad {
        let error = import(folder.path(), &options).map(|_| ()).expect_err("does not fit");
        assert_eq!(error.class(), ErrorClass::Usage, "{options:?}: {error}");
    }
    assert!(import(folder.path(), &strict()).is_ok());
}

/// The weight of each arc, by the names of what it leads from and to, and its relation.
fn weights(imported: &Imported) -> BTreeMap<(String, String, String), f32> {
    let kg = imported.built.train_kg().expect("a graph");
    let nodes = (0u32..).take(kg.num_nodes()).map(NodeId);
    let arcs = nodes.flat_map(|node| kg.arcs(node).iter().map(move |(relation, tail)| (node, relation, tail)));
    let of = |(head, relation, tail)| {
        let names = (kg.node_name(head), kg.relation_name(relation), kg.node_name(tail));
        (names, kg.weight(Triple { head, relation, tail }))
    };
    arcs.map(of).collect()
}

#[test]
fn facts_weigh_what_their_column_says_in_both_directions_and_interactions_what_is_asked_for() {
    let folder = good("native");
    let plain = import(folder.path(), &strict()).expect("good");
    assert!(plain.built.arrays.weights.is_empty() && !plain.built.train_kg().expect("a graph").has_weights());
    assert!(weights(&plain).values().all(|&weight| weight == 1.0));
    let rated = import(folder.path(), &Options { rating_weights: true, ..strict() }).expect("good");
    let text = fs::read_to_string(folder.path().join("triples.tsv")).expect("read");
    let weigh =
        |(line, row): (usize, &str)| if line == 0 { format!("{row}\tweight\n") } else { format!("{row}\t{line}e-1\n") };
    let rows: String = text.lines().enumerate().map(weigh).collect();
    // Of a fact stated twice the first statement is kept, wherever the second comes.
    fs::write(folder.path().join("triples.tsv"), format!("{rows}f1\t0\tp1\t0.1\n")).expect("written");
    let weighed = import(folder.path(), &strict()).expect("good");
    let both = import(folder.path(), &Options { rating_weights: true, ..strict() }).expect("good");
    assert!(same_graph(&plain.built, &both.built));
    let (rated, weighed, both) = (weights(&rated), weights(&weighed), weights(&both));
    let logged: BTreeMap<(&str, &str), f32> =
        BTreeMap::from([(("user:u1", "item:1"), 2.0), (("user:u1", "item:5"), 1.0), (("user:u2", "item:1"), 5.0)]);
    for ((user, item), rating) in logged {
        for key in [[user, "interacted", item], [item, "~interacted", user]] {
            let [head, relation, tail] = key.map(str::to_owned);
            let of = |weights: &BTreeMap<_, f32>| weights[&(head.clone(), relation.clone(), tail.clone())];
            assert_eq!([of(&rated), of(&weighed), of(&both)], [rating, 1.0, rating], "{key:?}");
        }
    }
    let facts = |weights: &BTreeMap<(String, String, String), f32>| {
        let facts = weights.iter().filter(|((_, relation, _), _)| !relation.ends_with("interacted"));
        let mut facts: Vec<f32> = facts.map(|(_, &weight)| weight).collect();
        facts.sort_by(f32::total_cmp);
        facts
    };
    let twice: Vec<f32> = (1..=14u8).flat_map(|line| [f32::from(line) / 10.0; 2]).collect();
    assert_eq!((facts(&weighed), facts(&both)), (twice.clone(), twice));
    assert!(facts(&rated).iter().all(|&weight| weight == 1.0));
    let inverse = |((head, relation, tail), weight): (&(String, String, String), &f32)| {
        let relation = relation.strip_prefix('~').map_or_else(|| format!("~{relation}"), str::to_owned);
        both[&(tail.clone(), relation, head.clone())] == *weight
    };
    assert!(both.iter().all(inverse), "an arc and its inverse weigh the same");
}

#[test]
fn ratings_that_are_kept_must_be_weights_where_they_are_to_be() {
    let folder = good("native");
    let mut log = fs::read_to_string(folder.path().join("interactions.tsv")).expect("read");
    log.push_str("u2\t4\t0\t1500000080\n");
    fs::write(folder.path().join("interactions.tsv"), log).expect("written");
    let options = |min_rating, rating_weights| Options { min_rating, rating_weights, ..strict() };
    assert_eq!(outcome(&folder, &options(None, false)), ("ok", 0, 0));
    assert_eq!(outcome(&folder, &options(None, true)), ("weight", 15, 3));
    assert_eq!(outcome(&folder, &options(Some(1.0), true)), ("ok", 0, 0));
}

#[test]
fn a_lenient_import_fails_when_too_much_is_bad() {
    let folder = good("native");
    let mut log = fs::read_to_string(folder.path().join("interactions.tsv")).expect("read");
    log.push_str("u3\t1\tfive\t5\n");
    fs::write(folder.path().join("interactions.tsv"), log).expect("written");
    // 13 entities, 2 relations, 14 triples, 10 items and 14 interactions: 1 of 53.
    let share = |share: f64| Options { lenient: Some(MaxBad::new(share).expect("a share")), ..strict() };
    assert!(import(folder.path(), &share(1.0 / 53.0)).is_ok());
    let failure = failure(import(folder.path(), &share(0.99 / 53.0)), "over the share");
    assert_eq!(failure.diagnostics.iter().map(|d| d.kind).collect::<Vec<_>>(), ["too_many_bad", "rating"]);
}

/// Cuts and joins of good files, and single bytes changed: whatever comes of them, it is a graph or an error; and what
/// a strict import accepts, a lenient one accepts unchanged.
#[test]
fn mutants_never_panic_and_strict_is_within_lenient() {
    for (format_number, format) in (0..).zip(formats()) {
        for mutant in 0..50 {
            let mut random = Stream::new(7, Purpose::Simulate, format_number, mutant);
            let folder = good(format);
            let files: Vec<String> = names(folder.path()).into_iter().collect();
            let path = folder.path().join(&files[random.index(files.len())]);
            let other = fs::read(folder.path().join(&files[random.index(files.len())])).expect("read");
            let bytes = mutate(&fs::read(&path).expect("read"), &other, &mut random);
            fs::write(&path, bytes).expect("written");
            let skipping = import(folder.path(), &lenient());
            if let Ok(strict) = import(folder.path(), &strict()) {
                let lenient = skipping.unwrap_or_else(|e| panic!("{format}, mutant {mutant}: strict only: {e}"));
                assert!(same_graph(&strict.built, &lenient.built), "{format}, mutant {mutant}");
                assert_eq!(lenient.report.skipped.len(), 0, "{format}, mutant {mutant}");
            }
        }
    }
}

fn mutate(bytes: &[u8], other: &[u8], random: &mut Stream) -> Vec<u8> {
    let cut = random.index(bytes.len() + 1);
    match random.index(4) {
        0 => bytes[..cut].to_vec(),
        1 => [&bytes[..cut], &other[random.index(other.len() + 1)..]].concat(),
        2 => [&bytes[..cut], &bytes[random.index(bytes.len() + 1)..]].concat(),
        _ => {
            let mut changed = bytes.to_vec();
            changed[random.index(bytes.len())] = random.next_u64().to_le_bytes()[0];
            changed
        }
    }
}
