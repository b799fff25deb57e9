//! Whether reasons are the reasons: what becomes of an item when what its reason begins with is taken away, and whether
//! paths run through what the user cares for.

use super::protocol::Protocol;
use super::subject::Model;
use crate::error::Result;
use crate::text::lines;
use footpath_core::NodeId;
use footpath_eval::counterfactual::{Places, taken};
use footpath_eval::{Dislikes, Explained, Fidelity, Preference, Recommendation, Resampling, fidelity, preference};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Users whose items are looked at, spread evenly over all: each takes two searches for each item.
const USERS: usize = 200;
/// Items of each list that are looked at.
const ITEMS: usize = 3;
/// Most bytes of a line of a table of dislikes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// What can be said of reasons beyond the facts they are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// How many paths run through what users disliked, or chose only once.
    pub preference: Preference,
    /// How far items fall without what their reasons begin with, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
}

/// How far items fall without what their reasons begin with; see [`footpath_eval::counterfactual`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterfactual {
    /// Seed of the other choices that are taken away.
    pub seed: u64,
    /// First items of each list that were looked at.
    pub num_items_of_a_list: usize,
    /// The figures.
    pub fidelity: Fidelity,
}

/// What to look at.
#[derive(Clone, Debug, Default)]
pub(super) struct ReasonChecks {
    /// Seed of the counterfactual, if it is asked for.
    pub(super) seed: Option<u64>,
    /// What users disliked, where that is known.
    pub(super) dislikes: Option<Dislikes>,
}

impl ReasonChecks {
    pub(super) fn of(protocol: &Protocol<'_>, seed: Option<u64>, dislikes: Option<&Path>) -> Result<Self> {
        let dislikes = dislikes.map(|path| read_dislikes(path, protocol)).transpose()?;
        Ok(Self { seed, dislikes })
    }

    /// The answers for the paths of lists.
    pub(super) fn run(&self, protocol: &Protocol<'_>, model: &Model, explained: &Explained) -> Result<Reasons> {
        let (users, train, k) = (&protocol.users, &protocol.train, protocol.k);
        let resampling = Resampling::default();
        let preference = preference(explained, users, train, self.dislikes.as_ref(), k, resampling, protocol.context)?;
        let counterfactual = self.seed.map(|seed| counterfactual(model, protocol, explained, seed)).transpose()?;
        Ok(Reasons { preference, counterfactual })
    }
}

/// Takes reasons away from users, one at a time, and recommends again.
fn counterfactual(model: &Model, protocol: &Protocol<'_>, explained: &Explained, seed: u64) -> Result<Counterfactual> {
    let users: Vec<NodeId> = explained.keys().copied().collect();
    let step = users.len().div_ceil(USERS).max(1);
    let users: Vec<NodeId> = users.into_iter().step_by(step).collect();
    let context = protocol.context;
    let stage = context.stage("taking reasons away", Some(users.len() as u64), "users");
    let known = protocol.known.by_user();
    let request = model.service.request(Vec::new());
    // The list of a user without one of their choices, which is not in it either.
    let list = |user: NodeId, without: Option<NodeId>| -> Result<Vec<Recommendation>> {
        let request = without.map_or_else(|| request.clone(), |choice| request.without(user, choice));
        let found = request.search(&[user], model.search, &context.quietly())?;
        let known = known.get(&user).map_or(&[][..], Vec::as_slice);
        let items = found.into_iter().flat_map(|list| list.items);
        let is_new = |r: &Recommendation| known.binary_search(&r.item).is_err();
        let list = items.map(|item| Recommendation { item: item.item, score: item.score }).filter(is_new);
        Ok(list.take(protocol.k).collect())
    };
    let of_user = |&user: &NodeId| -> Result<(NodeId, Vec<Places>)> {
        stage.advance(1)?;
        let (shown, mut places) = (list(user, None)?, Vec::new());
        for (item, path) in explained.get(&user).into_iter().flatten().take(ITEMS) {
            let Some(taken) = path.as_ref().and_then(|path| taken(&protocol.train, user, *item, path, seed)) else {
                continue;
            };
            let (less_reason, less_random) = (list(user, Some(taken.reason))?, list(user, Some(taken.random))?);
            places.extend(Places::of(*item, &shown, &less_reason, &less_random));
        }
        Ok((user, places))
    };
    let places: BTreeMap<NodeId, Vec<Places>> = users.par_iter().map(of_user).collect::<Result<_>>()?;
    let fidelity = fidelity(&places, protocol.k, Resampling::default(), context)?;
    Ok(Counterfactual { seed, num_items_of_a_list: ITEMS, fidelity })
}

/// Reads what users disliked from a table with the columns `user_id` and `item_id`, parted by tabs. Rows of users and
/// items that the graph does not have, and of what a user chose in train, are passed over.
fn read_dislikes(path: &Path, protocol: &Protocol<'_>) -> Result<Dislikes> {
    let (kg, mut dislikes) = (&protocol.train, Dislikes::new());
    let bad = |number: usize, what: &str| lines::bad(path, number, what);
    lines::pairs(path, MAX_LINE_BYTES, lines::user_and_item, bad, |_, [user, item]| {
        if let (Ok(user), Ok(item)) = (kg.user(user), kg.item(item))
            && kg.items_of(user).binary_search(&item.0).is_err()
        {
            dislikes.entry(user).or_default().insert(item);
        }
        Ok(())
    })?;
    Ok(dislikes)
}
