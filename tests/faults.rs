//! A disk that fails: each call of each kind is refused once, and what is there afterwards is the old output or the new
//! one, whole, with nothing beside it.
//!
//! The calls are refused by a library that is loaded before the C library, which the tests compile with the C compiler
//! that every build needs.

use crate::support::films::films;
use crate::support::{args, entries, files, program, shared, succeed};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Calls of a kind after which none is refused any more; a verb here makes far fewer.
const MANY: usize = 400;

/// The library that refuses.
fn refusing() -> PathBuf {
    let built = shared("refuse", |folder| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/faults/refuse.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(folder.join("refuse.so")).arg(source);
        let compiled = compiler.arg("-ldl").output().expect("a C compiler");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    });
    built.join("refuse.so")
}

/// What a run came to of which one call was refused.
struct Refused {
    code: Option<i32>,
    stderr: String,
    /// Whether the run came as far as that call.
    reached: bool,
}

fn refuse(call: &str, number: usize, mark: &Path, arguments: &[OsString]) -> Refused {
    let mut command = program(arguments);
    command.env("LD_PRELOAD", refusing()).env("REFUSE_CALL", call).env("REFUSE_AT", number.to_string());
    let output = command.env("REFUSE_MARK", mark).output().expect("the program starts");
    let reached = fs::remove_file(mark).is_ok();
    Refused { code: output.status.code(), stderr: String::from_utf8_lossy(&output.stderr).into_owned(), reached }
}

/// Runs a verb with each call of a kind refused in turn. `old` is what stands where the output goes, if anything does,
/// and `new` what a run that is left alone makes. The number of calls that were refused.
fn each_refused(call: &str, arguments: &[OsString], out: &Path, old: Option<&Path>, new: &Path) -> usize {
    let folder = out.parent().expect("a folder");
    let mark = folder.with_file_name("mark");
    for number in 1..MANY {
        if out.exists() {
            fs::remove_dir_all(out).expect("removed");
        }
        if let Some(old) = old {
            crate::support::copy(old, out);
        }
        let Refused { code, stderr, reached } = refuse(call, number, &mark, arguments);
        let context = format!("{call} {number}: {code:?} {stderr}");
        assert!(!stderr.contains("panicked"), "{context}");
        let there = out.exists().then(|| files(out));
        match code {
            // What is published stays, with a warning where it may not survive a loss of power.
            Some(0) => assert_eq!(there, Some(files(new)), "{context}"),
            Some(1) => {
                assert!(reached, "{context}");
                assert!(stderr.contains("os error 5"), "what failed is said: {context}");
                assert_eq!(there, old.map(files), "{context}");
            }
            _ => panic!("{context}"),
        }
        let beside: Vec<PathBuf> = entries(folder).into_iter().filter(|path| path != out).collect();
        assert!(beside.is_empty(), "{context}: {beside:?} are left");
        if !reached {
            assert_eq!(code, Some(0), "{context}");
            return number - 1;
        }
    }
    panic!("{call} is called more than {MANY} times");
}

#[test]
fn a_disk_that_fails_at_any_call_leaves_the_old_output_or_the_new_one() {
    let root = TempDir::new().expect("a directory");
    let folder = root.path().join("folder");
    fs::create_dir(&folder).expect("a directory");
    let (kg, out) = (&films().kg, folder.join("out"));
    let [old, new] = ["old", "new"].map(|name| root.path().join(name));
    let verb = |seed: &str, out: &Path| args!["sample", kg, "--hops", "3", "--seed", seed, "--out", out];
    succeed(&verb("1", &old));
    succeed(&verb("2", &new));
    let replacing = [verb("2", &out), args!["--force"]].concat();
    for (call, at_least) in [("fsync", 3), ("flock", 1), ("mkdir", 1), ("rename", 0), ("write", 2)] {
        for (arguments, before) in [(verb("2", &out), None), (replacing.clone(), Some(&*old))] {
            let calls = each_refused(call, &arguments, &out, before, &new);
            assert!(calls >= at_least, "only {calls} calls of {call}");
        }
    }
}

#[test]
fn a_disk_that_fails_while_parts_are_joined_leaves_nothing() {
    let root = TempDir::new().expect("a directory");
    let folder = root.path().join("folder");
    fs::create_dir(&folder).expect("a directory");
    let (kg, out, new) = (&films().kg, folder.join("out"), root.path().join("new"));
    let parts = ["0/2", "1/2"].map(|shard| {
        let part = root.path().join(shard.replace('/', "-"));
        succeed(&args!["sample", kg, "--hops", "3", "--shard", shard, "--out", &part]);
        part
    });
    let join = |out: &Path| args!["corpus", "concat", &parts[1], &parts[0], "--out", out];
    succeed(&join(&new));
    for (call, at_least) in [("fsync", 3), ("flock", 1), ("mkdir", 1), ("rename", 1), ("write", 2)] {
        let calls = each_refused(call, &join(&out), &out, None, &new);
        assert!(calls >= at_least, "only {calls} calls of {call}");
    }
}

/// The last sync is that of the directory into which the output was renamed.
#[test]
fn what_fails_once_the_output_is_there_is_a_warning() {
    let root = TempDir::new().expect("a directory");
    let (kg, out, mark) = (&films().kg, root.path().join("out"), root.path().join("mark"));
    let verb = args!["sample", kg, "--hops", "3", "--out", &out];
    let mut warned = 0;
    for number in 1..MANY {
        let Refused { code, stderr, reached } = refuse("fsync", number, &mark, &verb);
        if !reached {
            break;
        }
        if code == Some(0) {
            assert!(stderr.contains("warning") && out.exists(), "{number}: {stderr}");
            warned += 1;
        }
        let _ = fs::remove_dir_all(&out);
    }
    assert!(warned > 0, "no sync fails after the output is there");
}
