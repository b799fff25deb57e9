//! Numbers that walks are weighed with: counts, exact in 64 bits, or floating point.

use crate::error::Error;
use footpath_core::QuickStream;

/// A number that walks are weighed with: `u64` counts, or `f64`.
pub(super) trait Weight: Copy + PartialOrd + std::fmt::Debug + Send + Sync {
    /// No walk.
    const ZERO: Self;
    /// One walk.
    const ONE: Self;
    /// The sum, `None` past the largest number.
    fn plus(self, other: Self) -> Option<Self>;
    /// The difference, never below zero.
    fn minus(self, other: Self) -> Self;
    /// The product with a factor; counts have none.
    fn times(self, factor: f64) -> Self;
    /// The quotient by the same factor.
    fn over(self, factor: f64) -> Self;
    /// A number of walks.
    fn whole(number: usize) -> Self;
    /// Writes weights, none of them zero, as integers in proportion to them and returns the sum of the integers; 0
    /// stands for 2^64.
    fn scale(weights: impl ExactSizeIterator<Item = Self> + Clone, scaled: &mut Vec<u128>) -> u64;
    /// A uniform number below `bound`, which is not zero.
    fn draw(bound: Self, stream: &mut QuickStream) -> Self;
}

impl Weight for u64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
    fn times(self, _: f64) -> Self {
        self
    }
    fn over(self, _: f64) -> Self {
        self
    }
    fn whole(number: usize) -> Self {
        number as u64
    }
    fn scale(weights: impl ExactSizeIterator<Item = Self> + Clone, scaled: &mut Vec<u128>) -> u64 {
        scaled.clear();
        scaled.extend(weights.clone().map(u128::from));
        weights.sum()
    }
    fn draw(bound: Self, stream: &mut QuickStream) -> Self {
        stream.below(bound)
    }
}

impl Weight for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, other: Self) -> Option<Self> {
        Some(self + other)
    }
    fn minus(self, other: Self) -> Self {
        (self - other).max(0.0)
    }
    fn times(self, factor: f64) -> Self {
        self * factor
    }
    fn over(self, factor: f64) -> Self {
        self / factor
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of arcs are far below 2^53")]
    fn whole(number: usize) -> Self {
        number as f64
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of 2^64, none of them negative")]
    fn scale(weights: impl ExactSizeIterator<Item = Self> + Clone, scaled: &mut Vec<u128>) -> u64 {
        const WHOLE: u128 = 1 << 64;
        let sum: f64 = weights.clone().sum();
        scaled.clear();
        scaled.extend(weights.map(|weight| (weight / sum * 2f64.powi(64)) as u128));
        // What rounding left over or took too much is less than a part in 2^52; the heaviest hop bears it.
        let total: u128 = scaled.iter().sum();
        if let Some(heaviest) = scaled.iter_mut().max() {
            *heaviest = (*heaviest + WHOLE).saturating_sub(total);
        }
        0
    }
    fn draw(bound: Self, stream: &mut QuickStream) -> Self {
        stream.unit() * bound
    }
}

/// A count went past 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// Why walks could not be weighed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A count went past 64 bits.
    Overflow,
    /// Anything else.
    Error(Error),
}

impl From<Overflow> for Failure {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}

impl From<footpath_core::Error> for Failure {
    fn from(error: footpath_core::Error) -> Self {
        Self::Error(error.into())
    }
}
