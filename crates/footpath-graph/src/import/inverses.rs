//! Relations that state the facts of another one turned round.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::problems::Problems;
use crate::dataset::{NONE, RawTriple};
use crate::error::{Result, show};
use crate::sorting;
use footpath_core::Context;
use std::collections::{BTreeMap, HashMap};

/// Facts of each relation that are looked for turned round before all are.
const SAMPLE: usize = 32;
/// Share of the facts of both relations, in percent, that must be the other's.
const SHARE: u64 = 90;

/// A relation and another that states its facts turned round, by their numbers; the same for one that is stated both
/// ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    one: u32,
    other: u32,
}

impl Collector {
    /// Finds relations that state the other's facts turned round, and keeps one of the two if that is asked for. The
    /// uses of relations are counted anew.
    pub(super) fn settle_inverses(&mut self, merge: bool, problems: &mut Problems, context: &Context) -> Result<()> {
        let pairs = pairs(&self.dataset.triples, self.dataset.relations.len(), context)?;
        let Some(&(Pair { one, other }, _, line)) = pairs.first() else { return Ok(()) };
        let name =
            |relation: u32| show(self.dataset.relations.get(relation as usize).map_or("", |r| &r.name).as_bytes());
        let num_facts: u64 = pairs.iter().map(|(_, count, _)| count).sum();
        let example = self.facts.example(line, &name(one), &self.files);
        let what = format!(
            "{} pairs of relations, such as `{}` and `{}`, state the same {num_facts} facts in both directions",
            pairs.len(),
            name(one),
            name(other)
        );
        if !merge {
            let message =
                format!("{what}; every fact counts twice, and a path by one of them is there in several words");
            let finding = Finding::new("inverse_relations", Severity::Serious, num_facts, message).example(example);
            problems.find(finding.way_out("option `merge_inverses` keeps one of the two"));
            return Ok(());
        }
        let before = self.dataset.triples.len();
        for (Pair { one, other }, ..) in pairs {
            self.merge(one, other);
        }
        let count = (before - self.dataset.triples.len()) as u64;
        let message = format!("{what}; one of the two was kept, {count} triples dropped");
        problems.find(Finding::new("inverse_relations_merged", Severity::Note, count, message));
        Ok(())
    }

    /// Drops the facts of `other` that `one` states turned round, and those it does not state become facts of `one`.
    /// The kept relation reads in its inverse direction as the other's name does, unless it says so itself.
    fn merge(&mut self, one: u32, other: u32) {
        let dataset = &mut self.dataset;
        if one != other {
            let reading = dataset.relations.get(other as usize).map(|r| match r.forward.as_str() {
                "" => r.name.replace('_', " "),
                forward => forward.to_owned(),
            });
            if let (Some(kept), Some(reading)) = (dataset.relations.get_mut(one as usize), reading)
                && kept.inverse.is_empty()
            {
                kept.inverse = reading;
            }
        }
        let stated: std::collections::HashSet<(u32, u32)> =
            dataset.triples.iter().filter(|t| t.relation == one).map(|t| (t.head, t.tail)).collect();
        let is_dropped = |t: &RawTriple| match one == other {
            // Of a fact and itself turned round, that from the lower number is kept.
            true => t.relation == one && t.head > t.tail && stated.contains(&(t.tail, t.head)),
            false => t.relation == other && stated.contains(&(t.tail, t.head)),
        };
        let mut weights = std::mem::take(&mut dataset.triple_weights).into_iter();
        let mut kept_weights = Vec::new();
        dataset.triples.retain_mut(|triple| {
            let (weight, keep) = (weights.next(), !is_dropped(triple));
            if keep {
                kept_weights.extend(weight);
                if one != other && triple.relation == other {
                    (triple.head, triple.tail, triple.relation) = (triple.tail, triple.head, one);
                }
            }
            keep
        });
        dataset.triple_weights = kept_weights;
        if one != other {
            for (_, triple) in dataset.held_out_facts.iter_mut().filter(|(_, t)| t.relation == other) {
                (triple.head, triple.tail, triple.relation) = (triple.tail, triple.head, one);
            }
        }
        let mut uses = vec![0; dataset.relations.len()];
        for triple in dataset.triples.iter().chain(dataset.held_out_facts.iter().map(|(_, triple)| triple)) {
            if let Some(count) = uses.get_mut(triple.relation as usize) {
                *count += 1;
            }
        }
        self.relation_uses = uses;
    }
}

/// Pairs of relations, with the number of facts that both state and the line of one.
fn pairs(triples: &[RawTriple], num_relations: usize, context: &Context) -> Result<Vec<(Pair, u64, u32)>> {
    let mut counts = vec![0u64; num_relations];
    // The first facts of each relation, turned round.
    let mut asked: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    let mut sampled = vec![0usize; num_relations];
    for triple in triples {
        if let (Some(count), Some(sampled)) =
            (counts.get_mut(triple.relation as usize), sampled.get_mut(triple.relation as usize))
        {
            *count += 1;
            if *sampled < SAMPLE && triple.head != triple.tail {
                *sampled += 1;
                asked.entry((triple.tail, triple.head)).or_default().push(triple.relation);
            }
        }
    }
    let mut found: BTreeMap<Pair, usize> = BTreeMap::new();
    for triple in triples {
        for &one in asked.get(&(triple.head, triple.tail)).into_iter().flatten() {
            *found.entry(Pair { one, other: triple.relation }).or_default() += 1;
        }
    }
    context.check()?;
    let of = |relation: u32, values: &[usize]| values.get(relation as usize).copied().unwrap_or(0);
    let likely = |pair: &Pair| {
        let hits = |pair: &Pair| found.get(pair).copied().unwrap_or(0);
        let turned = Pair { one: pair.other, other: pair.one };
        let enough = |pair: &Pair| 4 * hits(pair) >= 3 * of(pair.one, &sampled).max(1);
        pair.one <= pair.other && enough(pair) && enough(&turned)
    };
    let candidates: Vec<Pair> = found.keys().filter(|pair| likely(pair)).copied().collect();
    let mut taken = vec![false; num_relations];
    let mut pairs = Vec::new();
    for pair in candidates {
        let is_taken = |relation: u32| taken.get(relation as usize).copied().unwrap_or(true);
        if is_taken(pair.one) || is_taken(pair.other) {
            continue;
        }
        let (both, line) = in_both(triples, pair, context)?;
        let count = |relation: u32| counts.get(relation as usize).copied().unwrap_or(0);
        if both > 0 && [pair.one, pair.other].iter().all(|&r| 100 * both >= SHARE * count(r)) {
            // A relation that is stated both ways has half as many facts as statements.
            pairs.push((pair, if pair.one == pair.other { both / 2 } else { both }, line));
            for relation in [pair.one, pair.other] {
                if let Some(slot) = taken.get_mut(relation as usize) {
                    *slot = true;
                }
            }
        }
    }
    Ok(pairs)
}

/// How many facts of one relation the other states turned round, and the line of one of them.
fn in_both(triples: &[RawTriple], Pair { one, other }: Pair, context: &Context) -> Result<(u64, u32)> {
    let of = |relation: u32| triples.iter().filter(move |t| t.relation == relation && t.head != t.tail);
    let mut turned: Vec<(u32, u32)> = of(other).map(|t| (t.tail, t.head)).collect();
    sorting::sort_by_key(&mut turned, context, |pair| *pair)?;
    turned.dedup();
    let mut stated: Vec<(u32, u32, u32)> = of(one).map(|t| (t.head, t.tail, t.line)).collect();
    sorting::sort_by_key(&mut stated, context, |fact| *fact)?;
    stated.dedup_by_key(|(head, tail, _)| (*head, *tail));
    let both = || stated.iter().filter(|(head, tail, _)| turned.binary_search(&(*head, *tail)).is_ok());
    Ok((both().count() as u64, both().map(|(.., line)| *line).min().unwrap_or(NONE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triples(facts: &[(u32, u32, u32)]) -> Vec<RawTriple> {
        (1..).zip(facts).map(|(line, &(head, relation, tail))| RawTriple { head, relation, tail, line }).collect()
    }

    fn found(facts: &[(u32, u32, u32)]) -> Vec<(u32, u32, u64)> {
        let pairs = pairs(&triples(facts), 4, &Context::default()).expect("nobody stops it");
        pairs.into_iter().map(|(Pair { one, other }, count, _)| (one, other, count)).collect()
    }

    #[test]
    fn facts_that_are_stated_turned_round_are_found() {
        let mut facts: Vec<_> =
            (0..50).flat_map(|n| [(n, 0, 100 + n % 7), (100 + n % 7, 1, n), (n, 2, n + 1)]).collect();
        assert_eq!(found(&facts), [(0, 1, 50)]);
        // Some that only one of the two states do not matter, many do.
        facts.extend((0..4).map(|n| (n, 0, 200)));
        assert_eq!(found(&facts), [(0, 1, 50)]);
        facts.extend((0..50).map(|n| (n, 0, 201)));
        assert_eq!(found(&facts), []);
    }

    #[test]
    fn a_relation_that_is_stated_both_ways_is_its_own_inverse() {
        let facts: Vec<_> = (0..20).flat_map(|n| [(n, 3, n + 40), (n + 40, 3, n)]).collect();
        assert_eq!(found(&facts), [(3, 3, 20)]);
    }
}
