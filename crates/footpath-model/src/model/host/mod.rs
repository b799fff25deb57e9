//! The trunk on the CPU, forward and backward, by hand.
//!
//! It is the same function as [`Trunk::forward`] with the same gradients (`tests/model/host.rs` compares them for every architecture), in a
//! third of the time: a backend goes over the whole batch once for each operation and makes a tensor of each result; here a few rows go through
//! all layers while they are in the cache, and what lies between two matrix products is one pass.
//!
//! | file | what |
//! |---|---|
//! | `weights` | the arrays, by the names that [`Trunk`] gives them |
//! | `norm`, `attention`, `feed_forward` | layers, each with its derivative |
//! | `pass` | whole batches: forward, and backward with the sum over all rows |
//! | `step` | one more token for each row, with the keys and values of those before |

mod attention;
mod feed_forward;
mod norm;
mod pass;
mod step;
mod weights;

pub(super) use pass::Pass;
pub(super) use step::Cache;
pub(super) use weights::Host;
