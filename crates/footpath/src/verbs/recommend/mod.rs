//! `recommend` and `explain`: items for users, each with the path that leads there.

mod candidates;
mod lists;
mod new_users;
mod options;
mod parts;
mod rank;
mod request;
mod rerank;
mod users;
mod without;

pub use candidates::{Items, read_items};
pub use lists::{ChoiceRemoval, Explanation, Item, List, RemovedChoice, Why};
pub use new_users::{MAX_NEW_USERS, NewUser, read as read_new_users};
pub use options::{Options, USERS_TOGETHER};
pub use parts::{Parts, RankedBy, Similar};
pub use request::Request;
pub(crate) use rerank::Reranker;
pub use rerank::Weights;
pub use users::{MAX_USERS, read_users, users_of_shard};

pub use footpath_model::decode::{MAX_K, Mode, Rules, Sampling, Score};
