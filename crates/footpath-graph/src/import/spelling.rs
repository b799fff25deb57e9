//! Ways in which two files spell one id differently, and how to see through each.

use crate::error::{Error, Result, show};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A way of spelling that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spelling {
    /// `12.0` for `12`: a number that went through floating point.
    Number,
    /// `007` for `7`.
    Zeros,
    /// Blanks around an id.
    Blanks,
    /// Quotes around an id.
    Quotes,
    /// `Q42` for `q42`.
    Case,
    /// `é` as one character or as a letter and an accent, or without one.
    Accents,
    /// `http://dbpedia.org/resource/Jumanji` or `<…>` for `Jumanji`.
    Local,
}

impl Spelling {
    /// All of them, those that change least first.
    pub(super) const ALL: [Self; 7] =
        [Self::Number, Self::Zeros, Self::Blanks, Self::Quotes, Self::Case, Self::Accents, Self::Local];

    /// As it is written in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Zeros => "zeros",
            Self::Blanks => "blanks",
            Self::Quotes => "quotes",
            Self::Case => "case",
            Self::Accents => "accents",
            Self::Local => "local",
        }
    }

    /// What it is, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Number => "numbers that went through floating point, as in a data frame with a missing value",
            Self::Zeros => "leading zeros",
            Self::Blanks => "blanks around them",
            Self::Quotes => "quotes around them",
            Self::Case => "capital and small letters",
            Self::Accents => "accents, or their Unicode form",
            Self::Local => "IRIs on one side and local names on the other",
        }
    }

    /// An id without it.
    pub(super) fn plain(self, id: &str) -> Cow<'_, str> {
        match self {
            Self::Number => Cow::Borrowed(whole_number(id)),
            Self::Zeros => Cow::Borrowed(without_zeros(id)),
            Self::Blanks => Cow::Borrowed(id.trim()),
            Self::Quotes => Cow::Borrowed(without_quotes(id)),
            Self::Case if id.chars().any(char::is_uppercase) => Cow::Owned(id.to_lowercase()),
            Self::Accents if !id.is_ascii() => Cow::Owned(id.chars().filter_map(letter).collect()),
            Self::Case | Self::Accents => Cow::Borrowed(id),
            Self::Local => Cow::Borrowed(local_name(id)),
        }
    }
}

impl std::str::FromStr for Spelling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|spelling| spelling.name() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            Error::Usage { option: "same-ids", reason: format!("`{}` is none of {all}", show(text.as_bytes())) }
        })
    }
}

/// An id that is never empty.
fn or_itself<'a>(plain: &'a str, id: &'a str) -> &'a str {
    if plain.is_empty() { id } else { plain }
}

fn whole_number(id: &str) -> &str {
    let Some((whole, fraction)) = id.split_once('.') else { return id };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_whole && !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') { whole } else { id }
}

fn without_zeros(id: &str) -> &str {
    if !id.bytes().all(|b| b.is_ascii_digit()) {
        return id;
    }
    let plain = id.trim_start_matches('0');
    if plain.is_empty() { id.get(id.len().saturating_sub(1)..).unwrap_or(id) } else { plain }
}

fn without_quotes(id: &str) -> &str {
    let within = |quote: char| id.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    or_itself(within('"').or_else(|| within('\'')).unwrap_or(id), id)
}

/// What stands behind the last slash, hash or colon of an IRI; a prefix such as `dbr:` is one as well.
fn local_name(id: &str) -> &str {
    let iri = id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(id);
    let local = iri.rsplit(['/', '#']).next().unwrap_or(iri);
    or_itself(local.rsplit(':').next().unwrap_or(local), id)
}

/// The letter of an accented one; none of an accent alone.
fn letter(c: char) -> Option<char> {
    const LETTERS: [(char, &str); 42] = [
        ('A', "ÀÁÂÃÄÅĀĂĄǍ"),
        ('a', "àáâãäåāăąǎ"),
        ('C', "ÇĆĈĊČ"),
        ('c', "çćĉċč"),
        ('D', "Ď"),
        ('d', "ď"),
        ('E', "ÈÉÊËĒĔĖĘĚ"),
        ('e', "èéêëēĕėęě"),
        ('G', "ĜĞĠĢ"),
        ('g', "ĝğġģ"),
        ('H', "Ĥ"),
        ('h', "ĥ"),
        ('I', "ÌÍÎÏĨĪĬĮİ"),
        ('i', "ìíîïĩīĭį"),
        ('J', "Ĵ"),
        ('j', "ĵ"),
        ('K', "Ķ"),
        ('k', "ķ"),
        ('L', "ĹĻĽ"),
        ('l', "ĺļľ"),
        ('N', "ÑŃŅŇ"),
        ('n', "ñńņň"),
        ('O', "ÒÓÔÕÖŌŎŐ"),
        ('o', "òóôõöōŏő"),
        ('R', "ŔŖŘ"),
        ('r', "ŕŗř"),
        ('S', "ŚŜŞŠȘ"),
        ('s', "śŝşšș"),
        ('T', "ŢŤȚ"),
        ('t', "ţťț"),
        ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
        ('u', "ùúûüũūŭůűų"),
        ('W', "Ŵ"),
        ('w', "ŵ"),
        ('Y', "ÝŶŸ"),
        ('y', "ýÿŷ"),
        ('Z', "ŹŻŽ"),
        ('z', "źżž"),
        ('-', "\u{2010}\u{2011}"),
        (' ', "\u{a0}\u{202f}"),
        ('\'', "\u{2019}"),
        ('i', "ı"),
    ];
    if ('\u{300}'..='\u{36f}').contains(&c) {
        return None;
    }
    // Full-width forms stand for the ASCII that is as far from `！` as they are.
    if let '\u{ff01}'..='\u{ff5e}' = c {
        return char::from_u32(u32::from(c) - 0xff01 + 0x21);
    }
    let found = LETTERS.iter().find(|(_, accented)| accented.contains(c));
    Some(found.map_or(c, |(letter, _)| *letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_spelling_is_seen_through_and_nothing_else_is() {
        let cases = [
            (Spelling::Number, "12.0", "12"),
            (Spelling::Number, "-3.000", "-3"),
            (Spelling::Number, "12.5", "12.5"),
            (Spelling::Number, "v1.0", "v1.0"),
            (Spelling::Zeros, "007", "7"),
            (Spelling::Zeros, "000", "0"),
            (Spelling::Zeros, "x07", "x07"),
            (Spelling::Blanks, " a b ", "a b"),
            (Spelling::Quotes, "\"a\"", "a"),
            (Spelling::Quotes, "'a'", "a"),
            (Spelling::Case, "Q42", "q42"),
            (Spelling::Accents, "Amélie", "Amelie"),
            (Spelling::Accents, "Ame\u{301}lie", "Amelie"),
            (Spelling::Local, "http://dbpedia.org/resource/Jumanji", "Jumanji"),
            (Spelling::Local, "<http://x.org/a#b>", "b"),
            (Spelling::Local, "dbr:Jumanji", "Jumanji"),
            (Spelling::Local, "http://x.org/", "http://x.org/"),
        ];
        for (spelling, id, plain) in cases {
            assert_eq!(spelling.plain(id), plain, "{spelling:?}");
            assert_eq!(spelling.plain(&spelling.plain(id)), plain, "once is enough: {spelling:?}");
            assert_eq!(spelling.name().parse::<Spelling>().expect("a name"), spelling);
        }
        assert!("other".parse::<Spelling>().is_err());
    }
}
