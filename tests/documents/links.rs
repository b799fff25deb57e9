//! The links of documents: each leads to a file, and to a heading of it, and the book does not lead out of itself.

use super::{documents, pages, read, root};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A link of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The file, as it is written; empty for a heading of the same.
    pub(super) target: String,
    /// The heading, without `#`.
    heading: Option<String>,
    line: usize,
}

/// The links of a document, but for those in code.
pub(super) fn of(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, number) in prose(text).lines().zip(1..) {
        for (at, _) in line.match_indices("](") {
            let written = line[at + 2..].split(')').next().unwrap_or_default();
            let (target, heading) = match written.split_once('#') {
                Some((target, heading)) => (target, Some(heading.to_owned())),
                None => (written, None),
            };
            links.push(Link { target: target.to_owned(), heading, line: number });
        }
    }
    links
}

/// The text with its code blanked out, line by line, so that lines keep their numbers.
pub(super) fn prose(text: &str) -> String {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        let code = inside || fence || (line.starts_with("    ") && !line.trim_start().starts_with(['-', '*']));
        inside ^= fence;
        lines.push(if code { String::new() } else { without_spans(line) });
    }
    lines.join("\n")
}

/// A line without its spans of code.
fn without_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The names that headings have in a link: small letters, digits, `-` and `_`.
fn headings(text: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        inside ^= line.trim_start().starts_with("```");
        if !inside && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            names.insert(title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect());
        }
    }
    names
}

/// A path without `..` and `.` in it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The file that a link of a document leads to, from the root.
fn destination(document: &str, link: &Link) -> PathBuf {
    if link.target.is_empty() {
        return PathBuf::from(document);
    }
    plain(&Path::new(document).parent().unwrap_or(Path::new("")).join(&link.target))
}

fn is_elsewhere(link: &Link) -> bool {
    link.target.contains("://")
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_of_it() {
    for document in documents().into_iter().chain(["docs/SUMMARY.md".to_owned()]) {
        let text = read(&document);
        for link in of(&text).iter().filter(|link| !is_elsewhere(link)) {
            let place = format!("{document}:{}: {}", link.line, link.target);
            let path = destination(&document, link);
            assert!(root().join(&path).exists(), "{place}: no such file");
            if let Some(heading) = &link.heading {
                let there = headings(&read(&path.to_string_lossy()));
                assert!(there.contains(heading), "{place}: no heading `{heading}` among {there:?}");
            }
        }
    }
}

#[test]
fn the_book_leads_to_its_own_pages_alone() {
    let pages: BTreeSet<String> = pages().into_iter().collect();
    for page in &pages {
        for link in of(&read(page)).iter().filter(|link| !is_elsewhere(link)) {
            let to = destination(page, link).to_string_lossy().into_owned();
            assert!(pages.contains(&to), "{page}:{}: {to} is no page of the book", link.line);
        }
    }
}

#[test]
fn the_summary_has_every_page_once() {
    let listed = pages();
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a page stands twice");
    let files = std::fs::read_dir(root().join("docs")).expect("the book").map(|entry| entry.expect("an entry").path());
    let names = files.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let names = names.map(|path| format!("docs/{}", path.file_name().expect("a name").to_string_lossy()));
    let there: BTreeSet<String> = names.filter(|name| name != "docs/SUMMARY.md").collect();
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), there);
}

#[test]
fn links_and_headings_are_read_as_they_are_meant() {
    let text = "# A `b`: c, d\n[x](y.md#z) `[no](no)`\n\n```text\n# no\n[no](no)\n```\n- [u](#v) and [w](../w)\n";
    let links: Vec<_> = of(text).into_iter().map(|link| (link.target, link.heading, link.line)).collect();
    let heading = |name: &str| Some(name.to_owned());
    assert_eq!(links, [("y.md".into(), heading("z"), 2), (String::new(), heading("v"), 8), ("../w".into(), None, 8)]);
    assert_eq!(headings(text), BTreeSet::from(["a-b-c-d".to_owned()]));
    assert_eq!(plain(Path::new("docs/../data/./films")), Path::new("data/films"));
}
