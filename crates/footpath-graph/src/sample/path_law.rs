//! The law of the paths of one pattern in one graph: all that the tables of users and those for all users are made by.

use super::factors::{EndWeights, Factors};
use super::law::{EndSet, SampleSpec};
use super::starts::Starts;
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use crate::pattern::{Automaton, Pattern};
use footpath_core::{Context, NodeId, Vocabulary};
use std::sync::Arc;

/// What is drawn, and by what.
#[derive(Debug)]
pub(super) struct PathLaw {
    pub(super) kg: Arc<TrainKg>,
    pub(super) pattern: Pattern,
    pub(super) spec: SampleSpec,
    /// Whether the end of a path is chosen before the rest of it.
    pub(super) end_first: bool,
    pub(super) starts: Starts,
    pub(super) factors: Factors,
    pub(super) ends: EndWeights,
}

impl PathLaw {
    /// # Errors
    /// As [`SampleSpec::validate`]; [`footpath_core::Error::Limit`] when graph times pattern is too large.
    pub(super) fn new(
        kg: &Arc<TrainKg>,
        pattern: &Pattern,
        spec: &SampleSpec,
        end_first: bool,
        context: &Context,
    ) -> Result<Self> {
        spec.validate(kg)?;
        let from_users = pattern.starts_at_users();
        if !from_users && (spec.ends != EndSet::Any || spec.causal) {
            let reason = "walks that do not start at users end anywhere the pattern says; give the end set `any`";
            return Err(Error::Usage { option: "end", reason: reason.to_owned() });
        }
        let automaton = pattern.automaton();
        let mut undamped = vec![automaton.start()];
        if from_users {
            undamped.extend(automaton.states_of_first_items());
        }
        let law = Self {
            kg: Arc::clone(kg),
            pattern: pattern.clone(),
            spec: spec.clone(),
            end_first,
            starts: Starts::of(kg, pattern),
            factors: Factors::new(kg, undamped, spec, context)?,
            ends: EndWeights::new(kg, spec.end_damping, context)?,
        };
        let max = u64::from(u32::MAX - 1);
        match law.num_slots() > max {
            true => Err(footpath_core::Error::Limit { what: "nodes times pattern states", max, got: law.num_slots() })?,
            false => Ok(law),
        }
    }

    pub(super) fn automaton(&self) -> &Automaton {
        self.pattern.automaton()
    }

    /// Nodes times states.
    pub(super) fn num_slots(&self) -> u64 {
        self.kg.num_nodes() as u64 * self.automaton().num_states() as u64
    }

    pub(super) fn vocabulary(&self) -> Vocabulary {
        self.kg.vocabulary()
    }

    /// Tokens of a row of the corpus.
    pub(super) fn row_width(&self) -> usize {
        2 * self.pattern.max_hops() + 1
    }

    /// Whether a path may end where it does, as far as that is not in its weight.
    pub(super) fn may_end(&self, path: &[u32]) -> bool {
        let [user, linked, .., end] = path else { return self.may_end_at_once(path) };
        let items = || self.kg.items_of(NodeId(*user));
        match self.spec.ends {
            EndSet::Unseen => items().binary_search(end).is_err(),
            EndSet::Train if end == linked => false,
            _ => !self.spec.causal || self.is_later(NodeId(*user), *end, *linked),
        }
    }

    /// Whether a walk by the user's own tables may be illegal for its end.
    pub(super) fn looks_at_ends(&self) -> bool {
        self.spec.causal || (!self.spec.simple && self.spec.ends == EndSet::Train)
    }

    /// [`PathLaw::may_end`] for paths of one hop.
    fn may_end_at_once(&self, path: &[u32]) -> bool {
        match (path, self.spec.ends) {
            ([user, end], EndSet::Unseen) => self.kg.items_of(NodeId(*user)).binary_search(end).is_err(),
            (_, ends) => ends == EndSet::Any,
        }
    }

    /// Whether a user chose `end` after `linked`, or one of them has no time.
    fn is_later(&self, user: NodeId, end: u32, linked: u32) -> bool {
        let (items, times) = (self.kg.items_of(user), self.kg.times_of(user));
        let time = |item: u32| items.binary_search(&item).ok().and_then(|place| times.get(place));
        match (time(end), time(linked)) {
            (Some(end), Some(linked)) => end > linked,
            _ => true,
        }
    }
}

/// The error that 64 bits cannot count the paths of somebody.
pub(super) fn overflow(who: &str) -> Error {
    Error::CountOverflow { who: who.to_owned() }
}
