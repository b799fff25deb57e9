//! What the items of a history say of other items, as a table of weights: the linear part of an item's score, beside
//! its paths.
//!
//! The model does not learn it: it is given, solved in closed form on the same train graph (in the way of EASE, Steck
//! 2019). It is joined to the probability of paths as an expert in a product of experts,
//! `ln p(paths) + weight · ln share(item)`, so it orders what paths lead to and leads nowhere itself.
//!
//! What was chosen long ago may say less than what was chosen last: an item after which the user chose `l` others
//! speaks with the factor `(1 + l)^−fading`. A power, since tastes have no time of their own after which they are gone.

use crate::error::Result;
use footpath_core::{Array, ArrayFile, ArrayWriter};
use std::io::Write;
use std::path::Path;

/// Smallest share of the largest score that an item has: those that the history says nothing of are alike.
const FLOOR: f32 = 1e-3;
/// Largest power by which a history may fade.
const MAX_FADING: f32 = 100.0;

/// For each item, by its place among the items, the other items that it speaks for, with weights.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[items + 1]`: where the weights of an item begin.
    starts: Array<u32>,
    /// Places of the other items, ascending within each.
    items: Array<u32>,
    weights: Array<f32>,
    fading: f32,
}

impl Linear {
    /// The table with these rows, one for each item, and a history that counts alike from end to end.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = Vec<(u32, f32)>>) -> Self {
        let (mut starts, mut items, mut weights) = (vec![0], Vec::new(), Vec::new());
        for row in rows {
            items.extend(row.iter().map(|(item, _)| *item));
            weights.extend(row.iter().map(|(_, weight)| *weight));
            starts.push(u32::try_from(items.len()).unwrap_or(u32::MAX));
        }
        Self { starts: starts.into(), items: items.into(), weights: weights.into(), fading: 0.0 }
    }

    /// The same table with a history that fades by this power, at least 0.
    #[must_use]
    pub fn with_fading(self, fading: f32) -> Self {
        Self { fading, ..self }
    }

    /// Number of items.
    #[must_use]
    pub fn num_items(&self) -> usize {
        self.starts.len() - 1
    }

    /// What a history says of each item, as a sum over its items.
    ///
    /// # Shapes
    /// - `history`: places of items, others are left out; with each, how many items were chosen later
    /// - returns: `[items]`
    #[must_use]
    pub fn scores(&self, history: impl IntoIterator<Item = (u32, u32)>) -> Vec<f32> {
        self.scores_faded(history, self.fading)
    }

    /// As [`Linear::scores`], with a history that fades by another power.
    #[must_use]
    pub fn scores_faded(&self, history: impl IntoIterator<Item = (u32, u32)>, fading: f32) -> Vec<f32> {
        let mut scores = vec![0.0f32; self.num_items()];
        let (starts, items, weights): (&[u32], &[u32], &[f32]) = (&self.starts, &self.items, &self.weights);
        for (place, later) in history {
            let at = |place: usize| starts.get(place).map(|&start| start as usize);
            let (Some(start), Some(end)) = (at(place as usize), at(place as usize + 1)) else { continue };
            let factor = factor(later, fading);
            for (&item, weight) in items[start..end].iter().zip(&weights[start..end]) {
                scores[item as usize] += factor * weight;
            }
        }
        scores
    }

    /// How much each item of a history says of one item, in the order of the history; it may be less than nothing.
    ///
    /// # Shapes
    /// - `history`: as for [`Linear::scores`], `[items chosen]`
    /// - returns: `[items chosen]`, which add up to the score of `item`
    #[must_use]
    pub fn contributions(&self, history: impl IntoIterator<Item = (u32, u32)>, item: u32, fading: f32) -> Vec<f32> {
        let starts: &[u32] = &self.starts;
        let of = |(place, later): (u32, u32)| {
            let at = |place: usize| starts.get(place).map(|&start| start as usize);
            let row = at(place as usize)?..at(place as usize + 1)?;
            let found = self.items.get(row.clone())?.binary_search(&item).ok()?;
            Some(factor(later, fading) * self.weights.get(row.start + found)?)
        };
        history.into_iter().map(|chosen| of(chosen).unwrap_or(0.0)).collect()
    }

    /// The power by which a history fades.
    #[must_use]
    pub fn fading(&self) -> f32 {
        self.fading
    }

    /// Of each item the logarithm of its [score](Linear::scores) over the largest, at least `ln 0.001`.
    ///
    /// # Shapes
    /// - `history`: as for [`Linear::scores`]
    /// - returns: `[items]`, all at most 0
    #[must_use]
    pub fn log_shares(&self, history: impl IntoIterator<Item = (u32, u32)>) -> Vec<f32> {
        log_shares(&self.scores(history))
    }

    /// Writes the table as an array file.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let arrays = ArrayWriter::default().with("starts", &self.starts).with("items", &self.items);
        arrays.with("weights", &self.weights).with("fading", &[self.fading]).write(&mut { out })
    }

    /// Reads a table of so many items, written by [`Linear::write`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when it is no such table.
    pub fn read(path: &Path, num_items: usize) -> Result<Self> {
        let file = ArrayFile::open(path)?;
        let starts = file.array_of::<u32>("starts", num_items + 1)?;
        let items = file.array::<u32>("items")?;
        let weights = file.array_of::<f32>("weights", items.len())?;
        // Tables of earlier builds have none.
        let fading = if file.has("fading") { file.array_of::<f32>("fading", 1)?[0] } else { 0.0 };
        let rises = starts.first() == Some(&0) && starts.is_sorted();
        let ends = starts.last().is_some_and(|&end| end as usize == items.len());
        let fits = items.iter().all(|&item| (item as usize) < num_items) && weights.iter().all(|w| w.is_finite());
        if rises && ends && fits && (0.0..=MAX_FADING).contains(&fading) {
            return Ok(Self { starts, items, weights, fading });
        }
        Err(footpath_core::Error::Corrupt {
            path: path.to_owned(),
            section: "starts, items, weights, fading".to_owned(),
            expected: format!("finite weights between {num_items} items, and a fading of 0 to {MAX_FADING}"),
            got: "other numbers".to_owned(),
        }
        .into())
    }
}

/// How much an item says after which this many were chosen.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^24 choices one more or less makes no difference")]
fn factor(later: u32, fading: f32) -> f32 {
    if fading == 0.0 { 1.0 } else { (1.0 + later as f32).powf(-fading) }
}

/// The logarithm of each score over the largest, at least `ln 0.001`; 0 of all where none is above 0.
#[must_use]
pub fn log_shares(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(0.0, f32::max);
    // Most items are below the floor, and a logarithm for each would take longer than all the sums.
    let (floor, log_floor) = (FLOOR * largest, if largest > 0.0 { FLOOR.ln() } else { 0.0 });
    scores.iter().map(|&score| if score > floor { (score / largest).ln() } else { log_floor }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Linear {
        Linear::new([vec![(1, 0.5), (2, 0.1)], vec![(0, 0.25)], vec![(0, -0.5), (1, 0.3)]])
    }

    #[test]
    fn shares_are_of_the_largest_score() {
        let shares: Vec<f32> = table().log_shares([(0, 5), (2, 0)]).into_iter().map(f32::exp).collect();
        let expected = [1e-3, 1.0, 0.1 / 0.8];
        assert!(shares.iter().zip(expected).all(|(share, e)| (share - e).abs() < 1e-6), "{shares:?}");
        assert_eq!(table().log_shares([]), [0.0; 3], "no history says nothing");
        assert_eq!(table().log_shares([(7, 0)]), [0.0; 3], "an item of another table says nothing");
    }

    #[test]
    fn what_each_item_of_a_history_says_adds_up_to_the_score() {
        let history = [(0, 1), (2, 0), (7, 3)];
        for item in 0..3 {
            let parts = table().contributions(history, item, 2.0);
            let score = table().scores_faded(history, 2.0)[item as usize];
            assert!((parts.iter().sum::<f32>() - score).abs() < 1e-6, "{item}: {parts:?}");
        }
        assert_eq!(table().contributions(history, 1, 0.0), [0.5, 0.3, 0.0]);
    }

    #[test]
    fn what_was_chosen_long_ago_says_less() {
        let scores = table().with_fading(2.0).scores([(0, 1), (2, 0)]);
        let expected = [-0.5, 0.3 + 0.5 / 4.0, 0.1 / 4.0];
        assert!(scores.iter().zip(expected).all(|(score, e)| (score - e).abs() < 1e-6), "{scores:?}");
        assert_eq!(
            table().scores([(0, 1), (2, 0)]),
            table().scores([(0, 9), (2, 3)]),
            "or as much, where nothing fades"
        );
    }

    #[test]
    fn what_is_written_is_read_and_nonsense_is_not() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        let table = || table().with_fading(0.5);
        table().write(&mut file.as_file()).expect("written");
        let read = Linear::read(file.path(), 3).expect("a table");
        assert_eq!((&read.starts[..], &read.items[..]), (&[0, 2, 3, 5][..], &[1, 2, 0, 0, 1][..]));
        assert_eq!((&read.weights[..], read.fading), (&[0.5, 0.1, 0.25, -0.5, 0.3][..], 0.5));
        assert!(Linear::read(file.path(), 4).is_err(), "another number of items");
        let nonsense = [
            Linear { items: vec![3, 2, 0, 0, 1].into(), ..table() },
            Linear { weights: vec![0.5, f32::NAN, 0.25, -0.5, 0.3].into(), ..table() },
            Linear { fading: -1.0, ..table() },
            Linear { fading: f32::NAN, ..table() },
            Linear { starts: vec![0, 4, 3, 5].into(), ..table() },
            Linear { items: vec![1, 2, 0, 0].into(), weights: vec![0.5, 0.1, 0.25, -0.5].into(), ..table() },
        ];
        for table in nonsense {
            let file = tempfile::NamedTempFile::new().expect("temporary file");
            table.write(&mut file.as_file()).expect("written");
            assert!(Linear::read(file.path(), 3).is_err(), "{table:?}");
        }
    }
}
