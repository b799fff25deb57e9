//! Made-up graphs of any size, as skewed as real ones: degrees and popularity fall as power laws.
//!
//! Every number is a function of the seed and of its place, by means of the counter-based generator and of operations
//! that IEEE 754 defines to the last bit. So the same shape gives the same bytes on any machine.
//!
//! ```text
//! footpath-bench generate DIR --edges 10000000 [--form ntriples] [--users N] [--items N] [--entities N] [--seed N]
//! footpath-bench generate DIR --preset walks [--seed N]
//! ```

mod command;
mod csr;
mod facts;
mod folder;
mod kg;
mod ntriples;
mod skew;

pub(crate) use command::run;
pub(crate) use csr::{pareto_csr, rmat};
pub(crate) use facts::Shape;
pub(crate) use folder::write_folder;
pub(crate) use kg::{power_law_kg, walks_kg};
pub(crate) use ntriples::write_ntriples;
