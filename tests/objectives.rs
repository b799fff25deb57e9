//! What a model can learn, from a file or from options, in one stage or two, and what each can be asked afterwards.

use crate::support::films::films;
use crate::support::small::{answer, small};
use crate::support::{args, fail, object, objects, succeed};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// A short training on the small graph.
fn train(model: &Path, more: &[OsString]) {
    train_on(&small().kg, model, more);
}

fn train_on(kg: &Path, model: &Path, more: &[OsString]) {
    let ask = args!["train", kg, "--out", model, "--preset", "tiny", "--paths-per-user", "3"];
    succeed(&[&ask[..], more, &args!["--validations-per-epoch", "1"]].concat());
}

fn card(model: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(model.join("model.json")).expect("readable")).expect("a card")
}

#[test]
fn every_objective_trains_and_says_what_it_cannot_do() {
    let kg = &small().kg;
    let root = tempfile::tempdir().expect("temporary directory");
    let kinds = ["causal", "prefix", "masked", "permuted", "unified", "fill-in-the-middle", "rearranged"];
    let of_both = kinds.into_iter().flat_map(|kind| [kind.to_owned(), format!("history-{kind}")]);
    for (number, kind) in of_both.chain(["end".to_owned()]).enumerate() {
        let model = root.path().join(number.to_string());
        train(&model, &args!["--objective", &kind]);
        let ask = args!["recommend", &model, "--kg", kg, "--user", "u1", "-k", "5", "--json"];
        let paths = ["causal", "prefix", "unified"].contains(&kind.as_str());
        let items = kind == "end" || (kind.starts_with("history-") && kind != "history-fill-in-the-middle");
        if paths || items {
            let list = object(&succeed(&ask));
            assert_eq!(list["items"].as_array().map(Vec::len), Some(5), "{kind}");
            let with_path = |item: &Value| item["num_paths"].as_u64() > Some(0);
            assert!(list["items"].as_array().expect("items").iter().all(|item| with_path(item) == paths), "{kind}");
            let says_so = |item: &Value| item["text"].as_str().is_some_and(|text| text.starts_with("(no path"));
            assert!(list["items"].as_array().expect("items").iter().all(|item| says_so(item) != paths), "{kind}");
            let report = object(&succeed(&args!["evaluate", "--model", &model, "--kg", kg, "--json"]));
            assert!(report["ndcg@10"].is_f64() && report["slot_coverage"] == 1.0, "{kind}: {report}");
        } else {
            let message = fail(2, &ask);
            assert!(message.contains("train with the objective causal"), "{kind}: {message}");
            fail(2, &args!["evaluate", "--model", &model, "--kg", kg]);
        }
        let explain = args!["explain", &model, "--kg", kg, "--user", "u1", "--item", answer(1)];
        let filled = [&explain[..], &args!["--fill-in", "--json"]].concat();
        if kind == "fill-in-the-middle" {
            let why = object(&succeed(&filled));
            assert!(!why["paths"].as_array().expect("paths").is_empty());
        } else {
            assert!(fail(2, &filled).contains("the objective fill-in-the-middle"), "{kind}");
        }
    }
}

#[test]
fn a_mixture_recommends_and_fills_in_true_paths() {
    let root = tempfile::tempdir().expect("temporary directory");
    let model = root.path().join("model");
    let config = root.path().join("train.toml");
    let text =
        "epochs = 1\n[[objective]]\nkind = \"causal\"\n[[objective]]\nkind = \"fill-in-the-middle\"\nweight = 0.5\n";
    fs::write(&config, text).expect("written");
    train_on(&films().kg, &model, &args!["--config", &config, "--set", "weight_decay=0.5", "--set", "softmax=typed"]);
    let training = &card(&model)["training"];
    assert_eq!((&training["weight_decay"], &training["softmax"]), (&Value::from(0.5), &Value::from("typed")));
    assert_eq!(training["objective"][1]["kind"], "fill-in-the-middle");
    let kg = &films().kg;
    let recs = root.path().join("recs.jsonl");
    succeed(&args!["recommend", &model, "--kg", kg, "--all", "--json", "--out", &recs]);
    // Paths scored by the other objective to items this one chose.
    let list = objects(&fs::read_to_string(&recs).expect("readable"));
    let pairs = list.iter().flat_map(|list| {
        let items = list["items"].as_array().into_iter().flatten();
        items.map(|item| (list["user"].as_str().expect("a user"), item["item"].as_str().expect("an item")))
    });
    let mut compared = 0;
    for (user, item) in pairs {
        let ask = args!["explain", &model, "--kg", kg, "--user", user, "--item", item];
        let paths = |more: &[OsString]| {
            let why = object(&succeed(&[&ask[..], more].concat()));
            let paths = why["paths"].as_array().expect("paths").clone();
            let mut texts: Vec<String> = paths.iter().map(|p| p["triples"].to_string()).collect();
            texts.sort();
            let total: f64 = paths.iter().filter_map(|p| p["log_probability"].as_f64()).map(f64::exp).sum();
            (texts, total)
        };
        let all = args!["--json", "--paths", "100", "--beams", "5000"];
        let (causal, _) = paths(&all);
        // With more paths than are shown, each scorer shows its own best.
        if causal.len() < 100 {
            let (filled, total) = paths(&[&all[..], &args!["--fill-in"]].concat());
            assert_eq!(causal, filled, "the same paths, scored in two ways");
            assert!((total - 1.0).abs() < 1e-4, "{total}");
            compared += 1;
        }
        if compared == 5 {
            break;
        }
    }
    assert_eq!(compared, 5, "users and items with few paths between them");
}

#[test]
fn walks_are_a_first_stage() {
    let root = tempfile::tempdir().expect("temporary directory");
    let kg = &small().kg;
    let (walks, first, second) = (root.path().join("walks"), root.path().join("first"), root.path().join("second"));
    succeed(&args!["sample", kg, "--walk", "()-[]-{3}()", "--end", "any", "--paths-per-user", "3", "--out", &walks]);
    succeed(&args!["train", kg, "--out", &first, "--preset", "tiny", "--corpus", &walks, "--learning-rate", "1e-3"]);
    let message = fail(2, &args!["recommend", &first, "--kg", kg, "--user", "u1"]);
    assert!(message.contains("learned walks") && message.contains("train on paths that start from it"), "{message}");
    train(&second, &args!["--init", &first]);
    let list = object(&succeed(&args!["recommend", &second, "--kg", kg, "--user", "u1", "--json"]));
    assert_eq!(list["items"].as_array().map(Vec::len), Some(10), "{list}");
    // A longer pattern makes room for its positions, and the manifest names what training started from.
    let long = root.path().join("long");
    train(
        &long,
        &args!["--init", &second, "--hops", "5", "--objective", "fill-in-the-middle", "--objective", "causal"],
    );
    let manifest = fs::read_to_string(long.join("manifest.json")).expect("readable");
    let manifest: Value = serde_json::from_str(&manifest).expect("a manifest");
    assert!(manifest["parents"]["model"].is_string(), "{manifest}");
}

#[test]
fn bad_settings_are_refused_before_anything_is_written() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (kg, out) = (&films().kg, root.path().join("model"));
    let file = |text: &str| {
        let path = root.path().join("train.toml");
        fs::write(&path, text).expect("written");
        path
    };
    for (text, words) in [
        ("learning_rat = 1", "line 1: learning_rat: no such setting; there are preset"),
        ("[[objective]]\nkind = \"bert\"\n", "unknown variant `bert`"),
        ("epochs = 1\nepochs = 2\n", "line 2"),
        ("batch_size = -1", "invalid value"),
    ] {
        let message = fail(3, &args!["train", kg, "--out", &out, "--config", file(text)]);
        assert!(message.contains("train.toml") && message.contains(words), "{text}: {message}");
    }
    for (option, value, words) in [
        ("--set", "x", "key=value"),
        ("--set", "softmax=hard", "unknown variant"),
        ("--objective", "bert", "bert"),
        ("--objective", "causal:x", "weight"),
        ("--objective", "causal:-1", "above 0"),
        ("--softmax", "hard", "unknown variant"),
    ] {
        let message = fail(2, &args!["train", kg, "--out", &out, option, value]);
        assert!(message.contains(words), "{option} {value}: {message}");
    }
    let missing = root.path().join("none");
    fail(1, &args!["train", kg, "--out", &out, "--config", &missing]);
    let message = fail(4, &args!["train", kg, "--out", &out, "--init", &films().kg]);
    assert!(message.contains("model"), "{message}");
    assert!(!out.exists() && !root.path().join("model.train").exists());
}
