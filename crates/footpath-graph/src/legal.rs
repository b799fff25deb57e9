//! Legal continuations of a path: the edges of the graph that a pattern allows and that lead to a wanted end.
//!
//! A continuation is legal when at least one simple path of the pattern goes on from it to an item of the goal. A table
//! over (automaton state, node), made once by a sweep backward from the items, says where *some* item can be reached;
//! what depends on the user and on the path so far is looked up on the way and stops at the first completion found.

mod new_user;
mod table;
mod wanted;

use crate::kg::TrainKg;
use crate::path_counts::path_counts;
use crate::pattern::{Pattern, StateId};
use footpath_core::legal::{Goal, LegalSuccessors, Successors};
use footpath_core::vocabulary::{NUM_SPECIALS, Word};
use footpath_core::{Context, NodeId, RelationId, Result, Stream, TokenId, Vocabulary};
use new_user::NewUser;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use table::Table;
use wanted::Wanted;

/// The legal continuations of a pattern in a graph, for the users of the graph and for users it does not know.
///
/// A clone, and a view with new users ([`Legal::with_new_users`]) or new choices ([`Legal::with_new_choices`]), shares
/// the table, which is made once.
#[derive(Clone, Debug)]
pub struct Legal {
    table: Arc<Table>,
    new_users: Arc<[NewUser]>,
    /// Users of the graph who have chosen more than the graph knows, by all they chose.
    updated: Arc<BTreeMap<u32, NewUser>>,
}

/// Relations that more than this many seldom follow a node.
const RELATIONS: usize = 16;

/// Where a prefix stands, and whose it is.
struct Here {
    nodes: Vec<NodeId>,
    node: NodeId,
    state: StateId,
    relation: Option<RelationId>,
}

impl Here {
    /// Whose prefix it is.
    fn user(&self) -> NodeId {
        self.nodes.first().copied().unwrap_or(self.node)
    }

    /// Whether it has gone nowhere yet.
    fn is_start(&self) -> bool {
        self.nodes.len() == 1
    }
}

impl Legal {
    /// Prepares the table: time and memory grow with states × arcs and states × nodes / 8 bytes.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn new(kg: impl Into<Arc<TrainKg>>, pattern: Pattern, context: &Context) -> Result<Self> {
        let table = Table::new(kg.into(), pattern, context)?;
        Ok(Self { table: Arc::new(table), new_users: Arc::default(), updated: Arc::default() })
    }

    /// Whether the end known for a node that one hop is left from will do; if not, another may.
    fn witness_will_do(&self, node: NodeId, state: StateId, path: &[NodeId], wanted: &Wanted<'_>) -> bool {
        let known = self.table.witness(node, state);
        wanted.goal == Goal::Unseen
            && known.is_some_and(|end| end != node && !path.contains(&end) && !wanted.has_seen(end))
    }

    /// A view of the same table with these users, whom the graph does not know, each by the items they have chosen, the
    /// last chosen last. New user `u` takes the node id after the last node of the graph, plus `u`: see
    /// [`Legal::new_user`]. Of an item named twice the last time counts. Costs time by the histories alone.
    #[must_use]
    pub fn with_new_users(&self, histories: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let is_item = |item: &u32| self.table.kg.is_item(NodeId(*item));
        let new_user = |history: Vec<u32>| NewUser::new(history.into_iter().filter(is_item).collect());
        Self { new_users: histories.into_iter().map(new_user).collect(), ..self.clone() }
    }

    /// A view of the same table in which these users of the graph have chosen this instead of what the graph knows, the
    /// last chosen last. It counts for their own paths; what other users' paths meet is the graph's.
    #[must_use]
    pub fn with_new_choices(&self, histories: impl IntoIterator<Item = (NodeId, Vec<u32>)>) -> Self {
        let is_item = |item: &u32| self.table.kg.is_item(NodeId(*item));
        let updated =
            |(user, history): (NodeId, Vec<u32>)| (user.0, NewUser::new(history.into_iter().filter(is_item).collect()));
        Self { updated: Arc::new(histories.into_iter().map(updated).collect()), ..self.clone() }
    }

    /// What the graph does not know of a user: a new one, or one who has chosen more.
    fn unknown(&self, user: NodeId) -> Option<&NewUser> {
        match user.index().checked_sub(self.table.kg.num_nodes()) {
            Some(index) => self.new_users.get(index),
            None => self.updated.get(&user.0),
        }
    }

    /// The node id a new user goes by.
    #[must_use]
    pub fn new_user(&self, index: usize) -> NodeId {
        NodeId(u32::try_from(self.table.kg.num_nodes() + index).unwrap_or(u32::MAX))
    }

    /// What a user has chosen, whether the graph knows them or not.
    #[must_use]
    pub fn items_of(&self, user: NodeId) -> &[u32] {
        self.unknown(user).map_or_else(|| self.table.kg.items_of(user), |user| &user.items)
    }

    /// The tokens of a range of nodes.
    fn tokens_of(&self, nodes: Range<u32>) -> Range<u32> {
        let first = self.table.vocabulary.node(NodeId(0)).0;
        first + nodes.start..first + nodes.end
    }

    /// Whether this holds for the tails of any relation of a node that the graph knows; asked relation by relation, up
    /// to the first of which it holds.
    fn any_run<'s>(&'s self, node: NodeId, mut holds: impl FnMut(RelationId, &'s [u32]) -> bool) -> bool {
        self.table.kg.arcs(node).runs().any(|(relation, tails)| holds(relation, tails))
    }

    /// As [`Legal::any_run`], for the node a path starts at: the choices are those of the user, known to the graph or
    /// not.
    fn any_run_of_start<'s>(&'s self, node: NodeId, mut holds: impl FnMut(RelationId, &'s [u32]) -> bool) -> bool {
        let Some(user) = self.unknown(node) else { return self.any_run(node, holds) };
        (!user.items.is_empty() && holds(RelationId::INTERACTED, &user.items))
            || self.any_run(node, |relation, tails| relation != RelationId::INTERACTED && holds(relation, tails))
    }

    /// The tails of one relation of the node a prefix stands at.
    fn tails_of(&self, here: &Here, relation: RelationId) -> &[u32] {
        match self.unknown(here.node) {
            Some(user) if here.is_start() && relation == RelationId::INTERACTED => &user.items,
            _ => self.table.kg.arcs(here.node).of(relation).tails,
        }
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &Arc<TrainKg> {
        &self.table.kg
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.table.pattern
    }

    /// Whether a simple path goes on from `node` to a wanted end. The depth is bounded by the hops of the pattern.
    fn completes(&self, node: NodeId, state: StateId, path: &mut Vec<NodeId>, wanted: &Wanted<'_>) -> bool {
        let automaton = self.table.pattern.automaton();
        if automaton.is_accepting(state) && self.is_wanted(node, wanted) {
            return true;
        }
        if automaton.longest(state) == 0 || !self.table.is_viable(state, node) {
            return false;
        }
        if self.witness_will_do(node, state, path, wanted) {
            return true;
        }
        path.push(node);
        let found = self.any_run(node, |relation, tails| self.leads_on(tails, relation, state, path, wanted));
        path.pop();
        found
    }

    /// Whether a hop along `relation` from the last node of `path` leads to a wanted end.
    fn leads_on(
        &self,
        tails: &[u32],
        relation: RelationId,
        state: StateId,
        path: &mut Vec<NodeId>,
        wanted: &Wanted<'_>,
    ) -> bool {
        for (next, tails) in self.table.runs(state, relation, tails) {
            let last_hop = self.table.pattern.automaton().longest(next) == 0;
            let found = match wanted.goal {
                // The one end there is can be looked up instead of searched for.
                Goal::Item(item) if last_hop => tails.binary_search(&item.0).is_ok() && !path.contains(&item),
                // A state that nothing leads on from is one in which a path may end.
                Goal::Unseen if last_hop && !self.table.pattern.is_walk() => {
                    self.ends(tails, wanted, path).next().is_some()
                }
                _ => tails
                    .iter()
                    .map(|&t| NodeId(t))
                    .any(|t| !path.contains(&t) && self.completes(t, next, path, wanted)),
            };
            if found {
                return true;
            }
        }
        false
    }

    /// Those of some sorted tails that a path may end in.
    fn ends<'s>(
        &'s self,
        tails: &'s [u32],
        wanted: &'s Wanted<'s>,
        path: &'s [NodeId],
    ) -> impl Iterator<Item = NodeId> + 's {
        wanted.unseen(tails).filter(|&tail| self.table.kg.is_item(tail) && !path.contains(&tail))
    }

    /// Adds the tokens of those of some sorted tails, all of one type, that a path may end in.
    fn list_ends(&self, tails: &[u32], wanted: &Wanted<'_>, path: &[NodeId], out: &mut Vec<u32>) {
        let before = out.len();
        if tails.first().is_some_and(|&tail| self.table.kg.is_item(NodeId(tail))) {
            wanted.list_unseen(tails, self.table.vocabulary.node(NodeId(0)).0, out);
        }
        // A path meets few nodes, so they are looked for among the tails and not the other way round.
        for &met in path {
            let token = self.table.vocabulary.node(met).0;
            if let Ok(place) = out.get(before..).unwrap_or_default().binary_search(&token) {
                out.remove(before + place);
            }
        }
    }

    fn is_wanted(&self, node: NodeId, wanted: &Wanted<'_>) -> bool {
        match wanted.goal {
            Goal::Item(item) => node == item,
            // A walk is on its way to nowhere in particular.
            Goal::Unseen if self.table.pattern.is_walk() => true,
            Goal::Unseen | Goal::Any => self.table.kg.is_item(node) && !wanted.has_seen(node),
        }
    }

    fn wanted(&self, user: NodeId, goal: Goal) -> Wanted<'_> {
        match goal {
            // All items are wanted by whoever has seen none.
            Goal::Any => Wanted::new(Goal::Unseen, &[]),
            _ => Wanted::new(goal, self.items_of(user)),
        }
    }

    /// What a token stands for; tokens past the vocabulary are new users.
    fn word(&self, token: u32) -> Option<Word> {
        let new_user = || token.checked_sub(self.table.vocabulary.node(NodeId(0)).0).map(NodeId);
        self.table.vocabulary.word(TokenId(token)).or_else(|| new_user().map(Word::Node))
    }

    /// Follows the tokens of a prefix; `None` when they are no path of the pattern.
    fn locate(&self, prefix: &[u32]) -> Option<Here> {
        let automaton = self.table.pattern.automaton();
        let mut here: Option<Here> = None;
        // Room for all nodes of the prefix, and for the next.
        let room = prefix.len() / 2 + 2;
        for &token in prefix {
            match (self.word(token)?, &mut here) {
                (Word::Node(node), None) => {
                    let mut nodes = Vec::with_capacity(room);
                    nodes.push(node);
                    here = Some(Here { nodes, node, state: automaton.start(), relation: None });
                }
                (Word::Relation(relation), Some(h)) if h.relation.is_none() => h.relation = Some(relation),
                (Word::Node(node), Some(h)) => {
                    h.state = automaton.step(h.state, h.relation.take()?, self.table.kg.kind_of(node))?;
                    h.nodes.push(node);
                    h.node = node;
                }
                _ => return None,
            }
        }
        here
    }

    /// The relations that lead on from a node, and whether the path may stop there.
    fn relations_from(&self, here: &mut Here, wanted: &Wanted<'_>, mut found: impl FnMut(RelationId)) -> bool {
        let is_start = here.is_start();
        let path = &mut here.nodes;
        let ask = |relation, tails: &[u32]| {
            if self.leads_on(tails, relation, here.state, path, wanted) {
                found(relation);
            }
            false
        };
        match is_start {
            true => self.any_run_of_start(here.node, ask),
            false => self.any_run(here.node, ask),
        };
        self.table.pattern.automaton().is_accepting(here.state) && self.is_wanted(here.node, wanted)
    }

    /// The tokens that may follow where a prefix stands.
    fn follow(&self, mut here: Here, wanted: &Wanted<'_>, out: &mut Successors) {
        let Some(relation) = here.relation else {
            out.continuing.reserve(RELATIONS);
            if self.relations_from(&mut here, wanted, |r| out.continuing.push(self.table.vocabulary.relation(r).0)) {
                out.ending.push(Vocabulary::END.0);
            }
            return;
        };
        let tails = self.tails_of(&here, relation);
        let mut path = here.nodes;
        for (next, tails) in self.table.runs(here.state, relation, tails) {
            let last_hop = self.table.pattern.automaton().longest(next) == 0;
            if last_hop && wanted.goal == Goal::Unseen && !self.table.pattern.is_walk() {
                self.list_ends(tails, wanted, &path, &mut out.ending);
                continue;
            }
            let list = if last_hop { &mut out.ending } else { &mut out.continuing };
            list.reserve(tails.len());
            for tail in tails.iter().map(|&t| NodeId(t)) {
                if !path.contains(&tail) && self.completes(tail, next, &mut path, wanted) {
                    list.push(self.table.vocabulary.node(tail).0);
                }
            }
        }
    }
}

impl LegalSuccessors for Legal {
    fn vocabulary(&self) -> Vocabulary {
        self.table.vocabulary
    }

    fn max_tokens(&self) -> usize {
        2 * self.table.pattern.max_hops() + 1
    }

    fn history(&self, user: u32) -> &[u32] {
        match self.word(user) {
            Some(Word::Node(user)) => self.items_of(user),
            _ => &[],
        }
    }

    fn later(&self, user: u32) -> Vec<u32> {
        let Some(Word::Node(node)) = self.word(user) else { return Vec::new() };
        if let Some(user) = self.unknown(node) {
            return user.later.clone();
        }
        let times = self.table.kg.times_of(node);
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let later = |time: &i64| sorted.len() - sorted.partition_point(|other| other <= time);
        let counts = times.iter().map(|time| u32::try_from(later(time)).unwrap_or(u32::MAX));
        // Without times nothing was chosen later than anything else.
        counts.chain(std::iter::repeat(0)).take(self.history(user).len()).collect()
    }

    fn popularity(&self) -> &[f32] {
        let kg = &self.table.kg;
        self.table.popularity.get_or_init(|| kg.items().map(|item| count(kg.popularity(NodeId(item)))).collect())
    }

    fn path_counts(&self, user: u32) -> Vec<f32> {
        let Ok(counts) = path_counts(&self.table.kg, self.history(user), || Ok::<_, Infallible>(()));
        #[expect(clippy::cast_possible_truncation, reason = "what an f32 does not hold of a score is noise")]
        let tempered = |(paths, popularity): (f64, &f32)| paths as f32 * popularity.sqrt();
        counts.into_iter().zip(self.popularity()).map(tempered).collect()
    }

    fn timeline(&self, user: u32) -> Vec<u32> {
        let Some(Word::Node(user)) = self.word(user) else { return Vec::new() };
        if let Some(user) = self.unknown(user) {
            return user.timeline().map(|item| self.table.vocabulary.node(NodeId(item)).0).collect();
        }
        let times = self.table.kg.times_of(user);
        let mut items: Vec<(Option<&i64>, u32)> =
            self.items_of(user).iter().enumerate().map(|(place, &item)| (times.get(place), item)).collect();
        // Items of the same moment, or of none, are in their own order.
        items.sort_unstable();
        items.into_iter().map(|(_, item)| self.table.vocabulary.node(NodeId(item)).0).collect()
    }

    fn alike(&self, token: u32) -> Range<u32> {
        match self.word(token) {
            Some(Word::Relation(_)) => NUM_SPECIALS..NUM_SPECIALS + self.table.vocabulary.num_relations,
            Some(Word::Node(node)) => self.tokens_of(self.table.kg.range(self.table.kg.type_of(node))),
            _ => token..token + 1,
        }
    }

    fn items(&self) -> Range<u32> {
        self.tokens_of(self.table.kg.items())
    }

    fn successors(&self, prefix: &[u32], goal: Goal, out: &mut Successors) {
        out.clear();
        let Some(here) = self.locate(prefix) else { return };
        let wanted = self.wanted(here.user(), goal);
        self.follow(here, &wanted, out);
    }

    fn successors_of_each<'p>(
        &self,
        prefixes: impl IntoIterator<Item = &'p [u32]>,
        goal: Goal,
        mut take: impl FnMut(&mut Successors),
    ) {
        let mut prefixes = prefixes.into_iter().peekable();
        let user = prefixes.peek().and_then(|prefix| self.locate(prefix)).map_or(NodeId(0), |here| here.user());
        let wanted = self.wanted(user, goal).marked(&self.table.kg.items());
        let mut out = Successors::default();
        for prefix in prefixes {
            out.clear();
            if let Some(here) = self.locate(prefix) {
                self.follow(here, &wanted, &mut out);
            }
            take(&mut out);
        }
    }

    fn siblings(
        &self,
        path: &[u32],
        position: usize,
        count: usize,
        stream: &mut Stream,
        out: &mut Vec<u32>,
    ) -> Option<f32> {
        let truth = path.get(position).copied().unwrap_or(Vocabulary::END.0);
        let mut here = self.locate(path.get(..position)?)?;
        if self.table.pattern.automaton().longest(here.state) == 0 {
            return None;
        }
        let wanted = self.wanted(here.user(), Goal::Unseen);
        let Some(relation) = here.relation else {
            let mut push = |token: u32| out.extend((token != truth).then_some(token));
            if self.relations_from(&mut here, &wanted, |r| push(self.table.vocabulary.relation(r).0)) {
                push(Vocabulary::END.0);
            }
            return Some(0.0);
        };
        let tails = self.tails_of(&here, relation);
        let mut nodes = here.nodes;
        let runs: Vec<(StateId, &[u32])> = self.table.runs(here.state, relation, tails).collect();
        let num_tails: usize = runs.iter().map(|(_, tails)| tails.len()).sum();
        let mut consider = |tail: u32, next: StateId| {
            let (tail, token) = (NodeId(tail), self.table.vocabulary.node(NodeId(tail)).0);
            if token != truth && !nodes.contains(&tail) && self.completes(tail, next, &mut nodes, &wanted) {
                out.push(token);
            }
        };
        if num_tails <= count + 1 {
            runs.iter().for_each(|(next, tails)| tails.iter().for_each(|&tail| consider(tail, *next)));
            return Some(0.0);
        }
        for _ in 0..count {
            let mut index = stream.index(num_tails);
            for (next, tails) in &runs {
                match tails.get(index) {
                    Some(&tail) => {
                        consider(tail, *next);
                        break;
                    }
                    None => index -= tails.len(),
                }
            }
        }
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a weight, not a count")]
        Some((num_tails as f64 / count as f64).ln() as f32)
    }
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^24 one more or less makes no difference")]
fn count(number: usize) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests;
