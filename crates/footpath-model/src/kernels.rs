//! What the host computes with: matrix products, inner products and the exponential function.
//!
//! Loops over single numbers are meant to run within [`vectorised`], where a product and a sum are one instruction
//! (without it, on processors older than ten years, they are slow); sums, which a compiler does not reorder, are
//! written in vectors. The order of a sum depends on the width of the processor's vectors and on nothing else.

use pulp::{Simd, WithSimd};

/// Runs `work` with the widest vector instructions that this processor has.
///
/// What `work` calls must be inlined into it, or it is compiled for the oldest processor all the same.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Inner product.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut product = [0.0];
    dots(a, std::iter::once(b), &mut product);
    product[0]
}

/// Inner products of one vector with several, as many as `out` has room for.
pub(crate) fn dots<'a>(vector: &[f32], others: impl Iterator<Item = &'a [f32]>, out: &mut [f32]) {
    pulp::Arch::new().dispatch(Dots { vector, others, out });
}

struct Dots<'a, I> {
    vector: &'a [f32],
    others: I,
    out: &'a mut [f32],
}

impl<'a, I: Iterator<Item = &'a [f32]>> WithSimd for Dots<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { vector, mut others, out } = self;
        let mut outs = out.iter_mut();
        // Four at a time: none waits for the sum of another, and the vector is read once for all.
        while outs.len() >= 4
            && let (Some(a), Some(b), Some(c), Some(d)) = (others.next(), others.next(), others.next(), others.next())
        {
            let products = inner_products(simd, vector, [a, b, c, d]);
            for product in products {
                if let Some(out) = outs.next() {
                    *out = product;
                }
            }
        }
        for (out, other) in outs.zip(others) {
            *out = inner_product(simd, vector, other);
        }
    }
}

#[inline(always)]
fn inner_product<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    // Two sums, so that one need not wait for the other.
    let mut sums = [simd.splat_f32s(0.0); 2];
    let (a_pairs, b_pairs) = (a.chunks_exact(2), b.chunks_exact(2));
    for (x, y) in a_pairs.remainder().iter().zip(b_pairs.remainder()) {
        sums[0] = simd.mul_add_e_f32s(*x, *y, sums[0]);
    }
    for (x, y) in a_pairs.zip(b_pairs) {
        sums[0] = simd.mul_add_e_f32s(x[0], y[0], sums[0]);
        sums[1] = simd.mul_add_e_f32s(x[1], y[1], sums[1]);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1])) + rest
}

/// As [`inner_product`] with each of four vectors of the same length, to the bit.
#[inline(always)]
fn inner_products<S: Simd>(simd: S, vector: &[f32], others: [&[f32]; 4]) -> [f32; 4] {
    let len = vector.len();
    let [a, b, c, d] = others;
    if a.len() != len || b.len() != len || c.len() != len || d.len() != len {
        return [
            inner_product(simd, vector, a),
            inner_product(simd, vector, b),
            inner_product(simd, vector, c),
            inner_product(simd, vector, d),
        ];
    }
    let (v, v_rest) = S::as_simd_f32s(vector);
    let (a, a_rest) = S::as_simd_f32s(a);
    let (b, b_rest) = S::as_simd_f32s(b);
    let (c, c_rest) = S::as_simd_f32s(c);
    let (d, d_rest) = S::as_simd_f32s(d);
    let [mut even, mut odd] = [[simd.splat_f32s(0.0); 4]; 2];
    if let (true, Some(v), Some(a), Some(b), Some(c), Some(d)) =
        (v.len() % 2 == 1, v.last(), a.last(), b.last(), c.last(), d.last())
    {
        add_products(simd, *v, [*a, *b, *c, *d], &mut even);
    }
    let pairs =
        v.chunks_exact(2).zip(a.chunks_exact(2)).zip(b.chunks_exact(2)).zip(c.chunks_exact(2)).zip(d.chunks_exact(2));
    for ((((v, a), b), c), d) in pairs {
        add_products(simd, v[0], [a[0], b[0], c[0], d[0]], &mut even);
        add_products(simd, v[1], [a[1], b[1], c[1], d[1]], &mut odd);
    }
    let mut products = [0.0; 4];
    let rests = [a_rest, b_rest, c_rest, d_rest];
    for (((product, even), odd), other) in products.iter_mut().zip(even).zip(odd).zip(rests) {
        let rest: f32 = v_rest.iter().zip(other).map(|(x, y)| x * y).sum();
        *product = simd.reduce_sum_f32s(simd.add_f32s(even, odd)) + rest;
    }
    products
}

/// Adds the products of one vector with four others to four sums.
#[inline(always)]
fn add_products<S: Simd>(simd: S, x: S::f32s, others: [S::f32s; 4], sums: &mut [S::f32s; 4]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum = simd.mul_add_e_f32s(x, other, *sum);
    }
}

/// Sum of numbers.
pub(crate) fn sum(numbers: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(Sum(numbers))
}

struct Sum<'a>(&'a [f32]);

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (numbers, rest) = S::as_simd_f32s(self.0);
        let sum = numbers.iter().fold(simd.splat_f32s(0.0), |sum, x| simd.add_f32s(sum, *x));
        simd.reduce_sum_f32s(sum) + rest.iter().sum::<f32>()
    }
}

/// Largest of the numbers; `−∞` of none. A NaN may be left out: it shows in what is computed next.
pub(crate) fn largest(numbers: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(Largest(numbers))
}

struct Largest<'a>(&'a [f32]);

impl WithSimd for Largest<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (numbers, rest) = S::as_simd_f32s(self.0);
        let top = numbers.iter().fold(simd.splat_f32s(f32::NEG_INFINITY), |top, x| simd.max_f32s(top, *x));
        rest.iter().copied().fold(simd.reduce_max_f32s(top), f32::max)
    }
}

/// `to += scale · from`.
#[inline(always)]
pub(crate) fn add_scaled(to: &mut [f32], scale: f32, from: &[f32]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t = scale.mul_add(*f, *t);
    }
}

/// `to += from`.
#[inline(always)]
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t += f;
    }
}

/// `e^x` to two units in the last place; `x` is cut to [−87, 88], where that is no more a normal number.
///
/// `x = n · ln 2 + r` with `|r| ≤ ln 2 / 2`, and `e^r` by the polynomial of Cephes (Moshier 1992, `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    // ln 2 in two parts: the first has few digits, so that n times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Added to a small number, it leaves no digits after the point, and the integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2[1], n.mul_add(-LN_2[0], x));
    let mut y = POLYNOMIAL[0];
    for c in &POLYNOMIAL[1..] {
        y = y.mul_add(r, *c);
    }
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    (y.mul_add(r * r, r) + 1.0) * power
}

/// What becomes of the numbers that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// They are replaced.
    Replace,
    /// What is new is added to them.
    Add,
}

/// A matrix, row after row, or column after column where it is transposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `values` in rows of `columns`; what does not fill a row is left out.
    pub(crate) fn new(values: &'a [f32], columns: usize) -> Self {
        Self { values, rows: values.len() / columns.max(1), columns, transposed: false }
    }

    /// The same numbers with rows for columns.
    pub(crate) fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, transposed: !self.transposed, ..self }
    }

    /// From one number to the next in a column, and in a row.
    fn strides(&self) -> [isize; 2] {
        let whole = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
        if self.transposed { [1, whole(self.rows)] } else { [whole(self.columns), 1] }
    }

    /// `out = self · other`, or `out = out + self · other`.
    ///
    /// # Shapes
    /// - `out`: `[rows of self, columns of other]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub(crate) fn times(self, other: Matrix<'_>, output: Output, out: &mut [f32]) {
        let (m, k, n) = (self.rows, self.columns, other.columns);
        assert!(k == other.rows && out.len() == m * n, "{m} x {k} times {} x {n} into {}", other.rows, out.len());
        let ([self_down, self_right], [other_down, other_right]) = (self.strides(), other.strides());
        let down = isize::try_from(n).unwrap_or(isize::MAX);
        let (reads, keep) = match output {
            Output::Replace => (false, 0.0),
            Output::Add => (true, 1.0),
        };
        #[expect(unsafe_code, reason = "the library's only interface")]
        // SAFETY: `new` keeps rows × columns within `values`, whose strides these are; the assertion says the same of
        // `out`, which nobody else can see.
        unsafe {
            #[rustfmt::skip]
            gemm::gemm(
                m, n, k,
                out.as_mut_ptr(), 1, down, reads,
                self.values.as_ptr(), self_right, self_down,
                other.values.as_ptr(), other_right, other_down,
                keep, 1.0, false, false, false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_two_units_in_the_last_place() {
        for i in -870_000..880_000 {
            #[expect(clippy::cast_precision_loss, reason = "a number on a grid")]
            let x = i as f32 / 10_000.0;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(off < 2.0 * f64::from(f32::EPSILON), "exp({x}) is off by {off:e}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e9) < 2e-38 && exp(1e9) > 1e38 && exp(0.0) == 1.0);
    }

    #[test]
    fn sums_in_vectors_leave_nothing_out() {
        for len in [0, 1, 15, 16, 17, 31, 40] {
            let a: Vec<f32> = (0..len).map(|i: u16| f32::from(i)).collect();
            let squares: f32 = a.iter().map(|x| x * x).sum();
            assert_eq!((sum(&a), dot(&a, &a)), (a.iter().sum(), squares), "{len} numbers");
            assert_eq!(largest(&a), a.last().copied().unwrap_or(f32::NEG_INFINITY));
            assert_eq!(vectorised(|| dot(&a, &a)), squares);
        }
    }

    #[test]
    fn four_products_at_once_have_the_bits_of_each_alone() {
        let number = |i: usize| (i * 2_654_435_761 % 1_000) as f32 / 500.0 - 1.0;
        for len in [0, 1, 7, 8, 16, 24, 31, 64, 100] {
            let rows: Vec<Vec<f32>> = (0..10).map(|row| (0..len).map(|i| number(row * 1_000 + i)).collect()).collect();
            let vector: Vec<f32> = (0..len).map(|i| number(77_777 + i)).collect();
            let mut together = vec![0.0; 10];
            dots(&vector, rows.iter().map(Vec::as_slice), &mut together);
            assert_eq!(together, rows.iter().map(|row| dot(&vector, row)).collect::<Vec<_>>(), "{len} numbers");
        }
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, -1.0, 2.0, 1.0, 1.0]); // 3 × 2, 2 × 3
        let mut out = vec![1.0; 9];
        Matrix::new(&a, 2).times(Matrix::new(&b, 3), Output::Add, &mut out);
        assert_eq!(out, [6.0, 3.0, 2.0, 12.0, 5.0, 2.0, 18.0, 7.0, 2.0]);
        Matrix::new(&a, 2).times(Matrix::new(&a, 2).transposed(), Output::Replace, &mut out);
        assert_eq!(out, [5.0, 11.0, 17.0, 11.0, 25.0, 39.0, 17.0, 39.0, 61.0]);
        let mut out = vec![0.5; 4];
        Matrix::new(&a, 2).transposed().times(Matrix::new(&a, 2), Output::Add, &mut out);
        assert_eq!(out, [35.5, 44.5, 44.5, 56.5]);
        let mut of_nothing = vec![2.0; 4];
        Matrix::new(&[], 2).transposed().times(Matrix::new(&[], 2), Output::Add, &mut of_nothing);
        assert_eq!(of_nothing, [2.0; 4]);
    }

    #[test]
    #[should_panic(expected = "3 x 2 times 3 x 2")]
    fn products_of_other_shapes_are_refused() {
        let a = [0.0; 6];
        Matrix::new(&a, 2).times(Matrix::new(&a, 2), Output::Replace, &mut [0.0; 6]);
    }
}
