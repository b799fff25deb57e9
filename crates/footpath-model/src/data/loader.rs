//! Steps made ahead of their use, in a thread of their own.
//!
//! ```text
//! source ──portion──▶ shuffled ──rows of a step──▶ batches ──queue of MAX_AHEAD──▶ training
//! └──────────────────────── the loader's thread ───────────┘
//! ```
//!
//! Rows are drawn in portions ([`PathSource`]), each put in an order of its own, and what a portion has too few of for
//! a step is taken from the next. So a run never holds more than a portion and the steps of the queue, and a step is a
//! function of the settings and of its number: it does not depend on how far ahead the loader is, on threads, or on
//! where a run was taken up again.

use super::{Batch, Batcher, PathSource};
use crate::config::TrainingConfig;
use crate::error::{Error, Result};
use footpath_core::{Context, LegalSuccessors, Purpose, Stream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

/// Steps that wait in the queue: enough to draw the next portion meanwhile, few enough not to count beside a model.
const MAX_AHEAD: usize = 8;
/// How long whoever waits leaves the threads it waits on without itself.
const PATIENCE: Duration = Duration::from_micros(200);

/// The batches of a step, and where it stands.
#[derive(Debug)]
pub(crate) struct PreparedStep {
    /// Batches of its epoch.
    pub(crate) num_steps_of_epoch: u64,
    /// Each with the number of its first row since training began.
    pub(crate) batches: Vec<(u64, Batch)>,
}

/// Where a run goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Steps done since training began.
    pub(crate) step: u64,
    /// Epoch of the next step.
    pub(crate) epoch: u64,
    /// Steps of that epoch already done.
    pub(crate) done: u64,
}

/// What prepares steps.
pub(crate) struct Loader<'a, L> {
    pub(crate) legal: &'a L,
    pub(crate) source: &'a dyn PathSource,
    pub(crate) config: TrainingConfig,
    /// Most items that stand for a user.
    pub(crate) cap: usize,
    pub(crate) place: Place,
    /// On whose threads it draws and makes batches.
    pub(crate) context: &'a Context,
}

/// The steps that a loader prepares, in order.
///
/// Whoever reads them may be one of the threads that the loader works on, and the only one: it must not sleep while it
/// waits, but do the loader's work.
pub(crate) struct PreparedSteps<'scope> {
    queue: Receiver<Result<PreparedStep>>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl PreparedSteps<'_> {
    /// The next step; `None` after the last one and after an error.
    pub(crate) fn next(&self) -> Option<Result<PreparedStep>> {
        loop {
            let patience = if help_out() { Duration::ZERO } else { PATIENCE };
            match self.queue.recv_timeout(patience) {
                Ok(step) => return Some(step),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Ends the thread. What it has begun to draw it draws to the end.
    pub(crate) fn end(self) {
        drop(self.queue);
        while !self.thread.is_finished() {
            if !help_out() {
                std::thread::sleep(PATIENCE);
            }
        }
    }
}

/// Does a piece of what waits for the threads of the pool, if this is one of them and there is any.
fn help_out() -> bool {
    rayon::yield_now() == Some(rayon::Yield::Executed)
}

impl<'a, L: LegalSuccessors> Loader<'a, L> {
    /// Starts a thread that prepares steps until there are no more, an error comes up, or nobody listens any longer.
    pub(crate) fn start<'scope>(self, scope: &'scope Scope<'scope, '_>) -> PreparedSteps<'scope>
    where
        Self: 'scope,
    {
        let (steps, queue) = sync_channel(MAX_AHEAD);
        let thread = scope.spawn(move || {
            if let Err(error) = self.prepare_all(&steps) {
                // Whoever does not listen any more does not need to know.
                let _ = steps.send(Err(error));
            }
        });
        PreparedSteps { queue, thread }
    }

    fn prepare_all(mut self, steps: &SyncSender<Result<PreparedStep>>) -> Result<()> {
        while self.place.epoch < self.config.epochs {
            if !self.prepare_epoch(steps)? {
                break;
            }
            self.place = Place { epoch: self.place.epoch + 1, done: 0, ..self.place };
        }
        Ok(())
    }

    /// What is left of an epoch; false when nobody wants any more of it.
    fn prepare_epoch(&mut self, steps: &SyncSender<Result<PreparedStep>>) -> Result<bool> {
        let rows_per_step = self.config.rows_per_step() as u64;
        let mut rows = Rows::of_epoch(self.source, self.config.seed, self.place.epoch, self.context)?;
        let num_steps_of_epoch = rows.sizes.iter().sum::<u64>().div_ceil(rows_per_step);
        if num_steps_of_epoch == 0 {
            return Err(Error::EmptyCorpus);
        }
        let Place { epoch, done, .. } = self.place;
        if done >= num_steps_of_epoch {
            return Err(Error::OutOfEpoch { epoch, batch: done, num_batches: num_steps_of_epoch });
        }
        rows.skip(done * rows_per_step);
        while self.place.done < num_steps_of_epoch {
            self.context.check()?;
            let batches = self.batches(&rows.take(rows_per_step)?)?;
            // The room to wait for is made by the threads that work, so it is not waited for on them.
            if steps.send(Ok(PreparedStep { num_steps_of_epoch, batches })).is_err() {
                return Ok(false);
            }
            self.place = Place { step: self.place.step + 1, done: self.place.done + 1, ..self.place };
        }
        Ok(true)
    }

    fn batches(&self, rows: &[u32]) -> Result<Vec<(u64, Batch)>> {
        let rows: Vec<&[u32]> = rows.chunks_exact(self.source.width()).collect();
        Ok(self.context.run(|| batches(self.legal, &self.config, self.cap, &rows, self.place.step))?)
    }
}

/// The batches of a step on these rows, each with the number of its first row since training began.
pub(crate) fn batches<L: LegalSuccessors>(
    legal: &L,
    config: &TrainingConfig,
    cap: usize,
    rows: &[&[u32]],
    step: u64,
) -> Vec<(u64, Batch)> {
    let batcher = Batcher::new(legal, config, cap);
    let first = step * config.rows_per_step() as u64;
    let numbers = (first..).step_by(config.batch_size);
    numbers.zip(rows.chunks(config.batch_size)).map(|(number, rows)| (number, batcher.batch(rows, number))).collect()
}

/// The rows of an epoch in the order of training: a function of seed and epoch alone.
struct Rows<'a> {
    source: &'a dyn PathSource,
    seed: u64,
    epoch: u64,
    context: &'a Context,
    /// Rows of each portion.
    sizes: Vec<u64>,
    /// The first portion, drawn already.
    first: Option<Vec<u32>>,
    /// The portion that is being read, and its number; it is drawn when a row of it is wanted.
    portion: Option<Shuffled>,
    number: usize,
    /// Rows of it that were read.
    read: u64,
}

/// A portion, and the order of its rows.
struct Shuffled {
    rows: Vec<u32>,
    order: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// Draws every portion once to know their sizes: the schedule of a run counts steps, and not every draw finds a
    /// path. Where there is one portion nothing is drawn twice.
    fn of_epoch(source: &'a dyn PathSource, seed: u64, epoch: u64, context: &'a Context) -> Result<Self> {
        let (sizes, first) = (Vec::new(), None);
        let mut of_epoch = Self { source, seed, epoch, context, sizes, first, portion: None, number: 0, read: 0 };
        for number in 0..source.num_portions() {
            let rows = of_epoch.draw(number)?;
            of_epoch.sizes.push((rows.len() / source.width()) as u64);
            of_epoch.first.get_or_insert(rows);
        }
        Ok(of_epoch)
    }

    /// Draws a portion, on the threads of the context.
    fn draw(&self, number: u64) -> Result<Vec<u32>> {
        self.context.check()?;
        self.context.run(|| self.source.portion(self.epoch, number, self.context))?.map_err(source_error)
    }

    /// Passes over rows.
    fn skip(&mut self, mut rows: u64) {
        while let Some(&size) = self.sizes.get(self.number)
            && rows >= size
        {
            rows -= size;
            self.number += 1;
        }
        self.read = rows;
    }

    /// The next rows, back to back; fewer where the epoch ends.
    fn take(&mut self, rows: u64) -> Result<Vec<u32>> {
        let (width, mut taken) = (self.source.width(), Vec::new());
        for _ in 0..rows {
            while self.sizes.get(self.number).is_some_and(|&size| self.read >= size) {
                (self.number, self.read, self.portion) = (self.number + 1, 0, None);
            }
            if self.number >= self.sizes.len() {
                break;
            }
            let read = self.read as usize;
            let Shuffled { rows, order } = self.drawn()?;
            taken.extend_from_slice(&rows[order[read] * width..][..width]);
            self.read += 1;
        }
        Ok(taken)
    }

    /// The portion that is being read.
    fn drawn(&mut self) -> Result<&Shuffled> {
        let portion = match self.portion.take() {
            Some(portion) => portion,
            None => {
                let number = self.number as u64;
                let kept = self.first.take().filter(|_| number == 0);
                let rows = kept.map_or_else(|| self.draw(number), Ok)?;
                let mut order: Vec<usize> = (0..rows.len() / self.source.width()).collect();
                let which = u32::try_from(number).unwrap_or(u32::MAX);
                Stream::new(self.seed, Purpose::Shuffle, which, self.epoch).shuffle(&mut order);
                Shuffled { rows, order }
            }
        };
        Ok(self.portion.insert(portion))
    }
}

/// What a source met, worded already.
fn source_error(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<footpath_core::Error>() {
        Ok(core) => Error::Core(*core),
        Err(other) => Error::Config { option: "corpus", reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::Stop;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Rows of two tokens: the portion and a number, from 1.
    struct Numbers {
        sizes: Vec<u32>,
        drawn: AtomicU64,
    }

    impl PathSource for Numbers {
        fn width(&self) -> usize {
            2
        }

        fn num_portions(&self) -> u64 {
            self.sizes.len() as u64
        }

        fn portion(
            &self,
            _: u64,
            which: u64,
            _: &Context,
        ) -> std::result::Result<Vec<u32>, Box<dyn std::error::Error + Send + Sync>> {
            self.drawn.fetch_add(1, Ordering::Relaxed);
            let size = self.sizes[which as usize];
            Ok((1..=size).flat_map(|number| [which as u32, number]).collect())
        }
    }

    fn numbers(sizes: &[u32]) -> Numbers {
        Numbers { sizes: sizes.to_vec(), drawn: AtomicU64::new(0) }
    }

    fn read(source: &Numbers, skipped: u64, at_once: u64) -> Vec<u32> {
        let context = Context::default();
        let mut rows = Rows::of_epoch(source, 7, 2, &context).expect("drawn");
        rows.skip(skipped);
        let parts = std::iter::from_fn(|| Some(rows.take(at_once).expect("rows")).filter(|part| !part.is_empty()));
        parts.flatten().collect()
    }

    #[test]
    fn every_row_comes_once_and_portions_one_after_the_other() {
        let source = numbers(&[5, 0, 40, 3]);
        let all = read(&source, 0, 4);
        let portions: Vec<u32> = all.chunks(2).map(|row| row[0]).collect();
        assert!(portions.is_sorted());
        let mut rows: Vec<&[u32]> = all.chunks(2).collect();
        assert!(!rows.is_sorted(), "in an order of their own");
        rows.sort_unstable();
        let expected: Vec<[u32; 2]> =
            [(0, 5), (2, 40), (3, 3)].into_iter().flat_map(|(p, n)| (1..=n).map(move |i| [p, i])).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn whoever_skips_rows_reads_the_rest_as_whoever_does_not() {
        let source = numbers(&[5, 0, 40, 3]);
        let all = read(&source, 0, 4);
        for skipped in 0..=48 {
            assert_eq!(read(&source, skipped, 7), all[2 * skipped as usize..]);
        }
        assert!(read(&source, 49, 7).is_empty() && read(&numbers(&[0, 0]), 0, 1).is_empty());
    }

    #[test]
    fn whoever_is_told_to_stop_draws_nothing_more() {
        let source = numbers(&[5, 0, 40, 3]);
        let stop = Stop::default();
        stop.request();
        let context = Context::default().with_stop(stop);
        assert!(Rows::of_epoch(&source, 7, 2, &context).is_err_and(|error| error.is_stop()));
        assert_eq!(source.drawn.into_inner(), 0);
    }

    #[test]
    fn one_portion_is_drawn_once() {
        let source = numbers(&[9]);
        assert_eq!(read(&source, 0, 2).len(), 18);
        assert_eq!(source.drawn.into_inner(), 1);
    }
}
