//! Choosing one of a row of hops in proportion to weight with one random access (Walker 1977, Vose 1991), exactly.
//!
//! A row of n hops with weights w and sum T becomes n buckets of capacity T, since n·w adds up to n·T. Bucket i keeps
//! hop i up to a threshold and one other hop above it. A draw takes a bucket, each alike, and a number below T; for
//! integer weights both are exact, so hop i comes out with probability w_i / T and nothing is rounded anywhere.
//! Weights in floating point are scaled to T = 2^64 first, an error of at most 2^-53 of the row's sum.

use super::weight::Weight;
use footpath_core::QuickStream;
use footpath_core::arrays::Element;

/// A hop as a number: the node it leads to and its class (relation and next state).
pub(super) trait Code: Element + Ord + std::fmt::Debug {
    /// The words of a bucket.
    type Words: Copy + Send + Sync + std::fmt::Debug;
    /// How many they are.
    const BUCKET: usize;
    /// The number of a hop.
    fn pack(node: u32, class: u32, shift: u32) -> Self;
    /// Node and class of a hop.
    fn unpack(self, shift: u32) -> (u32, u32);
    /// The number of a hop in 64 bits.
    fn word(self) -> u64;
    /// The number of a hop from 64 bits.
    fn of(word: u64) -> Self;
    /// Appends a bucket.
    fn push(bucket: Bucket<Self>, to: &mut Vec<u64>);
    /// The buckets that words stand for, one after the other.
    fn buckets(words: &[u64]) -> &[Self::Words];
    /// Reads a bucket.
    fn bucket(words: Self::Words) -> Bucket<Self>;
}

/// One hop below the threshold, another from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket<C> {
    pub(super) threshold: u64,
    pub(super) below: C,
    pub(super) above: C,
}

#[expect(clippy::cast_possible_truncation, reason = "halves of a word on purpose")]
impl Code for u32 {
    type Words = [u64; 2];
    const BUCKET: usize = 2;

    #[inline]
    fn pack(node: u32, class: u32, shift: u32) -> Self {
        node << shift | class
    }
    #[inline]
    fn unpack(self, shift: u32) -> (u32, u32) {
        (self >> shift, self & ((1 << shift) - 1))
    }
    #[inline]
    fn word(self) -> u64 {
        u64::from(self)
    }
    #[inline]
    fn of(word: u64) -> Self {
        word as u32
    }
    fn push(bucket: Bucket<Self>, to: &mut Vec<u64>) {
        to.extend([bucket.threshold, u64::from(bucket.below) | u64::from(bucket.above) << 32]);
    }
    fn buckets(words: &[u64]) -> &[[u64; 2]] {
        words.as_chunks().0
    }
    #[inline]
    fn bucket([threshold, both]: [u64; 2]) -> Bucket<Self> {
        Bucket { threshold, below: both as u32, above: (both >> 32) as u32 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "halves of a word on purpose")]
impl Code for u64 {
    type Words = [u64; 3];
    const BUCKET: usize = 3;

    #[inline]
    fn pack(node: u32, class: u32, _: u32) -> Self {
        Self::from(node) << 32 | Self::from(class)
    }
    #[inline]
    fn unpack(self, _: u32) -> (u32, u32) {
        ((self >> 32) as u32, self as u32)
    }
    #[inline]
    fn word(self) -> u64 {
        self
    }
    #[inline]
    fn of(word: u64) -> Self {
        word
    }
    fn push(bucket: Bucket<Self>, to: &mut Vec<u64>) {
        to.extend([bucket.threshold, bucket.below, bucket.above]);
    }
    fn buckets(words: &[u64]) -> &[[u64; 3]] {
        words.as_chunks().0
    }
    #[inline]
    fn bucket([threshold, below, above]: [u64; 3]) -> Bucket<Self> {
        Bucket { threshold, below, above }
    }
}

impl<C: Copy> Bucket<C> {
    /// The hop for a number drawn below the capacity.
    #[inline]
    pub(super) fn at(self, number: u64) -> C {
        if number < self.threshold { self.below } else { self.above }
    }
}

/// A number below the capacity of a row's buckets; 0 stands for 2^64.
#[inline]
pub(super) fn below_capacity(capacity: u64, stream: &mut QuickStream) -> u64 {
    if capacity == 0 { stream.next_u64() } else { stream.below(capacity) }
}

/// A uniform number below `bound`, by rejection from the next power of two; `None` for zero.
pub(super) fn below_u128(bound: u128, stream: &mut QuickStream) -> Option<u128> {
    let mask = u128::MAX >> bound.checked_sub(1)?.leading_zeros().min(127);
    loop {
        let number = (u128::from(stream.next_u64()) << 64 | u128::from(stream.next_u64())) & mask;
        if number < bound {
            return Some(number);
        }
    }
}

/// Working memory of [`Buckets::add`].
#[derive(Debug, Default)]
pub(super) struct Buckets {
    scaled: Vec<u128>,
    small: Vec<usize>,
    large: Vec<usize>,
    other: Vec<usize>,
}

impl Buckets {
    /// Appends the buckets of a row to `words` and returns their capacity. Weights are above zero; the row is not
    /// empty.
    #[expect(clippy::indexing_slicing, reason = "indices of one row")]
    pub(super) fn add<W: Weight, C: Code>(&mut self, row: &[(C, W)], words: &mut Vec<u64>) -> u64 {
        let len = row.len() as u128;
        let capacity = W::scale(row.iter().map(|(_, weight)| *weight), &mut self.scaled);
        self.scaled.iter_mut().for_each(|weight| *weight *= len);
        let wide = if capacity == 0 { 1u128 << 64 } else { u128::from(capacity) };
        self.split(wide);
        for (index, &(code, _)) in row.iter().enumerate() {
            // A full bucket would need a threshold of 2^64 where that is the capacity; the other hop is the same then.
            let threshold = u64::try_from(self.scaled[index]).unwrap_or(u64::MAX);
            C::push(Bucket { threshold, below: code, above: row[self.other[index]].0 }, words);
        }
        capacity
    }

    /// Fills the buckets: what a heavy hop has too much goes on top of light ones.
    #[expect(clippy::indexing_slicing, reason = "indices of one row")]
    fn split(&mut self, capacity: u128) {
        let Self { scaled, small, large, other } = self;
        small.clear();
        large.clear();
        other.clear();
        other.extend(0..scaled.len());
        for (index, &weight) in scaled.iter().enumerate() {
            if weight < capacity { small.push(index) } else { large.push(index) }
        }
        while let Some(light) = small.pop() {
            let Some(&heavy) = large.last() else { break };
            other[light] = heavy;
            scaled[heavy] -= capacity - scaled[light];
            if scaled[heavy] < capacity {
                large.pop();
                small.push(heavy);
            }
        }
        // What is left in either list is full.
        for &full in small.iter().chain(large.iter()) {
            scaled[full] = capacity;
        }
    }
}

/// The hops of a row and their weights, times the number of buckets, read back from its buckets: exact.
pub(super) fn weights_of<C: Code>(row: &[C::Words], capacity: u64) -> Vec<(C, u128)> {
    let capacity = if capacity == 0 { 1u128 << 64 } else { u128::from(capacity) };
    let mut parts = Vec::with_capacity(2 * row.len());
    for bucket in row.iter().map(|&words| C::bucket(words)) {
        let below = u128::from(bucket.threshold).min(capacity);
        parts.extend([(bucket.below, below), (bucket.above, capacity - below)]);
    }
    parts.sort_unstable_by_key(|(code, _)| *code);
    parts.dedup_by(|next, sum| {
        let same = next.0 == sum.0;
        sum.1 += if same { next.1 } else { 0 };
        same
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_hold_the_weights_exactly(weights in proptest::collection::vec(1u64..1 << 40, 1..40)) {
            let row: Vec<(u32, u64)> = (0u32..).zip(weights.iter().copied()).collect();
            let mut words = Vec::new();
            let capacity = Buckets::default().add(&row, &mut words);
            prop_assert_eq!(capacity, weights.iter().sum::<u64>());
            let back = weights_of::<u32>(u32::buckets(&words), capacity);
            let expected: Vec<_> = row.iter().map(|&(c, w)| (c, u128::from(w) * row.len() as u128)).collect();
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn buckets_of_real_weights_are_as_near_as_numbers_are(
            weights in proptest::collection::vec(1e-9f64..1e9, 1..40),
        ) {
            let row: Vec<(u64, f64)> = (0u64..).zip(weights.iter().copied()).collect();
            let mut words = Vec::new();
            let capacity = Buckets::default().add(&row, &mut words);
            let back = weights_of::<u64>(u64::buckets(&words), capacity);
            let sum: f64 = weights.iter().sum();
            for (code, weight) in back {
                let got = weight as f64 / row.len() as f64 / 2f64.powi(64);
                let expected = weights[usize::try_from(code).expect("small")] / sum;
                prop_assert!((got - expected).abs() < 1e-15, "{} for {}", got, expected);
            }
        }
    }

    #[test]
    fn codes_come_back() {
        for (node, class) in [(0, 0), (5, 3), ((1 << 28) - 1, 15)] {
            assert_eq!(u32::pack(node, class, 4).unpack(4), (node, class));
        }
        assert_eq!(<u64 as Code>::pack(u32::MAX - 1, 77, 7).unpack(7), (u32::MAX - 1, 77));
    }
}
