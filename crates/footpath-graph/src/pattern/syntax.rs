//! The text of a pattern to its parts and back; no graph is needed.

use super::MAX_HOPS;
use std::fmt;
use std::ops::Range;
use winnow::ascii::{dec_uint, multispace0};
use winnow::combinator::{alt, cut_err, delimited, eof, opt, peek, preceded, repeat, separated};
use winnow::error::{ContextError, ErrMode, StrContext, StrContextValue};
use winnow::stream::LocatingSlice;
use winnow::token::{any, take_while};
use winnow::{ModalResult, Parser};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 16;

/// Where a part stands in the pattern, in bytes.
pub(super) type Span = Range<usize>;

/// A whole pattern.
#[derive(Debug)]
pub(super) struct Ast {
    pub(super) start: Node,
    pub(super) steps: Vec<Step>,
}

/// What follows a node: a hop, or a group of hops that is repeated.
#[derive(Debug)]
pub(super) enum Step {
    Hop { edge: Edge, times: Times, node: Node },
    Group { steps: Vec<Step>, times: Times },
}

/// `(variable:labels)`.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) labels: Labels,
    pub(super) span: Span,
}

/// `-[variable:labels]->` and its kin.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) direction: Direction,
    pub(super) labels: Labels,
    pub(super) span: Span,
}

/// The way an edge may be walked, from left to right in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Forward,
    Inverse,
    Both,
}

/// The labels a node or an edge may have; no names means any.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) variable: Option<(String, Span)>,
    pub(super) negated: bool,
    pub(super) names: Vec<(String, Span)>,
}

/// A quantifier; `1..=1` where none is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) span: Span,
}

/// What is wrong with a text that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

type Input<'a> = LocatingSlice<&'a str>;

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Ast, SyntaxError> {
    ast.parse(LocatingSlice::new(text)).map_err(|error| {
        let offset = error.offset().min(text.len());
        let found = text.get(offset..).and_then(|rest| rest.chars().next());
        let found = found.map_or("the end of the pattern".to_owned(), |c| format!("`{}`", c.escape_debug()));
        // The innermost context comes first and knows best.
        let mut wanted = error.inner().context().filter_map(|context| match context {
            StrContext::Label(label) => Some(*label),
            _ => None,
        });
        let mut help = error.inner().context().filter_map(|context| match context {
            StrContext::Expected(StrContextValue::Description(text)) => Some(*text),
            _ => None,
        });
        let wanted = wanted.next().unwrap_or("a valid pattern");
        let help = help.next().unwrap_or("write it like (:user)-[:interacted]->(:item)-[]-(:item)");
        SyntaxError { offset, message: format!("expected {wanted}, found {found}"), help: help.to_owned() }
    })
}

fn ast(input: &mut Input<'_>) -> ModalResult<Ast> {
    multispace0.parse_next(input)?;
    let start = cut_err(node).context(StrContext::Label("a node in round brackets")).parse_next(input)?;
    let steps = steps(input, 0)?;
    let end = cut_err(eof).context(StrContext::Label("an edge, a group or the end"));
    let help = "after a node comes an edge like -[:starring]-> or -[]-, or a group like (-[]-(:item)){1,2}";
    end.context(expected(help)).parse_next(input)?;
    Ok(Ast { start, steps })
}

fn expected(text: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(text))
}

fn fail<T>(label: &'static str, help: &'static str, input: &mut Input<'_>) -> ModalResult<T> {
    cut_err(winnow::combinator::fail).context(StrContext::Label(label)).context(expected(help)).parse_next(input)
}

fn steps(input: &mut Input<'_>, depth: usize) -> ModalResult<Vec<Step>> {
    let mut steps = Vec::new();
    loop {
        multispace0.parse_next(input)?;
        match peek(opt(any::<_, ErrMode<ContextError>>)).parse_next(input)? {
            Some('-' | '<') => steps.push(hop(input)?),
            Some('(') => steps.push(group(input, depth + 1)?),
            _ => return Ok(steps),
        }
    }
}

fn hop(input: &mut Input<'_>) -> ModalResult<Step> {
    let edge = edge(input)?;
    multispace0.parse_next(input)?;
    let times = opt(times).parse_next(input)?.unwrap_or(Times { min: 1, max: 1, span: edge.span.clone() });
    multispace0.parse_next(input)?;
    let node = cut_err(node).context(StrContext::Label("a node after the edge"));
    let node = node.context(expected("write () for any node, (:item) for an item")).parse_next(input)?;
    Ok(Step::Hop { edge, times, node })
}

fn group(input: &mut Input<'_>, depth: usize) -> ModalResult<Step> {
    if depth > MAX_DEPTH {
        return fail("fewer groups", "groups nest at most 16 deep", input);
    }
    ('(', multispace0).void().parse_next(input)?;
    let steps = steps(input, depth)?;
    if steps.is_empty() {
        let help = "between two nodes stands an edge; a group starts with an edge, like (-[]-(:item)){1,2}";
        return fail("an edge", help, input);
    }
    cut_err(')').context(StrContext::Label("`)` after the group")).parse_next(input)?;
    multispace0.parse_next(input)?;
    let times = cut_err(times).context(StrContext::Label("a quantifier after the group"));
    let times = times.context(expected("write {2} for twice, {1,3} for one to three times")).parse_next(input)?;
    Ok(Step::Group { steps, times })
}

fn node(input: &mut Input<'_>) -> ModalResult<Node> {
    let close = cut_err(')').context(StrContext::Label("`)` or labels")).context(expected(LABELS_HELP));
    let (labels, span) = delimited('(', labels, close).with_span().parse_next(input)?;
    Ok(Node { labels, span })
}

const LABELS_HELP: &str =
    "labels follow a colon: (:person), (:person|company), (:!person), -[:starring]->; quote others with backticks";

fn edge(input: &mut Input<'_>) -> ModalResult<Edge> {
    let ((direction, labels), span) = arrow.with_span().parse_next(input)?;
    Ok(Edge { direction, labels, span })
}

fn arrow(input: &mut Input<'_>) -> ModalResult<(Direction, Labels)> {
    let leftward = alt(("<-".value(true), "-".value(false))).parse_next(input).map_err(ErrMode::cut)?;
    let close = cut_err(']').context(StrContext::Label("`]` or labels")).context(expected(LABELS_HELP));
    let labels = opt(delimited('[', labels, close)).parse_next(input)?.unwrap_or_default();
    let help = "edges are written -[:r]->, <-[:r]-, -[:r]-, -[]-, -->, <-- and --";
    let right = if leftward {
        cut_err("-".value(Direction::Inverse))
            .context(StrContext::Label("`-`"))
            .context(expected(help))
            .parse_next(input)
    } else {
        let right = alt(("->".value(Direction::Forward), "-".value(Direction::Both)));
        cut_err(right).context(StrContext::Label("`->` or `-`")).context(expected(help)).parse_next(input)
    };
    Ok((right?, labels))
}

fn labels(input: &mut Input<'_>) -> ModalResult<Labels> {
    multispace0.parse_next(input)?;
    let variable = opt(name.with_span()).parse_next(input)?;
    multispace0.parse_next(input)?;
    let expression = preceded((':', multispace0), cut_err(expression));
    let mut expression = opt(expression.context(StrContext::Label("a label")).context(expected(LABELS_HELP)));
    let (negated, names) = expression.parse_next(input)?.unwrap_or_default();
    Ok(Labels { variable, negated, names })
}

fn expression(input: &mut Input<'_>) -> ModalResult<(bool, Vec<(String, Span)>)> {
    let negated = opt(('!', multispace0)).parse_next(input)?.is_some();
    let bracketed = delimited(('(', multispace0), names, cut_err(')'));
    let names = alt((bracketed, names)).parse_next(input)?;
    multispace0.parse_next(input)?;
    Ok((negated, names))
}

fn names(input: &mut Input<'_>) -> ModalResult<Vec<(String, Span)>> {
    let one = delimited(multispace0, name.with_span(), multispace0);
    separated(1.., one, '|').parse_next(input)
}

fn name(input: &mut Input<'_>) -> ModalResult<String> {
    let quoted = delimited('`', take_while(1.., |c| c != '`'), cut_err('`'));
    alt((quoted, plain_name)).map(str::to_owned).parse_next(input)
}

fn plain_name<'a>(input: &mut Input<'a>) -> ModalResult<&'a str> {
    (take_while(1, |c| is_plain(c) && c != '-'), take_while(0.., is_plain)).take().parse_next(input)
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '#')
}

fn times(input: &mut Input<'_>) -> ModalResult<Times> {
    let number = || delimited(multispace0, digits, multispace0);
    let help = "a quantifier is {2} or {1,3}, with no more than 16 hops in all";
    let inside = cut_err((number(), opt(preceded(',', number())), '}'));
    let inside = inside.context(StrContext::Label("a quantifier")).context(expected(help));
    let braces = preceded('{', inside).map(|(min, max, _)| (min, max));
    let mut braces = braces.with_span();
    let ((min, max), span) = braces.parse_next(input)?;
    Ok(Times { min, max: max.unwrap_or(min), span })
}

/// A number; what does not fit is far over every limit, and the limits are checked with a better message later.
fn digits(input: &mut Input<'_>) -> ModalResult<u32> {
    let fits = dec_uint::<_, u32, ErrMode<ContextError>>;
    let huge = repeat::<_, _, (), _, _>(1.., winnow::token::one_of('0'..='9')).value(u32::MAX);
    alt((winnow::combinator::terminated(fits, winnow::combinator::not(winnow::token::one_of('0'..='9'))), huge))
        .parse_next(input)
}

impl Ast {
    /// The most hops a path may have, saturating.
    pub(super) fn max_hops(&self) -> u32 {
        max_hops(&self.steps)
    }
}

fn max_hops(steps: &[Step]) -> u32 {
    steps.iter().fold(0, |sum, step| sum.saturating_add(step.max_hops()))
}

impl Step {
    fn max_hops(&self) -> u32 {
        match self {
            Self::Hop { times, .. } => times.max,
            Self::Group { steps, times } => max_hops(steps).saturating_mul(times.max),
        }
    }

    /// The first quantifier that is upside down, empty, or by itself over the limit; groups may be skipped, edges not.
    pub(super) fn bad_times(&self) -> Option<(&Times, &'static str)> {
        let (times, least) = match self {
            Self::Hop { times, .. } => (times, 1),
            Self::Group { times, .. } => (times, 0),
        };
        if times.max > MAX_HOPS {
            return Some((times, "the quantifier allows more hops than a path may have"));
        }
        if times.max == 0 || times.min > times.max || times.min < least {
            return Some((times, "the quantifier is empty"));
        }
        match self {
            Self::Hop { .. } => None,
            Self::Group { steps, .. } => steps.iter().find_map(Self::bad_times),
        }
    }
}

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start)?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hop { edge, times, node } => {
                write!(f, "{edge}")?;
                if (times.min, times.max) != (1, 1) {
                    write!(f, "{times}")?;
                }
                write!(f, "{node}")
            }
            Self::Group { steps, times } => {
                f.write_str("(")?;
                steps.iter().try_for_each(|step| write!(f, "{step}"))?;
                write!(f, "){times}")
            }
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{{{}}}", self.min) } else { write!(f, "{{{},{}}}", self.min, self.max) }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({})", self.labels)
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
    /// Without the variable; a negated list in brackets, which GQL reads the same way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = self.negated && self.names.len() > 1;
        let prefix = match (self.names.is_empty(), self.negated) {
            (true, _) => return Ok(()),
            (false, false) => ":",
            (false, true) if bracketed => ":!(",
            (false, true) => ":!",
        };
        f.write_str(prefix)?;
        for (index, (name, _)) in self.names.iter().enumerate() {
            let bar = if index > 0 { "|" } else { "" };
            let plain = !name.starts_with('-') && name.chars().all(is_plain);
            if plain { write!(f, "{bar}{name}")? } else { write!(f, "{bar}`{name}`")? }
        }
        if bracketed { f.write_str(")") } else { Ok(()) }
    }
}
