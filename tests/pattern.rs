//! Patterns as users meet them: `pattern check` and `pattern list`, presets, files of patterns, and how bad ones are
//! refused.

use crate::support::films::folder;
use crate::support::{args, entries, fail, object, shared, strings, succeed};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// The graph of the films.
fn films() -> PathBuf {
    let import = |directory: &Path| drop(succeed(&args!["import", folder(), "--out", directory.join("kg")]));
    shared("pattern-films", import).join("kg")
}

fn check_json(kg: &Path, pattern: &[&str]) -> Value {
    let mut arguments = args!["pattern", "check", "--kg", kg, "--json"];
    arguments.extend(pattern.iter().map(OsString::from));
    object(&succeed(&arguments))
}

fn total(kg: &Path, pattern: &[&str]) -> u64 {
    let mut arguments = args!["count", kg, "--end", "any", "--json"];
    arguments.extend(pattern.iter().map(OsString::from));
    object(&succeed(&arguments))["total"].as_u64().expect("a number")
}

#[test]
fn check_says_what_each_hop_can_be() {
    let kg = films();
    let text = "(u:user)-[:interacted]->(:item)(-[:directed_by|starring]->(:person)<-[]-(:item)){1,2}";
    let said = succeed(&args!["pattern", "check", text, "--kg", &kg]);
    let lines = [
        " paths           (:user)-[:interacted]->(:item)(-[:directed_by|starring]->(:person)<-[]-(:item)){1,2}",
        " hops            3 to 5",
        " collaborative   no path meets another user",
        " hop 1           from user to item along interacted (“chose”)",
        " hop 2           from item to person along directed_by (“was directed by”) or starring (“stars”)",
        " hop 3           from person to item along ~directed_by, ~music_by, ~shot_by, ~starring, ~written_by; \
         a path may end there",
        " automaton       6 states, no fewer would do; 2 may end a path",
    ];
    for line in lines {
        assert!(said.lines().any(|said| said == line), "{line}\n{said}");
    }
    assert!(said.lines().all(|line| line.trim_end() == line), "no trailing blanks");
    let value = check_json(&kg, &[text]);
    assert_eq!(value["pattern"].as_str().expect("a string"), lines[0].trim_start_matches(" paths           "));
    let numbers = ["min_hops", "max_hops", "num_states"].map(|key| value[key].as_u64());
    assert_eq!((numbers, value["collaborative"].as_str()), ([Some(3), Some(5), Some(6)], Some("none")));
    let hops = value["parts"][0]["hops"].as_array().expect("hops");
    let ends: Vec<_> = hops.iter().map(|hop| hop["may_end"].as_bool()).collect();
    assert_eq!(ends, [false, false, true, false, true].map(Some));
    assert_eq!(strings(&hops[1]["relations"]), ["directed_by", "starring"]);
    let states = value["states"].as_array().expect("states");
    let to = |state: &Value| -> Vec<Option<u64>> {
        state["steps"].as_array().expect("steps").iter().map(|step| step["to"].as_u64()).collect()
    };
    assert_eq!(states.len(), 6);
    assert_eq!(states.iter().flat_map(to).collect::<Vec<_>>(), [1, 2, 3, 4, 5].map(Some));
}

#[test]
fn check_draws_the_automaton() {
    let kg = films();
    let root = tempdir().expect("a directory");
    let file = root.path().join("drawing.dot");
    let drawn = succeed(&args!["pattern", "check", "--hops", "2", "--kg", &kg, "--dot", "-"]);
    let expected = "digraph pattern {\n  rankdir = LR;\n  node [shape = circle];\n  2 [shape = doublecircle];\n  \
                    0 -> 1 [label = \"any relation\\nany node\"];\n  1 -> 2 [label = \"any relation\\nitem\"];\n}\n";
    assert_eq!(drawn, expected);
    let to_file = args!["pattern", "check", "--hops", "2", "--kg", &kg, "--dot", &file];
    assert!(succeed(&to_file).contains(" hops            2\n"));
    assert_eq!(fs::read_to_string(&file).expect("a file"), expected);
    fail(2, &to_file);
    succeed(&[to_file.as_slice(), &args!["--force"]].concat());
}

#[test]
fn list_names_every_label_and_preset() {
    let kg = films();
    let value = object(&succeed(&args!["pattern", "list", "--kg", &kg, "--json"]));
    let labels = |key: &str| -> Vec<&str> {
        value[key].as_array().expect("an array").iter().map(|label| label["label"].as_str().expect("a label")).collect()
    };
    assert_eq!(labels("nodes")[..2], ["user", "item"]);
    let said = succeed(&args!["pattern", "list", "--kg", &kg]);
    for label in labels("nodes").into_iter().chain(labels("edges")) {
        assert!(said.lines().any(|line| line.starts_with(&format!(" {label} "))), "{label}\n{said}");
        let (node, edge) =
            (format!("(:user)--(:{label})--(:item)"), format!("(:user)-->(:item)-[:{label}]-()--(:item)"));
        let pattern = if labels("nodes").contains(&label) { node } else { edge };
        succeed(&args!["count", &kg, "--pattern", pattern]);
    }
    for preset in value["presets"].as_array().expect("presets") {
        let (name, text) = (preset["name"].as_str().expect("a name"), preset["pattern"].as_str().expect("a pattern"));
        assert_eq!(check_json(&kg, &["--pattern-preset", name])["pattern"].as_str(), Some(text));
        assert_eq!(total(&kg, &["--pattern-preset", name]), total(&kg, &["--pattern", text]));
    }
}

#[test]
fn the_paths_through_users_and_the_others_are_all_paths() {
    let kg = films();
    let facts = "(:user)-[:interacted]->(:item)-[:!interacted]-(:!user)-[:!interacted]-(:item)";
    let users = "(:user)-[:interacted]->(:item)<-[:interacted]-(:user)-[:interacted]->(:item)";
    let [all, facts_alone, users_alone] =
        [["--pattern-preset", "pgpr"], ["--pattern", facts], ["--pattern", users]].map(|pattern| total(&kg, &pattern));
    assert!(facts_alone > 0 && users_alone > 0);
    assert_eq!(all, facts_alone + users_alone);
    assert_eq!(total(&kg, &["--hops", "3"]), all, "in this graph these are all the shapes of 3 hops");
    assert_eq!(total(&kg, &["--pattern", "KNOWLEDGE (:user)-[]-{3}(:item)"]), facts_alone);
    assert_eq!(total(&kg, &["--pattern", &format!("COLLABORATIVE {facts} | collaborative {users}")]), users_alone);
    // A path that several parts have is counted once.
    assert_eq!(total(&kg, &["--pattern", &format!("{facts} | {users} | ({facts} | {users})")]), all);
}

#[test]
fn corpora_and_models_take_presets_and_files() {
    let kg = films();
    let root = tempdir().expect("a directory");
    let [corpus, file, model] = ["corpus", "patterns.toml", "model"].map(|name| root.path().join(name));
    succeed(&args!["sample", &kg, "--out", &corpus, "--pattern-preset", "cafe", "--paths-per-user", "5"]);
    assert!(succeed(&args!["audit", &corpus, "--kg", &kg]).contains("2,400"));
    fs::write(&file, "[[mixture]]\npattern = 'cafe'\n").expect("written");
    let mut train = args!["train", &kg, "--out", &model, "--corpus", &corpus, "--epochs", "1"];
    train.extend(args!["--preset", "tiny", "--paths-per-user", "1", "--patterns", &file]);
    succeed(&train);
    let other = fail(2, &args!["train", &kg, "--out", root.path().join("m"), "--corpus", &corpus, "--hops", "3"]);
    assert!(other.contains("the corpus was sampled with"), "{other}");
}

#[test]
fn a_file_makes_a_mixture() {
    let kg = films();
    let root = tempdir().expect("a directory");
    let file = root.path().join("patterns.toml");
    let text = "collaborative_share = 0.25\n[pattern]\npeople = \"(:user)-->(:item)--(:person)--(:item)\"\n\
                [[mixture]]\npattern = \"people\"\nweight = 3\n[[mixture]]\npattern = \"pgpr\"\n";
    fs::write(&file, text).expect("written");
    let patterns = ["--patterns", file.to_str().expect("UTF-8")];
    let value = check_json(&kg, &patterns);
    let parts = value["parts"].as_array().expect("parts");
    let weights: Vec<_> = parts.iter().map(|part| (part["name"].as_str(), part["weight"].as_f64())).collect();
    let expected = [("pgpr (collaborative)", 0.25), ("people (knowledge)", 0.5625), ("pgpr (knowledge)", 0.1875)];
    assert_eq!(weights, expected.map(|(name, weight)| (Some(name), Some(weight))));
    let union = value["pattern"].as_str().expect("a pattern");
    assert_eq!(check_json(&kg, &[union])["states"], value["states"], "the union parses to itself");
    let said = succeed(&[args!["pattern", "check", "--kg", &kg].as_slice(), &patterns.map(Into::into)].concat());
    assert!(
        said.contains("56.2 % of the paths: people (knowledge)\n") && said.contains("All of them together\n"),
        "{said}"
    );
    assert_eq!(total(&kg, &patterns), total(&kg, &["--pattern-preset", "pgpr"]), "a union has each path once");
}

#[test]
fn bad_patterns_are_usage_errors_that_point() {
    let kg = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("new");
    // Pattern, what stands over the mark, what is said.
    let cases: &[(&str, &str, &str)] = &[
        ("", "", "expected a node in round brackets, found the end"),
        ("(:user)-[:directed]->(:item)", "directed", "it has directed_by, "),
        ("(:user)-->(:flim)--(:item)", "flim", "it has item, "),
        ("(:user)", "(:user)", "1 to 16 hops are allowed"),
        ("(:user)-[]-{17}(:item)", "{17}", "n ≤ 16"),
        ("(:user)(-[]-{3}(:item)){6}", "(:user)(-[]-{3}(:item)){6}", "18 hops"),
        ("(:user)-[]->*(:item)", "*", "a path has at most 16 hops"),
        ("(:person)--(:item)", "(:person)", "write (:user) first"),
        ("(:user)-->(:item)--(:person)", "(:person)", "write (:item) last"),
    ];
    for (pattern, marked, hint) in cases {
        let verbs = [
            args!["pattern", "check", pattern, "--kg", &kg],
            args!["count", &kg, "--pattern", pattern],
            args!["sample", &kg, "--out", &out, "--pattern", pattern],
            args!["train", &kg, "--out", &out, "--pattern", pattern],
        ];
        let said = verbs.map(|arguments| fail(2, &arguments));
        assert!(said.iter().all(|other| *other == said[0]), "{said:?}");
        assert!(said[0].contains(hint), "{pattern}: {}", said[0]);
        let lines: Vec<Vec<char>> = said[0].lines().map(|line| line.chars().collect()).collect();
        let at = lines[2].iter().position(|c| *c == '^').expect("a mark");
        let under: String = lines[1].iter().skip(at).take(lines[2].len() - at).collect();
        assert_eq!(under, *marked, "{}", said[0]);
    }
    // What the language allows and the graph has no facts for is found by the check alone; elsewhere there are just no
    // paths.
    let nothing = "(:user)-[:starring]->(:item)";
    let said = fail(2, &args!["pattern", "check", nothing, "--kg", &kg]);
    assert!(said.contains("no such edge leads on from user") && said.contains("lead on: interacted"), "{said}");
    assert_eq!(total(&kg, &["--pattern", nothing]), 0);
    for hops in ["0", "17", "99999999999"] {
        assert!(fail(2, &args!["count", &kg, "--hops", hops]).contains("hops"));
    }
    let said = fail(2, &args!["count", &kg, "--pattern-preset", "pgrp"]);
    assert!(said.contains("pgpr, cafe, collaborative"), "{said}");
    fail(2, &args!["pattern", "check", "--kg", &kg]);
    fail(2, &args!["pattern", "check", "--kg", &kg, "--hops", "2", "(:user)--(:item)"]);
    assert!(entries(root.path()).is_empty(), "nothing is left behind");
}

#[test]
fn bad_files_of_patterns_are_refused_with_their_line() {
    let kg = films();
    let root = tempdir().expect("a directory");
    let file = root.path().join("patterns.toml");
    let cases: &[(&[u8], &str)] = &[
        (b"", ":1: there is no [[mixture]]"),
        (b"[[mixture]]\npattern = 'pgpr'\nwieght = 2\n", ":3: unknown field `wieght`"),
        (b"[[mixture]]\npattern = 'pgpr'\nweight = -1\n", ":3: a weight is a number over 0, got -1"),
        (b"[[mixture]]\npattern = 'people'\n", ":2: `people` is neither a pattern nor one of the names"),
        (b"[pattern]\na = '(:user)--(:flim)'\n[[mixture]]\npattern = 'a'\n", ":2: pattern, column 12: "),
        (b"[pattern]\na = ''\na = ''\n", ":3: duplicate key"),
        (b"[[mixture]]\npattern = '\xff'\n", ":2: this line is not UTF-8"),
        (b"[[mixture\n", ":1: "),
    ];
    for (text, hint) in cases {
        fs::write(&file, text).expect("written");
        let said = fail(2, &args!["count", &kg, "--patterns", &file]);
        assert!(said.contains(&format!("patterns.toml{hint}")), "{said}");
    }
    fs::write(&file, vec![b'#'; (1 << 20) + 1]).expect("written");
    assert!(fail(3, &args!["count", &kg, "--patterns", &file]).contains("1048576"));
    assert!(fail(1, &args!["count", &kg, "--patterns", root.path().join("none.toml")]).contains("none.toml"));
    assert!(fail(1, &args!["count", &kg, "--patterns", root.path()]).contains("directory"));
}
