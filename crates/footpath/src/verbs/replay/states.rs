//! What is known of each user as events go by.

use super::events::{Event, LeftOut};
use crate::error::Result;
use crate::recommend::{NewUser, Options as Search, Rules};
use crate::service::Service;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// What facts are said to be from that come from events.
const FILE: &str = "events";

/// A user at some moment.
struct State<'e> {
    id: &'e str,
    /// The graph's node, where it has them and knows a choice of theirs.
    node: Option<NodeId>,
    /// What comes, the last first: targets and what is told between them.
    ahead: Vec<Step>,
    /// Chosen since, in that order.
    chosen: Vec<NodeId>,
    /// Seen and not liked.
    disliked: BTreeSet<NodeId>,
}

/// One thing that a user did.
#[derive(Clone, Copy)]
enum Step {
    /// Chose something new, which is looked for.
    Target(NodeId),
    /// Chose again what they had.
    Again(NodeId),
    /// Saw something and did not like it.
    Dislike(NodeId),
}

/// Users whose next target is looked for together, by number.
pub(super) struct Round(Vec<(usize, NodeId)>);

impl Round {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their numbers.
    pub(super) fn users(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(user, _)| *user)
    }
}

/// Where the targets of a round stand in lists.
pub(super) struct Places {
    /// From 1; none where the list does not have it.
    pub(super) ranks: Vec<Option<usize>>,
    /// Lists of popularity, for users of whom nothing is known.
    pub(super) num_popular: usize,
}

/// All users who have a target.
pub(super) struct States<'e> {
    kg: Arc<TrainKg>,
    users: Vec<State<'e>>,
    /// Those who may have targets left, the next at the end.
    waiting: Vec<usize>,
    num_targets: usize,
    left_out: LeftOut,
    /// All items, the most popular first.
    popular: Vec<NodeId>,
}

impl<'e> States<'e> {
    /// The users of events, which stand in the order of time.
    pub(super) fn of(events: &'e [Event], kg: &Arc<TrainKg>) -> Self {
        let mut popular: Vec<NodeId> = kg.items().map(NodeId).collect();
        popular.sort_by_key(|&item| (Reverse(kg.popularity(item)), item));
        let mut left_out = LeftOut::default();
        let mut by_user: BTreeMap<&str, Vec<Step>> = BTreeMap::new();
        let mut seen: HashSet<(&str, NodeId)> = HashSet::new();
        for event in events {
            let Ok(item) = kg.item(&event.item) else {
                left_out.unknown_items += 1;
                continue;
            };
            let user = event.user.as_str();
            let in_graph = || kg.user(user).is_ok_and(|node| kg.items_of(node).binary_search(&item.0).is_ok());
            let is_new = seen.insert((user, item)) && !in_graph();
            let step = match (event.is_choice, is_new) {
                (false, _) => Step::Dislike(item),
                (true, false) => Step::Again(item),
                (true, true) => Step::Target(item),
            };
            left_out.not_liked += usize::from(!event.is_choice);
            left_out.repeated += usize::from(event.is_choice && !is_new);
            by_user.entry(user).or_default().push(step);
        }
        let is_target = |step: &Step| matches!(step, Step::Target(_));
        by_user.retain(|_, steps| steps.iter().any(is_target));
        let num_targets = by_user.values().flatten().filter(|step| is_target(step)).count();
        let state = |(id, mut ahead): (&'e str, Vec<Step>)| {
            ahead.reverse();
            let node = kg.user(id).ok().filter(|&node| !kg.items_of(node).is_empty());
            State { id, node, ahead, chosen: Vec::new(), disliked: BTreeSet::new() }
        };
        let users: Vec<State<'e>> = by_user.into_iter().map(state).collect();
        let waiting = (0..users.len()).rev().collect();
        Self { kg: Arc::clone(kg), users, waiting, num_targets, left_out, popular }
    }

    pub(super) fn num_users(&self) -> usize {
        self.users.len()
    }

    pub(super) fn num_targets(&self) -> usize {
        self.num_targets
    }

    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The next targets of at most so many users; none when all have been looked for.
    pub(super) fn next_round(&mut self, at_most: usize) -> Option<Round> {
        let mut round = Vec::new();
        while round.len() < at_most {
            let Some(user) = self.waiting.pop() else { break };
            if let Some(target) = self.users.get_mut(user).and_then(State::next_target) {
                round.push((user, target));
            }
        }
        (!round.is_empty()).then_some(Round(round))
    }

    /// Goes on after a round: its targets are history from now on.
    pub(super) fn pass(&mut self, round: &Round) {
        for &(user, target) in round.0.iter().rev() {
            if let Some(state) = self.users.get_mut(user) {
                state.ahead.pop();
                state.choose(target);
                self.waiting.push(user);
            }
        }
    }

    /// Where the targets stand in the lists that a service makes.
    pub(super) fn places(&self, round: &Round, service: &Service, search: Search, context: &Context) -> Result<Places> {
        let (mut new_users, mut updated, mut denied) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut asked: Vec<Option<Asked>> = Vec::new();
        for state in round.users().filter_map(|user| self.users.get(user)) {
            asked.push(match state.node {
                Some(node) => {
                    if !state.chosen.is_empty() {
                        updated.insert(node, state.as_user(service.with_new_choices(node, &state.chosen)));
                    }
                    Some(Asked::Known(node))
                }
                None if state.chosen.is_empty() => None,
                None => {
                    new_users.push(state.as_user(state.chosen.clone()));
                    Some(Asked::New(new_users.len() - 1))
                }
            });
        }
        let request = service.request(new_users).with_updated(updated);
        let new_nodes = request.new_users();
        let node = |asked: &Option<Asked>| match asked {
            Some(Asked::Known(node)) => Some(*node),
            Some(Asked::New(place)) => new_nodes.get(*place).copied(),
            None => None,
        };
        let nodes: Vec<Option<NodeId>> = asked.iter().map(node).collect();
        for (state, node) in round.users().filter_map(|user| self.users.get(user)).zip(&nodes) {
            if let (Some(node), false) = (node, state.disliked.is_empty()) {
                denied.insert(*node, state.disliked.iter().copied().collect());
            }
        }
        let known: Vec<NodeId> = nodes.iter().flatten().copied().collect();
        let mut lists =
            request.with_rules(Rules { denied, ..Rules::default() }).search(&known, search, context)?.into_iter();
        let mut places = Places { ranks: Vec::with_capacity(round.len()), num_popular: 0 };
        for (&(user, target), node) in round.0.iter().zip(&nodes) {
            let rank = match node {
                Some(_) => lists.next().and_then(|list| list.items.iter().position(|found| found.item == target)),
                None => {
                    places.num_popular += 1;
                    self.popular_place(user, target, search.k)
                }
            };
            places.ranks.push(rank.map(|before| before + 1));
        }
        Ok(places)
    }

    /// Where the targets stand among the most popular items that each user has not seen.
    pub(super) fn popular_ranks(&self, round: &Round, k: usize) -> Vec<Option<usize>> {
        round.0.iter().map(|&(user, target)| self.popular_place(user, target, k).map(|before| before + 1)).collect()
    }

    fn popular_place(&self, user: usize, target: NodeId, k: usize) -> Option<usize> {
        let state = self.users.get(user)?;
        let in_graph = state.node.map(|node| self.kg.items_of(node)).unwrap_or_default();
        let has = |item: &NodeId| {
            state.chosen.contains(item) || state.disliked.contains(item) || in_graph.binary_search(&item.0).is_ok()
        };
        self.popular.iter().filter(|item| !has(item)).take(k).position(|item| *item == target)
    }
}

/// A user of a request.
enum Asked {
    /// Of the graph.
    Known(NodeId),
    /// Not of the graph: the place among the new users.
    New(usize),
}

impl State<'_> {
    /// Goes on to the next target.
    fn next_target(&mut self) -> Option<NodeId> {
        loop {
            match *self.ahead.last()? {
                Step::Target(item) => return Some(item),
                Step::Again(item) => self.choose(item),
                Step::Dislike(item) => {
                    self.chosen.retain(|chosen| *chosen != item);
                    self.disliked.insert(item);
                }
            }
            self.ahead.pop();
        }
    }

    /// The last word counts: what is chosen is not disliked any more.
    fn choose(&mut self, item: NodeId) {
        self.disliked.remove(&item);
        self.chosen.push(item);
    }

    fn as_user(&self, order: Vec<NodeId>) -> NewUser {
        let items = self.chosen.iter().map(|&item| (item, 0)).collect();
        NewUser { id: self.id.to_owned(), items, order, file: FILE.to_owned() }
    }
}
