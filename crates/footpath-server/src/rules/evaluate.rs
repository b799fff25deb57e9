//! What a rule holds of, in a graph.

use super::RuleError;
use super::parse::{Comparison, Expression, Word};
use crate::attributes::{Attributes, Value};
use crate::search::SearchIndex;
use footpath::{NodeId, NodeSet, RelationId, TrainKg};
use std::cmp::Ordering;
use std::ops::Range;

/// Most hops of a way to a value.
const MAX_HOPS: usize = 8;

/// What rules are about.
pub(crate) struct World<'a> {
    pub(crate) kg: &'a TrainKg,
    pub(crate) attributes: &'a Attributes,
    /// The labels, where they are indexed by now.
    pub(crate) index: Option<&'a SearchIndex>,
    /// Seconds since 1970: what `now` is in a comparison.
    pub(crate) now: f64,
    /// Nodes that whoever wrote the rule may not see: they stand for nothing in it, as if the graph did not have them.
    pub(crate) hidden: Option<&'a NodeSet>,
}

/// Figures of a node that need no table.
#[derive(Clone, Copy)]
enum Figure {
    Popularity,
    Degree,
}

/// A hop on the way to a value.
enum Hop {
    /// Along this relation, as it is stated or turned round.
    Along(RelationId),
    /// To a node of a type or further type, along any relation: those nodes, as ranges.
    To(Vec<Range<u32>>),
}

impl Hop {
    /// Whether an arc, looked at from where the hop ends, is one of it.
    fn leads_along(&self, arc: RelationId) -> bool {
        match self {
            Self::Along(relation) => arc == relation.inverse(),
            Self::To(_) => true,
        }
    }
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

    /// Whether whoever wrote the rule may see a node.
    fn sees(&self, node: NodeId) -> bool {
        !self.hidden.is_some_and(|hidden| hidden.contains(node))
    }

    /// Nodes that have one of these values.
    fn having(&self, name: &Word, values: &[Word]) -> Result<NodeSet, RuleError> {
        let mut set = self.none();
        if let Some(column) = self.attributes.column(&name.text) {
            let read: Vec<Value> = values.iter().map(|value| column.wanted(&value.text)).collect();
            let has = |value: &Value| read.iter().any(|other| value.compare(other) == Some(Ordering::Equal));
            column.values.iter().filter(|(_, value)| has(value)).for_each(|(node, _)| set.insert(*node));
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
            let node = node.ok().filter(|&node| self.sees(node));
            set.insert(node.ok_or_else(|| unknown("write the id of a node"))?);
            return Ok(());
        }
        if name.text == "type" {
            let nodes = self.kg.schema().named(&value.text).ok_or_else(|| unknown(&self.names_of_types()))?;
            nodes.into_iter().flatten().for_each(|node| set.insert(NodeId(node)));
            return Ok(());
        }
        let hops = self.hops(name)?;
        let Some((last, before)) = hops.split_last() else { return Ok(()) };
        let found = self.ends(last, &value.text);
        if found.is_empty() {
            return Err(unknown("write the id or the label of a node"));
        }
        let mut reached = self.before(last, found);
        for hop in before.iter().rev() {
            let through = reached.into_iter().filter(|&node| self.fits(hop, node)).collect();
            reached = self.before(hop, through);
        }
        reached.into_iter().for_each(|node| set.insert(node));
        Ok(())
    }

    /// What a name says of the way to a value: a relation or a type, or several of them with `/` between, which are
    /// gone along one after the other. A relation may have a `/` in its own name.
    fn hops(&self, name: &Word) -> Result<Vec<Hop>, RuleError> {
        let hop = |text: &str| match (self.kg.relation(text), self.kg.schema().named(text)) {
            (Some(relation), _) => Some(Hop::Along(relation)),
            (None, Some(nodes)) => Some(Hop::To(nodes)),
            (None, None) => None,
        };
        if let Some(only) = hop(&name.text) {
            return Ok(vec![only]);
        }
        let parts: Vec<&str> = name.text.split('/').collect();
        if parts.len() > MAX_HOPS {
            return Err(RuleError::new(name.position, format!("a way has at most {MAX_HOPS} hops")));
        }
        let found = |part: &&str| {
            hop(part).ok_or_else(|| {
                let message = format!("`{part}` is no relation, type or attribute");
                RuleError::new(name.position, message).help(self.names())
            })
        };
        parts.iter().map(found).collect()
    }

    /// The nodes from which a hop leads to one of these, each once.
    fn before(&self, hop: &Hop, ends: Vec<NodeId>) -> Vec<NodeId> {
        let mut reached = Vec::new();
        for node in ends {
            // Arcs are looked at from the other end.
            let arcs = self.kg.arcs(node).iter();
            let before = arcs.filter(|(along, _)| hop.leads_along(*along)).map(|(_, tail)| tail);
            reached.extend(before.filter(|&node| self.sees(node)));
        }
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    /// Whether a node may be where a hop ends.
    fn fits(&self, hop: &Hop, node: NodeId) -> bool {
        match hop {
            Hop::Along(relation) => !self.kg.arcs(node).of(relation.inverse()).is_empty(),
            Hop::To(nodes) => nodes.iter().any(|range| range.contains(&node.0)),
        }
    }

    /// The nodes that a name stands for at the end of a hop: those with this id, else those with this label.
    fn ends(&self, hop: &Hop, name: &str) -> Vec<NodeId> {
        let fits = |node: &NodeId| self.sees(*node) && self.fits(hop, *node);
        let whole = [Some(name.to_owned()), Some(format!("entity:{name}")), Some(format!("item:{name}"))];
        let with_id: Vec<NodeId> =
            whole.iter().flatten().filter_map(|name| self.kg.node(name).ok()).filter(fits).collect();
        if !with_id.is_empty() {
            return with_id;
        }
        let ranges = match hop {
            Hop::To(nodes) => nodes.clone(),
            Hop::Along(_) => std::iter::once(self.kg.users().end..self.all().end).collect(),
        };
        let is_inside = |node: &NodeId| ranges.iter().any(|range| range.contains(&node.0));
        let wanted = name.to_lowercase();
        let has_label = |node: &NodeId| {
            let label = self.kg.label(*node);
            (label.len() == name.len() && label.eq_ignore_ascii_case(name)) || label.to_lowercase() == wanted
        };
        match self.index.and_then(|index| index.with_words(name)) {
            Some(nodes) => nodes.into_iter().filter(|n| is_inside(n) && has_label(n) && fits(n)).collect(),
            None => ranges.iter().cloned().flatten().map(NodeId).filter(|node| has_label(node) && fits(node)).collect(),
        }
    }

    fn names_of_types(&self) -> String {
        let schema = self.kg.schema();
        let types = schema.types.iter().map(|of| &of.name);
        let names: Vec<&str> = types.chain(&schema.further_types).take(20).map(String::as_str).collect();
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
            let wanted = if value.text == "now" { wanted } else { column.wanted(&value.text) };
            let holds = |value: &Value| value.compare(&wanted).is_some_and(|order| comparison.holds(order));
            column.values.iter().filter(|(_, value)| holds(value)).for_each(|(node, _)| set.insert(*node));
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
                Figure::Degree => visible_degree(self.kg, node, self.hidden),
            } as f64;
            if own.partial_cmp(&number).is_some_and(|order| comparison.holds(order)) {
                set.insert(node);
            }
        }
        Ok(set)
    }
}

/// The arcs of a node that lead to what is not hidden.
pub(crate) fn visible_degree(kg: &TrainKg, node: NodeId, hidden: Option<&NodeSet>) -> usize {
    match hidden {
        None => kg.degree(node),
        Some(hidden) => kg.arcs(node).iter().filter(|(_, tail)| !hidden.contains(*tail)).count(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::parse::parse;
    use footpath::Context;
    use footpath::import::{DatasetBuilder, Entity, Item, Node, Options, Source, Triple};

    #[test]
    fn further_types_are_types_to_rules() {
        let mut records = DatasetBuilder::new(&Options::default()).expect("a builder");
        let nowhere = Source::default();
        for (id, kind) in [("f1", "film"), ("f2", "film"), ("ann", "person"), ("bob", "person")] {
            records.entity(nowhere, &Entity { id, kind, label: None }).expect("taken");
        }
        for (head, tail) in [("f1", "ann"), ("f2", "bob")] {
            records.triple(nowhere, &Triple { head, relation: "by", tail, weight: None }).expect("taken");
            records.item(nowhere, &Item { id: head, entity: Some(head), title: None }).expect("taken");
        }
        for (node, names) in [(Node::Item("f2"), "winner"), (Node::Entity("bob"), "winner;star")] {
            records.further_types(nowhere, node, names).expect("taken");
        }
        let imported = records.finish(&Context::default()).expect("imported");
        let kg = imported.built.train_kg().expect("a graph");
        let world = World { kg: &kg, attributes: &Attributes::of(&kg), index: None, now: 0.0, hidden: None };
        let holds = |rule: &str| -> Vec<String> {
            let set = world.nodes(&parse(rule).expect("a rule")).expect(rule);
            let all = (0..u32::try_from(kg.num_nodes()).expect("few")).map(NodeId);
            all.filter(|&node| set.contains(node)).map(|node| kg.node_name(node)).collect()
        };
        assert_eq!(holds("type:winner"), ["item:f2", "entity:bob"]);
        assert_eq!(holds("not type:winner"), ["item:f1", "entity:ann"]);
        assert_eq!(holds("type:item and not type:winner"), ["item:f1"]);
        assert_eq!(holds("star:bob"), ["item:f2"], "connected to it, along any relation");
        let unknown = world.nodes(&parse("type:winer").expect("a rule")).expect_err("no such type");
        assert!(format!("{unknown:?}").contains("star, winner"), "{unknown:?}");
    }
}
