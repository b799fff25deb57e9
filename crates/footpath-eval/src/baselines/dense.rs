//! The inverse of a symmetric positive definite matrix, in place.

use crate::error::Result;
use footpath_core::Context;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Rows that are eliminated together: wide enough that nearly all work is products of matrices.
const BLOCK: usize = 96;

/// Inverts `a`, which must be symmetric positive definite, by Gauss–Jordan elimination of blocks of rows. `done` is
/// told how many rows are eliminated.
///
/// No pivots are sought: the blocks on the diagonal of such a matrix stay positive definite. 2n³ operations, one copy
/// of `BLOCK` rows beside the matrix. Blocks of rows are worked on in parallel, each by one thread in a fixed order, so
/// the bits of the result do not depend on the number of threads.
///
/// # Errors
/// A stop, which is looked for before each product of blocks; the matrix is then neither itself nor its inverse.
pub(super) fn invert(a: &mut Array2<f64>, context: &Context, done: impl Fn(usize) -> Result<()>) -> Result<()> {
    let num_rows = a.nrows();
    for start in (0..num_rows).step_by(BLOCK) {
        let end = num_rows.min(start + BLOCK);
        let mut pivot = a.slice(s![start..end, start..end]).to_owned();
        invert_small(&mut pivot);
        let mut panel = pivot.dot(&a.slice(s![start..end, ..]));
        panel.slice_mut(s![.., start..end]).assign(&pivot);
        let blocks: Vec<ArrayViewMut2<'_, f64>> = a.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
        blocks.into_par_iter().enumerate().try_for_each(|(index, mut rows)| {
            context.check()?;
            if index * BLOCK == start {
                rows.assign(&panel);
                return Ok(());
            }
            let factor = rows.slice(s![.., start..end]).to_owned();
            rows.slice_mut(s![.., start..end]).fill(0.0);
            general_mat_mul(-1.0, &factor, &panel, 1.0, &mut rows);
            Ok::<_, crate::Error>(())
        })?;
        done(end)?;
    }
    Ok(())
}

/// The same one row after the other.
fn invert_small(a: &mut Array2<f64>) {
    let num_rows = a.nrows();
    for k in 0..num_rows {
        let pivot = a[[k, k]].recip();
        a[[k, k]] = 1.0;
        a.row_mut(k).mapv_inplace(|value| value * pivot);
        let row = a.row(k).to_owned();
        for i in (0..num_rows).filter(|&i| i != k) {
            let factor = std::mem::take(&mut a[[i, k]]);
            a.row_mut(i).scaled_add(-factor, &row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{ErrorClass, Purpose, Stream, Threads};

    fn positive_definite(num_rows: usize) -> Array2<f64> {
        let mut draw = Stream::new(1, Purpose::Simulate, 0, 2);
        let half = Array2::from_shape_fn((num_rows, num_rows / 2 + 1), |_| draw.normal());
        half.dot(&half.t()) + Array2::<f64>::eye(num_rows) * 3.0
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        for num_rows in [0, 1, 2, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let matrix = positive_definite(num_rows);
            let mut inverse = matrix.clone();
            let told = std::cell::Cell::new(0);
            let done = |rows| {
                told.set(rows);
                Ok(())
            };
            invert(&mut inverse, &Context::default(), done).expect("nobody asked for the end");
            assert_eq!(told.get(), num_rows);
            let error = matrix.dot(&inverse) - Array2::<f64>::eye(num_rows);
            assert!(error.iter().all(|e| e.abs() < 1e-9), "{num_rows} rows");
        }
    }

    #[test]
    fn a_stop_is_heeded_within_the_work_on_one_pivot() {
        let context = Context::default();
        let stop = || {
            context.stop().request();
            Ok(())
        };
        let mut matrix = positive_definite(3 * BLOCK);
        let ended = invert(&mut matrix, &context, |rows| if rows == BLOCK { stop() } else { panic!("went on") });
        assert_eq!(ended.expect_err("asked for the end").class(), ErrorClass::Stopped);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let run = |threads: usize| {
            let context = Context::default().with_threads(Threads::new(threads).expect("few"));
            let mut matrix = positive_definite(2 * BLOCK + 9);
            context.run(|| invert(&mut matrix, &context, |_| Ok(()))).expect("threads").expect("inverted");
            matrix
        };
        assert_eq!(run(1), run(4));
    }
}
