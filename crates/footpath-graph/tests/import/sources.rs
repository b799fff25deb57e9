//! Where facts come from: one file, several, none, and graphs that were written before there could be several.

use crate::{good, import, names, same_graph, strict};
use footpath_core::{Artefact, ArtefactKind, Context, NodeId, Replace, Triple};
use footpath_graph::TrainKg;
use footpath_graph::import::{DatasetBuilder, Imported, Interaction, Source, Triple as Fact};
use footpath_graph::kg::Sources;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// File and line of every fact, by its names.
fn sources(kg: &TrainKg) -> BTreeMap<[String; 3], (String, u32)> {
    let nodes = (0u32..).take(kg.num_nodes()).map(NodeId);
    let facts =
        nodes.flat_map(|head| kg.arcs(head).iter().map(move |(relation, tail)| Triple { head, relation, tail }));
    let of = |fact: Triple| {
        let names = [kg.node_name(fact.head), kg.relation_name(fact.relation), kg.node_name(fact.tail)];
        let (file, line) = kg.source(fact).expect("a fact");
        (names, (file.to_owned(), line))
    };
    facts.map(of).collect()
}

/// Cuts a table into parts of so many rows, each with the header.
fn cut(folder: &Path, stem: &str, sizes: &[usize]) {
    let whole = folder.join(format!("{stem}.tsv"));
    let text = fs::read_to_string(&whole).expect("read");
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut rows = rows.lines();
    for (part, size) in sizes.iter().enumerate() {
        let rows: Vec<&str> = rows.by_ref().take(*size).collect();
        fs::write(folder.join(format!("{stem}.{part}.tsv")), format!("{header}\n{}\n", rows.join("\n")))
            .expect("written");
    }
    assert_eq!(rows.count(), 0, "all rows are in a part");
    fs::remove_file(whole).expect("removed");
}

/// What a fact is said to come from is there: `lines` counts the rows of a table from its header on.
fn publish(imported: &Imported, at: &Path) -> TrainKg {
    imported.built.publish(at, Replace::No, serde_json::Value::Null, &Context::default()).expect("published");
    TrainKg::open(at).expect("opens")
}

#[test]
fn every_fact_names_its_file_and_line_among_several() {
    let (whole, parts) = (good("native"), good("native"));
    cut(parts.path(), "triples", &[5, 1, 8]);
    cut(parts.path(), "interactions", &[6, 7]);
    let (whole, imported) =
        (import(whole.path(), &strict()).expect("good"), import(parts.path(), &strict()).expect("good"));
    assert!(same_graph(&whole.built, &imported.built));
    let scratch = tempfile::tempdir().expect("temporary folder");
    let kg = publish(&imported, &scratch.path().join("kg"));
    let expected = |stem: &str, line: u32, sizes: &[u32]| {
        let mut row = line - 2;
        let part = sizes
            .iter()
            .position(|&size| {
                if row < size {
                    true
                } else {
                    row -= size;
                    false
                }
            })
            .expect("a part");
        (format!("{stem}.{part}.tsv"), row + 2)
    };
    let of_whole = sources(&whole.built.train_kg().expect("a graph"));
    let got = sources(&kg);
    assert_eq!(of_whole.len(), got.len());
    for (fact, (file, line)) in of_whole {
        let expected = match file.as_str() {
            "triples.tsv" => expected("triples", line, &[5, 1, 8]),
            _ => expected("interactions", line, &[6, 7]),
        };
        assert_eq!(got[&fact], expected, "{fact:?}");
    }
    let manifest = Artefact::open(&scratch.path().join("kg"), ArtefactKind::Kg, &Context::default())
        .expect("opens")
        .manifest()
        .clone();
    assert_eq!(manifest.format_version, 3);
}

#[test]
fn a_whole_table_goes_before_its_parts_and_parts_must_be_alike() {
    let folder = good("native");
    fs::write(folder.path().join("triples.old.tsv"), "no table at all").expect("written");
    assert!(import(folder.path(), &strict()).is_ok(), "a part beside the whole is not read");
    let folder = good("native");
    cut(folder.path(), "interactions", &[6, 7]);
    fs::write(folder.path().join("interactions.1.csv"), "user_id,item_id\nu1,1\n").expect("written");
    let twice = import(folder.path(), &strict()).map(|_| ()).expect_err("two of one name");
    assert!(twice.to_string().contains("ambiguous"), "{twice}");
    fs::remove_file(folder.path().join("interactions.1.csv")).expect("removed");
    fs::write(folder.path().join("interactions.2.tsv"), "user_id\titem_id\nu1\t1\n").expect("written");
    let unlike = import(folder.path(), &strict()).map(|_| ()).expect_err("without ratings");
    assert!(unlike.to_string().contains("interactions.2.tsv:1: fields"), "{unlike}");
}

#[test]
fn what_is_wrong_with_the_whole_names_the_file_it_stands_in() {
    let folder = good("native");
    cut(folder.path(), "interactions", &[6, 7]);
    let last = folder.path().join("interactions.1.tsv");
    let text = fs::read_to_string(&last).expect("read");
    // Another rating of what the first file says in line 2.
    fs::write(&last, format!("{text}u1\t1\t5\t1500000100\n")).expect("written");
    let failure = crate::failure(import(folder.path(), &strict()), "a conflict");
    let first = failure.diagnostics.first().expect("a diagnostic");
    assert_eq!((first.kind, first.line, first.path.as_path()), ("conflict", 9, last.as_path()));
}

/// Files in turn, row by row, as a program may hand them over.
#[test]
fn files_may_come_in_turns_and_facts_may_come_from_none() {
    let mut builder = DatasetBuilder::new(&strict()).expect("options");
    let files = ["a.tsv", "b.tsv"].map(|name| builder.file(name.as_ref()).expect("few"));
    let at = |n: u32| match n % 3 {
        2 => (Source::default(), (String::new(), 0)),
        file => (Source::at(files[file as usize], n + 1), (["a.tsv", "b.tsv"][file as usize].to_owned(), n + 1)),
    };
    let mut expected = BTreeMap::new();
    for n in 0..50 {
        let (source, place) = at(n);
        let (head, tail) = (format!("e{n}"), format!("e{}", n * 7 % 11));
        builder.triple(source, &Fact { head: &head, relation: "r", tail: &tail, weight: None }).expect("noted");
        expected.insert([format!("entity:{head}"), "r".to_owned(), format!("entity:{tail}")], place);
        let (source, place) = at(n + 1);
        let (user, item) = (format!("u{n}"), format!("i{}", n % 7));
        builder
            .interaction(source, &Interaction { user: &user, item: &item, ..Interaction::default() })
            .expect("noted");
        expected.insert([format!("user:{user}"), "interacted".to_owned(), format!("item:{item}")], place);
    }
    let imported = builder.finish(&Context::default()).expect("good");
    let scratch = tempfile::tempdir().expect("temporary folder");
    let got = sources(&publish(&imported, &scratch.path().join("kg")));
    assert_eq!(got.len(), 200, "both directions");
    assert!(expected.iter().all(|(fact, place)| got[fact] == *place), "{got:?}");
}

/// The layout of format version 2 is that of a graph from one file of each kind, with the names of the files as
/// strings.
#[test]
fn graphs_of_format_version_two_open_and_are_still_written_for_one_file_of_each_kind() {
    let imported = import(good("native").path(), &strict()).expect("good");
    let scratch = tempfile::tempdir().expect("temporary folder");
    let at = scratch.path().join("kg");
    let kg = publish(&imported, &at);
    assert_eq!(Artefact::open(&at, ArtefactKind::Kg, &Context::default()).expect("opens").manifest().format_version, 2);
    let schema: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(at.join("schema.json")).expect("read")).expect("JSON");
    assert_eq!(
        (&schema["interactions_file"], &schema["triples_file"]),
        (&"interactions.tsv".into(), &"triples.tsv".into())
    );
    let members: Vec<_> = schema.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["has_ratings", "has_times", "interactions_file", "relations", "triples_file", "types"]);
    assert_eq!(names(&at).len(), 6, "graph, schema, entities of items, valid, test and the manifest");
    assert!(sources(&kg).values().all(|(file, line)| !file.is_empty() && *line >= 2));
}

/// Written by hand, byte for byte as version 2 had it: a user who chose an item that one fact is about.
#[test]
fn an_old_graph_made_by_hand_opens() {
    use footpath_core::{ArrayWriter, ArtefactWriter};
    let scratch = tempfile::tempdir().expect("temporary folder");
    let at = scratch.path().join("kg");
    let mut writer = ArtefactWriter::create(&at, ArtefactKind::Kg, Replace::No).expect("created");
    let schema = r#"{
  "types": [
    { "name": "user", "start": 0, "end": 1 }, { "name": "item", "start": 1, "end": 2 },
    { "name": "person", "start": 2, "end": 3 }
  ],
  "relations": [
    { "name": "interacted", "forward": "chose", "inverse": "was chosen by", "num_triples": 1 },
    { "name": "starring", "forward": "stars", "inverse": "stars in", "num_triples": 1 }
  ],
  "has_ratings": false, "has_times": false, "interactions_file": "old.inter", "triples_file": "old.kg"
}"#;
    writer.add("schema.json", |out| out.write_all(schema.as_bytes())).expect("added");
    let arrays = ArrayWriter::default().with("offsets", &[0u64, 1, 3, 4]).with("tails", &[1u32, 0, 2, 1]);
    let arrays = arrays.with("relations", &[0u16, 1, 2, 3]).with("lines", &[5u32, 9]).with("fact_ranks", &[0u64]);
    let arrays = arrays.with::<f32>("ratings", &[]).with::<i64>("times", &[]);
    let arrays = arrays.with("name_ends", &[1u64, 2, 3]).with("name_bytes", b"uip");
    let arrays = arrays.with("label_ends", &[0u64, 0, 0]).with::<u8>("label_bytes", &[]);
    writer.add("graph.safetensors", |out| arrays.write(&mut { out })).expect("added");
    for part in ["valid.safetensors", "test.safetensors"] {
        let none = ArrayWriter::default().with::<u32>("users", &[]).with::<u32>("items", &[]);
        let none = none.with::<f32>("ratings", &[]).with::<i64>("times", &[]).with::<u32>("lines", &[]);
        writer.add(part, |out| none.write(&mut { out })).expect("added");
    }
    writer.publish(BTreeMap::new(), serde_json::Value::Null).expect("published");
    let kg = TrainKg::open(&at).expect("opens");
    assert_eq!(kg.schema().triples_files, Sources::one("old.kg"));
    let got = sources(&kg);
    let fact = |names: [&str; 3]| got[&names.map(str::to_owned)].clone();
    assert_eq!(fact(["user:u", "interacted", "item:i"]), ("old.inter".to_owned(), 5));
    assert_eq!(fact(["entity:p", "~starring", "item:i"]), ("old.kg".to_owned(), 9));
}
