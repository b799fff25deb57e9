//! Facts about users: which entity a user is, by a list or by equal ids.

use crate::whole::{Club, facts, finding, kinds, log};
use crate::{failure, import, strict};
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::import::{Options, Severity};
use std::fmt::Write as _;
use std::fs;

/// Where a player lives, as far as the graph says it of the user.
fn home(kg: &TrainKg, player: u32) -> Option<String> {
    let user = kg.user(&format!("p{player}")).expect("a player");
    let lives_in = kg.relation("lives_in").expect("the relation");
    kg.arcs(user).of(lives_in).tails.first().map(|&town| kg.id(NodeId(town)).to_owned())
}

#[test]
fn facts_about_users_are_facts_of_the_users() {
    let mut club = Club::new();
    for player in 1..=8 {
        let _ = writeln!(club.triples, "p{player}\tlives_in\tt{}", player % 3);
    }
    let imported = club.import(&strict()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(finding(&imported.report.findings, "users_joined_by_id").count, 8);
    assert_eq!((imported.report.log.num_linked_users, imported.report.graph.num_users_without_train), (8, 0));
    let kg = imported.built.train_kg().expect("a graph");
    let plain = Club::new().import(&strict()).unwrap_or_else(|e| panic!("{e}"));
    let plain = plain.built.train_kg().expect("a graph");
    for player in 1..=8 {
        assert_eq!(home(&kg, player), Some(format!("t{}", player % 3)));
        // What was chosen, when and how it was rated is what it is without these facts.
        let [with, without] = [&kg, &plain].map(|kg| {
            let user = kg.user(&format!("p{player}")).expect("a player");
            let items: Vec<&str> = kg.items_of(user).iter().map(|&item| kg.id(NodeId(item))).collect();
            (items, kg.times_of(user).to_vec(), kg.ratings_of(user).to_vec())
        });
        assert_eq!(with, without);
    }
    assert_eq!((kg.num_train(), kg.schema().users_have_facts), (plain.num_train(), true));
    // Without some of the choices the rest still has its times.
    let carved = kg.carve(1, &Context::default()).expect("nobody stops it").expect("long histories");
    let user = kg.user("p3").expect("a player");
    let of = |kg: &TrainKg| kg.items_of(user).iter().copied().zip(kg.times_of(user).to_vec()).collect::<Vec<_>>();
    assert!(of(&carved.kg).len() < of(&kg).len());
    assert!(of(&carved.kg).iter().all(|choice| of(&kg).contains(choice)));
}

#[test]
fn few_users_with_the_ids_of_entities_are_told_of_and_joined_when_asked() {
    let mut club = Club::new();
    for player in 1..=3 {
        let _ = writeln!(club.triples, "p{player}\tlives_in\tt{player}");
    }
    let report = club.report(&strict());
    let found = finding(&report.findings, "facts_about_users");
    assert_eq!((found.count, found.examples[0].line), (3, 30));
    assert!(found.way_out.contains("option `join_users_by_id`"));
    let options = Options { join_users_by_id: true, ..strict() };
    let joined = club.import(&options).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(kinds(&joined.report.findings), ["users_joined_by_id"]);
    let kg = joined.built.train_kg().expect("a graph");
    assert_eq!((home(&kg, 3), home(&kg, 4)), (Some("t3".to_owned()), None));
}

/// An entity that is a user is no item as well, whatever else has its id.
#[test]
fn an_entity_of_a_user_is_joined_with_no_item() {
    let club = Club { items: None, ..Club::new() };
    let club = Club { triples: format!("{}g1\tlives_in\tt1\n", club.triples), ..club };
    let folder = club.lay_out();
    fs::write(folder.path().join("users.tsv"), "user_id\tentity_id\np1\tg1\n").expect("written");
    let imported = import(folder.path(), &Options { join_by_id: true, ..strict() }).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((imported.report.log.num_linked_users, imported.report.log.num_linked_items), (1, 0));
    assert_eq!(home(&imported.built.train_kg().expect("a graph"), 1), Some("t1".to_owned()));
}

#[test]
fn numbers_that_happen_to_be_ids_of_users_and_entities_say_nothing() {
    // Users 1 to 8 and entities 1 to 14.
    let interactions = log("user_id\titem_id\ttimestamp", |p, g, _, n| format!("{p}\tg{g}\t{n}"));
    let items = Club::new().items.map(|items| items.replace("\te", "\t").replace("\tntity_id", "\tentity_id"));
    let numbers = Club { triples: facts(""), interactions, items };
    assert_eq!(kinds(&numbers.report(&strict()).findings), [""; 0]);
}

#[test]
fn a_list_of_users_says_which_entities_they_are() {
    let mut club = Club::new();
    for player in 1..=8 {
        let _ = writeln!(club.triples, "person-{player}\tlives_in\tt{}", player % 3);
    }
    let listed = |users: &str| {
        let folder = club.lay_out();
        fs::write(folder.path().join("users.tsv"), users).expect("written");
        import(folder.path(), &strict())
    };
    let imported = listed("entity_id\tuser_id\nperson-2\tp2\nperson-7\tp7\n\tp4\nperson-1\tguest\nnobody\tp5\n");
    let imported = imported.unwrap_or_else(|e| panic!("{e}"));
    let kg = imported.built.train_kg().expect("a graph");
    assert_eq!((home(&kg, 2), home(&kg, 7), home(&kg, 4)), (Some("t2".to_owned()), Some("t1".to_owned()), None));
    assert_eq!(finding(&imported.report.findings, "linked_strangers").count, 1);
    assert_eq!(finding(&imported.report.findings, "dangling_user_links").count, 1);
    // A list of something else about users is none of entities.
    assert!(!listed("user_id\tage\np1\t33\n").unwrap_or_else(|e| panic!("{e}")).built.schema.users_have_facts);
    let strangers = listed("user_id\tentity_id\nguest\tperson-1\n").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(finding(&strangers.report.findings, "linked_strangers").severity, Severity::Serious);
    for (users, line, kind) in [
        ("user_id\tentity_id\np1\tperson-1\np2\tperson-1\n", 3, "link_conflict"),
        ("user_id\tentity_id\np1\tperson-1\np1\tperson-2\n", 3, "link_conflict"),
        ("user_id\tentity_id\np1\te1\n", 2, "link_conflict"),
    ] {
        let failed = failure(listed(users), users);
        assert_eq!((failed.diagnostics[0].line, failed.diagnostics[0].kind), (line, kind), "{users}");
    }
}
