//! What a rule holds of, in a graph.

use super::RuleError;
use super::parse::{Comparison, Expression, Word};
use crate::attributes::{Attributes, Value};
use crate::search::SearchIndex;
use footpath::{NodeId, NodeSet, RelationId, TrainKg, TypeId};
use std::cmp::Ordering;
use std::ops::Range;

/// What rules are about.
pub(crate) struct World<'a> {
    pub(crate) kg: &'a TrainKg,
    pub(crate) attributes: &'a Attributes,
    /// The labels, where they are indexed by now.
    pub(crate) index: Option<&'a SearchIndex>,
    /// Seconds since 1970: what `now` is in a comparison.
    pub(crate) now: f64,
}

/// Figures of a node that need no table.
#[derive(Clone, Copy)]
enum Figure {
    Popularity,
    Degree,
}

impl World<'_> {
    /// The nodes that a rule holds of.
    pub(crate) fn nodes(&self, rule: &Expression) -> Result<NodeSet, RuleError> {
        match rule {
            Expression::Any(parts) => {
                let mut set = self.none();
                for part in parts {
                    set.add(&self.nodes(part)?);
                }
                Ok(set)
            }
            Expression::All(parts) => {
                let mut set = self.none();
                set.invert(&self.all());
                for part in parts {
                    set.keep(&self.nodes(part)?);
                }
                Ok(set)
            }
            Expression::Not(part) => {
                let mut set = self.nodes(part)?;
                set.invert(&self.all());
                Ok(set)
            }
            Expression::Has(name, values) => self.having(name, values),
            Expression::Compare(name, comparison, value) => self.compared(name, *comparison, value),
        }
    }

    /// All nodes.
    pub(crate) fn all(&self) -> Range<u32> {
        0..u32::try_from(self.kg.num_nodes()).unwrap_or(u32::MAX)
    }

    /// No node.
    pub(crate) fn none(&self) -> NodeSet {
        NodeSet::none(&self.all())
    }

    /// Nodes that have one of these values.
    fn having(&self, name: &Word, values: &[Word]) -> Result<NodeSet, RuleError> {
        let mut set = self.none();
        if let Some(column) = self.attributes.column(&name.text) {
            let read: Vec<Value> = values.iter().map(|value| Value::read(&value.text)).collect();
            let has = |value: &Value| read.iter().any(|other| value.compare(other) == Some(Ordering::Equal));
            column.iter().filter(|(_, value)| has(value)).for_each(|(node, _)| set.insert(*node));
            return Ok(set);
        }
        for value in values {
            self.connected(name, value, &mut set)?;
        }
        Ok(set)
    }

    /// Puts in the nodes that are this one, of this type, or connected to this one.
    fn connected(&self, name: &Word, value: &Word, set: &mut NodeSet) -> Result<(), RuleError> {
        let unknown = |help: &str| {
            RuleError::new(value.position, format!("there is no {} `{}`", name.text, value.text)).help(help)
        };
        if matches!(name.text.as_str(), "item" | "user" | "entity") {
            let node = self.kg.node(&format!("{}:{}", name.text, value.text));
            set.insert(node.map_err(|_| unknown("write the id of a node"))?);
            return Ok(());
        }
        if name.text == "type" {
            let kind = self.type_named(&value.text).ok_or_else(|| unknown(&self.names_of_types()))?;
            self.kg.range(kind).for_each(|node| set.insert(NodeId(node)));
            return Ok(());
        }
        let relation = self.kg.relation(&name.text);
        let kind = self.type_named(&name.text);
        if relation.is_none() && kind.is_none() {
            let message = format!("`{}` is no relation, type or attribute", name.text);
            return Err(RuleError::new(name.position, message).help(self.names()));
        }
        let found = self.ends(relation, kind, &value.text);
        if found.is_empty() {
            return Err(unknown("write the id or the label of a node"));
        }
        for node in found {
            for (along, tail) in self.kg.arcs(node).iter() {
                // Arcs are looked at from the other end.
                if relation.is_none_or(|relation| along == relation.inverse()) {
                    set.insert(tail);
                }
            }
        }
        Ok(())
    }

    /// The nodes that a name stands for at the end of a relation, or among those of a type: those with this id, else
    /// those with this label.
    fn ends(&self, relation: Option<RelationId>, kind: Option<TypeId>, name: &str) -> Vec<NodeId> {
        let fits = |node: &NodeId| match (relation, kind) {
            (Some(relation), _) => !self.kg.arcs(*node).of(relation.inverse()).is_empty(),
            (None, Some(kind)) => self.kg.type_of(*node) == kind,
            (None, None) => false,
        };
        let whole = [Some(name.to_owned()), Some(format!("entity:{name}")), Some(format!("item:{name}"))];
        let with_id: Vec<NodeId> =
            whole.iter().flatten().filter_map(|name| self.kg.node(name).ok()).filter(fits).collect();
        if !with_id.is_empty() {
            return with_id;
        }
        let range = match (relation, kind) {
            (None, Some(kind)) => self.kg.range(kind),
            _ => self.kg.users().end..self.all().end,
        };
        let wanted = name.to_lowercase();
        let has_label = |node: &NodeId| {
            let label = self.kg.label(*node);
            (label.len() == name.len() && label.eq_ignore_ascii_case(name)) || label.to_lowercase() == wanted
        };
        match self.index.and_then(|index| index.with_words(name)) {
            Some(nodes) => nodes.into_iter().filter(|n| range.contains(&n.0) && has_label(n) && fits(n)).collect(),
            None => range.map(NodeId).filter(|node| has_label(node) && fits(node)).collect(),
        }
    }

    fn type_named(&self, name: &str) -> Option<TypeId> {
        let place = self.kg.schema().types.iter().position(|kind| kind.name == name)?;
        u16::try_from(place).ok().map(TypeId)
    }

    fn names_of_types(&self) -> String {
        let names: Vec<&str> = self.kg.schema().types.iter().take(20).map(|kind| kind.name.as_str()).collect();
        format!("types are {}", names.join(", "))
    }

    fn names(&self) -> String {
        let relations: Vec<&str> = self.kg.schema().relations.iter().take(20).map(|r| r.name.as_str()).collect();
        let attributes: Vec<&str> = self.attributes.names().take(20).collect();
        let of_attributes =
            if attributes.is_empty() { String::new() } else { format!("; attributes are {}", attributes.join(", ")) };
        format!("relations are {}; {}{of_attributes}", relations.join(", "), self.names_of_types())
    }

    /// Nodes whose attribute compares like this; one that has no such attribute compares in no way.
    fn compared(&self, name: &Word, comparison: Comparison, value: &Word) -> Result<NodeSet, RuleError> {
        let wanted = if value.text == "now" { Value::Number(self.now) } else { Value::read(&value.text) };
        let mut set = self.none();
        if let Some(column) = self.attributes.column(&name.text) {
            let holds = |value: &Value| value.compare(&wanted).is_some_and(|order| comparison.holds(order));
            column.iter().filter(|(_, value)| holds(value)).for_each(|(node, _)| set.insert(*node));
            return Ok(set);
        }
        let figure = match name.text.as_str() {
            "popularity" => Figure::Popularity,
            "degree" => Figure::Degree,
            other => {
                let error = RuleError::new(name.position, format!("`{other}` is no attribute"));
                return Err(error.help(format!("popularity and degree are always there; {}", self.names())));
            }
        };
        let Value::Number(number) = wanted else {
            return Err(RuleError::new(value.position, format!("`{}` is no number", value.text)));
        };
        let nodes = match figure {
            Figure::Popularity => self.kg.items(),
            Figure::Degree => self.all(),
        };
        for node in nodes.map(NodeId) {
            #[expect(clippy::cast_precision_loss, reason = "a count, far below 2^52")]
            let own = match figure {
                Figure::Popularity => self.kg.popularity(node),
                Figure::Degree => self.kg.degree(node),
            } as f64;
            if own.partial_cmp(&number).is_some_and(|order| comparison.holds(order)) {
                set.insert(node);
            }
        }
        Ok(set)
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::Unequal => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}
