//! The sampler against brute force and against its laws.
//!
//! - `graphs`: random and fixed graphs
//! - `oracle`: legal paths by trying everything, and the probability of each by the formula of its law
//! - `chi`: Pearson's test
//! - `properties`: P1–P9, P21, P22 of the reliability plan on random graphs
//! - `laws`: every law and end set against its closed form; the wrong samplers that must fail
//! - `corpora`: threads, counts, hubs, planted graphs, audit

#![expect(clippy::unwrap_used, reason = "tests")]

mod graphs {
    use footpath_graph::build::build;
    use footpath_graph::dataset::{Dataset, RawTriple};
    use footpath_graph::{Interaction, Split, TrainKg};
    use proptest::prelude::*;

    /// A graph by numbers, so that it can be changed and renamed.
    #[derive(Clone, Debug)]
    pub(crate) struct Plan {
        pub(crate) users: u8,
        pub(crate) items: u8,
        pub(crate) entities: u8,
        /// (user, item)
        pub(crate) log: Vec<(u8, u8)>,
        /// (head, relation, tail); nodes below `items` are items, the others entities
        pub(crate) facts: Vec<(u8, u8, u8)>,
    }

    pub(crate) const RELATIONS: u8 = 4;

    impl Plan {
        /// Builds the graph with names made by `name` from a prefix and a number.
        pub(crate) fn build_named(&self, name: impl Fn(char, u8) -> String) -> TrainKg {
            let mut d = Dataset::default();
            for relation in 0..RELATIONS {
                d.relation(&format!("r{relation}"));
            }
            for item in 0..self.items {
                d.link(&name('i', item), &name('f', item));
            }
            let node = |n: u8| if n < self.items { name('f', n) } else { name('e', n) };
            for n in self.items..self.items + self.entities {
                d.entity(&node(n), if n % 2 == 0 { "person" } else { "genre" });
            }
            for user in 0..self.users {
                d.users.intern(&name('u', user));
            }
            self.log.iter().for_each(|&(user, item)| d.interact(&name('u', user), &name('i', item)));
            for &(head, relation, tail) in &self.facts {
                let (head, tail) = (d.entity(&node(head), "film"), d.entity(&node(tail), "film"));
                let relation = d.relation(&format!("r{relation}"));
                d.triples.push(RawTriple { head, relation, tail, line: 0 });
            }
            build(d).unwrap().train_kg().unwrap()
        }

        pub(crate) fn build(&self) -> TrainKg {
            self.build_named(|prefix, number| format!("{prefix}{number:03}"))
        }
    }

    /// At most 12 nodes and 5 relations, self-loops, parallel relations and users without items included.
    pub(crate) fn plan() -> impl Strategy<Value = Plan> {
        (1u8..=3, 1u8..=5, 2u8..=4).prop_flat_map(|(users, items, entities)| {
            let nodes = items + entities;
            let log = proptest::collection::vec((0..users, 0..items), 0..8);
            let facts = proptest::collection::vec((0..nodes, 0..RELATIONS, 0..nodes), 0..14);
            (log, facts).prop_map(move |(log, facts)| Plan { users, items, entities, log, facts })
        })
    }

    /// The graph of the tests of laws: parallel relations, a self-loop, a dead end, items of several users.
    pub(crate) fn toy() -> TrainKg {
        let log = vec![(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 3), (2, 4), (2, 0)];
        let facts = vec![
            (0, 0, 5),
            (1, 0, 5),
            (1, 1, 5),
            (2, 0, 5),
            (3, 0, 6),
            (1, 0, 6),
            (2, 1, 6),
            (2, 2, 6),
            (4, 3, 6),
            (0, 2, 7),
            (3, 2, 7),
            (0, 1, 1),
            (4, 1, 4),
            (3, 3, 4),
            (4, 0, 8),
            (0, 3, 2),
        ];
        Plan { users: 3, items: 5, entities: 4, log, facts }.build()
    }

    /// Each user's missing item is one person away from each of the user's own, and nothing else is.
    pub(crate) fn planted() -> (TrainKg, Vec<Interaction>) {
        let mut d = Dataset::default();
        for user in 0..40 {
            for item in 0..3 {
                let name = format!("i{user}-{item}");
                d.link(&name, &format!("f{user}-{item}"));
                d.interact(&format!("u{user}"), &name);
                d.fact(&format!("f{user}-{item}"), "starring", &format!("star{user}"));
            }
            d.interactions.last_mut().unwrap().split = Split::Test;
        }
        let built = build(d).unwrap();
        (built.train_kg().unwrap(), built.test)
    }
}

mod oracle {
    use footpath_core::{NodeId, Path, Triple, TypeId};
    use footpath_graph::TrainKg;
    use footpath_graph::pattern::Pattern;
    use footpath_graph::sample::{EndSet, Law, SampleSpec};

    /// A pattern written twice: for the library, and as a predicate on (hops so far, triple, whether it is the last hop).
    pub(crate) struct Case {
        pub(crate) text: &'static str,
        pub(crate) max_hops: usize,
        /// Whether the path so far may go on to be, or be, a path of the pattern.
        pub(crate) prefix: fn(&TrainKg, &[Triple]) -> bool,
        /// Whether the path is one of the pattern, given that all its prefixes pass.
        pub(crate) whole: fn(&TrainKg, &[Triple]) -> bool,
    }

    fn is(kg: &TrainKg, node: NodeId, kind: &str) -> bool {
        kg.schema().types[kg.type_of(node).index()].name == kind
    }

    fn ends_at_item(kg: &TrainKg, hops: &[Triple]) -> bool {
        kg.is_item(hops.last().unwrap().tail)
    }

    macro_rules! hops {
        ($text:literal, $n:literal) => {
            Case {
                text: $text,
                max_hops: $n,
                prefix: |_, _| true,
                whole: |kg, hops| hops.len() == $n && ends_at_item(kg, hops),
            }
        };
    }

    pub(crate) const CASES: &[Case] = &[
        hops!("(:user)-[]-(:item)", 1),
        hops!("(:user)-[]-{2}(:item)", 2),
        hops!("(:user)-[]-{3}(:item)", 3),
        hops!("(:user)-[]-{4}(:item)", 4),
        hops!("(:user)-[]-{5}(:item)", 5),
        Case { text: "(:user)-[]-{1,4}(:item)", max_hops: 4, prefix: |_, _| true, whole: ends_at_item },
        Case {
            text: "(:user)-[:interacted]->(:item)-[:!interacted]-(:entity)-[:!interacted]-(:item)",
            max_hops: 3,
            prefix: |kg, hops| {
                hops.iter().enumerate().all(|(i, t)| match i {
                    0 => t.relation.0 == 0,
                    1 => t.relation.0 > 1 && t.tail.0 >= kg.items().end,
                    _ => t.relation.0 > 1 && kg.is_item(t.tail),
                })
            },
            whole: |_, hops| hops.len() == 3,
        },
        Case {
            text: "(:user)-[:interacted]->(:item)(-[:r0|r1]->(:person|genre)<-[]-(:item)){1,2}",
            max_hops: 5,
            prefix: |kg, hops| {
                hops.iter().enumerate().all(|(i, t)| match i {
                    0 => t.relation.0 == 0,
                    1 | 3 => {
                        matches!(kg.relation_name(t.relation).as_str(), "r0" | "r1")
                            && (is(kg, t.tail, "person") || is(kg, t.tail, "genre"))
                    }
                    _ => t.relation.is_inverse() && kg.is_item(t.tail),
                })
            },
            whole: |_, hops| hops.len() == 3 || hops.len() == 5,
        },
        Case {
            text: "(:user)-[]-(:item)-[]-(:!genre)-[]-(:item)-[]-(:user)-[:interacted]->(:item)",
            max_hops: 5,
            prefix: |kg, hops| {
                hops.iter().enumerate().all(|(i, t)| match i {
                    1 => !is(kg, t.tail, "genre"),
                    3 => kg.type_of(t.tail) == TypeId::USER,
                    4 => t.relation.0 == 0,
                    _ => kg.is_item(t.tail),
                })
            },
            whole: |_, hops| hops.len() == 5,
        },
    ];

    impl Case {
        pub(crate) fn pattern(&self, kg: &TrainKg) -> Pattern {
            Pattern::parse(self.text, kg).unwrap()
        }
    }

    /// Every simple walk from the user, whatever the pattern, kept if it is legal.
    pub(crate) fn legal(kg: &TrainKg, case: &Case, user: NodeId, ends: EndSet) -> Vec<Path> {
        let mut found = Vec::new();
        let mut open = vec![Path { nodes: vec![user], relations: vec![] }];
        while let Some(path) = open.pop() {
            let hops: Vec<Triple> = path.triples().collect();
            if !hops.is_empty() && !(case.prefix)(kg, &hops) {
                continue;
            }
            if !hops.is_empty() && (case.whole)(kg, &hops) && may_end(kg, &path, ends) {
                found.push(path.clone());
            }
            if hops.len() < case.max_hops {
                for (relation, tail) in kg.arcs(*path.nodes.last().unwrap()).iter() {
                    if !path.nodes.contains(&tail) {
                        let mut longer = path.clone();
                        longer.nodes.push(tail);
                        longer.relations.push(relation);
                        open.push(longer);
                    }
                }
            }
        }
        found.sort();
        found
    }

    fn may_end(kg: &TrainKg, path: &Path, ends: EndSet) -> bool {
        let (user, end) = (path.nodes[0], *path.nodes.last().unwrap());
        let train = kg.items_of(user).contains(&end.0);
        match ends {
            EndSet::Train => train && end != path.nodes[1],
            EndSet::Unseen => !train,
            EndSet::Any => true,
        }
    }

    /// The probability of each legal path by the formula of the law.
    pub(crate) fn probabilities(kg: &TrainKg, case: &Case, paths: &[Path], spec: SampleSpec) -> Vec<f64> {
        let pattern = case.pattern(kg);
        let weight = |path: &Path| -> f64 {
            let inner = &path.nodes[..path.nodes.len() - 1];
            let damped: f64 = inner.iter().skip(2).map(|&v| (kg.degree(v) as f64).powf(-spec.damping)).product();
            let mut state = pattern.automaton().start();
            let mut walk = 1.0;
            for (position, hop) in path.triples().enumerate() {
                let step = |(relation, tail)| pattern.automaton().step(state, relation, kg.type_of(tail)).is_some();
                let choices = kg.arcs(hop.head).iter().filter(|&(r, t)| t != hop.head && step((r, t))).count();
                if position > 0 {
                    walk /= choices as f64;
                }
                state = pattern.automaton().step(state, hop.relation, kg.type_of(hop.tail)).unwrap();
            }
            if spec.law == Law::Walk { damped * walk } else { damped }
        };
        let weights: Vec<f64> = paths.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        if spec.law != Law::UniformEnd {
            return weights.iter().map(|w| w / total).collect();
        }
        let end = |path: &Path| *path.nodes.last().unwrap();
        let ends: std::collections::BTreeSet<_> = paths.iter().map(end).collect();
        let of_end = |e| -> f64 { paths.iter().zip(&weights).filter(|(p, _)| end(p) == e).map(|(_, w)| w).sum() };
        paths.iter().zip(&weights).map(|(p, w)| w / of_end(end(p)) / ends.len() as f64).collect()
    }
}

mod chi {
    /// Smallest p that passes.
    pub(crate) const ALPHA: f64 = 1e-6;

    /// p of Pearson's test; cells with less than 5 expected are pooled. Draws outside the cells give p = 0.
    pub(crate) fn p_value(observed: &[u64], probabilities: &[f64], draws: u64) -> f64 {
        if observed.iter().sum::<u64>() != draws {
            return 0.0;
        }
        let mut pooled = (0.0, 0.0);
        let mut cells: Vec<(f64, f64)> = Vec::new();
        for (&seen, probability) in observed.iter().zip(probabilities) {
            let expected = probability * draws as f64;
            if expected < 5.0 {
                pooled = (pooled.0 + seen as f64, pooled.1 + expected);
            } else {
                cells.push((seen as f64, expected));
            }
        }
        match cells.first_mut() {
            Some(first) if pooled.1 < 5.0 => *first = (first.0 + pooled.0, first.1 + pooled.1),
            _ => cells.push(pooled),
        }
        let chi2: f64 = cells.iter().map(|(seen, expected)| (seen - expected).powi(2) / expected).sum();
        if cells.len() < 2 { 1.0 } else { upper_gamma((cells.len() - 1) as f64 / 2.0, chi2 / 2.0) }
    }

    /// Regularised upper incomplete gamma function: series below a + 1, continued fraction above.
    fn upper_gamma(a: f64, x: f64) -> f64 {
        if x <= 0.0 {
            return 1.0;
        }
        let scale = (a * x.ln() - x - ln_gamma(a)).exp();
        if x < a + 1.0 {
            let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
            while term > sum * 1e-15 {
                n += 1.0;
                term *= x / n;
                sum += term;
            }
            return 1.0 - sum * scale;
        }
        let mut b = x + 1.0 - a;
        let (mut c, mut d) = (1e300, 1.0 / b);
        let mut h = d;
        for i in 1..10_000 {
            let an = -f64::from(i) * (f64::from(i) - a);
            b += 2.0;
            d = 1.0 / (an * d + b);
            c = b + an / c;
            h *= d * c;
            if (d * c - 1.0).abs() < 1e-14 {
                break;
            }
        }
        scale * h
    }

    /// By Stirling's series, after shifting the argument above 10.
    fn ln_gamma(mut x: f64) -> f64 {
        let mut shift = 0.0;
        while x < 10.0 {
            shift += x.ln();
            x += 1.0;
        }
        let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
        (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
    }

    #[test]
    fn known_quantiles() {
        // Tables of the χ² distribution: (degrees of freedom, quantile, upper tail).
        for (df, quantile, p) in
            [(1.0, 3.841_459, 0.05), (10.0, 18.307_04, 0.05), (6.0, 38.258, 1e-6), (100.0, 149.449, 0.001)]
        {
            let got = upper_gamma(df / 2.0, quantile / 2.0);
            assert!((got / p - 1.0).abs() < 1e-3, "{df} {quantile}: {got}");
        }
    }
}

mod properties {
    use super::graphs::{Plan, RELATIONS, plan};
    use super::oracle::{CASES, legal};
    use footpath_core::{NodeId, Path};
    use footpath_graph::TrainKg;
    use footpath_graph::audit::audit_paths;
    use footpath_graph::sample::{EndSet, Law, SampleSpec, Sampler};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use std::collections::BTreeSet;

    const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];

    fn spec() -> impl Strategy<Value = SampleSpec> {
        let law = prop_oneof![Just(Law::UniformPath), Just(Law::UniformEnd), Just(Law::Walk)];
        let damping = prop_oneof![Just(0.0), Just(0.5), Just(8.0)];
        (law, damping, proptest::sample::select(&ENDS[..]), any::<u64>())
            .prop_map(|(law, damping, ends, seed)| SampleSpec { law, damping, ends, seed })
    }

    fn case() -> impl Strategy<Value = usize> {
        0..CASES.len()
    }

    fn names(kg: &TrainKg, paths: &[Path]) -> BTreeSet<Vec<String>> {
        let name = |p: &Path| {
            let relations = p.relations.iter().map(|&r| kg.relation_name(r));
            p.nodes.iter().map(|&n| kg.node_name(n)).chain(relations).collect()
        };
        paths.iter().map(name).collect()
    }

    fn enumerate(kg: &TrainKg, case: usize, ends: EndSet, user: u32) -> Vec<Path> {
        let spec = SampleSpec { ends, ..SampleSpec::default() };
        let sampler = Sampler::new(kg, &CASES[case].pattern(kg), spec).unwrap();
        let all = sampler.tables(NodeId(user)).unwrap().enumerate(usize::MAX);
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
            let has = |&user: &u32| !legal(&kg, case, NodeId(user), EndSet::Any).is_empty();
            with_paths += kg.users().filter(has).count();
        }
        assert!(with_paths > 100, "only {with_paths} users have paths");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        /// P1–P7: every path drawn is legal by the oracle and by the auditor. A user has draws if and only if a legal path exists.
        #[test]
        fn draws_are_legal(plan in plan(), spec in spec(), case in case()) {
            let kg = plan.build();
            let case = &CASES[case];
            let pattern = case.pattern(&kg);
            let sampler = Sampler::new(&kg, &pattern, spec).unwrap();
            for user in kg.users() {
                let legal = legal(&kg, case, NodeId(user), spec.ends);
                let tables = sampler.tables(NodeId(user)).unwrap();
                let mut path = Path::default();
                for draw in 0..12 {
                    prop_assert_eq!(tables.draw(draw, &mut path), !legal.is_empty());
                    if !legal.is_empty() {
                        prop_assert!(legal.binary_search(&path).is_ok(), "{:?}", path);
                        prop_assert!(audit_paths([&path], &kg, &pattern, spec.ends, &[]).is_clean());
                    }
                }
            }
        }

        /// P8 and P9: enumeration and counts are those of brute force, each path once.
        #[test]
        fn enumeration_is_brute_force(plan in plan(), spec in spec(), case in case()) {
            let kg = plan.build();
            let case = &CASES[case];
            let sampler = Sampler::new(&kg, &case.pattern(&kg), spec).unwrap();
            for user in kg.users() {
                let legal = legal(&kg, case, NodeId(user), spec.ends);
                let tables = sampler.tables(NodeId(user)).unwrap();
                let mut all = tables.enumerate(usize::MAX);
                all.paths.sort();
                prop_assert!(all.complete);
                prop_assert_eq!(&all.paths, &legal);
                let count = tables.num_paths().unwrap();
                prop_assert!(count.exact);
                prop_assert_eq!(count.paths, legal.len() as u64);
                if legal.len() > 1 {
                    let some = tables.enumerate(legal.len() - 1);
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
}

mod laws {
    use super::chi::{ALPHA, p_value};
    use super::graphs::toy;
    use super::oracle::{CASES, Case, legal, probabilities};
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

    fn check(kg: &TrainKg, case: &Case, spec: SampleSpec, user: NodeId) -> bool {
        let paths = legal(kg, case, user, spec.ends);
        if paths.is_empty() {
            return false;
        }
        let expected = probabilities(kg, case, &paths, spec);
        let mut best = 0.0f64;
        let mut worst = 1.0f64;
        for seed in 0..SEEDS {
            let sampler = Sampler::new(kg, &case.pattern(kg), SampleSpec { seed, ..spec }).unwrap();
            let tables = sampler.tables(user).unwrap();
            let observed = tally(&paths, |k, path| assert!(tables.draw(k, path)));
            let p = p_value(&observed, &expected, DRAWS);
            assert!(p > ALPHA, "{} {spec:?} seed {seed}: p = {p:e} over {} paths", case.text, paths.len());
            (best, worst) = (best.max(p), worst.min(p));
        }
        assert!(paths.len() == 1 || worst < 0.999, "{} {spec:?}: too good, {worst} to {best}", case.text);
        true
    }

    fn check_law(law: Law) {
        let kg = toy();
        let mut checked = 0;
        for case in CASES {
            for ends in [EndSet::Train, EndSet::Unseen, EndSet::Any] {
                for damping in [0.0, 0.5] {
                    let spec = SampleSpec { law, damping, ends, seed: 0 };
                    checked += usize::from(check(&kg, case, spec, NodeId(0)));
                }
            }
        }
        assert!(checked >= 40, "only {checked} combinations have paths");
    }

    #[test]
    fn uniform_path() {
        check_law(Law::UniformPath);
    }

    #[test]
    fn uniform_end() {
        check_law(Law::UniformEnd);
    }

    #[test]
    fn walk() {
        check_law(Law::Walk);
    }

    /// The user has chosen 100 of 103 films, so the table shared by all users nearly always leads to a film already seen,
    /// and most draws end with the user's own table.
    #[test]
    fn the_law_does_not_change_with_the_table() {
        let plan = super::graphs::Plan {
            users: 2,
            items: 103,
            entities: 3,
            log: (0..100).map(|item| (0, item)).chain([(1, 0), (1, 101)]).collect(),
            facts: (0..103).map(|item| (item, 0, 103)).chain((95..103).map(|item| (item, 1, 104))).collect(),
        };
        let kg = plan.build();
        for law in [Law::UniformPath, Law::Walk] {
            let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 0 };
            assert!(check(&kg, &CASES[6], spec, NodeId(0)));
            assert!(check(&kg, &CASES[2], spec, NodeId(0)));
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
        let kg = super::graphs::Plan { users: 1, items: 3, entities: 153, log: vec![(0, 0)], facts }.build();
        for law in [Law::UniformPath, Law::UniformEnd, Law::Walk] {
            let spec = SampleSpec { law, damping: 2.0, ends: EndSet::Any, seed: 0 };
            assert!(check(&kg, &CASES[3], spec, NodeId(0)));
        }
    }

    #[test]
    fn draws_of_two_users_are_independent() {
        let kg = toy();
        let case = &CASES[6];
        let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends: EndSet::Any, seed: 3 };
        let sampler = Sampler::new(&kg, &case.pattern(&kg), spec).unwrap();
        let users = [NodeId(0), NodeId(1)];
        let paths = users.map(|user| legal(&kg, case, user, spec.ends));
        let tables = users.map(|user| sampler.tables(user).unwrap());
        let mut pairs = vec![0; paths[0].len() * paths[1].len()];
        let mut path = Path::default();
        for k in 0..DRAWS {
            let mut index = 0;
            for (tables, paths) in tables.iter().zip(&paths) {
                assert!(tables.draw(k, &mut path));
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
        let spec = SampleSpec { law: Law::Walk, damping: 0.0, ends: EndSet::Any, seed: 0 };
        let user = NodeId(0);
        let paths = legal(&kg, case, user, spec.ends);
        let expected = probabilities(&kg, case, &paths, spec);
        let faults = [Fault::RelationFirst, Fault::ParallelCollapsed, Fault::ModuloBias, Fault::RetriesLastHop];
        for fault in faults.into_iter().chain([Fault::None]) {
            for seed in 0..SEEDS {
                let draw = |k, path: &mut Path| {
                    walker(&kg, user, fault, &mut Stream::new(seed, Purpose::Simulate, 0, k), path);
                };
                let p = p_value(&tally(&paths, draw), &expected, DRAWS);
                assert_eq!(p > ALPHA, fault == Fault::None, "{fault:?} seed {seed}: p = {p:e}");
            }
        }
    }
}

mod corpora {
    use super::chi::{ALPHA, p_value};
    use super::graphs::{planted, toy};
    use super::oracle::{CASES, legal};
    use footpath_core::{Corpus, CorpusWriter, NodeId, Path, Replace};
    use footpath_graph::audit::audit_corpus;
    use footpath_graph::build::build;
    use footpath_graph::dataset::Dataset;
    use footpath_graph::pattern::Pattern;
    use footpath_graph::sample::{EndSet, Law, Run, SampleSpec, SampleSummary, Sampler, count_paths, sample_corpus};
    use footpath_graph::{Error, TrainKg};
    use std::sync::atomic::AtomicBool;

    const LAWS: [Law; 3] = [Law::UniformPath, Law::UniformEnd, Law::Walk];
    const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];

    fn corpus(kg: &TrainKg, pattern: &Pattern, spec: SampleSpec, run: Run) -> (Vec<u32>, SampleSummary) {
        let mut rows = Vec::new();
        let mut sink = |tokens: &[u32]| {
            rows.extend_from_slice(tokens);
            Ok(())
        };
        let summary = sample_corpus(kg, pattern, spec, run, &mut sink, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        (rows, summary)
    }

    #[test]
    fn threads_do_not_matter() {
        let kg = toy();
        for case in CASES {
            let pattern = case.pattern(&kg);
            for law in LAWS {
                for ends in ENDS {
                    let spec = SampleSpec { law, damping: 0.5, ends, seed: 11 };
                    let [one, two, four] =
                        [1, 2, 4].map(|threads| corpus(&kg, &pattern, spec, Run { paths_per_user: 40, threads }));
                    assert_eq!(one, two);
                    assert_eq!(one, four);
                    assert_eq!(one.1.num_paths, one.1.users_with_paths * 40);
                    assert_eq!(one.1.users_with_paths + one.1.users_without_paths, 3);
                }
            }
        }
    }

    /// A user's paths beyond one block of work are those of one long run, and each row can be recomputed alone.
    #[test]
    fn rows_are_functions_of_their_number() {
        let kg = toy();
        let pattern = CASES[2].pattern(&kg);
        let spec = SampleSpec::default();
        let (rows, summary) = corpus(&kg, &pattern, spec, Run { paths_per_user: 40_000, threads: 2 });
        assert_eq!(summary.num_paths, 120_000);
        let sampler = Sampler::new(&kg, &pattern, spec).unwrap();
        let (mut path, mut row) = (Path::default(), Vec::new());
        for (index, expected) in rows.chunks(sampler.row_width()).enumerate().step_by(997) {
            let user = NodeId(u32::try_from(index / 40_000).unwrap());
            row.clear();
            assert!(sampler.tables(user).unwrap().draw_row(index as u64 % 40_000, &mut path, &mut row));
            assert_eq!(row, expected, "row {index}");
        }
    }

    #[test]
    fn a_corpus_on_disk_passes_the_audit() {
        let (kg, test) = planted();
        let root = tempfile::tempdir().unwrap();
        let pattern = Pattern::hops(3, &kg).unwrap();
        let mut held_out = footpath_graph::audit::HeldOutItems::new();
        test.iter().for_each(|i| held_out.entry(i.user).or_default().push(i.item));
        for ends in ENDS {
            let directory = root.path().join(format!("{ends:?}"));
            let spec = SampleSpec { ends, ..SampleSpec::default() };
            let width = Sampler::new(&kg, &pattern, spec).unwrap().row_width();
            let mut writer = CorpusWriter::create(&directory, width, Replace::No).unwrap();
            let run = Run { paths_per_user: 25, threads: 2 };
            let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
            let mut done = 0;
            let cancel = AtomicBool::new(false);
            let summary = sample_corpus(&kg, &pattern, spec, run, &mut sink, &mut |n| done = n, &cancel).unwrap();
            assert_eq!((summary.num_paths, summary.users_without_paths, done), (1000, 0, 40));
            writer.publish(String::new(), kg.vocabulary(), serde_json::Value::Null).unwrap();
            let corpus = Corpus::open(&directory).unwrap();
            let report = audit_corpus(&corpus, &kg, &pattern, ends, std::slice::from_ref(&held_out)).unwrap();
            assert!(report.is_clean() && report.paths == 1000, "{report:?}");
            let mut text = Vec::new();
            assert_eq!(footpath_graph::export::write_text(&corpus, &kg, &mut text).unwrap(), 1000);
            assert_eq!(text.iter().filter(|&&b| b == b'\n').count(), 1000);
            let mut json = Vec::new();
            footpath_graph::export::write_jsonl(&corpus, &kg, &mut json).unwrap();
            for (line, path) in json.split(|&b| b == b'\n').zip(corpus.paths()) {
                let value: serde_json::Value = serde_json::from_slice(line).unwrap();
                let nodes: Vec<String> = path.unwrap().nodes.iter().map(|&n| kg.node_name(n)).collect();
                assert_eq!(value["nodes"], serde_json::json!(nodes));
            }
        }
    }

    #[test]
    fn on_the_planted_graph_every_path_leads_to_the_missing_item() {
        let (kg, test) = planted();
        let pattern =
            Pattern::parse("(:user)-[:interacted]->(:item)-[:starring]->(:entity)<-[:starring]-(:item)", &kg).unwrap();
        assert_eq!(test.len(), 40);
        for law in LAWS {
            let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 5 };
            let sampler = Sampler::new(&kg, &pattern, spec).unwrap();
            for missing in &test {
                let tables = sampler.tables(missing.user).unwrap();
                assert_eq!(tables.num_paths().unwrap().paths, 2);
                let mut path = Path::default();
                for draw in 0..20 {
                    assert!(tables.draw(draw, &mut path));
                    assert_eq!(path.nodes.last(), Some(&missing.item));
                }
            }
        }
    }

    #[test]
    fn counts_of_all_users_are_those_of_brute_force() {
        let kg = toy();
        for case in CASES {
            for ends in ENDS {
                let counts = count_paths(&kg, &case.pattern(&kg), ends, 2, &mut |_| {}).unwrap();
                let mut expected: Vec<u64> =
                    kg.users().map(|u| legal(&kg, case, NodeId(u), ends).len() as u64).collect();
                expected.sort_unstable();
                assert_eq!([counts.min, counts.median, counts.max], expected[..], "{} {ends:?}", case.text);
                assert_eq!(counts.total, u128::from(expected.iter().sum::<u64>()));
                assert_eq!(counts.users_without_paths, expected.iter().filter(|&&n| n == 0).count() as u64);
                assert!(counts.exact && counts.num_users == 3);
            }
        }
    }

    /// One genre with 3,000 films: all drawn alike, which 16-bit arithmetic fails.
    #[test]
    fn a_hub_is_left_along_all_its_arcs_alike() {
        let mut d = Dataset::default();
        for film in 0..3000 {
            let (item, entity) = (format!("i{film}"), format!("f{film}"));
            d.link(&item, &entity);
            d.fact(&entity, "genre", "drama");
        }
        d.interact("u", "i0");
        let kg = build(d).unwrap().train_kg().unwrap();
        let pattern = Pattern::hops(3, &kg).unwrap();
        for law in LAWS {
            let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 9 };
            let sampler = Sampler::new(&kg, &pattern, spec).unwrap();
            let tables = sampler.tables(NodeId(0)).unwrap();
            let mut seen = vec![0u64; 3000];
            let mut path = Path::default();
            for draw in 0..100_000 {
                assert!(tables.draw(draw, &mut path));
                seen[(path.nodes[3].0 - kg.items().start) as usize] += 1;
            }
            let start = (kg.item("i0").unwrap().0 - kg.items().start) as usize;
            assert_eq!(seen.remove(start), 0, "no way back");
            let p = p_value(&seen, &vec![1.0 / 2999.0; 2999], 100_000);
            assert!(p > ALPHA, "{law:?}: {p:e}");
        }
    }

    /// Walks that never turn straight back, but no simple path: the draw must end, and say no.
    #[test]
    fn a_user_whose_walks_all_meet_a_node_twice_has_no_path() {
        let mut d = Dataset::default();
        d.link("i", "f");
        for (head, tail) in [("f", "a"), ("a", "b"), ("b", "f")] {
            d.fact(head, "near", tail);
        }
        d.interact("u", "i");
        let kg = build(d).unwrap().train_kg().unwrap();
        let pattern = Pattern::hops(4, &kg).unwrap();
        for law in LAWS {
            let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Any, seed: 0 };
            let sampler = Sampler::new(&kg, &pattern, spec).unwrap();
            let tables = sampler.tables(NodeId(0)).unwrap();
            assert!(!tables.draw(0, &mut Path::default()));
            assert_eq!(tables.num_paths().unwrap().paths, 0);
            let (rows, summary) = corpus(&kg, &pattern, spec, Run { paths_per_user: 9, threads: 1 });
            assert_eq!((rows.len(), summary.users_without_paths), (0, 1));
        }
    }

    /// A complete graph has more than 2^64 walks of 16 hops; weights in floating point carry on.
    #[test]
    fn too_many_paths_are_an_error_of_the_counting_laws_only() {
        let mut d = Dataset::default();
        for a in 0..40 {
            d.link(&format!("i{a}"), &format!("f{a}"));
            (0..a).for_each(|b| d.fact(&format!("f{a}"), "near", &format!("f{b}")));
        }
        d.interact("u", "i0");
        d.interact("u", "i1");
        let kg = build(d).unwrap().train_kg().unwrap();
        let pattern = Pattern::hops(16, &kg).unwrap();
        for ends in ENDS {
            let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends, seed: 0 };
            let failed = Sampler::new(&kg, &pattern, spec).and_then(|sampler| sampler.tables(NodeId(0)).map(|_| ()));
            assert!(matches!(failed, Err(Error::CountOverflow { .. })));
            let walk = SampleSpec { law: Law::Walk, ..spec };
            let sampler = Sampler::new(&kg, &pattern, walk).unwrap();
            let mut path = Path::default();
            assert!(sampler.tables(NodeId(0)).unwrap().draw(0, &mut path));
            assert!(path.num_hops() == 16 && path.is_simple());
        }
    }

    #[test]
    fn bad_options_are_refused() {
        let kg = toy();
        let pattern = Pattern::hops(3, &kg).unwrap();
        for damping in [-0.1, f64::NAN, f64::INFINITY, 8.1] {
            let spec = SampleSpec { damping, ..SampleSpec::default() };
            assert!(matches!(Sampler::new(&kg, &pattern, spec), Err(Error::Usage { .. })), "{damping}");
        }
        for threads in [0, usize::MAX] {
            let run = Run { paths_per_user: 1, threads };
            let cancel = AtomicBool::new(false);
            let result =
                sample_corpus(&kg, &pattern, SampleSpec::default(), run, &mut |_| Ok(()), &mut |_| {}, &cancel);
            assert!(matches!(result, Err(Error::Usage { .. })));
        }
        let sampler = Sampler::new(&kg, &pattern, SampleSpec::default()).unwrap();
        assert!(matches!(sampler.tables(NodeId(kg.items().start)), Err(Error::Unknown { .. })));
    }

    #[test]
    fn a_cancelled_run_stops_and_says_so() {
        let kg = toy();
        let pattern = Pattern::hops(3, &kg).unwrap();
        let run = Run { paths_per_user: 1, threads: 1 };
        let mut sink = |_: &[u32]| panic!("nothing is drawn");
        let cancel = AtomicBool::new(true);
        let summary =
            sample_corpus(&kg, &pattern, SampleSpec::default(), run, &mut sink, &mut |_| {}, &cancel).unwrap();
        assert!(summary.cancelled && summary.num_paths == 0);
    }
}
