//! What a made-up graph says: interactions and facts, head by head, each once.

use super::skew::{PowerLaw, Scramble};
use crate::harness::Outcome;
use footpath_core::{Purpose, Stream};
use std::collections::HashSet;

/// Draws in vain before the next free tail is taken.
const MAX_TRIES: u32 = 16;
/// Up to so many tails of a head are compared one by one.
const FEW: usize = 48;
const FIRST_TIME: u64 = 1_500_000_000;
const SPAN_OF_TIMES: u64 = 100_000_000;

/// How large a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) users: u64,
    pub(crate) items: u64,
    /// Entities that are no items.
    pub(crate) entities: u64,
    /// Interactions of a user with an item.
    pub(crate) interactions: u64,
    /// Facts with an item as head and an entity as tail.
    pub(crate) item_facts: u64,
    /// Facts between two entities.
    pub(crate) entity_facts: u64,
    /// Relations of the former and of the latter.
    pub(crate) relations: [u64; 2],
    pub(crate) seed: u64,
}

impl Shape {
    /// The knowledge graph by which samplers are compared: 10.16 million triples, of which 4.98 million are
    /// interactions.
    pub(crate) fn walks(seed: u64) -> Self {
        Self {
            users: 200_000,
            items: 100_000,
            entities: 500_000,
            interactions: 4_980_000,
            item_facts: 3_180_000,
            entity_facts: 2_000_000,
            relations: [12, 7],
            seed,
        }
    }

    /// As many triples, interactions included, in the proportions of [`Shape::walks`].
    pub(crate) fn of_edges(edges: u64, seed: u64) -> Self {
        let walks = Self::walks(seed);
        let total = walks.interactions + walks.item_facts + walks.entity_facts;
        let scaled = |part: u64| (u128::from(part) * u128::from(edges) / u128::from(total)) as u64;
        let (interactions, item_facts) = (scaled(walks.interactions), scaled(walks.item_facts));
        Self {
            users: scaled(walks.users).max(1),
            items: scaled(walks.items).max(1),
            entities: scaled(walks.entities).max(2),
            interactions,
            item_facts,
            entity_facts: edges - interactions - item_facts,
            ..walks
        }
    }

    /// Triples, interactions included.
    pub(crate) fn edges(&self) -> u64 {
        self.interactions + self.item_facts + self.entity_facts
    }

    /// Refuses a shape in which some head would need more tails than there are.
    pub(crate) fn check(&self) -> Outcome<()> {
        for kind in EdgeKind::ALL {
            let rows = Rows::new(self, kind);
            let (most, tails) = (rows.degree_of_rank(0) + 1, rows.tails.n);
            if most >= tails {
                return Err(format!("{kind:?}: a head would have {most} of {tails} tails; give more nodes").into());
            }
        }
        let ids = [self.users, self.items, self.entities].iter().all(|&n| n < u64::from(u32::MAX));
        let relations = self.relations.iter().all(|r| (1..10_000).contains(r));
        if ids && relations { Ok(()) } else { Err("at most 2³² − 2 nodes and 9,999 relations of a kind".into()) }
    }
}

/// What is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// A user chose an item; there is one relation.
    Interaction,
    /// An item and an entity.
    ItemFact,
    /// Two different entities.
    EntityFact,
}

impl EdgeKind {
    pub(crate) const ALL: [Self; 3] = [Self::Interaction, Self::ItemFact, Self::EntityFact];
}

/// The tail of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tail {
    pub(crate) relation: u32,
    pub(crate) node: u32,
}

/// The statements of one kind, by head.
pub(crate) struct Rows {
    kind: EdgeKind,
    heads: u64,
    total: u64,
    degrees: PowerLaw,
    rank_of: Scramble,
    tails: Ids,
    relations: PowerLaw,
    seed: u64,
}

/// Ids by popularity.
struct Ids {
    n: u64,
    popularity: PowerLaw,
    id_of: Scramble,
}

impl Ids {
    fn draw(&self, random: &mut Stream) -> u32 {
        self.id_of.of(self.popularity.draw(random)) as u32
    }
}

impl Rows {
    pub(crate) fn new(shape: &Shape, kind: EdgeKind) -> Self {
        // Exponents 3 for what people do and how much is said of a thing; 2.33 for the popularity of items and of
        // entities among entities; 2.14 for entities of items, of which a few (countries, genres) have a good part of
        // all items.
        let (heads, total, flat, (tails, k, flat_tails), relations) = match kind {
            EdgeKind::Interaction => (shape.users, shape.interactions, 1e-4, (shape.items, 2, 1e-4), 1),
            EdgeKind::ItemFact => (shape.items, shape.item_facts, 1e-3, (shape.entities, 3, 1e-5), shape.relations[0]),
            EdgeKind::EntityFact => {
                (shape.entities, shape.entity_facts, 1e-3, (shape.entities, 2, 1e-5), shape.relations[1])
            }
        };
        let scramble = |n, purpose| Scramble::new(n, shape.seed, 2 * kind as u32 + purpose);
        Self {
            kind,
            heads,
            total,
            degrees: PowerLaw::new(heads, 1, flat),
            rank_of: scramble(heads, 0),
            tails: Ids { n: tails, popularity: PowerLaw::new(tails, k, flat_tails), id_of: scramble(tails, 1) },
            relations: PowerLaw::new(relations, 1, 0.0),
            seed: shape.seed,
        }
    }

    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    fn degree_of_rank(&self, rank: u64) -> u64 {
        self.degrees.part(self.total, rank)
    }

    /// Fills `row` with the statements of a head, in no order, and gives the stream to draw what else there is to say
    /// of them.
    pub(crate) fn fill(&self, head: u64, row: &mut Vec<Tail>) -> Stream {
        let mut random = Stream::new(self.seed, Purpose::Simulate, self.kind as u32, head);
        row.clear();
        let mut seen = HashSet::new();
        let own = (self.kind == EdgeKind::EntityFact).then_some(head as u32);
        for _ in 0..self.degree_of_rank(self.rank_of.of(head)) {
            let relation = self.relations.draw(&mut random) as u32;
            let mut tail = Tail { relation, node: self.tails.draw(&mut random) };
            let mut tries = 0;
            while Some(tail.node) == own || !is_new(tail, row, &mut seen) {
                tries += 1;
                let next = (u64::from(tail.node) + 1) % self.tails.n;
                tail.node = if tries < MAX_TRIES { self.tails.draw(&mut random) } else { next as u32 };
            }
            row.push(tail);
        }
        random
    }
}

/// Whether a tail is not in the row yet. From some length on `seen` keeps those of the row.
fn is_new(tail: Tail, row: &[Tail], seen: &mut HashSet<Tail>) -> bool {
    if row.len() < FEW {
        return !row.contains(&tail);
    }
    if seen.is_empty() {
        seen.extend(row);
    }
    seen.insert(tail)
}

/// When an interaction was, in seconds.
pub(crate) fn time(random: &mut Stream) -> u64 {
    FIRST_TIME + random.below(SPAN_OF_TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_statements_are_there_once_and_hubs_are_hubs() {
        let shape = Shape::of_edges(100_000, 3);
        shape.check().expect("a shape with room");
        assert_eq!(shape.edges(), 100_000);
        for kind in EdgeKind::ALL {
            let rows = Rows::new(&shape, kind);
            let (mut row, mut num, mut popularity) = (Vec::new(), 0, vec![0u64; rows.tails.n as usize]);
            for head in 0..rows.heads() {
                rows.fill(head, &mut row);
                let distinct: HashSet<Tail> = row.iter().copied().collect();
                assert_eq!(distinct.len(), row.len());
                assert!(kind != EdgeKind::EntityFact || row.iter().all(|tail| u64::from(tail.node) != head));
                row.iter().for_each(|tail| popularity[tail.node as usize] += 1);
                num += row.len() as u64;
            }
            assert_eq!(num, rows.total);
            let (most, mean) =
                (popularity.iter().max().copied().unwrap_or(0) as f64, num as f64 / popularity.len() as f64);
            assert!(most > 10.0 * mean, "{kind:?}: {most} against {mean}");
        }
    }

    #[test]
    fn too_many_edges_for_the_nodes_are_refused() {
        assert!(Shape { items: 3, ..Shape::of_edges(10_000, 1) }.check().is_err());
    }
}
