//! Drawing paths of 3 hops, against a walker that takes any arc and rejects what is no path of the law; and drawing in
//! shards, against drawing the whole.
//!
//! Both draw by the same law, on one thread; setting up each user is part of the time.

use crate::generate::{Shape, power_law_kg};
use crate::graph::graph;
use crate::harness::{Done, Figure, Outcome, cpu_time, time};
use footpath_core::{Context, NodeId, Path, Purpose, RelationId, Stream};
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{
    Amount, CorpusSampler, EndSet, Law, Quota, SampleSpec, Sampler, Scratch, Shard, Users, sample_corpus,
};

const PATHS_PER_USER: u64 = 300;
/// The walker is slow: it draws fewer paths.
const NAIVE_PATHS_PER_USER: u64 = 30;
const ROUNDS: usize = 5;
/// Shards of a corpus that is drawn in shards.
const SHARDS: u32 = 16;
const AGAINST: &str = "a walker with rejection, same law, one thread each";

/// Every path alike.
pub(crate) fn uniform_path() -> Outcome<Figure> {
    measure(SampleSpec { seed: 0, ..SampleSpec::default() }, 40)
}

/// Every end alike, hubs damped: the law of the training corpus.
pub(crate) fn uniform_end() -> Outcome<Figure> {
    measure(SampleSpec { law: Law::UniformEnd, damping: 0.5, seed: 0, ..SampleSpec::default() }, 2)
}

/// The walker draws for every `step`-th user only.
fn measure(spec: SampleSpec, step: usize) -> Outcome<Figure> {
    let kg = graph()?;
    let sampler = Sampler::new(&kg, &Pattern::hops(3, &kg)?, &spec, &Context::default())?;
    let ours = || time(|| draw_all(&sampler));
    Figure::measure("paths/s", AGAINST, None, ROUNDS, ours, || walk_all(&kg, &spec, step))
}

/// Paths of a corpus drawn in sixteen shards by one sampler that is kept, its preparation included, against the corpus
/// drawn at once: how many times as many paths a core makes in the same time. Most of the time is that of compiling.
pub(crate) fn shards() -> Outcome<Figure> {
    let kg = power_law_kg(&Shape::walks(1))?;
    let mixture = Mixture::single(Pattern::hops(3, &kg)?);
    let spec = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
    let amount = Amount { quota: Quota::PerUser(5), ..Amount::default() };
    let context = Context::default();
    let mut sink = |rows: &[u32]| {
        std::hint::black_box(rows);
        Ok(())
    };
    let in_shards = |rows: &mut dyn FnMut(&[u32]) -> footpath_graph::Result<()>| {
        let kept = CorpusSampler::new(&kg, &mixture, &spec, amount, &context)?;
        let shards = (0..SHARDS).map(|index| Users::Shard(Shard { index, of: SHARDS }));
        let paths = shards.map(|shard| Ok(kept.draw(&shard, &context, rows)?.num_paths));
        Ok(paths.sum::<Outcome<u64>>()? as f64)
    };
    let at_once = || {
        let all = Shard::default();
        let drawn = sample_corpus(&kg, &mixture, &spec, amount, all, &context, &mut |rows| {
            std::hint::black_box(rows);
            Ok(())
        });
        Ok(drawn?.num_paths as f64)
    };
    let ours = || cpu_time(|| in_shards(&mut sink));
    Figure::measure("paths/s", "the whole at once", Some(1.0 / 1.2), ROUNDS, ours, || cpu_time(at_once))
}

fn draw_all(sampler: &Sampler) -> Outcome<f64> {
    let (mut scratch, mut path, context) = (Scratch::default(), Path::default(), Context::default());
    let mut num_paths = 0;
    for user in sampler.kg().users() {
        let tables = sampler.tables_with(NodeId(user), &mut scratch, &context)?;
        for draw in 0..PATHS_PER_USER {
            num_paths += usize::from(tables.draw(draw, &mut path)?);
        }
    }
    Ok(num_paths as f64)
}

fn walk_all(kg: &TrainKg, spec: &SampleSpec, step: usize) -> Outcome<Done> {
    let users: Vec<NodeId> = kg.users().step_by(step).map(NodeId).collect();
    let mut path = Path::default();
    time(|| {
        let mut num_paths = 0;
        for &user in &users {
            let walker = Walker::new(kg, user, spec);
            let mut stream = Stream::new(spec.seed, Purpose::SamplePath, user.0, 0);
            num_paths += (0..NAIVE_PATHS_PER_USER).filter(|_| walker.draw(&mut stream, &mut path)).count();
        }
        Ok(num_paths as f64)
    })
}

/// Draws paths user – item – node – item to train items of the user by trying.
struct Walker<'a> {
    kg: &'a TrainKg,
    user: NodeId,
    spec: &'a SampleSpec,
    /// Largest product of the degrees of a train item and a neighbour of it.
    max_product: f64,
}

impl<'a> Walker<'a> {
    /// Tries before a user (or an end) is taken to have no path.
    const MAX_TRIES: u32 = 1_000_000;

    fn new(kg: &'a TrainKg, user: NodeId, spec: &'a SampleSpec) -> Self {
        let degree = |node: NodeId| kg.degree(node) as f64;
        let products = kg.items_of(user).iter().map(|&item| degree(NodeId(item)) * max_degree(kg, NodeId(item)));
        Self { kg, user, spec, max_product: products.fold(0.0, f64::max) }
    }

    fn draw(&self, stream: &mut Stream, path: &mut Path) -> bool {
        match self.spec.law {
            Law::UniformEnd => (0..100).any(|_| self.to_an_end(stream, path)),
            _ => (0..Self::MAX_TRIES).any(|_| self.forward(stream, path)),
        }
    }

    /// Uniform over paths: a walk has probability 1 / (d(u) d(a) d(v)), so d(a) d(v) has to decide on keeping it.
    fn forward(&self, stream: &mut Stream, path: &mut Path) -> bool {
        let first = self.item(stream);
        let (out, middle) = self.hop(first, stream);
        let (back, end) = self.hop(middle, stream);
        let keep = (self.kg.degree(first) * self.kg.degree(middle)) as f64;
        self.is_path(first, middle, end)
            && stream.unit() * self.max_product < keep
            && fill(path, [self.user, first, middle, end], [RelationId::INTERACTED, out, back])
    }

    /// An end, then a walk back from it: d(v)^−α / (1 / d(v)) decides on keeping it.
    fn to_an_end(&self, stream: &mut Stream, path: &mut Path) -> bool {
        let end = self.item(stream);
        let weight = |degree: f64| degree.powf(1.0 - self.spec.damping);
        let max = weight(max_degree(self.kg, end));
        (0..Self::MAX_TRIES).any(|_| {
            let (back, middle) = self.hop(end, stream);
            let (out, first) = self.hop(middle, stream);
            self.is_path(first, middle, end)
                && stream.unit() * max < weight(self.kg.degree(middle) as f64)
                && fill(path, [self.user, first, middle, end], [RelationId::INTERACTED, out.inverse(), back.inverse()])
        })
    }

    fn item(&self, stream: &mut Stream) -> NodeId {
        let items = self.kg.items_of(self.user);
        NodeId(items[stream.index(items.len())])
    }

    fn hop(&self, node: NodeId, stream: &mut Stream) -> (RelationId, NodeId) {
        let arcs = self.kg.arcs(node);
        let index = stream.index(arcs.len());
        (RelationId(arcs.relations[index]), NodeId(arcs.tails[index]))
    }

    fn is_path(&self, first: NodeId, middle: NodeId, end: NodeId) -> bool {
        let own = |item: NodeId| self.kg.items_of(self.user).binary_search(&item.0).is_ok();
        middle != self.user && first != end && middle != first && middle != end && own(first) && own(end)
    }
}

fn max_degree(kg: &TrainKg, node: NodeId) -> f64 {
    kg.arcs(node).iter().map(|(_, tail)| kg.degree(tail)).max().unwrap_or(1) as f64
}

fn fill(path: &mut Path, nodes: [NodeId; 4], relations: [RelationId; 3]) -> bool {
    path.nodes.clear();
    path.relations.clear();
    path.nodes.extend(nodes);
    path.relations.extend(relations);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::Dataset;
    use footpath_graph::build::build;
    use std::collections::BTreeMap;

    /// Items that share people of different degree, one pair in two ways.
    fn toy() -> TrainKg {
        let mut d = Dataset::default();
        for (film, person) in [("a", "ann"), ("b", "ann"), ("c", "ann"), ("d", "ann"), ("a", "bob"), ("b", "bob")] {
            d.link(film, &format!("film-{film}"));
            d.fact(&format!("film-{film}"), "starring", person);
        }
        d.fact("film-a", "director", "ann");
        ["a", "b", "c"].iter().for_each(|item| d.interact("u", item));
        d.interact("v", "a");
        d.interact("v", "b");
        build(d).expect("built").train_kg().expect("valid")
    }

    #[test]
    fn the_walker_draws_by_the_law_of_the_sampler() {
        const DRAWS: u64 = 40_000;
        let kg = toy();
        for spec in [SampleSpec::default(), SampleSpec { damping: 0.5, ..SampleSpec::training() }] {
            let user = kg.user("u").expect("a user");
            let (walker, mut stream) = (Walker::new(&kg, user, &spec), Stream::new(1, Purpose::Simulate, 0, 0));
            let (pattern, context) = (Pattern::hops(3, &kg).expect("a pattern"), Context::default());
            let sampler = Sampler::new(&kg, &pattern, &spec, &context).expect("a sampler");
            let tables = sampler.tables(user, &context).expect("tables");
            let mut counts: BTreeMap<Path, [f64; 2]> = BTreeMap::new();
            let mut path = Path::default();
            for draw in 0..DRAWS {
                assert!(walker.draw(&mut stream, &mut path));
                counts.entry(path.clone()).or_default()[0] += 1.0;
                assert!(tables.draw(draw, &mut path).expect("drawn"));
                counts.entry(path.clone()).or_default()[1] += 1.0;
            }
            assert_eq!(counts.len(), tables.enumerate(1000).expect("listed").paths.len());
            // Two samples of one law: χ² with 1 fewer degrees of freedom than paths (some dozen), far below the 1e-6
            // quantile.
            let chi2: f64 = counts.values().map(|[a, b]| (a - b).powi(2) / (a + b)).sum();
            let freedom = counts.len() as f64 - 1.0;
            assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt() + 10.0, "{chi2} with {freedom} degrees of freedom");
        }
    }
}
