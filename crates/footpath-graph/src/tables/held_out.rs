//! Tables of held-out interactions.

use super::layout::Layout;
use super::optional::Optional;
use super::parts::{Column, Integer, Place, Real, Table, ascending};
use crate::error::Result;
use footpath_core::Stage;
use std::cmp::Ordering;

/// Columns that a table of held-out interactions has in any case.
pub(super) const COLUMNS: [&str; 3] = ["user", "item", "line"];

/// Checks one: users and items, their order, and that it has ratings and times as the edges have.
pub(super) fn check(table: &Table, layout: &Layout, has: Optional, stage: &Stage<'_>) -> Result<()> {
    for (column, expected) in [("rating", has.rating), ("time", has.time)] {
        if table.num_rows > 0 && table.has(column) != expected {
            let whose = if expected { "the edges have one" } else { "the edges have none" };
            return Err(table.bad(
                Place::default(),
                "columns",
                format!("column `{column}`: {whose}; give all or none"),
            ));
        }
    }
    let (users, items) = (layout.range(0), layout.range(1));
    let last = layout.interactions_file.last().min(u64::from(u32::MAX));
    let [mut user, mut item, mut line] = COLUMNS.map(|name| table.column::<Integer>(name));
    let (mut rating, mut time) = (table.optional::<Real>("rating"), table.optional::<Integer>("time"));
    let mut before = None;
    while let Some(of_users) = user.next()? {
        let (Some(of_items), Some(lines)) = (item.next()?, line.next()?) else { break };
        let pairs = of_users.all()?.iter().zip(of_items.all()?).zip(lines.all()?);
        for (row, ((&user, &item), &line)) in pairs.enumerate() {
            let at = of_users.place(row);
            let is_in = |range: &std::ops::Range<u64>, id: i64| u64::try_from(id).is_ok_and(|id| range.contains(&id));
            if !is_in(&users, user) || !is_in(&items, item) {
                let message = format!("user {user} or item {item} is none: users are {users:?}, items {items:?}");
                return Err(table.bad(at, "id", message));
            }
            if !u64::try_from(line).is_ok_and(|line| line <= last) {
                return Err(table.bad(at, "line", format!("line {line} is not from 0 to {last}")));
            }
            ascending(table, at, before.as_ref(), &(user, item), "user and item")?;
            before = Some((user, item));
        }
        if let Some(ratings) = rating.as_mut().map_or(Ok(None), Column::next)?
            && let Some(row) = ratings.all()?.iter().position(|rating| !rating.is_finite())
        {
            return Err(table.bad(ratings.place(row), "rating", "not a finite number"));
        }
        if let Some(times) = time.as_mut().map_or(Ok(None), Column::next)? {
            times.all()?;
        }
        stage.advance(of_users.num_rows as u64)?;
    }
    Ok(())
}

/// The pairs of user and item that a part holds out, one after the other.
pub(super) struct Pairs<'t> {
    table: &'t Table,
    user: Column<'t, Integer>,
    item: Column<'t, Integer>,
    block: Vec<(Place, (i64, i64))>,
    next: usize,
}

impl<'t> Pairs<'t> {
    pub(super) fn of(table: &'t Table) -> Result<Self> {
        let [user, item] = ["user", "item"].map(|name| table.column::<Integer>(name));
        let mut pairs = Self { table, user, item, block: Vec::new(), next: 0 };
        pairs.refill()?;
        Ok(pairs)
    }

    fn refill(&mut self) -> Result<()> {
        self.block.clear();
        self.next = 0;
        let (Some(users), Some(items)) = (self.user.next()?, self.item.next()?) else { return Ok(()) };
        let pairs = users.all()?.iter().copied().zip(items.all()?.iter().copied());
        self.block.extend(pairs.enumerate().map(|(row, pair)| (users.place(row), pair)));
        Ok(())
    }

    fn peek(&self) -> Option<(Place, (i64, i64))> {
        self.block.get(self.next).copied()
    }

    fn skip(&mut self) -> Result<()> {
        self.next += 1;
        if self.next >= self.block.len() { self.refill() } else { Ok(()) }
    }

    /// Refuses a pair that is held out. To be asked of pairs in ascending order.
    pub(super) fn refuse(&mut self, user: i64, item: i64) -> Result<()> {
        while let Some((at, pair)) = self.peek() {
            match pair.cmp(&(user, item)) {
                Ordering::Less => self.skip()?,
                Ordering::Equal => {
                    let message = "the same user and item as in an earlier part of the log, which counts";
                    return Err(self.table.bad(at, "leak", message));
                }
                Ordering::Greater => break,
            }
        }
        Ok(())
    }
}

/// Refuses pairs that both parts hold out.
pub(super) fn refuse_both(valid: &Table, test: &Table, stage: &Stage<'_>) -> Result<()> {
    let (mut valid, mut test) = (Pairs::of(valid)?, Pairs::of(test)?);
    while let Some((_, (user, item))) = valid.peek() {
        test.refuse(user, item)?;
        valid.skip()?;
        if valid.next == 0 {
            // Another block, whose rows were counted when the part was checked.
            stage.advance(0)?;
        }
    }
    Ok(())
}
