//! How the house is built: which crate, and which file, may lean on which.

mod circles;

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What cargo says of the workspace.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The crates of the workspace that a crate is built from; tests may take what they like.
fn of_workspace(metadata: &Value, name: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().expect("a name")).collect();
    let package = packages.iter().find(|package| package["name"] == name).expect("a package");
    let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
    let used = dependencies.filter(|dependency| dependency["kind"].is_null());
    let used = used.map(|dependency| dependency["name"].as_str().expect("a name"));
    used.filter(|dependency| names.contains(dependency)).map(str::to_owned).collect()
}

#[test]
fn every_crate_leans_on_those_below_it_alone() {
    let metadata = metadata();
    let allowed: [(&str, &[&str]); 7] = [
        ("footpath-core", &[]),
        ("footpath-graph", &["footpath-core"]),
        ("footpath-model", &["footpath-core"]),
        ("footpath-eval", &["footpath-core", "footpath-graph"]),
        ("footpath", &["footpath-core", "footpath-eval", "footpath-graph", "footpath-model"]),
        ("footpath-server", &["footpath"]),
        ("footpath-cli", &["footpath", "footpath-server"]),
    ];
    for (name, expected) in allowed {
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(of_workspace(&metadata, name), expected, "{name}");
    }
}
