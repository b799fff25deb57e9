//! Every fact of every recommended path stands in the raw data, at the file and line it names.

use crate::support::films::{Truth, films, forward};
use crate::support::{args, object, objects, strings, succeed};
use serde_json::Value;
use std::collections::BTreeSet;

/// What one line of JSON says that is checked against the data.
struct Checked {
    num_paths: usize,
    num_facts: usize,
}

/// Checks a path and the facts behind it.
fn check_path(truth: &Truth, path: &Value, user: &str, item: &str) -> usize {
    let (nodes, relations) = (strings(&path["nodes"]), strings(&path["relations"]));
    assert_eq!(nodes.len(), relations.len() + 1);
    assert_eq!(nodes.first().copied(), Some(format!("user:{user}").as_str()));
    assert_eq!(nodes.last().copied(), Some(format!("item:{item}").as_str()));
    assert_eq!(nodes.iter().collect::<BTreeSet<_>>().len(), nodes.len(), "no node twice: {nodes:?}");
    let facts = path["triples"].as_array().expect("an array");
    assert_eq!(facts.len(), relations.len(), "one fact for each hop");
    for (hop, fact) in facts.iter().enumerate() {
        let stated = ["head", "relation", "tail"].map(|part| fact[part].as_str().expect("a string"));
        let walked = forward(nodes[hop], relations[hop], nodes[hop + 1]);
        assert_eq!(walked, (stated[0].to_owned(), stated[1].to_owned(), stated[2].to_owned()));
        check_fact(truth, stated, fact["file"].as_str().expect("a file"), fact["line"].as_u64().expect("a line"));
    }
    facts.len()
}

/// Checks that a line of the data says what a fact says.
fn check_fact(truth: &Truth, [head, relation, tail]: [&str; 3], file: &str, line: u64) {
    // The header is line 1.
    let row = usize::try_from(line).expect("a line").checked_sub(2).expect("a line after the header");
    if relation == "interacted" {
        let (user, item) = &truth.interactions[row];
        assert_eq!((file, head, tail), ("interactions.tsv", &*format!("user:{user}"), &*format!("item:{item}")));
        assert!(truth.train.contains(&(user.clone(), item.clone())), "{head} {tail} is held out");
    } else {
        let expected =
            (truth.entity(head).expect("no user"), relation.to_owned(), truth.entity(tail).expect("no user"));
        assert_eq!((file, &expected), ("triples.tsv", &truth.triples[row]), "line {line}");
    }
}

#[test]
fn every_recommended_path_is_made_of_lines_of_the_data() {
    let (films, truth) = (films(), Truth::read());
    let output = succeed(&args![
        "recommend",
        &films.model,
        "--kg",
        &films.kg,
        "--all",
        "-k",
        "10",
        "--paths",
        "3",
        "--beams",
        "150",
        "--json"
    ]);
    let mut checked = Checked { num_paths: 0, num_facts: 0 };
    let lists = objects(&output);
    for list in &lists {
        let user = list["user"].as_str().expect("a user");
        let items = list["items"].as_array().expect("items");
        let distinct: BTreeSet<&str> = items.iter().map(|item| item["item"].as_str().expect("an item")).collect();
        assert_eq!(distinct.len(), 10, "ten distinct items for {user}");
        for item in items {
            let id = item["item"].as_str().expect("an item");
            assert!(!truth.train.contains(&(user.to_owned(), id.to_owned())), "{user} has chosen {id}");
            let more = item["more_paths"].as_array().into_iter().flatten();
            for path in std::iter::once(item).chain(more) {
                checked.num_facts += check_path(&truth, path, user, id);
                checked.num_paths += 1;
            }
        }
    }
    let users: BTreeSet<&str> = truth.train.iter().map(|(user, _)| user.as_str()).collect();
    let listed: Vec<&str> = lists.iter().map(|list| list["user"].as_str().expect("a user")).collect();
    assert_eq!(listed, users.into_iter().collect::<Vec<_>>(), "every user once, in the order of ids");
    assert!(checked.num_paths >= 10 * lists.len(), "{} paths", checked.num_paths);
    assert_eq!(checked.num_facts, 3 * checked.num_paths);
}

#[test]
fn every_explaining_path_is_made_of_lines_of_the_data() {
    let (films, truth) = (films(), Truth::read());
    // A choice held out, and one the user is known to have made: both can be asked about.
    let chosen = truth.held_out.iter().step_by(500).chain(truth.train.iter().step_by(3_000));
    for (user, item) in chosen {
        let output = succeed(&args![
            "explain",
            &films.model,
            "--kg",
            &films.kg,
            "--user",
            user,
            "--item",
            item,
            "--paths",
            "20",
            "--json"
        ]);
        let why = object(&output);
        let paths = why["paths"].as_array().expect("paths");
        assert!(!paths.is_empty() && paths.iter().all(|path| check_path(&truth, path, user, item) == 3));
        let log_probabilities: Vec<f64> =
            paths.iter().map(|p| p["log_probability"].as_f64().expect("a number")).collect();
        assert!(log_probabilities.is_sorted_by(|a, b| a >= b), "best first: {log_probabilities:?}");
    }
}
