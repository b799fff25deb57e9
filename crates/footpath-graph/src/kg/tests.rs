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

/// Users, items and entities of several kinds.
fn kinds() -> TrainKg {
    let mut dataset = Dataset::default();
    for n in 0..6 {
        dataset.link(&format!("i{n}"), &format!("f{n}"));
        dataset.fact(&format!("f{n}"), "by", &format!("p{}", n % 3));
        dataset.interact("u", &format!("i{n}"));
    }
    [("f1", "a"), ("f2", "b"), ("f2", "a"), ("p0", "b")].into_iter().for_each(|(id, name)| dataset.further(id, name));
    build(dataset).expect("built").train_kg().expect("valid")
}

#[test]
fn every_way_in_which_kinds_can_be_wrong_is_refused() {
    let kg = kinds();
    assert_eq!((kg.schema().further_types.len(), kg.schema().kinds.len()), (2, 1 + 3 + 2));
    type Spoil = fn(&mut Schema);
    let wrong: &[(&str, Spoil)] = &[
        ("no names", |schema| schema.further_types.clear()),
        ("no kinds", |schema| schema.kinds.clear()),
        ("names in another order", |schema| schema.further_types.reverse()),
        ("a name twice", |schema| schema.further_types[1] = schema.further_types[0].clone()),
        ("a reserved name", |schema| schema.further_types[1] = "item".to_owned()),
        ("a name that no list can have", |schema| schema.further_types[1] = "b;c".to_owned()),
        ("a number without a name", |schema| schema.kinds[2].further = vec![2]),
        ("a number twice", |schema| schema.kinds[2].further = vec![0, 0]),
        ("numbers in another order", |schema| schema.kinds[3].further = vec![1, 0]),
        ("two kinds alike", |schema| schema.kinds[3].further = schema.kinds[2].further.clone()),
        ("kinds in another order", |schema| schema.kinds.swap(2, 3)),
        ("a kind that is missing", |schema| _ = schema.kinds.remove(2)),
        ("the last kind of a type missing", |schema| _ = schema.kinds.pop()),
        ("all kinds of a type missing", |schema| schema.kinds.truncate(4)),
        ("a kind of another type", |schema| schema.kinds[3].node_type = TypeId(2)),
        ("a kind of no type", |schema| schema.kinds[5].node_type = TypeId(9)),
        ("nodes left out", |schema| schema.kinds[2].start += 1),
        ("nodes twice", |schema| schema.kinds[2].end += 1),
        ("nodes after the last", |schema| schema.kinds[5].end += 1),
        ("a range upside down", |schema| {
            schema.kinds[1].end = 0;
            schema.kinds[2].start = 0;
        }),
        ("too many", |schema| {
            let last = schema.kinds[5].end;
            let kind = |n| NodeKind { node_type: TypeId(2), further: vec![n / 2 % 2; 1], start: last, end: last };
            schema.kinds.extend((0..u16::try_from(MAX_KINDS).expect("few")).map(kind));
        }),
    ];
    for (what, change) in wrong {
        let mut schema = kg.schema.clone();
        change(&mut schema);
        let made = TrainKg::from_arrays(schema, kg.arrays.clone(), String::new(), Path::new("kg"));
        assert!(matches!(made, Err(Error::Invariant { .. })), "{what}: {made:?}");
    }
}

#[test]
fn kinds_are_called_by_their_types() {
    let kg = kinds();
    let names: Vec<String> = kg.schema().all_kinds().map(|kind| kg.schema().kind_name(kind)).collect();
    assert_eq!(names, ["user", "plain item", "item&a", "item&a&b", "plain entity", "entity&b"]);
    assert_eq!(kg.schema().count_further(), [("a", 2), ("b", 2)]);
    assert_eq!(kg.schema().named("b").map(|ranges| ranges.len()), Some(2));
    assert_eq!((kg.schema().named("item"), kg.schema().named("c")), (Some(vec![kg.items()]), None));
}
