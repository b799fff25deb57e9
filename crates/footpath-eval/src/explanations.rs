//! How good the paths are that explain lists: recency, popularity and diversity of what they show (Balloccu, Boratto,
//! Fenu and Marras, SIGIR 2022 and KBS 2023), and faithfulness.
//!
//! Each slot of a list has one path, or none. With P the paths of a user's first k slots, each user has one figure per
//! metric, and **all** users given count in the mean: one without a path counts as 0. (Published code often averages
//! over users with a path, and does not cut at k.)

use crate::error::{Error, Result, check_range};
use crate::evaluate::MAX_K;
use crate::faithful::is_faithful;
use crate::metrics::count;
use crate::significance::{Comparison, Resampling, intervals_of, paired};
use footpath_core::{Context, NodeId, Path, RelationId};
use footpath_graph::TrainKg;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A metric of explanations, in [0, 1]; more is better, or more of what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMetric {
    /// Linking interaction recency: mean over P of how recently the user chose the first item; see [`moving_average`].
    /// 0 for all in a graph without times.
    Lir,
    /// Shared entity popularity: mean over P of the popularity of the last node before the end among those of its type;
    /// see [`moving_average`].
    Sep,
    /// Linking interaction diversity: distinct first items / |P|.
    Lid,
    /// Shared entity diversity: distinct nodes before the end / |P|.
    Sed,
    /// Distinct types of first items / |P|.
    Litd,
    /// Distinct types of nodes before the end / |P|.
    Setd,
    /// Path type diversity: distinct last relations / min(|P|, relations of the graph).
    Ptd,
    /// Path type concentration, 1 − Simpson's index of the last relations: 1 − Σ n_t(n_t − 1) / (|P|(|P| − 1)), 0 for
    /// fewer than two paths.
    Ptc,
    /// Path pattern diversity: distinct sequences of relations / min(|P|, 2h + 1), at most 1, with h the most hops of a
    /// path of P.
    Ppt,
    /// Fidelity: slots with a path / k.
    Fidelity,
    /// Path faithfulness rate: paths of P whose every hop is a fact and which lead from the user to the item / |P|.
    Pfr,
    /// Explanation type diversity: distinct last relations / min(k, relations of the graph).
    Etd,
}

impl PathMetric {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 12] = [
        Self::Lir,
        Self::Sep,
        Self::Lid,
        Self::Sed,
        Self::Litd,
        Self::Setd,
        Self::Ptd,
        Self::Ptc,
        Self::Ppt,
        Self::Fidelity,
        Self::Pfr,
        Self::Etd,
    ];

    /// Name in lower case, without the cut-off.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["lir", "sep", "lid", "sed", "litd", "setd", "ptd", "ptc", "ppt", "fidelity", "pfr", "etd"]
            .get(self as usize)
            .copied()
            .unwrap_or_default()
    }
}

/// The lists to look at: for each user the items from the first slot, each with its path if it has one.
pub type Explained = BTreeMap<NodeId, Vec<(NodeId, Option<Path>)>>;

/// The figures of each user and their means.
#[derive(Clone, Debug, PartialEq)]
pub struct PathMetrics {
    /// The cut-off.
    pub k: usize,
    /// The means over all users, in the order of [`PathMetric::ALL`].
    pub means: [f64; PathMetric::ALL.len()],
    /// Each user's figures.
    pub users: Vec<(NodeId, [f64; PathMetric::ALL.len()])>,
}

impl PathMetrics {
    /// One of the means.
    #[must_use]
    pub fn value(&self, metric: PathMetric) -> f64 {
        PathMetric::ALL.iter().zip(&self.means).find(|(m, _)| **m == metric).map_or(0.0, |(_, &mean)| mean)
    }

    /// The 95 % interval of each mean, in the order of [`PathMetric::ALL`].
    ///
    /// # Errors
    /// [`crate::Error::Range`] for the number of resamples; a stop.
    pub fn intervals(&self, resampling: Resampling, context: &Context) -> Result<Vec<[f64; 2]>> {
        let rows: Vec<&[f64]> = self.users.iter().map(|(_, figures)| figures.as_slice()).collect();
        intervals_of(&rows, PathMetric::ALL.len(), resampling, context)
    }

    /// The mean of results over the same users, user by user; all 0 without results.
    ///
    /// # Errors
    /// [`Error::Unpaired`] when the users differ.
    pub fn mean(results: &[Self]) -> Result<Self> {
        let Some((first, others)) = results.split_first() else {
            return Ok(Self { k: 0, means: [0.0; PathMetric::ALL.len()], users: Vec::new() });
        };
        let mut sum = first.clone();
        for other in others {
            check_users(first, other)?;
            let users = sum.users.iter_mut().zip(&other.users);
            users.for_each(|((_, sums), (_, figures))| add(sums, figures));
            add(&mut sum.means, &other.means);
        }
        let all = sum.users.iter_mut().map(|(_, sums)| sums).chain([&mut sum.means]);
        all.flatten().for_each(|figure| *figure /= count(results.len()));
        Ok(sum)
    }
}

fn add(sums: &mut [f64], figures: &[f64]) {
    sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
}

fn check_users(first: &PathMetrics, second: &PathMetrics) -> Result<()> {
    let users = |of: &PathMetrics| of.users.iter().map(|(user, _)| *user).collect::<Vec<_>>();
    if users(first) == users(second) {
        return Ok(());
    }
    Err(Error::Unpaired { left: first.users.len(), right: second.users.len() })
}

/// Compares one metric of two results over the same users.
///
/// # Errors
/// [`Error::Unpaired`] when the users differ; [`Error::Range`] for the number of resamples; a stop.
pub fn compare_paths(
    first: &PathMetrics,
    second: &PathMetrics,
    metric: PathMetric,
    resampling: Resampling,
    context: &Context,
) -> Result<Comparison> {
    check_users(first, second)?;
    let column = metric as usize;
    let value = |figures: &[f64]| figures.get(column).copied().unwrap_or_default();
    // Means of equal figures differ in their last bits, which is no difference.
    let difference = |a: f64, b: f64| if (a - b).abs() < 1e-12 { 0.0 } else { a - b };
    let pairs = first.users.iter().zip(&second.users);
    let differences: Vec<f64> = pairs.map(|((_, a), (_, b))| difference(value(a), value(b))).collect();
    paired(&differences, resampling, context)
}

/// Looks at the first `k` slots of the lists of `users`.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; a stop.
pub fn explanations(
    explained: &Explained,
    users: &[NodeId],
    kg: &TrainKg,
    k: usize,
    context: &Context,
) -> Result<PathMetrics> {
    check_range("k", k, 1, MAX_K)?;
    let popularity = SharedPopularity::new(kg, context)?;
    let stage = context.stage("judging paths", Some(users.len() as u64), "users");
    let of_user = |&user: &NodeId| {
        let list = explained.get(&user).map_or(&[][..], Vec::as_slice);
        stage.advance(1)?;
        Ok((user, figures(kg, &popularity, user, list.get(..k).unwrap_or(list), k)))
    };
    let users: Vec<_> = users.par_iter().map(of_user).collect::<Result<_>>()?;
    let mean = |index: usize| {
        let values = users.iter().filter_map(|(_, figures)| figures.get(index));
        values.fold(0.0, |sum, value| sum + value) / count(users.len().max(1))
    };
    Ok(PathMetrics { k, means: std::array::from_fn(mean), users })
}

fn figures(
    kg: &TrainKg,
    popularity: &SharedPopularity,
    user: NodeId,
    list: &[(NodeId, Option<Path>)],
    k: usize,
) -> [f64; PathMetric::ALL.len()] {
    let paths: Vec<(NodeId, &Path)> = list.iter().filter_map(|(item, path)| Some((*item, path.as_ref()?))).collect();
    if paths.is_empty() {
        return [0.0; PathMetric::ALL.len()];
    }
    let num_paths = count(paths.len());
    let num_relations = count(kg.num_relations());
    let recency = recency(kg, user);
    let linking = |path: &Path| path.nodes.get(1).copied();
    let shared = |path: &Path| path.nodes.iter().rev().nth(1).copied();
    let distinct = |of: &dyn Fn(&Path) -> Option<u32>| {
        count(paths.iter().filter_map(|(_, path)| of(path)).collect::<BTreeSet<_>>().len())
    };
    let type_of = |node: NodeId| u32::from(kg.type_of(node).0);
    let last = |path: &Path| path.relations.last().map(|r| u32::from(r.0));
    let mean = |of: &dyn Fn(&Path) -> f64| paths.iter().map(|(_, path)| of(path)).sum::<f64>() / num_paths;
    let sequences: BTreeSet<&[RelationId]> = paths.iter().map(|(_, path)| path.relations.as_slice()).collect();
    let most_hops = paths.iter().map(|(_, path)| path.num_hops()).max().unwrap_or(0);
    let num_faithful = paths.iter().filter(|(item, path)| is_faithful(kg, user, *item, path)).count();
    let of = |metric| match metric {
        PathMetric::Lir => mean(&|path| linking(path).and_then(|item| recency.get(&item.0)).copied().unwrap_or(0.0)),
        PathMetric::Sep => mean(&|path| shared(path).map_or(0.0, |node| popularity.of(node))),
        PathMetric::Lid => distinct(&|path| linking(path).map(|node| node.0)) / num_paths,
        PathMetric::Sed => distinct(&|path| shared(path).map(|node| node.0)) / num_paths,
        PathMetric::Litd => distinct(&|path| linking(path).map(type_of)) / num_paths,
        PathMetric::Setd => distinct(&|path| shared(path).map(type_of)) / num_paths,
        PathMetric::Ptd => distinct(&last) / num_paths.min(num_relations),
        PathMetric::Ptc => variety(&paths.iter().filter_map(|(_, path)| last(path)).collect::<Vec<_>>()),
        PathMetric::Ppt => (count(sequences.len()) / num_paths.min(count(2 * most_hops + 1))).min(1.0),
        PathMetric::Fidelity => num_paths / count(k),
        PathMetric::Pfr => count(num_faithful) / num_paths,
        PathMetric::Etd => distinct(&last) / count(k).min(num_relations),
    };
    PathMetric::ALL.map(of)
}

/// 1 − Simpson's index.
fn variety(kinds: &[u32]) -> f64 {
    let mut numbers = BTreeMap::new();
    kinds.iter().for_each(|kind| *numbers.entry(kind).or_insert(0usize) += 1);
    let same: usize = numbers.values().map(|n| n * (n - 1)).sum();
    let all = kinds.len() * kinds.len().saturating_sub(1);
    if all == 0 { 0.0 } else { 1.0 - count(same) / count(all) }
}

/// How recently a user chose each train item (by node id), in [0, 1], by [`moving_average`] of the times in ascending
/// order. Choices of one moment share the mean of what they would have one after the other.
#[must_use]
pub fn recency(kg: &TrainKg, user: NodeId) -> BTreeMap<u32, f64> {
    let mut choices: Vec<(i64, u32)> =
        kg.times_of(user).iter().copied().zip(kg.items_of(user).iter().copied()).collect();
    choices.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    let averages = moving_average(&choices.iter().map(|choice| choice.0 as f64).collect::<Vec<_>>());
    let mut recency = BTreeMap::new();
    let mut averages = averages.as_slice();
    for moment in choices.chunk_by(|a, b| a.0 == b.0) {
        let (shared, rest) = averages.split_at(moment.len().min(averages.len()));
        averages = rest;
        let mean = shared.iter().sum::<f64>() / count(moment.len());
        recency.extend(moment.iter().map(|choice| (choice.1, mean)));
    }
    recency
}

/// The popularity of each node among those of its type, by [`moving_average`] of the degrees in ascending order.
#[derive(Clone, Debug, Default)]
pub struct SharedPopularity(Vec<f64>);

impl SharedPopularity {
    /// Looks at every node; time grows as nodes × log nodes.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &TrainKg, context: &Context) -> Result<Self> {
        let mut of = vec![0.0; kg.num_nodes()];
        for kind in &kg.schema().types {
            let mut nodes: Vec<(usize, u32)> = (kind.start..kind.end).map(|n| (kg.degree(NodeId(n)), n)).collect();
            context.check()?;
            nodes.par_sort_unstable();
            context.check()?;
            let averages = moving_average(&nodes.iter().map(|node| count(node.0)).collect::<Vec<_>>());
            for ((_, node), average) in nodes.iter().zip(averages) {
                if let Some(slot) = of.get_mut(*node as usize) {
                    *slot = average;
                }
            }
        }
        Ok(Self(of))
    }

    /// That of a node, in [0, 1]; 0 for one the graph does not have.
    #[must_use]
    pub fn of(&self, node: NodeId) -> f64 {
        self.0.get(node.index()).copied().unwrap_or(0.0)
    }
}

/// The exponentially weighted moving average of ascending numbers, stretched to [0, 1].
///
/// With a = 2/(n + 1) for n numbers: y_i = Σ_j≤i (1 − a)^(i−j) x_j / Σ_j≤i (1 − a)^(i−j), then (y_i − y_1) / (y_n −
/// y_1). Numbers that are all equal rise evenly from 0 to 1 in their order; a single one is 1.
#[must_use]
pub fn moving_average(numbers: &[f64]) -> Vec<f64> {
    let keep = 1.0 - 2.0 / (count(numbers.len()) + 1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    let average = |x: &f64| {
        (sum, weight) = (sum * keep + x, weight * keep + 1.0);
        sum / weight
    };
    let averages: Vec<f64> = numbers.iter().map(average).collect();
    let (Some(&first), Some(&last)) = (averages.first(), averages.last()) else { return Vec::new() };
    let is_constant = numbers.first() == numbers.last();
    let even = |index: usize| if numbers.len() > 1 { count(index) / count(numbers.len() - 1) } else { 1.0 };
    // By rounding, an average may fall below the first by a hair.
    let stretch = |(index, y): (usize, f64)| {
        if is_constant { even(index) } else { ((y - first) / (last - first)).clamp(0.0, 1.0) }
    };
    averages.into_iter().enumerate().map(stretch).collect()
}

#[cfg(test)]
mod tests;
