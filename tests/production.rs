//! Training again with the settings of an earlier model.

use crate::support::films::{films, folder};
use crate::support::{args, fail, object, strings, succeed};
use std::collections::BTreeSet;
use std::fs;
use tempfile::tempdir;

/// Validation decides which weights are kept and changes none. So on the same graph, the same settings come to the same
/// weights at the step at which the earlier ones were best.
#[test]
fn on_the_same_graph_the_same_weights_are_learned() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let again = root.path().join("again");
    succeed(&args!["train", &films.kg, "--out", &again, "--refit", &films.model]);
    for file in ["weights.safetensors", "linear.safetensors"] {
        let [before, after] = [&films.model, &again].map(|model| fs::read(model.join(file)).expect("read"));
        assert!(before == after, "{file} differs");
    }
    let card = |model| object(&succeed(&args!["model", "info", model, "--json"]))["card"].clone();
    let [before, after] = [&films.model, &again].map(card);
    assert!(before["weights"].is_object(), "{before}");
    assert_eq!(before["weights"], after["weights"]);
    assert_eq!((&after["steps"], &after["best_step"]), (&before["best_step"], &before["best_step"]));
    let notes = strings(&after["notes"]).concat();
    assert!(notes.contains("Trained again with the settings of model.") && notes.contains("are held out"), "{notes}");
}

/// With the whole log in the graph, nothing that a user is known to have chosen is recommended.
#[test]
fn with_the_whole_log_nothing_known_is_recommended() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let [kg, model] = ["kg", "model"].map(|name| root.path().join(name));
    succeed(&args!["import", folder(), "--out", &kg, "--split", "none"]);
    let told = succeed(&args!["train", &kg, "--out", &model, "--refit", &films.model]);
    assert!(told.contains("All interactions are learned from"), "{told}");
    let log = fs::read_to_string(folder().join("interactions.tsv")).expect("read");
    let chosen: BTreeSet<(&str, &str)> = log
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(u, rest)| (u, rest.split('\t').next().expect("an item")))
        .collect();
    let lists = succeed(&args!["recommend", &model, "--kg", &kg, "--all", "--tsv"]);
    let rows: Vec<Vec<&str>> = lists.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() > 4_000, "{}", rows.len());
    assert!(rows.iter().all(|row| !chosen.contains(&(row[0], row[2]))));
}

#[test]
fn settings_that_are_not_the_earlier_model_s_are_refused() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let [out, other] = ["out", "other"].map(|name| root.path().join(name));
    let refit = args!["train", &films.kg, "--out", &out, "--refit", &films.model];
    let told = fail(2, &[refit.as_slice(), &args!["--epochs", "3"]].concat());
    assert!(told.contains("the earlier model says how to train"), "{told}");
    succeed(&args![
        "train",
        &films.kg,
        "--out",
        &other,
        "--corpus",
        &films.corpus,
        "--preset",
        "tiny",
        "--epochs",
        "1"
    ]);
    let told = fail(2, &args!["train", &films.kg, "--out", &out, "--refit", &other]);
    assert!(told.contains("learned from a corpus"), "{told}");
    assert!(!out.exists());
}
