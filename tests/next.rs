//! `replay` against lists looked up one by one, and its manners.

use crate::support::films::{films, folder};
use crate::support::{args, fail, object, shared, succeed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// What each user of the films did after training, by time: user and items.
fn later() -> BTreeMap<String, Vec<String>> {
    let mut by_user: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for line in fs::read_to_string(folder().join("interactions.tsv")).expect("read").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let time = fields[2].parse().expect("a time");
        by_user.entry(fields[0].to_owned()).or_default().push((time, fields[1].to_owned()));
    }
    let last = |mut log: Vec<(u64, String)>| {
        log.sort();
        let train = log.len() * 8 / 10;
        log.split_off(train).into_iter().map(|(_, item)| item).collect()
    };
    by_user.into_iter().map(|(user, log)| (user, last(log))).collect()
}

/// Writes events as a table: line by line in the order of time, users in turn.
fn write_events(path: &Path, events: &[(&str, &str)]) {
    let line = |(user, item): &(&str, &str)| format!("{user}\t{item}\n");
    let text = format!("user_id\titem_id\n{}", events.iter().map(line).collect::<String>());
    fs::write(path, text).expect("written");
}

fn ndcg(place: Option<usize>) -> f64 {
    place.map_or(0.0, |before| 1.0 / ((before + 2) as f64).log2())
}

/// Another model of the films.
fn other_model(kg: &Path) -> PathBuf {
    let made = shared("films-other-model", |directory| {
        let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "5", "--seed", "5"].map(Into::into);
        succeed(&[args!["train", kg, "--out", directory.join("model")].as_slice(), &size].concat());
    });
    made.join("model")
}

/// The lists of all users as `recommend` makes them for the graph as it is.
fn lists(kg: &Path, model: &Path) -> BTreeMap<String, Vec<String>> {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in succeed(&args!["recommend", model, "--kg", kg, "--all", "--tsv"]).lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        lists.entry(fields[0].to_owned()).or_default().push(fields[2].to_owned());
    }
    lists
}

fn near(found: &Value, expected: f64) -> bool {
    (found.as_f64().expect("a number") - expected).abs() < 1e-12
}

/// The first thing that each user did is looked for in the lists that `recommend` makes.
#[test]
fn the_first_next_items_stand_where_recommend_puts_them() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let (events, later) = (root.path().join("events.tsv"), later());
    let first: Vec<(&str, &str)> = later.iter().map(|(user, items)| (user.as_str(), items[0].as_str())).collect();
    write_events(&events, &first);
    let models = [films.model.clone(), other_model(&films.kg)];
    let replay = args!["replay", &films.kg, "--model", &models[0], "--model", &models[1], "--events", &events];
    let found = object(&succeed(&[replay.as_slice(), &args!["--json"]].concat()));
    assert_eq!((&found["num_users"], &found["num_targets"]), (&first.len().into(), &first.len().into()));
    let mut means = Vec::new();
    for (number, model) in models.iter().enumerate() {
        let lists = lists(&films.kg, model);
        let places = first.iter().map(|(user, item)| lists[*user].iter().position(|listed| listed == item));
        let figures: Vec<[f64; 3]> = places
            .map(|place| [ndcg(place), f64::from(place.is_some()), place.map_or(0.0, |p| 1.0 / (p + 1) as f64)])
            .collect();
        let mean = |which: usize| figures.iter().map(|row| row[which]).sum::<f64>() / figures.len() as f64;
        let system = &found["systems"][number];
        for (which, name) in ["ndcg", "hit_rate", "mrr"].into_iter().enumerate() {
            assert!(near(&system[name]["mean"], mean(which)), "{name} of model {number}: {system}, {}", mean(which));
        }
        assert_eq!(system["num_popular_lists"], 0);
        means.push(mean(0));
    }
    assert!(means[0] > 0.0 && means[0] != means[1], "{means:?}");
    let against = &found["against_first"];
    assert!(near(&against[0]["ndcg"]["difference"], means[1] - means[0]), "{against}");
    assert_eq!((&found["systems"][2]["name"], &against[1]["name"]), (&"popularity".into(), &"popularity".into()));
    let told = succeed(&replay);
    assert!(told.contains("next items of") && told.contains(" less "), "{told}");
}

/// Later events know the earlier ones: the list is that of the history with them, which `--history` makes for somebody
/// new, and what was chosen before is no target.
#[test]
fn what_was_chosen_before_is_history_and_no_target() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let events = root.path().join("events.tsv");
    let chosen = ["alien-1979", "solaris-1972", "alien-1979", "no-such-film", "blade-runner-1982"];
    write_events(&events, &chosen.map(|item| ("somebody-new", item)));
    let replay = args!["replay", &films.kg, "--model", &films.model, "--events", &events, "--json"];
    let found = object(&succeed(&replay));
    assert_eq!((&found["num_users"], &found["num_targets"]), (&1.into(), &3.into()));
    assert_eq!(found["left_out"], serde_json::json!({ "unknown_items": 1, "repeated": 1, "not_liked": 0 }));
    assert_eq!(found["systems"][0]["num_popular_lists"], 1, "nothing is known before the first event");
    let list = |history: &str| -> Vec<String> {
        let told = succeed(&args!["recommend", &films.model, "--kg", &films.kg, "--history", history, "--tsv"]);
        told.lines().skip(1).map(|line| line.split('\t').nth(2).expect("an item").to_owned()).collect()
    };
    let place = |history: &str, item: &str| list(history).iter().position(|listed| listed == item);
    let second = ndcg(place("alien-1979", "solaris-1972"));
    let third = ndcg(place("alien-1979,solaris-1972,alien-1979", "blade-runner-1982"));
    let popular = object(&succeed(&args!["replay", &films.kg, "--model", &films.model, "--events", &events, "--json"]));
    let first_of_popular = popular["systems"][1]["ndcg"]["mean"].as_f64().expect("a number");
    let mean = found["systems"][0]["ndcg"]["mean"].as_f64().expect("a number");
    // The first list is popularity's, whatever it is worth; it is the same for both systems.
    let first = mean * 3.0 - second - third;
    assert!((-1e-12..=3.0 * first_of_popular + 1e-12).contains(&first), "{found}: {second}, {third}");
}

#[test]
fn what_cannot_be_replayed_is_refused_with_the_reason() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let events = root.path().join("events.tsv");
    let replay = |model: &Path| args!["replay", &films.kg, "--model", model, "--events", &events];
    assert!(fail(1, &replay(&films.model)).contains("events.tsv"), "there is no such file");
    write_events(&events, &[("user-001", "no-such-film")]);
    assert!(fail(2, &replay(&films.model)).contains("no event is a choice"), "nothing to look for");
    fs::write(&events, "who\twhat\nuser-001\talien-1979\n").expect("written");
    assert!(fail(3, &replay(&films.model)).contains("user_id"), "no such columns");
    let folder = root.path().join("folder");
    fs::create_dir(&folder).expect("created");
    fs::write(folder.join("events.log"), "not a log of events\n").expect("written");
    let told = fail(4, &args!["replay", &films.kg, "--model", &films.model, "--events", &folder]);
    assert!(told.contains("no log of events"), "{told}");
}
