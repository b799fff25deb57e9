//! The sampler against brute force and against its laws.
//!
//! - `graphs`: random and fixed graphs
//! - `oracle`: legal paths by trying everything, and the probability of each by the formula of its law
//! - `chi`: Pearson's test
//! - `kernels`: the two ways to draw on a compiled pattern draw the same
//! - `properties`: P1–P9, P21, P22 of the reliability plan on random graphs
//! - `laws`: every law and end set against its closed form; the wrong samplers that must fail
//! - `quotas`: how many paths, with and without replacement, by end, in all, in shards and in mixtures; walks
//! - `pairs`: paths between a user and one item
//! - `successors`: what may follow a beginning of a path, for generation
//! - `views`: hops found in the graph itself are those of compiled patterns
//! - `corpora`: threads, counts, hubs, planted graphs, audit

#![expect(clippy::unwrap_used, reason = "tests")]

mod chi;
mod corpora;
mod graphs;
mod kernels;
mod laws;
mod oracle;
mod pairs;
mod properties;
mod quotas;
mod successors;
mod views;
