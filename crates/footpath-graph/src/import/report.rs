//! What an import found, as numbers to print or to write as JSON.

use super::cut::CutReport;
use super::findings::Finding;
use super::held_out_facts::FactsReport;
use super::meeting::Meeting;
use super::options::{Format, Options};
use super::problems::Warning;
use super::ratings::Ratings;
use crate::build::{Built, Dropped};
use crate::error::Result;
use crate::heldout::Split;
use crate::report::GraphReport;
use crate::split::SplitSpec;
use footpath_core::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most warnings and findings of a bounded report.
const MAX_TOLD: usize = 100;

/// A graph and how it came about.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The graph.
    pub built: Built,
    /// What was found.
    pub report: ImportReport,
    /// How it was done: as asked, or, where it added to a graph, as that was made.
    pub options: Options,
}

/// Counts of the reading, which the graph does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Interactions read.
    pub num_read: u64,
    /// Interactions dropped for their time.
    #[serde(default)]
    pub num_outside: u64,
    /// Interactions dropped for their rating.
    pub num_filtered: u64,
    /// Interactions dropped because their user or item has too few.
    #[serde(default)]
    pub num_rare: u64,
    /// Records of all files, bad ones included.
    pub num_records: u64,
    /// Items that are linked to an entity.
    pub num_linked_items: u64,
    /// Users that are linked to an entity.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_linked_users: u64,
}

/// The last line that was read of the last file of each kind: where more files are to be counted on from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLines {
    /// Of interactions.
    pub interactions: u32,
    /// Of triples.
    pub triples: u32,
}

/// What an import found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Layout of the input.
    pub format: Format,
    /// Why it is taken for that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How the log was cut.
    pub split: SplitSpec,
    /// Why, and what that holds out.
    #[serde(default)]
    pub cut: CutReport,
    /// The ratings, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratings: Option<Ratings>,
    /// How many ids stand on both sides where they should.
    #[serde(default)]
    pub meetings: Vec<Meeting>,
    /// The train graph.
    pub graph: GraphReport,
    /// Lines of the last file of each kind that was read.
    #[serde(default)]
    pub last_lines: LastLines,
    /// Whether anything but the log lists items.
    #[serde(default)]
    pub items_are_listed: bool,
    /// Whether there is a list of users with their entities.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub users_are_listed: bool,
    /// Whether the log names the part that an interaction belongs to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_names_parts: bool,
    /// Digits after the point of the times, of which the graph has whole parts.
    #[serde(default, skip_serializing_if = "is_none")]
    pub time_scale: u32,
    /// Facts or interactions that were taken back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_removed: u64,
    /// Facts held out, where the data holds any out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_facts: Option<FactsReport>,
    /// Interactions held out for choosing a model.
    pub num_valid: u64,
    /// Interactions held out for the final figure.
    pub num_test: u64,
    /// Held-out interactions with an item that no user in train has.
    pub num_held_out_cold_items: u64,
    /// What was dropped as a repetition, and self-loops.
    pub dropped: Dropped,
    /// Counts of the reading.
    pub log: Log,
    /// Relations of the relations file that no triple uses; they are not in the graph.
    pub unused_relations: Vec<String>,
    /// Types and relations that are not listed here because there are so many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_names_left_out: u64,
    /// Bad records by kind; empty for a strict import.
    pub skipped: BTreeMap<String, u64>,
    /// Oddities that are no errors.
    pub warnings: Vec<Warning>,
    /// What was found when the whole was looked at, what matters most first.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl ImportReport {
    /// The report of a graph that was just built; the caller adds what only the reader knows.
    ///
    /// # Errors
    /// As [`Built::train_kg`]; [`footpath_core::Error::Stopped`].
    pub fn of(built: &Built, log: Log, context: &Context) -> Result<Self> {
        let kg = built.train_kg()?;
        context.check()?;
        let held_out = built.valid.iter().chain(&built.test);
        Ok(Self {
            format: Format::Auto,
            why: String::new(),
            split: SplitSpec::default(),
            cut: CutReport::default(),
            ratings: None,
            meetings: Vec::new(),
            graph: GraphReport::of(&kg, context)?,
            last_lines: LastLines::default(),
            items_are_listed: false,
            users_are_listed: false,
            log_names_parts: false,
            time_scale: 0,
            num_removed: 0,
            held_out_facts: None,
            num_valid: built.valid.len() as u64,
            num_test: built.test.len() as u64,
            num_held_out_cold_items: held_out.filter(|i| kg.popularity(i.item) == 0).count() as u64,
            dropped: built.dropped,
            log,
            unused_relations: Vec::new(),
            num_names_left_out: 0,
            skipped: BTreeMap::new(),
            warnings: Vec::new(),
            findings: Vec::new(),
        })
    }

    /// The report without what would make it longer than `max_bytes`: a manifest has a limit, and a graph may have
    /// thousands of relations with long names. What is left out is counted.
    #[must_use]
    pub fn bounded(&self, max_bytes: usize) -> Self {
        let mut report = self.clone();
        let graph = &mut report.graph;
        let mut left = max_bytes;
        let mut fits = |name: &str| {
            // A name may be written in escapes of up to six bytes for each of its own.
            let bytes = 6 * name.len() + 64;
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        graph.entities.retain(|kind| fits(&kind.name));
        graph.relations.retain(|relation| fits(&relation.name));
        report.unused_relations.retain(|name| fits(name));
        report.warnings.truncate(MAX_TOLD);
        report.findings.truncate(MAX_TOLD);
        let before = self.graph.entities.len() + self.graph.relations.len() + self.unused_relations.len();
        let after = report.graph.entities.len() + report.graph.relations.len() + report.unused_relations.len();
        report.num_names_left_out = (before - after) as u64;
        report
    }

    /// Number of interactions in a part of the log.
    #[must_use]
    pub fn num_interactions(&self, split: Split) -> u64 {
        match split {
            Split::Train => self.graph.num_train,
            Split::Valid => self.num_valid,
            Split::Test => self.num_test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::build;
    use crate::dataset::Dataset;
    use crate::report::{Degrees, Named};

    fn report(dataset: Dataset) -> ImportReport {
        let built = build(dataset).expect("built");
        ImportReport::of(&built, Log::default(), &Context::default()).expect("valid")
    }

    #[test]
    fn everything_is_counted() {
        let mut d = Dataset::default();
        d.link("a", "film-a");
        d.link("b", "film-b");
        d.item("c");
        d.interact("u", "a");
        d.interact("u", "d");
        d.fact("film-a", "starring", "ann");
        d.fact("film-b", "starring", "ann");
        d.fact("film-b", "starring", "ann");
        d.fact("bob", "knows", "bob");
        d.entity("eve", "person");
        let report = report(d);
        let graph = &report.graph;
        assert_eq!((graph.num_users, graph.num_items, graph.num_entities), (1, 4, 3));
        let named = |name: &str, count| Named { name: name.to_owned(), count };
        assert_eq!(graph.entities, [named("entity", 2), named("person", 1)]);
        assert_eq!(graph.relations, [named("knows", 1), named("starring", 2)]);
        assert_eq!((graph.num_triples, graph.num_train, graph.num_self_loops), (3, 2, 1));
        // c and d have no fact; c alone is out of reach, b is reached through ann.
        assert_eq!((graph.num_items_outside_kg, graph.num_unreachable_items), (2, 1));
        assert_eq!((graph.num_isolated_entities, graph.num_users_without_train), (1, 0));
        // Arcs: u 2, a 2, b 1, c 0, d 1, ann 2, bob 2, eve 0.
        assert_eq!(graph.degrees, Degrees { min: 0, p10: 0, p50: 1, p90: 2, p99: 2, max: 2 });
        assert_eq!(report.dropped.duplicate_triples, 1);
    }

    #[test]
    fn held_out_parts_are_counted_apart() {
        let mut d = Dataset::default();
        for item in ["a", "b", "c"] {
            d.interact("u", item);
        }
        d.interact("v", "a");
        d.fact("x", "r", "y");
        d.interactions[1].split = Split::Valid;
        d.interactions[3].split = Split::Test;
        let report = report(d);
        let all = [Split::Train, Split::Valid, Split::Test].map(|split| report.num_interactions(split));
        assert_eq!(all, [2, 1, 1]);
        // b is in valid only, a is in train as well.
        assert_eq!(report.num_held_out_cold_items, 1);
        assert_eq!((report.graph.num_users_without_train, report.graph.num_unreachable_items), (1, 1));
    }
}
