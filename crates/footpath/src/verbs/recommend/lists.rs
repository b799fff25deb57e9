//! What recommending and explaining give: lists of items and paths in the user's own strings.

use super::parts::RankedBy;
use crate::error::Result;
use crate::text::render::Rendered;
use footpath_core::NodeId;
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};

/// A path with its probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Natural logarithm of the path's probability under the model.
    pub log_probability: f64,
    /// The path.
    #[serde(flatten)]
    pub path: Rendered,
}

/// A recommended item with the path that explains it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Place in the list, from 1.
    pub rank: usize,
    /// The item's id.
    pub item: String,
    /// Its readable label.
    pub label: String,
    /// Natural logarithm of what the item is worth, by default the probability of ending there over all paths found.
    pub score: f64,
    /// Share of the best path in that probability, in (0, 1]; 0 of a model that generates no paths.
    pub confidence: f64,
    /// Number of paths found to it.
    pub num_paths: usize,
    /// What made its rank, where that is more than its paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked_by: Option<RankedBy>,
    /// The best path.
    #[serde(flatten)]
    pub best: Explanation,
    /// Further paths, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_paths: Vec<Explanation>,
}

impl Item {
    /// All its paths, best first.
    pub fn paths(&self) -> impl Iterator<Item = &Rendered> {
        std::iter::once(&self.best).chain(&self.more_paths).map(|explanation| &explanation.path)
    }
}

impl std::ops::Deref for Item {
    type Target = Rendered;

    fn deref(&self) -> &Rendered {
        &self.best.path
    }
}

/// The recommendations of one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// The user's id.
    pub user: String,
    /// What a user whom the graph does not know has chosen; empty for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<String>,
    /// At most k items, best first.
    pub items: Vec<Item>,
    /// Why there are fewer than k, if there are.
    pub reason: Option<String>,
    /// Probability of the paths that were not looked at, in [0, 1]: no item's true probability is higher than its own
    /// plus this.
    pub unexplored: f64,
    /// Whether what was not looked at cannot change which items these are, nor their order.
    pub proven: bool,
    /// Share of the probability of the k most probable items that was given up for better explanations, in [0, 1],
    /// where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<f64>,
    /// Whether items that the user has chosen already may be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allows_seen: bool,
}

/// A choice that was taken away, and where the item stands then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedChoice {
    /// Id of the item that was chosen.
    pub choice: String,
    /// What people read of it.
    pub label: String,
    /// Place of the explained item, from 1; none where the search does not find it.
    pub place: Option<usize>,
}

/// What becomes of an item without the choice that its reason begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceRemoval {
    /// Place of the item with all that the user chose, from 1; none where the search does not find it.
    pub place: Option<usize>,
    /// Without the choice asked about.
    pub without: RemovedChoice,
    /// Without another choice, drawn at random; none where there is no other.
    pub without_random: Option<RemovedChoice>,
}

/// The answer to "why this item?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The user's id.
    pub user: String,
    /// The item's id.
    pub item: String,
    /// The item's readable label.
    pub label: String,
    /// Whether the probabilities of the paths are those that rank; else they are among the paths to this item.
    #[serde(default)]
    pub is_ranked: bool,
    /// The most probable paths, best first.
    pub paths: Vec<Explanation>,
    /// Why there is none, if there is none.
    pub reason: Option<String>,
    /// What becomes of the item when a choice of the user is taken away, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<ChoiceRemoval>,
}

impl Why {
    /// The choice to take away when it is to be seen what becomes of the item: the item of this id, or where that is
    /// empty the one that the first path begins with, if there is any.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Unknown`] for an id that is no item.
    pub fn choice_to_remove(&self, id: &str, kg: &TrainKg) -> Result<Option<NodeId>> {
        if !id.is_empty() {
            return Ok(Some(kg.item(id)?));
        }
        let begins_with = self.paths.first().and_then(|path| path.path.nodes.get(1));
        Ok(begins_with.map(|node| kg.node(node)).transpose()?)
    }
}
