//! Drawing paths by exact laws.
//!
//! For user `u`, a pattern and an end set, the *legal* paths are the paths that the pattern accepts, that end in the set,
//! and on which no node comes twice (unless [`SampleSpec::simple`] is off; a fact whose head is its tail is never a hop).
//! Write `v₀ = u, v₁, …, v_L` for the nodes of a path, `r_i` for the relation of the hop to `v_i`, `d(v)` for the number
//! of arcs of `v` in the train graph, `n(v)` for the number of train interactions of an item, `α` for the damping, `β`
//! for the end damping, `λ(r)` for the weight of a relation, one unless given, and `ω_i` for the weight of the arc of the hop
//! to `v_i`, one unless [`SampleSpec::edge_weights`] is on. Every law gives each legal path a weight
//!
//! ```text
//! w(path) = Π_{1 ≤ i ≤ L} λ(r_i)·ω_i · Π_{1 < i < L} d(v_i)^−α                           for UniformPath and UniformEnd
//! w(path) = Π_{1 ≤ i ≤ L} λ(r_i)·ω_i · Π_{1 < i < L} d(v_i)^−α · Π_{1 ≤ i < L} 1 / a(v_i)   for Walk
//! ```
//!
//! where `a(v_i)` is the sum of `λ·ω` over the arcs of `v_i` that the pattern allows there, and with `g(v) = max(n(v), 1)^−β`
//!
//! ```text
//! UniformPath, Walk   P(path) = w(path) · g(v_L) / Σ_{legal paths} w · g
//! UniformEnd          P(path) = g(v_L) / Σ_{ends with a legal path} g · w(path) / Σ_{legal paths to the same end} w
//! ```
//!
//! Draw `k` of user `u` is a function of (seed, u, k) and of nothing else.
//!
//! Patterns read by [`Pattern::parse_walk`] need not start at users; then every inner node is damped, and `u` is any start.
//!
//! Where the end set is (nearly) the same for all users, the pattern is compiled for the graph once and many walkers run
//! on it at a time (`compile`, `kernel`), or they run on the graph itself where few are to run (`general`, `views`); otherwise each user's surroundings are counted (`dag`, `weights`, `tables`).

mod alias;
mod back;
mod choice;
mod compile;
mod corpus;
mod count;
mod dag;
mod distinct;
mod draw;
mod enumerate;
mod general;
mod kernel;
mod layers;
mod mix;
mod pair;
mod quota;
mod ranges;
mod shared;
mod spec;
mod starts;
mod tables;
mod views;
mod weights;

pub use choice::Kernel;
pub use corpus::{CorpusSampler, Run, SampleSummary, sample_corpus};
pub use count::{CountSummary, count_paths};
pub use dag::Scratch;
pub use enumerate::Enumeration;
pub use mix::{MixtureSampler, MixtureTables};
pub use pair::PairTables;
pub use quota::{Quota, Replacement, Shard};
pub use spec::{EndSet, Law, MAX_DAMPING, SampleSpec};
pub use tables::{Count, UserTables};
pub use views::Views;

use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, Pattern, StateId};
use dag::{Builder, Dag, Plan, Stops};
use footpath_core::{NodeId, RelationId, TypeId};
use shared::Shared;
use starts::Starts;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use views::Outlook;
use weights::{Measure, Overflow, Turns, Weights};

/// Most (state, node) pairs of which something is remembered for all users: half a gibibyte.
const MAX_REMEMBERED: u64 = 1 << 26;

/// Draws paths of users of a graph.
#[derive(Debug)]
pub struct Sampler<'a> {
    kg: &'a TrainKg,
    pattern: Pattern,
    spec: SampleSpec,
    by_end: bool,
    starts: Starts,
    plan: Plan,
    factors: Factors,
    ends: EndWeights,
    shared: Option<Shared>,
    counts: OnceLock<Option<Vec<u64>>>,
    /// Whether any walks were weighed in floating point so far.
    rounds: AtomicBool,
}

/// A graph of walks with their weights under the law.
#[derive(Debug)]
struct Table {
    dag: Dag,
    weights: LawWeights,
}

#[derive(Debug)]
enum LawWeights {
    Counts(Weights<u64>),
    Weighted(Weights<f64>),
}

/// The state after the first hop of any path: users have no arcs but interactions with items.
fn linked_state(automaton: &Automaton) -> Option<StateId> {
    automaton.step(automaton.start(), RelationId::INTERACTED, TypeId::ITEM)
}

impl<'a> Sampler<'a> {
    /// Prepares to draw. For the end sets that are (nearly) the same for all users, compiles the pattern for the graph;
    /// otherwise the counting is done user by user in [`Sampler::tables`].
    ///
    /// # Errors
    /// As [`SampleSpec::validate`]; [`footpath_core::Error::Limit`] when graph times pattern is too large and
    /// [`footpath_core::Error::OutOfMemory`].
    pub fn new(kg: &'a TrainKg, pattern: &Pattern, spec: SampleSpec) -> Result<Self> {
        let by_end = spec.law == Law::UniformEnd;
        Self::drawing(kg, pattern, spec, by_end, &Outlook::new(Views::Auto, u64::MAX))
    }

    /// As [`Sampler::new`], for an outlook; `by_end` says whether the end of a path is chosen before the rest of it.
    fn drawing(kg: &'a TrainKg, pattern: &Pattern, spec: SampleSpec, by_end: bool, outlook: &Outlook) -> Result<Self> {
        spec.validate(kg)?;
        let slots = kg.num_nodes() as u64 * pattern.automaton().num_states() as u64;
        let max = u64::from(u32::MAX - 1);
        if slots > max {
            return Err(footpath_core::Error::Limit { what: "nodes times pattern states", max, got: slots }.into());
        }
        let plan = Plan::new(kg, pattern.automaton());
        let starts = Starts::of(kg, pattern);
        let from_users = pattern.starts() == [TypeId::USER];
        if !from_users && (spec.ends != EndSet::Any || spec.causal) {
            let reason = "walks that do not start at users end anywhere the pattern says; give the end set `any`";
            return Err(Error::Usage { option: "end", reason: reason.to_owned() });
        }
        let linked = if from_users { linked_state(pattern.automaton()) } else { None };
        let (factors, ends) =
            (Factors::new(kg, pattern.automaton().start(), linked, &spec), EndWeights::new(kg, spec.end_damping));
        let (pattern, counts, rounds) = (pattern.clone(), OnceLock::new(), AtomicBool::new(false));
        let mut sampler = Self { kg, pattern, spec, by_end, starts, plan, factors, ends, shared: None, counts, rounds };
        if sampler.spec.ends != EndSet::Train && !by_end {
            sampler.shared = Some(Shared::new(&sampler, outlook)?);
            return Ok(sampler);
        }
        outlook.compile("these paths are drawn by tables of each user")?;
        if sampler.factors.walk && slots <= MAX_REMEMBERED {
            sampler.factors.remember(sampler.pattern.automaton().num_states(), kg.num_nodes());
        }
        Ok(sampler)
    }

    /// The tables to draw the paths of one user with.
    ///
    /// # Errors
    /// [`Error::CountOverflow`]; [`Error::Unknown`] when the node is no user.
    pub fn tables(&self, user: NodeId) -> Result<UserTables<'_>> {
        self.tables_with(user, &mut Scratch::default())
    }

    /// As [`Sampler::tables`], using memory of earlier calls again.
    ///
    /// # Errors
    /// As [`Sampler::tables`].
    pub fn tables_with(&self, user: NodeId, scratch: &mut Scratch) -> Result<UserTables<'_>> {
        if !self.starts.contains(user) {
            let hint = "users come first among the nodes";
            return Err(Error::Unknown { what: "user", name: format!("node {}", user.0), hint });
        }
        UserTables::new(self, user, scratch)
    }

    /// The number of legal paths of a user; see [`UserTables::num_paths`].
    ///
    /// # Errors
    /// [`Error::CountOverflow`].
    pub fn num_paths(&self, user: NodeId, scratch: &mut Scratch) -> Result<Count> {
        UserTables::empty(self, user).num_paths_with(scratch)
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &'a TrainKg {
        self.kg
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// What is drawn.
    #[must_use]
    pub fn spec(&self) -> &SampleSpec {
        &self.spec
    }

    /// Tokens of a row of the corpus: `2 × max_hops + 1`.
    #[must_use]
    pub fn row_width(&self) -> usize {
        2 * self.pattern.max_hops() + 1
    }

    /// The walks of a user to an end set.
    fn user_dag(&self, user: NodeId, ends: EndSet, scratch: &mut Scratch) -> Dag {
        let items = self.kg.items_of(user);
        let stops = match ends {
            EndSet::Train => Stops::At(items),
            EndSet::Unseen => Stops::NotAt(items),
            EndSet::Any => Stops::Any,
        };
        let builder = Builder::new(self.kg, self.pattern.automaton(), stops, scratch);
        builder.user(user, self.spec.simple, &self.plan)
    }

    /// Weighs walks by the law. `ends` are the weights of where they stop, if that is at ends.
    fn weigh(&self, dag: &Dag, ends: Option<&EndWeights>) -> LawWeights {
        let turns = if self.spec.simple { Turns::Onward } else { Turns::Any };
        let ends = ends.filter(|ends| ends.are_weighed());
        if self.factors.are_ones() && ends.is_none() {
            // Past 64 bits floating point is near enough; see `Weights`.
            if let Ok(counts) = Weights::new(dag, Measure::ones(turns)) {
                return LawWeights::Counts(counts);
            }
        }
        self.weighs_in_floating_point();
        let measure = Measure {
            turns,
            factors: self.factors.of_slots(self.kg, self.pattern.automaton(), dag),
            relations: self.factors.relations.clone(),
            edges: self.factors.of_edges(self.kg, dag),
            stops: ends.map_or_else(Vec::new, |ends| dag.nodes.iter().map(|&node| ends.of(node)).collect()),
        };
        match Weights::new(dag, measure) {
            Ok(weights) => LawWeights::Weighted(weights),
            Err(Overflow) => LawWeights::Weighted(Weights::none(dag)),
        }
    }

    /// Notes that walks are weighed in floating point, because the law has weights or 64 bits cannot count them.
    fn weighs_in_floating_point(&self) {
        self.rounds.store(true, Ordering::Relaxed);
    }

    /// Whether a path may end where it does, as far as that is not in its weight.
    fn may_end(&self, path: &[u32]) -> bool {
        let [user, linked, .., end] = path else { return self.may_end_at_once(path) };
        let items = || self.kg.items_of(NodeId(*user));
        match self.spec.ends {
            EndSet::Unseen => items().binary_search(end).is_err(),
            EndSet::Train if end == linked => false,
            _ => !self.spec.causal || self.is_later(NodeId(*user), *end, *linked),
        }
    }

    /// Whether a walk by the user's own tables may be illegal for its end.
    fn looks_at_ends(&self) -> bool {
        self.spec.causal || (!self.spec.simple && self.spec.ends == EndSet::Train)
    }

    /// [`Sampler::may_end`] for paths of one hop.
    fn may_end_at_once(&self, path: &[u32]) -> bool {
        match (path, self.spec.ends) {
            ([user, end], EndSet::Unseen) => self.kg.items_of(NodeId(*user)).binary_search(end).is_err(),
            (_, ends) => ends == EndSet::Any,
        }
    }

    /// Whether a user chose `end` after `linked`, or one of them has no time.
    fn is_later(&self, user: NodeId, end: u32, linked: u32) -> bool {
        let (items, times) = (self.kg.items_of(user), self.kg.times_of(user));
        let time = |item: u32| items.binary_search(&item).ok().and_then(|place| times.get(place));
        match (time(end), time(linked)) {
            (Some(end), Some(linked)) => end > linked,
            _ => true,
        }
    }

    /// Whether a user may have paths, as far as is known without looking for them.
    fn may_have_paths(&self, user: NodeId) -> bool {
        match &self.shared {
            Some(shared) => shared.has_walks(self, user),
            None => self.starts.contains(user) && self.kg.degree(user) > 0,
        }
    }

    /// For each start, the walks to any item that never turn straight back; `None` where 64 bits cannot count them.
    fn shared_counts(&self) -> Option<&[u64]> {
        if let Some(counts) = self.shared.as_ref().and_then(Shared::counts) {
            return Some(counts);
        }
        self.counts.get_or_init(|| Shared::count(self)).as_deref()
    }
}

fn overflow(who: &str) -> Error {
    Error::CountOverflow { who: who.to_owned() }
}

/// The factors that walks are weighed by, ends left out.
#[derive(Debug, Default)]
struct Factors {
    /// d(v)^−α of each node; empty without damping.
    damping: Vec<f64>,
    /// λ of each directed relation; empty where all are 1.
    relations: Vec<f64>,
    /// Whether ω of an arc is its weight in the graph; else it is 1.
    edges: bool,
    /// Whether hops are divided by a(v).
    walk: bool,
    /// States in which a node is not damped: the start and the item of the first hop.
    undamped: Vec<StateId>,
    /// By state and node, a(v) as far as it has been asked for; empty where users do not have tables of their own.
    known: Vec<Vec<AtomicU64>>,
}

impl Factors {
    fn new(kg: &TrainKg, start: StateId, linked: Option<StateId>, spec: &SampleSpec) -> Self {
        let mut factors = Self { walk: spec.law == Law::Walk, edges: spec.edge_weights, ..Self::default() };
        factors.undamped.push(start);
        factors.undamped.extend(linked);
        if spec.damping > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
            let damp = |node| (kg.degree(node).max(1) as f64).powf(-spec.damping);
            factors.damping = (0u32..).take(kg.num_nodes()).map(NodeId).map(damp).collect();
        }
        if spec.relation_weights.values().any(|&weight| weight != 1.0) {
            factors.relations = vec![1.0; kg.num_relations()];
            for (name, &weight) in &spec.relation_weights {
                let both = kg.relation(name).map(|relation| [relation, relation.inverse()]);
                for relation in both.iter().flatten() {
                    if let Some(place) = factors.relations.get_mut(relation.index()) {
                        *place = weight;
                    }
                }
            }
        }
        factors
    }

    /// Whether every walk weighs one.
    fn are_ones(&self) -> bool {
        self.damping.is_empty() && !self.weigh_hops() && !self.walk
    }

    /// Whether one hop of a node may weigh more than another for itself.
    fn weigh_hops(&self) -> bool {
        !self.relations.is_empty() || self.edges
    }

    /// λ
    fn relation(&self, relation: RelationId) -> f64 {
        self.relations.get(relation.index()).copied().unwrap_or(1.0)
    }

    /// a(v) from the sums of ω over its arcs by relation.
    fn allowed(&self, arcs: impl Iterator<Item = (RelationId, f64)>) -> f64 {
        arcs.map(|(relation, edges)| self.relation(relation) * edges).sum()
    }

    /// a(v) from the graph.
    #[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
    fn allowed_at(&self, kg: &TrainKg, automaton: &Automaton, state: StateId, node: NodeId) -> f64 {
        let weights = if self.edges { kg.weights(node) } else { &[] };
        let edges = |arcs: Range<usize>| match weights.get(arcs.clone()) {
            Some(weights) if self.edges => weights.iter().map(|&weight| f64::from(weight)).sum(),
            _ => arcs.len() as f64,
        };
        self.allowed(allowed(kg, automaton, state, node).map(|(relation, arcs)| (relation, edges(arcs))))
    }

    /// ω of each arc of a graph of walks; empty where all are 1.
    fn of_edges(&self, kg: &TrainKg, dag: &Dag) -> Vec<f64> {
        let arcs = dag.facts().take(if self.edges { dag.num_arcs() } else { 0 });
        arcs.map(|fact| f64::from(kg.weight(fact))).collect()
    }

    /// The factor of the hops away from a node in a state; see f in the page of the weights. `allowed` gives a(v).
    fn of(&self, state: StateId, node: u32, allowed: impl FnOnce() -> f64) -> f64 {
        let damped = self.damping.get(node as usize).filter(|_| !self.undamped.contains(&state));
        let walk = if self.walk { 1.0 / allowed().max(f64::MIN_POSITIVE) } else { 1.0 };
        damped.unwrap_or(&1.0) * walk
    }

    /// Remembers a(v) for all users: it takes as long to find as all else about a slot.
    fn remember(&mut self, num_states: usize, num_nodes: usize) {
        let unknown = || std::iter::repeat_with(AtomicU64::default).take(num_nodes).collect();
        self.known = std::iter::repeat_with(unknown).take(num_states).collect();
    }

    /// a(v) if it is known, else found and remembered. Whoever finds it finds the same.
    fn remembered(&self, state: StateId, node: u32, find: impl FnOnce() -> f64) -> f64 {
        let Some(place) = self.known.get(state.index()).and_then(|nodes| nodes.get(node as usize)) else {
            return find();
        };
        match place.load(Ordering::Relaxed) {
            0 => {
                let found = find();
                place.store(found.to_bits(), Ordering::Relaxed);
                found
            }
            bits => f64::from_bits(bits),
        }
    }

    /// One factor for each slot.
    fn of_slots(&self, kg: &TrainKg, automaton: &Automaton, dag: &Dag) -> Vec<f64> {
        if self.damping.is_empty() && !self.walk {
            return Vec::new();
        }
        let of = |(slot, (&node, &state)): (u32, (&u32, &u16))| {
            // Nothing goes on from a slot without arcs.
            if dag.range(slot).is_empty() {
                return 1.0;
            }
            let state = StateId(state);
            let allowed = || self.allowed_at(kg, automaton, state, NodeId(node));
            self.of(state, node, || self.remembered(state, node, allowed))
        };
        (0..).zip(dag.nodes.iter().zip(&dag.states)).map(of).collect()
    }

    /// w of a path.
    fn weight(&self, kg: &TrainKg, automaton: &Automaton, path: &footpath_core::Path) -> f64 {
        let mut state = automaton.start();
        let mut weight = 1.0;
        for triple in path.triples() {
            let arcs = || self.allowed_at(kg, automaton, state, triple.head);
            let arcs = || self.remembered(state, triple.head.0, arcs);
            let edge = if self.edges { f64::from(kg.weight(triple)) } else { 1.0 };
            weight *= self.of(state, triple.head.0, arcs) * self.relation(triple.relation) * edge;
            let Some(next) = automaton.step(state, triple.relation, kg.type_of(triple.tail)) else { return 0.0 };
            state = next;
        }
        weight
    }
}

/// The arcs of a node, by their places among all its arcs, that the pattern allows in a state; self-loops are left out.
fn allowed(
    kg: &TrainKg,
    automaton: &Automaton,
    state: StateId,
    node: NodeId,
) -> impl Iterator<Item = (RelationId, Range<usize>)> {
    let mut next = 0;
    kg.arcs(node).runs().flat_map(move |(relation, tails)| {
        let start = next;
        next += tails.len();
        let place = move |limit: u32| start + tails.partition_point(|&tail| tail < limit);
        automaton.types_after(state, relation).iter().flat_map(move |&(kind, _)| {
            let range = kg.range(kind);
            let all = place(range.start)..place(range.end);
            // A loop cuts them in two.
            let (before, after) = match range.contains(&node.0) {
                true => (all.start..place(node.0), place(node.0.saturating_add(1))..all.end),
                false => (all.clone(), all.end..all.end),
            };
            [(relation, before), (relation, after)]
        })
    })
}

/// g of each end.
#[derive(Debug, Default)]
struct EndWeights {
    first_item: u32,
    /// Empty without damping.
    items: Vec<f64>,
}

impl EndWeights {
    fn new(kg: &TrainKg, damping: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "numbers of interactions are far below 2^53")]
        let weight = |item| (kg.popularity(NodeId(item)).max(1) as f64).powf(-damping);
        let items = if damping > 0.0 { kg.items().map(weight).collect() } else { Vec::new() };
        Self { first_item: kg.items().start, items }
    }

    fn are_weighed(&self) -> bool {
        !self.items.is_empty()
    }

    fn of(&self, end: u32) -> f64 {
        self.items.get(end.wrapping_sub(self.first_item) as usize).copied().unwrap_or(1.0)
    }
}
