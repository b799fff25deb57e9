use crate::graphs::{plan, toy};
use crate::oracle::CASES;
use crate::{Run, context, corpus};
use footpath_core::{Purpose, Stream};
use footpath_graph::build::build;
use footpath_graph::pattern::{Mixture, Part, Pattern};
use footpath_graph::sample::{
    Amount, EndSet, Law, MixtureSampler, Quota, Replacement, SampleSpec, Scratch, Shard, Views,
};
use footpath_graph::{Dataset, Error, TrainKg};
use proptest::strategy::{Strategy, ValueTree};

const PATTERNS: &[&str] = &[
    "(:user)-[:interacted]->(:item)-[:!interacted]-(:!user&!item)-[]-(:item)",
    "(:user)-[]-(:item)-[:!r1]-(:!user)-[:!r0]-(:item|film)-[]-(:item)",
    "(:user)-[:interacted]->(:item)(-[:r0|r2]->()<-[]-(:item)){1,2}",
    "(:user)-[]-{1,4}(:item)",
];

/// Walk laws of all end sets that may draw without weights.
pub(crate) fn specs() -> Vec<SampleSpec> {
    let mut specs = Vec::new();
    for (ends, causal) in [(EndSet::Any, false), (EndSet::Any, true), (EndSet::Unseen, false)] {
        for simple in [true, false] {
            specs.push(SampleSpec {
                law: Law::Walk,
                damping: 0.0,
                ends,
                causal,
                simple,
                seed: 5,
                ..SampleSpec::default()
            });
        }
    }
    specs
}

fn run(views: Views, replacement: Replacement) -> Run {
    Run { amount: Amount { quota: Quota::PerUser(12), replacement, views }, shard: Shard::default(), threads: 1 }
}

/// Compares all ways to find hops; whether there were any that need no weights, and how many tokens.
pub(crate) fn check(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, replacement: Replacement) -> Option<usize> {
    let compiled = corpus(kg, mixture, spec, run(Views::Compiled, replacement)).unwrap();
    let auto = corpus(kg, mixture, spec, run(Views::Auto, replacement)).unwrap();
    assert_eq!(compiled, auto, "{}, {spec:?}", mixture.union().source());
    match corpus(kg, mixture, spec, run(Views::Sought, replacement)) {
        Ok(sought) => assert_eq!(compiled, sought, "{}, {spec:?}", mixture.union().source()),
        Err(Error::Usage { option, .. }) => {
            assert_eq!(option, "views");
            return None;
        }
        Err(error) => panic!("{error}"),
    }
    Some(compiled.0.len())
}

#[test]
fn bytes_are_the_same_on_random_graphs() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut compared, mut tokens) = (0, 0);
    for round in 0..18 {
        let kg = plan().new_tree(&mut runner).unwrap().current().build();
        let texts = PATTERNS.iter().chain(CASES.iter().map(|case| &case.text));
        // Each pattern meets each law in turn.
        for (text, spec) in texts.zip(specs().into_iter().cycle().skip(round)) {
            // A pattern whose types the graph lacks is none.
            let Ok(pattern) = Pattern::parse(text, &kg) else { continue };
            let replacement = [Replacement::With, Replacement::Without][round % 2];
            let drawn = check(&kg, &Mixture::single(pattern), &spec, replacement);
            compared += usize::from(drawn.is_some_and(|tokens| tokens > 0));
            tokens += drawn.unwrap_or(0);
        }
    }
    assert!(compared > 25 && tokens > 2_000, "only {compared} corpora of {tokens} tokens");
}

/// Users with items; a hub that half of all facts meet, loops, and relations that lead to items, films without items,
/// and people.
fn crowded(relations: usize, facts: usize, loops: bool) -> TrainKg {
    let mut random = Stream::new(relations as u64, Purpose::Simulate, 0, 0);
    let mut d = Dataset { has_times: true, ..Dataset::default() };
    (0..relations).for_each(|number| _ = d.relation(&format!("r{number}")));
    for number in 0..60 {
        d.link(&format!("i{number}"), &format!("f{number}"));
        d.entity(&format!("g{number}"), "film");
        d.entity(&format!("p{number}"), "person");
    }
    for user in 0..40 {
        d.users.intern(&format!("u{user:02}"));
        for _ in 0..user % 7 {
            d.interact(&format!("u{user:02}"), &format!("i{}", random.index(60)));
            d.interactions.last_mut().unwrap().time = random.index(5) as i64;
        }
    }
    for _ in 0..facts {
        let mut node =
            || ["f", "g", "p"][random.index(3)].to_owned() + &[7, random.index(60)][random.index(2)].to_string();
        let (head, tail) = (node(), node());
        if head != tail || loops {
            d.fact(&head, &format!("r{}", random.index(relations)), &tail);
        }
    }
    build(d).unwrap().train_kg().unwrap()
}

/// With up to 64 kinds of runs and with many more, with loops and without.
#[test]
fn bytes_are_the_same_on_crowded_graphs() {
    let mut compared = 0;
    for (relations, facts) in [(3, 900), (9, 2000), (40, 3000), (400, 6000)] {
        for loops in [false, true] {
            let kg = crowded(relations, facts, loops);
            for (text, spec) in
                PATTERNS.iter().cycle().zip(specs()).chain(PATTERNS.iter().zip(specs().into_iter().rev()))
            {
                let mixture = Mixture::single(Pattern::parse(text, &kg).unwrap());
                compared +=
                    usize::from(check(&kg, &mixture, &spec, Replacement::With).is_some_and(|tokens| tokens > 0));
            }
        }
    }
    assert!(compared > 40, "only {compared} corpora");
}

#[test]
fn threads_and_shards_do_not_matter_on_the_graph_itself() {
    let kg = crowded(9, 2000, true);
    let mixture = Mixture::single(Pattern::parse(PATTERNS[1], &kg).unwrap());
    for spec in &specs() {
        let whole = corpus(&kg, &mixture, spec, run(Views::Sought, Replacement::With)).unwrap();
        let threads = Run { threads: 4, ..run(Views::Sought, Replacement::With) };
        assert_eq!(corpus(&kg, &mixture, spec, threads).unwrap(), whole);
        let shard = |index| Run { shard: Shard { index, of: 3 }, ..threads };
        let parts = (0..3).flat_map(|index| corpus(&kg, &mixture, spec, shard(index)).unwrap().0);
        assert_eq!(parts.collect::<Vec<u32>>(), whole.0);
    }
}

/// Walks between any nodes, parts of a mixture, and rows one by one.
#[test]
fn mixtures_walks_and_single_rows_are_the_same() {
    let kg = crowded(40, 3000, true);
    let spec = SampleSpec { simple: false, ..specs()[0].clone() };
    let walks = Mixture::single(Pattern::parse_walk("(:film)-[:!r3]-{6}()", &kg).unwrap());
    assert!(check(&kg, &walks, &spec, Replacement::With) > Some(0));
    let part = |(number, text): (u8, &&str)| {
        let pattern = Pattern::parse(text, &kg).unwrap();
        Part { name: format!("p{number}"), pattern, weight: f64::from(number) + 1.0 }
    };
    let mixture = Mixture::new((0..).zip(&PATTERNS[..2]).map(part).collect()).unwrap();
    assert!(check(&kg, &mixture, &spec, Replacement::With) > Some(0));
    let [compiled, sought] = [Views::Compiled, Views::Sought]
        .map(|views| MixtureSampler::with_views(&kg, &walks, &spec, views, u64::MAX, context()).unwrap());
    let (users, scratch) = (kg.range(footpath_core::TypeId(2)), &mut Scratch::default());
    let rows = sought.rows(users.clone(), 0..5, scratch, context()).unwrap();
    let (mut path, mut row) = (footpath_core::Path::default(), Vec::new());
    for (number, expected) in rows.chunks(sought.row_width()).enumerate() {
        let user = footpath_core::NodeId(expected[0] - kg.vocabulary().node(footpath_core::NodeId(0)).0);
        for sampler in [&compiled, &sought] {
            row.clear();
            let tables = sampler.tables(user, scratch, context()).unwrap();
            assert!(tables.draw_row(number as u64 % 5, &mut path, &mut row).unwrap());
            assert_eq!(row, expected);
        }
    }
}

/// Where hops must be weighed, or a user's own tables made, the graph alone is not enough.
#[test]
fn laws_that_need_tables_refuse_to_seek() {
    let kg = toy();
    let walk = specs()[0].clone();
    let mut weights = walk.clone();
    weights.relation_weights.insert("r0".to_owned(), 2.0);
    let others = [
        SampleSpec { law: Law::UniformPath, ..walk.clone() },
        SampleSpec { law: Law::UniformEnd, ..walk.clone() },
        SampleSpec { ends: EndSet::Train, ..walk.clone() },
        SampleSpec { damping: 0.5, ..walk.clone() },
        SampleSpec { end_damping: 0.5, ..walk.clone() },
        weights,
    ];
    let mixture = Mixture::single(Pattern::hops(3, &kg).unwrap());
    for spec in others {
        let sought = corpus(&kg, &mixture, &spec, run(Views::Sought, Replacement::With));
        assert!(matches!(sought, Err(Error::Usage { option: "views", .. })), "{spec:?}");
        for views in [Views::Auto, Views::Compiled] {
            assert!(corpus(&kg, &mixture, &spec, run(views, Replacement::With)).is_ok());
        }
    }
    let mut per_end = run(Views::Sought, Replacement::With);
    per_end.amount.quota = Quota::PerEnd(1);
    assert!(matches!(corpus(&kg, &mixture, &walk, per_end), Err(Error::Usage { option: "views", .. })));
}
