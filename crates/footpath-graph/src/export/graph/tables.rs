//! A dataset folder, from which an import makes the same graph again.

use super::rows::{Rows, TableForm};
use super::whole::Whole;
use crate::attributes::Attribute;
use crate::error::Result;
use crate::export::cells::{Cell, CellKind, Column};
use footpath_core::{ArtefactWriter, NodeId};
use std::io;

const ENTITIES: [Column<'_>; 3] = [("entity_id", CellKind::Text), ("type", CellKind::Text), ("label", CellKind::Text)];
const RELATIONS: [Column<'_>; 4] = [
    ("relation_id", CellKind::Text),
    ("name", CellKind::Text),
    ("forward_label", CellKind::Text),
    ("inverse_label", CellKind::Text),
];
const TRIPLES: [Column<'_>; 4] =
    [("head", CellKind::Text), ("relation", CellKind::Text), ("tail", CellKind::Text), ("split", CellKind::Text)];
const WEIGHT: Column<'_> = ("weight", CellKind::Real);
const ITEMS: [Column<'_>; 3] = [("item_id", CellKind::Text), ("entity_id", CellKind::Text), ("title", CellKind::Text)];
/// Further types of a node, parted by semicolons; only in the tables of a graph that has some.
const FURTHER: Column<'_> = ("further_types", CellKind::Text);
const USERS: [Column<'_>; 2] = [("user_id", CellKind::Text), ("entity_id", CellKind::Text)];
const CHOICES: [Column<'_>; 3] = [("user_id", CellKind::Text), ("item_id", CellKind::Text), ("split", CellKind::Text)];
const RATING: Column<'_> = ("rating", CellKind::Real);
const TIMESTAMP: Column<'_> = ("timestamp", CellKind::Integer);

/// Writes the tables of entities, relations, triples, items, interactions, users and attributes. A graph without users
/// has no interactions, one without items no items, and one whose users have no facts no list of users.
pub(super) fn write(whole: &Whole<'_>, form: TableForm, folder: &mut ArtefactWriter) -> Result<()> {
    let kg = whole.kg;
    table(whole, form, folder, "entities", &with_further(whole, &ENTITIES), |rows| entities(whole, rows))?;
    table(whole, form, folder, "relations", &RELATIONS, |rows| relations(whole, rows))?;
    let triple_columns = [&TRIPLES[..], if kg.has_weights() { &[WEIGHT] } else { &[] }].concat();
    table(whole, form, folder, "triples", &triple_columns, |rows| triples(whole, rows))?;
    if !kg.items().is_empty() {
        item_list(whole, form, folder)?;
    }
    log(whole, form, folder)?;
    let have_further = kg.users().map(NodeId).any(|user| kg.further_types(user).next().is_some());
    if kg.schema().users_have_facts || have_further {
        table(whole, form, folder, "users", &with_further(whole, &USERS), |rows| users(whole, rows))?;
    }
    attribute_table(whole, form, folder)
}

/// Writes the table of attributes, where items have any.
pub(super) fn attribute_table(whole: &Whole<'_>, form: TableForm, folder: &mut ArtefactWriter) -> Result<()> {
    let attributes: Vec<Attribute<'_>> = whole.kg.attributes().collect();
    if attributes.is_empty() {
        return Ok(());
    }
    let mut columns = vec![("item_id", CellKind::Text)];
    columns.extend(attributes.iter().map(|attribute| (attribute.name, CellKind::Text)));
    table(whole, form, folder, "attributes", &columns, |rows| attributes_of_items(whole, &attributes, rows))
}

fn attributes_of_items(whole: &Whole<'_>, attributes: &[Attribute<'_>], rows: &mut dyn Rows) -> io::Result<()> {
    whole.each(whole.kg.items(), |item| {
        let place = (item.0 - whole.kg.items().start) as usize;
        let texts: Vec<String> = attributes.iter().map(|attribute| attribute.text(place)).collect();
        if texts.iter().all(String::is_empty) {
            return Ok(());
        }
        let mut cells = vec![Cell::Text(whole.kg.id(item))];
        cells.extend(texts.iter().map(|text| Cell::Text(text)));
        rows.row(&cells)
    })
}

/// Writes the table of items.
pub(super) fn item_list(whole: &Whole<'_>, form: TableForm, folder: &mut ArtefactWriter) -> Result<()> {
    table(whole, form, folder, "items", &with_further(whole, &ITEMS), |rows| items(whole, rows))
}

/// Writes the table of interactions, where there are users.
pub(super) fn log(whole: &Whole<'_>, form: TableForm, folder: &mut ArtefactWriter) -> Result<()> {
    let schema = whole.kg.schema();
    if whole.kg.users().is_empty() {
        return Ok(());
    }
    let mut columns = CHOICES.to_vec();
    columns.extend(schema.has_ratings.then_some(RATING));
    columns.extend(schema.has_times.then_some(TIMESTAMP));
    table(whole, form, folder, "interactions", &columns, |rows| interactions(whole, rows))
}

/// Columns of a table of nodes.
fn with_further<'c>(whole: &Whole<'_>, columns: &[Column<'c>]) -> Vec<Column<'c>> {
    let further = if whole.has_further() { &[FURTHER][..] } else { &[] };
    [columns, further].concat()
}

/// Gives the row of a node in a table [`with_further`].
fn node_row(whole: &Whole<'_>, node: NodeId, cells: &[Cell<'_>], rows: &mut dyn Rows) -> io::Result<()> {
    if !whole.has_further() {
        return rows.row(cells);
    }
    rows.row(&[cells, &[Cell::Text(&whole.further(node))]].concat())
}

fn table(
    whole: &Whole<'_>,
    form: TableForm,
    folder: &mut ArtefactWriter,
    stem: &str,
    columns: &[Column<'_>],
    fill: impl FnOnce(&mut dyn Rows) -> io::Result<()> + Send,
) -> Result<()> {
    let name = format!("{stem}.{}", form.extension());
    Ok(folder.add(&name, |out| form.write(columns, whole.context, out, fill))?)
}

fn entities(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    whole.each(0..whole.kg.items().end, |node| {
        if !whole.has_facts(node) {
            return Ok(());
        }
        // The title of an item stands in the list of items, and a user has its label from here.
        let label = if whole.kg.is_item(node) { "" } else { whole.label(node) };
        // Its further types stand in the list of items, or of users.
        let cells = [Cell::Text(&whole.name(node)), Cell::Text("entity"), Cell::Text(label), Cell::Text("")];
        rows.row(cells.get(..ENTITIES.len() + usize::from(whole.has_further())).unwrap_or_default())
    })?;
    whole.each(whole.entities(), |node| {
        let cells = [Cell::Text(whole.kg.id(node)), Cell::Text(whole.kind(node)), Cell::Text(whole.label(node))];
        node_row(whole, node, &cells, rows)
    })
}

fn relations(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    for (number, relation) in whole.kg.schema().relations.iter().enumerate().skip(1) {
        let readings = [&relation.name, &relation.forward, &relation.inverse].map(|text| Cell::Text(text));
        rows.row(&[&[Cell::Text(&number.to_string())], &readings[..]].concat())?;
    }
    Ok(())
}

fn triples(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    let has_weights = whole.kg.has_weights();
    whole.each_fact(|fact| {
        let [head, tail] = [fact.triple.head, fact.triple.tail].map(|node| whole.name(node));
        let relation = (fact.triple.relation.index() / 2).to_string();
        let cells = [
            Cell::Text(&head),
            Cell::Text(&relation),
            Cell::Text(&tail),
            Cell::Text(fact.split.name()),
            Cell::Real(fact.weight),
        ];
        rows.row(cells.get(..TRIPLES.len() + usize::from(has_weights)).unwrap_or_default())
    })
}

/// The list of items: which entity each is, where it has facts, and its title.
fn items(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    whole.each(whole.kg.items(), |item| {
        let entity = if whole.has_facts(item) { whole.name(item) } else { String::new() };
        let cells = [Cell::Text(whole.kg.id(item)), Cell::Text(&entity), Cell::Text(whole.label(item))];
        node_row(whole, item, &cells, rows)
    })
}

fn users(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    whole.each(whole.kg.users(), |user| {
        let entity = if whole.has_facts(user) { whole.name(user) } else { String::new() };
        if entity.is_empty() && whole.further(user).is_empty() {
            return Ok(());
        }
        node_row(whole, user, &[Cell::Text(whole.kg.id(user)), Cell::Text(&entity)], rows)
    })
}

fn interactions(whole: &Whole<'_>, rows: &mut dyn Rows) -> io::Result<()> {
    let schema = whole.kg.schema();
    whole.each_choice(|choice| {
        let [user, item] = [choice.user, choice.item].map(|node| Cell::Text(whole.kg.id(node)));
        let mut cells = vec![user, item, Cell::Text(choice.split.name())];
        cells.extend(schema.has_ratings.then_some(Cell::Real(choice.rating)));
        cells.extend(schema.has_times.then_some(Cell::Integer(choice.time)));
        rows.row(&cells)
    })
}
