//! Drawing paths by exact laws.
//!
//! For user `u`, a pattern and an end set, the *legal* paths are the paths that the pattern accepts, that end in the
//! set, and on which no node comes twice (unless [`SampleSpec::simple`] is off; a fact whose head is its tail is never
//! a hop). Write `v₀ = u, v₁, …, v_L` for the nodes of a path, `r_i` for the relation of the hop to `v_i`, `d(v)` for
//! the number of arcs of `v` in the train graph, `n(v)` for the number of train interactions of an item, `α` for the
//! damping, `β` for the end damping, `λ(r)` for the weight of a relation, one unless given, and `ω_i` for the weight of
//! the arc of the hop to `v_i`, one unless [`SampleSpec::edge_weights`] is on. Every law gives each legal path a weight
//!
//! ```text
//! w(path) = Π_{1 ≤ i ≤ L} λ(r_i)·ω_i · Π_{1 < i < L} d(v_i)^−α                          for UniformPath and UniformEnd
//! w(path) = Π_{1 ≤ i ≤ L} λ(r_i)·ω_i · Π_{1 < i < L} d(v_i)^−α · Π_{1 ≤ i < L} 1 / a(v_i)  for Walk
//! ```
//!
//! where `a(v_i)` is the sum of `λ·ω` over the arcs of `v_i` that the pattern allows there, and with `g(v) = max(n(v),
//! 1)^−β`
//!
//! ```text
//! UniformPath, Walk   P(path) = w(path) · g(v_L) / Σ_{legal paths} w · g
//! UniformEnd          P(path) = g(v_L) / Σ_{ends with a legal path} g · w(path) / Σ_{legal paths to the same end} w
//! ```
//!
//! Draw `k` of user `u` is a function of (seed, u, k) and of nothing else.
//!
//! Patterns read by `Pattern::parse_walk` need not start at users; then every inner node is damped, and `u` is any
//! start.
//!
//! Where the end set is (nearly) the same for all users, the pattern is compiled for the graph once and many walkers
//! run on it at a time, or they run on the graph itself where few are to run; otherwise each user's surroundings are
//! counted. Modules, each of which knows none that comes after it:
//!
//! ```text
//! law         what is drawn; all that tells one law from another      factors     the same for one graph, in numbers
//! starts      nodes that paths start at                               path_law    law, graph and pattern together
//! weight      counts or floating point                                quota       how many paths, and for whom
//!
//! one user    dag, weights → table                                    walks of a user, weighed
//!             enumerate                                               walks of a user, one by one
//! all users   alias, layers, back → compile                           a pattern for a graph, ready to be drawn
//!             kernel                                                  many walkers at a time: the hot loop
//!             sought, views                                           walkers on the graph itself, and when
//!             shared                                                  one of the above, by the law
//!
//! sampler → tables → count, pair                                      one pattern: draws, counts, paths to an item
//! mix → draw, distinct → corpus → sampling                            several patterns: rows, corpora, manifests
//! ```

mod alias;
mod back;
mod compile;
mod corpus;
mod count;
mod dag;
mod distinct;
mod draw;
mod enumerate;
mod factors;
mod kernel;
mod law;
mod layers;
mod mix;
mod pair;
mod path_law;
mod quota;
mod rows;
mod sampler;
mod sampling;
mod shared;
mod sought;
mod starts;
mod table;
mod tables;
mod views;
mod walks_in_all;
mod weight;
mod weights;

pub use corpus::{Amount, CorpusSampler, Users, sample_corpus};
pub use count::{Count, CountSummary, count_paths, path_counts};
pub use dag::Scratch;
pub use enumerate::Enumeration;
pub use law::{EndSet, Law, MAX_DAMPING, SampleSpec};
pub use mix::{MixtureSampler, MixtureTables};
pub use pair::PairTables;
pub use quota::{Quota, Replacement, Shard};
pub use rows::SampleSummary;
pub use sampler::Sampler;
pub use sampling::{Numbers, PathOrigin, SampledPart, Sampling, UserRange};
pub use tables::UserTables;
pub use views::Views;
