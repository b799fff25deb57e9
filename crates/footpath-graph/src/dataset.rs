//! A data set as every importer delivers it: names interned, facts as numbers, nothing sorted yet.

use crate::attributes::AttributeKind;
use crate::heldout::Split;
use crate::interner::Interner;
use crate::kg::Sources;
use std::collections::BTreeSet;

pub use crate::interner::NONE;
pub use crate::kg::MAX_RELATIONS;

/// Most nodes.
pub const MAX_NODES: u64 = (1 << 32) - 2;

/// A user's choice of an item, by interned numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawInteraction {
    /// Number in [`Dataset::users`].
    pub user: u32,
    /// Number in [`Dataset::items`].
    pub item: u32,
    /// Rating as given; NaN where the data has none.
    pub rating: f32,
    /// Time or position as given; 0 where the data has none.
    pub time: i64,
    /// Line in the source file, from 1; with several files, its [number](Sources::number).
    pub line: u32,
    /// The part of the log it belongs to.
    pub split: Split,
}

/// A fact between two entities, by interned numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTriple {
    /// Number in [`Dataset::entities`].
    pub head: u32,
    /// Number in [`Dataset::relations`].
    pub relation: u32,
    /// Number in [`Dataset::entities`].
    pub tail: u32,
    /// Line in the source file, from 1; with several files, its [number](Sources::number).
    pub line: u32,
}

/// A relation of the graph and how to read it in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRelation {
    /// Name, unique.
    pub name: String,
    /// Reading from head to tail, such as `was directed by`; empty to use the name.
    pub forward: String,
    /// Reading from tail to head, such as `directed`; empty to use the name.
    pub inverse: String,
}

/// An attribute of items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawAttribute {
    /// Name, unique.
    pub name: String,
    /// What its numbers mean, once there is one.
    pub kind: Option<AttributeKind>,
    /// Values by number in [`Dataset::attribute_items`]; NaN, or nothing at the end, where none is known.
    pub of_items: Vec<f64>,
    /// Values by number in [`Dataset::attribute_entities`], of the items that are these.
    pub of_entities: Vec<f64>,
}

/// The types of nodes besides their own.
#[derive(Clone, Debug, Default)]
pub struct RawFurther {
    /// Ids of nodes, which need not be in the data.
    pub ids: Interner,
    /// Number in `ids`, and in [`Dataset::further_types`]; in any order, and possibly several times.
    pub types: Vec<(u32, u32)>,
}

/// Everything an importer found.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Ids of users.
    pub users: Interner,
    /// Ids of items.
    pub items: Interner,
    /// Ids of entities, those linked to an item included.
    pub entities: Interner,
    /// Names of entity types.
    pub types: Interner,
    /// Type of each entity, a number in `types`.
    pub entity_types: Vec<u32>,
    /// Label of each entity, a number in `labels` or [`NONE`].
    pub entity_labels: Vec<u32>,
    /// Title of each item, a number in `labels` or [`NONE`].
    pub item_titles: Vec<u32>,
    /// Labels and titles.
    pub labels: Interner,
    /// Entity each item is linked to, or [`NONE`]. No entity belongs to two items.
    pub links: Vec<u32>,
    /// Entity each user is linked to, or [`NONE`]; empty where none is. No entity belongs to two users, or to a user
    /// and an item.
    pub user_links: Vec<u32>,
    /// Entities that were made for items which share theirs with another item, and the entity that they share.
    pub copies: Vec<(u32, u32)>,
    /// Entities that are items or users because these have their ids, and not because anything links them.
    pub joined: BTreeSet<u32>,
    /// Items whose entity has no fact yet and is no node, and the id of that entity.
    pub awaited_links: Vec<(String, String)>,
    /// Attributes of items.
    pub attributes: Vec<RawAttribute>,
    /// Ids of items with attributes, which need not be among `items`.
    pub attribute_items: Interner,
    /// Ids of entities with attributes, which need not be among `entities`.
    pub attribute_entities: Interner,
    /// Names of further types.
    pub further_types: Interner,
    /// Those of users, by the ids of users.
    pub further_of_users: RawFurther,
    /// Those of items, by the ids of items.
    pub further_of_items: RawFurther,
    /// Those of entities, and of the items and users that these are.
    pub further_of_entities: RawFurther,
    /// The relations, numbered as in `triples`.
    pub relations: Vec<RawRelation>,
    /// The facts.
    pub triples: Vec<RawTriple>,
    /// Weight of each of `triples`, in their order; empty where the data has none. See [`crate::kg::EDGE_WEIGHTS`] for
    /// the range.
    pub triple_weights: Vec<f32>,
    /// Facts that are held out: no part of the graph, and kept apart from `triples`.
    pub held_out_facts: Vec<(Split, RawTriple)>,
    /// The log.
    pub interactions: Vec<RawInteraction>,
    /// Whether interactions have ratings.
    pub has_ratings: bool,
    /// Whether an interaction weighs as much as its rating says; otherwise it weighs 1 in a graph with weights.
    pub rating_weights: bool,
    /// Whether interactions have times or positions.
    pub has_times: bool,
    /// Files the interactions came from.
    pub interactions_files: Sources,
    /// Files the triples came from.
    pub triples_files: Sources,
}

impl Default for Dataset {
    fn default() -> Self {
        Self {
            users: Interner::default(),
            items: Interner::default(),
            entities: Interner::default(),
            types: Interner::default(),
            entity_types: Vec::new(),
            entity_labels: Vec::new(),
            item_titles: Vec::new(),
            labels: Interner::default(),
            links: Vec::new(),
            user_links: Vec::new(),
            copies: Vec::new(),
            joined: BTreeSet::new(),
            awaited_links: Vec::new(),
            attributes: Vec::new(),
            attribute_items: Interner::default(),
            attribute_entities: Interner::default(),
            further_types: Interner::default(),
            further_of_users: RawFurther::default(),
            further_of_items: RawFurther::default(),
            further_of_entities: RawFurther::default(),
            relations: Vec::new(),
            triples: Vec::new(),
            triple_weights: Vec::new(),
            held_out_facts: Vec::new(),
            interactions: Vec::new(),
            has_ratings: false,
            rating_weights: false,
            has_times: false,
            interactions_files: Sources::one("interactions.tsv"),
            triples_files: Sources::one("triples.tsv"),
        }
    }
}

impl Dataset {
    /// The number of an item, added without title and link when it is new.
    pub fn item(&mut self, id: &str) -> u32 {
        let (number, new) = self.items.intern(id);
        if new {
            self.item_titles.push(NONE);
            self.links.push(NONE);
        }
        number
    }

    /// The number of an entity, added with this type when it is new.
    pub fn entity(&mut self, id: &str, kind: &str) -> u32 {
        let (number, new) = self.entities.intern(id);
        if new {
            let kind = self.types.intern(kind).0;
            self.entity_types.push(kind);
            self.entity_labels.push(NONE);
        }
        number
    }

    /// The number of a relation, added without readings when it is new.
    pub fn relation(&mut self, name: &str) -> u32 {
        let found = self.relations.iter().position(|r| r.name == name);
        let index = found.unwrap_or_else(|| {
            self.relations.push(RawRelation { name: name.to_owned(), forward: String::new(), inverse: String::new() });
            self.relations.len() - 1
        });
        u32::try_from(index).unwrap_or(NONE)
    }

    /// Whether facts have weights; the graph stores some only then.
    #[must_use]
    pub fn is_weighed(&self) -> bool {
        self.rating_weights || !self.triple_weights.is_empty()
    }

    /// Adds an interaction of the train split.
    pub fn interact(&mut self, user: &str, item: &str) {
        let (user, item) = (self.users.intern(user).0, self.item(item));
        let line = u32::try_from(self.interactions.len() + 2).unwrap_or(0);
        let interaction = RawInteraction { user, item, rating: f32::NAN, time: 0, line, split: Split::Train };
        self.interactions.push(interaction);
    }

    /// Adds a fact between two entities, which are added with type `entity` when they are new.
    pub fn fact(&mut self, head: &str, relation: &str, tail: &str) {
        let (head, tail) = (self.entity(head, "entity"), self.entity(tail, "entity"));
        let relation = self.relation(relation);
        let line = u32::try_from(self.triples.len() + 2).unwrap_or(0);
        self.triples.push(RawTriple { head, relation, tail, line });
    }

    /// Says of an entity, or of the item or user that it is, that it has a further type.
    pub fn further(&mut self, entity: &str, name: &str) {
        let name = self.further_types.intern(name).0;
        let id = self.further_of_entities.ids.intern(entity).0;
        self.further_of_entities.types.push((id, name));
    }

    /// Drops the ids, labels, links, attributes and further types, which the graph builder needs first and no longer
    /// than that.
    pub(crate) fn drop_names(&mut self) {
        (self.users, self.items, self.entities) = (Interner::default(), Interner::default(), Interner::default());
        (self.labels, self.types) = (Interner::default(), Interner::default());
        (self.entity_types, self.entity_labels) = (Vec::new(), Vec::new());
        (self.item_titles, self.links, self.user_links) = (Vec::new(), Vec::new(), Vec::new());
        (self.copies, self.awaited_links, self.attributes) = (Vec::new(), Vec::new(), Vec::new());
        (self.attribute_items, self.attribute_entities) = (Interner::default(), Interner::default());
        (self.further_of_users, self.further_of_items) = (RawFurther::default(), RawFurther::default());
        (self.further_of_entities, self.further_types) = (RawFurther::default(), Interner::default());
    }

    /// Makes a user and an entity one node; both are added when they are new.
    pub fn link_user(&mut self, user: &str, entity: &str) {
        let (user, entity) = (self.users.intern(user).0, self.entity(entity, "entity"));
        self.user_links.resize(self.users.len().max(self.user_links.len()), NONE);
        if let Some(link) = self.user_links.get_mut(user as usize) {
            *link = entity;
        }
    }

    /// Makes an item and an entity one node; both are added when they are new.
    pub fn link(&mut self, item: &str, entity: &str) {
        let (item, entity) = (self.item(item), self.entity(entity, "entity"));
        if let Some(link) = self.links.get_mut(item as usize) {
            *link = entity;
        }
    }
}
