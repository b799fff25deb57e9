//! `count` and `sample`: the paths of a graph as figures and as a corpus.

use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use crate::pattern::Shape;
use footpath_core::{ArtefactKind, Context, CorpusWriter, Manifest, NodeId, Replace, artefact};
use footpath_graph::TrainKg;
use footpath_graph::pattern::Mixture;
pub use footpath_graph::sample::{
    Amount, CorpusSampler, CountSummary, EndSet, Law, MixtureSampler, Quota, Replacement, SampleSpec, SampleSummary,
    Sampling, Scratch, Shard, UserRange, Users, Views,
};
use footpath_graph::sample::{count_paths, path_counts, sample_corpus};
use serde::Serialize;
use std::ops::Range;
use std::path::Path as FilePath;

/// Most paths drawn for a user.
pub const MAX_PATHS_PER_USER: u64 = 1_000_000;

/// Most paths of a corpus asked for by their total.
pub const MAX_PATHS: u64 = 1_000_000_000_000;

/// Numbers of paths, and of which.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counted {
    /// The pattern in canonical form.
    pub pattern: String,
    /// Which items paths may end in.
    pub end: EndSet,
    /// The numbers.
    #[serde(flatten)]
    pub summary: CountSummary,
}

/// Counts the paths of every user of a graph.
///
/// # Errors
/// A bad pattern, more paths than 64 bits can count, [`footpath_core::Error::Stopped`].
pub fn count(kg: &TrainKg, shape: &Shape, ends: EndSet, context: &Context) -> Result<Counted> {
    let pattern = shape.mixture(kg)?.union().clone();
    let summary = context.run(|| count_paths(kg, &pattern, ends, context))??;
    Ok(Counted { pattern: pattern.source().to_owned(), end: ends, summary })
}

/// How to sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which paths.
    pub shape: Shape,
    /// By which law, to which ends, with which seed.
    pub spec: SampleSpec,
    /// How many.
    pub amount: Amount,
    /// For which users. The corpora of all parts, one after the other, are that of the whole.
    pub part: Part,
    /// Whether the output may be replaced.
    pub replace: Replace,
}

/// A part of the users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of parts with nearly the same number of users; the default shard is all of them.
    Shard(Shard),
    /// Users by number, in the order of their ids, counted from 0.
    Range(Range<u32>),
}

impl Default for Part {
    /// All users.
    fn default() -> Self {
        Self::Shard(Shard::default())
    }
}

impl Options {
    /// Checks every number, so that nothing is begun for nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the option.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: String| {
            if holds { Ok(()) } else { Err(Error::Usage { option, reason }) }
        };
        let (option, paths, max) = match self.amount.quota {
            Quota::PerUser(paths) => ("paths-per-user", paths, MAX_PATHS_PER_USER),
            Quota::PerEnd(paths) => ("paths-per-end", paths, MAX_PATHS_PER_USER),
            Quota::Every(paths) => ("all-paths", paths, MAX_PATHS_PER_USER),
            Quota::Total(paths) => ("num-paths", paths, MAX_PATHS),
        };
        rule((1..=max).contains(&paths), option, format!("must be 1 to {max}, got {paths}"))
    }
}

/// A sampled corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// The pattern in canonical form.
    pub pattern: String,
    /// Which users by number, of a part that is no shard.
    pub range: Option<UserRange>,
    /// Which shard, of any other.
    pub shard: Option<Shard>,
    /// Numbers of paths and users.
    pub summary: SampleSummary,
    /// What was published.
    pub manifest: Manifest,
}

/// Samples a corpus from a graph and publishes it at `out`.
///
/// # Errors
/// An output that exists, a bad pattern or option, a disk that refuses, [`footpath_core::Error::Stopped`]; nothing is
/// left behind then.
pub fn run(kg: &Kg, out: &FilePath, options: &Options, context: &Context) -> Result<Sampled> {
    artefact::refuse_existing(out, ArtefactKind::Corpus, options.replace)?;
    let shard = match &options.part {
        Part::Shard(shard) => *shard,
        Part::Range(range) => {
            return Prepared::new(kg, options, context)?.publish(range.clone(), out, options.replace, context);
        }
    };
    options.validate()?;
    let mixture = options.shape.mixture(kg)?;
    options.spec.validate(kg)?;
    let mut writer = CorpusWriter::create(out, 2 * mixture.max_hops() + 1, options.replace)?;
    let Options { ref spec, amount, .. } = *options;
    let summary = context.run(|| {
        let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
        sample_corpus(kg, &mixture, spec, amount, shard, context, &mut sink)
    })??;
    let sampling = Sampling::of_corpus(&mixture, spec, amount, shard, &summary);
    publish(writer, kg, sampling, summary)
}

fn publish(writer: CorpusWriter, kg: &Kg, sampling: Sampling, summary: SampleSummary) -> Result<Sampled> {
    let manifest = writer.publish(kg.content_hash().to_owned(), kg.vocabulary(), sampling.to_json()?)?;
    let Sampling { pattern, range, shard, .. } = sampling;
    Ok(Sampled { pattern, range, shard, summary, manifest })
}

/// A sampler to keep, for one range of users after another: its tables are made once.
#[derive(Debug)]
pub struct Prepared {
    kg: Kg,
    mixture: Mixture,
    spec: SampleSpec,
    amount: Amount,
    sampler: CorpusSampler,
}

const _: () = {
    const fn is_shared_freely<T: Send + Sync + 'static>() {}
    is_shared_freely::<Prepared>();
};

impl Prepared {
    /// Prepares to draw as [`run`] does with these options, for whatever part of the users.
    ///
    /// # Errors
    /// A bad pattern or option; [`footpath_core::Error::Stopped`].
    pub fn new(kg: &Kg, options: &Options, context: &Context) -> Result<Self> {
        options.validate()?;
        let mixture = options.shape.mixture(kg)?;
        options.spec.validate(kg)?;
        let (spec, amount) = (options.spec.clone(), options.amount);
        let sampler = context.run(|| CorpusSampler::new(kg, &mixture, &spec, amount, context))??;
        Ok(Self { kg: kg.clone(), mixture, spec, amount, sampler })
    }

    /// Tokens of a row.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.sampler.row_width()
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &Kg {
        &self.kg
    }

    /// What draws.
    #[must_use]
    pub fn sampler(&self) -> &CorpusSampler {
        &self.sampler
    }

    /// Publishes the corpus of some users by number at `out`: what [`run`] publishes for [`Part::Range`]. That of all
    /// users is the one that it publishes for all.
    ///
    /// # Errors
    /// As [`run`]; [`Error::Usage`] for a range of users that there are not, and for a total of walks, which is shared
    /// out by draws and not by users.
    pub fn publish(&self, range: Range<u32>, out: &FilePath, replace: Replace, context: &Context) -> Result<Sampled> {
        if self.mixture.union().is_walk() && matches!(self.amount.quota, Quota::Total(_)) {
            let reason = "so many walks in all have no parts by users; take shards, or so many for each start";
            return Err(Error::Usage { option: "range", reason: reason.to_owned() });
        }
        let of = self.sampler.num_starts();
        if range.start > range.end || range.end > of {
            let reason = format!("{}..{} of {of} users, who are counted from 0", range.start, range.end);
            return Err(Error::Usage { option: "range", reason });
        }
        let mut writer = CorpusWriter::create(out, self.row_width(), replace)?;
        let users = Users::Numbers(range.clone());
        let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
        let summary = context.run(|| self.sampler.draw(&users, context, &mut sink))??;
        let mut sampling = Sampling::of_corpus(&self.mixture, &self.spec, self.amount, Shard::default(), &summary);
        if range != (0..of) {
            sampling.range = Some(UserRange { first: range.start, end: range.end, of });
            sampling.shard = None;
        }
        publish(writer, &self.kg, sampling, summary)
    }
}

/// Cuts the users into at most so many ranges of about the same work, in their order: half of the work of a user is
/// that there is one, the other half goes by the number of paths of this shape that the user has, beside the mean. All
/// but the last end at a multiple of `together` users; see [`USERS_TOGETHER`](crate::recommend::USERS_TOGETHER).
///
/// # Errors
/// [`Error::Usage`] for no parts, or no users together; a bad pattern; [`footpath_core::Error::Stopped`].
pub fn ranges(kg: &TrainKg, shape: &Shape, parts: u32, together: u32, context: &Context) -> Result<Vec<Range<u32>>> {
    for (option, number) in [("parts", parts), ("together", together)] {
        if number == 0 {
            return Err(Error::Usage { option, reason: "must be at least 1".to_owned() });
        }
    }
    let pattern = shape.mixture(kg)?.union().clone();
    let counts = match context.run(|| path_counts(kg, &pattern, context))? {
        // How much there is to do is all that is asked here.
        Err(footpath_graph::Error::CountOverflow { .. }) => {
            kg.users().map(|user| kg.items_of(NodeId(user)).len() as u64).collect()
        }
        counts => counts?,
    };
    Ok(of_equal_work(&counts, parts, together))
}

/// Ranges of places whose work is about the same; none is empty.
fn of_equal_work(counts: &[u64], parts: u32, together: u32) -> Vec<Range<u32>> {
    // Nothing below is over 128 bits with so many at most.
    let capped = |count: u64| u128::from(count.min(1 << 48));
    let (users, paths) = (counts.len() as u128, counts.iter().map(|&count| capped(count)).sum::<u128>());
    // Work in whole numbers, so that every machine cuts alike: of all users twice their number times all paths.
    let of_user = |count: u64| paths.max(1) + capped(count) * users;
    let all: u128 = counts.iter().map(|&count| of_user(count)).sum();
    let mut ranges = Vec::new();
    let (mut first, mut done, mut end) = (0u32, 0u128, 0u32);
    for &count in counts {
        done += of_user(count);
        end += 1;
        let cut = all / u128::from(parts) * (ranges.len() as u128 + 1);
        if done >= cut && end % together == 0 && ranges.len() + 1 < parts as usize {
            ranges.push(first..end);
            first = end;
        }
    }
    if first < end {
        ranges.push(first..end);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_all_users_in_order_and_about_as_much_work(
            counts in proptest::collection::vec(0u64..1000, 0..60), parts in 1u32..12, together in 1u32..9,
        ) {
            let ranges = of_equal_work(&counts, parts, together);
            let all: Vec<u32> = ranges.iter().cloned().flatten().collect();
            let users = u32::try_from(counts.len()).expect("few");
            prop_assert_eq!(all, (0..users).collect::<Vec<_>>());
            prop_assert!(ranges.len() <= parts as usize && ranges.iter().all(|range| !range.is_empty()));
            let paths = counts.iter().sum::<u64>().max(1);
            let of_user = |user: u32| paths + counts[user as usize] * u64::from(users);
            let all: u64 = (0..users).map(of_user).sum();
            let most = (0..users).map(of_user).max().unwrap_or(0);
            for range in ranges {
                prop_assert!(range.end == users || range.end % together == 0);
                // Nobody is cut in two, so a range may have as much more as those are who stay together.
                let more = (u64::from(together) + 1) * most + u64::from(parts);
                prop_assert!(range.map(of_user).sum::<u64>() <= all / u64::from(parts) + more);
            }
        }
    }

    #[test]
    fn work_counts_and_not_the_number_of_users() {
        assert_eq!(of_equal_work(&[1000, 1, 1, 1, 1, 1, 1, 1], 2, 1), [0..1, 1..8]);
        assert_eq!(of_equal_work(&[0, 0, 0, 0], 2, 1), [0..2, 2..4]);
        assert_eq!(of_equal_work(&[5, 5], 8, 1), [0..1, 1..2]);
        assert_eq!(of_equal_work(&[1000, 1, 1, 1, 1, 1, 1, 1], 2, 3), [0..3, 3..8]);
    }
}
