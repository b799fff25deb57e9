//! What is done once all records are there: contradictions, filter, split, graph, report.

use super::collector::Collector;
use super::cut::CutReport;
use super::findings::{Example, Finding, Severity};
use super::gathered::LogFields;
use super::options::Options;
use super::problems::{Flaw, Problems};
use super::report::{ImportReport, Imported, LastLines, Log};
use super::{meeting, missing_values, restated};
use crate::build::Built;
use crate::dataset::NONE;
use crate::error::{Error, Result};
use crate::split::{self, LogColumns, SplitSpec};
use footpath_core::Context;
use std::path::Path;

/// Makes a graph of what was gathered; `whole` is named where all of it is meant.
pub(super) fn finish(
    whole: &Path,
    options: &Options,
    mut collector: Collector,
    mut problems: Problems,
    context: &Context,
) -> Result<Imported> {
    problems.stop_if_strict()?;
    collector.pass_on_oddities(&mut problems);
    let fields = collector.log_fields.unwrap_or_default();
    check_fields(options, fields)?;
    let split = resolve(options.split, &collector)?;
    collector.settle_attributes(&mut problems);
    collector.settle_further(&mut problems);
    collector.settle_lines();
    let held_out_facts = collector.settle_held_out_facts(&mut problems, context)?;
    let num_removed = collector.settle_removed(&mut problems)?;
    let (interactions, triples) = (collector.log.last_line(), collector.facts.last_line());
    let (items_are_listed, users_are_listed) = (collector.listing.is_some(), collector.user_links.listed);
    let (last_lines, time_scale) = (LastLines { interactions, triples }, collector.time_scale);
    collector.settle_weights(&mut problems, context)?;
    collector.settle_links(&mut problems)?;
    collector.join_by_id(options.join_by_id || collector.joins_by_id, &mut problems);
    let users = collector.settle_users(options.join_users_by_id, &mut problems);
    collector.settle_reserved_types(&mut problems)?;
    collector.settle_twins(&mut problems);
    collector.settle_inverses(options.merge_inverses, &mut problems, context)?;
    collector.settle_log(&mut problems, context)?;
    tell_rounded_times(&collector, &mut problems);
    tell_no_log(&collector, &mut problems);
    let (mut ratings, min_rating) = collector.look_at_ratings(options.min_rating, &mut problems);
    missing_values::tell(&collector, &mut problems);
    let mut meetings = meeting::look(&collector, &mut problems, context)?;
    meetings.extend(users);
    meeting::titles(&collector, &mut problems);
    restated::tell(&collector, &mut problems, context)?;
    let num_read = collector.dataset.interactions.len() as u64;
    let num_rated_again = collector.settle_rated_again(options.rated_again, &mut problems)?;
    problems.stop_if_strict()?;
    ratings.iter_mut().for_each(|ratings| ratings.num_rated_again = num_rated_again);
    let num_outside = collector.drop_outside(options.since.as_deref(), options.until.as_deref())?;
    let num_filtered = collector.drop_low_ratings(min_rating);
    let num_rare = collector.drop_rare(options.min_interactions, context)?;
    let unused_relations = collector.drop_unused_relations();
    refuse_nothing(whole, &collector, &mut problems)?;
    if split == SplitSpec::Column {
        refuse_leaks(&mut collector, &mut problems, context)?;
    }
    let mut dataset = collector.dataset;
    let assigned = split::assign(&mut dataset, &split, options.min_history, context)?;
    let cut = CutReport::of(&dataset, &assigned, options, &split);
    cut.tell(options, &split, &mut problems);
    if options.strict {
        problems.refuse_serious(whole)?;
    }
    let num_records = problems.num_records;
    let settled = problems.finish(whole)?;
    let num_linked = |links: &[u32]| links.iter().filter(|&&link| link != NONE).count() as u64;
    let (num_linked_items, num_linked_users) = (num_linked(&dataset.links), num_linked(&dataset.user_links));
    let mut built = Built::of(dataset, context)?;
    built.dropped.duplicate_interactions += assigned.num_repeated;
    let log = Log { num_read, num_outside, num_filtered, num_rare, num_records, num_linked_items, num_linked_users };
    let mut report = ImportReport::of(&built, log, context)?;
    (report.format, report.split, report.cut) = (options.format, split, cut);
    (report.skipped, report.warnings, report.findings) = (settled.skipped, settled.warnings, settled.findings);
    (report.ratings, report.meetings, report.unused_relations) = (ratings, meetings, unused_relations);
    (report.held_out_facts, report.num_removed) = (held_out_facts, num_removed);
    (report.items_are_listed, report.users_are_listed) = (items_are_listed, users_are_listed);
    (report.last_lines, report.log_names_parts, report.time_scale) = (last_lines, fields.split, time_scale);
    Ok(Imported { built, report, options: options.clone() })
}

/// Tells of times that whoever wrote them left digits out of.
fn tell_rounded_times(collector: &Collector, problems: &mut Problems) {
    let Some((at, count)) = collector.rounded_times else { return };
    let message = format!(
        "{count} times are written with fewer digits than a time of today has, as in 1.6E+09; different ones may have \
         become equal"
    );
    let finding = Finding::new("rounded_times", Severity::Serious, count, message);
    let example = Example { text: "time".to_owned(), file: collector.files.shown_name(at.file), line: at.line.into() };
    problems.find(finding.example(example).way_out("write times as whole numbers"));
}

/// The split that is meant. Without a log there is nothing to cut, and only a split of a log needs one.
fn resolve(asked: SplitSpec, collector: &Collector) -> Result<SplitSpec> {
    let of_facts = asked == SplitSpec::Column && !collector.held_out_facts.is_empty();
    match collector.log_fields {
        None if of_facts || matches!(asked, SplitSpec::Auto { .. }) => Ok(SplitSpec::None),
        fields => {
            let fields = fields.unwrap_or_default();
            asked.resolve(LogColumns { split: fields.split, time: fields.time })
        }
    }
}

/// Tells that there is no log, so that nobody looks for users later.
fn tell_no_log(collector: &Collector, problems: &mut Problems) {
    if collector.log_fields.is_some() || collector.dataset.triples.is_empty() {
        return;
    }
    let message = "there are no interactions, so the graph has no users; walks between its entities can be drawn and \
                   learned from";
    let finding = Finding::new("no_log", Severity::Note, 1, message);
    problems.find(finding.way_out("option `interactions` = FILE adds a log"));
}

/// Refuses options that need ratings or times where there are none.
fn check_fields(options: &Options, fields: LogFields) -> Result<()> {
    let asked = [
        ("min-rating", options.min_rating.is_some(), fields.rating, "ratings"),
        ("rating-weights", options.rating_weights, fields.rating, "ratings"),
        ("since", options.since.is_some(), fields.time, "times"),
        ("until", options.until.is_some(), fields.time, "times"),
    ];
    for (option, is_given, is_there, what) in asked {
        if is_given && !is_there {
            return Err(Error::Usage { option, reason: format!("the interactions have no {what}") });
        }
    }
    Ok(())
}

/// Refuses a knowledge graph of nothing, and a log of which nothing is left. That there never was one is no error.
fn refuse_nothing(whole: &Path, collector: &Collector, problems: &mut Problems) -> Result<()> {
    let dataset = &collector.dataset;
    let lost_log = collector.log_fields.is_some() && dataset.interactions.is_empty();
    let what = match (dataset.triples.is_empty(), lost_log) {
        (true, _) => "no triple",
        (false, true) => "no interaction",
        (false, false) => return Ok(()),
    };
    problems.bad(whole, 0, Flaw::fatal("empty", format!("{what} is left to make a graph of")))
}

/// Refuses held-out interactions that an earlier part of the log has as well.
fn refuse_leaks(collector: &mut Collector, problems: &mut Problems, context: &Context) -> Result<()> {
    for line in split::leaks(&mut collector.dataset, context)? {
        let message = "the same user and item as in an earlier part of the log; when lenient it is not held out";
        let (path, line) = collector.log.place(line, &collector.files);
        problems.bad(path, line, Flaw::new("leak", message))?;
    }
    problems.stop_if_strict()
}
