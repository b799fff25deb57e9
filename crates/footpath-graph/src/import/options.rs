//! How to import.

use super::columns::Columns;
use super::mapping::Mapping;
use super::problems::MaxBad;
use super::spelling::Spelling;
use crate::dataset::MAX_NODES;
use crate::error::{Error, Result};
use crate::split::{MIN_INTERACTIONS, SplitSpec};
use serde::{Deserialize, Serialize};

/// Layout of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The first of the others of which the input has the files.
    #[default]
    Auto,
    /// A dataset folder.
    Native,
    /// RecBole atomic files, and hopwise's.
    RecBole,
    /// Numbers without headers: KGAT, KGIN, KGCN.
    Kgat,
    /// A folder `preprocessed` of PEARLM or KGGLM.
    Pearlm,
    /// A file for each relation, where the number of a line counts: PGPR, CAFE.
    Pgpr,
    /// Numbers with counts, head before tail before relation: OpenKE.
    OpenKe,
    /// Head, relation and tail without a header: PyKEEN.
    PyKeen,
    /// The tables of a dataset folder as Parquet files.
    Parquet,
    /// The same as files of Arrow's IPC.
    Arrow,
    /// RDF in any of its formats.
    Rdf,
    /// A property graph as Neo4j's tools write it.
    Neo4j,
    /// Records handed to a [`DatasetBuilder`](super::DatasetBuilder); no layout of a folder.
    Memory,
}

impl Format {
    /// As the command line writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::RecBole => "recbole",
            Self::Kgat => "kgat",
            Self::Pearlm => "pearlm",
            Self::Pgpr => "pgpr",
            Self::OpenKe => "openke",
            Self::PyKeen => "pykeen",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Rdf => "rdf",
            Self::Neo4j => "neo4j",
            Self::Memory => "memory",
        }
    }
}

/// Which of several different ratings of an item by one user counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RatedAgain {
    /// The latest; without times, that in the last line.
    #[default]
    Last,
    /// The earliest.
    First,
    /// The highest.
    Max,
    /// None: such data is bad.
    Refuse,
}

/// How many interactions users and items must have to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinInteractions {
    /// Of a user.
    pub user: u32,
    /// Of an item.
    pub item: u32,
}

fn min_history() -> usize {
    MIN_INTERACTIONS
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
    /// Which of several ratings of an item by a user counts; this is decided before low ratings are dropped.
    #[serde(default)]
    pub rated_again: RatedAgain,
    /// Users and items with fewer interactions are dropped, again and again until none has.
    #[serde(default)]
    pub min_interactions: MinInteractions,
    /// Interactions before this time are dropped, written as the log writes times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Interactions at this time or later are dropped, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How to cut the log into train, valid and test.
    pub split: SplitSpec,
    /// Users with fewer interactions stay in train when the split is by shares of each user's log.
    #[serde(default = "min_history")]
    pub min_history: usize,
    /// What the files call their columns.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub columns: Columns,
    /// Columns of the items' own table that are attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// Ways of spelling that make no difference between two ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_ids: Vec<Spelling>,
    /// An item without a link is one node with the entity of the same id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub join_by_id: bool,
    /// A user without a link is one node with the entity of the same id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub join_users_by_id: bool,
    /// Records with an id that means none, such as `nan` or `NULL`, are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_missing: bool,
    /// Of two relations that state the same facts in both directions one is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge_inverses: bool,
    /// What is what in a graph that says nothing of items and users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Box<Mapping>>,
    /// Refuse data of which something serious was found: figures or reasons would not mean what they seem to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
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
            rated_again: RatedAgain::default(),
            min_interactions: MinInteractions::default(),
            since: None,
            until: None,
            split: SplitSpec::default(),
            min_history: MIN_INTERACTIONS,
            columns: Columns::default(),
            attributes: Vec::new(),
            same_ids: Vec::new(),
            join_by_id: false,
            join_users_by_id: false,
            skip_missing: false,
            merge_inverses: false,
            mapping: None,
            strict: false,
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
