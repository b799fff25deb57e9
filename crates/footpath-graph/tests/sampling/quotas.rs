use crate::chi::{ALPHA, p_value, total_variation, total_variation_bound};
use crate::graphs::{Plan, toy};
use crate::oracle::{CASES, Case, legal, probabilities};
use crate::{Run, context, corpus};
use footpath_core::{NodeId, Path, TokenId};
use footpath_graph::TrainKg;
use footpath_graph::pattern::{Mixture, Part, Pattern};
use footpath_graph::sample::{
    Amount, EndSet, Law, Quota, Replacement, SampleSpec, SampleSummary, Sampler, Shard, Views,
};
use std::collections::{BTreeMap, BTreeSet};

const LAWS: [Law; 3] = [Law::UniformPath, Law::UniformEnd, Law::Walk];
const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];

fn run(quota: Quota, replacement: Replacement) -> Run {
    Run { amount: Amount { quota, replacement, views: Views::Auto }, shard: Shard::default(), threads: 2 }
}

fn draw(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, run: Run) -> (Vec<Path>, SampleSummary) {
    let (rows, summary) = corpus(kg, mixture, spec, run).unwrap();
    let decode = |row: &[u32]| kg.vocabulary().decode(&row.iter().copied().map(TokenId).collect::<Vec<_>>()).unwrap();
    (rows.chunks(2 * mixture.max_hops() + 1).map(decode).collect(), summary)
}

fn single(kg: &TrainKg, case: &Case) -> Mixture {
    Mixture::single(case.pattern(kg))
}

fn of_user(paths: &[Path], user: u32) -> Vec<Path> {
    paths.iter().filter(|path| path.nodes[0] == NodeId(user)).cloned().collect()
}

/// Many walkers at once give each draw what it gets alone.
#[test]
fn walkers_do_not_meet() {
    let kg = toy();
    for case in CASES {
        for (law, ends) in LAWS.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
            for (simple, edge_weights) in [(true, false), (false, false), (true, true), (false, true)] {
                let base = SampleSpec { edge_weights, ..SampleSpec::default() };
                let spec = SampleSpec { law, damping: 0.0, ends, simple, seed: 4, ..base };
                let (paths, _) = draw(&kg, &single(&kg, case), &spec, run(Quota::PerUser(300), Replacement::With));
                let sampler = Sampler::new(&kg, &case.pattern(&kg), &spec, context()).unwrap();
                for user in kg.users() {
                    let tables = sampler.tables(NodeId(user), context()).unwrap();
                    let mut path = Path::default();
                    let alone: Vec<Path> =
                        (0..300).map_while(|k| tables.draw(k, &mut path).unwrap().then(|| path.clone())).collect();
                    assert_eq!(of_user(&paths, user), alone, "{} {spec:?}", case.text);
                }
            }
        }
    }
}

#[test]
fn without_replacement_no_path_comes_twice_and_all_come_where_there_are_few() {
    let kg = toy();
    for case in CASES {
        for (law, ends) in LAWS.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
            for (quota, simple) in [(3, true), (40, true), (40, false), (5_000, true)] {
                let spec = SampleSpec { law, damping: 0.5, ends, simple, ..SampleSpec::default() };
                let (paths, summary) =
                    draw(&kg, &single(&kg, case), &spec, run(Quota::PerUser(quota), Replacement::Without));
                assert_eq!(summary.given_up, 0);
                for user in kg.users() {
                    let drawn = of_user(&paths, user);
                    let legal: BTreeSet<Path> = legal(&kg, case, NodeId(user), &spec).into_iter().collect();
                    let distinct: BTreeSet<Path> = drawn.iter().cloned().collect();
                    assert_eq!(distinct.len(), drawn.len(), "{} {spec:?}", case.text);
                    assert_eq!(drawn.len() as u64, quota.min(legal.len() as u64), "{} {spec:?}", case.text);
                    assert!(distinct.is_subset(&legal));
                }
            }
        }
    }
}

/// The first two of three paths drawn without replacement have the law of successive sampling: p_a · p_b / (1 − p_a).
#[test]
fn without_replacement_is_successive_sampling() {
    const SEEDS: u64 = 3_000;
    let kg = toy();
    let mut checked = 0;
    for case in [&CASES[6], &CASES[7]] {
        for (law, ends) in LAWS.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
            for (simple, edge_weights) in [(true, false), (false, false), (true, true), (false, true)] {
                let spec = SampleSpec { law, damping: 0.5, ends, simple, edge_weights, ..SampleSpec::default() };
                let legal = legal(&kg, case, NodeId(0), &spec);
                if !(3..=40).contains(&legal.len()) {
                    continue;
                }
                let p = probabilities(&kg, case, &legal, &spec);
                let expected: Vec<f64> = (0..p.len() * p.len())
                    .map(|pair| (pair / p.len(), pair % p.len()))
                    .map(|(a, b)| if a == b { 0.0 } else { p[a] * p[b] / (1.0 - p[a]) })
                    .collect();
                let mut seen = vec![0; expected.len()];
                let mixture = single(&kg, case);
                let mut run = run(Quota::PerUser(3), Replacement::Without);
                (run.shard, run.threads) = (Shard { index: 0, of: 3 }, 1);
                for seed in 0..SEEDS {
                    let (paths, _) = draw(&kg, &mixture, &SampleSpec { seed, ..spec.clone() }, run);
                    let place = |index: usize| legal.binary_search(&paths[index]).unwrap();
                    seen[place(0) * p.len() + place(1)] += 1;
                }
                let variation = total_variation(&seen, &expected, SEEDS);
                assert!(variation <= total_variation_bound(seen.len(), SEEDS), "{} {spec:?}: {variation}", case.text);
                let p = p_value(&seen, &expected, SEEDS);
                assert!(p > ALPHA, "{} {spec:?}: {p:e} over {} paths", case.text, legal.len());
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "only {checked} combinations have few enough paths");
}

#[test]
fn a_quota_by_end_gives_every_end_its_share() {
    let kg = toy();
    for case in CASES {
        for (law, ends) in LAWS.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
            let spec = SampleSpec { law, damping: 0.5, ends, edge_weights: true, ..SampleSpec::default() };
            let (paths, _) = draw(&kg, &single(&kg, case), &spec, run(Quota::PerEnd(4_000), Replacement::With));
            for user in kg.users() {
                let legal = legal(&kg, case, NodeId(user), &spec);
                let p = probabilities(&kg, case, &legal, &spec);
                let drawn = of_user(&paths, user);
                let mut by_end: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
                for (index, path) in legal.iter().enumerate() {
                    by_end.entry(*path.nodes.last().unwrap()).or_default().push(index);
                }
                assert_eq!(drawn.len(), by_end.len() * 4_000, "{} {spec:?}", case.text);
                for ((end, indices), drawn) in by_end.iter().zip(drawn.chunks(4_000)) {
                    assert!(drawn.iter().all(|path| path.nodes.last() == Some(end)));
                    let total: f64 = indices.iter().map(|&index| p[index]).sum();
                    let expected: Vec<f64> = indices.iter().map(|&index| p[index] / total).collect();
                    let count = |&index: &usize| drawn.iter().filter(|path| **path == legal[index]).count() as u64;
                    let p = p_value(&indices.iter().map(count).collect::<Vec<_>>(), &expected, 4_000);
                    assert!(p > ALPHA, "{} {spec:?}: {p:e}", case.text);
                }
            }
        }
    }
}

#[test]
fn every_path_is_every_path() {
    let kg = toy();
    for case in CASES {
        for ends in ENDS {
            let spec = SampleSpec { ends, ..SampleSpec::default() };
            let (paths, summary) = draw(&kg, &single(&kg, case), &spec, run(Quota::Every(10_000), Replacement::With));
            let (some, cut) = draw(&kg, &single(&kg, case), &spec, run(Quota::Every(2), Replacement::With));
            assert_eq!(summary.users_cut_short, 0);
            let mut with_more = 0;
            for user in kg.users() {
                let mut drawn = of_user(&paths, user);
                assert_eq!(of_user(&some, user), drawn[..drawn.len().min(2)]);
                with_more += u64::from(drawn.len() > 2);
                drawn.sort();
                assert_eq!(drawn, legal(&kg, case, NodeId(user), &spec));
            }
            assert_eq!(cut.users_cut_short, with_more);
        }
    }
}

#[test]
fn a_total_is_shared_out_by_numbers_of_paths() {
    let kg = toy();
    for case in CASES {
        let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends: EndSet::Any, ..SampleSpec::default() };
        let (paths, _) = draw(&kg, &single(&kg, case), &spec, run(Quota::Total(1_000), Replacement::With));
        let counts: Vec<usize> = kg.users().map(|user| legal(&kg, case, NodeId(user), &spec).len()).collect();
        let all: usize = counts.iter().sum();
        assert_eq!(paths.len(), if all == 0 { 0 } else { 1_000 });
        for (user, count) in kg.users().zip(counts) {
            let share = count as f64 / all.max(1) as f64 * 1_000.0;
            assert!((of_user(&paths, user).len() as f64 - share).abs() < 1.0, "{}", case.text);
        }
    }
}

/// Shard after shard is the whole, for any quota.
#[test]
fn shards_make_the_whole() {
    let log = (0..40u8).map(|n| (n % 17, n % 11)).collect();
    let facts = (0..60u8).map(|n| (n % 11, n % 4, 11 + n % 5)).collect();
    let kg = Plan { users: 17, items: 11, entities: 6, log, facts, about: Vec::new(), further: Vec::new() }.build();
    let mixture = single(&kg, &CASES[2]);
    let quotas = [Quota::PerUser(7), Quota::PerUser(20_000), Quota::PerEnd(3), Quota::Total(997), Quota::Every(50)];
    for quota in quotas {
        for replacement in [Replacement::With, Replacement::Without] {
            if (quota, replacement) == (Quota::PerUser(20_000), Replacement::Without) {
                continue;
            }
            for ends in ENDS {
                let spec = SampleSpec { law: Law::UniformPath, ends, ..SampleSpec::default() };
                let (whole, summary) = draw(&kg, &mixture, &spec, run(quota, replacement));
                for of in [2, 5, 17, 40] {
                    let shard = |index| Run { shard: Shard { index, of }, ..run(quota, replacement) };
                    let parts: Vec<_> = (0..of).map(|index| draw(&kg, &mixture, &spec, shard(index))).collect();
                    let users: u64 = parts.iter().map(|(_, s)| s.users_with_paths + s.users_without_paths).sum();
                    assert_eq!(users, summary.users_with_paths + summary.users_without_paths);
                    let all: Vec<Path> = parts.into_iter().flat_map(|(paths, _)| paths).collect();
                    assert_eq!(all, whole, "{quota:?} {replacement:?} {ends:?} of {of}");
                }
            }
        }
    }
}

/// A mixture draws a part by weight and a path by the law of the part; a part without paths gives its weight to the
/// others.
#[test]
fn mixtures_have_the_shares_of_their_parts() {
    const DRAWS: u64 = 20_000;
    let kg = toy();
    let part = |case: &Case, weight: f64| Part { name: case.text.to_owned(), pattern: case.pattern(&kg), weight };
    let nothing = Pattern::parse("(:user)-[:interacted]->(:item)-[:r3]->(:person)-[:r3]->(:item)", &kg).unwrap();
    for (law, ends) in LAWS.into_iter().flat_map(|law| ENDS.map(|ends| (law, ends))) {
        let spec = SampleSpec { law, damping: 0.5, ends, edge_weights: true, ..SampleSpec::default() };
        let empty = Part { name: "nothing".to_owned(), pattern: nothing.clone(), weight: 5.0 };
        let mixture = Mixture::new(vec![part(&CASES[6], 1.0), part(&CASES[4], 3.0), empty]).unwrap();
        let (paths, summary) = draw(&kg, &mixture, &spec, run(Quota::PerUser(DRAWS), Replacement::With));
        assert_eq!(summary.given_up, 0);
        let mut expected: BTreeMap<Path, f64> = BTreeMap::new();
        let mut total = 0.0;
        for (case, weight) in [(&CASES[6], 1.0), (&CASES[4], 3.0)] {
            let legal = legal(&kg, case, NodeId(0), &spec);
            total += if legal.is_empty() { 0.0 } else { weight };
            let p = probabilities(&kg, case, &legal, &spec);
            legal.into_iter().zip(p).for_each(|(path, p)| *expected.entry(path).or_default() += p * weight);
        }
        let drawn = of_user(&paths, 0);
        if total == 0.0 {
            assert!(drawn.is_empty());
            continue;
        }
        let mut seen: BTreeMap<&Path, u64> = expected.keys().map(|path| (path, 0)).collect();
        drawn.iter().for_each(|path| *seen.get_mut(path).expect("a legal path") += 1);
        let expected: Vec<f64> = expected.values().map(|p| p / total).collect();
        let p = p_value(&seen.values().copied().collect::<Vec<_>>(), &expected, DRAWS);
        assert!(p > ALPHA, "{spec:?}: {p:e}");
    }
}

/// Walks between any nodes, drawn as walks: every start, every hop alike.
#[test]
fn walks_start_and_end_anywhere() {
    let kg = toy();
    let pattern = Pattern::parse_walk("()-[]-{2}()", &kg).unwrap();
    let spec = SampleSpec { law: Law::Walk, damping: 0.0, ends: EndSet::Any, simple: false, ..SampleSpec::default() };
    let mixture = Mixture::single(pattern.clone());
    let (paths, summary) = draw(&kg, &mixture, &spec, run(Quota::PerUser(5_000), Replacement::With));
    assert_eq!(summary.users_with_paths + summary.users_without_paths, kg.num_nodes() as u64);
    for start in (0u32..).take(kg.num_nodes()).map(NodeId) {
        let hops = |node: NodeId| kg.arcs(node).iter().filter(move |(_, tail)| *tail != node).collect::<Vec<_>>();
        let mut expected: BTreeMap<Path, f64> = BTreeMap::new();
        for (first, middle) in hops(start) {
            for (second, end) in hops(middle) {
                let path = Path { nodes: vec![start, middle, end], relations: vec![first, second] };
                expected.insert(path, 1.0 / hops(start).len() as f64 / hops(middle).len() as f64);
            }
        }
        let drawn = of_user(&paths, start.0);
        assert_eq!(drawn.len(), if expected.is_empty() { 0 } else { 5_000 });
        let mut seen: BTreeMap<&Path, u64> = expected.keys().map(|path| (path, 0)).collect();
        drawn.iter().for_each(|path| *seen.get_mut(path).expect("a walk") += 1);
        if !drawn.is_empty() {
            let expected: Vec<f64> = expected.values().copied().collect();
            let p = p_value(&seen.values().copied().collect::<Vec<_>>(), &expected, 5_000);
            assert!(p > ALPHA, "from {start:?}: {p:e}");
        }
    }
    let audited = footpath_graph::audit::audit_paths(&paths, &kg, &pattern, &spec, &[]);
    assert!(audited.is_clean(), "{audited:?}");
    let train = SampleSpec { ends: EndSet::Train, ..spec };
    assert!(Sampler::new(&kg, &pattern, &train, context()).is_err(), "a walk has no user whose items it could end at");
}
