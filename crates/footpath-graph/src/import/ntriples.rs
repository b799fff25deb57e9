//! The usual lines of N-Triples, read without a parser: three IRIs, or two and a plain text. Whatever else a line holds
//! is left to the parser, so that nothing is taken here that it would not take.

/// What the usual line says; parts of the line as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usual<'l> {
    /// Head, relation, tail.
    Edge([&'l str; 3]),
    /// Node, relation, text, language.
    Value([&'l str; 4]),
}

/// What a line says, if it is a usual one.
pub(super) fn read(line: &str) -> Option<Usual<'_>> {
    let (head, rest) = iri(line.trim_start_matches([' ', '\t']))?;
    let (relation, rest) = iri(blanks(rest)?)?;
    let rest = blanks(rest)?;
    if rest.starts_with('<') {
        let (tail, rest) = iri(rest)?;
        return is_end(rest).then_some(Usual::Edge([head, relation, tail]));
    }
    let (text, rest) = literal(rest)?;
    let (language, rest) = match rest.as_bytes() {
        [b'@', ..] => language(rest.get(1..)?)?,
        [b'^', b'^', ..] => ("", iri(rest.get(2..)?)?.1),
        _ => ("", rest),
    };
    is_end(rest).then_some(Usual::Value([head, relation, text, language]))
}

/// What follows blanks, of which there must be some.
fn blanks(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches([' ', '\t']);
    (rest.len() < text.len()).then_some(rest)
}

/// Whether nothing but the dot of a statement follows.
fn is_end(text: &str) -> bool {
    let after = text.trim_start_matches([' ', '\t']).strip_prefix('.');
    after.is_some_and(|rest| rest.trim_matches([' ', '\t']).is_empty())
}

/// An absolute IRI of plain characters in angle brackets, and what follows.
fn iri(text: &str) -> Option<(&str, &str)> {
    let (iri, rest) = text.strip_prefix('<')?.split_once('>')?;
    let (scheme, after) = iri.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#".contains(&b);
    let authority = after.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    // Hosts with ports, users or brackets, empty ones, second hashes and escapes are left to the parser.
    let is_host = !authority.is_empty() && authority.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    let is_plain = after.bytes().all(plain) && after.bytes().filter(|&b| b == b'#').count() < 2;
    (is_scheme && is_host && is_plain).then_some((iri, rest))
}

/// A text without escapes in quotes, and what follows.
fn literal(text: &str) -> Option<(&str, &str)> {
    let (text, rest) = text.strip_prefix('"')?.split_once('"')?;
    let is_plain = !text.bytes().any(|b| b == b'\\' || b == b'\r' || b == b'\n');
    is_plain.then_some((text, rest))
}

/// A language such as `en` or `pt-BR`, and what follows.
fn language(text: &str) -> Option<(&str, &str)> {
    let end = text.find([' ', '\t', '.'])?;
    let (language, rest) = text.split_at_checked(end)?;
    let (main, region) = language.split_once('-').map_or((language, None), |(main, region)| (main, Some(region)));
    let is_main = (2..=3).contains(&main.len()) && main.bytes().all(|b| b.is_ascii_alphabetic());
    let is_region = region.is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_alphabetic()));
    (is_main && is_region).then_some((language, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{NamedOrBlankNode, Term};
    use oxrdfio::{RdfFormat, RdfParser};
    use proptest::prelude::*;

    /// What the parser makes of a line: one statement, or nothing.
    fn parsed(line: &str) -> Option<Vec<String>> {
        let quads: Result<Vec<_>, _> = RdfParser::from_format(RdfFormat::NTriples).for_slice(line.as_bytes()).collect();
        let mut quads = quads.ok()?;
        let quad = quads.pop().filter(|_| quads.is_empty())?;
        let NamedOrBlankNode::NamedNode(head) = quad.subject else { return None };
        let mut said = vec![head.into_string(), quad.predicate.into_string()];
        match quad.object {
            Term::NamedNode(tail) => said.push(tail.into_string()),
            Term::Literal(literal) => {
                let (text, _, language) = literal.destruct();
                said.extend([text, language.unwrap_or_default()]);
            }
            _ => return None,
        }
        Some(said)
    }

    fn usual(line: &str) -> Option<Vec<String>> {
        read(line).map(|usual| match usual {
            Usual::Edge(parts) => parts.map(str::to_owned).to_vec(),
            // The parser writes languages small.
            Usual::Value([node, relation, text, language]) => {
                vec![node.to_owned(), relation.to_owned(), text.to_owned(), language.to_lowercase()]
            }
        })
    }

    #[test]
    fn usual_lines_are_read_and_others_left_to_the_parser() {
        let (s, p) = ("<http://x.org/a>", "<http://x.org/p#q>");
        for rest in ["<http://x.org/b> .", "\"text\" .", "\"täxt\"@en .", "\"7\"^^<http://x.org/int> .", "\"a\"@pt-BR."]
        {
            let line = format!("{s} {p} {rest}");
            assert!(usual(&line).is_some(), "{line}");
            assert_eq!(usual(&line), parsed(&line), "{line}");
        }
        for line in [
            "",
            "# nothing",
            "_:a <http://x.org/p> <http://x.org/b> .",
            "<a> <http://x.org/p> <http://x.org/b> .",
            "<http://x.org/a b> <http://x.org/p> <http://x.org/b> .",
            "<http://x.org/a> <http://x.org/p> <http://x.org/b>",
            "<http://x.org/a> <http://x.org/p> <http://x.org/b> . # why",
            "<http://x.org/a> <http://x.org/p> \"a\\tb\" .",
            "<http://x.org/a> <http://x.org/p> \"a\"@e .",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest! {
        /// What is read here is what the parser reads.
        #[test]
        fn nothing_is_taken_that_the_parser_would_not_take(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("<http://x.org/a>"),
                    Just("<http://x.org/p>"),
                    Just("<urn:a>"),
                    Just("<http:///a>"),
                    Just("<a>"),
                    Just("_:b"),
                    Just("\"t\""),
                    Just("\"t\"@en"),
                    Just("\"t\"@e-n"),
                    Just("\"t\"^^<http://x.org/i>"),
                    Just("\"t\"^^<i>"),
                    Just("<http://x.org/%41>"),
                    Just("<http://x.org/%4>"),
                    Just("<http://x.org:80/>"),
                    Just("<http://x.org/#a#b>"),
                    Just("<1http://x.org/>"),
                    Just("<http://x.org/a\u{e9}>"),
                    Just("."),
                    Just("#"),
                ],
                0..6,
            ),
            blanks in prop::collection::vec(prop_oneof![Just(" "), Just("\t"), Just(""), Just("  ")], 6),
        ) {
            let line: String = parts.iter().zip(&blanks).flat_map(|(part, blank)| [*part, *blank]).collect();
            if let Some(said) = usual(&line) {
                prop_assert_eq!(Some(said), parsed(&line), "{}", line);
            }
        }
    }
}
