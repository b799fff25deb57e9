//! `audit`: whether what is held out can be known before it is asked for. The split, a corpus drawn from it, and lists
//! made from it.

use crate::artefacts::kg::Kg;
use crate::corpus::{self, Audited};
use crate::error::Result;
use footpath_core::Context;
use footpath_eval::leaks::{Chance, Leak, Order, chance, leaks};
use footpath_eval::{BadRows, Recommendations};
use footpath_graph::Split;
use serde::Serialize;
use std::path::Path;

/// Draws of random labels for lists.
const DRAWS: u64 = 100;
/// Seed of these draws.
const SEED: u64 = 1;
/// Cut-off of the figure on random labels.
const K: usize = 10;

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Checks of the split; see [`footpath_eval::leaks`] for what the numbers mean.
    pub leaks: Vec<Leak>,
    /// Interactions held out.
    pub num_held_out: u64,
    /// What the lists reach on labels drawn at random, if there are lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    /// The corpus, if there is one.
    #[serde(skip)]
    pub corpus: Option<Audited>,
}

impl Report {
    /// What is wrong first, in words.
    #[must_use]
    pub fn first_wrong(&self) -> Option<String> {
        let leak = self.leaks.iter().find(|leak| leak.is_bad());
        let leak = leak.map(|l| format!("{}: {}: {}", l.check, l.what, l.example.as_deref().unwrap_or_default()));
        let unfair = self.chance.filter(|chance| !chance.is_fair()).map(|c| {
            format!("L4: on random labels the lists reach {:.4}, expected {:.4} ± {:.4}", c.ndcg, c.expected, c.error)
        });
        let path = || {
            let audited = self.corpus.as_ref()?;
            Some(format!("path {} is wrong: {}", audited.report.first_wrong?, audited.first_wrong.as_ref()?))
        };
        path().or(leak).or(unfair)
    }
}

/// Audits the split of a graph, and a corpus and lists of it if given.
///
/// # Errors
/// Artefacts that do not open or do not belong together, lists that do not read, [`footpath_core::Error::Stopped`].
pub fn run(kg: &Kg, corpus_dir: Option<&Path>, lists: Option<&Path>, context: &Context) -> Result<Report> {
    let read = |path: &Path| Ok::<_, crate::Error>(Recommendations::read_with(path, kg, BadRows::Refuse, context)?.0);
    context.run(|| audit(kg, corpus_dir, lists.map(read).transpose()?.as_ref(), context))?
}

/// Audits the split of a graph, and lists of it from memory.
///
/// # Errors
/// As [`run`].
pub fn of_lists(kg: &Kg, lists: &Recommendations, context: &Context) -> Result<Report> {
    context.run(|| audit(kg, None, Some(lists), context))?
}

fn audit(kg: &Kg, corpus_dir: Option<&Path>, lists: Option<&Recommendations>, context: &Context) -> Result<Report> {
    let [valid, test] = [kg.held_out(Split::Valid)?, kg.held_out(Split::Test)?];
    let split = kg.manifest().config.pointer("/report/split/by").and_then(|by| by.as_str());
    let order = if matches!(split, Some("temporal" | "leave-one-out")) { Order::ByTime } else { Order::Unknown };
    let of_lists = |lists: &Recommendations| -> Result<Chance> {
        Ok(chance(lists, [&test, &valid], kg, K, DRAWS, SEED, context)?)
    };
    Ok(Report {
        leaks: leaks(kg, &valid, &test, order, context)?,
        num_held_out: (valid.len() + test.len()) as u64,
        chance: lists.map(of_lists).transpose()?,
        corpus: corpus_dir.map(|corpus| corpus::audit(corpus, kg, context)).transpose()?,
    })
}
