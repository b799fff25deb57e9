//! Counting what passes by, row after row.

use crate::kg::TrainKg;
use footpath_core::vocabulary::Word;
use footpath_core::{NodeId, TokenId, TypeId, Vocabulary};
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

/// Paths of one metapath.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub(super) paths: u64,
    /// Where it is first seen; says what the metapath is.
    pub(super) first_row: usize,
}

/// The counts of some rows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Paths by number of hops.
    pub(super) lengths: Vec<u64>,
    /// Paths by user.
    pub(super) users: Vec<u64>,
    /// Paths by item at the end.
    pub(super) ends: Vec<u64>,
    /// Hops by directed relation.
    pub(super) relations: Vec<u64>,
    /// Paths by the hash of their metapath.
    pub(super) patterns: HashMap<u128, Pattern>,
    /// Paths that meet an entity that is no item.
    pub(super) with_entity: u64,
    /// Paths whose first entity is a hub.
    pub(super) through_hub: u64,
}

impl Tally {
    /// Nothing counted yet, of rows of this width.
    pub(super) fn new(width: usize, kg: &TrainKg) -> Self {
        Self {
            lengths: vec![0; width / 2 + 1],
            users: vec![0; kg.users().len()],
            ends: vec![0; kg.items().len()],
            relations: vec![0; kg.num_relations()],
            ..Self::default()
        }
    }

    /// Counts rows, the first of which is row `first_row` of the corpus. The error is the row that is no path.
    pub(super) fn rows(
        &mut self,
        rows: &[u32],
        width: usize,
        first_row: usize,
        kg: &TrainKg,
        hubs: &[NodeId],
    ) -> Result<(), usize> {
        let mut key = Vec::new();
        for (row, number) in rows.chunks_exact(width).zip(first_row..) {
            self.count(row, number, kg, hubs, &mut key).ok_or(number)?;
        }
        Ok(())
    }

    /// Counts a row; `None` when it is no path. `key` is scratch space.
    fn count(&mut self, row: &[u32], number: usize, kg: &TrainKg, hubs: &[NodeId], key: &mut Vec<u8>) -> Option<()> {
        let vocabulary = kg.vocabulary();
        let node = |token: u32| match vocabulary.word(TokenId(token))? {
            Word::Node(node) => Some((node, kg.type_of(node))),
            _ => None,
        };
        let (&first, hops) = row.split_first()?;
        let (first, kind) = node(first)?;
        key.clear();
        key.extend(kind.0.to_le_bytes());
        let (mut end, mut num_hops) = ((first, kind), 0);
        let mut entity = (!is_user_or_item(kind)).then_some(first);
        for hop in hops.chunks_exact(2) {
            let &[relation, tail] = hop else { return None };
            if relation == Vocabulary::PADDING.0 {
                break;
            }
            let Word::Relation(relation) = vocabulary.word(TokenId(relation))? else { return None };
            end = node(tail)?;
            if entity.is_none() && !is_user_or_item(end.1) {
                entity = Some(end.0);
            }
            *self.relations.get_mut(relation.index())? += 1;
            key.extend(relation.0.to_le_bytes());
            key.extend(end.1.0.to_le_bytes());
            num_hops += 1;
        }
        *self.lengths.get_mut(num_hops)? += 1;
        // Paths may begin and end elsewhere; then they are no user's, and no item's.
        let place = |node: NodeId, start: u32| node.0.checked_sub(start).map_or(usize::MAX, |place| place as usize);
        if let Some(paths) = self.users.get_mut(place(first, kg.users().start)) {
            *paths += 1;
        }
        if let Some(paths) = self.ends.get_mut(place(end.0, kg.items().start)) {
            *paths += 1;
        }
        if let Some(entity) = entity {
            self.with_entity += 1;
            self.through_hub += u64::from(hubs.binary_search(&entity).is_ok());
        }
        let new = Pattern { paths: 0, first_row: number };
        self.patterns.entry(xxh3_128(key)).or_insert(new).paths += 1;
        Some(())
    }

    /// Adds the counts of later rows.
    pub(super) fn add(&mut self, later: Self) {
        let add = |all: &mut Vec<u64>, more: Vec<u64>| {
            all.resize(all.len().max(more.len()), 0);
            all.iter_mut().zip(more).for_each(|(sum, count)| *sum += count);
        };
        add(&mut self.lengths, later.lengths);
        add(&mut self.users, later.users);
        add(&mut self.ends, later.ends);
        add(&mut self.relations, later.relations);
        // In any order: sums do not depend on it, and the first row is the one that is there already.
        later.patterns.into_iter().for_each(|(hash, pattern)| {
            self.patterns.entry(hash).and_modify(|p| p.paths += pattern.paths).or_insert(pattern);
        });
        self.with_entity += later.with_entity;
        self.through_hub += later.through_hub;
    }
}

fn is_user_or_item(kind: TypeId) -> bool {
    matches!(kind, TypeId::USER | TypeId::ITEM)
}
