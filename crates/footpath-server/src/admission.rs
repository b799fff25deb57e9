//! Who gets a place: those who are searched for, and a bounded number who wait.
//!
//! A queue is there for a burst of requests. Where it does not get empty, more is asked than can be answered at once,
//! and a long queue makes everybody wait. So it gets short when a burst has lasted long enough: two wait for each
//! thread then, and who is let in waits about three times as long as with nobody else there (after "Controlling Queue
//! Delay", Nichols and Jacobson, 2012: what tells a bad queue is that it stands).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that may wait for each thread when a burst has lasted too long.
const WAITING_PER_THREAD: usize = 2;

/// Places for requests.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Requests that are searched for at a time.
    threads: usize,
    /// Requests that wait at most.
    queue: usize,
    /// How long some may always be waiting until the queue gets short.
    burst: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    admitted: usize,
    /// When somebody last came and found nobody waiting.
    empty: Option<Instant>,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Admission>);

impl Admission {
    /// So many who are searched for and who wait.
    pub(crate) fn new(threads: usize, queue: usize, burst: Duration) -> Arc<Self> {
        let state = Mutex::new(State { admitted: 0, empty: None });
        Arc::new(Self { threads, queue, burst, state })
    }

    /// A place for somebody who comes now, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut state = self.lock();
        if state.admitted <= self.threads {
            state.empty = Some(now);
        }
        let stands = state.empty.is_none_or(|empty| now.saturating_duration_since(empty) > self.burst);
        let waiting = if stands { self.queue.min(WAITING_PER_THREAD * self.threads) } else { self.queue };
        if state.admitted >= self.threads + waiting {
            return None;
        }
        state.admitted += 1;
        Some(Place(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().admitted -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_waits_and_a_queue_that_stands_gets_short() {
        let admission = Admission::new(2, 8, Duration::from_millis(100));
        let begun = Instant::now();
        let at = |ms: u64| admission.admit(begun + Duration::from_millis(ms));
        // Two are searched for and eight wait.
        let mut places: Vec<Place> = (0..10).map(|ms| at(ms).expect("a place")).collect();
        assert!(at(10).is_none(), "the queue is full");
        // It has stood for more than a tenth of a second: two may wait for each thread.
        places.truncate(6);
        assert!(at(150).is_none());
        places.truncate(5);
        places.push(at(151).expect("a place for the fourth who waits"));
        assert!(at(152).is_none());
        // Somebody comes and nobody waits: a burst may begin again.
        places.truncate(2);
        places.extend((200..208).map(|ms| at(ms).expect("a place")));
        assert!(at(208).is_none());
        assert_eq!(places.len(), 10);
        drop(places);
        assert_eq!(admission.lock().admitted, 0);
    }

    #[test]
    fn few_may_wait_for_ever() {
        let admission = Admission::new(1, 64, Duration::ZERO);
        let begun = Instant::now();
        let mut places: Vec<Place> = (0..3).filter_map(|_| admission.admit(begun)).collect();
        for hours in 1..10 {
            places.pop();
            places.push(admission.admit(begun + Duration::from_secs(3_600 * hours)).expect("a place"));
        }
        assert!(admission.admit(begun + Duration::from_secs(36_000)).is_none());
    }

    #[test]
    fn a_queue_that_is_shorter_than_the_threads_stays_so() {
        let admission = Admission::new(8, 1, Duration::ZERO);
        let begun = Instant::now();
        let places: Vec<_> = (0..20).map(|ms| admission.admit(begun + Duration::from_millis(ms))).collect();
        assert_eq!(places.iter().flatten().count(), 9);
    }
}
