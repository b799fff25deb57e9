//! How to import.

use super::problems::MaxBad;
use crate::dataset::MAX_NODES;
use crate::error::{Error, Result};
use crate::split::SplitSpec;
use serde::{Deserialize, Serialize};

/// Layout of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Native if the folder has `interactions` or `triples`, else RecBole if it has `.inter` or `.kg`.
    #[default]
    Auto,
    /// A dataset folder.
    Native,
    /// RecBole atomic files.
    RecBole,
    /// Records handed to a [`DatasetBuilder`](super::DatasetBuilder); no layout of a folder.
    Memory,
}

/// How to import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Layout of the input.
    pub format: Format,
    /// Interactions rated lower are dropped before the split, and so are users who have no others.
    pub min_rating: Option<f32>,
    /// Whether the arc of an interaction weighs as much as its rating says; a rating outside
    /// [`EDGE_WEIGHTS`](crate::kg::EDGE_WEIGHTS) is then bad, unless it is too low to be kept. Otherwise interactions
    /// weigh 1, as facts without a weight do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rating_weights: bool,
    /// How to cut the log into train, valid and test.
    pub split: SplitSpec,
    /// Skip bad records up to this share of all records; `None` is strict.
    pub lenient: Option<MaxBad>,
    /// Most bytes read from all files together, after unpacking.
    pub max_bytes: u64,
    /// Most nodes, the entities of linked items counted on their own. Lower it to refuse a larger data set than planned
    /// for.
    pub max_nodes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            min_rating: None,
            rating_weights: false,
            split: SplitSpec::default(),
            lenient: None,
            // Far over any public data set, and still bounded.
            max_bytes: 1 << 40,
            max_nodes: MAX_NODES,
        }
    }
}

impl Options {
    /// Refuses what makes no sense with any data.
    pub(super) fn check(&self) -> Result<()> {
        match self.min_rating {
            Some(min) if !min.is_finite() => {
                Err(Error::Usage { option: "min-rating", reason: format!("{min} is not a finite number") })
            }
            _ => Ok(()),
        }
    }
}
