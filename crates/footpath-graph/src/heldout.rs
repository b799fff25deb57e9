//! Held-out interactions: what the sampler, the trainer and the decoder never see.

use crate::error::Result;
use footpath_core::{Array, ArrayFile, ArrayWriter, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The part of the log an interaction belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// In the graph.
    #[default]
    Train,
    /// For choosing a model.
    Valid,
    /// For the final figure.
    Test,
}

impl Split {
    /// Its name, as in a column `split`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }

    /// File of the held-out part inside a KG artefact, `None` for train.
    #[must_use]
    pub fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Train => None,
            Self::Valid => Some("valid.safetensors"),
            Self::Test => Some("test.safetensors"),
        }
    }
}

/// A user's choice of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interaction {
    /// Who.
    pub user: NodeId,
    /// What.
    pub item: NodeId,
    /// Rating as given; NaN where the data has none.
    pub rating: f32,
    /// Time or position as given; 0 where the data has none.
    pub time: i64,
    /// Line in the source file, from 1; with several files, its [number](crate::kg::Sources::number).
    pub line: u32,
}

/// The held-out interactions of one split, grouped by user.
#[derive(Clone, Debug)]
pub struct HeldOut {
    users: Array<u32>,
    items: Array<u32>,
    times: Array<i64>,
}

/// The held-out interactions of a graph built in memory.
impl From<&[Interaction]> for HeldOut {
    fn from(interactions: &[Interaction]) -> Self {
        let users: Vec<u32> = interactions.iter().map(|i| i.user.0).collect();
        let items: Vec<u32> = interactions.iter().map(|i| i.item.0).collect();
        let times: Vec<i64> = interactions.iter().map(|i| i.time).collect();
        Self { users: users.into(), items: items.into(), times: times.into() }
    }
}

impl HeldOut {
    /// Reads the held-out file of a KG artefact.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ArrayFile::open(path)?;
        let users = file.array::<u32>("users")?;
        let items = file.array_of::<u32>("items", users.len())?;
        let times = file.array_of::<i64>("times", users.len())?;
        Ok(Self { users, items, times })
    }

    /// The items of each user that has any, both in ascending order.
    #[must_use]
    pub fn by_user(&self) -> BTreeMap<NodeId, Vec<NodeId>> {
        let mut by_user: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (&user, &item) in self.users.iter().zip(self.items.iter()) {
            by_user.entry(NodeId(user)).or_default().push(NodeId(item));
        }
        by_user.values_mut().for_each(|items| items.sort_unstable());
        by_user
    }

    /// User, item and time of each interaction; the time is 0 where the data has none.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, NodeId, i64)> {
        let nodes = self.users.iter().zip(self.items.iter());
        nodes.zip(self.times.iter()).map(|((&user, &item), &time)| (NodeId(user), NodeId(item), time))
    }

    /// Number of interactions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// Writes interactions, which must be sorted by (user, item), as a held-out file.
///
/// # Errors
/// Whatever the writer says.
pub fn write(interactions: &[Interaction], out: &mut dyn Write) -> std::io::Result<()> {
    let users: Vec<u32> = interactions.iter().map(|i| i.user.0).collect();
    let items: Vec<u32> = interactions.iter().map(|i| i.item.0).collect();
    let ratings: Vec<f32> = interactions.iter().map(|i| i.rating).collect();
    let times: Vec<i64> = interactions.iter().map(|i| i.time).collect();
    let lines: Vec<u32> = interactions.iter().map(|i| i.line).collect();
    let arrays = ArrayWriter::default().with("users", &users).with("items", &items).with("ratings", &ratings);
    arrays.with("times", &times).with("lines", &lines).write(&mut { out })
}
