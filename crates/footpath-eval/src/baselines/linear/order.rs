//! The order of choices, and how near each other two of them stand.

use footpath_core::NodeId;
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};

/// Choices of a user that are looked at, the latest: pairs grow with their square.
const LONGEST: usize = 1_000;
/// Decides which choices of a longer history are looked at, where times do not.
const SEED: u64 = 0;

/// What two choices of one user say of each other, by where they stand in the order of the user's choices.
///
/// Choices of the same time have no order: in a group of n such choices two stand (n + 1) / 3 apart, as they would on
/// average if the group were shuffled. So without times all is one group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Order {
    /// The same, wherever they stand (EASE, Steck 2019).
    Alike,
    /// The less the further apart they stand: (1 + d/w) e^(−d/w) at a distance of d.
    Window {
        /// The w above, in choices.
        width: f32,
    },
    /// An item speaks for those chosen after it (SLIST, Choi et al., WWW 2021): at every cut of a history what came
    /// before explains what comes after, both fading away from the cut by e for so many choices.
    Ahead {
        /// Choices before the cut.
        past: f32,
        /// Choices after it.
        future: f32,
    },
}

/// A choice and where it stands among those of its user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    /// Place of the item among the items.
    pub(super) item: u32,
    /// Choices before it, half of those of the same time among them.
    rank: f32,
    /// Choices of its time, itself among them.
    tied: f32,
    /// Choices of the user.
    len: f32,
}

/// The choices of a user, by item.
pub(super) fn choices(kg: &TrainKg, user: NodeId) -> Vec<Choice> {
    let mut latest = kg.in_order(user, SEED);
    latest.drain(..latest.len().saturating_sub(LONGEST));
    let times: Vec<i64> = latest.iter().map(|(_, time)| *time).collect();
    let first = kg.items().start;
    let choice = |&(item, time): &(u32, i64)| {
        let (before, until) = (times.partition_point(|&t| t < time), times.partition_point(|&t| t <= time));
        let rank = (number(before + until) - 1.0) / 2.0;
        Choice { item: item - first, rank, tied: number(until - before), len: number(times.len()) }
    };
    let mut choices: Vec<Choice> = latest.iter().map(choice).collect();
    choices.sort_unstable_by_key(|choice| choice.item);
    choices
}

#[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
fn number(count: usize) -> f32 {
    count as f32
}

/// How far apart two choices stand; 0 for a choice and itself.
fn distance(a: &Choice, b: &Choice) -> f32 {
    match a.item == b.item {
        true => 0.0,
        false if are_tied(a, b) => (a.tied + 1.0) / 3.0,
        false => (a.rank - b.rank).abs(),
    }
}

fn are_tied(a: &Choice, b: &Choice) -> bool {
    (a.rank - b.rank).abs() < 0.25
}

impl Order {
    /// Its name, as in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alike => "ease",
            Self::Window { .. } => "window",
            Self::Ahead { .. } => "slist",
        }
    }

    /// Its numbers, in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Alike => "choices alike".to_owned(),
            Self::Window { width } => format!("window {width}"),
            Self::Ahead { past, future } => format!("past {past}, future {future}"),
        }
    }

    /// How much two choices stand together: symmetric, and of each choice with itself as well.
    pub(super) fn near(self, a: &Choice, b: &Choice) -> f32 {
        let distance = distance(a, b);
        match self {
            Self::Alike => 1.0,
            Self::Window { width } => (1.0 + distance / width) * (-distance / width).exp(),
            // The sum over all cuts after both, a geometric one.
            Self::Ahead { past, .. } => {
                let (fall, cuts) = ((-2.0 / past).exp(), (a.len - 1.0 - a.rank.max(b.rank)).max(0.0));
                (-distance / past).exp() * (1.0 - fall.powf(cuts)) / (1.0 - fall)
            }
        }
    }

    /// How much `from` says of `to`.
    pub(super) fn says(self, from: &Choice, to: &Choice) -> f32 {
        let Self::Ahead { past, future } = self else { return self.near(from, to) };
        if from.item == to.item || (from.rank > to.rank && !are_tied(from, to)) {
            return 0.0;
        }
        // Over all cuts between the two: Σ for s from 0 to d − 1 of e^(−s/past) e^(−(d − 1 − s)/future).
        let distance = distance(from, to);
        let (p, f) = ((-1.0 / past).exp(), (-1.0 / future).exp());
        let sum = match (p - f).abs() < 1e-6 {
            true => distance * p.powf(distance - 1.0),
            false => (p.powf(distance) - f.powf(distance)) / (p - f),
        };
        // Of two at the same time either may have come first.
        if are_tied(from, to) { sum / 2.0 } else { sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    fn kg(times: &[i64]) -> TrainKg {
        let mut data = Dataset { has_times: true, ..Dataset::default() };
        for (n, &time) in times.iter().enumerate() {
            data.interact("u", &format!("i{n:04}"));
            data.interactions.last_mut().expect("just put there").time = time;
        }
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    fn of(times: &[i64]) -> Vec<Choice> {
        let kg = kg(times);
        choices(&kg, NodeId(kg.users().start))
    }

    /// The definition of SLIST taken literally, with a row for each cut.
    fn literal(n: usize, past: f32, future: f32, i: usize, j: usize) -> (f32, f32) {
        let weight = |cut: usize, at: usize| match at <= cut {
            true => (-number(cut - at) / past).exp(),
            false => 0.0,
        };
        let after = |cut: usize, at: usize| match at > cut {
            true => (-number(at - cut - 1) / future).exp(),
            false => 0.0,
        };
        let cuts = 0..n - 1;
        let near = cuts.clone().map(|cut| weight(cut, i) * weight(cut, j)).sum();
        (near, cuts.map(|cut| weight(cut, i) * after(cut, j)).sum())
    }

    #[test]
    fn the_sums_over_cuts_are_those_of_the_definition() {
        let n = 7;
        let choices = of(&[0, 1, 2, 3, 4, 5, 6]);
        for (past, future) in [(2.0, 3.0), (2.0, 2.0), (5.0, 1.0)] {
            let order = Order::Ahead { past, future };
            for i in 0..n {
                for j in 0..n {
                    let (near, says) = literal(n, past, future, i, j);
                    let (a, b) = (&choices[i], &choices[j]);
                    assert!((order.near(a, b) - near).abs() < 1e-4, "{past} {future} {i} {j}");
                    assert!((order.says(a, b) - says).abs() < 1e-4, "{past} {future} {i} {j}");
                }
            }
        }
    }

    #[test]
    fn equal_times_are_equal() {
        let order = Order::Window { width: 3.0 };
        let choices = of(&[5, 5, 5, 9, 1]);
        let near = |a: usize, b: usize| order.near(&choices[a], &choices[b]);
        assert_eq!([near(0, 1), near(0, 2), near(1, 2)], [near(1, 0); 3]);
        assert_eq!([near(0, 3), near(1, 3)], [near(2, 3); 2], "to what came later it is as far from each");
        assert_eq!([near(4, 0), near(4, 1)], [near(4, 2); 2]);
        let ahead = Order::Ahead { past: 2.0, future: 3.0 };
        let says = |a: usize, b: usize| ahead.says(&choices[a], &choices[b]);
        assert_eq!(says(0, 1), says(1, 0));
        assert!(says(0, 3) > 0.0 && says(3, 0) == 0.0 && says(4, 1) > 0.0 && says(1, 4) == 0.0);
    }

    #[test]
    fn of_a_long_history_the_latest_are_looked_at() {
        let times: Vec<i64> = (0..1_200).collect();
        let choices = of(&times);
        assert_eq!((choices.len(), choices[0].item), (LONGEST, 200));
    }
}
