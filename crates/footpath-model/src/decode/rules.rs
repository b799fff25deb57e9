//! What a search leaves out although it is legal.

use footpath_core::{NodeId, NodeSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What lists and paths leave out, by rules that have nothing to do with the model: what is out of stock, what somebody
/// may not see, what was asked to be left out.
///
/// A rule takes items and paths away and changes the worth of no other: a path has the same probability under every
/// rule, and an item the sum over those of its paths that are left. So a list under rules about items is the full list
/// without these items, and is as long as there are others.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Items that are in no list; paths to other items may lead through them.
    pub unlisted: Option<Arc<NodeSet>>,
    /// Nodes that are on no path and in no list. The user a path starts at is not asked for.
    pub hidden: Option<Arc<NodeSet>>,
    /// Of some users, nodes that are on none of their paths and in none of their lists, ascending.
    pub denied: BTreeMap<NodeId, Arc<[NodeId]>>,
}

impl Rules {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_none() && self.touch_all_paths()
    }

    /// The same rules, but for those that are about lists alone: what an explanation of a given item keeps to.
    #[must_use]
    pub fn of_paths(&self) -> Self {
        Self { unlisted: None, ..self.clone() }
    }

    /// The rules of one user.
    pub(super) fn of(&self, user: NodeId) -> UserRules<'_> {
        let denied = self.denied.get(&user).map_or(&[][..], |denied| denied);
        UserRules { unlisted: self.unlisted.as_deref(), hidden: self.hidden.as_deref(), denied }
    }

    /// Whether every path may be taken.
    fn touch_all_paths(&self) -> bool {
        self.hidden.is_none() && self.denied.is_empty()
    }
}

/// What the lists and paths of one user leave out.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserRules<'a> {
    unlisted: Option<&'a NodeSet>,
    hidden: Option<&'a NodeSet>,
    denied: &'a [NodeId],
}

impl UserRules<'_> {
    /// Those of a search without rules.
    pub(super) const NONE: Self = Self { unlisted: None, hidden: None, denied: &[] };

    /// Whether a list may hold an item that paths may lead to.
    pub(super) fn list(self, item: NodeId) -> bool {
        !self.unlisted.is_some_and(|unlisted| unlisted.contains(item))
    }

    /// Whether a path may lead to a node.
    pub(super) fn touch(self, node: NodeId) -> bool {
        !self.hidden.is_some_and(|hidden| hidden.contains(node)) && self.denied.binary_search(&node).is_err()
    }

    /// Whether paths may lead to all nodes.
    pub(super) fn touch_all(self) -> bool {
        self.hidden.is_none() && self.denied.is_empty()
    }

    /// Whether lists may hold all items that paths may lead to.
    pub(super) fn list_all(self) -> bool {
        self.unlisted.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_for_those_they_are_about() {
        let set = |nodes: &[u32]| Some(Arc::new(NodeSet::of(&(0..9), nodes)));
        let denied = BTreeMap::from([(NodeId(1), [NodeId(4), NodeId(6)].into())]);
        let rules = Rules { unlisted: set(&[2]), hidden: set(&[3]), denied };
        let answers = |rules: UserRules<'_>, nodes: [u32; 4]| {
            nodes.map(|node| (rules.list(NodeId(node)), rules.touch(NodeId(node))))
        };
        let [of_one, of_another] = [1, 0].map(|user| answers(rules.of(NodeId(user)), [2, 3, 4, 5]));
        assert_eq!(of_one, [(false, true), (true, false), (true, false), (true, true)]);
        assert_eq!(of_another, [(false, true), (true, false), (true, true), (true, true)]);
        assert!(rules.of_paths().of(NodeId(0)).list_all() && !rules.of_paths().of(NodeId(0)).touch_all());
        assert!(Rules::default().is_empty() && Rules::default().of(NodeId(1)).touch_all());
        assert!(!rules.is_empty() && !rules.of_paths().is_empty());
    }
}
