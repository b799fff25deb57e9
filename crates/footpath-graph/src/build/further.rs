//! The further types of nodes, before these have ids: sets of names, each once.

use crate::dataset::{Dataset, NONE, RawFurther};
use crate::error::Result;
use crate::interner::Interner;
use crate::kg::MAX_FURTHER_TYPES;
use footpath_core::Context;
use std::collections::{BTreeMap, BTreeSet};

/// Which nodes have which further types. All lists are empty where no node has any.
#[derive(Debug, Default)]
pub(super) struct Further {
    /// Names that some node has, in order.
    pub(super) names: Vec<String>,
    /// The sets of numbers of names that nodes have, in order, each ascending; the first is empty.
    pub(super) sets: Vec<Vec<u16>>,
    /// The number of the set of each user, item and entity.
    pub(super) users: Vec<u32>,
    pub(super) items: Vec<u32>,
    pub(super) entities: Vec<u32>,
}

/// A node by its number in the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    User(u32),
    Item(u32),
    Entity(u32),
}

impl Further {
    pub(super) fn of(dataset: &Dataset, context: &Context) -> Result<Self> {
        let Dataset { further_of_users, further_of_items, further_of_entities, .. } = dataset;
        if [further_of_users, further_of_items, further_of_entities].iter().all(|told| told.types.is_empty()) {
            return Ok(Self::default());
        }
        let mut told = pairs(further_of_users, &dataset.users, Node::User);
        told.extend(pairs(further_of_items, &dataset.items, Node::Item));
        told.extend(of_nodes_of_entities(dataset));
        // By names, and of these those that are left over.
        let in_order = dataset.further_types.sorted(context)?;
        let mut is_used = vec![false; in_order.len()];
        told.iter().for_each(|&(_, name)| is_used.get_mut(name as usize).into_iter().for_each(|used| *used = true));
        let used: Vec<u32> = in_order.into_iter().filter(|&name| is_used.get(name as usize) == Some(&true)).collect();
        if used.len() > MAX_FURTHER_TYPES {
            let (what, max) = ("further types; let the mapping name those to keep", MAX_FURTHER_TYPES as u64);
            return Err(footpath_core::Error::Limit { what, max, got: used.len() as u64 }.into());
        }
        let mut rank = vec![0u16; is_used.len()];
        for (number, &name) in (0..).zip(&used) {
            rank.get_mut(name as usize).into_iter().for_each(|rank| *rank = number);
        }
        let mut told: Vec<(Node, u16)> =
            told.into_iter().map(|(node, name)| (node, rank.get(name as usize).copied().unwrap_or(0))).collect();
        context.check()?;
        told.sort_unstable();
        told.dedup();
        let names = used.iter().map(|&name| dataset.further_types.get(name).to_owned()).collect();
        Ok(Self::of_sets(dataset, names, &told))
    }

    /// From each node with its names, sorted.
    fn of_sets(dataset: &Dataset, names: Vec<String>, told: &[(Node, u16)]) -> Self {
        let mut nodes_of: BTreeMap<Vec<u16>, Vec<Node>> = BTreeMap::new();
        for of_node in told.chunk_by(|(a, _), (b, _)| a == b) {
            let Some(&(node, _)) = of_node.first() else { continue };
            nodes_of.entry(of_node.iter().map(|&(_, name)| name).collect()).or_default().push(node);
        }
        if nodes_of.is_empty() {
            return Self::default();
        }
        let none = |len: usize| vec![0; len];
        let (users, items) = (none(dataset.users.len()), none(dataset.items.len()));
        let mut further = Self { names, sets: vec![Vec::new()], users, items, entities: none(dataset.entities.len()) };
        for (number, (set, nodes)) in (1..).zip(nodes_of) {
            further.sets.push(set);
            for node in nodes {
                let slot = match node {
                    Node::User(user) => further.users.get_mut(user as usize),
                    Node::Item(item) => further.items.get_mut(item as usize),
                    Node::Entity(entity) => further.entities.get_mut(entity as usize),
                };
                slot.into_iter().for_each(|slot| *slot = number);
            }
        }
        further
    }
}

/// What is told of nodes that are there, by their numbers.
fn pairs(told: &RawFurther, nodes: &Interner, node: fn(u32) -> Node) -> Vec<(Node, u32)> {
    let found: Vec<Option<u32>> = (0..).take(told.ids.len()).map(|id| nodes.find(told.ids.get(id))).collect();
    let pair = |&(id, name): &(u32, u32)| Some((node(found.get(id as usize).copied()??), name));
    told.types.iter().filter_map(pair).collect()
}

/// What is told of entities, as said of the users and items that these are.
fn of_nodes_of_entities(dataset: &Dataset) -> Vec<(Node, u32)> {
    let mut told = pairs(&dataset.further_of_entities, &dataset.entities, Node::Entity);
    let mut owner: Vec<Node> = (0..).take(dataset.entities.len()).map(Node::Entity).collect();
    let mut own = |entity: u32, node: Node| owner.get_mut(entity as usize).into_iter().for_each(|slot| *slot = node);
    (0..).zip(&dataset.links).filter(|(_, link)| **link != NONE).for_each(|(item, &e)| own(e, Node::Item(item)));
    (0..).zip(&dataset.user_links).filter(|(_, link)| **link != NONE).for_each(|(user, &e)| own(e, Node::User(user)));
    // What is an item of its own for sharing an entity with another one is what that entity is.
    let mut copies: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
    for &(copy, original) in &dataset.copies {
        copies.entry(Node::Entity(original)).or_default().push(Node::Entity(copy));
    }
    let of_copies = |&(node, name): &(Node, u32)| {
        copies.get(&node).into_iter().flatten().map(move |&copy| (copy, name)).collect::<Vec<_>>()
    };
    let more: Vec<(Node, u32)> = told.iter().flat_map(of_copies).collect();
    told.extend(more);
    let owned = |node: Node| match node {
        Node::Entity(entity) => owner.get(entity as usize).copied().unwrap_or(node),
        other => other,
    };
    told.into_iter().map(|(node, name)| (owned(node), name)).collect()
}

/// The further types of entities by their numbers, in order and parted by semicolons.
pub(super) fn of_entities(dataset: &Dataset) -> BTreeMap<u32, String> {
    let mut names: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    let number = |node: Node| match node {
        Node::User(number) | Node::Item(number) | Node::Entity(number) => number,
    };
    for (node, name) in pairs(&dataset.further_of_entities, &dataset.entities, Node::Entity) {
        names.entry(number(node)).or_default().insert(dataset.further_types.get(name));
    }
    names.into_iter().map(|(entity, names)| (entity, names.into_iter().collect::<Vec<_>>().join(";"))).collect()
}
