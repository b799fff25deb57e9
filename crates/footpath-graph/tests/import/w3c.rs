//! The W3C's suites of N-Triples and Turtle, where they are at hand: what must parse does, what must not is refused.

use crate::strict;
use footpath_core::Context;
use footpath_graph::Error;
use footpath_graph::import::{self, Mapping, Options};
use std::fs;
use std::path::Path;

/// What Turtle files of the suite are relative to.
const BASE: &str = "http://www.w3.org/2013/TurtleTests/";

/// The tests of a manifest: type and file.
fn tests(manifest: &str) -> Vec<(String, String)> {
    let after = |text: &str, word: &str| Some(text.split_once(word)?.1.to_owned());
    let until = |text: String, end: &[char]| text.split(end).next().map(str::to_owned);
    let entry = |text: &str| {
        let kind = until(after(text, "rdft:Test")?, &[' ', ';', '\n'])?;
        let file = until(after(text, "mf:action")?.split_once('<')?.1.to_owned(), &['>'])?;
        Some((kind, file))
    };
    manifest.split("\n<#").filter_map(entry).collect()
}

/// Kind of the first diagnostic, or `ok`.
fn outcome(file: &Path) -> String {
    let folder = tempfile::tempdir().expect("temporary folder");
    let name = file.file_name().expect("a name");
    fs::copy(file, folder.path().join(name)).expect("copied");
    let mapping = Mapping { base: Some(format!("{BASE}{}", name.to_string_lossy())), ..Mapping::expanded_default() };
    let options = Options { mapping: Some(Box::new(mapping)), ..strict() };
    match import::import(folder.path(), &options, &Context::default()) {
        Ok(_) => "ok".to_owned(),
        Err(Error::Import(failure)) => failure.diagnostics[0].kind.to_owned(),
        Err(other) => panic!("{}: {other}", file.display()),
    }
}

#[test]
fn the_suites_of_the_w3c_parse_as_they_should() {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/w3c-rdf-tests");
    let mut num_tests = 0;
    for suite in ["rdf-n-triples", "rdf-turtle"] {
        let Ok(manifest) = fs::read_to_string(suites.join(suite).join("manifest.ttl")) else { continue };
        let tests = tests(&manifest);
        assert!(tests.len() >= 60, "{suite}: {}", tests.len());
        let mut wrong = Vec::new();
        for (kind, file) in tests {
            num_tests += 1;
            let got = outcome(&suites.join(suite).join(&file));
            let is_refused = ["syntax", "utf8"].contains(&got.as_str());
            if kind.contains("Negative") != is_refused {
                wrong.push(format!("{file} ({kind}): {got}"));
            }
        }
        assert!(wrong.is_empty(), "{suite}: {wrong:#?}");
    }
    assert!(num_tests == 0 || num_tests > 300, "{num_tests}");
}
