//! Whether what is held out can be known before it is asked for.
//!
//! Each check has the number of a way to leak:
//!
//! | | looked for | here, or elsewhere |
//! |---|---|---|
//! | L1 | held-out interactions that the train graph has too | [`leaks`]; by its type the train graph holds no others |
//! | L2 | held-out interactions on paths of a corpus | [`footpath_graph::audit`] |
//! | L3 | a planted item that only the test part links to a user is found | a test of this module |
//! | L4 | lists reach more than chance on labels drawn at random | [`chance`] |
//! | L5 | something held out that happened before something in training | [`leaks`], an error if split by time |
//! | L6 | items and users that only held-out interactions name | [`leaks`], a note: no arc leads to them |
//! | L7 | a relation of the knowledge that restates interactions | [`leaks`] |
//! | L8 | training or tuning looks at the test part | end-to-end test: another test part, the same weights |
//! | L9 | an interaction in two parts; a held-out item with a twin of the same label in training | [`leaks`] |
//! | L10 | other users' held-out interactions on paths | as L2, which looks at every hop of every user |
//! | L11 | held-out interactions in the graph that decoding follows | as L1: it is the same graph |
//! | L12 | what others chose later than what is held out, in training | [`leaks`], a note: none by one date |

use crate::error::Result;
use crate::evaluate::{evaluate_knowing, judged};
use crate::metrics::{Metric, count, ndcg};
use crate::recommendations::Recommendations;
use footpath_core::{Context, NodeId, Purpose, RelationId, Stream, Triple};
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Share of the facts of a relation above which it restates interactions.
const RESTATED: f64 = 0.5;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// Number of the check, such as `L5`.
    pub check: Cow<'static, str>,
    /// What was looked for.
    pub what: Cow<'static, str>,
    /// How much was looked at.
    pub looked_at: u64,
    /// How much of it was found.
    pub found: u64,
    /// Whether finding it is an error; otherwise it is worth knowing.
    pub is_error: bool,
    /// The first example, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl Leak {
    /// Whether the check found what must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.is_error && self.found > 0
    }
}

/// How the held-out interactions were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By time: what is held out from a user comes last.
    ByTime,
    /// Otherwise, or not known.
    Unknown,
}

/// Looks for leaks between the train graph and the parts held out from it.
///
/// # Errors
/// A stop.
pub fn leaks(kg: &TrainKg, valid: &HeldOut, test: &HeldOut, order: Order, context: &Context) -> Result<Vec<Leak>> {
    let stage = context.stage("looking for leaks", Some(7), "checks");
    let parts = [valid, test];
    let mut found = vec![in_graph(kg, parts, context)?];
    stage.advance(1)?;
    if kg.schema().has_times {
        found.push(out_of_order(kg, parts, order, context)?);
    }
    stage.advance(1)?;
    found.push(only_held_out(kg, parts, context)?);
    stage.advance(1)?;
    found.extend(restated(kg, parts, context)?);
    stage.advance(1)?;
    found.push(in_both(kg, valid, test, context)?);
    stage.advance(1)?;
    found.push(twins(kg, parts, context)?);
    stage.advance(1)?;
    found.extend(before_others(kg, parts, context)?);
    stage.advance(1)?;
    Ok(found)
}

/// A check that is an error where it finds anything.
fn error(check: &'static str, what: &'static str, looked_at: usize, examples: &[String]) -> Leak {
    let example = examples.first().cloned();
    let (check, what) = (check.into(), what.into());
    Leak { check, what, looked_at: looked_at as u64, found: examples.len() as u64, is_error: true, example }
}

fn pair(kg: &TrainKg, user: NodeId, item: NodeId) -> String {
    format!("{} and {}", kg.node_name(user), kg.node_name(item))
}

/// The interactions of which something is so, in words.
fn interactions_that(
    kg: &TrainKg,
    parts: &[&HeldOut],
    context: &Context,
    is_so: impl Fn(NodeId, NodeId) -> bool,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (user, item, _) in parts.iter().flat_map(|part| part.iter()) {
        context.check()?;
        if is_so(user, item) {
            found.push(pair(kg, user, item));
        }
    }
    Ok(found)
}

fn in_graph(kg: &TrainKg, parts: [&HeldOut; 2], context: &Context) -> Result<Leak> {
    let has = |head, relation, tail| kg.find(Triple { head, relation, tail }).is_some();
    let is_in = |user, item| has(user, RelationId::INTERACTED, item) || has(item, RelationId::INTERACTED_BY, user);
    let examples = interactions_that(kg, &parts, context, is_in)?;
    Ok(error("L1", "held-out interactions in the graph of training and decoding (L11)", num(parts), &examples))
}

fn num(parts: [&HeldOut; 2]) -> usize {
    parts.map(HeldOut::len).into_iter().sum()
}

fn out_of_order(kg: &TrainKg, parts: [&HeldOut; 2], order: Order, context: &Context) -> Result<Leak> {
    let mut latest: BTreeMap<NodeId, i64> = BTreeMap::new();
    for user in kg.users().map(NodeId) {
        context.check()?;
        if let Some(&time) = kg.times_of(user).iter().max() {
            latest.insert(user, time);
        }
    }
    let mut examples = Vec::new();
    for part in parts {
        let mut later = latest.clone();
        for (user, item, time) in part.iter() {
            context.check()?;
            if latest.get(&user).is_some_and(|&latest| time < latest) {
                examples.push(pair(kg, user, item));
            }
            later.entry(user).and_modify(|latest| *latest = time.max(*latest)).or_insert(time);
        }
        latest = later;
    }
    let what = "held-out interactions older than the user's latest of the part before";
    Ok(Leak { is_error: order == Order::ByTime, ..error("L5", what, num(parts), &examples) })
}

/// What is held out though somebody chose something in train later: there a model knows of the future, as with every
/// split that goes user by user. Nothing where times are positions in a user's own list, which say nothing of others.
fn before_others(kg: &TrainKg, parts: [&HeldOut; 2], context: &Context) -> Result<Option<Leak>> {
    let Some((latest, of)) = latest_in_train(kg, context)? else { return Ok(None) };
    let mut examples = Vec::new();
    for (user, item, time) in parts.into_iter().flat_map(HeldOut::iter) {
        context.check()?;
        if time < latest && user != of {
            examples.push(pair(kg, user, item));
        }
    }
    let what = "held-out interactions from before the latest train interaction of another user (there are none where \
                all are cut at one date)";
    Ok(Some(Leak { is_error: false, ..error("L12", what, num(parts), &examples) }))
}

/// The latest time in train and whose it is, where times are points in time.
fn latest_in_train(kg: &TrainKg, context: &Context) -> Result<Option<(i64, NodeId)>> {
    let (mut latest, mut longest): (Option<(i64, NodeId)>, usize) = (None, 0);
    for user in kg.users().map(NodeId) {
        context.check()?;
        let times = kg.times_of(user);
        longest = longest.max(times.len());
        latest = latest.max(times.iter().max().map(|&time| (time, user)));
    }
    let is_a_position = |time: i64| usize::try_from(time).is_ok_and(|time| time <= longest);
    Ok(latest.filter(|&(time, _)| !is_a_position(time)))
}

fn only_held_out(kg: &TrainKg, parts: [&HeldOut; 2], context: &Context) -> Result<Leak> {
    let nodes: BTreeSet<NodeId> = parts.into_iter().flat_map(HeldOut::iter).flat_map(|(u, i, _)| [u, i]).collect();
    let alone: Vec<String> = nodes.iter().filter(|&&n| kg.degree(n) == 0).map(|&n| kg.node_name(n)).collect();
    context.check()?;
    let what = "held-out users and items without any arc, which no path reaches";
    Ok(Leak { is_error: false, ..error("L6", what, nodes.len(), &alone) })
}

/// For each relation between items and nodes that are called as users are: how many of its facts are interactions.
fn restated(kg: &TrainKg, parts: [&HeldOut; 2], context: &Context) -> Result<Option<Leak>> {
    let held_out: BTreeSet<(NodeId, NodeId)> =
        parts.into_iter().flat_map(HeldOut::iter).map(|(u, i, _)| (u, i)).collect();
    let chose = |user: NodeId, item: NodeId| {
        held_out.contains(&(user, item)) || kg.items_of(user).binary_search(&item.0).is_ok()
    };
    let mut facts: BTreeMap<RelationId, [usize; 2]> = BTreeMap::new();
    for item in kg.items().map(NodeId) {
        for (relation, other) in kg.arcs(item).iter().filter(|(relation, _)| relation.0 > RelationId::INTERACTED_BY.0) {
            context.check()?;
            let user = kg.user(kg.id(other)).ok();
            let [restated, all] = facts.entry(relation).or_default();
            *all += 1;
            *restated += usize::from(user.is_some_and(|user| chose(user, item)));
        }
    }
    let is_restated = |(_, [restated, all]): &(&RelationId, &[usize; 2])| count(*restated) > RESTATED * count(*all);
    let names: Vec<String> = facts.iter().filter(is_restated).map(|(&r, _)| kg.relation_name(r)).collect();
    // Most of their facts join an item and an entity with the id of a user who chose it.
    let what = "relations that restate interactions";
    Ok((!facts.is_empty()).then(|| error("L7", what, facts.len(), &names)))
}

fn in_both(kg: &TrainKg, valid: &HeldOut, test: &HeldOut, context: &Context) -> Result<Leak> {
    let pairs: BTreeSet<(NodeId, NodeId)> = valid.iter().map(|(u, i, _)| (u, i)).collect();
    let examples = interactions_that(kg, &[test], context, |user, item| pairs.contains(&(user, item)))?;
    Ok(error("L9", "interactions in valid and in test", test.len(), &examples))
}

fn twins(kg: &TrainKg, parts: [&HeldOut; 2], context: &Context) -> Result<Leak> {
    let has_twin = |user: NodeId, item: NodeId| {
        let label = kg.label(item);
        kg.items_of(user).iter().any(|&other| other != item.0 && kg.label(NodeId(other)) == label)
    };
    let examples = interactions_that(kg, &parts, context, has_twin)?;
    let what = "held-out items with the label of another item the user chose in training";
    Ok(Leak { is_error: false, ..error("L9", what, num(parts), &examples) })
}

/// What lists reach when the held-out items are drawn at random from what each user could choose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// NDCG of the lists on the labels drawn: the mean over all draws.
    pub ndcg: f64,
    /// What any lists with these slots filled must reach: the expected value.
    pub expected: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// NDCG of the lists on the true labels.
    pub true_ndcg: f64,
}

impl Chance {
    /// Whether lists and judge know nothing of random labels: the mean is within 3 standard errors of what is expected.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        (self.ndcg - self.expected).abs() <= 3.0 * self.error + 1e-12
    }
}

/// Users whose figures of all draws are held at the same time.
const USERS_AT_ONCE: usize = 1024;

/// Judges lists on `num_draws` ≥ 2 draws of random labels: for each user as many items as are held out, uniformly from
/// what is neither in training nor in `known`.
///
/// # Errors
/// [`crate::Error::Range`] for `k`; a stop.
pub fn chance(
    lists: &Recommendations,
    [held_out, known]: [&HeldOut; 2],
    kg: &TrainKg,
    k: usize,
    num_draws: u64,
    seed: u64,
    context: &Context,
) -> Result<Chance> {
    let lists = lists.without(known);
    let true_ndcg = evaluate_knowing(&lists, held_out, known, kg, k, context)?.metrics.ndcg;
    let known = known.by_user();
    let users: Vec<_> = held_out.by_user().into_iter().collect();
    let stage = context.stage("judging lists on random labels", Some(users.len() as u64), "users");
    let labels = Labels { lists: &lists, kg, k, num_draws: num_draws.max(2), seed };
    let of_user = |(user, relevant): &(NodeId, Vec<NodeId>)| {
        let known = known.get(user).map_or(&[][..], Vec::as_slice);
        let figures = labels.of_user(*user, relevant, known, context);
        stage.advance(1)?;
        figures
    };
    let (mut sums, mut expected, mut num_judged) = (Vec::new(), 0.0, 0);
    for portion in users.chunks(USERS_AT_ONCE) {
        for figures in portion.par_iter().map(of_user).collect::<Result<Vec<_>>>()? {
            sums.resize(figures.of_draws.len().max(sums.len()), 0.0);
            sums.iter_mut().zip(&figures.of_draws).for_each(|(sum, figure)| *sum += figure);
            num_judged += usize::from(!figures.of_draws.is_empty());
            expected += figures.expected;
        }
    }
    sums.resize(sums.len().max(2), 0.0);
    let of_draws = count(sums.len());
    let figures: Vec<f64> = sums.iter().map(|sum| sum / count(num_judged.max(1))).collect();
    let ndcg = figures.iter().sum::<f64>() / of_draws;
    let variance = figures.iter().map(|f| (f - ndcg).powi(2)).sum::<f64>() / (of_draws - 1.0);
    let expected = expected / count(users.len().max(1));
    Ok(Chance { ndcg, expected, error: (variance / of_draws).sqrt(), true_ndcg })
}

/// Random labels, and lists to judge on them.
struct Labels<'a> {
    lists: &'a Recommendations,
    kg: &'a TrainKg,
    k: usize,
    num_draws: u64,
    seed: u64,
}

/// What a user's list reaches on random labels.
struct ByChance {
    /// NDCG of each draw; none where the user has nothing left to choose.
    of_draws: Vec<f64>,
    /// The expected value.
    expected: f64,
}

impl Labels<'_> {
    fn of_user(&self, user: NodeId, relevant: &[NodeId], known: &[NodeId], context: &Context) -> Result<ByChance> {
        let Self { lists, kg, k, .. } = *self;
        let mut distinct = relevant.to_vec();
        distinct.dedup();
        let can_choose =
            |item: &NodeId| kg.items_of(user).binary_search(&item.0).is_err() && known.binary_search(item).is_err();
        let items: Vec<NodeId> = kg.items().map(NodeId).filter(can_choose).collect();
        let num = distinct.len().min(items.len());
        let filled: Vec<bool> = lists.of(user).iter().take(k).map(|r| items.binary_search(&r.item).is_ok()).collect();
        let expected = ndcg::expected_by_chance(&filled, num, items.len(), k);
        let mut of_draws = Vec::new();
        for draw in (0..self.num_draws).filter(|_| num > 0) {
            context.check()?;
            let mut shuffled = items.clone();
            Stream::new(self.seed, Purpose::ChanceLabels, user.0, draw).shuffle(&mut shuffled);
            shuffled.truncate(num);
            shuffled.sort_unstable();
            of_draws.push(Metric::Ndcg.of(&judged(lists, kg, user, [&shuffled, known], k)));
        }
        Ok(ByChance { of_draws, expected })
    }
}

#[cfg(test)]
mod tests;
