//! A request: users of the graph and new ones, for whom a service recommends and explains.

use super::lists::{Explanation, Item, List, Why};
use super::new_users::NewUser;
use super::options::Options;
use super::rerank::Reranker;
use crate::error::Result;
use crate::service::Service;
use crate::text::render::{Narrator, Rendered};
use footpath_core::{Context, Goal, NodeId};
use footpath_graph::legal::Legal;
use footpath_model::decode::{
    MAX_K, Rules, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList, WhenShort, next_items,
};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lists that [`Request::for_each`] holds at once: few beside a graph, and enough for many threads.
const LISTS_AT_ONCE: usize = 256;
/// Paths of an item among which a re-ranking chooses.
const PATHS_TO_CHOOSE_FROM: usize = 100;

/// Recommends and explains, to users of the graph and to new users. A view of a [`Service`], cheap to make.
#[derive(Clone, Debug)]
pub struct Request {
    service: Service,
    legal: Legal,
    new_users: Arc<[NewUser]>,
    updated: Arc<BTreeMap<NodeId, NewUser>>,
    rules: Arc<Rules>,
}

/// Handlers of a server and threads of a pool hold requests for as long as they like.
const _: () = {
    const fn is_shared_freely<T: Send + Sync + 'static>() {}
    is_shared_freely::<Request>();
};

impl Service {
    /// What recommends and explains, to users of the graph and to these new ones.
    #[must_use]
    pub fn request(&self, new_users: Vec<NewUser>) -> Request {
        Request::new(self.clone(), new_users)
    }
}

/// What stands for the path where the model generates none.
fn without_path() -> Explanation {
    let text = "(no path: this model learned which items follow, not what leads there)".to_owned();
    Explanation { path: Rendered { text, ..Rendered::default() }, ..Explanation::default() }
}

impl Request {
    pub(crate) fn new(service: Service, new_users: Vec<NewUser>) -> Self {
        let histories = new_users.iter().map(|user| user.order.iter().map(|item| item.0).collect());
        let legal = service.legal().with_new_users(histories);
        Self { service, legal, new_users: new_users.into(), updated: Arc::default(), rules: Arc::default() }
    }

    /// The same request, knowing what users of the graph have chosen since it was made: each as a [`NewUser`] whose
    /// `items` are the new choices, with where they were told, and whose `order` is everything they chose
    /// ([`Service::with_new_choices`]).
    ///
    /// They keep what the model learned of them. Their paths may begin with the new choices, and lead to none of them.
    #[must_use]
    pub fn with_updated(self, updated: BTreeMap<NodeId, NewUser>) -> Self {
        let history = |(&user, of_user): (&NodeId, &NewUser)| (user, of_user.order.iter().map(|i| i.0).collect());
        let legal = self.legal.with_new_choices(updated.iter().map(history));
        Self { legal, updated: Arc::new(updated), ..self }
    }

    /// The same request, leaving out what these rules leave out. What explains a given item keeps to the rules about
    /// paths.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules: Arc::new(rules), ..self }
    }

    /// What a user has chosen, whether the graph knows them or not: ascending, each once.
    #[must_use]
    pub fn items_of(&self, user: NodeId) -> &[u32] {
        self.legal.items_of(user)
    }

    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    pub(super) fn legal(&self) -> &Legal {
        &self.legal
    }

    /// The node ids the new users go by, in their order.
    #[must_use]
    pub fn new_users(&self) -> Vec<NodeId> {
        (0..self.new_users.len()).map(|index| self.legal.new_user(index)).collect()
    }

    /// Recommends to each user, in the order given.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn recommend(&self, users: &[NodeId], options: Options, context: &Context) -> Result<Vec<List>> {
        let mut lists = Vec::with_capacity(users.len());
        let take = |list| {
            lists.push(list);
            Ok(())
        };
        self.for_each(users, options, context, |_, list| list, take)?;
        Ok(lists)
    }

    /// Recommends to each user, a few at a time, so that no more memory is needed for a million users than for a
    /// thousand: `make` is told the place of a user in `users` and the list, on any thread, and `take` is given what
    /// was made, in the order of the users.
    ///
    /// # Errors
    /// The first that `take` gives, then the rest is not recommended; [`footpath_core::Error::Stopped`].
    pub fn for_each<T: Send>(
        &self,
        users: &[NodeId],
        options: Options,
        context: &Context,
        make: impl Fn(usize, List) -> T + Sync,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let reranker = |weights| Reranker::new(self.service.kg(), weights, context);
        let reranker = context.run(|| options.optimise.map(reranker).transpose())??;
        let stage = context.stage("recommending", Some(users.len() as u64), "users");
        for (number, users) in users.chunks(LISTS_AT_ONCE).enumerate() {
            let before = number * LISTS_AT_ONCE;
            let made = context.run(|| {
                let found = match reranker {
                    Some(_) => self.search_widely(users, options, context)?,
                    None => self.search(users, options, context)?,
                };
                let make = |(place, list)| {
                    // Many paths of many items take their time to be put into words, too.
                    context.check()?;
                    Ok(make(place, self.rendered(list, options, reranker.as_ref())))
                };
                let places = (before..before + found.len()).into_par_iter();
                places.zip(found).map(make).collect::<Result<Vec<T>>>()
            })??;
            made.into_iter().try_for_each(&mut take)?;
            stage.advance(users.len() as u64)?;
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
    pub(crate) fn search_widely(&self, users: &[NodeId], options: Options, context: &Context) -> Result<Vec<UserList>> {
        let many =
            Options { paths_per_item: PATHS_TO_CHOOSE_FROM, ..self.service.settled(options) }.search(options.goal());
        let k = options.k.saturating_mul(10).clamp(100, MAX_K).max(options.k);
        let recommender = self.service.recommender(&self.legal, &self.rules);
        let wide = SearchOptions { k, when_short: WhenShort::Accept, ..many };
        let mut lists = recommender.recommend(users, wide, context)?;
        // Slots are filled first, and chosen from after.
        for list in lists.iter_mut().filter(|list| list.items.len() < options.k) {
            let found = recommender.recommend(&[list.user], many, context)?.pop();
            *list = found.unwrap_or_else(|| list.clone());
        }
        Ok(lists)
    }

    /// As [`Request::recommend`], without putting the lists into words.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn search(&self, users: &[NodeId], options: Options, context: &Context) -> Result<Vec<UserList>> {
        let (service, legal) = (&self.service, &self.legal);
        let search = || match service.card().training.item_objective() {
            Some(objective) => next_items(service.model(), legal, objective, users, options.k, &self.rules, context),
            None => {
                let options = service.settled(options).search(options.goal());
                service.recommender(legal, &self.rules).recommend(users, options, context)
            }
        };
        Ok(context.run(search)??)
    }

    /// The most probable paths from a user to an item, whether they have chosen it or not.
    ///
    /// For an item that [`Request::recommend`] finds, with the same options, these are the paths that made its rank,
    /// with the same probabilities. For any other they are searched for with the item in view, and their probabilities
    /// are among the paths to it: see [`Why::is_ranked`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn explain(&self, user: NodeId, item: NodeId, options: Options, context: &Context) -> Result<Why> {
        let ranked = self.as_ranked(user, item, options, context)?;
        let is_ranked = ranked.is_some();
        let found = match ranked {
            Some(found) => Some(found),
            None => self.with_item_in_view(user, item, options, context)?,
        };
        let paths: Vec<Explanation> = found.iter().flat_map(|f| &f.paths).map(|p| self.explanation(p)).collect();
        let kg = self.service.kg();
        let reason = paths.is_empty().then(|| {
            let (to, pattern) = (kg.node_name(item), self.service.pattern().source());
            format!("no path of this pattern leads from user:{} to {to}: {pattern}", self.narrator().user_id(user))
        });
        Ok(Why {
            user: self.narrator().user_id(user).to_owned(),
            item: kg.id(item).to_owned(),
            label: kg.title(item).into_owned(),
            is_ranked,
            paths,
            reason,
            without: None,
        })
    }

    /// The item as a search for recommendations finds it: as in a list of ten, which is searched wider where it is
    /// short, else among all that one search finds. `None` where ranking never looks at it.
    fn as_ranked(&self, user: NodeId, item: NodeId, options: Options, context: &Context) -> Result<Option<ScoredItem>> {
        let generates = self.service.card().training.item_objective().is_none();
        let is_listed = options.allow_seen || !self.legal.items_of(user).contains(&item.0);
        if options.fill_in || !generates || !is_listed {
            return Ok(None);
        }
        let list_of_ten = Options { k: Options::default().k, ..self.service.settled(options) }.search(options.goal());
        let all = SearchOptions { k: MAX_K, when_short: WhenShort::Accept, ..list_of_ten };
        let rules = self.rules.of_paths();
        for search in [list_of_ten, all] {
            let find = || self.service.recommender(&self.legal, &rules).recommend(&[user], search, context);
            let items = context.run(find)??.pop().map(|list| list.items).unwrap_or_default();
            if let Some(found) = items.into_iter().find(|found| found.item == item && !found.paths.is_empty()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The place of an item among all that one search finds for a user and that the rules leave in, from 1; `None`
    /// where it is not among the first [`MAX_K`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn place_of(&self, user: NodeId, item: NodeId, options: Options, context: &Context) -> Result<Option<usize>> {
        let all = Options { k: MAX_K, paths_per_item: 1, ..self.service.settled(options) };
        let lists = match self.service.card().training.item_objective() {
            Some(_) => self.search(&[user], all, context)?,
            None => {
                let search = SearchOptions { when_short: WhenShort::Accept, ..all.search(all.goal()) };
                let recommender = self.service.recommender(&self.legal, &self.rules);
                context.run(|| recommender.recommend(&[user], search, context))??
            }
        };
        let place = |list: &UserList| list.items.iter().position(|found| found.item == item);
        Ok(lists.first().and_then(place).map(|before| before + 1))
    }

    /// The item as a search finds it that follows nothing but paths to it.
    fn with_item_in_view(
        &self,
        user: NodeId,
        item: NodeId,
        options: Options,
        context: &Context,
    ) -> Result<Option<ScoredItem>> {
        let options = Options { k: 1, ..options }.search(Goal::Item(item));
        let rules = self.rules.of_paths();
        let search = || self.service.recommender(&self.legal, &rules).recommend(&[user], options, context);
        Ok(context.run(search)??.pop().and_then(|mut list| list.items.pop()))
    }

    /// A list in the user's own strings.
    #[must_use]
    pub fn render(&self, list: &UserList, options: Options) -> List {
        let kg = self.service.kg();
        let new_user = list.user.index().checked_sub(kg.num_nodes()).and_then(|index| self.new_users.get(index));
        let history = new_user.into_iter().flat_map(|user| user.items.keys());
        List {
            user: self.narrator().user_id(list.user).to_owned(),
            history: history.map(|&item| kg.id(item).to_owned()).collect(),
            items: (1..).zip(&list.items).map(|(rank, found)| self.item(list, rank, found, options)).collect(),
            reason: self.reason(list, options.k),
            unexplored: list.unexplored,
            proven: list.proven,
            given_up: None,
            allows_seen: options.allow_seen,
        }
    }

    fn item(&self, list: &UserList, rank: usize, found: &ScoredItem, options: Options) -> Item {
        let kg = self.service.kg();
        let mut paths = found.paths.iter().map(|p| self.explanation(p));
        Item {
            rank,
            item: kg.id(found.item).to_owned(),
            label: kg.title(found.item).into_owned(),
            score: found.score,
            confidence: found.confidence,
            num_paths: found.num_paths,
            ranked_by: self.rank(list.user, found, list.behind.as_ref(), options),
            best: paths.next().unwrap_or_else(without_path),
            more_paths: paths.collect(),
        }
    }

    /// Why a list is short.
    fn reason(&self, list: &UserList, k: usize) -> Option<String> {
        let num_items = list.items.len();
        let chosen = self.legal.items_of(list.user).len();
        let within = if self.rules.is_empty() { "" } else { " and the rules leave in" };
        Some(match list.shortfall? {
            _ if chosen == 0 => "the user has no train interaction".to_owned(),
            _ if chosen == self.service.kg().items().len() => "the user has chosen every item".to_owned(),
            Shortfall::NoPath => {
                format!("no path of the pattern leads to an item the user has not chosen{within}")
            }
            Shortfall::FewerReachable => format!(
                "paths of the pattern reach only {num_items} items the user has not chosen{within}, {k} were asked for"
            ),
            Shortfall::TooWide => {
                format!("the widest search found only {num_items} items, {k} were asked for; there may be more")
            }
        })
    }

    fn narrator(&self) -> Narrator<'_> {
        Narrator::new(self.service.kg(), self.service.readings(), &self.new_users).with_updated(&self.updated)
    }

    fn explanation(&self, path: &ScoredPath) -> Explanation {
        let rendered = self.narrator().render(&self.service.path(path));
        Explanation { log_probability: path.log_probability, path: rendered }
    }
}
