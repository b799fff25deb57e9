//! The text of a pattern to its parts.

use super::syntax::{
    Alternative, Ast, Direction, Edge, Element, Expression, Labels, Node, Restriction, Sequence, Span, Times, is_plain,
};
use winnow::ascii::{Caseless, dec_uint, multispace0};
use winnow::combinator::{alt, cut_err, delimited, eof, not, opt, peek, preceded, repeat, separated, terminated};
use winnow::error::{ContextError, ErrMode, StrContext, StrContextValue};
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, one_of, take_while};
use winnow::{ModalResult, Parser};

/// Deepest nesting of groups, and of brackets in labels.
const MAX_DEPTH: usize = 16;

/// What is wrong with a text that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

type Input<'a> = LocatingSlice<&'a str>;

const LABELS_HELP: &str = "labels follow a colon: (:person), (:person|company), (:entity&!person), -[:starring]->; \
                           quote others with backticks";
const EDGES_HELP: &str = "edges are written -[:r]->, <-[:r]-, -[:r]-, -->, <-- and --";

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Ast, SyntaxError> {
    let parsed = ast.parse(LocatingSlice::new(text)).map(|mut ast| {
        for Alternative { span, .. } in &mut ast.alternatives {
            span.end = span.start + text.get(span.clone()).map_or(0, |part| part.trim_end().len());
        }
        ast
    });
    parsed.map_err(|error| {
        let offset = error.offset().min(text.len());
        let found = text.get(offset..).and_then(|rest| rest.chars().next());
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
        // Within brackets: what other languages write there.
        let inside = wanted.contains("labels");
        let help = match found {
            Some('~') => "the inverse of a relation r is written <-[:r]-",
            // As openCypher writes what GQL writes otherwise.
            Some('*') if inside => "repetition is written behind the edge: -[]-{1,3}, and -[]-{2} for exactly two",
            Some('{') if inside => {
                "repetition is written behind an edge or a group: -[]-{1,3}; patterns have no properties such as \
                 {id: 'x'}: users and items are chosen by the options of a verb"
            }
            _ => help.next().unwrap_or("write it like (:user)-[:interacted]->(:item)-[]-(:item)"),
        };
        let found = found.map_or("the end of the pattern".to_owned(), |c| format!("`{}`", c.escape_debug()));
        SyntaxError { offset, message: format!("expected {wanted}, found {found}"), help: help.to_owned() }
    })
}

fn expected(text: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(text))
}

fn fail<T>(label: &'static str, help: &'static str, input: &mut Input<'_>) -> ModalResult<T> {
    cut_err(winnow::combinator::fail).context(StrContext::Label(label)).context(expected(help)).parse_next(input)
}

fn next(input: &mut Input<'_>) -> ModalResult<Option<char>> {
    preceded(multispace0, peek(opt(any::<_, ErrMode<ContextError>>))).parse_next(input)
}

fn ast(input: &mut Input<'_>) -> ModalResult<Ast> {
    let alternatives = separated(1.., alternative, '|').parse_next(input)?;
    let help = "after a node comes an edge like -[:starring]-> or -[]-, a group like (-[]-(:item)){1,2}, or | and \
                another pattern";
    cut_err(eof)
        .context(StrContext::Label("an edge, a group, `|` or the end"))
        .context(expected(help))
        .parse_next(input)?;
    Ok(Ast { alternatives })
}

fn alternative(input: &mut Input<'_>) -> ModalResult<Alternative> {
    multispace0.parse_next(input)?;
    let restriction = opt(restriction).parse_next(input)?;
    if next(input)? != Some('(') {
        let help = "write it like (:user)-[:interacted]->(:item)-[]-(:item)";
        return fail("a node in round brackets", help, input);
    }
    let (sequence, span) = (|input: &mut Input<'_>| sequence(input, 0)).with_span().parse_next(input)?;
    Ok(Alternative { restriction, sequence, span })
}

fn restriction(input: &mut Input<'_>) -> ModalResult<Restriction> {
    let [collaborative, knowledge] = Restriction::ALL;
    let word = |restriction: Restriction| Caseless(restriction.keyword()).value(restriction);
    alt((word(collaborative), word(knowledge))).parse_next(input)
}

fn sequence(input: &mut Input<'_>, depth: usize) -> ModalResult<Sequence> {
    let mut elements = Vec::new();
    loop {
        match (next(input)?, elements.last()) {
            (Some('-' | '<'), Some(Element::Edge(..))) => return after_edge(input),
            (Some('-' | '<'), _) => elements.push(edge(input)?),
            (Some('('), last) => {
                if is_group(input)? {
                    elements.push(group(input, depth + 1)?);
                } else if matches!(last, Some(Element::Node(_))) {
                    return fail("an edge", "between two nodes stands an edge, like (:user)-[]-(:item)", input);
                } else {
                    elements.push(Element::Node(node(input)?));
                }
            }
            (_, Some(Element::Edge(..))) => return after_edge(input),
            (_, None) => return fail("an edge or a node", "write it like (-[]-(:item)){1,2}", input),
            _ => return Ok(Sequence(elements)),
        }
    }
}

fn after_edge<T>(input: &mut Input<'_>) -> ModalResult<T> {
    fail("a node after the edge", "write () for any node, (:item) for an item", input)
}

/// A bracket opens a group when a path begins in it.
fn is_group(input: &mut Input<'_>) -> ModalResult<bool> {
    peek(opt(('(', multispace0, one_of(['(', '-', '<'])))).map(|found| found.is_some()).parse_next(input)
}

fn group(input: &mut Input<'_>, depth: usize) -> ModalResult<Element> {
    if depth > MAX_DEPTH {
        return fail("fewer groups", "groups nest at most 16 deep", input);
    }
    let ((), span) = '('.void().with_span().parse_next(input)?;
    let one = |input: &mut Input<'_>| sequence(input, depth);
    let alternatives = separated(1.., one, '|').parse_next(input)?;
    cut_err(')').context(StrContext::Label("`)` after the group")).parse_next(input)?;
    Ok(Element::Group(alternatives, times(input, span)?))
}

fn node(input: &mut Input<'_>) -> ModalResult<Node> {
    let close = cut_err(')').context(StrContext::Label("`)` or labels")).context(expected(LABELS_HELP));
    let (labels, span) = delimited('(', labels, close).with_span().parse_next(input)?;
    Ok(Node { labels, span })
}

fn edge(input: &mut Input<'_>) -> ModalResult<Element> {
    let ((direction, labels), span) = arrow.with_span().parse_next(input)?;
    let times = times(input, span.clone())?;
    Ok(Element::Edge(Edge { direction, labels, span }, times))
}

fn arrow(input: &mut Input<'_>) -> ModalResult<(Direction, Labels)> {
    let left = alt(("<-".value(true), "-".value(false)));
    let mut left = cut_err(left).context(StrContext::Label("`<-` or `-`")).context(expected(EDGES_HELP));
    let leftward = left.parse_next(input)?;
    let close = cut_err(']').context(StrContext::Label("`]` or labels")).context(expected(LABELS_HELP));
    let labels = opt(delimited('[', labels, close)).parse_next(input)?;
    let direction = match (leftward, labels.is_some()) {
        (true, true) => cut_err("-".value(Direction::Inverse))
            .context(StrContext::Label("`-`"))
            .context(expected(EDGES_HELP))
            .parse_next(input),
        (false, true) => cut_err(alt(("->".value(Direction::Forward), "-".value(Direction::Both))))
            .context(StrContext::Label("`->` or `-`"))
            .context(expected(EDGES_HELP))
            .parse_next(input),
        // Without brackets GQL writes one dash and openCypher two.
        (true, false) => opt("-").value(Direction::Inverse).parse_next(input),
        (false, false) => (opt("-"), opt(">"))
            .map(|(_, right)| if right.is_some() { Direction::Forward } else { Direction::Both })
            .parse_next(input),
    };
    Ok((direction?, labels.unwrap_or_default()))
}

fn labels(input: &mut Input<'_>) -> ModalResult<Labels> {
    multispace0.parse_next(input)?;
    let variable = opt(name.with_span()).parse_next(input)?;
    multispace0.parse_next(input)?;
    let expression = |input: &mut Input<'_>| any_of(input, 0);
    let expression = opt(preceded(':', expression)).parse_next(input)?;
    Ok(Labels { variable, expression })
}

fn any_of(input: &mut Input<'_>, depth: usize) -> ModalResult<Expression> {
    let one = |input: &mut Input<'_>| all_of(input, depth);
    let parts: Vec<_> = separated(1.., one, '|').parse_next(input)?;
    Ok(alone(parts).unwrap_or_else(Expression::Or))
}

fn all_of(input: &mut Input<'_>, depth: usize) -> ModalResult<Expression> {
    let one = |input: &mut Input<'_>| label(input, depth);
    let parts: Vec<_> = separated(1.., one, '&').parse_next(input)?;
    Ok(alone(parts).unwrap_or_else(Expression::And))
}

fn alone(mut parts: Vec<Expression>) -> Result<Expression, Vec<Expression>> {
    match parts.pop() {
        Some(part) if parts.is_empty() => Ok(part),
        part => {
            parts.extend(part);
            Err(parts)
        }
    }
}

/// One label with its negations; two of those are none.
fn label(input: &mut Input<'_>, depth: usize) -> ModalResult<Expression> {
    multispace0.parse_next(input)?;
    let negations: Vec<_> = repeat(0.., terminated('!', multispace0)).parse_next(input)?;
    let inner = match peek(opt(any::<_, ErrMode<ContextError>>)).parse_next(input)? {
        Some('%') => '%'.value(Expression::Any).parse_next(input)?,
        Some('(') if depth >= MAX_DEPTH => {
            return fail("fewer brackets", "brackets in labels nest at most 16 deep", input);
        }
        Some('(') => {
            let inside = |input: &mut Input<'_>| any_of(input, depth + 1);
            let close = cut_err(')').context(StrContext::Label("`)` after the labels"));
            delimited('(', inside, close).parse_next(input)?
        }
        _ => {
            let name = cut_err(name).context(StrContext::Label("a label")).context(expected(LABELS_HELP));
            name.with_span().map(|(name, span)| Expression::Label(name, span)).parse_next(input)?
        }
    };
    multispace0.parse_next(input)?;
    Ok(if negations.len() % 2 == 0 { inner } else { Expression::Not(Box::new(inner)) })
}

fn name(input: &mut Input<'_>) -> ModalResult<String> {
    let quoted = delimited('`', take_while(1.., |c| c != '`'), cut_err('`'));
    alt((quoted, plain_name)).map(str::to_owned).parse_next(input)
}

fn plain_name<'a>(input: &mut Input<'a>) -> ModalResult<&'a str> {
    (take_while(1, |c| is_plain(c) && c != '-'), take_while(0.., is_plain)).take().parse_next(input)
}

/// The quantifier that stands here; once, at `span`, where there is none.
fn times(input: &mut Input<'_>, span: Span) -> ModalResult<Times> {
    let next = next(input)?;
    let begin = input.current_token_start();
    let (min, max) = match next {
        Some('?') => '?'.value((0, 1)).parse_next(input)?,
        Some('{') => braces(input)?,
        Some('*' | '+') => return unlimited(input),
        _ => return Ok(Times { min: 1, max: 1, span }),
    };
    Ok(Times { min, max, span: begin..input.previous_token_end() })
}

fn unlimited<T>(input: &mut Input<'_>) -> ModalResult<T> {
    let help = "a path has at most 16 hops; write how many are meant, like {1,3} or {0,16}";
    fail("a quantifier with a limit", help, input)
}

fn braces(input: &mut Input<'_>) -> ModalResult<(u32, u32)> {
    let wanted = || StrContext::Label("a quantifier");
    let help = || expected("a quantifier is {2}, {1,3}, {,3} or ?, with no more than 16 hops in all");
    let number = || delimited(multispace0, digits, multispace0);
    '{'.parse_next(input)?;
    let min = opt(number()).parse_next(input)?;
    let comma = opt((',', multispace0)).parse_next(input)?.is_some();
    let max = match (min, comma) {
        (Some(min), false) => min,
        (_, true) if min.is_some() && peek(opt('}')).parse_next(input)?.is_some() => return unlimited(input),
        _ => cut_err(number()).context(wanted()).context(help()).parse_next(input)?,
    };
    cut_err('}').context(wanted()).context(help()).parse_next(input)?;
    Ok((min.unwrap_or(0), max))
}

/// A number; what does not fit is far over every limit, and the limits are checked with a better message later.
fn digits(input: &mut Input<'_>) -> ModalResult<u32> {
    let fits = dec_uint::<_, u32, ErrMode<ContextError>>;
    let huge = repeat::<_, _, (), _, _>(1.., one_of('0'..='9')).value(u32::MAX);
    alt((terminated(fits, not(one_of('0'..='9'))), huge)).parse_next(input)
}
