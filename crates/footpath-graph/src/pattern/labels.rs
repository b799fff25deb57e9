//! Label expressions to sets of node types and directed relations, and help for labels that a graph does not have.

use super::compile::{CompileError, fail};
use super::syntax::{Direction, Edge, Expression, Labels, Node, Span};
use crate::error::show;
use crate::kg::Schema;
use std::collections::BTreeMap;

/// Label of every node type other than user and item.
const ENTITY: &str = "entity";
/// Most labels listed in the help of an error.
const MAX_LISTED: usize = 20;

/// The labels of a graph.
#[derive(Debug)]
pub(super) struct LabelSets<'a> {
    types: Names<'a>,
    relations: Names<'a>,
}

/// The labels of nodes, or those of edges.
#[derive(Debug)]
struct Names<'a> {
    what: &'static str,
    numbers: BTreeMap<&'a str, usize>,
    has_entity: bool,
}

impl<'a> LabelSets<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let types = schema.types.iter().enumerate().map(|(number, kind)| (kind.name.as_str(), number));
        let relations = schema.relations.iter().enumerate().map(|(number, relation)| (relation.name.as_str(), number));
        Self {
            types: Names { what: "node type", numbers: types.collect(), has_entity: true },
            relations: Names { what: "relation", numbers: relations.collect(), has_entity: false },
        }
    }

    /// Number of node types.
    pub(super) fn num_types(&self) -> usize {
        self.types.numbers.len()
    }

    /// The node types a node may have, as flags.
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
        let mut set = vec![expression.is_none(); self.numbers.len()];
        expression.map_or(Ok(()), |expression| self.add(expression, &mut set))?;
        Ok(set)
    }

    /// Adds the labels that fit an expression.
    fn add(&self, expression: &Expression, set: &mut [bool]) -> Result<(), CompileError> {
        match expression {
            Expression::Any => set.fill(true),
            Expression::Label(name, span) => match self.numbers.get(name.as_str()).map(|&number| set.get_mut(number)) {
                Some(flag) => flag.into_iter().for_each(|flag| *flag = true),
                None if self.has_entity && name == ENTITY => set.iter_mut().skip(2).for_each(|flag| *flag = true),
                None => return self.unknown(name, span),
            },
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
        let is_label =
            |name: &str| self.numbers.contains_key(name) || self.has_entity && name.eq_ignore_ascii_case(ENTITY);
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
        if self.has_entity && !closest.contains(&ENTITY) {
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
