//! Drawing from several patterns at once.
//!
//! Draw k of a user belongs to one of the parts, chosen by weight among those of which the user has a path; then it is
//! drawn by the law of that part. With one part nothing is chosen.

use super::dag::Scratch;
use super::law::SampleSpec;
use super::path_law::PathLaw;
use super::sampler::Sampler;
use super::starts::Starts;
use super::tables::{Drawn, UserTables};
use super::views::{ViewRequest, Views};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::{Mixture, Pattern};
use footpath_core::{Context, NodeId, Path, Purpose, QuickStream, Vocabulary};
use std::sync::Arc;

/// Draws paths of a [`Mixture`]. It owns what it needs of the graph, which is shared and not copied.
#[derive(Debug)]
pub struct MixtureSampler {
    samplers: Vec<Sampler>,
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

impl MixtureSampler {
    /// Prepares to draw; see [`Sampler::new`].
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn new(kg: &TrainKg, mixture: &Mixture, spec: &SampleSpec, context: &Context) -> Result<Self> {
        Self::with_views(kg, mixture, spec, Views::Auto, u64::MAX, context)
    }

    /// As [`MixtureSampler::new`], for so many draws at most; `views` says how hops are found.
    ///
    /// # Errors
    /// As [`Sampler::new`]; [`crate::Error::Usage`] where the law does not allow [`Views::Sought`].
    pub fn with_views(
        kg: &TrainKg,
        mixture: &Mixture,
        spec: &SampleSpec,
        views: Views,
        draws: u64,
        context: &Context,
    ) -> Result<Self> {
        let (kg, request) = (Arc::new(kg.clone()), ViewRequest { views, draws });
        let sampler = |part: &crate::pattern::Part| {
            let law = PathLaw::new(&kg, &part.pattern, spec, spec.law.chooses_end_first(), context)?;
            Sampler::of(law, request, context)
        };
        let samplers: Vec<Sampler> = mixture.parts().iter().map(sampler).collect::<Result<_>>()?;
        let weights = mixture.parts().iter().map(|part| part.weight).collect();
        Ok(Self { samplers, weights, width: 2 * mixture.max_hops() + 1 })
    }

    /// As [`MixtureSampler::new`] for one pattern, with the end of a path chosen before the rest.
    pub(super) fn end_first(
        kg: &TrainKg,
        pattern: &Pattern,
        spec: &SampleSpec,
        views: Views,
        context: &Context,
    ) -> Result<Self> {
        let law = PathLaw::new(&Arc::new(kg.clone()), pattern, spec, true, context)?;
        let sampler = Sampler::of(law, ViewRequest { views, draws: u64::MAX }, context)?;
        let width = sampler.row_width();
        Ok(Self { samplers: vec![sampler], weights: vec![1.0], width })
    }

    /// The tables to draw the paths of one user with, using memory of earlier calls again.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] when the node is no user; [`footpath_core::Error::Stopped`], also of every draw.
    pub fn tables<'s>(
        &'s self,
        user: NodeId,
        scratch: &mut Scratch,
        context: &'s Context,
    ) -> Result<MixtureTables<'s>> {
        let parts: Result<_> =
            self.samplers.iter().map(|sampler| sampler.tables_with(user, scratch, context)).collect();
        Ok(MixtureTables { parts: parts?, weights: &self.weights, width: self.width, seed: self.spec().seed, user })
    }

    /// The graph.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a mixture has a part")]
    pub fn kg(&self) -> &TrainKg {
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
        &self.samplers[0].law.starts
    }

    /// Tokens of a row: `2 × max_hops + 1`.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.width
    }

    /// Whether walks are weighed in floating point for all users.
    pub(super) fn is_rounded(&self) -> bool {
        self.samplers.iter().filter_map(|sampler| sampler.shared.as_ref()).any(|shared| shared.is_rounded)
    }

    /// Whether there are tables for all users, so that many walkers can draw at once.
    pub(super) fn is_compiled(&self) -> bool {
        self.samplers.iter().all(|sampler| sampler.shared.is_some())
    }

    pub(super) fn samplers(&self) -> &[Sampler] {
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
    /// Appends the tokens of path number `draw` to `row`, padded to [`MixtureSampler::row_width`]; `path` is working
    /// memory. False when the user has no path or none was found; see [`UserTables::draw`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn draw_row(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> Result<bool> {
        Ok(self.append(draw, path, row)? == Drawn::Path)
    }

    pub(super) fn append(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> Result<Drawn> {
        let drawn = self.try_draw(draw, path)?;
        if drawn == Drawn::Path {
            self.write(path, row);
        }
        Ok(drawn)
    }

    /// Appends the tokens of a path.
    pub(super) fn write(&self, path: &Path, row: &mut Vec<u32>) {
        let end = row.len() + self.width;
        if let Some(tables) = self.parts.first() {
            tables.append_tokens(path, row);
        }
        row.resize(end, Vocabulary::PADDING.0);
    }

    /// All paths with their probabilities, up to a factor they share; `None` when there are more than `limit`, or
    /// several parts.
    pub(super) fn weighed(&self, limit: usize) -> Result<Option<Vec<(Path, f64)>>> {
        let [only] = self.parts.as_slice() else { return Ok(None) };
        only.weighed(limit)
    }

    /// Whether walks of the user are weighed in floating point.
    pub(super) fn is_rounded(&self) -> bool {
        self.parts.iter().any(UserTables::is_rounded)
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

    fn try_draw(&self, draw: u64, path: &mut Path) -> Result<Drawn> {
        if let [only] = self.parts.as_slice() {
            return only.try_draw(draw, path);
        }
        let mut stream = QuickStream::new(self.seed, Purpose::Mixture, self.user.0, draw);
        let mut open: Vec<bool> = self.parts.iter().map(UserTables::may_have_paths).collect();
        while let Some(part) = choose(self.weights, |part| open.get(part) == Some(&true), &mut stream) {
            match self.parts.get(part).map(|tables| tables.try_draw(draw, path)).transpose()? {
                Some(Drawn::NoPath) | None => open.iter_mut().skip(part).take(1).for_each(|flag| *flag = false),
                Some(drawn) => return Ok(drawn),
            }
        }
        Ok(Drawn::NoPath)
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
