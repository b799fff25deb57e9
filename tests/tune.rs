//! The search for settings: the same table whatever happens meanwhile, nothing of the test part in it, and bad spaces
//! refused before anything is trained.

use crate::support::small::{self, NUM_USERS};
use crate::support::{args, entries, fail, files, footpath, object, program, succeed};
use footpath_core::{Purpose, Stream};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::{TempDir, tempdir};

/// Four trials with few paths, two of which go on; one of them is as good as certain to diverge or to learn nothing.
const HALVING: &str = "
method = \"halving\"
trials = 4
eta = 2
rungs = 2
[train]
preset = \"tiny\"
paths_per_user = 8
validations_per_epoch = 2
batch_size = 80
[space]
learning_rate = { log = [1e-4, 3e-2] }
end_siblings = [4, 16]
";

/// A graph with something held out for both parts; `decoys` says whether those of the test part are turned to others.
fn place(decoys: bool) -> TempDir {
    let root = tempdir().expect("a directory");
    let folder = root.path().join("folder");
    small::write(&folder, "test");
    let log = fs::read_to_string(folder.join("interactions.tsv")).expect("a log");
    let turned = log.lines().map(|line| {
        let Some(row) = line.strip_suffix("\ttest") else { return format!("{line}\n") };
        let user = row.split('\t').next().expect("a user");
        match user.trim_start_matches('u').parse::<usize>().expect("a number") {
            number if number < NUM_USERS / 2 => format!("{row}\tvalid\n"),
            number if decoys => format!("{user}\tdecoy-{number}\ttest\n"),
            _ => format!("{line}\n"),
        }
    });
    fs::write(folder.join("interactions.tsv"), turned.collect::<String>()).expect("written");
    succeed(&args!["import", &folder, "--out", root.path().join("kg")]);
    fs::write(root.path().join("space.toml"), HALVING).expect("written");
    root
}

fn tune(root: &Path, out: &Path, more: &[&str]) -> Vec<OsString> {
    let mut arguments = args!["tune", root.join("space.toml"), "--kg", root.join("kg"), "--out", out, "--threads", "1"];
    arguments.extend(more.iter().map(Into::into));
    arguments
}

/// Every file of a search and of its best model; nothing else is left there.
fn everything(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let best = out.join("best");
    let plain = entries(out).into_iter().filter(|path| *path != best).map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("a file"))
    });
    let of_best = files(&best).into_iter().map(|(name, bytes)| (format!("best/{name}"), bytes));
    plain.chain(of_best).collect()
}

fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    let other: Vec<&String> = found.keys().filter(|name| found.get(*name) != expected.get(*name)).collect();
    assert!(other.is_empty(), "{other:?} are not as they should be");
}

fn lines(out: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(out.join("trials.jsonl")).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_same_command_gives_the_same_table_and_the_best_model() {
    let root = place(false);
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    let table = succeed(&tune(root.path(), &one, &[]));
    let again = object(&succeed(&tune(root.path(), &two, &["--json"])));
    assert_same(&everything(&one), &everything(&two));
    assert_eq!(succeed(&tune(root.path(), &one, &["--resume"])), table, "nothing is left to do");
    assert_same(&everything(&one), &everything(&two));

    let lines = lines(&one);
    assert_eq!(again["trials"].as_array(), Some(&lines));
    let figure = |line: &serde_json::Value| line["figure"].as_f64();
    let rung = |number: u64| lines.iter().filter(move |line| line["rung"].as_u64() == Some(number));
    assert_eq!((rung(0).count(), rung(1).count()), (4, 2));
    assert!(rung(0).all(|l| l["paths_per_user"] == 4) && rung(1).all(|l| l["paths_per_user"] == 8));
    let trials = |number| rung(number).map(|l| l["trial"].as_u64().expect("a trial")).collect::<Vec<_>>();
    let mut order: Vec<_> = rung(0).collect();
    order.sort_by(|a, b| figure(b).partial_cmp(&figure(a)).expect("numbers"));
    let first: Vec<u64> = order.iter().take(2).map(|l| l["trial"].as_u64().expect("a trial")).collect();
    assert_eq!(trials(1), first, "the best two go on");
    let most = rung(1).filter_map(figure).fold(f64::MIN, f64::max);
    assert_eq!(figure(&again["best"]), Some(most));

    // The best model is what its line says, and what `train` makes of the best settings.
    let best: serde_json::Value =
        serde_json::from_slice(&fs::read(one.join("best/model.json")).expect("a card")).expect("JSON");
    assert_eq!(best["best_validation"].as_f64(), Some(most));
    succeed(&args!["check", one.join("best")]);
    let settings = fs::read_to_string(one.join("best.toml")).expect("settings");
    assert!(settings.contains("preset = \"tiny\"") && settings.contains("paths_per_user = 8"), "{settings}");
    let again = root.path().join("again");
    let config = one.join("best.toml");
    succeed(&args!["train", root.path().join("kg"), "--out", &again, "--config", config, "--threads", "1"]);
    let weights = |model: &Path| fs::read(model.join("weights.safetensors")).expect("weights");
    assert!(weights(&again) == weights(&one.join("best")), "bit for bit");
    let picture = fs::read_to_string(one.join("tune.svg")).expect("a picture");
    let num_figures = lines.iter().filter(|line| figure(line).is_some()).count();
    assert_eq!(picture.matches("<circle").count(), 3 * num_figures + 2, "course, two settings, legend");
}

#[test]
fn more_trials_can_be_added_unless_some_of_them_go_on() {
    let root = place(false);
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    let space = |trials: u64| {
        let text = HALVING.replace("trials = 4", &format!("trials = {trials}")).replace("eta = 2\nrungs = 2\n", "");
        fs::write(root.path().join("space.toml"), text.replace("halving", "random")).expect("written");
    };
    space(2);
    succeed(&tune(root.path(), &one, &[]));
    space(3);
    succeed(&tune(root.path(), &one, &["--resume"]));
    succeed(&tune(root.path(), &two, &[]));
    assert_eq!(lines(&one).len(), 3);
    assert_same(&everything(&one), &everything(&two));
    space(2);
    fail(2, &tune(root.path(), &one, &["--resume"]));
}

#[test]
fn a_search_that_is_killed_again_and_again_comes_to_the_same() {
    let root = place(false);
    let alone = root.path().join("alone");
    let begun = Instant::now();
    succeed(&tune(root.path(), &alone, &[]));
    let takes = begun.elapsed();
    let expected = everything(&alone);
    let mut stream = Stream::new(8, Purpose::Shuffle, 0, 0);
    let mut num_cut_off = 0;
    for number in 0..3 {
        let out = root.path().join(format!("killed-{number}"));
        let arguments = tune(root.path(), &out, &["--resume"]);
        for _ in 0..5 {
            let mut child = program(&arguments).spawn().expect("started");
            sleep(takes.mul_f64(0.5 * stream.unit()));
            child.kill().expect("killed");
            child.wait().expect("ended");
            if out.join("trials.jsonl").exists() {
                let done = lines(&out);
                num_cut_off += u32::from(done.len() < 6);
                assert_eq!(done, lines(&alone)[..done.len()], "what is written stays");
            }
        }
        succeed(&arguments);
        assert_same(&everything(&out), &expected);
    }
    assert!(num_cut_off > 0, "no search was killed between its first line and its last");
}

#[test]
fn an_interrupt_leaves_a_checkpoint_and_what_was_found() {
    let root = place(false);
    let out = root.path().join("out");
    let child = program(&tune(root.path(), &out, &[])).spawn().expect("started");
    let begun = Instant::now();
    while !out.join("trials.jsonl").exists() && begun.elapsed() < Duration::from_secs(120) {
        sleep(Duration::from_millis(5));
    }
    let sent = std::process::Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status();
    let output = child.wait_with_output().expect("ended");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(sent.is_ok_and(|status| status.success()) && output.status.code() == Some(130), "{message}");
    assert!(message.contains("--resume") && !lines(&out).is_empty(), "{message}");
    let refused = fail(2, &tune(root.path(), &out, &[]));
    assert!(refused.contains("--resume") && refused.contains("--restart"), "{refused}");
    succeed(&tune(root.path(), &out, &["--resume"]));
    // Another space is another search; a file of somebody else is nobody's to delete.
    fs::write(root.path().join("space.toml"), HALVING.replace("[4, 16]", "[4, 8]")).expect("written");
    let refused = fail(2, &tune(root.path(), &out, &["--resume"]));
    assert!(refused.contains("other space"), "{refused}");
    fs::write(out.join("notes.txt"), "mine").expect("written");
    fail(2, &tune(root.path(), &out, &["--restart"]));
    fs::remove_file(out.join("notes.txt")).expect("removed");
    succeed(&tune(root.path(), &out, &["--restart"]));
}

/// L8: what the test part says changes no byte; only the manifest of the best model names the graph it was made from.
#[test]
fn another_test_part_changes_nothing() {
    let [one, two] = [false, true].map(place);
    let tests = [&one, &two].map(|root| fs::read(root.path().join("kg/test.safetensors")).expect("a test part"));
    assert_ne!(tests[0], tests[1], "the test parts differ");
    let [one, two] = [one, two].map(|root| {
        let out = root.path().join("out");
        succeed(&tune(root.path(), &out, &[]));
        let mut found = everything(&out);
        assert!(found.remove("best/manifest.json").is_some());
        found
    });
    assert_same(&one, &two);
}

#[test]
fn bad_spaces_are_refused_with_line_and_key_before_anything_is_trained() {
    let root = tempdir().expect("a directory");
    let (space, out): (PathBuf, PathBuf) = (root.path().join("space.toml"), root.path().join("out"));
    let kg = small::small().kg;
    let cases: [(&str, &str, &[&str]); 24] = [
        ("trials = 3", "1", &["no setting to search", "learning_rate", "preset"]),
        ("[space]\n\nlearnin_rate = [1]", "3", &["learnin_rate", "no such setting", "learning_rate"]),
        ("[space]\nlearning_rate = []", "2", &["learning_rate", "empty"]),
        ("[space]\nlearning_rate = { log = [0.1, 0.01] }", "2", &["learning_rate", "empty"]),
        ("[space]\nlearning_rate = { log = [0.1, 0.1] }", "2", &["learning_rate", "empty"]),
        ("[space]\nlearning_rate = { log = [0, 0.01] }", "2", &["learning_rate", "above 0"]),
        ("[space]\nlearning_rate = { uniform = [nan, 1] }", "2", &["learning_rate"]),
        ("[space]\nlearning_rate = { log = [0.1] }", "2", &["learning_rate", "two numbers"]),
        ("[space]\nlearning_rate = { lag = [0.1, 1] }", "2", &["learning_rate", "{ log ="]),
        ("[space]\nlearning_rate = 0.1", "2", &["learning_rate", "a list of values"]),
        ("[space]\nlearning_rate = [0.1, -1]", "2", &["learning_rate: -1"]),
        ("[space]\nbatch_size = { uniform = [64, 512] }", "2", &["batch_size: 64.0", "expected usize"]),
        ("[space]\nbatch_size = { int = [64.5, 512] }", "2", &["batch_size", "two whole numbers"]),
        ("[space]\nbatch_size = [64, 64]", "2", &["batch_size", "twice"]),
        ("[space]\npreset = [\"tiny\", \"huge\"]", "2", &["preset", "huge", "tiny"]),
        ("[space]\ndamping = { uniform = [0, 9] }", "2", &["damping: 9"]),
        ("[space]\nseed = [1, 2]", "2", &["seed", "luck"]),
        ("[space]\npaths_per_user = [50, 100]", "2", &["paths_per_user", "rungs"]),
        ("[train]\nepochs = 0\n[space]\nsiblings = [4]", "2", &["epochs"]),
        ("[train]\nsiblings = 4\n[space]\nsiblings = [4, 8]", "4", &["siblings", "[train]"]),
        ("trials = 0\n[space]\nsiblings = [4, 8]", "1", &["trials", "1 to 10000"]),
        ("trials = 3\nrungs = 3\n[space]\nsiblings = [4, 8]", "2", &["rungs", "trials"]),
        ("method = \"grid\"\n[space]\nsiblings = [4, 8]", "1", &["grid", "halving"]),
        ("metod = \"random\"\n[space]\nsiblings = [4, 8]", "1", &["metod", "method"]),
    ];
    for (text, line, words) in cases {
        fs::write(&space, text).expect("written");
        let ran = footpath(&args!["tune", &space, "--kg", &kg, "--out", &out]);
        assert_eq!(ran.code, Some(2), "{text}: {}", ran.stderr);
        let place = format!("space.toml:{line}: ");
        let mut words = words.to_vec();
        words.push(&place);
        words.retain(|word| !ran.stderr.contains(word));
        assert!(words.is_empty(), "{text}: {words:?} not in {}", ran.stderr);
        assert!(!out.exists(), "{text}");
    }
    // A graph in which nothing is held out for valid has no best setting.
    fs::write(&space, "[space]\nsiblings = [4, 8]\n").expect("written");
    let message = fail(2, &args!["tune", &space, "--kg", &kg, "--out", &out]);
    assert!(message.contains("held out for valid") && !out.exists(), "{message}");
}
