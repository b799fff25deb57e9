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
    /// (user, relation, node, whether it is turned round): facts about users; nodes after the entities are users
    pub(crate) about: Vec<(u8, u8, u8, bool)>,
    /// (node, place in [`FURTHER`]); nodes after the entities are users. Without any the graph has no further types.
    pub(crate) further: Vec<(u8, u8)>,
}

/// Further types.
pub(crate) const FURTHER: [&str; 2] = ["prize", "classic"];

pub(crate) const RELATIONS: u8 = 4;
/// Weights of facts and interactions, in turn, for laws that ask for them.
const WEIGHTS: [f32; 5] = [1.0, 4.0, 0.3, 2.5, 0.7];

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
            if !self.about.is_empty() {
                d.link_user(&name('u', user), &name('p', user));
            }
        }
        (d.has_times, d.has_ratings, d.rating_weights) = (true, true, true);
        for (number, &(user, item)) in self.log.iter().enumerate() {
            d.interact(&name('u', user), &name('i', item));
            let chosen = d.interactions.last_mut().unwrap();
            // Some earlier, some later, some at the same time.
            chosen.time = i64::try_from(number * 7 % 5).unwrap();
            chosen.rating = WEIGHTS[number * 3 % 5];
        }
        let facts = self.facts.iter().map(|&(head, relation, tail)| (node(head), relation, node(tail)));
        let num_others = self.items + self.entities;
        let other = |n: u8| if n < num_others { node(n) } else { name('p', n - num_others) };
        let about = self.about.iter().map(|&(user, relation, n, turned)| match turned {
            true => (other(n), relation, name('p', user)),
            false => (name('p', user), relation, other(n)),
        });
        for (number, (head, relation, tail)) in facts.chain(about).enumerate() {
            let (head, tail) = (d.entity(&head, "film"), d.entity(&tail, "film"));
            let relation = d.relation(&format!("r{relation}"));
            d.triples.push(RawTriple { head, relation, tail, line: 0 });
            d.triple_weights.push(WEIGHTS[number % 5]);
        }
        for &(n, which) in &self.further {
            // A user need not be an entity to have a further type.
            match n.checked_sub(num_others) {
                None => d.further(&node(n), FURTHER[usize::from(which)]),
                Some(user) => {
                    let id = d.further_of_users.ids.intern(&name('u', user)).0;
                    let further = d.further_types.intern(FURTHER[usize::from(which)]).0;
                    d.further_of_users.types.push((id, further));
                }
            }
        }
        if !self.further.is_empty() {
            // Nodes without facts, so that there are users, items and entities with each further type and without.
            d.entity("zz", "genre");
            ["iy", "iz"].iter().for_each(|item| _ = d.item(item));
            ["uy", "uz"].iter().for_each(|user| _ = d.users.intern(user));
            d.user_links.resize(if self.about.is_empty() { 0 } else { d.users.len() }, u32::MAX);
            for name in FURTHER {
                d.further("zz", name);
                let name = d.further_types.intern(name).0;
                for (told, id) in [(&mut d.further_of_items, "iz"), (&mut d.further_of_users, "uz")] {
                    let id = told.ids.intern(id).0;
                    told.types.push((id, name));
                }
            }
        }
        build(d).unwrap().train_kg().unwrap()
    }

    pub(crate) fn build(&self) -> TrainKg {
        self.build_named(|prefix, number| format!("{prefix}{number:03}"))
    }
}

/// At most 12 nodes and 5 relations, self-loops, parallel relations, users without items and facts about users
/// included.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    (1u8..=3, 1u8..=5, 2u8..=4).prop_flat_map(|(users, items, entities)| {
        let nodes = items + entities;
        let log = proptest::collection::vec((0..users, 0..items), 0..8);
        let facts = proptest::collection::vec((0..nodes, 0..RELATIONS, 0..nodes), 0..14);
        let about = (0..users, 0..RELATIONS, 0..nodes + users, any::<bool>());
        let about = prop_oneof![Just(Vec::new()), proptest::collection::vec(about, 1..6)];
        (log, facts, about).prop_map(move |(log, facts, about)| Plan {
            users,
            items,
            entities,
            log,
            facts,
            about,
            further: Vec::new(),
        })
    })
}

/// The same with further types of users, items and entities.
pub(crate) fn plan_with_further() -> impl Strategy<Value = Plan> {
    plan().prop_flat_map(|plan| {
        let nodes = plan.users + plan.items + plan.entities;
        let further = proptest::collection::vec((0..nodes, 0..2u8), 1..12);
        further.prop_map(move |further| Plan { further, ..plan.clone() })
    })
}

/// [`toy`] with further types, of each kind of node some.
pub(crate) fn toy_with_further() -> TrainKg {
    let further =
        vec![(0, 0), (1, 0), (1, 1), (3, 1), (4, 0), (5, 0), (5, 1), (6, 0), (8, 1), (10, 0), (11, 0), (11, 1)];
    Plan { further, ..toy_plan() }.build()
}

/// The graph of the tests of laws: parallel relations, a self-loop, a dead end, items of several users.
pub(crate) fn toy() -> TrainKg {
    toy_plan().build()
}

fn toy_plan() -> Plan {
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
    Plan { users: 3, items: 5, entities: 4, log, facts, about: Vec::new(), further: Vec::new() }
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
