//! Held-out interactions: what the sampler, the trainer and the decoder never see.

use crate::error::Result;
use footpath_core::{Array, ArrayFile, ArrayWriter, NodeId, RelationId, Triple};
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

impl Split {
    /// File of the held-out facts of a part inside a KG artefact, `None` for train. A graph of which no fact is held
    /// out has no such files.
    #[must_use]
    pub fn facts_file_name(self) -> Option<&'static str> {
        match self {
            Self::Train => None,
            Self::Valid => Some("valid_facts.safetensors"),
            Self::Test => Some("test_facts.safetensors"),
        }
    }
}

/// A fact that is held out of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldOutFact {
    /// What is held out.
    pub triple: Triple,
    /// Line in the source file, from 1; with several files, its [number](crate::kg::Sources::number).
    pub line: u32,
}

/// The held-out facts of one part, sorted by head, relation and tail.
#[derive(Clone, Debug, Default)]
pub struct HeldOutFacts(Vec<HeldOutFact>);

impl HeldOutFacts {
    /// Reads the file of held-out facts of a KG artefact.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ArrayFile::open(path)?;
        let heads = file.array::<u32>("heads")?;
        let relations = file.array_of::<u16>("relations", heads.len())?;
        let tails = file.array_of::<u32>("tails", heads.len())?;
        let lines = file.array_of::<u32>("lines", heads.len())?;
        let ends = heads.iter().zip(tails.iter());
        let of = |(((&head, &tail), &relation), &line): (((&u32, &u32), &u16), &u32)| {
            let triple = Triple { head: NodeId(head), relation: RelationId(relation), tail: NodeId(tail) };
            HeldOutFact { triple, line }
        };
        Ok(Self(ends.zip(relations.iter()).zip(lines.iter()).map(of).collect()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &HeldOutFact> {
        self.0.iter()
    }

    /// Number of facts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The held-out facts of a graph built in memory.
impl From<&[HeldOutFact]> for HeldOutFacts {
    fn from(facts: &[HeldOutFact]) -> Self {
        Self(facts.to_vec())
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
    ratings: Array<f32>,
    lines: Array<u32>,
}

/// The held-out interactions of a graph built in memory.
impl From<&[Interaction]> for HeldOut {
    fn from(interactions: &[Interaction]) -> Self {
        let users: Vec<u32> = interactions.iter().map(|i| i.user.0).collect();
        let items: Vec<u32> = interactions.iter().map(|i| i.item.0).collect();
        let times: Vec<i64> = interactions.iter().map(|i| i.time).collect();
        let ratings: Vec<f32> = interactions.iter().map(|i| i.rating).collect();
        let lines: Vec<u32> = interactions.iter().map(|i| i.line).collect();
        let (users, items, lines) = (users.into(), items.into(), lines.into());
        Self { users, items, times: times.into(), ratings: ratings.into(), lines }
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
        let ratings = file.array_of::<f32>("ratings", users.len())?;
        let lines = file.array_of::<u32>("lines", users.len())?;
        Ok(Self { users, items, times, ratings, lines })
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

    /// The rating of the interaction with this number; NaN where the data has none.
    #[must_use]
    pub fn rating(&self, number: usize) -> f32 {
        self.ratings.get(number).copied().unwrap_or(f32::NAN)
    }

    /// The number of file and line of the interaction with this number; 0 where it is not known.
    pub(crate) fn line(&self, number: usize) -> u32 {
        self.lines.get(number).copied().unwrap_or(0)
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

/// Writes facts, which must be sorted, as a file of held-out facts.
///
/// # Errors
/// Whatever the writer says.
pub fn write_facts(facts: &[HeldOutFact], out: &mut dyn Write) -> std::io::Result<()> {
    let heads: Vec<u32> = facts.iter().map(|fact| fact.triple.head.0).collect();
    let relations: Vec<u16> = facts.iter().map(|fact| fact.triple.relation.0).collect();
    let tails: Vec<u32> = facts.iter().map(|fact| fact.triple.tail.0).collect();
    let lines: Vec<u32> = facts.iter().map(|fact| fact.line).collect();
    let arrays = ArrayWriter::default().with("heads", &heads).with("relations", &relations);
    arrays.with("tails", &tails).with("lines", &lines).write(&mut { out })
}
