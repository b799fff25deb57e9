//! Power laws over ranks, and a bijection that hides the ranks.

use footpath_core::{Purpose, Stream};

/// Keeps the first ranks of small graphs from taking nearly all.
const MIN_SHIFT: f64 = 5.0;

/// Weights of the ranks 0 to n − 1 that fall as (rank + shift)^−s, with s = 1 − 2^−k.
///
/// The sum of the weights up to a rank is then a k-fold square root, and its inverse a k-fold square: both are exact to
/// the last bit everywhere, which powers are not. A degree sequence by such weights has a density of exponent 1 + 1/s:
/// 3 for k = 1, 2.33 for 2, 2.14 for 3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PowerLaw {
    n: u64,
    shift: f64,
    k: u32,
    low: f64,
    high: f64,
}

impl PowerLaw {
    /// `flat` is the share of the ranks over which the head of the law is flattened: the shift over n, but for small n.
    pub(crate) fn new(n: u64, k: u32, flat: f64) -> Self {
        let shift = (n as f64 * flat).max(MIN_SHIFT);
        Self { n, shift, k, low: root(shift, k), high: root(n as f64 + shift, k) }
    }

    /// Share of all weight that the first `ranks` have, from 0 to 1.
    fn share(&self, ranks: u64) -> f64 {
        (root(ranks as f64 + self.shift, self.k) - self.low) / (self.high - self.low)
    }

    /// How many of `total` fall to a rank; over all ranks this sums up to `total`.
    pub(crate) fn part(&self, total: u64, rank: u64) -> u64 {
        let up_to = |ranks: u64| (self.share(ranks) * total as f64) as u64;
        up_to(rank + 1) - up_to(rank)
    }

    /// A rank drawn by the weights.
    pub(crate) fn draw(&self, random: &mut Stream) -> u64 {
        let mut x = self.low + random.unit() * (self.high - self.low);
        (0..self.k).for_each(|_| x *= x);
        ((x - self.shift).max(0.0) as u64).min(self.n - 1)
    }
}

fn root(x: f64, k: u32) -> f64 {
    (0..k).fold(x, |x, _| x.sqrt())
}

/// A bijection of the numbers 0 to n − 1 without any order to see, so that hubs do not stand side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scramble {
    n: u64,
    mask: u64,
    shift: u32,
    keys: [(u64, u64); 3],
}

impl Scramble {
    /// `purpose` tells the bijections of one seed apart.
    pub(crate) fn new(n: u64, seed: u64, purpose: u32) -> Self {
        let bits = (64 - n.saturating_sub(1).leading_zeros()).max(2);
        let mut random = Stream::new(seed, Purpose::Simulate, u32::MAX - purpose, 0);
        let mut key = || (random.next_u64() | 1, random.next_u64());
        Self { n, mask: (1 << bits) - 1, shift: bits.div_ceil(2), keys: [key(), key(), key()] }
    }

    /// The number that `x`, below n, is sent to.
    pub(crate) fn of(&self, x: u64) -> u64 {
        let mut x = x;
        loop {
            // Multiplying by an odd number and folding the upper half into the lower are bijections of the numbers of
            // so many bits.
            for (factor, summand) in self.keys {
                x = x.wrapping_mul(factor).wrapping_add(summand) & self.mask;
                x ^= x >> self.shift;
            }
            if x < self.n {
                return x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_up_and_fall() {
        for (n, k, total) in [(1, 1, 7), (10, 1, 1_000), (1_000, 2, 12_345), (5_000, 3, 99_999)] {
            let law = PowerLaw::new(n, k, 1e-4);
            let parts: Vec<u64> = (0..n).map(|rank| law.part(total, rank)).collect();
            assert_eq!(parts.iter().sum::<u64>(), total);
            // Rounding moves a part by less than 1 up or down.
            assert!(parts.windows(2).all(|pair| pair[0] + 1 >= pair[1]), "{parts:?}");
        }
    }

    #[test]
    fn draws_follow_the_parts() {
        let law = PowerLaw::new(50, 2, 1e-2);
        let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
        let mut drawn = [0.0; 50];
        const DRAWS: u64 = 100_000;
        (0..DRAWS).for_each(|_| drawn[law.draw(&mut random) as usize] += 1.0);
        let expected = |rank: u64| (law.share(rank + 1) - law.share(rank)) * DRAWS as f64;
        let chi2: f64 = (0..50).map(|rank| (drawn[rank as usize] - expected(rank)).powi(2) / expected(rank)).sum();
        assert!(chi2 < 112.0, "chi² with 49 degrees of freedom is {chi2}, over the 1e-6 quantile");
    }

    #[test]
    fn every_number_is_hit_once() {
        for n in [1, 2, 3, 5, 64, 1_000, 65_537] {
            let scramble = Scramble::new(n, 7, 1);
            let mut images: Vec<u64> = (0..n).map(|x| scramble.of(x)).collect();
            images.sort_unstable();
            assert!(images.iter().copied().eq(0..n), "{n}");
        }
    }
}
