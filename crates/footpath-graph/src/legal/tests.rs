use super::*;
use crate::build::build;
use crate::dataset::Dataset;

/// u1 chose a and b; c shares ann with a; d shares bob with b; e hangs on nobody else.
fn graph() -> TrainKg {
    let mut d = Dataset::default();
    for item in ["a", "b", "c", "d", "e"] {
        d.link(item, &format!("film-{item}"));
    }
    for (film, person) in
        [("a", "ann"), ("c", "ann"), ("b", "bob"), ("d", "bob"), ("a", "eve"), ("e", "zoe"), ("b", "ann")]
    {
        d.fact(&format!("film-{film}"), "starring", person);
    }
    d.interact("u1", "a");
    d.interact("u1", "b");
    build(d).expect("built").train_kg().expect("valid")
}

fn names(kg: &TrainKg, tokens: &[u32]) -> Vec<String> {
    let word = |&t: &u32| match kg.vocabulary().word(TokenId(t)).expect("a word") {
        Word::Node(node) => kg.node_name(node),
        Word::Relation(relation) => kg.relation_name(relation),
        Word::Special(s) => format!("special {s}"),
    };
    tokens.iter().map(word).collect()
}

fn prefix(kg: &TrainKg, words: &[&str]) -> Vec<u32> {
    let vocabulary = kg.vocabulary();
    let token = |word: &&str| match kg.relation(word) {
        Some(relation) => vocabulary.relation(relation).0,
        None => vocabulary.node(kg.node(word).expect("a node")).0,
    };
    words.iter().map(token).collect()
}

#[test]
fn only_edges_with_a_completion_are_legal() {
    let kg = graph();
    let pattern = Pattern::hops(3, &kg).expect("pattern");
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table");
    let cases: [(&[&str], &[&str], &[&str]); 6] = [
        (&["user:u1"], &["interacted"], &[]),
        (&["user:u1", "interacted"], &["item:a", "item:b"], &[]),
        (&["user:u1", "interacted", "item:a"], &["starring"], &[]),
        // eve leads nowhere but back.
        (&["user:u1", "interacted", "item:a", "starring"], &["entity:ann"], &[]),
        (&["user:u1", "interacted", "item:a", "starring", "entity:ann"], &["~starring"], &[]),
        // b is known to the user and a is where the path came from.
        (&["user:u1", "interacted", "item:a", "starring", "entity:ann", "~starring"], &[], &["item:c"]),
    ];
    for (path, continuing, ending) in cases {
        let mut out = Successors::default();
        legal.successors(&prefix(&kg, path), Goal::Unseen, &mut out);
        assert_eq!(names(&kg, &out.continuing), continuing, "after {path:?}");
        assert_eq!(names(&kg, &out.ending), ending, "after {path:?}");
    }
}

#[test]
fn choices_know_how_many_came_later() {
    let mut d = Dataset::default();
    for (item, time) in [("a", 30), ("b", 10), ("c", 30), ("d", 20)] {
        d.interact("u1", item);
        d.interactions.last_mut().expect("just added").time = time;
    }
    d.has_times = true;
    let kg = build(d).expect("built").train_kg().expect("valid");
    let pattern = Pattern::hops(3, &kg).expect("pattern");
    let first = kg.items().start;
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table").with_new_users([vec![
        first + 2,
        first,
        first + 1,
        first,
    ]]);
    let token = |node: NodeId| kg.vocabulary().node(node).0;
    assert_eq!(legal.later(token(kg.user("u1").expect("u1"))), [0, 3, 0, 2], "those of the same moment alike");
    assert_eq!(legal.later(token(legal.new_user(0))), [0, 1, 2], "of a new user, in the order given");
    assert_eq!(legal.later(token(NodeId(kg.items().start))), [0; 0]);
}

#[test]
fn one_end_can_be_asked_for() {
    let kg = graph();
    let pattern = Pattern::hops(3, &kg).expect("pattern");
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table");
    let mut out = Successors::default();
    let goal = Goal::Item(kg.item("d").expect("d"));
    legal.successors(&prefix(&kg, &["user:u1", "interacted"]), goal, &mut out);
    assert_eq!(names(&kg, &out.continuing), ["item:b"]);
    legal.successors(&prefix(&kg, &["user:u1"]), Goal::Item(kg.item("e").expect("e")), &mut out);
    assert!(out.is_empty(), "no path leads to e");
}

#[test]
fn a_new_user_walks_like_a_user_with_the_same_choices() {
    let kg = graph();
    let pattern = Pattern::hops(3, &kg).expect("pattern");
    let items: Vec<u32> = ["b", "a", "b"].iter().map(|i| kg.item(i).expect("an item").0).collect();
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table").with_new_users([vec![], items]);
    let user = prefix(&kg, &["user:u1"])[0];
    let new_user = kg.vocabulary().node(legal.new_user(1)).0;
    assert_eq!(legal.history(new_user), legal.history(user));
    let mut rows = vec![vec![user]];
    let mut compared = 0;
    while let Some(row) = rows.pop() {
        let (mut known, mut unknown) = (Successors::default(), Successors::default());
        legal.successors(&row, Goal::Unseen, &mut known);
        let other: Vec<u32> = std::iter::once(new_user).chain(row[1..].iter().copied()).collect();
        legal.successors(&other, Goal::Unseen, &mut unknown);
        assert_eq!(known, unknown, "after {row:?}");
        compared += known.len();
        rows.extend(known.continuing.iter().map(|&t| row.iter().copied().chain([t]).collect::<Vec<_>>()));
    }
    assert!(compared > 8);
    let mut nothing = Successors::default();
    legal.successors(&[kg.vocabulary().node(legal.new_user(0)).0], Goal::Unseen, &mut nothing);
    assert!(nothing.is_empty(), "who chose nothing has no path");
}

#[test]
fn new_choices_of_a_user_count_for_their_own_paths_alone() {
    let mut d = Dataset::default();
    for (item, person) in [("a", "ann"), ("b", "ann"), ("b", "bob"), ("c", "bob"), ("d", "zoe"), ("e", "zoe")] {
        d.fact(item, "starring", person);
        d.link(item, item);
    }
    for (user, item) in [("u1", "a"), ("u2", "a"), ("u2", "d"), ("u3", "e")] {
        d.interact(user, item);
    }
    let kg = build(d).expect("built").train_kg().expect("valid");
    let legal = Legal::new(kg.clone(), Pattern::hops(3, &kg).expect("pattern"), &Context::default()).expect("a table");
    let node = |name: &str| kg.node(name).expect("a node");
    let history = ["item:a", "item:d", "item:b"].map(|item| node(item).0).to_vec();
    let updated = legal.with_new_choices([(node("user:u1"), history.clone()), (node("user:u2"), Vec::new())]);
    let as_new = legal.with_new_users([history]);
    let ends = |legal: &Legal, user: NodeId| {
        let (mut rows, mut ends) = (vec![vec![kg.vocabulary().node(user).0]], Vec::new());
        while let Some(row) = rows.pop() {
            let mut out = Successors::default();
            legal.successors(&row, Goal::Unseen, &mut out);
            ends.extend(out.ending.iter().map(|&end| [&row[1..], &[end]].concat()));
            rows.extend(out.continuing.iter().map(|&token| [row.as_slice(), &[token]].concat()));
        }
        ends.sort();
        ends
    };
    let u1 = node("user:u1");
    assert_eq!(ends(&updated, u1), ends(&as_new, as_new.new_user(0)), "as a new user who chose the same");
    assert!(!ends(&updated, u1).is_empty());
    assert_ne!(ends(&updated, u1), ends(&legal, u1));
    assert!(ends(&updated, node("user:u2")).is_empty(), "nothing chosen, no path");
    assert_eq!(ends(&updated, node("user:u3")), ends(&legal, node("user:u3")), "others meet what the graph knows");
    let token = |name: &str| kg.vocabulary().node(node(name)).0;
    assert_eq!(updated.timeline(token("user:u1")), ["item:a", "item:d", "item:b"].map(token));
    assert_eq!(updated.later(token("user:u1")), [2, 0, 1], "of a, b and d");
}

#[test]
fn a_path_may_stop_where_the_pattern_accepts() {
    let kg = graph();
    let pattern = Pattern::parse("(:user)-[]->(:item)(-[]-()-[]-(:item)){0,1}", &kg).expect("pattern");
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table");
    let mut out = Successors::default();
    let path = prefix(&kg, &["user:u1", "interacted", "item:a"]);
    legal.successors(&path, Goal::Item(kg.item("a").expect("a")), &mut out);
    assert_eq!(out.ending, [Vocabulary::END.0]);
    legal.successors(&path, Goal::Unseen, &mut out);
    assert!(out.ending.is_empty(), "a is known to the user");
    assert_eq!(names(&kg, &out.continuing), ["starring"]);
}

#[test]
fn siblings_are_the_legal_alternatives() {
    let kg = graph();
    let pattern = Pattern::hops(3, &kg).expect("pattern");
    let legal = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table");
    let path = prefix(&kg, &["user:u1", "interacted", "item:a", "starring", "entity:ann", "~starring", "item:b"]);
    let siblings = |position: usize, count: usize| {
        let mut out = Vec::new();
        let mut stream = Stream::new(1, footpath_core::Purpose::Negatives, 0, 0);
        let weight = legal.siblings(&path, position, count, &mut stream, &mut out);
        (weight, names(&kg, &out))
    };
    assert_eq!(siblings(1, 9), (Some(0.0), vec![]));
    assert_eq!(siblings(2, 9), (Some(0.0), vec!["item:b".to_owned()]));
    assert_eq!(siblings(6, 9), (Some(0.0), vec!["item:c".to_owned()]));
    assert_eq!(siblings(7, 9), (None, vec![]), "a complete path has nothing to predict");
    // Three tails under one draw: each stands for three.
    let (weight, drawn) = siblings(6, 1);
    assert_eq!(weight, Some(3f32.ln()));
    assert!(drawn.iter().all(|name| name == "item:c"));
}
