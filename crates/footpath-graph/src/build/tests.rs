//! What a data set becomes, whatever its order.

use super::*;
use footpath_core::{RelationId, Triple};

fn sample() -> Dataset {
    let mut d = Dataset::default();
    d.link("i2", "film-b");
    d.link("i1", "film-a");
    for (head, tail) in [("film-a", "ann"), ("film-b", "ann"), ("film-b", "bob"), ("film-b", "bob"), ("bob", "bob")] {
        d.fact(head, "starring", tail);
    }
    d.interact("u2", "i1");
    d.interact("u1", "i1");
    d.interact("u1", "i2");
    d.interact("u1", "i2");
    d
}

#[test]
fn facts_stand_in_both_directions_and_duplicates_are_counted() {
    let built = build(sample()).expect("built");
    let expected = Dropped { duplicate_triples: 1, duplicate_interactions: 1, self_loops: 1 };
    assert_eq!(built.dropped, expected);
    let kg = built.train_kg().expect("valid");
    assert_eq!((kg.num_nodes(), kg.num_arcs(), kg.num_train()), (6, 14, 3));
    let starring = kg.relation("starring").expect("starring");
    let (film, bob) = (kg.item("i2").expect("i2"), kg.node("entity:bob").expect("bob"));
    assert!(kg.find(Triple { head: film, relation: starring, tail: bob }).is_some());
    assert!(kg.find(Triple { head: bob, relation: starring.inverse(), tail: film }).is_some());
    assert!(kg.find(Triple { head: bob, relation: starring, tail: film }).is_none());
    assert_eq!(kg.node_name(film), "item:i2");
    assert_eq!(kg.relation_name(starring.inverse()), "~starring");
    let user = kg.user("u1").expect("u1");
    assert_eq!(kg.items_of(user), [kg.item("i1").expect("i1").0, film.0]);
    assert_eq!(kg.popularity(kg.item("i1").expect("i1")), 2);
    let triple = Triple { head: film, relation: starring, tail: bob };
    assert_eq!(kg.source(triple), Some(("triples.tsv", 4)));
    let inverse = Triple { head: bob, relation: starring.inverse(), tail: film };
    assert_eq!(kg.source(inverse), Some(("triples.tsv", 4)));
    let chosen = Triple { head: user, relation: RelationId::INTERACTED, tail: film };
    assert_eq!(kg.source(chosen), Some(("interactions.tsv", 4)));
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut other = Dataset::default();
    other.interact("u1", "i2");
    other.interact("u1", "i1");
    other.interact("u2", "i1");
    for (head, tail) in [("bob", "bob"), ("film-b", "bob"), ("film-b", "ann"), ("film-a", "ann")] {
        other.fact(head, "starring", tail);
    }
    other.link("i1", "film-a");
    other.link("i2", "film-b");
    let (a, b) = (build(sample()).expect("built"), build(other).expect("built"));
    assert_eq!(a.schema, b.schema);
    assert_eq!(*a.arrays.tails, *b.arrays.tails);
    assert_eq!(*a.arrays.relations, *b.arrays.relations);
    assert_eq!(*a.arrays.name_bytes, *b.arrays.name_bytes);
}

#[test]
fn held_out_interactions_are_not_in_the_graph() {
    let mut dataset = sample();
    dataset.interactions[0].split = Split::Test;
    dataset.interactions[2].split = Split::Valid;
    let built = build(dataset).expect("built");
    let kg = built.train_kg().expect("valid");
    assert!(kg.items_of(kg.user("u2").expect("u2")).is_empty());
    assert_eq!(built.test.len(), 1);
    // u1–i2 is logged in train as well, so it is not held out.
    assert_eq!(built.valid.len(), 0);
}

#[test]
fn published_graph_opens() {
    let root = tempfile::tempdir().expect("temporary directory");
    let directory = root.path().join("kg");
    let built = build(sample()).expect("built");
    built.publish(&directory, Replace::No, serde_json::Value::Null, &Context::default()).expect("published");
    let kg = TrainKg::open(&directory).expect("opens");
    assert_eq!(kg.num_arcs(), 14);
    assert!(!kg.content_hash().is_empty());
    assert_eq!(kg.schema(), built.train_kg().expect("valid").schema());
}

#[cfg(unix)]
#[test]
fn a_graph_that_has_rested_gets_a_receipt_and_opens_by_it() {
    use footpath_core::{Artefact, OpenOptions};
    let root = tempfile::tempdir().expect("temporary directory");
    let directory = root.path().join("kg");
    build(sample())
        .expect("built")
        .publish(&directory, Replace::No, serde_json::Value::Null, &Context::default())
        .expect("published");
    let options = OpenOptions { receipt_min_bytes: 0, ..OpenOptions::default() };
    let open = || Artefact::open_with(&directory, ArtefactKind::Kg, options, &Context::default()).expect("opens");
    for rested in [false, true] {
        assert!(!open().has_receipt());
        TrainKg::of(&open()).expect("a graph");
        assert_eq!(open().has_receipt(), rested);
        // Longer than files have to rest.
        std::thread::sleep(std::time::Duration::from_secs(if rested { 0 } else { 5 }));
    }
    let by_receipt = TrainKg::of(&open()).expect("a graph");
    assert_eq!((by_receipt.num_arcs(), by_receipt.num_train()), (14, 3));
    std::fs::write(directory.join("schema.json"), "{}").expect("written");
    assert!(Artefact::open_with(&directory, ArtefactKind::Kg, options, &Context::default()).is_err(), "a changed file");
}
