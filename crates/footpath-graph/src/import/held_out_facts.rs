//! Facts that the data holds out, for link prediction: they, and whatever says the same, stay out of the graph.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::gathered::Places;
use super::problems::Problems;
use crate::dataset::RawTriple;
use crate::error::Result;
use crate::heldout::Split;
use crate::sorting;
use footpath_core::Context;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// What was held out of the facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsReport {
    /// Facts held out for choosing a model.
    pub num_valid: u64,
    /// Facts held out for the final figure.
    pub num_test: u64,
    /// Held-out facts that stand in a part more than once, or in two; the first part counts.
    pub num_repeated: u64,
    /// Facts of train that are held out as well, and so are not in the graph.
    pub num_same: u64,
    /// Facts of train that state a held-out one turned round, by a relation that does so as a rule.
    pub num_inverse: u64,
    /// Facts of train that state a held-out one by another relation that does so as a rule.
    pub num_other_relation: u64,
}

/// A fact without its line: head, relation, tail.
type Fact = (u32, u32, u32);

fn fact(triple: &RawTriple) -> Fact {
    (triple.head, triple.relation, triple.tail)
}

impl Collector {
    /// Moves the facts that are held out from those of the graph, and drops of the latter what says the same. To be
    /// called once lines are settled and before any fact is moved.
    pub(super) fn settle_held_out_facts(
        &mut self,
        problems: &mut Problems,
        context: &Context,
    ) -> Result<Option<FactsReport>> {
        let places = std::mem::take(&mut self.held_out_facts);
        if places.is_empty() {
            return Ok(None);
        }
        let restated = Restated::of(&self.dataset.triples, self.dataset.relations.len(), context)?;
        let mut report = FactsReport::default();
        self.dataset.held_out_facts = self.take_out(&places);
        let before = self.dataset.held_out_facts.len();
        let held_out = &mut self.dataset.held_out_facts;
        sorting::sort_by_key(held_out, context, |(split, t)| (fact(t), *split, t.line))?;
        held_out.dedup_by_key(|(_, triple)| fact(triple));
        report.num_repeated = (before - held_out.len()) as u64;
        let count = |part: Split| held_out.iter().filter(|(split, _)| *split == part).count() as u64;
        (report.num_valid, report.num_test) = (count(Split::Valid), count(Split::Test));
        self.drop_restated(&restated, &mut report, problems, context)?;
        Ok(Some(report))
    }

    /// The facts in these places, which are no longer among those of the graph.
    fn take_out(&mut self, places: &Places) -> Vec<(Split, RawTriple)> {
        let mut taken = Vec::with_capacity(places.len());
        let mut next = places.iter().peekable();
        let mut is_held_out = vec![false; self.dataset.triples.len()];
        for (place, triple) in self.dataset.triples.iter().enumerate() {
            if let Some((_, split)) = next.next_if(|(held_out, _)| *held_out == place) {
                taken.push((*split, *triple));
                if let Some(slot) = is_held_out.get_mut(place) {
                    *slot = true;
                }
            }
        }
        self.keep_facts(|place, _| !is_held_out.get(place).copied().unwrap_or(false));
        taken
    }

    /// Keeps some facts with their weights.
    pub(super) fn keep_facts(&mut self, keep: impl Fn(usize, &RawTriple) -> bool) {
        let mut place = 0;
        let mut weights = std::mem::take(&mut self.dataset.triple_weights).into_iter();
        let mut kept_weights = Vec::new();
        self.dataset.triples.retain(|triple| {
            let (kept, weight) = (keep(place, triple), weights.next());
            place += 1;
            kept_weights.extend(weight.filter(|_| kept));
            kept
        });
        self.dataset.triple_weights = kept_weights;
    }

    fn drop_restated(
        &mut self,
        restated: &Restated,
        report: &mut FactsReport,
        problems: &mut Problems,
        context: &Context,
    ) -> Result<()> {
        let held_out = &self.dataset.held_out_facts;
        let same: HashSet<Fact> = held_out.iter().map(|(_, triple)| fact(triple)).collect();
        let (mut inverse, mut other) = (HashSet::new(), HashSet::new());
        for (number, (_, triple)) in held_out.iter().enumerate() {
            if number.is_multiple_of(1 << 16) {
                context.check()?;
            }
            inverse.extend(restated.turned(triple));
            other.extend(restated.by_another(triple));
        }
        let mut first: Option<(u32, u32)> = None;
        let counts = [&mut report.num_same, &mut report.num_inverse, &mut report.num_other_relation];
        let [num_same, num_inverse, num_other] = counts;
        let mut dropped = vec![false; self.dataset.triples.len()];
        for (triple, dropped) in self.dataset.triples.iter().zip(&mut dropped) {
            let of = fact(triple);
            let count = if same.contains(&of) {
                &mut *num_same
            } else if inverse.contains(&of) {
                &mut *num_inverse
            } else if other.contains(&of) {
                &mut *num_other
            } else {
                continue;
            };
            *count += 1;
            *dropped = true;
            first.get_or_insert((triple.relation, triple.line));
        }
        let (same, inverse, other) = (*num_same, *num_inverse, *num_other);
        if let Some((relation, line)) = first {
            let message = format!(
                "{} facts of train say what a held-out fact says, and are left out: {same} the same, {inverse} turned \
                 round, {other} by another relation",
                same + inverse + other
            );
            let name = self.dataset.relations.get(relation as usize).map_or("", |relation| &relation.name);
            let example = self.facts.example(line, name, &self.files);
            let finding = Finding::new("held_out_restated", Severity::Note, same + inverse + other, message);
            problems.find(finding.example(example));
        }
        self.keep_facts(|place, _| !dropped.get(place).copied().unwrap_or(false));
        Ok(())
    }
}

/// Which facts say what others say: turned round, or by another relation. A relation says what another says if at least
/// half of its facts are facts of the other as well.
struct Restated {
    /// All facts by head, tail and relation, each once.
    by_ends: Vec<Fact>,
    /// Pairs of relations: the first states facts of the second turned round.
    turned: HashSet<(u32, u32)>,
    /// Pairs of relations: the first states facts of the second as they are.
    same: HashSet<(u32, u32)>,
}

impl Restated {
    fn of(triples: &[RawTriple], num_relations: usize, context: &Context) -> Result<Self> {
        let ends = |t: &RawTriple| (t.head, t.tail, t.relation);
        let mut by_ends: Vec<Fact> = triples.iter().filter(|t| t.head != t.tail).map(ends).collect();
        sorting::sort_by_key(&mut by_ends, context, |fact| *fact)?;
        by_ends.dedup();
        let mut all = Self { by_ends, turned: HashSet::new(), same: HashSet::new() };
        let mut counts = vec![0u64; num_relations];
        let (mut turned, mut same) = (BTreeMap::<(u32, u32), u64>::new(), BTreeMap::<(u32, u32), u64>::new());
        for (number, &(head, tail, relation)) in all.by_ends.iter().enumerate() {
            if number.is_multiple_of(1 << 16) {
                context.check()?;
            }
            if let Some(count) = counts.get_mut(relation as usize) {
                *count += 1;
            }
            for other in all.relations(tail, head) {
                *turned.entry((relation, other)).or_default() += 1;
            }
            for other in all.relations(head, tail).filter(|&other| other != relation) {
                *same.entry((relation, other)).or_default() += 1;
            }
        }
        let as_a_rule = |pairs: BTreeMap<(u32, u32), u64>| -> HashSet<(u32, u32)> {
            let half = |relation: u32| counts.get(relation as usize).copied().unwrap_or(0).div_ceil(2);
            pairs.into_iter().filter(|((one, _), count)| *count >= half(*one)).map(|(pair, _)| pair).collect()
        };
        (all.turned, all.same) = (as_a_rule(turned), as_a_rule(same));
        Ok(all)
    }

    /// Relations of the facts from one node to another.
    fn relations(&self, head: u32, tail: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.by_ends.partition_point(|&(h, t, _)| (h, t) < (head, tail));
        let facts = self.by_ends.get(start..).unwrap_or_default().iter();
        facts.take_while(move |&&(h, t, _)| (h, t) == (head, tail)).map(|&(.., relation)| relation)
    }

    /// Facts that state this one turned round.
    fn turned<'s>(&'s self, triple: &RawTriple) -> impl Iterator<Item = Fact> + 's {
        let RawTriple { head, relation, tail, .. } = *triple;
        let other = self.relations(tail, head).filter(move |&other| self.turned.contains(&(other, relation)));
        other.map(move |other| (tail, other, head))
    }

    /// Facts that state this one by another relation.
    fn by_another<'s>(&'s self, triple: &RawTriple) -> impl Iterator<Item = Fact> + 's {
        let RawTriple { head, relation, tail, .. } = *triple;
        let other = self.relations(head, tail).filter(move |&other| self.same.contains(&(other, relation)));
        other.map(move |other| (head, other, tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triples(facts: &[(u32, u32, u32)]) -> Vec<RawTriple> {
        (1..).zip(facts).map(|(line, &(head, relation, tail))| RawTriple { head, relation, tail, line }).collect()
    }

    #[test]
    fn what_says_the_same_is_found_by_the_rule_and_not_by_chance() {
        // Relation 1 states what 0 states turned round, 2 is symmetric, 3 states what 0 states, 4 meets 0 once.
        let mut facts = Vec::new();
        for n in 0..10 {
            facts.extend([(n, 0, 20 + n), (20 + n, 1, n), (n, 2, 40 + n), (40 + n, 2, n), (n, 3, 20 + n)]);
            facts.push((n, 4, 60 + n));
        }
        facts.push((0, 4, 20));
        let restated = Restated::of(&triples(&facts), 5, &Context::default()).expect("nobody stops it");
        let of = |head, relation, tail| {
            let triple = RawTriple { head, relation, tail, line: 0 };
            let (mut turned, mut other): (Vec<_>, Vec<_>) =
                (restated.turned(&triple).collect(), restated.by_another(&triple).collect());
            turned.sort_unstable();
            other.sort_unstable();
            (turned, other)
        };
        assert_eq!(of(0, 0, 20), (vec![(20, 1, 0)], vec![(0, 3, 20)]));
        assert_eq!(of(45, 2, 5), (vec![(5, 2, 45)], vec![]));
        assert_eq!(of(0, 4, 20), (vec![], vec![]));
        // A held-out fact that nothing says otherwise.
        assert_eq!(of(3, 4, 63), (vec![], vec![]));
    }
}
