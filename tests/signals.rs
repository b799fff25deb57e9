//! Every verb that may take long, told to end at random moments: it ends at once, and what it was making is there whole
//! or not at all.

use crate::support::films::{Films, films, folder};
use crate::support::{args, entries, program, succeed, tables};
use footpath_core::{Purpose, Stream};
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Moments at which each verb is told to end.
const MOMENTS: u64 = 4;
/// A machine that is busy with other tests takes its time; a verb that does not listen takes longer on purpose.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What the verbs work on, beside the films.
struct Place {
    root: TempDir,
    films: Films,
}

impl Place {
    fn new() -> Self {
        let place = Self { root: tempfile::tempdir().expect("a directory"), films: films() };
        let Films { kg, model, .. } = &place.films;
        let lists = place.at("lists.jsonl");
        succeed(&args!["recommend", model, "--kg", kg, "--all", "--beams", "30", "--json", "--out", lists]);
        succeed(&args!["evaluate", "--kg", kg, "--model", model, "--beams", "30", "--out", place.at("evaluation")]);
        succeed(&args!["model", "export", model, "--kg", kg, "--out", place.at("gpt2")]);
        let space = "method = \"random\"\ntrials = 2\n[train]\npreset = \"tiny\"\npaths_per_user = 8\nepochs = 1\n\
                     [space]\nlearning_rate = { log = [1e-4, 3e-2] }\n";
        fs::write(place.at("space.toml"), space).expect("written");
        let later: String = (1..=400).map(|n| format!("user-{n:03}\talien-1979\nnew-{n}\theat-1995\n")).collect();
        fs::write(place.at("later.tsv"), format!("user_id\titem_id\n{later}")).expect("written");
        for shard in ["0/2", "1/2"] {
            let part = place.at(&format!("part-{}", &shard[..1]));
            succeed(&args!["sample", kg, "--hops", "3", "--paths-per-user", "3000", "--shard", shard, "--out", part]);
        }
        place
    }

    fn at(&self, name: &str) -> OsString {
        self.root.path().join(name).into_os_string()
    }

    /// Every verb that may take long. What it makes, if it makes anything, is `out`.
    fn verbs(&self, out: &Path) -> Vec<Vec<OsString>> {
        let Films { kg, corpus, model } = &self.films;
        let (lists, pattern) = (self.at("lists.jsonl"), "(:user)-[]-{3}(:item)");
        vec![
            args!["import", folder(), "--out", out],
            args!["build", tables().join("sorted"), "--out", out],
            args!["link", folder().join("items.tsv"), "--entities", folder().join("entities.tsv"), "--out", out],
            args!["count", kg, "--hops", "4"],
            args!["sample", kg, "--hops", "4", "--num-paths", "20000", "--out", out],
            args!["export", corpus, "--kg", kg, "--format", "parquet", "--out", out],
            args!["export-graph", kg, "--out", out],
            args!["corpus", "stats", corpus, "--kg", kg],
            args!["corpus", "concat", self.at("part-1"), self.at("part-0"), "--out", out],
            args!["recs", "concat", &lists, "--kg", kg, "--out", out],
            args!["audit", corpus, "--kg", kg, "--recs", &lists],
            args!["train", kg, "--out", out, "--preset", "tiny", "--epochs", "1", "--paths-per-user", "10"],
            args!["tune", self.at("space.toml"), "--kg", kg, "--pattern", pattern, "--out", out],
            args!["adapt", model, "--from", kg, "--kg", kg, "--out", out],
            args!["model", "import", self.at("gpt2"), "--kg", kg, "--out", out],
            args!["recommend", model, "--kg", kg, "--all", "--beams", "60", "--out", out],
            args!["explain", model, "--kg", kg, "--user", "user-001", "--item", "alien-1979", "--without"],
            args!["verify", &lists, "--kg", kg],
            args!["patterns", &lists, "--kg", kg],
            args!["evaluate", "--kg", kg, "--model", model, "--beams", "60", "--baselines", "--out", out],
            args!["replay", kg, "--model", model, "--events", self.at("later.tsv"), "--beams", "60"],
            args!["report", self.at("evaluation"), "--out", out],
            args!["check", model],
            args!["info", kg],
        ]
    }
}

/// Verbs that answer at once, that run others one behind the other, or whose end the tests of the server look at.
const OTHERS: [&str; 6] = ["pattern", "serve", "mcp", "demo", "completions", "help"];

#[test]
fn every_verb_ends_at_once_when_it_is_told_to() {
    let place = Place::new();
    let mut stream = Stream::new(8, Purpose::Shuffle, 0, 0);
    let folder = place.root.path().join("made");
    let out = folder.join("out");
    let mut num_ended = 0;
    for arguments in place.verbs(&out) {
        fs::create_dir_all(&folder).expect("a directory");
        let begun = Instant::now();
        succeed(&arguments);
        let takes = begun.elapsed();
        let makes = out.exists();
        for moment in 0..MOMENTS {
            fs::remove_dir_all(&folder).and_then(|()| fs::create_dir(&folder)).expect("an empty directory");
            let child = program(&arguments).spawn().expect("started");
            sleep(takes.mul_f64(1.1 * stream.unit()));
            let told = Instant::now();
            let ended = end(child, if moment % 2 == 0 { "INT" } else { "TERM" }, &arguments);
            assert!(told.elapsed() < AT_ONCE, "{arguments:?} took {:?} to end", told.elapsed());
            // Of a training its checkpoints stay, of a search the trials that are done, to go on from.
            let [trains, searches] = ["train", "tune"].map(|verb| ended && arguments[0] == *verb);
            assert!(searches || out.exists() == (makes && !ended), "{arguments:?}");
            let left: Vec<_> = entries(&folder).into_iter().filter(|path| *path != out).collect();
            assert!(left.is_empty() || trains || searches, "{arguments:?}: {left:?} are left");
            num_ended += u64::from(ended);
        }
        fs::remove_dir_all(&folder).expect("removed");
    }
    assert!(num_ended > 10, "{num_ended} runs were ended before they were done");
}

/// Tells the program to end, waits, and says whether it ended before it was done.
fn end(child: Child, signal: &str, arguments: &[OsString]) -> bool {
    let told = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", child.id())).output().expect("a shell");
    let output = child.wait_with_output().expect("ended");
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => false,
        (Some(130 | 143), _) | (None, Some(2 | 15)) => true,
        other => panic!("{arguments:?}: {other:?} ({told:?}): {}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn no_verb_is_left_out() {
    let place = Place::new();
    let tried: Vec<OsString> = place.verbs(Path::new("out")).into_iter().map(|verb| verb[0].clone()).collect();
    for verb in crate::documents::lists::verbs() {
        assert!(OTHERS.contains(&&*verb) || tried.iter().any(|name| *name == *verb), "{verb} is not told to end");
    }
}
