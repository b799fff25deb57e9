//! What every baseline promises, checked on every baseline.

use super::*;
use crate::recommendations::{Recommendation, Recommendations};
use footpath_core::{Context, ErrorClass, NodeId, Purpose, Stop, Stream, Threads};
use footpath_graph::build::{Built, build};
use footpath_graph::{Dataset, HeldOut, Split, TrainKg};

fn quiet() -> Context {
    Context::default()
}

/// What is asked of a baseline when nobody asks for the end.
trait Unstopped {
    fn scores_now(&self, user: NodeId) -> Vec<Recommendation>;
    fn recommend_now(&self, user: NodeId, k: usize) -> Vec<Recommendation>;
}

impl Unstopped for dyn Baseline + '_ {
    fn scores_now(&self, user: NodeId) -> Vec<Recommendation> {
        self.scores(user, &quiet()).expect("nobody asked for the end")
    }

    fn recommend_now(&self, user: NodeId, k: usize) -> Vec<Recommendation> {
        self.recommend(user, k, &quiet()).expect("nobody asked for the end")
    }
}

/// 30 users, 40 items, 12 entities and some held-out choices, drawn at random; item `alone` is chosen by nobody and
/// linked to nothing, user `keen` has chosen every item, user `new` has only a held-out choice.
fn graph() -> TrainKg {
    built().train_kg().expect("a graph")
}

fn built() -> Built {
    let mut data = Dataset::default();
    let mut draw = Stream::new(5, Purpose::Simulate, 0, 0);
    for item in 0..40 {
        let item = format!("i{item}");
        data.link(&item, &format!("film {item}"));
        for _ in 0..3 {
            let relation = ["genre", "cast"][draw.index(2)];
            data.fact(&format!("film {item}"), relation, &format!("e{}", draw.index(12)));
        }
        data.interact("keen", &item);
    }
    for user in 0..30 {
        for _ in 0..8 {
            data.interact(&format!("u{user}"), &format!("i{}", draw.index(40)));
        }
    }
    data.item("alone");
    data.interact("keen", "alone");
    data.interact("new", "i1");
    for interaction in data.interactions.iter_mut().rev().take(20) {
        interaction.split = Split::Test;
    }
    build(data).expect("built")
}

/// Every baseline, with default options where it has options.
fn all(kg: &TrainKg) -> Vec<Box<dyn Baseline + '_>> {
    let mut all = standard(kg, 7, &quiet()).expect("nobody asked for the end");
    all.push(Box::new(UserKnn::new(kg, 5)));
    all.push(Box::new(PageRank::new(kg, PageRank::DEFAULT_RESTART)));
    all.push(Box::new(Rp3Beta::new(kg, 0.8, 0.5)));
    all.push(Box::new(Ease::new(kg, 50.0, &quiet()).expect("small")));
    all.push(Box::new(Edlae::new(kg, 50.0, 0.2, &quiet()).expect("small")));
    let together = Together::new(kg, &quiet()).expect("small");
    let (near, ahead) = (Order::Window { width: 3.0 }, Order::Ahead { past: 2.0, future: 3.0 });
    let linear = [
        (BaselineName::Slit, ahead, 0.0),
        (BaselineName::Slist, ahead, 0.0),
        (BaselineName::WindowEase, near, 0.0),
        (BaselineName::WindowEaseKg, near, 2.0),
        (BaselineName::AddEase, Order::Alike, 2.0),
    ];
    for (id, order, knowledge) in linear {
        let settings = LinearSettings { knowledge, fading: 0.5, ..LinearSettings::of(order) };
        all.push(Box::new(LinearModel::new(&together, id, &settings, &quiet()).expect("small")));
    }
    let factors = BprConfig { num_epochs: 2, ..BprConfig::default() };
    all.push(Box::new(BprMf::new(kg, factors, &quiet()).expect("nobody asked for the end")));
    let together = Cooccurrences::of(kg, &quiet()).expect("small");
    all.push(Box::new(Slim::new(kg, &together, 2.0, 0.5, &quiet()).expect("nobody asked for the end")));
    let factors = IalsConfig { num_factors: 8, num_epochs: 2, ..IalsConfig::default() };
    all.push(Box::new(Ials::new(kg, factors, &quiet()).expect("nobody asked for the end")));
    all.push(Box::new(MetapathLogistic::new(kg, MetapathConfig::default(), &quiet()).expect("few relations")));
    all
}

fn for_all(check: impl Fn(&dyn Baseline)) {
    let kg = graph();
    all(&kg).iter().for_each(|baseline| check(baseline.as_ref()));
}

#[test]
fn names_differ() {
    let kg = graph();
    let names: std::collections::BTreeSet<_> = all(&kg).iter().map(|b| b.id()).collect();
    assert_eq!(names, BaselineName::ALL.iter().copied().collect());
    let texts: std::collections::BTreeSet<_> = names.iter().map(|name| name.name()).collect();
    assert_eq!(texts.len(), names.len());
    let written = serde_json::to_value(BaselineName::PathCountTempered).expect("text");
    assert_eq!(written, BaselineName::PathCountTempered.name());
}

#[test]
fn scores_are_finite_and_of_items_in_order() {
    for_all(|baseline| {
        for user in baseline.kg().users().map(NodeId) {
            let scores = baseline.scores_now(user);
            assert!(scores.iter().all(|r| r.score.is_finite() && baseline.kg().is_item(r.item)));
            assert!(scores.is_sorted_by(|a, b| a.item < b.item), "{}", baseline.name());
        }
    });
}

#[test]
fn lists_are_the_best_unseen_items_in_order() {
    for_all(|baseline| {
        for user in baseline.kg().users().map(NodeId) {
            let train = baseline.kg().items_of(user);
            let mut unseen = baseline.scores_now(user);
            unseen.retain(|r| !train.contains(&r.item.0));
            // The stable sort of items by id leaves ties in the order of ids.
            unseen.sort_by(|a, b| b.score.partial_cmp(&a.score).expect("finite"));
            for k in [0, 1, 5, 10, 100] {
                let expected = unseen.get(..k).unwrap_or(&unseen);
                assert_eq!(baseline.recommend_now(user, k), expected, "{} at {k}", baseline.name());
            }
        }
    });
}

#[test]
fn known_items_make_room_for_the_next() {
    let test = HeldOut::from(built().test.as_slice());
    let known = test.by_user();
    for_all(|baseline| {
        let lists = baseline.recommend_all_except(5, &test, &quiet()).expect("lists");
        for user in baseline.kg().users().map(NodeId) {
            let mut expected = baseline.recommend_now(user, usize::MAX);
            expected.retain(|r| known.get(&user).is_none_or(|known| !known.contains(&r.item)));
            expected.truncate(5);
            assert_eq!(lists.of(user), expected, "{}", baseline.name());
        }
    });
}

#[test]
fn users_with_a_train_item_get_a_list() {
    for_all(|baseline| {
        let kg = baseline.kg();
        for user in kg.users().map(NodeId).filter(|u| (1..30).contains(&kg.items_of(*u).len())) {
            assert_eq!(baseline.recommend_now(user, 5).len(), 5, "{} {}", baseline.name(), kg.id(user));
        }
    });
}

#[test]
fn what_is_no_user_has_no_list() {
    for_all(|baseline| {
        let item = NodeId(baseline.kg().items().start);
        for node in [item, NodeId(u32::MAX)] {
            assert_eq!(baseline.recommend_now(node, 5), [], "{}", baseline.name());
        }
    });
}

#[test]
fn all_at_once_is_one_by_one_for_any_number_of_threads() {
    for_all(|baseline| {
        let one_by_one = baseline.kg().users().map(|u| (NodeId(u), baseline.recommend_now(NodeId(u), 10))).collect();
        for threads in [1, 4] {
            let context = quiet().with_threads(Threads::new(threads).expect("few"));
            let all = context.run(|| baseline.recommend_all(10, &context)).expect("threads").expect("lists");
            assert_eq!(all, one_by_one, "{} with {threads} threads", baseline.name());
        }
    });
}

#[test]
fn an_empty_graph_gives_nothing() {
    let kg = build(Dataset::default()).and_then(|built| built.train_kg()).expect("a graph");
    for baseline in all(&kg) {
        let lists = baseline.recommend_all(10, &quiet()).expect("lists");
        assert_eq!(lists, Recommendations::default(), "{}", baseline.name());
    }
}

#[test]
fn a_stop_ends_the_making_of_lists_and_progress_names_the_baseline() {
    use std::sync::{Arc, Mutex};
    for_all(|baseline| {
        let (told, stop) = (Arc::new(Mutex::new(Vec::new())), Stop::default());
        let listener = Arc::clone(&told);
        let context = quiet().with_stop(stop.clone()).with_progress(move |progress| {
            listener.lock().expect("a list").push((progress.stage, progress.done, progress.of));
        });
        baseline.recommend_all(5, &context).expect("lists");
        let of = baseline.kg().users().len() as u64;
        let (name, last) =
            (format!("baseline {}", baseline.name()), told.lock().expect("a list").iter().max().copied());
        assert_eq!(last, Some((name.as_str(), of, Some(of))));
        stop.request();
        let stopped = baseline.recommend_all(5, &context).expect_err("asked for the end");
        assert_eq!(stopped.class(), ErrorClass::Stopped, "{name}");
    });
}

#[test]
fn a_stop_ends_learning() {
    let (kg, stopped) = (graph(), quiet());
    stopped.stop().request();
    let together = Cooccurrences::of(&kg, &quiet()).expect("small");
    let ended = [
        ItemKnn::new(&kg, 5, &stopped).err(),
        Ease::new(&kg, 5.0, &stopped).err(),
        BprMf::new(&kg, BprConfig::default(), &stopped).err(),
        Ials::new(&kg, IalsConfig::default(), &stopped).err(),
        Cooccurrences::of(&kg, &stopped).err(),
        Slim::new(&kg, &together, 1.0, 1.0, &stopped).err(),
        MetapathLogistic::new(&kg, MetapathConfig::default(), &stopped).err(),
    ];
    assert!(ended.into_iter().all(|e| e.expect("asked for the end").class() == ErrorClass::Stopped));
}
