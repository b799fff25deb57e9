//! Ranked lists of items, one for each user.

use footpath_core::NodeId;
use footpath_graph::{HeldOut, TrainKg};
use std::collections::BTreeMap;
use std::io::Write;

/// Columns of a file of lists, as they are written.
pub(crate) const COLUMNS: [&str; 4] = ["user", "rank", "item", "score"];

/// An item in a user's list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// What is recommended.
    pub item: NodeId,
    /// The score it was ranked by; its scale is the ranker's own.
    pub score: f64,
}

/// For each user a list of items, best first. Users without a list are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recommendations {
    lists: BTreeMap<NodeId, Vec<Recommendation>>,
}

impl Recommendations {
    /// Writes the file that [`Recommendations::read`] reads.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, kg: &TrainKg, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "{}", COLUMNS.join("\t"))?;
        for (user, list) in self.iter() {
            for (rank, r) in (1..).zip(list) {
                // Debug form: the shortest text that reads back as the same number, with an exponent where that is
                // short.
                writeln!(out, "{}\t{rank}\t{}\t{:?}", kg.id(user), kg.id(r.item), r.score)?;
            }
        }
        Ok(())
    }

    /// The list of a user, best first; empty when there is none.
    #[must_use]
    pub fn of(&self, user: NodeId) -> &[Recommendation] {
        self.lists.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Gives a user a list, replacing the one before. An empty list is the same as none.
    pub fn insert(&mut self, user: NodeId, list: Vec<Recommendation>) {
        if list.is_empty() {
            self.lists.remove(&user);
        } else {
            self.lists.insert(user, list);
        }
    }

    /// The same lists without the items of `known`; the items behind them move up. With the valid split as `known`,
    /// items a user is known to have chosen before the test do not take slots in a test figure.
    #[must_use]
    pub fn without(&self, known: &HeldOut) -> Self {
        let known = known.by_user();
        let kept = |user: NodeId, list: &[Recommendation]| {
            let known = known.get(&user).map_or(&[][..], Vec::as_slice);
            list.iter().filter(|r| known.binary_search(&r.item).is_err()).copied().collect()
        };
        self.iter().map(|(user, list)| (user, kept(user, list))).collect()
    }

    /// The first `len` items of each list.
    #[must_use]
    pub fn first(&self, len: usize) -> Self {
        self.iter().map(|(user, list)| (user, list.iter().take(len).copied().collect())).collect()
    }

    /// Length of the longest list.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.lists.values().map(Vec::len).max().unwrap_or(0)
    }

    /// Adds an item at the end of a user's list.
    pub fn push(&mut self, user: NodeId, recommendation: Recommendation) {
        self.lists.entry(user).or_default().push(recommendation);
    }

    /// Puts every list in the order of its scores, highest first; equal ones stay as they are.
    pub(crate) fn sort_by_score(&mut self) {
        self.lists.values_mut().for_each(|list| list.sort_by(|a, b| b.score.total_cmp(&a.score)));
    }

    /// Users and their lists, by user id; no list is empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (NodeId, &[Recommendation])> {
        self.lists.iter().map(|(&user, list)| (user, list.as_slice()))
    }

    /// Number of users with a list.
    #[must_use]
    pub fn num_users(&self) -> usize {
        self.lists.len()
    }
}

impl FromIterator<(NodeId, Vec<Recommendation>)> for Recommendations {
    fn from_iter<I: IntoIterator<Item = (NodeId, Vec<Recommendation>)>>(lists: I) -> Self {
        let mut all = Self::default();
        lists.into_iter().for_each(|(user, list)| all.insert(user, list));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::Interaction;

    #[test]
    fn known_items_leave_and_the_rest_move_up() {
        let list = |items: &[u32]| items.iter().map(|&i| Recommendation { item: NodeId(i), score: 1.0 }).collect();
        let all: Recommendations =
            [(NodeId(0), list(&[7, 5, 6])), (NodeId(1), list(&[5])), (NodeId(2), list(&[5]))].into_iter().collect();
        let known = |user, item| Interaction { user: NodeId(user), item: NodeId(item), rating: 0.0, time: 0, line: 1 };
        let left = all.without(&HeldOut::from([known(0, 5), known(0, 9), known(1, 5)].as_slice()));
        let expected: Recommendations = [(NodeId(0), list(&[7, 6])), (NodeId(2), list(&[5]))].into_iter().collect();
        assert_eq!(left, expected);
        assert_eq!(left.num_users(), 2);
        assert_eq!(
            (all.max_len(), left.first(1).max_len(), left.first(1).of(NodeId(0))),
            (3, 1, &expected.of(NodeId(0))[..1])
        );
    }
}
