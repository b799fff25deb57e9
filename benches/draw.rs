//! Drawing alone, on a graph that others draw from in a process of their own: for `benches/peers`.

use crate::harness::{Outcome, cpu_time};
use crate::walks::draw;
use footpath_core::Context;
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{EndSet, Law, MixtureSampler, SampleSpec};
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
