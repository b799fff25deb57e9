//! Validation of a model in training: the figure on valid that decides which weights are kept.

use super::blend;
use super::events::{Event, Observe};
use super::learned_users::LearnedUsers;
use super::options::Options;
use super::workplace::Log;
use crate::service::DIRECT;
use footpath_core::{Context, ErrorClass, Goal, NodeId, Purpose, Stream};
use footpath_eval::{Recommendation, Recommendations};
use footpath_graph::legal::Legal;
use footpath_graph::{HeldOut, TrainKg};
use footpath_model::config::TrainingConfig;
use footpath_model::decode::{Recommender, Rules, SearchOptions, UserList, WhenShort, next_items};
use footpath_model::{Observer, PathModel, TrainingProgress};
use std::collections::BTreeMap;

/// Validates, keeps the log, and tells the caller.
pub(super) struct Validation<'a, 'o> {
    kg: &'a TrainKg,
    legal: &'a Legal,
    valid: &'a HeldOut,
    users: Vec<NodeId>,
    learned: &'a LearnedUsers,
    training: &'a TrainingConfig,
    beams: usize,
    log: Log,
    observe: &'a mut Observe<'o>,
    context: &'a Context,
}

impl<'a, 'o> Validation<'a, 'o> {
    pub(super) fn new(
        legal: &'a Legal,
        valid: &'a HeldOut,
        options: &'a Options,
        learned: &'a LearnedUsers,
        log: Log,
        observe: &'a mut Observe<'o>,
        context: &'a Context,
    ) -> Self {
        let (training, beams) = (&options.training, options.validation_beams);
        let users = users(legal, valid, options);
        Self { kg: legal.kg(), legal, valid, users, learned, training, beams, log, observe, context }
    }

    /// The log, line by line, and the users validated on.
    pub(super) fn into_log_and_users(self) -> (Vec<String>, Vec<NodeId>) {
        (self.log.lines, self.users)
    }

    fn lists(&self, model: &PathModel) -> footpath_model::Result<Vec<UserList>> {
        // All items are wanted, for the loss; the figure looks at the first ten.
        let options = SearchOptions {
            k: usize::MAX,
            beams: self.beams,
            paths_per_item: 1,
            goal: Goal::Unseen,
            when_short: WhenShort::Accept,
            direct: if self.training.learns_ends() { DIRECT } else { 0.0 },
            ..SearchOptions::default()
        };
        let (legal, users, context) = (self.legal, &self.users, &self.context.quietly());
        match self.training.item_objective() {
            Some(objective) => next_items(model, legal, objective, users, usize::MAX, &Rules::default(), context),
            None => Recommender::new(model, legal).recommend(users, options, context),
        }
    }

    /// Mean negative log-likelihood of the held-out items, in nats; `None` where there is none.
    fn loss(&self, lists: &[UserList]) -> Option<f64> {
        let (held_out, num_items) = (self.valid.by_user(), self.kg.items().len() as f64);
        let (mut loss, mut count) = (0.0, 0u64);
        for list in lists {
            let scores: BTreeMap<NodeId, f64> = list.items.iter().map(|i| (i.item, i.score)).collect();
            // An item that was not found has at most the probability that was not explored.
            let floor = (list.unexplored / num_items).max(1e-12).ln();
            for item in held_out.get(&list.user).into_iter().flatten() {
                loss -= scores.get(item).copied().unwrap_or(floor);
                count += 1;
            }
        }
        (count > 0).then(|| loss / count as f64)
    }
}

/// The users a validation looks at: a fixed draw of those with something held out.
fn users(legal: &Legal, valid: &HeldOut, options: &Options) -> Vec<NodeId> {
    let training = &options.training;
    // Walks lead to no item that could be held out, and some objectives foretell none.
    let foretells = match training.item_objective() {
        Some(_) => true,
        None => training.generates_paths() && !legal.pattern().is_walk(),
    };
    let mut users: Vec<NodeId> = valid.by_user().into_keys().filter(|_| foretells).collect();
    Stream::new(training.seed, Purpose::Validation, 0, 0).shuffle(&mut users);
    users.truncate(options.validation_users);
    users.sort_unstable();
    users
}

impl Observer for Validation<'_, '_> {
    fn validate(&mut self, model: &PathModel) -> footpath_model::Result<Option<(f64, Option<f64>)>> {
        if self.users.is_empty() {
            return Ok(None);
        }
        let lists = self.lists(&self.learned.known(model))?;
        let first = |list: &UserList| {
            let top = list.items.iter().take(blend::K);
            (list.user, top.map(|i| Recommendation { item: i.item, score: i.score }).collect())
        };
        let recommendations: Recommendations = lists.iter().map(first).collect();
        let figure = blend::mean_ndcg(&recommendations, self.valid, self.kg, &self.users, &self.context.quietly())
            .map_err(of_validation)?;
        Ok(Some((figure, self.loss(&lists))))
    }

    fn progress(&mut self, progress: &TrainingProgress) {
        self.log.push(progress);
        (self.observe)(Event::Step(progress));
    }
}

/// What a validation met, as the trainer hears of it. To be stopped is no fault of a setting.
fn of_validation(error: crate::Error) -> footpath_model::Error {
    match error.class() {
        ErrorClass::Stopped => footpath_core::Error::Stopped.into(),
        _ => footpath_model::Error::Config { option: "validation", reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validation_that_is_stopped_ends_the_run_as_stopped() {
        let stopped = footpath_eval::Error::from(footpath_core::Error::Stopped);
        assert!(of_validation(stopped.into()).is_stop());
        let other = footpath_eval::Error::Range { option: "k", min: 1, max: 2, got: 3 };
        assert_eq!(of_validation(other.into()).to_string(), "validation: k: expected 1 to 2, got 3");
    }
}
