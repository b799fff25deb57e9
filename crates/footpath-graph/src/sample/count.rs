//! How many paths each user has.

use super::corpus::pool;
use super::tables::Count;
use super::{EndSet, Law, SampleSpec, Sampler, Scratch};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::Pattern;
use footpath_core::NodeId;
use rayon::prelude::*;

/// Users counted between two calls of `progress`.
const BATCH_USERS: usize = 256;

/// Numbers of legal paths over the users.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CountSummary {
    /// Users.
    pub num_users: u64,
    /// Users without a path.
    pub users_without_paths: u64,
    /// Fewest paths of a user.
    pub min: u64,
    /// Paths of the user in the middle (the lower of the two, for an even number of users).
    pub median: u64,
    /// Most paths of a user.
    pub max: u64,
    /// Paths for each user on average.
    pub mean: f64,
    /// Paths of all users.
    pub total: u128,
    /// Whether all numbers count legal paths; otherwise some count also walks that meet a node again after three hops or more.
    pub exact: bool,
}

/// Counts the paths of every user. `progress` is told the number of users done.
///
/// # Errors
/// As [`Sampler::new`] and [`super::UserTables::num_paths`]; [`crate::Error::Usage`] for a bad number of threads.
pub fn count_paths(
    kg: &TrainKg,
    pattern: &Pattern,
    ends: EndSet,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<CountSummary> {
    let pool = pool(threads)?;
    // Up to three hops the table shared by all users counts; beyond, users are counted one by one.
    let law = if pattern.max_hops() <= 3 { Law::UniformPath } else { Law::UniformEnd };
    let spec = SampleSpec { law, damping: 0.0, ends, ..SampleSpec::default() };
    let sampler = Sampler::new(kg, pattern, spec)?;
    let users: Vec<NodeId> = sampler.starts.nodes().map(NodeId).collect();
    let mut counts = Vec::with_capacity(users.len());
    for batch in users.chunks(BATCH_USERS) {
        let count = |scratch: &mut Scratch, user: &NodeId| sampler.num_paths(*user, scratch);
        let counted: Result<Vec<Count>> = pool.install(|| batch.par_iter().map_init(Scratch::default, count).collect());
        counts.extend(counted?);
        progress(counts.len() as u64);
    }
    Ok(summary(&counts))
}

fn summary(counts: &[Count]) -> CountSummary {
    let mut sorted: Vec<u64> = counts.iter().map(|count| count.paths).collect();
    sorted.sort_unstable();
    let total: u128 = sorted.iter().map(|&paths| u128::from(paths)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    let mean = if sorted.is_empty() { 0.0 } else { total as f64 / sorted.len() as f64 };
    CountSummary {
        num_users: sorted.len() as u64,
        users_without_paths: sorted.iter().filter(|&&paths| paths == 0).count() as u64,
        min: sorted.first().copied().unwrap_or(0),
        median: sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0),
        max: sorted.last().copied().unwrap_or(0),
        mean,
        total,
        exact: counts.iter().all(|count| count.exact),
    }
}
