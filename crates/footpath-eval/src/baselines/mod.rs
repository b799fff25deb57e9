//! Rankers without a learnt model, to be run beside every model: a figure means little without them.
//!
//! All learn from the train graph alone, recommend no item of the user's train set, and break ties by item id.

mod baseline;
mod bpr;
#[cfg(test)]
mod contract;
mod dense;
mod ease;
mod edlae;
mod ials;
mod item_knn;
pub mod linear;
mod metapath;
mod name;
mod page_rank;
mod path_count;
mod popularity;
mod random;
mod rp3beta;
mod scores;
mod slim;
mod solve;
mod standard;
#[cfg(test)]
mod testing;
pub mod tune;
mod user_knn;

pub use baseline::{Baseline, best};
pub use bpr::{BprConfig, BprMf};
pub use ease::{Ease, MAX_EASE_ROWS};
pub use edlae::Edlae;
pub use ials::{Ials, IalsConfig};
pub use item_knn::ItemKnn;
pub use linear::{LinearModel, LinearSettings, Order, Together};
pub use metapath::{MetapathConfig, MetapathLogistic};
pub use name::BaselineName;
pub use page_rank::PageRank;
pub use path_count::PathCount;
pub use popularity::Popularity;
pub use random::Random;
pub use rp3beta::Rp3Beta;
pub use slim::{Cooccurrences, MAX_SLIM_PAIRS, Slim};
pub use standard::standard;
pub use tune::{Trial, Tuned, tune};
pub use user_knn::UserKnn;
