use crate::graphs::{plan, toy};
use crate::oracle::CASES;
use crate::properties::spec;
use footpath_graph::TrainKg;
use footpath_graph::build::build;
use footpath_graph::dataset::Dataset;
use footpath_graph::pattern::{Mixture, Part, Pattern};
use footpath_graph::sample::{
    EndSet, Kernel, Law, Quota, Replacement, Run, SampleSpec, SampleSummary, Shard, Views, sample_corpus,
};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

const WALKS: [&str; 4] = ["()-[]-{5}()", "()-[]-{1,4}()", "(:entity)-[]-{3}(:item)", "()-[:r0]->()-[]-{2}()"];

fn run(quota: Quota, kernel: Kernel) -> Run {
    Run { quota, replacement: Replacement::With, shard: Shard::default(), threads: 1, views: Views::Compiled, kernel }
}

fn corpus(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, run: Run) -> (Vec<u32>, SampleSummary) {
    let mut rows = Vec::new();
    let mut sink = |tokens: &[u32]| {
        rows.extend_from_slice(tokens);
        Ok(())
    };
    let go_on = AtomicBool::new(false);
    let summary = sample_corpus(kg, mixture, spec, run, &mut sink, &mut |_| {}, &go_on).unwrap();
    (rows, summary)
}

/// The corpus of both kernels, by ranges with any number of threads and shard after shard.
fn same(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, run: Run) -> (Vec<u32>, SampleSummary) {
    let together = corpus(kg, mixture, spec, Run { kernel: Kernel::Together, ..run });
    for threads in 1..=3 {
        let by_range = corpus(kg, mixture, spec, Run { kernel: Kernel::ByRange, threads, ..run });
        assert_eq!(by_range, together, "{threads} threads, {spec:?}, {run:?}");
    }
    let shard = |index| {
        let run = Run { kernel: Kernel::ByRange, shard: Shard { index, of: 3 }, threads: 2, ..run };
        corpus(kg, mixture, spec, run).0
    };
    assert!((0..3).flat_map(shard).eq(together.0.iter().copied()), "{spec:?}, {run:?}");
    together
}

fn quota() -> impl Strategy<Value = Quota> {
    let paths = prop_oneof![Just(0u64), Just(1), Just(2), 3..300u64];
    prop_oneof![paths.clone().prop_map(Quota::PerUser), paths.prop_map(Quota::Total)]
}

fn replacement() -> impl Strategy<Value = Replacement> {
    prop_oneof![Just(Replacement::With), Just(Replacement::Without)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn kernels_draw_the_same_paths(
        plan in plan(), spec in spec(), case in 0..CASES.len(), quota in quota(), replacement in replacement(),
    ) {
        let kg = plan.build();
        let mixture = Mixture::single(CASES[case].pattern(&kg));
        same(&kg, &mixture, &spec, Run { replacement, ..run(quota, Kernel::Together) });
    }

    #[test]
    fn kernels_draw_the_same_walks(plan in plan(), spec in spec(), walk in 0..WALKS.len(), quota in quota()) {
        let kg = plan.build();
        let Ok(pattern) = Pattern::parse_walk(WALKS[walk], &kg) else { return Ok(()) };
        let spec = SampleSpec { ends: EndSet::Any, causal: false, ..spec };
        same(&kg, &Mixture::single(pattern), &spec, run(quota, Kernel::Together));
    }
}

/// A mixture is left to the other kernel.
#[test]
fn kernels_draw_the_same_mixtures() {
    let kg = toy();
    let part = |case: usize, weight: f64| Part { name: case.to_string(), pattern: CASES[case].pattern(&kg), weight };
    let mixture = Mixture::new(vec![part(2, 1.0), part(4, 2.0)]).unwrap();
    let spec = SampleSpec { ends: EndSet::Any, law: Law::UniformPath, damping: 0.0, ..SampleSpec::default() };
    assert_eq!(same(&kg, &mixture, &spec, run(Quota::PerUser(100), Kernel::Together)).1.num_paths, 300);
}

/// Rows so long that half a number does not always say which arc it chooses, weighed and not; ends that are and are not allowed.
#[test]
fn kernels_leave_hubs_alike() {
    const FILMS: usize = 45_000;
    let mut d = Dataset::default();
    for film in 0..FILMS {
        let (item, entity) = (format!("i{film}"), format!("f{film}"));
        d.link(&item, &entity);
        d.fact(&entity, "genre", if film % 3 == 0 { "drama" } else { "war" });
        d.fact(&entity, "made in", &format!("c{}", film % 200));
    }
    (0..3).for_each(|user| d.interact(&format!("u{user}"), &format!("i{user}")));
    let kg = build(d).unwrap().train_kg().unwrap();
    let mixture = Mixture::single(Pattern::hops(3, &kg).unwrap());
    for law in [Law::UniformPath, Law::Walk] {
        for (damping, ends) in [(0.0, EndSet::Unseen), (0.5, EndSet::Any)] {
            let spec = SampleSpec { law, damping, ends, seed: 9, ..SampleSpec::default() };
            let (_, summary) = same(&kg, &mixture, &spec, run(Quota::PerUser(20_000), Kernel::Together));
            assert_eq!((summary.num_paths, summary.given_up), (60_000, 0));
        }
    }
}
