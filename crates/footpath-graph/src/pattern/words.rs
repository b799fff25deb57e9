//! Sets of relations and of kinds of nodes, in words.

use crate::kg::Schema;
use footpath_core::{KindId, RelationId, TypeId};
use std::collections::BTreeSet;

/// Most names listed where words stand for a set.
const MAX_NAMES: usize = 6;

/// A set of directed relations in words: `any relation`, `any forward relation but interacted`,
/// `starring, ~starring and 12 more`.
#[must_use]
pub fn relations_in_words(set: &BTreeSet<RelationId>, schema: &Schema) -> String {
    let name = |relation: RelationId| {
        let name = schema.relations.get(relation.index() / 2).map_or("", |relation| &relation.name);
        if relation.is_inverse() { format!("~{name}") } else { name.to_owned() }
    };
    let all = (0..).map(RelationId).take(schema.relations.len() * 2);
    let (is_forward, is_inverse) = (|r: &RelationId| !r.is_inverse(), |r: &RelationId| r.is_inverse());
    let (any, kept): (_, fn(&RelationId) -> bool) = if set.iter().all(is_forward) {
        ("any forward relation", is_forward)
    } else if set.iter().all(is_inverse) {
        ("any inverse relation", is_inverse)
    } else {
        ("any relation", |_| true)
    };
    let others = all.filter(|relation| kept(relation) && !set.contains(relation)).collect();
    in_words(set, others, any, name)
}

/// A set of kinds of nodes in words: `any node`, `any node but user`, `item`, `company, person`; where only some kinds
/// of a type are in it, these one by one: `film&award_winner`.
#[must_use]
pub fn kinds_in_words(set: &BTreeSet<KindId>, schema: &Schema) -> String {
    let (parts, others) = parts(set, schema);
    in_words(&parts, others, "any node", |part| part_name(part, schema))
}

/// The names of a set of kinds of nodes: of the types that are in it whole, and of single kinds otherwise.
#[must_use]
pub fn kind_names(set: &BTreeSet<KindId>, schema: &Schema) -> Vec<String> {
    parts(set, schema).0.into_iter().map(|part| part_name(part, schema)).collect()
}

/// All nodes of a type, or those of a kind of it.
type TypePart = (TypeId, Option<KindId>);

/// A set of kinds and what is not in it, as types where all kinds of one are on one side.
fn parts(set: &BTreeSet<KindId>, schema: &Schema) -> (BTreeSet<TypePart>, Vec<TypePart>) {
    let kinds: Vec<KindId> = schema.all_kinds().collect();
    let (mut inside, mut outside) = (BTreeSet::new(), Vec::new());
    for of_type in kinds.chunk_by(|&a, &b| schema.type_of(a) == schema.type_of(b)) {
        let Some(of) = of_type.first().map(|&kind| schema.type_of(kind)) else { continue };
        match of_type.iter().filter(|kind| set.contains(kind)).count() {
            0 => outside.push((of, None)),
            all if all == of_type.len() => _ = inside.insert((of, None)),
            _ => {
                let (some, others): (Vec<KindId>, Vec<KindId>) = of_type.iter().partition(|kind| set.contains(kind));
                inside.extend(some.into_iter().map(|kind| (of, Some(kind))));
                outside.extend(others.into_iter().map(|kind| (of, Some(kind))));
            }
        }
    }
    (inside, outside)
}

fn part_name((of, kind): TypePart, schema: &Schema) -> String {
    match kind {
        Some(kind) => schema.kind_name(kind),
        None => schema.types.get(of.index()).map_or_else(String::new, |of| of.name.clone()),
    }
}

fn in_words<T: Ord + Copy>(set: &BTreeSet<T>, others: Vec<T>, any: &str, name: impl Fn(T) -> String) -> String {
    if others.is_empty() {
        return any.to_owned();
    }
    if others.len() < set.len() && others.len() <= MAX_NAMES {
        return format!("{any} but {}", others.into_iter().map(name).collect::<Vec<_>>().join(", "));
    }
    let names: Vec<String> = set.iter().copied().take(MAX_NAMES).map(name).collect();
    let more = set.len().saturating_sub(MAX_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}
