//! The auditor: re-checks every path of a corpus against the triples and the held-out interactions.
//!
//! It shares nothing with the sampler but the graph and the definition of the pattern: no counts, no tables, no random
//! numbers.

use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::Pattern;
use crate::sample::{EndSet, SampleSpec};
use footpath_core::{Context, Corpus, NodeId, Path, RelationId, Triple};
use serde::Serialize;
use std::collections::BTreeMap;

/// Paths between two looks at whether to stop.
const CHECKED_PATHS: usize = 1 << 10;

/// Held-out items by user; each list ascending. See [`crate::HeldOut::by_user`].
pub type HeldOutItems = BTreeMap<NodeId, Vec<NodeId>>;

/// What an audit found; a path may be wrong in several ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Paths looked at.
    pub paths: u64,
    /// Paths with a hop that is no triple of the train graph.
    pub illegal: u64,
    /// Paths that the pattern does not accept, or that do not start where it says.
    pub off_pattern: u64,
    /// Paths that meet a node twice although they must not.
    pub not_simple: u64,
    /// Paths whose end is not in the end set.
    pub wrong_end: u64,
    /// Paths with a hop between a user and an item held out from that user, in either direction.
    pub leaked: u64,
    /// Number of the first path that is wrong, from 0.
    pub first_wrong: Option<u64>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.first_wrong.is_none()
    }
}

/// Audits every path of a corpus. `held_out` are the parts of the log that must not show.
///
/// # Errors
/// [`footpath_core::Error::Corrupt`] when a row is no path at all; [`footpath_core::Error::Stopped`].
pub fn audit_corpus(
    corpus: &Corpus,
    kg: &TrainKg,
    pattern: &Pattern,
    spec: &SampleSpec,
    held_out: &[HeldOutItems],
    context: &Context,
) -> Result<AuditReport> {
    let stage = context.stage("auditing", Some(corpus.len() as u64), "paths");
    let mut auditor = Auditor { kg, pattern, spec, held_out, report: AuditReport::default() };
    let mut paths = corpus.paths().peekable();
    while paths.peek().is_some() {
        for path in paths.by_ref().take(CHECKED_PATHS) {
            auditor.check(&path?);
        }
        stage.reach(auditor.report.paths)?;
    }
    Ok(auditor.report)
}

/// Audits a few paths from anywhere.
#[must_use]
pub fn audit_paths<'p>(
    paths: impl IntoIterator<Item = &'p Path>,
    kg: &TrainKg,
    pattern: &Pattern,
    spec: &SampleSpec,
    held_out: &[HeldOutItems],
) -> AuditReport {
    let mut auditor = Auditor { kg, pattern, spec, held_out, report: AuditReport::default() };
    paths.into_iter().for_each(|path| auditor.check(path));
    auditor.report
}

struct Auditor<'a> {
    kg: &'a TrainKg,
    pattern: &'a Pattern,
    spec: &'a SampleSpec,
    held_out: &'a [HeldOutItems],
    report: AuditReport,
}

impl Auditor<'_> {
    fn check(&mut self, path: &Path) {
        let illegal = !path.triples().all(|triple| self.kg.find(triple).is_some());
        let off_pattern = !self.is_accepted(path);
        let not_simple = self.spec.simple && !path.is_simple();
        let wrong_end = !self.ends_well(path);
        let leaked = path.triples().any(|triple| self.is_held_out(triple));
        let report = &mut self.report;
        if illegal || off_pattern || not_simple || wrong_end || leaked {
            report.first_wrong.get_or_insert(report.paths);
        }
        report.paths += 1;
        report.illegal += u64::from(illegal);
        report.off_pattern += u64::from(off_pattern);
        report.not_simple += u64::from(not_simple);
        report.wrong_end += u64::from(wrong_end);
        report.leaked += u64::from(leaked);
    }

    fn is_accepted(&self, path: &Path) -> bool {
        let automaton = self.pattern.automaton();
        let starts = path.nodes.first().is_some_and(|&node| self.pattern.starts().contains(&self.kg.kind_of(node)));
        let step = |state, hop: Triple| automaton.step(state, hop.relation, self.kg.kind_of(hop.tail));
        let last = path.triples().try_fold(automaton.start(), step);
        starts && last.is_some_and(|state| automaton.is_accepting(state))
    }

    fn ends_well(&self, path: &Path) -> bool {
        // After one hop the end is what the first hop leads to.
        let ([user, linked, ..], Some(end)) = (path.nodes.as_slice(), path.nodes.last()) else { return false };
        let place = |item: NodeId| {
            let arc = self.kg.find(Triple { head: *user, relation: RelationId::INTERACTED, tail: item })?;
            Some(arc - self.kg.arcs(*user).of(RelationId::INTERACTED).first)
        };
        let chosen = place(*end).is_some();
        let time = |item: NodeId| self.kg.times_of(*user).get(place(item)?);
        let in_order = match (time(*linked), time(*end)) {
            (Some(first), Some(last)) if self.spec.causal && path.nodes.len() > 2 => first < last,
            _ => true,
        };
        in_order
            && match self.spec.ends {
                EndSet::Train => chosen && end != linked,
                EndSet::Unseen => !chosen && self.kg.is_item(*end),
                // Walks of a pattern that does not start at users end wherever it says.
                EndSet::Any => !self.pattern.starts_at_users() || self.kg.is_item(*end),
            }
    }

    fn is_held_out(&self, triple: Triple) -> bool {
        let (user, item) = match triple.relation {
            RelationId::INTERACTED => (triple.head, triple.tail),
            RelationId::INTERACTED_BY => (triple.tail, triple.head),
            _ => return false,
        };
        let items = |part: &HeldOutItems| part.get(&user).is_some_and(|items| items.binary_search(&item).is_ok());
        self.held_out.iter().any(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::build;
    use crate::dataset::Dataset;

    fn kg() -> TrainKg {
        let mut d = Dataset::default();
        for (user, item) in [("u1", "i1"), ("u1", "i2"), ("u2", "i2"), ("u2", "i3")] {
            d.interact(user, item);
        }
        d.link("i1", "f1");
        d.link("i2", "f2");
        d.fact("f1", "starring", "ann");
        d.fact("f2", "starring", "ann");
        build(d).expect("built").train_kg().expect("valid")
    }

    fn path(kg: &TrainKg, nodes: &[&str], relations: &[&str]) -> Path {
        Path {
            nodes: nodes.iter().map(|name| kg.node(name).expect("a node")).collect(),
            relations: relations.iter().map(|name| kg.relation(name).expect("a relation")).collect(),
        }
    }

    #[test]
    fn each_kind_of_wrong_path_is_found() {
        let kg = kg();
        let pattern = Pattern::hops(3, &kg).expect("valid");
        let node = |name| kg.node(name).expect("a node");
        let held_out = [HeldOutItems::from([(node("user:u2"), vec![node("item:i1")])])];
        let by_ann = ["interacted", "starring", "~starring"];
        let by_user = ["interacted", "~interacted", "interacted"];
        // nodes, relations, end set, expected [illegal, off pattern, not simple, wrong end, leaked]
        type Case<'a> = (&'a [&'a str], &'a [&'a str], EndSet, [u64; 5]);
        let cases: &[Case<'_>] = &[
            (&["user:u1", "item:i1", "entity:ann", "item:i2"], &by_ann, EndSet::Train, [0; 5]),
            (&["user:u1", "item:i2", "user:u2", "item:i3"], &by_user, EndSet::Unseen, [0; 5]),
            (&["user:u1", "item:i1", "entity:ann", "item:i2"], &by_ann, EndSet::Unseen, [0, 0, 0, 1, 0]),
            (&["user:u1", "item:i2", "user:u2", "item:i3"], &by_user, EndSet::Train, [0, 0, 0, 1, 0]),
            (&["user:u1", "item:i3", "user:u2", "item:i2"], &by_user, EndSet::Train, [1, 0, 0, 0, 0]),
            (&["user:u1", "item:i1", "entity:ann", "item:i1"], &by_ann, EndSet::Any, [0, 0, 1, 0, 0]),
            (&["user:u1", "item:i1", "entity:ann", "item:i1"], &by_ann, EndSet::Train, [0, 0, 1, 1, 0]),
            (&["user:u1", "item:i2", "user:u2", "item:i1"], &by_user, EndSet::Any, [1, 0, 0, 0, 1]),
            (&["user:u1", "item:i1", "user:u2", "item:i2"], &by_user, EndSet::Any, [1, 0, 0, 0, 1]),
            (&["user:u1", "item:i1"], &["interacted"], EndSet::Any, [0, 1, 0, 0, 0]),
            (&["user:u1", "item:i1"], &["interacted"], EndSet::Train, [0, 1, 0, 1, 0]),
            (&["user:u1", "item:i2", "item:i1", "entity:ann"], &by_ann, EndSet::Any, [1, 1, 0, 1, 0]),
            (&["item:i2", "entity:ann", "item:i1", "entity:ann"], &by_ann, EndSet::Any, [1, 1, 1, 1, 0]),
        ];
        for (nodes, relations, ends, expected) in cases {
            let spec = SampleSpec { ends: *ends, ..SampleSpec::default() };
            let report = audit_paths([&path(&kg, nodes, relations)], &kg, &pattern, &spec, &held_out);
            let got = [report.illegal, report.off_pattern, report.not_simple, report.wrong_end, report.leaked];
            assert_eq!(got, *expected, "{nodes:?} {ends:?}");
            assert_eq!(report.is_clean(), *expected == [0; 5]);
        }
    }
}
