//! Rules as text.

use super::RuleError;

/// Most bytes of a rule.
const MAX_BYTES: usize = 16 << 10;
/// Deepest nesting.
const MAX_DEPTH: usize = 16;
/// Most tests of a rule.
const MAX_TESTS: usize = 200;

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// Holds where one of these does.
    Any(Vec<Expression>),
    /// Holds where all of these do.
    All(Vec<Expression>),
    /// Holds where this does not.
    Not(Box<Expression>),
    /// `NAME:VALUE` and `NAME in (VALUE, …)`: connected to one of these, or having one of these values.
    Has(Word, Vec<Word>),
    /// `NAME < VALUE`.
    Compare(Word, Comparison, Word),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A word, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Characters before it.
    pub(crate) position: usize,
}

/// A part of the text.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Compare(Comparison),
    Open,
    Close,
    Comma,
    Colon,
}

/// Reads a rule.
pub(crate) fn parse(text: &str) -> Result<Expression, RuleError> {
    if text.len() > MAX_BYTES {
        return Err(RuleError::new(0, format!("a rule has at most {MAX_BYTES} bytes")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.chars().count(), tests: 0 };
    let rule = parser.any(0)?;
    match parser.peek() {
        None => Ok(rule),
        Some(_) => {
            Err(RuleError::new(parser.position(), "the rule is over here").help("join rules with `and` or `or`"))
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, RuleError> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().enumerate().peekable();
    while let Some((position, c)) = rest.next() {
        let mut followed_by_equal = || rest.next_if(|&(_, c)| c == '=').is_some();
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '=' => {
                followed_by_equal();
                Token::Compare(Comparison::Equal)
            }
            '!' if followed_by_equal() => Token::Compare(Comparison::Unequal),
            '<' if followed_by_equal() => Token::Compare(Comparison::LessOrEqual),
            '<' => Token::Compare(Comparison::Less),
            '>' if followed_by_equal() => Token::Compare(Comparison::GreaterOrEqual),
            '>' => Token::Compare(Comparison::Greater),
            '"' => Token::Quoted(quoted(&mut rest, position)?),
            c if is_of_word(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = rest.next_if(|&(_, c)| is_of_word(c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            c => {
                let error = RuleError::new(position, format!("`{}` has no meaning here", c.escape_default()));
                return Err(error.help("put names with special characters between double quotes"));
            }
        };
        tokens.push((token, position));
    }
    Ok(tokens)
}

/// The rest of a text between double quotes, in which `\"` and `\\` stand for `"` and `\`.
fn quoted(rest: &mut impl Iterator<Item = (usize, char)>, start: usize) -> Result<String, RuleError> {
    let mut text = String::new();
    while let Some((_, c)) = rest.next() {
        match c {
            '"' => return Ok(text),
            '\\' => text.extend(rest.next().map(|(_, c)| c)),
            c => text.push(c),
        }
    }
    Err(RuleError::new(start, "this quote does not end"))
}

fn is_of_word(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"()\",:=!<>\\".contains(c)
}

struct Parser<'t> {
    tokens: &'t [(Token, usize)],
    at: usize,
    /// Characters of the whole text.
    end: usize,
    tests: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(_, position)| *position)
    }

    /// Takes the next token if it is this one.
    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the next token if it is this word.
    fn take_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn any(&mut self, depth: usize) -> Result<Expression, RuleError> {
        let mut parts = vec![self.all(depth)?];
        while self.take_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, RuleError> {
        let mut parts = vec![self.one(depth)?];
        while self.take_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, RuleError> {
        if depth >= MAX_DEPTH {
            return Err(RuleError::new(self.position(), format!("rules are nested at most {MAX_DEPTH} deep")));
        }
        if self.take_word("not") {
            return Ok(Expression::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.any(depth + 1)?;
            return self.close().map(|()| inner);
        }
        self.test()
    }

    fn close(&mut self) -> Result<(), RuleError> {
        if self.take(&Token::Close) { Ok(()) } else { Err(RuleError::new(self.position(), "expected `)`")) }
    }

    fn test(&mut self) -> Result<Expression, RuleError> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return Err(RuleError::new(self.position(), format!("a rule has at most {MAX_TESTS} tests")));
        }
        let name = self.word("a name, `not` or `(`")?;
        if self.take(&Token::Colon) {
            let value = self.word("a name after the colon")?;
            return Ok(Expression::Has(name, vec![value]));
        }
        if self.take_word("in") {
            return Ok(Expression::Has(name, self.values()?));
        }
        if let Some(Token::Compare(comparison)) = self.peek().cloned() {
            self.at += 1;
            return Ok(Expression::Compare(name, comparison, self.word("a value")?));
        }
        let help = "write NAME:VALUE, NAME in (VALUE, VALUE), or NAME < VALUE";
        Err(RuleError::new(self.position(), "expected `:`, `in` or a comparison").help(help))
    }

    fn values(&mut self) -> Result<Vec<Word>, RuleError> {
        if !self.take(&Token::Open) {
            return Err(RuleError::new(self.position(), "expected `(`").help("write NAME in (VALUE, VALUE)"));
        }
        let mut values = vec![self.word("a value")?];
        while self.take(&Token::Comma) {
            values.push(self.word("a value")?);
        }
        self.close().map(|()| values)
    }

    fn word(&mut self, expected: &str) -> Result<Word, RuleError> {
        let position = self.position();
        match self.peek() {
            Some(Token::Word(text) | Token::Quoted(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(Word { text, position })
            }
            _ => Err(RuleError::new(position, format!("expected {expected}"))),
        }
    }
}

fn one_or(mut parts: Vec<Expression>, join: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, position: usize) -> Word {
        Word { text: text.to_owned(), position }
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closest() {
        let parsed = parse("a:b or not c:\"d \\\"e\" and price <= 20").expect("a rule");
        let a = Expression::Has(word("a", 0), vec![word("b", 2)]);
        let c = Expression::Not(Box::new(Expression::Has(word("c", 11), vec![word("d \"e", 13)])));
        let price = Expression::Compare(word("price", 25), Comparison::LessOrEqual, word("20", 34));
        assert_eq!(parsed, Expression::Any(vec![a, Expression::All(vec![c, price])]));
        let one = Expression::Has(word("x", 1), vec![word("1", 7), word("2", 10)]);
        assert_eq!(parse("(x in (1, 2))"), Ok(one));
    }

    #[test]
    fn trouble_has_a_place() {
        for (rule, position, words) in [
            ("", 0, "expected a name"),
            ("genre:", 6, "after the colon"),
            ("genre", 5, "expected `:`"),
            ("ä:b and", 7, "expected a name"),
            ("a:b c:d", 4, "is over"),
            ("(a:b", 4, "expected `)`"),
            ("a in b", 5, "expected `(`"),
            ("a in (b", 7, "expected `)`"),
            ("a:\"b", 2, "does not end"),
            ("a < ", 4, "a value"),
            ("a ! b", 2, "no meaning"),
            ("a:\\b", 2, "no meaning"),
        ] {
            let error = parse(rule).expect_err(rule);
            assert_eq!(error.position, position, "{rule}: {error}");
            assert!(error.message.contains(words), "{rule}: {error}");
        }
    }

    #[test]
    fn rules_are_bounded() {
        let deep = |depth: usize| format!("{}a:b{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&deep(15)).is_ok());
        assert!(parse(&deep(16)).is_err());
        assert!(parse(&"not ".repeat(4_000)).is_err());
        assert!(parse(&"a:b or ".repeat(3_000)).is_err());
        assert!(parse(&"a".repeat(MAX_BYTES + 1)).is_err());
    }
}
