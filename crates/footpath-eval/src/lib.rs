//! How good recommendations are: ranking metrics over all users, what lists and explanations are like beyond their
//! hits, calibration, baselines, significance, and an audit of leaks.
//!
//! ```
//! use footpath_eval::baselines::{Baseline, Popularity};
//! use footpath_core::Context;
//! use footpath_eval::evaluate;
//! use footpath_graph::{Dataset, HeldOut, Split, build::build};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut data = Dataset::default();
//! for (user, item) in [("ann", "Alien"), ("bob", "Alien"), ("bob", "Heat"), ("cid", "Heat"), ("ann", "Heat")] {
//!     data.interact(user, item);
//! }
//! data.interactions[4].split = Split::Test; // what Ann chose next is held out
//! let built = build(data)?;
//! let (kg, test) = (built.train_kg()?, HeldOut::from(built.test.as_slice()));
//!
//! let context = Context::default();
//! let recommendations = Popularity::new(&kg).recommend_all(10, &context)?;
//! let evaluated = evaluate(&recommendations, &test, &kg, 10, &context)?;
//! assert_eq!(evaluated.metrics.hr, 1.0, "Heat is the first thing Ann is shown");
//! # Ok(())
//! # }
//! ```
//!
//! Every average is over **all** users with something held out; a user without a list counts as zero. Ranking is over
//! all items the user has not chosen in training: there are no sampled negatives. Nothing here prints or draws unseeded
//! numbers. Whatever can take longer than a second takes a [`Context`](footpath_core::Context), tells how far it is and
//! can be stopped.

#![deny(
    clippy::indexing_slicing,
    reason = "no input may cause a panic; where an index is safe by construction, say so"
)]

pub mod baselines;
pub mod beyond;
pub mod calibration;
pub mod counterfactual;
pub mod error;
pub mod evaluate;
pub mod explanations;
pub mod faithful;
pub mod groups;
pub mod leaks;
pub mod metrics;
pub mod preference;
pub mod read;
pub mod recommendations;
pub mod significance;

pub use beyond::{Beyond, beyond};
pub use calibration::{Calibration, calibration, path_entropy};
pub use counterfactual::{Fidelity, fidelity};
pub use error::{Error, Result};
pub use evaluate::{Evaluated, Metrics, UserMetrics, evaluate, evaluate_knowing};
pub use explanations::{Explained, PathMetric, PathMetrics, compare_paths, explanations};
pub use faithful::{Faithfulness, faithful};
pub use leaks::{Chance, Leak, chance};
pub use metrics::Metric;
pub use preference::{Dislikes, Preference, preference};
pub use read::{BadRows, Excluded, ListsBuilder};
pub use recommendations::{Recommendation, Recommendations};
pub use significance::{Comparison, Resampling, compare, intervals};
