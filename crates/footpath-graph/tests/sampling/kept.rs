use crate::graphs::{Plan, plan};
use crate::oracle::CASES;
use crate::{Run, context, corpus, threads};
use footpath_core::{NodeId, Vocabulary};
use footpath_graph::pattern::{Mixture, Part, Pattern};
use footpath_graph::sample::{
    Amount, CorpusSampler, EndSet, Law, Quota, Replacement, SampleSpec, SampleSummary, Shard, Users, Views,
};
use proptest::prelude::*;

const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];
const QUOTAS: [Quota; 5] =
    [Quota::PerUser(7), Quota::PerUser(20_000), Quota::PerEnd(3), Quota::Total(997), Quota::Every(50)];
const REPLACEMENTS: [Replacement; 2] = [Replacement::With, Replacement::Without];

fn drawn(kept: &CorpusSampler, users: &Users) -> (Vec<u32>, SampleSummary) {
    let mut rows = Vec::new();
    let mut sink = |tokens: &[u32]| {
        rows.extend_from_slice(tokens);
        Ok(())
    };
    let summary = kept.draw(users, context(), &mut sink).unwrap();
    (rows, summary)
}

/// The user of a row.
fn user_of(row: &[u32], vocabulary: Vocabulary) -> NodeId {
    NodeId(row[0] - vocabulary.node(NodeId(0)).0)
}

fn graph() -> Plan {
    let log = (0..40u8).map(|n| (n % 17, n % 11)).collect();
    let facts = (0..60u8).map(|n| (n % 11, n % 4, 11 + n % 5)).collect();
    Plan { users: 17, items: 11, entities: 6, log, facts, about: Vec::new(), further: Vec::new() }
}

/// Every shard is the one that is drawn alone, its summary too; ranges and lists are what shards have of those users.
#[test]
fn whatever_is_asked_of_a_kept_sampler_is_a_part_of_the_whole() {
    let kg = graph().build();
    let mixture = Mixture::single(CASES[2].pattern(&kg));
    for (quota, replacement) in QUOTAS.into_iter().flat_map(|quota| REPLACEMENTS.map(|r| (quota, r))) {
        for (law, ends) in Law::ALL.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
            // More paths than make one piece of work, which takes its time.
            let is_long = quota == Quota::PerUser(20_000);
            if is_long && (law, replacement) != (Law::UniformPath, Replacement::With) {
                continue;
            }
            let spec = SampleSpec { law, ends, ..SampleSpec::default() };
            let amount = Amount { quota, replacement, views: Views::Auto };
            let kept = CorpusSampler::new(&kg, &mixture, &spec, amount, context()).unwrap();
            for of in [1, 16] {
                for shard in (0..of).map(|index| Shard { index, of }) {
                    let alone = corpus(&kg, &mixture, &spec, Run { amount, shard, threads: 2 }).unwrap();
                    assert_eq!(drawn(&kept, &Users::Shard(shard)), alone, "{law:?} {ends:?} {amount:?} {shard:?}");
                }
            }
            let whole = drawn(&kept, &Users::Shard(Shard::default())).0;
            let numbers = [0..0, 0..5, 5..6, 6..kept.num_starts()];
            let parts = numbers.map(|numbers| drawn(&kept, &Users::Numbers(numbers)).0);
            assert_eq!(parts.concat(), whole, "{law:?} {ends:?} {amount:?}: users by number");
            let of = |user: NodeId| -> Vec<u32> {
                let rows = whole.chunks(kept.row_width());
                rows.filter(|row| user_of(row, kg.vocabulary()) == user).flatten().copied().collect()
            };
            let list = [9, 3, 4, 5, 16, 0, 3].map(NodeId).to_vec();
            let expected: Vec<u32> = list.iter().flat_map(|&user| of(user)).collect();
            assert_eq!(drawn(&kept, &Users::List(list)).0, expected, "{law:?} {ends:?} {amount:?}");
            let expected: Vec<u32> = (3..12).flat_map(|user| of(NodeId(user))).collect();
            assert_eq!(drawn(&kept, &Users::Range(3..12)).0, expected, "{law:?} {ends:?} {amount:?}");
        }
    }
}

/// Several threads ask one sampler, which outlives the graph it was made from, each with a context of its own.
#[test]
fn a_kept_sampler_serves_several_threads_and_owns_its_graph() {
    let kg = graph().build();
    let part = |case: usize, weight: f64| Part { name: case.to_string(), pattern: CASES[case].pattern(&kg), weight };
    let mixture = Mixture::new(vec![part(2, 1.0), part(4, 2.0)]).unwrap();
    for ends in ENDS {
        let spec = SampleSpec { ends, law: Law::Walk, ..SampleSpec::default() };
        let amount = Amount { quota: Quota::PerUser(300), ..Amount::default() };
        let run = Run { amount, shard: Shard::default(), threads: 1 };
        let whole = corpus(&kg, &mixture, &spec, run).unwrap().0;
        let clone = kg.clone();
        let kept = CorpusSampler::new(&clone, &mixture, &spec, amount, context()).unwrap();
        drop(clone);
        let parts = std::thread::scope(|scope| {
            let ask = |index: u32| {
                let (kept, shard) = (&kept, Shard { index, of: 4 });
                scope.spawn(move || threads(2).run(|| drawn(kept, &Users::Shard(shard)).0).unwrap())
            };
            let asked: Vec<_> = (0..4).map(ask).collect();
            asked.into_iter().flat_map(|part| part.join().unwrap()).collect::<Vec<u32>>()
        });
        assert_eq!(parts, whole, "{ends:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Walks that start anywhere, on any graph.
    #[test]
    fn walks_of_a_kept_sampler_are_those_of_all(plan in plan(), seed in any::<u64>()) {
        let kg = plan.build();
        let Ok(pattern) = Pattern::parse_walk("(:item|person)-[]-{1,3}()", &kg) else { return Ok(()) };
        let mixture = Mixture::single(pattern);
        let spec = SampleSpec { law: Law::Walk, ends: EndSet::Any, simple: false, seed, ..SampleSpec::default() };
        let kept = CorpusSampler::new(&kg, &mixture, &spec, Amount::default(), context()).unwrap();
        let whole = drawn(&kept, &Users::Shard(Shard::default()));
        let run = Run { amount: Amount::default(), shard: Shard::default(), threads: 2 };
        prop_assert_eq!(&corpus(&kg, &mixture, &spec, run).unwrap(), &whole);
        let parts = (0..3).flat_map(|index| drawn(&kept, &Users::Shard(Shard { index, of: 3 })).0);
        prop_assert_eq!(parts.collect::<Vec<u32>>(), whole.0);
    }
}
