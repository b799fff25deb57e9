//! Which nodes are items: their ids, and the table that a mapping names.

use super::collector::Collector;
use super::folder::File;
use super::further::{self, FURTHER_TYPES};
use super::gathered::At;
use super::mapping::{ItemId, Mapping, MatchedBy};
use super::numbers::{self, local};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::records::Node;
use super::table::Table;
use super::values;
use crate::dataset::NONE;
use crate::error::{Result, show};
use std::borrow::Cow;
use std::collections::HashMap;

/// The id of the item that a node is.
pub(super) fn item_id<'a>(mapping: &Mapping, node: &'a str) -> Cow<'a, str> {
    match mapping.items.id {
        ItemId::Id => mapping.shorten(node),
        ItemId::Local => Cow::Borrowed(local_id(mapping, node)),
    }
}

/// The local name of a node, without the short name of a namespace, which ends at its colon.
fn local_id<'a>(mapping: &Mapping, node: &'a str) -> &'a str {
    match local(node).rsplit_once(':') {
        Some((short, rest)) if mapping.namespaces.contains_key(short) => rest,
        _ => local(node),
    }
}

/// Reads which items are which nodes.
pub(super) fn items_of_table(
    file: &File,
    mapping: &Mapping,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    // RecBole types its columns.
    let column = |names: &[&str]| {
        let plain = |column: &String| column.split(':').next().unwrap_or_default().to_owned();
        table.header().iter().position(|column| names.contains(&plain(column).as_str()))
    };
    let (item, node) = (column(&["item_id"]), column(&["entity_id", "iri", "uri"]));
    let title = column(&["title", "name"]);
    let (Some(item), Some(node)) = (item, node) else {
        let found = show(table.header().join(", ").as_bytes());
        let message = format!("expected columns item_id and entity_id or iri, found {found}");
        return table.refuse_header(reading, Flaw::new("header", message));
    };
    let further = column(&[FURTHER_TYPES]);
    let nodes = Named::of(mapping, collector);
    let of_file = collector.begin_file(&file.path)?;
    table.each(reading, |record| {
        let at = At::record(of_file, record);
        let named = values::name(record.field(item))?;
        let further = further.map_or_else(|| Ok(Vec::new()), |column| further::names(record.field(column)))?;
        let listed = collector.list_item(at, named, title.map(|c| record.field(c)))?;
        collector.add_spelled(Node::Item(named.text()), further);
        let text = record.field(node).text;
        if text.is_empty() {
            return Ok(());
        }
        let id = nodes.find(text, mapping).map_err(|flaw| flaw.at(node))?;
        let linked = collector.link(at, listed, numbers::name(&id, 1)?);
        linked.map_err(|flaw| flaw.in_columns(&[item, node]))
    })
}

/// Nodes by what a table calls them.
enum Named {
    /// By ids, which need no list.
    Ids,
    /// The id of the node of each name; none where several nodes have it.
    Names(HashMap<String, Option<String>>),
}

impl Named {
    fn of(mapping: &Mapping, collector: &Collector) -> Self {
        let dataset = &collector.dataset;
        let label = |entity: u32| {
            let label = dataset.entity_labels.get(entity as usize).copied().unwrap_or(NONE);
            if label == NONE { "" } else { dataset.labels.get(label) }
        };
        let kind = |entity: u32| dataset.entity_types.get(entity as usize).map_or("", |&kind| dataset.types.get(kind));
        let name = |entity: u32| match mapping.items.matched_by {
            MatchedBy::Id | MatchedBy::Local => local_id(mapping, dataset.entities.get(entity)).to_owned(),
            MatchedBy::Label => label(entity).to_owned(),
            MatchedBy::TypeAndLabel => [kind(entity), ":", label(entity)].concat(),
        };
        if mapping.items.matched_by == MatchedBy::Id {
            return Self::Ids;
        }
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        for entity in (0..).take(dataset.entities.len()) {
            let id = dataset.entities.get(entity).to_owned();
            names.entry(name(entity)).and_modify(|known| *known = None).or_insert(Some(id));
        }
        Self::Names(names)
    }

    fn find<'a>(&'a self, text: &'a str, mapping: &Mapping) -> Checked<Cow<'a, str>> {
        match self {
            Self::Ids => {
                let iri = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
                Ok(mapping.shorten(iri))
            }
            Self::Names(names) => match names.get(text) {
                Some(Some(id)) => Ok(Cow::Borrowed(id)),
                Some(None) => {
                    let message = format!("several nodes are called `{}`; match by id", show(text.as_bytes()));
                    Err(Flaw::new("ambiguous", message))
                }
                // A node that is not there is told as any link that leads nowhere.
                None => Ok(Cow::Borrowed(text)),
            },
        }
    }
}
