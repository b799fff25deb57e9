//! The sampler against brute force and against its laws.
//!
//! - `graphs`: random and fixed graphs
//! - `oracle`: legal paths by trying everything, and the probability of each by the formula of its law
//! - `chi`: Pearson's test
//! - `properties`: P1–P9, P21, P22 of the reliability plan on random graphs
//! - `laws`: every law and end set against its closed form; the wrong samplers that must fail
//! - `quotas`: how many paths, with and without replacement, by end, in all, in shards and in mixtures; walks
//! - `kept`: a sampler that is kept draws for any users what it draws for all
//! - `stops`: whatever takes long ends soon after it was asked to
//! - `pairs`: paths between a user and one item
//! - `successors`: what may follow a beginning of a path, for generation
//! - `views`: hops found in the graph itself are those of compiled patterns
//! - `further`: all of that where nodes have further types, by patterns that name them
//! - `corpora`: threads, counts, hubs, planted graphs, audit

#![expect(clippy::unwrap_used, reason = "tests")]

mod chi;
mod corpora;
mod further;
mod graphs;
mod kept;
mod laws;
mod oracle;
mod pairs;
mod properties;
mod quotas;
mod stops;
mod successors;
mod views;

use footpath_core::{Context, Threads};
use footpath_graph::TrainKg;
use footpath_graph::pattern::Mixture;
use footpath_graph::sample::{Amount, SampleSpec, SampleSummary, Shard, sample_corpus};
use std::sync::LazyLock;

/// One that is never stopped.
fn context() -> &'static Context {
    static CONTEXT: LazyLock<Context> = LazyLock::new(Context::default);
    &CONTEXT
}

/// The same with so many threads.
fn threads(number: usize) -> Context {
    Context::default().with_threads(Threads::new(number).unwrap())
}

/// How a corpus is drawn.
#[derive(Clone, Copy, Debug)]
struct Run {
    amount: Amount,
    shard: Shard,
    threads: usize,
}

/// Everything a corpus has.
fn corpus(
    kg: &TrainKg,
    mixture: &Mixture,
    spec: &SampleSpec,
    run: Run,
) -> footpath_graph::Result<(Vec<u32>, SampleSummary)> {
    let context = threads(run.threads);
    context.run(|| {
        let mut rows = Vec::new();
        let mut sink = |tokens: &[u32]| {
            rows.extend_from_slice(tokens);
            Ok(())
        };
        let summary = sample_corpus(kg, mixture, spec, run.amount, run.shard, &context, &mut sink)?;
        Ok((rows, summary))
    })?
}
