//! Further types of nodes, from each form that says them.

use crate::{failure, strict};
use footpath_core::{Context, Replace};
use footpath_graph::import::{
    DatasetBuilder, Entity, Imported, Inputs, Interaction, Item, Mapping, Node, Options, Source, Triple, import_from,
};
use footpath_graph::{Error, TrainKg};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What is told of nodes in every form below: a film with two labels besides its own, a person with one, and a user.
const EXPECTED: [(&str, &[&str]); 3] =
    [("item:m2", &["Classic", "Winner"]), ("entity:p1", &["Director"]), ("user:u1", &["Premium"])];

fn kg(imported: &Imported) -> TrainKg {
    imported.built.train_kg().expect("a graph")
}

/// The further types of all nodes that have any.
fn further(kg: &TrainKg) -> BTreeMap<String, Vec<String>> {
    let nodes = (0..u32::try_from(kg.num_nodes()).expect("few")).map(footpath_core::NodeId);
    let of = |node| (kg.node_name(node), kg.further_types(node).map(str::to_owned).collect::<Vec<_>>());
    nodes.map(of).filter(|(_, names)| !names.is_empty()).collect()
}

fn expected() -> BTreeMap<String, Vec<String>> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    EXPECTED.into_iter().map(|(node, names)| (node.to_owned(), owned(names))).collect()
}

fn import(folder: &Path, mapping: &str) -> Result<Imported, Error> {
    let path = folder.join("mapping.toml");
    fs::write(&path, mapping).expect("written");
    let mapping = Some(Box::new(Mapping::read(&path)?));
    import_from(&Inputs::from(folder), &Options { mapping, ..strict() }, &Context::default())
}

fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        fs::write(root.path().join(name), text).expect("written");
    }
    root
}

const GRAPH: &str = "[items]\nclass = [\"Film\"]\n[interactions]\nrelation = [\"RATED\"]\n\
                     [types]\nprefer = [\"Film\", \"Person\", \"User\"]\n";
const ADMIN: &[(&str, &str)] = &[
    ("nodes.csv", "id:ID,:LABEL\nm1,Film\nm2,Winner;Film;Classic\np1,Person;Director\nu1,User;Premium\nu2,User\n"),
    ("edges.csv", ":START_ID,:END_ID,:TYPE\nm1,p1,BY\nm2,p1,BY\nu1,m1,RATED\nu2,m2,RATED\nu1,m2,RATED\n"),
];
const APOC_CSV: &[(&str, &str)] = &[(
    "all.csv",
    "_id,_labels,_start,_end,_type\nm1,:Film,,,\nm2,:Winner:Film:Classic,,,\np1,:Person:Director,,,\n\
     u1,:User:Premium,,,\nu2,:User,,,\n,,m1,p1,BY\n,,m2,p1,BY\n,,u1,m1,RATED\n,,u2,m2,RATED\n,,u1,m2,RATED\n",
)];

fn apoc_json() -> String {
    let node = |id: &str, labels: &[&str]| {
        serde_json::json!({ "type": "node", "id": id, "labels": labels, "properties": {} }).to_string()
    };
    let edge = |head: &str, label: &str, tail: &str| {
        let (start, end) = (serde_json::json!({ "id": head }), serde_json::json!({ "id": tail }));
        serde_json::json!({ "type": "relationship", "label": label, "start": start, "end": end }).to_string()
    };
    let lines = [
        node("m1", &["Film"]),
        node("m2", &["Winner", "Film", "Classic"]),
        node("p1", &["Person", "Director"]),
        node("u1", &["User", "Premium"]),
        node("u2", &["User"]),
        edge("m1", "BY", "p1"),
        edge("m2", "BY", "p1"),
        edge("u1", "RATED", "m1"),
        edge("u2", "RATED", "m2"),
        edge("u1", "RATED", "m2"),
    ];
    lines.join("\n") + "\n"
}

#[test]
fn labels_of_property_graphs_besides_the_preferred_one_are_further_types() {
    let json = apoc_json();
    for files in [ADMIN, APOC_CSV, &[("all.json", json.as_str())]] {
        let root = written(files);
        let imported = import(root.path(), GRAPH).unwrap_or_else(|e| panic!("{files:?}: {e}"));
        let kg = kg(&imported);
        assert_eq!(further(&kg), expected(), "{files:?}");
        let told: Vec<_> = imported.report.graph.further_types.iter().map(|f| (f.name.as_str(), f.count)).collect();
        assert_eq!(told, [("Classic", 1), ("Director", 1), ("Premium", 1), ("Winner", 1)]);
        assert_eq!(kg.schema().format_version(), 6);
        assert_eq!((kg.items().len(), kg.schema().num_kinds()), (2, 5));
    }
}

#[test]
fn a_mapping_says_which_classes_are_kept() {
    let root = written(ADMIN);
    let of = |further: &str| kg(&import(root.path(), &format!("{GRAPH}{further}")).expect(further));
    let none = of("further = []\n");
    assert!(further(&none).is_empty() && none.schema().kinds.is_empty());
    assert!(none.schema().format_version() < 6, "as before there were any");
    // What an item is called by its class is its own type nowhere else.
    let some = further(&of("further = [\"Film\", \"Winner\"]\nrename = { Winner = \"prize\" }\n"));
    let expected = [("item:m1", vec!["Film"]), ("item:m2", vec!["Film", "prize"])];
    let owned = |(node, names): (&str, Vec<&str>)| (node.to_owned(), names.into_iter().map(str::to_owned).collect());
    assert_eq!(some, expected.into_iter().map(owned).collect());
    let all = further(&of("further = [\"*\"]\n"));
    assert_eq!(all, super::further::expected());
    let idle = import(root.path(), &format!("{GRAPH}further = [\"Flim\"]\n")).expect("imported");
    assert!(idle.report.findings.iter().any(|finding| finding.kind == "absent_names"), "a misspelt one is told");
}

#[cfg(feature = "rdf")]
#[test]
fn types_of_rdf_are_further_types_where_the_mapping_says_so() {
    let turtle = "@prefix ex: <http://e.org/> .\n\
                  ex:m1 a ex:Film ; ex:by ex:p1 .\nex:m2 a ex:Winner, ex:Film, ex:Classic ; ex:by ex:p1 .\n\
                  ex:p1 a ex:Director, ex:Person .\nex:u1 a ex:User, ex:Premium ; ex:rated ex:m1, ex:m2 .\n\
                  ex:u2 ex:rated ex:m2 .\n";
    let mapping = |further: &str| {
        format!(
            "[namespaces]\nex = \"http://e.org/\"\n[items]\nclass = [\"ex:Film\"]\nid = \"local\"\n\
             [interactions]\nrelation = [\"ex:rated\"]\n[types]\nprefer = [\"ex:Film\", \"ex:Person\"]\n{further}"
        )
    };
    let root = written(&[("films.ttl", turtle)]);
    let of = |text: &str| kg(&import(root.path(), &mapping(text)).expect(text));
    assert!(further(&of("")).is_empty(), "a dump has dozens of types a node");
    let kept = of("further = [\"ex:Winner\", \"ex:Classic\", \"ex:Director\", \"ex:Premium\"]\n");
    let plain = |(node, names): (String, Vec<String>)| (node.replace("ex:", ""), names);
    assert_eq!(further(&kept).into_iter().map(plain).collect::<BTreeMap<_, _>>(), expected());
}

#[test]
fn tables_and_records_have_a_column_of_them() {
    let tables = written(&[
        ("triples.tsv", "head\trelation\ttail\nm1\tBY\tp1\nm2\tBY\tp1\n"),
        ("items.tsv", "item_id\tentity_id\tfurther_types\nm1\tm1\t\nm2\tm2\tWinner\n"),
        (
            "entities.tsv",
            "entity_id\ttype\tfurther_types\nm1\tFilm\t\nm2\tFilm\t Classic ;Winner;\np1\tPerson\tDirector\n",
        ),
        ("interactions.tsv", "user_id\titem_id\nu1\tm1\nu2\tm2\nu1\tm2\n"),
        ("users.tsv", "user_id\tfurther_types\nu1\tPremium\nu2\t\nnobody\tPremium\n"),
    ]);
    let inputs = Inputs::from(tables.path());
    let imported = import_from(&inputs, &strict(), &Context::default()).expect("imported");
    assert_eq!(further(&kg(&imported)), expected());
    let strangers = imported.report.findings.iter().find(|finding| finding.kind == "further_types_of_strangers");
    assert_eq!(strangers.map(|finding| finding.count), Some(1), "`nobody` is not in the log");

    let mut records = DatasetBuilder::new(&Options::default()).expect("a builder");
    let nowhere = Source::default();
    for (id, kind) in [("m1", "Film"), ("m2", "Film"), ("p1", "Person")] {
        records.entity(nowhere, &Entity { id, kind, label: None }).expect("taken");
    }
    for head in ["m1", "m2"] {
        records.triple(nowhere, &Triple { head, relation: "BY", tail: "p1", weight: None }).expect("taken");
        records.item(nowhere, &Item { id: head, entity: Some(head), title: None }).expect("taken");
    }
    for (user, item) in [("u1", "m1"), ("u2", "m2"), ("u1", "m2")] {
        records.interaction(nowhere, &Interaction { user, item, ..Interaction::default() }).expect("taken");
    }
    let told = [(Node::Item("m2"), "Winner"), (Node::Entity("m2"), "Classic;Winner"), (Node::Entity("p1"), "Director")];
    for (node, names) in told.into_iter().chain([(Node::User("u1"), "Premium")]) {
        records.further_types(nowhere, node, names).expect("taken");
    }
    let imported = records.finish(&Context::default()).expect("a graph");
    assert_eq!(further(&kg(&imported)), expected());
}

#[test]
fn names_that_mean_something_else_are_refused() {
    for name in ["user", "item", "entity", "a`b"] {
        let mut records = DatasetBuilder::new(&Options::default()).expect("a builder");
        records
            .triple(Source::default(), &Triple { head: "a", relation: "r", tail: "b", weight: None })
            .expect("taken");
        records.further_types(Source::default(), Node::Entity("a"), name).expect("noted");
        let failure = failure(records.finish(&Context::default()), name);
        assert_eq!(failure.diagnostics.first().map(|told| told.kind), Some("further_type"), "{name}");
    }
}

/// Items of several kinds are not in the order of their ids, so what looks for one must look in each.
#[test]
fn nodes_are_found_by_their_ids_whatever_their_kinds() {
    let mut d = footpath_graph::Dataset::default();
    for number in 0..60 {
        let (item, film) = (format!("i{number:02}"), format!("f{number:02}"));
        d.link(&item, &film);
        d.fact(&film, "by", &format!("p{:02}", number % 20));
        d.interact(&format!("u{:02}", number % 7), &item);
        (0..number % 4).for_each(|which| d.further(&film, ["a", "b", "c"][which]));
        d.further(&format!("p{:02}", number % 20), ["a", "z"][number % 2]);
    }
    let built = footpath_graph::build::build(d).expect("built");
    let root = tempfile::tempdir().expect("a directory");
    let directory = root.path().join("kg");
    built.publish(&directory, Replace::No, serde_json::Value::Null, &Context::default()).expect("published");
    let kg = TrainKg::open(&directory).expect("opens");
    for number in 0..60 {
        let item = kg.item(&format!("i{number:02}")).expect("found");
        assert_eq!((kg.id(item), kg.further_types(item).count()), (format!("i{number:02}").as_str(), number % 4));
        assert_eq!(
            kg.id(kg.node(&format!("entity:p{:02}", number % 20)).expect("found")),
            format!("p{:02}", number % 20)
        );
    }
    assert!(kg.item("i60").is_err() && kg.node("entity:q").is_err());
    assert_eq!((kg.schema().format_version(), kg.schema().num_kinds()), (6, 1 + 4 + 2));
}
