//! Which of many texts are nearest to one, by the share of characters that edits leave.
//!
//! Two texts that few edits part share most of their trigrams: an edit touches at most four of them (a transposition),
//! so of `n` trigrams at least `n − 4·edits` are left (Ukkonen 1992, Theorem 5.1, for edits that touch q). Whoever
//! shares so many shares at least one of the `4·edits + 1` rarest, which are looked up; the others are never met.

use crate::error::Result;
use footpath_core::Context;
use std::collections::HashMap;

/// Trigrams that one edit touches at most.
const TOUCHED: usize = 4;

type Trigram = [char; 3];

/// Texts, by their trigrams.
pub(super) struct Nearest {
    texts: Vec<Box<str>>,
    postings: HashMap<Trigram, Vec<u32>>,
}

impl Nearest {
    /// Of these texts; empty ones are near to nothing.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>, context: &Context) -> Result<Self> {
        let texts: Vec<Box<str>> = texts.map(Box::from).collect();
        let mut postings: HashMap<Trigram, Vec<u32>> = HashMap::new();
        for (place, text) in (0..).zip(&texts) {
            context.check()?;
            for trigram in trigrams(text) {
                let those = postings.entry(trigram).or_default();
                if those.last() != Some(&place) {
                    those.push(place);
                }
            }
        }
        Ok(Self { texts, postings })
    }

    /// The places of all texts whose similarity to this one is at least `min`, with the similarity: one less the edits
    /// (insertions, deletions, substitutions, transpositions) by the length of the longer text.
    pub(super) fn find(&self, text: &str, min: f64) -> Vec<(usize, f64)> {
        let mut grams = trigrams(text);
        let length = text.chars().count();
        // The longer text may be longer than this one by the edits that it takes.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "titles are short, and min is in (0, 1]"
        )]
        let max_edits = (length as f64 * (1.0 - min) / min).floor() as usize;
        let postings = |gram: &Trigram| self.postings.get(gram).map(Vec::as_slice).unwrap_or_default();
        grams.sort_unstable_by_key(|gram| (postings(gram).len(), *gram));
        let num_rarest = TOUCHED * max_edits + 1;
        let mut met: Vec<u32> = match grams.len() < num_rarest {
            // So many edits may leave none of them.
            true => (0..).take(self.texts.len()).collect(),
            false => grams.iter().take(num_rarest).flat_map(postings).copied().collect(),
        };
        met.sort_unstable();
        met.dedup();
        let similarity = |place: u32| {
            let other = self.texts.get(place as usize)?;
            let similarity = strsim::normalized_damerau_levenshtein(text, other);
            (length.abs_diff(other.chars().count()) <= max_edits && similarity >= min)
                .then_some((place as usize, similarity))
        };
        met.into_iter().filter_map(similarity).collect()
    }
}

/// The trigrams of a text with two blanks before and behind, each once.
fn trigrams(text: &str) -> Vec<Trigram> {
    if text.is_empty() {
        return Vec::new();
    }
    let padded: Vec<char> = "  ".chars().chain(text.chars()).chain("  ".chars()).collect();
    let mut all: Vec<Trigram> = padded.windows(3).filter_map(|window| window.try_into().ok()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is found is what a look at every text finds.
        #[test]
        fn nobody_near_is_missed(
            texts in proptest::collection::vec("[ab ]{1,12}", 1..20),
            text in "[ab ]{1,12}",
            min in 0.3f64..1.0,
        ) {
            let nearest = Nearest::new(texts.iter().map(String::as_str), &Context::default()).expect("built");
            let all = texts.iter().map(|other| strsim::normalized_damerau_levenshtein(&text, other)).enumerate();
            let expected: Vec<(usize, f64)> = all.filter(|(_, similarity)| *similarity >= min).collect();
            prop_assert_eq!(nearest.find(&text, min), expected);
        }
    }
}
