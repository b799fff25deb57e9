//! Lists of recommendations in the forms in which they leave: JSON lines, TSV, Markdown, Graphviz, and, with the
//! feature `parquet`, a table.

use super::lines;
use super::render::{Evidence, Rendered};
use crate::error::Result;
use crate::recommend::{Item, List};
#[cfg(feature = "parquet")]
use footpath_graph::export::{Column, ColumnKind, write_table};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Longest line read back.
const MAX_LINE_BYTES: usize = 64 << 20;
/// A form of text in which lists are written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// One JSON object for each user and line; [`read_json`] reads it back.
    Json,
    /// Tab-separated, with the columns `user, rank, item, score`.
    Tsv,
    /// A section for each user with a numbered list of items and their reasons.
    Markdown {
        /// Whether each fact is there with its file and line.
        proof: bool,
    },
    /// A Graphviz drawing with a cluster for each user: the best paths to all items, facts they share drawn once.
    Dot,
}

impl ListForm {
    /// What comes before the first list.
    #[must_use]
    pub fn head(self) -> &'static str {
        match self {
            Self::Json | Self::Markdown { .. } => "",
            Self::Tsv => "user\trank\titem\tscore\n",
            Self::Dot => {
                "digraph recommendations {\n  rankdir=LR;\n  \
                 node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
                 edge [fontname=\"sans-serif\", fontsize=10];\n"
            }
        }
    }

    /// What comes after the last.
    #[must_use]
    pub fn tail(self) -> &'static str {
        if self == Self::Dot { "}\n" } else { "" }
    }

    /// A list, the `number`th of all.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(self, number: usize, list: &List, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Json => {
                let mut line = serde_json::to_vec(list)?;
                line.push(b'\n');
                out.write_all(&line)
            }
            Self::Tsv => write_tsv(list, out),
            Self::Markdown { proof } => write_markdown(list, proof, out),
            Self::Dot => write_cluster(number, list, out),
        }
    }
}

/// Reads what [`ListForm::Json`] wrote, list by list, with the number of its line.
///
/// # Errors
/// [`crate::Error::BadFile`] at a line that is no list, no UTF-8 or over 64 MiB long; [`footpath_core::Error::Io`];
/// what `take` says.
pub fn read_json(path: &Path, mut take: impl FnMut(usize, List) -> Result<()>) -> Result<()> {
    lines::each(path, MAX_LINE_BYTES, |number, line| {
        if line.trim().is_empty() {
            return Ok(());
        }
        let list = serde_json::from_str(line).map_err(|e| {
            lines::bad(path, number, &format!("no list of recommendations as `recommend --json` writes it: {e}"))
        })?;
        take(number, list)
    })
}

fn write_tsv(list: &List, out: &mut dyn Write) -> io::Result<()> {
    let write = |item: &Item| writeln!(out, "{}\t{}\t{}\t{:.6}", list.user, item.rank, item.item, item.score);
    list.items.iter().try_for_each(write)
}

fn write_markdown(list: &List, proof: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Recommendations for {}\n", plain(&list.user))?;
    for item in &list.items {
        let percent = item.confidence * 100.0;
        let (label, text) = (plain(&item.label), plain(&item.text));
        writeln!(out, "{}. **{label}**: {text}. ({percent:.0} % of its probability)", item.rank)?;
        let facts = |path: &Rendered, out: &mut dyn Write| {
            let mut facts = path.triples.iter().filter(|_| proof);
            facts.try_for_each(|fact| writeln!(out, "   - `{}`", statement(fact).replace('`', "'")))
        };
        facts(item, out)?;
        for path in item.more_paths.iter().map(|more| &more.path) {
            writeln!(out, "   - or: {}", plain(&path.text))?;
            facts(path, out)?;
        }
    }
    if let Some(reason) = &list.reason {
        writeln!(out, "\n_{}_", plain(reason))?;
    }
    writeln!(out)
}

/// A fact and where it stands: `item:alien directed_by entity:scott (triples.tsv:17)`.
#[must_use]
pub fn statement(fact: &Evidence) -> String {
    let Evidence { head, relation, tail, file, line } = fact;
    match line {
        0 => format!("{head} {relation} {tail} ({file})"),
        _ => format!("{head} {relation} {tail} ({file}:{line})"),
    }
}

/// Text in which Markdown sees nothing but text.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

fn write_cluster(number: usize, list: &List, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(&list.user))?;
    let place = |name: &str| quoted(&format!("{number} {name}"));
    let recommended: BTreeMap<String, &Item> =
        list.items.iter().filter_map(|item| Some((item.nodes.last()?.clone(), item))).collect();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut edges: BTreeMap<(&str, &str, &str), ()> = BTreeMap::new();
    for path in list.items.iter().flat_map(Item::paths) {
        for (hop, relation) in path.nodes.windows(2).zip(&path.relations) {
            if let [head, tail] = hop {
                edges.insert((head, relation, tail), ());
            }
        }
        names.extend(path.nodes.iter().map(String::as_str).zip(path.labels.iter().cloned()));
    }
    for (name, label) in names {
        let (label, style) = match recommended.get(name) {
            Some(item) => {
                (format!("{}. {}", item.rank, item.label), ", style=\"rounded,filled\", fillcolor=\"#dce9f7\"")
            }
            None => (label, ""),
        };
        writeln!(out, "    {} [label={}{style}];", place(name), quoted(&label))?;
    }
    for (head, relation, tail) in edges.into_keys() {
        writeln!(out, "    {} -> {} [label={}];", place(head), place(tail), quoted(relation))?;
    }
    writeln!(out, "  }}")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The columns of lists as Parquet.
#[cfg(feature = "parquet")]
pub(crate) const COLUMNS: [(&str, ColumnKind); 8] = [
    ("user", ColumnKind::Text),
    ("rank", ColumnKind::Integer),
    ("item", ColumnKind::Text),
    ("label", ColumnKind::Text),
    ("score", ColumnKind::Double),
    ("confidence", ColumnKind::Double),
    ("path", ColumnKind::Text),
    ("text", ColumnKind::Text),
];

/// A Parquet table with a row for each recommendation: `user, rank, item, label, score, confidence, path, text`.
///
/// # Errors
/// What the writer says.
#[cfg(feature = "parquet")]
pub fn write_parquet(lists: &[List], out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<(&List, &Item)> =
        lists.iter().flat_map(|list| list.items.iter().map(move |item| (list, item))).collect();
    let text =
        |of: &dyn Fn(&List, &Item) -> String| Column::Text(rows.iter().map(|(list, item)| of(list, item)).collect());
    let number = |of: &dyn Fn(&Item) -> f64| Column::Double(rows.iter().map(|(_, item)| of(item)).collect());
    let columns = [
        text(&|list, _| list.user.clone()),
        Column::Integer(rows.iter().map(|(_, item)| i64::try_from(item.rank).unwrap_or(i64::MAX)).collect()),
        text(&|_, item| item.item.clone()),
        text(&|_, item| item.label.clone()),
        number(&|item| item.score),
        number(&|item| item.confidence),
        text(&|_, item| walk(item)),
        text(&|_, item| item.text.clone()),
    ];
    write_columns(&columns, out)
}

/// The table of these columns, which are [`COLUMNS`].
#[cfg(feature = "parquet")]
pub(crate) fn write_columns(columns: &[Column; 8], out: &mut dyn Write) -> io::Result<()> {
    let names = COLUMNS.map(|(name, _)| name);
    let named: Vec<(&str, &Column)> = names.into_iter().zip(columns).collect();
    write_table("recommendations", &named, out).map_err(io::Error::other)
}

/// A path on one line: `user:1 interacted item:7 starring entity:3 ~starring item:9`.
#[cfg(feature = "parquet")]
fn walk(item: &Item) -> String {
    let mut words: Vec<&str> = item.nodes.first().map(String::as_str).into_iter().collect();
    words.extend(item.relations.iter().zip(item.nodes.iter().skip(1)).flat_map(|(r, n)| [r.as_str(), n.as_str()]));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::Explanation;

    fn lists() -> Vec<List> {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let fact = Evidence {
            head: "user:ann".to_owned(),
            relation: "interacted".to_owned(),
            tail: "item:1".to_owned(),
            file: "log.tsv".to_owned(),
            line: 7,
        };
        let path = Rendered {
            nodes: words(&["user:ann", "item:1", "entity:\"x\"", "item:2"]),
            labels: words(&["ann", "One", "X", "Two_2"]),
            relations: words(&["interacted", "by", "~by"]),
            text: "ann chose *One*; …".to_owned(),
            triples: vec![fact],
        };
        let item = Item {
            rank: 1,
            item: "2".to_owned(),
            label: "Two_2".to_owned(),
            score: -1.5,
            confidence: 0.25,
            num_paths: 3,
            ranked_by: None,
            best: Explanation { log_probability: -2.0, path },
            more_paths: Vec::new(),
        };
        let reason = Some("only one".to_owned());
        vec![List {
            user: "ann".to_owned(),
            history: Vec::new(),
            items: vec![item],
            reason,
            unexplored: 0.5,
            proven: false,
            given_up: None,
            allows_seen: false,
        }]
    }

    fn written(form: ListForm) -> String {
        let mut out = form.head().as_bytes().to_vec();
        for (number, list) in lists().iter().enumerate() {
            form.write(number, list, &mut out).expect("memory");
        }
        out.extend_from_slice(form.tail().as_bytes());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn json_is_read_back_as_it_was() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("lists.jsonl");
        std::fs::write(&path, written(ListForm::Json) + "\n").expect("written");
        let mut read = Vec::new();
        let keep = |number, list| {
            read.push((number, list));
            Ok(())
        };
        read_json(&path, keep).expect("readable");
        assert_eq!(read, [(1, lists().remove(0))]);
        std::fs::write(&path, "{\"user\": 3}\n").expect("written");
        let error = read_json(&path, |_, _| Ok(())).expect_err("no list").to_string();
        assert!(error.contains("lists.jsonl: line 1: no list"), "{error}");
    }

    #[test]
    fn people_and_graphviz_see_text_as_text() {
        let markdown = written(ListForm::Markdown { proof: true });
        assert!(markdown.contains("1. **Two\\_2**: ann chose \\*One\\*; …. (25 % of its probability)"), "{markdown}");
        assert!(markdown.contains("   - `user:ann interacted item:1 (log.tsv:7)`"), "{markdown}");
        assert!(!written(ListForm::Markdown { proof: false }).contains("log.tsv"));
        let dot = written(ListForm::Dot);
        assert!(dot.contains("\"0 item:1\" -> \"0 entity:\\\"x\\\"\" [label=\"by\"];"), "{dot}");
        assert!(dot.contains("label=\"1. Two_2\""), "{dot}");
        assert_eq!(dot.matches('{').count(), dot.matches('}').count());
        assert_eq!(written(ListForm::Tsv), "user\trank\titem\tscore\nann\t1\t2\t-1.500000\n");
    }
}
