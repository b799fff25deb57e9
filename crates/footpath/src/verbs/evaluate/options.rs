//! What to evaluate, and how.

use super::groups::GroupTable;
use crate::error::{Error, Result};
use crate::recommend::{Options as SearchOptions, Weights};
use footpath_eval::baselines::BaselineName;
use footpath_eval::{BadRows, Recommendations};
use footpath_graph::Split;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Lists of anyone, from memory; a [`ListsBuilder`](footpath_eval::ListsBuilder) checks them as those of a file are
/// checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// What they are called in the protocol card.
    pub name: String,
    /// The lists.
    pub lists: Recommendations,
    /// Rows that were left out, by what is wrong with them.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// What to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A model, which recommends to every user with something held out.
    Model(PathBuf),
    /// A file of lists, from anyone: `user, rank, item, score`, tab-separated.
    Lists(PathBuf),
    /// Lists from memory, from anyone.
    Given(Given),
}

/// How to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The held-out part.
    pub on: Split,
    /// Cut-off.
    pub k: usize,
    /// Beams of the model.
    pub beams: usize,
    /// Weight of what a model says of an item from the user alone; `None` is its own, see
    /// [`Service::direct`](crate::Service::direct).
    pub direct: Option<f64>,
    /// Weight of its linear part, as [`recommend::Options::linear`](crate::recommend::Options::linear).
    pub linear: Option<f64>,
    /// Power by which a history fades in that part, as
    /// [`recommend::Options::fading`](crate::recommend::Options::fading).
    pub fading: Option<f64>,
    /// Weight of popularity, as [`recommend::Options::popularity`](crate::recommend::Options::popularity).
    pub popularity: Option<f64>,
    /// Weight of counted paths, as [`recommend::Options::path_count`](crate::recommend::Options::path_count).
    pub path_count: Option<f64>,
    /// How much items that paths begin with count by when they were chosen, as
    /// [`recommend::Options::recency`](crate::recommend::Options::recency).
    pub recency: Option<f64>,
    /// What the model trades a part of the probability for.
    pub optimise: Option<Weights>,
    /// Seed of random paths to compare the model's explanations with, if they are to be compared.
    pub random_paths: Option<u64>,
    /// Seed of what is taken away beside reasons, if it is to be seen how far items fall without these.
    pub counterfactual: Option<u64>,
    /// A table of what users disliked: `user_id`, `item_id`, tab-separated.
    pub dislikes: Option<PathBuf>,
    /// What is computed beside the subject.
    pub beside: Beside,
    /// The baselines that are tuned, in this order; all where there is none.
    pub tuned: Vec<BaselineName>,
    /// Lists of anyone to compare with, user by user.
    pub against: Option<PathBuf>,
    /// Groups of users to give figures of.
    pub user_groups: Option<GroupTable>,
    /// Groups of items to give figures of.
    pub item_groups: Option<GroupTable>,
    /// What to do with bad rows of lists.
    pub bad_rows: BadRows,
    /// The command line, for the card.
    pub command: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on: Split::Test,
            k: 10,
            beams: SearchOptions::default().beams,
            direct: None,
            linear: None,
            fading: None,
            popularity: None,
            path_count: None,
            recency: None,
            optimise: None,
            random_paths: None,
            counterfactual: None,
            dislikes: None,
            beside: Beside::Nothing,
            tuned: Vec::new(),
            against: None,
            user_groups: None,
            item_groups: None,
            bad_rows: BadRows::Refuse,
            command: None,
        }
    }
}

/// What is computed beside the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The quick baselines at their default settings, with this seed for the random one.
    Baselines(u64),
    /// Every baseline, each at the setting of its grid that is best on valid, with this seed.
    Tuned(u64),
}

impl Options {
    /// Searching takes long, so what cannot be is told before.
    pub(super) fn validate(&self, subject: &Subject) -> Result<()> {
        let Self { k, beams, direct, linear, fading, popularity, path_count, recency, optimise, .. } = *self;
        let weights = SearchOptions { direct, linear, fading, popularity, path_count, recency, ..Default::default() };
        SearchOptions { k, beams, optimise, ..weights }.validate()?;
        if !matches!(subject, Subject::Model(_)) && (self.random_paths.is_some() || optimise.is_some()) {
            let option = if optimise.is_some() { "optimise" } else { "random-paths" };
            return Err(Error::Usage { option, reason: "lists have no paths; give a model".to_owned() });
        }
        Ok(())
    }
}
