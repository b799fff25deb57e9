//! On a graph with one right answer for each user, the model finds it for all.

use crate::support::small::{NUM_USERS, answer, small};
use crate::support::{args, object, objects, strings, succeed};
use std::path::Path;

/// Trains on the small graph with these options and evaluates the first place of each list.
fn first_places(model: &Path, options: &[&str]) -> serde_json::Value {
    let kg = small().kg;
    let mut arguments = args!["train", &kg, "--out", model, "--preset", "tiny", "--paths-per-user", "40"];
    arguments.extend(options.iter().map(Into::into));
    succeed(&arguments);
    object(&succeed(&args!["evaluate", "--kg", &kg, "--model", model, "-k", "1", "--baselines", "--json"]))
}

#[test]
fn the_planted_answer_is_first_for_every_user() {
    let root = tempfile::tempdir().expect("a directory");
    let model = root.path().join("model");
    let learned = first_places(
        &model,
        &["--epochs", "12", "--batch-size", "128", "--learning-rate", "0.01", "--weight-decay", "0.1"],
    );
    assert_eq!(learned["hr@1"].as_f64(), Some(1.0), "{learned}");
    assert_eq!((learned["faithful"].as_f64(), learned["user_coverage"].as_f64()), (Some(1.0), Some(1.0)));
    assert_eq!(learned["users"].as_u64(), Some(NUM_USERS as u64));
    // The answer takes learning: popularity cannot know it.
    let popularity = learned["baselines"]["popularity"]["hr@1"].as_f64().expect("a figure");
    assert!(popularity < 0.2, "popularity finds {popularity}");

    let output = succeed(&args!["recommend", &model, "--kg", small().kg, "--all", "-k", "1", "--json"]);
    for list in objects(&output) {
        let user: usize =
            list["user"].as_str().and_then(|u| u.strip_prefix('u')).expect("a user").parse().expect("a number");
        let item = &list["items"][0];
        assert_eq!(item["item"].as_str(), Some(answer(user).as_str()));
        assert_eq!(strings(&item["relations"]), ["interacted", "in_series", "~in_series"], "the planted pattern");
    }
}

#[test]
fn a_model_that_has_not_learned_is_led_astray() {
    let root = tempfile::tempdir().expect("a directory");
    let ignorant = first_places(&root.path().join("model"), &["--epochs", "1", "--learning-rate", "1e-9"]);
    let found = ignorant["hr@1"].as_f64().expect("a figure");
    assert!(found < 0.5, "without learning {found} of the answers come first");
}
