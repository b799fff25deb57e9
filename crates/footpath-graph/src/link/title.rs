//! Titles as they are compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Articles that say nothing of which title it is, at its start or behind a comma at its end.
const ARTICLES: [&str; 22] = [
    "the", "a", "an", "le", "la", "les", "un", "une", "der", "die", "das", "ein", "eine", "el", "los", "las", "il",
    "lo", "gli", "i", "de", "het",
];
/// Words of brackets that say what something is and not what it is called.
const KINDS: [&str; 12] =
    ["film", "movie", "novel", "book", "album", "song", "band", "series", "miniseries", "tv", "video", "game"];
/// Years that a number in a title may mean.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=2999;

/// A title as it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// Its readings without case, accents, punctuation and articles: the title, then those in brackets at its end. None
    /// where nothing is left.
    pub keys: Vec<String>,
    /// Its year: that of the table, or else one in brackets at its end.
    pub year: Option<i32>,
}

impl Title {
    /// Reads a title.
    #[must_use]
    pub fn new(text: &str, year: Option<i32>) -> Self {
        let mut title = Self { keys: Vec::new(), year };
        let (mut main, mut others) = (text.trim(), Vec::new());
        while let Some((rest, bracket)) = last_bracket(main) {
            match year_of(bracket) {
                Some(year) => title.year = title.year.or(Some(year)),
                None => others.push(bracket),
            }
            main = rest;
        }
        let says_kind = |bracket: &str| words(bracket).any(|word| KINDS.contains(&word.as_str()));
        let others = others.into_iter().rev().filter(|bracket| !says_kind(bracket));
        for reading in std::iter::once(main).chain(others) {
            let reading = key(reading.trim_start_matches("a.k.a. ").trim_start_matches("aka "));
            if !reading.is_empty() && !title.keys.contains(&reading) {
                title.keys.push(reading);
            }
        }
        title
    }
}

/// What stands before brackets at the end of a title, and in them; none where nothing stands before.
fn last_bracket(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_suffix(')')?;
    let (rest, bracket) = inner.rsplit_once('(')?;
    let rest = rest.trim_end();
    (!rest.is_empty()).then_some((rest, bracket))
}

/// The first year among the words in brackets: `1999`, `1999 film`, `1999-2003`.
fn year_of(bracket: &str) -> Option<i32> {
    let numbers = bracket.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 4);
    numbers.filter_map(|digits| digits.parse().ok()).find(|year| YEARS.contains(year))
}

fn key(text: &str) -> String {
    let mut all: Vec<String> = words(text).collect();
    let ends_with_article = text.rsplit_once(',').is_some_and(|(_, last)| is_article(last.trim()));
    if all.len() > 1 && ends_with_article {
        all.pop();
    } else if all.len() > 1 && all.first().is_some_and(|first| is_article(first)) {
        all.remove(0);
    }
    all.join(" ")
}

fn is_article(word: &str) -> bool {
    let lower = word.to_lowercase();
    ARTICLES.contains(&lower.as_str()) || lower == "l'"
}

/// The words of a text: letters and digits, in their plain forms (NFKD without marks), small. `&` is a word.
fn words(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text.nfkd().filter(|&c| !is_combining_mark(c) && !matches!(c, '\'' | '’' | '.')).collect();
    let plain = plain.to_lowercase().replace('&', " and ");
    let words: Vec<String> =
        plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_title_in_several_spellings_is_one() {
        let same = [
            ["Matrix, The (1999)", "The Matrix (1999 film)"],
            ["Amélie (2001)", "Amelie (2001)"],
            ["Wallace & Gromit: A Close Shave (1995)", "Wallace and Gromit - A Close Shave (1995)"],
            ["Schindler's List (1993)", "Schindlers list (1993)"],
            ["E.T. (1982)", "ET (1982 movie)"],
            ["Ｔｉｔａｎｉｃ (1997)", "Titanic (1997)"],
        ];
        for [a, b] in same {
            assert_eq!(Title::new(a, None), Title::new(b, None), "{a} and {b}");
        }
    }

    #[test]
    fn brackets_hold_years_kinds_or_other_titles() {
        let title = Title::new("City of Lost Children, The (Cité des enfants perdus, La) (1995)", None);
        assert_eq!(title.keys, ["city of lost children", "cite des enfants perdus"]);
        assert_eq!(title.year, Some(1995));
        assert_eq!(Title::new("(500) Days of Summer", None).keys, ["500 days of summer"]);
        assert_eq!(Title::new("2001: A Space Odyssey", Some(1968)).year, Some(1968));
        assert_eq!(Title::new("1984", None), Title { keys: vec!["1984".to_owned()], year: None });
        assert_eq!(Title::new("Dune (novel)", None).keys, ["dune"]);
    }

    #[test]
    fn titles_of_nothing_but_signs_or_articles_are_as_good_as_they_go() {
        assert!(Title::new("", None).keys.is_empty() && Title::new("???", None).keys.is_empty());
        assert_eq!(Title::new("A", None).keys, ["a"]);
        assert_eq!(Title::new("The The", None).keys, ["the"]);
    }
}
