//! `verify`: are the explanations of a file of recommendations true? Checked against the graph alone, without the model
//! that made them.

use crate::error::Result;
use crate::recommend::{Explanation, List};
use crate::text::formats;
use crate::text::render::Evidence;
use footpath_core::{Context, NodeId, RelationId, Triple};
use footpath_graph::TrainKg;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Most findings that are told one by one; all are counted.
pub const MAX_FINDINGS: usize = 100;

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lists read.
    pub lists: u64,
    /// Recommended items.
    pub items: u64,
    /// Paths, further ones included.
    pub paths: u64,
    /// Hops, each looked up in the graph.
    pub hops: u64,
    /// Hops with a file and line, each compared with the graph's.
    pub sources: u64,
    /// Number of things that are wrong.
    pub wrong: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line of the file.
    pub line: usize,
    /// The user's id.
    pub user: String,
    /// The item's id, where it is about one.
    pub item: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// Checks every list of the file at `recommendations`, as `recommend --json` writes it, against a graph.
///
/// Of a list: the user is known, or brings a history of known items; no item comes twice or was chosen by the user;
/// ranks count up from 1 and scores do not rise. Of a path: it starts at the user, ends at the item, meets no node
/// twice, and every hop is a fact of the train graph (for a guest, the first is in the history). Of a fact with file
/// and line: it is the hop's, and the graph has it from there.
///
/// # Errors
/// A file that cannot be read, [`footpath_core::Error::Stopped`]. What is wrong in the file is no error but in the
/// report.
pub fn run(recommendations: &Path, kg: &TrainKg, context: &Context) -> Result<Report> {
    let mut report = Report::default();
    let stage = context.stage("verifying", None, "lists");
    formats::read_json(recommendations, |line, list| {
        Check { kg, line, report: &mut report }.list(&list);
        Ok(stage.advance(1)?)
    })?;
    Ok(report)
}

/// Checks lists from memory, as [`run`] those of a file; the number of a list stands for its line.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn of_lists<'l>(lists: impl IntoIterator<Item = &'l List>, kg: &TrainKg, context: &Context) -> Result<Report> {
    let mut report = Report::default();
    let stage = context.stage("verifying", None, "lists");
    for (line, list) in (1..).zip(lists) {
        Check { kg, line, report: &mut report }.list(list);
        stage.advance(1)?;
    }
    Ok(report)
}

struct Check<'a> {
    kg: &'a TrainKg,
    line: usize,
    report: &'a mut Report,
}

/// Whose list it is.
struct Subject<'a> {
    id: &'a str,
    /// Their node, or `None` for a guest.
    node: Option<NodeId>,
    chosen: BTreeSet<NodeId>,
}

impl Check<'_> {
    fn wrong(&mut self, user: &str, item: Option<&str>, what: impl Into<String>) {
        self.report.wrong += 1;
        if self.report.findings.len() < MAX_FINDINGS {
            let (line, user, item) = (self.line, user.to_owned(), item.map(str::to_owned));
            self.report.findings.push(Finding { line, user, item, what: what.into() });
        }
    }

    fn list(&mut self, list: &List) {
        self.report.lists += 1;
        let subject = self.subject(list);
        let mut seen = BTreeSet::new();
        let mut score = f64::INFINITY;
        for (place, item) in (1..).zip(&list.items) {
            self.report.items += 1;
            let wrong = |check: &mut Self, what: &str| check.wrong(&list.user, Some(&item.item), what);
            if item.rank != place {
                wrong(self, &format!("rank {} at place {place}", item.rank));
            }
            if item.score.is_nan() || item.score > score {
                wrong(self, "the score is no number or above that of the item before");
            }
            score = item.score;
            if !(item.confidence > 0.0 && item.confidence <= 1.0) {
                wrong(self, "the confidence is not within (0, 1]");
            }
            let Ok(node) = self.kg.item(&item.item) else {
                wrong(self, "the graph has no such item");
                continue;
            };
            if !seen.insert(node) {
                wrong(self, "the item comes twice");
            }
            if subject.chosen.contains(&node) && !list.allows_seen {
                wrong(self, "the user has chosen the item already");
            }
            for path in std::iter::once(&item.best).chain(&item.more_paths) {
                self.path(&subject, node, path);
            }
        }
    }

    fn subject<'a>(&mut self, list: &'a List) -> Subject<'a> {
        let id = list.user.as_str();
        if list.history.is_empty() {
            let node = self.kg.user(id).ok();
            if node.is_none() {
                self.wrong(id, None, "the graph has no such user, and there is no history");
            }
            let chosen = node.map(|user| self.kg.items_of(user)).unwrap_or_default();
            return Subject { id, node, chosen: chosen.iter().map(|&item| NodeId(item)).collect() };
        }
        let mut chosen = BTreeSet::new();
        for item in &list.history {
            match self.kg.item(item) {
                Ok(item) => drop(chosen.insert(item)),
                Err(_) => self.wrong(id, Some(item), "the history names an item the graph does not have"),
            }
        }
        Subject { id, node: None, chosen }
    }

    fn path(&mut self, subject: &Subject<'_>, item: NodeId, explanation: &Explanation) {
        self.report.paths += 1;
        let path = &explanation.path;
        let name = self.kg.id(item).to_owned();
        if path.relations.is_empty() || path.nodes.len() != path.relations.len() + 1 {
            return self.wrong(subject.id, Some(&name), "the path is not node, relation, node, …");
        }
        if path.nodes.first() != Some(&format!("user:{}", subject.id)) {
            self.wrong(subject.id, Some(&name), "the path does not start at the user");
        }
        if path.nodes.last() != Some(&self.kg.node_name(item)) {
            self.wrong(subject.id, Some(&name), "the path does not end at the item");
        }
        if path.nodes.iter().collect::<BTreeSet<_>>().len() < path.nodes.len() {
            self.wrong(subject.id, Some(&name), "the path meets a node twice");
        }
        for (index, (hop, relation)) in path.nodes.windows(2).zip(&path.relations).enumerate() {
            let [head, tail] = hop else { continue };
            self.report.hops += 1;
            let chosen_by_guest = index == 0 && subject.node.is_none();
            let triple = self.triple(chosen_by_guest, head, relation, tail);
            let holds = match triple {
                Some(triple) if chosen_by_guest => subject.chosen.contains(&triple.tail),
                Some(triple) => self.kg.find(triple).is_some(),
                None => false,
            };
            match triple {
                Some(triple) if holds => {
                    if let Some(fact) = path.triples.get(index).filter(|_| !chosen_by_guest) {
                        self.source(subject.id, &name, triple, fact);
                    }
                }
                _ => self.wrong(subject.id, Some(&name), format!("not in the graph: {head} {relation} {tail}")),
            }
        }
    }

    /// A hop in the numbers of the graph; a guest's own node is not looked at.
    fn triple(&self, chosen_by_guest: bool, head: &str, relation: &str, tail: &str) -> Option<Triple> {
        let relation = self.kg.relation(relation)?;
        let head = match chosen_by_guest {
            true if relation != RelationId::INTERACTED => return None,
            true => NodeId(u32::MAX),
            false => self.kg.node(head).ok()?,
        };
        Some(Triple { head, relation, tail: self.kg.node(tail).ok()? })
    }

    /// Whether a fact is the one of a hop, and stands where it says.
    fn source(&mut self, user: &str, item: &str, hop: Triple, fact: &Evidence) {
        self.report.sources += 1;
        let stated = hop.stated();
        let (file, line) = self.kg.source(stated).unwrap_or(("", 0));
        let same = fact.head == self.kg.node_name(stated.head)
            && fact.relation == self.kg.relation_name(stated.relation)
            && fact.tail == self.kg.node_name(stated.tail);
        if !same || (fact.file.as_str(), fact.line) != (file, line) {
            let claimed = formats::statement(fact);
            self.wrong(user, Some(item), format!("the graph has no such fact from there: {claimed}"));
        }
    }
}
