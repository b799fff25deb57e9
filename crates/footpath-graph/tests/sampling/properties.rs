use crate::context;
use crate::graphs::{Plan, RELATIONS, plan};
use crate::oracle::{CASES, legal};
use footpath_core::{NodeId, Path};
use footpath_graph::TrainKg;
use footpath_graph::audit::audit_paths;
use footpath_graph::sample::{EndSet, Law, SampleSpec, Sampler};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeSet;

const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];

pub(crate) fn spec() -> impl Strategy<Value = SampleSpec> {
    let law = prop_oneof![Just(Law::UniformPath), Just(Law::UniformEnd), Just(Law::Walk)];
    let damping = prop_oneof![Just(0.0), Just(0.5), Just(8.0)];
    let end_damping = prop_oneof![Just(0.0), Just(1.0)];
    let relation = prop_oneof![Just(None), Just(Some(("r1".to_owned(), 1e-6)))];
    let ends = proptest::sample::select(&ENDS[..]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (law, damping, end_damping, relation, ends, flags, any::<u64>()).prop_map(
        |(law, damping, end_damping, relation, ends, (simple, causal, edge_weights), seed)| SampleSpec {
            law,
            damping,
            end_damping,
            relation_weights: relation.into_iter().collect(),
            edge_weights,
            ends,
            simple,
            causal,
            seed,
        },
    )
}

fn case() -> impl Strategy<Value = usize> {
    0..CASES.len()
}

pub(crate) fn names(kg: &TrainKg, paths: &[Path]) -> BTreeSet<Vec<String>> {
    let name = |p: &Path| {
        let relations = p.relations.iter().map(|&r| kg.relation_name(r));
        p.nodes.iter().map(|&n| kg.node_name(n)).chain(relations).collect()
    };
    paths.iter().map(name).collect()
}

fn enumerate(kg: &TrainKg, case: usize, ends: EndSet, user: u32) -> Vec<Path> {
    let spec = SampleSpec { ends, ..SampleSpec::default() };
    let sampler = Sampler::new(kg, &CASES[case].pattern(kg), &spec, context()).unwrap();
    let all = sampler.tables(NodeId(user), context()).unwrap().enumerate(usize::MAX).unwrap();
    assert!(all.complete);
    all.paths
}

/// The properties below say nothing about graphs without paths.
#[test]
fn random_graphs_have_paths() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut with_paths = 0;
    for round in 0..256 {
        let kg = plan().new_tree(&mut runner).unwrap().current().build();
        let case = &CASES[round % CASES.len()];
        let any = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
        let has = |&user: &u32| !legal(&kg, case, NodeId(user), &any).is_empty();
        with_paths += kg.users().filter(has).count();
    }
    assert!(with_paths > 100, "only {with_paths} users have paths");
}

/// Checks that a user's draws are legal paths, which are sorted, and that there are draws if and only if there are any.
pub(crate) fn draws_are_of(
    legal: &[Path],
    draw: impl Fn(u64, &mut Path) -> bool,
    is_clean: impl Fn(&Path) -> bool,
) -> Result<(), TestCaseError> {
    let mut path = Path::default();
    for number in 0..12 {
        prop_assert_eq!(draw(number, &mut path), !legal.is_empty());
        if !legal.is_empty() {
            prop_assert!(legal.binary_search(&path).is_ok(), "{:?}", path);
            prop_assert!(is_clean(&path), "{:?}", path);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// P1–P7: every path drawn is legal by the oracle and by the auditor. A user has draws if and only if a legal path
    /// exists.
    #[test]
    fn draws_are_legal(plan in plan(), spec in spec(), case in case()) {
        let kg = plan.build();
        let case = &CASES[case];
        let pattern = case.pattern(&kg);
        let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
        for user in kg.users() {
            let legal = legal(&kg, case, NodeId(user), &spec);
            let tables = sampler.tables(NodeId(user), context()).unwrap();
            let audited = |path: &Path| audit_paths([path], &kg, &pattern, &spec, &[]).is_clean();
            draws_are_of(&legal, |draw, path| tables.draw(draw, path).unwrap(), audited)?;
        }
    }

    /// P8 and P9: enumeration and counts are those of brute force, each path once.
    #[test]
    fn enumeration_is_brute_force(plan in plan(), spec in spec(), case in case()) {
        let kg = plan.build();
        let case = &CASES[case];
        let sampler = Sampler::new(&kg, &case.pattern(&kg), &spec, context()).unwrap();
        for user in kg.users() {
            let legal = legal(&kg, case, NodeId(user), &spec);
            let tables = sampler.tables(NodeId(user), context()).unwrap();
            let mut all = tables.enumerate(usize::MAX).unwrap();
            all.paths.sort();
            prop_assert!(all.complete);
            prop_assert_eq!(&all.paths, &legal);
            let count = tables.num_paths().unwrap();
            prop_assert!(count.exact);
            prop_assert_eq!(count.paths, legal.len() as u64);
            if legal.len() > 1 {
                let some = tables.enumerate(legal.len() - 1).unwrap();
                prop_assert!(!some.complete);
                prop_assert_eq!(some.paths.len(), legal.len() - 1);
            }
        }
    }

    /// P21: another fact never removes a path.
    #[test]
    fn more_facts_more_paths(plan in plan(), case in case(), head: u8, relation: u8, tail: u8) {
        let nodes = plan.items + plan.entities;
        let mut more = plan.clone();
        more.facts.push((head % nodes, relation % RELATIONS, tail % nodes));
        let (less, more) = (plan.build(), more.build());
        for ends in ENDS {
            for user in less.users() {
                let before = names(&less, &enumerate(&less, case, ends, user));
                let after = names(&more, &enumerate(&more, case, ends, user));
                prop_assert!(before.is_subset(&after));
            }
        }
    }

    /// P22: other names, hence other ids, give the same paths under other names.
    #[test]
    fn names_do_not_matter(plan in plan(), case in case()) {
        let reversed = |prefix: char, number: u8| format!("{prefix}{:03}", 200 - number);
        let (kg, other) = (plan.build(), plan.build_named(reversed));
        let rename = |plan: &Plan, text: &String| match text.split_once(':') {
            Some((kind, id)) if id.len() == 4 && plan.users > 0 => {
                let (prefix, number) = id.split_at(1);
                format!("{kind}:{prefix}{:03}", 200 - number.parse::<u8>().unwrap())
            }
            _ => text.clone(),
        };
        for ends in ENDS {
            for user in kg.users() {
                let id = rename(&plan, &kg.node_name(NodeId(user)));
                let twin = other.node(&id).unwrap();
                let paths = names(&kg, &enumerate(&kg, case, ends, user));
                let renamed: BTreeSet<Vec<String>> =
                    paths.iter().map(|p| p.iter().map(|n| rename(&plan, n)).collect()).collect();
                prop_assert_eq!(renamed, names(&other, &enumerate(&other, case, ends, twin.0)));
            }
        }
    }
}
