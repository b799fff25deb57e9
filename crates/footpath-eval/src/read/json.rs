//! Lists as `recommend --json` writes them: an object for each user, on a line of its own.

use super::checked::{Reader, Row, Wrong, wrong};
use serde::Deserialize;
use std::borrow::Cow;

/// Longest line of JSON, in bytes: a thousand items with a hundred paths each.
pub(super) const MAX_LINE_BYTES: usize = 1 << 26;

/// What a list must say; whatever else it says is passed over.
#[derive(Deserialize)]
struct List<'t> {
    #[serde(borrow)]
    user: Cow<'t, str>,
    #[serde(borrow)]
    items: Vec<Item<'t>>,
}

/// An item with its place, which is that in the list if nothing else is said.
#[derive(Deserialize)]
struct Item<'t> {
    #[serde(borrow)]
    item: Cow<'t, str>,
    rank: Option<u32>,
    score: Option<f64>,
}

/// Whether a file that begins with this byte holds lists in this form.
pub(super) fn is_meant(first: Option<&u8>) -> bool {
    first == Some(&b'{')
}

/// Adds the list on a line.
pub(super) fn take(reader: &mut Reader<'_>, line: &str) -> std::result::Result<(), Wrong> {
    let list: List<'_> = serde_json::from_str(line).or_else(|e| {
        let form = "expected a line as `recommend --json` writes it, with `user` and `items`";
        wrong(0, "json", format!("{form}, each with `item`: {e}"))
    })?;
    for (place, item) in (1u32..).zip(&list.items) {
        let rank = item.rank.unwrap_or(place).to_string();
        let score = item.score.unwrap_or(-f64::from(place)).to_string();
        let (user, id) = (&*list.user, &*item.item);
        reader.take(Row {
            user: Ok((user, 0)),
            rank: Some(Ok((&rank, 0))),
            item: Ok((id, 0)),
            score: Ok((&score, 0)),
        })?;
    }
    Ok(())
}
