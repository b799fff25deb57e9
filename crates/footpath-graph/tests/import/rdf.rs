//! RDF in each of its formats: the same facts, each from its line; packed, in several files, with a mapping.

use crate::strict;
use footpath_core::{Context, NodeId, Triple};
use footpath_graph::TrainKg;
use footpath_graph::import::{Imported, Inputs, ItemId, Mapping, Options, import_from};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TURTLE: &str = "@prefix ex: <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:alien a ex:Film ; rdfs:label \"Alien\"@en ;
    ex:director ex:scott ;
    ex:starring ex:weaver .
ex:scott rdfs:label \"Ridley Scott\"@en , \"リドリー\"@ja .
ex:gladiator ex:director ex:scott .
";
const NQUADS: &str =
    "<http://example.org/alien> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://example.org/Film> .
<http://example.org/alien> <http://www.w3.org/2000/01/rdf-schema#label> \"Alien\"@en <http://example.org/g> .
<http://example.org/alien> <http://example.org/director> <http://example.org/scott> <http://example.org/g> .
<http://example.org/alien> <http://example.org/starring> <http://example.org/weaver> .
<http://example.org/scott> <http://www.w3.org/2000/01/rdf-schema#label> \"Ridley Scott\"@en .
<http://example.org/scott> <http://www.w3.org/2000/01/rdf-schema#label> \"\\u30EA\\u30C9\\u30EA\\u30FC\"@ja .
<http://example.org/gladiator> <http://example.org/director> <http://example.org/scott> <http://example.org/g> .
";
const XML: &str = r#"<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:ex="http://example.org/">
  <ex:Film rdf:about="http://example.org/alien">
    <rdfs:label xml:lang="en">Alien</rdfs:label>
    <ex:director rdf:resource="http://example.org/scott"/>
    <ex:starring rdf:resource="http://example.org/weaver"/>
  </ex:Film>
  <rdf:Description rdf:about="http://example.org/scott">
    <rdfs:label xml:lang="en">Ridley Scott</rdfs:label>
  </rdf:Description>
  <rdf:Description rdf:about="http://example.org/gladiator">
    <ex:director rdf:resource="http://example.org/scott"/>
  </rdf:Description>
</rdf:RDF>
"#;
const JSON: &str = r#"{
  "@context": {"ex": "http://example.org/", "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
               "director": {"@id": "ex:director", "@type": "@id"}, "starring": {"@id": "ex:starring", "@type": "@id"}},
  "@graph": [
    {"@id": "ex:alien", "@type": "ex:Film", "rdfs:label": {"@value": "Alien", "@language": "en"},
     "director": "ex:scott", "starring": "ex:weaver"},
    {"@id": "ex:scott", "rdfs:label": {"@value": "Ridley Scott", "@language": "en"}},
    {"@id": "ex:gladiator", "director": "ex:scott"}
  ]
}
"#;

fn import(paths: &[PathBuf], mapping: Option<Mapping>) -> Imported {
    let inputs = Inputs { paths: paths.to_vec(), ..Inputs::default() };
    let options = Options { mapping: mapping.map(Box::new), ..strict() };
    import_from(&inputs, &options, &Context::default()).unwrap_or_else(|e| panic!("{paths:?}: {e}"))
}

fn write(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).expect("written");
    path
}

/// Facts by labels, with the lines they came from.
fn facts(kg: &TrainKg) -> BTreeSet<([String; 3], u32)> {
    let nodes = (0u32..).take(kg.num_nodes()).map(NodeId);
    let arcs = nodes.flat_map(|head| kg.arcs(head).iter().map(move |(relation, tail)| (head, relation, tail)));
    let of = |(head, relation, tail)| {
        let names = [kg.label(head).to_owned(), kg.relation_name(relation), kg.label(tail).to_owned()];
        (names, kg.source(Triple { head, relation, tail }).expect("a fact").1)
    };
    arcs.filter(|(_, relation, _)| !relation.is_inverse()).map(of).collect()
}

#[test]
fn every_format_gives_the_same_facts_and_turtle_and_quads_their_lines() {
    let root = tempfile::tempdir().expect("temporary folder");
    let trig = TURTLE.replace("ex:gladiator ex:director ex:scott .", "ex:g { ex:gladiator ex:director ex:scott . }");
    let gzip = |text: &str| zstd::encode_all(text.as_bytes(), 3).expect("packed");
    let files = [
        ("a.ttl", TURTLE.as_bytes().to_vec()),
        ("a.nq", NQUADS.as_bytes().to_vec()),
        ("a.trig", trig.into_bytes()),
        ("a.rdf", XML.as_bytes().to_vec()),
        ("a.owl", XML.as_bytes().to_vec()),
        ("a.jsonld", JSON.as_bytes().to_vec()),
        ("a.nq.zst", gzip(NQUADS)),
        ("named-otherwise", TURTLE.as_bytes().to_vec()),
        ("quads-of-no-name", NQUADS.replace(" <http://example.org/g> .", " .").into_bytes()),
    ];
    let names =
        |facts: BTreeSet<([String; 3], u32)>| facts.into_iter().map(|(names, _)| names).collect::<BTreeSet<_>>();
    let weaver = "http://example.org/weaver";
    let expected: BTreeSet<[String; 3]> = [
        ["Alien", "director", "Ridley Scott"],
        ["Alien", "starring", weaver],
        ["http://example.org/gladiator", "director", "Ridley Scott"],
    ]
    .map(|fact| fact.map(str::to_owned))
    .into();
    for (name, content) in files {
        let imported = import(&[write(root.path(), name, &content)], None);
        let kg = imported.built.train_kg().expect("a graph");
        assert_eq!(names(facts(&kg)), expected, "{name}");
        assert_eq!(
            imported.report.graph.entities.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>(),
            ["Film", "entity"]
        );
        let lines: Vec<u32> = facts(&kg).into_iter().map(|(_, line)| line).collect();
        match name {
            "a.ttl" | "a.trig" => assert_eq!(lines, [4, 5, 7], "{name}"),
            "a.nq" => assert_eq!(lines, [3, 4, 7], "{name}"),
            _ => assert!(lines.iter().all(|&line| line > 0), "{name}: {lines:?}"),
        }
    }
}

#[test]
fn nodes_without_a_name_are_apart_in_each_file() {
    let root = tempfile::tempdir().expect("temporary folder");
    let text = b"_:x <http://example.org/r> <http://example.org/a> .\n_:x <http://example.org/s> _:y .\n";
    let paths = [write(root.path(), "1.nt", text), write(root.path(), "2.nt", text)];
    let kept = import(&paths, Some(Mapping { keep_blank_nodes: true, ..Mapping::expanded_default() }));
    assert_eq!((kept.report.graph.num_triples, kept.report.graph.num_entities), (4, 5));
    let more = write(root.path(), "3.nt", b"<http://example.org/a> <http://example.org/r> <http://example.org/b> .\n");
    let left_out = import(&[paths[0].clone(), more], None);
    assert_eq!(left_out.report.graph.num_triples, 1);
    assert!(left_out.report.findings.iter().any(|finding| finding.kind == "blank_nodes" && finding.count == 2));
}

#[test]
fn items_are_found_by_prefix_and_users_by_a_relation() {
    let root = tempfile::tempdir().expect("temporary folder");
    let text = "@prefix ex: <http://example.org/> .\n@prefix film: <http://example.org/film/> .\n\
                ex:ann ex:likes film:alien .\nex:ben ex:likes film:alien , film:gladiator .\n\
                film:alien ex:director ex:scott .\nfilm:gladiator ex:director ex:scott ; ex:year \"2000-05-05\" .\n";
    let mut mapping = Mapping::expanded_default();
    mapping.items.prefix = Some("http://example.org/film/".to_owned());
    mapping.items.id = ItemId::Local;
    mapping.interactions.relation = vec!["http://example.org/likes".to_owned()];
    mapping.literals.decades = vec!["http://example.org/year".to_owned()];
    mapping.relations.readings =
        [("director".to_owned(), ["was directed by".to_owned(), "directed".to_owned()])].into();
    let imported = import(&[write(root.path(), "a.ttl", text.as_bytes())], Some(mapping));
    let graph = &imported.report.graph;
    assert_eq!((graph.num_users, graph.num_items, graph.num_triples), (2, 2, 3));
    let kg = imported.built.train_kg().expect("a graph");
    let (alien, ben) = (kg.item("alien").expect("alien"), kg.user("http://example.org/ben").expect("ben"));
    assert_eq!(kg.items_of(ben).len(), 2);
    let director = kg.relation("director").expect("a relation");
    assert_eq!((kg.reading(director), kg.reading(director.inverse())), ("was directed by", "directed"));
    assert_eq!(kg.arcs(alien).of(director).len(), 1);
    assert!(kg.node("entity:2000s").is_ok());
}
