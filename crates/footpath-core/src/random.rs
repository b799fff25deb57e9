//! Counter-based randomness: every draw is a function of (seed, purpose, user, draw), so a corpus is the same
//! for any number of threads, shards or machines, and any row of it can be recomputed alone.
//!
//! The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
//! checked against the published known answers.

use std::convert::Infallible;

/// What a stream of draws is used for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Random train/valid/test split.
    Split = 1,
    /// Drawing paths for a corpus or for training.
    SamplePath = 2,
    /// Order of the training examples.
    Shuffle = 3,
    /// Legal siblings drawn as negatives.
    Negatives = 4,
    /// Dropping the user token in training.
    UserDropout = 5,
    /// Initial weights.
    Initialise = 6,
    /// Dropout inside the network.
    Dropout = 7,
    /// Simulated users of the bundled data.
    Simulate = 8,
    /// Choosing users for validation during training.
    Validation = 9,
    /// The random baseline.
    RandomBaseline = 10,
    /// Resampling users in a significance test.
    Significance = 11,
    /// Drawing paths that the quick way did not find.
    SampleSlowly = 12,
    /// Choosing the pattern of a mixture.
    Mixture = 13,
    /// The order of the paths of a user who has few.
    SampleDistinct = 14,
    /// Choosing the items that stand for a user in training.
    History = 15,
    /// Drawing paths with a model.
    Generate = 16,
    /// Start and order of the examples of the matrix factorisation baseline.
    FactorBaseline = 17,
    /// Negatives of the logistic baseline over metapaths.
    MetapathBaseline = 18,
    /// Held-out items drawn at random, to see that lists then reach chance.
    ChanceLabels = 19,
    /// Choosing the objective of a text, and what of it is hidden.
    Objective = 20,
    /// Drawing paths between a user and an item.
    PairPath = 21,
    /// Drawing settings to try.
    Settings = 22,
    /// Choosing what is taken away from a user to see what an item then comes to.
    Counterfactual = 23,
    /// Choosing the users whose paths are learned, where they are not all.
    LearnedUsers = 24,
}

const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let low = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let high = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        #[expect(clippy::cast_possible_truncation, reason = "the cipher works on 32-bit halves")]
        {
            counter = [
                (high >> 32) as u32 ^ counter[1] ^ key[0],
                high as u32,
                (low >> 32) as u32 ^ counter[3] ^ key[1],
                low as u32,
            ];
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// The random numbers of one draw.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of draw number `draw` for `user` (or any other index of the purpose).
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "64-bit values are split into halves on purpose")]
    pub fn new(seed: u64, purpose: Purpose, user: u32, draw: u64) -> Self {
        let purpose = (purpose as u32).wrapping_mul(0x85EB_CA6B);
        Self {
            key: [seed as u32, (seed >> 32) as u32 ^ purpose],
            counter: [0, user, draw as u32, (draw >> 32) as u32],
            block: [0; 4],
            used: 4,
        }
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        let low = self.word();
        u64::from(self.word()) << 32 | u64::from(low)
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// A uniform integer below `bound` (which must not be 0), by multiplication with rejection (Lemire 2019): exact.
    pub fn below(&mut self, bound: u64) -> u64 {
        debug_assert!(bound > 0);
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            #[expect(clippy::cast_possible_truncation, reason = "low half of the product")]
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A uniform index below `len`, which must not be 0.
    pub fn index(&mut self, len: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "below len, which is a usize")]
        {
            self.below(len as u64) as usize
        }
    }

    /// A uniform number in [0, 1) with 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher–Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.index(last + 1));
        }
    }
}

/// As [`Stream`], several times faster: for hot loops that draw a few numbers each for billions of draws.
///
/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): number i is a hash
/// of `start + i × step`. Start and step, which is odd, are hashes of (seed, purpose, user, draw), so no two draws walk
/// through the same numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuickStream {
    state: u64,
    step: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The [`QuickStream`]s of all draws of a user, for whoever makes many of them in turn.
#[derive(Clone, Copy, Debug)]
pub struct QuickStreams {
    key: u64,
}

impl QuickStreams {
    /// The streams for `user` (or any other index of the purpose).
    #[inline]
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, user: u32) -> Self {
        Self { key: mix(seed ^ (u64::from(user) << 32 | u64::from(purpose as u32)).wrapping_mul(GOLDEN)) }
    }

    /// The stream of draw number `draw`.
    #[inline]
    #[must_use]
    pub fn draw(self, draw: u64) -> QuickStream {
        let state = mix(self.key.wrapping_add(draw.wrapping_mul(GOLDEN)));
        QuickStream { state, step: mix(state ^ self.key) | 1 }
    }
}

/// What [`QuickStream::below`] makes of 64 uniform bits: an integer below `bound` (which must not be 0), or `None` for
/// bits it rejects.
#[inline]
#[must_use]
pub fn scaled(bits: u64, bound: u64) -> Option<u64> {
    debug_assert!(bound > 0);
    let product = u128::from(bits) * u128::from(bound);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
    let (high, low) = ((product >> 64) as u64, product as u64);
    // The division is needed only where the low half is below the bound, which is rare.
    (low >= bound || low >= bound.wrapping_neg() % bound).then_some(high)
}

/// As [`scaled`], from the upper half of the bits. `None` also where the lower half would have a say, which it has for
/// about one in 2^32 / `bound`.
#[inline]
#[must_use]
pub fn scaled_by_half(upper: u32, bound: u32) -> Option<u32> {
    let product = u64::from(upper) * u64::from(bound);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
    let (high, low) = ((product >> 32) as u32, product as u32);
    // The lower half adds less than the bound to the low half: it carries nothing, and above zero nothing is rejected.
    (low > 0 && low.checked_add(bound).is_some()).then_some(high)
}

impl QuickStream {
    /// The stream of draw number `draw` for `user` (or any other index of the purpose).
    #[inline]
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, user: u32, draw: u64) -> Self {
        QuickStreams::new(seed, purpose, user).draw(draw)
    }

    /// 64 uniform bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(self.step);
        mix(self.state)
    }

    /// Number `index` of the stream, counted from where it stands: what [`QuickStream::next_u64`] gives after as many
    /// others.
    #[inline]
    #[must_use]
    pub fn number(&self, index: u64) -> u64 {
        mix(self.state.wrapping_add(self.step.wrapping_mul(index.wrapping_add(1))))
    }

    /// A uniform integer below `bound` (which must not be 0), by multiplication with rejection (Lemire 2019): exact.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            if let Some(number) = scaled(self.next_u64(), bound) {
                return number;
            }
        }
    }

    /// A uniform index below `len`, which must not be 0.
    #[inline]
    pub fn index(&mut self, len: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "below len, which is a usize")]
        {
            self.below(len as u64) as usize
        }
    }

    /// A uniform number in [0, 1) with 53 bits.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Lets the distributions of `rand` draw from a stream.
impl rand::TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(Stream::next_u64(self))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with Random123 (`kat_vectors`, philox4x32 10).
    #[test]
    fn philox_gives_the_published_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    /// The first numbers of SplitMix64 from 1234567 with the golden step, as in the listings of other implementations.
    #[test]
    fn split_mix_gives_the_known_answers() {
        let mut stream = QuickStream { state: 1_234_567, step: GOLDEN };
        let known = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([(); 3].map(|()| stream.next_u64()), known);
    }

    #[test]
    fn numbers_by_place_are_those_in_turn() {
        let stream = QuickStream::new(3, Purpose::SamplePath, 9, 4);
        let mut turns = stream;
        assert!((0..100).all(|index| stream.number(index) == turns.next_u64()));
    }

    /// Whatever the upper half decides is so for any lower half.
    #[test]
    fn the_upper_half_never_says_otherwise() {
        let mut stream = QuickStream::new(1, Purpose::SamplePath, 0, 0);
        let mut decided = 0;
        for round in 0..200_000u32 {
            let bound = [1, 2, 3, 7, 1 << 16, 45_105, (1 << 28) - 2, u32::MAX][round as usize % 8];
            let upper = match round % 3 {
                0 => (stream.next_u64() >> 32) as u32,
                // Just about where the result changes.
                1 => ((u64::from(round) << 32) / u64::from(bound)) as u32,
                _ => (((u64::from(round) << 32) / u64::from(bound)) as u32).wrapping_sub(1),
            };
            let Some(number) = scaled_by_half(upper, bound) else { continue };
            decided += 1;
            for lower in [0, 1, u64::from(u32::MAX) >> 1, u64::from(u32::MAX)] {
                assert_eq!(
                    scaled(u64::from(upper) << 32 | lower, bound.into()),
                    Some(number.into()),
                    "{upper} {bound}"
                );
            }
        }
        assert!(decided > 50_000, "{decided}");
    }

    #[test]
    fn quick_streams_are_uniform_over_draws_and_users_as_well() {
        let mut counts = [[0u32; 7]; 3];
        let mut stream = QuickStream::new(1, Purpose::SamplePath, 0, 0);
        for i in 0..70_000u32 {
            counts[0][stream.index(7)] += 1;
            counts[1][QuickStream::new(1, Purpose::SamplePath, 5, u64::from(i)).index(7)] += 1;
            counts[2][QuickStream::new(1, Purpose::SamplePath, i, 0).index(7)] += 1;
        }
        for counts in counts {
            let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 10_000.0).powi(2) / 10_000.0).sum();
            assert!(chi2 < 38.3, "chi² with 6 degrees of freedom is {chi2}, over the 1e-6 quantile");
        }
    }

    #[test]
    fn below_is_uniform() {
        let mut counts = [0u32; 7];
        let mut stream = Stream::new(1, Purpose::Simulate, 0, 0);
        for _ in 0..70_000 {
            counts[stream.index(7)] += 1;
        }
        let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi2 < 38.3, "chi² with 6 degrees of freedom is {chi2}, over the 1e-6 quantile");
    }

    #[test]
    fn streams_of_another_seed_purpose_user_or_draw_differ() {
        let first = |mut s: Stream| s.next_u64();
        let all = [
            first(Stream::new(1, Purpose::Split, 1, 1)),
            first(Stream::new(2, Purpose::Split, 1, 1)),
            first(Stream::new(1, Purpose::Shuffle, 1, 1)),
            first(Stream::new(1, Purpose::Split, 2, 1)),
            first(Stream::new(1, Purpose::Split, 1, 2)),
            first(Stream::new(1, Purpose::Split, 1, 1 << 32)),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
