//! Models that learned the paths of a sample of the users.

use crate::support::films::{Truth, films};
use crate::support::{args, fail, objects, succeed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

#[test]
fn users_whose_paths_were_not_learned_are_known_by_what_they_chose() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (kg, model) = (&films().kg, root.path().join("model"));
    let size = args!["--preset", "tiny", "--paths-per-user", "20", "--validations-per-epoch", "1", "--no-linear"];
    succeed(&[args!["train", kg, "--out", &model, "--users-share", "0.25"], size].concat());
    let card = serde_json::from_slice::<Value>(&fs::read(model.join("model.json")).expect("readable")).expect("a card");
    let notes = card["notes"].to_string();
    let numbers: Vec<usize> = notes.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let [learned, all] = numbers[..] else { panic!("{notes}") };
    assert!(notes.contains("known by what they chose") && learned > 0 && 2 * learned < all, "{notes}");

    // Somebody of whom only the choices are known gets the list of a user with the same choices.
    let mut histories = "user_id\titem_id\n".to_owned();
    for (user, item) in Truth::read().train {
        histories.push_str(&format!("{user}\t{item}\n"));
    }
    let table = root.path().join("histories.tsv");
    fs::write(&table, histories).expect("written");
    let lists = |who: &[std::ffi::OsString]| -> BTreeMap<String, Value> {
        let ask = [&args!["recommend", &model, "--kg", kg, "--json", "--recency", "0"][..], who].concat();
        let list = |list: Value| {
            let items = list["items"].as_array().expect("items").iter().map(|item| item["item"].clone());
            (list["user"].as_str().expect("a user").to_owned(), items.collect())
        };
        objects(&succeed(&ask)).into_iter().map(list).collect()
    };
    let (known, guests) = (lists(&args!["--all"]), lists(&args!["--histories", &table]));
    assert_eq!((known.len(), guests.len()), (all, all));
    let alike = known.iter().filter(|(user, list)| guests[*user] == **list).count();
    assert!(alike >= all - learned, "{alike} of {all} are as guests are, and {learned} were learned");
}

#[test]
fn a_sample_that_cannot_be_is_refused() {
    let root = tempfile::tempdir().expect("temporary directory");
    let ask = args!["train", &films().kg, "--out", root.path().join("model"), "--users-share"];
    for share in ["0", "1.5", "nan"] {
        assert!(fail(2, &[&ask[..], &args![share]].concat()).contains("above 0 and at most 1"), "{share}");
    }
    assert!(fail(2, &[&ask[..], &args!["0.5", "--tied"]].concat()).contains("leave out tied"));
    let corpus = root.path().join("corpus");
    succeed(&args!["sample", &films().kg, "--out", &corpus, "--hops", "3", "--paths-per-user", "2"]);
    let message = fail(2, &[&ask[..], &args!["0.5", "--corpus", &corpus]].concat());
    assert!(message.contains("drawn already"), "{message}");
}
