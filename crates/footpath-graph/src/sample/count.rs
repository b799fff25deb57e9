//! How many paths each user has.

use super::dag::{Dag, Scratch};
use super::enumerate::visit;
use super::law::{EndSet, Law, SampleSpec};
use super::path_law::overflow;
use super::sampler::Sampler;
use super::table::{LawWeights, Own, Roots, Table};
use super::tables::UserTables;
use super::weight::Failure;
use super::weights::{Measure, Turns, Weights};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::Pattern;
use footpath_core::{Context, NodeId};
use rayon::prelude::*;
use serde::Serialize;

/// Most walks counted one by one.
const MAX_COUNTED: u64 = 2_000_000;
/// Walks of no more hops that never turn straight back are simple: the user is met only once, and the two
/// other nodes that are not neighbours on the path are two hops apart.
const MAX_SIMPLE_HOPS: usize = 3;

/// A number of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub paths: u64,
    /// Whether it is the number of legal paths; otherwise it counts also walks that meet a node again after three hops
    /// or more.
    pub exact: bool,
}

/// Numbers of legal paths over the users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CountSummary {
    /// Users.
    pub num_users: u64,
    /// Users without a path.
    pub users_without_paths: u64,
    /// Fewest paths of a user.
    pub min: u64,
    /// Paths of the user in the middle (the lower of the two, for an even number of users).
    pub median: u64,
    /// Paths for each user on average.
    pub mean: f64,
    /// Most paths of a user.
    pub max: u64,
    /// Paths of all users.
    pub total: u128,
    /// Whether all numbers count legal paths; otherwise some count also walks that meet a node again after three hops
    /// or more.
    pub exact: bool,
}

/// Counts the paths of every user, on the threads of rayon's current pool.
///
/// # Errors
/// As [`Sampler::new`] and [`UserTables::num_paths`].
pub fn count_paths(kg: &TrainKg, pattern: &Pattern, ends: EndSet, context: &Context) -> Result<CountSummary> {
    // Up to three hops the table shared by all users counts; beyond, users are counted one by one.
    let law = if pattern.max_hops() <= MAX_SIMPLE_HOPS { Law::UniformPath } else { Law::UniformEnd };
    let spec = SampleSpec { law, damping: 0.0, ends, ..SampleSpec::default() };
    let sampler = Sampler::new(kg, pattern, &spec, context)?;
    let users: Vec<u32> = sampler.law.starts.nodes().collect();
    Ok(summary(&sampler.counts_of(&users, context)?))
}

/// The numbers of paths of every start of a pattern to any item, in their order: what work for them is like. Beyond
/// three hops walks are counted that may meet a node again.
///
/// # Errors
/// As [`count_paths`].
pub fn path_counts(kg: &TrainKg, pattern: &Pattern, context: &Context) -> Result<Vec<u64>> {
    let simple = pattern.max_hops() <= MAX_SIMPLE_HOPS;
    let law = Law::UniformPath;
    let spec = SampleSpec { law, damping: 0.0, ends: EndSet::Any, simple, ..SampleSpec::default() };
    let sampler = Sampler::new(kg, pattern, &spec, context)?;
    let users: Vec<u32> = sampler.law.starts.nodes().collect();
    Ok(sampler.counts_of(&users, context)?.iter().map(|count| count.paths).collect())
}

impl Sampler {
    /// The numbers of legal paths of some users; see [`UserTables::num_paths`].
    pub(super) fn counts_of(&self, users: &[u32], context: &Context) -> Result<Vec<Count>> {
        if self.counts_by_difference() {
            self.shared_counts(context)?;
        }
        let stage = context.stage("counting", Some(users.len() as u64), "users");
        let count = |scratch: &mut Scratch, &user: &u32| {
            let count = UserTables::empty(self, NodeId(user), context).num_paths_with(scratch)?;
            stage.advance(1)?;
            Ok(count)
        };
        users.par_iter().map_init(Scratch::default, count).collect()
    }

    /// Whether the paths of a user are counted as those to all items less those to some, which spares looking at the
    /// surroundings of the user once more. Only where walks are simple without more ado.
    fn counts_by_difference(&self) -> bool {
        let automaton = self.law.automaton();
        let ends_at_first_hop =
            automaton.states_of_first_items().into_iter().any(|state| automaton.is_accepting(state));
        let SampleSpec { simple, causal, .. } = self.law.spec;
        let all_simple = simple && self.law.pattern.max_hops() <= MAX_SIMPLE_HOPS;
        all_simple && !causal && !ends_at_first_hop && self.shared.is_some()
    }
}

impl UserTables<'_> {
    /// The number of legal paths: exact up to three hops, and for more where no more than two million walks need to be
    /// looked at.
    ///
    /// # Errors
    /// [`crate::Error::CountOverflow`]; [`footpath_core::Error::Stopped`].
    pub fn num_paths(&self) -> Result<Count> {
        self.num_paths_with(&mut Scratch::default())
    }

    fn num_paths_with(&self, scratch: &mut Scratch) -> Result<Count> {
        if let Some(paths) = self.by_difference(scratch)? {
            return Ok(Count { paths, exact: true });
        }
        let law = &self.sampler.law;
        let (walks, made);
        let dag = match self.own.get() {
            Some(Own { table: Table { dag, weights: LawWeights::Counts(counts) }, roots: Roots::User }) => {
                walks = counts.total(dag, 0);
                dag
            }
            _ => {
                made = self.sampler.user_dag(self.user(), law.spec.ends, scratch, self.context)?;
                walks = self.count(&made)?;
                &made
            }
        };
        let simple = law.spec.simple;
        let all_legal = !law.looks_at_ends() && (!simple || law.pattern.max_hops() <= MAX_SIMPLE_HOPS);
        if all_legal || walks > MAX_COUNTED {
            return Ok(Count { paths: walks, exact: all_legal });
        }
        let mut paths = 0;
        visit(dag, simple, u64::MAX, self.context, |path| {
            paths += u64::from(self.is_legal(path));
            true
        })?;
        Ok(Count { paths, exact: true })
    }

    fn count(&self, dag: &Dag) -> Result<u64> {
        let law = &self.sampler.law;
        let turns = if law.spec.simple { Turns::Onward } else { Turns::Any };
        match Weights::<u64>::new(dag, Measure::ones(turns), self.context) {
            Ok(counts) => Ok(counts.total(dag, 0)),
            Err(Failure::Overflow) => Err(overflow(&law.kg.node_name(self.user()))),
            Err(Failure::Error(error)) => Err(error),
        }
    }

    /// See [`Sampler::counts_by_difference`]; `None` where the paths are counted otherwise.
    fn by_difference(&self, scratch: &mut Scratch) -> Result<Option<u64>> {
        if !self.sampler.counts_by_difference() {
            return Ok(None);
        }
        let Some(counts) = self.sampler.shared_counts(self.context)? else { return Ok(None) };
        let law = &self.sampler.law;
        let start = self.user().0.wrapping_sub(law.starts.hull().start) as usize;
        let all = counts.get(start).copied().unwrap_or(0);
        if law.spec.ends == EndSet::Any {
            return Ok(Some(all));
        }
        let train = self.count(&self.sampler.user_dag(self.user(), EndSet::Train, scratch, self.context)?)?;
        Ok(Some(all.saturating_sub(train)))
    }
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
