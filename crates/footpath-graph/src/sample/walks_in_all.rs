//! So many walks between any nodes in all, every one alike: starts are drawn by their numbers of walks, and a walk that
//! is no path is thrown away whole, start included. So a path of any start is as likely as one of another.
//!
//! The numbers take one pass over the arcs for each hop and 16 bytes for each node and hop, and no table of the graph.

use super::law::{EndSet, Law, SampleSpec};
use super::quota::{Quota, Replacement, Shard};
use super::rows::SampleSummary;
use super::starts::Starts;
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, Mixture, Pattern, StateId};
use footpath_core::{Context, NodeId, Purpose, RelationId, Stage, Stream, Vocabulary};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Walks thrown away before a draw is given up.
const MAX_ATTEMPTS: usize = 100_000;
/// Nodes counted by one thread at a time.
const NODES_AT_ONCE: usize = 1 << 12;
/// Draws of one piece of work, and of all pieces before the rows are given away.
const DRAWS_AT_ONCE: u64 = 1 << 10;
const DRAWS_HELD: u64 = 1 << 17;

/// Whether a corpus is drawn like this: a total of walks, every one alike, each draw for itself.
pub(super) fn applies(mixture: &Mixture, spec: &SampleSpec, quota: Quota, replacement: Replacement) -> bool {
    let [only] = mixture.parts() else { return false };
    let plain = spec.law == Law::UniformPath && spec.damping == 0.0 && spec.end_damping == 0.0;
    let plain = plain && spec.relation_weights.is_empty() && !spec.edge_weights && !spec.causal;
    let in_all = matches!(quota, Quota::Total(_)) && replacement == Replacement::With;
    plain && in_all && only.pattern.is_walk() && spec.ends == EndSet::Any
}

/// Draws the walks of a shard and gives whole rows of tokens to `sink`. Shards are parts of the draws, one after the
/// other.
///
/// # Errors
/// [`Error::CountOverflow`] where 128 bits cannot count the walks; whatever `sink` says; a stop.
pub(super) fn sample(
    kg: &TrainKg,
    pattern: &Pattern,
    spec: &SampleSpec,
    total: u64,
    shard: Shard,
    context: &Context,
    sink: &mut dyn FnMut(&[u32]) -> Result<()>,
) -> Result<SampleSummary> {
    // Checks the shard.
    shard.users(0)?;
    let walks = Walks::count(kg, pattern, context)?;
    let part =
        |index: u32| u64::try_from(u128::from(total) * u128::from(index) / u128::from(shard.of)).unwrap_or(total);
    let (first, end) = (part(shard.index), part(shard.index + 1));
    let mut summary = SampleSummary::default();
    let mut starts = BTreeSet::new();
    let width = 2 * pattern.max_hops() + 1;
    let stage = context.stage("sampling", Some(end - first), "paths");
    let mut held = first;
    while held < end && walks.total() > 0 {
        let last = end.min(held + DRAWS_HELD);
        let pieces: Vec<u64> = (held..last).step_by(usize::try_from(DRAWS_AT_ONCE).unwrap_or(1)).collect();
        let draw = |&piece: &u64| {
            context.check()?;
            let mut rows = Vec::new();
            let mut given_up = 0;
            for number in piece..last.min(piece + DRAWS_AT_ONCE) {
                given_up += u64::from(!walks.draw(spec, number, width, &mut rows));
            }
            Ok((rows, given_up))
        };
        let drawn: Vec<(Vec<u32>, u64)> = pieces.par_iter().map(draw).collect::<Result<_>>()?;
        for (rows, given_up) in drawn {
            summary.given_up += given_up;
            summary.num_paths += (rows.len() / width) as u64;
            starts.extend(rows.chunks_exact(width).filter_map(|row| row.first().copied()));
            sink(&rows)?;
        }
        stage.advance(last - held)?;
        held = last;
    }
    summary.users_with_paths = starts.len() as u64;
    summary.users_without_paths = u64::from(walks.starts.len()).saturating_sub(summary.users_with_paths);
    Ok(summary)
}

/// The numbers of walks from each node in each state, straight back and through a node again included.
struct Walks<'k> {
    kg: &'k TrainKg,
    automaton: &'k Automaton,
    starts: Starts,
    /// By state; empty for one from which nothing goes on, where a walk ends or is none.
    by_state: Vec<Vec<u128>>,
    /// Numbers of walks of the starts so far.
    sums: Vec<u128>,
}

impl<'k> Walks<'k> {
    fn count(kg: &'k TrainKg, pattern: &'k Pattern, context: &Context) -> Result<Self> {
        let automaton = pattern.automaton();
        let by_state = vec![Vec::new(); automaton.num_states()];
        let mut walks = Self { kg, automaton, starts: Starts::of(kg, pattern), by_state, sums: Vec::new() };
        let num_nodes = kg.num_nodes() as u64;
        let going_on = || automaton.states().rev().filter(|&state| automaton.longest(state) > 0);
        let stage = context.stage("counting", Some(num_nodes * going_on().count() as u64), "nodes");
        for state in going_on() {
            let counted = walks.count_state(state, &stage)?;
            if let Some(slot) = walks.by_state.get_mut(state.index()) {
                *slot = counted;
            }
        }
        let mut sum: u128 = 0;
        for node in walks.starts.nodes() {
            sum = sum.checked_add(walks.from(automaton.start(), node)).ok_or_else(too_many)?;
            walks.sums.push(sum);
        }
        Ok(walks)
    }

    fn count_state(&self, state: StateId, stage: &Stage<'_>) -> Result<Vec<u128>> {
        let mut counts = vec![0u128; self.kg.num_nodes()];
        let is_start = state == self.automaton.start();
        counts.par_chunks_mut(NODES_AT_ONCE).enumerate().try_for_each(|(chunk, counts)| {
            let first = chunk * NODES_AT_ONCE;
            for (offset, count) in counts.iter_mut().enumerate() {
                let node = NodeId(u32::try_from(first + offset).unwrap_or(u32::MAX));
                if !is_start || self.starts.contains(node) {
                    *count = self.count_node(state, node).ok_or_else(too_many)?;
                }
            }
            Ok::<_, Error>(stage.advance(counts.len() as u64)?)
        })?;
        Ok(counts)
    }

    fn count_node(&self, state: StateId, node: NodeId) -> Option<u128> {
        let mut sum = u128::from(self.automaton.is_accepting(state));
        for (next, _, tails) in self.hops(state, node) {
            match self.by_state.get(next.index()).filter(|counts| !counts.is_empty()) {
                Some(counts) => {
                    for &tail in tails.iter().filter(|tail| **tail != node.0) {
                        sum = sum.checked_add(counts.get(tail as usize).copied().unwrap_or(0))?;
                    }
                }
                None if self.automaton.is_accepting(next) => {
                    let loops = u128::from(tails.binary_search(&node.0).is_ok());
                    sum = sum.checked_add(tails.len() as u128 - loops)?;
                }
                None => {}
            }
        }
        Some(sum)
    }

    /// The runs of arcs of a node that the state allows, with the state they lead to.
    fn hops(&self, state: StateId, node: NodeId) -> impl Iterator<Item = (StateId, RelationId, &'k [u32])> {
        let (kg, automaton) = (self.kg, self.automaton);
        kg.runs_by_kind(node).filter_map(move |(kind, tails)| {
            Some((automaton.step(state, kind.relation, kind.tail)?, kind.relation, tails))
        })
    }

    /// Numbers of walks that go on from a node in a state, ending at once included.
    fn from(&self, state: StateId, node: u32) -> u128 {
        match self.by_state.get(state.index()).filter(|counts| !counts.is_empty()) {
            Some(counts) => counts.get(node as usize).copied().unwrap_or(0),
            None => u128::from(self.automaton.is_accepting(state)),
        }
    }

    fn total(&self) -> u128 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// Appends the row of a draw; `false` if none was found.
    fn draw(&self, spec: &SampleSpec, number: u64, width: usize, rows: &mut Vec<u32>) -> bool {
        let mut stream = Stream::new(spec.seed, Purpose::SamplePath, 0, number);
        let before = rows.len();
        let vocabulary = self.kg.vocabulary();
        for _ in 0..MAX_ATTEMPTS {
            if self.attempt(spec, vocabulary, &mut stream, rows).is_some() {
                rows.resize(before + width, Vocabulary::PADDING.0);
                return true;
            }
            rows.truncate(before);
        }
        false
    }

    /// Appends the tokens of a walk; `None` where it is no path.
    fn attempt(
        &self,
        spec: &SampleSpec,
        vocabulary: Vocabulary,
        stream: &mut Stream,
        rows: &mut Vec<u32>,
    ) -> Option<()> {
        let chosen = below(stream, self.total());
        let place = u32::try_from(self.sums.partition_point(|&sum| sum <= chosen)).ok()?;
        let mut node = self.starts.slice(place..place + 1).next()?.start;
        let mut state = self.automaton.start();
        let mut met = vec![node];
        rows.push(vocabulary.node(NodeId(node)).0);
        loop {
            let mut index = below(stream, self.from(state, node));
            if self.automaton.is_accepting(state) {
                if index == 0 {
                    return Some(());
                }
                index -= 1;
            }
            if self.automaton.longest(state) == 0 {
                return None;
            }
            let (next, relation, tail) = self.hop(state, node, index)?;
            if spec.simple && met.contains(&tail) {
                return None;
            }
            met.push(tail);
            rows.push(vocabulary.relation(relation).0);
            rows.push(vocabulary.node(NodeId(tail)).0);
            (state, node) = (next, tail);
        }
    }

    /// The hop of the walk with this number among those that go on.
    fn hop(&self, state: StateId, node: u32, mut index: u128) -> Option<(StateId, RelationId, u32)> {
        for (next, relation, tails) in self.hops(state, NodeId(node)) {
            for &tail in tails.iter().filter(|tail| **tail != node) {
                let walks = self.from(next, tail);
                if index < walks {
                    return Some((next, relation, tail));
                }
                index -= walks;
            }
        }
        None
    }
}

fn too_many() -> Error {
    Error::CountOverflow { who: "all nodes".to_owned() }
}

/// A uniform number below a bound that is not 0: as many bits as the bound has, drawn again while they are too large.
fn below(stream: &mut Stream, bound: u128) -> u128 {
    let bits = 128 - bound.saturating_sub(1).leading_zeros();
    loop {
        let low = u128::from(stream.next_u64());
        let high = if bits > 64 { u128::from(stream.next_u64()) } else { 0 };
        let drawn = (high << 64 | low) & 1u128.checked_shl(bits).map_or(u128::MAX, |power| power - 1);
        if drawn < bound.max(1) {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;
    use crate::build::build;
    use std::collections::BTreeMap;

    /// A hub, a cycle, a loop, two relations between the same nodes.
    fn graph() -> TrainKg {
        let mut d = Dataset::default();
        for tail in ["a", "b", "c", "d"] {
            d.fact("hub", "r", tail);
        }
        for (head, tail) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "d"), ("hub", "a")] {
            d.fact(head, "s", tail);
        }
        build(d).expect("built").train_kg().expect("a graph")
    }

    fn drawn(kg: &TrainKg, pattern: &str, total: u64, shard: Shard) -> Vec<Vec<u32>> {
        let pattern = Pattern::parse_walk(pattern, kg).expect("a pattern");
        let spec = SampleSpec { ends: EndSet::Any, seed: 3, ..SampleSpec::default() };
        let mut rows = Vec::new();
        let mut sink = |some: &[u32]| {
            rows.extend(some.chunks_exact(2 * pattern.max_hops() + 1).map(<[u32]>::to_vec));
            Ok(())
        };
        let summary = sample(kg, &pattern, &spec, total, shard, &Context::default(), &mut sink).expect("drawn");
        assert_eq!((summary.num_paths, summary.given_up), (rows.len() as u64, 0));
        rows
    }

    /// All simple walks, found by going everywhere.
    fn all(kg: &TrainKg, hops: std::ops::RangeInclusive<usize>) -> u64 {
        fn count(kg: &TrainKg, met: &mut Vec<u32>, hops: &std::ops::RangeInclusive<usize>) -> u64 {
            let (&node, done) = (met.last().expect("a node"), met.len() - 1);
            let mut sum = u64::from(hops.contains(&done));
            if done < *hops.end() {
                for (_, tail) in kg.arcs(NodeId(node)).iter() {
                    if !met.contains(&tail.0) {
                        met.push(tail.0);
                        sum += count(kg, met, hops);
                        met.pop();
                    }
                }
            }
            sum
        }
        (0..u32::try_from(kg.num_nodes()).expect("few")).map(|node| count(kg, &mut vec![node], &hops)).sum()
    }

    #[test]
    fn every_path_of_any_start_is_as_likely_as_any_other() {
        let kg = graph();
        for (pattern, hops) in [("()-[]-{2}()", 2..=2), ("()-[]-{1,3}()", 1..=3)] {
            let paths = all(&kg, hops);
            let draws = 400 * paths;
            let mut counts: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
            for row in drawn(&kg, pattern, draws, Shard::default()) {
                *counts.entry(row).or_default() += 1;
            }
            assert_eq!(counts.len() as u64, paths, "{pattern}: every path comes, and nothing else");
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let chi: f64 = counts.values().map(|&count| (count as f64 - 400.0).powi(2) / 400.0).sum();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let free = (paths - 1) as f64;
            // Four standard deviations of χ².
            assert!((chi - free).abs() < 4.0 * (2.0 * free).sqrt(), "{pattern}: χ² {chi} for {free}");
        }
    }

    #[test]
    fn shards_one_after_the_other_are_the_whole() {
        let kg = graph();
        let whole = drawn(&kg, "()-[]-{2,3}()", 1000, Shard::default());
        let parts = (0..7).flat_map(|index| drawn(&kg, "()-[]-{2,3}()", 1000, Shard { index, of: 7 }));
        assert_eq!(parts.collect::<Vec<_>>(), whole);
        assert_eq!(whole.len(), 1000);
    }

    #[test]
    fn numbers_below_a_bound_are_below_it_and_all_come() {
        let mut stream = Stream::new(1, Purpose::SamplePath, 0, 0);
        for bound in [1u128, 2, 3, 1000, 1 << 64, (1 << 64) + 1, u128::MAX] {
            assert!((0..100).all(|_| below(&mut stream, bound) < bound), "{bound}");
        }
        let all: BTreeSet<u128> = (0..1000).map(|_| below(&mut stream, 5)).collect();
        assert_eq!(all.len(), 5);
    }
}
