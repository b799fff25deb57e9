use footpath_core::{NodeId, Path, RelationId, Triple, TypeId};
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

fn has(kg: &TrainKg, node: NodeId, further: &str) -> bool {
    kg.further_types(node).any(|name| name == further)
}

/// Patterns that name further types; see [`crate::graphs::FURTHER`].
pub(crate) const FURTHER_CASES: &[Case] = &[
    Case {
        text: "(:user)-[:interacted]->(:item&prize)-[]-(:entity)-[]-(:item)",
        max_hops: 3,
        prefix: |kg, hops| {
            hops.iter().enumerate().all(|(i, t)| match i {
                0 => t.relation.0 == 0 && has(kg, t.tail, "prize"),
                1 => t.tail.0 >= kg.items().end,
                _ => kg.is_item(t.tail),
            })
        },
        whole: |_, hops| hops.len() == 3,
    },
    Case {
        text: "(:user)-[]-{2}(:prize)-[]-{1,2}(:item&!classic)",
        max_hops: 4,
        prefix: |kg, hops| hops.get(1).is_none_or(|t| has(kg, t.tail, "prize")),
        whole: |kg, hops| hops.len() > 2 && ends_at_item(kg, hops) && !has(kg, hops.last().unwrap().tail, "classic"),
    },
    Case {
        // The conjunction binds closer.
        text: "(:user)-[:interacted]->(:item)-[]-(:person&prize|classic)-[]-(:item&classic)",
        max_hops: 3,
        prefix: |kg, hops| {
            hops.iter().enumerate().all(|(i, t)| match i {
                0 => t.relation.0 == 0,
                1 => is(kg, t.tail, "person") && has(kg, t.tail, "prize") || has(kg, t.tail, "classic"),
                _ => kg.is_item(t.tail) && has(kg, t.tail, "classic"),
            })
        },
        whole: |_, hops| hops.len() == 3,
    },
    Case {
        text: "(:user)-[]-(:item)<-[:interacted]-(:user&classic)-[:interacted]->(:item)",
        max_hops: 3,
        prefix: |kg, hops| {
            hops.iter().enumerate().all(|(i, t)| match i {
                0 => kg.is_item(t.tail),
                1 => t.relation.0 == 1 && has(kg, t.tail, "classic"),
                _ => t.relation.0 == 0,
            })
        },
        whole: |_, hops| hops.len() == 3,
    },
    Case {
        // What follows the first item of one kind follows the second of another: laws must not take one for the other.
        text: "(:user)-[:interacted]->(:item&prize)(<-[:interacted]-(:user)-[:interacted]->(:item&!prize))? \
               (-[]-(:item))? \
               | (:user)-[:interacted]->(:item&!prize)(-[]-(:item))?",
        max_hops: 4,
        prefix: |kg, hops| hops[0].relation.0 == 0 && two_kinds(kg, hops, false),
        whole: |kg, hops| hops[0].relation.0 == 0 && two_kinds(kg, hops, true),
    },
];

/// The last of [`FURTHER_CASES`] from its second hop on; a beginning of it, or all.
fn two_kinds(kg: &TrainKg, hops: &[Triple], whole: bool) -> bool {
    let through =
        |t: &[Triple]| t[0].relation.0 == 1 && t.get(1).is_none_or(|t| t.relation.0 == 0 && !has(kg, t.tail, "prize"));
    let item = |t: &Triple| kg.is_item(t.tail);
    match (&hops[1..], has(kg, hops[0].tail, "prize")) {
        ([], _) => true,
        ([last], _) if item(last) => true,
        (rest @ [_], true) => !whole && through(rest),
        (rest @ [_, _], true) => through(rest),
        ([a, b, last], true) => through(&[*a, *b]) && item(last),
        _ => false,
    }
}

impl Case {
    pub(crate) fn pattern(&self, kg: &TrainKg) -> Pattern {
        Pattern::parse(self.text, kg).unwrap()
    }
}

/// Every walk from the user (every simple one, if they must be), whatever the pattern, kept if it is legal.
pub(crate) fn legal(kg: &TrainKg, case: &Case, user: NodeId, spec: &SampleSpec) -> Vec<Path> {
    let mut found = Vec::new();
    let mut open = vec![Path { nodes: vec![user], relations: vec![] }];
    while let Some(path) = open.pop() {
        let hops: Vec<Triple> = path.triples().collect();
        if !hops.is_empty() && !(case.prefix)(kg, &hops) {
            continue;
        }
        if !hops.is_empty() && (case.whole)(kg, &hops) && may_end(kg, &path, spec) {
            found.push(path.clone());
        }
        if hops.len() < case.max_hops {
            for (relation, tail) in kg.arcs(*path.nodes.last().unwrap()).iter() {
                let met = if spec.simple { path.nodes.contains(&tail) } else { path.nodes.last() == Some(&tail) };
                if !met {
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

fn may_end(kg: &TrainKg, path: &Path, spec: &SampleSpec) -> bool {
    let (user, end) = (path.nodes[0], *path.nodes.last().unwrap());
    let place = |item: NodeId| kg.items_of(user).iter().position(|&own| own == item.0);
    let train = place(end).is_some();
    if spec.causal
        && path.nodes.len() > 2
        && let (Some(end), Some(linked)) = (place(end), place(path.nodes[1]))
        && kg.times_of(user)[end] <= kg.times_of(user)[linked]
    {
        return false;
    }
    match spec.ends {
        EndSet::Train => train && end != path.nodes[1],
        EndSet::Unseen => !train,
        EndSet::Any => true,
    }
}

/// The probability of each legal path by the formula of the law.
pub(crate) fn probabilities(kg: &TrainKg, case: &Case, paths: &[Path], spec: &SampleSpec) -> Vec<f64> {
    let pattern = case.pattern(kg);
    let lambda = |relation: RelationId| {
        let name = kg.relation_name(relation);
        spec.relation_weights.get(name.trim_start_matches('~')).copied().unwrap_or(1.0)
    };
    let omega = |relation: RelationId, arc: usize, weights: &[f32]| -> f64 {
        lambda(relation) * if spec.edge_weights { f64::from(weights[arc]) } else { 1.0 }
    };
    let weight = |path: &Path| -> f64 {
        let inner = &path.nodes[..path.nodes.len() - 1];
        let damped: f64 = inner.iter().skip(2).map(|&v| (kg.degree(v) as f64).powf(-spec.damping)).product();
        let mut state = pattern.automaton().start();
        let (mut walk, mut hops) = (1.0, 1.0);
        for (position, hop) in path.triples().enumerate() {
            let step = |(relation, tail)| pattern.automaton().step(state, relation, kg.kind_of(tail)).is_some();
            let arcs: Vec<_> = kg.arcs(hop.head).iter().collect();
            let weighed = |arc: usize| omega(arcs[arc].0, arc, kg.weights(hop.head));
            let choices = (0..arcs.len()).filter(|&arc| arcs[arc].1 != hop.head && step(arcs[arc]));
            if position > 0 {
                walk /= choices.map(weighed).sum::<f64>();
            }
            let taken = weighed(arcs.iter().position(|&arc| arc == (hop.relation, hop.tail)).unwrap());
            walk *= taken;
            hops *= taken;
            state = pattern.automaton().step(state, hop.relation, kg.kind_of(hop.tail)).unwrap();
        }
        damped * if spec.law == Law::Walk { walk } else { hops }
    };
    let end = |path: &Path| *path.nodes.last().unwrap();
    let of_popularity = |path: &Path| (kg.popularity(end(path)).max(1) as f64).powf(-spec.end_damping);
    let weights: Vec<f64> = paths.iter().map(weight).collect();
    if spec.law != Law::UniformEnd {
        let weights: Vec<f64> = paths.iter().zip(weights).map(|(path, w)| w * of_popularity(path)).collect();
        let total: f64 = weights.iter().sum();
        return weights.iter().map(|w| w / total).collect();
    }
    let ends: std::collections::BTreeSet<_> = paths.iter().map(end).collect();
    let of_end = |e| -> f64 { paths.iter().zip(&weights).filter(|(p, _)| end(p) == e).map(|(_, w)| w).sum() };
    let all_ends: f64 = ends.iter().map(|&e| of_popularity(&Path { nodes: vec![e], relations: vec![] })).sum();
    paths.iter().zip(&weights).map(|(p, w)| w / of_end(end(p)) * of_popularity(p) / all_ends).collect()
}
