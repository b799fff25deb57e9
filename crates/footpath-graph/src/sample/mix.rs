//! Drawing from several patterns at once.
//!
//! Draw k of a user belongs to one of the parts, chosen by weight among those of which the user has a path; then it is
//! drawn by the law of that part. With one part nothing is chosen.

use super::starts::Starts;
use super::tables::Drawn;
use super::views::Outlook;
use super::{Law, SampleSpec, Sampler, Scratch, UserTables, Views};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::{Mixture, Pattern};
use footpath_core::{NodeId, Path, Purpose, QuickStream, Vocabulary};

/// Draws paths of a [`Mixture`].
#[derive(Debug)]
pub struct MixtureSampler<'a> {
    samplers: Vec<Sampler<'a>>,
    weights: Vec<f64>,
    width: usize,
}

/// Draws the paths of one user; see [`MixtureSampler::tables`].
#[derive(Debug)]
pub struct MixtureTables<'s> {
    parts: Vec<UserTables<'s>>,
    weights: &'s [f64],
    width: usize,
    seed: u64,
    user: NodeId,
}

impl<'a> MixtureSampler<'a> {
    /// Prepares to draw; see [`Sampler::new`].
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn new(kg: &'a TrainKg, mixture: &Mixture, spec: &SampleSpec) -> Result<Self> {
        Self::with_views(kg, mixture, spec, Views::Auto, u64::MAX)
    }

    /// As [`MixtureSampler::new`], for so many draws at most; `views` says how hops are found.
    ///
    /// # Errors
    /// As [`Sampler::new`]; [`crate::Error::Usage`] where the law does not allow [`Views::Indexed`] and [`Views::Sought`].
    pub fn with_views(kg: &'a TrainKg, mixture: &Mixture, spec: &SampleSpec, views: Views, draws: u64) -> Result<Self> {
        let (by_end, outlook) = (spec.law == Law::UniformEnd, Outlook::new(views, draws));
        let sampler = |part: &crate::pattern::Part| Sampler::drawing(kg, &part.pattern, spec.clone(), by_end, &outlook);
        let samplers: Vec<Sampler<'a>> = mixture.parts().iter().map(sampler).collect::<Result<_>>()?;
        let weights = mixture.parts().iter().map(|part| part.weight).collect();
        Ok(Self { samplers, weights, width: 2 * mixture.max_hops() + 1 })
    }

    /// As [`MixtureSampler::new`] for one pattern, with the end of a path chosen before the rest.
    pub(super) fn by_end(kg: &'a TrainKg, pattern: &Pattern, spec: &SampleSpec, views: Views) -> Result<Self> {
        let sampler = Sampler::drawing(kg, pattern, spec.clone(), true, &Outlook::new(views, u64::MAX))?;
        let width = sampler.row_width();
        Ok(Self { samplers: vec![sampler], weights: vec![1.0], width })
    }

    /// The tables to draw the paths of one user with, using memory of earlier calls again.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] when the node is no user.
    pub fn tables(&self, user: NodeId, scratch: &mut Scratch) -> Result<MixtureTables<'_>> {
        let parts: Result<_> = self.samplers.iter().map(|sampler| sampler.tables_with(user, scratch)).collect();
        Ok(MixtureTables { parts: parts?, weights: &self.weights, width: self.width, seed: self.spec().seed, user })
    }

    /// The graph.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a mixture has a part")]
    pub fn kg(&self) -> &'a TrainKg {
        self.samplers[0].kg()
    }

    /// What is drawn from each part.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a mixture has a part")]
    pub fn spec(&self) -> &SampleSpec {
        self.samplers[0].spec()
    }

    /// Number of nodes that paths may start at; of users, unless the patterns are of walks.
    #[must_use]
    pub fn num_starts(&self) -> u32 {
        self.starts().len()
    }

    #[expect(clippy::indexing_slicing, reason = "a mixture has a part")]
    pub(super) fn starts(&self) -> &Starts {
        &self.samplers[0].starts
    }

    /// Tokens of a row: `2 × max_hops + 1`.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.width
    }

    /// Whether any walks were weighed in floating point so far.
    pub(super) fn rounds(&self) -> bool {
        self.samplers.iter().any(|sampler| sampler.rounds.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Whether there are tables for all users, so that many walkers can draw at once.
    pub(super) fn is_compiled(&self) -> bool {
        self.samplers.iter().all(|sampler| sampler.shared.is_some())
    }

    pub(super) fn samplers(&self) -> &[Sampler<'a>] {
        &self.samplers
    }

    /// The part of a draw, of those that may have paths for the user.
    pub(super) fn part(&self, user: NodeId, draw: u64) -> Option<usize> {
        if self.samplers.len() == 1 {
            return self.may_have(0, user).then_some(0);
        }
        let mut stream = QuickStream::new(self.spec().seed, Purpose::Mixture, user.0, draw);
        choose(&self.weights, |part| self.may_have(part, user), &mut stream)
    }

    /// Whether the user may have a path of any part.
    pub(super) fn may_have_paths(&self, user: NodeId) -> bool {
        (0..self.samplers.len()).any(|part| self.may_have(part, user))
    }

    fn may_have(&self, part: usize, user: NodeId) -> bool {
        self.samplers.get(part).is_some_and(|sampler| sampler.may_have_paths(user))
    }
}

impl MixtureTables<'_> {
    /// Appends the tokens of path number `draw` to `row`, padded to [`MixtureSampler::row_width`]; `path` is working memory.
    /// False when the user has no path or none was found; see [`UserTables::draw`].
    pub fn draw_row(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> bool {
        self.append(draw, path, row) == Drawn::Path
    }

    pub(super) fn append(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> Drawn {
        let drawn = self.try_draw(draw, path);
        if drawn == Drawn::Path {
            self.write(path, row);
        }
        drawn
    }

    /// Appends the tokens of a path.
    pub(super) fn write(&self, path: &Path, row: &mut Vec<u32>) {
        let end = row.len() + self.width;
        if let Some(tables) = self.parts.first() {
            tables.append_tokens(path, row);
        }
        row.resize(end, Vocabulary::PADDING.0);
    }

    /// All paths with their probabilities, up to a factor they share; `None` when there are more than `limit`, or several parts.
    pub(super) fn weighed(&self, limit: usize) -> Option<Vec<(Path, f64)>> {
        let [only] = self.parts.as_slice() else { return None };
        only.weighed(limit)
    }

    /// The only part, where there is one.
    pub(super) fn only(&self) -> Option<&UserTables<'_>> {
        self.parts.first()
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn user(&self) -> NodeId {
        self.user
    }

    fn try_draw(&self, draw: u64, path: &mut Path) -> Drawn {
        if let [only] = self.parts.as_slice() {
            return only.try_draw(draw, path);
        }
        let mut stream = QuickStream::new(self.seed, Purpose::Mixture, self.user.0, draw);
        let mut open: Vec<bool> = self.parts.iter().map(UserTables::may_have_paths).collect();
        while let Some(part) = choose(self.weights, |part| open.get(part) == Some(&true), &mut stream) {
            match self.parts.get(part).map(|tables| tables.try_draw(draw, path)) {
                Some(Drawn::NoPath) | None => open.iter_mut().skip(part).take(1).for_each(|flag| *flag = false),
                Some(drawn) => return drawn,
            }
        }
        Drawn::NoPath
    }
}

/// A part by weight, of those that are open.
fn choose(weights: &[f64], open: impl Fn(usize) -> bool, stream: &mut QuickStream) -> Option<usize> {
    let parts = || weights.iter().enumerate().filter(|(part, _)| open(*part));
    let total: f64 = parts().map(|(_, weight)| weight).sum();
    let drawn = stream.unit() * total;
    let mut sum = 0.0;
    let chosen = parts().find(|(_, weight)| {
        sum += *weight;
        sum > drawn
    });
    // Past the end only by rounding.
    chosen.or_else(|| parts().next_back()).map(|(part, _)| part)
}
