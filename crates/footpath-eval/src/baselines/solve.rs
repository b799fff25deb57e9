//! Small ridge regressions: the weights of one item's nearest items, the vector of one user among those of items.

#![expect(clippy::indexing_slicing, reason = "all places are below the number of rows, as the loops say")]

/// The equations (A + λ1) w = y of one item, and room to solve them.
#[derive(Debug, Default)]
pub(super) struct Equations {
    num_rows: usize,
    /// The upper half of A, row by row; below the diagonal is nothing.
    matrix: Vec<f32>,
    right: Vec<f32>,
}

impl Equations {
    /// Empty ones with so many rows.
    pub(super) fn begin(&mut self, num_rows: usize) {
        self.num_rows = num_rows;
        self.matrix.clear();
        self.matrix.resize(num_rows * num_rows, 0.0);
        self.right.clear();
        self.right.resize(num_rows, 0.0);
    }

    /// Sets an entry on or above the diagonal.
    pub(super) fn set(&mut self, row: usize, column: usize, value: f32) {
        self.matrix[row * self.num_rows + column] = value;
    }

    /// Adds to the upper half the products of a vector with itself, and the vector, so many times, to the right side.
    pub(super) fn add(&mut self, vector: &[f32], right: f32) {
        let n = self.num_rows;
        for (row, &value) in vector.iter().enumerate() {
            let rest = self.matrix[row * n + row..(row + 1) * n].iter_mut();
            rest.zip(&vector[row..]).for_each(|(sum, other)| *sum += value * other);
        }
        self.right.iter_mut().zip(vector).for_each(|(sum, value)| *sum += right * value);
    }

    /// Adds so many times another upper half.
    pub(super) fn add_matrix(&mut self, other: &Self, times: f32) {
        self.matrix.iter_mut().zip(&other.matrix).for_each(|(sum, value)| *sum += times * value);
    }

    /// Sets what the row is to come to.
    pub(super) fn set_right(&mut self, row: usize, value: f32) {
        self.right[row] = value;
    }

    /// Solves by A + λ1 = UᵀU. Every pivot of such a matrix is at least λ, so one that is not comes from entries that
    /// were left out, or from rounding, and is taken for λ.
    pub(super) fn solve(&mut self, lambda: f32) -> &[f32] {
        let n = self.num_rows;
        for row in 0..n {
            self.matrix[row * n + row] += lambda;
        }
        for row in 0..n {
            let (above, below) = self.matrix.split_at_mut((row + 1) * n);
            let pivot_row = &mut above[row * n + row..];
            let scale = pivot_row[0].max(lambda).sqrt().recip();
            pivot_row.iter_mut().for_each(|value| *value *= scale);
            pivot_row[0] = scale.recip();
            let (pivots, later) = (&pivot_row[1..], row + 1);
            for (at, (rest, &factor)) in below.chunks_exact_mut(n).zip(pivots).enumerate() {
                let (rest, pivots) = (&mut rest[later + at..], &pivots[at..]);
                rest.iter_mut().zip(pivots).for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
        self.substitute();
        &self.right
    }

    /// Uᵀz = y, then Uw = z.
    fn substitute(&mut self) {
        let n = self.num_rows;
        for row in 0..n {
            let factors = &self.matrix[row * n + row..(row + 1) * n];
            let solved = self.right[row] / factors[0];
            self.right[row] = solved;
            let rest = &mut self.right[row + 1..];
            rest.iter_mut().zip(&factors[1..]).for_each(|(value, factor)| *value -= factor * solved);
        }
        for row in (0..n).rev() {
            let factors = &self.matrix[row * n + row..(row + 1) * n];
            let known: f32 = factors[1..].iter().zip(&self.right[row + 1..]).map(|(factor, w)| factor * w).sum();
            self.right[row] = (self.right[row] - known) / factors[0];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};

    #[test]
    fn what_is_solved_fulfils_the_equations() {
        let mut draw = Stream::new(4, Purpose::Simulate, 0, 0);
        let mut equations = Equations::default();
        for n in [1usize, 2, 5, 40] {
            let half: Vec<Vec<f32>> = (0..n).map(|_| (0..n + 3).map(|_| draw.unit() as f32).collect()).collect();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let right: Vec<f32> = (0..n).map(|_| draw.unit() as f32).collect();
            equations.begin(n);
            for i in 0..n {
                equations.set_right(i, right[i]);
                (i..n).for_each(|j| equations.set(i, j, dot(&half[i], &half[j])));
            }
            let w = equations.solve(2.0).to_vec();
            for i in 0..n {
                let got: f32 = (0..n).map(|j| dot(&half[i], &half[j]) * w[j]).sum::<f32>() + 2.0 * w[i];
                assert!((got - right[i]).abs() < 1e-3, "{n} rows: {got} and {}", right[i]);
            }
        }
    }

    #[test]
    fn a_matrix_that_no_data_could_give_still_has_numbers() {
        let mut equations = Equations::default();
        equations.begin(2);
        // Eigenvalues −4 and 6.
        [(0, 0, 1.0), (0, 1, 5.0), (1, 1, 1.0)].iter().for_each(|&(i, j, v)| equations.set(i, j, v));
        equations.set_right(0, 1.0);
        assert!(equations.solve(0.5).iter().all(|w| w.is_finite()));
    }
}
