//! A graph small enough to enumerate by hand.

use footpath_core::{Goal, LegalSuccessors, NodeId, Stream, Successors, Vocabulary};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub(crate) const NUM_USERS: u32 = 3;
pub(crate) const NUM_ITEMS: u32 = 6;
pub(crate) const NUM_ENTITIES: u32 = 3;

/// Users 0–2, items 3–8, entities 9–11; every path is user, r0, item, r2, entity, r3, item.
pub(crate) struct Toy {
    pub(crate) chosen: BTreeMap<u32, Vec<u32>>,
    pub(crate) about: BTreeMap<u32, Vec<u32>>,
}

impl Toy {
    pub(crate) fn new() -> Self {
        let chosen = BTreeMap::from([(0, vec![3, 4]), (1, vec![3, 5]), (2, vec![6])]);
        let about = BTreeMap::from([
            (3, vec![9, 10]),
            (4, vec![9]),
            (5, vec![10]),
            (6, vec![11]),
            (7, vec![9, 10, 11]),
            (8, vec![11]),
        ]);
        Self { chosen, about }
    }

    pub(crate) fn items_about(&self, entity: u32) -> Vec<u32> {
        (3..9).filter(|item| self.about[item].contains(&entity)).collect()
    }

    /// All paths of a user to unseen items, by brute force.
    pub(crate) fn all_paths(&self, user: u32) -> BTreeSet<[u32; 4]> {
        let mut paths = BTreeSet::new();
        for &first in &self.chosen[&user] {
            for &entity in &self.about[&first] {
                let ends = self.items_about(entity).into_iter().filter(|i| !self.chosen[&user].contains(i));
                paths.extend(ends.map(|end| [user, first, entity, end]));
            }
        }
        paths
    }

    pub(crate) fn tokens(&self, [user, first, entity, end]: [u32; 4]) -> Vec<u32> {
        let v = self.vocabulary();
        let (node, relation) = (|n: u32| v.node(NodeId(n)).0, |r: u16| v.relation(footpath_core::RelationId(r)).0);
        vec![node(user), relation(0), node(first), relation(2), node(entity), relation(3), node(end)]
    }
}

impl LegalSuccessors for Toy {
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { num_relations: 4, num_nodes: NUM_USERS + NUM_ITEMS + NUM_ENTITIES }
    }

    fn max_tokens(&self) -> usize {
        7
    }

    fn history(&self, user: u32) -> &[u32] {
        user.checked_sub(self.vocabulary().node(NodeId(0)).0)
            .and_then(|u| self.chosen.get(&u))
            .map_or(&[], Vec::as_slice)
    }

    fn later(&self, user: u32) -> Vec<u32> {
        (0..).take(self.history(user).len()).collect()
    }

    fn timeline(&self, user: u32) -> Vec<u32> {
        // Users choose the items with the higher numbers first.
        let first = self.vocabulary().node(NodeId(0)).0;
        self.history(user).iter().rev().map(|item| first + item).collect()
    }

    fn alike(&self, token: u32) -> Range<u32> {
        let first = self.vocabulary().node(NodeId(0)).0;
        let kinds = [0..NUM_USERS, NUM_USERS..NUM_USERS + NUM_ITEMS, NUM_USERS + NUM_ITEMS..first];
        match token.checked_sub(first) {
            Some(node) => {
                let kind = kinds.into_iter().find(|kind| kind.contains(&node)).expect("a node of the toy");
                first + kind.start..(first + kind.end).min(first + self.vocabulary().num_nodes)
            }
            None => first - self.vocabulary().num_relations..first,
        }
    }

    fn items(&self) -> Range<u32> {
        let first = self.vocabulary().node(NodeId(NUM_USERS)).0;
        first..first + NUM_ITEMS
    }

    fn successors(&self, prefix: &[u32], goal: Goal, out: &mut Successors) {
        out.clear();
        let user = prefix[0] - self.vocabulary().node(NodeId(0)).0;
        let paths = self.all_paths(user).into_iter().filter(|p| match goal {
            Goal::Unseen | Goal::Any => true,
            Goal::Item(item) => p[3] == item.0,
        });
        let next: BTreeSet<u32> = paths
            .map(|p| self.tokens(p))
            .filter(|t| t.starts_with(prefix))
            .filter_map(|t| t.get(prefix.len()).copied())
            .collect();
        let list = if prefix.len() == 6 { &mut out.ending } else { &mut out.continuing };
        list.extend(next);
    }

    fn siblings(
        &self,
        path: &[u32],
        position: usize,
        _count: usize,
        _stream: &mut Stream,
        out: &mut Vec<u32>,
    ) -> Option<f32> {
        if position >= path.len() {
            return None;
        }
        let mut all = Successors::default();
        self.successors(&path[..position], Goal::Unseen, &mut all);
        out.extend(all.continuing.iter().chain(&all.ending).filter(|t| **t != path[position]));
        Some(0.0)
    }
}
