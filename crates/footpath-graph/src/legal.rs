//! Legal continuations of a path: the edges of the graph that a pattern allows and that lead to a wanted end.
//!
//! A continuation is legal when at least one simple path of the pattern goes on from it to an item of the goal. A table over
//! (automaton state, node), made once by a sweep backward from the items, says where *some* item can be reached; what depends on the
//! user and on the path so far is looked up on the way and stops at the first completion found.

mod guest;
mod node_set;
mod wanted;

use crate::kg::{Arcs, TrainKg, nodes_within};
use crate::pattern::{Pattern, StateId};
use footpath_core::legal::{Goal, LegalSuccessors, Successors};
use footpath_core::vocabulary::{NUM_SPECIALS, Word};
use footpath_core::{NodeId, RelationId, Stream, TokenId, TypeId, Vocabulary};
use guest::Guest;
use node_set::NodeSet;
use rayon::prelude::*;
use std::ops::Range;
use wanted::Wanted;

/// The legal continuations of a pattern in a graph.
#[derive(Debug)]
pub struct Legal<'a> {
    kg: &'a TrainKg,
    pattern: &'a Pattern,
    vocabulary: Vocabulary,
    viable: Vec<NodeSet>,
    /// Of each state that one hop is left from, and each node, an end that the hop leads to, [`NO_WITNESS`] where there is none; empty of other states.
    witnesses: Vec<Vec<u32>>,
    guests: Vec<Guest>,
}

/// Relations that more than this many seldom follow a node.
const RELATIONS: usize = 16;
/// No node has this id.
const NO_WITNESS: u32 = u32::MAX;

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
}

impl<'a> Legal<'a> {
    /// Prepares the table: time and memory grow with states × arcs and states × nodes / 8 bytes.
    #[must_use]
    pub fn new(kg: &'a TrainKg, pattern: &'a Pattern) -> Self {
        let automaton = pattern.automaton();
        let viable = automaton.states().map(|_| NodeSet::default()).collect();
        let mut legal =
            Self { kg, pattern, vocabulary: kg.vocabulary(), viable, witnesses: Vec::new(), guests: Vec::new() };
        for state in automaton.states().rev() {
            let goes_on = |node: NodeId| {
                let ends = automaton.is_accepting(state) && (pattern.is_walk() || kg.is_item(node));
                ends || legal.hops(state, kg.arcs(node)).any(|(tail, next)| legal.is_viable(next, tail))
            };
            let set = NodeSet::of_those(kg.num_nodes(), goes_on);
            if let Some(slot) = legal.viable.get_mut(state.index()) {
                *slot = set;
            }
        }
        legal.witnesses = legal.find_witnesses();
        legal
    }

    /// The end that the fewest users know, for each node that one hop is left from: most who ask whether there is an unseen end need look no further.
    fn find_witnesses(&self) -> Vec<Vec<u32>> {
        let (automaton, items) = (self.pattern.automaton(), self.kg.items());
        let popularity: Vec<usize> = items.clone().map(|item| self.kg.popularity(NodeId(item))).collect();
        let known_by = |end: NodeId| popularity.get((end.0.wrapping_sub(items.start)) as usize).copied();
        let of_node = |state: StateId, node: NodeId| {
            let ends = self.hops(state, self.kg.arcs(node)).filter_map(|(tail, _)| Some((known_by(tail)?, tail.0)));
            ends.min().map_or(NO_WITNESS, |(_, end)| end)
        };
        let of_state = |state: StateId| {
            let one_hop_left = automaton.longest(state) == 1 && !self.pattern.is_walk();
            let nodes = if one_hop_left { 0..self.kg.num_nodes() } else { 0..0 };
            #[expect(clippy::cast_possible_truncation, reason = "the number of nodes is limited at import")]
            nodes.into_par_iter().with_min_len(1024).map(|node| of_node(state, NodeId(node as u32))).collect()
        };
        automaton.states().map(of_state).collect()
    }

    /// Whether the end known for a node that one hop is left from will do; if not, another may.
    fn witness_will_do(&self, node: NodeId, state: StateId, path: &[NodeId], wanted: &Wanted<'_>) -> bool {
        let of_state = self.witnesses.get(state.index()).map_or(&[][..], Vec::as_slice);
        let known = of_state.get(node.index()).copied().filter(|&end| end != NO_WITNESS).map(NodeId);
        wanted.goal == Goal::Unseen
            && known.is_some_and(|end| end != node && !path.contains(&end) && !wanted.has_seen(end))
    }

    /// Adds users the graph does not know, each by the items they have chosen, the last chosen last. Guest `g` takes the node id after the last node of
    /// the graph, plus `g`: see [`Legal::guest`]. Of an item named twice the last time counts.
    #[must_use]
    pub fn with_guests(mut self, histories: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let known = |history: Vec<u32>| history.into_iter().filter(|&item| self.kg.is_item(NodeId(item))).collect();
        self.guests = histories.into_iter().map(|history| Guest::new(known(history))).collect();
        self
    }

    /// The node id a guest goes by.
    #[must_use]
    pub fn guest(&self, index: usize) -> NodeId {
        NodeId(u32::try_from(self.kg.num_nodes() + index).unwrap_or(u32::MAX))
    }

    /// What a user has chosen, known or guest.
    #[must_use]
    pub fn items_of(&self, user: NodeId) -> &[u32] {
        match user.index().checked_sub(self.kg.num_nodes()) {
            Some(guest) => self.guests.get(guest).map_or(&[], |guest| &guest.items),
            None => self.kg.items_of(user),
        }
    }

    /// The tokens of a range of nodes.
    fn tokens_of(&self, nodes: Range<u32>) -> Range<u32> {
        let first = self.vocabulary.node(NodeId(0)).0;
        first + nodes.start..first + nodes.end
    }

    /// Whether this holds for the tails of any relation of a node; asked relation by relation, up to the first of which it holds.
    fn any_run<'s>(&'s self, node: NodeId, mut holds: impl FnMut(RelationId, &'s [u32]) -> bool) -> bool {
        match node.index() < self.kg.num_nodes() {
            true => self.kg.arcs(node).runs().any(|(relation, tails)| holds(relation, tails)),
            false => holds(RelationId::INTERACTED, self.items_of(node)),
        }
    }

    /// The tails of one relation of a node.
    fn tails_of(&self, node: NodeId, relation: RelationId) -> &[u32] {
        match node.index() < self.kg.num_nodes() {
            true => self.kg.arcs(node).of(relation).tails,
            false if relation == RelationId::INTERACTED => self.items_of(node),
            false => &[],
        }
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &'a TrainKg {
        self.kg
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &'a Pattern {
        self.pattern
    }

    fn is_viable(&self, state: StateId, node: NodeId) -> bool {
        self.viable.get(state.index()).is_some_and(|set| set.contains(node))
    }

    /// The hops the pattern allows along these arcs.
    fn hops<'s>(&'s self, state: StateId, arcs: Arcs<'s>) -> impl Iterator<Item = (NodeId, StateId)> + 's {
        arcs.runs().flat_map(move |(relation, tails)| {
            self.runs(state, relation, tails)
                .flat_map(|(next, tails)| tails.iter().map(move |&tail| (NodeId(tail), next)))
        })
    }

    /// The tails of one relation, cut by type: the state each run leads to, and the run.
    fn runs<'s>(
        &'s self,
        state: StateId,
        relation: RelationId,
        tails: &'s [u32],
    ) -> impl Iterator<Item = (StateId, &'s [u32])> + 's {
        let types: &[(TypeId, StateId)] = self.pattern.automaton().types_after(state, relation);
        types.iter().map(move |&(kind, next)| {
            let range = self.kg.range(kind);
            (next, nodes_within(tails, &range))
        })
    }

    /// Whether a simple path goes on from `node` to a wanted end. The depth is bounded by the hops of the pattern.
    fn completes(&self, node: NodeId, state: StateId, path: &mut Vec<NodeId>, wanted: &Wanted<'_>) -> bool {
        let automaton = self.pattern.automaton();
        if automaton.is_accepting(state) && self.is_wanted(node, wanted) {
            return true;
        }
        if automaton.longest(state) == 0 || !self.is_viable(state, node) {
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
        for (next, tails) in self.runs(state, relation, tails) {
            let last_hop = self.pattern.automaton().longest(next) == 0;
            let found = match wanted.goal {
                // The one end there is can be looked up instead of searched for.
                Goal::Item(item) if last_hop => tails.binary_search(&item.0).is_ok() && !path.contains(&item),
                // A state that nothing leads on from is one in which a path may end.
                Goal::Unseen if last_hop && !self.pattern.is_walk() => self.ends(tails, wanted, path).next().is_some(),
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
        wanted.unseen(tails).filter(|&tail| self.kg.is_item(tail) && !path.contains(&tail))
    }

    /// Adds the tokens of those of some sorted tails, all of one type, that a path may end in.
    fn list_ends(&self, tails: &[u32], wanted: &Wanted<'_>, path: &[NodeId], out: &mut Vec<u32>) {
        let before = out.len();
        if tails.first().is_some_and(|&tail| self.kg.is_item(NodeId(tail))) {
            wanted.list_unseen(tails, self.vocabulary.node(NodeId(0)).0, out);
        }
        // A path meets few nodes, so they are looked for among the tails and not the other way round.
        for &met in path {
            let token = self.vocabulary.node(met).0;
            if let Ok(place) = out.get(before..).unwrap_or_default().binary_search(&token) {
                out.remove(before + place);
            }
        }
    }

    fn is_wanted(&self, node: NodeId, wanted: &Wanted<'_>) -> bool {
        match wanted.goal {
            Goal::Item(item) => node == item,
            // A walk is on its way to nowhere in particular.
            Goal::Unseen if self.pattern.is_walk() => true,
            Goal::Unseen => self.kg.is_item(node) && !wanted.has_seen(node),
        }
    }

    fn wanted(&self, user: NodeId, goal: Goal) -> Wanted<'_> {
        Wanted::new(goal, self.items_of(user))
    }

    /// What a token stands for; tokens past the vocabulary are guests.
    fn word(&self, token: u32) -> Option<Word> {
        let guest = || token.checked_sub(self.vocabulary.node(NodeId(0)).0).map(NodeId);
        self.vocabulary.word(TokenId(token)).or_else(|| guest().map(Word::Node))
    }

    /// Follows the tokens of a prefix; `None` when they are no path of the pattern.
    fn locate(&self, prefix: &[u32]) -> Option<Here> {
        let automaton = self.pattern.automaton();
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
                    h.state = automaton.step(h.state, h.relation.take()?, self.kg.type_of(node))?;
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
        let path = &mut here.nodes;
        self.any_run(here.node, |relation, tails| {
            if self.leads_on(tails, relation, here.state, path, wanted) {
                found(relation);
            }
            false
        });
        self.pattern.automaton().is_accepting(here.state) && self.is_wanted(here.node, wanted)
    }

    /// The tokens that may follow where a prefix stands.
    fn follow(&self, mut here: Here, wanted: &Wanted<'_>, out: &mut Successors) {
        let Some(relation) = here.relation else {
            out.continuing.reserve(RELATIONS);
            if self.relations_from(&mut here, wanted, |r| out.continuing.push(self.vocabulary.relation(r).0)) {
                out.ending.push(Vocabulary::END.0);
            }
            return;
        };
        let mut path = here.nodes;
        for (next, tails) in self.runs(here.state, relation, self.tails_of(here.node, relation)) {
            let last_hop = self.pattern.automaton().longest(next) == 0;
            if last_hop && wanted.goal == Goal::Unseen && !self.pattern.is_walk() {
                self.list_ends(tails, wanted, &path, &mut out.ending);
                continue;
            }
            let list = if last_hop { &mut out.ending } else { &mut out.continuing };
            list.reserve(tails.len());
            for tail in tails.iter().map(|&t| NodeId(t)) {
                if !path.contains(&tail) && self.completes(tail, next, &mut path, wanted) {
                    list.push(self.vocabulary.node(tail).0);
                }
            }
        }
    }
}

impl LegalSuccessors for Legal<'_> {
    fn vocabulary(&self) -> Vocabulary {
        self.vocabulary
    }

    fn max_tokens(&self) -> usize {
        2 * self.pattern.max_hops() + 1
    }

    fn history(&self, user: u32) -> &[u32] {
        match self.word(user) {
            Some(Word::Node(user)) => self.items_of(user),
            _ => &[],
        }
    }

    fn later(&self, user: u32) -> Vec<u32> {
        let Some(Word::Node(node)) = self.word(user) else { return Vec::new() };
        if let Some(guest) = node.index().checked_sub(self.kg.num_nodes()) {
            return self.guests.get(guest).map_or_else(Vec::new, |guest| guest.later.clone());
        }
        let times = self.kg.times_of(node);
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let later = |time: &i64| sorted.len() - sorted.partition_point(|other| other <= time);
        let counts = times.iter().map(|time| u32::try_from(later(time)).unwrap_or(u32::MAX));
        // Without times nothing was chosen later than anything else.
        counts.chain(std::iter::repeat(0)).take(self.history(user).len()).collect()
    }

    fn timeline(&self, user: u32) -> Vec<u32> {
        let Some(Word::Node(user)) = self.word(user) else { return Vec::new() };
        let times = self.kg.times_of(user);
        let mut items: Vec<(Option<&i64>, u32)> =
            self.items_of(user).iter().enumerate().map(|(place, &item)| (times.get(place), item)).collect();
        // Items of the same moment, or of none, are in their own order.
        items.sort_unstable();
        items.into_iter().map(|(_, item)| self.vocabulary.node(NodeId(item)).0).collect()
    }

    fn alike(&self, token: u32) -> Range<u32> {
        match self.word(token) {
            Some(Word::Relation(_)) => NUM_SPECIALS..NUM_SPECIALS + self.vocabulary.num_relations,
            Some(Word::Node(node)) => self.tokens_of(self.kg.range(self.kg.type_of(node))),
            _ => token..token + 1,
        }
    }

    fn items(&self) -> Range<u32> {
        self.tokens_of(self.kg.items())
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
        let wanted = self.wanted(user, goal).marked(&self.kg.items());
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
        if self.pattern.automaton().longest(here.state) == 0 {
            return None;
        }
        let wanted = self.wanted(here.user(), Goal::Unseen);
        let Some(relation) = here.relation else {
            let mut push = |token: u32| out.extend((token != truth).then_some(token));
            if self.relations_from(&mut here, &wanted, |r| push(self.vocabulary.relation(r).0)) {
                push(Vocabulary::END.0);
            }
            return Some(0.0);
        };
        let mut nodes = here.nodes;
        let runs: Vec<(StateId, &[u32])> =
            self.runs(here.state, relation, self.tails_of(here.node, relation)).collect();
        let num_tails: usize = runs.iter().map(|(_, tails)| tails.len()).sum();
        let mut consider = |tail: u32, next: StateId| {
            let (tail, token) = (NodeId(tail), self.vocabulary.node(NodeId(tail)).0);
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

#[cfg(test)]
mod tests;
