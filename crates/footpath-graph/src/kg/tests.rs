use super::*;
use crate::Dataset;
use crate::build::build;

/// More arcs than two blocks of ranks, both ways through a hub.
#[test]
fn every_fact_names_its_line_in_both_directions() {
    let mut dataset = Dataset::default();
    for n in 0..700 {
        dataset.fact(&format!("e{n}"), ["likes", "knows"][n % 2], &format!("e{}", n * n % 31));
    }
    dataset.interact("u", "i");
    let triples = dataset.triples.clone();
    let names = dataset.entities.clone();
    let kg = build(dataset).expect("built").train_kg().expect("valid");
    let mut first_lines = std::collections::BTreeMap::new();
    for t in triples {
        first_lines.entry((t.head, t.relation, t.tail)).or_insert(t.line);
    }
    for ((head, relation, tail), line) in first_lines {
        let node = |raw: u32| kg.node(&format!("entity:{}", names.get(raw))).expect("an entity");
        let relation = kg.relation(["likes", "knows"][relation as usize]).expect("a relation");
        let fact = Triple { head: node(head), relation, tail: node(tail) };
        let inverse = Triple { head: fact.tail, relation: relation.inverse(), tail: fact.head };
        assert_eq!(kg.source(fact), Some(("triples.tsv", line)));
        assert_eq!(kg.source(inverse), Some(("triples.tsv", line)));
    }
    let chosen =
        Triple { head: kg.user("u").expect("u"), relation: RelationId::INTERACTED, tail: kg.item("i").expect("i") };
    assert_eq!(kg.source(chosen), Some(("interactions.tsv", 2)));
}
