//! The parts of a pattern, and how they are written; no graph is needed.

use std::fmt;
use std::ops::Range;

/// Most hops of a path.
pub const MAX_HOPS: u32 = 16;
/// Where a part stands in the pattern, in bytes.
pub(super) type Span = Range<usize>;

/// A whole pattern: a path matches when it matches one of the alternatives.
#[derive(Clone, Debug)]
pub(super) struct Ast {
    pub(super) alternatives: Vec<Alternative>,
}

/// One alternative of a whole pattern.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub(super) restriction: Option<Restriction>,
    pub(super) sequence: Sequence,
    pub(super) span: Span,
}

/// A word before an alternative that leaves only some of its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restriction {
    /// `COLLABORATIVE`: paths that meet a user after their start.
    Collaborative,
    /// `KNOWLEDGE`: paths that meet no user after their start.
    Knowledge,
}

impl Restriction {
    pub(super) const ALL: [Self; 2] = [Self::Collaborative, Self::Knowledge];

    /// The word.
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::Collaborative => "COLLABORATIVE",
            Self::Knowledge => "KNOWLEDGE",
        }
    }
}

/// Elements one after the other; never empty.
#[derive(Clone, Debug)]
pub(super) struct Sequence(pub(super) Vec<Element>);

/// What a path is made of.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Node(Node),
    Edge(Edge, Times),
    Group(Vec<Sequence>, Times),
}

/// `(variable:labels)`.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) labels: Labels,
    pub(super) span: Span,
}

/// `-[variable:labels]->` and its kin.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) direction: Direction,
    pub(super) labels: Labels,
    pub(super) span: Span,
}

/// The way an edge may be walked, from left to right in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Inverse,
    Both,
}

/// What stands in the brackets of a node or an edge; no expression means any label.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub(super) variable: Option<(String, Span)>,
    pub(super) expression: Option<Expression>,
}

/// A label expression; `!` binds closest, then `&`, then `|`.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// `%`, any label.
    Any,
    Label(String, Span),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// A quantifier; `1..=1` where none is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) span: Span,
}

impl Ast {
    /// The most hops a path may have, saturating.
    pub(super) fn max_hops(&self) -> u32 {
        self.alternatives.iter().map(|a| a.sequence.max_hops()).max().unwrap_or(0)
    }

    /// The first quantifier that is upside down, empty, or by itself over the limit.
    pub(super) fn bad_times(&self) -> Option<(&Times, &'static str)> {
        self.alternatives.iter().find_map(|a| a.sequence.bad_times())
    }
}

impl Sequence {
    fn max_hops(&self) -> u32 {
        self.0.iter().fold(0, |sum, element| sum.saturating_add(element.max_hops()))
    }

    fn bad_times(&self) -> Option<(&Times, &'static str)> {
        self.0.iter().find_map(Element::bad_times)
    }
}

impl Element {
    fn max_hops(&self) -> u32 {
        match self {
            Self::Node(_) => 0,
            Self::Edge(_, times) => times.max,
            Self::Group(alternatives, times) => {
                alternatives.iter().map(Sequence::max_hops).max().unwrap_or(0).saturating_mul(times.max)
            }
        }
    }

    fn bad_times(&self) -> Option<(&Times, &'static str)> {
        let (times, inner): (_, &[Sequence]) = match self {
            Self::Node(_) => return None,
            Self::Edge(_, times) => (times, &[]),
            Self::Group(alternatives, times) => (times, alternatives),
        };
        if times.max > MAX_HOPS {
            return Some((times, "the quantifier allows more hops than a path may have"));
        }
        if times.max == 0 || times.min > times.max {
            return Some((times, "the quantifier is empty"));
        }
        inner.iter().find_map(Sequence::bad_times)
    }
}

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.alternatives, " | ")
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(restriction) = self.restriction {
            write!(f, "{} ", restriction.keyword())?;
        }
        write!(f, "{}", self.sequence)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.0, "")
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = match self {
            Self::Node(node) => return write!(f, "({})", node.labels),
            Self::Edge(edge, times) => {
                write!(f, "{edge}")?;
                times
            }
            Self::Group(alternatives, times) => {
                f.write_str("(")?;
                joined(f, alternatives, " | ")?;
                f.write_str(")")?;
                times
            }
        };
        match (times.min, times.max) {
            (1, 1) => Ok(()),
            (min, max) if min == max => write!(f, "{{{min}}}"),
            (min, max) => write!(f, "{{{min},{max}}}"),
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Forward => write!(f, "-[{}]->", self.labels),
            Direction::Inverse => write!(f, "<-[{}]-", self.labels),
            Direction::Both => write!(f, "-[{}]-", self.labels),
        }
    }
}

impl fmt::Display for Labels {
    /// Without the variable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.as_ref().map_or(Ok(()), |expression| write!(f, ":{expression}"))
    }
}

impl Expression {
    /// How close its operator binds.
    fn rank(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Not(_) => 2,
            Self::Any | Self::Label(..) => 3,
        }
    }

    fn write_in(&self, f: &mut fmt::Formatter<'_>, outer: u8) -> fmt::Result {
        if self.rank() < outer { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], operator: &str, rank: u8| {
            parts.iter().enumerate().try_for_each(|(index, part)| {
                f.write_str(if index > 0 { operator } else { "" })?;
                part.write_in(f, rank)
            })
        };
        match self {
            Self::Any => f.write_str("%"),
            Self::Label(name, _) => f.write_str(&quoted(name)),
            Self::Not(inner) => {
                f.write_str("!")?;
                inner.write_in(f, 2)
            }
            Self::And(parts) => list(f, parts, "&", 2),
            Self::Or(parts) => list(f, parts, "|", 1),
        }
    }
}

/// A label as it is written in a pattern: in backticks when it has other characters than [`is_plain`] ones.
pub(super) fn quoted(name: &str) -> String {
    let plain = !name.starts_with('-') && !name.is_empty() && name.chars().all(is_plain);
    if plain { name.to_owned() } else { format!("`{name}`") }
}

/// Whether a label with this character needs no backticks.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '#')
}

fn joined<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: &[T], separator: &str) -> fmt::Result {
    parts.iter().enumerate().try_for_each(|(index, part)| {
        f.write_str(if index > 0 { separator } else { "" })?;
        write!(f, "{part}")
    })
}
