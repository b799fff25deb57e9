//! From the parts of a pattern to its automaton, with the labels of a graph.

use super::automaton::{Automaton, Positions, TooLarge, Transition};
use super::syntax::{Ast, Direction, Edge, Labels, Node, Span, Step, Times};
use super::{MAX_HOPS, MAX_STATES};
use crate::error::show;
use crate::kg::Schema;
use footpath_core::TypeId;

/// Label of every node type other than user and item.
const ENTITY: &str = "entity";
/// Most labels listed in the help of an error.
const MAX_LISTED: usize = 20;

/// What is wrong with a pattern that parses.
#[derive(Debug)]
pub(super) struct CompileError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: String,
}

fn fail<T>(span: &Span, message: impl Into<String>, help: impl Into<String>) -> Result<T, CompileError> {
    Err(CompileError { span: span.clone(), message: message.into(), help: help.into() })
}

/// Compiles a pattern for a graph with this schema.
pub(super) fn compile(ast: &Ast, schema: &Schema) -> Result<Automaton, CompileError> {
    let mut compiler = Compiler::new(schema);
    compiler.check_variables(ast)?;
    compiler.check_hops(ast)?;
    if compiler.types(&ast.start)? != only(schema.types.len(), TypeId::USER) {
        return fail(&ast.start.span, "a path starts at a user", "write (:user) first");
    }
    let ends = compiler.steps(&ast.steps, vec![0])?;
    compiler.check_ends(&ends, &ast.start)?;
    compiler.positions.accepting = ends;
    let whole = ast.start.span.clone();
    match Automaton::compile(&compiler.positions) {
        Ok(Some(automaton)) => Ok(automaton),
        Ok(None) => {
            fail(&whole, "no hop can match", "what the pattern leaves over of the labels of the graph makes no path")
        }
        Err(TooLarge) => {
            let help = format!("the automaton passes {MAX_STATES} states or its table; use fewer quantifiers");
            fail(&whole, "the pattern is too complicated", help)
        }
    }
}

struct Compiler<'a> {
    schema: &'a Schema,
    positions: Positions,
    /// For each position, the node of the pattern it stands at and the set of its types.
    entered: Vec<Option<(Span, usize)>>,
}

impl<'a> Compiler<'a> {
    fn new(schema: &'a Schema) -> Self {
        Self { schema, positions: Positions::default(), entered: vec![None] }
    }

    /// Adds the hops of `steps` after the positions `from`; the result is where they end.
    fn steps(&mut self, steps: &[Step], from: Vec<usize>) -> Result<Vec<usize>, CompileError> {
        steps.iter().try_fold(from, |from, step| match step {
            Step::Hop { edge, times, node } => self.hop(edge, times, node, from),
            Step::Group { steps, times } => self.group(steps, times, from),
        })
    }

    fn group(&mut self, steps: &[Step], times: &Times, from: Vec<usize>) -> Result<Vec<usize>, CompileError> {
        let mut ends = if times.min == 0 { from.clone() } else { Vec::new() };
        let mut current = from;
        for round in 1..=times.max {
            current = self.steps(steps, current)?;
            if round >= times.min {
                ends.extend(&current);
            }
        }
        ends.sort_unstable();
        ends.dedup();
        Ok(ends)
    }

    /// `edge{m,n} node`: up to n − 1 hops to any node, then one to `node`.
    fn hop(&mut self, edge: &Edge, times: &Times, node: &Node, from: Vec<usize>) -> Result<Vec<usize>, CompileError> {
        let relations = self.relations(edge)?;
        let relations = number(&mut self.positions.relation_sets, relations);
        let types = self.types(node)?;
        let types = number(&mut self.positions.type_sets, types);
        let any = number(&mut self.positions.type_sets, vec![true; self.schema.types.len()]);
        let end = self.position(node, types);
        let mut current = from;
        for round in 1..=times.max {
            if round >= times.min {
                self.connect(&current, relations, types, end);
            }
            if round < times.max {
                let inside = self.position(node, any);
                self.connect(&current, relations, any, inside);
                current = vec![inside];
            }
        }
        Ok(vec![end])
    }

    fn position(&mut self, node: &Node, types: usize) -> usize {
        self.entered.push(Some((node.span.clone(), types)));
        self.entered.len() - 1
    }

    fn connect(&mut self, from: &[usize], relations: usize, types: usize, to: usize) {
        self.positions.transitions.extend(from.iter().map(|&from| Transition { from, relations, types, to }));
    }

    fn types(&self, node: &Node) -> Result<Vec<bool>, CompileError> {
        let names: Vec<&str> = self.schema.types.iter().map(|t| t.name.as_str()).collect();
        let mut valid = names.clone();
        if !valid.contains(&ENTITY) {
            valid.push(ENTITY);
        }
        self.check_unlabelled(&node.labels, &valid, "node", '(', ')')?;
        let mut set = vec![false; names.len()];
        for (name, span) in &node.labels.names {
            let is = |index: usize, kind: &str| if name == ENTITY { index > 1 } else { kind == name };
            check_known(name, span, &valid, "node type")?;
            set.iter_mut().enumerate().zip(&names).for_each(|((index, flag), kind)| *flag |= is(index, kind));
        }
        Ok(finish(set, &node.labels))
    }

    /// The directed relations an edge may be walked along, from left to right in the pattern.
    fn relations(&self, edge: &Edge) -> Result<Vec<bool>, CompileError> {
        let names: Vec<&str> = self.schema.relations.iter().map(|r| r.name.as_str()).collect();
        self.check_unlabelled(&edge.labels, &names, "edge", '[', ']')?;
        let mut set = vec![false; names.len()];
        for (name, span) in &edge.labels.names {
            check_known(name, span, &names, "relation")?;
            set.iter_mut().zip(&names).for_each(|(flag, relation)| *flag |= relation == name);
        }
        let set = finish(set, &edge.labels);
        let (forward, inverse) = (edge.direction != Direction::Inverse, edge.direction != Direction::Forward);
        Ok(set.into_iter().flat_map(|flag| [flag && forward, flag && inverse]).collect())
    }

    /// `(person)` is a variable to GQL and would match any node; that is never what was meant.
    fn check_unlabelled(
        &self,
        labels: &Labels,
        valid: &[&str],
        what: &str,
        open: char,
        close: char,
    ) -> Result<(), CompileError> {
        match &labels.variable {
            Some((name, span)) if labels.names.is_empty() && valid.contains(&name.as_str()) => {
                let message = format!("`{name}` is a variable here, not a label of the {what}");
                fail(span, message, format!("write {open}:{name}{close}"))
            }
            _ => Ok(()),
        }
    }

    /// Two uses of a variable would mean the same node or edge, which no path has twice.
    fn check_variables(&self, ast: &Ast) -> Result<(), CompileError> {
        let mut seen = Vec::new();
        collect_variables(&ast.start.labels, &mut seen);
        variables(&ast.steps, &mut seen);
        for (index, (name, span)) in seen.iter().enumerate() {
            if seen.iter().take(index).any(|(other, _)| other == name) {
                let help = "no path visits a node twice; variables have no meaning and can be left out";
                return fail(span, format!("the variable `{name}` is used twice"), help);
            }
        }
        Ok(())
    }

    fn check_hops(&self, ast: &Ast) -> Result<(), CompileError> {
        if let Some((times, message)) = ast.steps.iter().find_map(Step::bad_times) {
            let help = format!("use {{n}} or {{m,n}} with m ≤ n ≤ {MAX_HOPS}; an edge stands at least once");
            return fail(&times.span, message, help);
        }
        let max_hops = ast.max_hops();
        if max_hops == 0 || max_hops > MAX_HOPS {
            let message = format!("a path of this pattern may have {max_hops} hops");
            return fail(&ast.start.span, message, format!("1 to {MAX_HOPS} hops are allowed"));
        }
        Ok(())
    }

    fn check_ends(&self, ends: &[usize], start: &Node) -> Result<(), CompileError> {
        let item = only(self.schema.types.len(), TypeId::ITEM);
        for &end in ends {
            let Some(Some((span, types))) = self.entered.get(end) else {
                return fail(&start.span, "a path of this pattern may have no hop at all", "let one part be required");
            };
            if self.positions.type_sets.get(*types) != Some(&item) {
                return fail(span, "a path ends at an item", "write (:item) last");
            }
        }
        Ok(())
    }
}

fn variables<'a>(steps: &'a [Step], seen: &mut Vec<&'a (String, Span)>) {
    for step in steps {
        match step {
            Step::Hop { edge, node, .. } => {
                collect_variables(&edge.labels, seen);
                collect_variables(&node.labels, seen);
            }
            Step::Group { steps, .. } => variables(steps, seen),
        }
    }
}

fn collect_variables<'a>(labels: &'a Labels, seen: &mut Vec<&'a (String, Span)>) {
    seen.extend(labels.variable.as_ref());
}

fn only(len: usize, kind: TypeId) -> Vec<bool> {
    (0..len).map(|index| index == kind.index()).collect()
}

fn finish(set: Vec<bool>, labels: &Labels) -> Vec<bool> {
    let any = labels.names.is_empty();
    set.into_iter().map(|flag| any || flag != labels.negated).collect()
}

fn number(sets: &mut Vec<Vec<bool>>, set: Vec<bool>) -> usize {
    sets.iter().position(|s| *s == set).unwrap_or_else(|| {
        sets.push(set);
        sets.len() - 1
    })
}

fn check_known(name: &str, span: &Span, valid: &[&str], what: &str) -> Result<(), CompileError> {
    if valid.contains(&name) {
        return Ok(());
    }
    let mut closest: Vec<&str> = valid.to_vec();
    closest.sort_by_key(|label| (distance(name, label), *label));
    let listed: Vec<String> = closest.iter().take(MAX_LISTED).map(|label| show(label.as_bytes())).collect();
    let more = closest.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("the graph has no {what} `{}`", show(name.as_bytes()));
    fail(span, message, format!("it has {}{more}", listed.join(", ")))
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
