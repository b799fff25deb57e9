//! The bundled films: the artefacts made from them, and the raw files read without the program.

use super::{args, shared, succeed};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder of the films.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/films")
}

/// Paths of artefacts made from the films; tests read them and change copies.
pub(crate) struct Films {
    pub(crate) kg: PathBuf,
    pub(crate) corpus: PathBuf,
    pub(crate) model: PathBuf,
}

/// The films imported, sampled, and learned a little.
pub(crate) fn films() -> Films {
    let made = shared("films", |directory| {
        let [kg, corpus, model] = ["kg", "corpus", "model"].map(|name| directory.join(name));
        succeed(&args!["import", folder(), "--out", &kg]);
        succeed(&args!["sample", &kg, "--out", &corpus, "--hops", "3", "--paths-per-user", "20"]);
        let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "20"].map(Into::into);
        succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size].concat());
    });
    let [kg, corpus, model] = ["kg", "corpus", "model"].map(|name| made.join(name));
    Films { kg, corpus, model }
}

/// The rows of a file with their fields; row `n` is line `n + 2`.
pub(crate) fn rows(file: &str) -> Vec<Vec<String>> {
    let path = folder().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Who chose what.
pub(crate) type Choices = BTreeSet<(String, String)>;

/// The films as the raw files have them.
pub(crate) struct Truth {
    /// Lines of `interactions.tsv`: user and item.
    pub(crate) interactions: Vec<(String, String)>,
    /// Lines of `triples.tsv`: head, relation, tail.
    pub(crate) triples: Vec<(String, String, String)>,
    /// The entity of each item.
    pub(crate) entities: BTreeMap<String, String>,
    /// Choices that are in the graph: the first eight tenths of each user by time.
    pub(crate) train: Choices,
    /// All other choices.
    pub(crate) held_out: Choices,
}

impl Truth {
    pub(crate) fn read() -> Self {
        let triple = |row: Vec<String>| (row[0].clone(), row[1].clone(), row[2].clone());
        let log = rows("interactions.tsv");
        let mut by_user: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
        for row in &log {
            by_user.entry(&row[0]).or_default().push((row[2].parse().expect("a time"), &row[1]));
        }
        let (mut train, mut held_out) = (Choices::new(), Choices::new());
        for (user, mut choices) in by_user {
            choices.sort_unstable();
            let num_train = choices.len() * 8 / 10;
            for (place, (_, item)) in choices.into_iter().enumerate() {
                let part = if place < num_train { &mut train } else { &mut held_out };
                part.insert((user.to_owned(), item.to_owned()));
            }
        }
        Self {
            interactions: log.iter().map(|row| (row[0].clone(), row[1].clone())).collect(),
            triples: rows("triples.tsv").into_iter().map(triple).collect(),
            entities: rows("items.tsv").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect(),
            train,
            held_out,
        }
    }

    /// The name a node has in `triples.tsv`; none for a user.
    pub(crate) fn entity(&self, node: &str) -> Option<String> {
        match node.split_once(':') {
            Some(("item", id)) => self.entities.get(id).cloned(),
            Some(("entity", id)) => Some(id.to_owned()),
            _ => None,
        }
    }

    /// All facts of the graph, both choices and triples, as (head, relation, tail) in the form of paths.
    pub(crate) fn facts(&self) -> BTreeSet<(String, String, String)> {
        let items: BTreeMap<&str, &str> =
            self.entities.iter().map(|(item, entity)| (entity.as_str(), item.as_str())).collect();
        let node = |entity: &str| match items.get(entity) {
            Some(item) => format!("item:{item}"),
            None => format!("entity:{entity}"),
        };
        let triples = self.triples.iter().map(|(head, relation, tail)| (node(head), relation.clone(), node(tail)));
        let choice =
            |(user, item): &(String, String)| (format!("user:{user}"), "interacted".to_owned(), format!("item:{item}"));
        triples.chain(self.train.iter().map(choice)).collect()
    }
}

/// A hop in the direction of its fact.
pub(crate) fn forward(head: &str, relation: &str, tail: &str) -> (String, String, String) {
    let (head, relation, tail) = match relation.strip_prefix('~') {
        Some(plain) => (tail, plain, head),
        None => (head, relation, tail),
    };
    (head.to_owned(), relation.to_owned(), tail.to_owned())
}
