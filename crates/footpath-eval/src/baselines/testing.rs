//! Graphs for the tests of baselines.

use footpath_core::{Purpose, Stream};
use footpath_graph::{Dataset, TrainKg, build::build};

/// A log of choices drawn at random, without facts.
pub(super) fn random_log(seed: u64, num_users: usize, num_items: usize, num_choices: usize) -> TrainKg {
    let mut draw = Stream::new(seed, Purpose::Simulate, 0, 0);
    let mut data = Dataset::default();
    for _ in 0..num_choices {
        data.interact(&format!("u{:02}", draw.index(num_users)), &format!("i{:02}", draw.index(num_items)));
    }
    build(data).and_then(|built| built.train_kg()).expect("a graph")
}

/// A log with facts of three relations, some between items.
pub(super) fn random_graph(seed: u64) -> TrainKg {
    let mut draw = Stream::new(seed, Purpose::Simulate, 0, 1);
    let mut data = Dataset::default();
    for item in 0..16 {
        data.link(&format!("i{item:02}"), &format!("film {item}"));
        for _ in 0..3 {
            let relation = ["genre", "cast"][draw.index(2)];
            data.fact(&format!("film {item}"), relation, &format!("e{}", draw.index(7)));
        }
        data.fact(&format!("film {item}"), "after", &format!("film {}", (item + 1 + draw.index(10)) % 16));
    }
    for _ in 0..70 {
        data.interact(&format!("u{:02}", draw.index(12)), &format!("i{:02}", draw.index(16)));
    }
    build(data).and_then(|built| built.train_kg()).expect("a graph")
}
