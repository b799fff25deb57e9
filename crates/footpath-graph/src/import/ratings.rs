//! Ratings: what they are, which of several counts, and which are no choice.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::options::RatedAgain;
use super::problems::{Flaw, Problems};
use crate::dataset::RawInteraction;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Most bars of the histogram.
const MAX_BARS: usize = 20;

/// The ratings of a log, before any are dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratings {
    /// The lowest.
    pub min: f32,
    /// The highest.
    pub max: f32,
    /// How many there are of each rating, or from each on where there are more than twenty.
    pub histogram: Vec<Bar>,
    /// Pairs of user and item with several ratings that differ.
    pub num_rated_again: u64,
}

/// A bar of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The rating, or the lowest of the bar.
    pub rating: f32,
    /// How many.
    pub count: u64,
}

impl Ratings {
    fn of(log: &[RawInteraction]) -> Self {
        let (min, max) =
            log.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), i| (min.min(i.rating), max.max(i.rating)));
        // Of finite numbers, the order of bits is that of values once negative ones are turned round.
        let key = |rating: f32| {
            let bits = (rating + 0.0).to_bits();
            if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
        };
        let mut counts: BTreeMap<u32, (f32, u64)> = BTreeMap::new();
        for interaction in log {
            counts.entry(key(interaction.rating)).or_insert((interaction.rating, 0)).1 += 1;
        }
        let bars: Vec<Bar> = counts.into_values().map(|(rating, count)| Bar { rating, count }).collect();
        Self { min, max, histogram: in_bars(bars, min, max), num_rated_again: 0 }
    }

    /// How many are below a rating.
    fn num_below(log: &[RawInteraction], rating: f32) -> u64 {
        log.iter().filter(|i| i.rating < rating).count() as u64
    }
}

fn in_bars(bars: Vec<Bar>, min: f32, max: f32) -> Vec<Bar> {
    if bars.len() <= MAX_BARS {
        return bars;
    }
    let width = (max - min) / MAX_BARS as f32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of bars")]
    let place = |rating: f32| (((rating - min) / width) as usize).min(MAX_BARS - 1);
    let mut wide: Vec<Bar> = (0..MAX_BARS).map(|n| Bar { rating: min + width * n as f32, count: 0 }).collect();
    for bar in bars {
        if let Some(of) = wide.get_mut(place(bar.rating)) {
            of.count += bar.count;
        }
    }
    wide
}

impl Collector {
    /// What the ratings are, and what of them looks like a dislike that counts as a choice. Label columns of 0 and 1
    /// say what is a choice; the least rating that counts is returned.
    pub(super) fn look_at_ratings(
        &self,
        min_rating: Option<f32>,
        problems: &mut Problems,
    ) -> (Option<Ratings>, Option<f32>) {
        let log = &self.dataset.interactions;
        if !self.dataset.has_ratings || log.is_empty() {
            return (None, min_rating);
        }
        let ratings = Ratings::of(log);
        let is_binary = log.iter().all(|i| i.rating == 0.0 || i.rating == 1.0);
        if min_rating.is_some() {
            return (Some(ratings), min_rating);
        }
        if self.has_label && is_binary {
            let count = Ratings::num_below(log, 1.0);
            let message = format!("{count} of {} rows have label 0, which is no choice; they are dropped", log.len());
            let finding = Finding::new("label", Severity::Note, count, message);
            problems.find(finding.way_out("option `columns` = label= takes every row for a choice"));
            return (Some(ratings), Some(1.0));
        }
        let middle = ratings.min + (ratings.max - ratings.min) / 2.0;
        let (what, least) = match (ratings.min <= 0.0 && ratings.max > 0.0, ratings.max > ratings.min) {
            (true, _) => ("are zero or less", f32::MIN_POSITIVE),
            (false, true) => ("are below the middle of the scale", middle),
            (false, false) => return (Some(ratings), None),
        };
        let count = Ratings::num_below(log, least);
        if count > 0 && (least == f32::MIN_POSITIVE || 2 * count >= log.len() as u64) {
            let next = log.iter().map(|i| i.rating).filter(|rating| *rating >= least).fold(f32::INFINITY, f32::min);
            let message = format!(
                "every rating counts as a choice, but {count} of {} {what} ({} to {})",
                log.len(),
                ratings.min,
                ratings.max
            );
            // Below zero is a dislike in any scale; below the middle is one in most.
            let severity = if least == f32::MIN_POSITIVE { Severity::Serious } else { Severity::Warning };
            let finding = Finding::new("dislikes", severity, count, message);
            problems.find(finding.way_out(format!("option `min_rating` = {next} leaves them out")));
        }
        (Some(ratings), None)
    }

    /// Keeps one of several different ratings of an item by a user in one part of the log; the log is sorted by user,
    /// item, time and line. The number of such pairs is returned.
    pub(super) fn settle_rated_again(&mut self, rule: RatedAgain, problems: &mut Problems) -> Result<u64> {
        if !self.dataset.has_ratings {
            return Ok(0);
        }
        let mut log = std::mem::take(&mut self.dataset.interactions);
        let (mut num_pairs, mut refused, mut first) = (0, Vec::new(), None);
        let mut kept = 0;
        let mut start = 0;
        while start < log.len() {
            let pair = log.get(start).map(|i| (i.user, i.item));
            let end = start + log.iter().skip(start).take_while(|i| Some((i.user, i.item)) == pair).count();
            let same = log.get(start..end).unwrap_or_default();
            let of_first = same.first().copied();
            let differ = same.iter().any(|i| of_first.is_some_and(|f| f.rating != i.rating));
            let one_part = same.iter().all(|i| of_first.is_some_and(|f| f.split == i.split));
            let chosen = if differ && one_part { choose(same, rule) } else { None };
            if let Some(chosen) = chosen {
                num_pairs += 1;
                first.get_or_insert(chosen.line);
                refused.extend(same.get(1).filter(|_| rule == RatedAgain::Refuse).map(|i| i.line));
                if let Some(slot) = log.get_mut(kept) {
                    *slot = chosen;
                }
                kept += 1;
            } else {
                log.copy_within(start..end, kept);
                kept += end - start;
            }
            start = end;
        }
        log.truncate(kept);
        self.dataset.interactions = log;
        for line in refused {
            let (path, line) = self.log.place(line, &self.files);
            problems.bad(path, line, Flaw::new("rated_again", "another rating of the same item by the same user"))?;
        }
        if num_pairs > 0 && rule != RatedAgain::Refuse {
            let which = match rule {
                RatedAgain::First => "the first",
                RatedAgain::Max => "the highest",
                RatedAgain::Last | RatedAgain::Refuse => "the last",
            };
            let message =
                format!("{num_pairs} pairs of user and item have several ratings that differ; {which} counts");
            let finding = Finding::new("rated_again", Severity::Note, num_pairs, message);
            problems.find(finding.way_out("option `rated_again` = last, first, max or refuse"));
        }
        Ok(num_pairs)
    }
}

fn choose(same: &[RawInteraction], rule: RatedAgain) -> Option<RawInteraction> {
    let chosen = match rule {
        RatedAgain::Last => same.last(),
        RatedAgain::First | RatedAgain::Refuse => same.first(),
        // Of equal ones the first.
        RatedAgain::Max => same.iter().max_by(|a, b| a.rating.total_cmp(&b.rating).then(Ordering::Greater)),
    };
    chosen.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(ratings: &[f32]) -> Vec<RawInteraction> {
        let of = |(line, &rating): (u32, &f32)| RawInteraction {
            user: 0,
            item: 0,
            rating,
            time: line.into(),
            line,
            split: crate::Split::Train,
        };
        (1..).zip(ratings).map(of).collect()
    }

    #[test]
    fn histograms_have_a_bar_for_each_rating_or_twenty() {
        let few = Ratings::of(&log(&[3.0, -1.0, 3.0, 0.5]));
        let bars: Vec<_> = few.histogram.iter().map(|bar| (bar.rating, bar.count)).collect();
        assert_eq!((few.min, few.max, bars), (-1.0, 3.0, vec![(-1.0, 1), (0.5, 1), (3.0, 2)]));
        let many: Vec<f32> = (0..=100).map(|n| n as f32 / 10.0).collect();
        let many = Ratings::of(&log(&many));
        assert_eq!((many.histogram.len(), many.histogram.iter().map(|bar| bar.count).sum::<u64>()), (MAX_BARS, 101));
    }

    #[test]
    fn one_of_several_ratings_counts() {
        let log = log(&[4.0, 5.0, 5.0, 1.0]);
        let line = |rule| choose(&log, rule).map(|i| i.line);
        assert_eq!(line(RatedAgain::Last), Some(4));
        assert_eq!(line(RatedAgain::First), Some(1));
        assert_eq!(line(RatedAgain::Max), Some(2));
    }
}
