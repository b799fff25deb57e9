//! What users did, and which of it is no target.

use serde::{Deserialize, Serialize};

/// Something that a user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Id of the user, whether the graph has them or not.
    pub user: String,
    /// Id of the item, whether the graph has it or not.
    pub item: String,
    /// Whether it counts as a choice; otherwise the item was seen and not liked, is in no later list, and is no target.
    pub is_choice: bool,
}

/// Events that are no targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The graph does not have the item.
    pub unknown_items: usize,
    /// The user had chosen or seen the item before.
    pub repeated: usize,
    /// The item was seen and not liked.
    pub not_liked: usize,
}
