//! The choice between the two kernels: walkers that go together, and walkers that are sorted by ranges of nodes.

use super::corpus::PIECE_PATHS;
use super::draw::Walked;
use super::ranges::Span;
use super::shared::SharedWalks;
use super::{MixtureSampler, Sampler};
use crate::error::Result;
use footpath_core::NodeId;

/// How the walkers on a compiled pattern take turns. The paths are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernel {
    /// Some hundred walkers at a time.
    #[default]
    Together,
    /// Millions of walkers, sorted by ranges of nodes before each hop, with up to 1 GiB of memory for them all together. Mixtures,
    /// patterns whose walkers go on in several states after the same number of hops, and what is not drawn on a compiled pattern are drawn as without.
    ByRange,
}

/// Walkers sorted by ranges of nodes, batch after batch.
#[derive(Debug)]
pub(super) struct ByRange {
    walks: SharedWalks,
    batch_paths: u64,
}

impl ByRange {
    /// `None` where walkers go together; `num_paths` is the most that is drawn.
    pub(super) fn choose(sampler: &MixtureSampler<'_>, kernel: Kernel, num_paths: u64) -> Result<Option<Self>> {
        if kernel == Kernel::Together {
            return Ok(None);
        }
        let [only] = sampler.samplers() else { return Ok(None) };
        let Some(shared) = &only.shared else { return Ok(None) };
        let Some(max_walkers) = shared.max_walkers(only.form()) else { return Ok(None) };
        let num_walkers = usize::try_from(num_paths).unwrap_or(usize::MAX).min(max_walkers);
        let batch_paths = batch_paths(num_paths, num_walkers as u64);
        Ok(shared.walks(only.form(), num_walkers)?.map(|walks| Self { walks, batch_paths }))
    }

    /// Paths of a batch; it may have one piece more.
    pub(super) fn batch_paths(&self) -> u64 {
        self.batch_paths
    }

    /// Walks the draws of a batch.
    pub(super) fn walk(&mut self, sampler: &MixtureSampler<'_>, spans: &[Span], stopped: impl Fn() -> bool) {
        let [only] = sampler.samplers() else { return };
        let Some(shared) = &only.shared else { return };
        let live = |user: u32| Sampler::may_have_paths(only, NodeId(user));
        shared.walk(&mut self.walks, only.form(), spans, live, stopped);
    }

    /// The walks of a span.
    pub(super) fn walked(&self, span: usize) -> Walked<'_> {
        (&self.walks, self.walks.first(span))
    }
}

/// Batches that are alike, since few walkers are slow; each ends with the piece that brings it to its number of paths.
fn batch_paths(num_paths: u64, num_walkers: u64) -> u64 {
    if num_paths <= num_walkers {
        return num_paths;
    }
    let at_most = num_walkers.saturating_sub(2 * PIECE_PATHS).max(1);
    num_paths.div_ceil(num_paths.div_ceil(at_most))
}

#[cfg(test)]
mod tests {
    use super::super::kernel::Draw;
    use super::super::{EndSet, Law, Quota, Replacement, Run, SampleSpec, Shard, Views, sample_corpus};
    use super::*;
    use crate::TrainKg;
    use crate::dataset::Dataset;
    use crate::pattern::{Mixture, Pattern};
    use std::sync::atomic::AtomicBool;

    const USERS: u32 = 3;

    fn graph() -> TrainKg {
        let mut dataset = Dataset::default();
        for number in 0..12 {
            dataset.link(&format!("i{number}"), &format!("f{number}"));
            dataset.fact(&format!("f{number}"), "genre", &format!("g{}", number % 3));
            dataset.interact(&format!("u{}", number % USERS), &format!("i{number}"));
        }
        crate::build::build(dataset).expect("a graph").train_kg().expect("a graph")
    }

    fn mixture(kg: &TrainKg) -> Mixture {
        Mixture::single(Pattern::hops(3, kg).expect("a pattern"))
    }

    fn spec(law: Law, simple: bool) -> SampleSpec {
        SampleSpec { law, simple, damping: 0.0, ends: EndSet::Any, ..SampleSpec::default() }
    }

    #[test]
    fn batches_fit_and_are_alike() {
        assert_eq!(batch_paths(1_000, 1_000), 1_000);
        assert_eq!(batch_paths(1_001_000, 1_000_000), 500_500);
        for (num_paths, num_walkers) in [(1 << 24, 14_128_181), (10_000_000_000, 5_000_000), (100_000, 40_000)] {
            assert!(batch_paths(num_paths, num_walkers) + 2 * PIECE_PATHS <= num_walkers);
        }
    }

    /// More paths than there is room for at a time (8 MiB in tests).
    #[test]
    fn batches_make_the_whole() {
        let kg = graph();
        let mixture = mixture(&kg);
        for (law, threads) in [(Law::UniformPath, 1), (Law::Walk, 2)] {
            let spec = spec(law, true);
            let corpus = |kernel| {
                let quota = Quota::PerUser(100_000);
                let run = Run {
                    quota,
                    replacement: Replacement::With,
                    shard: Shard::default(),
                    threads,
                    views: Views::Compiled,
                    kernel,
                };
                let mut rows = Vec::new();
                let mut sink = |tokens: &[u32]| {
                    rows.extend_from_slice(tokens);
                    Ok(())
                };
                let go_on = AtomicBool::new(false);
                let summary = sample_corpus(&kg, &mixture, &spec, run, &mut sink, &mut |_| {}, &go_on);
                (summary.expect("a corpus"), rows)
            };
            assert!(corpus(Kernel::ByRange) == corpus(Kernel::Together), "{law:?}");
            let sampler = MixtureSampler::new(&kg, &mixture, &spec).expect("a sampler");
            let chosen = ByRange::choose(&sampler, Kernel::ByRange, 300_000).expect("memory").expect("by range");
            assert!(chosen.batch_paths() < 200_000, "several batches");
        }
    }

    /// Otherwise the kernel would be no slower in tests and no faster anywhere.
    #[test]
    fn next_to_nothing_is_left_to_the_other_kernel() {
        let kg = graph();
        for law in [Law::UniformPath, Law::Walk] {
            let sampler = MixtureSampler::new(&kg, &mixture(&kg), &spec(law, false)).expect("a sampler");
            let mut chosen = ByRange::choose(&sampler, Kernel::ByRange, 90_000).expect("memory").expect("by range");
            let spans: Vec<Span> = (0..USERS).map(|user| Span { users: user..user + 1, numbers: 0..30_000 }).collect();
            chosen.walk(&sampler, &spans, || false);
            let [only] = sampler.samplers() else { panic!("one part") };
            let shared = only.shared.as_ref().expect("compiled");
            for (span, start) in (0..USERS).enumerate() {
                let draws = (0..30_000).map(|number| Draw { start, number, place: number as usize });
                let mut rows = vec![0; 30_000 * sampler.row_width()];
                let drawn = shared.write(chosen.walked(span), only, only.form(), draws, &mut rows);
                assert!(drawn.failed.is_empty() && drawn.attempts <= 3, "{} of 30,000", drawn.attempts);
            }
        }
    }
}
