//! A pattern in a graph, ready to be drawn from.

use super::dag::Plan;
use super::law::{EndSet, SampleSpec};
use super::path_law::PathLaw;
use super::shared::Shared;
use super::views::{ViewRequest, Views};
use crate::error::Result;
use crate::kg::TrainKg;
use crate::pattern::Pattern;
use footpath_core::{Context, NodeId};
use std::sync::{Arc, OnceLock};

/// Most (state, node) pairs of which something is remembered for all users: half a gibibyte.
const MAX_REMEMBERED: u64 = 1 << 26;

/// Draws paths of users of a graph. It owns what it needs of the graph, which is shared and not copied.
#[derive(Debug)]
pub struct Sampler {
    pub(super) law: PathLaw,
    pub(super) plan: Plan,
    /// Tables for all users, where the law has such.
    pub(super) shared: Option<Shared>,
    /// For each start, the walks to any item that never turn straight back; `None` where 64 bits cannot count them.
    counts: OnceLock<Option<Vec<u64>>>,
}

impl Sampler {
    /// Prepares to draw. For the end sets that are (nearly) the same for all users, compiles the pattern for the graph;
    /// otherwise the counting is done user by user in [`Sampler::tables`].
    ///
    /// # Errors
    /// As [`SampleSpec::validate`]; [`footpath_core::Error::Limit`] when graph times pattern is too large,
    /// [`footpath_core::Error::OutOfMemory`], and [`footpath_core::Error::Stopped`].
    pub fn new(kg: &TrainKg, pattern: &Pattern, spec: &SampleSpec, context: &Context) -> Result<Self> {
        let law = PathLaw::new(&Arc::new(kg.clone()), pattern, spec, spec.law.chooses_end_first(), context)?;
        Self::of(law, ViewRequest { views: Views::Auto, draws: u64::MAX }, context)
    }

    /// As [`Sampler::new`].
    pub(super) fn of(mut law: PathLaw, request: ViewRequest, context: &Context) -> Result<Self> {
        let plan = Plan::new(&law.kg, law.automaton());
        // Where ends depend on the user, or come first, so does every weight.
        let shared = if law.spec.ends != EndSet::Train && !law.end_first {
            Some(Shared::new(&law, request, context)?)
        } else {
            request.may_compile("these paths are drawn by tables of each user")?;
            if law.factors.divided && law.num_slots() <= MAX_REMEMBERED {
                let num_states = law.automaton().num_states();
                law.factors.remember(num_states, law.kg.num_nodes(), context)?;
            }
            None
        };
        Ok(Self { law, plan, shared, counts: OnceLock::new() })
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &TrainKg {
        &self.law.kg
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.law.pattern
    }

    /// What is drawn.
    #[must_use]
    pub fn spec(&self) -> &SampleSpec {
        &self.law.spec
    }

    /// Tokens of a row of the corpus: `2 × max_hops + 1`.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.law.row_width()
    }

    /// Whether a user may have paths, as far as is known without looking for them.
    pub(super) fn may_have_paths(&self, user: NodeId) -> bool {
        match &self.shared {
            Some(shared) => shared.has_walks(&self.law, user),
            None => self.law.starts.contains(user) && self.law.kg.degree(user) > 0,
        }
    }

    /// The walks from each start, counted when they are first needed. Whoever is about to ask for them from many
    /// threads asks once before, or each thread would count them.
    pub(super) fn shared_counts(&self, context: &Context) -> Result<Option<&[u64]>> {
        if let Some(counts) = self.shared.as_ref().and_then(Shared::counts) {
            return Ok(Some(counts));
        }
        let counts = match self.counts.get() {
            Some(counts) => counts,
            None => {
                let counts = Shared::count(&self.law, context)?;
                self.counts.get_or_init(|| counts)
            }
        };
        Ok(counts.as_deref())
    }
}
