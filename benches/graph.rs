//! A made-up graph for the benchmarks: as skewed as real ones, the same in every run.

use crate::harness::Outcome;
use footpath_core::{Purpose, Stream};
use footpath_graph::build::build;
use footpath_graph::{Dataset, TrainKg};

pub(crate) const NUM_USERS: u64 = 2_000;
const NUM_ITEMS: u64 = 3_000;
const NUM_ENTITIES: u64 = 15_000;
const FACTS_PER_ITEM: u64 = 20;
const ITEMS_PER_USER: u64 = 30;
const RELATIONS: [&str; 5] = ["genre", "director", "starring", "writer", "country"];

/// About 20,000 nodes, 60,000 facts, 60,000 interactions; the most popular item has 2 % of all.
pub(crate) fn graph() -> Outcome<TrainKg> {
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let mut dataset = Dataset::default();
    for item in 0..NUM_ITEMS {
        dataset.link(&format!("i{item}"), &format!("film-{item}"));
        for _ in 0..FACTS_PER_ITEM {
            let relation = RELATIONS[random.index(RELATIONS.len())];
            dataset.fact(&format!("film-{item}"), relation, &format!("e{}", skewed(&mut random, NUM_ENTITIES)));
        }
    }
    for user in 0..NUM_USERS {
        for _ in 0..ITEMS_PER_USER {
            dataset.interact(&format!("u{user}"), &format!("i{}", skewed(&mut random, NUM_ITEMS)));
        }
    }
    Ok(build(dataset)?.train_kg()?)
}

/// A number below `bound`, small ones more often: the density falls as 1/√x.
pub(crate) fn skewed(random: &mut Stream, bound: u64) -> u64 {
    let unit = random.unit();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and bound")]
    {
        (unit * unit * bound as f64) as u64
    }
}
