//! Running what the documents show, page by page, each in a folder of its own.

use super::blocks::{self, Block, Command, NOT_RUN};
use super::{documents, read, root};
use crate::support::films::{films, folder};
use crate::support::{PROGRAM, copy};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use tempfile::TempDir;

/// What stands for the program while a page is run. The model of the films is the one that all tests share; other
/// trainings on the films are run, with few paths and a small model where the page says nothing else.
const STAND_IN: &str = r#"#!/bin/sh
if [ "$*" = "train kg --out model" ] || [ "$*" = "train kg --out model --preset small --epochs 2" ]; then
    "$PROGRAM" "$@" --help > /dev/null && exec cp -r "$MODEL" model
fi
if [ "$1 $2" = "train kg" ]; then
    case "$*" in *--no-linear*) ;; *) set -- "$@" --no-linear ;; esac
    exec "$PROGRAM" "$@" --set 'preset="tiny"' --set paths_per_user=2 --set validations_per_epoch=1 --threads 2
fi
exec "$PROGRAM" "$@"
"#;

/// A folder in which a page is run.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        fs::create_dir_all(path.join("bin")).expect("a directory");
        fs::create_dir_all(path.join("work/data")).expect("a directory");
        let program = path.join("bin/footpath");
        fs::write(&program, STAND_IN).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
        symlink(folder().canonicalize().expect("the films"), path.join("work/data/films")).expect("a link");
        symlink(root().join("docs"), path.join("work/docs")).expect("a link");
        Self { directory }
    }

    fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Runs a command in a shell, which must succeed; what it prints, for programs and for people.
    fn run(&self, page: &str, command: &Command) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let out = self.directory.path().join("out");
        let file = File::create(&out).expect("a file");
        let status = Process::new("sh")
            .args(["-c", &command.text])
            .current_dir(self.work())
            .env("PATH", format!("{}:{path}", self.directory.path().join("bin").display()))
            .env("PROGRAM", PROGRAM)
            .env("MODEL", films().model)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .status()
            .expect("a shell");
        let mut printed = Vec::new();
        File::open(&out).and_then(|mut file| file.read_to_end(&mut printed)).expect("what was printed");
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let place = format!("{page}:{}: {}", command.line, command.text);
        assert!(status.success(), "{place}\nended with {status} and printed\n{printed}");
        printed
    }

    /// Runs a page from its beginning to its end.
    fn run_page(&self, page: &str) {
        for block in blocks::of(&read(page)) {
            self.write_file(&block);
            for command in block.commands().iter().filter(|command| !is_built(&command.text)) {
                let printed = self.run(page, command);
                let lines: Vec<&str> = printed.lines().collect();
                let right = command.prints.is_empty() || blocks::matches(&lines, &command.prints);
                assert!(right, "{page}:{}: {}\nprinted\n{printed}", command.line, command.text);
            }
        }
    }

    /// A block of settings whose first line is a comment with a name is a file, for the commands after it.
    fn write_file(&self, block: &Block) {
        let name = block.lines.first().and_then(|line| line.strip_prefix("# ")).filter(|_| block.kind == "toml");
        if let Some(name) = name {
            assert!(name.ends_with(".toml") && !name.contains('/'), "a name of a file: {name}");
            fs::write(self.work().join(name), block.lines.join("\n") + "\n").expect("written");
        }
    }
}

/// Commands that build the program or run its benchmarks, which a test of the program cannot.
fn is_built(command: &str) -> bool {
    ["cargo ", "benches/"].iter().any(|start| command.starts_with(start))
}

macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        /// The pages that are run.
        const RUN: &[&str] = &[$($page),*];
        $(
            #[test]
            fn $name() {
                Place::new().run_page($page);
            }
        )*
    };
}

pages! {
    readme_runs: "README.md",
    introduction_runs: "docs/introduction.md",
    getting_started_runs: "docs/getting-started.md",
    importing_runs: "docs/importing.md",
    import_formats_runs: "docs/import-formats.md",
    patterns_runs: "docs/patterns.md",
    sampling_runs: "docs/sampling.md",
    training_runs: "docs/training.md",
    tuning_runs: "docs/tuning.md",
    recommending_runs: "docs/recommending.md",
    evaluation_runs: "docs/evaluation.md",
    hugging_face_runs: "docs/hugging-face.md",
    cluster_runs: "docs/cluster.md",
}

#[test]
fn every_page_with_a_command_is_run() {
    let to_run = |page: &String| {
        let commands: Vec<Command> = blocks::of(&read(page)).iter().flat_map(Block::commands).collect();
        commands.iter().any(|command| !is_built(&command.text))
    };
    let with_commands: Vec<String> = documents().into_iter().filter(to_run).collect();
    assert_eq!(with_commands, RUN);
}

#[test]
fn every_block_is_of_a_kind_that_is_tested_or_says_why_not() {
    for page in documents() {
        for block in blocks::of(&read(&page)) {
            let place = format!("{page}:{}", block.line);
            match block.kind.as_str() {
                "sh" | "console" | "" => {}
                "toml" => drop(toml_of(&block).unwrap_or_else(|e| panic!("{place}: {e}"))),
                "rust" => assert!(stands_in_an_example(&block), "{place}: no example has these lines"),
                // The examples of this page are run by the tests of the package, `python/tests`.
                "python" if page == "docs/python.md" => {}
                "python" => assert!(block.excuse().is_some(), "{place}: `{NOT_RUN}` and a reason"),
                "text" => assert!(!shows_commands(&page, &block), "{place}: a command in a block that is not run"),
                other => panic!("{place}: a block of the kind `{other}`"),
            }
            assert!(block.excuse().is_none_or(|reason| reason.len() > 10), "{place}: a reason");
        }
    }
}

/// Whether text for reading alone has lines for a shell; the reference has examples, which a test of their own reads.
fn shows_commands(page: &str, block: &Block) -> bool {
    page != "docs/reference.md" && block.lines.iter().any(|line| blocks::is_command(line))
}

/// Settings must be the beginning of a file with a name, so that a command reads them.
fn toml_of(block: &Block) -> Result<&str, String> {
    let name = block.lines.first().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
    if name.ends_with(".toml") { Ok(name) } else { Err("begin with `# NAME.toml`".to_owned()) }
}

/// Whether the lines stand one after the other in an example, however far they are indented there.
fn stands_in_an_example(block: &Block) -> bool {
    let code: Vec<&str> = block.lines.iter().map(|line| line.trim()).collect();
    let examples = fs::read_dir(root().join("examples")).expect("examples");
    let paths = examples.map(|entry| entry.expect("an entry").path());
    let mut sources = paths.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    sources.any(|path| {
        let source = fs::read_to_string(path).expect("a program");
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        lines.windows(code.len()).any(|window| window == code)
    })
}

#[test]
fn commands_of_cargo_name_tasks_and_verbs_that_there_are() {
    let tasks = read("xtask/src/main.rs");
    for page in documents() {
        for command in blocks::of(&read(&page)).iter().flat_map(Block::commands) {
            let place = format!("{page}:{}: {}", command.line, command.text);
            let words: Vec<&str> = command.text.split_whitespace().collect();
            match words.as_slice() {
                ["cargo", "xtask", task, ..] => assert!(tasks.contains(&format!("cargo xtask {task}")), "{place}"),
                ["cargo", "run", "--release", "--", verb, ..] => {
                    let help =
                        Command { text: format!("footpath {verb} --help"), prints: Vec::new(), line: command.line };
                    Place::new().run(&page, &help);
                }
                ["cargo", "run", "--release", "-p", "footpath-examples", "--example", name, ..] => {
                    assert!(root().join(format!("examples/{name}.rs")).is_file(), "{place}");
                }
                ["cargo", "run", "-p", krate, "--example", name, ..] => {
                    assert!(root().join(format!("crates/{krate}/examples/{name}")).exists(), "{place}");
                }
                ["cargo", "install", "--path", path, ..] => assert!(root().join(path).is_dir(), "{place}"),
                ["cargo", "test", "--workspace", ..] => {}
                ["cargo", ..] => panic!("{place}: not known here"),
                [script, ..] if script.starts_with("benches/") => assert!(root().join(script).is_file(), "{place}"),
                _ => {}
            }
        }
    }
}

#[test]
fn examples_of_the_reference_are_commands_that_there_are() {
    let place = Place::new();
    let mut number = 0;
    for block in blocks::of(&read("docs/reference.md")) {
        let text = block.lines.join("\n").replace("\n      ", " ");
        for (line, from) in text.lines().zip(block.line + 1..) {
            let Some(command) = line.strip_prefix("  footpath ") else { continue };
            // What it prints goes elsewhere; help is asked for behind all options, which have been read by then.
            let command = command.split(" > ").next().and_then(|command| command.split(" | ").next()).expect("a part");
            let help = Command { text: format!("footpath {command} --help"), prints: Vec::new(), line: from };
            assert!(place.run("docs/reference.md", &help).contains("Usage: footpath "), "{command}");
            number += 1;
        }
    }
    assert!(number > 30, "{number} examples");
}

#[test]
fn the_place_has_what_pages_may_ask_for() {
    let place = Place::new();
    assert!(place.work().join("data/films/interactions.tsv").is_file());
    let model = films().model;
    copy(&model, &place.work().join("again"));
    assert!(Path::new(&place.work().join("again/model.json")).is_file());
}
