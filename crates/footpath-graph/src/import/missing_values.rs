//! Tells of ids that mean none and are in the data all the same.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::missing::WORDS;
use super::problems::Problems;
use crate::dataset::NONE;

/// Tells of ids among entities, users and items that mean none: such a node joins all that lack the same.
pub(super) fn tell(collector: &Collector, problems: &mut Problems) {
    let dataset = &collector.dataset;
    let (mut count, mut examples) = (0, Vec::new());
    for word in WORDS {
        let found = [&dataset.entities, &dataset.users, &dataset.items].map(|ids| ids.find(word).unwrap_or(NONE));
        let [entity, user, item] = found;
        if found == [NONE; 3] {
            continue;
        }
        let facts = dataset.triples.iter().filter(|t| entity != NONE && (t.head == entity || t.tail == entity));
        let choices = dataset.interactions.iter();
        let choices = choices.filter(|i| (user != NONE && i.user == user) || (item != NONE && i.item == item));
        let (facts, choices): (Vec<u32>, Vec<u32>) =
            (facts.map(|t| t.line).collect(), choices.map(|i| i.line).collect());
        count += (facts.len() + choices.len()) as u64;
        examples.extend(match (facts.first(), choices.first()) {
            (Some(&line), _) => Some(collector.facts.example(line, word, &collector.files)),
            (None, Some(&line)) => Some(collector.log.example(line, word, &collector.files)),
            (None, None) => None,
        });
    }
    if count > 0 {
        let message =
            format!("{count} records name something that looks like a missing value; it joins all that lack one");
        let mut finding = Finding::new("missing_values", Severity::Serious, count, message);
        examples.truncate(4);
        finding.examples = examples;
        problems.find(finding.way_out("option `skip_missing` leaves such records out"));
    }
    if collector.num_skipped_missing > 0 {
        let count = collector.num_skipped_missing;
        let message = format!("{count} records left out because an id looks like a missing value");
        problems.find(Finding::new("missing_values_skipped", Severity::Note, count, message));
    }
}
