//! What lies in `deploy/`: its options are the program's, and what it names is there.

use crate::support::{args, succeed};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join("deploy").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Checks that the options after `serve` are those of the verb.
fn check_options(words: &[String]) {
    let help = succeed(&args!["serve", "--help"]);
    let options: Vec<&String> = words.iter().filter(|word| word.starts_with("--")).collect();
    assert!(options.len() >= 3, "{words:?}");
    for option in options {
        assert!(help.contains(&format!("{option} ")), "{option} is no option of serve");
    }
}

#[test]
fn the_unit_starts_the_program_and_reloads_it() {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section = String::new();
    for line in read("footpath.service").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => section = name.to_owned(),
            None => {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
                let before = sections.entry(section.clone()).or_default().insert(key.to_owned(), value.to_owned());
                assert!(before.is_none(), "{key} is there twice");
            }
        }
    }
    assert_eq!(sections.keys().collect::<Vec<_>>(), ["Install", "Service", "Unit"]);
    let service = &sections["Service"];
    let start: Vec<String> = service["ExecStart"].split(' ').map(str::to_owned).collect();
    assert!(start[0].ends_with("/footpath") && start[1] == "serve", "{start:?}");
    check_options(&start);
    let state = format!("/var/lib/{}/", service["StateDirectory"]);
    let paths = start.iter().filter(|word| word.starts_with("/var"));
    assert!(paths.clone().count() == 3 && paths.clone().all(|path| path.starts_with(&state)), "{start:?}");
    assert!(service["ExecReload"].contains("-HUP $MAINPID"));
    let manual = sections["Unit"]["Documentation"].rsplit('/').next().expect("a name").to_owned();
    assert!(root().join("docs").join(&manual).is_file(), "{manual}");
}

#[test]
fn the_image_is_built_from_what_is_there_and_runs_as_nobody_in_particular() {
    let text = read("Dockerfile");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"];
    assert!(lines.iter().all(|line| known.contains(&line.split(' ').next().expect("a word"))), "{lines:?}");
    let value =
        |name: &str| lines.iter().filter_map(|line| line.strip_prefix(name)).next_back().expect("a line").trim();
    let toolchain = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(text.contains(&format!("rust:{}-", version.trim_matches('"'))), "the toolchain of the workspace");
    assert!(text.contains("-p footpath-cli") && root().join("crates/footpath-cli").is_dir());
    assert_ne!(value("USER"), "root");
    let start: Vec<String> = serde_json::from_str(value("CMD")).expect("a list");
    assert_eq!((value("ENTRYPOINT"), start[0].as_str()), ("[\"footpath\"]", "serve"));
    check_options(&start);
    assert!(start.iter().any(|word| word == "--token-file"), "others than this machine reach it");
}
