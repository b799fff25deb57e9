use crate::chi::{ALPHA, p_value, total_variation, total_variation_bound};
use crate::context;
use crate::graphs::toy;
use crate::oracle::{CASES, Case, legal, probabilities};
use footpath_core::{NodeId, Path, Purpose, RelationId, Stream};
use footpath_graph::TrainKg;
use footpath_graph::sample::{EndSet, Law, SampleSpec, Sampler};

const DRAWS: u64 = 20_000;
const SEEDS: u64 = 5;

/// How often each path was drawn.
fn tally(paths: &[Path], mut draw: impl FnMut(u64, &mut Path)) -> Vec<u64> {
    let mut observed = vec![0; paths.len()];
    let mut path = Path::default();
    for k in 0..DRAWS {
        draw(k, &mut path);
        if let Ok(index) = paths.binary_search(&path) {
            observed[index] += 1;
        }
    }
    observed
}

pub(crate) fn check(kg: &TrainKg, case: &Case, spec: &SampleSpec, user: NodeId) -> bool {
    let paths = legal(kg, case, user, spec);
    if paths.is_empty() {
        return false;
    }
    let expected = probabilities(kg, case, &paths, spec);
    let mut best = 0.0f64;
    let mut worst = 1.0f64;
    for seed in 0..SEEDS {
        let sampler = Sampler::new(kg, &case.pattern(kg), &SampleSpec { seed, ..spec.clone() }, context()).unwrap();
        let tables = sampler.tables(user, context()).unwrap();
        let observed = tally(&paths, |k, path| assert!(tables.draw(k, path).unwrap()));
        let p = p_value(&observed, &expected, DRAWS);
        assert!(p > ALPHA, "{} {spec:?} seed {seed}: p = {p:e} over {} paths", case.text, paths.len());
        let (variation, bound) =
            (total_variation(&observed, &expected, DRAWS), total_variation_bound(paths.len(), DRAWS));
        assert!(variation <= bound, "{} {spec:?} seed {seed}: {variation} from the law, bound {bound}", case.text);
        (best, worst) = (best.max(p), worst.min(p));
    }
    assert!(paths.len() == 1 || worst < 0.999, "{} {spec:?}: too good, {worst} to {best}", case.text);
    true
}

/// Every way of weighing for a law.
pub(crate) fn measures(law: Law) -> Vec<SampleSpec> {
    let plain = SampleSpec { law, damping: 0.0, ..SampleSpec::default() };
    let weights = [("r0".to_owned(), 3.0), ("r2".to_owned(), 0.2)];
    vec![
        plain.clone(),
        SampleSpec { damping: 0.5, ..plain.clone() },
        SampleSpec { end_damping: 1.5, ..plain.clone() },
        SampleSpec { relation_weights: weights.clone().into_iter().collect(), ..plain.clone() },
        SampleSpec { edge_weights: true, ..plain.clone() },
        SampleSpec {
            edge_weights: true,
            relation_weights: weights.into_iter().collect(),
            damping: 0.5,
            end_damping: 0.5,
            ..plain.clone()
        },
        SampleSpec { causal: true, ..plain },
    ]
}

/// Every pattern × end set × measure, over simple paths and over walks.
fn check_law(law: Law, simple: bool) {
    let kg = toy();
    let mut checked = 0;
    for case in CASES {
        for ends in [EndSet::Train, EndSet::Unseen, EndSet::Any] {
            for measure in measures(law) {
                let spec = SampleSpec { ends, simple, ..measure };
                checked += usize::from(check(&kg, case, &spec, NodeId(0)));
            }
        }
    }
    assert!(checked >= 100, "only {checked} combinations have paths");
}

#[test]
fn uniform_path() {
    check_law(Law::UniformPath, true);
}

#[test]
fn uniform_path_of_walks() {
    check_law(Law::UniformPath, false);
}

#[test]
fn uniform_end() {
    check_law(Law::UniformEnd, true);
}

#[test]
fn uniform_end_of_walks() {
    check_law(Law::UniformEnd, false);
}

#[test]
fn walk() {
    check_law(Law::Walk, true);
}

#[test]
fn walk_of_walks() {
    check_law(Law::Walk, false);
}

/// The user has chosen 100 of 103 films, so the table shared by all users nearly always leads to a film already seen,
/// and most draws end with the user's own table.
#[test]
fn the_law_does_not_change_with_the_table() {
    let plan = crate::graphs::Plan {
        users: 2,
        items: 103,
        entities: 3,
        log: (0..100).map(|item| (0, item)).chain([(1, 0), (1, 101)]).collect(),
        facts: (0..103).map(|item| (item, 0, 103)).chain((95..103).map(|item| (item, 1, 104))).collect(),
        about: Vec::new(),
        further: Vec::new(),
    };
    let kg = plan.build();
    for law in [Law::UniformPath, Law::Walk] {
        let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 0, ..SampleSpec::default() };
        assert!(check(&kg, &CASES[6], &spec, NodeId(0)));
        assert!(check(&kg, &CASES[2], &spec, NodeId(0)));
    }
}

/// 75 rings lead back to the first film and two paths on to others: attempts fail, and paths come from the list.
#[test]
fn the_law_does_not_change_with_the_list() {
    let mut facts = Vec::new();
    for ring in 0..75u8 {
        let (a, b) = (3 + 2 * ring, 4 + 2 * ring);
        facts.extend([(0, 0, a), (a, 1, b), (b, 2, 0)]);
    }
    // A path by way of node 4, which has one arc more, one by way of 8 and 9, and the ring of 9 the other way round.
    facts.extend([(4, 3, 1), (8, 3, 2), (9, 3, 2), (9, 2, 2)]);
    let kg = crate::graphs::Plan {
        users: 1,
        items: 3,
        entities: 153,
        log: vec![(0, 0)],
        facts,
        about: Vec::new(),
        further: Vec::new(),
    }
    .build();
    for law in [Law::UniformPath, Law::UniformEnd, Law::Walk] {
        let spec = SampleSpec { law, damping: 2.0, ends: EndSet::Any, seed: 0, ..SampleSpec::default() };
        assert!(check(&kg, &CASES[3], &spec, NodeId(0)));
    }
}

#[test]
fn draws_of_two_users_are_independent() {
    let kg = toy();
    let case = &CASES[6];
    let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends: EndSet::Any, seed: 3, ..SampleSpec::default() };
    let sampler = Sampler::new(&kg, &case.pattern(&kg), &spec, context()).unwrap();
    let users = [NodeId(0), NodeId(1)];
    let paths = users.map(|user| legal(&kg, case, user, &spec));
    let tables = users.map(|user| sampler.tables(user, context()).unwrap());
    let mut pairs = vec![0; paths[0].len() * paths[1].len()];
    let mut path = Path::default();
    for k in 0..DRAWS {
        let mut index = 0;
        for (tables, paths) in tables.iter().zip(&paths) {
            assert!(tables.draw(k, &mut path).unwrap());
            index = index * paths.len() + paths.binary_search(&path).unwrap();
        }
        pairs[index] += 1;
    }
    let p = p_value(&pairs, &vec![1.0 / pairs.len() as f64; pairs.len()], DRAWS);
    assert!(p > ALPHA, "{p:e} over {} pairs", pairs.len());
}

/// A walker with the faults of real samplers; `None` has no fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    RelationFirst,
    ParallelCollapsed,
    ModuloBias,
    RetriesLastHop,
}

fn walker(kg: &TrainKg, user: NodeId, fault: Fault, stream: &mut Stream, path: &mut Path) {
    'walk: loop {
        *path = Path { nodes: vec![user], relations: vec![] };
        while path.relations.len() < 3 {
            let hop = path.relations.len();
            let here = *path.nodes.last().unwrap();
            let (relation, tail) = hop_from(kg, here, hop, fault, stream);
            if path.nodes.contains(&tail) || (hop == 2 && !kg.is_item(tail)) {
                let can_end = kg.arcs(here).iter().any(|(_, t)| kg.is_item(t) && !path.nodes.contains(&t));
                if fault == Fault::RetriesLastHop && hop == 2 && can_end {
                    continue;
                }
                continue 'walk;
            }
            path.nodes.push(tail);
            path.relations.push(relation);
        }
        return;
    }
}

fn hop_from(kg: &TrainKg, node: NodeId, hop: usize, fault: Fault, stream: &mut Stream) -> (RelationId, NodeId) {
    // The last hop of the pattern is allowed to lead to items only.
    let arcs = kg.arcs(node).iter().filter(|&(_, t)| t != node && (hop < 2 || kg.is_item(t)));
    let mut arcs: Vec<_> = arcs.collect();
    match fault {
        Fault::RelationFirst => {
            let mut relations: Vec<_> = arcs.iter().map(|(r, _)| *r).collect();
            relations.dedup();
            if let Some(&relation) = (!relations.is_empty()).then(|| &relations[stream.index(relations.len())]) {
                arcs.retain(|(r, _)| *r == relation);
            }
        }
        Fault::ParallelCollapsed => {
            arcs.sort_by_key(|(r, t)| (*t, std::cmp::Reverse(*r)));
            arcs.dedup_by_key(|(_, t)| *t);
        }
        _ => {}
    }
    match (arcs.len(), fault) {
        (0, _) => (RelationId(0), node),
        (n, Fault::ModuloBias) => arcs[(stream.next_u64() & 7) as usize % n],
        (n, _) => arcs[stream.index(n)],
    }
}

/// The law of the walker without fault is that of [`Law::Walk`]; each fault must be seen.
#[test]
fn wrong_samplers_fail() {
    let kg = toy();
    let case = &CASES[2];
    let spec = SampleSpec { law: Law::Walk, damping: 0.0, ends: EndSet::Any, seed: 0, ..SampleSpec::default() };
    let user = NodeId(0);
    let paths = legal(&kg, case, user, &spec);
    let expected = probabilities(&kg, case, &paths, &spec);
    let faults = [Fault::RelationFirst, Fault::ParallelCollapsed, Fault::ModuloBias, Fault::RetriesLastHop];
    for fault in faults.into_iter().chain([Fault::None]) {
        for seed in 0..SEEDS {
            let draw = |k, path: &mut Path| {
                walker(&kg, user, fault, &mut Stream::new(seed, Purpose::Simulate, 0, k), path);
            };
            let observed = tally(&paths, draw);
            let p = p_value(&observed, &expected, DRAWS);
            assert_eq!(p > ALPHA, fault == Fault::None, "{fault:?} seed {seed}: p = {p:e}");
            let within = total_variation(&observed, &expected, DRAWS) <= total_variation_bound(paths.len(), DRAWS);
            assert!(within || fault != Fault::None, "{fault:?} seed {seed}");
        }
    }
}
