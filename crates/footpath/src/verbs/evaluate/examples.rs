//! What the page shows of the lists themselves: worked examples, kinds of paths, popularity.

use super::protocol::{ITEMS, Protocol, shown};
use super::subject::Judged;
use crate::recommend::RankedBy;
use footpath_core::{NodeId, Path, RelationId};
use footpath_graph::report::GraphReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the page shows beside the figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PageExtras {
    pub(crate) graph: GraphReport,
    /// Step, training loss, NDCG on valid where it was taken.
    pub(crate) training: Vec<(u64, f64, Option<f64>)>,
    /// Relation sequences of the paths shown, most frequent first, with their share.
    pub(crate) patterns: Vec<(String, f64)>,
    /// For ten equal parts of the items from the most to the least chosen: share of slots, share of train.
    pub(crate) deciles: Vec<[f64; 2]>,
    pub(crate) examples: Vec<Example>,
}

/// Train items shown of each.
const HISTORY: usize = 8;
/// Kinds of paths shown.
const PATTERNS: usize = 15;
/// Points of the training curve kept.
const POINTS: usize = 400;

/// A node of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Its readable label.
    pub label: String,
    /// Name of its type.
    pub kind: String,
}

/// A hop of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The relation as it reads in its direction.
    pub reading: String,
    /// Where it leads.
    pub to: Stop,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleItem {
    /// Its readable label.
    pub label: String,
    /// Whether it is held out.
    pub hit: bool,
    /// The path that explains it; empty where there is none.
    pub hops: Vec<Hop>,
    /// What made its rank, where that is not its paths alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked_by: Option<RankedBy>,
}

/// A user with the first items of their list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The user.
    pub user: Stop,
    /// Some of what the user chose in training, the latest first where times are known.
    pub history: Vec<String>,
    /// Items held out.
    pub held_out: Vec<String>,
    /// The first items of the list.
    pub items: Vec<ExampleItem>,
}

pub(super) fn drawn(protocol: &Protocol<'_>, judged: &Judged) -> PageExtras {
    let log = judged.model.as_ref().map_or(&[][..], |model| model.log.as_slice());
    let every = log.len().div_ceil(POINTS).max(1);
    let kept = log.iter().enumerate().filter(|(index, p)| index % every == 0 || p.validation.is_some());
    PageExtras {
        graph: GraphReport::of(&protocol.train, &footpath_core::Context::default()).unwrap_or_default(),
        training: kept.map(|(_, p)| (p.step, p.loss, p.validation)).collect(),
        patterns: patterns(protocol, judged),
        deciles: deciles(protocol, judged),
        examples: shown(protocol, &judged.lists).into_iter().map(|user| example(protocol, judged, user)).collect(),
    }
}

fn example(protocol: &Protocol<'_>, judged: &Judged, user: NodeId) -> Example {
    let kg = &protocol.train;
    let held_out = protocol.held_out.by_user().remove(&user).unwrap_or_default();
    let label = |item: &NodeId| kg.title(*item).into_owned();
    let mut history: Vec<(i64, NodeId)> = kg.items_of(user).iter().map(|&item| (0, NodeId(item))).collect();
    history.iter_mut().zip(kg.times_of(user)).for_each(|(choice, &time)| choice.0 = time);
    history.sort_by_key(|&(time, item)| (std::cmp::Reverse(time), item));
    let paths = judged.explained.get(&user).map_or(&[][..], Vec::as_slice);
    let ranked_by = judged.ranked_by.get(&user).map_or(&[][..], Vec::as_slice);
    let item = |item: NodeId| {
        let path = paths.iter().find(|(explained, _)| *explained == item).and_then(|(_, path)| path.as_ref());
        ExampleItem {
            label: label(&item),
            hit: held_out.binary_search(&item).is_ok(),
            hops: path.map_or_else(Vec::new, |path| hops(protocol, path)),
            ranked_by: ranked_by.iter().find(|(ranked, _)| *ranked == item).map(|(_, ranked_by)| ranked_by.clone()),
        }
    };
    Example {
        user: stop(protocol, user),
        history: history.iter().take(HISTORY).map(|(_, item)| label(item)).collect(),
        held_out: held_out.iter().map(label).collect(),
        items: judged.lists.of(user).iter().take(ITEMS.min(protocol.k)).map(|r| item(r.item)).collect(),
    }
}

fn stop(protocol: &Protocol<'_>, node: NodeId) -> Stop {
    let kg = &protocol.train;
    let kind = kg.schema().types.get(kg.type_of(node).index()).map_or(String::new(), |kind| kind.name.clone());
    Stop { label: kg.title(node).into_owned(), kind }
}

fn hops(protocol: &Protocol<'_>, path: &Path) -> Vec<Hop> {
    let hop = |t: footpath_core::Triple| Hop {
        reading: protocol.train.reading(t.relation).to_owned(),
        to: stop(protocol, t.tail),
    };
    path.triples().map(hop).collect()
}

fn patterns(protocol: &Protocol<'_>, judged: &Judged) -> Vec<(String, f64)> {
    let mut numbers: BTreeMap<&[RelationId], usize> = BTreeMap::new();
    let paths =
        judged.explained.values().flat_map(|list| list.iter().take(protocol.k)).filter_map(|(_, path)| path.as_ref());
    paths.for_each(|path| *numbers.entry(&path.relations).or_default() += 1);
    let all: usize = numbers.values().sum();
    let mut ranked: Vec<_> = numbers.into_iter().collect();
    ranked.sort_by_key(|&(relations, number)| (std::cmp::Reverse(number), relations));
    let name = |relations: &[RelationId]| {
        relations.iter().map(|&r| protocol.train.relation_name(r)).collect::<Vec<_>>().join(" → ")
    };
    ranked.iter().take(PATTERNS).map(|(relations, number)| (name(relations), *number as f64 / all as f64)).collect()
}

fn deciles(protocol: &Protocol<'_>, judged: &Judged) -> Vec<[f64; 2]> {
    let kg = &protocol.train;
    let mut shown: BTreeMap<NodeId, usize> = BTreeMap::new();
    for &user in &protocol.users {
        judged.lists.of(user).iter().take(protocol.k).for_each(|r| *shown.entry(r.item).or_default() += 1);
    }
    let mut items: Vec<NodeId> = kg.items().map(NodeId).collect();
    items.sort_by_key(|&item| (std::cmp::Reverse(kg.popularity(item)), item));
    let num_slots: usize = shown.values().sum();
    let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    let of_part = |tenth: usize| {
        let part = items.get(tenth * items.len() / 10..(tenth + 1) * items.len() / 10).unwrap_or_default();
        let slots: usize = part.iter().filter_map(|item| shown.get(item)).sum();
        let train: usize = part.iter().map(|&item| kg.popularity(item)).sum();
        [share(slots, num_slots), share(train, kg.num_train())]
    };
    (0..10).map(of_part).collect()
}
