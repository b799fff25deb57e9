//! `recommend` and `explain`: a model on its graph.

use crate::error::{Error, Result};
use crate::guests::Guest;
use crate::render::{Narrator, Readings, Rendered};
use crate::rerank::{Reranker, Weights};
use crate::stored::Stored;
use crate::train::ModelCard;
use footpath_core::{Context, Goal, NodeId, TokenId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::data::Objective;
use footpath_model::decode::{
    MAX_K, Mode, Prompt, Recommender, Score, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList, WhenShort,
    next_items,
};
use footpath_model::{Linear, PathModel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::path::Path;

/// Lists that [`Generator::for_each`] holds at once: few beside a graph, and enough for many threads.
const LISTS_AT_ONCE: usize = 256;
/// Paths of an item among which a re-ranking chooses.
const PATHS_TO_CHOOSE_FROM: usize = 100;

/// Weight of what a model that has learned it says of an item from the user alone; see docs/experiments.md.
pub const DIRECT: f64 = 0.2;

/// How to recommend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Items for each user.
    pub k: usize,
    /// Which paths to look for.
    pub mode: Mode,
    /// What an item is worth.
    pub score: Score,
    /// Weight of what the model says of an item from the user alone, beside its paths; `None` is [`Session::direct`].
    pub direct: Option<f64>,
    /// Weight of the model's linear part; `None` is [`Session::linear`].
    pub linear: Option<f64>,
    /// Power by which the item a path begins with loses probability with every later choice; `None` is [`Session::recency`].
    pub recency: Option<f64>,
    /// Prefixes kept for each user at each token.
    pub beams: usize,
    /// Paths shown for each item.
    pub paths_per_item: usize,
    /// What a part of the probability is traded for.
    pub optimise: Option<Weights>,
    /// Explain by filling in what lies between user and item; for models that learned `fill-in-the-middle`.
    pub fill_in: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: 10,
            mode: Mode::Beam,
            score: Score::Marginal,
            direct: None,
            linear: None,
            recency: None,
            beams: 400,
            paths_per_item: 1,
            optimise: None,
            fill_in: false,
        }
    }
}

impl Options {
    /// Checks every number.
    ///
    /// # Errors
    /// [`footpath_model::Error::Config`] naming the option.
    pub fn validate(&self) -> Result<()> {
        self.optimise.map_or(Ok(()), Weights::validate)?;
        Ok(self.search(Goal::Unseen).validate()?)
    }

    /// These options with the model's own weights where none are given.
    fn of(self, session: &Session) -> Self {
        let direct = Some(self.direct.unwrap_or_else(|| session.direct()));
        let linear = Some(self.linear.unwrap_or_else(|| session.linear()));
        Self { direct, linear, recency: Some(self.recency.unwrap_or_else(|| session.recency())), ..self }
    }

    fn search(&self, goal: Goal) -> SearchOptions {
        let Self { k, mode, score, beams, paths_per_item, .. } = *self;
        let [direct, linear, recency] = [self.direct, self.linear, self.recency].map(|weight| weight.unwrap_or(0.0));
        let when_short = WhenShort::Widen;
        let prompt = match goal {
            Goal::Item(_) if self.fill_in => Prompt::UserAndEnd,
            _ => Prompt::User,
        };
        SearchOptions { k, mode, score, direct, linear, recency, beams, paths_per_item, prompt, goal, when_short }
    }
}

/// A path with its probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Natural logarithm of the path's probability under the model.
    pub log_probability: f64,
    /// The path.
    #[serde(flatten)]
    pub path: Rendered,
}

/// A recommended item with the path that explains it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Place in the list, from 1.
    pub rank: usize,
    /// The item's id.
    pub item: String,
    /// Its readable label.
    pub label: String,
    /// Natural logarithm of what the item is worth, by default the probability of ending there over all paths found.
    pub score: f64,
    /// Share of the best path in that probability, in (0, 1]; 0 of a model that generates no paths.
    pub confidence: f64,
    /// Number of paths found to it.
    pub num_paths: usize,
    /// The best path.
    #[serde(flatten)]
    pub best: Explanation,
    /// Further paths, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_paths: Vec<Explanation>,
}

impl std::ops::Deref for Item {
    type Target = Rendered;

    fn deref(&self) -> &Rendered {
        &self.best.path
    }
}

/// The recommendations of one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// The user's id.
    pub user: String,
    /// What a user whom the graph does not know has chosen; empty for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<String>,
    /// At most k items, best first.
    pub items: Vec<Item>,
    /// Why there are fewer than k, if there are.
    pub reason: Option<String>,
    /// Probability of the paths that were not looked at, in [0, 1]: no item's true probability is higher than its own plus this.
    pub unexplored: f64,
    /// Whether what was not looked at cannot change which items these are, nor their order.
    pub proven: bool,
    /// Share of the probability of the k most probable items that was given up for better explanations, in [0, 1], where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<f64>,
}

/// The answer to "why this item?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The user's id.
    pub user: String,
    /// The item's id.
    pub item: String,
    /// The item's readable label.
    pub label: String,
    /// The most probable paths, best first; their probabilities are among the paths to this item.
    pub paths: Vec<Explanation>,
    /// Why there is none, if there is none.
    pub reason: Option<String>,
}

/// A model and its graph, loaded and checked to belong together.
#[derive(Debug)]
pub struct Session {
    kg: TrainKg,
    pattern: Pattern,
    model: PathModel,
    linear: Option<Linear>,
    card: ModelCard,
    model_hash: String,
    readings: Readings,
}

impl Session {
    /// Loads a model and its graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Mismatch`] when the model was made from another graph, and whatever opening them gives.
    pub fn open(model_dir: &Path, kg_dir: &Path, device: &str) -> Result<Self> {
        let (kg, artefact) = rayon::join(|| TrainKg::open(kg_dir), || Stored::open_artefact(model_dir));
        let kg = kg?;
        let stored = Stored::of(artefact?, &kg)?;
        let pattern = stored.pattern(&kg)?;
        let device = footpath_model::device(&footpath_core::Device::named(device))?;
        let (model, linear) = rayon::join(|| stored.model(&device), || stored.linear());
        let (model, linear) = (model?, linear?);
        let (model_hash, readings) = (stored.artefact.manifest().content_hash(), Readings::default());
        let card = stored.card;
        Ok(Self { kg, pattern, model, linear, card, model_hash, readings })
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &TrainKg {
        &self.kg
    }

    /// What is stored with the model.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &PathModel {
        &self.model
    }

    /// The items by which a user is told to the model at the beginning of a path. Histories in the order of time begin with the bare token: they
    /// are the history.
    pub(crate) fn told(&self, user: NodeId) -> &[u32] {
        let training = &self.card().training;
        let is_told = training.generates_paths() || training.learns_ends();
        if is_told { self.kg().items_of(user) } else { &[] }
    }

    /// The pattern of the model's paths.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Hash of the model's content.
    #[must_use]
    pub fn model_hash(&self) -> &str {
        &self.model_hash
    }

    /// The user with this id, who must have a train interaction.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Unknown`], [`Error::ColdUser`].
    pub fn warm_user(&self, id: &str) -> Result<NodeId> {
        let user = self.kg.user(id)?;
        match self.kg.items_of(user) {
            [] => Err(Error::ColdUser { user: self.kg.node_name(user) }),
            _ => Ok(user),
        }
    }

    /// Checks that the model has learned what generating like this takes.
    ///
    /// # Errors
    /// [`Error::Usage`] saying which objective is missing.
    pub fn check(&self, options: &Options) -> Result<()> {
        let training = &self.card.training;
        let learned = || training.objectives.iter().map(|o| o.kind.name()).collect::<Vec<_>>().join(", ");
        let missing = |option: &'static str, what: &str| {
            Err(Error::Usage { option, reason: format!("the model has learned {}; {what}", learned()) })
        };
        if options.fill_in && !training.objectives.iter().any(Objective::fills_in) {
            return missing("fill-in", "train one with --objective fill-in-the-middle");
        }
        if !options.fill_in && !training.generates_paths() && training.item_objective().is_none() {
            return missing("model", "to generate paths, train with --objective causal too");
        }
        if options.direct.is_some_and(|weight| weight > 0.0) && !training.learns_ends() {
            return missing("direct", "train one with --objective end beside others");
        }
        if options.linear.is_some_and(|weight| weight > 0.0) && self.linear.is_none() {
            return missing("linear", "it has no linear part; train one where there are valid interactions");
        }
        if options.optimise.is_some() && !training.generates_paths() {
            return missing("optimise", "it has no paths to choose among");
        }
        Ok(())
    }

    /// The weight of what the model says of an item from the user alone, unless another is asked for: the one chosen on valid, else
    /// [`DIRECT`] where it has learned that.
    #[must_use]
    pub fn direct(&self) -> f64 {
        let unchosen = if self.card.training.learns_ends() { DIRECT } else { 0.0 };
        self.card.weights.map_or(unchosen, |weights| weights.direct)
    }

    /// The weight of the model's linear part, unless another is asked for: the one chosen on valid.
    #[must_use]
    pub fn linear(&self) -> f64 {
        let chosen = self.card.weights.map_or(0.0, |weights| weights.linear);
        if self.linear.is_some() { chosen } else { 0.0 }
    }

    /// How much the items that paths begin with count by when they were chosen, unless another is asked for: as chosen on valid.
    #[must_use]
    pub fn recency(&self) -> f64 {
        self.card.weights.map_or(0.0, |weights| weights.recency)
    }

    /// Reads relations aloud in other words than the graph's.
    #[must_use]
    pub fn with_readings(mut self, readings: Readings) -> Self {
        self.readings = readings;
        self
    }

    /// What recommends and explains, to users of the graph and to these guests. Preparing it looks once at every arc; then it serves any number of
    /// calls.
    #[must_use]
    pub fn generator<'a>(&'a self, guests: &'a [Guest]) -> Generator<'a> {
        let histories = guests.iter().map(|guest| guest.order.iter().map(|item| item.0).collect());
        Generator { session: self, legal: Legal::new(&self.kg, &self.pattern).with_guests(histories), guests }
    }

    /// Recommends to each user, in the order given; `done` is told how many are finished.
    pub fn recommend(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<List> {
        self.generator(&[]).recommend(users, options, done)
    }

    /// As [`Session::recommend`], without rendering.
    pub fn search(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<UserList> {
        self.generator(&[]).search(users, options, done)
    }

    fn recommender<'a>(&'a self, legal: &'a Legal<'a>) -> Recommender<'a, Legal<'a>> {
        Recommender::new(&self.model, legal).with_linear(self.linear.as_ref())
    }

    /// The graph path of generated tokens, which may begin with a guest.
    #[must_use]
    pub fn path(&self, path: &ScoredPath) -> footpath_core::Path {
        let vocabulary = self.kg.vocabulary();
        let mut tokens: Vec<TokenId> = path.tokens.iter().copied().map(TokenId).collect();
        let first = path.tokens.first().map(|token| NodeId(token.wrapping_sub(vocabulary.node(NodeId(0)).0)));
        // Guests are no words of the vocabulary; any user stands in for one while the rest is decoded.
        if let (Some(token), Some(user)) = (tokens.first_mut(), first)
            && user.index() >= self.kg.num_nodes()
        {
            *token = vocabulary.node(NodeId(0));
        }
        let mut path = vocabulary.decode(&tokens).unwrap_or_default();
        if let (Some(node), Some(user)) = (path.nodes.first_mut(), first) {
            *node = user;
        }
        path
    }
}

/// Recommends and explains.
#[derive(Debug)]
pub struct Generator<'a> {
    session: &'a Session,
    legal: Legal<'a>,
    guests: &'a [Guest],
}

/// What stands for the path where the model generates none.
fn without_path() -> Explanation {
    let text = "(no path: this model learned which items follow, not what leads there)".to_owned();
    Explanation { path: Rendered { text, ..Rendered::default() }, ..Explanation::default() }
}

impl Generator<'_> {
    /// The node ids the guests go by, in their order.
    #[must_use]
    pub fn guests(&self) -> Vec<NodeId> {
        (0..self.guests.len()).map(|index| self.legal.guest(index)).collect()
    }

    /// Recommends to each user, in the order given; `done` is told how many are finished.
    pub fn recommend(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<List> {
        let mut lists = Vec::with_capacity(users.len());
        let take = |list| -> std::result::Result<(), Infallible> {
            lists.push(list);
            Ok(())
        };
        let Ok(()) = self.for_each(users, options, done, |_, list| list, take);
        lists
    }

    /// Recommends to each user, a few at a time, so that no more memory is needed for a million users than for a thousand: `make` is told the place of
    /// a user in `users` and the list, on any thread, and `take` is given what was made, in the order of the users.
    ///
    /// # Errors
    /// The first that `take` gives; then the rest is not recommended.
    pub fn for_each<T: Send, E>(
        &self,
        users: &[NodeId],
        options: Options,
        done: &mut dyn FnMut(usize),
        make: impl Fn(usize, List) -> T + Sync,
        mut take: impl FnMut(T) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let reranker = options.optimise.map(|weights| Reranker::new(&self.session.kg, weights));
        let mut before = 0;
        for users in users.chunks(LISTS_AT_ONCE) {
            let done = &mut |of_these| done(before + of_these);
            let found = match reranker {
                Some(_) => self.search_widely(users, options, done),
                None => self.search(users, options, done),
            };
            let make = |(place, list)| make(place, self.rendered(list, options, reranker.as_ref()));
            let made: Vec<T> = (before..before + found.len()).into_par_iter().zip(found).map(make).collect();
            made.into_iter().try_for_each(&mut take)?;
            before += users.len();
        }
        Ok(())
    }

    /// A list in the user's own strings, chosen from what was found if there is something to choose by.
    fn rendered(&self, list: UserList, options: Options, reranker: Option<&Reranker<'_>>) -> List {
        let Some(reranker) = reranker else { return self.render(&list, options) };
        let (mut list, given_up) = reranker.choose(list, options.k);
        list.items.iter_mut().for_each(|item| item.paths.truncate(options.paths_per_item));
        List { given_up: Some(given_up), ..self.render(&list, options) }
    }

    /// More items than asked for, with many of their paths, for a choice among them.
    pub(crate) fn search_widely(
        &self,
        users: &[NodeId],
        options: Options,
        done: &mut dyn FnMut(usize),
    ) -> Vec<UserList> {
        let many = Options { paths_per_item: PATHS_TO_CHOOSE_FROM, ..options.of(self.session) }.search(Goal::Unseen);
        let k = options.k.saturating_mul(10).clamp(100, MAX_K).max(options.k);
        let recommender = self.session.recommender(&self.legal);
        let wide = SearchOptions { k, when_short: WhenShort::Accept, ..many };
        let mut lists = recommender.recommend(users, wide, &Context::default()).unwrap_or_default();
        done(lists.len());
        // Slots are filled first, and chosen from after.
        for list in lists.iter_mut().filter(|list| list.items.len() < options.k) {
            let found = recommender.recommend(&[list.user], many, &Context::default()).unwrap_or_default().pop();
            *list = found.unwrap_or_else(|| list.clone());
        }
        lists
    }

    /// As [`Generator::recommend`], without rendering.
    pub fn search(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<UserList> {
        let Session { model, card, .. } = self.session;
        let found = match card.training.item_objective() {
            Some(objective) => next_items(model, &self.legal, objective, users, options.k, &Context::default()),
            None => self.session.recommender(&self.legal).recommend(
                users,
                options.of(self.session).search(Goal::Unseen),
                &Context::default(),
            ),
        };
        // Nobody stops it.
        let lists = found.unwrap_or_default();
        done(lists.len());
        lists
    }

    /// The most probable paths from a user to an item, whether they have chosen it or not.
    pub fn explain(&self, user: NodeId, item: NodeId, options: Options) -> Why {
        let search = Options { k: 1, ..options }.search(Goal::Item(item));
        let mut lists =
            self.session.recommender(&self.legal).recommend(&[user], search, &Context::default()).unwrap_or_default();
        let found = lists.pop().and_then(|mut list| list.items.pop());
        let paths: Vec<Explanation> = found.iter().flat_map(|f| &f.paths).map(|p| self.explanation(p)).collect();
        let kg = &self.session.kg;
        let reason = paths.is_empty().then(|| {
            let (to, pattern) = (kg.node_name(item), self.session.pattern.source());
            format!("no path of this pattern leads from user:{} to {to}: {pattern}", self.narrator().user_id(user))
        });
        Why {
            user: self.narrator().user_id(user).to_owned(),
            item: kg.id(item).to_owned(),
            label: kg.label(item).to_owned(),
            paths,
            reason,
        }
    }

    /// A list in the user's own strings.
    #[must_use]
    pub fn render(&self, list: &UserList, options: Options) -> List {
        let guest = list.user.index().checked_sub(self.session.kg.num_nodes()).and_then(|g| self.guests.get(g));
        let history = guest.into_iter().flat_map(|guest| guest.items.keys());
        List {
            user: self.narrator().user_id(list.user).to_owned(),
            history: history.map(|&item| self.session.kg.id(item).to_owned()).collect(),
            items: (1..).zip(&list.items).map(|(rank, found)| self.item(rank, found)).collect(),
            reason: self.reason(list, options.k),
            unexplored: list.unexplored,
            proven: list.proven,
            given_up: None,
        }
    }

    fn item(&self, rank: usize, found: &ScoredItem) -> Item {
        let kg = &self.session.kg;
        let mut paths = found.paths.iter().map(|p| self.explanation(p));
        Item {
            rank,
            item: kg.id(found.item).to_owned(),
            label: kg.label(found.item).to_owned(),
            score: found.score,
            confidence: found.confidence,
            num_paths: found.num_paths,
            best: paths.next().unwrap_or_else(without_path),
            more_paths: paths.collect(),
        }
    }

    /// Why a list is short.
    fn reason(&self, list: &UserList, k: usize) -> Option<String> {
        let num_items = list.items.len();
        let chosen = self.legal.items_of(list.user).len();
        Some(match list.shortfall? {
            _ if chosen == 0 => "the user has no train interaction".to_owned(),
            _ if chosen == self.session.kg.items().len() => "the user has chosen every item".to_owned(),
            Shortfall::NoPath => "no path of the pattern leads to an item the user has not chosen".to_owned(),
            Shortfall::FewerReachable => {
                format!("paths of the pattern reach only {num_items} items the user has not chosen, {k} were asked for")
            }
            Shortfall::TooWide => {
                format!("the widest search found only {num_items} items, {k} were asked for; there may be more")
            }
        })
    }

    fn narrator(&self) -> Narrator<'_> {
        Narrator::new(&self.session.kg, &self.session.readings, self.guests)
    }

    fn explanation(&self, path: &ScoredPath) -> Explanation {
        let rendered = self.narrator().render(&self.session.path(path));
        Explanation { log_probability: path.log_probability, path: rendered }
    }
}

/// What is stored with the model at `model_dir`.
///
/// # Errors
/// As opening it gives, but for what only its graph can tell.
pub fn card(model_dir: &Path) -> Result<ModelCard> {
    crate::stored::card(model_dir)
}
