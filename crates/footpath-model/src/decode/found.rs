//! What a search has found for one user.

use super::{Score, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList};
use footpath_core::vocabulary::Word;
use footpath_core::{NodeId, TokenId, Vocabulary};
use hashbrown::HashMap;
use std::ops::Range;

/// Most items that a user's table of places has room for; 256 KiB.
const MAX_PLACES: usize = 1 << 16;

/// The paths found for one user, summed up by the item they end in.
#[derive(Default)]
pub(super) struct Found {
    /// Of each token that a path ended in, in the order in which they were found.
    items: Vec<(u32, ItemPaths)>,
    places: Places,
    /// Of each item, in the same order, the next most probable paths, best first; empty where only the best is wanted.
    further: Vec<Vec<Way>>,
    /// Prefixes from which paths have ended.
    branches: Vec<Vec<u32>>,
    /// Probability of what was cut.
    cut: f64,
    /// Probability of the most probable prefix that was cut.
    largest_cut: f64,
    /// Whether anything was cut, however small its probability.
    any_cut: bool,
}

/// Where a token stands among the items found.
#[derive(Default)]
struct Places {
    /// Token of the first item.
    first: u32,
    /// Place plus 1 of each item, 0 where it has none. Empty in graphs of many items, where clearing it would cost more than looking things up.
    of_items: Vec<u32>,
    /// The same of all other tokens.
    of_others: HashMap<u32, u32>,
}

impl Places {
    fn of(&mut self, token: u32) -> &mut u32 {
        let place = token.checked_sub(self.first).and_then(|place| self.of_items.get_mut(place as usize));
        place.unwrap_or_else(|| self.of_others.entry(token).or_default())
    }

    /// The place of a token that was found.
    fn get(&self, token: u32) -> Option<usize> {
        let place = token.checked_sub(self.first).and_then(|place| self.of_items.get(place as usize));
        (*place.or_else(|| self.of_others.get(&token))? as usize).checked_sub(1)
    }
}

/// A path to an item: it is the prefix it branches from, and the item, unless the prefix ends there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Way {
    probability: f64,
    /// Place among [`Found::branches`].
    branch: u32,
}

/// The paths to one item. There are thousands of these for each user, met in no order: so they are small, and what is looked at by few is elsewhere.
#[derive(Clone, Copy, Default)]
struct ItemPaths {
    /// Sum of their probabilities.
    sum: f64,
    /// The most probable.
    probability: f64,
    branch: u32,
    count: u32,
}

impl ItemPaths {
    /// What the item is worth, as a probability.
    fn worth(&self, score: Score) -> f64 {
        match score {
            Score::Marginal => self.sum,
            Score::Max => self.probability,
            Score::Mean => self.sum / f64::from(self.count.max(1)),
        }
    }
}

impl Found {
    /// Nothing found yet in a graph with these items.
    pub(super) fn among(items: Range<u32>) -> Self {
        let of_items = if items.len() <= MAX_PLACES { vec![0; items.len()] } else { Vec::new() };
        let room = Vec::with_capacity(of_items.len());
        Self { items: room, places: Places { first: items.start, of_items, ..Places::default() }, ..Self::default() }
    }

    /// Enters paths that branch from `prefix`: pairs of last token and probability. With [`Vocabulary::END`] the path is `prefix` itself.
    pub(super) fn enter(&mut self, prefix: &[u32], ends: impl IntoIterator<Item = (u32, f64)>, keep: usize) {
        let branch = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
        let before = self.branches.len();
        let ends = ends.into_iter();
        for (token, probability) in ends {
            if self.branches.len() == before {
                self.branches.push(prefix.to_vec());
            }
            let item = if token == Vocabulary::END.0 { prefix.last().copied().unwrap_or(token) } else { token };
            let place = self.places.of(item);
            if *place == 0 {
                self.items.push((item, ItemPaths::default()));
                *place = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
            }
            let place = *place as usize - 1;
            let Some((_, paths)) = self.items.get_mut(place) else { continue };
            let passed = paths.enter(Way { probability, branch });
            if keep > 1
                && let Some(passed) = passed
            {
                self.further.resize_with(self.items.len(), Vec::new);
                passed.enter(&mut self.further[place], keep - 1);
            }
        }
    }

    /// Enters prefixes that will not be followed.
    pub(super) fn cut(&mut self, mut probabilities: Vec<f64>) {
        // Summed in an order that does not depend on how they were found.
        probabilities.sort_unstable_by(f64::total_cmp);
        self.any_cut |= !probabilities.is_empty();
        self.largest_cut = probabilities.last().copied().unwrap_or_default().max(self.largest_cut);
        self.cut += probabilities.into_iter().sum::<f64>();
    }

    /// Enters that all but the paths found was left out.
    pub(super) fn cut_the_rest(&mut self) {
        let mut sums: Vec<f64> = self.items.iter().map(|(_, item)| item.sum).collect();
        sums.sort_unstable_by(f64::total_cmp);
        let rest = 1.0 - sums.into_iter().sum::<f64>();
        // What is left below the error of so many single precision numbers is nothing.
        if rest > 1e-4 {
            self.cut(vec![rest]);
        }
    }

    /// The list of the user. `factor` of a token is what its worth is multiplied by, at most 1.
    pub(super) fn finish(
        self,
        user: NodeId,
        options: &SearchOptions,
        vocabulary: Vocabulary,
        factor: &dyn Fn(u32) -> f64,
    ) -> UserList {
        let Self { items, places, further, branches, cut, largest_cut, any_cut } = self;
        // A search that cut something has unexplored probability, however small the numbers.
        let unexplored = if any_cut { cut.max(f64::MIN_POSITIVE) } else { 0.0 };
        let num_found = items.len();
        let worth = |token: u32, paths: &ItemPaths| paths.worth(options.score) * factor(token);
        let ranked = first(&items, options.k.saturating_add(1), worth);
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
            |token: u32| places.get(token).and_then(|place| further.get(place)).map_or(&[][..], Vec::as_slice);
        let item = |&(worth, token, item): &(f64, u32, &ItemPaths)| {
            let path = |way: &Way| {
                let mut tokens = branches.get(way.branch as usize).cloned().unwrap_or_default();
                if leads_on(vocabulary, &tokens) {
                    tokens.push(token);
                }
                ScoredPath { tokens, log_probability: way.probability.ln() }
            };
            let best = Way { probability: item.probability, branch: item.branch };
            ScoredItem {
                item: node(vocabulary, token),
                score: worth.ln(),
                log_probability: item.sum.ln(),
                confidence: (item.probability / item.sum).min(1.0),
                num_paths: item.count as usize,
                paths: std::iter::once(&best).chain(further_of(token)).map(path).collect(),
            }
        };
        let items = ranked.iter().take(options.k).map(item).collect();
        UserList { user, items, unexplored, proven, shortfall }
    }
}

/// The most worthy few: what they are worth, their tokens and paths, in order; ties by token.
fn first(
    items: &[(u32, ItemPaths)],
    few: usize,
    worth: impl Fn(u32, &ItemPaths) -> f64,
) -> Vec<(f64, u32, &ItemPaths)> {
    let mut worths: Vec<_> = items.iter().map(|(token, paths)| (worth(*token, paths), *token, paths)).collect();
    let order = |a: &(f64, u32, &ItemPaths), b: &(f64, u32, &ItemPaths)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if worths.len() > few {
        worths.select_nth_unstable_by(few, order);
        worths.truncate(few);
    }
    worths.sort_unstable_by(order);
    worths
}

/// Whether the first k of these falling numbers keep their places if any one grows by `more`, and nothing new overtakes them.
fn stands_apart(worths: &[f64], k: usize, more: f64) -> bool {
    let next = worths.iter().skip(1).copied().chain(std::iter::once(0.0));
    worths.len() >= k && worths.iter().zip(next).take(k).all(|(&this, next)| this > next + more)
}

/// A path that is not, or no more, the most probable to its item.
struct Passed {
    way: Way,
    /// Whether it was found before what it is compared with: of equally probable paths the one found first stays ahead.
    is_older: bool,
}

impl ItemPaths {
    /// Enters a path; gives the one that is not the most probable, if there are two.
    fn enter(&mut self, way: Way) -> Option<Passed> {
        self.sum += way.probability;
        self.count = self.count.saturating_add(1);
        if self.count == 1 {
            (self.probability, self.branch) = (way.probability, way.branch);
            return None;
        }
        if way.probability <= self.probability {
            return Some(Passed { way, is_older: false });
        }
        let older = Way { probability: self.probability, branch: self.branch };
        (self.probability, self.branch) = (way.probability, way.branch);
        Some(Passed { way: older, is_older: true })
    }
}

impl Passed {
    /// Puts it among the next most probable, of which there is room for so many.
    fn enter(self, next: &mut Vec<Way>, room: usize) {
        let Self { way, is_older } = self;
        let ahead =
            |other: &Way| other.probability > way.probability || (!is_older && other.probability >= way.probability);
        let place = next.partition_point(ahead);
        if place < room {
            next.truncate(room - 1);
            next.insert(place, way);
        }
    }
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

    #[test]
    fn an_order_is_proven_when_no_gap_can_be_bridged() {
        assert!(stands_apart(&[0.5, 0.3, 0.1], 2, 0.15));
        assert!(!stands_apart(&[0.5, 0.3, 0.1], 2, 0.2), "the second and the third might be equal");
        assert!(!stands_apart(&[0.5, 0.3, 0.1], 3, 0.1), "an item not found might be as probable as the third");
        assert!(!stands_apart(&[0.5], 2, 0.0), "there may be another item");
        assert!(!stands_apart(&[0.5, 0.5, 0.0], 1, 0.0), "equal ones have no order but by their numbers");
    }

    #[test]
    fn the_best_paths_are_kept_in_the_order_of_a_stable_sort() {
        let mut stream = footpath_core::Stream::new(1, footpath_core::Purpose::Simulate, 0, 0);
        for keep in 1..6 {
            for _ in 0..100 {
                let ways: Vec<Way> =
                    (0..8).map(|branch| Way { probability: stream.index(4) as f64 / 8.0, branch }).collect();
                let (mut kept, mut further) = (ItemPaths::default(), Vec::new());
                for passed in ways.iter().filter_map(|&way| kept.enter(way)) {
                    passed.enter(&mut further, keep);
                }
                let mut sorted = ways.clone();
                sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
                sorted.truncate(keep + 1);
                further.insert(0, Way { probability: kept.probability, branch: kept.branch });
                assert_eq!(further, sorted, "{ways:?}");
            }
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
        let found = || {
            let mut found = Found::among(items.clone());
            found.enter(&[10, 8, 11, 9], [(12, 0.25), (13, 0.3)], 2);
            found.enter(&[10, 8, 14, 9], [(12, 0.125)], 2);
            found.cut(vec![0.2, 0.1]);
            found
        };
        for (score, first, worth) in [(Score::Marginal, 2, 0.375), (Score::Max, 3, 0.3), (Score::Mean, 3, 0.3)] {
            let options = SearchOptions { score, k: 2, ..SearchOptions::default() };
            let list = found().finish(NodeId(0), &options, vocabulary, &|_| 1.0);
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
