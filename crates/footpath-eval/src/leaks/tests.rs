//! Each way to leak is planted and must be found; and what must not matter is changed and must not matter.

use super::*;
use crate::baselines::{BaselineName, tune};
use crate::evaluate;
use crate::recommendations::Recommendation;
use footpath_graph::build::{Built, build};
use footpath_graph::{Dataset, Interaction, Split};

/// 12 users, 20 items with facts, in order of time: the last two choices of each user are valid and test.
fn dataset() -> Dataset {
    let mut data = Dataset::default();
    let mut draw = Stream::new(3, Purpose::Simulate, 0, 6);
    for item in 0..20 {
        data.link(&format!("i{item:02}"), &format!("film {item}"));
        data.fact(&format!("film {item}"), "genre", &format!("genre {}", item % 4));
    }
    for user in 0..12 {
        let mut items: Vec<usize> = (0..20).collect();
        draw.shuffle(&mut items);
        for (time, item) in items.iter().take(7).enumerate() {
            choose(&mut data, &format!("u{user:02}"), &format!("i{item:02}"), time as i64);
            data.interactions.last_mut().expect("just added").split = match time {
                5 => Split::Valid,
                6 => Split::Test,
                _ => Split::Train,
            };
        }
    }
    data.has_times = true;
    data
}

fn choose(data: &mut Dataset, user: &str, item: &str, time: i64) {
    data.interact(user, item);
    data.interactions.last_mut().expect("just added").time = time;
}

fn parts(built: &Built) -> [HeldOut; 2] {
    [&built.valid, &built.test].map(|part| HeldOut::from(part.as_slice()))
}

/// What was found by each check that found something.
fn found(
    data: Dataset,
    change: impl FnOnce(&TrainKg, &mut Vec<Interaction>, &mut Vec<Interaction>),
) -> Vec<(&'static str, u64, bool)> {
    let built = build(data).expect("built");
    let kg = built.train_kg().expect("a graph");
    let (mut valid, mut test) = (built.valid.clone(), built.test.clone());
    change(&kg, &mut valid, &mut test);
    let [valid, test] = [valid, test].map(|part| HeldOut::from(part.as_slice()));
    let all = leaks(&kg, &valid, &test, Order::ByTime, &Context::default()).expect("nobody asked for the end");
    assert!(all.iter().all(|leak| leak.example.is_some() == (leak.found > 0)), "{all:?}");
    let name = |leak: &Leak| {
        ["L1", "L5", "L6", "L7", "L9", "L12"].into_iter().find(|name| *name == leak.check).expect("known")
    };
    all.iter().filter(|leak| leak.found > 0).map(|leak| (name(leak), leak.found, leak.is_bad())).collect()
}

#[test]
fn a_clean_split_is_clean() {
    assert_eq!(found(dataset(), |_, _, _| ()), []);
}

#[test]
fn each_leak_that_is_planted_is_found() {
    // L1: a train choice is held out too. (Later than all, so that it is not out of order as well.)
    let again = |kg: &TrainKg, _: &mut Vec<Interaction>, test: &mut Vec<Interaction>| {
        let user = NodeId(kg.users().start);
        test.push(Interaction { user, item: NodeId(kg.items_of(user)[0]), rating: 0.0, time: 9, line: 1 });
    };
    assert_eq!(found(dataset(), again), [("L1", 1, true)]);
    // L5: what is held out for valid happened before training; and what is held out for test before valid.
    let earlier = |_: &TrainKg, valid: &mut Vec<Interaction>, _: &mut Vec<Interaction>| valid[3].time = 1;
    assert_eq!(found(dataset(), earlier), [("L5", 1, true)]);
    let earlier = |_: &TrainKg, _: &mut Vec<Interaction>, test: &mut Vec<Interaction>| test[3].time = 4;
    assert_eq!(found(dataset(), earlier), [("L5", 1, true)]);
    // L6: an item and a user of which nothing but a test choice is known.
    let mut alone = dataset();
    choose(&mut alone, "new", "novel", 9);
    alone.interactions.last_mut().expect("just added").split = Split::Test;
    assert_eq!(found(alone, |_, _, _| ()), [("L6", 2, false)]);
    // L7: the knowledge says who liked what.
    let mut liked = dataset();
    let log: Vec<(u32, u32)> = liked.interactions.iter().map(|i| (i.user, i.item)).collect();
    for (n, (user, item)) in log.into_iter().enumerate() {
        let user = format!("u{user:02}");
        if n % 3 > 0 {
            liked.fact(&format!("film {item}"), "liked_by", &user);
        }
    }
    let found_liked = found(liked, |_, _, _| ());
    assert!(found_liked.iter().any(|(check, _, is_bad)| *check == "L7" && *is_bad), "{found_liked:?}");
    // L9: one choice in valid and in test.
    let both = |_: &TrainKg, valid: &mut Vec<Interaction>, test: &mut Vec<Interaction>| {
        valid.push(Interaction { time: 7, ..test[0] });
        test[0].time = 8;
    };
    assert_eq!(found(dataset(), both), [("L9", 1, true)]);
    // L9: a held-out item has the label of one in training.
    let mut twin = dataset();
    choose(&mut twin, "u00", "copy", 8);
    twin.interactions.last_mut().expect("just added").split = Split::Test;
    twin.fact("film 0", "genre", "odd");
    twin.link("copy", "the copy");
    twin.fact("the copy", "genre", "odd");
    let built = build(dataset()).expect("built");
    let kg = built.train_kg().expect("a graph");
    let first = kg.id(NodeId(kg.items_of(kg.user("u00").expect("known"))[0])).to_owned();
    let (title, _) = twin.labels.intern("The Same");
    for item in ["copy", &first] {
        let item = twin.item(item) as usize;
        twin.item_titles[item] = title;
    }
    assert_eq!(found(twin, |_, _, _| ()), [("L9", 1, false)]);
}

#[test]
fn what_others_chose_later_is_known_unless_the_split_is_at_one_date() {
    let users_in_turn = |start_of: &dyn Fn(u32) -> i64| {
        let mut data = dataset();
        data.interactions.iter_mut().for_each(|i| i.time = 1_600_000_000 + i.time + start_of(i.user));
        found(data, |_, _, _| ())
    };
    // Each begins when the one before has ended: all but the last user's held-out choices come before that of others.
    assert_eq!(users_in_turn(&|user| 1_000 * i64::from(user)), [("L12", 22, false)]);
    // All choose at the same moments, and the fifth moment is the last in train.
    assert_eq!(users_in_turn(&|_| 0), []);
}

#[test]
fn a_split_that_does_not_go_by_time_may_be_out_of_order() {
    let built = build(dataset()).expect("built");
    let kg = built.train_kg().expect("a graph");
    let mut valid = built.valid.clone();
    valid[0].time = 0;
    let [_, test] = parts(&built);
    let valid = HeldOut::from(valid.as_slice());
    let all = leaks(&kg, &valid, &test, Order::Unknown, &Context::default()).expect("nobody asked for the end");
    assert!(all.iter().any(|leak| leak.check == "L5" && leak.found == 1) && !all.iter().any(Leak::is_bad));
}

/// L3: nothing but a test choice links the canary to anybody.
#[test]
fn a_canary_is_found_by_nobody() {
    let mut data = dataset();
    choose(&mut data, "u03", "canary", 9);
    data.interactions.last_mut().expect("just added").split = Split::Test;
    let built = build(data).expect("built");
    let kg = built.train_kg().expect("a graph");
    let canary = kg.item("canary").expect("an item");
    assert_eq!(kg.degree(canary), 0, "so no path has it");
    let [valid, _] = parts(&built);
    let context = Context::default();
    for &name in BaselineName::ALL.iter().filter(|name| **name != BaselineName::Random) {
        let tuned = tune(name, &kg, &valid, 5, 1, &context).expect("small");
        for user in kg.users().map(NodeId) {
            let list = tuned.baseline.recommend(user, 5, &context).expect("a list");
            assert!(list.iter().all(|r| r.item != canary), "{name:?} shows {} the canary", kg.id(user));
        }
    }
}

/// Lists of a baseline tuned on valid.
fn tuned(name: BaselineName, kg: &TrainKg, valid: &HeldOut, k: usize) -> Recommendations {
    let tuned = tune(name, kg, valid, 5, 1, &Context::default()).expect("small");
    tuned.baseline.recommend_all(k, &Context::default()).expect("lists")
}

/// L8: every baseline, tuned, gives the same lists whatever the test part says.
#[test]
fn another_test_part_changes_no_list() {
    let mut other = dataset();
    let swapped: Vec<usize> =
        (0..other.interactions.len()).filter(|&n| other.interactions[n].split == Split::Test).collect();
    let free = |data: &Dataset, n: usize| {
        let user = data.interactions[n].user;
        let chosen: Vec<u32> = data.interactions.iter().filter(|i| i.user == user).map(|i| i.item).collect();
        (0..20).find(|item| !chosen.contains(item)).expect("an item the user did not choose")
    };
    for &n in &swapped {
        let item = free(&other, n);
        other.interactions[n].item = item;
    }
    let [one, two] = [dataset(), other].map(|data| build(data).expect("built"));
    let [kg, other_kg] = [&one, &two].map(|built| built.train_kg().expect("a graph"));
    let ([valid, test], [other_valid, other_test]) = (parts(&one), parts(&two));
    assert_ne!(test.by_user(), other_test.by_user());
    for &name in BaselineName::ALL {
        let [ours, others] = [(&kg, &valid), (&other_kg, &other_valid)].map(|(kg, valid)| tuned(name, kg, valid, 5));
        assert_eq!(ours, others, "{name:?}");
    }
}

/// L4: any lists reach exactly what chance gives, and a judge who knows the labels is found out.
#[test]
fn on_random_labels_lists_reach_chance() {
    let built = build(dataset()).expect("built");
    let kg = built.train_kg().expect("a graph");
    let [valid, test] = parts(&built);
    for name in [BaselineName::Popularity, BaselineName::ItemKnn, BaselineName::PathCount] {
        let lists = tuned(name, &kg, &valid, 12);
        let got = chance(&lists, [&test, &valid], &kg, 5, 400, 7, &Context::default()).expect("valid");
        assert!(got.is_fair(), "{name:?}: {got:?}");
        assert!(got.error < 0.01, "{got:?}");
    }
    // Half of the slots empty, half of the users without a list: less is expected, and reached.
    let some: Recommendations = kg
        .users()
        .step_by(2)
        .map(|user| {
            (NodeId(user), kg.items().skip(3).take(3).map(|i| Recommendation { item: NodeId(i), score: 0.0 }).collect())
        })
        .collect();
    let got = chance(&some, [&test, &valid], &kg, 5, 400, 7, &Context::default()).expect("valid");
    assert!(got.is_fair() && got.expected < 0.1, "{got:?}");
    // The truth itself is far above chance on the true labels.
    let truth: Recommendations =
        test.iter().map(|(user, item, _)| (user, vec![Recommendation { item, score: 1.0 }])).collect();
    let got = chance(&truth, [&test, &valid], &kg, 5, 50, 7, &Context::default()).expect("valid");
    assert_eq!(got.true_ndcg, 1.0);
    assert!(got.is_fair() && got.ndcg < 0.3, "{got:?}");
    let judged = evaluate(&truth, &test, &kg, 5, &Context::default()).expect("valid");
    assert_eq!(judged.metrics.ndcg, 1.0);
}
