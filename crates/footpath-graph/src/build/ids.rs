//! Dense ids of nodes, and all that is told of nodes by their ids: names, labels, aliases, attributes.

use super::further::{self, Further};
use crate::aliases::{Alias, AliasKind, Aliases};
use crate::attributes::AttributeName;
use crate::dataset::{Dataset, MAX_NODES, NONE};
use crate::error::Result;
use crate::kg::{MAX_KINDS, NodeKind, NodeType};
use footpath_core::{Array, Context, NodeId, TypeId};
use std::collections::BTreeMap;

/// Dense node ids: users, items, then entities by type; each group by its further types, and then by byte order of its
/// ids.
pub(super) struct Ids {
    pub(super) types: Vec<NodeType>,
    /// As in [`Schema`](crate::kg::Schema).
    pub(super) further_types: Vec<String>,
    pub(super) kinds: Vec<NodeKind>,
    pub(super) num_nodes: u32,
    pub(super) users: Vec<u32>,
    pub(super) items: Vec<u32>,
    pub(super) entities: Vec<u32>,
}

impl Ids {
    pub(super) fn assign(dataset: &Dataset, context: &Context) -> Result<Self> {
        let links = || dataset.links.iter().chain(&dataset.user_links);
        let linked = links().filter(|&&link| link != NONE).count() as u64;
        let total = (dataset.users.len() + dataset.items.len() + dataset.entities.len()) as u64 - linked;
        if total > MAX_NODES {
            return Err(footpath_core::Error::Limit { what: "nodes", max: MAX_NODES, got: total }.into());
        }
        let further = Further::of(dataset, context)?;
        let mut numbering = Numbering::new(&further);
        let mut users = vec![NONE; dataset.users.len()];
        numbering.add("user", dataset.users.sorted(context)?, &further.users, &mut users);
        let mut items = vec![NONE; dataset.items.len()];
        numbering.add("item", dataset.items.sorted(context)?, &further.items, &mut items);
        let mut entities = vec![NONE; dataset.entities.len()];
        let of_items = dataset.links.iter().zip(&items);
        for (&link, &node) in of_items.chain(dataset.user_links.iter().zip(&users)) {
            if let Some(entity) = entities.get_mut(link as usize) {
                *entity = node;
            }
        }
        let by_name = dataset.entities.sorted(context)?;
        for kind in dataset.types.sorted(context)? {
            context.check()?;
            let is_new = |&entity: &u32| {
                let of_kind = dataset.entity_types.get(entity as usize) == Some(&kind);
                of_kind && entities.get(entity as usize) == Some(&NONE)
            };
            let of_kind: Vec<u32> = by_name.iter().copied().filter(is_new).collect();
            if !of_kind.is_empty() {
                numbering.add(dataset.types.get(kind), of_kind, &further.entities, &mut entities);
            }
        }
        let Numbering { types, kinds, next, .. } = numbering;
        let kinds = if further.names.is_empty() { Vec::new() } else { kinds };
        if kinds.len() > MAX_KINDS {
            let (what, max) = ("combinations of types; let the mapping name fewer further types", MAX_KINDS as u64);
            return Err(footpath_core::Error::Limit { what, max, got: kinds.len() as u64 }.into());
        }
        let further_types = further.names;
        Ok(Self { types, further_types, kinds, num_nodes: next, users, items, entities })
    }

    /// For each node, the end of its id in the bytes, and the bytes.
    pub(super) fn names(&self, dataset: &Dataset) -> (Vec<u64>, Vec<u8>) {
        let mut of_node: Vec<&str> = vec![""; self.num_nodes as usize];
        // Entities first: a linked item keeps the id of the item, a linked user that of the user.
        self.place(&mut of_node, &self.entities, |raw| dataset.entities.get(raw));
        self.place(&mut of_node, &self.users, |raw| dataset.users.get(raw));
        self.place(&mut of_node, &self.items, |raw| dataset.items.get(raw));
        concatenate(&of_node)
    }

    pub(super) fn labels(&self, dataset: &Dataset) -> (Vec<u64>, Vec<u8>) {
        let mut of_node: Vec<&str> = vec![""; self.num_nodes as usize];
        let label = |labels: &[u32], raw: u32| match labels.get(raw as usize) {
            Some(&number) if number != NONE => dataset.labels.get(number),
            _ => "",
        };
        self.place(&mut of_node, &self.entities, |raw| label(&dataset.entity_labels, raw));
        for (raw, &node) in (0..).zip(&self.items) {
            let title = label(&dataset.item_titles, raw);
            if let Some(slot) = of_node.get_mut(node as usize).filter(|_| !title.is_empty()) {
                *slot = title;
            }
        }
        concatenate(&of_node)
    }

    /// Which entity each linked item or user is, or will be once it has a fact, by its id: empty where that is its own.
    pub(super) fn aliases(&self, dataset: &Dataset) -> Aliases {
        let copied: BTreeMap<u32, u32> = dataset.copies.iter().copied().collect();
        let label = |entity: u32| match dataset.entity_labels.get(entity as usize) {
            Some(&label) if label != NONE => dataset.labels.get(label),
            _ => "",
        };
        let entity_type = |entity: u32| dataset.entity_types.get(entity as usize).map_or("", |&t| dataset.types.get(t));
        let further = further::of_entities(dataset);
        let alias = |node: u32, link: u32| {
            let entity = copied.get(&link).copied().unwrap_or(link);
            let kind = if dataset.joined.contains(&entity) { AliasKind::Joined } else { AliasKind::Linked };
            let id = dataset.entities.get(entity);
            let further = further.get(&entity).map_or("", String::as_str);
            Alias { node: NodeId(node), kind, id, entity_type: entity_type(entity), label: label(entity), further }
        };
        let of_users = self.users.iter().zip(&dataset.user_links);
        let linked = of_users.chain(self.items.iter().zip(&dataset.links)).filter(|(_, link)| **link != NONE);
        let mut aliased: Vec<Alias<'_>> = linked.map(|(&node, &link)| alias(node, link)).collect();
        aliased.extend(dataset.awaited_links.iter().filter_map(|(item, id)| {
            let node = NodeId(*self.items.get(dataset.items.find(item)? as usize)?);
            Some(Alias { node, kind: AliasKind::Awaited, id, entity_type: "", label: "", further: "" })
        }));
        aliased.sort_unstable_by_key(|alias| (alias.node, alias.kind, alias.id));
        aliased.dedup_by_key(|alias| (alias.node, alias.kind));
        let mut own: Vec<&str> = vec![""; self.num_nodes as usize];
        self.place(&mut own, &self.users, |raw| dataset.users.get(raw));
        self.place(&mut own, &self.items, |raw| dataset.items.get(raw));
        let mut aliases = Aliases::default();
        for mut alias in aliased {
            if own.get(alias.node.index()) == Some(&alias.id) {
                alias.id = "";
            }
            aliases.push(&alias);
        }
        aliases
    }

    /// The attributes that any item has, by name, with a value for each item.
    pub(super) fn attributes(&self, dataset: &Dataset) -> Vec<(AttributeName, Array<f64>)> {
        let items = self.types.get(1).map_or(0..0, |items| items.start..items.end);
        let node_of = |nodes: &[u32], raw: Option<u32>| raw.and_then(|raw| nodes.get(raw as usize).copied());
        let mut attributes = Vec::new();
        for attribute in &dataset.attributes {
            let mut values = vec![f64::NAN; items.len()];
            let mut set = |node: Option<u32>, value: f64| {
                let place =
                    node.filter(|node| items.contains(node)).map_or(usize::MAX, |node| (node - items.start) as usize);
                // What is said of an item by its own id goes before what is said of its entity.
                values.get_mut(place).filter(|slot| slot.is_nan()).into_iter().for_each(|slot| *slot = value);
            };
            for (raw, &value) in (0..).zip(&attribute.of_items) {
                set(node_of(&self.items, dataset.items.find(dataset.attribute_items.get(raw))), value);
            }
            for (raw, &value) in (0..).zip(&attribute.of_entities) {
                set(node_of(&self.entities, dataset.entities.find(dataset.attribute_entities.get(raw))), value);
            }
            if let Some(kind) = attribute.kind.filter(|_| values.iter().any(|value| !value.is_nan())) {
                attributes.push((AttributeName { name: attribute.name.clone(), kind }, values.into()));
            }
        }
        attributes.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        attributes
    }

    fn place<'a>(&self, of_node: &mut [&'a str], nodes: &[u32], text: impl Fn(u32) -> &'a str) {
        for (raw, &node) in (0..).zip(nodes) {
            if let Some(slot) = of_node.get_mut(node as usize) {
                *slot = text(raw);
            }
        }
    }
}

/// Gives nodes their ids, type by type.
struct Numbering<'f> {
    further: &'f Further,
    types: Vec<NodeType>,
    kinds: Vec<NodeKind>,
    next: u32,
}

impl<'f> Numbering<'f> {
    fn new(further: &'f Further) -> Self {
        Self { further, types: Vec::new(), kinds: Vec::new(), next: 0 }
    }

    /// Gives the nodes of a type, in the order of their names, consecutive ids: set by set of further types, of which
    /// `sets` has the number for each node. `ids` maps node to id.
    fn add(&mut self, name: &str, mut nodes: Vec<u32>, sets: &[u32], ids: &mut [u32]) {
        let set_of = |node: u32| sets.get(node as usize).copied().unwrap_or(0);
        let first = self.next;
        if !sets.is_empty() {
            // Stable, so that the nodes of a set stay in order.
            nodes.sort_by_key(|&node| set_of(node));
        }
        let node_type = TypeId(u16::try_from(self.types.len()).unwrap_or(u16::MAX));
        for same in nodes.chunk_by(|&a, &b| set_of(a) == set_of(b)) {
            let start = self.next;
            for &node in same {
                ids.get_mut(node as usize).into_iter().for_each(|id| *id = self.next);
                self.next += 1;
            }
            let set = same.first().map_or(0, |&node| set_of(node));
            let further = self.further.sets.get(set as usize).cloned().unwrap_or_default();
            self.kinds.push(NodeKind { node_type, further, start, end: self.next });
        }
        if nodes.is_empty() {
            self.kinds.push(NodeKind { node_type, further: Vec::new(), start: first, end: first });
        }
        self.types.push(NodeType { name: name.to_owned(), start: first, end: self.next });
    }
}

fn concatenate(texts: &[&str]) -> (Vec<u64>, Vec<u8>) {
    let mut ends = Vec::with_capacity(texts.len());
    let mut bytes = Vec::with_capacity(texts.iter().map(|t| t.len()).sum());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as u64);
    }
    (ends, bytes)
}
