//! How often items were chosen together, and what they have in common in the graph: rows of a sparse matrix.

use super::order::{Choice, Order, choices};
use crate::error::Result;
use crate::metrics::count;
use footpath_core::{Context, NodeId, RelationId};
use footpath_graph::TrainKg;
use rayon::prelude::*;

/// Entries of all rows together, which bounds memory: 16 bytes for each.
const ENTRIES: usize = 40_000_000;
/// Fewest entries that a row may have, however many items there are.
const SHORTEST_ROW: usize = 300;
/// Rows that are made before they are put behind the others: a row is much longer before it is cut.
const ROWS_AT_ONCE: usize = 2_048;
/// Largest share of the items that may be about an entity that says something.
const HUB: f64 = 0.3;
/// Most items about an entity that says something.
const LARGEST_COLUMN: usize = 5_000;

/// Which items go together, by users and by knowledge.
#[derive(Debug)]
pub struct Together<'a> {
    pub(super) kg: &'a TrainKg,
    /// Choices of each user, by item.
    of_users: Vec<Vec<Choice>>,
    /// Where the row of each item begins.
    starts: Vec<usize>,
    /// Places of other items, ascending within a row.
    others: Vec<u32>,
    /// Users who chose both.
    users: Vec<f32>,
    /// Σ over the entities that both are related to in the same way, of one over the root of how many items are.
    knowledge: Vec<f32>,
    /// The same two of each item with itself.
    own_users: Vec<f32>,
    own_knowledge: Vec<f32>,
}

/// The matrices of one order and one mixture, for each entry of [`Together`].
#[derive(Debug)]
pub(super) struct Mixed {
    /// What is inverted.
    pub(super) near: Vec<f32>,
    /// What is explained: of each entry of the row of an item, what the other says of it. Empty where that is `near`.
    pub(super) says: Vec<f32>,
    /// The diagonal of `near`.
    pub(super) own: Vec<f32>,
}

/// Entities by the items about them.
struct Columns {
    members: Vec<Vec<u32>>,
    of_item: Vec<Vec<u32>>,
}

impl Columns {
    /// The items that have a relation to a node in common; items that nobody chose and hubs left out.
    fn of(kg: &TrainKg, context: &Context) -> Result<Self> {
        let (items, users) = (kg.items(), kg.users());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let largest = ((count(items.len()) * HUB) as usize).clamp(2, LARGEST_COLUMN);
        let chosen: Vec<bool> = items.clone().map(|item| kg.popularity(NodeId(item)) > 0).collect();
        let place = |node: u32| node.checked_sub(items.start).filter(|&p| chosen.get(p as usize) == Some(&true));
        let mut columns = Self { members: Vec::new(), of_item: vec![Vec::new(); items.len()] };
        let num_nodes = u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
        for node in (0..num_nodes).filter(|node| !users.contains(node)) {
            context.check()?;
            for (relation, tails) in kg.arcs(NodeId(node)).runs() {
                let is_choice = [RelationId::INTERACTED, RelationId::INTERACTED_BY].contains(&relation);
                // Among the tails only those that are items count, but few relations lead to both.
                if is_choice || tails.len() < 2 {
                    continue;
                }
                let members: Vec<u32> = tails.iter().filter_map(|&tail| place(tail)).collect();
                if (2..=largest).contains(&members.len()) {
                    let column = u32::try_from(columns.members.len()).unwrap_or(u32::MAX);
                    for &member in &members {
                        columns.of_item.get_mut(member as usize).into_iter().for_each(|of| of.push(column));
                    }
                    columns.members.push(members);
                }
            }
        }
        Ok(columns)
    }
}

/// Numbers by item, of which those that are not 0 are known.
struct Sums {
    values: Vec<[f32; 2]>,
    touched: Vec<u32>,
    /// Room for a row before it is cut, used again: rows that grow and shrink among others leave holes in memory.
    whole: Row,
}

impl Sums {
    fn new(len: usize) -> Self {
        Self { values: vec![[0.0; 2]; len], touched: Vec::new(), whole: Vec::new() }
    }

    fn add(&mut self, item: u32, more: [f32; 2]) {
        let Some(value) = self.values.get_mut(item as usize) else { return };
        if *value == [0.0; 2] {
            self.touched.push(item);
        }
        value.iter_mut().zip(more).for_each(|(value, more)| *value += more);
    }

    fn at(&self, item: u32) -> [f32; 2] {
        self.values.get(item as usize).copied().unwrap_or_default()
    }

    fn clear(&mut self) {
        for item in self.touched.drain(..) {
            self.values.get_mut(item as usize).into_iter().for_each(|value| *value = [0.0; 2]);
        }
    }
}

/// A row: other items with how many users chose both and what knowledge they share.
type Row = Vec<(u32, [f32; 2])>;

impl<'a> Together<'a> {
    /// Counts. Of the row of an item those entries are kept that are largest beside the diagonal, so that memory is
    /// bounded by the number of items times a few hundred.
    ///
    /// # Errors
    /// A stop.
    pub fn new(kg: &'a TrainKg, context: &Context) -> Result<Self> {
        let num_items = kg.items().len();
        let of_user = |user: u32| {
            context.check()?;
            Ok(choices(kg, NodeId(user)))
        };
        let of_users: Vec<Vec<Choice>> = kg.users().into_par_iter().map(of_user).collect::<Result<_>>()?;
        let columns = Columns::of(kg, context)?;
        let empty = Self {
            kg,
            of_users,
            starts: vec![0],
            others: Vec::new(),
            users: Vec::new(),
            knowledge: Vec::new(),
            own_users: kg.items().map(|item| narrow(count(kg.popularity(NodeId(item))))).collect(),
            own_knowledge: columns.of_item.iter().map(|of| of.iter().map(|&c| columns.weight(c)).sum()).collect(),
        };
        let row = |sums: &mut Sums, item: usize| {
            context.check()?;
            Ok(empty.row(u32::try_from(item).unwrap_or(u32::MAX), &columns, sums))
        };
        let (mut starts, mut others, mut users, mut knowledge) = (vec![0], Vec::new(), Vec::new(), Vec::new());
        for first in (0..num_items).step_by(ROWS_AT_ONCE) {
            let some = first..num_items.min(first + ROWS_AT_ONCE);
            let rows: Vec<Row> = some.into_par_iter().map_init(|| Sums::new(num_items), row).collect::<Result<_>>()?;
            for row in rows {
                for (other, [chose_both, shared]) in row {
                    others.push(other);
                    users.push(chose_both);
                    knowledge.push(shared);
                }
                starts.push(others.len());
            }
        }
        Ok(Self { starts, others, users, knowledge, ..empty })
    }

    /// Whether items have knowledge in common.
    #[must_use]
    pub fn has_knowledge(&self) -> bool {
        self.own_knowledge.iter().any(|&own| own > 0.0)
    }

    /// How long a model takes to be solved, in items: so many pairs of choices take as long as an item.
    pub(super) fn work(&self) -> usize {
        const PAIRS: usize = 25_000;
        self.num_items() + self.of_users.iter().map(|choices| choices.len().pow(2)).sum::<usize>() / PAIRS
    }

    pub(super) fn num_items(&self) -> usize {
        self.own_users.len()
    }

    /// The row of an item, from its place: where its entries are, and the other items.
    pub(super) fn entries(&self, item: usize) -> (usize, &[u32]) {
        let at = |place: usize| self.starts.get(place).copied().unwrap_or(0);
        let (start, end) = (at(item), at(item + 1));
        (start, self.others.get(start..end).unwrap_or_default())
    }

    /// The choices of those who chose an item, each with that choice.
    fn around(&self, item: u32) -> impl Iterator<Item = (&Choice, &[Choice])> {
        let (kg, first) = (self.kg, self.kg.users().start);
        let users = kg.arcs(NodeId(kg.items().start + item)).of(RelationId::INTERACTED_BY).tails;
        users.iter().filter_map(move |user| {
            let choices = self.of_users.get((user - first) as usize)?;
            let at = choices.binary_search_by_key(&item, |choice| choice.item).ok()?;
            Some((choices.get(at)?, choices.as_slice()))
        })
    }

    fn row(&self, item: u32, columns: &Columns, sums: &mut Sums) -> Row {
        for (_, choices) in self.around(item) {
            choices.iter().for_each(|other| sums.add(other.item, [1.0, 0.0]));
        }
        for &column in columns.of_item.get(item as usize).into_iter().flatten() {
            let weight = columns.weight(column);
            let members = columns.members.get(column as usize);
            members.into_iter().flatten().for_each(|&other| sums.add(other, [0.0, weight]));
        }
        let mut row = std::mem::take(&mut sums.whole);
        row.clear();
        row.extend(sums.touched.iter().filter(|&&other| other != item).map(|&other| (other, sums.at(other))));
        sums.clear();
        let longest = (ENTRIES / self.num_items().max(1)).max(SHORTEST_ROW);
        if row.len() > longest {
            let closeness = |&(other, [users, knowledge]): &(u32, [f32; 2])| {
                let share = |own: &[f32], sum: f32| {
                    let own = |at: u32| own.get(at as usize).copied().unwrap_or(0.0);
                    if sum > 0.0 { sum / (own(item) * own(other)).sqrt() } else { 0.0 }
                };
                share(&self.own_users, users) + share(&self.own_knowledge, knowledge)
            };
            row.select_nth_unstable_by(longest, |a, b| closeness(b).total_cmp(&closeness(a)).then(a.0.cmp(&b.0)));
            row.truncate(longest);
        }
        row.sort_unstable_by_key(|(other, _)| *other);
        let cut = row.clone();
        sums.whole = row;
        cut
    }

    /// The matrices of an order: `alike` of what users chose together without one, `knowledge` times what they have in
    /// common.
    pub(super) fn mixed(&self, order: Order, alike: f32, knowledge: f32, context: &Context) -> Result<Mixed> {
        let mix = |users: f32, ordered: f32, shared: f32| alike * users + (1.0 - alike) * ordered + knowledge * shared;
        let is_directed = matches!(order, Order::Ahead { .. });
        let row = |sums: &mut Sums, item: usize| {
            context.check()?;
            let place = u32::try_from(item).unwrap_or(u32::MAX);
            if order != Order::Alike {
                for (own, choices) in self.around(place) {
                    for other in choices {
                        let says = if is_directed { order.says(other, own) } else { 0.0 };
                        sums.add(other.item, [order.near(own, other), says]);
                    }
                }
            }
            let (start, others) = self.entries(item);
            let facts =
                self.users.get(start..).into_iter().flatten().zip(self.knowledge.get(start..).into_iter().flatten());
            let mut near = Vec::with_capacity(others.len());
            let mut says = Vec::with_capacity(if is_directed { others.len() } else { 0 });
            for (&other, (&users, &shared)) in others.iter().zip(facts) {
                let [ordered, ahead] = if order == Order::Alike { [users, 0.0] } else { sums.at(other) };
                near.push(mix(users, ordered, shared));
                if is_directed {
                    says.push(mix(users, ahead, shared));
                }
            }
            let own = |of: &[f32]| of.get(item).copied().unwrap_or(0.0);
            let ordered = if order == Order::Alike { own(&self.own_users) } else { sums.at(place)[0] };
            let own = mix(own(&self.own_users), ordered, own(&self.own_knowledge));
            sums.clear();
            Ok((near, says, own))
        };
        let num_entries = self.others.len();
        let mut mixed = Mixed {
            near: Vec::with_capacity(num_entries),
            says: Vec::with_capacity(if is_directed { num_entries } else { 0 }),
            own: Vec::with_capacity(self.num_items()),
        };
        for first in (0..self.num_items()).step_by(ROWS_AT_ONCE) {
            let some = (first..self.num_items().min(first + ROWS_AT_ONCE)).into_par_iter();
            let rows: Vec<_> = some.map_init(|| Sums::new(self.num_items()), row).collect::<Result<_>>()?;
            for (near, says, own) in rows {
                mixed.near.extend::<Vec<f32>>(near);
                mixed.says.extend::<Vec<f32>>(says);
                mixed.own.push(own);
            }
        }
        Ok(mixed)
    }
}

impl Columns {
    fn weight(&self, column: u32) -> f32 {
        self.members.get(column as usize).map_or(0.0, |members| narrow(count(members.len()).sqrt().recip()))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "counts and their roots fit as well as anything")]
fn narrow(value: f64) -> f32 {
    value as f32
}
