//! Where training paths come from: drawn fresh for every epoch, or read from a corpus.

use footpath_core::Corpus;
use footpath_graph::TrainKg;
use footpath_graph::sample::{MixtureSampler, Scratch};
use footpath_model::data::PathSource;
use rayon::prelude::*;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Draws fresh paths for every epoch; they are a function of the sampler's seed and the epoch.
#[derive(Debug)]
pub struct FreshPaths<'a> {
    /// What draws them.
    pub sampler: MixtureSampler<'a>,
    /// How many for each user and epoch.
    pub paths_per_user: u64,
}

impl FreshPaths<'_> {
    fn kg(&self) -> &TrainKg {
        self.sampler.kg()
    }
}

impl PathSource for FreshPaths<'_> {
    fn width(&self) -> usize {
        self.sampler.row_width()
    }

    fn epoch(&self, epoch: u64) -> Result<Vec<u32>, BoxedError> {
        let users: Vec<u32> = self.kg().users().collect();
        let first = epoch * self.paths_per_user;
        let rows: Vec<Vec<u32>> = users
            .par_iter()
            .map_init(Scratch::default, |scratch, &user| {
                self.sampler.rows(user..user + 1, first..first + self.paths_per_user, scratch)
            })
            .collect::<Result<_, footpath_graph::Error>>()?;
        Ok(rows.concat())
    }
}

/// The paths of a corpus, the same in every epoch.
#[derive(Debug)]
pub struct CorpusPaths {
    /// The corpus.
    pub corpus: Corpus,
}

impl PathSource for CorpusPaths {
    fn width(&self) -> usize {
        self.corpus.header().width
    }

    fn epoch(&self, _epoch: u64) -> Result<Vec<u32>, BoxedError> {
        Ok(self.corpus.rows().flatten().copied().collect())
    }
}
