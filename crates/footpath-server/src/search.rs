//! Nodes by the words of their labels and ids: whole words, the beginning of the last one, and, where nothing is found
//! as it is written, words that differ by a letter or two.
//!
//! The words lie in a finite-state transducer, each with the place of its nodes in one long list; so the index of a
//! million labels takes about as much memory as the labels.

use footpath::{NodeId, TrainKg};
use fst::automaton::Str;
use fst::{Automaton, IntoStreamer, Map, MapBuilder, Streamer};
use levenshtein_automata::LevenshteinAutomatonBuilder;
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

/// An index of the labels of a graph.
pub(crate) struct SearchIndex {
    words: Map<Vec<u8>>,
    /// Where the nodes of each word begin in `nodes`; one more for the end.
    starts: Vec<u32>,
    nodes: Vec<u32>,
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
        let all = 0..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
        let mut entries: Vec<(Box<str>, u32)> = Vec::new();
        for node in all {
            let (id, label) = (kg.id(NodeId(node)), kg.label(NodeId(node)));
            for word in words_of(label).chain(words_of(id)).chain(std::iter::once(id.to_lowercase())) {
                if word.len() <= MAX_WORD_BYTES && !word.is_empty() {
                    entries.push((word.into_boxed_str(), node));
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        Self::of_sorted(&entries)
    }

    fn of_sorted(entries: &[(Box<str>, u32)]) -> Self {
        let (mut starts, mut nodes) = (Vec::new(), Vec::with_capacity(entries.len()));
        let mut builder = MapBuilder::memory();
        for of_word in entries.chunk_by(|a, b| a.0 == b.0) {
            // Words come in order, so the builder refuses none.
            let _ = of_word.first().map(|(word, _)| builder.insert(word.as_bytes(), starts.len() as u64));
            starts.push(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
            nodes.extend(of_word.iter().map(|(_, node)| *node));
        }
        starts.push(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
        Self { words: builder.into_map(), starts, nodes }
    }

    /// The nodes that have a word for each word of the query, best first: those of whole words, then of their
    /// beginnings; where there are none, those of words spelt a little differently. Among equals those with more edges
    /// come first.
    pub(crate) fn find(
        &self,
        query: &str,
        kind: Option<&[Range<u32>]>,
        limit: usize,
        kg: &TrainKg,
        leave_out: impl Fn(NodeId) -> bool,
    ) -> Vec<Hit> {
        let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
        let words: Vec<String> = words_of(&query).take(MAX_WORDS).collect();
        let mut found = self.nodes_of(&words, Spelling::AsWritten, kg.num_nodes());
        if found.is_empty() {
            found = self.nodes_of(&words, Spelling::Alike, kg.num_nodes());
        }
        let of_kind = |node: NodeId| kind.is_none_or(|nodes| nodes.iter().any(|range| range.contains(&node.0)));
        let hits = found.into_iter().map(|(node, penalty)| Hit { node: NodeId(node), penalty });
        let mut hits: Vec<Hit> = hits.filter(|hit| of_kind(hit.node) && !leave_out(hit.node)).collect();
        let key = |hit: &Hit| (hit.penalty, usize::MAX - kg.degree(hit.node), hit.node);
        if hits.len() > limit {
            hits.select_nth_unstable_by_key(limit, key);
            hits.truncate(limit);
        }
        hits.sort_unstable_by_key(key);
        hits
    }

    /// The nodes of a graph of so many that have a word for each of these, ascending, and how well they fit.
    fn nodes_of(&self, words: &[String], spelling: Spelling, num_nodes: usize) -> Vec<(u32, u32)> {
        let matches = |(place, word): (usize, &String)| self.matches(word, place + 1 == words.len(), spelling);
        let mut of_words: Vec<Matches<'_>> = words.iter().enumerate().map(matches).collect();
        // Nodes of the rarest word are looked up among those of the others.
        of_words.sort_by_key(Matches::num_nodes);
        let Some((rarest, others)) = of_words.split_first() else { return Vec::new() };
        let mut found = rarest.nodes();
        for other in others {
            if found.is_empty() {
                break;
            }
            let penalties = other.penalties(num_nodes);
            let with =
                |(node, penalty)| Some((node, penalty + u32::from(penalties.get(node as usize)?.checked_sub(1)?)));
            found = found.into_iter().filter_map(with).collect();
        }
        found
    }

    /// The nodes that have all words of a text; `None` where it has none that are indexed.
    pub(crate) fn with_words(&self, text: &str) -> Option<Vec<NodeId>> {
        let words: Vec<String> = words_of(text).collect();
        if words.is_empty() || words.iter().any(|word| word.len() > MAX_WORD_BYTES) {
            return None;
        }
        let nodes = |word: &String| self.words.get(word).map_or(&[][..], |place| self.nodes_at(place));
        let mut of_words: Vec<&[u32]> = words.iter().map(nodes).collect();
        of_words.sort_by_key(|nodes| nodes.len());
        let (rarest, others) = of_words.split_first()?;
        let in_all = |node: &&u32| others.iter().all(|nodes| nodes.binary_search(node).is_ok());
        Some(rarest.iter().filter(in_all).map(|&node| NodeId(node)).collect())
    }

    /// The nodes that a word of a query stands for.
    fn matches(&self, word: &str, is_last: bool, spelling: Spelling) -> Matches<'_> {
        let mut parts = Vec::new();
        let mut enter =
            |places: Vec<u64>, penalty: u8| parts.extend(places.iter().map(|&place| (self.nodes_at(place), penalty)));
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
        while let Some((_, place)) = stream.next() {
            found.push(place);
            if found.len() == MAX_EXPANSIONS {
                break;
            }
        }
        found
    }

    /// The nodes of the word with this place, ascending.
    fn nodes_at(&self, place: u64) -> &[u32] {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let bounds = self.starts.get(place).zip(self.starts.get(place.saturating_add(1)));
        bounds.and_then(|(&start, &end)| self.nodes.get(start as usize..end as usize)).unwrap_or_default()
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

/// What a word of a query stands for: nodes, ascending, and how well they fit; the best first.
struct Matches<'a>(Vec<(&'a [u32], u8)>);

impl Matches<'_> {
    fn num_nodes(&self) -> usize {
        self.0.iter().map(|(nodes, _)| nodes.len()).sum()
    }

    /// One more than how well each node fits, in a graph of so many; 0 for those that do not. A word that is begun
    /// stands for many words, so a look into each of their lists would take longer than this.
    fn penalties(&self, num_nodes: usize) -> Vec<u8> {
        let mut penalties = vec![0; num_nodes];
        // From the worst to the best, which is what stays.
        for (nodes, penalty) in self.0.iter().rev() {
            for &node in *nodes {
                if let Some(place) = penalties.get_mut(node as usize) {
                    *place = penalty + 1;
                }
            }
        }
        penalties
    }

    /// All nodes, or as many as are looked at, ascending, and how well they fit.
    fn nodes(&self) -> Vec<(u32, u32)> {
        let all = self.0.iter().flat_map(|(nodes, penalty)| nodes.iter().map(|&node| (node, u32::from(*penalty))));
        let mut found: Vec<(u32, u32)> = all.take(MAX_NODES).collect();
        found.sort_unstable();
        found.dedup_by_key(|(node, _)| *node);
        found
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
        SearchIndex::of_sorted(&entries)
    }

    #[test]
    fn words_are_found_whole_begun_and_misspelt() {
        let index = index(&["Blade Runner", "Blade", "The Bladesmith", "Amélie", "Terminator 2"]);
        let found = |word: &str| {
            let as_written = index.nodes_of(&[word.to_owned()], Spelling::AsWritten, 5);
            if as_written.is_empty() { index.nodes_of(&[word.to_owned()], Spelling::Alike, 5) } else { as_written }
        };
        assert_eq!(found("blade"), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(found("blaed"), [(0, 2), (1, 2)], "two letters are swapped");
        assert_eq!(found("blqde"), [(0, 2), (1, 2)]);
        assert_eq!(found("blqdq"), [], "two letters, and the word is short");
        assert_eq!(found("amelie"), [(3, 0)]);
        assert_eq!(found("termimatro"), [], "three letters");
        assert_eq!(found("terminaotr"), [(4, 2)]);
        assert_eq!(found("zzz"), []);
        assert_eq!(found("2"), [(4, 0)]);
    }

    #[test]
    fn every_word_has_to_fit_and_the_worst_counts_for_each() {
        let labels = ["Blade Runner", "Blade Trinity", "Runner", "Blades of Running", "The Blade Runner Blade"];
        let index = index(&labels);
        let found = |query: &str, spelling: Spelling| {
            index.nodes_of(&words_of(query).collect::<Vec<_>>(), spelling, labels.len())
        };
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
    fn odd_queries_find_nothing_and_do_no_harm() {
        let index = index(&["a"]);
        for query in ["", " ", "\u{0}", "🦀", &"x".repeat(10_000)] {
            let words: Vec<String> = words_of(query).take(MAX_WORDS).collect();
            drop(index.nodes_of(&words, Spelling::Alike, 1));
        }
    }
}
