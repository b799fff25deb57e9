//! What import accepts at its limits, every verb opens.

use crate::support::{args, fail, succeed};
use std::fs;
use std::path::Path;

/// A folder with three choices and, for each name, a fact of a relation with this name.
fn write_relations(folder: &Path, names: impl Iterator<Item = String>) {
    fs::create_dir(folder).expect("a directory");
    fs::write(folder.join("interactions.tsv"), "user_id\titem_id\nu1\ti1\nu1\ti2\nu2\ti1\n").expect("written");
    let facts: String = names.map(|name| format!("i1\t{name}\ti2\n")).collect();
    fs::write(folder.join("triples.tsv"), format!("head\trelation\ttail\n{facts}")).expect("written");
}

/// At the limits of what import accepts, whatever it says of its input: no graph that nobody can open.
#[test]
fn what_import_accepts_at_its_limits_opens_in_every_verb() {
    let long = |n: usize| format!("{n:04}{}", "r".repeat(4092));
    let root = tempfile::tempdir().expect("a directory");
    let path = |name: &str| root.path().join(name);
    write_relations(&path("many"), (0..32_766).map(|n| format!("r{n}")));
    write_relations(&path("long"), (0..1_000).map(long));
    write_relations(&path("too-many"), (0..32_767).map(|n| format!("r{n}")));
    for name in ["many", "long"] {
        let [kg, corpus] = ["kg", "corpus"].map(|kind| path(&format!("{name}-{kind}")));
        succeed(&args!["import", path(name), "--out", &kg]);
        succeed(&args!["check", &kg]);
        succeed(&args!["info", &kg, "--json"]);
        succeed(&args!["count", &kg, "--hops", "2"]);
        succeed(&args!["sample", &kg, "--out", &corpus, "--hops", "2", "--paths-per-user", "5"]);
        succeed(&args!["export", &corpus, "--kg", &kg]);
        succeed(&args!["audit", &corpus, "--kg", &kg]);
        assert!(fs::metadata(kg.join("manifest.json")).expect("a manifest").len() <= 1 << 20);
    }
    let message = fail(3, &args!["import", path("too-many"), "--out", path("too-many-kg")]);
    assert!(message.contains("32767") || message.contains("32766"), "{message}");
    assert!(!path("too-many-kg").exists());
}
