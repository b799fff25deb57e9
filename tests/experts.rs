//! What is said of an item beside its paths, and how it is weighed.

use crate::support::artefact::forge;
use crate::support::films::{films, rows};
use crate::support::{args, fail, footpath, object, objects, succeed};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

fn train(model: &Path, more: &[OsString]) {
    let ask = args!["train", &films().kg, "--out", model, "--preset", "tiny", "--paths-per-user", "20"];
    succeed(&[&ask[..], more, &args!["--validations-per-epoch", "1"]].concat());
}

fn ndcg_on_valid(model: &Path, more: &[OsString]) -> f64 {
    let ask = args!["evaluate", "--kg", &films().kg, "--model", model, "--on", "valid", "--json"];
    object(&succeed(&[&ask[..], more].concat()))["ndcg@10"].as_f64().expect("a figure")
}

fn lists(model: &Path, more: &[OsString]) -> Vec<Value> {
    let ask = args!["recommend", model, "--kg", &films().kg, "--all", "--json"];
    objects(&succeed(&[&ask[..], more].concat()))
}

#[test]
fn weights_are_the_best_on_valid_and_are_used() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (model, paths_alone) = (root.path().join("model"), root.path().join("paths-alone"));
    train(&model, &[]);
    train(&paths_alone, &args!["--no-linear"]);
    let card: Value =
        serde_json::from_str(&fs::read_to_string(model.join("model.json")).expect("readable")).expect("a card");
    let weight = |name: &str| card["weights"][name].as_f64().expect("a number");
    assert!(weight("linear") > 0.0, "other users' choices help on the films: {}", card["weights"]);
    let chosen = ndcg_on_valid(&model, &[]);
    // It was chosen as if the last choices of train were not known, and drawn back to the defaults.
    assert!(weight("validation") > 0.0 && weight("validation") < chosen + 0.05, "{chosen}, {}", card["weights"]);
    for part in ["--direct", "--linear", "--popularity", "--path-count", "none"] {
        let of = |other: &str| if other == part { "100" } else { "0" };
        let options = ["--direct", "--linear", "--popularity", "--path-count"];
        let alone: Vec<OsString> = options.iter().flat_map(|other| args![other, of(other)]).collect();
        let other = ndcg_on_valid(&model, &alone);
        assert!(other <= 1.02 * chosen, "{other} with {part} alone is above {chosen}");
    }
    // Without weights only paths count, and those are learned alike.
    let bare = args!["--direct", "0", "--linear", "0", "--popularity", "0", "--path-count", "0", "--recency", "0"];
    assert_eq!(lists(&model, &bare), lists(&paths_alone, &args!["--direct", "0"]));
    assert!(lists(&model, &bare) != lists(&model, &[]), "weights make a difference");
    let message = fail(2, &args!["recommend", &paths_alone, "--kg", &films().kg, "--all", "--linear", "1"]);
    assert!(message.contains("no linear part"), "{message}");
}

/// A guest's choices are told in their order.
#[test]
fn paths_begin_with_what_was_chosen_last_where_that_is_asked_for() {
    let root = tempfile::tempdir().expect("temporary directory");
    let model = root.path().join("model");
    train(&model, &args!["--no-linear"]);
    let linking = |more: &[OsString]| -> Vec<String> {
        let ask = args!["recommend", &model, "--kg", &films().kg, "--direct", "0", "--json", "--history"];
        let list = object(&succeed(&[&ask[..], more].concat()));
        let items = list["items"].as_array().expect("items").iter();
        items.map(|item| item["nodes"][1].as_str().expect("a node").to_owned()).collect()
    };
    let (last, first) = ("alien-1979,jaws-1975", "jaws-1975,alien-1979");
    assert_eq!(linking(&args![last]), linking(&args![first]), "nothing fades unless it is asked for");
    let fading = |history: &str| linking(&args![history, "--recency", "100"]);
    assert!(fading(last).iter().all(|item| item == "item:jaws-1975"), "{:?}", fading(last));
    assert!(fading(first).iter().all(|item| item == "item:alien-1979"), "{:?}", fading(first));
}

#[test]
fn a_user_of_no_graph_has_a_linear_part_too() {
    let root = tempfile::tempdir().expect("temporary directory");
    let model = root.path().join("model");
    train(&model, &[]);
    let known = lists(&model, &args!["--linear", "100", "--direct", "0"]);
    let user = known[0]["user"].as_str().expect("a user");
    let mut chosen: Vec<Vec<String>> = rows("interactions.tsv").into_iter().filter(|row| row[0] == user).collect();
    chosen.sort_by_key(|row| row[2].parse::<i64>().expect("a time"));
    // The first four fifths are train.
    let items: Vec<&str> = chosen[..chosen.len() * 8 / 10].iter().map(|row| row[1].as_str()).collect();
    let ask = args!["recommend", &model, "--kg", &films().kg, "--history", items.join(","), "--json"];
    let guest = object(&succeed(&[&ask[..], &args!["--linear", "100", "--direct", "0"]].concat()));
    let items = |list: &Value| -> Vec<String> {
        list["items"].as_array().expect("items").iter().map(|i| i["item"].to_string()).collect()
    };
    assert_eq!(items(&known[0]), items(&guest), "the same history, the same linear part");
}

#[test]
fn a_forged_linear_part_is_refused() {
    let root = tempfile::tempdir().expect("temporary directory");
    let model = root.path().join("model");
    train(&model, &[]);
    let table = fs::read(model.join("linear.safetensors")).expect("readable");
    for cut in [0, 8, table.len() / 2, table.len() - 4] {
        forge(&model, "linear.safetensors", &table[..cut]);
        let ran = footpath(&args!["recommend", &model, "--kg", &films().kg, "--user", "user-001"]);
        assert_eq!(ran.code, Some(4), "{cut} of {} bytes: {}", table.len(), ran.stderr);
    }
    forge(&model, "linear.safetensors", &table);
    succeed(&args!["recommend", &model, "--kg", &films().kg, "--user", "user-001"]);
}
