//! Where training paths come from: drawn fresh for every epoch, or read from a corpus; a portion at a time.

use footpath_core::{Context, Corpus};
use footpath_graph::sample::{MixtureSampler, Scratch};
use footpath_model::data::PathSource;
use rayon::prelude::*;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Most rows of a portion, 60 MB of paths of three hops; a portion has a path of each user, however many there are.
/// Every data set of a million interactions and 300 paths a user is one portion.
pub(super) const MAX_ROWS: u64 = 1 << 21;

/// Draws fresh paths for every epoch; they are a function of the sampler's seed and the epoch.
#[derive(Debug)]
pub(super) struct FreshPaths {
    /// What draws them.
    pub(super) sampler: MixtureSampler,
    /// Whose paths.
    pub(super) users: Vec<u32>,
    /// How many for each user and epoch.
    pub(super) paths_per_user: u64,
}

impl FreshPaths {
    /// Draws of each user in a portion.
    fn draws_at_once(&self) -> u64 {
        draws_at_once(self.users.len() as u64, self.paths_per_user)
    }
}

impl PathSource for FreshPaths {
    fn width(&self) -> usize {
        self.sampler.row_width()
    }

    fn num_portions(&self) -> u64 {
        self.paths_per_user.div_ceil(self.draws_at_once()).max(1)
    }

    fn portion(&self, epoch: u64, portion: u64, context: &Context) -> Result<Vec<u32>, BoxedError> {
        let first = epoch * self.paths_per_user + portion * self.draws_at_once();
        let draws = first..(first + self.draws_at_once()).min((epoch + 1) * self.paths_per_user);
        let rows: Vec<Vec<u32>> = self
            .users
            .par_iter()
            .map_init(Scratch::default, |scratch, &user| {
                context.check()?;
                self.sampler.rows(user..user + 1, draws.clone(), scratch, context)
            })
            .collect::<Result<_, footpath_graph::Error>>()
            .map_err(plain)?;
        Ok(rows.concat())
    }
}

/// A stop as who asked for it knows it; the rest as it is.
fn plain(error: footpath_graph::Error) -> BoxedError {
    match error {
        footpath_graph::Error::Core(error) => error.into(),
        other => other.into(),
    }
}

/// Draws of each of so many users in a portion, of all in an epoch; the last portion may have fewer.
fn draws_at_once(num_users: u64, paths_per_user: u64) -> u64 {
    (MAX_ROWS / num_users.max(1)).clamp(1, paths_per_user.max(1))
}

/// The paths of a corpus, the same in every epoch.
#[derive(Debug)]
pub(super) struct CorpusPaths {
    /// The corpus.
    pub(super) corpus: Corpus,
}

impl PathSource for CorpusPaths {
    fn width(&self) -> usize {
        self.corpus.header().width
    }

    fn num_portions(&self) -> u64 {
        (self.corpus.len() as u64).div_ceil(MAX_ROWS).max(1)
    }

    fn portion(&self, _epoch: u64, portion: u64, _context: &Context) -> Result<Vec<u32>, BoxedError> {
        // A corpus has its users one after the other, so a portion has rows from everywhere.
        let (first, step) = (usize::try_from(portion)?, usize::try_from(self.num_portions())?);
        Ok(self.corpus.rows().skip(first).step_by(step).flatten().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::pattern::{Mixture, Pattern};
    use footpath_graph::sample::SampleSpec;
    use footpath_graph::{Dataset, build::build};

    #[test]
    fn an_epoch_is_one_portion_up_to_two_million_paths() {
        for (users, paths, expected) in [
            (480, 300, 300),
            (6_040, 300, 300),
            (100_000, 300, 20),
            (100_000, 3, 3),
            (1 << 21, 300, 1),
            (5_000_000, 300, 1),
            (0, 300, 300),
        ] {
            assert_eq!(draws_at_once(users, paths), expected, "{users} users");
        }
    }

    #[test]
    fn an_epoch_has_its_own_draws_of_every_user() {
        let mut data = Dataset::default();
        for (user, item) in [("u", "a"), ("u", "b"), ("v", "b")] {
            data.interact(user, item);
        }
        for item in ["a", "b", "c", "d"] {
            data.link(item, &format!("film-{item}"));
            data.fact(&format!("film-{item}"), "by", "bob");
        }
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let mixture = Mixture::single(Pattern::hops(3, &kg).expect("a pattern"));
        let (spec, context) = (SampleSpec::training(), Context::default());
        let sampler = MixtureSampler::new(&kg, &mixture, &spec, &context).expect("a sampler");
        let draws = |user: u32, draws| sampler.rows(user..user + 1, draws, &mut Scratch::default(), &context);
        let expected: Vec<u32> = kg.users().flat_map(|user| draws(user, 10..15).expect("drawn")).collect();
        let sampler = MixtureSampler::new(&kg, &mixture, &spec, &context).expect("a sampler");
        let paths = FreshPaths { sampler, users: kg.users().collect(), paths_per_user: 5 };
        assert_eq!((paths.num_portions(), paths.portion(2, 0, &context).expect("drawn")), (1, expected));
    }
}
