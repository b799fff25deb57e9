//! How many paths each user gets.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How many paths are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quota {
    /// So many for each user that has any.
    PerUser(u64),
    /// So many for each user and each end that has a path for the user, ends ascending.
    PerEnd(u64),
    /// So many in all, shared out in proportion to the numbers of legal paths of the users (largest remainders; of
    /// equal ones the earlier user's).
    Total(u64),
    /// Every path once, in the order of a depth-first search over nodes and relations ascending; at most so many for a
    /// user.
    Every(u64),
}

impl Quota {
    /// The most draws for so many users, where they do not depend on ends. A shard may have any part of a total.
    pub(super) fn at_most(self, num_users: u32) -> u64 {
        match self {
            Self::PerUser(paths) | Self::PerEnd(paths) | Self::Every(paths) => paths.saturating_mul(num_users.into()),
            Self::Total(paths) => paths,
        }
    }
}

/// Whether a path may be drawn for a user more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// Draws do not know of each other.
    #[default]
    With,
    /// Each draw is from the paths not drawn before, by the same law (successive sampling; under a law that gives every
    /// path the same probability, simple random sampling). A user with fewer paths than asked for gets them all.
    Without,
}

/// A part of the users: number `index`, from 0, of `of` parts of nearly the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part.
    pub index: u32,
    /// How many parts there are.
    pub of: u32,
}

impl Default for Shard {
    /// All users.
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl Shard {
    /// The users of the part by their numbers from 0. The parts one after the other are all users.
    ///
    /// # Errors
    /// [`Error::Usage`] unless index < of.
    pub fn users(self, num_users: u32) -> Result<Range<u32>> {
        if self.index >= self.of {
            let reason = format!("there is no shard {} of {}; the first is 0/{}", self.index, self.of, self.of);
            return Err(Error::Usage { option: "shard", reason });
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most the number of users")]
        let bound = |index: u32| (u64::from(num_users) * u64::from(index) / u64::from(self.of)) as u32;
        Ok(bound(self.index)..bound(self.index + 1))
    }
}

/// Hamilton's method: whole shares first, what is left over to the largest remainders.
pub(super) fn share_out(counts: &[u128], total: u64) -> Vec<u64> {
    let sum: u128 = counts.iter().sum();
    if sum == 0 {
        return vec![0; counts.len()];
    }
    let part = |count: u128| mul_div(count, total, sum);
    let mut shares: Vec<u64> = counts.iter().map(|&count| part(count).0).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&user| std::cmp::Reverse(counts.get(user).map_or(0, |&count| part(count).1)));
    let left = total - shares.iter().sum::<u64>();
    for &user in order.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        if let Some(share) = shares.get_mut(user) {
            *share += 1;
        }
    }
    shares
}

/// `count × total / sum` and its remainder; counts over 2^64 are scaled down with the sum, which cannot change a share
/// by more than one.
fn mul_div(count: u128, total: u64, sum: u128) -> (u64, u128) {
    let shift = 64u32.saturating_sub(sum.leading_zeros().min(64));
    let (count, sum) = (count >> shift, (sum >> shift).max(1));
    let product = count * u128::from(total);
    (u64::try_from(product / sum).unwrap_or(total), product % sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shards_are_all_users_in_order(users in 0u32..50, of in 1u32..20) {
            let shards = (0..of).map(|index| Shard { index, of }.users(users).expect("a shard"));
            let all: Vec<u32> = shards.flatten().collect();
            prop_assert_eq!(all, (0..users).collect::<Vec<_>>());
        }

        #[test]
        fn shares_add_up_and_are_proportional(
            counts in proptest::collection::vec(0u128..1 << 70, 1..30), total in 0u64..1000,
        ) {
            let shares = share_out(&counts, total);
            let sum: u128 = counts.iter().sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), if sum == 0 { 0 } else { total });
            for (&count, &share) in counts.iter().zip(&shares) {
                let exact = count as f64 / (sum as f64).max(1.0) * total as f64;
                prop_assert!((share as f64 - exact).abs() < 1.001, "{} for {}", share, exact);
            }
        }
    }

    #[test]
    fn a_shard_out_of_range_is_refused() {
        assert!(Shard { index: 2, of: 2 }.users(4).is_err());
        assert!(Shard { index: 0, of: 0 }.users(4).is_err());
    }
}
