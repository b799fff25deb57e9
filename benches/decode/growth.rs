//! What a user costs as the graph, the beams and the hops grow.
//!
//! All by the processor time of all threads, so that what else runs on the machine is not in it. Users are searched in
//! batches, as `footpath recommend --all` does.

use super::{options, small_model};
use crate::generate::{Shape, power_law_kg};
use crate::graph::{Size, made_up, spread};
use crate::harness::{Done, Figure, Outcome, cpu_time};
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::PathModel;
use footpath_model::decode::Recommender;

const NUM_USERS: usize = 256;
const ROUNDS: usize = 5;
/// Where only something else grows.
const HOPS: u32 = 3;
const BEAMS: usize = 30;
/// 10,000 entities, and edges as in the graph of the other benchmarks: 20 facts of an item, 30 interactions of a user.
const PART: Size = Size { users: 1_000, items: 2_000, entities: 10_000, parts: 1 };

/// 100 thousand entities against 10 thousand, with the same degrees.
pub(crate) fn entities_100k() -> Outcome<Figure> {
    by_size(made_up(&Size { parts: 10, ..PART })?, made_up(&PART)?, "10 thousand entities, the same degrees", Some(1.0))
}

/// A million entities against 10 thousand, with the same degrees.
pub(crate) fn entities_1m() -> Outcome<Figure> {
    by_size(
        made_up(&Size { parts: 100, ..PART })?,
        made_up(&PART)?,
        "10 thousand entities, the same degrees",
        Some(1.0),
    )
}

/// A million entities against 10 thousand where popularity is a power law: the hubs have a hundred times the edges,
/// too.
pub(crate) fn hubs_1m() -> Outcome<Figure> {
    // One entity for each 20.32 edges.
    let kg = |entities: u64| power_law_kg(&Shape::of_edges(entities * 2_032 / 100, 1));
    by_size(kg(1_000_000)?, kg(10_000)?, "10 thousand entities, hubs in proportion", None)
}

/// 100 beams against 30; the work counted is beams × hops.
pub(crate) fn beams_100() -> Outcome<Figure> {
    by_width(HOPS, 100, "30 beams")
}

/// 300 beams against 30; the work counted is beams × hops.
pub(crate) fn beams_300() -> Outcome<Figure> {
    by_width(HOPS, 300, "30 beams")
}

/// 5 hops against 3; the work counted is beams × hops.
pub(crate) fn hops_5() -> Outcome<Figure> {
    by_width(5, BEAMS, "3 hops")
}

/// 7 hops against 3; the work counted is beams × hops.
pub(crate) fn hops_7() -> Outcome<Figure> {
    by_width(7, BEAMS, "3 hops")
}

/// The rate in users with a large graph against that with a small one.
fn by_size(large: TrainKg, small: TrainKg, against: &'static str, goal: Option<f64>) -> Outcome<Figure> {
    let patterns = [Pattern::hops(HOPS, &large)?, Pattern::hops(HOPS, &small)?];
    let [large, small] = [Searched::new(&large, &patterns[0])?, Searched::new(&small, &patterns[1])?];
    let (ours, theirs) = (|| large.search(BEAMS, 1), || small.search(BEAMS, 1));
    Figure::measure("users/s", against, goal, ROUNDS, ours, theirs)
}

/// The rate in beams × hops with more of them against that with 30 beams and 3 hops.
fn by_width(hops: u32, beams: usize, against: &'static str) -> Outcome<Figure> {
    let kg = made_up(&PART)?;
    let patterns = [Pattern::hops(hops, &kg)?, Pattern::hops(HOPS, &kg)?];
    let [wide, narrow] = [Searched::new(&kg, &patterns[0])?, Searched::new(&kg, &patterns[1])?];
    let ours = || wide.search(beams, beams * hops as usize);
    let theirs = || narrow.search(BEAMS, BEAMS * HOPS as usize);
    Figure::measure("beam-hops/s", against, Some(1.0), ROUNDS, ours, theirs)
}

/// A graph with a model of random weights, warm.
struct Searched {
    legal: Legal,
    model: PathModel,
    users: Vec<NodeId>,
}

impl Searched {
    fn new(kg: &TrainKg, pattern: &Pattern) -> Outcome<Self> {
        let legal = Legal::new(kg.clone(), pattern.clone(), &Context::default())?;
        let (model, users) = (small_model(kg, &legal)?, spread(kg, NUM_USERS));
        Ok(Self { legal, model, users })
    }

    /// Recommends to all users; each is so much work.
    fn search(&self, beams: usize, work: usize) -> Outcome<Done> {
        let recommender = Recommender::new(&self.model, &self.legal);
        cpu_time(|| {
            let lists = recommender.recommend(&self.users, options(beams), &Context::default())?;
            Ok((lists.len() * work) as f64)
        })
    }
}
