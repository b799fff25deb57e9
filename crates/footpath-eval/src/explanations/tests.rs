//! Against cases worked by hand and against the definitions taken literally.

use super::*;
use footpath_core::{Purpose, Stream, Triple};
use footpath_graph::{Dataset, build::build};
use proptest::prelude::*;

/// pandas: `Series(x).ewm(span=len(x)).mean()`, then stretched to [0, 1].
fn naive_average(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let alpha = 2.0 / (n as f64 + 1.0);
    let y: Vec<f64> = (0..n)
        .map(|i| {
            let weight = |j: usize| (1.0 - alpha).powi((i - j) as i32);
            (0..=i).map(|j| weight(j) * x[j]).sum::<f64>() / (0..=i).map(weight).sum::<f64>()
        })
        .collect();
    if n == 1 {
        return vec![1.0];
    }
    if x.iter().all(|v| *v == x[0]) {
        return (0..n).map(|i| i as f64 / (n - 1) as f64).collect();
    }
    let (low, high) = (y.iter().copied().fold(f64::MAX, f64::min), y.iter().copied().fold(f64::MIN, f64::max));
    y.iter().map(|v| (v - low) / (high - low)).collect()
}

proptest! {
    #[test]
    fn the_moving_average_equals_its_definition(mut numbers in proptest::collection::vec(0..1_000i32, 1..40)) {
        numbers.sort_unstable();
        let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        for (got, expected) in moving_average(&numbers).into_iter().zip(naive_average(&numbers)) {
            prop_assert!((got - expected).abs() < 1e-12, "{} and {}", got, expected);
        }
    }
}

#[test]
fn the_moving_average_of_nothing_one_and_equals() {
    assert_eq!(moving_average(&[]), Vec::<f64>::new());
    assert_eq!(moving_average(&[7.0]), [1.0]);
    assert_eq!(moving_average(&[7.0, 7.0, 7.0]), [0.0, 0.5, 1.0]);
}

/// 14 items with facts to entities of two types, 6 users with times.
fn graph(seed: u64) -> TrainKg {
    let mut draw = Stream::new(seed, Purpose::Simulate, 0, 5);
    let mut data = Dataset::default();
    for item in 0..14 {
        data.link(&format!("i{item:02}"), &format!("film {item}"));
        for _ in 0..3 {
            let relation = ["genre", "cast", "by"][draw.index(3)];
            data.fact(&format!("film {item}"), relation, &format!("e{}", draw.index(6)));
        }
    }
    for _ in 0..40 {
        data.interact(&format!("u{}", draw.index(6)), &format!("i{:02}", draw.index(14)));
        data.interactions.last_mut().expect("just added").time = draw.index(50) as i64;
    }
    data.has_times = true;
    build(data).and_then(|built| built.train_kg()).expect("a graph")
}

/// A path from the user that may be false in places and ends anywhere.
fn path(kg: &TrainKg, user: NodeId, draw: &mut Stream) -> Path {
    let mut path = Path { nodes: vec![user], relations: vec![] };
    let hops = [1, 3, 3, 5][draw.index(4)];
    for _ in 0..hops {
        let arcs: Vec<_> = kg.arcs(*path.nodes.last().expect("a node")).iter().collect();
        let Some(&(relation, tail)) = arcs.get(draw.index(arcs.len().max(1))) else { break };
        path.relations.push(if draw.index(9) == 0 { relation.inverse() } else { relation });
        path.nodes.push(tail);
    }
    path
}

/// Definitions taken literally for one user.
fn naive(kg: &TrainKg, user: NodeId, list: &[(NodeId, Option<Path>)], k: usize) -> [f64; 12] {
    let list: Vec<_> = list.iter().take(k).collect();
    let paths: Vec<(NodeId, Path)> = list.iter().filter_map(|(item, path)| path.clone().map(|p| (*item, p))).collect();
    if paths.is_empty() {
        return [0.0; 12];
    }
    let n = paths.len() as f64;
    let distinct = |keys: Vec<String>| keys.into_iter().collect::<BTreeSet<_>>().len() as f64;
    let all = |key: &dyn Fn(&Path) -> String| distinct(paths.iter().map(|(_, path)| key(path)).collect());
    let linking = |path: &Path| path.nodes[1];
    let shared = |path: &Path| path.nodes[path.nodes.len() - 2];
    let mut history: Vec<(i64, u32)> =
        kg.items_of(user).iter().enumerate().map(|(at, &item)| (kg.times_of(user)[at], item)).collect();
    history.sort();
    let times = naive_average(&history.iter().map(|h| h.0 as f64).collect::<Vec<_>>());
    let recency = |item: NodeId| {
        let Some(own) = history.iter().find(|h| h.1 == item.0) else { return 0.0 };
        let same: Vec<f64> = (0..history.len()).filter(|&at| history[at].0 == own.0).map(|at| times[at]).collect();
        same.iter().sum::<f64>() / same.len() as f64
    };
    let popularity = |node: NodeId| {
        let mut same: Vec<NodeId> = kg.range(kg.type_of(node)).map(NodeId).collect();
        same.sort_by_key(|&other| (kg.degree(other), other));
        let averages = naive_average(&same.iter().map(|&other| kg.degree(other) as f64).collect::<Vec<_>>());
        averages[same.iter().position(|&other| other == node).expect("of its type")]
    };
    let relations = kg.num_relations() as f64;
    let last = |path: &Path| format!("{:?}", path.relations.last());
    let kinds: Vec<String> = paths.iter().map(|(_, path)| last(path)).collect();
    let pairs = (0..kinds.len()).flat_map(|a| (0..kinds.len()).map(move |b| (a, b))).filter(|(a, b)| a != b);
    let (unlike, of_all) =
        pairs.fold((0.0, 0.0), |(u, all), (a, b)| (u + if kinds[a] == kinds[b] { 0.0 } else { 1.0 }, all + 1.0));
    let hops = paths.iter().map(|(_, path)| path.relations.len()).max().expect("a path") as f64;
    let true_paths = paths.iter().filter(|(item, path)| {
        let facts = path
            .nodes
            .windows(2)
            .zip(&path.relations)
            .all(|(pair, &relation)| kg.find(Triple { head: pair[0], relation, tail: pair[1] }).is_some());
        facts && path.nodes.len() > 1 && path.nodes[0] == user && path.nodes.last() == Some(item)
    });
    [
        paths.iter().map(|(_, path)| recency(linking(path))).sum::<f64>() / n,
        paths.iter().map(|(_, path)| popularity(shared(path))).sum::<f64>() / n,
        all(&|path| format!("{}", linking(path).0)) / n,
        all(&|path| format!("{}", shared(path).0)) / n,
        all(&|path| format!("{:?}", kg.type_of(linking(path)))) / n,
        all(&|path| format!("{:?}", kg.type_of(shared(path)))) / n,
        all(&last) / n.min(relations),
        if paths.len() < 2 { 0.0 } else { unlike / of_all },
        (all(&|path| format!("{:?}", path.relations)) / n.min(2.0 * hops + 1.0)).min(1.0),
        n / k as f64,
        true_paths.count() as f64 / n,
        all(&last) / (k as f64).min(relations),
    ]
}

#[test]
fn figures_equal_their_naive_definitions_on_random_lists() {
    for seed in 0..60 {
        let kg = graph(seed);
        let mut draw = Stream::new(seed, Purpose::Simulate, 1, 5);
        let users: Vec<NodeId> = kg.users().map(NodeId).collect();
        let mut explained = Explained::new();
        for &user in users.iter().skip(1) {
            let slot = |draw: &mut Stream| {
                let path = path(&kg, user, draw);
                let item =
                    if draw.index(4) == 0 { NodeId(kg.items().start) } else { *path.nodes.last().expect("a node") };
                (item, (draw.index(5) > 0).then_some(path))
            };
            explained.insert(user, (0..draw.index(9)).map(|_| slot(&mut draw)).collect());
        }
        for k in [1, 3, 10] {
            let got = explanations(&explained, &users, &kg, k, &Context::default()).expect("valid");
            let mut sums = [0.0; 12];
            for (user, figures) in &got.users {
                let expected = naive(&kg, *user, explained.get(user).map_or(&[], Vec::as_slice), k);
                for (index, metric) in PathMetric::ALL.into_iter().enumerate() {
                    sums[index] += expected[index];
                    let (got, expected) = (figures[index], expected[index]);
                    assert!(
                        (got - expected).abs() < 1e-12,
                        "{}, seed {seed}, k {k}: {got} and {expected}",
                        metric.name()
                    );
                    assert!((0.0..=1.0).contains(&got), "{} is {got}", metric.name());
                }
            }
            assert_eq!(got.users.len(), users.len(), "users without a path count");
            assert!(got.means.iter().zip(sums).all(|(mean, sum)| (mean - sum / users.len() as f64).abs() < 1e-12));
        }
    }
}

#[test]
fn a_case_worked_by_hand() {
    let mut data = Dataset::default();
    for (item, time) in [("a", 10), ("b", 20)] {
        data.interact("u", item);
        data.interactions.last_mut().expect("just added").time = time;
    }
    data.has_times = true;
    for item in ["a", "b", "c", "d"] {
        data.link(item, &format!("film {item}"));
        data.fact(&format!("film {item}"), "genre", "noir");
    }
    data.fact("film b", "by", "kim");
    data.fact("film c", "by", "kim");
    let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
    let node = |name: &str| kg.node(name).expect("known");
    let relation = |name: &str| kg.relation(name).expect("known");
    let path = |first: &str, by: &str, entity: &str, end: &str| Path {
        nodes: ["user:u", first, entity, end].map(node).to_vec(),
        relations: vec![relation("interacted"), relation(by), relation(by).inverse()],
    };
    let list = vec![
        (node("item:c"), Some(path("item:b", "by", "entity:kim", "item:c"))),
        (node("item:d"), Some(path("item:b", "genre", "entity:noir", "item:d"))),
        (node("item:d"), None),
    ];
    let explained = Explained::from([(node("user:u"), list)]);
    let got = explanations(&explained, &[node("user:u"), NodeId(99)], &kg, 3, &Context::default()).expect("valid");
    let of = |metric: PathMetric| got.users[0].1[metric as usize];
    // b is the latest, so its recency is 1; one linking item in two paths; both nodes and last relations differ.
    assert_eq!((of(PathMetric::Lir), of(PathMetric::Lid), of(PathMetric::Sed)), (1.0, 0.5, 1.0));
    assert_eq!((of(PathMetric::Ptd), of(PathMetric::Ptc), of(PathMetric::Ppt)), (1.0, 1.0, 1.0));
    assert_eq!((of(PathMetric::Fidelity), of(PathMetric::Pfr), of(PathMetric::Etd)), (2.0 / 3.0, 1.0, 2.0 / 3.0));
    assert_eq!(got.users[1].1, [0.0; 12], "a user without a path");
    assert_eq!(got.means[PathMetric::Lir as usize], 0.5);
}

#[test]
fn results_are_averaged_and_compared_user_by_user() {
    let result = |figures: &[f64]| {
        let users: Vec<_> =
            (0..).map(NodeId).zip(figures).map(|(user, &figure)| (user, [figure; PathMetric::ALL.len()])).collect();
        let mean = figures.iter().sum::<f64>() / count(figures.len());
        PathMetrics { k: 10, means: [mean; PathMetric::ALL.len()], users }
    };
    let mean = PathMetrics::mean(&[result(&[0.0, 0.4]), result(&[0.5, 0.0])]).expect("the same users");
    assert_eq!(mean, result(&[0.25, 0.2]));
    let compared_by = |a: &PathMetrics, b: &PathMetrics, metric| {
        compare_paths(a, b, metric, Resampling::default(), &Context::default())
    };
    let compared = |a: &[f64], b: &[f64]| compared_by(&result(a), &result(b), PathMetric::Sep);
    let comparison = compared(&[0.5, 0.6], &[0.25, 0.2]).expect("the same users");
    assert!((comparison.difference - 0.325).abs() < 1e-12 && comparison.low >= 0.25 && comparison.high <= 0.4 + 1e-12);
    // Ten tenths of a tenth are not quite a tenth, which is no difference.
    let tenths = PathMetrics::mean(&vec![result(&[0.1; 40]); 10]).expect("the same users");
    let none = compared_by(&result(&[0.1; 40]), &tenths, PathMetric::Litd).expect("the same users");
    assert_eq!((none.difference, none.p), (0.0, 1.0));
    assert!(
        PathMetrics::mean(&[result(&[0.1]), result(&[0.1, 0.2])]).is_err() && compared(&[0.1], &[0.1, 0.2]).is_err()
    );
}
