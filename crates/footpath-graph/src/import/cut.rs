//! What a split held out, and why it is the one.

use super::findings::{Finding, Severity};
use super::options::Options;
use super::problems::Problems;
use crate::dataset::Dataset;
use crate::heldout::Split;
use crate::split::{Assigned, SplitSpec};
use serde::{Deserialize, Serialize};

/// How the log was cut, by users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutReport {
    /// Why the log was split as it was.
    pub why: String,
    /// Users with something held out.
    pub num_users_held_out: u64,
    /// Users with nothing held out.
    pub num_users_kept: u64,
    /// Of these, users with too few interactions for the split.
    pub num_users_too_short: u64,
    /// Users with interactions of equal time on both sides of a cut.
    pub num_users_with_ties: u64,
    /// Fewest interactions held out of a user of whom any are.
    pub min_held_out: u64,
    /// The median of the same.
    pub median_held_out: u64,
    /// First time of valid and of test, where these are the same for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<[i64; 2]>,
}

impl CutReport {
    pub(super) fn of(dataset: &Dataset, assigned: &Assigned, options: &Options, split: &SplitSpec) -> Self {
        let mut held_out = vec![0u64; dataset.users.len()];
        for interaction in dataset.interactions.iter().filter(|i| i.split != Split::Train) {
            if let Some(count) = held_out.get_mut(interaction.user as usize) {
                *count += 1;
            }
        }
        let num_users = held_out.len() as u64;
        held_out.retain(|&count| count > 0);
        held_out.sort_unstable();
        Self {
            why: why(&options.split, split).to_owned(),
            num_users_held_out: held_out.len() as u64,
            num_users_kept: num_users - held_out.len() as u64,
            num_users_too_short: assigned.num_too_short,
            num_users_with_ties: assigned.num_ties,
            min_held_out: held_out.first().copied().unwrap_or(0),
            median_held_out: held_out.get(held_out.len() / 2).copied().unwrap_or(0),
            dates: assigned.dates,
        }
    }

    /// What it holds out, in a line for people.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { num_users_held_out, min_held_out, median_held_out, .. } = self;
        let (short, ties) = (self.num_users_too_short, self.num_users_with_ties);
        let dates =
            self.dates.map_or(String::new(), |[valid, test]| format!("valid from time {valid}, test from {test}; "));
        format!(
            "{dates}held out of {num_users_held_out} users, {min_held_out} at least and {median_held_out} in the \
             median; {short} users too short, {ties} with equal times at a cut"
        )
    }

    /// Tells what makes figures on what is held out less than they seem.
    pub(super) fn tell(&self, options: &Options, split: &SplitSpec, problems: &mut Problems) {
        let (held_out, kept, least) = (self.num_users_held_out, self.num_users_kept, options.min_history);
        if held_out + kept == 0 {
            return;
        }
        if held_out == 0 && *split != SplitSpec::None {
            let message = match split {
                SplitSpec::Column => "the log names no part but train, so nothing is held out".to_owned(),
                SplitSpec::LeaveOneOut { .. } => {
                    format!("nothing is held out: none of {kept} users has three interactions")
                }
                SplitSpec::Date { .. } => "nothing is held out: all times are equal".to_owned(),
                _ => format!(
                    "nothing is held out: none of {kept} users has {least} interactions, as a split by shares needs"
                ),
            };
            let finding = Finding::new("nothing_held_out", Severity::Serious, kept, message);
            problems.find(finding.way_out(
                "option `split` = leave-one-out, or option `min_history` = 5, holds more out; there is nothing \
                     to evaluate",
            ));
        } else if 2 * self.num_users_too_short > held_out + kept {
            let count = self.num_users_too_short;
            let message = format!(
                "{count} of {} users have too few interactions to be split; they stay in train",
                held_out + kept
            );
            let finding = Finding::new("short_histories", Severity::Warning, count, message);
            problems.find(finding.way_out(format!(
                "option `min_history` takes another number than {least}, or option `split` = leave-one-out"
            )));
        }
        if self.num_users_with_ties > 0 {
            let count = self.num_users_with_ties;
            let message =
                format!("{count} of {held_out} users have equal times on both sides of a cut, and {TIES} decides");
            let finding = Finding::new("ties_at_a_cut", Severity::Note, count, message);
            problems
                .find(finding.way_out("finer times, or option `split` = date, which never cuts between equal ones"));
        }
    }
}

/// What decides between interactions of equal time.
const TIES: &str = "a hash of seed, user and item";

fn why(asked: &SplitSpec, made: &SplitSpec) -> &'static str {
    match (asked, made) {
        (SplitSpec::Auto { .. }, SplitSpec::Column) => "the log names its parts",
        (SplitSpec::Auto { .. }, SplitSpec::None) => "there are no interactions",
        (SplitSpec::Auto { .. }, SplitSpec::Temporal { .. }) => "the log has times and names no parts",
        (SplitSpec::Auto { .. }, _) => "the log has neither parts nor times",
        _ => "it was asked for",
    }
}
