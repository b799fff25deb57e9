//! How many steps a budget of time allows for, and when a checkpoint is due, by the clock that the caller lends.
//!
//! What was measured stands in the [`Position`], so a run that goes on after a stop plans as if it had not stopped.

use crate::position::Position;
use footpath_core::Context;
use std::cell::Cell;
use std::time::Duration;

/// Milliseconds after which a run is saved, whether it is validated or not: as much is lost at most when it is killed.
const CHECKPOINT: u64 = 120_000;

/// Portions of the budget after each of which the plan is made anew.
const PORTIONS: u64 = 16;
/// Steps before the first plan: the first of all waits for paths to be drawn.
const FIRST_STEPS: u64 = 8;
/// Part of the budget that a validation is taken for before there was one, and that one may take if it is not the last.
const VALIDATION: u64 = 20;

/// Keeps the time of a run.
pub(crate) struct Pace<'a> {
    context: &'a Context,
    /// In milliseconds; nothing where no time is kept.
    budget: Option<u64>,
    began: u64,
    /// Milliseconds that were spent before this run began.
    spent: u64,
    /// What the clock said last, and at the last checkpoint.
    now: Cell<u64>,
    saved: Cell<u64>,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// A validation, in a run that is cut short.
    pub(crate) validation: bool,
    /// A checkpoint.
    pub(crate) checkpoint: bool,
}

impl<'a> Pace<'a> {
    /// Begins to keep the time.
    pub(crate) fn new(context: &'a Context, budget: Option<Duration>, position: &Position) -> Self {
        let budget = budget.filter(|_| context.now().is_some()).map(milliseconds);
        let began = context.now().map_or(0, milliseconds);
        let (now, saved) = (Cell::new(began), Cell::new(began));
        Self { context, budget, began, spent: position.spent_ms, now, saved }
    }

    /// Looks at the clock.
    fn look(&self) {
        self.now.set(self.context.now().map_or(self.began, milliseconds));
    }

    /// Enters the time into the position, and gives what stood there.
    fn enter(&self, position: &mut Position) -> u64 {
        std::mem::replace(&mut position.spent_ms, self.spent + self.now.get().saturating_sub(self.began))
    }

    /// After a step: looks at the clock and plans, with so many validations. Says what it is time for.
    pub(crate) fn after_step(&self, position: &mut Position, validations: u64) -> Due {
        self.look();
        let checkpoint = self.now.get().saturating_sub(self.saved.get()) >= CHECKPOINT;
        let validation = self.budget.is_some_and(|budget| self.plans(position, budget, validations));
        Due { validation, checkpoint }
    }

    /// After a checkpoint.
    pub(crate) fn after_checkpoint(&self) {
        self.saved.set(self.now.get());
    }

    /// Enters the time and plans. Says whether it is time for a validation.
    fn plans(&self, position: &mut Position, budget: u64, validations: u64) -> bool {
        let before = self.enter(position);
        let portion = |time: u64, of: u64| time.saturating_mul(of) / budget.max(1);
        let passes = |of: u64| portion(position.spent_ms, of) > portion(before, of);
        let validates = passes(validations) && is_short(position, budget);
        let is_late = position.spent_ms.saturating_add(position.validation_ms) >= budget;
        if position.step == FIRST_STEPS || is_late || passes(PORTIONS) {
            plan(position, budget, validations);
        }
        validates
    }

    /// After a validation, with which there is a checkpoint: enters how long it took.
    pub(crate) fn after_validation(&self, position: &mut Position, validations: u64) {
        self.look();
        self.after_checkpoint();
        let Some(budget) = self.budget else { return };
        let before = self.enter(position);
        let took = position.spent_ms - before;
        position.validating_ms += took;
        position.validation_ms = position.validation_ms.max(took);
        plan(position, budget, validations);
    }
}

/// Whether a validation before the last is worth its time.
fn is_short(position: &Position, budget: u64) -> bool {
    position.validation_ms <= budget / VALIDATION
}

fn plan(position: &mut Position, budget: u64, validations: u64) {
    let of_validation = if position.validation_ms > 0 { position.validation_ms } else { budget / VALIDATION };
    let passed = position.spent_ms.saturating_mul(validations) / budget.max(1);
    let before_last = if is_short(position, budget) { validations.saturating_sub(passed + 1) } else { 0 };
    let left = budget.saturating_sub(position.spent_ms).saturating_sub(of_validation * (before_last + 1));
    let steps = position.spent_ms.saturating_sub(position.validating_ms).max(1);
    // As many as were taken for each millisecond so far.
    let more = u128::from(left) * u128::from(position.step) / u128::from(steps);
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    position.planned = Some(position.step.saturating_add(more).max(1));
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(step: u64, spent_ms: u64, validating_ms: u64, validation_ms: u64) -> Position {
        Position { step, spent_ms, validating_ms, validation_ms, ..Position::default() }
    }

    #[test]
    fn what_is_left_after_validations_goes_into_steps() {
        // A tenth of a second for each step, and a validation of half a second yet to come.
        let mut at = position(20, 2_500, 500, 500);
        plan(&mut at, 10_000, 1);
        assert_eq!(at.planned, Some(20 + 70));
        // Three validations before the last: one was before the first quarter.
        plan(&mut at, 10_000, 4);
        assert_eq!(at.planned, Some(20 + 60));
        at = position(20, 9_900, 500, 500);
        plan(&mut at, 10_000, 4);
        assert_eq!(at.planned, Some(20), "time is up");
    }

    #[test]
    fn a_run_is_saved_every_two_minutes_and_not_before() {
        let seconds = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(7));
        let clock = std::sync::Arc::clone(&seconds);
        let context = Context::default()
            .with_clock(move || Duration::from_secs(clock.load(std::sync::atomic::Ordering::Relaxed)));
        let (pace, mut at) = (Pace::new(&context, None, &Position::default()), position(1, 0, 0, 0));
        let mut due = |second: u64| {
            seconds.store(second, std::sync::atomic::Ordering::Relaxed);
            pace.after_step(&mut at, 1)
        };
        assert!(!due(126).checkpoint);
        assert_eq!(due(127), Due { validation: false, checkpoint: true });
        pace.after_checkpoint();
        assert!(!due(246).checkpoint);
        assert!(due(300).checkpoint);
        // With a validation there is one.
        pace.after_validation(&mut position(1, 0, 0, 0), 1);
        assert!(!due(419).checkpoint && due(420).checkpoint);
        let timeless = Context::default();
        let pace = Pace::new(&timeless, None, &Position::default());
        assert!(!pace.after_step(&mut position(1, 0, 0, 0), 1).checkpoint);
    }

    #[test]
    fn validations_that_take_long_are_left_out_but_for_the_last() {
        let mut at = position(10, 2_000, 1_000, 1_000);
        plan(&mut at, 10_000, 4);
        assert_eq!(at.planned, Some(10 + 70));
    }
}
