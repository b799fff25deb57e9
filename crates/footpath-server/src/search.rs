//! Nodes by the words of their labels and ids: whole words, the beginning of the last one, and, where nothing is found
//! as it is written, words that differ by a letter or two.
//!
//! The words lie in a finite-state transducer, each with the place of its nodes in one long list; so the index of a
//! million labels takes about as much memory as the labels.

use footpath::{NodeId, TrainKg};
use fst::automaton::Str;
use fst::{Automaton, IntoStreamer, Map, MapBuilder, Streamer};
use levenshtein_automata::LevenshteinAutomatonBuilder;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

/// Most characters of a query that are looked at.
const MAX_QUERY_CHARS: usize = 200;
/// Most words of a query.
const MAX_WORDS: usize = 8;
/// Most words of the index that one word of a query stands for.
const MAX_EXPANSIONS: usize = 100;
/// Most nodes of the rarest word of a query that are looked at.
const MAX_NODES: usize = 20_000;
/// Most bytes of a word that is indexed.
const MAX_WORD_BYTES: usize = 64;

/// Words that differ by a letter: left out, put in, another one, or swapped with the next.
static ONE_LETTER: LazyLock<LevenshteinAutomatonBuilder> = LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));
/// Words that differ by up to two letters.
static TWO_LETTERS: LazyLock<LevenshteinAutomatonBuilder> = LazyLock::new(|| LevenshteinAutomatonBuilder::new(2, true));

/// An index of the labels of a graph. It knows nodes by their places in the order in which they are shown: those with
/// more edges come first. So a list of places is a list of the best, and who they are is looked up for a few of them.
pub(crate) struct SearchIndex {
    words: Map<Vec<u8>>,
    /// Where the places of each word begin in `places`; one more for the end.
    starts: Vec<u32>,
    /// Of each word the places of its nodes, ascending.
    places: Vec<u32>,
    /// The node at each place.
    order: Vec<NodeId>,
}

/// A node that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    pub(crate) node: NodeId,
    /// How well it fits: the lower, the better; 0 for whole words alone.
    pub(crate) penalty: u32,
}

impl SearchIndex {
    /// Indexes the labels and ids of all nodes.
    pub(crate) fn new(kg: &TrainKg) -> Self {
        let mut order: Vec<NodeId> = (0..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX)).map(NodeId).collect();
        order.sort_by_cached_key(|&node| (Reverse(kg.degree(node)), node));
        let mut entries: Vec<(Box<str>, u32)> = Vec::new();
        for (place, &node) in (0..).zip(&order) {
            let (id, label) = (kg.id(node), kg.label(node));
            for word in words_of(label).chain(words_of(id)).chain(std::iter::once(id.to_lowercase())) {
                if word.len() <= MAX_WORD_BYTES && !word.is_empty() {
                    entries.push((word.into_boxed_str(), place));
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        Self::of_sorted(&entries, order)
    }

    fn of_sorted(entries: &[(Box<str>, u32)], order: Vec<NodeId>) -> Self {
        let (mut starts, mut places) = (Vec::new(), Vec::with_capacity(entries.len()));
        let mut builder = MapBuilder::memory();
        for of_word in entries.chunk_by(|a, b| a.0 == b.0) {
            // Words come in order, so the builder refuses none.
            let _ = of_word.first().map(|(word, _)| builder.insert(word.as_bytes(), starts.len() as u64));
            starts.push(u32::try_from(places.len()).unwrap_or(u32::MAX));
            places.extend(of_word.iter().map(|(_, place)| *place));
        }
        starts.push(u32::try_from(places.len()).unwrap_or(u32::MAX));
        Self { words: builder.into_map(), starts, places, order }
    }

    /// The nodes that have a word for each word of the query, best first: those of whole words, then of their
    /// beginnings; where there are none, those of words spelt a little differently. Among equals those with more edges
    /// come first.
    pub(crate) fn find(
        &self,
        query: &str,
        kind: Option<&[Range<u32>]>,
        limit: usize,
        leave_out: impl Fn(NodeId) -> bool,
    ) -> Vec<Hit> {
        let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
        let words: Vec<String> = words_of(&query).take(MAX_WORDS).collect();
        let mut found = self.places_of(&words, Spelling::AsWritten);
        if found.is_empty() {
            found = self.places_of(&words, Spelling::Alike);
        }
        let of_kind = |node: NodeId| kind.is_none_or(|nodes| nodes.iter().any(|range| range.contains(&node.0)));
        self.best(&found, limit, |node| of_kind(node) && !leave_out(node))
    }

    /// So many of the nodes at these places, the best first, of those that are wanted.
    fn best(&self, found: &[(u32, u32)], limit: usize, is_wanted: impl Fn(NodeId) -> bool) -> Vec<Hit> {
        let mut by_penalty: BTreeMap<u32, Vec<Hit>> = BTreeMap::new();
        for &(place, penalty) in found {
            let hits = by_penalty.entry(penalty).or_default();
            if hits.len() < limit
                && let Some(&node) = self.order.get(place as usize)
                && is_wanted(node)
            {
                hits.push(Hit { node, penalty });
            }
        }
        by_penalty.into_values().flatten().take(limit).collect()
    }

    /// The places of the nodes that have a word for each of these, ascending, and how well they fit.
    fn places_of(&self, words: &[String], spelling: Spelling) -> Vec<(u32, u32)> {
        let matches = |(place, word): (usize, &String)| self.matches(word, place + 1 == words.len(), spelling);
        let mut of_words: Vec<Matches<'_>> = words.iter().enumerate().map(matches).collect();
        // Nodes of the rarest word are looked up among those of the others.
        of_words.sort_by_key(Matches::num_places);
        let Some((rarest, others)) = of_words.split_first() else { return Vec::new() };
        others.iter().fold(rarest.places(), |found, other| other.among(found, self.order.len()))
    }

    /// The nodes that have all words of a text, ascending; `None` where it has none that are indexed.
    pub(crate) fn with_words(&self, text: &str) -> Option<Vec<NodeId>> {
        let words: Vec<String> = words_of(text).collect();
        if words.is_empty() || words.iter().any(|word| word.len() > MAX_WORD_BYTES) {
            return None;
        }
        let places = |word: &String| self.words.get(word).map_or(&[][..], |word| self.places_at(word));
        let mut of_words: Vec<&[u32]> = words.iter().map(places).collect();
        of_words.sort_by_key(|places| places.len());
        let (rarest, others) = of_words.split_first()?;
        let in_all = |place: &&u32| others.iter().all(|places| places.binary_search(place).is_ok());
        let node = |&place: &u32| self.order.get(place as usize).copied();
        let mut nodes: Vec<NodeId> = rarest.iter().filter(in_all).filter_map(node).collect();
        nodes.sort_unstable();
        Some(nodes)
    }

    /// The places that a word of a query stands for.
    fn matches(&self, word: &str, is_last: bool, spelling: Spelling) -> Matches<'_> {
        let mut parts = Vec::new();
        let mut enter =
            |words: Vec<u64>, penalty: u32| parts.extend(words.iter().map(|&word| (self.places_at(word), penalty)));
        enter(self.words.get(word).into_iter().collect(), 0);
        if is_last {
            enter(self.matching(Str::new(word).starts_with()), 1);
        }
        if spelling == Spelling::Alike
            && let Some(automaton) = alike(word)
        {
            enter(self.matching(automaton.build_dfa(word)), 2);
        }
        Matches(parts)
    }

    fn matching(&self, automaton: impl Automaton) -> Vec<u64> {
        let mut stream = self.words.search(automaton).into_stream();
        let mut found = Vec::new();
        while let Some((_, word)) = stream.next() {
            found.push(word);
            if found.len() == MAX_EXPANSIONS {
                break;
            }
        }
        found
    }

    /// The places of the nodes of the word with this number, ascending.
    fn places_at(&self, word: u64) -> &[u32] {
        let word = usize::try_from(word).unwrap_or(usize::MAX);
        let bounds = self.starts.get(word).zip(self.starts.get(word.saturating_add(1)));
        bounds.and_then(|(&start, &end)| self.places.get(start as usize..end as usize)).unwrap_or_default()
    }
}

/// How words of a query are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    AsWritten,
    /// Words that differ by a letter or two are meant as well.
    Alike,
}

/// What builds the automaton of the words that are spelt almost like this one: the longer, the more may differ. Short
/// words have none, and neither have those that are longer than any in the index.
fn alike(word: &str) -> Option<&'static LevenshteinAutomatonBuilder> {
    match word.chars().count() {
        4..8 => Some(&ONE_LETTER),
        8..=MAX_WORD_BYTES => Some(&TWO_LETTERS),
        _ => None,
    }
}

/// What a word of a query stands for: places, ascending, and how well they fit; the best first.
struct Matches<'a>(Vec<(&'a [u32], u32)>);

impl Matches<'_> {
    fn num_places(&self) -> usize {
        self.0.iter().map(|(places, _)| places.len()).sum()
    }

    /// All places, or as many as are looked at, ascending, and how well they fit.
    fn places(&self) -> Vec<(u32, u32)> {
        let all = self.0.iter().flat_map(|&(places, penalty)| places.iter().map(move |&place| (place, penalty)));
        let mut found: Vec<(u32, u32)> = all.take(MAX_NODES).collect();
        found.sort_unstable();
        found.dedup_by_key(|(place, _)| *place);
        found
    }

    /// Those of some places that this word stands for as well, in an index of so many, with the sum of how well both
    /// fit. Few places are sought in each list; for many a table of all is made, since a word that is begun stands for
    /// many lists.
    fn among(&self, found: Vec<(u32, u32)>, num_places: usize) -> Vec<(u32, u32)> {
        let to_seek = found.len() * self.0.iter().map(|(list, _)| list.len().max(2).ilog2() as usize).sum::<usize>();
        if to_seek < num_places / 16 + self.num_places() {
            let sought = |place: u32| self.0.iter().find(|(list, _)| list.binary_search(&place).is_ok());
            let with = |(place, fits): (u32, u32)| sought(place).map(|&(_, penalty)| (place, fits + penalty));
            return found.into_iter().filter_map(with).collect();
        }
        let mut penalties: Vec<Option<u8>> = vec![None; num_places];
        // From the worst to the best, which is what stays.
        for &(places, penalty) in self.0.iter().rev() {
            for &place in places {
                if let Some(entry) = penalties.get_mut(place as usize) {
                    *entry = u8::try_from(penalty).ok();
                }
            }
        }
        let at = |place: u32| penalties.get(place as usize).copied().flatten();
        found.into_iter().filter_map(|(place, fits)| Some((place, fits + u32::from(at(place)?)))).collect()
    }
}

/// The words of a text, in small letters.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(folded)
}

/// A word in small letters without the accents of the Latin script, which those who search leave out.
fn folded(word: &str) -> String {
    let plain = |c: char| match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'š' | 'ś' | 'ş' => 's',
        'ž' | 'ź' | 'ż' => 'z',
        'ł' => 'l',
        'ř' => 'r',
        'ğ' => 'g',
        c => c,
    };
    word.to_lowercase().chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(labels: &[&str]) -> SearchIndex {
        let entry =
            |(node, label): (u32, &&str)| words_of(label).map(move |w| (w.into_boxed_str(), node)).collect::<Vec<_>>();
        let mut entries: Vec<(Box<str>, u32)> = (0..).zip(labels).flat_map(entry).collect();
        entries.sort();
        entries.dedup();
        SearchIndex::of_sorted(&entries, (0..labels.len() as u32).map(NodeId).collect())
    }

    #[test]
    fn words_are_found_whole_begun_and_misspelt() {
        let index = index(&["Blade Runner", "Blade", "The Bladesmith", "Amélie", "Terminator 2"]);
        let found = |word: &str| {
            let as_written = index.places_of(&[word.to_owned()], Spelling::AsWritten);
            if as_written.is_empty() { index.places_of(&[word.to_owned()], Spelling::Alike) } else { as_written }
        };
        assert_eq!(found("blade"), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(found("blaed"), [(0, 2), (1, 2)], "two letters are swapped");
        assert_eq!(found("blqde"), [(0, 2), (1, 2)]);
        assert_eq!(found("blqdq"), [], "two letters, and the word is short");
        assert_eq!(found("amelie"), [(3, 0)]);
        assert_eq!(found("tarmimatro"), [], "three letters");
        assert_eq!(found("terminaotr"), [(4, 2)]);
        assert_eq!(found("zzz"), []);
        assert_eq!(found("2"), [(4, 0)]);
    }

    #[test]
    fn every_word_has_to_fit_and_the_worst_counts_for_each() {
        let labels = ["Blade Runner", "Blade Trinity", "Runner", "Blades of Running", "The Blade Runner Blade"];
        let index = index(&labels);
        let found = |query: &str, spelling: Spelling| index.places_of(&words_of(query).collect::<Vec<_>>(), spelling);
        assert_eq!(found("blade runner", Spelling::AsWritten), [(0, 0), (4, 0)]);
        assert_eq!(found("blade runn", Spelling::AsWritten), [(0, 1), (4, 1)]);
        assert_eq!(found("blade nothing", Spelling::AsWritten), []);
        // 2 for each word that is spelt otherwise.
        assert_eq!(found("blades runner", Spelling::Alike), [(0, 2), (4, 2)]);
        assert_eq!(found("blads runnir", Spelling::Alike), [(0, 4), (4, 4)]);
    }

    #[test]
    fn whole_texts_are_looked_up_by_their_words() {
        let index = index(&["Blade Runner", "Blade", "Runner Blade II"]);
        let found = |text: &str| index.with_words(text).map(|nodes| nodes.iter().map(|n| n.0).collect::<Vec<_>>());
        assert_eq!(found("blade RUNNER"), Some(vec![0, 2]));
        assert_eq!(found("blade"), Some(vec![0, 1, 2]));
        assert_eq!(found("blade zzz"), Some(vec![]));
        assert_eq!((found("?!"), found(&"x".repeat(100))), (None, None));
    }

    #[test]
    fn what_is_found_is_what_a_look_at_every_label_finds() {
        let of = |number: usize, part: usize| format!("{}{}", ["ba", "be", "co"][number * part % 3], number % part);
        let labels: Vec<String> = (0..400).map(|n| format!("{} {} {}", of(n, 7), of(n, 11), of(n, 3))).collect();
        let index = index(&labels.iter().map(String::as_str).collect::<Vec<_>>());
        let fits = |word: &str, is_last: bool, label: &str| {
            let is_whole = label.split(' ').any(|w| w == word);
            let is_begun = is_last && label.split(' ').any(|w| w.starts_with(word));
            if is_whole { Some(0) } else { is_begun.then_some(1) }
        };
        for query in ["ba1", "b", "ba1 be2", "ba1 b", "be10 ba2 c", "b ba1", "co0 co1", "none b"] {
            let words: Vec<String> = words_of(query).collect();
            let penalty = |label: &str| -> Option<u32> {
                words.iter().enumerate().map(|(n, word)| fits(word, n + 1 == words.len(), label)).sum()
            };
            let seen: Vec<(u32, u32)> =
                (0..).zip(&labels).filter_map(|(node, label)| Some((node, penalty(label)?))).collect();
            assert_eq!(index.places_of(&words, Spelling::AsWritten), seen, "{query}");
            let mut shown = seen.clone();
            shown.sort_by_key(|&(node, penalty)| (penalty, node));
            let hits = index.find(query, None, 10, |node| node.0 % 3 == 0);
            let wanted: Vec<(u32, u32)> = shown.into_iter().filter(|(node, _)| node % 3 != 0).take(10).collect();
            let hits: Vec<(u32, u32)> = hits.iter().map(|hit| (hit.node.0, hit.penalty)).collect();
            assert!(seen.is_empty() || hits == wanted, "{query}: {hits:?}");
        }
    }

    #[test]
    fn places_are_sought_one_by_one_or_in_a_table_with_the_same_result() {
        let lists: Vec<Vec<u32>> = (1..9).map(|step| (0..4_000).step_by(step * 7).collect()).collect();
        let matches = Matches(lists.iter().map(Vec::as_slice).zip(0..).collect());
        let found: Vec<(u32, u32)> = (0..4_000).step_by(3).map(|place| (place, 5)).collect();
        let (in_a_table, one_by_one) = (matches.among(found.clone(), 4_000), matches.among(found, 1 << 24));
        assert_eq!(in_a_table, one_by_one);
        assert_eq!(in_a_table.len(), (0..4_000).step_by(21).count());
    }

    #[test]
    fn odd_queries_find_nothing_and_do_no_harm() {
        let index = index(&["a"]);
        for query in ["", " ", "\u{0}", "🦀", &"x".repeat(10_000)] {
            let words: Vec<String> = words_of(query).take(MAX_WORDS).collect();
            drop(index.places_of(&words, Spelling::Alike));
        }
    }
}
