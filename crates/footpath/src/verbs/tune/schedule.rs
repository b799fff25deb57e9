//! Which training comes next: a function of the space and of what came of the earlier ones.
//!
//! By halving, the first rung trains every trial with few paths for each user, and each later rung the best of the one
//! before with `eta` times as many. A rung is a training of its own, from the beginning, with its own warm-up and
//! decay: so figures of a rung can be compared with one another, which those of runs cut off in the middle cannot while
//! the learning rate is high, and the last rung gives the very model that `train` makes of the same settings. Training
//! on instead would save no more than 1 part in `eta` of the time. Rungs go by paths and not by steps because the size
//! of a batch may be a setting: with the same paths every trial has seen the same.

use super::draw::{draw, is_guided};
use super::records::{Job, Record};
use super::space::{Method, Space};
use std::cmp::Ordering;

impl Space {
    /// Number of trainings, if none fails.
    #[must_use]
    pub fn num_jobs(&self) -> u64 {
        (0..self.rungs).map(|rung| self.num_trials(rung)).sum()
    }

    /// Number of trials in a rung.
    fn num_trials(&self, rung: u32) -> u64 {
        (self.trials / self.eta.saturating_pow(rung)).max(1)
    }

    /// Paths for each user in a rung, where rungs differ; `most` is that of the last.
    fn paths_per_user(&self, rung: u32, most: u64) -> Option<u64> {
        let halvings = self.rungs.saturating_sub(1 + rung);
        (self.method == Method::Halving).then(|| (most / self.eta.saturating_pow(halvings)).max(1))
    }

    /// The training after those in `done`, which are in the order in which they were given; `most` is the number of
    /// paths for each user in the last rung. `None` when all are done.
    #[must_use]
    pub fn next(&self, done: &[Record], most: u64) -> Option<Job> {
        let mut rest = done;
        let mut trials: Vec<u64> = (0..self.trials).collect();
        for rung in 0..self.rungs {
            if rung > 0 {
                trials = best(rest_of(done, rung - 1), self.num_trials(rung));
            }
            let Some((_, later)) = rest.split_at_checked(trials.len()) else {
                let trial = *trials.get(rest.len())?;
                let settings = draw(self, trial, rest_of(done, 0));
                return Some(Job { trial, rung, paths_per_user: self.paths_per_user(rung, most), settings });
            };
            rest = later;
        }
        None
    }

    /// The trainings after those in `done` that can be done at the same time: they are the same whatever comes of one
    /// another. Of a rung that is all that is left; where the estimator has a say it is one.
    #[must_use]
    pub fn ready(&self, done: &[Record], most: u64) -> Vec<Job> {
        let mut assumed = done.to_vec();
        let mut ready: Vec<Job> = Vec::new();
        while let Some(job) = self.next(&assumed, most) {
            let depends = ready.iter().any(|first| first.rung != job.rung) || is_guided(self, job.trial);
            if depends && !ready.is_empty() {
                break;
            }
            assumed.push(Record::of(&job, None));
            ready.push(job);
        }
        ready
    }

    /// The place in `done` of the best training of the last rung; of equal ones the earliest.
    #[must_use]
    pub fn best(&self, done: &[Record]) -> Option<usize> {
        let last = self.rungs - 1;
        let counting = done.iter().enumerate().filter(|(_, record)| record.rung == last && record.figure.is_some());
        counting.min_by(|(_, a), (_, b)| better(a, b)).map(|(place, _)| place)
    }
}

/// The records of a rung.
fn rest_of(done: &[Record], rung: u32) -> impl Iterator<Item = &Record> + Clone {
    done.iter().filter(move |record| record.rung == rung)
}

/// The trials that go on, best first. One that failed never does.
fn best<'a>(rung: impl Iterator<Item = &'a Record>, number: u64) -> Vec<u64> {
    let mut ranked: Vec<&Record> = rung.filter(|record| record.figure.is_some()).collect();
    ranked.sort_by(|a, b| better(a, b));
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    ranked.into_iter().take(number).map(|record| record.trial).collect()
}

/// The higher figure first; of equal ones the earlier trial.
fn better(a: &Record, b: &Record) -> Ordering {
    let figure = |record: &Record| record.figure.unwrap_or(f64::NEG_INFINITY);
    figure(b).total_cmp(&figure(a)).then(a.trial.cmp(&b.trial))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn space(text: &str) -> Space {
        let text = format!("{text}\n[space]\nlearning_rate = {{ log = [1e-4, 1e-2] }}\nend_siblings = [24, 96]\n");
        Space::from_toml(&text, Path::new("space.toml")).expect("a space")
    }

    /// Does all trainings; the figure of a trial is what `figure` says.
    fn run(space: &Space, figure: impl Fn(&Job) -> Option<f64>) -> Vec<Record> {
        let mut done: Vec<Record> = Vec::new();
        while let Some(job) = space.next(&done, 90) {
            assert_eq!(space.next(&done, 90).as_ref(), Some(&job), "asking changes nothing");
            let figure = figure(&job);
            done.push(Record::of(&job, figure));
            assert!(done.len() <= 1_000);
        }
        done
    }

    #[test]
    fn every_rung_has_the_best_of_the_one_before_with_more_paths() {
        let space = space("method = \"halving\"\ntrials = 18\neta = 3\nrungs = 3");
        // The middle trials are best.
        let figure = |job: &Job| Some(-(job.trial as f64 - 8.2).abs());
        let done = run(&space, figure);
        let of = |rung: u32| done.iter().filter(|r| r.rung == rung).map(|r| r.trial).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), ((0..18).collect(), vec![8, 9, 7, 10, 6, 11], vec![8, 9]));
        assert!(done.iter().all(|r| r.paths_per_user == Some([10, 30, 90][r.rung as usize])));
        assert_eq!(done.len() as u64, space.num_jobs());
        assert_eq!(space.best(&done).map(|place| (done[place].trial, done[place].rung)), Some((8, 2)));
        // A trial has the same settings in every rung.
        let settings = |record: &Record| done.iter().find(|r| r.trial == record.trial).map(|r| r.settings.clone());
        assert!(done.iter().all(|record| settings(record).as_ref() == Some(&record.settings)));
    }

    /// Trainings that are said to be ready at the same time must be those that come one after the other, whatever their
    /// figures are.
    #[test]
    fn what_is_ready_comes_next_whatever_its_figures() {
        for (text, waves) in [
            ("method = \"halving\"\ntrials = 18\neta = 3\nrungs = 3", vec![18, 6, 2]),
            ("method = \"random\"\ntrials = 7", vec![7]),
            ("method = \"tpe\"\ntrials = 13", vec![10, 1, 1, 1]),
        ] {
            let space = space(text);
            let figure = |job: &Job| (job.trial % 5 != 3).then(|| (job.trial as f64 * 7.0) % 11.0);
            let one_by_one = run(&space, figure);
            let (mut done, mut found): (Vec<Record>, Vec<usize>) = (Vec::new(), Vec::new());
            loop {
                let ready = space.ready(&done, 90);
                if ready.is_empty() {
                    break;
                }
                found.push(ready.len());
                done.extend(ready.iter().map(|job| Record::of(job, figure(job))));
            }
            assert_eq!((found, done), (waves, one_by_one), "{text}");
        }
    }

    #[test]
    fn trials_that_fail_do_not_go_on_and_nothing_is_best_if_all_fail() {
        let space = space("method = \"halving\"\ntrials = 9\neta = 3\nrungs = 2");
        let done = run(&space, |job| (job.trial == 4).then_some(0.5));
        assert_eq!(done.iter().filter(|r| r.rung == 1).map(|r| r.trial).collect::<Vec<_>>(), [4]);
        let done = run(&space, |_| None);
        assert_eq!((done.len(), space.best(&done)), (9, None));
    }

    #[test]
    fn without_rungs_every_trial_is_trained_once_in_order() {
        for method in ["random", "tpe"] {
            let space = space(&format!("method = \"{method}\"\ntrials = 15"));
            let done = run(&space, |job| Some(job.trial as f64 % 4.0));
            assert_eq!(done.iter().map(|r| r.trial).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>(), "{method}");
            assert!(done.iter().all(|r| r.rung == 0 && r.paths_per_user.is_none()));
            assert_eq!(space.best(&done), Some(3), "of equal ones the earliest");
        }
    }
}
