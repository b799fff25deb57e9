//! Running the program, and what the tests share.

pub(crate) mod artefact;
pub(crate) mod films;
pub(crate) mod server;
pub(crate) mod small;

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_footpath");

/// The same data twice: in `plain` as a dataset folder, in `sorted` as sorted tables.
pub(crate) fn tables() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tables")
}

/// Arguments of any string-like types.
macro_rules! args {
    ($($argument:expr),* $(,)?) => { vec![$(std::ffi::OsString::from($argument)),*] };
}
pub(crate) use args;

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with these arguments, not yet started.
pub(crate) fn program(arguments: &[OsString]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn footpath(arguments: &[OsString]) -> Ran {
    let output = program(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program, which must succeed; its standard output.
pub(crate) fn succeed(arguments: &[OsString]) -> String {
    let ran = footpath(arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
    ran.stdout
}

/// Runs the program, which must fail with this status, print nothing, and say why in one message; the message.
pub(crate) fn fail(code: i32, arguments: &[OsString]) -> String {
    let ran = footpath(arguments);
    assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "", "{arguments:?}: nothing is printed before a failure");
    assert!(!ran.stderr.contains("panicked") && !ran.stderr.is_empty(), "{arguments:?}: {}", ran.stderr);
    assert!(ran.stderr.len() < 20_000, "{arguments:?}: the message has {} bytes", ran.stderr.len());
    let tame = |c: char| c == '\n' || !c.is_control();
    assert!(ran.stderr.chars().all(tame), "{arguments:?}: control characters in {:?}", ran.stderr);
    ran.stderr
}

/// One JSON object on one line.
pub(crate) fn object(text: &str) -> Value {
    assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert!(value.is_object(), "{text}");
    value
}

/// The objects of JSON lines.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'), "the last line ends");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The strings of a JSON array.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("an array").iter().map(|v| v.as_str().expect("a string")).collect()
}

/// Every file of a directory and its content, by name.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    entries(directory).iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect()
}

/// The paths in a directory, in order.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Copies a directory of files.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for (name, content) in files(from) {
        fs::write(to.join(name), content).expect("written");
    }
}

/// A directory that all tests of one build of the program share; `fill` fills it once, whichever test comes first.
///
/// Tests are processes of their own under some runners, so what is shared lies on disk, under a lock.
pub(crate) fn shared(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let metadata = fs::metadata(PROGRAM).expect("the program");
    let mut hasher = DefaultHasher::new();
    (metadata.len(), metadata.modified().expect("a time")).hash(&mut hasher);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Builds of different profiles share the directory and may be tested at the same time.
    let profile = Path::new(PROGRAM).parent().and_then(Path::file_name).expect("a profile").to_string_lossy();
    let name = format!("{name}-{profile}");
    let lock = File::create(root.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("locked");
    let directory = root.join(format!("{name}-{:016x}", hasher.finish()));
    let ready = directory.join("ready");
    if !ready.exists() {
        // What builds before this one left, or a run of this one that was stopped.
        let stale = |path: &&PathBuf| path.is_dir() && path.to_string_lossy().contains(&format!("/{name}-"));
        entries(root).iter().filter(stale).for_each(|path| fs::remove_dir_all(path).expect("removed"));
        fs::create_dir(&directory).expect("a directory");
        fill(&directory);
        File::create(&ready).expect("marked");
    }
    directory
}
