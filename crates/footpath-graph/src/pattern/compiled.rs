//! A pattern, ready for a graph.

use super::automaton::Automaton;
use super::compile::{self, Ends};
use super::syntax::Restriction;
use super::{determine, parse};
use crate::error::{PatternFailure, Result};
use crate::kg::TrainKg;
use footpath_core::{KindId, TypeId};

/// Longest pattern accepted, in bytes.
pub const MAX_PATTERN_BYTES: usize = 16_384;

/// A path pattern compiled for a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    ends: Ends,
    starts: Vec<KindId>,
    from_users: bool,
    automaton: Automaton,
}

impl Pattern {
    /// Reads a pattern of paths from a user to an item, with the labels of `kg`.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`], pointing at the trouble.
    pub fn parse(text: &str, kg: &TrainKg) -> Result<Self> {
        Self::compile(text, kg, Ends::UserItem)
    }

    /// Reads a pattern of walks, which may start and end at nodes of any type. How they go on must not depend on the
    /// type of the first node.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`], pointing at the trouble.
    pub fn parse_walk(text: &str, kg: &TrainKg) -> Result<Self> {
        Self::compile(text, kg, Ends::Any)
    }

    fn compile(text: &str, kg: &TrainKg, ends: Ends) -> Result<Self> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(too_long(text).into());
        }
        let failure = |offset, len, message, help| {
            Box::new(PatternFailure { pattern: text.to_owned(), offset, len, message, help })
        };
        let ast = parse::parse(text).map_err(|e| {
            let len = text.get(e.offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            failure(e.offset, len, e.message, e.help)
        })?;
        let (starts, automaton) = compile::compile(&ast, kg.schema(), ends)
            .map_err(|e| failure(e.span.start, e.span.len(), e.message, e.help))?;
        let from_users = starts.iter().copied().eq(kg.schema().kinds_of(TypeId::USER));
        Ok(Self { source: ast.to_string(), ends, starts, from_users, automaton })
    }

    /// Every typed path from a user to an item of exactly `hops` hops, by any relations in any direction.
    ///
    /// # Errors
    /// [`crate::Error::Pattern`] unless `hops` is between 1 and [`MAX_HOPS`](super::MAX_HOPS).
    pub fn hops(hops: u32, kg: &TrainKg) -> Result<Self> {
        let times = if hops == 1 { String::new() } else { format!("{{{hops}}}") };
        Self::parse(&format!("(:user)-[]-{times}(:item)"), kg)
    }

    /// The pattern in canonical form: no variables, no spaces but around ` | `; it parses to the same pattern.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether paths may start and end at any node; see [`Pattern::parse_walk`].
    #[must_use]
    pub fn is_walk(&self) -> bool {
        self.ends == Ends::Any
    }

    /// The kinds of nodes a path may start at, ascending; those of users unless it is a walk pattern.
    #[must_use]
    pub fn starts(&self) -> &[KindId] {
        &self.starts
    }

    /// Whether paths start at users, any of them, and at no other nodes.
    #[must_use]
    pub fn starts_at_users(&self) -> bool {
        self.from_users
    }

    /// Most hops of a path.
    #[must_use]
    pub fn max_hops(&self) -> usize {
        self.automaton.longest(self.automaton.start())
    }

    /// Fewest hops of a path.
    #[must_use]
    pub fn min_hops(&self) -> usize {
        self.automaton.shortest(self.automaton.start())
    }

    /// The automaton over (directed relation, kind of the tail).
    #[must_use]
    pub fn automaton(&self) -> &Automaton {
        &self.automaton
    }

    /// The paths of the pattern that meet another user after their start; `None` when there are none.
    #[must_use]
    pub fn collaborative(&self) -> Option<Self> {
        self.restricted(Restriction::Collaborative)
    }

    /// The paths of the pattern that meet no user after their start; `None` when there are none.
    #[must_use]
    pub fn knowledge(&self) -> Option<Self> {
        self.restricted(Restriction::Knowledge)
    }

    /// A pattern that starts and ends at the same nodes, with other paths.
    pub(super) fn with_paths(&self, source: String, automaton: Automaton) -> Self {
        Self { source, automaton, ..self.clone() }
    }

    fn restricted(&self, restriction: Restriction) -> Option<Self> {
        // At most twice the states of an automaton that was made within the limits, and no more than those after
        // merging.
        let automaton = determine::restrict(&self.automaton, restriction).ok().flatten()?;
        let mut ast = parse::parse(&self.source).ok()?;
        ast.alternatives.retain(|alternative| alternative.restriction.is_none_or(|already| already == restriction));
        ast.alternatives.iter_mut().for_each(|alternative| alternative.restriction = Some(restriction));
        Some(self.with_paths(ast.to_string(), automaton))
    }
}

fn too_long(text: &str) -> Box<PatternFailure> {
    let end = (0..=64).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let shown = text.get(..end).unwrap_or_default();
    Box::new(PatternFailure {
        pattern: format!("{shown}…"),
        offset: shown.len(),
        len: '…'.len_utf8(),
        message: format!("the pattern has {} bytes", text.len()),
        help: format!("at most {MAX_PATTERN_BYTES} bytes are allowed"),
    })
}
