//! The table that says which entities items are.

use super::parts::{Integer, Place, Table, Text, ascending};
use super::texts;
use crate::error::Result;
use footpath_core::Stage;
use std::ops::Range;

/// Its columns.
pub(super) const COLUMNS: [&str; 5] = ["node", "kind", "id", "type", "label"];

/// Bytes of the texts of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AliasCounts {
    pub(super) num: u64,
    pub(super) id_bytes: u64,
    pub(super) type_bytes: u64,
    pub(super) label_bytes: u64,
}

/// Checks the texts and the order; the nodes are looked at beside their ids, by [`Checked`].
pub(super) fn check(table: &Table, items: &Range<u64>, stage: &Stage<'_>) -> Result<AliasCounts> {
    let mut counts = AliasCounts { num: table.num_rows, ..AliasCounts::default() };
    let (mut node, mut kind) = (table.column::<Integer>("node"), table.column::<Integer>("kind"));
    let [mut id, mut type_, mut label] = ["id", "type", "label"].map(|name| table.column::<Text>(name));
    let mut before = None;
    while let Some(nodes) = node.next()? {
        let (Some(kinds), Some(ids), Some(types), Some(labels)) =
            (kind.next()?, id.next()?, type_.next()?, label.next()?)
        else {
            break;
        };
        let rows = nodes.all()?.iter().zip(kinds.all()?).zip(ids.all()?).zip(types.all()?).zip(labels.all()?);
        for (row, ((((&node, &kind), id), named), label)) in rows.enumerate() {
            let at = nodes.place(row);
            ascending(table, at, before.as_ref(), &(node, kind), "node and kind")?;
            before = Some((node, kind));
            if !u64::try_from(node).is_ok_and(|node| items.contains(&node)) {
                return Err(table.bad(at, "id", format!("node {node} is none of the items {items:?}")));
            }
            if !(0..=2).contains(&kind) {
                return Err(table.bad(at, "kind", format!("kind {kind} is none of 0, 1 and 2")));
            }
            let bad = |(kind, message): (&'static str, String)| table.bad(at, kind, message);
            for bytes in [id.data(), named.data()].into_iter().filter(|bytes| !bytes.is_empty()) {
                texts::name(bytes).map_err(bad)?;
            }
            texts::label(label.data()).map_err(bad)?;
            if (kind == 2) != named.data().is_empty() {
                let message = "an entity has a type, but one that an item still waits for (kind 2) has none";
                return Err(table.bad(at, "type", message));
            }
            counts.id_bytes += id.data().len() as u64;
            counts.type_bytes += named.data().len() as u64;
            counts.label_bytes += label.data().len() as u64;
        }
        stage.advance(nodes.num_rows as u64)?;
    }
    Ok(counts)
}

/// Where the aliases of nodes stand, to be seen beside the ids of the nodes.
pub(super) struct Checked<'t> {
    table: &'t Table,
    node: super::parts::Column<'t, Integer>,
    id: super::parts::Column<'t, Text>,
    block: Vec<(Place, i64, Vec<u8>)>,
    next: usize,
}

impl<'t> Checked<'t> {
    pub(super) fn of(table: &'t Table) -> Result<Self> {
        let (node, id) = (table.column::<Integer>("node"), table.column::<Text>("id"));
        let mut checked = Self { table, node, id, block: Vec::new(), next: 0 };
        checked.refill()?;
        Ok(checked)
    }

    fn refill(&mut self) -> Result<()> {
        self.block.clear();
        self.next = 0;
        let (Some(nodes), Some(ids)) = (self.node.next()?, self.id.next()?) else { return Ok(()) };
        let rows = nodes.all()?.iter().zip(ids.all()?).enumerate();
        self.block.extend(rows.map(|(row, (&node, id))| (nodes.place(row), node, id.data().to_vec())));
        Ok(())
    }

    /// Refuses an alias of this node that is its own id, which has to be left out.
    pub(super) fn at_node(&mut self, number: u64, name: &str) -> Result<()> {
        while let Some((at, node, id)) = self.block.get(self.next)
            && u64::try_from(*node).is_ok_and(|node| node <= number)
        {
            if id.as_slice() == name.as_bytes() {
                let message = "the id of the entity is that of the node; leave it empty";
                return Err(self.table.bad(*at, "id", message));
            }
            self.next += 1;
            if self.next >= self.block.len() {
                self.refill()?;
            }
        }
        Ok(())
    }
}
