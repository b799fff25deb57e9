//! Patterns that name further types, on graphs whose nodes have them.

use crate::graphs::{FURTHER, Plan, plan_with_further, toy_with_further};
use crate::oracle::{CASES, FURTHER_CASES, legal};
use crate::properties::{draws_are_of, names, spec};
use crate::{context, laws, successors, views};
use footpath_core::{NodeId, Path};
use footpath_graph::TrainKg;
use footpath_graph::audit::audit_paths;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{EndSet, Law, Replacement, SampleSpec, Sampler};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::{BTreeMap, BTreeSet};

/// What the plan says of each node, by its name.
fn told(plan: &Plan) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut told: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let num_others = plan.items + plan.entities;
    for &(n, which) in &plan.further {
        let node = match n {
            n if n < plan.items => format!("item:i{n:03}"),
            n if n < num_others => format!("entity:e{n:03}"),
            n => format!("user:u{:03}", n - num_others),
        };
        told.entry(node).or_default().insert(FURTHER[usize::from(which)]);
    }
    for node in ["entity:zz", "item:iz", "user:uz"] {
        told.insert(node.to_owned(), FURTHER.into_iter().collect());
    }
    told
}

fn all(kg: &TrainKg, pattern: &Pattern, spec: &SampleSpec, start: NodeId) -> Vec<Path> {
    let sampler = Sampler::new(kg, pattern, spec, context()).unwrap();
    let mut all = sampler.tables(start, context()).unwrap().enumerate(usize::MAX).unwrap();
    assert!(all.complete);
    all.paths.sort();
    all.paths
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn nodes_have_the_further_types_that_they_were_given(plan in plan_with_further()) {
        let (kg, told) = (plan.build(), told(&plan));
        let mut met = BTreeSet::new();
        for node in (0..u32::try_from(kg.num_nodes()).unwrap()).map(NodeId) {
            let name = kg.node_name(node);
            let further: BTreeSet<&str> = kg.further_types(node).collect();
            prop_assert_eq!(&further, &told.get(&name).cloned().unwrap_or_default());
            prop_assert_eq!(kg.node(&name).unwrap(), node, "found by its name");
            prop_assert!(kg.schema().kind_range(kg.kind_of(node)).contains(&node.0));
            prop_assert_eq!(kg.schema().type_of(kg.kind_of(node)), kg.type_of(node));
            met.insert(name);
        }
        prop_assert!(told.keys().all(|name| met.contains(name)));
        for (name, count) in kg.schema().count_further() {
            prop_assert_eq!(count, told.values().filter(|further| further.contains(name)).count() as u64);
            let nodes = kg.schema().named(name).unwrap().into_iter().flatten().map(|node| kg.node_name(NodeId(node)));
            let having = told.iter().filter(|(_, further)| further.contains(name)).map(|(node, _)| node.clone());
            prop_assert_eq!(nodes.collect::<BTreeSet<_>>(), having.collect::<BTreeSet<_>>());
        }
    }

    /// Enumeration and counts are those of brute force, each path once; every path drawn is one of them.
    #[test]
    fn paths_and_counts_are_those_of_brute_force(
        plan in plan_with_further(),
        spec in spec(),
        case in 0..FURTHER_CASES.len(),
    ) {
        let kg = plan.build();
        let case = &FURTHER_CASES[case];
        let pattern = case.pattern(&kg);
        let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
        for user in kg.users() {
            let legal = legal(&kg, case, NodeId(user), &spec);
            let tables = sampler.tables(NodeId(user), context()).unwrap();
            let mut all = tables.enumerate(usize::MAX).unwrap();
            all.paths.sort();
            prop_assert!(all.complete);
            prop_assert_eq!(&all.paths, &legal, "{} {:?}", case.text, spec);
            let count = tables.num_paths().unwrap();
            prop_assert!(count.exact);
            prop_assert_eq!(count.paths, legal.len() as u64);
            let audited = |path: &Path| audit_paths([path], &kg, &pattern, &spec, &[]).is_clean();
            draws_are_of(&legal, |draw, path| tables.draw(draw, path).unwrap(), audited)?;
        }
    }

    /// A path that brute force does not find is not clean to the auditor either.
    #[test]
    fn the_auditor_knows_what_is_off_the_pattern(plan in plan_with_further(), case in 0..FURTHER_CASES.len()) {
        let kg = plan.build();
        let spec = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
        let (case, any) = (&FURTHER_CASES[case], &CASES[5]);
        let pattern = case.pattern(&kg);
        for user in kg.users().map(NodeId) {
            let wanted = legal(&kg, case, user, &spec);
            for path in legal(&kg, any, user, &spec) {
                let is_clean = audit_paths([&path], &kg, &pattern, &spec, &[]).is_clean();
                prop_assert_eq!(is_clean, wanted.binary_search(&path).is_ok(), "{:?} of {}", path, case.text);
            }
        }
    }

    #[test]
    fn what_may_follow_is_what_some_legal_path_goes_on_with(
        plan in plan_with_further(),
        case in 0..FURTHER_CASES.len(),
    ) {
        let kg = plan.build();
        for user in kg.users() {
            successors::check(&kg, &FURTHER_CASES[case], NodeId(user))?;
        }
    }

    /// Patterns that name no further type have the paths that they have without any.
    #[test]
    fn further_types_do_not_matter_to_patterns_without_them(plan in plan_with_further(), case in 0..CASES.len()) {
        let (kg, plain) = (plan.build(), Plan { further: Vec::new(), ..plan.clone() }.build());
        for ends in [EndSet::Train, EndSet::Unseen, EndSet::Any] {
            let spec = SampleSpec { ends, ..SampleSpec::default() };
            for user in kg.users().map(NodeId) {
                // Users without choices are there for their further types.
                let Ok(twin) = plain.node(&kg.node_name(user)) else { continue };
                let paths = all(&kg, &CASES[case].pattern(&kg), &spec, user);
                let others = all(&plain, &CASES[case].pattern(&plain), &spec, twin);
                prop_assert_eq!(names(&kg, &paths), names(&plain, &others));
            }
        }
    }

    /// Walks between any nodes, by where they start and end.
    #[test]
    fn walks_are_those_of_brute_force(plan in plan_with_further()) {
        let kg = plan.build();
        let spec = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
        let has = |node: NodeId, name: &str| kg.further_types(node).any(|further| further == name);
        let pattern = Pattern::parse_walk("(:prize)-[]-{1,3}(:classic&!user)", &kg).unwrap();
        for node in (0..u32::try_from(kg.num_nodes()).unwrap()).map(NodeId) {
            let is_start = has(node, "prize");
            prop_assert_eq!(pattern.starts().contains(&kg.kind_of(node)), is_start);
            if !is_start {
                continue;
            }
            let mut expected = Vec::new();
            let mut open = vec![Path { nodes: vec![node], relations: vec![] }];
            while let Some(path) = open.pop() {
                let last = *path.nodes.last().unwrap();
                if path.nodes.len() > 1 && has(last, "classic") && !kg.users().contains(&last.0) {
                    expected.push(path.clone());
                }
                for (relation, tail) in kg.arcs(last).iter().filter(|(_, tail)| !path.nodes.contains(tail)) {
                    if path.relations.len() < 3 {
                        let mut longer = path.clone();
                        longer.nodes.push(tail);
                        longer.relations.push(relation);
                        open.push(longer);
                    }
                }
            }
            expected.sort();
            prop_assert_eq!(all(&kg, &pattern, &spec, node), expected);
        }
    }
}

/// The properties say nothing of graphs without paths.
#[test]
fn random_graphs_have_paths() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut with_paths = vec![0; FURTHER_CASES.len()];
    for round in 0..640 {
        let kg = plan_with_further().new_tree(&mut runner).unwrap().current().build();
        let number = round % FURTHER_CASES.len();
        let any = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
        let has = |&user: &u32| !legal(&kg, &FURTHER_CASES[number], NodeId(user), &any).is_empty();
        with_paths[number] += kg.users().filter(has).count();
    }
    assert!(with_paths.iter().all(|&users| users >= 5), "users with paths: {with_paths:?}");
}

/// Laws against their closed forms: a plain pattern, and one in which a first item goes on as a later one does.
#[test]
fn laws_are_those_of_their_formulas() {
    let kg = toy_with_further();
    for law in [Law::UniformPath, Law::UniformEnd, Law::Walk] {
        let mut checked = 0;
        for case in [&FURTHER_CASES[0], &FURTHER_CASES[4]] {
            for ends in [EndSet::Train, EndSet::Any] {
                // Plain, and with all factors at once.
                for measure in laws::measures(law).into_iter().step_by(5) {
                    let spec = SampleSpec { ends, ..measure };
                    checked += usize::from(laws::check(&kg, case, &spec, NodeId(0)));
                }
            }
        }
        assert!(checked >= 6, "{law:?}: only {checked} combinations have paths");
    }
}

/// Hops found in the graph itself are those of compiled patterns, byte for byte.
#[test]
fn bytes_are_the_same_however_hops_are_found() {
    let kg = toy_with_further();
    let mut compared = 0;
    for (number, case) in FURTHER_CASES.iter().enumerate() {
        for spec in views::specs() {
            let replacement = [Replacement::With, Replacement::Without][number % 2];
            let drawn = views::check(&kg, &Mixture::single(case.pattern(&kg)), &spec, replacement);
            compared += usize::from(drawn.is_some_and(|tokens| tokens > 0));
        }
    }
    assert!(compared >= 2, "only {compared} corpora");
}
