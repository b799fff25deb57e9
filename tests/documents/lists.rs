//! Lists of what there is: verbs, options, folders, exceptions from a lint. Each must name all of it and no more.

use super::{documents, links, read, root};
use crate::support::{args, succeed};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_reference_is_what_the_program_says() {
    let said = succeed(&args!["reference"]);
    let first = |(page, said): (usize, (&str, &str))| (page + 1, said.0.to_owned(), said.1.to_owned());
    let page = read("docs/reference.md");
    let differs = page.lines().zip(said.lines()).enumerate().find(|(_, (page, said))| page != said).map(first);
    assert!(page == said, "docs/reference.md is not up to date, run `cargo xtask reference`; first: {differs:?}");
}

/// The verbs, by the help of the program.
pub(crate) fn verbs() -> Vec<String> {
    let help = succeed(&args!["--help"]);
    let (_, list) = help.split_once("Commands:\n").expect("a list of verbs");
    let lines = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = lines.map(|line| line.split_whitespace().next().expect("a verb").to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn the_readme_has_a_row_for_every_verb_in_the_order_of_the_help() {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| verb | what it does |\n").expect("the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let names: Vec<&str> = rows.map(|row| row.split('`').nth(1).expect("a verb")).collect();
    assert_eq!(names, verbs());
}

#[test]
fn documents_are_as_short_as_they_should_be() {
    for (document, most) in [("README.md", 1_000), ("ARCHITECTURE.md", 2_500)] {
        let words = read(document).split_whitespace().count();
        assert!(words <= most, "{document} has {words} words; at most {most}");
    }
}

/// Options that documents name and that are not the program's: those of cargo, of its tasks and of scripts, and one
/// that is told of as tried and removed.
const OF_OTHERS: &str = "--address --data --dir --edges --entities --example --facts --features --form --install \
    --items --json --kernel --locked --master --nproc --nproc-per-node --open --package --parts --parts-in --path \
    --paths-per-user --preset --release --scheduler --seconds --seed --source --steps --test --torch --users --venv \
    --work --workers --workspace";

#[test]
fn options_that_are_named_are_options_that_there_are() {
    let known: BTreeSet<String> = options(&read("docs/reference.md")).collect();
    for document in documents().iter().filter(|document| *document != "CHANGELOG.md") {
        let unknown: Vec<String> = options(&read(document))
            .filter(|option| !known.contains(option) && !OF_OTHERS.split(' ').any(|other| other == option))
            .collect();
        assert!(unknown.is_empty(), "{document}: {unknown:?}");
    }
}

/// The long options of a text.
fn options(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("--").filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let name: String = text[at + 2..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        let begins = before.is_none_or(|c| c.is_whitespace() || "`(['<|\"=".contains(c));
        (begins && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() > 1).then(|| format!("--{name}"))
    })
}

/// The code of the repository: its folders and files below these.
fn code() -> Vec<PathBuf> {
    let mut found = Vec::new();
    ["crates", "benches", "examples", "xtask"].iter().for_each(|folder| below(&root().join(folder), &mut found));
    found
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        found.push(path.clone());
        if path.is_dir() {
            below(&path, found);
        }
    }
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).expect("in the repository").to_string_lossy().into_owned()
}

#[test]
fn the_list_of_unsafe_code_is_that_of_the_exceptions() {
    let architecture = read("ARCHITECTURE.md");
    let section = section(&architecture, "### The `unsafe` there is");
    let listed = section.lines().filter_map(|line| line.strip_prefix("- `")).filter_map(|line| line.split('`').next());
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let excepted = |path: &PathBuf| {
        let is_code = path.extension().is_some_and(|ending| ending == "rs");
        is_code && allows_unsafe(&fs::read_to_string(path).expect("code"))
    };
    let there: BTreeSet<String> = code().iter().filter(|path| excepted(path)).map(|path| from_root(path)).collect();
    assert_eq!(listed, there);
    assert!(read("Cargo.toml").contains("unsafe_code = \"deny\""), "denied by lint");
}

/// Whether code is excepted from the lint. The words are parted here, so that this file is not found.
fn allows_unsafe(code: &str) -> bool {
    ["expect", "allow"].iter().any(|word| code.contains(&format!("{word}(unsafe_{}", "code")))
}

/// The text under a heading, up to the next that is as high.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, after) = text.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let level = heading.split(' ').next().expect("a heading");
    let ends = (1..=level.len()).filter_map(|depth| after.find(&format!("\n{} ", "#".repeat(depth)))).min();
    &after[..ends.unwrap_or(after.len())]
}

/// Whether the map must have a folder: `src` of a crate and what is one level below, but for folders of tests alone.
fn is_mapped(path: &Path) -> bool {
    let name = from_root(path);
    let parts: Vec<&str> = name.split('/').collect();
    let in_reach = matches!(parts.as_slice(), ["crates", _, "src"] | ["crates", _, "src", _]);
    let is_code = |entry: fs::DirEntry| !entry.file_name().to_string_lossy().starts_with("tests");
    in_reach && path.is_dir() && fs::read_dir(path).expect("a folder").any(|entry| is_code(entry.expect("an entry")))
}

#[test]
fn the_code_map_names_every_folder_of_code_and_no_other() {
    let architecture = read("ARCHITECTURE.md");
    let map = section(&architecture, "## Code map");
    let mut listed = BTreeSet::new();
    let mut within = String::new();
    for line in map.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            within = heading.trim_matches('`').to_owned();
            if heading.starts_with('`') {
                listed.insert(within.clone());
            }
        } else if let Some(folder) = line.strip_prefix("- `").and_then(|line| line.split('`').next())
            && within.starts_with("crates/")
        {
            listed.insert(format!("{within}/{}", folder.trim_end_matches('/')));
        }
    }
    let unknown: Vec<&String> = listed.iter().filter(|folder| !root().join(folder).is_dir()).collect();
    assert!(unknown.is_empty(), "ARCHITECTURE.md maps what is not there: {unknown:?}");
    let there: BTreeSet<String> = code().iter().filter(|path| is_mapped(path)).map(|path| from_root(path)).collect();
    let missing: Vec<&String> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the map of ARCHITECTURE.md: {missing:?}");
}

#[test]
fn paths_of_the_repository_in_documents_are_there() {
    for document in documents().iter().filter(|document| *document != "CHANGELOG.md") {
        let text = read(document);
        let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let starts = ["crates/", "docs/", "examples/", "tests/", "benches/", "data/films", "xtask/", ".ci/"];
        for path in spans.filter(|span| starts.iter().any(|start| span.starts_with(start)) && !span.contains(' ')) {
            let known = path.contains("FORMAT") || root().join(path.trim_end_matches('/')).exists();
            assert!(known, "{document}: `{path}` is not there");
        }
    }
}

#[test]
fn prose_has_no_tabs_and_no_machine_of_its_own() {
    for document in documents() {
        let text = read(&document);
        assert!(!links::prose(&text).contains('\t'), "{document}: a tab");
        assert!(!text.contains("/home/") && !text.contains("/work/"), "{document}: a path of one machine");
    }
}
