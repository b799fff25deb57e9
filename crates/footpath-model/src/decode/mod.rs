//! Generation: beam search over legal continuations, and items scored by the probability of ending there.

mod beam;

pub use beam::{Recommender, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList, WhenShort};
