//! Paths for people and for machines.

use crate::error::{Error, Result};
use crate::recommend::NewUser;
use footpath_core::{NodeId, Path, RelationId, Triple, TypeId};
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A fact of a path, down to the line of the file it was imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Head, as `user:ID`, `item:ID` or `entity:ID`.
    pub head: String,
    /// Relation, as imported (never the inverse).
    pub relation: String,
    /// Tail, written as the head.
    pub tail: String,
    /// Source file.
    pub file: String,
    /// Line in it, from 1; 0 where unknown.
    pub line: u32,
}

/// A path in all its forms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// Nodes, as `user:ID`, `item:ID` or `entity:ID`.
    pub nodes: Vec<String>,
    /// Their readable labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Relations by name, an inverse with a leading `~`.
    pub relations: Vec<String>,
    /// The path as a sentence.
    pub text: String,
    /// The facts behind it.
    pub triples: Vec<Evidence>,
}

/// How relations are read aloud: the words of the graph, unless others are given.
///
/// ```toml
/// [readings]
/// directed_by = { forward = "is a film by", inverse = "made" }
/// has_genre = { forward = "{head}, like other {tail} films," }
/// ```
///
/// A reading stands between head and tail, unless it names them as `{head}` and `{tail}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    own: BTreeMap<RelationId, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingsFile {
    readings: BTreeMap<String, ReadingOf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingOf {
    forward: Option<String>,
    inverse: Option<String>,
}

impl Readings {
    /// Longest reading, in bytes.
    const MAX_BYTES: usize = 4096;

    /// Longest file, in bytes.
    const MAX_FILE_BYTES: usize = 4 << 20;

    /// Reads them from a TOML file.
    ///
    /// # Errors
    /// As [`Readings::parse`]; [`Error::BadFile`] for one that is over 4 MiB or no UTF-8.
    pub fn read(file: &std::path::Path, kg: &TrainKg) -> Result<Self> {
        Self::parse(&super::lines::whole(file, Self::MAX_FILE_BYTES)?, file, kg)
    }

    /// Reads them from TOML.
    ///
    /// # Errors
    /// [`Error::BadFile`] for what is no such table, names no relation of the graph, or is too long.
    pub fn parse(text: &str, file: &std::path::Path, kg: &TrainKg) -> Result<Self> {
        let bad = |reason: String| Error::BadFile { path: file.to_owned(), reason };
        let table: ReadingsFile = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        let mut own = BTreeMap::new();
        for (name, reading) in table.readings {
            let Some(relation) = kg.relation(&name).filter(|r| !r.is_inverse()) else {
                let known: Vec<&str> = kg.schema().relations.iter().map(|r| r.name.as_str()).collect();
                return Err(bad(format!("the graph has no relation `{name}`; it has {}", known.join(", "))));
            };
            for (relation, words) in [(relation, reading.forward), (relation.inverse(), reading.inverse)] {
                let Some(words) = words else { continue };
                if words.len() > Self::MAX_BYTES || words.contains(|c: char| c.is_control()) {
                    return Err(bad(format!("the reading of `{name}` is over 4 KiB or holds control characters")));
                }
                own.insert(relation, words);
            }
        }
        Ok(Self { own })
    }

    fn has(&self, kg: &TrainKg, relation: RelationId) -> bool {
        self.own.contains_key(&relation) || kg.has_own_reading(relation)
    }

    fn of<'a>(&'a self, kg: &'a TrainKg, relation: RelationId) -> &'a str {
        self.own.get(&relation).map_or_else(|| kg.reading(relation), String::as_str)
    }
}

/// Puts paths of a graph, and of new users in it, into words.
#[derive(Clone, Copy, Debug)]
pub struct Narrator<'a> {
    kg: &'a TrainKg,
    readings: &'a Readings,
    new_users: &'a [NewUser],
    updated: Option<&'a BTreeMap<NodeId, NewUser>>,
}

impl<'a> Narrator<'a> {
    /// A narrator; new users go by the node ids after the last of the graph.
    #[must_use]
    pub fn new(kg: &'a TrainKg, readings: &'a Readings, new_users: &'a [NewUser]) -> Self {
        Self { kg, readings, new_users, updated: None }
    }

    /// A narrator who knows what users of the graph have chosen since.
    #[must_use]
    pub fn with_updated(self, updated: &'a BTreeMap<NodeId, NewUser>) -> Self {
        Self { updated: Some(updated), ..self }
    }

    /// A path in all its forms.
    #[must_use]
    pub fn render(&self, path: &Path) -> Rendered {
        Rendered {
            nodes: path.nodes.iter().map(|&n| self.node_name(n)).collect(),
            labels: path
                .nodes
                .iter()
                .map(|&n| self.new_user(n).map_or_else(|| self.kg.title(n).into_owned(), |g| g.id.clone()))
                .collect(),
            relations: path.relations.iter().map(|&r| self.kg.relation_name(r)).collect(),
            text: self.sentence(path),
            triples: path.triples().map(|t| self.evidence(t)).collect(),
        }
    }

    /// The path read aloud: `user 7 chose Alien; Alien was directed by Ridley Scott; Ridley Scott directed Blade
    /// Runner`.
    #[must_use]
    pub fn sentence(&self, path: &Path) -> String {
        path.triples().map(|t| self.clause(t)).collect::<Vec<_>>().join("; ")
    }

    /// The id of a user, known or new.
    #[must_use]
    pub fn user_id(&self, user: NodeId) -> &str {
        self.new_user(user).map_or_else(|| self.kg.id(user), |user| &user.id)
    }

    fn new_user(&self, node: NodeId) -> Option<&'a NewUser> {
        node.index().checked_sub(self.kg.num_nodes()).and_then(|index| self.new_users.get(index))
    }

    fn node_name(&self, node: NodeId) -> String {
        self.new_user(node).map_or_else(|| self.kg.node_name(node), |user| format!("user:{}", user.id))
    }

    fn clause(&self, triple: Triple) -> String {
        // A fact without words for its inverse is told in its own direction.
        let triple = if self.readings.has(self.kg, triple.relation) { triple } else { triple.stated() };
        let (head, tail) = (self.spoken(triple.head), self.spoken(triple.tail));
        let reading = self.readings.of(self.kg, triple.relation);
        let between = || [&*head, " ", reading, " ", &*tail].concat();
        if !reading.contains('{') {
            return between();
        }
        // One pass, so that a label that looks like a placeholder stays what it is.
        let mut text = String::new();
        let mut rest = reading;
        let mut named = false;
        while let Some((at, name, label)) = [("{head}", &head), ("{tail}", &tail)]
            .into_iter()
            .filter_map(|(name, label)| Some((rest.find(name)?, name, label)))
            .min_by_key(|found| found.0)
        {
            named = true;
            text.push_str(rest.get(..at).unwrap_or_default());
            text.push_str(label);
            rest = rest.get(at + name.len()..).unwrap_or_default();
        }
        text.push_str(rest);
        if named { text } else { between() }
    }

    /// A node as one says it: users are often bare numbers, which would not read as somebody.
    fn spoken(&self, node: NodeId) -> Cow<'_, str> {
        if self.new_user(node).is_some() {
            return Cow::Borrowed("you");
        }
        let label = self.kg.title(node);
        let somebody = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("user"));
        match self.kg.type_of(node) {
            TypeId::USER if !somebody => Cow::Owned(format!("user {label}")),
            _ => label,
        }
    }

    fn evidence(&self, triple: Triple) -> Evidence {
        // State the fact as it was imported, whichever way the path walks it.
        let fact = triple.stated();
        let told_by = |user: &'a NewUser| (user.file.as_str(), user.line_of(fact.tail));
        let (file, line) = match self.new_user(fact.head) {
            Some(user) => told_by(user),
            None => self.kg.source(fact).or_else(|| self.updated?.get(&fact.head).map(told_by)).unwrap_or(("", 0)),
        };
        Evidence {
            head: self.node_name(fact.head),
            relation: self.kg.relation_name(fact.relation),
            tail: self.node_name(fact.tail),
            file: file.to_owned(),
            line,
        }
    }
}
