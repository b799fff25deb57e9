//! What paths are worth, summed up by the item they end in.

use super::Score;
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A path to an item: it is the prefix it branches from, and the item, unless the prefix ends there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PathRef {
    pub(super) probability: f64,
    /// Place of the prefix among those from which paths have ended.
    pub(super) branch: u32,
}

/// The paths to one item. There are thousands of these for each user, met in no order: so they are small, and what is
/// looked at by few is elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ItemPaths {
    /// Sum of their probabilities.
    pub(super) sum: f64,
    /// The most probable.
    pub(super) best: PathRef,
    pub(super) count: u32,
}

/// A path that is not, or no more, the most probable to its item.
pub(super) struct Outranked {
    way: PathRef,
    /// Whether it was found before what it is compared with: of equally probable paths the one found first stays ahead.
    is_older: bool,
}

impl ItemPaths {
    /// What the item is worth, as a probability.
    pub(super) fn worth(&self, score: Score) -> f64 {
        match score {
            Score::Marginal => self.sum,
            Score::Max => self.best.probability,
            Score::Mean => self.sum / f64::from(self.count.max(1)),
        }
    }

    /// Enters a path of which nobody will ask but whether it is the most probable; as often as not it is, so that is
    /// not to be guessed either.
    #[inline]
    pub(super) fn add(&mut self, way: PathRef) {
        self.sum += way.probability;
        let is_best = (way.probability > self.best.probability) | (self.count == 0);
        self.count = self.count.saturating_add(1);
        self.best.probability = if is_best { way.probability } else { self.best.probability };
        self.best.branch = if is_best { way.branch } else { self.best.branch };
    }

    /// Enters a path; gives the one that is not the most probable, if there are two.
    #[inline]
    pub(super) fn enter(&mut self, way: PathRef) -> Option<Outranked> {
        self.sum += way.probability;
        self.count = self.count.saturating_add(1);
        if self.count == 1 {
            self.best = way;
            return None;
        }
        if way.probability <= self.best.probability {
            return Some(Outranked { way, is_older: false });
        }
        Some(Outranked { way: std::mem::replace(&mut self.best, way), is_older: true })
    }
}

impl Outranked {
    /// Puts it among the next most probable, of which there is room for so many.
    pub(super) fn enter(self, next: &mut Vec<PathRef>, room: usize) {
        let Self { way, is_older } = self;
        let ahead = |other: &PathRef| {
            other.probability > way.probability || (!is_older && other.probability >= way.probability)
        };
        let place = next.partition_point(ahead);
        if place < room {
            next.truncate(room - 1);
            next.insert(place, way);
        }
    }
}

/// The paths to each item, of one user at a time.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Of each token that a path ended in, in the order in which they were found.
    pub(super) items: Vec<(u32, ItemPaths)>,
    /// Token of the first item.
    first: u32,
    /// Place plus 1 of each item, 0 where it has none.
    of_items: Vec<u32>,
    /// The same of all other tokens.
    of_others: HashMap<u32, u32>,
}

impl Tally {
    fn of(items: &Range<u32>) -> Self {
        Self { first: items.start, of_items: vec![0; items.len()], ..Self::default() }
    }

    fn is_of(&self, items: &Range<u32>) -> bool {
        (self.first, self.of_items.len()) == (items.start, items.len())
    }

    /// The place of a token among the items found, made if it is new. About every second is, so nothing here is to be
    /// guessed.
    #[inline]
    pub(super) fn place(&mut self, token: u32) -> usize {
        let Self { items, first, of_items, of_others } = self;
        let place = match of_items.get_mut(token.wrapping_sub(*first) as usize) {
            Some(place) => place,
            None => of_others.entry(token).or_default(),
        };
        let (found, is_new) = (items.len(), *place == 0);
        items.push((token, ItemPaths::default()));
        *place = if is_new { u32::try_from(items.len()).unwrap_or(u32::MAX) } else { *place };
        items.truncate(found + usize::from(is_new));
        *place as usize - 1
    }

    /// The place of a token that was found.
    pub(super) fn known_place(&self, token: u32) -> Option<usize> {
        let place = self.of_items.get(token.wrapping_sub(self.first) as usize);
        (*place.or_else(|| self.of_others.get(&token))? as usize).checked_sub(1)
    }

    /// Forgets all paths. The cost is that of the items found, not of all there are.
    fn clear(&mut self) {
        for (token, _) in self.items.drain(..) {
            if let Some(place) = self.of_items.get_mut(token.wrapping_sub(self.first) as usize) {
                *place = 0;
            }
        }
        self.of_others.clear();
    }
}

/// Empty tallies, to be used by one user after another: as many are made as are in use at once, and what was used last
/// is still in a cache.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<Vec<Tally>>);

impl Tallies {
    /// One for a graph with these items.
    pub(super) fn take(&self, items: &Range<u32>) -> Tally {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.filter(|tally| tally.is_of(items)).unwrap_or_else(|| Tally::of(items))
    }

    pub(super) fn give_back(&self, mut tally: Tally) {
        tally.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_paths_are_kept_in_the_order_of_a_stable_sort() {
        let mut stream = footpath_core::Stream::new(1, footpath_core::Purpose::Simulate, 0, 0);
        for keep in 1..6 {
            for _ in 0..100 {
                let ways: Vec<PathRef> =
                    (0..8).map(|branch| PathRef { probability: stream.index(4) as f64 / 8.0, branch }).collect();
                let (mut kept, mut further, mut best) = (ItemPaths::default(), Vec::new(), ItemPaths::default());
                ways.iter().for_each(|&way| best.add(way));
                for passed in ways.iter().filter_map(|&way| kept.enter(way)) {
                    passed.enter(&mut further, keep);
                }
                let mut sorted = ways.clone();
                sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
                sorted.truncate(keep + 1);
                assert_eq!((best.sum, best.best, best.count), (kept.sum, kept.best, kept.count), "{ways:?}");
                further.insert(0, kept.best);
                assert_eq!(further, sorted, "{ways:?}");
            }
        }
    }

    #[test]
    fn a_tally_that_is_given_back_knows_nothing_of_the_user_before() {
        let tallies = Tallies::default();
        for tokens in [[10, 13, 3, 10], [13, 14, 12, 3]] {
            let mut tally = tallies.take(&(10..14));
            let places = tokens.map(|token| tally.place(token));
            assert_eq!(places[..3], [0, 1, 2]);
            assert_eq!(tokens.map(|token| tally.known_place(token)), places.map(Some));
            assert_eq!((tally.known_place(11), tally.known_place(9)), (None, None));
            tallies.give_back(tally);
        }
        let other = tallies.take(&(3..4));
        assert!(other.is_of(&(3..4)), "nor does it serve another graph");
    }
}
