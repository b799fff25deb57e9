//! Drawing on a compiled pattern: against what the memory allows, and against one walker at a time.
//!
//! One thread, counted by the processor time it took, since the machine may be busy with other things. Compiling the
//! pattern is not part of it. The graphs are those of [`crate::generate`].

use crate::bound::rounds;
use crate::generate::{pareto_csr, rmat, walks_kg};
use crate::harness::{Done, Figure, Outcome, cpu_time};
use footpath_core::{Context, NodeId, Path, Purpose, QuickStream, Threads};
use footpath_graph::build::build;
use footpath_graph::dataset::RawTriple;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{
    Amount, EndSet, Law, MixtureSampler, Quota, Replacement, SampleSpec, Scratch, Shard, Views, sample_corpus,
};
use footpath_graph::{Dataset, TrainKg};
use std::ops::Range;
use std::sync::OnceLock;

const ROUNDS: usize = 5;
const SEED: u64 = 1;
/// Users whose paths make one measurement.
const USERS: u32 = 40_000;
/// Paths that are drawn at a time, as many as when a corpus is drawn.
const CHUNK: u64 = 1 << 14;
const ONE_BY_ONE: &str = "one walker at a time on the same tables";

const U_I_E_I: &str = "(:user)-[:interacted]->(:item)-[:!interacted]-(:!user&!item)-[]-(:item)";
const U_I_E_I_E_I: &str =
    "(:user)-[:interacted]->(:item)-[:!interacted]-(:!user&!item)-[]-(:item)-[:!interacted]-(:!user&!item)-[]-(:item)";

/// The knowledge graph, made once for all figures of a run.
fn kg() -> Outcome<&'static TrainKg> {
    static KG: OnceLock<TrainKg> = OnceLock::new();
    if let Some(kg) = KG.get() {
        return Ok(kg);
    }
    let kg = walks_kg(SEED)?;
    Ok(KG.get_or_init(|| kg))
}

fn spec(law: Law, ends: EndSet) -> SampleSpec {
    SampleSpec { law, damping: 0.0, ends, seed: SEED, ..SampleSpec::default() }
}

fn sampler(kg: &TrainKg, pattern: &str, spec: &SampleSpec) -> Outcome<MixtureSampler> {
    Ok(MixtureSampler::new(kg, &Mixture::single(Pattern::parse(pattern, kg)?), spec, &Context::default())?)
}

/// Draws so many paths of each node; their number.
pub(crate) fn draw(sampler: &MixtureSampler, nodes: Range<u32>, paths: u64) -> Outcome<f64> {
    let (mut scratch, context) = (Scratch::default(), Context::default());
    let (mut tokens, step) = (0, CHUNK.div_ceil(paths) as u32);
    for start in nodes.clone().step_by(step as usize) {
        tokens += sampler.rows(start..nodes.end.min(start + step), 0..paths, &mut scratch, &context)?.len();
    }
    Ok(tokens as f64 / sampler.row_width() as f64)
}

/// The same, one after the other.
fn draw_one_by_one(sampler: &MixtureSampler, nodes: Range<u32>, paths: u64) -> Outcome<f64> {
    let (mut scratch, mut path, mut row, mut drawn) = (Scratch::default(), Path::default(), Vec::new(), 0);
    let context = Context::default();
    for node in nodes {
        let tables = sampler.tables(NodeId(node), &mut scratch, &context)?;
        for number in 0..paths {
            row.clear();
            drawn += usize::from(tables.draw_row(number, &mut path, &mut row)?);
        }
    }
    Ok(drawn as f64)
}

/// W1: hops of walks of ten hops on an R-MAT graph of a million ids and 20 million arcs, stored with their relations,
/// against two random reads a hop: a row of offsets and an arc.
pub(crate) fn rmat_bound() -> Outcome<Figure> {
    let kg = rmat_kg()?;
    let sampler = hop_sampler(&kg)?;
    let nodes = 0..kg.num_nodes() as u32;
    let (rows, arcs) = (8 * kg.num_nodes(), 4 * kg.num_arcs());
    let ours = || cpu_time(|| Ok(10.0 * draw(&sampler, nodes.clone(), 2)?));
    Figure::measure("hops/s", "two random reads a hop", Some(0.75), ROUNDS, ours, || rounds(&[rows, arcs]))
}

/// W3: the same on a graph twelve times as large as the last cache of the machine of the figures (32 MB): 100 million
/// arcs of four million nodes with Pareto degrees.
pub(crate) fn big_bound() -> Outcome<Figure> {
    let kg = big_kg()?;
    let sampler = hop_sampler(&kg)?;
    let (rows, arcs) = (8 * kg.num_nodes(), 4 * kg.num_arcs());
    let ours = || cpu_time(|| Ok(10.0 * draw(&sampler, 0..1_000_000, 2)?));
    Figure::measure("hops/s", "two random reads a hop", Some(0.7), ROUNDS, ours, || rounds(&[rows, arcs]))
}

/// W1 against a walker that looks at the graph itself, one hop after the other.
pub(crate) fn rmat_naive() -> Outcome<Figure> {
    let kg = rmat_kg()?;
    let sampler = hop_sampler(&kg)?;
    let nodes = 0..kg.num_nodes() as u32;
    let ours = || cpu_time(|| Ok(10.0 * draw(&sampler, nodes.clone(), 2)?));
    let naive = || cpu_time(|| Ok(naive_walks(&kg, nodes.clone().step_by(4))));
    Figure::measure("hops/s", "a walker on the graph, one hop after the other", Some(7.0), ROUNDS, ours, naive)
}

fn rmat_kg() -> Outcome<TrainKg> {
    let (offsets, targets) = rmat(20, 20_000_000, SEED)?;
    let mut dataset = nodes(1 << 20);
    let relation = dataset.relation("near");
    for (head, bounds) in (0u32..).zip(offsets.windows(2)) {
        let tails = targets[bounds[0] as usize..bounds[1] as usize].iter().filter(|&&tail| head < tail);
        dataset.triples.extend(tails.map(|&tail| RawTriple { head, relation, tail, line: 0 }));
    }
    Ok(build(dataset)?.train_kg()?)
}

/// Four million nodes with 50 million facts by Pareto's law, each of which is two arcs.
fn big_kg() -> Outcome<TrainKg> {
    const NODES: u32 = 1 << 22;
    let (offsets, targets) = pareto_csr(NODES.into(), 50_000_000, SEED)?;
    let mut dataset = nodes(NODES);
    let relation = dataset.relation("near");
    for (head, bounds) in (0u32..).zip(offsets.windows(2)) {
        let tails = &targets[bounds[0] as usize..bounds[1] as usize];
        dataset.triples.extend(tails.iter().map(|&tail| RawTriple { head, relation, tail, line: 0 }));
    }
    Ok(build(dataset)?.train_kg()?)
}

/// So many nodes of one type, and the least that a graph has besides.
fn nodes(number: u32) -> Dataset {
    let mut dataset = Dataset::default();
    (0..number).for_each(|number| _ = dataset.entity(&format!("n{number:07}"), "node"));
    dataset.interact("user", "item");
    dataset
}

fn hop_sampler(kg: &TrainKg) -> Outcome<MixtureSampler> {
    let pattern = Pattern::parse_walk("(:node)-[:near]-{10}(:node)", kg)?;
    let spec = SampleSpec { simple: false, ..spec(Law::Walk, EndSet::Any) };
    Ok(MixtureSampler::new(kg, &Mixture::single(pattern), &spec, &Context::default())?)
}

fn naive_walks(kg: &TrainKg, starts: impl Iterator<Item = u32>) -> f64 {
    let (mut hops, mut row) = (0, Vec::new());
    for start in starts {
        let mut stream = QuickStream::new(SEED, Purpose::SamplePath, start, 0);
        let mut node = NodeId(start);
        row.clear();
        for _ in 0..10 {
            let arcs = kg.arcs(node);
            if arcs.is_empty() {
                break;
            }
            let arc = stream.index(arcs.len());
            row.extend([u32::from(arcs.relations[arc]), arcs.tails[arc]]);
            node = NodeId(arcs.tails[arc]);
            hops += 1;
        }
        std::hint::black_box(&row);
    }
    f64::from(hops)
}

/// W2: walks user – item – entity – item, each hop alike, against one walker at a time.
pub(crate) fn typed_walk() -> Outcome<Figure> {
    against_one_by_one(U_I_E_I, Law::Walk, None)
}

/// W2 against what the memory allows: the row and the arc of the second and of the third hop. The user's own are in the
/// cache.
pub(crate) fn typed_walk_bound() -> Outcome<Figure> {
    let kg = kg()?;
    let sampler = sampler(kg, U_I_E_I, &spec(Law::Walk, EndSet::Any))?;
    let links = kg.items().flat_map(|item| kg.arcs(NodeId(item)).runs()).filter(|(relation, _)| relation.0 > 1);
    let links: usize = links.map(|(_, tails)| tails.len()).sum();
    let rows = [8 * kg.items().len(), 8 * (kg.num_nodes() - kg.items().end as usize)];
    let sizes = [rows[0], 4 * links, rows[1], 4 * links];
    let ours = || cpu_time(|| draw(&sampler, 0..USERS, 100));
    Figure::measure("paths/s", "four random reads a path", Some(0.5), ROUNDS, ours, || rounds(&sizes))
}

/// W4: simple paths of three hops, every one alike.
pub(crate) fn uniform_3() -> Outcome<Figure> {
    against_one_by_one(U_I_E_I, Law::UniformPath, Some(3.5))
}

/// W4: simple paths of five hops, every one alike.
pub(crate) fn uniform_5() -> Outcome<Figure> {
    against_one_by_one(U_I_E_I_E_I, Law::UniformPath, Some(3.5))
}

fn against_one_by_one(pattern: &str, law: Law, goal: Option<f64>) -> Outcome<Figure> {
    let sampler = sampler(kg()?, pattern, &spec(law, EndSet::Any))?;
    let ours = || cpu_time(|| draw(&sampler, 0..USERS, 100));
    Figure::measure("paths/s", ONE_BY_ONE, goal, ROUNDS, ours, || cpu_time(|| draw_one_by_one(&sampler, 0..USERS, 10)))
}

/// W5: 50 different paths for each of the 200 thousand users, with two threads and by the clock, compiling included,
/// against ten million paths in two seconds.
pub(crate) fn distinct_50() -> Outcome<Figure> {
    let kg = kg()?;
    let mixture = Mixture::single(Pattern::parse(U_I_E_I, kg)?);
    let amount = Amount { quota: Quota::PerUser(50), replacement: Replacement::Without, views: Views::Auto };
    let context = Context::default().with_threads(Threads::new(2)?);
    let ours = || {
        crate::harness::time(|| {
            let spec = spec(Law::UniformPath, EndSet::Any);
            let mut sink = |rows: &[u32]| {
                std::hint::black_box(rows);
                Ok(())
            };
            let shard = Shard::default();
            let draw = || sample_corpus(kg, &mixture, &spec, amount, shard, &context, &mut sink);
            Ok(context.run(draw)??.num_paths as f64)
        })
    };
    let budget = || Ok(Done { amount: 10e6, seconds: 2.0 });
    Figure::measure("paths/s", "ten million in two seconds", Some(1.0), 3, ours, budget)
}

/// 50 paths for each of 200 users, preparation included: however it takes least time against the compiled pattern.
pub(crate) fn few_50() -> Outcome<Figure> {
    let few = |views: Views| {
        let kg = kg()?;
        let mixture = Mixture::single(Pattern::parse(U_I_E_I, kg)?);
        let amount = Amount { quota: Quota::PerUser(50), replacement: Replacement::With, views };
        let shard = Shard { index: 3, of: kg.users().end / 200 };
        let context = Context::default().with_threads(Threads::new(1)?);
        cpu_time(|| {
            // A shard alone is over before the clock of processor time has moved.
            let mut drawn = 0;
            for _ in 0..if views == Views::Auto { 20 } else { 1 } {
                let spec = spec(Law::Walk, EndSet::Any);
                let mut sink = |rows: &[u32]| {
                    std::hint::black_box(rows);
                    Ok(())
                };
                let draw = || sample_corpus(kg, &mixture, &spec, amount, shard, &context, &mut sink);
                drawn += context.run(draw)??.num_paths;
            }
            Ok(drawn as f64)
        })
    };
    Figure::measure("paths/s", "compiling for as many", Some(3.0), ROUNDS, || few(Views::Auto), || few(Views::Compiled))
}

/// W6: 50 paths for each user that end at the user's own items, against drawing from all ends and keeping those.
pub(crate) fn train_50() -> Outcome<Figure> {
    against_rejection(50, 4_000)
}

/// W6 with 250 paths for each user.
pub(crate) fn train_250() -> Outcome<Figure> {
    against_rejection(250, 2_000)
}

fn against_rejection(paths: u64, users: u32) -> Outcome<Figure> {
    let kg = kg()?;
    let exact = sampler(kg, U_I_E_I, &spec(Law::UniformPath, EndSet::Train))?;
    let any = sampler(kg, U_I_E_I, &spec(Law::UniformPath, EndSet::Any))?;
    let kept = || {
        let rows = any.rows(0..users, 0..400, &mut Scratch::default(), &Context::default())?;
        let first_node = kg.vocabulary().node(NodeId(0)).0;
        let is_own = |row: &&[u32]| {
            let node = |place: usize| row[place] - first_node;
            kg.items_of(NodeId(node(0))).binary_search(&node(6)).is_ok() && node(6) != node(2)
        };
        Ok(rows.chunks_exact(any.row_width()).filter(is_own).count() as f64)
    };
    let ours = || cpu_time(|| draw(&exact, 0..users, paths));
    Figure::measure("paths/s", "drawing any end and keeping train items", Some(100.0), ROUNDS, ours, || cpu_time(kept))
}

/// The tables of users alone, by which W6 is drawn, against the least that must be done to count such paths: looking at
/// what each item of the user says, once to see how often each entity is met and once more to add up.
pub(crate) fn train_tables() -> Outcome<Figure> {
    const TABLES: u32 = 4_000;
    let kg = kg()?;
    let sampler = sampler(kg, U_I_E_I, &spec(Law::UniformPath, EndSet::Train))?;
    let ours = || {
        cpu_time(|| {
            let (mut scratch, context) = (Scratch::default(), Context::default());
            for user in 0..TABLES {
                std::hint::black_box(sampler.tables(NodeId(user), &mut scratch, &context)?);
            }
            Ok(f64::from(TABLES))
        })
    };
    let mut met = vec![0u32; kg.num_nodes()];
    let bound = || {
        cpu_time(|| {
            let walks: u64 = (0..TABLES).map(|user| count_walks(kg, NodeId(user), &mut met)).sum();
            std::hint::black_box(walks);
            Ok(f64::from(TABLES))
        })
    };
    Figure::measure("users/s", "counting by entity, both halves of each path", None, ROUNDS, ours, bound)
}

/// The walks user, item, entity, item of the user, those that turn back among them; `met` is all zero before and after.
fn count_walks(kg: &TrainKg, user: NodeId, met: &mut [u32]) -> u64 {
    let entities = |item: &u32| {
        let arcs = kg.arcs(NodeId(*item));
        let first = arcs.relations.partition_point(|&relation| relation <= 1);
        &arcs.tails[first..]
    };
    let all = || kg.items_of(user).iter().flat_map(entities);
    all().for_each(|&entity| met[entity as usize] += 1);
    let walks = all().map(|&entity| u64::from(met[entity as usize])).sum();
    all().for_each(|&entity| met[entity as usize] = 0);
    walks
}
