//! Walk patterns and mixtures.

use super::language::check_minimal;
use super::*;

fn part(name: &str, text: &str, weight: f64, kg: &TrainKg) -> Part {
    Part { name: name.to_owned(), pattern: Pattern::parse(text, kg).expect(text), weight }
}

fn usage(made: Result<Mixture>) -> String {
    match made {
        Err(Error::Usage { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

const THROUGH_USERS: &str = "(:user)-[:interacted]->(:item)<-[:interacted]-(:user)-[:interacted]->(:item)";
const THROUGH_FACTS: &str = "(:user)-[:interacted]->(:item)-[:!interacted]-(:entity)-[:!interacted]-(:item)";

#[test]
fn walks_start_and_end_anywhere() {
    let kg = kg();
    let types = |names: &[&str]| -> Vec<KindId> {
        let all = &kg.schema().types;
        (0u16..).zip(all).filter(|(_, kind)| names.contains(&kind.name.as_str())).map(|(id, _)| KindId(id)).collect()
    };
    let cases: &[(&str, &[&str])] = &[
        ("()-[]-()", &["user", "item", "person", "company", "genre"]),
        ("(:entity)-[:!interacted]-{1,5}(:entity)", &["person", "company", "genre"]),
        ("(:person)-->(:company|item) | (:person)--(:item)", &["person"]),
        ("((:person)|(:!item&!entity))<--()", &["user", "person"]),
    ];
    for (text, starts) in cases {
        let pattern = Pattern::parse_walk(text, &kg).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(pattern.starts(), types(starts), "{text}");
        check_minimal(pattern.automaton(), kg.num_relations(), kg.schema().types.len());
        assert_eq!(Pattern::parse_walk(pattern.source(), &kg).expect(text), pattern);
    }
    assert_eq!(Pattern::parse(THROUGH_FACTS, &kg).expect("valid").starts(), [KindId(0)]);
    let refused: &[(&str, &str, &str)] = &[
        ("()", "()", "0 hops"),
        ("()-[]-?()", "()-[]-?()", "no hop at all"),
        ("(:person)--() | (:item)--()", "(:item)--()", "starts elsewhere"),
        ("((:person)-->()|(:item)<--())", "((:person)-->()|(:item)<--())", "depends on the type"),
    ];
    for (text, marked, message) in refused {
        let Err(Error::Pattern(failure)) = Pattern::parse_walk(text, &kg) else { panic!("{text}: not refused") };
        assert_eq!(text.get(failure.offset..failure.offset + failure.len), Some(*marked), "{text}: {failure}");
        assert!(failure.message.contains(message), "{text}: {failure}");
    }
}

#[test]
fn the_union_of_a_mixture_is_its_parts_side_by_side() {
    let kg = kg();
    let mixture = Mixture::new(vec![
        part("users", THROUGH_USERS, 3.0, &kg),
        part("facts", THROUGH_FACTS, 1.0, &kg),
        part("any", "KNOWLEDGE (:user)-[]-{2,5}(:item)", 4.0, &kg),
    ]);
    let mixture = mixture.expect("valid");
    assert_eq!(mixture.parts().iter().map(|part| part.weight).collect::<Vec<_>>(), [0.375, 0.125, 0.5]);
    assert_eq!(mixture.max_hops(), 5);
    let union = mixture.union();
    let sources: Vec<_> = mixture.parts().iter().map(|part| part.pattern.source()).collect();
    assert_eq!(union.source(), sources.join(" | "));
    assert_eq!(&Pattern::parse(union.source(), &kg).expect("valid"), union);
    check_minimal(union.automaton(), kg.num_relations(), kg.schema().types.len());
    let single = Mixture::single(union.clone());
    assert_eq!((single.union(), single.parts().len()), (union, 1));
}

#[test]
fn the_share_of_collaborative_paths_is_the_one_asked_for() {
    let kg = kg();
    let parts = [part("users", THROUGH_USERS, 3.0, &kg), part("all", "(:user)-[]-{3}(:item)", 1.0, &kg)];
    let mixture = Mixture::new(parts.to_vec()).expect("valid");
    for share in [0.0, 0.3, 1.0] {
        let split = mixture.with_collaborative_share(share).expect("valid");
        let is_knowledge = |part: &&Part| part.pattern.collaborative().is_none();
        let knowledge: f64 = split.parts().iter().filter(is_knowledge).map(|part| part.weight).sum();
        let all: f64 = split.parts().iter().map(|part| part.weight).sum();
        assert!((knowledge - (1.0 - share)).abs() < 1e-12 && (all - 1.0).abs() < 1e-12, "{share}: {split:?}");
        assert!(
            split
                .parts()
                .iter()
                .all(|part| part.pattern.collaborative().is_none() || part.pattern.knowledge().is_none())
        );
        assert_eq!(&Pattern::parse(split.union().source(), &kg).expect("valid"), split.union());
        assert_eq!(split.union() == mixture.union(), share > 0.0 && share < 1.0);
    }
    let names = |share| -> Vec<_> {
        let split: Mixture = mixture.with_collaborative_share(share).expect("valid");
        split.parts().iter().map(|part| (part.name.clone(), part.weight)).collect()
    };
    let expected = [("users (collaborative)", 0.375), ("all (collaborative)", 0.125), ("all (knowledge)", 0.5)];
    assert_eq!(names(0.5), expected.map(|(name, weight)| (name.to_owned(), weight)));
    let users = Mixture::single(Pattern::parse(THROUGH_USERS, &kg).expect("valid"));
    let facts = Mixture::single(Pattern::parse(THROUGH_FACTS, &kg).expect("valid"));
    assert!(users.with_collaborative_share(1.0).is_ok() && facts.with_collaborative_share(0.0).is_ok());
    assert!(usage(users.with_collaborative_share(0.9)).contains("no pattern has knowledge paths"));
    assert!(usage(facts.with_collaborative_share(0.1)).contains("no pattern has collaborative paths"));
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(usage(mixture.with_collaborative_share(share)).contains("must be 0 to 1"));
    }
}

#[test]
fn bad_mixtures_are_refused() {
    let kg = kg();
    assert!(usage(Mixture::new(Vec::new())).contains("1 to 64 parts, got 0"));
    let many = (0..65).map(|_| part("p", THROUGH_USERS, 1.0, &kg)).collect();
    assert!(usage(Mixture::new(many)).contains("got 65"));
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let parts = vec![part("good", THROUGH_USERS, 1.0, &kg), part("bad", THROUGH_FACTS, weight, &kg)];
        assert!(usage(Mixture::new(parts)).contains("weight of `bad`"), "{weight}");
    }
    let parts = vec![part("small", THROUGH_USERS, 1e-300, &kg), part("big", THROUGH_FACTS, 1e300, &kg)];
    assert!(usage(Mixture::new(parts)).contains("`small` vanishes"));
    let walk =
        |text: &str| Part { name: text.to_owned(), pattern: Pattern::parse_walk(text, &kg).expect(text), weight: 1.0 };
    let parts = vec![walk("(:person)--()"), walk("(:company)--()")];
    assert!(usage(Mixture::new(parts)).contains("start at different node types"));
}
