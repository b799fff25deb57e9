//! How a graph came about: what its import did and what it found odd.

use footpath_graph::import::{CutReport, Finding, Ratings, Severity};
use footpath_graph::split::SplitSpec;
use serde::{Deserialize, Serialize};

/// How a graph came about, as far as its import told. Graphs that were made otherwise, or long ago, tell less.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// How the log was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitSpec>,
    /// Why, and what that holds out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutReport>,
    /// The ratings, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratings: Option<Ratings>,
    /// What was found when the whole was looked at, what matters most first.
    pub findings: Vec<Finding>,
}

impl Origin {
    /// What the configuration of an imported graph tells.
    pub(super) fn of(config: &serde_json::Value) -> Self {
        let report = config.get("report").cloned().unwrap_or_default();
        let mut origin: Self = serde_json::from_value(report).unwrap_or_default();
        let asked = || serde_json::from_value(config.pointer("/options/split")?.clone()).ok();
        origin.split = origin.split.or_else(asked);
        origin
    }

    /// How the log was cut, why, and what that holds out, in a line for people.
    #[must_use]
    pub fn split_words(&self) -> String {
        let split = self.split.map_or("not known", |split| split.words());
        let cut = self.cut.as_ref().map_or(String::new(), |cut| format!(" ({}); {}", cut.why, cut.words()));
        [split, &cut].concat()
    }

    /// What makes figures or reasons on this graph less than they seem, a line each.
    pub fn serious(&self) -> impl Iterator<Item = String> + '_ {
        let serious = self.findings.iter().filter(|finding| finding.severity == Severity::Serious);
        serious.map(|finding| format!("the import of this graph found {finding}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_long_ago_tells_less() {
        let old = serde_json::json!({ "options": { "split": { "by": "leave-one-out" } }, "report": {} });
        let origin = Origin::of(&old);
        assert_eq!(origin.split, Some(SplitSpec::LeaveOneOut { seed: 0 }));
        assert_eq!((origin.cut, origin.findings.len()), (None, 0));
        assert_eq!(Origin::of(&serde_json::Value::Null), Origin::default());
    }
}
