//! The search, breadth first: the prefixes of many users go through the trunk together.
//!
//! At every token the model's distribution is normalised over the legal successors of each prefix. Inner tokens keep
//! some prefixes of each user, as the mode says; at the end *every* legal end item of every kept prefix is scored (or
//! drawn), and an item's probability is the sum over all paths found that end there. The probability of the prefixes
//! that were cut is known, and bounds what the sums can have missed.

use super::found::Found;
use super::keep::{self, Candidate};
use super::priors::ItemPriors;
use super::rules::UserRules;
use super::tally::Tallies;
use super::{MAX_BEAMS, Mode, Prompt, Rules, SearchOptions, UserList, WhenShort};
use crate::embeddings::Table;
use crate::error::Result;
use crate::kernels::{exp, largest, sum, vectorised};
use crate::legal_softmax::{scores, scores_into};
use crate::linear::{Linear, log_shares};
use crate::model::Stepper;
use crate::path_model::PathModel;
use footpath_core::vocabulary::Word;
use footpath_core::{Context, Goal, LegalSuccessors, NodeId, Stop, Successors, TokenId, Vocabulary};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Users that go through the trunk together. Part of the definition of a run: results do not depend on the number of
/// threads.
const USERS_AT_ONCE: usize = 8;
/// Prefixes that go through the trunk together, in all threads: what bounds the memory of a search that is widened.
const PREFIXES_AT_ONCE: usize = MAX_BEAMS;
/// Numbers whose sum is taken in single precision.
const SUMMED_TOGETHER: usize = 64;
/// Place in a path of the first item: after the user and the relation.
const FIRST_ITEM: usize = 2;

/// What searches write to. It is as large as the items of the graph, so whoever serves one request after another keeps
/// it for all of them; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Workspace(Arc<Tallies>);

/// Generates recommendations with a model on a graph.
///
/// To make one costs nothing: it refers to what it works with, and prepares nothing that grows with model or graph.
#[derive(Debug)]
pub struct Recommender<'a, L> {
    model: &'a PathModel,
    legal: &'a L,
    linear: Option<&'a Linear>,
    rules: Option<&'a Rules>,
    workspace: Workspace,
}

/// The search of one user.
struct UserSearch<'t> {
    user: NodeId,
    priors: ItemPriors,
    found: Found<'t>,
    /// When no prefix of theirs is left.
    list: Option<UserList>,
}

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

    /// The token of the user whose prefix it is.
    fn user_token(&self) -> u32 {
        self.tokens.first().copied().unwrap_or_default()
    }
}

impl<'a, L: LegalSuccessors> Recommender<'a, L> {
    /// A recommender with a workspace of its own.
    #[must_use]
    pub fn new(model: &'a PathModel, legal: &'a L) -> Self {
        Self { model, legal, linear: None, rules: None, workspace: Workspace::default() }
    }

    /// With a linear part, for [`SearchOptions::linear`].
    #[must_use]
    pub fn with_linear(self, linear: Option<&'a Linear>) -> Self {
        Self { linear, ..self }
    }

    /// Leaving out what these rules leave out.
    #[must_use]
    pub fn with_rules(self, rules: &'a Rules) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// What the paths and lists of a user leave out.
    fn rules_of(&self, user: NodeId) -> UserRules<'_> {
        self.rules.map_or(UserRules::NONE, |rules| rules.of(user))
    }

    /// In a workspace that was used before and will be used again.
    #[must_use]
    pub fn with_workspace(self, workspace: &Workspace) -> Self {
        Self { workspace: workspace.clone(), ..self }
    }

    /// What is said of the items from each user alone, beside paths: for choosing weights. Four numbers for each user
    /// and item.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn item_priors(&self, users: &[NodeId], context: &Context) -> Result<Vec<ItemPriors>> {
        let options =
            SearchOptions { direct: 1.0, linear: 1.0, popularity: 1.0, path_count: 1.0, ..SearchOptions::default() };
        let search = Search { by: self, options, stop: context.stop() };
        Ok(search.priors(&search.beginnings(users, u64::MAX), &mut *self.model.engine().begin())?.1)
    }

    /// The recommendations of each user, in the order of `users`.
    ///
    /// A list that is short although prefixes were cut is searched again as [`WhenShort`] says, one whose order is not
    /// proven as [`Mode::Exact`] says; at most [`MAX_BEAMS`] wide.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn recommend(&self, users: &[NodeId], options: SearchOptions, context: &Context) -> Result<Vec<UserList>> {
        let stage = context.stage("searching", Some(users.len() as u64), "users");
        let search = Search { by: self, options, stop: context.stop() };
        let mut lists: Vec<UserList> = Vec::with_capacity(users.len());
        for users in users.chunks(USERS_AT_ONCE * rayon::current_num_threads()) {
            lists.extend(search.until_content(users)?);
            stage.advance(users.len() as u64)?;
        }
        Ok(lists)
    }
}

/// A search with one set of options, until somebody stops it.
///
/// What takes long looks at the flag itself and then gives back anything; whoever asked for it looks again and throws
/// that away.
struct Search<'s, 'a, L> {
    by: &'s Recommender<'a, L>,
    options: SearchOptions,
    stop: &'s Stop,
}

impl<L: LegalSuccessors> Search<'_, '_, L> {
    fn until_content(&self, users: &[NodeId]) -> Result<Vec<UserList>> {
        let Self { by, options, stop } = *self;
        let groups: Vec<&[NodeId]> = users.chunks(USERS_AT_ONCE).collect();
        let mut lists = self.in_portions(&groups)?;
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
            // Users who are searched together share matrix products, whose last bits depend on who they are. So nobody
            // is put together with users of another group, whatever the number of threads.
            let group = |a: &usize, b: &usize| a / USERS_AT_ONCE == b / USERS_AT_ONCE;
            let those: Vec<Vec<NodeId>> =
                again.chunk_by(group).map(|group| group.iter().map(|&i| users[i]).collect()).collect();
            let those: Vec<&[NodeId]> = those.iter().map(Vec::as_slice).collect();
            let found = Search { by, options: wider, stop }.in_portions(&those)?;
            again.into_iter().zip(found).for_each(|(index, list)| lists[index] = list);
        }
        Ok(lists)
    }

    /// Searches the users of some groups, in their order, as many at once as memory allows and nobody together with
    /// users of another group.
    fn in_portions(&self, groups: &[&[NodeId]]) -> Result<Vec<UserList>> {
        let width = match self.options.mode {
            Mode::Sample(sampling) => sampling.draws as usize,
            _ => self.options.beams,
        };
        let users_in_memory = (PREFIXES_AT_ONCE / width).max(1);
        let portion = users_in_memory.min(USERS_AT_ONCE);
        // Every thread has portions of its own: what is done for one user at a time, nobody waits for.
        let at_once = (users_in_memory / portion).min(rayon::current_num_threads());
        let portions: Vec<&[NodeId]> = groups.iter().flat_map(|group| group.chunks(portion)).collect();
        let mut lists = Vec::with_capacity(groups.iter().map(|group| group.len()).sum());
        for portions in portions.chunks(at_once.max(1)) {
            let found: Vec<Vec<UserList>> =
                portions.par_iter().map(|users| self.together(users)).collect::<Result<_>>()?;
            lists.extend(found.into_iter().flatten());
        }
        Ok(lists)
    }

    /// Searches users whose prefixes go through the trunk together.
    fn together(&self, users: &[NodeId]) -> Result<Vec<UserList>> {
        let Recommender { model, legal, workspace, .. } = self.by;
        let share = match self.options.mode {
            Mode::Sample(sampling) => u64::from(sampling.draws),
            _ => u64::MAX,
        };
        let mut beams = self.beginnings(users, share);
        let mut stepper = model.engine().begin();
        let (mut hidden, priors) = self.priors(&beams, &mut *stepper)?;
        let nothing = || Found::nothing(&workspace.0, legal.items());
        let begin = |(&user, priors)| UserSearch { user, priors, found: nothing(), list: None };
        let mut searches: Vec<UserSearch<'_>> = users.iter().zip(priors).map(begin).collect();
        loop {
            beams = self.advance(&beams, &hidden, &mut searches);
            self.stop.check()?;
            if beams.is_empty() {
                break;
            }
            let tokens: Vec<u32> = beams.iter().filter_map(|b| b.tokens.last().copied()).collect();
            let parents: Vec<u32> = beams.iter().map(|b| b.parent).collect();
            let forced: Vec<bool> = beams.iter().map(Beam::is_forced).collect();
            hidden = stepper.step(model.embed(&tokens), Some(&parents), &forced, self.stop)?;
        }
        let vocabulary = legal.vocabulary();
        let finish =
            |search: &mut UserSearch<'_>| search.finish(&self.options, vocabulary, self.by.rules_of(search.user));
        let list = |mut search: UserSearch<'_>| search.list.take().unwrap_or_else(|| finish(&mut search));
        Ok(searches.into_iter().map(list).collect())
    }

    /// Where the search of each user begins.
    fn beginnings(&self, users: &[NodeId], share: u64) -> Vec<Beam> {
        let first = |(user, &node): (usize, &NodeId)| {
            let tokens = vec![self.by.legal.vocabulary().node(node).0];
            Beam { user, tokens, probability: 1.0, parent: 0, share, successors: None }
        };
        users.iter().enumerate().map(first).collect()
    }

    /// The hidden vector after the prompt of each user, and what is said of the items from the user alone.
    fn priors(&self, users: &[Beam], stepper: &mut dyn Stepper) -> Result<(Vec<f32>, Vec<ItemPriors>)> {
        let hidden = self.read_prompts(users, stepper)?;
        let of_each: Vec<(&Beam, &[f32])> =
            users.iter().zip(hidden.chunks_exact(self.by.model.config.d_table())).collect();
        let priors = of_each.into_par_iter().map(|(user, hidden)| self.priors_of(user.user_token(), hidden)).collect();
        Ok((hidden, priors))
    }

    /// What is said of the items from a user alone; `hidden` is the vector after their prompt.
    fn priors_of(&self, user: u32, hidden: &[f32]) -> ItemPriors {
        let Recommender { model, legal, linear, .. } = self.by;
        let items = legal.items();
        let first = items.start;
        let direct = if self.options.direct > 0.0 { log_softmax(model, items, hidden) } else { Vec::new() };
        let linear = match linear {
            Some(linear) if self.options.linear > 0.0 => {
                let places = legal.history(user).iter().map(|&item| model.history_row(item));
                #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
                let fading = self.options.fading.map_or(linear.fading(), |fading| fading as f32);
                log_shares(&linear.scores_faded(places.zip(legal.later(user)), fading))
            }
            _ => Vec::new(),
        };
        let popularity = if self.options.popularity > 0.0 { log_shares(legal.popularity()) } else { Vec::new() };
        let path_count = if self.options.path_count > 0.0 { log_shares(&legal.path_counts(user)) } else { Vec::new() };
        let priors = ItemPriors { first, direct, linear, popularity, path_count, highest: 0.0 };
        priors.with_highest(&self.options)
    }

    /// The hidden vector after the prompt of each user.
    fn read_prompts(&self, users: &[Beam], stepper: &mut dyn Stepper) -> Result<Vec<f32>> {
        let Recommender { model, legal, .. } = self.by;
        let (Prompt::UserAndEnd, Goal::Item(end)) = (self.options.prompt, self.options.goal) else {
            let prompt = |beam: &Beam| model.prompt(TokenId(beam.user_token()), legal.history(beam.user_token()));
            return Ok(stepper.step(users.iter().flat_map(prompt).collect(), None, &[], self.stop)?);
        };
        // As in training, the end is not told twice.
        let prompt = |beam: &Beam| {
            let history = legal.history(beam.user_token()).iter().copied();
            model.prompt(TokenId(beam.user_token()), &history.filter(|&item| item != end.0).collect::<Vec<_>>())
        };
        let same = |token: u32| model.embed(&vec![token; users.len()]);
        let end = legal.vocabulary().node(end).0;
        let users = users.iter().flat_map(prompt).collect();
        let vectors =
            [same(Vocabulary::PREFIX.0), users, same(Vocabulary::SUFFIX.0), same(end), same(Vocabulary::MIDDLE.0)];
        let mut hidden = Vec::new();
        for vectors in vectors {
            hidden = stepper.step(vectors, None, &[], self.stop)?;
        }
        Ok(hidden)
    }

    /// One token further: the surviving beams, with what ended entered in the searches of their users, of which those
    /// that have no beam left are finished.
    fn advance(&self, beams: &[Beam], hidden: &[f32], searches: &mut [UserSearch<'_>]) -> Vec<Beam> {
        let groups: Vec<&[Beam]> = beams.chunk_by(|a, b| a.user == b.user).collect();
        let starts: Vec<usize> = groups.iter().scan(0, |at, g| Some(std::mem::replace(at, *at + g.len()))).collect();
        // Each search is lent to one thread, and only those whose users still have prefixes.
        let mut by_user: Vec<Option<&mut UserSearch<'_>>> = searches.iter_mut().map(Some).collect();
        let work: Vec<_> = groups
            .into_iter()
            .zip(starts)
            .filter_map(|(group, start)| Some((group, start, by_user[group[0].user].take()?)))
            .collect();
        let survivors: Vec<Vec<Beam>> = work
            .into_par_iter()
            .map(|(group, start, search)| self.advance_user(group, start, hidden, search))
            .collect();
        survivors.into_iter().flatten().collect()
    }

    /// As [`Search::advance`] for the beams of one user, the first of which is the `start`-th of all.
    fn advance_user(&self, group: &[Beam], start: usize, hidden: &[f32], search: &mut UserSearch<'_>) -> Vec<Beam> {
        let options = &self.options;
        let rules = self.by.rules_of(search.user);
        let open = self.open(group, start, hidden, rules, &mut search.found);
        // What was looked up until then is no whole, and must not be taken for one.
        if self.stop.is_requested() {
            return Vec::new();
        }
        let (kept, lost) = match options.mode {
            Mode::Beam | Mode::Exact => keep::most_probable(open, options.beams),
            Mode::Diverse { groups, penalty } => keep::diverse(open, options.beams, groups, penalty, self.stop),
            Mode::Sample(_) => (open, Vec::new()),
        };
        // Nothing that was cut is forgotten: its probability bounds how wrong the list can be.
        search.found.cut(&lost);
        if kept.is_empty() {
            // Now what was found is at hand; when all are through it has left the caches.
            search.list = Some(search.finish(options, self.by.legal.vocabulary(), rules));
        }
        let mut kept: Vec<Beam> =
            kept.iter().map(|candidate| candidate.follow(&group[candidate.row as usize - start])).collect();
        self.look_ahead(&mut kept);
        kept
    }

    /// The tokens of some prefixes, until somebody stops the search.
    fn prefixes<'b>(&self, beams: &'b [Beam]) -> impl Iterator<Item = &'b [u32]> {
        beams.iter().map(|beam| beam.tokens.as_slice()).take_while(|_| !self.stop.is_requested())
    }

    /// Looks up what may follow the prefixes of a user, so that the trunk is spared those which only one token can
    /// follow. Not where that token ends the longest paths: there few are alone, and all of them may be too many to be
    /// held for every prefix at once.
    fn look_ahead(&self, beams: &mut [Beam]) {
        let is_last = |beam: &Beam| beam.tokens.len() + 1 >= self.by.legal.max_tokens();
        if beams.first().is_none_or(is_last) || self.end_to_fill_in_to().is_some() {
            return;
        }
        let mut found = Vec::with_capacity(beams.len());
        let take = |successors: &mut Successors| found.push(std::mem::take(successors));
        self.by.legal.successors_of_each(self.prefixes(beams), self.options.goal, take);
        beams.iter_mut().zip(found).for_each(|(beam, successors)| beam.successors = Some(successors));
    }

    /// All that may follow the prefixes of a user, with what ends entered in `found`.
    fn open(
        &self,
        group: &[Beam],
        start: usize,
        hidden: &[f32],
        rules: UserRules<'_>,
        found: &mut Found<'_>,
    ) -> Vec<Candidate> {
        let filled_in = self.end_to_fill_in_to();
        let (softmax, open) = (Softmax::default(), Vec::new());
        let mut opening = Opening { search: self, hidden, filled_in, rules, softmax, open };
        let mut beams = (start..).zip(group).peekable();
        if beams.peek().is_some_and(|(_, beam)| beam.successors.is_none()) {
            self.by.legal.successors_of_each(self.prefixes(group), self.options.goal, |successors| {
                filled_in.into_iter().for_each(|end| stop_at(successors, end));
                beams.next().into_iter().for_each(|(index, beam)| opening.enter(index, beam, successors, found));
            });
            return opening.open;
        }
        for (index, beam) in beams.take_while(|_| !self.stop.is_requested()) {
            beam.successors.iter().for_each(|successors| opening.enter(index, beam, successors, found));
        }
        opening.open
    }

    /// Takes probability from the items of a history by how many were chosen later; the sum stays 1.
    fn fade(&self, prefix: &[u32], recency: f64, successors: &Successors, shares: &mut [f64]) {
        let legal = self.by.legal;
        let (user, first) = (prefix[0], legal.vocabulary().node(NodeId(0)).0);
        let (history, later) = (legal.history(user), legal.later(user));
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
    fn end_to_fill_in_to(&self) -> Option<u32> {
        match (self.options.prompt, self.options.goal) {
            (Prompt::UserAndEnd, Goal::Item(end)) => Some(self.by.legal.vocabulary().node(end).0),
            _ => None,
        }
    }
}

/// The continuations of the prefixes of one user, as they are looked up one prefix after the other.
struct Opening<'s, 'r, 'a, L> {
    search: &'s Search<'r, 'a, L>,
    hidden: &'s [f32],
    /// As [`Search::end_to_fill_in_to`].
    filled_in: Option<u32>,
    rules: UserRules<'s>,
    softmax: Softmax,
    open: Vec<Candidate>,
}

impl<L: LegalSuccessors> Opening<'_, '_, '_, L> {
    /// Enters what may follow a prefix: what goes on as open, what ends in `found`.
    fn enter(&mut self, index: usize, beam: &Beam, successors: &Successors, found: &mut Found<'_>) {
        let Self { search, hidden, filled_in, rules, softmax, open } = self;
        let (model, options) = (search.by.model, &search.options);
        let width = model.config.d_table();
        let h = &hidden[index * width..][..width];
        // What ends a middle is the mark of its end: the item is given.
        let word = |token: u32| if Some(token) == *filled_in { Vocabulary::END.0 } else { token };
        let shares = softmax.of(h, successors, model.output(), &model.bias, word);
        if options.recency > 0.0 && beam.tokens.len() == FIRST_ITEM {
            search.fade(&beam.tokens, options.recency, successors, shares);
        }
        let shares: &[f64] = shares;
        let drawn = match options.mode {
            Mode::Sample(sampling) => Some(keep::draw(shares, beam.share, &sampling, beam.user_token(), &beam.tokens)),
            _ => None,
        };
        let share = |place: usize| drawn.as_ref().map_or(beam.share, |counts| counts[place]);
        let vocabulary = search.by.legal.vocabulary();
        let may_touch = |token: u32| match vocabulary.word(TokenId(token)) {
            Some(Word::Node(node)) => rules.touch(node),
            _ => true,
        };
        // Most searches have no rules, and are not to pay for them.
        let touches_all = rules.touch_all();
        let mut left_out = 0.0;
        let mut may_follow = |token: u32, share: f64| {
            let may_follow = touches_all || may_touch(token);
            left_out += if may_follow { 0.0 } else { beam.probability * share };
            may_follow
        };
        let row = u32::try_from(index).unwrap_or(u32::MAX);
        let going = successors.continuing.iter().zip(shares).enumerate();
        let going = going.filter(|&(place, (&token, &p))| may_follow(token, p) && share(place) > 0);
        open.extend(going.map(|(place, (&token, &p))| Candidate {
            probability: beam.probability * p,
            row,
            token,
            share: share(place),
        }));
        let first = successors.continuing.len();
        let stopping = (first..).zip(successors.ending.iter().zip(&shares[first..]));
        let stopping = stopping.filter(|&(place, (&token, &p))| may_follow(token, p) && share(place) > 0);
        let ends = stopping.map(|(_, (&token, &p))| (token, beam.probability * p));
        found.enter(&beam.tokens, ends, options.paths_per_item);
        // A rule is no gap in the search, so this counts apart from what was cut.
        found.leave_out(left_out);
    }
}

impl UserSearch<'_> {
    /// The list of the user, by what was found.
    fn finish(&mut self, options: &SearchOptions, vocabulary: Vocabulary, rules: UserRules<'_>) -> UserList {
        let Self { user, priors, found, .. } = self;
        // Draws do not say what they passed over, so all that they did not come to counts as cut.
        if matches!(options.mode, Mode::Sample(_)) {
            found.cut_the_rest();
        }
        let mut list = found.finish(*user, options, vocabulary, rules, |token| priors.factor(token, options));
        list.items.iter_mut().chain(&mut list.behind).for_each(|item| {
            // Found and compared below the highest prior, so that no factor is above 1 and bounds hold.
            item.score += priors.highest;
            item.prior = priors.of(vocabulary.node(item.item)).weighed(options);
        });
        list
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
        // The probability of a path is a product of shares, and that of an item a sum of many: hence twice the digits.
        shares.extend(scores.iter().map(|&e| f64::from(e) / sum));
        shares
    }
}

/// Makes each score e^(score − the largest); returns their sum.
fn exponentiate(scores: &mut [f32]) -> f64 {
    // Less the largest, so that none overflows; shares are the same.
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
