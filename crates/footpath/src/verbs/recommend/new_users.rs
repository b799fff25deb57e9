//! Users the graph does not know, each by what they have chosen.

use crate::error::{Error, Result};
use crate::text::lines;
use footpath_core::NodeId;
use footpath_graph::TrainKg;
use std::collections::BTreeMap;
use std::path::Path;

/// Most new users at once.
pub const MAX_NEW_USERS: usize = 1_000_000;
/// Most bytes of a line of a file of histories.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A user the graph does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// What to call them.
    pub id: String,
    /// What they have chosen: items, ascending, each once, with the line it stands on (0 for an argument).
    pub items: BTreeMap<NodeId, u32>,
    /// The same in the order of choice, the last chosen last; an item may be there twice.
    pub order: Vec<NodeId>,
    /// The file it stands in, or `--history`.
    pub file: String,
}

impl NewUser {
    /// A guest with the history `I3,I9`, ids parted by commas, the last chosen last.
    ///
    /// # Errors
    /// As [`NewUser::of_items`].
    pub fn from_list(list: &str, kg: &TrainKg) -> Result<Self> {
        let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
        Self::of_items("guest", ids, "--history", kg)
    }

    /// A user with this history, the last chosen last; `place` is where the history stands, for errors and proofs.
    ///
    /// # Errors
    /// [`Error::History`] for an empty history or items the graph does not have, all of them named (20 at most).
    pub fn of_items<'i>(
        id: &str,
        history: impl IntoIterator<Item = &'i str>,
        place: &str,
        kg: &TrainKg,
    ) -> Result<Self> {
        let (mut items, mut order, mut unknown) = (BTreeMap::new(), Vec::new(), Vec::new());
        for id in history {
            match kg.item(id) {
                Ok(item) => {
                    items.insert(item, 0);
                    order.push(item);
                }
                Err(_) => unknown.push(id),
            }
        }
        let reason = match (unknown.as_slice(), items.is_empty()) {
            ([], false) => return Ok(Self { id: id.to_owned(), items, order, file: place.to_owned() }),
            ([], true) => "it has no item; give ids of items, parted by commas".to_owned(),
            (unknown, _) => {
                let named = unknown.iter().take(20).copied().collect::<Vec<_>>().join(", ");
                format!("the graph has no item {named}; ids are those of the interactions and items files")
            }
        };
        Err(Error::History { place: place.to_owned(), reason })
    }

    /// Line on which a choice stands.
    #[must_use]
    pub fn line_of(&self, item: NodeId) -> u32 {
        self.items.get(&item).copied().unwrap_or_default()
    }
}

/// Reads new users from a table with the columns `user_id` and `item_id`, parted by tabs, one choice on each line, the
/// last chosen last; others are ignored. They come in the order in which they are first named.
///
/// # Errors
/// [`Error::History`] with file and line at the first line that is not as it should be; [`Error::BadFile`] for one that
/// is no UTF-8 or over 1 MiB; [`footpath_core::Error::Io`].
pub fn read(path: &Path, kg: &TrainKg) -> Result<Vec<NewUser>> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut new_users: Vec<NewUser> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let bad = |line: usize, reason: &str| {
        let place = format!("{}:{line}", path.display());
        Error::History { place, reason: reason.to_owned() }
    };
    lines::pairs(path, MAX_LINE_BYTES, lines::user_and_item, bad, |number, [user, id]| {
        if user.is_empty() || id.is_empty() {
            return Err(bad(number, "user_id or item_id is empty"));
        }
        let item = kg.item(id).map_err(|e| bad(number, &e.to_string()))?;
        let place = *places.entry(user.to_owned()).or_insert(new_users.len());
        if place == MAX_NEW_USERS {
            return Err(bad(number, &format!("more than {MAX_NEW_USERS} users; cut the file into parts")));
        }
        if place == new_users.len() {
            let (items, order) = (BTreeMap::new(), Vec::new());
            new_users.push(NewUser { id: user.to_owned(), items, order, file: name.clone() });
        }
        if let Some(guest) = new_users.get_mut(place) {
            guest.order.push(item);
            guest.items.entry(item).or_insert_with(|| u32::try_from(number).unwrap_or(u32::MAX));
        }
        Ok(())
    })?;
    if new_users.is_empty() {
        return Err(bad(1, "there is no history in it"));
    }
    Ok(new_users)
}
