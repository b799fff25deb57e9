//! Killed or interrupted at any moment: an artefact is there whole or not at all, and going on gives the bytes of a run
//! that was left alone.
//!
//! The moments are random; what is demanded holds for all of them.

use crate::support::films::films;
use crate::support::{args, entries, files, footpath, program, small, succeed};
use footpath_core::{Purpose, Stream};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Runs that are killed, and runs that are interrupted, of each verb.
const NUM_MOMENTS: u64 = 12;

/// A verb that makes an artefact.
struct Making {
    root: TempDir,
    verb: fn(&Path, &Path) -> Vec<OsString>,
    /// The artefact of a run that was left alone, and how long that took.
    expected: BTreeMap<String, Vec<u8>>,
    takes: Duration,
}

impl Making {
    /// Runs the verb once, left alone. It is given the root, where there may be things it needs, and the output.
    fn new(root: TempDir, verb: fn(&Path, &Path) -> Vec<OsString>) -> Self {
        let out = root.path().join("alone/out");
        let arguments = verb(root.path(), &out);
        let begun = Instant::now();
        succeed(&arguments);
        let takes = begun.elapsed();
        assert_eq!(
            entries(&root.path().join("alone")),
            std::slice::from_ref(&out),
            "nothing is left beside the artefact"
        );
        Self { verb, expected: files(&out), takes, root }
    }

    /// The arguments for an output.
    fn arguments(&self, out: &Path) -> Vec<OsString> {
        (self.verb)(self.root.path(), out)
    }

    /// An output of its own for each moment.
    fn out(&self, moment: u64) -> PathBuf {
        let directory = self.root.path().join(format!("moment-{moment}"));
        fs::create_dir(&directory).expect("a directory");
        directory.join("out")
    }

    /// Starts the verb and waits for a random part of the time it takes, and a little more.
    fn start_and_wait(&self, arguments: &[OsString], stream: &mut Stream) -> Child {
        let child = program(arguments).spawn().expect("started");
        sleep(self.takes.mul_f64(1.1 * stream.unit()));
        child
    }

    /// Whether the artefact is there; if it is, it must be the right one.
    fn is_there(&self, out: &Path) -> bool {
        if !out.exists() {
            return false;
        }
        succeed(&args!["check", out]);
        let found = files(out);
        let same = |name: &&String| found.get(*name) == self.expected.get(*name);
        let other: Vec<&String> = found.keys().chain(self.expected.keys()).filter(|name| !same(name)).collect();
        assert!(other.is_empty(), "{}: {other:?} are not as they should be", out.display());
        true
    }

    /// Kills the verb at random moments, then the attempt to go on as well, and then lets it finish.
    fn survives_kills(&self, seed: u64) {
        let mut stream = Stream::new(seed, Purpose::Shuffle, 0, 0);
        let mut num_cut_off = 0;
        for moment in 0..NUM_MOMENTS {
            let out = self.out(moment);
            let arguments = self.arguments(&out);
            for _ in 0..2 {
                if !self.is_there(&out) {
                    let mut child = self.start_and_wait(&arguments, &mut stream);
                    child.kill().expect("killed");
                    child.wait().expect("ended");
                    num_cut_off += u32::from(!out.exists());
                }
            }
            if !self.is_there(&out) {
                succeed(&arguments);
                assert!(self.is_there(&out));
                assert_eq!(entries(out.parent().expect("a directory")), [out], "going on cleans up");
            }
        }
        assert!(num_cut_off > 0, "no run was killed before its end");
    }

    /// Interrupts the verb at random moments; it must end at once and leave nothing but a whole artefact and `remains`.
    fn obeys_interrupts(&self, seed: u64, remains: fn(&Path) -> bool) {
        let mut stream = Stream::new(seed, Purpose::Shuffle, 1, 0);
        let mut num_interrupted = 0;
        for moment in 100..100 + NUM_MOMENTS {
            let out = self.out(moment);
            let child = self.start_and_wait(&self.arguments(&out), &mut stream);
            let begun = Instant::now();
            let ending = interrupt(child);
            assert!(begun.elapsed() < self.takes + Duration::from_secs(5), "an interrupt ends the run");
            let done = self.is_there(&out);
            match ending {
                Ending::Finished => assert!(done),
                Ending::Interrupted => num_interrupted += 1,
                // Before the program listens it is the system that ends it.
                Ending::NotBegun => assert!(!done),
            }
            let left = entries(out.parent().expect("a directory")).into_iter().filter(|path| *path != out);
            left.for_each(|path| assert!(remains(&path), "{} is left", path.display()));
        }
        assert!(num_interrupted > 0, "no run was interrupted before its end");
    }
}

/// How an interrupted run ended.
#[derive(Debug, PartialEq)]
enum Ending {
    Finished,
    Interrupted,
    NotBegun,
}

fn interrupt(child: Child) -> Ending {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).output().expect("a shell");
    let output = child.wait_with_output().expect("ended");
    let message = String::from_utf8_lossy(&output.stderr);
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => Ending::Finished,
        (Some(130), _) => Ending::Interrupted,
        (None, Some(2)) => Ending::NotBegun,
        other => panic!("{other:?} after an interrupt ({sent:?}): {message}"),
    }
}

fn import(_root: &Path, out: &Path) -> Vec<OsString> {
    args!["import", crate::support::films::folder(), "--out", out]
}

fn sample(_root: &Path, out: &Path) -> Vec<OsString> {
    args!["sample", films().kg, "--out", out, "--hops", "3", "--paths-per-user", "500"]
}

/// Three short epochs with two validations each, on one thread: going on must give the same bits.
fn train(root: &Path, out: &Path) -> Vec<OsString> {
    args![
        "train",
        root.join("kg"),
        "--out",
        out,
        "--preset",
        "tiny",
        "--epochs",
        "3",
        "--paths-per-user",
        "30",
        "--batch-size",
        "100",
        "--validations-per-epoch",
        "2",
        "--threads",
        "1",
        "--resume"
    ]
}

/// A place to train: a graph with something to validate on.
fn place_to_train() -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    let folder = root.path().join("folder");
    small::write(&folder, "valid");
    succeed(&args!["import", &folder, "--out", root.path().join("kg")]);
    root
}

fn nothing(_: &Path) -> bool {
    false
}

/// The checkpoints of an unfinished run: whole ones, a log, and nothing hidden.
fn checkpoints(path: &Path) -> bool {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let known = |path: &PathBuf| match name(path).as_str() {
        "metrics.jsonl" => path.is_file(),
        "best" => footpath(&args!["check", path]).code == Some(0),
        step => step.starts_with("step-") && footpath(&args!["check", path]).code == Some(0),
    };
    name(path) == "out.train" && entries(path).iter().all(known)
}

#[test]
fn a_killed_import_is_whole_or_absent() {
    Making::new(tempfile::tempdir().expect("a directory"), import).survives_kills(1);
}

#[test]
fn a_killed_sampling_is_whole_or_absent() {
    Making::new(tempfile::tempdir().expect("a directory"), sample).survives_kills(2);
}

/// Two halves, joined.
fn join(root: &Path, out: &Path) -> Vec<OsString> {
    args!["corpus", "concat", root.join("1"), root.join("0"), "--out", out]
}

/// A place to join halves of a corpus.
fn place_to_join() -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for half in ["0", "1"] {
        let shard = format!("{half}/2");
        let paths = ["--hops", "3", "--paths-per-user", "3000", "--shard", &shard, "--out"].map(OsString::from);
        succeed(&[args!["sample", films().kg].as_slice(), &paths, &args![root.path().join(half)]].concat());
    }
    root
}

#[test]
fn a_killed_joining_of_parts_is_whole_or_absent() {
    Making::new(place_to_join(), join).survives_kills(9);
}

#[test]
fn an_interrupted_joining_of_parts_leaves_nothing() {
    Making::new(place_to_join(), join).obeys_interrupts(10, nothing);
}

#[test]
fn a_killed_training_goes_on_to_the_same_bits() {
    Making::new(place_to_train(), train).survives_kills(3);
}

#[test]
fn an_interrupted_import_leaves_nothing() {
    Making::new(tempfile::tempdir().expect("a directory"), import).obeys_interrupts(4, nothing);
}

#[test]
fn an_interrupted_replacement_leaves_the_old_one_or_the_new_one() {
    // The old one has the same content, so whichever is there is the right one.
    let making = Making::new(tempfile::tempdir().expect("a directory"), import);
    let mut stream = Stream::new(7, Purpose::Shuffle, 0, 0);
    let out = making.out(0);
    let again = [making.arguments(&out).as_slice(), &args!["--force"]].concat();
    succeed(&making.arguments(&out));
    for _ in 0..3 * NUM_MOMENTS {
        interrupt(making.start_and_wait(&again, &mut stream));
        assert!(making.is_there(&out), "an interrupt never costs the old artefact");
        assert_eq!(entries(out.parent().expect("a directory")), std::slice::from_ref(&out));
    }
}

#[test]
fn a_killed_replacement_leaves_the_old_one_or_the_new_one() {
    let making = Making::new(tempfile::tempdir().expect("a directory"), import);
    let mut stream = Stream::new(8, Purpose::Shuffle, 0, 0);
    let out = making.out(0);
    let again = [making.arguments(&out).as_slice(), &args!["--force"]].concat();
    succeed(&making.arguments(&out));
    for _ in 0..3 * NUM_MOMENTS {
        let mut child = making.start_and_wait(&again, &mut stream);
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert!(making.is_there(&out), "a kill never costs the old artefact");
    }
    succeed(&again);
    assert_eq!(entries(out.parent().expect("a directory")), [out], "the next run sweeps what killed ones left");
}

/// Where two directories cannot be exchanged, a process may be killed when the old one is set aside and the new one not
/// there.
#[test]
fn an_old_artefact_that_a_killed_run_set_aside_is_put_back() {
    let making = Making::new(tempfile::tempdir().expect("a directory"), import);
    for (moment, force) in [(0, false), (1, true)] {
        let out = making.out(moment);
        succeed(&making.arguments(&out));
        let aside = out.with_file_name(".out.old");
        fs::rename(&out, &aside).expect("set aside");
        fs::create_dir(out.with_file_name(".out.tmp")).expect("half-written");
        if force {
            let ran = footpath(&[making.arguments(&out), args!["--force"]].concat());
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            assert!(ran.stderr.contains("put back"), "{}", ran.stderr);
        } else {
            let message = crate::support::fail(2, &making.arguments(&out));
            assert!(message.contains("already exists"), "what was there is there again: {message}");
        }
        assert!(making.is_there(&out));
        assert_eq!(entries(out.parent().expect("a directory")), [out]);
    }
}

#[test]
fn a_killed_export_leaves_nothing_that_the_next_does_not_sweep() {
    let root = tempfile::tempdir().expect("a directory");
    let out = root.path().join("out");
    let export = args!["export", films().corpus, "--kg", films().kg, "--format", "jsonl", "--out", &out];
    let begun = Instant::now();
    succeed(&export);
    let (takes, expected) = (begun.elapsed(), fs::read(&out).expect("paths"));
    let mut stream = Stream::new(9, Purpose::Shuffle, 0, 0);
    for _ in 0..2 * NUM_MOMENTS {
        let mut child = program(&[export.clone(), args!["--force"]].concat()).spawn().expect("started");
        sleep(takes.mul_f64(1.1 * stream.unit()));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert!(fs::read(&out).expect("paths") == expected, "the old one or the same anew");
    }
    succeed(&[export, args!["--force"]].concat());
    assert_eq!(entries(root.path()), [out]);
}

/// While one process writes, another that would sweep leaves alone what the first is writing.
#[test]
fn of_processes_that_write_the_same_one_wins_and_none_is_disturbed() {
    let making = Making::new(tempfile::tempdir().expect("a directory"), import);
    let out = making.out(0);
    let arguments = [making.arguments(&out), args!["--force"]].concat();
    let children: Vec<Child> = (0..8).map(|_| program(&arguments).spawn().expect("started")).collect();
    let ended: Vec<_> = children.into_iter().map(|child| child.wait_with_output().expect("ended")).collect();
    for output in &ended {
        let message = String::from_utf8_lossy(&output.stderr);
        let refused = output.status.code() == Some(1) && message.contains("another process is writing here");
        assert!(output.status.success() || refused, "{message}");
    }
    assert!(ended.iter().any(|output| output.status.success()));
    assert!(making.is_there(&out));
    assert_eq!(entries(out.parent().expect("a directory")), [out]);
}

/// Somebody cuts a file of the graph short while it is used: a message with its name, the status of a damaged artefact,
/// and the next run sweeps.
#[test]
fn a_graph_that_is_cut_short_while_it_is_used_ends_the_run_in_words() {
    let root = tempfile::tempdir().expect("a directory");
    let (kg, out) = (root.path().join("kg"), root.path().join("out"));
    let ask =
        args!["sample", &kg, "--out", &out, "--hops", "4", "--paths-per-user", "3000", "--threads", "1", "--force"];
    crate::support::copy(&films().kg, &kg);
    let begun = Instant::now();
    succeed(&ask);
    let takes = begun.elapsed();
    let mut stream = Stream::new(10, Purpose::Shuffle, 0, 0);
    let mut num_ended = 0;
    for _ in 0..NUM_MOMENTS {
        crate::support::copy(&films().kg, &kg);
        let child = program(&ask).spawn().expect("started");
        sleep(takes.mul_f64(stream.unit()));
        fs::File::options()
            .write(true)
            .open(kg.join("graph.safetensors"))
            .and_then(|f| f.set_len(0))
            .expect("cut short");
        let output = child.wait_with_output().expect("ended");
        let message = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {}
            Some(4) => {
                assert!(message.contains("graph.safetensors"), "{message}");
                num_ended += u32::from(message.contains("cut short while it was read"));
            }
            other => panic!("{other:?}: {message}"),
        }
    }
    assert!(num_ended > 0, "no run was using it");
    crate::support::copy(&films().kg, &kg);
    succeed(&ask);
    assert_eq!(entries(root.path()), [kg, out]);
}

/// Where the system has no thread to give, that is a failure with a message, or no failure at all.
#[test]
#[cfg(target_os = "linux")]
fn without_a_thread_to_be_had_nothing_panics() {
    let root = tempfile::tempdir().expect("a directory");
    let path = |name: &str| root.path().join(name);
    crate::support::copy(&films().kg, &path("kg"));
    crate::support::copy(&films().corpus, &path("corpus"));
    crate::support::copy(&crate::support::films::folder(), &path("folder"));
    succeed(&args!["check", path("kg")]);
    let verbs = [
        args!["info", path("kg")],
        args!["check", path("kg")],
        args!["count", path("kg"), "--hops", "3"],
        args!["import", path("folder"), "--out", path("out-kg")],
        args!["sample", path("kg"), "--hops", "3", "--out", path("out-corpus")],
        args!["train", path("kg"), "--preset", "tiny", "--epochs", "1", "--out", path("out-model")],
        args!["export", path("corpus"), "--kg", path("kg")],
    ];
    for verb in verbs {
        let mut limited = without_threads(root.path());
        let ran = limited.arg(crate::support::PROGRAM).args(&verb).output().expect("started");
        let message = String::from_utf8_lossy(&ran.stderr);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{verb:?}: {:?}: {message}", ran.status);
        assert!(!message.contains("panicked"), "{verb:?}: {message}");
        assert!(ran.status.success() || message.contains("the system refused"), "{verb:?}: {message}");
    }
}

/// Runs what follows with no more than one process for its user, who must not be root: for root there is no such limit.
#[cfg(target_os = "linux")]
fn without_threads(place: &Path) -> Command {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let mut command = Command::new("prlimit");
    command.arg("--nproc=1:1");
    if fs::metadata(place).expect("a directory").uid() == 0 {
        fs::set_permissions(place, fs::Permissions::from_mode(0o777)).expect("open to all");
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Other programs' settings of threads are none of ours: a hundred thousand of them would never end. Each takes two
/// megabytes of addresses, so that with four gigabytes of them there cannot be more than a few thousand.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_the_environment_asks_for_are_not_made() {
    let root = tempfile::tempdir().expect("a directory");
    let out = |name: &str| root.path().join(name);
    let kg = films().kg;
    for verb in [
        args!["info", &kg],
        args!["count", &kg, "--hops", "3"],
        args!["sample", &kg, "--hops", "3", "--paths-per-user", "2", "--out", out("corpus")],
        args!["train", &kg, "--preset", "tiny", "--epochs", "1", "--paths-per-user", "2", "--out", out("model")],
        args!["recommend", films().model, "--kg", &kg, "--all", "--out", out("recs"), "--json"],
        args!["evaluate", "--model", films().model, "--kg", &kg, "--baselines"],
    ] {
        let mut limited = Command::new("timeout");
        limited.args(["100", "prlimit", "--as=4294967296", crate::support::PROGRAM]).args(&verb);
        limited.env("RAYON_NUM_THREADS", "100000");
        let ran = limited.output().expect("started");
        assert!(ran.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn an_interrupted_sampling_leaves_nothing() {
    Making::new(tempfile::tempdir().expect("a directory"), sample).obeys_interrupts(5, nothing);
}

#[test]
fn an_interrupted_training_leaves_checkpoints() {
    Making::new(place_to_train(), train).obeys_interrupts(6, checkpoints);
}

#[test]
fn a_training_interrupted_again_and_again_goes_on_to_the_same_bits() {
    let making = Making::new(place_to_train(), train);
    let out = making.out(0);
    let arguments = making.arguments(&out);
    // First before any step, when the size of the model has just been told, then once after the first steps that it
    // tells of; of the steps that are left most take place after the interrupt, however late it comes.
    for told in [" MiB, paths ", " MiB, paths ", "train loss", "train loss"] {
        let mut child = program(&arguments).spawn().expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        assert!(lines.any(|line| line.expect("a line").contains(told)), "it tells {told:?}");
        assert_eq!(interrupt(child), Ending::Interrupted);
        assert!(!out.exists() && checkpoints(&out.with_file_name("out.train")));
    }
    let ran = footpath(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("going on from step "), "{}", ran.stderr);
    let weights = |files: &BTreeMap<String, Vec<u8>>| files["weights.safetensors"].clone();
    assert!(weights(&files(&out)) == weights(&making.expected), "bit for bit");
    assert!(making.is_there(&out), "and so is everything else");
    assert_eq!(entries(out.parent().expect("a directory")), [out]);
}

/// After all steps, but before the weights of what counts beside paths are chosen.
#[test]
fn a_training_interrupted_while_it_chooses_weights_goes_on_to_the_same_bits() {
    let train = |_: &Path, out: &Path| {
        let ask = args!["train", films().kg, "--out", out, "--preset", "tiny", "--paths-per-user", "5", "--resume"];
        [ask, args!["--validations-per-epoch", "1", "--threads", "1"]].concat()
    };
    let making = Making::new(tempfile::tempdir().expect("a directory"), train);
    let out = making.out(0);
    let mut child = program(&making.arguments(&out)).spawn().expect("started");
    let mut told = BufReader::new(child.stderr.take().expect("piped")).lines();
    assert!(told.any(|line| line.expect("a line").starts_with("choosing on valid")), "it says when it begins");
    assert_eq!(interrupt(child), Ending::Interrupted);
    assert!(!out.exists() && checkpoints(&out.with_file_name("out.train")));
    succeed(&making.arguments(&out));
    assert!(making.is_there(&out), "the same files, byte by byte");
    assert!(files(&out).contains_key("linear.safetensors"));
}

#[test]
fn an_unfinished_training_is_neither_overwritten_nor_taken_for_a_model() {
    let root = place_to_train();
    let out = root.path().join("out");
    let arguments = train(root.path(), &out);
    let mut child = program(&arguments).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(interrupt(child), Ending::Interrupted);
    let without_resume = &arguments[..arguments.len() - 1];
    let message = crate::support::fail(2, without_resume);
    assert!(message.contains("--resume") && message.contains("--restart"), "{message}");
    let message = crate::support::fail(4, &args!["recommend", &out, "--kg", root.path().join("kg"), "--all"]);
    assert!(message.contains("--resume"), "{message}");
    let other_settings = [&arguments[..], &args!["--learning-rate", "0.5"]].concat();
    let ran = footpath(&other_settings);
    assert!(ran.code == Some(2) && ran.stderr.contains("other settings"), "{}", ran.stderr);
    succeed(&[without_resume, &args!["--restart"]].concat());
}

/// What a run starts from is part of it: another first model, other vectors, or none, are refused by hash.
#[test]
fn an_unfinished_training_goes_on_only_with_what_it_began_with() {
    let root = place_to_train();
    let path = |name: &str| root.path().join(name);
    let kg = path("kg");
    for (name, seed) in [("first", "1"), ("second", "2")] {
        let made = args!["train", &kg, "--out", path(name), "--preset", "tiny", "--paths-per-user", "2", "--no-linear"];
        succeed(&[made, args!["--seed", seed]].concat());
        let row = vec![format!("0.{seed}"); 48].join(" ");
        fs::write(path(&format!("{name}-vectors")), format!("user:u0 {row}\n")).expect("written");
    }
    let ways = [
        ("model", args!["--init", path("first")], args!["--init", path("second")]),
        ("vectors", args!["--vectors", path("first-vectors")], args!["--vectors", path("second-vectors")]),
    ];
    for (kind, with, with_another) in ways {
        let out = path(kind);
        let begin = train(root.path(), &out);
        let mut child = program(&[begin.clone(), with.clone()].concat()).spawn().expect("started");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
        assert_eq!(interrupt(child), Ending::Interrupted);
        for other in [with_another, Vec::new()] {
            let message = crate::support::fail(4, &[begin.clone(), other].concat());
            assert!(message.contains(&format!("made from {kind} ")), "{message}");
        }
        let otherwise = crate::support::fail(2, &[begin.clone(), with.clone(), args!["--damping", "0.25"]].concat());
        assert!(otherwise.contains("draws its paths otherwise"), "{otherwise}");
        succeed(&[begin, with].concat());
        let manifest = fs::read_to_string(out.join("manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        assert!(manifest["parents"][kind].as_str().is_some_and(|hash| hash.len() == 32), "{manifest}");
    }
}
