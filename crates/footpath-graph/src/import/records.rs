//! What an importer is told, record by record, wherever it comes from.

use crate::heldout::Split;

/// A file that records come from, by the number that [`DatasetBuilder::file`](super::DatasetBuilder::file) gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileNumber(pub(super) u32);

/// Where a record was read; the default is nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source(pub(super) Option<(FileNumber, u32)>);

impl Source {
    /// In this line of a file, from 1.
    #[must_use]
    pub fn at(file: FileNumber, line: u32) -> Self {
        Self(Some((file, line)))
    }
}

/// A user's choice of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interaction<'a> {
    /// Id of the user.
    pub user: &'a str,
    /// Id of the item.
    pub item: &'a str,
    /// How the user rated it. All interactions have a rating, or none has.
    pub rating: Option<f32>,
    /// When it was, in any unit, or the place among the user's choices. All interactions have one, or none has.
    pub time: Option<i64>,
    /// The part of the log it belongs to. All interactions name one, or none does.
    pub split: Option<Split>,
}

/// An item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Item<'a> {
    /// Id, as in interactions.
    pub id: &'a str,
    /// The entity that it is one node with, which a triple or an entity record named before.
    pub entity: Option<&'a str>,
    /// Title to show.
    pub title: Option<&'a str>,
}

/// An attribute of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Id of the item.
    pub item: &'a str,
    /// Name of the attribute.
    pub name: &'a str,
    /// A number, a date such as `2020-09-13`, or `true` or `false`; the first value of an attribute says which of these
    /// all are.
    pub value: &'a str,
}

/// A user and the entity that the facts about the user name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct User<'a> {
    /// Id, as in interactions.
    pub id: &'a str,
    /// The entity that the user is one node with, which a triple or an entity record named before.
    pub entity: &'a str,
}

/// A node, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A user.
    User(&'a str),
    /// An item.
    Item(&'a str),
    /// An entity, or the item or user that it is.
    Entity(&'a str),
}

/// An entity of the knowledge graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entity<'a> {
    /// Id, as in triples.
    pub id: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Label to show.
    pub label: Option<&'a str>,
}

/// A relation of the knowledge graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation<'a> {
    /// Name, as in triples.
    pub name: &'a str,
    /// Reading from head to tail, such as `was directed by`; the name where there is none.
    pub forward: Option<&'a str>,
    /// Reading from tail to head, such as `directed`.
    pub inverse: Option<&'a str>,
}

/// A fact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Triple<'a> {
    /// Id of the entity that the fact is about.
    pub head: &'a str,
    /// Name of the relation.
    pub relation: &'a str,
    /// Id of the entity that it is related to.
    pub tail: &'a str,
    /// Weight of the fact, see [`EDGE_WEIGHTS`](crate::kg::EDGE_WEIGHTS). All triples have one, or none has.
    pub weight: Option<f32>,
}
