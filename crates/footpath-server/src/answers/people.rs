//! Whom a question is about: users of the graph, users the graph does not know, and what both have chosen since.

use super::{Sources, check_id};
use crate::api::{History, MAX_IDS};
use crate::problem::Problem;
use footpath::recommend::{NewUser, Request};
use footpath::{NodeId, Service};
use std::collections::{BTreeMap, BTreeSet};

/// What facts are said to be from that stand in a request.
const REQUEST: &str = "request";
/// What facts are said to be from that were told since.
const EVENTS: &str = "events";

/// Somebody a question is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A user of the graph or of the events.
    User(String),
    /// Somebody nobody knows.
    History(History),
}

impl Subject {
    /// Checks what was sent of them.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self {
            Self::User(id) => check_id("a user", id),
            Self::History(History { id, items }) => {
                if items.len() > MAX_IDS {
                    return Err(Problem::bad_request(format!("a history has at most {MAX_IDS} items")));
                }
                id.iter().try_for_each(|id| check_id("a history", id))?;
                items.iter().try_for_each(|item| check_id("an item", item))
            }
        }
    }
}

/// What is known of a subject.
pub(crate) struct Person {
    pub(crate) id: String,
    /// The node they go by in the request; none of whom nothing is known.
    pub(crate) node: Option<NodeId>,
    /// What they have chosen or seen, of which nothing is to be told again.
    pub(crate) seen: BTreeSet<NodeId>,
    /// What they have seen and not liked.
    pub(crate) disliked: Vec<NodeId>,
    /// Items they have chosen that the graph does not have.
    pub(crate) unknown_items: Vec<String>,
}

/// Subjects, and a request in which they can be searched for.
pub(crate) struct People {
    pub(crate) people: Vec<Person>,
    pub(crate) request: Request,
}

impl People {
    /// Looks up what is known, for one of the models.
    pub(crate) fn of(subjects: &[Subject], service: &Service, sources: &Sources) -> Self {
        let mut made = Made { service, new_users: Vec::new(), updated: BTreeMap::new(), places: Vec::new() };
        let mut people: Vec<Person> = subjects
            .iter()
            .map(|subject| match subject {
                Subject::User(id) => made.user(id, sources),
                Subject::History(history) => made.history(history),
            })
            .collect();
        let Made { new_users, updated, places, .. } = made;
        let request = service.request(new_users).with_updated(updated);
        let nodes = request.new_users();
        for (person, place) in people.iter_mut().zip(places) {
            person.node = person.node.or_else(|| nodes.get(place?).copied());
        }
        Self { people, request }
    }
}

/// What a request is made of, as subjects are looked up.
struct Made<'a> {
    service: &'a Service,
    new_users: Vec<NewUser>,
    updated: BTreeMap<NodeId, NewUser>,
    /// Of each subject, the place among the new users, for those who are one.
    places: Vec<Option<usize>>,
}

impl Made<'_> {
    /// A user by id: what the graph knows, and what was told since.
    fn user(&mut self, id: &str, sources: &Sources) -> Person {
        let kg = self.service.kg();
        let events = sources.events.as_ref().map(|events| events.of(id)).unwrap_or_default();
        let mut liked: BTreeMap<NodeId, u32> = BTreeMap::new();
        let (mut order, mut disliked, mut unknown_items) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (event, line) in events {
            let Ok(item) = kg.item(&event.item) else {
                unknown_items.push(event.item);
                continue;
            };
            // The last word counts.
            if event.weight > 0.0 {
                disliked.remove(&item);
                liked.entry(item).or_insert_with(|| u32::try_from(line).unwrap_or(u32::MAX));
                order.push(item);
            } else {
                liked.remove(&item);
                order.retain(|other| *other != item);
                disliked.insert(item);
            }
        }
        let known = kg.user(id).ok();
        let mut seen: BTreeSet<NodeId> = disliked.union(&liked.keys().copied().collect()).copied().collect();
        seen.extend(known.iter().flat_map(|&user| kg.items_of(user)).map(|&item| NodeId(item)));
        let is_known = known.is_some_and(|user| !kg.items_of(user).is_empty());
        let mut place = None;
        let node = match known {
            Some(user) if is_known || !liked.is_empty() => {
                if !liked.is_empty() {
                    let order = self.service.with_new_choices(user, &order);
                    let file = EVENTS.to_owned();
                    self.updated.insert(user, NewUser { id: id.to_owned(), items: liked, order, file });
                }
                Some(user)
            }
            None if !liked.is_empty() => {
                place = Some(self.new_users.len());
                self.new_users.push(NewUser { id: id.to_owned(), items: liked, order, file: EVENTS.to_owned() });
                None
            }
            _ => None,
        };
        self.places.push(place);
        unknown_items.sort();
        unknown_items.dedup();
        Person { id: id.to_owned(), node, seen, disliked: disliked.into_iter().collect(), unknown_items }
    }

    /// Somebody nobody knows, by what they chose.
    fn history(&mut self, history: &History) -> Person {
        let kg = self.service.kg();
        let id = history.id.clone().unwrap_or_else(|| "guest".to_owned());
        let (mut items, mut order, mut unknown_items) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (place, name) in (1..).zip(&history.items) {
            match kg.item(name) {
                Ok(item) => {
                    items.entry(item).or_insert(place);
                    order.push(item);
                }
                Err(_) => unknown_items.push(name.clone()),
            }
        }
        let seen = items.keys().copied().collect();
        let place = (!items.is_empty()).then_some(self.new_users.len());
        if place.is_some() {
            self.new_users.push(NewUser { id: id.clone(), items, order, file: REQUEST.to_owned() });
        }
        self.places.push(place);
        Person { id, node: None, seen, disliked: Vec::new(), unknown_items }
    }
}
