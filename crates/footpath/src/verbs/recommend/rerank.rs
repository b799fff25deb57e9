//! Re-ranking for better explanations: some of a list's probability is traded for paths that are more recent, more
//! popular or more varied (the aims of Balloccu, Boratto, Fenu and Marras, SIGIR 2022).
//!
//! A list of k items, each with one of its paths, is worth
//!
//! ```text
//! (1 − Σ w) · Σ p(item) / Σ p(the k most probable) + w_lir · LIR + w_sep · SEP + w_ptd · PTD
//! ```
//!
//! with the metrics as [`PathMetric`](footpath_eval::PathMetric) defines them, all in [0, 1]. All but PTD are sums over
//! slots; PTD adds the same for each new last relation. So the best list is a flow of k units of greatest worth from
//! items over last relations, where the first unit through a relation earns the bonus: it is found exactly, by k
//! augmentations along best paths. Cost: k × items × (item, relation) pairs for a user.

use crate::error::{Error, Result};
use footpath_core::{Context, NodeId, RelationId, TokenId};
use footpath_eval::explanations::{SharedPopularity, recency};
use footpath_graph::TrainKg;
use footpath_model::decode::{ScoredItem, ScoredPath, UserList};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// What a part of a list's probability is traded for; weights of at least 0 that sum to at most 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// How recently the user chose the first item of a path.
    pub lir: f64,
    /// How popular the last node before the end is among its kind.
    pub sep: f64,
    /// How many last relations differ.
    pub ptd: f64,
}

impl FromStr for Weights {
    type Err = Error;

    /// Reads `lir=0.2,ptd=0.1`.
    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason: String| Error::Usage { option: "optimise", reason };
        let mut weights = Self::default();
        for part in text.split(',') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| bad(format!("`{part}`: write lir=0.2,sep=0.1,ptd=0.3")))?;
            let weight = match name.trim() {
                "lir" => &mut weights.lir,
                "sep" => &mut weights.sep,
                "ptd" => &mut weights.ptd,
                other => return Err(bad(format!("`{other}` is none of lir, sep, ptd"))),
            };
            *weight = value.trim().parse().map_err(|_| bad(format!("`{value}` is no number")))?;
        }
        weights.validate()?;
        Ok(weights)
    }
}

impl Weights {
    fn sum(self) -> f64 {
        self.lir + self.sep + self.ptd
    }

    /// Checks that each is at least 0 and all together at most 1.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn validate(self) -> Result<()> {
        if [self.lir, self.sep, self.ptd].iter().all(|&w| w >= 0.0) && self.sum() <= 1.0 {
            return Ok(());
        }
        let reason = "weights must be at least 0 and sum to at most 1".to_owned();
        Err(Error::Usage { option: "optimise", reason })
    }
}

/// Re-ranks lists of one graph.
pub(crate) struct Reranker<'a> {
    kg: &'a TrainKg,
    popularity: SharedPopularity,
    weights: Weights,
}

impl<'a> Reranker<'a> {
    /// Prepares what depends on the graph alone, which looks once at every arc.
    pub(crate) fn new(kg: &'a TrainKg, weights: Weights, context: &Context) -> Result<Self> {
        Ok(Self { kg, popularity: SharedPopularity::new(kg, context)?, weights })
    }

    /// The best list of `k` of these items, in their order, and the share of what the first `k` are worth that was
    /// given up for it. The choices of guests have no times, so their recency is 0.
    pub(crate) fn choose(&self, list: UserList, k: usize) -> (UserList, f64) {
        let size = k.min(list.items.len());
        let most: f64 = list.items.iter().take(size).map(worth).sum();
        if size == 0 || most <= 0.0 {
            return (list, 0.0);
        }
        let options = self.options(&list, size, most);
        let num_kinds = self.kg.num_relations().clamp(1, size);
        #[expect(clippy::cast_precision_loss, reason = "at most 1,000")]
        let bonus = self.weights.ptd / num_kinds as f64;
        let values: Vec<BTreeMap<RelationId, f64>> = options
            .iter()
            .map(|of_item| of_item.iter().map(|(&kind, option)| (kind, option.value)).collect())
            .collect();
        let chosen = best_selection(&values, size, bonus);
        let UserList { user, items, unexplored, shortfall, .. } = list;
        let items: Vec<ScoredItem> = items
            .into_iter()
            .zip(chosen)
            .zip(&options)
            .filter_map(|((item, kind), options)| Some(shown_by(item, options.get(&kind?)?.path)))
            .collect();
        let kept: f64 = items.iter().map(worth).sum();
        let proven = unexplored == 0.0;
        let shortfall = if items.len() < k { shortfall } else { None };
        (UserList { user, items, behind: None, unexplored, proven, shortfall }, (1.0 - kept / most).max(0.0))
    }

    /// For each item, and each last relation of its paths, the path of most worth.
    fn options(&self, list: &UserList, size: usize, most: f64) -> Vec<BTreeMap<RelationId, PathOption>> {
        let recency =
            if list.user.index() < self.kg.num_nodes() { recency(self.kg, list.user) } else { BTreeMap::new() };
        let vocabulary = self.kg.vocabulary();
        let node = |token: TokenId| NodeId(token.0.wrapping_sub(vocabulary.node(NodeId(0)).0));
        #[expect(clippy::cast_precision_loss, reason = "at most 1,000")]
        let slots = size as f64;
        let of_path = |path: &ScoredPath| {
            let linking = path.tokens.get(2).map_or(0.0, |&t| recency.get(&node(t).0).copied().unwrap_or_default());
            let shared = path.tokens.iter().rev().nth(2).map_or(0.0, |&t| self.popularity.of(node(t)));
            (self.weights.lir * linking + self.weights.sep * shared) / slots
        };
        let kind = |path: &ScoredPath| {
            let token = path.tokens.iter().rev().nth(1).map_or(0, |token| token.0);
            RelationId(u16::try_from(token.wrapping_sub(vocabulary.relation(RelationId(0)).0)).unwrap_or(u16::MAX))
        };
        let of_item = |item: &ScoredItem| {
            let base = (1.0 - self.weights.sum()) * worth(item) / most;
            let mut options: BTreeMap<RelationId, PathOption> = BTreeMap::new();
            for (place, path) in item.paths.iter().enumerate() {
                let option = PathOption { value: base + of_path(path), path: place };
                let best = options.entry(kind(path)).or_insert(option);
                // Of equal worth, the more probable path stays, which comes first.
                if option.value > best.value {
                    *best = option;
                }
            }
            options
        };
        list.items.iter().map(of_item).collect()
    }
}

/// A path that can stand for an item: what the slot is then worth, and its place among the paths of the item.
#[derive(Clone, Copy)]
struct PathOption {
    value: f64,
    path: usize,
}

/// What an item is worth by the score that its list is in the order of.
fn worth(item: &ScoredItem) -> f64 {
    item.score.exp()
}

/// The item with this of its paths first.
fn shown_by(mut item: ScoredItem, path: usize) -> ScoredItem {
    if let Some(part) = item.paths.get_mut(..=path) {
        part.rotate_right(1);
    }
    item.confidence = item.paths.first().map_or(0.0, |p| (p.log_probability - item.log_probability).exp()).min(1.0);
    item
}

/// For each item the kind it is chosen with, or `None`: `size` items are chosen such that the sum of their values, plus
/// `bonus` for each kind that occurs, is greatest.
fn best_selection(values: &[BTreeMap<RelationId, f64>], size: usize, bonus: f64) -> Vec<Option<RelationId>> {
    let mut chosen: Vec<Option<RelationId>> = vec![None; values.len()];
    for _ in 0..size {
        if !augment(values, bonus, &mut chosen) {
            break;
        }
    }
    chosen
}

/// A way to gain by choosing one item more: the item it comes from, if it is taken over from another kind.
type From = Option<(usize, RelationId)>;

/// Chooses one item more, letting others change their kinds, for the greatest gain; false when there is no item left.
///
/// Bellman–Ford over kinds: `gain[t]` is the most that can be had by handing kind `t` one unit more. A kind hands a
/// unit on when an item chosen with it changes to another kind.
fn augment(values: &[BTreeMap<RelationId, f64>], bonus: f64, chosen: &mut [Option<RelationId>]) -> bool {
    /// Differences below this are rounding, and must not lead in circles.
    const EPSILON: f64 = 1e-12;
    let mut gain: BTreeMap<RelationId, (f64, usize, From)> = BTreeMap::new();
    for (item, of_item) in values.iter().enumerate().filter(|(item, _)| chosen[*item].is_none()) {
        for (&kind, &value) in of_item {
            let best = gain.entry(kind).or_insert((value, item, None));
            if value > best.0 + EPSILON {
                *best = (value, item, None);
            }
        }
    }
    let num_kinds = values.iter().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>().len();
    for _ in 0..num_kinds {
        let mut changed = false;
        for (item, of_item) in values.iter().enumerate() {
            let Some(old) = chosen[item] else { continue };
            let Some(&(reached, ..)) = gain.get(&old) else { continue };
            for (&kind, &value) in of_item.iter().filter(|(kind, _)| **kind != old) {
                let moved = reached + value - of_item.get(&old).copied().unwrap_or_default();
                if gain.get(&kind).is_none_or(|best| moved > best.0 + EPSILON) && !comes_through(&gain, old, kind) {
                    gain.insert(kind, (moved, item, Some((item, old))));
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    let is_new = |kind: &RelationId| !chosen.contains(&Some(*kind));
    let total = |(kind, found): (&RelationId, &(f64, usize, From))| found.0 + if is_new(kind) { bonus } else { 0.0 };
    let mut best: Option<(f64, RelationId)> = None;
    for entry in &gain {
        let total = total(entry);
        if best.is_none_or(|best| total > best.0 + EPSILON) {
            best = Some((total, *entry.0));
        }
    }
    let Some((_, mut kind)) = best else { return false };
    while let Some(&(_, item, from)) = gain.get(&kind) {
        chosen[item] = Some(kind);
        let Some((_, old)) = from else { break };
        kind = old;
    }
    true
}

/// Whether the way to `kind` leads through `through`.
fn comes_through(gain: &BTreeMap<RelationId, (f64, usize, From)>, kind: RelationId, through: RelationId) -> bool {
    let mut at = kind;
    while let Some(&(_, _, Some((_, old)))) = gain.get(&at) {
        if old == through {
            return true;
        }
        at = old;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};

    /// The greatest worth of a selection, by looking at all of them.
    fn by_hand(values: &[BTreeMap<RelationId, f64>], size: usize, bonus: f64) -> f64 {
        fn look(rest: &[BTreeMap<RelationId, f64>], size: usize, bonus: f64, used: &mut Vec<RelationId>) -> f64 {
            let Some((first, rest)) = rest.split_first() else {
                return if size == 0 { 0.0 } else { f64::NEG_INFINITY };
            };
            let mut best = look(rest, size, bonus, used);
            if size > 0 {
                for (&kind, &value) in first {
                    let extra = if used.contains(&kind) { 0.0 } else { bonus };
                    used.push(kind);
                    best = best.max(value + extra + look(rest, size - 1, bonus, used));
                    used.pop();
                }
            }
            best
        }
        look(values, size, bonus, &mut Vec::new())
    }

    fn worth(values: &[BTreeMap<RelationId, f64>], chosen: &[Option<RelationId>], bonus: f64) -> f64 {
        let kinds: std::collections::BTreeSet<_> = chosen.iter().flatten().collect();
        let sum: f64 = values.iter().zip(chosen).filter_map(|(v, c)| v.get(c.as_ref()?)).sum();
        sum + bonus * kinds.len() as f64
    }

    #[test]
    fn the_selection_is_the_best_of_all() {
        let mut stream = Stream::new(1, Purpose::Simulate, 0, 0);
        for round in 0..400 {
            let num_items = 1 + stream.index(6);
            let mut values: Vec<BTreeMap<RelationId, f64>> = Vec::new();
            for _ in 0..num_items {
                let kinds = 1 + stream.index(4);
                // Some values are equal, as those of paths often are.
                let mut value =
                    || f64::from(u32::try_from(stream.index(5)).expect("small")) / 4.0 * 0.9f64.powi(round % 3);
                let of_item: Vec<f64> = (0..kinds).map(|_| value()).collect();
                values.push(
                    of_item
                        .into_iter()
                        .map(|v| (RelationId(u16::try_from(stream.index(4)).expect("small")), v))
                        .collect(),
                );
            }
            for size in 1..=num_items {
                for bonus in [0.0, 0.3, 2.0] {
                    let chosen = best_selection(&values, size, bonus);
                    assert_eq!(chosen.iter().flatten().count(), size);
                    assert!(values.iter().zip(&chosen).all(|(v, c)| c.is_none_or(|c| v.contains_key(&c))));
                    let (found, best) = (worth(&values, &chosen, bonus), by_hand(&values, size, bonus));
                    assert!(
                        (found - best).abs() < 1e-9,
                        "round {round}: {found} for {best}: {values:?}, {size}, {bonus}"
                    );
                }
            }
        }
    }

    #[test]
    fn weights_are_read_and_checked() {
        assert_eq!("lir=0.2,ptd=0.5".parse::<Weights>().expect("weights"), Weights { lir: 0.2, sep: 0.0, ptd: 0.5 });
        for bad in ["", "lir", "lir=x", "lir=-0.1", "lir=0.6,sep=0.5", "novelty=1", "lir=nan"] {
            assert!(bad.parse::<Weights>().is_err(), "{bad}");
        }
    }
}
