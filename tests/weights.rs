//! Graphs whose arcs have weights, and the laws that ask for them.

use crate::support::small::{small, write};
use crate::support::{args, files, object, objects, succeed};
use footpath_core::ArrayFile;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};

/// Weight of the facts that say what series a book belongs to; all others weigh 1.
const WEIGHT: u32 = 1_000;

/// The small data set with weights, and with ratings that are weights too, imported; the directory of the graph.
fn weighed(root: &TempDir) -> PathBuf {
    let [folder, kg] = ["folder", "kg"].map(|name| root.path().join(name));
    write(&folder, "test");
    let extend = |name: &str, column: &str, value: &dyn Fn(&str) -> String| {
        let text = fs::read_to_string(folder.join(name)).expect("read");
        let (header, rows) = text.split_once('\n').expect("a header");
        let rows: String = rows.lines().map(|row| format!("{row}\t{}\n", value(row))).collect();
        fs::write(folder.join(name), format!("{header}\t{column}\n{rows}")).expect("written");
    };
    let of_fact = |row: &str| if row.contains("in_series") { WEIGHT.to_string() } else { "1".to_owned() };
    extend("triples.tsv", "weight", &of_fact);
    extend("interactions.tsv", "rating", &|_| "2.5".to_owned());
    succeed(&args!["import", &folder, "--out", &kg, "--rating-weights"]);
    kg
}

fn names(kg: &Path) -> Vec<String> {
    let file = ArrayFile::open(&kg.join("graph.safetensors")).expect("arrays");
    file.shapes().map(|(name, _)| name.to_owned()).collect()
}

/// Samples paths of 3 hops; their relations, path by path, and the settings in the manifest.
fn sample(kg: &Path, out: &Path, more: &[&str]) -> (Vec<String>, Value) {
    let hops = args!["sample", kg, "--out", out, "--hops", "3", "--paths-per-user", "50"];
    succeed(&[hops, more.iter().map(OsString::from).collect()].concat());
    succeed(&args!["audit", out, "--kg", kg]);
    let paths = objects(&succeed(&args!["export", out, "--kg", kg]));
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).expect("read")).expect("JSON");
    (paths.iter().map(Value::to_string).collect(), manifest["config"].clone())
}

#[test]
fn arcs_have_weights_only_where_the_data_has_and_laws_only_where_they_are_asked_for() {
    let root = tempdir().expect("a directory");
    let kg = weighed(&root);
    assert!(names(&kg).contains(&"weights".to_owned()) && !names(&small().kg).contains(&"weights".to_owned()));
    assert!(succeed(&args!["info", &kg]).contains("arcs have weights"));
    assert!(!succeed(&args!["info", small().kg]).contains("weights"));
    succeed(&args!["check", &kg]);
    for (number, law) in ["uniform-path", "uniform-end", "walk"].into_iter().enumerate() {
        for end in ["unseen", "any"] {
            let sampled = |name: &str, more: &[&str]| {
                let out = root.path().join(format!("{number}-{end}-{name}"));
                sample(&kg, &out, &[&["--law", law, "--end", end], more].concat())
            };
            let (plain, plain_settings) = sampled("plain", &[]);
            let (heavy, heavy_settings) = sampled("heavy", &["--edge-weights"]);
            // Two hops along a series weigh a million, and every hop of a choice 2.5. Where the end is drawn first, a
            // series leads to no end that anything else leads to.
            let favoured = if law == "uniform-end" { "\"~interacted\"" } else { "in_series" };
            let share =
                |paths: &[String]| paths.iter().filter(|path| path.contains(favoured)).count() * 100 / paths.len();
            let (before, after) = (share(&plain), share(&heavy));
            assert!(after >= before + 10, "{law} {end}: {before} % and {after} %");
            assert!(law != "uniform-path" || after >= 99, "{law} {end}: {after} %");
            let spec = |settings: &Value| settings.to_string().contains("\"edge_weights\":true");
            assert_eq!(heavy_settings["sampling"]["numbers"], "f64");
            assert!(spec(&heavy_settings) && !plain_settings.to_string().contains("edge_weights"), "{heavy_settings}");
        }
    }
}

#[test]
fn a_law_with_weights_gives_the_same_bytes_from_1_2_and_4_threads() {
    let root = tempdir().expect("a directory");
    let kg = weighed(&root);
    for end in ["train", "unseen"] {
        let corpora = ["1", "2", "4"].map(|threads| {
            let out = root.path().join(format!("{end}-{threads}"));
            sample(&kg, &out, &["--edge-weights", "--end", end, "--distinct", "--threads", threads]);
            files(&out)
        });
        assert!(corpora.iter().all(|corpus| *corpus == corpora[0]), "{end}");
    }
}

#[test]
fn training_draws_by_the_weights_it_is_given_and_the_model_says_so() {
    let root = tempdir().expect("a directory");
    let kg = weighed(&root);
    let model = root.path().join("model");
    let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "2", "--no-linear"].map(OsString::from);
    let law = ["--edge-weights", "--relation-weight", "in_series=0.5", "--set", "end_damping=0.25"].map(OsString::from);
    succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size, &law].concat());
    let card: Value = serde_json::from_slice(&fs::read(model.join("model.json")).expect("read")).expect("JSON");
    let spec = &card["sampling"]["spec"];
    assert_eq!(spec["edge_weights"], json!(true));
    assert_eq!((&spec["relation_weights"], &spec["end_damping"]), (&json!({ "in_series": 0.5 }), &json!(0.25)));
    let lists = succeed(&args!["recommend", &model, "--kg", &kg, "--user", "u1", "--json"]);
    assert_eq!(object(&lists)["user"], json!("u1"), "a model of such a graph recommends as any other");
}
