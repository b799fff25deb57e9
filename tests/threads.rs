//! The number of threads decides nothing but the time.

use crate::support::films::films;
use crate::support::{args, files, object, succeed};

#[test]
fn a_corpus_is_the_same_from_1_2_and_4_threads() {
    let films = films();
    let root = tempfile::tempdir().expect("a directory");
    // Several laws and end sets: with and without a table for all users, with whole and with real weights.
    let kinds = [
        ["--end", "train", "--law", "uniform-path"],
        ["--end", "any", "--law", "walk"],
        ["--end", "unseen", "--law", "uniform-end"],
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let corpora = ["1", "2", "4"].map(|threads| {
            let corpus = root.path().join(format!("{number}-{threads}"));
            let mut arguments = args!["sample", &films.kg, "--out", &corpus, "--hops", "3", "--threads", threads];
            arguments.extend(kind.map(Into::into));
            succeed(&arguments);
            files(&corpus)
        });
        assert!(corpora.iter().all(|files| files.len() == 2 && *files == corpora[0]), "{kind:?}");
    }
}

#[test]
fn a_corpus_is_the_same_however_hops_are_found() {
    let films = films();
    let root = tempfile::tempdir().expect("a directory");
    for end in ["any", "unseen"] {
        let corpora = ["auto", "compiled", "sought"].map(|views| {
            let corpus = root.path().join(format!("{end}-{views}"));
            let law = ["--law", "walk", "--views", views].map(Into::into);
            let mut arguments = args!["sample", &films.kg, "--out", &corpus, "--hops", "3", "--end", end];
            arguments.extend(law);
            succeed(&arguments);
            files(&corpus)
        });
        assert!(corpora.iter().all(|files| files.len() == 2 && *files == corpora[0]), "{end}");
    }
}

#[test]
fn recommendations_are_the_same_from_1_2_and_4_threads() {
    let films = films();
    // With few beams most lists are short, and are searched for again with more.
    for (k, beams) in [("10", "100"), ("20", "5")] {
        let outputs = ["1", "2", "4"].map(|threads| {
            let search = args!["--all", "-k", k, "--beams", beams, "--json", "--threads", threads];
            succeed(&[args!["recommend", &films.model, "--kg", &films.kg].as_slice(), &search].concat())
        });
        assert_eq!(outputs[0].lines().count(), 480);
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{k} items by {beams} beams");
    }
}

#[test]
fn counts_and_figures_are_the_same_from_1_2_and_4_threads() {
    let films = films();
    let counts = ["1", "2", "4"].map(|threads| {
        succeed(&args!["count", &films.kg, "--hops", "4", "--end", "train", "--threads", threads, "--json"])
    });
    assert!(counts.iter().all(|count| *count == counts[0]));
    let figures = ["1", "2", "4"].map(|threads| {
        let mut report = object(&succeed(&args![
            "evaluate",
            "--kg",
            &films.kg,
            "--model",
            &films.model,
            "--on",
            "valid",
            "--beams",
            "50",
            "--json",
            "--threads",
            threads
        ]));
        // The card quotes the command line, which names the number of threads.
        let command = report["card"].as_object_mut().and_then(|card| card.remove("command"));
        assert!(command.is_some());
        report
    });
    assert!(figures.iter().all(|figure| *figure == figures[0]));
}
