//! Evaluation: anybody's lists, what is left out of them, two results side by side, the card, the page, and what may
//! not matter to training.

use crate::support::artefact::manifest;
use crate::support::films::{Films, Truth, films};
use crate::support::small::{self, NUM_USERS, small};
use crate::support::{args, fail, object, objects, succeed};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Lists of `k` items for every user: those whose number, counted from the user's, is the next.
fn lists(truth: &Truth, shift: usize, k: usize) -> String {
    let items: Vec<&String> = truth.entities.keys().collect();
    let users: std::collections::BTreeSet<&String> = truth.train.iter().map(|(user, _)| user).collect();
    let mut text = "user\trank\titem\tscore\n".to_owned();
    for (number, user) in users.into_iter().enumerate() {
        let unseen = (0..items.len()).map(|n| items[(number + shift + n) % items.len()]);
        let unseen = unseen.filter(|item| !truth.train.contains(&(user.clone(), (*item).clone())));
        for (rank, item) in (1..=k).zip(unseen) {
            let _ = writeln!(text, "{user}\t{rank}\t{item}\t{}", 1.0 / rank as f64);
        }
    }
    text
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

#[test]
fn two_results_are_compared_user_by_user_and_the_card_says_under_which_conditions() {
    let (Films { kg, .. }, truth) = (films(), Truth::read());
    let root = tempdir().expect("a directory");
    let [one, two, out] = ["one.tsv", "two.tsv", "evaluation"].map(|name| root.path().join(name));
    fs::write(&one, lists(&truth, 0, 10)).expect("written");
    fs::write(&two, lists(&truth, 7, 10)).expect("written");
    let evaluate = |first: &Path, second: &Path| {
        object(&succeed(&args!["evaluate", "--kg", &kg, "--recs", first, "--against", second, "--json"]))
    };
    let (there, back, same) = (evaluate(&one, &two), evaluate(&two, &one), evaluate(&one, &one));
    for metric in ["ndcg@10", "hr@10", "mrr@10", "map@10", "auc"] {
        let difference = number(&there, &format!("/{metric}")) - number(&back, &format!("/{metric}"));
        let at = |of: &Value, key: &str| number(of, &format!("/against/{metric}/{key}"));
        assert!((at(&there, "difference") - difference).abs() < 1e-9, "{metric}");
        assert!((at(&there, "difference") + at(&back, "difference")).abs() < 1e-9, "{metric}");
        assert_eq!((at(&same, "difference"), at(&same, "p")), (0.0, 1.0), "{metric}");
        assert!(at(&there, "low") <= difference && difference <= at(&there, "high"), "{metric}");
        let [low, high] = [0, 1].map(|end| number(&there, &format!("/intervals/{metric}/{end}")));
        let mean = number(&there, &format!("/{metric}"));
        assert!(low <= mean && mean <= high, "{metric}: {low} {mean} {high}");
    }

    succeed(&args!["evaluate", "--kg", &kg, "--recs", &one, "--baselines", "--out", &out]);
    let card: Value = serde_json::from_str(&fs::read_to_string(out.join("card.json")).expect("a card")).expect("JSON");
    assert_eq!(card["kg"]["hash"].as_str(), Some(there["kg"].as_str().expect("a hash")));
    assert_eq!(card["origin"]["split"]["by"].as_str(), Some("temporal"));
    assert_eq!(card["held_out"]["test.safetensors"], manifest(&kg)["files"]["test.safetensors"]["xxh3"]);
    assert!(card["command"].as_str().is_some_and(|command| command.contains("evaluate --kg")), "{card}");
    assert_eq!(card["excluded"]["train_items"].as_u64(), Some(0));
    assert_eq!(card["seeds"]["baselines"].as_u64(), Some(1));
    let text = fs::read_to_string(out.join("card.md")).expect("a card");
    assert!(
        ["Protocol card", "ndcg@10", "popularity", "item_coverage"].iter().all(|word| text.contains(word)),
        "{text}"
    );
    let users = fs::read_to_string(out.join("users.tsv")).expect("users");
    assert_eq!(users.lines().count() as u64, 1 + there["users"].as_u64().expect("users"));
    succeed(&args!["check", &out]);
    fail(2, &args!["evaluate", "--kg", &kg, "--recs", &one, "--out", &out]);
}

#[test]
fn bad_rows_are_refused_or_left_out_and_counted() {
    let (Films { kg, .. }, truth) = (films(), Truth::read());
    let root = tempdir().expect("a directory");
    let recs = root.path().join("recs.tsv");
    let (user, seen) = truth.train.iter().next().expect("a choice");
    let unseen: Vec<&String> =
        truth.entities.keys().filter(|i| !truth.train.contains(&(user.clone(), (*i).clone()))).collect();
    let mut text = "user\trank\titem\tscore\n".to_owned();
    let rows = [seen.as_str(), unseen[0], unseen[0], "no such film", unseen[1]];
    for (rank, item) in (1..).zip(rows) {
        let _ = writeln!(text, "{user}\t{rank}\t{item}\t{}", if rank == 5 { "NaN" } else { "1" });
    }
    let _ = writeln!(text, "{user}\t6\t{}\t1", unseen[2]);
    let _ = writeln!(text, "nobody\t1\t{}\t1", unseen[2]);
    fs::write(&recs, text).expect("written");
    let message = fail(3, &args!["evaluate", "--kg", &kg, "--recs", &recs]);
    assert!(
        ["duplicate_item", "unknown_item", "score", "unknown_user"].iter().all(|kind| message.contains(kind)),
        "{message}"
    );
    let report = object(&succeed(&args!["evaluate", "--kg", &kg, "--recs", &recs, "--lenient", "--json"]));
    let excluded = &report["card"]["excluded"];
    for kind in ["duplicate_item", "unknown_item", "score", "unknown_user"] {
        assert_eq!(excluded["rows"][kind].as_u64(), Some(1), "{kind}: {excluded}");
    }
    // A train item takes a slot and is a miss; three slots of ten are filled.
    assert_eq!((excluded["train_items"].as_u64(), excluded["short_lists"].as_u64()), (Some(1), Some(1)));
    assert_eq!(report["seen"].as_u64(), Some(1));
    let users = report["users"].as_f64().expect("users");
    assert!((number(&report, "/slot_coverage") - 3.0 / (10.0 * users)).abs() < 1e-12);
    fail(2, &args!["evaluate", "--kg", &kg, "--recs", &recs, "--lenient", "-k", "0"]);
}

#[test]
fn a_model_is_judged_drawn_and_calibrated() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let [out, page] = ["evaluation", "page.html"].map(|name| root.path().join(name));
    let options =
        args!["evaluate", "--kg", &kg, "--model", &model, "--beams", "60", "--baselines", "--out", &out, "--json"];
    let report = object(&succeed(&options));
    for metric in ["lir", "sep", "lid", "sed", "ptd", "ptc", "ppt", "fidelity", "pfr", "etd"] {
        let [low, mean, high] =
            ["low", "mean", "high"].map(|key| number(&report, &format!("/explanations/{metric}/{key}")));
        assert!(0.0 <= low && low <= mean && mean <= high && high <= 1.0, "{metric}: {low} {mean} {high}");
    }
    assert_eq!((number(&report, "/explanations/pfr/mean"), number(&report, "/explanations/fidelity/mean")), (1.0, 1.0));
    let bins = report["calibration"]["bins"].as_array().expect("bins");
    assert_eq!(bins.len(), 10);
    assert!(bins.iter().all(|bin| (0.0..=1.0).contains(&number(bin, "/predicted"))));
    assert!(number(&report, "/path_entropy") > 0.0);
    assert_eq!(manifest(&out)["parents"]["model"].as_str(), report["model"].as_str());
    succeed(&args!["report", &out, "--out", &page]);
    let page = fs::read_to_string(&page).expect("a page");
    assert!(!page.contains("http") && !page.contains("<script"), "the page needs nothing else");
    let parts = [
        "Training",
        "Ranking",
        "Beyond hits",
        "Explanations",
        "Calibration",
        "Popularity",
        "Kinds of paths",
        "Examples",
        "Protocol",
    ];
    assert!(parts.iter().all(|part| page.contains(&format!("<h2>{part}"))), "a part is missing");
    assert_eq!(page.matches("<h3>").count(), 10, "ten worked examples");
    // The examples say what ranked their items, as the lists themselves do.
    let lists = objects(&succeed(&args!["recommend", &model, "--kg", &kg, "--all", "--beams", "60", "--json"]));
    let listed = |user: &serde_json::Value, label: &serde_json::Value| {
        let list = lists.iter().find(|list| list["user"] == *user).expect("a list");
        list["items"].as_array().into_iter().flatten().find(|item| item["label"] == *label).cloned()
    };
    let drawn: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("drawn.json")).expect("what the page shows")).expect("JSON");
    let mut compared = 0;
    for example in drawn["examples"].as_array().expect("examples") {
        for item in example["items"].as_array().expect("items") {
            let Some(listed) = listed(&example["user"]["label"], &item["label"]) else { continue };
            assert_eq!(item["ranked_by"]["parts"], listed["ranked_by"]["parts"], "{item}");
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared} items compared");
    // Who drew no evaluation draws no page.
    fail(4, &args!["report", &model]);
}

#[test]
fn the_audit_knows_a_clean_split_and_lists_reach_chance_on_random_labels() {
    let (Films { kg, .. }, truth) = (films(), Truth::read());
    let root = tempdir().expect("a directory");
    let recs = root.path().join("recs.tsv");
    fs::write(&recs, lists(&truth, 3, 10)).expect("written");
    let report = object(&succeed(&args!["audit", "--kg", &kg, "--recs", &recs, "--json"]));
    let leaks = report["leaks"].as_array().expect("checks");
    let checks: Vec<&str> = leaks.iter().map(|leak| leak["check"].as_str().expect("a number")).collect();
    assert_eq!(checks, ["L1", "L5", "L6", "L7", "L9", "L9", "L12"]);
    assert!(leaks.iter().all(|leak| leak["is_error"] == false || leak["found"] == 0), "{report}");
    assert_eq!(report["num_held_out"].as_u64(), Some(truth.held_out.len() as u64));
    let off = number(&report, "/chance/ndcg") - number(&report, "/chance/expected");
    assert!(off.abs() <= 3.0 * number(&report, "/chance/error") + 1e-12, "{report}");
    assert!(number(&report, "/chance/expected") > 0.0);
    let table = succeed(&args!["audit", "--kg", &kg]);
    assert!(table.contains("clean") && !table.contains("LEAK"), "{table}");
}

#[test]
fn explanations_are_compared_with_random_legal_paths() {
    let Films { kg, model, .. } = films();
    let root = tempdir().expect("a directory");
    let out = root.path().join("evaluation");
    let evaluate = |more: &[&str]| {
        let options = args!["evaluate", "--kg", &kg, "--model", &model, "--beams", "20", "--random-paths", "--json"];
        object(&succeed(&[options, more.iter().map(Into::into).collect()].concat()))
    };
    let report = evaluate(&["--out", out.to_str().expect("a path")]);
    for metric in ["lir", "sep", "lid", "sed", "ptd", "ptc", "fidelity", "pfr"] {
        let of = |key: &str| number(&report, &format!("/random_paths/against/{metric}/{key}"));
        let random = number(&report, &format!("/random_paths/explanations/{metric}/mean"));
        let difference = number(&report, &format!("/explanations/{metric}/mean")) - random;
        assert!((of("difference") - difference).abs() < 1e-9, "{metric}");
        assert!(of("low") <= difference + 1e-12 && difference <= of("high") + 1e-12, "{metric}");
    }
    // Every slot with a path has a random one, and all of them are true.
    for metric in ["fidelity", "pfr"] {
        assert_eq!(number(&report, &format!("/random_paths/explanations/{metric}/mean")), 1.0);
        assert_eq!(number(&report, &format!("/random_paths/against/{metric}/p")), 1.0);
    }
    assert_ne!(number(&report, "/random_paths/against/sep/difference"), 0.0);
    let card = fs::read_to_string(out.join("card.md")).expect("a card");
    assert!(card.contains("random paths"), "{card}");
    // The same with the same seed, on any number of threads; otherwise with another.
    assert_eq!(evaluate(&["--threads", "1"])["random_paths"], report["random_paths"]);
    let other = evaluate(&["--seed", "2"]);
    assert_ne!(other["random_paths"]["explanations"], report["random_paths"]["explanations"]);
    assert_eq!(other["explanations"], report["explanations"]);

    // Probability is traded for what is asked for: as many items, and more of that.
    let optimised = evaluate(&["--optimise", "lir=0.3,sep=0.3,ptd=0.3"]);
    for metric in ["lir", "sep", "ptd"] {
        let mean = |of: &Value| number(of, &format!("/explanations/{metric}/mean"));
        assert!(mean(&optimised) > mean(&report), "{metric}");
    }
    assert_eq!(number(&optimised, "/slot_coverage"), number(&report, "/slot_coverage"));
    assert_eq!(number(&optimised, "/card/optimise/lir"), 0.3);
    fail(2, &args!["evaluate", "--kg", &kg, "--model", &model, "--optimise", "lir=2"]);
    let recs = root.path().join("recs.tsv");
    fs::write(&recs, lists(&Truth::read(), 0, 10)).expect("written");
    fail(2, &args!["evaluate", "--kg", &kg, "--recs", &recs, "--random-paths"]);
}

/// L8: what the test part says changes neither corpus nor weights.
#[test]
fn another_test_part_changes_neither_corpus_nor_weights() {
    let root = tempdir().expect("a directory");
    let [folder, kg, corpus, model] = ["folder", "kg", "corpus", "model"].map(|name| root.path().join(name));
    small::write(&folder, "test");
    // Everybody wants the decoy in the place of the answer.
    let log = fs::read_to_string(folder.join("interactions.tsv")).expect("a log");
    let turned: String = log
        .lines()
        .map(|line| match line.strip_suffix("\ttest").and_then(|row| row.split('\t').next()) {
            Some(user) => format!("{user}\tdecoy-{}\ttest\n", user.trim_start_matches('u')),
            None => format!("{line}\n"),
        })
        .collect();
    assert_eq!(turned.matches("decoy").count(), NUM_USERS);
    fs::write(folder.join("interactions.tsv"), turned).expect("written");
    succeed(&args!["import", &folder, "--out", &kg]);
    succeed(&args!["sample", &kg, "--out", &corpus, "--hops", "3", "--paths-per-user", "10"]);
    let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "5"].map(Into::into);
    succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size].concat());
    let before = small();
    let bytes = |directory: &Path, file: &str| fs::read(directory.join(file)).expect("a file");
    assert_ne!(bytes(&kg, "test.safetensors"), bytes(&before.kg, "test.safetensors"), "the test parts differ");
    assert_eq!(bytes(&kg, "graph.safetensors"), bytes(&before.kg, "graph.safetensors"));
    assert_eq!(bytes(&corpus, "paths.u32"), bytes(&before.corpus, "paths.u32"));
    assert_eq!(bytes(&model, "weights.safetensors"), bytes(&before.model, "weights.safetensors"));
}
