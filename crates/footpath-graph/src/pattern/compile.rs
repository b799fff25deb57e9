//! From the parts of a pattern to its automaton, with the labels of a graph.

use super::automaton::{Automaton, MAX_STATES};
use super::compile_error::{CompileError, fail};
use super::determine::{self, Interner, Trouble};
use super::facts::Facts;
use super::labels::LabelSets;
use super::nfa::{Classified, Nfa, START, Stop};
use super::symbols::TooLarge;
use super::syntax::{Alternative, Ast, Edge, Element, Labels, MAX_HOPS, Node, Sequence, Span, Times};
use super::words::{kinds_in_words, relations_in_words};
use crate::kg::Schema;
use footpath_core::{KindId, TypeId};
use std::collections::{BTreeMap, BTreeSet};

/// Most entries of the table in which the ways through an alternative are searched.
const MAX_PLACES: usize = 1 << 24;

/// Where paths start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// From a user to an item.
    UserItem,
    /// From any node to any node.
    Any,
}

/// The kinds of nodes a path may start at, ascending, and the automaton of what follows.
pub(super) type Compiled = (Vec<KindId>, Automaton);

/// Compiles a pattern for a graph with this schema.
pub(super) fn compile(ast: &Ast, schema: &Schema, ends: Ends) -> Result<Compiled, CompileError> {
    let labels = LabelSets::new(schema);
    check_hops(ast)?;
    let mut compiled: Vec<(Compiled, &Span)> = Vec::new();
    for alternative in &ast.alternatives {
        variables(&alternative.sequence, &mut BTreeMap::new())?;
        if let Some(made) = compile_alternative(alternative, &labels, schema.relations.len() * 2, ends)? {
            compiled.push((made, &alternative.span));
        }
    }
    let whole = whole(ast);
    let Some(((starts, _), _)) = compiled.first() else {
        let help = "its paths all meet, or none meets, another user; leave the word before it out";
        return fail(&whole, "no path of this pattern is left", help);
    };
    if let Some((_, span)) = compiled.iter().find(|((others, _), _)| others != starts) {
        return fail(span, "this alternative starts elsewhere than the first", "let all start at the same node types");
    }
    let starts = starts.clone();
    let automata: Vec<&Automaton> = compiled.iter().map(|((_, automaton), _)| automaton).collect();
    match determine::union(&automata) {
        Ok(Some(automaton)) => Ok((starts, automaton)),
        Ok(None) | Err(TooLarge) => too_large(&whole),
    }
}

fn whole(ast: &Ast) -> Span {
    let first = ast.alternatives.first().map_or(0, |a| a.span.start);
    first..ast.alternatives.last().map_or(first, |a| a.span.end)
}

fn too_large<T>(span: &Span) -> Result<T, CompileError> {
    let help = format!("the automaton passes {MAX_STATES} states or its table; use fewer quantifiers and alternatives");
    fail(span, "the pattern is too complicated", help)
}

/// `None` when the restriction leaves no path.
fn compile_alternative(
    alternative: &Alternative,
    labels: &LabelSets<'_>,
    num_relations: usize,
    ends: Ends,
) -> Result<Option<Compiled>, CompileError> {
    let span = &alternative.span;
    let classified = classified(alternative, labels, num_relations)?;
    if classified.num_places() > MAX_PLACES {
        return too_large(span);
    }
    check(&classified, ends, span)?;
    let (starts, automaton) = determined(&classified, span)?;
    let Some(restriction) = alternative.restriction else { return Ok(Some((starts, automaton))) };
    match determine::restrict(&automaton, restriction) {
        Ok(automaton) => Ok(automaton.map(|automaton| (starts, automaton))),
        Err(TooLarge) => too_large(span),
    }
}

fn classified(
    alternative: &Alternative,
    labels: &LabelSets<'_>,
    num_relations: usize,
) -> Result<Classified, CompileError> {
    let kinds = labels.kinds();
    let kept = [TypeId::USER, TypeId::ITEM].map(|kept| kinds.iter().map(|(of, _)| *of == kept).collect());
    let mut builder = Builder { labels, nfa: Nfa::new(kinds.len(), kept), sets: BTreeMap::new() };
    let end = builder.sequence(&alternative.sequence, START)?;
    builder.nfa.end_at(end);
    Ok(builder.nfa.classify(num_relations, kinds))
}

/// What of a pattern the facts of a graph make impossible, for a pattern of which they make no path at all; `None` when
/// it is none of its parts by itself.
pub(super) fn first_impossible(ast: &Ast, schema: &Schema, facts: &Facts) -> Option<CompileError> {
    let labels = LabelSets::new(schema);
    ast.alternatives.iter().find_map(|alternative| {
        let classified = classified(alternative, &labels, schema.relations.len() * 2).ok()?;
        let starts =
            schema.all_kinds().filter(|&kind| classified.first_part(classified.symbols.of_kind(kind)).is_some());
        let stops = starts.map(|kind| classified.stopped_at(kind, facts)).collect::<Option<Vec<_>>>()?;
        let Stop { span, is_hop, types } = stops.into_iter().max_by_key(|stop| stop.span.start)?;
        let nodes = kinds_in_words(&types, schema);
        let (message, help) = if is_hop {
            let open = types.iter().flat_map(|&kind| facts.from(kind)).map(|(relation, _)| relation).collect();
            let open = relations_in_words(&open, schema);
            (format!("no such edge leads on from {nodes}"), format!("from there lead on: {open}"))
        } else {
            ("no path gets to such a node here".to_owned(), format!("what gets here is {nodes}"))
        };
        Some(CompileError { span: span.clone(), message, help })
    })
}

fn determined(classified: &Classified, span: &Span) -> Result<Compiled, CompileError> {
    let symbols = &classified.symbols;
    let mut interner = Interner::default();
    let mut is_start = vec![false; symbols.num_kind_classes];
    for (class, is_start) in is_start.iter_mut().enumerate() {
        // Without a way to the end the set of states would only be in the way.
        if classified.last_part(class, |_, _| true).is_ok() {
            let Ok(set) = classified.closure(&[START], class, &mut interner) else { return too_large(span) };
            *is_start = true;
            if interner.number(set).is_err() {
                return too_large(span);
            }
        }
    }
    let expand = |set: &[u32], interner: &mut Interner, row: &mut Vec<u32>| classified.expand(set, interner, row);
    match determine::from_sets(symbols.clone(), interner, expand) {
        Ok(Some(automaton)) => {
            let kinds = (0u16..).zip(&symbols.kind_class);
            let starts = kinds.filter(|(_, class)| is_start.get(usize::from(**class)) == Some(&true));
            Ok((starts.map(|(kind, _)| KindId(kind)).collect(), automaton))
        }
        Ok(None) | Err(Trouble::TooLarge) => too_large(span),
        Err(Trouble::DifferentStarts) => {
            let help = "let every start go on alike, or write the starts as patterns of their own";
            fail(span, "how a path goes on depends on the type of its first node", help)
        }
    }
}

/// Checks where the paths of an alternative start and end, and that there are any.
fn check(classified: &Classified, ends: Ends, span: &Span) -> Result<(), CompileError> {
    let symbols = &classified.symbols;
    let of_type = |of| symbols.of_type(of).collect::<BTreeSet<usize>>();
    let (users, items) = (of_type(TypeId::USER), of_type(TypeId::ITEM));
    let classes = || 0..symbols.num_kind_classes;
    let here = |part: Option<&Span>| part.unwrap_or(span).clone();
    if ends == Ends::UserItem
        && let Some(part) =
            classes().filter(|class| !users.contains(class)).find_map(|class| classified.first_part(class))
    {
        return fail(&here(part), "a path starts at a user", "write (:user) first");
    }
    let some_users = users.iter().filter(|&&class| classified.first_part(class).is_some()).count();
    if ends == Ends::UserItem && some_users > 0 && some_users < users.len() {
        let part = users.iter().find_map(|&class| classified.first_part(class)).flatten();
        let help = "write (:user) first; the options of a verb choose users, and a label such as (:user&premium) may \
                    stand further on";
        return fail(&here(part), "a path starts at any user, and this leaves some out", help);
    }
    let starts = || classes().filter(|class| ends == Ends::Any || users.contains(class));
    let found = |wanted: fn(bool) -> bool| {
        starts().find_map(|start| classified.last_part(start, |_, has_hop| wanted(has_hop)).ok())
    };
    if found(|has_hop| !has_hop).is_some() {
        return fail(span, "a path of this pattern may have no hop at all", "let one part be required");
    }
    if ends == Ends::UserItem
        && let Some(part) =
            starts().find_map(|start| classified.last_part(start, |class, _| !items.contains(&class)).ok())
    {
        return fail(&here(part), "a path ends at an item", "write (:item) last");
    }
    if found(|_| true).is_none() {
        let blocked = starts().find_map(|start| classified.last_part(start, |_, _| true).err().flatten());
        let help = "two parts that meet there leave no node type over; loosen one of them";
        return fail(&here(blocked), "no path gets past this part", help);
    }
    Ok(())
}

fn check_hops(ast: &Ast) -> Result<(), CompileError> {
    if let Some((times, message)) = ast.bad_times() {
        let help = format!("use {{n}} or {{m,n}} with m ≤ n ≤ {MAX_HOPS}");
        return fail(&times.span, message, help);
    }
    let max_hops = ast.max_hops();
    if max_hops == 0 || max_hops > MAX_HOPS {
        let message = format!("a path of this pattern may have {max_hops} hops");
        return fail(&whole(ast), message, format!("1 to {MAX_HOPS} hops are allowed"));
    }
    Ok(())
}

/// Two uses of a variable on one path would mean the same node or edge, which no path has twice.
fn variables<'a>(sequence: &'a Sequence, seen: &mut BTreeMap<&'a str, ()>) -> Result<(), CompileError> {
    let add = |labels: &'a Labels, seen: &mut BTreeMap<&'a str, ()>| match &labels.variable {
        Some((name, span)) if seen.insert(name, ()).is_some() => {
            let help = "no path visits a node twice; variables have no meaning and can be left out";
            fail(span, format!("the variable `{name}` is used twice"), help)
        }
        _ => Ok(()),
    };
    for element in &sequence.0 {
        match element {
            Element::Node(node) => add(&node.labels, seen)?,
            Element::Edge(edge, _) => add(&edge.labels, seen)?,
            Element::Group(alternatives, _) => {
                let before = seen.clone();
                for alternative in alternatives {
                    let mut inside = before.clone();
                    variables(alternative, &mut inside)?;
                    seen.append(&mut inside);
                }
            }
        }
    }
    Ok(())
}

struct Builder<'a> {
    labels: &'a LabelSets<'a>,
    nfa: Nfa,
    /// Numbers of the sets of nodes and edges, by where they stand in the text.
    sets: BTreeMap<usize, usize>,
}

impl Builder<'_> {
    fn state(&mut self, span: &Span) -> Result<u32, CompileError> {
        self.nfa.state().or_else(|TooLarge| too_large(span))
    }

    /// Adds the elements after the state `from`; the result is the state after them.
    fn sequence(&mut self, sequence: &Sequence, from: u32) -> Result<u32, CompileError> {
        sequence.0.iter().try_fold(from, |from, element| match element {
            Element::Node(node) => self.node(node, from),
            Element::Edge(edge, times) => {
                let relations = self.relations(edge)?;
                self.repeat(times, from, |builder, from| {
                    let to = builder.state(&edge.span)?;
                    builder.nfa.hop(from, relations, to, &edge.span);
                    Ok(to)
                })
            }
            Element::Group(alternatives, times) => self.repeat(times, from, |builder, from| {
                let to = builder.state(&times.span)?;
                for alternative in alternatives {
                    let end = builder.sequence(alternative, from)?;
                    builder.nfa.skip(end, to);
                }
                Ok(to)
            }),
        })
    }

    /// `once` as often as the quantifier says.
    fn repeat(
        &mut self,
        times: &Times,
        from: u32,
        mut once: impl FnMut(&mut Self, u32) -> Result<u32, CompileError>,
    ) -> Result<u32, CompileError> {
        let end = self.state(&times.span)?;
        let mut current = from;
        for round in 0..=times.max {
            if round >= times.min {
                self.nfa.skip(current, end);
            }
            if round < times.max {
                current = once(self, current)?;
            }
        }
        Ok(end)
    }

    fn node(&mut self, node: &Node, from: u32) -> Result<u32, CompileError> {
        let types = match self.sets.get(&node.span.start) {
            Some(&types) => types,
            None => self.nfa.type_set(self.labels.types(node)?),
        };
        self.sets.insert(node.span.start, types);
        let to = self.state(&node.span)?;
        self.nfa.test(from, types, to, &node.span);
        Ok(to)
    }

    fn relations(&mut self, edge: &Edge) -> Result<usize, CompileError> {
        let relations = match self.sets.get(&edge.span.start) {
            Some(&relations) => relations,
            None => self.nfa.relation_set(self.labels.relations(edge)?),
        };
        self.sets.insert(edge.span.start, relations);
        Ok(relations)
    }
}
