//! Label expressions to sets of kinds of nodes and directed relations, and help for labels that a graph does not have.

use super::compile_error::{CompileError, fail};
use super::symbols::Kinds;
use super::syntax::{Direction, Edge, Expression, Labels, Node, Span};
use crate::error::show;
use crate::kg::Schema;
use footpath_core::TypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Label of every node type other than user and item.
const ENTITY: &str = "entity";
/// Most labels listed in the help of an error.
const MAX_LISTED: usize = 20;

/// The labels of a graph.
#[derive(Debug)]
pub(super) struct LabelSets<'a> {
    types: Names<'a>,
    relations: Names<'a>,
    kinds: Kinds,
}

/// The labels of nodes, or those of edges.
#[derive(Debug)]
struct Names<'a> {
    what: &'static str,
    /// What has each label: kinds of nodes, or relations.
    numbers: BTreeMap<&'a str, Vec<usize>>,
    /// How many there are in all.
    len: usize,
    /// What the label `entity` stands for where no type is called so.
    entities: Option<Vec<usize>>,
}

impl<'a> LabelSets<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let relations =
            schema.relations.iter().enumerate().map(|(number, relation)| (relation.name.as_str(), vec![number]));
        let kinds: Kinds = schema.all_kinds().map(|kind| (schema.type_of(kind), schema.kind_range(kind))).collect();
        let mut numbers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for kind in schema.all_kinds() {
            let own = schema.types.get(schema.type_of(kind).index()).map(|of| of.name.as_str());
            for name in own.into_iter().chain(schema.further_of(kind)) {
                numbers.entry(name).or_default().push(kind.index());
            }
        }
        let is_entity = |of: TypeId| of != TypeId::USER && of != TypeId::ITEM;
        let entities = kinds.iter().enumerate().filter(|(_, (of, _))| is_entity(*of)).map(|(number, _)| number);
        let (entities, len) = (Some(entities.collect()), schema.relations.len());
        Self {
            types: Names { what: "node type", numbers, len: kinds.len(), entities },
            relations: Names { what: "relation", numbers: relations.collect(), len, entities: None },
            kinds,
        }
    }

    /// The kinds of nodes.
    pub(super) fn kinds(&self) -> Kinds {
        Arc::clone(&self.kinds)
    }

    /// The kinds a node may be of, as flags.
    pub(super) fn types(&self, node: &Node) -> Result<Vec<bool>, CompileError> {
        self.types.check_unlabelled(&node.labels, "node", '(', ')')?;
        let set = self.types.set(node.labels.expression.as_ref())?;
        not_empty(set, &node.span, "no node type of the graph fits these labels")
    }

    /// The directed relations an edge may be walked along from left to right in the pattern, as flags.
    pub(super) fn relations(&self, edge: &Edge) -> Result<Vec<bool>, CompileError> {
        self.relations.check_unlabelled(&edge.labels, "edge", '[', ']')?;
        let set = self.relations.set(edge.labels.expression.as_ref())?;
        let (forward, inverse) = (edge.direction != Direction::Inverse, edge.direction != Direction::Forward);
        let set = set.into_iter().flat_map(|flag| [flag && forward, flag && inverse]).collect();
        not_empty(set, &edge.span, "no relation of the graph fits these labels")
    }
}

fn not_empty(set: Vec<bool>, span: &Span, message: &str) -> Result<Vec<bool>, CompileError> {
    if set.contains(&true) { Ok(set) } else { fail(span, message, "they leave nothing over; loosen them") }
}

impl Names<'_> {
    fn set(&self, expression: Option<&Expression>) -> Result<Vec<bool>, CompileError> {
        let mut set = vec![expression.is_none(); self.len];
        expression.map_or(Ok(()), |expression| self.add(expression, &mut set))?;
        Ok(set)
    }

    /// Adds the labels that fit an expression.
    fn add(&self, expression: &Expression, set: &mut [bool]) -> Result<(), CompileError> {
        match expression {
            Expression::Any => set.fill(true),
            Expression::Label(name, span) => {
                let entities = self.entities.as_ref().filter(|_| name == ENTITY);
                let Some(numbers) = self.numbers.get(name.as_str()).or(entities) else {
                    return self.unknown(name, span);
                };
                for &number in numbers {
                    set.get_mut(number).into_iter().for_each(|flag| *flag = true);
                }
            }
            Expression::Or(parts) => parts.iter().try_for_each(|part| self.add(part, set))?,
            Expression::And(parts) => {
                let mut all = vec![true; set.len()];
                for part in parts {
                    let part = self.set(Some(part))?;
                    all.iter_mut().zip(part).for_each(|(all, flag)| *all &= flag);
                }
                set.iter_mut().zip(all).for_each(|(flag, all)| *flag |= all);
            }
            Expression::Not(inner) => {
                let inner = self.set(Some(inner))?;
                set.iter_mut().zip(inner).for_each(|(flag, inner)| *flag |= !inner);
            }
        }
        Ok(())
    }

    /// `(person)` is a variable to GQL and would match any node; that is never what was meant.
    fn check_unlabelled(&self, labels: &Labels, what: &str, open: char, close: char) -> Result<(), CompileError> {
        let is_label = |name: &str| {
            self.numbers.contains_key(name) || self.entities.is_some() && name.eq_ignore_ascii_case(ENTITY)
        };
        match &labels.variable {
            Some((name, span)) if labels.expression.is_none() && is_label(name) => {
                let message = format!("`{name}` is a variable here, not a label of the {what}");
                fail(span, message, format!("write {open}:{name}{close}"))
            }
            _ => Ok(()),
        }
    }

    fn unknown(&self, name: &str, span: &Span) -> Result<(), CompileError> {
        let mut closest: Vec<&str> = self.numbers.keys().copied().collect();
        if self.entities.is_some() && !closest.contains(&ENTITY) {
            closest.push(ENTITY);
        }
        closest.sort_by_cached_key(|label| (distance(name, label), (*label).to_owned()));
        let listed: Vec<String> = closest.iter().take(MAX_LISTED).map(|label| show(label.as_bytes())).collect();
        let more = closest.len().saturating_sub(MAX_LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("the graph has no {} `{}`", self.what, show(name.as_bytes()));
        fail(span, message, format!("it has {}{more}", listed.join(", ")))
    }
}

/// Number of characters to insert, delete or replace to turn one label into the other, case ignored.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().take(64).enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (above, y) in row.windows(2).zip(&b) {
            let &[diagonal, above] = above else { continue };
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
