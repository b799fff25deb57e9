//! Dropout whose masks are a function of seed, step and place, so that a resumed run drops the same numbers.
//!
//! A backend's own generator is shared by the whole process and differs between backends; these masks depend on
//! neither.

use footpath_core::{Purpose, Stream};
use rayon::prelude::*;

/// The dropout of one forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    probability: f64,
    seed: u64,
    step: u64,
    place: u32,
}

impl Dropout {
    /// Drops each number with this probability.
    #[must_use]
    pub fn new(probability: f64, seed: u64, step: u64) -> Self {
        Self { probability, seed, step, place: 0 }
    }

    /// Drops nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0.0, 0, 0)
    }

    /// The masks of so many places in a row, of `len` numbers each, which are 0 with the given probability and else
    /// what keeps the mean (Srivastava et al. 2014); none where nothing is dropped.
    pub(crate) fn masks(&mut self, places: usize, len: usize) -> Vec<Vec<f32>> {
        if self.probability <= 0.0 {
            return Vec::new();
        }
        let starts: Vec<Self> = (0u32..).take(places).map(|i| Self { place: self.place + i, ..*self }).collect();
        self.place += u32::try_from(places).unwrap_or(u32::MAX);
        starts.into_par_iter().map(|mut start| start.mask(len)).collect()
    }

    /// 16 bits decide about a number, so the probability is kept to 1 in 65,536.
    fn mask(&mut self, len: usize) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 65,536")]
        let threshold = (self.probability * 65_536.0).round() as u16;
        let kept = 65_536.0 / (65_536.0 - f32::from(threshold));
        let mut stream = Stream::new(self.seed, Purpose::Dropout, self.place, self.step);
        self.place += 1;
        let mut mask = Vec::with_capacity(len + 3);
        while mask.len() < len {
            let bits = stream.next_u64();
            #[expect(clippy::cast_possible_truncation, reason = "16 bits at a time")]
            mask.extend([0, 16, 32, 48].map(|shift| if ((bits >> shift) as u16) < threshold { 0.0 } else { kept }));
        }
        mask.truncate(len);
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_mean_and_repeat_themselves() {
        let mask = Dropout::new(0.25, 7, 3).mask(100_000);
        let dropped = mask.iter().filter(|m| **m == 0.0).count();
        assert!((24_000..26_000).contains(&dropped), "{dropped} dropped");
        assert!(mask.iter().all(|&m| m == 0.0 || (m - 1.0 / 0.75).abs() < 1e-4));
        let mut again = Dropout::new(0.25, 7, 3);
        assert_eq!({ again }.masks(3, 100_000)[0], mask);
        assert_eq!(again.mask(100_000), mask);
        assert_ne!(again.mask(100_000), mask, "another place, another mask");
        assert_ne!(Dropout::new(0.25, 7, 4).mask(100_000), mask, "another step, another mask");
    }
}
