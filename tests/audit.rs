//! A large corpus against the raw files, and the verb that audits against the graph.

use crate::support::artefact::forge;
use crate::support::films::{Truth, films, forward};
use crate::support::{args, copy, fail, footpath, object, objects, strings, succeed};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A corpus exported as JSON lines: nodes and relations of each path.
fn exported(corpus: &Path, kg: &Path) -> Vec<(Vec<String>, Vec<String>)> {
    let owned = |strings: Vec<&str>| strings.into_iter().map(str::to_owned).collect();
    let lines = objects(&succeed(&args!["export", corpus, "--kg", kg, "--format", "jsonl"]));
    let path = |value: &serde_json::Value| {
        assert_eq!(value.as_object().expect("an object").len(), 2, "nodes and relations, nothing else");
        (owned(strings(&value["nodes"])), owned(strings(&value["relations"])))
    };
    lines.iter().map(path).collect()
}

#[test]
fn of_100_000_paths_none_is_illegal_and_none_leaks() {
    let (films, truth) = (films(), Truth::read());
    let root = tempfile::tempdir().expect("a directory");
    let corpus = root.path().join("corpus");
    let sampled = object(&succeed(&args![
        "sample",
        &films.kg,
        "--out",
        &corpus,
        "--hops",
        "3",
        "--end",
        "train",
        "--paths-per-user",
        "210",
        "--seed",
        "5",
        "--json"
    ]));
    let num_paths = sampled["num_paths"].as_u64().expect("a number");
    assert!(num_paths >= 100_000, "{num_paths} paths");

    let facts = truth.facts();
    let held_out = |user: &str, item: &str| {
        let id = |node: &str| node.split_once(':').expect("a node").1.to_owned();
        truth.held_out.contains(&(id(user), id(item)))
    };
    let paths = exported(&corpus, &films.kg);
    assert_eq!(paths.len() as u64, num_paths);
    let (mut illegal, mut leaked, mut misshapen) = (0, 0, 0);
    for (nodes, relations) in &paths {
        let hops: Vec<_> = (0..relations.len()).map(|i| forward(&nodes[i], &relations[i], &nodes[i + 1])).collect();
        let interactions = hops.iter().filter(|(_, relation, _)| relation == "interacted");
        illegal += usize::from(!hops.iter().all(|hop| facts.contains(hop)));
        leaked += interactions.filter(|(user, _, item)| held_out(user, item)).count();
        let distinct = nodes.iter().collect::<BTreeSet<_>>().len() == 4;
        let choice = |end: &str| facts.contains(&(nodes[0].clone(), "interacted".to_owned(), end.to_owned()));
        misshapen += usize::from(!(distinct && nodes.len() == 4 && choice(&nodes[1]) && choice(&nodes[3])));
    }
    assert_eq!((illegal, leaked, misshapen), (0, 0, 0));

    let report = object(&succeed(&args!["audit", &corpus, "--kg", &films.kg, "--json"]));
    assert_eq!(report["paths"].as_u64(), Some(num_paths));
    let wrong = ["illegal", "off_pattern", "not_simple", "wrong_end", "leaked"];
    assert!(wrong.iter().all(|kind| report[kind].as_u64() == Some(0)), "{report}");
}

/// The tokens of a corpus, changed by `change`, with every checksum made right again.
fn falsified(corpus: &Path, to: &Path, change: impl FnOnce(&mut Vec<u32>)) {
    copy(corpus, to);
    let bytes = fs::read(to.join("paths.u32")).expect("tokens");
    let mut tokens: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    change(&mut tokens);
    forge(to, "paths.u32", &tokens.iter().flat_map(|t| t.to_le_bytes()).collect::<Vec<_>>());
}

/// Tokens of a path of three hops.
const WIDTH: usize = 7;

#[test]
fn one_falsified_hop_is_found_and_named() {
    let films = films();
    let root = tempfile::tempdir().expect("a directory");
    let corpus = root.path().join("corpus");
    // The item of path 1,234 becomes one the user has not chosen: the item of a path of another user.
    falsified(&films.corpus, &corpus, |tokens| {
        let of_others: Vec<u32> = tokens.chunks_exact(WIDTH).map(|row| row[2]).collect();
        let user = tokens[1_234 * WIDTH];
        let own: BTreeSet<u32> =
            tokens.chunks_exact(WIDTH).filter(|row| row[0] == user).flat_map(|row| [row[2], row[6]]).collect();
        tokens[1_234 * WIDTH + 2] = *of_others.iter().find(|item| !own.contains(item)).expect("another item");
    });
    succeed(&args!["check", &corpus]);
    let ran = footpath(&args!["audit", &corpus, "--kg", &films.kg, "--json"]);
    let report = object(&ran.stdout);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("path 1234 is wrong: user:"), "{}", ran.stderr);
    assert_eq!((report["illegal"].as_u64(), report["first_wrong"].as_u64()), (Some(1), Some(1_234)));
    // No other verb takes the corpus either.
    let root = root.path();
    fail(4, &args!["export", &corpus, "--kg", &films.kg, "--out", root.join("paths.jsonl")]);
    fail(4, &args!["train", &films.kg, "--corpus", &corpus, "--out", root.join("model")]);
}

#[test]
fn a_held_out_choice_is_a_leak() {
    let (films, truth) = (films(), Truth::read());
    let root = tempfile::tempdir().expect("a directory");
    // The same choices with nothing held out, so that a corpus of the held-out ones can be drawn; then judged by the
    // graph that holds them out.
    let (everything, corpus) = (root.path().join("everything"), root.path().join("corpus"));
    succeed(&args!["import", crate::support::films::folder(), "--out", &everything, "--split", "none"]);
    succeed(&args!["sample", &everything, "--out", &corpus, "--hops", "3", "--paths-per-user", "5"]);
    let message = fail(4, &args!["audit", &corpus, "--kg", &films.kg]);
    assert!(message.contains("made from kg"), "another graph is no proof: {message}");
    let leaked = exported(&corpus, &everything).iter().filter(|path| leaks(&truth, path)).count();
    let parent = crate::support::artefact::manifest(&films.corpus)["parents"].clone();
    crate::support::artefact::forge_manifest(&corpus, |manifest| manifest["parents"] = parent);
    let ran = footpath(&args!["audit", &corpus, "--kg", &films.kg, "--json"]);
    let report = object(&ran.stdout);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(leaked > 100, "the draw holds leaks: {leaked}");
    assert_eq!(report["leaked"].as_u64(), Some(leaked as u64));
}

/// Whether a path has a hop between a user and an item held out from that user.
fn leaks(truth: &Truth, (nodes, relations): &(Vec<String>, Vec<String>)) -> bool {
    (0..relations.len()).map(|i| forward(&nodes[i], &relations[i], &nodes[i + 1])).any(|(head, relation, tail)| {
        let id = |node: &str| node.split_once(':').map(|(_, id)| id.to_owned()).unwrap_or_default();
        relation == "interacted" && truth.held_out.contains(&(id(&head), id(&tail)))
    })
}
