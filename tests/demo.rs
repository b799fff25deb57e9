//! The demo, on the small graph in place of the films.

use crate::support::small::{answer, small};
use crate::support::{args, fail, footpath, succeed};
use std::fs;

#[test]
fn the_demo_goes_from_data_to_reasons_and_figures_and_may_be_run_again() {
    let root = tempfile::tempdir().expect("a directory");
    let out = root.path().join("demo");
    let arguments = args!["demo", "--data", small().folder, "--out", &out, "--user", "u3"];
    let first = succeed(&arguments);
    for part in ["1. Import", "2. Train", "3. Recommend", "4. Evaluate", "popularity", "item-knn"] {
        assert!(first.contains(part), "no {part:?} in {first}");
    }
    assert!(first.contains(&answer(3)), "the held-out book is among what the user has not read: {first}");
    // What it made are artefacts like any others, and its own to replace.
    succeed(&args!["check", out.join("kg")]);
    succeed(&args!["check", out.join("model")]);
    succeed(&arguments);
}

#[test]
fn the_demo_replaces_nothing_but_its_own() {
    let root = tempfile::tempdir().expect("a directory");
    let out = root.path().join("demo");
    fs::create_dir_all(out.join("kg")).expect("a directory");
    fs::write(out.join("kg/photo.jpg"), "mine").expect("written");
    let message = fail_printing(&args!["demo", "--data", small().folder, "--out", &out, "--user", "u3"]);
    assert!(message.contains("kg"), "{message}");
    assert_eq!(fs::read_to_string(out.join("kg/photo.jpg")).expect("still there"), "mine");
    fail(2, &args!["demo", "--data", root.path(), "--out", root.path().join("other")]);
}

/// Runs a demo that fails after it has said what it is about to do; its message.
fn fail_printing(arguments: &[std::ffi::OsString]) -> String {
    let ran = footpath(arguments);
    assert!(ran.code.is_some_and(|code| (1..128).contains(&code)), "{ran:?}");
    ran.stderr
}
