//! A made-up graph for the benchmarks: as skewed as real ones, the same in every run.

use crate::harness::Outcome;
use footpath_core::{NodeId, Purpose, Stream};
use footpath_graph::build::build;
use footpath_graph::{Dataset, TrainKg};

pub(crate) const NUM_USERS: u64 = 2_000;
const USUAL: Size = Size { users: NUM_USERS, items: 3_000, entities: 15_000, parts: 1 };
const FACTS_PER_ITEM: u64 = 20;
const ITEMS_PER_USER: u64 = 30;
const RELATIONS: [&str; 5] = ["genre", "director", "starring", "writer", "country"];

/// How many of each there are in a part, and how many parts. A popular thing has as many edges whatever the number of
/// parts.
pub(crate) struct Size {
    pub(crate) users: u64,
    pub(crate) items: u64,
    pub(crate) entities: u64,
    pub(crate) parts: u64,
}

/// About 20,000 nodes, 60,000 facts, 60,000 interactions; the most popular item has 2 % of all.
pub(crate) fn graph() -> Outcome<TrainKg> {
    made_up(&USUAL)
}

/// A graph of any size. What users choose and what is said of items may be in any part, but no part is more popular
/// than another.
pub(crate) fn made_up(size: &Size) -> Outcome<TrainKg> {
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let mut dataset = Dataset::default();
    let popular = |random: &mut Stream, num: u64| {
        let part = if size.parts > 1 { random.below(size.parts) } else { 0 };
        part * num + skewed(random, num)
    };
    for item in 0..size.items * size.parts {
        dataset.link(&format!("i{item}"), &format!("film-{item}"));
        for _ in 0..FACTS_PER_ITEM {
            let relation = RELATIONS[random.index(RELATIONS.len())];
            let entity = popular(&mut random, size.entities);
            dataset.fact(&format!("film-{item}"), relation, &format!("e{entity}"));
        }
    }
    for user in 0..size.users * size.parts {
        for _ in 0..ITEMS_PER_USER {
            dataset.interact(&format!("u{user}"), &format!("i{}", popular(&mut random, size.items)));
        }
    }
    Ok(build(dataset)?.train_kg()?)
}

/// So many users, evenly spread over all.
pub(crate) fn spread(kg: &TrainKg, num: usize) -> Vec<NodeId> {
    kg.users().step_by((kg.users().len() / num).max(1)).take(num).map(NodeId).collect()
}

/// A number below `bound`, small ones more often: the density falls as 1/√x.
pub(crate) fn skewed(random: &mut Stream, bound: u64) -> u64 {
    let unit = random.unit();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and bound")]
    {
        (unit * unit * bound as f64) as u64
    }
}
