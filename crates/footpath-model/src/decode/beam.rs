//! Beam search over users, breadth first: all users of a chunk and all their beams go through the trunk together.
//!
//! At every token the model's distribution is normalised over the legal successors of each beam. Inner tokens keep the most probable
//! prefixes of each user; at the end *every* legal end item of every kept prefix is scored, and an item's probability is the sum over all
//! paths found that end there. The probability of the prefixes that were cut is known, and bounds what the sums can have missed.

use crate::embeddings::Table;
use crate::legal_softmax::dot;
use crate::model::Cache;
use crate::path_model::PathModel;
use footpath_core::{Goal, LegalSuccessors, NodeId, Successors, TokenId, Vocabulary};
use hashbrown::HashMap;
use rayon::prelude::*;

/// Users that go through the trunk together. Part of the definition of a run: results do not depend on the number of threads.
const USERS_AT_ONCE: usize = 16;

/// Settings of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchOptions {
    /// Items wanted for each user.
    pub k: usize,
    /// Prefixes kept for each user at each token.
    pub beams: usize,
    /// Best paths kept for each item.
    pub paths_per_item: usize,
    /// The items a path may end in.
    pub goal: Goal,
    /// What to do when fewer than `k` items are found although prefixes were cut.
    pub when_short: WhenShort,
}

/// What to do when a search finds fewer than k items although it cut prefixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenShort {
    /// Search again, four times as wide, until k are found or nothing was cut.
    #[default]
    Widen,
    /// Take what there is.
    Accept,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { k: 10, beams: 400, paths_per_item: 3, goal: Goal::Unseen, when_short: WhenShort::Widen }
    }
}

/// A path with its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredPath {
    /// Tokens: user, relation, node, …, end item.
    pub tokens: Vec<u32>,
    /// Natural logarithm of its probability under the model.
    pub log_probability: f64,
}

/// An item with its probability and the paths that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredItem {
    /// The item.
    pub item: NodeId,
    /// Natural logarithm of the probability of ending there, over all paths found.
    pub score: f64,
    /// Share of the best path in that probability, in (0, 1].
    pub confidence: f64,
    /// The most probable paths, best first.
    pub paths: Vec<ScoredPath>,
}

/// Why a list is shorter than asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The graph has no more items that a path of the pattern reaches from this user.
    FewerReachable,
    /// No path of the pattern leaves this user for an item they have not chosen.
    NoPath,
}

/// The recommendations of one user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserList {
    /// The user.
    pub user: NodeId,
    /// At most k items, most probable first; ties by item.
    pub items: Vec<ScoredItem>,
    /// Probability of the prefixes that were not followed, in [0, 1].
    pub unexplored: f64,
    /// Why there are fewer than k items, if there are.
    pub shortfall: Option<Shortfall>,
}

/// Generates recommendations with a model on a graph.
#[derive(Debug)]
pub struct Recommender<'a, L> {
    model: &'a PathModel,
    legal: &'a L,
}

/// A prefix of one user.
struct Beam {
    user: usize,
    tokens: Vec<u32>,
    probability: f64,
    /// Row of the cache that holds everything but the last token.
    parent: u32,
}

/// Prefixes that have ended, told by their place in the list.
type Prefixes = Vec<Vec<u32>>;

/// What was found for one user.
#[derive(Default)]
struct Found {
    /// What was found for each end; its order never decides anything.
    items: HashMap<u32, ItemPaths>,
    unexplored: f64,
    cut: bool,
}

/// The paths to one item.
#[derive(Default)]
struct ItemPaths {
    /// Sum of their probabilities.
    sum: f64,
    /// The most probable few, best first: (probability, branch, token); the branch tells the prefix.
    best: Vec<(f64, u32, u32)>,
}

impl<'a, L: LegalSuccessors> Recommender<'a, L> {
    /// A recommender; `model` must not be on an autodiff device.
    #[must_use]
    pub fn new(model: &'a PathModel, legal: &'a L) -> Self {
        Self { model, legal }
    }

    /// The recommendations of each user, in the order of `users`. `done` is called with the number of users finished.
    ///
    /// A user whose kept prefixes reach fewer than k items is searched again as [`WhenShort`] says.
    pub fn recommend(&self, users: &[NodeId], options: SearchOptions, done: &mut dyn FnMut(usize)) -> Vec<UserList> {
        let mut lists: Vec<UserList> = Vec::with_capacity(users.len());
        for chunk in users.chunks(USERS_AT_ONCE) {
            lists.extend(self.search_until_filled(chunk, options));
            done(lists.len());
        }
        lists
    }

    fn search_until_filled(&self, users: &[NodeId], options: SearchOptions) -> Vec<UserList> {
        let mut lists = self.search(users, options);
        if options.when_short == WhenShort::Accept {
            return lists;
        }
        let mut wider = options;
        loop {
            let short: Vec<usize> =
                (0..lists.len()).filter(|&i| lists[i].items.len() < options.k && lists[i].unexplored > 0.0).collect();
            if short.is_empty() {
                return lists;
            }
            wider.beams = wider.beams.saturating_mul(4);
            let again: Vec<NodeId> = short.iter().map(|&i| users[i]).collect();
            for (index, list) in short.into_iter().zip(self.search(&again, wider)) {
                lists[index] = list;
            }
        }
    }

    fn search(&self, users: &[NodeId], options: SearchOptions) -> Vec<UserList> {
        let vocabulary = self.legal.vocabulary();
        let mut found: Vec<Found> = users.iter().map(|_| Found::default()).collect();
        let first = |(user, &node): (usize, &NodeId)| {
            let tokens = vec![vocabulary.node(node).0];
            Beam { user, tokens, probability: 1.0, parent: 0 }
        };
        let mut beams: Vec<Beam> = users.iter().enumerate().map(first).collect();
        // The paths of ended beams are told by the beam they branch from, so earlier levels are kept.
        let mut ended: Vec<Prefixes> = users.iter().map(|_| Vec::new()).collect();
        let mut cache = Cache::default();
        let mut level = 0;
        while !beams.is_empty() {
            let tokens: Vec<u32> = beams.iter().filter_map(|b| b.tokens.last().copied()).collect();
            let parents: Vec<u32> = beams.iter().map(|b| b.parent).collect();
            let hidden = self.model.step(&tokens, (level > 0).then_some(&parents), &mut cache);
            beams = self.advance(&beams, &hidden, options, &mut found, &mut ended);
            level += 1;
        }
        let finish =
            |((found, ended), &user): ((Found, &Prefixes), &NodeId)| finish(found, ended, user, options, vocabulary);
        found.into_iter().zip(&ended).zip(users).map(finish).collect()
    }

    /// One token further: the surviving beams, with what ended entered in `found`.
    fn advance(
        &self,
        beams: &[Beam],
        hidden: &[f32],
        options: SearchOptions,
        found: &mut [Found],
        ended: &mut [Prefixes],
    ) -> Vec<Beam> {
        let width = self.model.config.trunk.d_model;
        let groups: Vec<&[Beam]> = beams.chunk_by(|a, b| a.user == b.user).collect();
        let starts: Vec<usize> = groups.iter().scan(0, |at, g| Some(std::mem::replace(at, *at + g.len()))).collect();
        let mut by_user: Vec<Option<(&mut Found, &mut Prefixes)>> = found.iter_mut().zip(ended).map(Some).collect();
        let work: Vec<_> = groups
            .into_iter()
            .zip(starts)
            .filter_map(|(group, start)| Some((group, start, by_user[group[0].user].take()?)))
            .collect();
        let survivors: Vec<Vec<Beam>> = work
            .into_par_iter()
            .map(|(group, start, (found, ended))| {
                let mut open: Vec<(f64, u32, u32)> = Vec::new();
                let mut successors = Successors::default();
                for (index, beam) in (start..).zip(group) {
                    let h = &hidden[index * width..][..width];
                    self.legal.successors(&beam.tokens, options.goal, &mut successors);
                    let shares = softmax(h, &successors, &self.model.output, &self.model.bias);
                    let (going, stopping) = shares.split_at(successors.continuing.len());
                    let row = u32::try_from(index).unwrap_or(u32::MAX);
                    let going = successors.continuing.iter().zip(going);
                    open.extend(going.map(|(&token, share)| (beam.probability * share, row, token)));
                    if !successors.ending.is_empty() {
                        let branch = u32::try_from(ended.len()).unwrap_or(u32::MAX);
                        ended.push(beam.tokens.clone());
                        for (&token, share) in successors.ending.iter().zip(stopping) {
                            found.enter(&beam.tokens, branch, token, beam.probability * share, options.paths_per_item);
                        }
                    }
                }
                // Most probable first; equal ones in the order of their beams and tokens.
                let order =
                    |a: &(f64, u32, u32), b: &(f64, u32, u32)| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2)));
                if open.len() > options.beams {
                    open.select_nth_unstable_by(options.beams, order);
                    found.cut = true;
                    let mut lost: Vec<f64> = open.drain(options.beams..).map(|(p, _, _)| p).collect();
                    lost.sort_unstable_by(f64::total_cmp);
                    found.unexplored += lost.into_iter().sum::<f64>();
                }
                open.sort_unstable_by(order);
                open.iter()
                    .map(|&(probability, row, token)| {
                        let beam = &group[row as usize - start];
                        let mut tokens = Vec::with_capacity(beam.tokens.len() + 1);
                        tokens.extend_from_slice(&beam.tokens);
                        tokens.push(token);
                        Beam { user: beam.user, tokens, probability, parent: row }
                    })
                    .collect()
            })
            .collect();
        survivors.into_iter().flatten().collect()
    }
}

/// Probability of each successor, continuing before ending.
fn softmax(h: &[f32], successors: &Successors, output: &Table, bias: &Table) -> Vec<f64> {
    let tokens = successors.continuing.iter().chain(&successors.ending);
    let scores: Vec<f32> = tokens.map(|&token| dot(h, output.row(token)) + bias.values[token as usize]).collect();
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut shares: Vec<f64> = scores.iter().map(|&z| f64::from((z - max).exp())).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

impl Found {
    /// Enters the path `prefix` + `token`; with [`Vocabulary::END`] the path is `prefix` itself.
    fn enter(&mut self, prefix: &[u32], branch: u32, token: u32, probability: f64, keep: usize) {
        let item = if token == Vocabulary::END.0 { prefix.last().copied().unwrap_or(token) } else { token };
        let paths = self.items.entry(item).or_default();
        paths.sum += probability;
        // Branches come in order, so of equally probable paths the one found first stays ahead.
        let full = paths.best.len() >= keep.max(1);
        if full && paths.best.last().is_some_and(|worst| worst.0 >= probability) {
            return;
        }
        if full {
            paths.best.pop();
        }
        let place = paths.best.partition_point(|path| path.0 >= probability);
        paths.best.insert(place, (probability, branch, token));
    }
}

fn finish(found: Found, ended: &[Vec<u32>], user: NodeId, options: SearchOptions, vocabulary: Vocabulary) -> UserList {
    let mut ranked: Vec<(u32, ItemPaths)> = found.items.into_iter().collect();
    ranked.sort_by(|a, b| b.1.sum.total_cmp(&a.1.sum).then(a.0.cmp(&b.0)));
    let reachable = ranked.len();
    ranked.truncate(options.k);
    let item = |(token, paths): (u32, ItemPaths)| {
        let path = |&(probability, branch, token): &(f64, u32, u32)| {
            let mut tokens = ended[branch as usize].clone();
            if token != Vocabulary::END.0 {
                tokens.push(token);
            }
            ScoredPath { tokens, log_probability: probability.ln() }
        };
        let best = paths.best.first().map_or(0.0, |path| path.0);
        ScoredItem {
            item: node(vocabulary, token),
            score: paths.sum.ln(),
            confidence: (best / paths.sum).min(1.0),
            paths: paths.best.iter().map(path).collect(),
        }
    };
    let shortfall = match reachable {
        0 => Some(Shortfall::NoPath),
        n if n < options.k => Some(Shortfall::FewerReachable),
        _ => None,
    };
    // A search that cut nothing has no unexplored probability, however small the numbers.
    let unexplored = if found.cut { found.unexplored.max(f64::MIN_POSITIVE) } else { 0.0 };
    UserList { user, items: ranked.into_iter().map(item).collect(), unexplored, shortfall }
}

fn node(vocabulary: Vocabulary, token: u32) -> NodeId {
    match vocabulary.word(TokenId(token)) {
        Some(footpath_core::vocabulary::Word::Node(node)) => node,
        // Ends are nodes by the contract of `LegalSuccessors`.
        _ => NodeId(u32::MAX),
    }
}
