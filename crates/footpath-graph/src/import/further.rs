//! Further types of nodes as they are read: names parted by semicolons, beside the type of a node.

use super::collector::Collector;
use super::field::Field;
use super::findings::{Finding, Severity};
use super::problems::{Checked, Problems};
use super::records::Node;
use super::values;
use crate::dataset::{Dataset, RawFurther};
use crate::error::show;
use crate::interner::Interner;
use crate::kg::{RESERVED_NAMES, is_further_name};

/// Name of the column with the further types of a node.
pub(super) const FURTHER_TYPES: &str = "further_types";

/// The further types that a field names, parted by semicolons; none in an empty one.
pub(super) fn names(field: Field<'_>) -> Checked<Vec<&str>> {
    let parts = field.text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| name(Field { text: part, ..field })).collect()
}

/// The name of a further type.
pub(super) fn name(field: Field<'_>) -> Checked<&str> {
    let name = values::name(field)?.text();
    if is_further_name(name) {
        return Ok(name);
    }
    let shown = show(name.as_bytes());
    let message = match RESERVED_NAMES.contains(&name) {
        true => format!("`{shown}` is what patterns call other nodes; rename the further type"),
        false => format!("the name of a further type has no semicolon and no backtick; rename `{shown}`"),
    };
    Err(field.flaw("further_type", message))
}

impl Collector {
    /// Takes the further types of a node.
    pub(super) fn add_further<'n>(&mut self, node: Node<'_>, names: impl IntoIterator<Item = &'n str>) {
        let Dataset { further_types, further_of_users, further_of_items, further_of_entities, .. } = &mut self.dataset;
        let (told, id) = match node {
            Node::User(id) => (further_of_users, id),
            Node::Item(id) => (further_of_items, id),
            Node::Entity(id) => (further_of_entities, id),
        };
        for name in names {
            told.types.push((told.ids.intern(id).0, further_types.intern(name).0));
        }
    }

    /// The same of a node by an id that may be spelled in other ways.
    pub(super) fn add_spelled(&mut self, node: Node<'_>, names: Vec<&str>) {
        let (Node::User(id) | Node::Item(id) | Node::Entity(id)) = node;
        let id = self.spelled_id(id).into_owned();
        let node = match node {
            Node::User(_) => Node::User(&id),
            Node::Item(_) => Node::Item(&id),
            Node::Entity(_) => Node::Entity(&id),
        };
        self.add_further(node, names);
    }

    /// Tells of further types of what is no node at all. To be called before any node is dropped.
    pub(super) fn settle_further(&self, problems: &mut Problems) {
        let Dataset { users, items, entities, .. } = &self.dataset;
        let Dataset { further_of_users, further_of_items, further_of_entities, .. } = &self.dataset;
        let all: [(&str, &RawFurther, &Interner); 3] = [
            ("users", further_of_users, users),
            ("items", further_of_items, items),
            ("entities", further_of_entities, entities),
        ];
        for (what, told, nodes) in all {
            let mut strangers =
                (0..).take(told.ids.len()).map(|id| told.ids.get(id)).filter(|id| nodes.find(id).is_none());
            let Some(first) = strangers.next() else { continue };
            let (count, num) = (1 + strangers.count() as u64, told.ids.len() as u64);
            let message = format!(
                "{count} of {num} {what} with further types are not in the data, such as `{}`; these are left out",
                show(first.as_bytes())
            );
            let severity = if count == num { Severity::Serious } else { Severity::Note };
            problems.find(Finding::new("further_types_of_strangers", severity, count, message));
        }
    }
}
