//! Drawing paths by exact laws.
//!
//! For user `u`, a pattern and an end set, the *legal* paths are the simple paths (no node twice; a fact whose head is
//! its tail is never a hop) that the pattern accepts and that end in the set. Write `v₀ = u, v₁, …, v_L` for the nodes of
//! a path, `d(v)` for the number of arcs of `v` in the train graph, and `α` for the damping. Every law gives each legal
//! path a weight
//!
//! ```text
//! w(path) = Π_{1 < i < L} d(v_i)^−α                            for UniformPath and UniformEnd
//! w(path) = Π_{1 < i < L} d(v_i)^−α · Π_{1 ≤ i < L} 1 / a(v_i)   for Walk
//! ```
//!
//! where `a(v_i)` is the number of arcs of `v_i` that the pattern allows there, and
//!
//! ```text
//! UniformPath, Walk   P(path) = w(path) / Σ_{legal paths} w
//! UniformEnd          P(path) = 1 / #{ends with a legal path} · w(path) / Σ_{legal paths to the same end} w
//! ```
//!
//! Draw `k` of user `u` is a function of (seed, u, k) and of nothing else.

mod corpus;
mod count;
mod dag;
mod enumerate;
mod tables;
mod weights;

pub use corpus::{Run, SampleSummary, sample_corpus};
pub use count::{CountSummary, count_paths};
pub use dag::Scratch;
pub use enumerate::Enumeration;
pub use tables::{Count, UserTables};

use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, Pattern, StateId};
use dag::{Builder, Dag, Plan, Stops};
use footpath_core::{NodeId, RelationId, TypeId};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;
use weights::{Overflow, Weights};

/// Which items a path may end at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndSet {
    /// The user's train items other than that of the first hop.
    #[default]
    Train,
    /// Items that the user has no train interaction with.
    Unseen,
    /// Any item.
    Any,
}

/// How the paths of a user are weighed; the module page has the formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Every legal path alike (with damping: in proportion to its weight).
    UniformPath,
    /// First the end, every end that has a legal path alike; then a path to it in proportion to its weight.
    #[default]
    UniformEnd,
    /// As a walk that takes one of the arcs the pattern allows, each alike, given that the walk turns out to be a legal path.
    /// Where the pattern allows to stop as well as to go on, stopping costs nothing.
    Walk,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSpec {
    /// The law.
    pub law: Law,
    /// α: each node strictly between the item of the first hop and the end weighs (number of its arcs)^−α. From 0, no damping, to 8.
    pub damping: f64,
    /// Which items a path may end at.
    pub ends: EndSet,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for SampleSpec {
    /// Uniform over the user's items with damping ½: hubs do not swamp the corpus (the accuracy of models trained on
    /// corpora of this law is why it is the default).
    fn default() -> Self {
        Self { law: Law::UniformEnd, damping: 0.5, ends: EndSet::Train, seed: 0 }
    }
}

/// Most damping.
pub const MAX_DAMPING: f64 = 8.0;

/// Draws paths of users of a graph.
#[derive(Debug)]
pub struct Sampler<'a> {
    kg: &'a TrainKg,
    pattern: Pattern,
    spec: SampleSpec,
    plan: Plan,
    factors: Factors,
    shared: Option<Table>,
    shared_counts: OnceLock<std::result::Result<Weights<u64>, Overflow>>,
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
    /// Prepares to draw. For the end sets that are (nearly) the same for all users, counts the paths from every node;
    /// otherwise the counting is done user by user in [`Sampler::tables`].
    ///
    /// # Errors
    /// [`Error::Usage`] for a damping out of range, [`Error::CountOverflow`] when there are more paths than 64 bits can count,
    /// [`footpath_core::Error::Limit`] when graph times pattern is too large.
    pub fn new(kg: &'a TrainKg, pattern: &Pattern, spec: SampleSpec) -> Result<Self> {
        if !(0.0..=MAX_DAMPING).contains(&spec.damping) {
            let reason = format!("{} is not between 0 and {MAX_DAMPING}", spec.damping);
            return Err(Error::Usage { option: "damping", reason });
        }
        let slots = kg.num_nodes() as u64 * pattern.automaton().num_states() as u64;
        let max = u64::from(u32::MAX - 1);
        if slots > max {
            return Err(footpath_core::Error::Limit { what: "nodes times pattern states", max, got: slots }.into());
        }
        let plan = Plan::new(kg, pattern.automaton());
        let factors = Factors::new(kg, pattern.automaton(), spec);
        let (pattern, shared_counts) = (pattern.clone(), OnceLock::new());
        let mut sampler = Self { kg, pattern, spec, plan, factors, shared: None, shared_counts };
        if spec.ends != EndSet::Train && spec.law != Law::UniformEnd {
            let dag = sampler.builder(Stops::Any, &mut Scratch::default()).all_users();
            let weights = sampler.weigh(&dag).map_err(|Overflow| overflow("all users"))?;
            sampler.shared = Some(Table { dag, weights });
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
        if !self.kg.users().contains(&user.0) {
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

    fn builder<'b>(&'b self, stops: Stops<'b>, scratch: &'b mut Scratch) -> Builder<'b> {
        Builder::new(self.kg, self.pattern.automaton(), stops, scratch)
    }

    /// The walks of a user to an end set.
    fn user_dag(&self, user: NodeId, ends: EndSet, scratch: &mut Scratch) -> Dag {
        let items = self.kg.items_of(user);
        let stops = match ends {
            EndSet::Train => Stops::At(items),
            EndSet::Unseen => Stops::NotAt(items),
            EndSet::Any => Stops::Any,
        };
        self.builder(stops, scratch).user(user, &self.plan)
    }

    /// Weighs walks by the law.
    fn weigh(&self, dag: &Dag) -> std::result::Result<LawWeights, Overflow> {
        match self.factors.of(dag) {
            None => Weights::new(dag, Vec::new()).map(LawWeights::Counts),
            Some(factors) => Weights::new(dag, factors).map(LawWeights::Weighted),
        }
    }

    /// Counts of the walks of all users to any item, where there is a table of them.
    fn shared_counts(&self) -> Option<Result<(&Dag, &Weights<u64>)>> {
        let Table { dag, weights } = self.shared.as_ref()?;
        if let LawWeights::Counts(counts) = weights {
            return Some(Ok((dag, counts)));
        }
        let counts = self.shared_counts.get_or_init(|| Weights::new(dag, Vec::new()));
        Some(counts.as_ref().map(|counts| (dag, counts)).map_err(|Overflow| overflow("all users")))
    }
}

fn overflow(who: &str) -> Error {
    Error::CountOverflow { who: who.to_owned() }
}

/// The factor of the hops away from each (node, state) under the law; see f in the page of the weights.
#[derive(Debug, Default)]
struct Factors {
    /// d(v)^−α of each node; empty without damping.
    damping: Vec<f64>,
    /// 1 / a(v) of each node in each state; empty unless the law is a walk.
    walk: Vec<Vec<f64>>,
    /// States in which a node is not damped: the start and the item of the first hop.
    undamped: Vec<StateId>,
}

impl Factors {
    fn new(kg: &TrainKg, automaton: &Automaton, spec: SampleSpec) -> Self {
        let nodes = || (0u32..).take(kg.num_nodes()).map(NodeId);
        let mut factors = Self::default();
        factors.undamped.push(automaton.start());
        factors.undamped.extend(linked_state(automaton));
        if spec.damping > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
            let damp = |node| (kg.degree(node).max(1) as f64).powf(-spec.damping);
            factors.damping = nodes().map(damp).collect();
        }
        if spec.law == Law::Walk {
            let walk =
                |state| nodes().map(|node| 1.0 / f64::from(allowed(kg, automaton, state, node).max(1))).collect();
            factors.walk = automaton.states().map(walk).collect();
        }
        factors
    }

    /// One number for each slot; `None` where all are 1.
    fn of(&self, dag: &Dag) -> Option<Vec<f64>> {
        if self.damping.is_empty() && self.walk.is_empty() {
            return None;
        }
        let factor = |(&node, &state): (&u32, &u16)| {
            let damped = self.damping.get(node as usize).filter(|_| !self.undamped.contains(&StateId(state)));
            let walk = self.walk.get(usize::from(state)).and_then(|of| of.get(node as usize));
            damped.unwrap_or(&1.0) * walk.unwrap_or(&1.0)
        };
        Some(dag.nodes.iter().zip(&dag.states).map(factor).collect())
    }
}

impl Factors {
    /// w of a path.
    fn weight(&self, sampler: &Sampler<'_>, path: &footpath_core::Path) -> f64 {
        let automaton = sampler.pattern.automaton();
        let mut state = automaton.start();
        let mut weight = 1.0;
        for triple in path.triples() {
            let damped = self.damping.get(triple.head.index()).filter(|_| !self.undamped.contains(&state));
            let walk = self.walk.get(state.index()).and_then(|of| of.get(triple.head.index()));
            weight *= damped.unwrap_or(&1.0) * walk.unwrap_or(&1.0);
            let Some(next) = automaton.step(state, triple.relation, sampler.kg.type_of(triple.tail)) else {
                return 0.0;
            };
            state = next;
        }
        weight
    }
}

/// Number of arcs of a node that the pattern allows in a state, self-loops left out.
fn allowed(kg: &TrainKg, automaton: &Automaton, state: StateId, node: NodeId) -> u32 {
    if automaton.longest(state) == 0 {
        return 0;
    }
    let arcs = kg.arcs(node);
    let mut allowed = 0;
    for relation in arcs.distinct_relations() {
        let tails = arcs.of(relation).tails;
        for &(kind, _) in automaton.types_after(state, relation) {
            let range = kg.range(kind);
            let count = tails.partition_point(|&t| t < range.end) - tails.partition_point(|&t| t < range.start);
            let loops = range.contains(&node.0) && tails.binary_search(&node.0).is_ok();
            allowed += u32::try_from(count).unwrap_or(u32::MAX) - u32::from(loops);
        }
    }
    allowed
}
