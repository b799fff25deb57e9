//! `train --budget`: a time that is too short gives a model all the same, one that is long enough changes nothing.

use crate::support::films::films;
use crate::support::{args, fail, files, succeed};

#[test]
fn a_run_with_a_budget_is_cut_or_as_without() {
    let (films, root) = (films(), tempfile::tempdir().expect("a directory"));
    let train = |name: &str, more: &[&str]| {
        let model = root.path().join(name);
        let mut arguments = args!["train", &films.kg, "--out", &model, "--preset", "tiny"];
        arguments.extend(more.iter().map(Into::into));
        (succeed(&arguments), model)
    };
    let few = ["--paths-per-user", "10", "--validations-per-epoch", "2"];
    let (_, without) = train("without", &few);
    let (said, ample) = train("ample", &[&few[..], &["--budget", "100h"]].concat());
    assert!(!said.contains("budget"), "{said}");
    assert!(files(&without) == files(&ample), "the models differ");
    // Days of work in a second.
    let (said, cut) = train("cut", &["--paths-per-user", "1000", "--epochs", "1000", "--budget", "1s"]);
    assert!(said.contains("A budget of 1 s had time for "), "{said}");
    let described = succeed(&args!["model", "info", &cut]);
    assert!(described.contains("A budget of 1 s had time for "), "{described}");
    assert!(succeed(&args!["recommend", &cut, "--kg", &films.kg, "--user", "user-001"]).contains("because"));
    assert!(!root.path().join("cut.train").exists());
}

#[test]
fn a_budget_that_is_no_time_is_refused() {
    for time in ["soon", "0", "-5m", "1.5h", ""] {
        let message = fail(2, &args!["train", "kg", "--out", "model", format!("--budget={time}")]);
        assert!(message.contains("--budget"), "{message}");
    }
}
