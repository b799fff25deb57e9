//! The search, breadth first: the prefixes of many users go through the trunk together.
//!
//! At every token the model's distribution is normalised over the legal successors of each prefix. Inner tokens keep some prefixes of each
//! user, as the mode says; at the end *every* legal end item of every kept prefix is scored (or drawn), and an item's probability is the sum
//! over all paths found that end there. The probability of the prefixes that were cut is known, and bounds what the sums can have missed.

use super::found::Found;
use super::keep::{self, Candidate};
use super::tally::Tallies;
use super::{MAX_BEAMS, Mode, Prompt, SearchOptions, UserList, WhenShort};
use crate::embeddings::Table;
use crate::kernels::{exp, largest, sum, vectorised};
use crate::legal_softmax::{scores, scores_into};
use crate::linear::Linear;
use crate::model::{Cache, Engine};
use crate::path_model::PathModel;
use footpath_core::{Goal, LegalSuccessors, NodeId, Successors, Vocabulary};
use rayon::prelude::*;
use std::ops::Range;

/// Users that go through the trunk together. Part of the definition of a run: results do not depend on the number of threads.
const USERS_AT_ONCE: usize = 8;
/// Prefixes that go through the trunk together, in all threads: what bounds the memory of a search that is widened.
const PREFIXES_AT_ONCE: usize = MAX_BEAMS;

/// Generates recommendations with a model on a graph.
#[derive(Debug)]
pub struct Recommender<'a, L> {
    model: &'a PathModel,
    engine: Engine<'a>,
    legal: &'a L,
    linear: Option<&'a Linear>,
    tallies: Tallies,
}

/// The search of one user.
struct Quest<'t> {
    user: NodeId,
    experts: Experts,
    found: Found<'t>,
    /// When no prefix of theirs is left.
    list: Option<UserList>,
}

/// Numbers whose sum is taken in single precision.
const SUMMED_TOGETHER: usize = 64;
/// Place in a path of the first item: after the user and the relation.
const FIRST_ITEM: usize = 2;

/// A prefix of one user.
struct Beam {
    user: usize,
    tokens: Vec<u32>,
    probability: f64,
    /// Row of the cache that holds everything but the last token.
    parent: u32,
    /// As [`Candidate::share`].
    share: u64,
    /// What may follow, where it was looked up ahead.
    successors: Option<Successors>,
}

impl Beam {
    /// Whether there is but one token that may follow, so that nobody asks the model.
    fn is_forced(&self) -> bool {
        self.successors.as_ref().is_some_and(|successors| successors.len() == 1)
    }
}

impl<'a, L: LegalSuccessors> Recommender<'a, L> {
    /// A recommender; `model` must not be on an autodiff device.
    #[must_use]
    pub fn new(model: &'a PathModel, legal: &'a L) -> Self {
        Self { model, engine: model.engine(), legal, linear: None, tallies: Tallies::among(legal.items()) }
    }

    /// With a linear part, for [`SearchOptions::linear`].
    #[must_use]
    pub fn with_linear(self, linear: Option<&'a Linear>) -> Self {
        Self { linear, ..self }
    }

    /// What is said of the items from each user alone, beside paths: for choosing weights. Two numbers for each user and item.
    pub fn experts(&self, users: &[NodeId]) -> Vec<Experts> {
        let options = SearchOptions { direct: 1.0, linear: 1.0, ..SearchOptions::default() };
        self.experts_of(&self.beginnings(users, u64::MAX), &options, &mut Cache::default()).1
    }

    /// The recommendations of each user, in the order of `users`. `done` is called with the number of users finished.
    ///
    /// A list that is short although prefixes were cut is searched again as [`WhenShort`] says, one whose order is not proven as
    /// [`Mode::Exact`] says; at most [`MAX_BEAMS`] wide.
    pub fn recommend(&self, users: &[NodeId], options: SearchOptions, done: &mut dyn FnMut(usize)) -> Vec<UserList> {
        let mut lists: Vec<UserList> = Vec::with_capacity(users.len());
        for chunk in users.chunks(USERS_AT_ONCE * rayon::current_num_threads()) {
            lists.extend(self.search_until_content(chunk, options));
            done(lists.len());
        }
        lists
    }

    fn search_until_content(&self, users: &[NodeId], options: SearchOptions) -> Vec<UserList> {
        let mut lists = self.search_in_portions(users, options);
        let mut wider = options;
        let content = |list: &UserList| {
            let filled = list.items.len() >= options.k || options.when_short == WhenShort::Accept;
            list.unexplored == 0.0 || (filled && (options.mode != Mode::Exact || list.proven))
        };
        while widen(&mut wider) {
            let again: Vec<usize> = (0..lists.len()).filter(|&i| !content(&lists[i])).collect();
            if again.is_empty() {
                break;
            }
            let those: Vec<NodeId> = again.iter().map(|&i| users[i]).collect();
            for (index, list) in again.into_iter().zip(self.search_in_portions(&those, wider)) {
                lists[index] = list;
            }
        }
        lists
    }

    /// Searches as many users at once as memory allows.
    fn search_in_portions(&self, users: &[NodeId], options: SearchOptions) -> Vec<UserList> {
        let width = match options.mode {
            Mode::Sample(sampling) => sampling.draws as usize,
            _ => options.beams,
        };
        let users_in_memory = (PREFIXES_AT_ONCE / width).max(1);
        let portion = users_in_memory.min(USERS_AT_ONCE);
        // Every thread has portions of its own: what is done for one user at a time, nobody waits for.
        let at_once = (users_in_memory / portion).min(rayon::current_num_threads());
        users
            .chunks(portion * at_once)
            .flat_map(|users| {
                users.par_chunks(portion).flat_map_iter(|users| self.search(users, options)).collect::<Vec<_>>()
            })
            .collect()
    }

    fn search(&self, users: &[NodeId], options: SearchOptions) -> Vec<UserList> {
        let share = match options.mode {
            Mode::Sample(sampling) => u64::from(sampling.draws),
            _ => u64::MAX,
        };
        let mut beams = self.beginnings(users, share);
        let mut cache = Cache::default();
        let (mut hidden, experts) = self.experts_of(&beams, &options, &mut cache);
        let quest = |(&user, experts)| Quest { user, experts, found: Found::nothing(&self.tallies), list: None };
        let mut quests: Vec<Quest<'_>> = users.iter().zip(experts).map(quest).collect();
        loop {
            beams = self.advance(&beams, &hidden, &options, &mut quests);
            if beams.is_empty() {
                break;
            }
            let tokens: Vec<u32> = beams.iter().filter_map(|b| b.tokens.last().copied()).collect();
            let parents: Vec<u32> = beams.iter().map(|b| b.parent).collect();
            let forced: Vec<bool> = beams.iter().map(Beam::is_forced).collect();
            hidden = self.engine.step_for_some(self.model.embed(&tokens), Some(&parents), &forced, &mut cache);
        }
        let vocabulary = self.legal.vocabulary();
        let list = |mut quest: Quest<'_>| quest.list.take().unwrap_or_else(|| quest.finish(&options, vocabulary));
        quests.into_iter().map(list).collect()
    }

    /// Where the search of each user begins.
    fn beginnings(&self, users: &[NodeId], share: u64) -> Vec<Beam> {
        let first = |(user, &node): (usize, &NodeId)| {
            let tokens = vec![self.legal.vocabulary().node(node).0];
            Beam { user, tokens, probability: 1.0, parent: 0, share, successors: None }
        };
        users.iter().enumerate().map(first).collect()
    }

    /// The hidden vector after the prompt of each user, and what is said of the items from the user alone.
    fn experts_of(&self, users: &[Beam], options: &SearchOptions, cache: &mut Cache) -> (Vec<f32>, Vec<Experts>) {
        let hidden = self.read_prompts(users, options, cache);
        let of_each: Vec<(&Beam, &[f32])> =
            users.iter().zip(hidden.chunks_exact(self.model.config.d_table())).collect();
        let experts = of_each
            .into_par_iter()
            .map(|(user, h)| {
                let first = self.legal.items().start;
                let direct =
                    if options.direct > 0.0 { log_softmax(self.model, self.legal.items(), h) } else { Vec::new() };
                let linear = match self.linear {
                    Some(linear) if options.linear > 0.0 => {
                        let user = user.tokens.first().copied().unwrap_or_default();
                        let places = self.legal.history(user).iter().map(|&item| self.model.history_row(item));
                        linear.log_shares(places.zip(self.legal.later(user)))
                    }
                    _ => Vec::new(),
                };
                Experts { first, direct, linear }
            })
            .collect();
        (hidden, experts)
    }

    /// The hidden vector after the prompt of each user.
    fn read_prompts(&self, users: &[Beam], options: &SearchOptions, cache: &mut Cache) -> Vec<f32> {
        let model = self.model;
        let user_of = |beam: &Beam| beam.tokens.first().copied().unwrap_or_default();
        let (Prompt::UserAndEnd, Goal::Item(end)) = (options.prompt, options.goal) else {
            let prompt = |beam: &Beam| model.prompt(user_of(beam), self.legal.history(user_of(beam)));
            return self.engine.step(users.iter().flat_map(prompt).collect(), None, cache);
        };
        // As in training, the end is not told twice.
        let prompt = |beam: &Beam| {
            let known: Vec<u32> =
                self.legal.history(user_of(beam)).iter().copied().filter(|&item| item != end.0).collect();
            model.prompt(user_of(beam), &known)
        };
        let same = |token: u32| model.embed(&vec![token; users.len()]);
        let end = self.legal.vocabulary().node(end).0;
        let users = users.iter().flat_map(prompt).collect();
        let vectors =
            [same(Vocabulary::PREFIX.0), users, same(Vocabulary::SUFFIX.0), same(end), same(Vocabulary::MIDDLE.0)];
        vectors.into_iter().fold(Vec::new(), |_, vectors| self.engine.step(vectors, None, cache))
    }

    /// One token further: the surviving beams, with what ended entered in the quests, of which those that have no beam left are finished.
    fn advance(&self, beams: &[Beam], hidden: &[f32], options: &SearchOptions, quests: &mut [Quest<'_>]) -> Vec<Beam> {
        let groups: Vec<&[Beam]> = beams.chunk_by(|a, b| a.user == b.user).collect();
        let starts: Vec<usize> = groups.iter().scan(0, |at, g| Some(std::mem::replace(at, *at + g.len()))).collect();
        let mut by_user: Vec<Option<&mut Quest<'_>>> = quests.iter_mut().map(Some).collect();
        let work: Vec<_> = groups
            .into_iter()
            .zip(starts)
            .filter_map(|(group, start)| Some((group, start, by_user[group[0].user].take()?)))
            .collect();
        let survivors: Vec<Vec<Beam>> = work
            .into_par_iter()
            .map(|(group, start, quest)| {
                let open = self.open(group, start, hidden, options, &mut quest.found);
                let (kept, lost) = match options.mode {
                    Mode::Beam | Mode::Exact => keep::most_probable(open, options.beams),
                    Mode::Diverse { groups, penalty } => keep::diverse(open, options.beams, groups, penalty),
                    Mode::Sample(_) => (open, Vec::new()),
                };
                quest.found.cut(&lost);
                if kept.is_empty() {
                    // Now what was found is at hand; when all are through it has left the caches.
                    quest.list = Some(quest.finish(options, self.legal.vocabulary()));
                }
                let mut kept: Vec<Beam> =
                    kept.iter().map(|candidate| candidate.follow(&group[candidate.row as usize - start])).collect();
                self.look_ahead(&mut kept, options);
                kept
            })
            .collect();
        survivors.into_iter().flatten().collect()
    }

    /// Looks up what may follow the prefixes of a user, so that the trunk is spared those which only one token can follow. Not where that token ends the
    /// longest paths: there few are alone, and all of them may be too many to be held for every prefix at once.
    fn look_ahead(&self, beams: &mut [Beam], options: &SearchOptions) {
        let is_last = |beam: &Beam| beam.tokens.len() + 1 >= self.legal.max_tokens();
        if beams.first().is_none_or(is_last) || self.end_to_fill_in_to(options).is_some() {
            return;
        }
        let mut found = Vec::with_capacity(beams.len());
        let prefixes = beams.iter().map(|beam| beam.tokens.as_slice());
        self.legal.successors_of_each(prefixes, options.goal, |successors| found.push(std::mem::take(successors)));
        beams.iter_mut().zip(found).for_each(|(beam, successors)| beam.successors = Some(successors));
    }

    /// All that may follow the prefixes of a user, with what ends entered in `found`.
    fn open(
        &self,
        group: &[Beam],
        start: usize,
        hidden: &[f32],
        options: &SearchOptions,
        found: &mut Found<'_>,
    ) -> Vec<Candidate> {
        let width = self.model.config.d_table();
        let mut open = Vec::new();
        let mut softmax = Softmax::default();
        let filled_in = self.end_to_fill_in_to(options);
        let mut enter = |index: usize, beam: &Beam, successors: &Successors| {
            let h = &hidden[index * width..][..width];
            // What ends a middle is the mark of its end: the item is given.
            let word = |token: u32| if Some(token) == filled_in { Vocabulary::END.0 } else { token };
            let shares = softmax.of(h, successors, self.model.output(), &self.model.bias, word);
            if options.recency > 0.0 && beam.tokens.len() == FIRST_ITEM {
                self.fade(&beam.tokens, options.recency, successors, shares);
            }
            let shares: &[f64] = shares;
            let drawn = match options.mode {
                Mode::Sample(sampling) => {
                    let user = beam.tokens.first().copied().unwrap_or_default();
                    Some(keep::draw(shares, beam.share, &sampling, user, &beam.tokens))
                }
                _ => None,
            };
            let share = |place: usize| drawn.as_ref().map_or(beam.share, |counts| counts[place]);
            let row = u32::try_from(index).unwrap_or(u32::MAX);
            let going = successors.continuing.iter().zip(shares).enumerate();
            open.extend(going.filter(|&(place, _)| share(place) > 0).map(|(place, (&token, &p))| Candidate {
                probability: beam.probability * p,
                row,
                token,
                share: share(place),
            }));
            let first = successors.continuing.len();
            let stopping = (first..).zip(successors.ending.iter().zip(&shares[first..]));
            let ends =
                stopping.filter(|&(place, _)| share(place) > 0).map(|(_, (&token, &p))| (token, beam.probability * p));
            found.enter(&beam.tokens, ends, options.paths_per_item);
        };
        let mut beams = (start..).zip(group).peekable();
        if beams.peek().is_some_and(|(_, beam)| beam.successors.is_none()) {
            let prefixes = group.iter().map(|beam| beam.tokens.as_slice());
            self.legal.successors_of_each(prefixes, options.goal, |successors| {
                filled_in.into_iter().for_each(|end| stop_at(successors, end));
                beams.next().into_iter().for_each(|(index, beam)| enter(index, beam, successors));
            });
        }
        beams.for_each(|(index, beam)| beam.successors.iter().for_each(|successors| enter(index, beam, successors)));
        open
    }

    /// Takes probability from the items of a history by how many were chosen later; the sum stays 1.
    fn fade(&self, prefix: &[u32], recency: f64, successors: &Successors, shares: &mut [f64]) {
        let (user, first) = (prefix[0], self.legal.vocabulary().node(NodeId(0)).0);
        let (history, later) = (self.legal.history(user), self.legal.later(user));
        // What was not chosen, such as the end of a path of one hop, has no time.
        let faded = |token: u32| {
            let place = history.binary_search(&token.wrapping_sub(first)).ok()?;
            later.get(place).map(|&later| (1.0 + f64::from(later)).powf(-recency))
        };
        for (share, &token) in shares.iter_mut().zip(successors.continuing.iter().chain(&successors.ending)) {
            *share *= faded(token).unwrap_or(1.0);
        }
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
    }

    /// The token of the item that a middle leads to.
    fn end_to_fill_in_to(&self, options: &SearchOptions) -> Option<u32> {
        match (options.prompt, options.goal) {
            (Prompt::UserAndEnd, Goal::Item(end)) => Some(self.legal.vocabulary().node(end).0),
            _ => None,
        }
    }
}

impl Quest<'_> {
    /// The list of the user, by what was found.
    fn finish(&mut self, options: &SearchOptions, vocabulary: Vocabulary) -> UserList {
        let Self { user, experts, found, .. } = self;
        if matches!(options.mode, Mode::Sample(_)) {
            found.cut_the_rest();
        }
        found.finish(*user, options, vocabulary, |token| experts.factor(token, options))
    }
}

/// What is said of each item from a user alone, beside the paths to it.
#[derive(Clone, Debug)]
pub struct Experts {
    /// Token of the first item.
    first: u32,
    /// ln p(item ∣ user) by the model, among all items; empty where it is not asked for, which costs nothing.
    direct: Vec<f32>,
    /// As [`Linear::log_shares`]; empty where there is none.
    linear: Vec<f32>,
}

impl Experts {
    /// What the worth of the paths to an item is multiplied by; at most 1.
    fn factor(&self, end: u32, options: &SearchOptions) -> f64 {
        if self.direct.is_empty() && self.linear.is_empty() {
            return 1.0;
        }
        let [direct, linear] = self.of(end);
        (options.direct * direct + options.linear * linear).exp()
    }

    /// ln p(item ∣ user) and the logarithm of the linear part's share of an item, by its token; 0 of what was not asked for.
    #[must_use]
    pub fn of(&self, end: u32) -> [f64; 2] {
        let place = end.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let at = |expert: &[f32]| place.and_then(|place| expert.get(place)).map_or(0.0, |&log| f64::from(log));
        [at(&self.direct), at(&self.linear)]
    }
}

/// The logarithm of the probability of each token of a range, among them.
fn log_softmax(model: &PathModel, tokens: Range<u32>, hidden: &[f32]) -> Vec<f32> {
    let tokens: Vec<u32> = tokens.collect();
    let mut scores = scores(hidden, model.output(), &model.bias, &tokens);
    let top = largest(&scores);
    let sum = exponentiate(&mut scores.clone());
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    let log_sum = (f64::from(top) + sum.ln()) as f32;
    scores.iter_mut().for_each(|z| *z = (*z - log_sum).min(0.0));
    scores
}

/// Makes reaching `end` the end of a path, where it might have been followed by the mark of the end.
fn stop_at(successors: &mut Successors, end: u32) {
    if let Some(place) = successors.continuing.iter().position(|&token| token == end) {
        successors.continuing.remove(place);
        successors.ending.push(end);
    }
    successors.ending.retain(|&token| token == end);
    successors.ending.dedup();
}

impl Candidate {
    /// The prefix that this continues `beam` to.
    fn follow(&self, beam: &Beam) -> Beam {
        let mut tokens = Vec::with_capacity(beam.tokens.len() + 1);
        tokens.extend_from_slice(&beam.tokens);
        tokens.push(self.token);
        Beam {
            user: beam.user,
            tokens,
            probability: self.probability,
            parent: self.row,
            share: self.share,
            successors: None,
        }
    }
}

/// Makes a search four times as wide; false when it is as wide as it may get.
fn widen(options: &mut SearchOptions) -> bool {
    match &mut options.mode {
        Mode::Sample(sampling) => {
            let before = sampling.draws;
            sampling.draws = before.saturating_mul(4).min(1_000_000);
            sampling.draws > before
        }
        _ => {
            let before = options.beams;
            options.beams = before.saturating_mul(4).min(MAX_BEAMS);
            options.beams > before
        }
    }
}

/// The softmax over the successors of one prefix after another, in the same memory.
#[derive(Default)]
struct Softmax {
    tokens: Vec<u32>,
    scores: Vec<f32>,
    shares: Vec<f64>,
}

impl Softmax {
    /// Probability of each successor, continuing before ending; `word` is what the model calls it.
    fn of(
        &mut self,
        h: &[f32],
        successors: &Successors,
        output: &Table,
        bias: &Table,
        word: impl Fn(u32) -> u32,
    ) -> &mut [f64] {
        let Self { tokens, scores, shares } = self;
        tokens.clear();
        tokens.extend(successors.continuing.iter().chain(&successors.ending).map(|&token| word(token)));
        scores_into(h, output, bias, tokens, scores);
        let sum = exponentiate(scores);
        shares.clear();
        shares.extend(scores.iter().map(|&e| f64::from(e) / sum));
        shares
    }
}

/// Makes each score e^(score − the largest); returns their sum.
fn exponentiate(scores: &mut [f32]) -> f64 {
    let top = largest(scores);
    vectorised(
        #[inline(always)]
        || {
            for z in &mut *scores {
                *z = exp(*z - top);
            }
        },
    );
    // Single precision within short runs, so that it can be done in vectors.
    scores.chunks(SUMMED_TOGETHER).map(|run| f64::from(sum(run))).sum()
}
