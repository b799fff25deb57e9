//! Records from memory give what the same records give from a folder.

use crate::{failure, good, same_graph, strict};
use footpath_core::Context;
use footpath_graph::Error;
use footpath_graph::import::{
    self, DatasetBuilder, Entity, Imported, Interaction, Item, MaxBad, Options, Relation, Source, Triple,
};
use footpath_graph::split::{Ratios, SplitSpec};
use footpath_graph::{Split, dataset};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Whether records say where they come from.
#[derive(Clone, Copy, PartialEq)]
enum Sources {
    Told,
    None,
}

/// The rows of a table, by the names of its columns, with their lines.
fn rows(path: &Path) -> Vec<(u32, BTreeMap<String, String>)> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(path).expect("a table");
    let rows = reader.deserialize().map(|row| row.expect("a row"));
    (2..).zip(rows).collect()
}

/// Reads a dataset folder with nothing of the importer but the builder.
fn from_memory(folder: &Path, options: &Options, sources: Sources) -> Result<Imported, Error> {
    let mut builder = DatasetBuilder::new(options)?;
    let table = |builder: &mut DatasetBuilder, name: &str| {
        let file = builder.file(&folder.join(name)).expect("few files");
        let source = move |line| if sources == Sources::Told { Source::at(file, line) } else { Source::default() };
        let rows = rows(&folder.join(name));
        rows.into_iter().map(move |(line, row)| (source(line), row)).collect::<Vec<_>>()
    };
    for (source, row) in table(&mut builder, "entities.tsv") {
        builder.entity(source, &Entity { id: &row["entity_id"], kind: &row["type"], label: Some(&row["label"]) })?;
    }
    let mut names = BTreeMap::new();
    for (source, row) in table(&mut builder, "relations.tsv") {
        let reading = |column: &str| row.get(column).map(String::as_str);
        let (forward, inverse) = (reading("forward_label"), reading("inverse_label"));
        builder.relation(source, &Relation { name: &row["name"], forward, inverse })?;
        names.insert(row["relation_id"].clone(), row["name"].clone());
    }
    for (source, row) in table(&mut builder, "triples.tsv") {
        let relation = &names[&row["relation"]];
        builder.triple(source, &Triple { head: &row["head"], relation, tail: &row["tail"], weight: None })?;
    }
    for (source, row) in table(&mut builder, "items.tsv") {
        let entity = Some(row["entity_id"].as_str()).filter(|id| !id.is_empty());
        builder.item(source, &Item { id: &row["item_id"], entity, title: Some(&row["title"]) })?;
    }
    for (source, row) in table(&mut builder, "interactions.tsv") {
        let rating = row.get("rating").map(|rating| rating.parse().expect("a rating"));
        let time = row.get("timestamp").map(|time| time.parse().expect("a time"));
        let (user, item) = (&row["user_id"], &row["item_id"]);
        builder.interaction(source, &Interaction { user, item, rating, time, split: None })?;
    }
    builder.finish(&Context::default())
}

fn films() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/films")
}

#[test]
fn records_from_memory_give_the_same_graph_report_and_checks_as_a_folder() {
    let (ratios, seed) = (Ratios::default(), 7);
    let small = good("native");
    let cases = [
        (films(), strict()),
        (films(), Options { split: SplitSpec::Random { ratios, seed }, ..strict() }),
        (films(), Options { split: SplitSpec::LeaveOneOut { seed: 1 }, ..strict() }),
        (small.path().to_owned(), strict()),
        (small.path().to_owned(), Options { min_rating: Some(3.0), rating_weights: true, ..strict() }),
    ];
    for (folder, options) in cases {
        let read = import::import(&folder, &options, &Context::default()).expect("good");
        for sources in [Sources::Told, Sources::None] {
            let made = from_memory(&folder, &options, sources).expect("good");
            assert!(same_graph(&read.built, &made.built), "{options:?}");
            assert_eq!(*read.built.arrays.weights, *made.built.arrays.weights);
            assert_eq!(made.report.format, import::Format::Memory);
            let mut report = made.report.clone();
            (report.format, report.why) = (read.report.format, read.report.why.clone());
            report.last_lines = read.report.last_lines;
            assert_eq!(report, read.report, "{options:?}");
            if sources == Sources::Told {
                assert_eq!(made.built.schema, read.built.schema);
                assert_eq!(*made.built.arrays.lines, *read.built.arrays.lines);
            } else {
                let files = [&made.built.schema.interactions_files, &made.built.schema.triples_files];
                assert!(files.iter().all(|files| files.find(7) == ("", 0)), "no file, no line");
            }
        }
    }
}

/// A builder with two facts, two linked items and nothing chosen.
fn begun(options: &Options) -> DatasetBuilder {
    let mut builder = DatasetBuilder::new(options).expect("options");
    for film in ["f1", "f2"] {
        let fact = Triple { head: film, relation: "starring", tail: "ann", weight: None };
        builder.triple(Source::default(), &fact).expect("noted");
        let item = Item { id: film, entity: Some(film), title: Some("A\nfilm") };
        builder.item(Source::default(), &item).expect("noted");
    }
    builder
}

#[test]
fn bad_records_from_memory_are_told_by_kind_place_and_field() {
    let good = Interaction { user: "u", item: "f1", rating: Some(3.0), time: Some(1), split: Some(Split::Train) };
    let long = "x".repeat(import::MAX_NAME_BYTES + 1);
    let cases = [
        (Interaction { user: "", ..good }, "empty_field", 1),
        (Interaction { user: &long, ..good }, "field_too_long", 1),
        (Interaction { item: "a\u{1b}[2J", ..good }, "control_char", 2),
        (Interaction { item: "a\u{85}", ..good }, "control_char", 2),
        (Interaction { rating: Some(f32::NAN), ..good }, "rating", 3),
        (Interaction { rating: None, ..good }, "fields", 0),
        (Interaction { time: None, ..good }, "fields", 0),
        (Interaction { split: None, ..good }, "fields", 0),
        (Interaction { rating: Some(4.0), ..good }, "conflict", 0),
        (Interaction { split: Some(Split::Test), time: Some(2), ..good }, "leak", 0),
    ];
    for (bad, kind, column) in cases {
        let run = |options: &Options| {
            let mut builder = begun(options);
            builder.interaction(Source::default(), &good).expect("noted");
            builder.interaction(Source::default(), &bad).expect("noted");
            builder.finish(&Context::default())
        };
        let failure = failure(run(&strict()), kind);
        let first = failure.diagnostics.first().expect("a diagnostic");
        assert_eq!((first.kind, first.line, first.column), (kind, 2, column), "{first}");
        assert_eq!(first.path, Path::new("(memory)"));
        let lenient = Options { lenient: Some(MaxBad::new(0.5).expect("a share")), ..strict() };
        assert_eq!(run(&lenient).expect("skipped").report.skipped, BTreeMap::from([(kind.to_owned(), 1)]));
    }
}

#[test]
fn what_was_listed_is_all_there_is() {
    let dangling = |list: &dyn Fn(&mut DatasetBuilder), fact: Triple<'_>| {
        let mut builder = DatasetBuilder::new(&strict()).expect("options");
        list(&mut builder);
        builder.triple(Source::default(), &fact).expect("noted");
        let failure = failure(builder.finish(&Context::default()), "dangling");
        failure.diagnostics.first().map(|first| (first.kind, first.column)).expect("a diagnostic")
    };
    let fact = Triple { head: "a", relation: "r", tail: "b", weight: None };
    let entity = |builder: &mut DatasetBuilder| {
        builder.entity(Source::default(), &Entity { id: "a", kind: "film", label: None }).expect("noted");
    };
    assert_eq!(dangling(&entity, fact), ("dangling_entity", 3));
    let relation = |builder: &mut DatasetBuilder| {
        builder.relation(Source::default(), &Relation { name: "s", ..Relation::default() }).expect("noted");
    };
    assert_eq!(dangling(&relation, fact), ("dangling_relation", 2));
    assert_eq!(dangling(&|_| (), Triple { weight: Some(0.0), ..fact }), ("weight", 4));
    assert_eq!(dangling(&|_| (), Triple { relation: "interacted", ..fact }), ("relation_collision", 2));
    assert_eq!(dangling(&|_| (), Triple { relation: "~r", ..fact }), ("relation_collision", 2));
}

#[test]
fn limits_hold_for_records_from_memory() {
    let mut builder = begun(&Options { max_nodes: 6, ..strict() });
    let interaction = |user| Interaction { user, item: "f1", ..Interaction::default() };
    builder.interaction(Source::default(), &interaction("u")).expect("room for one");
    let error = builder.interaction(Source::default(), &interaction("v")).expect_err("no room");
    assert!(error.to_string().contains("limit: more than 6 nodes"), "{error}");
    let mut builder = DatasetBuilder::new(&strict()).expect("options");
    let fact = Triple { head: "a", relation: "one more", tail: "b", weight: None };
    for number in 0..dataset::MAX_RELATIONS {
        let name = format!("r{number}");
        builder.triple(Source::default(), &Triple { relation: &name, ..fact }).expect("room");
    }
    assert!(builder.triple(Source::default(), &fact).is_err());
}
