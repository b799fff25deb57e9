//! Which interactions are in the graph and which are held out.
//!
//! Everything is decided per user and by values, never by the order of the input. Equal times are ordered by a hash of
//! seed, user and item: were it the item's id, the same items would be held out for everybody. The random split is
//! keyed by the user's rank among the sorted ids.

use crate::dataset::{Dataset, RawInteraction};
use crate::error::{Error, Result};
use crate::heldout::Split;
use crate::interner::Interner;
use crate::sorting;
use footpath_core::{Context, Purpose, Stream};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Users with fewer interactions stay in train when the split is by ratio, unless an import says otherwise.
pub const MIN_INTERACTIONS: usize = 10;
const MILLION: u64 = 1_000_000;

/// Shares of train, valid and test in millionths, so that a cut is exact: floor(n × share).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
pub struct Ratios {
    train: u64,
    valid: u64,
}

impl Ratios {
    /// Three shares, each in (0, 1), which add up to 1.
    ///
    /// # Errors
    /// [`Error::Usage`] for other numbers.
    pub fn new(train: f64, valid: f64, test: f64) -> Result<Self> {
        let all = [train, valid, test];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "shares were checked to be in (0, 1)"
        )]
        let millionths = |share: f64| (share * 1e6).round() as u64;
        let inside = all.iter().all(|&share| share > 0.0 && share < 1.0);
        let [train, valid, test] = all.map(|share| if inside { millionths(share) } else { 0 });
        if !inside || train + valid + test != MILLION || [train, valid, test].contains(&0) {
            let reason = format!("{all:?} are not three numbers between 0 and 1 that add up to 1, such as 0.8,0.1,0.1");
            return Err(Error::Usage { option: "ratios", reason });
        }
        Ok(Self { train, valid })
    }

    /// How many of `num` interactions are in train, and how many in train and valid together.
    fn cuts(self, num: usize) -> (usize, usize) {
        let cut = |share: u64| {
            let exact = num as u128 * u128::from(share) / u128::from(MILLION);
            usize::try_from(exact).unwrap_or(num)
        };
        (cut(self.train), cut(self.train + self.valid))
    }
}

impl Default for Ratios {
    fn default() -> Self {
        Self { train: 800_000, valid: 100_000 }
    }
}

impl From<Ratios> for [f64; 3] {
    #[expect(clippy::cast_precision_loss, reason = "millionths fit 53 bits")]
    fn from(ratios: Ratios) -> Self {
        let Ratios { train, valid } = ratios;
        [train, valid, MILLION - train - valid].map(|share| share as f64 / MILLION as f64)
    }
}

impl TryFrom<[f64; 3]> for Ratios {
    type Error = Error;

    fn try_from([train, valid, test]: [f64; 3]) -> Result<Self> {
        Self::new(train, valid, test)
    }
}

/// How the log is cut into train, valid and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum SplitSpec {
    /// By the `split` column if there is one, else by time if there is one, else at random.
    Auto {
        /// Shares of the parts.
        ratios: Ratios,
        /// Seed of the random split, and of the order of equal times.
        seed: u64,
    },
    /// As the `split` column says.
    Column,
    /// The latest interactions of each user are held out.
    Temporal {
        /// Shares of the parts.
        ratios: Ratios,
        /// Seed of the order of equal times.
        #[serde(default)]
        seed: u64,
    },
    /// The last interaction of each user is for test, the one before for valid; users with fewer than three stay in
    /// train.
    LeaveOneOut {
        /// Seed of the order of equal times.
        #[serde(default)]
        seed: u64,
    },
    /// Interactions of each user drawn at random are held out.
    Random {
        /// Shares of the parts.
        ratios: Ratios,
        /// Seed of the draw.
        seed: u64,
    },
    /// What is later than one date for everybody is held out: that which leaves about these shares.
    Date {
        /// Shares of the parts.
        ratios: Ratios,
    },
    /// Nothing is held out.
    None,
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self::Auto { ratios: Ratios::default(), seed: 0 }
    }
}

/// Which columns a log has that say how it may be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogColumns {
    /// A column that names the part of each interaction.
    pub split: bool,
    /// Times or positions.
    pub time: bool,
}

impl SplitSpec {
    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Auto { .. } => "auto",
            Self::Column => "by the parts that the log names",
            Self::Temporal { .. } => "temporal: the latest of each user",
            Self::LeaveOneOut { .. } => "leave-one-out: the last two of each user",
            Self::Random { .. } => "random: of each user, by the seed",
            Self::Date { .. } => "date: what is later than one date for everybody",
            Self::None => "none",
        }
    }

    /// The split that is meant for a log with these columns; never [`SplitSpec::Auto`].
    ///
    /// # Errors
    /// [`Error::Usage`] when the log lacks the column that the split needs.
    pub fn resolve(self, log: LogColumns) -> Result<Self> {
        let LogColumns { split: has_split, time: has_times } = log;
        let needs =
            |what: &str| Err(Error::Usage { option: "split", reason: format!("the interactions have no {what}") });
        match self {
            Self::Auto { .. } if has_split => Ok(Self::Column),
            Self::Auto { ratios, seed } if has_times => Ok(Self::Temporal { ratios, seed }),
            Self::Auto { ratios, seed } => Ok(Self::Random { ratios, seed }),
            Self::Column if !has_split => needs("`split` column"),
            Self::Temporal { .. } | Self::LeaveOneOut { .. } | Self::Date { .. } if !has_times => {
                needs("`timestamp` or `position` column; option `split` = random needs none")
            }
            other => Ok(other),
        }
    }
}

/// Lines of the held-out interactions whose user and item stand in an earlier part (train, valid, test) as well.
///
/// The log is sorted on the way. When the graph is built, the earlier part wins.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn leaks(dataset: &mut Dataset, context: &Context) -> Result<Vec<u32>> {
    sorting::sort_by_key(&mut dataset.interactions, context, |i| (i.user, i.item, i.split, i.time, i.line))?;
    let leak = |pair: &[RawInteraction]| match pair {
        [a, b] if (a.user, a.item) == (b.user, b.item) && a.split != b.split => Some(b.line),
        _ => None,
    };
    let mut lines: Vec<u32> = dataset.interactions.windows(2).filter_map(leak).collect();
    lines.sort_unstable();
    Ok(lines)
}

/// What came of a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Interactions dropped because the same user and item come before.
    pub num_repeated: u64,
    /// Users with too few interactions to be cut.
    pub num_too_short: u64,
    /// Users who have equal times on both sides of a cut.
    pub num_ties: u64,
    /// First time of valid and of test, with [`SplitSpec::Date`].
    pub dates: Option<[i64; 2]>,
}

/// Sets the part of each interaction; `spec` must be resolved. Of a pair of user and item logged more than once only
/// the first in time is kept, except with [`SplitSpec::Column`], where the graph builder drops the others. Users with
/// fewer than `min_history` interactions are not cut by shares.
///
/// # Errors
/// [`Error::Usage`] as [`SplitSpec::resolve`]; [`footpath_core::Error::Stopped`].
pub fn assign(dataset: &mut Dataset, spec: &SplitSpec, min_history: usize, context: &Context) -> Result<Assigned> {
    let spec = match *spec {
        SplitSpec::Auto { .. } => spec.resolve(LogColumns { split: false, time: dataset.has_times })?,
        other => other,
    };
    if spec == SplitSpec::Column {
        return Ok(Assigned::default());
    }
    let log = &mut dataset.interactions;
    sorting::sort_by_key(log, context, |i| (i.user, i.item, i.time, i.line))?;
    let before = log.len();
    log.dedup_by_key(|i| (i.user, i.item));
    let mut assigned = Assigned { num_repeated: (before - log.len()) as u64, ..Assigned::default() };
    if let SplitSpec::Date { ratios } = spec {
        assigned.dates = dates(log, ratios, context)?;
        let [valid, test] = assigned.dates.unwrap_or([i64::MAX; 2]);
        for interaction in log {
            // Whatever part the data names, this split is another.
            interaction.split = match interaction.time {
                time if time >= test && assigned.dates.is_some() => Split::Test,
                time if time >= valid && assigned.dates.is_some() => Split::Valid,
                _ => Split::Train,
            };
        }
        return Ok(assigned);
    }
    let ids = Ids {
        users: &dataset.users,
        items: &dataset.items,
        user_ranks: ranks(&dataset.users.sorted(context)?),
        item_ranks: ranks(&dataset.items.sorted(context)?),
    };
    for mine in log.chunk_by_mut(|a, b| a.user == b.user) {
        context.check()?;
        ids.order(mine, &spec);
        let cuts = cuts(mine.len(), &spec, min_history);
        assigned.num_too_short += u64::from(cuts.is_none() && spec != SplitSpec::None);
        cut(mine, cuts.unwrap_or((mine.len(), mine.len())));
        assigned.num_ties += u64::from(dataset.has_times && !is_random(&spec) && is_tied(mine));
    }
    Ok(assigned)
}

fn is_random(spec: &SplitSpec) -> bool {
    matches!(spec, SplitSpec::Random { .. })
}

/// Whether interactions in different parts have equal times.
fn is_tied(mine: &[RawInteraction]) -> bool {
    mine.windows(2).any(|pair| matches!(pair, [a, b] if a.split != b.split && a.time == b.time))
}

/// The first times of valid and of test that leave about these shares; none where all times are equal.
fn dates(log: &[RawInteraction], ratios: Ratios, context: &Context) -> Result<Option<[i64; 2]>> {
    let mut times: Vec<i64> = log.iter().map(|i| i.time).collect();
    sorting::sort_by_key(&mut times, context, |time| *time)?;
    let (train, train_and_valid) = ratios.cuts(times.len());
    // Something must be in train, and equal times are never on both sides.
    let first = times.first().copied();
    let later = times.iter().copied().find(|&time| Some(time) > first);
    let at = |position: usize| times.get(position).copied();
    Ok(later.map(|later| {
        let valid = at(train).unwrap_or(later).max(later);
        [valid, at(train_and_valid).unwrap_or(valid).max(valid)]
    }))
}

/// The ids of users and items, and their positions among the sorted ids.
struct Ids<'a> {
    users: &'a Interner,
    items: &'a Interner,
    user_ranks: Vec<u32>,
    item_ranks: Vec<u32>,
}

fn ranks(sorted: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; sorted.len()];
    for (rank, &raw) in (0..).zip(sorted) {
        if let Some(slot) = ranks.get_mut(raw as usize) {
            *slot = rank;
        }
    }
    ranks
}

impl Ids<'_> {
    /// Puts the interactions of one user in the order in which they are cut.
    fn order(&self, mine: &mut [RawInteraction], spec: &SplitSpec) {
        let rank = |i: &RawInteraction| self.item_ranks.get(i.item as usize).copied().unwrap_or(0);
        match *spec {
            SplitSpec::Random { seed, .. } => {
                mine.sort_unstable_by_key(rank);
                let user = mine.first().and_then(|i| self.user_ranks.get(i.user as usize)).copied().unwrap_or(0);
                Stream::new(seed, Purpose::Split, user, 0).shuffle(mine);
            }
            SplitSpec::Temporal { seed, .. } | SplitSpec::LeaveOneOut { seed } => {
                // Sorted by time first, so that only equal times cost a hash.
                mine.sort_unstable_by_key(|i| i.time);
                for tied in mine.chunk_by_mut(|a, b| a.time == b.time).filter(|tied| tied.len() > 1) {
                    tied.sort_by_cached_key(|i| (self.tie_key(seed, i), rank(i)));
                }
            }
            _ => mine.sort_unstable_by_key(|i| (i.time, rank(i))),
        }
    }

    fn tie_key(&self, seed: u64, interaction: &RawInteraction) -> u64 {
        tie_key(seed, self.users.get(interaction.user), self.items.get(interaction.item))
    }
}

/// What decides between interactions of a user at the same time: the lower comes first. It is made of ids alone, so
/// that it stays the same when users or items come or go.
#[must_use]
pub fn tie_key(seed: u64, user: &str, item: &str) -> u64 {
    xxh3_64_with_seed(item.as_bytes(), xxh3_64_with_seed(user.as_bytes(), seed))
}

/// How many interactions of a user with so many are in train, and how many in train and valid; none if all are in
/// train.
fn cuts(num: usize, spec: &SplitSpec, min_history: usize) -> Option<(usize, usize)> {
    match *spec {
        SplitSpec::LeaveOneOut { .. } if num >= 3 => Some((num - 2, num - 1)),
        // Of a single interaction nothing would be left.
        SplitSpec::Temporal { ratios, .. } | SplitSpec::Random { ratios, .. } if num >= min_history.max(2) => {
            Some(ratios.cuts(num))
        }
        _ => None,
    }
}

fn cut(mine: &mut [RawInteraction], (train, train_and_valid): (usize, usize)) {
    for (position, interaction) in mine.iter_mut().enumerate() {
        interaction.split = match (position.cmp(&train), position.cmp(&train_and_valid)) {
            (Ordering::Less, _) => Split::Train,
            (_, Ordering::Less) => Split::Valid,
            _ => Split::Test,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A log of (user, item, time).
    fn dataset(log: &[(&str, &str, i64)]) -> Dataset {
        let mut dataset = Dataset { has_times: true, ..Dataset::default() };
        for &(user, item, time) in log {
            dataset.interact(user, item);
            if let Some(last) = dataset.interactions.last_mut() {
                last.time = time;
            }
        }
        dataset
    }

    /// The part of each pair, by names.
    fn parts(dataset: &Dataset) -> BTreeMap<(String, String), Split> {
        let name = |i: &RawInteraction| (dataset.users.get(i.user).to_owned(), dataset.items.get(i.item).to_owned());
        dataset.interactions.iter().map(|i| (name(i), i.split)).collect()
    }

    fn temporal(seed: u64) -> SplitSpec {
        SplitSpec::Temporal { ratios: Ratios::default(), seed }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("i{i:03}")).collect()
    }

    fn counts(spec: SplitSpec, num: usize) -> [usize; 3] {
        let items = names(num);
        let log: Vec<_> = items.iter().zip(0..).map(|(item, time)| ("u", item.as_str(), time)).collect();
        let mut dataset = dataset(&log);
        assign(&mut dataset, &spec, MIN_INTERACTIONS, &Context::default()).expect("assigned");
        [Split::Train, Split::Valid, Split::Test].map(|s| dataset.interactions.iter().filter(|i| i.split == s).count())
    }

    #[test]
    fn cuts_are_those_of_the_reference() {
        let ratios = Ratios::default();
        for num in 0..100_000usize {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as the reference does")]
            let reference = |share: f64| (num as f64 * share) as usize;
            assert_eq!(ratios.cuts(num), (reference(0.8), reference(0.9)), "{num}");
        }
        // 100 × 0.29 is 28.999999999999996 in floating point.
        assert_eq!(Ratios::new(0.29, 0.01, 0.7).expect("valid").cuts(100), (29, 30));
    }

    #[test]
    fn ratios_outside_zero_to_one_are_refused() {
        for [a, b, c] in [
            [1.0, 0.0, 0.0],
            [0.8, 0.2, 0.0],
            [1.1, -0.2, 0.1],
            [f64::NAN, 0.5, 0.5],
            [0.5, 0.2, 0.2],
            [f64::INFINITY, 0.1, 0.1],
            [0.999_999_9, 5e-8, 5e-8],
        ] {
            assert!(matches!(Ratios::new(a, b, c), Err(Error::Usage { option: "ratios", .. })), "{a} {b} {c}");
        }
        assert!(Ratios::new(0.7, 0.2, 0.1).is_ok());
    }

    #[test]
    fn users_with_few_interactions_stay_in_train() {
        let (ratios, seed) = (Ratios::default(), 3);
        for spec in [SplitSpec::Temporal { ratios, seed: 0 }, SplitSpec::Random { ratios, seed }] {
            assert_eq!(counts(spec, 9), [9, 0, 0]);
            assert_eq!(counts(spec, 10), [8, 1, 1]);
            assert_eq!(counts(spec, 19), [15, 2, 2]);
        }
        assert_eq!(counts(SplitSpec::LeaveOneOut { seed: 0 }, 2), [2, 0, 0]);
        assert_eq!(counts(SplitSpec::LeaveOneOut { seed: 0 }, 3), [1, 1, 1]);
        assert_eq!(counts(SplitSpec::None, 50), [50, 0, 0]);
    }

    #[test]
    fn the_latest_are_held_out() {
        let mut last = dataset(&[("u", "b", 3), ("u", "a", 1), ("u", "c", 2)]);
        let spec = SplitSpec::LeaveOneOut { seed: 0 };
        assign(&mut last, &spec, MIN_INTERACTIONS, &Context::default()).expect("assigned");
        let of = |item: &str| parts(&last)[&("u".to_owned(), item.to_owned())];
        assert_eq!((of("a"), of("c"), of("b")), (Split::Train, Split::Valid, Split::Test));
    }

    /// How often each of ten items, all chosen at one time by each of 400 users, is held out for test.
    fn held_out_among_equal_times(seed: u64) -> Vec<usize> {
        let (users, items) = ((0..400).map(|u| format!("u{u}")).collect::<Vec<_>>(), names(10));
        let log: Vec<_> = users.iter().flat_map(|u| items.iter().map(move |i| (u.as_str(), i.as_str(), 5))).collect();
        let mut log = dataset(&log);
        assign(&mut log, &temporal(seed), MIN_INTERACTIONS, &Context::default()).expect("assigned");
        let parts = parts(&log);
        let count = |item: &String| parts.iter().filter(|((_, i), part)| i == item && **part == Split::Test).count();
        items.iter().map(count).collect()
    }

    #[test]
    fn equal_times_prefer_no_item() {
        let counts = held_out_among_equal_times(1);
        assert_eq!(counts.iter().sum::<usize>(), 400, "one of each user");
        // Binomial: 40 expected, standard deviation 6.
        assert!(counts.iter().all(|count| (16..=64).contains(count)), "{counts:?}");
        assert_ne!(counts, held_out_among_equal_times(2), "another seed draws other lots");
        assert_eq!(counts, held_out_among_equal_times(1));
    }

    #[test]
    fn tie_keys_stay_when_other_users_and_items_come() {
        let items = names(10);
        let of_u = |more: &[(&'static str, &'static str, i64)]| {
            let mut log: Vec<_> = items.iter().map(|item| ("u", item.as_str(), 5)).collect();
            log.extend(more);
            let mut log = dataset(&log);
            assign(&mut log, &temporal(3), MIN_INTERACTIONS, &Context::default()).expect("assigned");
            parts(&log).into_iter().filter(|((user, _), _)| user == "u").collect::<Vec<_>>()
        };
        assert_eq!(of_u(&[]), of_u(&[("a", "a", 1), ("z", "i000", 5)]));
    }

    #[test]
    fn one_date_for_everybody_never_cuts_between_equal_times() {
        let items = names(100);
        let split = |time: &dyn Fn(i64) -> i64| {
            let log: Vec<_> =
                items.iter().zip(0..).map(|(item, n)| (["u", "v"][n as usize % 2], &**item, time(n))).collect();
            let mut log = dataset(&log);
            let spec = SplitSpec::Date { ratios: Ratios::default() };
            let dates = assign(&mut log, &spec, MIN_INTERACTIONS, &Context::default()).expect("assigned").dates;
            let of = |split| log.interactions.iter().filter(|i| i.split == split).map(|i| i.time).collect::<Vec<_>>();
            (dates, [Split::Train, Split::Valid, Split::Test].map(of))
        };
        let (dates, [train, valid, test]) = split(&|n| n);
        assert_eq!((dates, train.len(), valid.len(), test.len()), (Some([80, 90]), 80, 10, 10));
        for step in [3, 7, 30, 60] {
            let (dates, [train, valid, test]) = split(&|n| n / step);
            let [from_valid, from_test] = dates.expect("two dates");
            assert!(!train.is_empty() && train.iter().all(|&time| time < from_valid), "{step}");
            assert!(valid.iter().all(|&time| (from_valid..from_test).contains(&time)), "{step}");
            assert!(!test.is_empty() && test.iter().all(|&time| time >= from_test), "{step}");
        }
        assert_eq!(split(&|_| 5).0, None, "all are equal");
    }

    #[test]
    fn ties_and_short_histories_are_counted() {
        let items = names(12);
        let of = |time: &dyn Fn(i64) -> i64, spec: SplitSpec, min_history| {
            let mut log: Vec<_> = items.iter().zip(0..).map(|(item, n)| ("u", &**item, time(n))).collect();
            log.extend(items.iter().take(4).zip(0..).map(|(item, n)| ("v", &**item, n)));
            let assigned = assign(&mut dataset(&log), &spec, min_history, &Context::default()).expect("assigned");
            (assigned.num_ties, assigned.num_too_short)
        };
        let temporal = temporal(0);
        assert_eq!(of(&|n| n, temporal, 10), (0, 1));
        assert_eq!(of(&|n| n / 2, temporal, 10), (1, 1), "the cut after nine lies between equal times");
        assert_eq!(of(&|_| 0, temporal, 4), (1, 0));
        assert_eq!(of(&|_| 0, SplitSpec::Random { ratios: Ratios::default(), seed: 1 }, 10), (0, 1));
        assert_eq!(of(&|_| 0, SplitSpec::None, 10), (0, 0));
    }

    #[test]
    fn repeated_pairs_count_once_with_their_first_time() {
        let mut log = dataset(&[("u", "a", 9), ("u", "b", 2), ("u", "a", 1), ("u", "c", 3)]);
        let assigned = assign(&mut log, &SplitSpec::LeaveOneOut { seed: 0 }, MIN_INTERACTIONS, &Context::default());
        assert_eq!(assigned.expect("assigned").num_repeated, 1);
        let of = |item: &str| parts(&log)[&("u".to_owned(), item.to_owned())];
        assert_eq!((of("a"), of("b"), of("c")), (Split::Train, Split::Valid, Split::Test));
    }

    #[test]
    fn a_pair_in_two_parts_is_a_leak() {
        let mut log = dataset(&[("u", "a", 1), ("u", "b", 2), ("u", "a", 3), ("v", "a", 4), ("u", "b", 5)]);
        log.interactions[2].split = Split::Test;
        log.interactions[3].split = Split::Test;
        let found = leaks(&mut log, &Context::default()).expect("nobody stops it");
        assert_eq!(found, [4], "line 4 repeats line 2; v–a is in test only and u–b twice in train");
    }

    #[test]
    fn what_the_log_lacks_cannot_be_asked_for() {
        let ratios = Ratios::default();
        let auto = SplitSpec::default();
        let log = |split, time| LogColumns { split, time };
        assert_eq!(auto.resolve(log(true, true)).expect("column"), SplitSpec::Column);
        assert_eq!(auto.resolve(log(false, true)).expect("times"), SplitSpec::Temporal { ratios, seed: 0 });
        assert_eq!(auto.resolve(log(false, false)).expect("neither"), SplitSpec::Random { ratios, seed: 0 });
        assert!(SplitSpec::Column.resolve(log(false, true)).is_err());
        assert!(SplitSpec::Temporal { ratios, seed: 0 }.resolve(log(true, false)).is_err());
        assert!(SplitSpec::LeaveOneOut { seed: 0 }.resolve(log(true, false)).is_err());
    }

    #[test]
    fn another_seed_gives_another_split() {
        let items = names(30);
        let log: Vec<_> = items.iter().map(|item| ("u", item.as_str(), 0)).collect();
        let of = |seed| {
            let mut dataset = dataset(&log);
            assign(&mut dataset, &SplitSpec::Random { ratios: Ratios::default(), seed }, 10, &Context::default())
                .expect("assigned");
            parts(&dataset)
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    proptest! {
        #[test]
        fn the_order_of_the_log_does_not_matter(
            log in prop::collection::vec((0..4u8, 0..20u8, 0..5i64), 1..120),
            seed in any::<u64>(),
            by_time in any::<bool>(),
        ) {
            let named: Vec<_> = log.iter().map(|(u, i, t)| (format!("u{u}"), format!("i{i}"), *t)).collect();
            let mut rows: Vec<_> = named.iter().map(|(u, i, t)| (u.as_str(), i.as_str(), *t)).collect();
            let ratios = Ratios::default();
            let spec = if by_time { temporal(0) } else { SplitSpec::Random { ratios, seed } };
            let mut first = dataset(&rows);
            assign(&mut first, &spec, MIN_INTERACTIONS, &Context::default()).expect("assigned");
            Stream::new(seed, Purpose::Shuffle, 0, 0).shuffle(&mut rows);
            let mut second = dataset(&rows);
            assign(&mut second, &spec, MIN_INTERACTIONS, &Context::default()).expect("assigned");
            prop_assert_eq!(parts(&first), parts(&second));
        }
    }
}
