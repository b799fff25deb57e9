//! `patterns`: which kinds of paths, which relations and how popular items a file of recommendations is made of.

use crate::error::Result;
use crate::recommend::List;
use crate::text::formats;
use footpath_core::Context;
use footpath_graph::TrainKg;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What lists of recommendations are made of. *Mass* is the share of a user's probability, over all paths shown,
/// averaged over users.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Users with at least one path.
    pub users: u64,
    /// Paths, further ones included.
    pub paths: u64,
    /// Kinds of paths (metapaths), by falling mass.
    pub patterns: Vec<Part>,
    /// Relations, by falling mass of the paths that use them; these do not sum to 1.
    pub relations: Vec<Part>,
    /// Popularity, where a graph was given.
    pub popularity: Option<Popularity>,
}

/// A kind of path, or a relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its mass, in [0, 1].
    pub mass: f64,
    /// Number of paths.
    pub paths: u64,
    /// Users with such a path.
    pub users: u64,
    /// Mean train interactions of the items these paths end in, where a graph was given.
    pub popularity: Option<f64>,
}

/// How popular recommended items are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Popularity {
    /// Mean train interactions of recommended items.
    pub recommended: f64,
    /// Mean train interactions of an item chosen in train, each choice counted.
    pub chosen: f64,
    /// Mean train interactions of an item of the graph.
    pub catalogue: f64,
    /// Different items recommended.
    pub distinct: u64,
}

/// Sums of one part.
#[derive(Default)]
struct Sums {
    mass: f64,
    paths: u64,
    users: u64,
    popularity: f64,
    last_user: Option<u64>,
}

/// Describes the lists of the file at `recommendations`, as JSON lines; a graph adds popularity.
///
/// # Errors
/// A file that cannot be read, [`footpath_core::Error::Stopped`].
pub fn run(recommendations: &Path, kg: Option<&TrainKg>, context: &Context) -> Result<Report> {
    let mut tally = Tally { kg, ..Tally::default() };
    let stage = context.stage("reading", None, "lists");
    formats::read_json(recommendations, |_, list| {
        tally.add(&list);
        Ok(stage.advance(1)?)
    })?;
    Ok(tally.finish())
}

/// As [`run`], for each list alone, in the order of the file; `take` is given the user.
///
/// # Errors
/// A file that cannot be read, [`footpath_core::Error::Stopped`], and what `take` says.
pub fn per_user(
    recommendations: &Path,
    kg: Option<&TrainKg>,
    context: &Context,
    mut take: impl FnMut(&str, Report) -> Result<()>,
) -> Result<()> {
    formats::read_json(recommendations, |_, list| {
        context.check()?;
        take(&list.user, of_user(&list, kg))
    })
}

fn of_user(list: &List, kg: Option<&TrainKg>) -> Report {
    let mut tally = Tally { kg, ..Tally::default() };
    tally.add(list);
    // What is chosen and what the catalogue holds is the same for all users, and looks at every item.
    Report { popularity: None, ..Tally { kg: None, ..tally }.finish_with(kg.is_some()) }
}

#[derive(Default)]
struct Tally<'a> {
    kg: Option<&'a TrainKg>,
    users: u64,
    paths: u64,
    patterns: BTreeMap<String, Sums>,
    relations: BTreeMap<String, Sums>,
    recommended: BTreeMap<String, u64>,
}

impl Tally<'_> {
    fn add(&mut self, list: &List) {
        let all = || {
            list.items
                .iter()
                .flat_map(|item| std::iter::once(&item.best).chain(&item.more_paths).map(move |p| (item, p)))
        };
        let best = all().map(|(_, p)| p.log_probability).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = all().map(|(_, p)| (p.log_probability - best).exp()).sum();
        if all().next().is_none() {
            return;
        }
        for item in &list.items {
            *self.recommended.entry(item.item.clone()).or_default() += 1;
        }
        for (item, path) in all() {
            let share = (path.log_probability - best).exp() / total;
            let popularity = self.popularity(&item.item);
            self.paths += 1;
            let user = self.users;
            self.patterns
                .entry(metapath(&path.path.nodes, &path.path.relations))
                .or_default()
                .add(user, share, popularity);
            let mut relations: Vec<&String> = path.path.relations.iter().collect();
            relations.sort_unstable();
            relations.dedup();
            for relation in relations {
                self.relations.entry(relation.clone()).or_default().add(user, share, popularity);
            }
        }
        self.users += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of interactions")]
    fn popularity(&self, item: &str) -> f64 {
        self.kg.and_then(|kg| Some(kg.popularity(kg.item(item).ok()?) as f64)).unwrap_or_default()
    }

    fn finish(self) -> Report {
        let has_graph = self.kg.is_some();
        self.finish_with(has_graph)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
    fn finish_with(self, has_graph: bool) -> Report {
        let users = self.users.max(1) as f64;
        let parts = |sums: BTreeMap<String, Sums>| {
            let part = |(name, sums): (String, Sums)| Part {
                name,
                mass: sums.mass / users,
                paths: sums.paths,
                users: sums.users,
                popularity: has_graph.then(|| sums.popularity / sums.paths.max(1) as f64),
            };
            let mut parts: Vec<Part> = sums.into_iter().map(part).collect();
            parts.sort_by(|a, b| b.mass.total_cmp(&a.mass).then_with(|| a.name.cmp(&b.name)));
            parts
        };
        let popularity = self.kg.map(|kg| {
            let each = |item: u32| kg.popularity(footpath_core::NodeId(item)) as f64;
            let (sum, squares) = kg.items().fold((0.0, 0.0), |(s, q), item| (s + each(item), q + each(item).powi(2)));
            let shown: u64 = self.recommended.values().sum();
            let of_shown: f64 =
                self.recommended.iter().map(|(item, &times)| self.popularity(item) * times as f64).sum();
            Popularity {
                recommended: of_shown / shown.max(1) as f64,
                chosen: if sum > 0.0 { squares / sum } else { 0.0 },
                catalogue: sum / kg.items().len().max(1) as f64,
                distinct: self.recommended.len() as u64,
            }
        });
        Report {
            users: self.users,
            paths: self.paths,
            patterns: parts(self.patterns),
            relations: parts(self.relations),
            popularity,
        }
    }
}

impl Sums {
    fn add(&mut self, user: u64, mass: f64, popularity: f64) {
        self.mass += mass;
        self.paths += 1;
        self.popularity += popularity;
        if self.last_user != Some(user) {
            self.users += 1;
            self.last_user = Some(user);
        }
    }
}

/// The kind of a path: `(:user)-[:interacted]->(:item)-[:starring]->(:entity)<-[:starring]-(:item)`.
fn metapath(nodes: &[String], relations: &[String]) -> String {
    let kind = |name: &String| format!("(:{})", name.split(':').next().unwrap_or_default());
    let mut text = nodes.first().map(kind).unwrap_or_default();
    for (relation, node) in relations.iter().zip(nodes.iter().skip(1)) {
        let hop = match relation.strip_prefix('~') {
            Some(stated) => format!("<-[:{stated}]-"),
            None => format!("-[:{relation}]->"),
        };
        text.push_str(&hop);
        text.push_str(&kind(node));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::{Explanation, Item};
    use crate::text::render::Rendered;

    fn path(log_probability: f64, relation: &str) -> Explanation {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let relations = words(&["interacted", relation, &format!("~{relation}")]);
        let nodes = words(&["user:1", "item:1", "entity:x", "item:2"]);
        Explanation { log_probability, path: Rendered { nodes, relations, ..Rendered::default() } }
    }

    fn list(best: Explanation, more_paths: Vec<Explanation>) -> List {
        let (item, label) = ("2".to_owned(), String::new());
        let item =
            Item { rank: 1, item, label, score: 0.0, confidence: 1.0, num_paths: 1, ranked_by: None, best, more_paths };
        let (history, reason) = (Vec::new(), None);
        List {
            user: "1".to_owned(),
            history,
            items: vec![item],
            reason,
            unexplored: 0.0,
            proven: true,
            given_up: None,
            allows_seen: false,
        }
    }

    #[test]
    fn masses_are_shares_of_each_user() {
        let mut tally = Tally::default();
        tally.add(&list(path(0.75f64.ln() - 3.0, "a"), vec![path(0.25f64.ln() - 3.0, "b")]));
        tally.add(&list(path(-9.0, "b"), Vec::new()));
        let report = tally.finish();
        let patterns: Vec<_> = report.patterns.iter().map(|p| (p.name.as_str(), p.paths, p.users)).collect();
        let name = |r: &str| format!("(:user)-[:interacted]->(:item)-[:{r}]->(:entity)<-[:{r}]-(:item)");
        assert_eq!(patterns, [(name("b").as_str(), 2, 2), (name("a").as_str(), 1, 1)]);
        let masses: Vec<f64> = report.patterns.iter().map(|p| p.mass).collect();
        assert!((masses[0] - 0.625).abs() < 1e-12 && (masses[1] - 0.375).abs() < 1e-12);
        let first = &report.relations[0];
        assert_eq!((first.name.as_str(), first.users), ("interacted", 2));
        assert!((first.mass - 1.0).abs() < 1e-12);
        assert_eq!(of_user(&list(path(-1.0, "a"), Vec::new()), None).patterns[0].mass, 1.0);
    }
}
