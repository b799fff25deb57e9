//! Which items may be recommended, what becomes of them without their reasons, and figures by groups.

use crate::support::films::{Truth, films};
use crate::support::{args, fail, footpath, object, objects, succeed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn items(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["item"].as_str().expect("an item").to_owned()).collect()
}

/// For every user: the lists under a rule are the full lists without what the rule leaves out, and as long.
#[test]
fn lists_under_a_rule_are_the_full_lists_without_what_it_leaves_out() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let all = args!["recommend", &films.model, "--kg", &films.kg, "--all", "--json"];
    let lists = |more: &[std::ffi::OsString]| objects(&succeed(&[all.as_slice(), more].concat()));
    let plain = lists(&args!["-k", "13"]);
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    plain.iter().flat_map(items).for_each(|item| *shown.entry(item).or_default() += 1);
    let mut popular: Vec<(usize, String)> = shown.into_iter().map(|(item, times)| (times, item)).collect();
    popular.sort();
    let popular: BTreeSet<String> = popular.into_iter().rev().take(3).map(|(_, item)| item).collect();
    let file = root.path().join("sold-out.txt");
    let ids: String = popular.iter().map(|item| format!("{item}\n")).collect();
    fs::write(&file, ids + "never-heard-of\n").expect("written");
    let less = lists(&args!["-k", "10", "--exclude", &file]);
    assert_eq!((plain.len(), less.len()), (480, 480));
    let mut same = 0;
    for (full, less) in plain.iter().zip(&less) {
        let wanted: Vec<String> = items(full).into_iter().filter(|item| !popular.contains(item)).take(10).collect();
        let found = items(less);
        assert_eq!(found.len(), 10, "lists are filled: {less}");
        assert!(found.iter().all(|item| !popular.contains(item)));
        same += usize::from(found == wanted);
    }
    // A search that is short of thirteen looks wider than one that has its ten, and finds more paths.
    assert!(same > 400, "{same} of 480 lists are the full ones");
    let note = footpath(&[all.as_slice(), &args!["--exclude", &file]].concat()).stderr;
    assert!(note.contains("--exclude: 1 ids are no items of the graph"), "{note}");
    let few: Vec<String> = popular.iter().cloned().collect();
    for list in lists(&args!["-k", "3", "--only", few.join(",")]) {
        assert!(items(&list).iter().all(|item| few.contains(item)), "{list}");
    }
    fail(2, &[all.as_slice(), &args!["--exclude", "never-heard-of"]].concat());
}

#[test]
fn what_a_user_has_chosen_comes_again_only_where_that_is_asked_for() {
    let films = films();
    let truth = Truth::read();
    let chosen = |user: &str, item: &str| truth.train.contains(&(user.to_owned(), item.to_owned()));
    let root = tempfile::tempdir().expect("temporary directory");
    let lists = root.path().join("lists.jsonl");
    let all = args!["recommend", &films.model, "--kg", &films.kg, "--all", "-k", "20", "--json", "--out", &lists];
    succeed(&[all.as_slice(), &args!["--allow-seen"]].concat());
    let again = |list: &Value| items(list).iter().any(|item| chosen(list["user"].as_str().expect("a user"), item));
    let found = objects(&fs::read_to_string(&lists).expect("readable"));
    assert!(found.iter().filter(|list| again(list)).count() > 240, "most have liked what they would like");
    let report = object(&succeed(&args!["verify", &lists, "--kg", &films.kg, "--json"]));
    assert_eq!(report["wrong"].as_u64(), Some(0), "{report}");
    succeed(&[all.as_slice(), &args!["--force"]].concat());
    assert!(!objects(&fs::read_to_string(&lists).expect("readable")).iter().any(again));
}

/// Without the choice that a reason begins with, no path begins with it, and the item stands somewhere else or not.
#[test]
fn an_explanation_says_what_the_item_is_worth_without_its_reason() {
    let films = films();
    let list = object(&succeed(&args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-001", "--json"]));
    for (place, item) in (1..).zip(items(&list)) {
        let explain = args!["explain", &films.model, "--kg", &films.kg, "--user", "user-001", "--item", item, "--json"];
        let why = object(&succeed(&[explain.as_slice(), &args!["--without"]].concat()));
        let without = &why["without"];
        assert_eq!(without["place"].as_u64(), Some(place), "{why}");
        let reason = why["paths"][0]["nodes"][1].as_str().expect("a choice");
        assert_eq!(format!("item:{}", without["without"]["choice"].as_str().expect("an id")), reason);
        assert_ne!(without["without_random"]["choice"], without["without"]["choice"]);
        let named = args!["--without", reason.trim_start_matches("item:")];
        assert_eq!(object(&succeed(&[explain.as_slice(), &named].concat()))["without"], *without);
    }
    let table = succeed(&args![
        "explain",
        &films.model,
        "--kg",
        &films.kg,
        "--user",
        "user-001",
        "--item",
        &items(&list)[0],
        "--without"
    ]);
    assert!(table.contains("the item stands at place 1; without "), "{table}");
    let error = fail(
        2,
        &args![
            "explain",
            &films.model,
            "--kg",
            &films.kg,
            "--user",
            "user-001",
            "--item",
            &items(&list)[0],
            "--without",
            &items(&list)[1]
        ],
    );
    assert!(error.contains("did not choose"), "{error}");
}

#[test]
fn an_evaluation_judges_reasons_and_groups() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let (users, items) = (root.path().join("users.tsv"), root.path().join("items.tsv"));
    let region = |n: usize| if n.is_multiple_of(3) { "north" } else { "south" };
    let rows: String = (1..=480).map(|n| format!("user-{n:03}\t{n}\t{}\n", region(n))).collect();
    fs::write(&users, format!("user_id\tage\tregion\n{rows}")).expect("written");
    let titles = fs::read_to_string(crate::support::films::folder().join("items.tsv")).expect("readable");
    let rows: String = titles
        .lines()
        .skip(1)
        .filter_map(|row| row.split('\t').next())
        .map(|id| format!("{id}\t{}\n", if id < "m" { "early" } else { "late" }))
        .collect();
    fs::write(&items, format!("item_id\tgroup\n{rows}")).expect("written");
    let by_region = format!("{}:region", users.display());
    let report = object(&succeed(&args![
        "evaluate",
        "--kg",
        &films.kg,
        "--model",
        &films.model,
        "--json",
        "--counterfactual",
        "--random-paths",
        "--user-groups",
        &by_region,
        "--item-groups",
        &items
    ]));
    let groups = report["user_groups"].as_object().expect("groups");
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["north", "south"]);
    let num: u64 = groups.values().map(|group| group["num_users"].as_u64().expect("a number")).sum();
    assert_eq!(Some(num), report["users"].as_u64());
    let of_items = report["item_groups"].as_object().expect("groups");
    for share in ["share_of_items", "share_of_train", "share_of_slots", "share_of_exposure"] {
        let sum: f64 = of_items.values().map(|group| group[share].as_f64().expect("a share")).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{share}: {sum}");
    }
    let reasons = &report["reasons"];
    let fidelity = &reasons["counterfactual"]["fidelity"];
    assert!(fidelity["num_items"].as_u64() > Some(200), "{fidelity}");
    let falls = |reasons: &Value| reasons["counterfactual"]["fidelity"]["without_reason"].as_f64().expect("a figure");
    let random = fidelity["without_random"].as_f64().expect("a figure");
    assert!(falls(reasons) > random, "an item falls further without its reason: {fidelity}");
    assert!(falls(reasons) > falls(&report["random_paths"]["reasons"]), "and than without a random legal one");
    assert!(reasons["preference"]["once"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)));
    let error = fail(3, &args!["evaluate", "--kg", &films.kg, "--model", &films.model, "--user-groups", &users]);
    assert!(error.contains("which of age, region?"), "{error}");
}
