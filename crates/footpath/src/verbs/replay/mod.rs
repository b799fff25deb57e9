//! `replay`: models compared on what users did next.
//!
//! Events are gone through in their order. Before each, every model makes the list that it would have made for the user
//! then, knowing the graph and the user's events so far; where the item that was chosen stands in it is what counts.
//! So this is next-item evaluation (as of session-based recommendation, e.g. Ludewig and Jannach 2018) of whole systems
//! on a log they have not seen. An event whose item the user has chosen before is no target, since lists leave out what
//! is known; it still counts as history. Popularity is beside the models, as what everybody could have had for nothing.

mod events;
mod states;

pub use crate::evaluate::Mean;
pub use events::{Event, LeftOut};

use crate::error::{Error, Result};
use crate::recommend::Options as Search;
use crate::service::Service;
use footpath_core::Context;
use footpath_eval::significance::{Comparison, Resampling, intervals_of, paired};
use footpath_graph::import::{Chosen, Columns};
use serde::{Deserialize, Serialize};
use states::{Round, States};
use std::path::Path;

/// Users whose next items are looked for together.
const USERS_AT_ONCE: usize = 1024;
/// Most bytes read of a table, after unpacking.
const MAX_BYTES: u64 = 1 << 36;
/// Hit rate, NDCG, MRR.
const NUM_FIGURES: usize = 3;

/// Reads a table of interactions as events, by time where it has times, else as its lines stand.
///
/// # Errors
/// Bad records with file and line; [`footpath_core::Error::Stopped`].
pub fn read_table(path: &Path, columns: &Columns, context: &Context) -> Result<Vec<Event>> {
    let log = footpath_graph::import::read_log(path, columns, MAX_BYTES, context)?;
    Ok(log.into_iter().map(|Chosen { user, item, .. }| Event { user, item, is_choice: true }).collect())
}

/// How to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// How each model recommends; `k` is the length of lists.
    pub search: Search,
    /// How intervals and p are found.
    pub resampling: Resampling,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Length of the lists.
    pub k: usize,
    /// Users with at least one target.
    pub num_users: usize,
    /// Events that were targets.
    pub num_targets: usize,
    /// Events that were none, by why.
    pub left_out: LeftOut,
    /// The models in the order given, and then popularity.
    pub systems: Vec<System>,
    /// Every later model against the first: its mean NDCG minus that of the first.
    pub against_first: Vec<Against>,
}

/// How good a model was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// What it was called.
    pub name: String,
    /// Share of targets in the list: the mean over users of the mean over their targets, as the others are.
    pub hit_rate: Mean,
    /// 1 / log2(rank + 1) of the target, 0 where it is not in the list.
    pub ndcg: Mean,
    /// 1 / rank.
    pub mrr: Mean,
    /// Lists that are popularity's, since nothing was known of the user.
    pub num_popular_lists: usize,
}

/// A model against the first one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// The model.
    pub name: String,
    /// Its NDCG minus that of the first, user by user.
    pub ndcg: Comparison,
}

/// Compares models of one graph on events, in the order in which these happened.
///
/// Time grows with events × models: a list for each. Memory with events, and with the lists of 1,024 users.
///
/// # Errors
/// [`Error::Usage`] for no model, for models of different graphs, for events of which none is a target, or for options
/// that a model cannot do; [`footpath_core::Error::Stopped`].
pub fn run(models: &[(String, Service)], events: &[Event], options: &Options, context: &Context) -> Result<Replay> {
    options.search.validate()?;
    let (_, first) = models.first().ok_or_else(|| usage("model", "there is none"))?;
    for (name, service) in models {
        service.check(&options.search)?;
        if service.kg().content_hash() != first.kg().content_hash() {
            return Err(usage("model", &format!("{name} is of another graph than the first model")));
        }
    }
    let mut states = States::of(events, first.kg());
    if states.num_targets() == 0 {
        return Err(usage("events", "no event is a choice of an item that the graph has and the user had not"));
    }
    let tallies = tally(models, &mut states, options, context)?;
    let systems = tallies.iter().map(|tally| tally.system(options.resampling, context));
    let systems: Vec<System> = systems.collect::<Result<_>>()?;
    let against_first = match tallies.split_first() {
        Some((first, others)) => others.iter().map(|other| other.against(first, options.resampling, context)).collect(),
        None => Ok(Vec::new()),
    };
    Ok(Replay {
        k: options.search.k,
        num_users: states.num_users(),
        num_targets: states.num_targets(),
        left_out: states.left_out(),
        systems,
        against_first: against_first?,
    })
}

/// Makes every list, and counts what its target's place is worth; popularity is the last.
fn tally<'a>(
    models: &'a [(String, Service)],
    states: &mut States<'_>,
    options: &Options,
    context: &Context,
) -> Result<Vec<Tally<'a>>> {
    let names = models.iter().map(|(name, _)| name.as_str()).chain(["popularity"]);
    let mut tallies: Vec<Tally<'_>> = names.map(|name| Tally::new(name, states.num_users())).collect();
    let stage = context.stage("replaying", Some(states.num_targets() as u64), "events");
    let search = options.search;
    while let Some(round) = states.next_round(USERS_AT_ONCE) {
        for ((_, service), tally) in models.iter().zip(&mut tallies) {
            let places = states.places(&round, service, search, context)?;
            tally.num_popular_lists += places.num_popular;
            tally.add(&round, &places.ranks);
        }
        if let Some(popularity) = tallies.last_mut() {
            popularity.add(&round, &states.popular_ranks(&round, search.k));
        }
        stage.advance(round.len() as u64)?;
        states.pass(&round);
    }
    Ok(tallies)
}

/// Figures of one target, or their sum over those of a user.
type Row = [f64; NUM_FIGURES];

/// The sums of one system.
struct Tally<'a> {
    name: &'a str,
    /// Of each user with a target: sums, and the number of targets.
    users: Vec<(Row, f64)>,
    num_popular_lists: usize,
}

impl<'a> Tally<'a> {
    fn new(name: &'a str, num_users: usize) -> Self {
        Self { name, users: vec![(Row::default(), 0.0); num_users], num_popular_lists: 0 }
    }

    /// Adds the rank of each target of a round, from 1, if its list has it.
    fn add(&mut self, round: &Round, ranks: &[Option<usize>]) {
        for (user, rank) in round.users().zip(ranks) {
            let Some((sums, targets)) = self.users.get_mut(user) else { continue };
            *targets += 1.0;
            if let Some(rank) = rank {
                #[expect(clippy::cast_precision_loss, reason = "ranks are at most MAX_K")]
                let rank = *rank as f64;
                sums.iter_mut().zip([1.0, 1.0 / (rank + 1.0).log2(), 1.0 / rank]).for_each(|(sum, x)| *sum += x);
            }
        }
    }

    /// The means of each user.
    fn rows(&self) -> Vec<Row> {
        self.users.iter().map(|(sums, targets)| sums.map(|sum| sum / targets.max(1.0))).collect()
    }

    fn system(&self, resampling: Resampling, context: &Context) -> Result<System> {
        let rows = self.rows();
        let slices: Vec<&[f64]> = rows.iter().map(<[f64; NUM_FIGURES]>::as_slice).collect();
        let intervals = context.run(|| intervals_of(&slices, NUM_FIGURES, resampling, context))??;
        let mean = |figure: usize| {
            let sum: f64 = rows.iter().filter_map(|row| row.get(figure)).sum();
            #[expect(clippy::cast_precision_loss, reason = "numbers of users fit 53 bits")]
            let mean = sum / rows.len().max(1) as f64;
            let [low, high] = intervals.get(figure).copied().unwrap_or_default();
            Mean { mean, low, high }
        };
        let [hit_rate, ndcg, mrr] = [0, 1, 2].map(mean);
        Ok(System { name: self.name.to_owned(), hit_rate, ndcg, mrr, num_popular_lists: self.num_popular_lists })
    }

    fn against(&self, first: &Self, resampling: Resampling, context: &Context) -> Result<Against> {
        let pairs = self.rows().into_iter().zip(first.rows());
        let differences: Vec<f64> = pairs.map(|([_, mine, _], [_, theirs, _])| mine - theirs).collect();
        let ndcg = context.run(|| paired(&differences, resampling, context))??;
        Ok(Against { name: self.name.to_owned(), ndcg })
    }
}

fn usage(option: &'static str, reason: &str) -> Error {
    Error::Usage { option, reason: reason.to_owned() }
}
