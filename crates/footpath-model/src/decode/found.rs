//! What a search has found for one user.

use super::rules::UserRules;
use super::tally::{ItemPaths, PathRef, Tallies, Tally};
use super::{ItemPrior, Score, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList};
use footpath_core::vocabulary::Word;
use footpath_core::{NodeId, TokenId, Vocabulary};
use std::ops::Range;

/// The paths found for one user.
pub(super) struct Found<'t> {
    tallies: &'t Tallies,
    /// Tokens of the items of the graph.
    items: Range<u32>,
    /// Nothing before the first path, nor after the end.
    tally: Option<Tally>,
    /// Of each item of the tally, the next most probable paths, best first; empty where only the best is wanted.
    further: Vec<Vec<PathRef>>,
    /// Prefixes from which paths have ended.
    branches: Vec<Vec<u32>>,
    /// Probability of what was cut.
    cut: f64,
    /// Probability of the most probable prefix that was cut.
    largest_cut: f64,
    /// Whether anything was cut, however small its probability.
    any_cut: bool,
    /// Probability of what rules left out.
    left_out: f64,
}

impl<'t> Found<'t> {
    /// Nothing found yet.
    pub(super) fn nothing(tallies: &'t Tallies, items: Range<u32>) -> Self {
        let (further, branches) = (Vec::new(), Vec::new());
        let (cut, largest_cut, any_cut, left_out) = (0.0, 0.0, false, 0.0);
        Self { tallies, items, tally: None, further, branches, cut, largest_cut, any_cut, left_out }
    }

    /// Enters paths that branch from `prefix`: pairs of last token and probability. With [`Vocabulary::END`] the path
    /// is `prefix` itself.
    pub(super) fn enter(&mut self, prefix: &[u32], ends: impl IntoIterator<Item = (u32, f64)>, keep: usize) {
        let mut ends = ends.into_iter().peekable();
        if ends.peek().is_none() {
            return;
        }
        let branch = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
        self.branches.push(prefix.to_vec());
        let tally = self.tally.get_or_insert_with(|| self.tallies.take(&self.items));
        for (token, probability) in ends {
            let item = if token == Vocabulary::END.0 { prefix.last().copied().unwrap_or(token) } else { token };
            let place = tally.place(item);
            let Some((_, paths)) = tally.items.get_mut(place) else { continue };
            let way = PathRef { probability, branch };
            if keep <= 1 {
                paths.add(way);
            } else if let Some(passed) = paths.enter(way) {
                self.further.resize_with(tally.items.len(), Vec::new);
                passed.enter(&mut self.further[place], keep - 1);
            }
        }
    }

    /// Enters prefixes that will not be followed.
    pub(super) fn cut(&mut self, probabilities: &[f64]) {
        self.any_cut |= !probabilities.is_empty();
        self.largest_cut = probabilities.iter().copied().fold(self.largest_cut, f64::max);
        self.cut += probabilities.iter().sum::<f64>();
    }

    /// Enters that rules leave out something of this probability.
    pub(super) fn leave_out(&mut self, probability: f64) {
        self.left_out += probability;
    }

    /// Enters that all but the paths found, and what rules left out, was cut.
    pub(super) fn cut_the_rest(&mut self) {
        let sums = self.tally.iter().flat_map(|tally| &tally.items).map(|(_, item)| item.sum);
        let rest = 1.0 - sums.sum::<f64>() - self.left_out;
        // What is left below the error of so many single precision numbers is nothing.
        if rest > 1e-4 {
            self.cut(&[rest]);
        }
    }

    /// The list of the user, of whom nothing is kept: of the items that the rules leave in. `factor` of a token is what
    /// its worth is multiplied by, at most 1.
    pub(super) fn finish(
        &mut self,
        user: NodeId,
        options: &SearchOptions,
        vocabulary: Vocabulary,
        rules: UserRules<'_>,
        factor: impl Fn(u32) -> f64,
    ) -> UserList {
        let nothing = Self::nothing(self.tallies, self.items.clone());
        let Self { tallies, tally, further, branches, cut, largest_cut, any_cut, .. } =
            std::mem::replace(self, nothing);
        let tally = tally.unwrap_or_default();
        // A search that cut something has unexplored probability, however small the numbers.
        let unexplored = if any_cut { cut.max(f64::MIN_POSITIVE) } else { 0.0 };
        let is_listed = |token: u32| rules.list_all() || rules.list(node(vocabulary, token));
        let num_found = match rules.list_all() {
            true => tally.items.len(),
            false => tally.items.iter().filter(|(token, _)| is_listed(*token)).count(),
        };
        let worth = |token: u32, paths: &ItemPaths| paths.worth(options.score) * factor(token);
        let ranked = first(&tally.items, options.k.saturating_add(1), is_listed, worth);
        let worths: Vec<f64> = ranked.iter().map(|&(worth, ..)| worth).collect();
        let proven = !any_cut
            || match options.score {
                Score::Marginal => stands_apart(&worths, options.k, unexplored),
                // A path that was cut is no more probable than its prefix; those above that are all known.
                Score::Max => worths.len() >= options.k && worths.iter().take(options.k).all(|&w| w > largest_cut),
                Score::Mean => false,
            };
        let shortfall = match num_found {
            n if n >= options.k => None,
            _ if any_cut => Some(Shortfall::TooWide),
            0 => Some(Shortfall::NoPath),
            _ => Some(Shortfall::FewerReachable),
        };
        let further_of =
            |token: u32| tally.known_place(token).and_then(|place| further.get(place)).map_or(&[][..], Vec::as_slice);
        let item = |&(worth, token, item): &(f64, u32, &ItemPaths)| {
            let path = |way: &PathRef| {
                let mut tokens = branches.get(way.branch as usize).cloned().unwrap_or_default();
                if leads_on(vocabulary, &tokens) {
                    tokens.push(token);
                }
                ScoredPath { tokens: tokens.into_iter().map(TokenId).collect(), log_probability: way.probability.ln() }
            };
            ScoredItem {
                item: node(vocabulary, token),
                score: worth.ln(),
                log_probability: item.sum.ln(),
                confidence: (item.best.probability / item.sum).min(1.0),
                prior: ItemPrior::default(),
                num_paths: item.count as usize,
                paths: std::iter::once(&item.best).chain(further_of(token)).map(path).collect(),
            }
        };
        let items = ranked.iter().take(options.k).map(item).collect();
        let behind = ranked.get(options.k).map(|found| ScoredItem { paths: Vec::new(), ..item(found) });
        tallies.give_back(tally);
        UserList { user, items, behind, unexplored, proven, shortfall }
    }
}

/// The most worthy few of those that are listed: what they are worth, their tokens and paths, in order; ties by token.
///
/// Of thousands only some are ever kept: once there are enough, no more than those that are worth as much as the least
/// of them.
fn first(
    items: &[(u32, ItemPaths)],
    few: usize,
    is_listed: impl Fn(u32) -> bool,
    worth: impl Fn(u32, &ItemPaths) -> f64,
) -> Vec<(f64, u32, &ItemPaths)> {
    let order = |a: &(f64, u32, &ItemPaths), b: &(f64, u32, &ItemPaths)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    let room = 2 * few.clamp(64, items.len().max(64));
    let mut best = Vec::with_capacity(room);
    let mut least = f64::NEG_INFINITY;
    for (token, paths) in items {
        let worth = worth(*token, paths);
        if worth < least || !is_listed(*token) {
            continue;
        }
        best.push((worth, *token, paths));
        if best.len() >= room && best.len() > few {
            let (_, first_out, _) = best.select_nth_unstable_by(few, order);
            least = first_out.0;
            best.truncate(few);
        }
    }
    best.sort_unstable_by(order);
    best.truncate(few);
    best
}

/// Whether the first k of these falling numbers keep their places if any one grows by `more`, and nothing new overtakes
/// them.
fn stands_apart(worths: &[f64], k: usize, more: f64) -> bool {
    let next = worths.iter().skip(1).copied().chain(std::iter::once(0.0));
    worths.len() >= k && worths.iter().zip(next).take(k).all(|(&this, next)| this > next + more)
}

/// Whether a token is wanted to end this prefix: it ends in a relation.
fn leads_on(vocabulary: Vocabulary, prefix: &[u32]) -> bool {
    prefix.last().is_some_and(|&last| matches!(vocabulary.word(TokenId(last)), Some(Word::Relation(_))))
}

fn node(vocabulary: Vocabulary, token: u32) -> NodeId {
    match vocabulary.word(TokenId(token)) {
        Some(Word::Node(node)) => node,
        // Ends are nodes by the contract of `LegalSuccessors`.
        _ => NodeId(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Rules;

    #[test]
    fn an_order_is_proven_when_no_gap_can_be_bridged() {
        assert!(stands_apart(&[0.5, 0.3, 0.1], 2, 0.15));
        assert!(!stands_apart(&[0.5, 0.3, 0.1], 2, 0.2), "the second and the third might be equal");
        assert!(!stands_apart(&[0.5, 0.3, 0.1], 3, 0.1), "an item not found might be as probable as the third");
        assert!(!stands_apart(&[0.5], 2, 0.0), "there may be another item");
        assert!(!stands_apart(&[0.5, 0.5, 0.0], 1, 0.0), "equal ones have no order but by their numbers");
    }

    #[test]
    fn the_most_worthy_are_those_of_a_sort() {
        let mut stream = footpath_core::Stream::new(2, footpath_core::Purpose::Simulate, 0, 0);
        for (len, few) in [(0, 3), (1, 0), (5, 9), (1_000, 11), (1_000, 64), (1_000, 500), (3_000, 1_001)] {
            let paths = |sum| ItemPaths { sum, ..ItemPaths::default() };
            let items: Vec<(u32, ItemPaths)> = (0..len).map(|token| (token, paths(stream.index(50) as f64))).collect();
            let mut sorted: Vec<(f64, u32)> = items.iter().map(|(token, paths)| (paths.sum, *token)).collect();
            sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            sorted.truncate(few);
            let found = first(&items, few, |_| true, |_, paths| paths.sum);
            assert_eq!(
                found.iter().map(|&(worth, token, _)| (worth, token)).collect::<Vec<_>>(),
                sorted,
                "{few} of {len}"
            );
        }
    }

    #[test]
    fn scores_are_the_sum_the_best_and_the_mean() {
        let vocabulary = Vocabulary { num_relations: 2, num_nodes: 9 };
        for items in [12..14, 0..0, 13..14] {
            scores_are_right(vocabulary, items);
        }
    }

    fn scores_are_right(vocabulary: Vocabulary, items: Range<u32>) {
        let tallies = Tallies::default();
        let found = || {
            let mut found = Found::nothing(&tallies, items.clone());
            found.enter(&[10, 8, 11, 9], [(12, 0.25), (13, 0.3)], 2);
            found.enter(&[10, 8, 14, 9], [(12, 0.125)], 2);
            found.cut(&[0.2, 0.1]);
            found
        };
        for (score, first, worth) in [(Score::Marginal, 2, 0.375), (Score::Max, 3, 0.3), (Score::Mean, 3, 0.3)] {
            let options = SearchOptions { score, k: 2, ..SearchOptions::default() };
            let list = found().finish(NodeId(0), &options, vocabulary, Rules::default().of(NodeId(0)), |_| 1.0);
            assert_eq!(list.items[0].item, NodeId(first), "{score:?}");
            assert!((list.items[0].score.exp() - worth).abs() < 1e-12, "{score:?}");
            assert!((list.unexplored - 0.3).abs() < 1e-12);
            assert_eq!(
                list.proven,
                score == Score::Max,
                "both best paths are above all that was cut; the sums are not"
            );
            let item = list.items.iter().find(|i| i.item == NodeId(2)).expect("found twice");
            assert_eq!((item.num_paths, item.paths.len()), (2, 2));
            assert!((item.confidence - 0.25 / 0.375).abs() < 1e-12);
        }
    }
}
