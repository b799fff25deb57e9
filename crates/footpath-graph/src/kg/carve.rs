//! A part of the train interactions taken out of a graph, where nothing else was held out to choose settings on.

use super::{KgArrays, TrainKg, fact_ranks};
use crate::error::Result;
use crate::heldout::{HeldOut, Interaction};
use footpath_core::{Context, NodeId, Purpose, RelationId, Stream};
use std::collections::BTreeSet;
use std::path::Path;

/// Users with fewer choices keep all of them.
const MIN_CHOICES: usize = 5;
/// One of so many choices of a user is taken out, at least one.
const ONE_IN: usize = 10;

/// A graph without some of its train interactions, and these.
#[derive(Debug)]
pub struct Carved {
    /// The graph that is left. Its nodes, and so its tokens, are those of the whole.
    pub kg: TrainKg,
    /// What was taken out.
    pub held_out: HeldOut,
}

impl TrainKg {
    /// Takes the latest tenth of the choices of each user who has at least five out of the graph, at least one; where
    /// times are equal, or unknown, a draw by the seed decides. `None` where no user has so many.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn carve(&self, seed: u64, context: &Context) -> Result<Option<Carved>> {
        let mut taken = Vec::new();
        for user in self.users().map(NodeId) {
            context.check()?;
            let choices = self.in_order(user, seed);
            let num = if choices.len() < MIN_CHOICES { 0 } else { (choices.len() / ONE_IN).max(1) };
            let mut last: Vec<(u32, i64)> = choices.into_iter().rev().take(num).collect();
            last.sort_unstable();
            let of_user = |(item, time)| Interaction { user, item: NodeId(item), rating: f32::NAN, time, line: 0 };
            taken.extend(last.into_iter().map(of_user));
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let kg = self.without(&taken, context)?;
        Ok(Some(Carved { kg, held_out: HeldOut::from(taken.as_slice()) }))
    }

    /// The train items of a user with their times (0 where there are none), the last chosen last; where times are
    /// equal, or unknown, a draw by the seed decides.
    #[must_use]
    pub fn in_order(&self, user: NodeId, seed: u64) -> Vec<(u32, i64)> {
        let times = self.times_of(user);
        let keyed = |(place, &item): (usize, &u32)| {
            let tie = Stream::new(seed, Purpose::History, user.0, u64::from(item)).next_u64();
            (times.get(place).copied().unwrap_or(0), tie, item)
        };
        let mut choices: Vec<(i64, u64, u32)> = self.items_of(user).iter().enumerate().map(keyed).collect();
        choices.sort_unstable();
        choices.into_iter().map(|(time, _, item)| (item, time)).collect()
    }

    /// The graph without these interactions, sorted by (user, item).
    fn without(&self, taken: &[Interaction], context: &Context) -> Result<Self> {
        let gone: BTreeSet<(u32, u32)> = taken.iter().map(|i| (i.user.0, i.item.0)).collect();
        let a = &self.arrays;
        let (mut offsets, mut tails, mut relations) = (vec![0u64], Vec::new(), Vec::new());
        let (mut weights, mut lines, mut ratings, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut forward, mut interaction) = (0, 0);
        let (mut log_offsets, mut num_left) = (vec![0u64], 0u64);
        for node in 0..self.num_nodes() {
            context.check()?;
            let node = NodeId(u32::try_from(node).unwrap_or(u32::MAX));
            let arcs = self.arcs(node);
            for (arc, (relation, tail)) in (arcs.first..).zip(arcs.iter()) {
                let is_gone = match relation {
                    RelationId::INTERACTED => gone.contains(&(node.0, tail.0)),
                    RelationId::INTERACTED_BY => gone.contains(&(tail.0, node.0)),
                    _ => false,
                };
                let line = a.lines.get(forward).copied();
                forward += usize::from(!relation.is_inverse());
                let choice = (relation == RelationId::INTERACTED).then_some(interaction);
                interaction += usize::from(choice.is_some());
                if is_gone {
                    continue;
                }
                tails.push(tail.0);
                relations.push(relation.0);
                weights.extend(a.weights.get(arc));
                lines.extend(line.filter(|_| !relation.is_inverse()));
                if let Some(choice) = choice {
                    ratings.extend(a.ratings.get(choice));
                    times.extend(a.times.get(choice));
                    num_left += 1;
                }
            }
            if self.users().contains(&node.0) {
                log_offsets.push(num_left);
            }
            offsets.push(tails.len() as u64);
        }
        let mut schema = self.schema.clone();
        if let Some(interacted) = schema.relations.first_mut() {
            interacted.num_triples -= gone.len() as u64;
        }
        let arrays = KgArrays {
            fact_ranks: fact_ranks(&relations).into(),
            offsets: offsets.into(),
            tails: tails.into(),
            relations: relations.into(),
            weights: weights.into(),
            lines: lines.into(),
            log_offsets: if self.schema.users_have_facts { log_offsets.into() } else { Vec::new().into() },
            ratings: ratings.into(),
            times: times.into(),
            ..a.clone()
        };
        Self::from_arrays(schema, arrays, self.hash.clone(), Path::new("(memory)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;
    use crate::build::build;

    fn graph(has_times: bool) -> TrainKg {
        let mut data = Dataset { has_times, ..Dataset::default() };
        for (user, num) in [("few", 4), ("five", 5), ("many", 30)] {
            for n in 0..num {
                data.interact(user, &format!("i{n:02}"));
                // Later numbers are chosen earlier.
                data.interactions.last_mut().expect("just put there").time = if has_times { 100 - n } else { 0 };
            }
        }
        for n in 0..30 {
            data.link(&format!("i{n:02}"), &format!("film {n}"));
            data.fact(&format!("film {n}"), "by", &format!("e{}", n % 4));
        }
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    #[test]
    fn the_latest_tenth_is_taken_out_and_all_else_stays() {
        let kg = graph(true);
        let Carved { kg: left, held_out } = kg.carve(1, &Context::default()).expect("carved").expect("long histories");
        let taken: Vec<(&str, &str)> = held_out.iter().map(|(user, item, _)| (kg.id(user), kg.id(item))).collect();
        assert_eq!(taken, [("five", "i00"), ("many", "i00"), ("many", "i01"), ("many", "i02")]);
        assert_eq!((left.num_nodes(), left.num_arcs()), (kg.num_nodes(), kg.num_arcs() - 8));
        assert_eq!(left.vocabulary(), kg.vocabulary());
        for user in kg.users().map(NodeId) {
            let known = held_out.by_user().remove(&user).unwrap_or_default();
            let expected: Vec<(u32, i64)> = (kg.items_of(user).iter().copied().zip(kg.times_of(user).iter().copied()))
                .filter(|(item, _)| !known.contains(&NodeId(*item)))
                .collect();
            let got = left.items_of(user).iter().copied().zip(left.times_of(user).iter().copied());
            assert_eq!(got.collect::<Vec<_>>(), expected);
        }
        let film = kg.item("i07").expect("an item");
        let by = kg.relation("by").expect("a relation");
        let fact = footpath_core::Triple { head: film, relation: by, tail: NodeId(kg.arcs(film).of(by).tails[0]) };
        assert_eq!(left.source(fact), kg.source(fact), "lines go with their facts");
    }

    #[test]
    fn without_times_a_draw_decides_and_short_histories_stay_whole() {
        let kg = graph(false);
        let taken = |seed| {
            let carved = kg.carve(seed, &Context::default()).expect("carved").expect("long histories");
            carved.held_out.iter().map(|(user, item, _)| (user, item)).collect::<Vec<_>>()
        };
        assert_eq!((taken(1).len(), taken(1)), (4, taken(1)));
        assert_ne!(taken(1), taken(2));
        let mut data = Dataset::default();
        data.interact("u", "i");
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        assert!(kg.carve(1, &Context::default()).expect("looked").is_none());
    }
}
