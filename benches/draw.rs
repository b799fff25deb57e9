//! Drawing alone, on a graph that others draw from in a process of their own: for `benches/peers` and
//! `benches/python`.

use crate::harness::{Outcome, cpu_time, time};
use crate::walks::draw;
use footpath_core::{Context, Threads};
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{Amount, EndSet, Law, MixtureSampler, Quota, SampleSpec, Shard, sample_corpus};
use std::path::Path;

const USAGE: &str = "draw KG PATHS (--pattern|--walk) PATTERN";
const REPETITIONS: usize = 3;

/// Draws so many walks from each start into memory, relations and all, with one thread; prints paths per second of
/// processor time, the median. Opening and tables are not in it.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let [kg, paths, kind, pattern] = arguments else { return Err(USAGE.into()) };
    let kg = TrainKg::open(Path::new(kg))?;
    let (pattern, starts) = match kind.as_str() {
        "--pattern" => (Pattern::parse(pattern, &kg)?, kg.users()),
        "--walk" => (Pattern::parse_walk(pattern, &kg)?, 0..u32::try_from(kg.num_nodes())?),
        _ => return Err(USAGE.into()),
    };
    let spec = SampleSpec { law: Law::Walk, damping: 0.0, ends: EndSet::Any, simple: false, ..SampleSpec::default() };
    let sampler = MixtureSampler::new(&kg, &Mixture::single(pattern), &spec, &Context::default())?;
    let paths: u64 = paths.parse()?;
    let mut rates = Vec::new();
    for _ in 0..=REPETITIONS {
        let done = cpu_time(|| draw(&sampler, starts.clone(), paths))?;
        rates.push(done.amount / done.seconds);
    }
    // The first is to get warm.
    let mut rates = rates.split_off(1);
    rates.sort_by(f64::total_cmp);
    Ok(format!("{{\"rate\": {:.1}}}", rates[REPETITIONS / 2]))
}

const CORPUS_USAGE: &str = "draw-corpus KG PATHS HOPS THREADS";

/// Draws what `footpath sample --end train` draws, so many paths for each user, into memory; prints paths per second by
/// the clock. Preparation is in it, opening is not.
pub(crate) fn corpus(arguments: &[String]) -> Outcome<String> {
    let [kg, paths, hops, threads] = arguments else { return Err(CORPUS_USAGE.into()) };
    let kg = TrainKg::open(Path::new(kg))?;
    let context = Context::default().with_threads(Threads::new(threads.parse()?)?);
    let amount = Amount { quota: Quota::PerUser(paths.parse()?), ..Amount::default() };
    let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends: EndSet::Train, ..SampleSpec::default() };
    let done = time(|| {
        let (mixture, mut tokens) = (Mixture::single(Pattern::hops(hops.parse()?, &kg)?), Vec::new());
        let mut sink = |rows: &[u32]| {
            tokens.extend_from_slice(rows);
            Ok(())
        };
        let draw = || sample_corpus(&kg, &mixture, &spec, amount, Shard::default(), &context, &mut sink);
        let drawn = context.run(draw)??.num_paths;
        std::hint::black_box(&tokens);
        Ok(drawn as f64)
    })?;
    Ok(format!("{{\"rate\": {:.1}}}", done.amount / done.seconds))
}
