//! Embedding tables on the host, and gradients of the rows that a batch touches.
//!
//! A graph has far more tokens than a batch uses, so a gradient is never made for a whole table.

use crate::numbers::Numbers;
use footpath_core::Stream;
use footpath_core::memory::prefetch;
use rayon::prelude::*;

/// Numbers that the processor reads together.
const NUMBERS_IN_A_LINE: usize = 16;

/// Rows of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    width: usize,
    /// The numbers, row after row.
    pub values: Numbers,
}

/// The rows of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn get(self, row: u32) -> &'a [f32] {
        &self.values[row as usize * self.width..][..self.width]
    }

    /// Asks for a row that will be read soon.
    pub(crate) fn ask_for(self, row: u32) {
        let start = row as usize * self.width;
        (start..start + self.width).step_by(NUMBERS_IN_A_LINE).for_each(|place| prefetch(self.values, place));
    }
}

/// A part of a gradient: this row of the table gets this source, times this scale.
pub type Contribution = (u32, u32, f32);

/// Gradients of some rows of a table; rows ascending, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowGradients {
    /// Which rows.
    pub rows: Vec<u32>,
    /// Their gradients, row after row.
    pub values: Vec<f32>,
}

impl Table {
    /// A table of normal random numbers with this standard deviation (0 for zeros).
    #[must_use]
    pub fn new(num_rows: usize, width: usize, std: f64, stream: &mut Stream) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let mut number = || if std > 0.0 { (stream.normal() * std) as f32 } else { 0.0 };
        let values: Vec<f32> = (0..num_rows * width).map(|_| number()).collect();
        Self::from_values(values, width)
    }

    /// A table with these numbers; their count must be a multiple of `width`.
    #[must_use]
    pub fn from_values(values: impl Into<Numbers>, width: usize) -> Self {
        Self { width, values: values.into() }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// One row.
    #[must_use]
    pub fn row(&self, row: u32) -> &[f32] {
        self.rows().get(row)
    }

    /// All rows, to be read one after the other: where the numbers are is asked once.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { values: &self.values, width: self.width }
    }

    /// The rows of `tokens`, one after the other: `[tokens, width]`.
    #[must_use]
    pub fn gather(&self, tokens: &[u32]) -> Vec<f32> {
        let (mut out, rows) = (vec![0.0; tokens.len() * self.width], self.rows());
        out.par_chunks_mut(self.width * 256).zip(tokens.par_chunks(256)).for_each(|(out, tokens)| {
            for (out, &token) in out.chunks_exact_mut(self.width).zip(tokens) {
                out.copy_from_slice(rows.get(token));
            }
        });
        out
    }
}

impl RowGradients {
    /// Sums contributions by row: for each `(row, index, scale)`, `scale × sources[index]` is added to the gradient of
    /// the row.
    ///
    /// The order of the sum is that of the contributions, whatever the number of threads.
    ///
    /// # Shapes
    /// - `sources`: `[sources, width]`
    #[must_use]
    pub fn accumulate(contributions: &mut [Contribution], sources: &[f32], width: usize) -> Self {
        contributions.par_sort_unstable_by_key(|&(row, index, _)| (row, index));
        let groups: Vec<&[Contribution]> = contributions.chunk_by(|a, b| a.0 == b.0).collect();
        let mut values = vec![0.0; groups.len() * width];
        values.par_chunks_mut(width).zip(groups.par_iter()).with_min_len(64).for_each(|(out, group)| {
            for &(_, index, scale) in *group {
                let source = &sources[index as usize * width..][..width];
                for (o, s) in out.iter_mut().zip(source) {
                    *o += scale * s;
                }
            }
        });
        Self { rows: groups.iter().map(|g| g[0].0).collect(), values }
    }

    /// The sum of gradients of the same table.
    #[must_use]
    pub fn sum(mut parts: Vec<Self>, width: usize) -> Self {
        parts.retain(|part| !part.rows.is_empty());
        if parts.len() < 2 {
            return parts.pop().unwrap_or_default();
        }
        let rows = parts.iter().flat_map(|part| part.rows.iter().copied());
        let mut contributions: Vec<Contribution> = rows.zip(0u32..).map(|(row, index)| (row, index, 1.0)).collect();
        let values = parts.iter().map(|part| part.values.as_slice()).collect::<Vec<_>>().concat();
        Self::accumulate(&mut contributions, &values, width)
    }

    /// Sum of squares of all numbers.
    #[must_use]
    pub fn squared_norm(&self) -> f64 {
        self.values.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
    }

    /// Multiplies all numbers.
    pub fn scale(&mut self, factor: f32) {
        self.values.iter_mut().for_each(|v| *v *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_are_summed_by_row() {
        let sources = [1.0, 2.0, 10.0, 20.0];
        let mut contributions = [(5, 1, 1.0), (3, 0, 2.0), (5, 0, -1.0)];
        let gradients = RowGradients::accumulate(&mut contributions, &sources, 2);
        assert_eq!(gradients.rows, [3, 5]);
        assert_eq!(gradients.values, [2.0, 4.0, 9.0, 18.0]);
    }

    #[test]
    fn gradients_of_one_table_are_added_up() {
        let one = RowGradients { rows: vec![1, 4], values: vec![1.0, 2.0, 3.0, 4.0] };
        let other = RowGradients { rows: vec![0, 4], values: vec![0.5, 0.25, 10.0, 20.0] };
        let sum = RowGradients::sum(vec![one, RowGradients::default(), other], 2);
        assert_eq!((sum.rows, sum.values), (vec![0, 1, 4], vec![0.5, 0.25, 1.0, 2.0, 13.0, 24.0]));
    }
}
