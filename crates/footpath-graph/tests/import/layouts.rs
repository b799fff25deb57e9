//! Layouts that others publish: bad folders of each, real excerpts where they are at hand, and what they must give.

use crate::{
    Expectation, bad_data, check_failure, check_graph, copy, expectation, failure, lay_out, names, same_graph, strict,
};
use footpath_core::{Context, Progress, Triple};
use footpath_graph::heldout::HeldOutFact;
use footpath_graph::import::{self, Format, Imported, Inputs, Mapping, MaxBad, Options, explain, import_from};
use footpath_graph::{Error, TrainKg};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Layouts with a folder of bad cases.
const LAYOUTS: &[(&str, Format)] = &[
    ("kgat", Format::Kgat),
    ("pearlm", Format::Pearlm),
    ("pgpr", Format::Pgpr),
    ("openke", Format::OpenKe),
    ("pykeen", Format::PyKeen),
    ("neo4j", Format::Neo4j),
    #[cfg(feature = "rdf")]
    ("rdf", Format::Rdf),
];
/// Fewest bad cases of a layout.
const MIN_CASES: usize = 12;

/// Imports a folder, with the mapping in it if there is one.
fn import_with_mapping(folder: &Path, options: &Options) -> Result<Imported, Error> {
    let path = folder.join("mapping.toml");
    let mapping = path.exists().then(|| Mapping::read(&path).map(Box::new)).transpose()?;
    import::import(folder, &Options { mapping, ..options.clone() }, &Context::default())
}

fn good(layout: &str) -> PathBuf {
    bad_data().join(layout).join("good")
}

fn cases(layout: &str) -> Vec<(String, Expectation)> {
    let names = names(&bad_data().join(layout)).into_iter().filter(|name| name != "good");
    names.map(|name| (name.clone(), expectation(layout, &name))).collect()
}

#[test]
fn every_layout_is_told_by_its_files() {
    for &(layout, format) in LAYOUTS {
        let imported = import_with_mapping(&good(layout), &strict()).unwrap_or_else(|e| panic!("{layout}: {e}"));
        assert_eq!(imported.report.format, format, "{layout}");
        assert!(!imported.report.why.is_empty(), "{layout}");
        let explained = explain(&Inputs::from(&*good(layout)), &strict());
        let explained = explained.unwrap_or_else(|e| panic!("{layout}: {e}"));
        assert_eq!(explained.format, format, "{layout}");
        let planned: BTreeSet<_> = explained.read.iter().map(|planned| planned.path.clone()).collect();
        let all: BTreeSet<_> = names(&good(layout)).iter().map(|name| good(layout).join(name)).collect();
        assert!(planned.is_subset(&all) && planned.len() > 1 || layout == "rdf", "{layout}: {planned:?}");
        assert_eq!(planned.len() + explained.not_read.len(), all.len(), "{layout}: {:?}", explained.not_read);
    }
}

#[test]
fn every_bad_layout_gives_what_is_expected_of_it() {
    let mut wrong = Vec::new();
    for &(layout, _) in LAYOUTS {
        let cases = cases(layout);
        assert!(cases.len() >= MIN_CASES, "{layout} has {} cases", cases.len());
        let good = import_with_mapping(&good(layout), &strict()).unwrap_or_else(|e| panic!("{layout}: {e}"));
        for (name, expected) in &cases {
            // All that is wrong is told at once.
            let check = std::panic::AssertUnwindSafe(|| check_case(layout, name, expected, &good));
            let checked = std::panic::catch_unwind(check);
            wrong.extend(checked.is_err().then(|| format!("{layout}/{name}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn check_case(layout: &str, name: &str, expected: &Expectation, good: &Imported) {
    let case = format!("{layout}/{name}");
    let folder = lay_out(layout, name, expected);
    let once = import_with_mapping(folder.path(), &strict());
    match expected.strict.result.as_str() {
        "ok" => check_graph(&once.unwrap_or_else(|e| panic!("{case}: {e}")), &expected.graph, good, &case),
        _ => check_failure(once, &expected.strict, &case),
    }
    let lenient = Options { lenient: Some(MaxBad::new(1.0).expect("a share")), ..strict() };
    let skipping = import_with_mapping(folder.path(), &lenient);
    if expected.lenient.result == "ok" {
        let got = skipping.unwrap_or_else(|e| panic!("{case}, lenient: {e}"));
        assert_eq!(got.report.skipped, expected.lenient.skipped, "{case}, lenient");
        check_graph(&got, &expected.graph, good, &format!("{case}, lenient"));
    } else {
        let failure = failure(skipping, &case);
        let last = failure.diagnostics.last().map(|d| d.kind);
        assert_eq!(last, Some(expected.lenient.result.as_str()), "{case}, lenient");
    }
}

#[test]
fn folders_of_layouts_and_expectations_match_one_to_one() {
    for &(layout, _) in LAYOUTS {
        for (name, expected) in cases(layout) {
            let files = names(&bad_data().join(layout).join(&name));
            assert!(files.len() > 1 || !expected.without.is_empty(), "{layout}/{name}: an expectation without a case");
            assert!(!expected.why.is_empty(), "{layout}/{name}: why?");
        }
    }
}

#[test]
fn progress_of_every_layout_reaches_the_end() {
    for &(layout, _) in LAYOUTS {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&steps);
        let context = Context::default().with_progress(move |step: Progress| noted.lock().expect("steps").push(step));
        import::import(&good(layout), &strict(), &context).unwrap_or_else(|e| panic!("{layout}: {e}"));
        let steps = steps.lock().expect("steps");
        let last = steps.iter().rfind(|step| step.stage == "reading").expect("a step");
        assert_eq!(Some(last.done), last.of, "{layout}");
    }
}

/// The facts of a graph by names, forward ones alone.
fn facts(kg: &TrainKg) -> BTreeSet<[String; 3]> {
    let nodes = (0u32..).take(kg.num_nodes()).map(footpath_core::NodeId);
    let arcs = nodes.flat_map(|head| kg.arcs(head).iter().map(move |(relation, tail)| (head, relation, tail)));
    let forward = arcs.filter(|(_, relation, _)| !relation.is_inverse() && relation.index() > 0);
    forward.map(|(head, relation, tail)| [kg.node_name(head), kg.relation_name(relation), kg.node_name(tail)]).collect()
}

fn held_out(imported: &Imported) -> BTreeSet<[String; 3]> {
    let kg = imported.built.train_kg().expect("a graph");
    let all = imported.built.valid_facts.iter().chain(&imported.built.test_facts);
    let name = |fact: &HeldOutFact| {
        let Triple { head, relation, tail } = fact.triple;
        [kg.node_name(head), kg.relation_name(relation), kg.node_name(tail)]
    };
    all.map(name).collect()
}

#[test]
fn the_small_layouts_mean_what_they_say() {
    let kg =
        |layout: &str| import_with_mapping(&good(layout), &strict()).expect(layout).built.train_kg().expect("a graph");
    let of = |layout: &str| facts(&kg(layout));
    let has = |layout: &str, fact: [&str; 3]| of(layout).contains(&fact.map(str::to_owned));
    // The number of an item is that of its entity; relations are called by the ends of their IRIs.
    assert!(has("kgat", ["item:3", "book.genre", "entity:8"]));
    assert_eq!(kg("kgat").label(kg("kgat").item("3").expect("3")), "B3");
    assert_eq!(kg("kgat").items_of(kg("kgat").user("0").expect("0")).len(), 3);
    // Items have numbers of their own.
    assert!(has("pearlm", ["item:12", "featured_by_artist", "entity:5"]));
    assert_eq!(kg("pearlm").label(kg("pearlm").item("12").expect("12")), "Name 2");
    // The third product has no brand; a related product is the product of its name.
    assert!(has("pgpr", ["item:3", "produced_by", "entity:brand:0"]));
    assert!(has("pgpr", ["item:0", "also_bought", "item:1"]));
    assert!(has("pgpr", ["item:2", "also_bought", "entity:related_product:1"]));
    assert_eq!(
        of("pgpr").iter().filter(|[head, relation, _]| head == "item:2" && relation == "produced_by").count(),
        0
    );
    // Head, tail, relation.
    assert!(has("openke", ["entity:/m/c", "/r/in", "entity:/m/d"]));
    assert!(has("neo4j", ["item:m1", "STARRING", "entity:Person/p2"]));
    let labelled = kg("neo4j");
    assert_eq!(labelled.label(labelled.node("entity:Person/p1").expect("p1")), "Ridley Scott");
    assert_eq!(labelled.times_of(labelled.user("User/u1").expect("u1")), [100, 110]);
}

#[test]
fn held_out_facts_of_link_prediction_stay_out() {
    for layout in ["openke", "pykeen"] {
        let imported = import_with_mapping(&good(layout), &strict()).expect(layout);
        let report = imported.report.held_out_facts.expect("some are held out");
        assert_eq!((report.num_valid, report.num_test), (1, 2), "{layout}");
        let (inside, outside) = (facts(&imported.built.train_kg().expect("a graph")), held_out(&imported));
        assert_eq!(outside.len(), 3, "{layout}");
        assert!(inside.is_disjoint(&outside), "{layout}");
    }
    // The same data in both layouts.
    let all = Options { split: footpath_graph::split::SplitSpec::None, ..strict() };
    for layout in ["openke", "pykeen"] {
        let imported = import_with_mapping(&good(layout), &all).expect(layout);
        assert_eq!(imported.report.held_out_facts, None, "--split none holds nothing out of {layout}");
    }
}

/// A folder with data that is not part of the project; `None` where it is not at hand.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    path.exists().then_some(path)
}

/// Real sets for link prediction: what is held out is not in the graph, neither as it is nor turned round.
#[test]
fn public_sets_for_link_prediction_are_imported_without_their_held_out_facts() {
    let sets = [("wn18rr", [3_034, 3_134], 2_155), ("fb15k-237", [17_535, 20_466], 0)];
    for (name, [num_valid, num_test], num_inverse) in sets {
        let Some(folder) = shared(name) else { continue };
        let imported = import::import(&folder, &strict(), &Context::default()).expect(name);
        let report = imported.report.held_out_facts.expect("some are held out");
        assert_eq!((report.num_valid, report.num_test), (num_valid, num_test), "{name}");
        assert_eq!((report.num_same, report.num_inverse, report.num_other_relation), (0, num_inverse, 0), "{name}");
        let kg = imported.built.train_kg().expect("a graph");
        for fact in imported.built.valid_facts.iter().chain(&imported.built.test_facts) {
            let Triple { head, relation, tail } = fact.triple;
            assert_eq!(kg.find(fact.triple), None, "{name}");
            assert_eq!(kg.find(Triple { head: tail, relation: relation.inverse(), tail: head }), None, "{name}");
        }
        assert_eq!((imported.report.graph.num_users, imported.report.graph.num_items), (0, 0), "{name}");
    }
}

#[test]
fn the_excerpt_of_openke_is_read() {
    let Some(excerpt) = shared("layouts/openke-fb15k237") else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    copy(&excerpt, folder.path());
    // The excerpt is without the facts of train; those of valid stand in for them.
    fs::copy(excerpt.join("valid2id.txt"), folder.path().join("train2id.txt")).expect("copied");
    fs::remove_file(folder.path().join("valid2id.txt")).expect("removed");
    let imported = import::import(folder.path(), &strict(), &Context::default()).expect("good");
    assert_eq!(imported.report.format, Format::OpenKe);
    assert_eq!(imported.report.graph.num_entities, 14_541);
    assert_eq!(imported.report.held_out_facts.map(|facts| facts.num_test), Some(20_466));
}

#[test]
fn the_excerpt_of_pgpr_is_read() {
    let Some(excerpt) = shared("layouts/pgpr-beauty") else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    copy(&excerpt, folder.path());
    let missing = import::import(folder.path(), &strict(), &Context::default());
    assert_eq!(failure(missing, "without the related products").diagnostics[0].kind, "missing_file");
    fs::remove_file(folder.path().join("bought_together_p_p.txt.gz")).expect("removed");
    let report = import::import(folder.path(), &strict(), &Context::default()).expect("good").report;
    assert_eq!((report.format, report.graph.num_items), (Format::Pgpr, 12_101));
    let counts: Vec<(&str, u64)> = report.graph.entities.iter().map(|kind| (kind.name.as_str(), kind.count)).collect();
    assert_eq!(counts, [("brand", 2_077), ("category", 248)]);
}

#[test]
fn the_excerpts_of_kgat_are_read_and_the_broken_list_is_named() {
    let Some(excerpt) = shared("layouts/kgat-amazon-book") else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    for name in ["train.txt", "test.txt", "relation_list.txt"] {
        fs::copy(excerpt.join(name), folder.path().join(name)).expect("copied");
    }
    // The excerpt is without facts.
    fs::write(folder.path().join("kg_final.txt"), "0 0 24915\n1 0 24915\n2 1 24916\n").expect("written");
    let report = import::import(folder.path(), &strict(), &Context::default()).expect("good").report;
    assert_eq!((report.format, report.graph.num_users), (Format::Kgat, 60));
    assert_eq!(report.graph.relations[0].name, "type.object.type");
    fs::copy(excerpt.join("yelp2018_item_list.txt"), folder.path().join("item_list.txt")).expect("copied");
    let failure = failure(import::import(folder.path(), &strict(), &Context::default()), "yelp2018");
    let first = &failure.diagnostics[0];
    assert_eq!((first.kind, first.line, failure.total), ("columns", 2, 39));
    assert!(first.message.contains("write `0 ydUqgWsF3F27TbauOyib0w`"), "{}", first.message);
}

#[test]
fn the_excerpt_of_pearlm_is_read() {
    let Some(excerpt) = shared("layouts/pearlm-lfm1m") else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    copy(&excerpt, folder.path());
    // The excerpt is not closed: facts name entities that were cut away, and a strict import says so.
    let strictly = failure(import::import(folder.path(), &strict(), &Context::default()), "an excerpt");
    assert_eq!(strictly.diagnostics[0].kind, "dangling_entity");
    let lenient = Options { lenient: Some(MaxBad::new(1.0).expect("a share")), ..strict() };
    fs::write(folder.path().join("kg_final.txt"), "entity_head\trelation\tentity_tail\n0\t0\t1\n2\t1\t1\n")
        .expect("written");
    let report = import::import(folder.path(), &lenient, &Context::default()).expect("good").report;
    assert_eq!((report.format, report.graph.num_triples), (Format::Pearlm, 2));
}

#[test]
fn several_inputs_and_a_log_that_lies_elsewhere_are_one_data_set() {
    let root = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, text: &str| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(&path, text).expect("written");
        path
    };
    let a = write("a/triples.1.tsv", "head\trelation\ttail\nx\tr\ty\nz\tr\ty\n");
    let b = write("b/triples.2.tsv", "head\trelation\ttail\nz\tr\tw\n");
    for log in ["user_id,item_id\nann,x\nben,z\n", "user_id:token\titem_id:token\nann\tx\nben\tz\n"] {
        let name = if log.contains(':') { "clicks.inter" } else { "clicks.csv" };
        let log = write(name, log);
        let inputs = Inputs { paths: vec![a.clone(), b.clone()], interactions: Some(log), ..Inputs::default() };
        let report = import_from(&inputs, &strict(), &Context::default()).expect("good").report;
        assert_eq!((report.graph.num_users, report.graph.num_items, report.graph.num_triples), (2, 2, 3), "{name}");
        assert_eq!(report.graph.num_items_outside_kg, 0, "{name}");
    }
    let alone = Inputs { paths: vec![a, root.path().join("b")], ..Inputs::default() };
    let imported = import_from(&alone, &strict(), &Context::default()).expect("good");
    assert_eq!((imported.report.graph.num_users, imported.report.graph.num_triples), (0, 3));
    let kg = imported.built.train_kg().expect("a graph");
    let fact = Triple {
        head: kg.node("entity:z").expect("z"),
        relation: kg.relation("r").expect("r"),
        tail: kg.node("entity:w").expect("w"),
    };
    assert_eq!(kg.source(fact), Some(("triples.2.tsv", 2)));
}

/// A graph without a log is the same, and written and opened like any other.
#[test]
fn a_graph_without_a_log_is_stored_with_its_held_out_facts() {
    let root = tempfile::tempdir().expect("temporary folder");
    let imported = import_with_mapping(&good("openke"), &strict()).expect("good");
    let out = root.path().join("kg");
    let publish = |at: &Path| {
        imported.built.publish(at, footpath_core::Replace::No, serde_json::Value::Null, &Context::default())
    };
    publish(&out).expect("published");
    let artefact = footpath_core::Artefact::open(&out, footpath_core::ArtefactKind::Kg, &Context::default());
    let artefact = artefact.expect("opens");
    assert_eq!(facts(&TrainKg::of(&artefact).expect("a graph")), facts(&imported.built.train_kg().expect("a graph")));
    for (split, expected) in [
        (footpath_graph::Split::Valid, &imported.built.valid_facts),
        (footpath_graph::Split::Test, &imported.built.test_facts),
    ] {
        let stored = footpath_graph::kg::held_out_facts(&artefact, split).expect("opens");
        assert_eq!(stored.iter().copied().collect::<Vec<_>>(), *expected);
    }
    let again = import_with_mapping(&good("openke"), &strict()).expect("good");
    assert!(same_graph(&imported.built, &again.built));
}
