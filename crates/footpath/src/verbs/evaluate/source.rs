//! Where lists came from, and what was left out of them.

use super::protocol::Protocol;
use crate::error::Result;
use footpath_core::Context;
use footpath_eval::Recommendations;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Where something came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file or directory, as given.
    pub path: String,
    /// XXH3-128 of the content, 32 hexadecimal digits.
    pub hash: String,
}

impl Source {
    pub(super) fn of_file(path: &Path, context: &Context) -> Result<Self> {
        let hash = footpath_core::artefact::hash_file(path, context)?;
        Ok(Self { path: path.display().to_string(), hash })
    }
}

/// What is left out of the figures, or out of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Rows of the file, by what is wrong with them.
    pub rows: BTreeMap<String, u64>,
    /// Lists of users of whom nothing is held out.
    pub lists_of_others: u64,
    /// Items of the lists that are known to be chosen since training (valid, when the figure is on test): the items
    /// behind them moved up.
    pub known_items: u64,
    /// Users of the graph of whom nothing is held out; they have no part in any mean.
    pub users_not_evaluable: u64,
    /// Users with something held out and nothing in training: no path starts there, and they count as zero unless
    /// somebody has a list for them.
    pub users_without_train: u64,
    /// Users with a list of fewer than k items.
    pub short_lists: u64,
    /// Slots spent on items the user chose in training; each is a miss.
    pub train_items: u64,
}

impl Excluded {
    pub(super) fn of(
        protocol: &Protocol<'_>,
        all: &Recommendations,
        lists: &Recommendations,
        rows: footpath_eval::Excluded,
    ) -> Self {
        let items = |lists: &Recommendations| lists.iter().map(|(_, list)| list.len() as u64).sum::<u64>();
        let is_judged = |user| protocol.users.binary_search(&user).is_ok();
        let train = &protocol.train;
        let seen = |&user: &footpath_core::NodeId| {
            let list = lists.of(user).iter().take(protocol.k);
            list.filter(|r| train.items_of(user).binary_search(&r.item.0).is_ok()).count() as u64
        };
        let is_short = |&&user: &&footpath_core::NodeId| (1..protocol.k).contains(&lists.of(user).len());
        Self {
            rows: rows.into_iter().map(|(kind, number)| (kind.to_owned(), number)).collect(),
            lists_of_others: all.iter().filter(|(user, _)| !is_judged(*user)).count() as u64,
            known_items: items(all) - items(lists),
            users_not_evaluable: (train.users().len() - protocol.users.len()) as u64,
            users_without_train: protocol.users.iter().filter(|&&user| train.items_of(user).is_empty()).count() as u64,
            short_lists: protocol.users.iter().filter(is_short).count() as u64,
            train_items: protocol.users.iter().map(seen).sum(),
        }
    }
}
