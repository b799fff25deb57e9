//! `audit`: whether what is held out can be known before it is asked for. The split, a corpus drawn from it, and lists made from it.

use crate::corpus::{self, Audited};
use crate::error::Result;
use footpath_core::{Artefact, ArtefactKind, Context};
use footpath_eval::leaks::{Chance, Leak, Order, chance, leaks};
use footpath_eval::{BadRows, Recommendations};
use footpath_graph::{Split, TrainKg, kg};
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

/// Audits the split of the graph at `kg_dir`, and a corpus and lists of it if given.
///
/// # Errors
/// Artefacts that do not open or do not belong together, lists that do not read.
pub fn run(kg_dir: &Path, corpus_dir: Option<&Path>, lists: Option<&Path>) -> Result<Report> {
    let train = TrainKg::open(kg_dir)?;
    let [valid, test] = [kg::open_held_out(kg_dir, Split::Valid)?, kg::open_held_out(kg_dir, Split::Test)?];
    let artefact = Artefact::open(kg_dir, ArtefactKind::Kg, &Context::default())?;
    let split = artefact.manifest().config.pointer("/report/split/by").and_then(|by| by.as_str());
    let order = if matches!(split, Some("temporal" | "leave-one-out")) { Order::ByTime } else { Order::Unknown };
    let context = Context::default();
    let of_lists = |path: &Path| -> Result<Chance> {
        let (lists, _) = Recommendations::read_with(path, &train, BadRows::Refuse, &context)?;
        Ok(chance(&lists, [&test, &valid], &train, K, DRAWS, SEED, &context)?)
    };
    Ok(Report {
        leaks: leaks(&train, &valid, &test, order, &context)?,
        num_held_out: (valid.len() + test.len()) as u64,
        chance: lists.map(of_lists).transpose()?,
        corpus: corpus_dir.map(|corpus| corpus::audit(corpus, kg_dir)).transpose()?,
    })
}
