//! Generation that is told the end, or a history in the order of time.

use crate::reference::Reference;
use crate::toy::{NUM_ENTITIES, NUM_ITEMS, NUM_USERS, Toy};
use footpath_core::{Context, Goal, LegalSuccessors, NodeId, NodeSet, Successors, Vocabulary};
use footpath_model::PathModel;
use footpath_model::config::{ModelConfig, Preset};
use footpath_model::data::objective::ObjectiveKind;
use footpath_model::data::{Objective, Text};
use footpath_model::decode::{Prompt, Recommender, Rules, ScoredItem, SearchOptions, UserList, next_items};
use std::collections::BTreeMap;
use std::sync::Arc;

fn model(toy: &Toy) -> PathModel {
    let items = NUM_USERS..NUM_USERS + NUM_ITEMS;
    let config = ModelConfig::preset(Preset::Tiny, toy.vocabulary().len(), items, 12);
    let mut model = PathModel::new(config, 5, &crate::cpu()).expect("a model");
    crate::scale_output(&mut model, 8.0);
    model.history.values.iter_mut().for_each(|v| *v = 0.0);
    model
}

fn filled_in(model: &PathModel, toy: &Toy, user: u32, end: u32, beams: usize) -> UserList {
    let options = SearchOptions {
        k: 1,
        beams,
        paths_per_item: 50,
        prompt: Prompt::UserAndEnd,
        goal: Goal::Item(NodeId(end)),
        ..SearchOptions::default()
    };
    Recommender::new(model, toy)
        .recommend(&[NodeId(user)], options, &Context::default())
        .expect("nobody stops it")
        .remove(0)
}

#[test]
fn middles_are_all_paths_to_the_end_at_their_probability() {
    let toy = Toy::new();
    let model = model(&toy);
    let reference = Reference::of(&model);
    let mut looked_at = 0;
    for user in 0..NUM_USERS {
        for end in NUM_USERS..NUM_USERS + NUM_ITEMS {
            let expected: Vec<_> = toy.all_paths(user).into_iter().filter(|path| path[3] == end).collect();
            let list = filled_in(&model, &toy, user, end, 1_000);
            let found = list.items.first().map_or(&[][..], |item| &item.paths);
            assert_eq!(found.len(), expected.len(), "user {user}, end {end}");
            let total: f64 = found.iter().map(|path| path.log_probability.exp()).sum();
            assert!(found.is_empty() || (total - 1.0).abs() < 1e-5, "{total}");
            for path in found {
                let probability = middle_from_scratch(&reference, &toy, &crate::numbers(&path.tokens));
                assert!((path.log_probability.exp() - probability).abs() < 1e-5);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 5);
}

/// The probability of what lies between user and end, told both, by the transformer in nested loops.
fn middle_from_scratch(reference: &Reference, toy: &Toy, path: &[u32]) -> f64 {
    let (end, first) = (path[6], toy.vocabulary().node(NodeId(0)).0);
    let marks = (Vocabulary::PREFIX.0, Vocabulary::SUFFIX.0, Vocabulary::MIDDLE.0);
    let told = [marks.0, path[0], marks.1, end, marks.2];
    (1..7)
        .map(|position| {
            let tokens = [&told[..], &path[1..position]].concat();
            let positions: Vec<u32> = (0u32..).take(tokens.len()).collect();
            let hidden = reference.hidden(&tokens, &positions, &|i, j| j <= i);
            let mut legal = Successors::default();
            toy.successors(&path[..position], Goal::Item(NodeId(end - first)), &mut legal);
            let word = |token: u32| if token == end { Vocabulary::END.0 } else { token };
            let all: Vec<u32> = legal.continuing.iter().chain(&legal.ending).map(|&t| word(t)).collect();
            (-reference.nll(hidden.last().expect("tokens"), word(path[position]), &all, 1.0)).exp()
        })
        .product()
}

#[test]
fn a_narrow_search_for_middles_says_what_it_left_out() {
    let toy = Toy::new();
    let list = filled_in(&model(&toy), &toy, 0, 7, 1);
    let total: f64 = list.items[0].paths.iter().map(|path| path.log_probability.exp()).sum();
    assert!((total + list.unexplored - 1.0).abs() < 1e-5);
}

#[test]
fn middles_need_an_end() {
    let options = SearchOptions { prompt: Prompt::UserAndEnd, ..SearchOptions::default() };
    assert!(options.validate().is_err());
    assert!(SearchOptions { goal: Goal::Item(NodeId(3)), ..options }.validate().is_ok());
}

#[test]
fn next_items_are_those_of_the_definition() {
    let toy = Toy::new();
    let model = model(&toy);
    let reference = Reference::of(&model);
    let first = toy.vocabulary().node(NodeId(0)).0;
    let of_histories = [
        ObjectiveKind::Causal,
        ObjectiveKind::Prefix,
        ObjectiveKind::Masked,
        ObjectiveKind::Permuted,
        ObjectiveKind::Rearranged,
    ];
    let of_histories = of_histories.map(|kind| Objective::of(kind, Text::Histories));
    for objective in of_histories.into_iter().chain([Objective::of(ObjectiveKind::Causal, Text::Ends)]) {
        let kind = objective.kind;
        // A user the model does not know is nobody in particular; two users with histories of other lengths go
        // together.
        let lists =
            next_items(&model, &toy, &objective, &[0, 2].map(NodeId), 3, &Rules::default(), &Context::default())
                .expect("nobody stops it");
        for (list, user) in lists.iter().zip([0, 2]) {
            let mut tokens = vec![first + user];
            if objective.text == Text::Histories {
                tokens.extend(toy.timeline(first + user));
            }
            let both_sides = matches!(kind, ObjectiveKind::Masked | ObjectiveKind::Rearranged);
            if both_sides || kind == ObjectiveKind::Permuted {
                tokens.push(Vocabulary::MASK.0);
            }
            let positions: Vec<u32> = (0u32..).take(tokens.len()).collect();
            let hidden = reference.hidden(&tokens, &positions, &|i, j| both_sides || j <= i);
            let unseen: Vec<u32> = toy.items().filter(|item| !toy.chosen[&user].contains(&(item - first))).collect();
            let expected = |item: NodeId| -reference.nll(hidden.last().expect("tokens"), first + item.0, &unseen, 1.0);
            assert_eq!(list.items.len(), 3, "{kind:?}");
            assert!(list.items.is_sorted_by(|a, b| a.score >= b.score));
            for item in &list.items {
                assert!(unseen.contains(&(first + item.item.0)), "{kind:?}: no item the user has chosen");
                assert!(
                    (item.score - expected(item.item)).abs() < 1e-4,
                    "{kind:?}: {} {}",
                    item.score,
                    expected(item.item)
                );
            }
            let worst = list.items[2].score;
            let others = unseen.iter().map(|item| NodeId(item - first));
            assert!(others.filter(|&i| expected(i) > worst + 1e-4).count() < 3, "{kind:?}: none is better");
        }
        let all =
            next_items(&model, &toy, &objective, &[NodeId(1)], usize::MAX, &Rules::default(), &Context::default())
                .expect("nobody stops it");
        let total: f64 = all[0].items.iter().map(|item| item.score.exp()).sum();
        assert!((total - 1.0).abs() < 1e-5);
    }
}

/// The paths of a list with their probabilities, by item.
fn paths_of(list: &UserList) -> BTreeMap<u32, BTreeMap<Vec<u32>, f64>> {
    let of =
        |item: &ScoredItem| item.paths.iter().map(|p| (crate::numbers(&p.tokens), p.log_probability.exp())).collect();
    list.items.iter().map(|item| (item.item.0, of(item))).collect()
}

#[test]
fn rules_take_items_and_paths_away_and_change_the_worth_of_none() {
    let toy = Toy::new();
    let model = model(&toy);
    let all = NUM_USERS + NUM_ITEMS + NUM_ENTITIES;
    let options = SearchOptions { k: 100, beams: 1_000, paths_per_item: 100, ..SearchOptions::default() };
    let search = |rules: &Rules, k: usize| {
        let users: Vec<NodeId> = (0..NUM_USERS).map(NodeId).collect();
        let recommender = Recommender::new(&model, &toy).with_rules(rules);
        recommender.recommend(&users, SearchOptions { k, ..options }, &Context::default()).expect("nobody stops it")
    };
    let full = search(&Rules::default(), 100);
    let set = |node: u32| Some(Arc::new(NodeSet::of(&(0..all), &[node])));
    let mut fewer = 0;
    for node in NUM_USERS..all {
        let unlisted = search(&Rules { unlisted: set(node), ..Rules::default() }, 2);
        let denied = (0..NUM_USERS).map(|user| (NodeId(user), [NodeId(node)].into())).collect();
        let by_user = search(&Rules { denied, ..Rules::default() }, 100);
        let hidden = search(&Rules { hidden: set(node), ..Rules::default() }, 100);
        for (place, full) in full.iter().enumerate() {
            let others: Vec<_> = full.items.iter().filter(|item| item.item.0 != node).take(2).cloned().collect();
            assert_eq!(unlisted[place].items, others, "without {node}");
            assert_eq!(hidden[place].items, by_user[place].items, "hidden from all and denied to each");
            let token = toy.vocabulary().node(NodeId(node)).0;
            let mut left = paths_of(full);
            left.values_mut().for_each(|paths| paths.retain(|tokens, _| !tokens[1..].contains(&token)));
            left.retain(|_, paths| !paths.is_empty());
            let found = paths_of(&hidden[place]);
            fewer += usize::from(found.len() < full.items.len());
            let routes = |lists: &BTreeMap<u32, BTreeMap<Vec<u32>, f64>>| {
                lists.values().flat_map(BTreeMap::keys).cloned().collect::<Vec<_>>()
            };
            assert_eq!(routes(&found), routes(&left), "hidden {node}");
            for (item, paths) in &found {
                assert!(paths.iter().all(|(route, p)| (p - left[item][route]).abs() < 1e-6), "hidden {node}");
            }
        }
    }
    assert!(fewer > 3, "something is hidden: {fewer}");
}
